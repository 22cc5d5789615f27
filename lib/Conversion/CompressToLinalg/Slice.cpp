//===- Slice.cpp - strided parts with ONNX's clamping -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Positive steps are views, except that a strided last dim is copied: kernels read rows without
// gaps. Negative steps are copies.
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Of one dim; the step is not 0.
struct DimSlice {
  OpFoldResult start, size;
  int64_t step = 1;
};
} // namespace

/// Clamped start and number of elements, so that all of them are inside `dim` elements.
static DimSlice clampSlice(IndexMath &b, OpFoldResult start, OpFoldResult end, int64_t step,
                           OpFoldResult dim) {
  OpFoldResult zero = b.index(0), one = b.index(1);
  auto clamp = [&](OpFoldResult value, OpFoldResult low, OpFoldResult high) {
    return b.max(low, b.min(b.wrap(value, dim), high));
  };
  // The largest step that matters, so that nothing overflows.
  uint64_t stride = step < 0 ? 0 - static_cast<uint64_t>(step) : static_cast<uint64_t>(step);
  OpFoldResult length = b.index(std::min<uint64_t>(stride, uint64_t(1) << 48));
  if (step > 0) {
    start = clamp(start, zero, dim);
    OpFoldResult distance = b.max(b.sub(clamp(end, zero, dim), start), zero);
    if (step == 1)
      return {start, distance, step};
    OpFoldResult size = b.div(b.add(distance, b.sub(length, one)), length);
    return {start, size, step};
  }
  // A start before the first element is the first one; of no elements none is taken.
  OpFoldResult last = b.sub(dim, one);
  start = b.max(b.min(b.wrap(start, dim), last), b.min(zero, last));
  OpFoldResult distance = b.max(b.sub(start, clamp(end, b.index(-1), last)), zero);
  return {start, b.div(b.add(distance, b.sub(length, one)), length), step};
}

namespace {
struct SliceLowering : public MovementPattern<SliceOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(SliceOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    int64_t rank = input.size(), count = op.getAxes().size();
    SmallVector<OpFoldResult> starts = b.getElements(op.getStarts(), adaptor.getStarts(), count),
                              ends = b.getElements(op.getEnds(), adaptor.getEnds(), count);
    SmallVector<DimSlice> slices(rank);
    for (auto [slice, size] : llvm::zip_equal(slices, input))
      slice = {b.index(0), size, 1};
    for (int64_t i = 0; i < count; ++i) {
      int64_t axis = op.getAxes()[i];
      slices[axis] = clampSlice(b, starts[i], ends[i], op.getSteps()[i], input[axis]);
    }
    SmallVector<OpFoldResult> sizes = lowering.getResultSizes(
        b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) { return slices[dim].size; });
    // Sizes that the model declares hold for what is read.
    auto type = cast<RankedTensorType>(op.getType());
    for (int64_t dim = 0; dim < rank; ++dim)
      if (!type.isDynamicDim(dim))
        b.check(b.equal(slices[dim].size, sizes[dim]),
                "result has another size than the model declares");
    bool isView = llvm::all_of(slices, [](const DimSlice &slice) { return slice.step > 0; }) &&
                  (slices.empty() || slices.back().step == 1);
    results.push_back(isView ? view(b, adaptor.getInput(), slices, sizes)
                             : copy(b, adaptor.getInput(), slices, sizes));
    return success();
  }

private:
  static Value view(TensorBuilder &b, Value input, ArrayRef<DimSlice> slices,
                    ArrayRef<OpFoldResult> sizes) {
    SmallVector<OpFoldResult> offsets, strides;
    for (auto [dim, slice] : llvm::enumerate(slices)) {
      offsets.push_back(slice.start);
      // With at most one element the step does not matter.
      std::optional<int64_t> size = getConstantIntValue(sizes[dim]);
      strides.push_back(b.index(size && *size <= 1 ? 1 : slice.step));
    }
    return b.slice(input, offsets, sizes, strides);
  }

  static Value copy(TensorBuilder &b, Value input, ArrayRef<DimSlice> slices,
                    ArrayRef<OpFoldResult> sizes) {
    Type elementType = cast<RankedTensorType>(input.getType()).getElementType();
    return b.map(sizes, elementType, {}, {}, [&](OpBuilder &body, Location loc, ValueRange) {
      IndexMath math(body, loc);
      SmallVector<Value> position;
      for (auto [dim, slice] : llvm::enumerate(slices)) {
        OpFoldResult at = linalg::IndexOp::create(body, loc, dim).getResult();
        position.push_back(math.value(math.add(slice.start, math.mul(at, math.index(slice.step)))));
      }
      Value element = tensor::ExtractOp::create(body, loc, input, position);
      linalg::YieldOp::create(body, loc, element);
    });
  }
};
} // namespace

void compress::populateSlicePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                     RewritePatternSet &patterns) {
  patterns.add<SliceLowering>(converter, lowering);
}
