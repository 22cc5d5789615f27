//===- SelectQuantizedLinear.cpp - linear ops with a compressed weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeWeight.h"
#include "LinearCall.h"
#include "TensorCodes.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Codegen/CPU/IntegerLinearKernel.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "compress/Codegen/CPU/QuantizedLinearKernel.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// linear of f32 with a quantized weight: codes stay codes in memory.
///
///   %w = compress.dequantize %q, %s    ->  %y = compress.kernel_call @linear_i4g32_...
///   %y = compress.linear %x, %w                   ins(%x as matrix, packed %q, packed %s)
///   outs(...)
///
/// Chains without a layout of their own are decoded now, with a remark.
struct QuantizedLinearPattern : public KernelPattern<LinearOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    FailureOr<LinearSite> site = matchLinear(rewriter, op);
    if (failed(site) || site->chain.isDense())
      return rewriter.notifyMatchFailure(op, "no compressed f32 weight");
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    EpilogueMatch match = matchEpilogue(kernels, op, op.getBias(), rank - 1);
    rewriter.setInsertionPoint(match.last);
    auto emitError = [&] { return op.emitOpError("weight: "); };

    std::string reason;
    if (FailureOr<CodeWeight> weight = readCodeWeight(kernels, site->chain, emitError, reason);
        succeeded(weight)) {
      WeightMatrix matrix = weight->getMatrix(site->inputDim);
      if (FailureOr<CodeFormat> format = getCodeFormat(matrix); succeeded(format)) {
        FailureOr<SmallVector<Value>> tensors = packCodeTensors(
            rewriter, kernels, op.getLoc(), kernels.getPackName(site->chain), matrix, *format);
        if (failed(tensors))
          return failure();
        func::FuncOp kernel = getQuantizedLinearKernel(kernels.library, {*format, match.epilogue});
        replaceLinear(rewriter, kernels, *site, match, kernel, op.getInput(), *tensors);
        return success();
      }
      reason = "no kernel reads its format";
    }

    remarkDense(op, site->chain, reason);
    FailureOr<Value> panels = packDensePanels(rewriter, kernels, *site, [&] {
      return decodeChain(kernels.store, site->chain, emitError);
    });
    if (failed(panels))
      return failure();
    func::FuncOp kernel =
        getLinearKernel(kernels.library, {site->inputs, site->outputs, match.epilogue});
    replaceLinear(rewriter, kernels, *site, match, kernel, op.getInput(), *panels);
    return success();
  }
};
} // namespace

/// Whether the codes of `op` have one scale in all, or one per row along the last dim.
static std::optional<bool> isPerRow(DequantizeOp op) {
  auto type = cast<RankedTensorType>(op.getCodes().getType());
  auto scale = cast<RankedTensorType>(op.getScale().getType());
  if (scale.getRank() == 0)
    return false;
  std::optional<ArrayRef<int64_t>> block = op.getBlock();
  if (!block || type.getRank() < 1 || block->back() != -1 || scale.getShape().back() != 1)
    return std::nullopt;
  if (!llvm::all_of(block->drop_back(), [](int64_t size) { return size == 1; }))
    return std::nullopt;
  return true;
}

namespace {
/// linear of codes of at most 8 bits with an 8-bit weight: exact integer sums.
///
///   %x = compress.dequantize %c, %xs   ->  %y = compress.kernel_call @linear_s8row_s8_...
///   %w = compress.dequantize %q, %ws              ins(%c, %xs as matrices, packed %q, packed %ws)
///   %y = compress.linear %x, %w                   outs(...)
struct IntegerLinearPattern : public KernelPattern<LinearOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto x = op.getInput().getDefiningOp<DequantizeOp>();
    FailureOr<LinearSite> site = matchLinear(rewriter, op);
    if (!x || failed(site) || !explainUnsupported(site->chain).empty())
      return rewriter.notifyMatchFailure(op, "no quantized operands");
    auto element =
        dyn_cast<IntegerType>(cast<RankedTensorType>(x.getCodes().getType()).getElementType());
    std::optional<bool> perRow = isPerRow(x);
    // Codes of fewer bits become 8-bit ones with a zero point; signed ones of dynamic_quantize are
    // bytes in memory already.
    bool isShort = element && element.getWidth() < 8 && hasTensorCodes(op.getInput());
    bool isByte =
        element && (element.getWidth() == 8 || (!element.isUnsigned() && !x.getZeroPoint() &&
                                                x.getCodes().getDefiningOp<DynamicQuantizeOp>()));
    if (!perRow || !element || (!isByte && !isShort) ||
        (x.getZeroPoint() && !element.isUnsigned()) ||
        !cast<RankedTensorType>(x.getScale().getType()).getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "activations of another form");
    if (*perRow && !haveSameRows(x))
      return rewriter.notifyMatchFailure(op, "scales of maybe fewer rows");
    auto emitError = [&] { return op.emitOpError("weight: "); };
    FailureOr<EncodedWeight> weight = readEncodedWeight(kernels.store, site->chain, emitError);
    if (failed(weight))
      return failure();
    WeightMatrix matrix{*weight, site->inputDim};
    FailureOr<CodeFormat> format = getCodeFormat(matrix);
    bool isSymmetric = succeeded(format) && !format->hasZeroPoints && !format->hasTable &&
                       !format->floatType && format->bits == 8 && format->offset == 0 &&
                       format->group >= format->inputs;
    if (!isSymmetric)
      return rewriter.notifyMatchFailure(op, "no symmetric 8-bit weight per output");

    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    EpilogueMatch match = matchEpilogue(kernels, op, op.getBias(), rank - 1);
    IntegerLinearRequest request{site->inputs,
                                 site->outputs,
                                 !isShort && !element.isUnsigned(),
                                 isShort || x.getZeroPoint() != nullptr,
                                 *perRow,
                                 match.epilogue};
    rewriter.setInsertionPoint(match.last);
    FailureOr<SmallVector<Value>> tensors =
        packTensors(rewriter, *site, matrix, *format, request, emitError);
    if (failed(tensors))
      return failure();
    SmallVector<Value> activations{x.getCodes(), x.getScale()};
    if (isShort) {
      FailureOr<TensorCodes> codes = makeTensorCodes(rewriter, kernels, x);
      if (failed(codes))
        return failure();
      activations = {codes->codes, codes->scale, codes->zeroPoint};
    } else if (request.hasZeroPoint) {
      activations.push_back(x.getZeroPoint());
    }
    replaceLinear(rewriter, kernels, *site, match, getIntegerLinearKernel(kernels.library, request),
                  activations, *tensors);
    return success();
  }

private:
  /// Whether scales and zero points have the rows of the codes for all inputs.
  bool haveSameRows(DequantizeOp op) const {
    int64_t rows = cast<RankedTensorType>(op.getCodes().getType()).getRank() - 1;
    return llvm::all_of(llvm::seq<int64_t>(0, rows), [&](int64_t dim) {
      return kernels.lowering.isEqual(op.getCodes(), dim, op.getScale(), dim) &&
             (!op.getZeroPoint() ||
              kernels.lowering.isEqual(op.getCodes(), dim, op.getZeroPoint(), dim));
    });
  }

  /// Weights, scales, and sums if the activations have a zero point.
  FailureOr<SmallVector<Value>> packTensors(OpBuilder &builder, const LinearSite &site,
                                            const WeightMatrix &matrix, const CodeFormat &format,
                                            const IntegerLinearRequest &request,
                                            EmitErrorFn emitError) const {
    const CpuTarget &target = kernels.library.getTarget();
    MLIRContext *context = builder.getContext();
    Location loc = site.op->getLoc();
    std::string name = kernels.getPackName(site.chain) + ".panels" +
                       std::to_string(target.getPanelWidth()) + (site.inputDim == 0 ? "" : ".t");
    FailureOr<StoredTensor> expanded = StoredTensor();
    if (matrix.weight.pattern)
      expanded = expandValues(kernels.store, matrix.weight, emitError);
    if (failed(expanded))
      return failure();
    const StoredTensor &codes = matrix.weight.pattern ? *expanded : matrix.weight.values;
    std::vector<int8_t> unpacked(codes.getType().getNumElements());
    unpackCodes(reinterpret_cast<const uint8_t *>(codes.bytes().data()), 0, unpacked.size(),
                getStorageBitWidth(codes.getDataType()), /*isSigned=*/true,
                reinterpret_cast<uint8_t *>(unpacked.data()));
    const int8_t *bytes = unpacked.data();
    int64_t strideK = site.inputDim == 0 ? site.outputs : 1;
    int64_t strideN = site.inputDim == 0 ? 1 : site.inputs;
    FailureOr<Value> packed = kernels.createPackedWeight(
        builder, loc, name + (request.getWeightOffset(target) ? ".u8" : ".s8"),
        request.getWeightType(context, target), [&](auto buffer) {
          packIntegerWeight(request, target, bytes, strideK, strideN,
                            reinterpret_cast<int8_t *>(buffer.data()));
          return success();
        });
    // One group: scales of codes and of columns lie alike.
    FailureOr<Value> scales = kernels.createPackedWeight(
        builder, loc, name + ".columns.scale",
        request.getColumnType(context, target, builder.getF32Type()), [&](auto buffer) {
          packScales(matrix, format, target.getPanelWidth(), buffer);
          return success();
        });
    if (failed(packed) || failed(scales))
      return failure();
    SmallVector<Value> tensors{*packed, *scales};
    if (!request.hasZeroPoint)
      return tensors;
    FailureOr<Value> sums = kernels.createPackedWeight(
        builder, loc, name + ".columns.sum",
        request.getColumnType(context, target, builder.getI32Type()), [&](auto buffer) {
          sumIntegerWeight(request, target, bytes, strideK, strideN,
                           reinterpret_cast<int32_t *>(buffer.data()));
          return success();
        });
    if (failed(sums))
      return failure();
    tensors.push_back(*sums);
    return tensors;
  }
};
} // namespace

void compress::populateQuantizedLinearKernelPatterns(RewritePatternSet &patterns,
                                                     KernelContext &kernels) {
  patterns.add<QuantizedLinearPattern>(kernels);
  patterns.add<IntegerLinearPattern>(kernels, /*benefit=*/2);
}
