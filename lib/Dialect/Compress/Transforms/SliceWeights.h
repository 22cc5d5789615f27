//===- SliceWeights.h - what is left of stored tensors ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weight sources of any dialect with fewer indices of some dims. Sources with the same bytes that
// keep the same indices become one.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEWEIGHTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEWEIGHTS_H

#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include <map>

namespace mlir {
namespace compress {

/// The indices of a dim that are left, increasing.
struct DimSelection {
  int64_t dim = 0;
  ArrayRef<int64_t> kept;
};

/// Shape of what is left.
SmallVector<int64_t> getSelectedShape(ArrayRef<int64_t> shape, ArrayRef<DimSelection> selections);

/// Copies the elements with the selected indices of a row-major tensor of `shape`; an element has
/// `bits` bits, packed low bits first if they are less than 8. `selections` are of distinct dims.
void selectElements(ArrayRef<int64_t> shape, unsigned bits, ArrayRef<DimSelection> selections,
                    ArrayRef<char> from, MutableArrayRef<char> to);

/// Sliced weight sources: first all are planned, then their bytes are computed, in parallel, then
/// the ops are made.
class WeightSlicer {
public:
  explicit WeightSlicer(MLIRContext *context) : context(context), store(context) {}

  /// A slice of `source`, for `materialize`. `kept` lists must live as long as the slicer.
  size_t plan(WeightSourceOpInterface source, ArrayRef<DimSelection> selections);
  /// Reads and copies; a failure comes with a diagnostic.
  LogicalResult compute();
  /// A source op with the slice at the builder's insertion point.
  Value materialize(size_t slice, OpBuilder &builder, WeightSymbols &symbols);
  /// Whether all bytes of the slice are 1: a mask that masks nothing.
  bool isAllOnes(size_t slice) const { return slices[slice].allOnes; }

  /// Gives new weights the names of those that they replaced and that are no more.
  void restoreNames(ModuleOp module);

private:
  struct Slice {
    WeightSourceOpInterface source;
    std::string name;
    SmallVector<DimSelection, 2> selections;
    RankedTensorType type;
    std::optional<WeightBuffer> buffer;
    bool allOnes = false;
    /// The first op that was made, and for loads the new weight.
    Operation *made = nullptr;
    StringAttr symbol;
  };
  LogicalResult compute(Slice &slice);

  MLIRContext *context;
  WeightStore store;
  std::vector<Slice> slices;
  /// By name, value and selections.
  std::map<std::tuple<std::string, const void *, std::vector<int64_t>>, size_t> known;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICEWEIGHTS_H
