//===- SelectLinear.cpp - linear ops with a dense weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/LinearKernel.h"
#include "compress/Conversion/EpilogueMatch.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// A value `[1, .., n, .., 1]` as `[n]`.
static Value flatten(OpBuilder &builder, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 1)
    return value;
  ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return tensor::CollapseShapeOp::create(builder, value.getLoc(), value,
                                         SmallVector<ReassociationIndices>{all});
}

/// Panels of a dense f32 weight, packed now.
static FailureOr<Value> packWeight(OpBuilder &builder, KernelContext &kernels, LinearOp op,
                                   const WeightChain &chain, int64_t inputs, int64_t outputs) {
  const CpuTarget &target = kernels.library.getTarget();
  // Dims of the operand are dims of the root, maybe exchanged.
  bool isKN = (op.getWeightLayout() == WeightLayout::KN) == chain.permutation.empty();
  int64_t width = target.getPanelWidth();
  std::string name = (WeightSourceOpInterface(chain.source).getWeightName() + ".panels" +
                      Twine(width) + (isKN ? "" : ".t"))
                         .str();
  RankedTensorType type = getPanelType(target, inputs, outputs, builder.getF32Type());
  return kernels.createPackedWeight(builder, op.getLoc(), name, type, [&](auto bytes) {
    auto emitError = [&] { return op.emitOpError("weight: "); };
    FailureOr<WeightBytes> weight = kernels.store.read(
        WeightSourceOpInterface(chain.source).getWeightValue(), chain.getType(), emitError);
    if (failed(weight))
      return failure();
    packPanels(reinterpret_cast<const uint32_t *>(weight->bytes().data()), isKN ? outputs : 1,
               isKN ? 1 : inputs, inputs, outputs, width,
               reinterpret_cast<uint32_t *>(bytes.data()));
    return success();
  });
}

namespace {
/// linear of f32 with a dense weight, and what follows it:
///
///   %y = compress.linear %x, %w        ->  %y = compress.kernel_call @linear_f32_...
///   %z = compress.relu %y                         ins(%x as matrix, packed %w) outs(...)
struct LinearPattern : public KernelPattern<LinearOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto weightType = cast<RankedTensorType>(op.getWeight().getType());
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    if (!inputType.getElementType().isF32() || !weightType.getElementType().isF32() ||
        !weightType.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "not f32, or a weight of unknown size");
    FailureOr<WeightChain> chain = getWeightChain(op.getWeight());
    if (failed(chain) || !chain->isDense())
      return rewriter.notifyMatchFailure(op, "the weight is not a dense constant");
    bool isKN = op.getWeightLayout() == WeightLayout::KN;
    LinearRequest request;
    request.inputs = weightType.getDimSize(isKN ? 0 : 1);
    request.outputs = weightType.getDimSize(isKN ? 1 : 0);
    if (!request.inputs || !request.outputs)
      return rewriter.notifyMatchFailure(op, "an empty weight");

    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    EpilogueMatch match = matchEpilogue(kernels, op, op.getBias(), rank - 1);
    request.epilogue = match.epilogue;
    rewriter.setInsertionPoint(match.last);
    FailureOr<Value> panels =
        packWeight(rewriter, kernels, op, *chain, request.inputs, request.outputs);
    if (failed(panels))
      return failure();

    Location loc = op.getLoc();
    Value x = collapseToMatrix(rewriter, kernels, op.getInput());
    SmallVector<Value> operands{x, *panels};
    if (match.bias)
      operands.push_back(flatten(rewriter, match.bias));
    if (match.other)
      operands.push_back(collapseToMatrix(rewriter, kernels, match.other));
    SmallVector<OpFoldResult> sizes{tensor::getMixedSize(rewriter, loc, x, 0),
                                    rewriter.getIndexAttr(request.outputs)};
    Value empty = createEmpty(rewriter, loc, sizes, rewriter.getF32Type());
    auto call = KernelCallOp::create(rewriter, loc, getLinearKernel(kernels.library, request),
                                     operands, empty);
    auto type = cast<RankedTensorType>(match.last->getResult(0).getType());
    Value result = expandFromMatrix(rewriter, kernels, call.getResult(0), op.getInput(), type);
    replaceMatch(rewriter, kernels, op, match, result);
    return success();
  }
};
} // namespace

void compress::populateLinearKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<LinearPattern>(kernels);
}
