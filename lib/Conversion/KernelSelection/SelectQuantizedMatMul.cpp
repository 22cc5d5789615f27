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

/// Most matrices of a stack that become calls of their own.
static constexpr int64_t kMaxMatrices = 256;

namespace {
/// matmul with a stack of compressed matrices, for example the experts of a mixture: one call of a
/// linear kernel for each, which writes its part of the result.
///
///   %y = compress.matmul %x, %w   ->  %p = tensor.extract_slice %x[e, 0, 0]
///     w: tensor<Exkxn>                %q = compress.kernel_call @linear_i4g32_... ins(%p, packed
///     w[e])
///                                     %y' = tensor.insert_slice %q into %y[e, 0, 0]
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
    if (matrices > kMaxMatrices || lhsType.getRank() < 2 || lhsType.getRank() > 3 ||
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
    int64_t rowDim = lhsType.getRank() - 2;
    OpFoldResult rows = kernels.getSize(rewriter, loc, op.getLhs(), rowDim);
    SmallVector<OpFoldResult> sizes{rewriter.getIndexAttr(matrices), rows,
                                    rewriter.getIndexAttr(format->outputs)};
    Value result = createEmpty(rewriter, loc, sizes, rewriter.getF32Type());
    func::FuncOp kernel = getQuantizedLinearKernel(kernels.library, {*format, {}});
    for (int64_t index = 0; index < matrices; ++index) {
      FailureOr<SmallVector<Value>> tensors = packCodeTensors(
          rewriter, kernels, loc, chain->getSourceName() + "." + std::to_string(index),
          weight->getMatrix(/*inputDim=*/0, index), *format);
      if (failed(tensors))
        return failure();
      SmallVector<Value> operands{
          getMatrix(rewriter, loc, op.getLhs(), isShared ? 0 : index, rows, format->inputs)};
      llvm::append_range(operands, *tensors);
      Value part = getMatrix(rewriter, loc, result, index, rows, format->outputs);
      Value product = KernelCallOp::create(rewriter, loc, kernel, operands, part).getResult(0);
      result = insertMatrix(rewriter, loc, product, result, index, rows, format->outputs);
    }
    if (result.getType() != type)
      result = tensor::CastOp::create(rewriter, loc, type, result);
    kernels.replace(rewriter, op, result);
    return success();
  }

private:
  struct Place {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  static Place getPlace(OpBuilder &builder, int64_t index, OpFoldResult rows, int64_t columns) {
    OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
    return {{builder.getIndexAttr(index), zero, zero},
            {one, rows, builder.getIndexAttr(columns)},
            {one, one, one}};
  }

  /// Matrix `index` of a stack; a matrix is itself.
  static Value getMatrix(OpBuilder &builder, Location loc, Value stack, int64_t index,
                         OpFoldResult rows, int64_t columns) {
    if (cast<RankedTensorType>(stack.getType()).getRank() == 2)
      return stack;
    Place place = getPlace(builder, index, rows, columns);
    SmallVector<int64_t> shape;
    for (OpFoldResult size : ArrayRef(place.sizes).drop_front())
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    return tensor::ExtractSliceOp::create(builder, loc, type, stack, place.offsets, place.sizes,
                                          place.strides);
  }

  static Value insertMatrix(OpBuilder &builder, Location loc, Value matrix, Value stack,
                            int64_t index, OpFoldResult rows, int64_t columns) {
    Place place = getPlace(builder, index, rows, columns);
    return tensor::InsertSliceOp::create(builder, loc, matrix, stack, place.offsets, place.sizes,
                                         place.strides);
  }
};
} // namespace

void compress::populateQuantizedMatMulKernelPatterns(RewritePatternSet &patterns,
                                                     KernelContext &kernels) {
  patterns.add<QuantizedMatMulPattern>(kernels, /*benefit=*/2);
}
