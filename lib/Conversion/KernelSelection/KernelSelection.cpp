//===- KernelSelection.cpp - model ops to kernel calls -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/KernelSelection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace mlir::compress;

FailureOr<Value> KernelContext::createPackedWeight(OpBuilder &builder, Location loc, StringRef name,
                                                   RankedTensorType type, PackFn pack) {
  FlatSymbolRefAttr &symbol = packed[type][name];
  if (!symbol) {
    auto emitError = [&] { return mlir::emitError(loc) << "packing '" << name << "': "; };
    FailureOr<WeightBuffer> buffer = store.allocate(type, emitError);
    if (failed(buffer) || failed(pack(buffer->bytes())))
      return failure();
    Attribute value = store.commit(name, type, std::move(*buffer));
    OpBuilder detached(builder.getContext());
    auto weight = WeightOp::create(detached, loc, builder.getStringAttr(name),
                                   builder.getStringAttr("private"), TypeAttr::get(type), value);
    symbol = FlatSymbolRefAttr::get(weights.insert(weight));
  }
  return LoadOp::create(builder, loc, type, symbol).getResult();
}

/// Appends what tells `value` from other values to `key`. Ops count by what they do, since rewrites
/// free and reuse their memory.
static void addToKey(Value value, std::vector<const void *> &key) {
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<WeightSourceOpInterface, DecodeOpInterface, FakeQuantizeOp, TransposeOp,
                       AddOp, ReshapeOp>(op)) {
    key.push_back(value.getAsOpaquePointer());
    return;
  }
  key.push_back(op->getName().getAsOpaquePointer());
  key.push_back(op->getPropertiesAsAttribute().getAsOpaquePointer());
  key.push_back(value.getType().getAsOpaquePointer());
  for (Value operand : op->getOperands())
    addToKey(operand, key);
}

std::string KernelContext::getPackName(const WeightChain &chain) {
  std::vector<const void *> key;
  addToKey(chain.root, key);
  std::string &name = packNames[std::move(key)];
  if (!name.empty())
    return name;
  std::string source = chain.getSourceName();
  name = source;
  for (unsigned count = 2; !usedPackNames.insert(name).second; ++count)
    name = source + "." + std::to_string(count);
  return name;
}

void KernelContext::checkSize(OpBuilder &builder, Location loc, Value value, int64_t dim,
                              int64_t size, const Twine &message) {
  if (lowering.getConstantSize(value, dim) == size)
    return;
  Value actual = getIndexValue(builder, loc, getSize(builder, loc, value, dim));
  Value expected = arith::ConstantIndexOp::create(builder, loc, size);
  LoweringContext::check(
      builder, loc, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, actual, expected),
      message);
}

void KernelContext::replace(RewriterBase &rewriter, Operation *op, Value value) {
  lowering.transfer(op->getResult(0), value);
  rewriter.replaceOp(op, value);
}

Value compress::castToStorage(OpBuilder &builder, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Type element = getStorageElementType(type.getElementType());
  if (element == type.getElementType())
    return value;
  // The conversion gives the value this type; the cast goes away then.
  return UnrealizedConversionCastOp::create(builder, value.getLoc(), type.clone(element), value)
      .getResult(0);
}

/// {{0, ..., rank - 2}, {rank - 1}}.
static SmallVector<ReassociationIndices> getMatrixGroups(int64_t rank) {
  SmallVector<ReassociationIndices> groups(2);
  for (int64_t dim = 0; dim < rank; ++dim)
    groups[dim == rank - 1].push_back(dim);
  return groups;
}

Value compress::collapseToMatrix(OpBuilder &builder, KernelContext &kernels, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  Location loc = value.getLoc();
  if (type.getRank() == 2)
    return value;
  if (type.getRank() > 2)
    return tensor::CollapseShapeOp::create(builder, loc, value, getMatrixGroups(type.getRank()));
  // A vector is a matrix of one row.
  auto matrix = RankedTensorType::get({1, type.getDimSize(0)}, type.getElementType());
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(1), kernels.getSize(builder, loc, value, 0)};
  return tensor::ExpandShapeOp::create(builder, loc, matrix, value,
                                       SmallVector<ReassociationIndices>{{0, 1}}, sizes);
}

Value compress::collapseToVector(OpBuilder &builder, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 1)
    return value;
  ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  return tensor::CollapseShapeOp::create(builder, value.getLoc(), value,
                                         SmallVector<ReassociationIndices>{all});
}

Value compress::expandFromMatrix(OpBuilder &builder, KernelContext &kernels, Value matrix,
                                 Value like, RankedTensorType type) {
  Location loc = matrix.getLoc();
  int64_t rank = type.getRank();
  Value result = matrix;
  if (rank == 1) {
    result = tensor::CollapseShapeOp::create(builder, loc, matrix,
                                             SmallVector<ReassociationIndices>{{0, 1}});
  } else if (rank > 2) {
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim = 0; dim < rank - 1; ++dim)
      sizes.push_back(kernels.getSize(builder, loc, like, dim));
    sizes.push_back(tensor::getMixedSize(builder, loc, matrix, 1));
    // Sizes may be known that the types do not say.
    SmallVector<int64_t> shape;
    for (OpFoldResult size : sizes)
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    ArrayRef<int64_t> leading = ArrayRef(shape).drop_back();
    if (!ShapedType::isDynamicShape(leading)) {
      auto known = type.clone({ShapedType::getNumElements(leading), shape.back()});
      if (known != matrix.getType())
        matrix = tensor::CastOp::create(builder, loc, known, matrix);
    }
    result = tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), matrix,
                                           getMatrixGroups(rank), sizes);
  }
  return result.getType() == type ? result : tensor::CastOp::create(builder, loc, type, result);
}

namespace {
/// Takes erased values out of what is known of sizes.
struct ForgetErased : public RewriterBase::Listener {
  explicit ForgetErased(LoweringContext &lowering) : lowering(lowering) {}
  void notifyOperationErased(Operation *op) override {
    for (Value result : op->getResults())
      lowering.forget(result);
  }
  LoweringContext &lowering;
};
} // namespace

LogicalResult compress::selectKernels(func::FuncOp function, KernelContext &kernels) {
  RewritePatternSet patterns(function.getContext());
  populateLinearKernelPatterns(patterns, kernels);
  populateQuantizedLinearKernelPatterns(patterns, kernels);
  populateConvKernelPatterns(patterns, kernels);
  populateAttentionKernelPatterns(patterns, kernels);
  populateRowKernelPatterns(patterns, kernels);
  populateMatMulKernelPatterns(patterns, kernels);
  populateQuantizedMatMulKernelPatterns(patterns, kernels);
  ForgetErased listener(kernels.lowering);
  GreedyRewriteConfig config;
  config.setListener(&listener);
  config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
      GreedySimplifyRegionLevel::Disabled);
  // Not all ops: the driver would erase sizes at the top of the function that have no users yet.
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<CompressDialect>(op->getDialect()))
      ops.push_back(op);
  });
  return applyOpPatternsGreedily(ops, std::move(patterns), config);
}
