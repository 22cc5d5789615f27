//===- ScoreTree.cpp - scores of weights as expressions -------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ScoreTree.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>

using namespace mlir::compress;

using Op = ScoreTree::Op;
using Node = ScoreTree::Node;

namespace {
struct OpInfo {
  llvm::StringLiteral name;
  unsigned numOperands;
};
} // namespace

/// In the order of `ScoreTree::Op`.
static constexpr OpInfo kOps[] = {
    {"W", 0},    {"G", 0},    {"X", 0},   {"add", 2}, {"sub", 2}, {"mul", 2},
    {"div", 2},  {"sqr", 1},  {"neg", 1}, {"abs", 1}, {"log", 1}, {"exp", 1},
    {"sqrt", 1}, {"tanh", 1}, {"pow", 1}, {"skp", 1}, {"mms", 1}, {"zsn", 1},
};

static const OpInfo &getInfo(Op op) { return kOps[static_cast<size_t>(op)]; }

llvm::StringRef mlir::compress::getName(ScoreTree::Op op) { return getInfo(op).name; }

/// Sums and extrema are made of those of this many elements.
static constexpr size_t kChunk = 1 << 14;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

template <typename... Ts>
static llvm::Error makeError(const char *format, Ts &&...values) {
  return llvm::createStringError("score tree: " +
                                 llvm::formatv(format, std::forward<Ts>(values)...).str());
}

/// Objects and arrays that are open at once at most: the parser descends into each.
static size_t getNesting(llvm::StringRef json) {
  size_t depth = 0, deepest = 0;
  bool isString = false;
  for (size_t i = 0; i < json.size(); ++i) {
    char c = json[i];
    if (isString) {
      if (c == '\\')
        ++i;
      isString = c != '"';
    } else if (c == '"') {
      isString = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth) {
      --depth;
    }
  }
  return deepest;
}

/// Adds the nodes of `value` in order of evaluation; returns the number of its root.
static llvm::Expected<int32_t> readNode(const llvm::json::Value &value, const std::string &path,
                                        std::vector<Node> &nodes) {
  std::string where = path.empty() ? "the root" : "node '" + path + "'";
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return makeError("{0} must be an object with \"data\"", where);
  std::optional<llvm::StringRef> label = object->getString("data");
  if (!label)
    return makeError("{0} has no string \"data\"", where);
  const OpInfo *info = llvm::find_if(kOps, [&](const OpInfo &info) { return info.name == *label; });
  if (info == std::end(kOps)) {
    std::vector<std::string> names;
    for (const OpInfo &known : kOps)
      names.push_back(known.name.str());
    return makeError("{0} has the unknown \"data\" \"{1}\"; known are {2}", where,
                     label->take_front(64), llvm::join(names, ", "));
  }
  Node node;
  node.op = static_cast<Op>(info - kOps);
  std::pair<llvm::StringRef, int32_t *> children[] = {{"left", &node.left}, {"right", &node.right}};
  for (auto [name, child] : llvm::ArrayRef(children).take_front(info->numOperands)) {
    const llvm::json::Value *operand = object->get(name);
    if (!operand)
      return makeError("{0} is '{1}', which needs \"{2}\"", where, info->name, name);
    llvm::Expected<int32_t> number =
        readNode(*operand, path.empty() ? name.str() : path + "." + name.str(), nodes);
    if (!number)
      return number.takeError();
    *child = *number;
  }
  if (nodes.size() == ScoreTree::maxNodes)
    return makeError("more than {0} nodes", ScoreTree::maxNodes);
  nodes.push_back(node);
  return static_cast<int32_t>(nodes.size() - 1);
}

llvm::Expected<ScoreTree> ScoreTree::parse(llvm::StringRef json) {
  if (json.size() > maxBytes)
    return makeError("{0} bytes, at most {1} are read", json.size(), maxBytes);
  if (size_t nesting = getNesting(json); nesting > maxDepth)
    return makeError("nested {0} deep, at most {1} is read", nesting, maxDepth);
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(json);
  if (!value)
    return makeError("not JSON: {0}", llvm::toString(value.takeError()));
  ScoreTree tree;
  llvm::Expected<int32_t> root = readNode(*value, "", tree.nodes);
  if (!root)
    return root.takeError();
  return tree;
}

llvm::Expected<ScoreTree> ScoreTree::load(llvm::StringRef path) {
  auto fail = [&](std::error_code error) {
    return llvm::createStringError(error,
                                   "cannot read the score tree '" + path + "': " + error.message());
  };
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return fail(error);
  if (!llvm::sys::fs::is_regular_file(status))
    return llvm::createStringError("cannot read the score tree '" + path + "': not a file");
  if (status.getSize() > maxBytes)
    return llvm::createStringError("cannot read the score tree '" + path +
                                   "': " + llvm::Twine(status.getSize()) + " bytes, at most " +
                                   llvm::Twine(maxBytes) + " are read");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return fail(buffer.getError());
  llvm::Expected<ScoreTree> tree = parse((*buffer)->getBuffer());
  if (!tree)
    return llvm::createStringError("'" + path + "': " + llvm::toString(tree.takeError()));
  return tree;
}

ScoreTree ScoreTree::getDefault() {
  ScoreTree tree;
  tree.nodes = {{Op::W}, {Op::W},         {Op::Mul, 0, 1}, {Op::Abs, 2},
                {Op::G}, {Op::MinMax, 4}, {Op::Mul, 3, 5}};
  return tree;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

std::string ScoreTree::toJson() const {
  std::vector<llvm::json::Object> objects;
  for (const Node &node : nodes) {
    llvm::json::Object object{{"data", getName(node.op)}};
    if (node.left >= 0)
      object["left"] = std::move(objects[node.left]);
    if (node.right >= 0)
      object["right"] = std::move(objects[node.right]);
    objects.push_back(std::move(object));
  }
  return llvm::formatv("{0:4}", llvm::json::Value(std::move(objects.back()))).str();
}

std::string ScoreTree::toString() const {
  std::vector<std::string> texts;
  for (const Node &node : nodes) {
    std::string text = getName(node.op).str();
    if (node.left >= 0)
      text += "(" + texts[node.left];
    if (node.right >= 0)
      text += ", " + texts[node.right];
    texts.push_back(node.left >= 0 ? text + ")" : text);
  }
  return texts.back();
}

bool ScoreTree::uses(Op op) const {
  return llvm::any_of(nodes, [&](const Node &node) { return node.op == op; });
}

//===----------------------------------------------------------------------===//
// Simplification
//===----------------------------------------------------------------------===//

namespace {
/// Builds the nodes of the simplified tree; nodes may become unused.
class Simplifier {
public:
  explicit Simplifier(llvm::ArrayRef<Node> source) {
    std::vector<int32_t> replacement;
    for (const Node &node : source) {
      int32_t left = node.left >= 0 ? replacement[node.left] : -1;
      int32_t right = node.right >= 0 ? replacement[node.right] : -1;
      replacement.push_back(add(node.op, left, right));
    }
    copy(replacement.back());
  }
  std::vector<Node> result;

private:
  bool isSquare(Op op) { return op == Op::Sqr || op == Op::Pow; }
  /// Whether a value is never negative.
  bool isUnsigned(Op op) {
    return isSquare(op) || op == Op::Abs || op == Op::Exp || op == Op::Sqrt || op == Op::MinMax ||
           op == Op::W || op == Op::X;
  }

  int32_t add(Op op, int32_t left, int32_t right) {
    if (op == Op::Skip)
      return left;
    if (left >= 0 && right < 0) {
      Node child = nodes[left];
      bool dropsSign = op == Op::Abs || op == Op::Sqrt || op == Op::Log || isSquare(op);
      if (dropsSign && (child.op == Op::Neg || child.op == Op::Abs))
        return add(op, child.left, -1);
      if ((op == Op::Neg && child.op == Op::Neg) || (op == Op::Log && child.op == Op::Exp))
        return child.left;
      if ((op == Op::Sqrt && isSquare(child.op)) || (isSquare(op) && child.op == Op::Sqrt) ||
          (op == Op::Exp && child.op == Op::Log))
        return add(Op::Abs, child.left, -1);
      if (op == Op::Abs && isUnsigned(child.op))
        return left;
    }
    nodes.push_back({op, left, right});
    return static_cast<int32_t>(nodes.size() - 1);
  }

  int32_t copy(int32_t number) {
    Node node = nodes[number];
    if (node.left >= 0)
      node.left = copy(node.left);
    if (node.right >= 0)
      node.right = copy(node.right);
    result.push_back(node);
    return static_cast<int32_t>(result.size() - 1);
  }

  std::vector<Node> nodes;
};
} // namespace

ScoreTree ScoreTree::simplify() const {
  ScoreTree tree;
  tree.nodes = std::move(Simplifier(nodes).result);
  return tree;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

namespace {
/// A matrix, or a row that repeats.
struct Operand {
  std::vector<float> values;
  bool isRow = false;
};

/// Sums and range of the elements of a matrix.
struct Moments {
  double count = 0, sum = 0, sumSquares = 0, min = std::numeric_limits<double>::infinity(),
         max = -min;
};
} // namespace

/// Rounds to f32, without infinities. The values here are never NaN.
static float saturate(double value) {
  constexpr double largest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -largest, largest));
}

static void forChunks(size_t size, ParallelFor parallelFor,
                      llvm::function_ref<void(size_t, size_t, size_t)> body) {
  parallelFor((size + kChunk - 1) / kChunk,
              [&](size_t c) { body(c, c * kChunk, std::min(size, (c + 1) * kChunk)); });
}

/// Of all elements; those of a row count once per row of the matrix. `center` is subtracted for the
/// sum of squares.
static Moments getMoments(const Operand &x, size_t rows, double center, ParallelFor parallelFor) {
  std::vector<Moments> parts((x.values.size() + kChunk - 1) / kChunk);
  forChunks(x.values.size(), parallelFor, [&](size_t c, size_t first, size_t last) {
    Moments &part = parts[c];
    for (size_t i = first; i < last; ++i) {
      double value = x.values[i];
      part.sum += value;
      part.sumSquares += (value - center) * (value - center);
      part.min = std::min(part.min, value);
      part.max = std::max(part.max, value);
    }
  });
  Moments all;
  double repeats = x.isRow ? static_cast<double>(rows) : 1;
  all.count = repeats * static_cast<double>(x.values.size());
  for (const Moments &part : parts) {
    all.sum += part.sum * repeats;
    all.sumSquares += part.sumSquares * repeats;
    all.min = std::min(all.min, part.min);
    all.max = std::max(all.max, part.max);
  }
  return all;
}

template <typename Function>
static Operand mapUnary(Operand x, ParallelFor parallelFor, Function function) {
  forChunks(x.values.size(), parallelFor, [&](size_t, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      x.values[i] = saturate(function(static_cast<double>(x.values[i])));
  });
  return x;
}

template <typename Function>
static Operand mapBinary(Operand x, Operand y, size_t columns, ParallelFor parallelFor,
                         Function function) {
  bool isRow = x.isRow && y.isRow;
  bool repeatsX = x.isRow && !isRow, repeatsY = y.isRow && !isRow;
  Operand result = repeatsX ? std::move(y) : std::move(x);
  // The operand that was moved is read where it is written.
  const float *left = repeatsX ? x.values.data() : result.values.data();
  const float *right = repeatsX ? result.values.data() : y.values.data();
  forChunks(result.values.size(), parallelFor, [&](size_t, size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      result.values[i] = saturate(function(static_cast<double>(left[repeatsX ? i % columns : i]),
                                           static_cast<double>(right[repeatsY ? i % columns : i])));
  });
  return result;
}

static Operand normalize(Operand x, bool isMinMax, size_t rows, ParallelFor parallelFor) {
  Moments moments = getMoments(x, rows, 0, parallelFor);
  if (moments.min == moments.max || x.values.empty())
    return mapUnary(std::move(x), parallelFor, [&](double) { return isMinMax ? 1.0 : 0.0; });
  if (isMinMax)
    return mapUnary(std::move(x), parallelFor, [&](double value) {
      return (value - moments.min) / (moments.max - moments.min);
    });
  double mean = moments.sum / moments.count;
  double deviation =
      std::sqrt(getMoments(x, rows, mean, parallelFor).sumSquares / (moments.count - 1));
  return mapUnary(std::move(x), parallelFor,
                  [&](double value) { return (value - mean) / deviation; });
}

static Operand applyUnary(Op op, Operand x, size_t rows, ParallelFor parallelFor) {
  auto map = [&](auto function) { return mapUnary(std::move(x), parallelFor, function); };
  switch (op) {
  case Op::Sqr:
  case Op::Pow:
    return map([](double v) { return v * v; });
  case Op::Neg:
    return map([](double v) { return -v; });
  case Op::Abs:
    return map([](double v) { return std::fabs(v); });
  case Op::Log:
    return map([](double v) { return std::log(std::fabs(v) + 0.001); });
  case Op::Exp:
    return map([](double v) { return std::exp(std::min(v, 100.0)); });
  case Op::Sqrt:
    return map([](double v) { return std::sqrt(std::fabs(v)); });
  case Op::Tanh:
    return map([](double v) { return std::tanh(v); });
  case Op::MinMax:
  case Op::ZScore:
    return normalize(std::move(x), op == Op::MinMax, rows, parallelFor);
  default:
    return x;
  }
}

static Operand applyBinary(Op op, Operand x, Operand y, size_t rows, size_t columns,
                           ParallelFor parallelFor) {
  double norm = 1;
  if (op == Op::Div) {
    norm = std::sqrt(getMoments(y, rows, 0, parallelFor).sumSquares);
    norm = norm > 0 ? norm : 1;
  }
  auto map = [&](auto function) {
    return mapBinary(std::move(x), std::move(y), columns, parallelFor, function);
  };
  switch (op) {
  case Op::Add:
    return map([](double a, double b) { return a + b; });
  case Op::Sub:
    return map([](double a, double b) { return a - b; });
  case Op::Mul:
    return map([](double a, double b) { return a * b; });
  default:
    return map([=](double a, double) { return a / norm; });
  }
}

std::vector<float> ScoreTree::evaluate(const ScoreInputs &inputs, ParallelFor parallelFor) const {
  size_t rows = inputs.rows, columns = inputs.columns, size = rows * columns;
  assert(inputs.weight && (!needsGradients() || inputs.gradient) &&
         (!needsActivations() || inputs.norms.size() == columns) && "an input is missing");
  // A node has one parent, so operands are on top of the stack.
  std::vector<Operand> stack;
  auto pop = [&] {
    Operand top = std::move(stack.back());
    stack.pop_back();
    return top;
  };
  for (const Node &node : nodes) {
    switch (node.op) {
    case Op::W:
      stack.push_back(mapUnary({std::vector<float>(inputs.weight, inputs.weight + size)},
                               parallelFor, [](double v) { return std::fabs(v); }));
      continue;
    case Op::G:
      stack.push_back({std::vector<float>(inputs.gradient, inputs.gradient + size)});
      continue;
    case Op::X:
      stack.push_back({{}, true});
      for (double norm : inputs.norms)
        stack.back().values.push_back(saturate(norm));
      continue;
    default:
      break;
    }
    if (node.right < 0) {
      stack.push_back(applyUnary(node.op, pop(), rows, parallelFor));
      continue;
    }
    Operand right = pop(), left = pop();
    stack.push_back(
        applyBinary(node.op, std::move(left), std::move(right), rows, columns, parallelFor));
  }
  Operand root = pop();
  if (!root.isRow)
    return std::move(root.values);
  std::vector<float> scores(size);
  for (size_t i = 0; i < size; ++i)
    scores[i] = root.values[i % columns];
  return scores;
}
