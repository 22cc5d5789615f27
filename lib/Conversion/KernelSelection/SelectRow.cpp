//===- SelectRow.cpp - softmax, norms, sums, quantization, rotary -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/RowKernels.h"
#include "compress/Conversion/KernelSelection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// Sums along fewer columns are left to loops, which fuse with their neighbours.
static constexpr int64_t kMinSumLength = 16;

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A tensor of the shape of `type` with another element type.
static RankedTensorType withElement(RankedTensorType type, Type element) {
  return RankedTensorType::get(type.getShape(), element);
}

/// {{0, ..., axis - 1}, {axis, ..., rank - 1}}.
static SmallVector<ReassociationIndices> getRowGroups(int64_t rank, int64_t axis) {
  SmallVector<ReassociationIndices> groups(2);
  for (int64_t dim = 0; dim < rank; ++dim)
    groups[dim >= axis].push_back(dim);
  return groups;
}

/// `value` as a matrix whose rows are its dims from `axis` on; `axis` is the last dim, or not the
/// first.
static Value collapseToRows(OpBuilder &builder, KernelContext &kernels, Value value, int64_t axis) {
  int64_t rank = getTensorType(value).getRank();
  if (axis == rank - 1)
    return collapseToMatrix(builder, kernels, value);
  return tensor::CollapseShapeOp::create(builder, value.getLoc(), value, getRowGroups(rank, axis));
}

/// The inverse, for a value with the sizes of `like`.
static Value expandFromRows(OpBuilder &builder, KernelContext &kernels, Value matrix, Value like,
                            int64_t axis, RankedTensorType type) {
  if (axis == type.getRank() - 1)
    return expandFromMatrix(builder, kernels, matrix, like, type);
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(kernels.getSize(builder, matrix.getLoc(), like, dim));
  return tensor::ExpandShapeOp::create(builder, matrix.getLoc(), type, matrix,
                                       getRowGroups(type.getRank(), axis), sizes);
}

/// `tensor.empty` with the sizes of a matrix, or only its rows and `columns`.
static Value createEmptyLike(OpBuilder &builder, Value matrix, Type element,
                             std::optional<int64_t> columns = {}) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, matrix.getLoc(), matrix);
  if (columns)
    sizes[1] = builder.getIndexAttr(*columns);
  return createEmpty(builder, matrix.getLoc(), sizes, element);
}

/// Whether `value` has the dims of `input` from `axis` on.
static bool hasRowShape(KernelContext &kernels, Value value, Value input, int64_t axis) {
  RankedTensorType type = getTensorType(value);
  int64_t count = getTensorType(input).getRank() - axis, extra = type.getRank() - count;
  if (extra < 0 ||
      llvm::any_of(type.getShape().take_front(extra), [](int64_t size) { return size != 1; }))
    return false;
  return llvm::all_of(llvm::seq<int64_t>(0, count), [&](int64_t dim) {
    return kernels.lowering.isEqual(value, extra + dim, input, axis + dim);
  });
}

namespace {

/// softmax and log_softmax along the last dim.
template <typename OpTy>
struct SoftmaxPattern : public KernelPattern<OpTy> {
  using KernelPattern<OpTy>::KernelPattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    RankedTensorType type = getTensorType(op.getInput());
    if (!type.getElementType().isF32() || int64_t(op.getAxis()) != type.getRank() - 1)
      return rewriter.notifyMatchFailure(op, "not f32, or not along the last dim");
    KernelContext &kernels = this->kernels;
    Value x = collapseToMatrix(rewriter, kernels, op.getInput());
    auto call =
        KernelCallOp::create(rewriter, op.getLoc(),
                             getSoftmaxKernel(kernels.library, getTensorType(x).getDimSize(1),
                                              std::is_same_v<OpTy, LogSoftmaxOp>),
                             x, createEmptyLike(rewriter, x, type.getElementType()));
    kernels.replace(rewriter, op,
                    expandFromMatrix(rewriter, kernels, call.getResult(0), op.getInput(),
                                     cast<RankedTensorType>(op.getType())));
    return success();
  }
};

static Value getBias(LayerNormOp op) { return op.getBias(); }
static Value getBias(RMSNormOp) { return {}; }

/// layer_norm and rms_norm whose parameters have the shape of the normalised dims.
template <typename OpTy>
struct NormPattern : public KernelPattern<OpTy> {
  using KernelPattern<OpTy>::KernelPattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value input = op.getInput();
    RankedTensorType type = getTensorType(input);
    auto axis = static_cast<int64_t>(op.getAxis());
    if (!type.getElementType().isF32() || (axis == 0 && type.getRank() != 1))
      return rewriter.notifyMatchFailure(op, "not f32, or no rows");
    KernelContext &kernels = this->kernels;
    Value bias = getBias(op);
    if (!hasRowShape(kernels, op.getScale(), input, axis) ||
        (bias && !hasRowShape(kernels, bias, input, axis)))
      return rewriter.notifyMatchFailure(op, "parameters of another shape than the rows");

    Location loc = op.getLoc();
    Value x = collapseToRows(rewriter, kernels, input, axis);
    SmallVector<Value> operands{x, collapseToVector(rewriter, op.getScale())};
    if (bias)
      operands.push_back(collapseToVector(rewriter, bias));
    operands.push_back(arith::ConstantOp::create(rewriter, loc, op.getEpsilonAttr()));
    NormRequest request;
    request.length = getTensorType(x).getDimSize(1);
    request.hasMean = std::is_same_v<OpTy, LayerNormOp>;
    request.hasBias = bias != nullptr;
    auto call = KernelCallOp::create(rewriter, loc, getNormKernel(kernels.library, request),
                                     operands, createEmptyLike(rewriter, x, type.getElementType()));
    kernels.replace(rewriter, op,
                    expandFromRows(rewriter, kernels, call.getResult(0), input, axis,
                                   cast<RankedTensorType>(op.getType())));
    return success();
  }
};

/// Sums and means over the last dims.
struct RowSumPattern : public KernelPattern<ReduceOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(ReduceOp op, PatternRewriter &rewriter) const override {
    RankedTensorType type = getTensorType(op.getInput());
    ArrayRef<int64_t> axes = op.getAxes();
    auto count = static_cast<int64_t>(axes.size()), axis = type.getRank() - count;
    bool isMean = op.getKind() == ReduceKind::Mean;
    if (!type.getElementType().isF32() || (!isMean && op.getKind() != ReduceKind::Sum))
      return rewriter.notifyMatchFailure(op, "not a sum of f32");
    // Axes are distinct and increasing: the last ones, if the first is.
    if (count == 0 || axis == 0 || axes.front() != axis)
      return rewriter.notifyMatchFailure(op, "not over the last dims");
    if (Value input = op.getInput();
        input.hasOneUse() && isa_and_nonnull<MulOp, PowOp, AbsOp>(input.getDefiningOp()))
      return rewriter.notifyMatchFailure(op, "fuses with the computation of its input");
    int64_t length = 1;
    for (int64_t size : type.getShape().drop_front(axis))
      length = ShapedType::isDynamic(size) || ShapedType::isDynamic(length) ? ShapedType::kDynamic
                                                                            : length * size;
    if (!ShapedType::isDynamic(length) && length < kMinSumLength)
      return rewriter.notifyMatchFailure(op, "short rows");

    Location loc = op.getLoc();
    Value x = collapseToRows(rewriter, kernels, op.getInput(), axis);
    auto call =
        KernelCallOp::create(rewriter, loc, getRowSumKernel(kernels.library, length, isMean), x,
                             createEmptyLike(rewriter, x, type.getElementType(), 1));
    kernels.replace(rewriter, op, shapeSums(rewriter, op, call.getResult(0), axis));
    return success();
  }

private:
  /// `[rows, 1]` as the result of `op`.
  Value shapeSums(OpBuilder &builder, ReduceOp op, Value sums, int64_t axis) const {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    Value rows = tensor::CollapseShapeOp::create(builder, loc, sums,
                                                 SmallVector<ReassociationIndices>{{0, 1}});
    if (type.getRank() == 1)
      return rows;
    SmallVector<OpFoldResult> sizes(type.getRank(), builder.getIndexAttr(1));
    for (int64_t dim = 0; dim < axis; ++dim)
      sizes[dim] = kernels.getSize(builder, loc, op.getInput(), dim);
    ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    return tensor::ExpandShapeOp::create(builder, loc, type, rows,
                                         SmallVector<ReassociationIndices>{all}, sizes);
  }
};

/// dynamic_quantize of f32.
struct DynamicQuantizePattern : public KernelPattern<DynamicQuantizeOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(DynamicQuantizeOp op, PatternRewriter &rewriter) const override {
    Value input = op.getInput();
    RankedTensorType type = getTensorType(input);
    if (!type.getElementType().isF32() || type.getRank() == 0)
      return rewriter.notifyMatchFailure(op, "not f32, or a scalar");
    DynamicQuantizeRequest request;
    request.isPerRow = op.getGranularity() == DynamicGranularity::Row;
    auto codes = cast<IntegerType>(getTensorType(op.getCodes()).getElementType());
    request.isSigned = codes.isSignless();
    request.bits = codes.getWidth();
    Value x = collapseToMatrix(rewriter, kernels, input);
    request.length = getTensorType(x).getDimSize(1);

    Type f32 = type.getElementType(), i8 = rewriter.getI8Type();
    auto createParameters = [&](Type element) -> Value {
      if (request.isPerRow)
        return createEmptyLike(rewriter, x, element, 1);
      return createEmpty(rewriter, op.getLoc(),
                         SmallVector<OpFoldResult>(2, rewriter.getIndexAttr(1)), element);
    };
    Value outputs[] = {createEmptyLike(rewriter, x, i8), createParameters(f32),
                       createParameters(i8)};
    auto call = KernelCallOp::create(
        rewriter, op.getLoc(), getDynamicQuantizeKernel(kernels.library, request), x, outputs);
    SmallVector<Value> results;
    for (auto [result, matrix] : llvm::zip_equal(op->getResults(), call.getResults())) {
      Value shaped = shape(rewriter, matrix, input, getTensorType(result));
      kernels.lowering.transfer(result, shaped);
      results.push_back(shaped);
    }
    rewriter.replaceOp(op, results);
    return success();
  }

private:
  /// A result of the kernel as one of the op: a matrix, or one number, of signless integers.
  Value shape(OpBuilder &builder, Value matrix, Value input, RankedTensorType type) const {
    Location loc = matrix.getLoc();
    RankedTensorType storage = withElement(type, getTensorType(matrix).getElementType());
    Value shaped = type.getRank() == 0
                       ? Value(tensor::CollapseShapeOp::create(builder, loc, storage, matrix,
                                                               SmallVector<ReassociationIndices>()))
                       : expandFromMatrix(builder, kernels, matrix, input, storage);
    if (storage == type)
      return shaped;
    // ui8, i4 and ui4, which the conversion of types makes i8.
    return UnrealizedConversionCastOp::create(builder, loc, type, shaped).getResult(0);
  }
};

/// rotary_embedding whose tables are broadcast over whole dims.
struct RotaryPattern : public KernelPattern<RotaryEmbeddingOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(RotaryEmbeddingOp op, PatternRewriter &rewriter) const override {
    Value input = op.getInput();
    RankedTensorType type = getTensorType(input);
    if (!type.getElementType().isF32() || type.getRank() < 2)
      return rewriter.notifyMatchFailure(op, "not f32, or no rows");
    RotaryRequest request;
    request.shape = llvm::to_vector(type.getShape());
    std::optional<SmallVector<bool>> cosDims = getTableDims(op.getCos(), input);
    if (!cosDims || cosDims != getTableDims(op.getSin(), input))
      return rewriter.notifyMatchFailure(op, "tables of another shape");
    request.tableHasDim = *cosDims;

    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      sizes.push_back(kernels.getSize(rewriter, loc, input, dim));
    SmallVector<Value> operands{input, expandTable(rewriter, op.getCos(), type.getRank()),
                                expandTable(rewriter, op.getSin(), type.getRank())};
    auto call =
        KernelCallOp::create(rewriter, loc, getRotaryKernel(kernels.library, request), operands,
                             createEmpty(rewriter, loc, sizes, type.getElementType()));
    kernels.replace(rewriter, op, call.getResult(0));
    return success();
  }

private:
  /// Which dims of `input` before the last the table has; nothing if that is not known.
  std::optional<SmallVector<bool>> getTableDims(Value table, Value input) const {
    RankedTensorType type = getTensorType(table), inputType = getTensorType(input);
    int64_t missing = inputType.getRank() - type.getRank();
    if (missing < 0 || type.getRank() == 0 ||
        !kernels.lowering.isEqual(table, type.getRank() - 1, input, inputType.getRank() - 1))
      return std::nullopt;
    SmallVector<bool> result(inputType.getRank() - 1, false);
    for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim) {
      if (type.getDimSize(dim) == 1)
        continue;
      if (!kernels.lowering.isEqual(table, dim, input, missing + dim))
        return std::nullopt;
      result[missing + dim] = true;
    }
    return result;
  }

  /// `table` with dims of size 1 in front.
  Value expandTable(OpBuilder &builder, Value table, int64_t rank) const {
    RankedTensorType type = getTensorType(table);
    int64_t missing = rank - type.getRank();
    if (missing == 0)
      return table;
    SmallVector<int64_t> shape(missing, 1);
    shape.append(type.getShape().begin(), type.getShape().end());
    SmallVector<OpFoldResult> sizes(missing, builder.getIndexAttr(1));
    SmallVector<ReassociationIndices> groups(type.getRank());
    for (int64_t dim = 0; dim < rank; ++dim)
      groups[std::max<int64_t>(dim - missing, 0)].push_back(dim);
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      sizes.push_back(kernels.getSize(builder, table.getLoc(), table, dim));
    return tensor::ExpandShapeOp::create(builder, table.getLoc(),
                                         RankedTensorType::get(shape, type.getElementType()), table,
                                         groups, sizes);
  }
};

} // namespace

void compress::populateRowKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<SoftmaxPattern<SoftmaxOp>, SoftmaxPattern<LogSoftmaxOp>, NormPattern<LayerNormOp>,
               NormPattern<RMSNormOp>, RowSumPattern, DynamicQuantizePattern, RotaryPattern>(
      kernels);
}
