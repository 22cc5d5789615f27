//===- VectorCodes.cpp - codes of vectors ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockGrid.h"
#include "Common.h"
#include "compress/Reference/Quantization.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// Shape of the values of `codes`, or an error for operands that do not fit each other.
static Expected<SmallVector<int64_t>> getShape(StringRef op, const Tensor &codes,
                                               const Tensor &tables, int64_t axis, int64_t length) {
  if (llvm::Error error = checkInteger(op, codes, "codes"))
    return std::move(error);
  if (llvm::Error error = checkFloat(op, tables, "tables"))
    return std::move(error);
  if (tables.getRank() != 4 || tables.getDim(3) < 1)
    return opError(op, "tables have shape " + shapeToString(tables.getShape()) +
                           ", expected [subspaces, codebooks, entries, dim]");
  if (axis < 0 || axis >= codes.getRank() - 1)
    return opError(op, "axis " + Twine(axis) + " is outside of a result of rank " +
                           Twine(codes.getRank() - 1));
  if (length < 0)
    return opError(op, "length " + Twine(length) + " is negative");
  SmallVector<int64_t> shape(codes.getShape().drop_back());
  shape[axis] = length;
  SmallVector<int64_t> expected(codes.getShape());
  expected[axis] = length == 0 ? 0 : (length - 1) / tables.getDim(3) + 1;
  expected.back() = tables.getDim(1);
  if (llvm::Error error = checkShape(op, codes, expected, "codes"))
    return std::move(error);
  if (tables.getDim(0) != 1 && tables.getDim(0) != expected[axis])
    return opError(op, "tables have " + Twine(tables.getDim(0)) + " subspaces, expected 1 or " +
                           Twine(expected[axis]));
  return shape;
}

Expected<Tensor> reference::lookupVectors(const Tensor &codes, const Tensor &tables, int64_t axis,
                                          int64_t length, const Tensor *scale,
                                          ArrayRef<int64_t> block) {
  StringRef op = "lookup_vectors";
  Expected<SmallVector<int64_t>> shape = getShape(op, codes, tables, axis, length);
  if (!shape)
    return shape.takeError();
  Expected<BlockMap> blocks = BlockMap::create(op, *shape, block);
  if (!blocks)
    return blocks.takeError();
  if (scale) {
    if (llvm::Error error = checkType(op, *scale, tables.getType(), "scale"))
      return std::move(error);
    if (llvm::Error error = blocks->grid.empty() ? checkOneElement(op, *scale, "scale")
                                                 : checkShape(op, *scale, blocks->grid, "scale"))
      return std::move(error);
  }
  Expected<Tensor> scales = scale ? scale->clone() : Tensor();
  Expected<Tensor> result = Tensor::create(tables.getType(), *shape);
  if (!scales || !result)
    return inOp(op, llvm::joinErrors(scales.takeError(), result.takeError()));
  int64_t dim = tables.getDim(3), next = 0;
  auto entries = static_cast<uint64_t>(tables.getDim(2));
  uint64_t mask = ~uint64_t(0) >> (64 - getBitWidth(codes.getType()));
  bool isWide = tables.getType() == DataType::F64, hasSubspaces = tables.getDim(0) > 1;
  auto compute = [isWide](double a, double b, bool isProduct) {
    float x = static_cast<float>(a), y = static_cast<float>(b);
    if (isProduct)
      return isWide ? a * b : static_cast<double>(x * y);
    return isWide ? a + b : static_cast<double>(x + y);
  };
  std::optional<uint64_t> wrong;
  forEachIndex(*shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> place(index);
    int64_t vector = place[axis] / dim, element = place[axis] % dim;
    place[axis] = vector;
    place.push_back(0);
    double sum = 0;
    for (int64_t book = 0; book < tables.getDim(1); ++book) {
      place.back() = book;
      uint64_t code = static_cast<uint64_t>(codes.getInt(place)) & mask;
      if (code >= entries) {
        wrong = code;
        return;
      }
      double entry =
          tables.getFloat({hasSubspaces ? vector : 0, book, static_cast<int64_t>(code), element});
      sum = book == 0 ? entry : compute(sum, entry, /*isProduct=*/false);
    }
    if (scale)
      sum = compute(sum, scales->loadFloat(blocks->getSlot(index)), /*isProduct=*/true);
    result->storeFloat(next++, sum);
  });
  if (wrong)
    return opError(op, "code " + Twine(*wrong) + " is outside tables of " + Twine(entries) +
                           " entries");
  return result;
}
