//===- DependencySpaces.cpp - dims that have the same indices -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DependencySpaces.h"
#include "DependencyZeros.h"
#include "compress/Analysis/WeightUnits.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

/// Limits of what is analysed index by index, for one dim and for all spaces together.
static constexpr int64_t kMaxSize = int64_t(1) << 24, kMaxTotal = int64_t(1) << 25;

static constexpr StringLiteral kUnknownShape = "it flows into a value of unknown shape";

static RankedTensorType getTensor(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

namespace {
class SpaceCollector {
public:
  explicit SpaceCollector(ModuleOp module) : module(module), users(tables, module) {}
  SpaceGraph run();

private:
  /// A dim and its class: dims with the same indices.
  struct Node {
    DimUse use;
    /// -1: not known.
    int64_t size;
    size_t parent;
    /// Of the class, at its root: position in `reasons` or -1.
    int64_t blocked = -1;
    bool isHead = false;
  };
  struct Pending {
    DimensionRelation relation;
    SmallVector<size_t, 2> lhs, rhs;
    Operation *op;
  };

  // Dims.
  size_t getNode(Value value, int64_t dim, Operation *user);
  size_t getRoot(size_t node);
  void unite(size_t a, size_t b);
  void block(size_t node, StringRef reason, Operation *op);
  void blockValue(Value value, Operation *user, StringRef reason, Operation *op);
  /// All operands and results.
  void blockOp(Operation *op, StringRef reason);
  /// The two values are the same one.
  void tie(Value a, Operation *userA, Value b, Operation *userB);
  void addNodes(Operation *op);

  // Ops.
  void prepareWeights();
  void blockWeights();
  void visit(Operation *op);
  void relate(DimensionRelationOpInterface op);
  void markHeads(Operation *op);
  void visitOnnx(OnnxOp op);
  // Carried values, branches and results of nodes with regions; false if they are not as expected.
  bool tieIf(OnnxOp op);
  bool tieLoop(OnnxOp op);
  bool tieScan(OnnxOp op);
  /// `slice` is `stack` without the dim `axis`.
  void tieStacked(Value stack, Operation *stackUser, int64_t axis, Value slice,
                  Operation *sliceUser, Operation *op);
  void visitFunction(FunctionOpInterface function);
  void connectFunctions();
  bool tieCall(CallOpInterface call, FunctionOpInterface function);

  // Results.
  void makeSpaces();
  std::optional<size_t> getSpace(size_t node);
  void blockSpaces(ArrayRef<std::optional<size_t>> spaces, StringRef reason, Operation *op);
  void makeRelation(Pending &entry);

  ModuleOp module;
  SpaceGraph graph;
  std::vector<Node> nodes;
  llvm::DenseMap<SpaceGraph::DimKey, size_t> nodeOf;
  std::vector<Pending> pending;
  /// Results of sources that are weights of weighted ops, and what each is tied to: the first load
  /// of its symbol.
  llvm::DenseMap<Value, Value> weightValues;
  llvm::DenseSet<Operation *> weightedOps;
  std::vector<CallOpInterface> calls;
  llvm::MapVector<Operation *, SmallVector<Operation *, 1>> returns;
  SymbolTableCollection tables;
  SymbolUserMap users;
  std::optional<ZeroDims> zeros;
  /// Space of a root.
  llvm::DenseMap<size_t, size_t> spaceOfRoot;
};
} // namespace

//===----------------------------------------------------------------------===//
// Dims
//===----------------------------------------------------------------------===//

size_t SpaceCollector::getNode(Value value, int64_t dim, Operation *user) {
  bool isParameter =
      value.getDefiningOp<WeightSourceOpInterface>() && !weightValues.contains(value);
  if (!isParameter)
    user = nullptr;
  auto [it, isNew] = nodeOf.try_emplace({value, dim, user}, nodes.size());
  if (!isNew)
    return it->second;
  int64_t size = getTensor(value).getDimSize(dim);
  size_t node = nodes.size();
  nodes.push_back({{value, dim, user}, ShapedType::isDynamic(size) ? -1 : size, node});
  if (ShapedType::isDynamic(size))
    block(node, "the size of a dim is not known", value.getDefiningOp());
  return node;
}

size_t SpaceCollector::getRoot(size_t node) {
  while (nodes[node].parent != node) {
    nodes[node].parent = nodes[nodes[node].parent].parent;
    node = nodes[node].parent;
  }
  return node;
}

void SpaceCollector::unite(size_t a, size_t b) {
  a = getRoot(a);
  b = getRoot(b);
  if (a == b)
    return;
  // The first dim is the root.
  if (b < a)
    std::swap(a, b);
  Node &root = nodes[a], &other = nodes[b];
  other.parent = a;
  root.isHead |= other.isHead;
  if (other.blocked >= 0 && (root.blocked < 0 || other.blocked < root.blocked))
    root.blocked = other.blocked;
  if (root.size == other.size)
    return;
  if (root.size >= 0 && other.size >= 0)
    block(a, "sizes of a dim contradict each other", root.use.value.getDefiningOp());
  root.size = root.size < 0 ? other.size : other.size < 0 ? root.size : -1;
}

void SpaceCollector::block(size_t node, StringRef reason, Operation *op) {
  Node &root = nodes[getRoot(node)];
  if (root.blocked >= 0)
    return;
  root.blocked = static_cast<int64_t>(graph.reasons.size());
  graph.reasons.push_back({reason.str(), op});
}

void SpaceCollector::blockValue(Value value, Operation *user, StringRef reason, Operation *op) {
  if (RankedTensorType type = getTensor(value))
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      block(getNode(value, dim, user), reason, op);
}

void SpaceCollector::blockOp(Operation *op, StringRef reason) {
  for (Value operand : op->getOperands())
    blockValue(operand, op, reason, op);
  for (Value result : op->getResults())
    blockValue(result, op, reason, op);
}

void SpaceCollector::tie(Value a, Operation *userA, Value b, Operation *userB) {
  RankedTensorType typeA = getTensor(a), typeB = getTensor(b);
  if (!typeA || !typeB || typeA.getRank() != typeB.getRank()) {
    blockValue(a, userA, kUnknownShape, userA ? userA : userB);
    blockValue(b, userB, kUnknownShape, userB ? userB : userA);
    return;
  }
  for (int64_t dim = 0; dim < typeA.getRank(); ++dim)
    unite(getNode(a, dim, userA), getNode(b, dim, userB));
}

/// Dims get their numbers in program order.
void SpaceCollector::addNodes(Operation *op) {
  auto add = [&](Value value, Operation *user) {
    if (RankedTensorType type = getTensor(value))
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        getNode(value, dim, user);
  };
  for (Value operand : op->getOperands())
    add(operand, op);
  // A parameter is a dim for each of its users only.
  for (Value result : op->getResults())
    if (!isa<WeightSourceOpInterface>(op) || weightValues.contains(result))
      add(result, nullptr);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Value argument : block.getArguments())
        add(argument, nullptr);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// What loads of one weight have in common.
static const void *getIdentity(Operation *source) {
  if (auto load = dyn_cast<LoadOp>(source))
    return load.getWeightAttr().getAsOpaquePointer();
  return source;
}

void SpaceCollector::prepareWeights() {
  graph.weighted = collectWeighted(module);
  llvm::DenseMap<const void *, Value> first;
  for (WeightedOp &op : graph.weighted) {
    weightedOps.insert(op.op);
    Operation *source = op.chain.source.getOperation();
    first.try_emplace(getIdentity(source), source->getResult(0));
  }
  module->walk([&](WeightSourceOpInterface source) {
    auto it = first.find(getIdentity(source));
    if (it != first.end())
      weightValues.try_emplace(source->getResult(0), it->second);
  });
}

void SpaceCollector::blockWeights() {
  for (auto [value, first] : llvm::to_vector(weightValues))
    if (value != first)
      tie(value, nullptr, first, nullptr);
  for (WeightedOp &op : graph.weighted)
    if (!llvm::all_of(op.chain.links, llvm::IsaPred<MaskOp>))
      blockValue(op.chain.root, op.op, "its weight is compressed already", op.op);
  for (WeightUnit &unit : gatherWeightUnits(module)) {
    Operation *source = unit.users.front().chain.source.getOperation();
    if (unit.otherUser)
      blockValue(source->getResult(0), nullptr, "its weight has another use, too", unit.otherUser);
  }
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void SpaceCollector::visit(Operation *op) {
  addNodes(op);
  if (isa<WeightSourceOpInterface, YieldOp>(op))
    return;
  if (auto function = dyn_cast<FunctionOpInterface>(op))
    return visitFunction(function);
  if (auto onnx = dyn_cast<OnnxOp>(op))
    return visitOnnx(onnx);
  if (auto call = dyn_cast<CallOpInterface>(op)) {
    calls.push_back(call);
    return;
  }
  auto function = dyn_cast_or_null<FunctionOpInterface>(op->getParentOp());
  if (function && op->hasTrait<OpTrait::ReturnLike>()) {
    returns[function].push_back(op);
    return;
  }
  // Stored values that are no weight of a weighted op.
  if (isa<DecodeOpInterface>(op) && !isa<MaskOp>(op) && succeeded(getWeightChain(op->getResult(0))))
    blockValue(op->getResult(0), nullptr, "its values are compressed already", op);
  if (auto relating = dyn_cast<DimensionRelationOpInterface>(op))
    relate(relating);
  else
    blockOp(op, "nothing is known of how its dims relate");
  for (const DimOf &sum : zeros->findNonZeroSums(op))
    block(getNode(sum.value, sum.dim, op),
          "its masked values are not zero where they are summed up", op);
  zeros->add(op);
}

void SpaceCollector::relate(DimensionRelationOpInterface op) {
  DimensionRelations relations;
  op.getDimensionRelations(relations);
  using Kind = DimensionRelation::Kind;
  auto toNodes = [&](ArrayRef<DimOf> dims) {
    return llvm::map_to_vector<2>(dims,
                                  [&](const DimOf &d) { return getNode(d.value, d.dim, op); });
  };
  for (const DimensionRelation &relation : relations.get()) {
    SmallVector<size_t, 2> lhs = toNodes(relation.lhs), rhs = toNodes(relation.rhs);
    if (relation.kind == Kind::Fixed) {
      block(lhs[0], relation.reason, op);
      continue;
    }
    bool isIdentity = relation.kind == Kind::Affine && relation.start == 0 && relation.step == 1 &&
                      relation.indices.empty();
    int64_t sizeA = nodes[lhs[0]].size, sizeB = nodes[rhs[0]].size;
    if (isIdentity && (sizeA == sizeB || sizeA < 0 || sizeB < 0))
      unite(lhs[0], rhs[0]);
    else
      pending.push_back({relation, std::move(lhs), std::move(rhs), op});
  }
  markHeads(op);
}

/// Heads are batch dims of products of two activations.
void SpaceCollector::markHeads(Operation *op) {
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    nodes[getRoot(getNode(attention.getQuery(), attention.getHeadDim(), op))].isHead = true;
    return;
  }
  auto matmul = dyn_cast<MatMulOp>(op);
  if (!matmul || weightedOps.contains(op))
    return;
  for (int64_t dim = 0, end = matmul.getResult().getType().getRank() - 2; dim < end; ++dim)
    nodes[getRoot(getNode(matmul.getResult(), dim, op))].isHead = true;
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

void SpaceCollector::visitOnnx(OnnxOp op) {
  StringRef type = op.isDefaultDomain() ? op.getOpType() : StringRef();
  if (type == "If" && tieIf(op))
    return;
  if (type == "Loop" && tieLoop(op))
    return;
  if (type == "Scan" && tieScan(op))
    return;
  std::string reason =
      ("nothing is known of how the dims of an ONNX " + op.getOpType() + " relate").str();
  blockOp(op, reason);
  for (Region &body : op.getBodies()) {
    for (Value argument : body.getArguments())
      blockValue(argument, nullptr, reason, op);
    Operation *yield = body.front().getTerminator();
    for (Value value : yield->getOperands())
      blockValue(value, yield, reason, op);
  }
}

bool SpaceCollector::tieIf(OnnxOp op) {
  for (Region &body : op.getBodies())
    if (body.front().getTerminator()->getNumOperands() != op->getNumResults())
      return false;
  if (op.getBodies().empty())
    return false;
  for (Region &body : op.getBodies()) {
    Operation *yield = body.front().getTerminator();
    for (auto [value, result] : llvm::zip_equal(yield->getOperands(), op->getResults()))
      tie(value, yield, result, nullptr);
  }
  return true;
}

/// Inputs: trip count, condition, carried values. Body: (iteration, condition, carried values) ->
/// (condition, carried values, slices of the other results).
bool SpaceCollector::tieLoop(OnnxOp op) {
  if (op.getBodies().size() != 1 || op->getNumOperands() < 2)
    return false;
  Block &body = op.getBodies().front().front();
  Operation *yield = body.getTerminator();
  unsigned carried = op->getNumOperands() - 2;
  if (body.getNumArguments() != carried + 2 || op->getNumResults() < carried ||
      yield->getNumOperands() != op->getNumResults() + 1)
    return false;
  for (unsigned i = 0; i < carried; ++i) {
    Value result = op->getResult(i);
    tie(op->getOperand(i + 2), op, result, nullptr);
    tie(body.getArgument(i + 2), nullptr, result, nullptr);
    tie(yield->getOperand(i + 1), yield, result, nullptr);
  }
  for (unsigned i = carried; i < op->getNumResults(); ++i)
    tieStacked(op->getResult(i), nullptr, 0, yield->getOperand(i + 1), yield, op);
  return true;
}

/// Inputs: N states, M stacks that are scanned. Body: (N states, M slices) -> (N states, slices of
/// the other results).
bool SpaceCollector::tieScan(OnnxOp op) {
  auto count = dyn_cast_or_null<IntegerAttr>(op.getOnnxAttr("num_scan_inputs"));
  if (op.getBodies().size() != 1 || !count)
    return false;
  Block &body = op.getBodies().front().front();
  Operation *yield = body.getTerminator();
  int64_t inputs = op->getNumOperands(), scanned = count.getInt(), states = inputs - scanned;
  int64_t results = op->getNumResults();
  if (scanned < 0 || states < 0 || body.getNumArguments() != inputs || results < states ||
      yield->getNumOperands() != results)
    return false;
  auto getAxis = [&](StringRef name, int64_t i) {
    auto axes = dyn_cast_or_null<DenseI64ArrayAttr>(op.getOnnxAttr(name));
    return axes && i < axes.size() ? axes[i] : 0;
  };
  for (int64_t i = 0; i < inputs; ++i) {
    Value input = op->getOperand(i), argument = body.getArgument(i);
    if (i < states)
      tie(input, op, argument, nullptr);
    else
      tieStacked(input, op, getAxis("scan_input_axes", i - states), argument, nullptr, op);
  }
  for (int64_t i = 0; i < results; ++i) {
    Value result = op->getResult(i), value = yield->getOperand(i);
    if (i >= states) {
      tieStacked(result, nullptr, getAxis("scan_output_axes", i - states), value, yield, op);
      continue;
    }
    tie(value, yield, result, nullptr);
    tie(body.getArgument(i), nullptr, result, nullptr);
  }
  return true;
}

void SpaceCollector::tieStacked(Value stack, Operation *stackUser, int64_t axis, Value slice,
                                Operation *sliceUser, Operation *op) {
  RankedTensorType stackType = getTensor(stack), sliceType = getTensor(slice);
  int64_t rank = stackType ? stackType.getRank() : 0;
  axis += axis < 0 ? rank : 0;
  if (!stackType || !sliceType || rank != sliceType.getRank() + 1 || axis < 0 || axis >= rank) {
    blockValue(stack, stackUser, kUnknownShape, op);
    blockValue(slice, sliceUser, kUnknownShape, op);
    return;
  }
  block(getNode(stack, axis, stackUser), "a loop runs along this dim", op);
  for (int64_t dim = 0; dim < rank - 1; ++dim)
    unite(getNode(stack, dim < axis ? dim : dim + 1, stackUser), getNode(slice, dim, sliceUser));
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

void SpaceCollector::visitFunction(FunctionOpInterface function) {
  ArrayRef<Operation *> uses = users.getUsers(function);
  bool isCalled = !uses.empty() && llvm::all_of(uses, llvm::IsaPred<CallOpInterface>);
  if (function.isExternal() || (function.isPrivate() && isCalled))
    return;
  for (Value argument : function.getArguments())
    blockValue(argument, nullptr,
               function.isPublic() ? "an argument of the model"
                                   : "an argument of a function without calls",
               function);
}

void SpaceCollector::connectFunctions() {
  for (auto &[function, ops] : returns) {
    bool isEntry = cast<FunctionOpInterface>(function).isPublic();
    for (Operation *op : ops)
      if (isEntry)
        for (Value operand : op->getOperands())
          blockValue(operand, op, "a result of the model", op);
  }
  for (CallOpInterface call : calls) {
    auto function = dyn_cast_or_null<FunctionOpInterface>(call.resolveCallableInTable(&tables));
    if (!function || function.isExternal() || !tieCall(call, function))
      blockOp(call, "the function that is called is not known");
  }
}

bool SpaceCollector::tieCall(CallOpInterface call, FunctionOpInterface function) {
  ArrayRef<Operation *> ends = returns[function];
  auto operands = call.getArgOperands();
  if (operands.size() != function.getNumArguments())
    return false;
  for (Operation *end : ends)
    if (end->getNumOperands() != call->getNumResults())
      return false;
  for (auto [operand, argument] : llvm::zip_equal(operands, function.getArguments()))
    tie(operand, call, argument, nullptr);
  for (Operation *end : ends)
    for (auto [value, result] : llvm::zip_equal(end->getOperands(), call->getResults()))
      tie(value, end, result, nullptr);
  return true;
}

//===----------------------------------------------------------------------===//
// Spaces
//===----------------------------------------------------------------------===//

void SpaceCollector::makeSpaces() {
  int64_t total = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    size_t rootIndex = getRoot(i);
    Node &root = nodes[rootIndex];
    if (rootIndex == i) {
      if (root.size < 0 || root.size > kMaxSize || total + root.size > kMaxTotal)
        continue;
      total += root.size;
      spaceOfRoot[i] = graph.spaces.size();
      graph.spaces.push_back({root.size, {}});
      graph.blocked.push_back(root.blocked);
      graph.isHead.push_back(root.isHead);
    }
    auto space = spaceOfRoot.find(rootIndex);
    if (space == spaceOfRoot.end())
      continue;
    const DimUse &use = nodes[i].use;
    graph.spaces[space->second].dims.push_back(use);
    graph.spaceOf[{use.value, use.dim, use.user}] = space->second;
  }
}

std::optional<size_t> SpaceCollector::getSpace(size_t node) {
  auto it = spaceOfRoot.find(getRoot(node));
  if (it == spaceOfRoot.end())
    return std::nullopt;
  return it->second;
}

void SpaceCollector::blockSpaces(ArrayRef<std::optional<size_t>> spaces, StringRef reason,
                                 Operation *op) {
  for (std::optional<size_t> space : spaces) {
    if (!space || graph.blocked[*space] >= 0)
      continue;
    graph.blocked[*space] = static_cast<int64_t>(graph.reasons.size());
    graph.reasons.push_back({reason.str(), op});
  }
}

/// Index of `whole` for each index of `part`; empty if one is not in it.
static std::vector<int64_t> makeMap(const DimensionRelation &relation, int64_t part,
                                    int64_t whole) {
  std::vector<int64_t> map(part);
  for (int64_t i = 0; i < part; ++i) {
    int64_t index = -1;
    if (relation.indices.empty())
      index = relation.start + i * relation.step;
    else if (i < static_cast<int64_t>(relation.indices.size()))
      index = relation.indices[i];
    map[i] = index < 0 || index >= whole ? -1 : index;
  }
  return map;
}

void SpaceCollector::makeRelation(Pending &entry) {
  const DimensionRelation &relation = entry.relation;
  SmallVector<std::optional<size_t>, 4> spaces;
  for (size_t node : llvm::concat<size_t>(entry.lhs, entry.rhs))
    spaces.push_back(getSpace(node));
  if (!llvm::all_of(spaces, [](const auto &space) { return space.has_value(); }))
    return blockSpaces(spaces, "it is related to a dim of unknown size", entry.op);
  auto sizeOf = [&](size_t i) { return graph.spaces[*spaces[i]].size; };
  switch (relation.kind) {
  case DimensionRelation::Kind::Fixed:
    return;
  case DimensionRelation::Kind::Affine:
    graph.indexRelations.push_back(
        {*spaces[0], *spaces[1], makeMap(relation, sizeOf(0), sizeOf(1))});
    return;
  case DimensionRelation::Kind::Blocks: {
    int64_t a = relation.start, b = relation.step;
    if (a <= 0 || b <= 0 || sizeOf(0) % a != 0 || sizeOf(1) % b != 0 ||
        sizeOf(0) / a != sizeOf(1) / b)
      return blockSpaces(spaces, "its blocks do not fit", entry.op);
    graph.blockRelations.push_back({*spaces[0], *spaces[1], a, b});
    return;
  }
  case DimensionRelation::Kind::Product:
    ProductRelation product;
    product.op = entry.op;
    for (auto [i, space] : llvm::enumerate(spaces))
      (i < entry.lhs.size() ? product.lhs : product.rhs).push_back(*space);
    graph.products.push_back(std::move(product));
  }
}

SpaceGraph SpaceCollector::run() {
  prepareWeights();
  zeros.emplace(graph.weighted);
  module->walk<WalkOrder::PreOrder>([&](Operation *op) { visit(op); });
  blockWeights();
  connectFunctions();
  makeSpaces();
  for (Pending &entry : pending)
    makeRelation(entry);
  // A dim of one index would become empty.
  std::optional<size_t> reason;
  for (auto [space, blocked] : llvm::zip_equal(graph.spaces, graph.blocked)) {
    if (space.size != 1 || blocked >= 0)
      continue;
    if (!reason) {
      reason = graph.reasons.size();
      graph.reasons.push_back({"it is a dim of size 1", nullptr});
    }
    blocked = static_cast<int64_t>(*reason);
  }
  return std::move(graph);
}

SpaceGraph mlir::compress::collectSpaces(ModuleOp module) { return SpaceCollector(module).run(); }
