//===- SelectConv.cpp - convolutions with a constant weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ConvWeight.h"
#include "ImageView.h"
#include "TensorCodes.h"
#include "compress/Conversion/EpilogueMatch.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// Taps whose positions a kernel keeps on the stack.
static constexpr int64_t kMaxTaps = 4096;

namespace {
/// conv of f32 with a constant weight, and what follows it:
///
///   %y = compress.conv %x, %w          ->  %y = compress.kernel_call @conv_f32_...
///   %z = compress.relu %y                         ins(%x, packed %w) outs(...)
///
/// One-dimensional convolutions, also those of images of width 1, become those of images of
/// height 1. An input with codes for all of it and an 8-bit weight are multiplied as integers.
struct ConvPattern : public KernelPattern<ConvOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const override;

private:
  ConvRequest getRequest(ConvOp op, bool isLine) const;
  OpFoldResult getOutputSize(OpBuilder &builder, ConvOp op, int64_t dim) const;
  void checkSizes(OpBuilder &builder, ConvOp op, int64_t channels) const;
};
} // namespace

/// Whether the only spatial dim that is no 1 is the first one.
static bool isColumn(ConvOp op) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  auto result = cast<RankedTensorType>(op.getType());
  return input.getRank() == 4 && input.getDimSize(3) == 1 && weight.getDimSize(3) == 1 &&
         result.getDimSize(3) == 1 && op.getPads()[1] == 0;
}

ConvRequest ConvPattern::getRequest(ConvOp op, bool isLine) const {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  ConvRequest request;
  request.groups = op.getGroups();
  request.groupInputs = weight.getDimSize(1);
  request.groupOutputs = weight.getDimSize(0) / request.groups;
  int64_t spatial = weight.getRank() - 2;
  // A line's dim becomes the columns.
  for (int64_t dim = 0; dim < (isLine ? 1 : 2); ++dim) {
    int64_t to = isLine ? 1 : dim;
    request.window.kernel[to] = weight.getDimSize(2 + dim);
    request.window.strides[to] = op.getStrides()[dim];
    request.window.dilations[to] = op.getDilations()[dim];
    request.window.padBegin[to] = op.getPads()[dim];
    request.window.padEnd[to] = op.getPads()[spatial + dim];
  }
  return request;
}

/// Extent of the dilated kernel minus the padding, in dim `dim`.
static int64_t getReach(ConvOp op, int64_t dim) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  int64_t spatial = weight.getRank() - 2;
  return (weight.getDimSize(dim) - 1) * op.getDilations()[dim - 2] + 1 - op.getPads()[dim - 2] -
         op.getPads()[spatial + dim - 2];
}

OpFoldResult ConvPattern::getOutputSize(OpBuilder &builder, ConvOp op, int64_t dim) const {
  auto type = cast<RankedTensorType>(op.getType());
  if (!type.isDynamicDim(dim))
    return builder.getIndexAttr(type.getDimSize(dim));
  Location loc = op.getLoc();
  OpFoldResult input = kernels.getSize(builder, loc, op.getInput(), dim);
  if (dim == 0)
    return input;
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value size = arith::SubIOp::create(builder, loc, getIndexValue(builder, loc, input),
                                     constant(getReach(op, dim)));
  size = arith::DivSIOp::create(builder, loc, size, constant(op.getStrides()[dim - 2]));
  return arith::AddIOp::create(builder, loc, size, constant(1)).getResult();
}

/// Checks what the verifier could not: the number of channels, and that there are output pixels.
void ConvPattern::checkSizes(OpBuilder &builder, ConvOp op, int64_t channels) const {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  Location loc = op.getLoc();
  auto check = [&](int64_t dim, arith::CmpIPredicate predicate, int64_t value,
                   const Twine &message) {
    if (!type.isDynamicDim(dim))
      return;
    Value size = getIndexValue(builder, loc, kernels.getSize(builder, loc, op.getInput(), dim));
    Value limit = arith::ConstantIndexOp::create(builder, loc, value);
    LoweringContext::check(builder, loc,
                           arith::CmpIOp::create(builder, loc, predicate, size, limit), message);
  };
  if (op.getBias())
    kernels.checkSize(builder, loc, op.getBias(), 0,
                      cast<RankedTensorType>(op.getWeight().getType()).getDimSize(0),
                      "conv: expected one element of the bias per output channel");
  check(1, arith::CmpIPredicate::eq, channels,
        "conv: expected " + Twine(channels) + " input channels");
  for (int64_t dim = 2; dim < type.getRank(); ++dim)
    check(dim, arith::CmpIPredicate::sge, getReach(op, dim),
          "conv: the kernel does not fit into dim " + Twine(dim) + " of the padded input");
  // The result's type may say more than the input's.
  auto result = cast<RankedTensorType>(op.getType());
  for (int64_t dim = 2; dim < type.getRank(); ++dim) {
    if (!type.isDynamicDim(dim) || result.isDynamicDim(dim))
      continue;
    // The sizes of the input that have this result.
    int64_t least = getReach(op, dim) + (result.getDimSize(dim) - 1) * op.getStrides()[dim - 2];
    std::string message =
        ("conv: dim " + Twine(dim) + " of the result has another size than its type says").str();
    check(dim, arith::CmpIPredicate::sge, least, message);
    check(dim, arith::CmpIPredicate::slt, least + op.getStrides()[dim - 2], message);
  }
}

LogicalResult ConvPattern::matchAndRewrite(ConvOp op, PatternRewriter &rewriter) const {
  auto inputType = cast<RankedTensorType>(op.getInput().getType());
  auto weightType = cast<RankedTensorType>(op.getWeight().getType());
  int64_t rank = inputType.getRank();
  if (!inputType.getElementType().isF32() || !weightType.hasStaticShape() ||
      !weightType.getNumElements() || (rank != 3 && rank != 4))
    return rewriter.notifyMatchFailure(op, "not f32, more than two spatial dims, or a weight of "
                                           "unknown or no size");
  FailureOr<WeightChain> chain = getWeightChain(op.getWeight());
  if (failed(chain) || !chain->permutation.empty())
    return rewriter.notifyMatchFailure(op, "the weight is not a constant, or transposed");
  bool isLine = rank == 3 || isColumn(op);
  ConvRequest request = getRequest(op, isLine);
  if (request.window.getTaps() > kMaxTaps)
    return rewriter.notifyMatchFailure(op, "too many taps");

  EpilogueMatch match = matchEpilogue(kernels, op, op.getBias(), /*channelDim=*/1);
  request.epilogue = match.epilogue;
  rewriter.setInsertionPoint(match.last);
  Location loc = op.getLoc();
  SmallVector<Value> input{op.getInput()}, weight;
  if (hasTensorCodes(op.getInput())) {
    FailureOr<SmallVector<Value>> packed =
        packIntegerConvWeight(rewriter, kernels, op, *chain, request);
    if (failed(packed))
      return failure();
    weight = std::move(*packed);
    if (!weight.empty()) {
      FailureOr<TensorCodes> codes =
          makeTensorCodes(rewriter, kernels, op.getInput().getDefiningOp<DequantizeOp>());
      if (failed(codes))
        return failure();
      input = {codes->codes, codes->scale, codes->zeroPoint};
    }
  }
  if (weight.empty()) {
    FailureOr<SmallVector<Value>> packed = packConvWeight(rewriter, kernels, op, *chain, request);
    if (failed(packed))
      return failure();
    weight = std::move(*packed);
  }

  checkSizes(rewriter, op, weightType.getDimSize(1) * request.groups);
  SmallVector<OpFoldResult> inputSizes, sizes;
  for (int64_t dim = 0; dim < rank; ++dim) {
    inputSizes.push_back(kernels.getSize(rewriter, loc, op.getInput(), dim));
    sizes.push_back(dim == 1 ? rewriter.getIndexAttr(weightType.getDimSize(0))
                             : getOutputSize(rewriter, op, dim));
  }
  input[0] = toImage(rewriter, input[0], inputSizes, isLine);
  SmallVector<Value> operands(input);
  llvm::append_range(operands, weight);
  if (match.bias)
    operands.push_back(collapseToVector(rewriter, match.bias));
  if (match.other)
    operands.push_back(toImage(rewriter, match.other, sizes, isLine));
  auto type = cast<RankedTensorType>(match.last->getResult(0).getType());
  Value result = callOnImages(rewriter, loc, getConvKernel(kernels.library, request), operands,
                              sizes, isLine, type);
  replaceMatch(rewriter, kernels, op, match, result);
  return success();
}

void compress::populateConvKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<ConvPattern>(kernels);
  populatePoolKernelPatterns(patterns, kernels);
}
