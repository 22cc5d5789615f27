//===- KernelBuilder.cpp - writes the body of a kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::compress;

VectorType KernelBuilder::getVectorType(int64_t lanes, Type elementType) {
  return VectorType::get({lanes}, elementType ? elementType : getF32Type());
}

//===----------------------------------------------------------------------===//
// Constants and index arithmetic
//===----------------------------------------------------------------------===//

Value KernelBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, getLoc(), value);
}

Value KernelBuilder::f32(float value) { return splat(getF32Type(), value); }

Value KernelBuilder::i32(int32_t value) { return splatInt(getI32Type(), value); }

Value KernelBuilder::splat(Type type, double value) {
  auto element = cast<FloatType>(getElementTypeOrSelf(type));
  TypedAttr attr = getFloatAttr(element, value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return create<arith::ConstantOp>(attr);
}

Value KernelBuilder::splatInt(Type type, int64_t value) {
  TypedAttr attr = getIntegerAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return create<arith::ConstantOp>(attr);
}

/// The value of a constant index.
static std::optional<int64_t> getConstant(Value value) { return getConstantIntValue(value); }

Value KernelBuilder::add(Value a, Value b) {
  if (std::optional<int64_t> y = getConstant(b)) {
    if (*y == 0)
      return a;
    if (std::optional<int64_t> x = getConstant(a); x && a.getType().isIndex())
      return index(*x + *y);
  }
  if (getConstant(a) == 0)
    return b;
  return create<arith::AddIOp>(a, b);
}

Value KernelBuilder::add(Value a, int64_t b) { return b ? add(a, index(b)) : a; }

Value KernelBuilder::sub(Value a, Value b) {
  std::optional<int64_t> x = getConstant(a), y = getConstant(b);
  if (y == 0)
    return a;
  if (x && y && a.getType().isIndex())
    return index(*x - *y);
  return create<arith::SubIOp>(a, b);
}

Value KernelBuilder::mul(Value a, Value b) {
  std::optional<int64_t> x = getConstant(a), y = getConstant(b);
  if (x && y && a.getType().isIndex())
    return index(*x * *y);
  if (x == 1)
    return b;
  if (y == 1)
    return a;
  return create<arith::MulIOp>(a, b);
}

Value KernelBuilder::mul(Value a, int64_t b) { return mul(a, index(b)); }

Value KernelBuilder::floorDiv(Value a, int64_t b) {
  if (b == 1)
    return a;
  if (std::optional<int64_t> x = getConstant(a))
    return index(*x / b);
  return create<arith::DivUIOp>(a, index(b));
}

Value KernelBuilder::ceilDiv(Value a, int64_t b) { return floorDiv(add(a, b - 1), b); }

Value KernelBuilder::rem(Value a, int64_t b) {
  if (std::optional<int64_t> x = getConstant(a))
    return index(*x % b);
  return create<arith::RemUIOp>(a, index(b));
}

Value KernelBuilder::min(Value a, Value b) {
  std::optional<int64_t> x = getConstant(a), y = getConstant(b);
  if (x && y && a.getType().isIndex())
    return index(std::min(*x, *y));
  return create<arith::MinSIOp>(a, b);
}

Value KernelBuilder::max(Value a, Value b) {
  std::optional<int64_t> x = getConstant(a), y = getConstant(b);
  if (x && y && a.getType().isIndex())
    return index(std::max(*x, *y));
  return create<arith::MaxSIOp>(a, b);
}

Value KernelBuilder::less(Value a, Value b) {
  return create<arith::CmpIOp>(arith::CmpIPredicate::slt, a, b);
}

Value KernelBuilder::dim(Value memref, int64_t dim) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dim))
    return index(type.getDimSize(dim));
  return create<memref::DimOp>(memref, dim);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void KernelBuilder::forLoop(Value begin, Value end, int64_t step, Body body) {
  forLoop(begin, end, step, {}, [&](Value iv, ValueRange) -> SmallVector<Value> {
    body(iv);
    return {};
  });
}

SmallVector<Value> KernelBuilder::forLoop(Value begin, Value end, int64_t step, ValueRange init,
                                          CarriedBody body) {
  auto loop = create<scf::ForOp>(begin, end, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  Block *block = loop.getBody();
  if (init.empty())
    setInsertionPoint(block->getTerminator());
  else
    setInsertionPointToEnd(block);
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!init.empty())
    create<scf::YieldOp>(results);
  return SmallVector<Value>(loop.getResults());
}

void KernelBuilder::parallelFor(Value count, Body body) {
  auto loop =
      create<scf::ParallelOp>(ValueRange{index(0)}, ValueRange{count}, ValueRange{index(1)});
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVars()[0]);
}

void KernelBuilder::parallelFor(Value count, Value grain, Body body) {
  if (getConstant(grain) == 1)
    return parallelFor(count, body);
  parallelForPieces(count, grain, [&](Value begin, Value end) { forLoop(begin, end, 1, body); });
}

void KernelBuilder::parallelForPieces(Value count, Value grain,
                                      function_ref<void(Value, Value)> body) {
  Value last = sub(add(count, grain), index(1));
  parallelFor(create<arith::DivUIOp>(last, grain), [&](Value piece) {
    Value begin = mul(piece, grain);
    body(begin, min(add(begin, grain), count));
  });
}

Value KernelBuilder::getGrain(Value work, int64_t minWork) {
  return add(createOrFold<arith::DivUIOp>(index(minWork), add(work, 1)), 1);
}

void KernelBuilder::ifThen(Value condition, function_ref<void()> then,
                           function_ref<void()> otherwise) {
  bool hasElse = static_cast<bool>(otherwise);
  auto branch = create<scf::IfOp>(TypeRange(), condition, /*addThenBlock=*/true, hasElse);
  OpBuilder::InsertionGuard guard(*this);
  auto emit = [&](Block *block, function_ref<void()> body) {
    setInsertionPointToEnd(block);
    body();
    create<scf::YieldOp>();
  };
  emit(branch.thenBlock(), then);
  if (hasElse)
    emit(branch.elseBlock(), otherwise);
}

//===----------------------------------------------------------------------===//
// Memory and vectors
//===----------------------------------------------------------------------===//

Value KernelBuilder::load(int64_t lanes, Value memref, ValueRange indices) {
  Type element = cast<MemRefType>(memref.getType()).getElementType();
  return create<vector::LoadOp>(getVectorType(lanes, element), memref, indices);
}

void KernelBuilder::store(Value vector, Value memref, ValueRange indices) {
  create<vector::StoreOp>(vector, memref, indices);
}

Value KernelBuilder::getMask(int64_t lanes, OpFoldResult count) {
  VectorType type = getVectorType(lanes, getI1Type());
  std::optional<int64_t> known = getConstantIntValue(count);
  if (!known)
    return create<vector::CreateMaskOp>(type, cast<Value>(count));
  SmallVector<bool> bits(lanes);
  std::fill_n(bits.begin(), std::clamp<int64_t>(*known, 0, lanes), true);
  return create<arith::ConstantOp>(DenseElementsAttr::get(type, bits));
}

/// Whether the first lane of a constant mask is set, and no other.
static bool isFirstLane(Value mask) {
  DenseElementsAttr bits;
  return matchPattern(mask, m_Constant(&bits)) && *bits.value_begin<bool>() &&
         llvm::count(bits.getValues<bool>(), true) == 1;
}

Value KernelBuilder::loadMasked(int64_t lanes, Value memref, ValueRange indices, Value mask,
                                double other) {
  if (!mask)
    return load(lanes, memref, indices);
  VectorType type = getVectorType(lanes, cast<MemRefType>(memref.getType()).getElementType());
  Value rest = isa<FloatType>(type.getElementType()) ? splat(type, other)
                                                     : splatInt(type, static_cast<int64_t>(other));
  return create<vector::MaskedLoadOp>(type, memref, indices, mask, rest);
}

void KernelBuilder::storeMasked(Value vector, Value memref, ValueRange indices, Value mask) {
  if (!mask)
    return store(vector, memref, indices);
  // LLVM 22 stores four bytes for a masked store of one lane of truncated integers.
  if (isFirstLane(mask))
    return storeScalar(create<vector::ExtractOp>(vector, ArrayRef<int64_t>{0}), memref, indices);
  create<vector::MaskedStoreOp>(memref, indices, mask, vector);
}

/// The mask of the first `count` lanes; null if that is all of them for certain.
static Value getPartMask(KernelBuilder &b, int64_t lanes, OpFoldResult count) {
  std::optional<int64_t> known = getConstantIntValue(count);
  return known && *known >= lanes ? Value() : b.getMask(lanes, count);
}

Value KernelBuilder::load(int64_t lanes, Value memref, ValueRange indices, OpFoldResult count) {
  return loadMasked(lanes, memref, indices, getPartMask(*this, lanes, count));
}

void KernelBuilder::store(Value vector, Value memref, ValueRange indices, OpFoldResult count) {
  int64_t lanes = cast<VectorType>(vector.getType()).getNumElements();
  storeMasked(vector, memref, indices, getPartMask(*this, lanes, count));
}

Value KernelBuilder::loadSplat(int64_t lanes, Value memref, ValueRange indices) {
  return broadcast(loadScalar(memref, indices), lanes);
}

Value KernelBuilder::broadcast(Value scalar, int64_t lanes) {
  return create<vector::BroadcastOp>(getVectorType(lanes, scalar.getType()), scalar);
}

Value KernelBuilder::loadScalar(Value memref, ValueRange indices) {
  return create<memref::LoadOp>(memref, indices);
}

void KernelBuilder::storeScalar(Value scalar, Value memref, ValueRange indices) {
  create<memref::StoreOp>(scalar, memref, indices);
}

Value KernelBuilder::scratch(ArrayRef<int64_t> shape, Type elementType) {
  auto type = MemRefType::get(shape, elementType);
  return create<memref::AllocaOp>(type, getI64IntegerAttr(64));
}

void KernelBuilder::withBuffer(MemRefType type, ValueRange dynamicSizes,
                               function_ref<void(Value)> body) {
  Value buffer = create<memref::AllocOp>(type, dynamicSizes, getI64IntegerAttr(64));
  body(buffer);
  create<memref::DeallocOp>(buffer);
}

Value KernelBuilder::fma(Value a, Value b, Value c) {
  if (isa<VectorType>(a.getType()))
    return create<vector::FMAOp>(a, b, c);
  return create<math::FmaOp>(a, b, c);
}

Value KernelBuilder::addf(Value a, Value b) { return create<arith::AddFOp>(a, b); }
Value KernelBuilder::subf(Value a, Value b) { return create<arith::SubFOp>(a, b); }
Value KernelBuilder::mulf(Value a, Value b) { return create<arith::MulFOp>(a, b); }
Value KernelBuilder::divf(Value a, Value b) { return create<arith::DivFOp>(a, b); }
Value KernelBuilder::maxf(Value a, Value b) { return create<arith::MaximumFOp>(a, b); }

Value KernelBuilder::intrinsic(StringRef name, Type result, ValueRange operands) {
  return create<LLVM::CallIntrinsicOp>(result, getStringAttr(name), operands).getResult(0);
}
