//===- ChannelSearch.h - following channels through a graph ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_CHANNELSEARCH_H
#define COMPRESS_LIB_ANALYSIS_CHANNELSEARCH_H

#include "ChannelMap.h"
#include "compress/Analysis/ChannelScaling.h"
#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "llvm/ADT/MapVector.h"

namespace mlir {
namespace compress {

/// Dims of the tensor that a map is being moved to, while it still has dims of the other one.
inline constexpr int64_t kMoved = int64_t(1) << 20;

/// In maps that come from a part of a tensor: the channel of elements that are not in the part.
inline constexpr int32_t kFree = -1;
/// Channel of elements that are zero, whatever they are divided by.
inline constexpr int32_t kZero = -2;

/// The elements of a literal constant or weight; null for other values.
DenseElementsAttr getLiteral(Value value);

/// Name of an op for messages: its kind and what the user calls it.
std::string describeOp(Operation *op);

/// Follows channels through the graph. Channels are variables, numbered as those of the start
/// value; `one` is a variable that stands for the factor 1.
class ChannelSearch {
public:
  explicit ChannelSearch(int64_t channels) : one(static_cast<int32_t>(channels)) {
    for (int32_t i = 0; i <= one; ++i)
      state.parent.push_back(i);
  }

  /// All of these return false after `fail`.
  bool scaleValue(Value value, ChannelMap map);
  FailureOr<ChannelScalingPlan> finish();
  std::string reason;

private:
  struct Edit {
    OpOperand *operand;
    WeightChain chain;
    BlockView view;
    std::vector<int32_t> channel;
    bool multiply, isWeight;
  };
  struct Layer {
    WeightedOp op;
    std::vector<int32_t> channel;
    size_t edit;
  };
  struct State {
    llvm::MapVector<Value, ChannelMap> scaled;
    std::vector<int32_t> parent;
    SmallVector<Edit, 4> edits;
    SmallVector<Layer, 4> consumers, producers;
    /// The operand of a product or matmul that is divided.
    llvm::DenseMap<Operation *, unsigned> factor;
  };
  State state;
  const int32_t one;

  bool fail(const Twine &text) {
    reason = text.str();
    return false;
  }
  bool failUse(Operation *op) { return fail("the scaled value is also used by " + describeOp(op)); }
  bool failDefinition(Operation *op) {
    return fail("the scale cannot be folded into " + describeOp(op));
  }

  int32_t find(int32_t variable) {
    while (state.parent[variable] != variable)
      variable = state.parent[variable] = state.parent[state.parent[variable]];
    return variable;
  }
  /// The smaller variable stays, so that classes do not depend on the order.
  void unify(int32_t a, int32_t b) {
    a = find(a), b = find(b);
    if (a == one || (b != one && a < b))
      std::swap(a, b);
    state.parent[a] = b;
  }
  bool unifyMaps(ChannelMap a, ChannelMap b);
  /// Channels of which nothing was said keep their values; zeros get variables of their own.
  void settle(ChannelMap &map) {
    for (int32_t &variable : map.channel) {
      if (variable == kFree)
        variable = one;
      if (variable != kZero)
        continue;
      variable = static_cast<int32_t>(state.parent.size());
      state.parent.push_back(variable);
    }
  }
  bool isOne(const ChannelMap &map) {
    return llvm::all_of(map.channel, [&](int32_t variable) { return find(variable) == one; });
  }

  /// Makes the channels independent of all dims that `keep` does not hold for.
  void projectTo(ChannelMap &map, llvm::function_ref<bool(int64_t)> keep) {
    for (int64_t dim : SmallVector<int64_t, 4>(map.dims))
      if (!keep(dim))
        map.project(dim, [&](int32_t a, int32_t b) { unify(a, b); });
  }
  void projectTo(ChannelMap &map, int64_t dim) {
    projectTo(map, [&](int64_t other) { return other == dim; });
  }
  /// Variables along a dim to which the map was projected.
  static std::vector<int32_t> getVector(const ChannelMap &map, int64_t size) {
    if (map.dims.empty())
      return std::vector<int32_t>(size, map.channel.front());
    return map.channel;
  }

  bool scaleOperand(OpOperand &operand, ChannelMap map);
  bool scaleDefinition(Value value, const ChannelMap &map);
  bool scaleUse(OpOperand &use, const ChannelMap &map);
  bool scaleConsumer(OpOperand &use, WeightedOp op, ChannelMap map);
  bool scaleProducer(const WeightedOp &op, Value result, ChannelMap map);
  bool scaleProduct(Operation *op, const ChannelMap &map);
  bool scaleMatMul(MatMulOp op, const ChannelMap &map);
  bool scaleConcat(ConcatOp op, const ChannelMap &map);
  bool scaleNorm(Operation *op, const ChannelMap &map, ArrayRef<unsigned> parameters);

  bool addEdit(OpOperand &operand, ArrayRef<int64_t> dims, ArrayRef<int32_t> channel, bool multiply,
               bool isWeight);
  /// Maps between the result of an op with broadcasting and one of its operands.
  bool toOperand(ChannelMap &map, Value operand, Value result);
  bool toResult(ChannelMap &map, Value operand, Value result);
  /// Moves a map across an op by its dimension relations.
  bool moveAcross(Operation *op, Value from, ChannelMap &map, Value to);
  bool movePadded(PadOp op, bool toInput, ChannelMap &map);
  bool moveGathered(GatherOp op, int64_t index, bool toInput, ChannelMap &map);
  bool moveDim(const DimensionRelation &relation, Value from, int64_t dim, ChannelMap &map,
               Value to);
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_CHANNELSEARCH_H
