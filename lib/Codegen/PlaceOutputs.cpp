//===- PlaceOutputs.cpp - results to buffers of the caller -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Hoisting.h"
#include "compress/Codegen/MemoryPlan.h"
#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PLACEOUTPUTS
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// A size as a product: a static factor and values.
struct SizeProduct {
  int64_t factor = 1;
  SmallVector<Value> values;
};

/// The allocation that `value` is, seen through changes of shape; null if it is none, or a part.
static memref::AllocOp getWholeAllocation(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      return alloc;
    auto type = cast<MemRefType>(value.getType());
    if (!type.getLayout().isIdentity() ||
        !isa<memref::CastOp, memref::CollapseShapeOp, memref::ExpandShapeOp>(op))
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

/// Multiplies `product` by size `dim` of `value`, a view that `getWholeAllocation` saw through.
static void multiply(SizeProduct &product, Value value, int64_t dim) {
  auto type = cast<MemRefType>(value.getType());
  if (!type.isDynamicDim(dim)) {
    product.factor *= type.getDimSize(dim);
    return;
  }
  Operation *op = value.getDefiningOp();
  if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
    product.values.push_back(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
  } else if (auto expand = dyn_cast<memref::ExpandShapeOp>(op)) {
    product.values.push_back(cast<Value>(expand.getMixedOutputShape()[dim]));
  } else if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
    SmallVector<ReassociationIndices> groups = collapse.getReassociationIndices();
    for (int64_t source : groups[dim])
      multiply(product, collapse.getSrc(), source);
  } else {
    multiply(product, op->getOperand(0), dim);
  }
}

/// a * b, which may be too large for a number.
static int64_t multiplyWrapping(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

/// Multiplies `product` by the factors of `value`.
static void multiplyFactors(SizeProduct &product, Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value)) {
    product.factor = multiplyWrapping(product.factor, *constant);
  } else if (auto mul = value.getDefiningOp<arith::MulIOp>()) {
    multiplyFactors(product, mul.getLhs());
    multiplyFactors(product, mul.getRhs());
  } else {
    product.values.push_back(value);
  }
}

/// The number of elements of a memref of `type`, as sorted factors.
static SizeProduct countElements(MemRefType type, ValueRange dynamicSizes) {
  SizeProduct product;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      product.factor = multiplyWrapping(product.factor, size);
  for (Value size : dynamicSizes)
    multiplyFactors(product, size);
  llvm::sort(product.values,
             [](Value a, Value b) { return a.getAsOpaquePointer() < b.getAsOpaquePointer(); });
  return product;
}

static OpFoldResult emitProduct(OpBuilder &builder, Location loc, const SizeProduct &product) {
  if (product.values.empty())
    return builder.getIndexAttr(product.factor);
  Value result = product.values.front();
  for (Value value : ArrayRef(product.values).drop_front())
    result = arith::MulIOp::create(builder, loc, result, value);
  if (product.factor == 1)
    return result;
  Value factor = arith::ConstantIndexOp::create(builder, loc, product.factor);
  return arith::MulIOp::create(builder, loc, result, factor).getResult();
}

/// Stops the run unless an output has as many elements as what is written to it. Checks of the ops
/// that change its shape come later: after the elements have been written.
static void checkElements(OpBuilder &builder, Location loc, unsigned index, SizeProduct elements,
                          SizeProduct written) {
  if (elements.factor == written.factor && elements.values == written.values)
    return;
  auto emit = [&](const SizeProduct &product) {
    return getValueOrCreateConstantIndexOp(builder, loc, emitProduct(builder, loc, product));
  };
  Value isEqual =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, emit(elements), emit(written));
  cf::AssertOp::create(
      builder, loc, isEqual,
      ("a reshape on the way to output " + Twine(index) + " changes the number of elements").str());
}

static Value createOutput(OpBuilder &builder, Location loc, MemRefType type, ValueRange sizes,
                          unsigned index) {
  auto alloc = memref::AllocOp::create(builder, loc, type, sizes,
                                       builder.getI64IntegerAttr(bufferAlignment));
  alloc->setAttr("compress.output", builder.getI64IntegerAttr(index));
  return alloc;
}

/// `buffer` as a dense memref of `type`, whose dynamic sizes are `sizes`.
static Value createReshape(OpBuilder &builder, Location loc, Value buffer, MemRefType type,
                           ValueRange dynamicSizes) {
  SmallVector<OpFoldResult> sizes, strides(type.getRank());
  unsigned next = 0;
  for (int64_t size : type.getShape())
    sizes.push_back(ShapedType::isDynamic(size) ? OpFoldResult(dynamicSizes[next++])
                                                : OpFoldResult(builder.getIndexAttr(size)));
  SizeProduct stride;
  for (int64_t dim = type.getRank(); dim-- > 0;) {
    strides[dim] = emitProduct(builder, loc, stride);
    if (auto size = dyn_cast<Value>(sizes[dim]))
      stride.values.push_back(size);
    else
      stride.factor *= type.getDimSize(dim);
  }
  Value view = memref::ReinterpretCastOp::create(builder, loc, buffer, builder.getIndexAttr(0),
                                                 sizes, strides);
  return view.getType() == type ? view : memref::CastOp::create(builder, loc, type, view);
}

/// Makes the allocation behind `value` the buffer of output `index`, if its sizes as an output are
/// known where it is allocated.
static bool adoptAllocation(Value value, unsigned index) {
  auto type = cast<MemRefType>(value.getType());
  memref::AllocOp alloc = getWholeAllocation(value);
  if (!alloc || alloc->hasAttr("compress.output") || !isa<func::FuncOp>(alloc->getParentOp()) ||
      !alloc.getType().getLayout().isIdentity())
    return false;
  SmallVector<SizeProduct> products;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim)) {
      multiply(products.emplace_back(), value, dim);
      if (!llvm::all_of(products.back().values,
                        [&](Value size) { return canHoistBefore(size, alloc); }))
        return false;
    }
  OpBuilder builder(alloc);
  SmallVector<Value> sizes;
  for (const SizeProduct &product : products) {
    for (Value size : product.values)
      hoistBefore(size, alloc);
    sizes.push_back(getValueOrCreateConstantIndexOp(builder, alloc.getLoc(),
                                                    emitProduct(builder, alloc.getLoc(), product)));
  }
  checkElements(builder, alloc.getLoc(), index, countElements(type, sizes),
                countElements(alloc.getType(), alloc.getDynamicSizes()));
  Value output = createOutput(builder, alloc.getLoc(), type, sizes, index);
  if (type != alloc.getType())
    output =
        createReshape(builder, alloc.getLoc(), output, alloc.getType(), alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(output);
  alloc.erase();
  return true;
}

static void copyToOutput(Value value, unsigned index, func::ReturnOp end) {
  OpBuilder builder(end);
  auto type = cast<MemRefType>(value.getType());
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(memref::DimOp::create(builder, end.getLoc(), value, dim));
  Value output = createOutput(builder, end.getLoc(), type, sizes, index);
  memref::CopyOp::create(builder, end.getLoc(), value, output);
}

namespace {
class PlaceOutputsPass : public compress::impl::PlaceOutputsBase<PlaceOutputsPass> {
public:
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isPublic() || function.isDeclaration() || !function.getNumResults())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitOpError("expects structured control flow");
      return signalPassFailure();
    }
    auto end = cast<func::ReturnOp>(function.getBody().front().getTerminator());
    for (auto [index, type] : llvm::enumerate(end.getOperandTypes())) {
      auto memref = dyn_cast<MemRefType>(type);
      if (!memref || !memref.getLayout().isIdentity()) {
        function.emitOpError("expects results that are dense memrefs, got ")
            << type << " for result " << index;
        return signalPassFailure();
      }
    }
    for (unsigned index = 0; index < end.getNumOperands(); ++index)
      if (!adoptAllocation(end.getOperand(index), index))
        copyToOutput(end.getOperand(index), index, end);
    end->setOperands({});
    if (failed(function.eraseResults(llvm::BitVector(function.getNumResults(), true))))
      signalPassFailure();
  }
};
} // namespace
