//===- SelectMatMul.cpp - batched matrix products of f32 tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeWeight.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "compress/Codegen/CPU/MatMulKernel.h"
#include "compress/Conversion/KernelSelection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::compress;

static int64_t getRank(Value value) { return cast<RankedTensorType>(value.getType()).getRank(); }

/// Which of four dims each dim of a tensor stands for; the others, of size 1, go with the next one.
static SmallVector<ReassociationIndices> getGroups(const std::array<bool, 4> &kept) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices pending;
  for (auto [dim, isKept] : llvm::enumerate(kept)) {
    pending.push_back(static_cast<int64_t>(dim));
    if (isKept)
      groups.push_back(std::exchange(pending, {}));
  }
  if (!groups.empty())
    llvm::append_range(groups.back(), pending);
  return groups;
}

/// The last `rank` of four dims.
static std::array<bool, 4> getLastDims(int64_t rank) {
  return {rank > 3, rank > 2, rank > 1, rank > 0};
}

namespace {

/// An operand as four dims `[b0, b1, rows, columns]` of a tensor that is read in any order. A
/// vector is one row on the left and one column on the right.
struct MatMulOperand {
  /// The operand, and the tensor below a transpose that is absorbed.
  Value value, source;
  int64_t rank;
  std::array<int64_t, 4> order{0, 1, 2, 3};

  explicit MatMulOperand(Value value) : value(value), source(value), rank(getRank(value)) {}

  bool isVector() const { return rank == 1; }
  /// Dims of the operand, for matrices and vectors; -1: a size of 1.
  int64_t getBatchDim(int64_t batch) const { return std::max<int64_t>(rank - 4 + batch, -1); }
  int64_t getRowDim() const { return isVector() ? -1 : rank - 2; }
  int64_t getColumnDim() const { return isVector() ? -1 : rank - 1; }
  /// Dim that is contracted.
  int64_t getDepthDim(bool isLhs) const { return isLhs || isVector() ? rank - 1 : rank - 2; }

  /// Looks through a transpose.
  void absorbTranspose() {
    auto transpose = value.getDefiningOp<TransposeOp>();
    int64_t missing = 4 - rank;
    if (!transpose)
      return;
    source = transpose.getInput();
    for (auto [dim, from] : llvm::enumerate(transpose.getPerm()))
      order[static_cast<size_t>(missing) + dim] = missing + from;
  }
};

/// matmul -> kernel_call. Transposes of the operands become an order of indices; a constant rhs
/// (stacked experts) is packed at compile time:
///
///   %t = compress.transpose %k {perm = [0, 1, 3, 2]}
///   %y = compress.matmul %q, %t    ->  %y = compress.kernel_call @matmul_... ins(%q, %k) outs(...)
struct MatMulPattern : public KernelPattern<MatMulOp> {
  using KernelPattern::KernelPattern;

  LogicalResult matchAndRewrite(MatMulOp op, PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    if (!type.getElementType().isF32() ||
        !cast<RankedTensorType>(op.getLhs().getType()).getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "no kernel for this element type");
    MatMulOperand lhs(op.getLhs()), rhs(op.getRhs());
    if (lhs.rank > 4 || rhs.rank > 4)
      return rewriter.notifyMatchFailure(op, "no kernel for these ranks");

    Location loc = op.getLoc();
    lhs.absorbTranspose();
    rhs.absorbTranspose();
    if (rhs.order[2] != 3 && rhs.order[3] != 3)
      rhs = MatMulOperand(op.getRhs());
    if (rhs.isVector())
      rhs.order = {0, 1, 3, 2};
    MatMulShape shape;
    shape.lhsOrder = lhs.order;
    shape.rhsOrder = rhs.order;
    shape.depth = getStatic(rhs.value, rhs.getDepthDim(/*isLhs=*/false));
    if (ShapedType::isDynamic(shape.depth))
      shape.depth = getStatic(lhs.value, lhs.getDepthDim(/*isLhs=*/true));
    shape.columns = getStatic(rhs.value, rhs.getColumnDim());

    FailureOr<WeightChain> chain = getWeightChain(op.getRhs());
    Value packed;
    if (succeeded(chain) && !rhs.isVector() && chain->getType().hasStaticShape() &&
        chain->getType().getNumElements()) {
      FailureOr<Value> weight = packWeight(rewriter, op, *chain, shape);
      if (failed(weight))
        return failure();
      packed = *weight;
    }
    SmallVector<Value> inputs{expand(rewriter, lhs.source),
                              packed ? packed : expand(rewriter, rhs.source)};
    SmallVector<OpFoldResult> sizes = getResultSizes(rewriter, op, lhs, rhs);
    Value empty = createEmpty(rewriter, loc, sizes, type.getElementType());
    func::FuncOp kernel = getMatMulKernel(kernels.library, shape);
    Value result = KernelCallOp::create(rewriter, loc, kernel, inputs, empty).getResult(0);
    std::array<bool, 4> dims = getLastDims(std::max<int64_t>({lhs.rank, rhs.rank, 2}));
    dims[2] = !lhs.isVector();
    dims[3] = !rhs.isVector();
    if (type.getRank() < 4)
      result = tensor::CollapseShapeOp::create(rewriter, loc, result, getGroups(dims));
    if (result.getType() != type)
      result = tensor::CastOp::create(rewriter, loc, type, result);
    kernels.replace(rewriter, op, result);
    return success();
  }

private:
  int64_t getStatic(Value value, int64_t dim) const {
    return dim < 0 ? 1
                   : kernels.lowering.getConstantSize(value, dim).value_or(ShapedType::kDynamic);
  }

  OpFoldResult getSize(PatternRewriter &rewriter, Location loc, Value value, int64_t dim) const {
    if (dim < 0)
      return rewriter.getIndexAttr(1);
    return kernels.getSize(rewriter, loc, value, dim);
  }
  Value getSizeValue(PatternRewriter &rewriter, Location loc, Value value, int64_t dim) const {
    return getIndexValue(rewriter, loc, getSize(rewriter, loc, value, dim));
  }

  /// `value` with leading dims of size 1 up to rank 4.
  Value expand(PatternRewriter &rewriter, Value value) const {
    auto type = cast<RankedTensorType>(value.getType());
    int64_t missing = 4 - type.getRank();
    if (missing == 0)
      return value;
    SmallVector<int64_t> dims(static_cast<size_t>(missing), 1);
    SmallVector<OpFoldResult> sizes(static_cast<size_t>(missing), rewriter.getIndexAttr(1));
    Location loc = value.getLoc();
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      dims.push_back(type.getDimSize(dim));
      sizes.push_back(type.isDynamicDim(dim)
                          ? kernels.getSize(rewriter, loc, value, dim)
                          : OpFoldResult(rewriter.getIndexAttr(type.getDimSize(dim))));
      if (auto size = dyn_cast<Attribute>(sizes.back()))
        dims.back() = cast<IntegerAttr>(size).getInt();
    }
    if (!llvm::equal(ArrayRef(dims).drop_front(static_cast<size_t>(missing)), type.getShape())) {
      // Sizes that are the same for all inputs, which the type does not say.
      type = RankedTensorType::get(ArrayRef(dims).drop_front(static_cast<size_t>(missing)),
                                   type.getElementType());
      value = tensor::CastOp::create(rewriter, loc, type, value);
    }
    return tensor::ExpandShapeOp::create(rewriter, loc,
                                         RankedTensorType::get(dims, type.getElementType()), value,
                                         getGroups(getLastDims(type.getRank())), sizes);
  }

  /// Sizes of the rank-4 result. Sizes that may contradict each other are checked.
  SmallVector<OpFoldResult> getResultSizes(PatternRewriter &rewriter, MatMulOp op,
                                           const MatMulOperand &lhs,
                                           const MatMulOperand &rhs) const {
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes;
    for (int64_t batch = 0; batch < 2; ++batch)
      sizes.push_back(getBatchSize(rewriter, op, lhs.getBatchDim(batch), rhs.getBatchDim(batch)));
    sizes.push_back(getSize(rewriter, loc, lhs.value, lhs.getRowDim()));
    sizes.push_back(getSize(rewriter, loc, rhs.value, rhs.getColumnDim()));
    int64_t lhsDim = lhs.getDepthDim(/*isLhs=*/true), rhsDim = rhs.getDepthDim(/*isLhs=*/false);
    int64_t depth = getStatic(lhs.value, lhsDim);
    if (!kernels.lowering.isEqual(lhs.value, lhsDim, rhs.value, rhsDim) &&
        (ShapedType::isDynamic(depth) || depth != getStatic(rhs.value, rhsDim))) {
      Value x = getSizeValue(rewriter, loc, lhs.value, lhsDim);
      Value y = getSizeValue(rewriter, loc, rhs.value, rhsDim);
      check(rewriter, loc, compare(rewriter, loc, x, y), "contracted dims differ");
    }
    return sizes;
  }

  /// Size of a batch dim; negative dims are of size 1.
  OpFoldResult getBatchSize(PatternRewriter &rewriter, MatMulOp op, int64_t lhsDim,
                            int64_t rhsDim) const {
    Value lhs = op.getLhs(), rhs = op.getRhs();
    Location loc = op.getLoc();
    int64_t left = getStatic(lhs, lhsDim), right = getStatic(rhs, rhsDim);
    if (left == 1)
      return getSize(rewriter, loc, rhs, rhsDim);
    if (right == 1 || kernels.lowering.isEqual(lhs, lhsDim, rhs, rhsDim) ||
        (!ShapedType::isDynamic(left) && left == right))
      return getSize(rewriter, loc, lhs, lhsDim);
    Value x = getSizeValue(rewriter, loc, lhs, lhsDim);
    Value y = getSizeValue(rewriter, loc, rhs, rhsDim);
    Value one = arith::ConstantIndexOp::create(rewriter, loc, 1);
    Value isOne = compare(rewriter, loc, x, one);
    Value holds = arith::OrIOp::create(rewriter, loc, isOne, compare(rewriter, loc, y, one));
    holds = arith::OrIOp::create(rewriter, loc, holds, compare(rewriter, loc, x, y));
    check(rewriter, loc, holds, "batch dims do not broadcast");
    return arith::SelectOp::create(rewriter, loc, isOne, y, x).getResult();
  }

  static Value compare(PatternRewriter &rewriter, Location loc, Value x, Value y) {
    return arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, x, y);
  }
  static void check(PatternRewriter &rewriter, Location loc, Value holds, const Twine &what) {
    LoweringContext::check(rewriter, loc, holds, "matmul: " + what);
  }

  /// The matrices of a weight, packed; completes `shape`.
  FailureOr<Value> packWeight(PatternRewriter &rewriter, MatMulOp op, const WeightChain &chain,
                              MatMulShape &shape) const {
    auto value = cast<RankedTensorType>(op.getRhs().getType());
    RankedTensorType root = chain.getType();
    // Strides of the dims of the operand in the root, as `[b0, b1, k, n]`.
    std::array<int64_t, 4> sizes{1, 1, 1, 1}, strides{0, 0, 0, 0};
    SmallVector<int64_t> rootStrides = computeStrides(root.getShape());
    int64_t rank = value.getRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      int64_t from = chain.permutation.empty() ? dim : chain.permutation[static_cast<size_t>(dim)];
      sizes[static_cast<size_t>(4 - rank + dim)] = root.getDimSize(from);
      strides[static_cast<size_t>(4 - rank + dim)] = rootStrides[static_cast<size_t>(from)];
    }
    shape.depth = sizes[2];
    shape.columns = sizes[3];
    shape.packedBatches = {sizes[0], sizes[1]};
    shape.rhsOrder = {0, 1, 2, 3};
    if (!chain.isDense())
      remarkDense(op, chain, "no kernel of batched products reads it");

    int64_t width = kernels.library.getTarget().getPanelWidth();
    std::string name = kernels.getPackName(chain) + ".matmul" + std::to_string(width);
    for (int64_t dim : chain.permutation)
      name += "." + std::to_string(dim);
    RankedTensorType type =
        getPackedMatMulType(kernels.library.getTarget(), shape, rewriter.getF32Type());
    auto emitError = [&] { return op.emitOpError("weight: "); };
    return kernels.createPackedWeight(rewriter, op.getLoc(), name, type, [&](auto bytes) {
      FailureOr<StoredTensor> dense =
          chain.isDense() ? StoredTensor::read(kernels.store, chain.source, emitError)
                          : decodeChain(kernels.store, chain, emitError);
      if (failed(dense))
        return failure();
      auto *source = reinterpret_cast<const uint32_t *>(dense->bytes().data());
      auto *panels = reinterpret_cast<uint32_t *>(bytes.data());
      int64_t matrix = type.getNumElements() / type.getDimSize(0);
      for (int64_t batch = 0; batch < type.getDimSize(0); ++batch)
        packPanels(source + batch / sizes[1] * strides[0] + batch % sizes[1] * strides[1],
                   strides[2], strides[3], sizes[2], sizes[3], width, panels + batch * matrix);
      return success();
    });
  }
};
} // namespace

void compress::populateMatMulKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels) {
  patterns.add<MatMulPattern>(kernels);
}
