//===- ResidualBlocks.cpp - the layers of a residual network -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Analysis/StageGraph.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::compress;

size_t ResidualBlocks::getNumBlocks() const {
  size_t count = 0;
  for (const ResidualRun &run : runs)
    count += run.size();
  return count;
}

Repetition mlir::compress::findRepetition(ArrayRef<size_t> kinds) {
  Repetition best;
  for (size_t period = 1; period <= kinds.size() / 2; ++period) {
    for (size_t begin = 0; begin + 2 * period <= kinds.size();) {
      size_t length = 0;
      while (begin + length + period < kinds.size() &&
             kinds[begin + length] == kinds[begin + length + period])
        ++length;
      size_t count = length / period + 1;
      if (count > 1 && count * period > best.count * best.period)
        best = {begin, period, count};
      begin += length + 1;
    }
  }
  return best;
}

namespace {
/// A part between two neighbours of the chain of dominators.
struct Segment {
  Value input, output;
  SmallVector<Operation *> ops;
};

class BlockFinder {
public:
  explicit BlockFinder(func::FuncOp function);
  ResidualBlocks find();

private:
  static constexpr size_t kNone = ~size_t(0);

  bool isFixed(Value value) const { return fixed.contains(value); }
  std::vector<bool> findAncestors(Value result) const;
  std::vector<Segment> findChain(Value start, Value result, const std::vector<bool> &leads);
  std::string sign(const Segment &segment) const;
  void split(ArrayRef<Segment> segments, ArrayRef<size_t> kinds, std::vector<ResidualRun> &runs);
  ResidualRun makeRun(ArrayRef<Segment> segments, size_t period) const;

  func::FuncOp function;
  SmallVector<Operation *> ops;
  llvm::DenseMap<Operation *, size_t> positions;
  /// Operands of each op, those of its regions included.
  std::vector<llvm::SetVector<Value>> used;
  llvm::DenseSet<Value> fixed;
};
} // namespace

BlockFinder::BlockFinder(func::FuncOp function) : function(function) {
  for (Operation &op : function.getBody().front().without_terminator()) {
    positions[&op] = ops.size();
    ops.push_back(&op);
    used.push_back(getUsedValues(&op));
    if (isMemoryEffectFree(&op) &&
        llvm::all_of(used.back(), [&](Value value) { return fixed.contains(value); }))
      fixed.insert(op.result_begin(), op.result_end());
  }
}

/// Which ops `result` depends on.
std::vector<bool> BlockFinder::findAncestors(Value result) const {
  std::vector<bool> leads(ops.size());
  SmallVector<Value> open{result};
  while (!open.empty()) {
    auto it = positions.find(open.pop_back_val().getDefiningOp());
    if (it == positions.end() || leads[it->second])
      continue;
    leads[it->second] = true;
    open.append(used[it->second].begin(), used[it->second].end());
  }
  return leads;
}

/// The parts between `start` and `result`: immediate dominators in one pass over the ops, which are
/// in topological order.
std::vector<Segment> BlockFinder::findChain(Value start, Value result,
                                            const std::vector<bool> &leads) {
  // Node 0 is `start`, node i + 1 the op i.
  std::vector<size_t> parent(ops.size() + 1, kNone), depth(ops.size() + 1, 0);
  parent[0] = 0;
  Operation *def = start.getDefiningOp();
  size_t first = def ? positions.lookup(def) + 1 : 0;
  auto getNode = [&](Value value) {
    if (value == start)
      return size_t(0);
    auto it = positions.find(value.getDefiningOp());
    return it == positions.end() || parent[it->second + 1] == kNone ? kNone : it->second + 1;
  };
  for (size_t index = first; index < ops.size(); ++index) {
    if (!leads[index])
      continue;
    size_t common = kNone;
    for (Value value : used[index]) {
      size_t node = getNode(value);
      if (node == kNone)
        continue;
      for (common = common == kNone ? node : common; common != node;)
        (depth[common] > depth[node] ? common : node) =
            parent[depth[common] > depth[node] ? common : node];
    }
    if (common == kNone)
      continue;
    parent[index + 1] = common;
    depth[index + 1] = depth[common] + 1;
  }

  size_t end = getNode(result);
  if (end == kNone || end == 0)
    return {};
  std::vector<size_t> chain;
  for (size_t node = end; node != 0; node = parent[node])
    chain.push_back(node);
  std::reverse(chain.begin(), chain.end());
  // Ops with several results hide which one goes on.
  for (size_t node : chain)
    if (ops[node - 1]->getNumResults() != 1)
      return {};
  std::vector<Segment> segments(chain.size());
  std::vector<size_t> segmentOf(ops.size() + 1, kNone);
  segmentOf[0] = 0;
  for (size_t i = 0; i < chain.size(); ++i) {
    segments[i].input = i ? segments[i - 1].output : start;
    segments[i].output = ops[chain[i] - 1]->getResult(0);
  }
  for (size_t node = 1; node <= end; ++node) {
    if (parent[node] == kNone)
      continue;
    // What has the end of a segment as its dominator is in the next one.
    size_t segment = segmentOf[parent[node]];
    segments[segment].ops.push_back(ops[node - 1]);
    bool isEnd = node == chain[segment];
    segmentOf[node] = isEnd ? segment + 1 : segment;
  }
  return segments;
}

/// Ops, attributes and types of a part, with its values by number; names and plans do not count.
std::string BlockFinder::sign(const Segment &segment) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DenseMap<Value, size_t> numbers{{segment.input, 0}};
  for (Operation *op : segment.ops) {
    os << op->getName() << '{';
    for (NamedAttribute attribute : op->getAttrDictionary())
      if (attribute.getName() != "name" && attribute.getName() != "parts" &&
          attribute.getName() != "compress.plan")
        os << attribute.getName().strref() << '=' << attribute.getValue().getAsOpaquePointer()
           << ',';
    os << '}';
    for (Value value : used[positions.lookup(op)]) {
      if (auto it = numbers.find(value); it != numbers.end())
        os << it->second;
      else if (auto constant = value.getDefiningOp<ConstantOp>())
        os << 'c' << constant.getValue().getAsOpaquePointer();
      else
        os << (isFixed(value) ? 'w' : 'x');
      os << ':' << value.getType().getAsOpaquePointer() << ' ';
    }
    os << "->";
    for (Value result : op->getResults()) {
      numbers.try_emplace(result, numbers.size());
      os << result.getType().getAsOpaquePointer() << ' ';
    }
  }
  return text;
}

/// Whether a part ends by adding to what comes in something that it computes from that.
static bool isResidual(const Segment &segment) {
  auto add = segment.output.getDefiningOp<AddOp>();
  if (!add || !llvm::is_contained(add->getOperands(), segment.input))
    return false;
  Value other = add.getLhs() == segment.input ? add.getRhs() : add.getLhs();
  return other.getDefiningOp() && llvm::is_contained(segment.ops, other.getDefiningOp());
}

ResidualRun BlockFinder::makeRun(ArrayRef<Segment> segments, size_t period) const {
  ResidualRun run;
  for (; segments.size() >= period; segments = segments.drop_front(period)) {
    ResidualBlock block;
    block.input = segments.front().input;
    block.output = segments[period - 1].output;
    for (const Segment &segment : segments.take_front(period))
      block.ops.append(segment.ops.begin(), segment.ops.end());
    llvm::sort(block.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : block.ops) {
      if (auto moe = dyn_cast<MoeOp>(op); moe && block.name.empty())
        block.name = moe.getName().str();
      for (const WeightedOp &weighted : collectWeighted(op))
        if (block.name.empty())
          block.name = weighted.name;
    }
    run.push_back(std::move(block));
  }
  return run;
}

/// Appends the runs among some segments: those before the longest repetition, it, those after.
void BlockFinder::split(ArrayRef<Segment> segments, ArrayRef<size_t> kinds,
                        std::vector<ResidualRun> &runs) {
  Repetition found = findRepetition(kinds);
  size_t period = found.period;
  if (found.count < 2)
    return;
  size_t end = found.begin + period;
  while (end < kinds.size() && kinds[end] == kinds[end - period])
    ++end;
  // The same repetition may begin at any of its parts: where most blocks fit, then where the first
  // part adds to what comes in, then the first one.
  size_t begin = found.begin;
  auto countFrom = [&](size_t at) { return (end - at) / period; };
  for (size_t at = found.begin; at < found.begin + period; ++at)
    if (countFrom(at) == countFrom(found.begin) && isResidual(segments[at])) {
      begin = at;
      break;
    }
  size_t count = countFrom(begin);
  ArrayRef<Segment> all = segments.slice(begin, count * period);
  ResidualRun run = makeRun(all, period);
  bool isStream = llvm::any_of(all.take_front(period), isResidual) && !run.front().name.empty() &&
                  run.front().input.getType() == run.front().output.getType();
  size_t next = begin + count * period;
  split(segments.take_front(begin), kinds.take_front(begin), runs);
  if (isStream)
    runs.push_back(std::move(run));
  split(segments.drop_front(next), kinds.drop_front(next), runs);
}

ResidualBlocks BlockFinder::find() {
  ResidualBlocks best;
  best.reason = "it has no additions to a value that goes on beside them";
  size_t bestOps = 0;
  llvm::DenseSet<Type> types;
  for (Operation *op : ops)
    if (isa<AddOp>(op) && !isFixed(op->getResult(0)))
      types.insert(op->getResult(0).getType());
  SmallVector<Value> starts(function.getArguments());
  for (Operation *op : ops)
    if (op->getNumResults() == 1 && !isFixed(op->getResult(0)))
      starts.push_back(op->getResult(0));
  llvm::erase_if(starts, [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return !type || type.getRank() < 2 || !isa<FloatType>(type.getElementType()) ||
           !types.contains(type);
  });

  for (Value result : function.getBody().front().getTerminator()->getOperands()) {
    std::vector<bool> leads = findAncestors(result);
    // A chain from a value of a longer chain is its end.
    llvm::DenseSet<Value> known;
    for (Value start : starts) {
      Operation *def = start.getDefiningOp();
      if (known.contains(start) || (def && !leads[positions.lookup(def)]))
        continue;
      std::vector<Segment> segments = findChain(start, result, leads);
      // From a known value on, it is the end of a chain that was looked at.
      bool isNew = llvm::any_of(segments, [&](const Segment &segment) {
        return !known.contains(segment.output) && isResidual(segment);
      });
      for (const Segment &segment : segments)
        known.insert(segment.output);
      if (!isNew)
        continue;
      SmallVector<size_t> kinds;
      llvm::StringMap<size_t> classes;
      for (const Segment &segment : segments)
        kinds.push_back(classes.try_emplace(sign(segment), classes.size()).first->second);
      ResidualBlocks found;
      split(segments, kinds, found.runs);
      size_t covered = 0;
      for (const ResidualRun &run : found.runs)
        for (const ResidualBlock &block : run)
          covered += block.ops.size();
      if (best.runs.empty())
        best.reason = "no two of its residual blocks in a row have the same ops and shapes";
      if (covered > bestOps) {
        bestOps = covered;
        best = std::move(found);
      }
    }
  }
  return best;
}

ResidualBlocks mlir::compress::findResidualBlocks(func::FuncOp function) {
  if (!llvm::hasSingleElement(function.getBody())) {
    ResidualBlocks none;
    none.reason = "it has several basic blocks";
    return none;
  }
  return BlockFinder(function).find();
}
