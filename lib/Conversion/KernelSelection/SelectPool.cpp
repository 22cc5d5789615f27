//===- SelectPool.cpp - pooling of images -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ImageView.h"
#include "compress/Codegen/CPU/PoolKernel.h"

using namespace mlir;
using namespace mlir::compress;

/// Taps whose positions a kernel keeps on the stack.
static constexpr int64_t kMaxTaps = 4096;

namespace {
/// pool of f32 images or lines whose spatial sizes are known:
///
///   %y = compress.pool max %x  ->  %y = compress.kernel_call @pool_max_... ins(%x) outs(...)
struct PoolPattern : public KernelPattern<PoolOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(PoolOp op, PatternRewriter &rewriter) const override {
    auto input = cast<RankedTensorType>(op.getInput().getType());
    auto type = cast<RankedTensorType>(op.getType());
    int64_t rank = input.getRank();
    if (!input.getElementType().isF32() || (rank != 3 && rank != 4))
      return rewriter.notifyMatchFailure(op, "not f32, or more than two spatial dims");
    for (int64_t dim = 2; dim < rank; ++dim)
      if (input.isDynamicDim(dim) || type.isDynamicDim(dim))
        return rewriter.notifyMatchFailure(op, "spatial sizes are not known");
    PoolRequest request;
    request.isMax = op.getKind() == PoolKind::Max;
    bool isLine = rank == 3;
    int64_t spatial = rank - 2;
    bool hasPads = false;
    for (int64_t dim = 0; dim < spatial; ++dim) {
      int64_t to = isLine ? 1 : dim;
      ConvWindow &window = request.window;
      window.kernel[to] = op.getKernel()[dim];
      window.strides[to] = op.getStrides()[dim];
      window.dilations[to] = op.getDilations()[dim];
      window.padBegin[to] = op.getPads()[dim];
      window.padEnd[to] = op.getPads()[spatial + dim];
      hasPads |= window.padBegin[to] || window.padEnd[to];
    }
    if (request.window.getTaps() > kMaxTaps)
      return rewriter.notifyMatchFailure(op, "too many taps");
    request.variesCount = op.getCeilMode() || (hasPads && !op.getCountIncludePad());
    request.countsPadding = op.getCountIncludePad();

    Location loc = op.getLoc();
    SmallVector<OpFoldResult> inputSizes;
    for (int64_t dim = 0; dim < rank; ++dim)
      inputSizes.push_back(kernels.getSize(rewriter, loc, op.getInput(), dim));
    SmallVector<OpFoldResult> sizes(inputSizes);
    for (int64_t dim = 2; dim < rank; ++dim)
      sizes[dim] = rewriter.getIndexAttr(type.getDimSize(dim));
    Value image = toImage(rewriter, op.getInput(), inputSizes, isLine);
    Value result = callOnImages(rewriter, loc, getPoolKernel(kernels.library, request), image,
                                sizes, isLine, type);
    kernels.replace(rewriter, op, result);
    return success();
  }
};
} // namespace

void compress::populatePoolKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<PoolPattern>(kernels);
}
