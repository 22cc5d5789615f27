//===- SelectQuantizedMatMul.cpp - stacks of compressed weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeWeight.h"
#include "compress/Codegen/CPU/QuantizedLinearKernel.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// matmul with a stack of compressed matrices, for example the experts of a mixture:
///
///   %y = compress.matmul %x, %w   ->  %y = compress.kernel_call @stack8_linear_i4g32_...
///     w: tensor<8xkxn>                       ins(%x, packed w) outs(...)
struct QuantizedMatMulPattern : public KernelPattern<MatMulOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    auto lhsType = cast<RankedTensorType>(op.getLhs().getType());
    FailureOr<WeightChain> chain = getWeightChain(op.getRhs());
    if (failed(chain) || chain->isDense() || !chain->permutation.empty() ||
        chain->getType().getRank() != 3 || !chain->getType().hasStaticShape() ||
        !chain->getType().getNumElements() || !type.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "no stack of compressed f32 matrices");
    int64_t matrices = chain->getType().getDimSize(0);
    bool isShared = lhsType.getRank() == 2 || lhsType.getDimSize(0) == 1;
    if (lhsType.getRank() < 2 || lhsType.getRank() > 3 ||
        (!isShared && lhsType.getDimSize(0) != matrices))
      return rewriter.notifyMatchFailure(op, "operands of another form");

    std::string reason;
    FailureOr<CodeWeight> weight =
        readCodeWeight(kernels, *chain, [&] { return op.emitOpError("weight: "); }, reason);
    FailureOr<CodeFormat> format = failure();
    if (succeeded(weight))
      format = getCodeFormat(weight->getMatrix(/*inputDim=*/0));
    if (failed(format))
      return rewriter.notifyMatchFailure(op, "no kernel reads the weight: " + reason);

    Location loc = op.getLoc();
    SmallVector<WeightMatrix> stack;
    for (int64_t index = 0; index < matrices; ++index)
      stack.push_back(weight->getMatrix(/*inputDim=*/0, index));
    FailureOr<SmallVector<Value>> tensors =
        packCodeTensors(rewriter, kernels, loc, kernels.getPackName(*chain), stack, *format);
    if (failed(tensors))
      return failure();
    kernels.checkSize(rewriter, loc, op.getLhs(), lhsType.getRank() - 1, format->inputs,
                      "matmul: expected " + Twine(format->inputs) + " elements per row");
    OpFoldResult rows = kernels.getSize(rewriter, loc, op.getLhs(), lhsType.getRank() - 2);
    SmallVector<OpFoldResult> sizes{rewriter.getIndexAttr(matrices), rows,
                                    rewriter.getIndexAttr(format->outputs)};
    Value empty = createEmpty(rewriter, loc, sizes, rewriter.getF32Type());
    SmallVector<Value> operands{isShared ? collapseToMatrix(rewriter, kernels, op.getLhs())
                                         : op.getLhs()};
    llvm::append_range(operands, *tensors);
    func::FuncOp kernel =
        getQuantizedLinearKernel(kernels.library, {*format, {}, matrices, isShared});
    Value result = KernelCallOp::create(rewriter, loc, kernel, operands, empty).getResult(0);
    if (result.getType() != type)
      result = tensor::CastOp::create(rewriter, loc, type, result);
    kernels.replace(rewriter, op, result);
    return success();
  }
};
} // namespace

void compress::populateQuantizedMatMulKernelPatterns(RewritePatternSet &patterns,
                                                     KernelContext &kernels) {
  patterns.add<QuantizedMatMulPattern>(kernels, /*benefit=*/2);
}
