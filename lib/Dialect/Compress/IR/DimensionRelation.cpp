//===- DimensionRelation.cpp - how dims of values relate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

using namespace mlir;
using namespace mlir::compress;

void DimensionRelations::affine(Value part, int64_t dimPart, Value whole, int64_t dimWhole,
                                int64_t start, int64_t step) {
  DimensionRelation relation;
  relation.kind = DimensionRelation::Kind::Affine;
  relation.lhs.push_back({part, dimPart});
  relation.rhs.push_back({whole, dimWhole});
  relation.start = start;
  relation.step = step;
  relations.push_back(std::move(relation));
}

void DimensionRelations::mapped(Value part, int64_t dimPart, Value whole, int64_t dimWhole,
                                ArrayRef<int64_t> indices) {
  affine(part, dimPart, whole, dimWhole, 0, 1);
  relations.back().indices.assign(indices.begin(), indices.end());
}

void DimensionRelations::blocks(Value a, int64_t dimA, int64_t sizeA, Value b, int64_t dimB,
                                int64_t sizeB) {
  if (sizeA == 1 && sizeB == 1)
    return same(a, dimA, b, dimB);
  affine(a, dimA, b, dimB, sizeA, sizeB);
  relations.back().kind = DimensionRelation::Kind::Blocks;
}

void DimensionRelations::product(ArrayRef<DimOf> a, ArrayRef<DimOf> b) {
  if (a.size() == 1 && b.size() == 1)
    return same(a[0].value, a[0].dim, b[0].value, b[0].dim);
  DimensionRelation relation;
  relation.kind = DimensionRelation::Kind::Product;
  relation.lhs.assign(a.begin(), a.end());
  relation.rhs.assign(b.begin(), b.end());
  relations.push_back(std::move(relation));
}

void DimensionRelations::fixed(Value value, int64_t dim, StringRef reason) {
  DimensionRelation relation;
  relation.kind = DimensionRelation::Kind::Fixed;
  relation.lhs.push_back({value, dim});
  relation.reason = reason.str();
  relations.push_back(std::move(relation));
}

void DimensionRelations::sameShape(Value a, Value b) {
  int64_t rank = cast<RankedTensorType>(a.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    same(a, dim, b, dim);
}

void DimensionRelations::elementwise(Operation *op) {
  Value result = op->getResult(0);
  RankedTensorType resultType = cast<RankedTensorType>(result.getType());
  for (Value operand : op->getOperands()) {
    RankedTensorType type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      continue;
    int64_t offset = resultType.getRank() - type.getRank();
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.getDimSize(dim) != 1 || resultType.getDimSize(dim + offset) == 1)
        same(operand, dim, result, dim + offset);
  }
}

/// Fixes every dim of every ranked value.
static void fixAll(DimensionRelations &relations, ValueRange values, StringRef reason) {
  for (Value value : values)
    if (RankedTensorType type = dyn_cast<RankedTensorType>(value.getType()))
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        relations.fixed(value, dim, reason);
}

void DimensionRelations::allFixed(Operation *op, StringRef reason) {
  fixAll(*this, op->getOperands(), reason);
  fixAll(*this, op->getResults(), reason);
}

//===----------------------------------------------------------------------===//
// DimensionRemoval
//===----------------------------------------------------------------------===//

void DimensionRemoval::set(Value value, int64_t dim, int64_t oldSize, ArrayRef<int64_t> kept) {
  changes[value].push_back({dim, oldSize, SmallVector<int64_t>(kept)});
}

const DimensionRemoval::Change *DimensionRemoval::find(Value value, int64_t dim) const {
  auto it = changes.find(value);
  if (it == changes.end())
    return nullptr;
  const Change *change = llvm::find_if(it->second, [&](const Change &c) { return c.dim == dim; });
  return change == it->second.end() ? nullptr : change;
}

RankedTensorType DimensionRemoval::getNewType(Value value, RankedTensorType type) const {
  auto it = changes.find(value);
  if (it == changes.end())
    return type;
  SmallVector<int64_t> shape(type.getShape());
  for (const Change &change : it->second)
    shape[change.dim] = static_cast<int64_t>(change.kept.size());
  return type.clone(shape);
}
