//===- PermutationSearch.h - following channels by relations ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every element of a value that channels reach gets a label. Two things restrict
// how labels can move:
//
// - Labels of elements that an op combines with each other are one class; classes
//   move as a whole.
// - Labels have colors, and take the place of labels of the same color only. An op
//   that tells the indices of a dim apart gives labels at different indices
//   different colors.
//
// The labels of one value are distinct, and which labels a value has depends on
// their colors only. So a permutation of classes that have labels of the same
// colors permutes the elements of every value.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_PERMUTATIONSEARCH_H
#define COMPRESS_LIB_ANALYSIS_PERMUTATIONSEARCH_H

#include "ChannelMap.h"
#include "compress/Analysis/ChannelPermutationPlan.h"
#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "llvm/ADT/MapVector.h"
#include <map>

namespace mlir {
namespace compress {

class PermutationSearch {
public:
  /// Follows the channels along `dim` of `value` to all that they reach; false with `reason` if
  /// that is something that cannot be reordered.
  bool run(Value value, int64_t dim);
  /// After `run`.
  FailureOr<ChannelPermutationPlan> finish();
  std::string reason;

private:
  /// A value, or a constant in one of its users.
  using Place = std::pair<Value, Operation *>;

  bool fail(const Twine &text) {
    reason = text.str();
    return false;
  }

  int32_t find(int32_t label) {
    while (parent[label] != label)
      label = parent[label] = parent[parent[label]];
    return label;
  }
  void unify(int32_t a, int32_t b) {
    a = find(a), b = find(b);
    parent[std::max(a, b)] = std::min(a, b);
  }
  int32_t makeLabel(int32_t color) {
    parent.push_back(static_cast<int32_t>(parent.size()));
    colors.push_back(color);
    return parent.back();
  }

  /// Gives labels of the map whose keys differ different colors; `key(indices)`, where `indices`
  /// are those along `map.dims`.
  void refine(const ChannelMap &map, llvm::function_ref<int64_t(ArrayRef<int64_t>)> key);
  /// By the indices of one dim.
  void refineDim(const ChannelMap &map, int64_t dim);
  /// Makes the map independent of `dim`: what differs there only moves together.
  void projectDim(ChannelMap &map, int64_t dim);
  bool extendDim(ChannelMap &map, int64_t dim, int64_t size);

  bool visit(Place place);
  bool propagate(Operation *op, Value from, ChannelMap map);
  bool moveTo(const DimensionRelations &relations, Operation *op, Value from, ChannelMap map,
              Value to);
  /// Replaces `map` by one of `to`, whose dims are `kMoved` larger: one relation.
  bool moveDim(const DimensionRelation &relation, Value from, int64_t dim, ChannelMap &map,
               Value to);
  bool resample(ChannelMap &map, int64_t dim, int64_t size,
                llvm::function_ref<int64_t(int64_t)> getSource);
  /// The elements of a value or constant have these labels.
  bool reach(Operation *op, Value to, ChannelMap map);
  void addEdits(Operation *op, Value constant, const ChannelMap &map, ChannelPermutationPlan &plan);
  bool addLayers(ChannelPermutationPlan &plan);
  void refineBy(ArrayRef<int32_t> labels, ArrayRef<int32_t> others);
  /// Makes colors agree where elements have two labels.
  void refineTies();

  llvm::MapVector<Place, ChannelMap> known;
  SmallVector<Place> worklist;
  std::vector<int32_t> parent, colors;
  int32_t numColors = 0, numChannels = 0;
  /// Two labels of the same elements, for whole values.
  std::vector<std::pair<std::vector<int32_t>, std::vector<int32_t>>> ties;
  /// Why labels have different colors: the first such op.
  std::string firstReason;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_PERMUTATIONSEARCH_H
