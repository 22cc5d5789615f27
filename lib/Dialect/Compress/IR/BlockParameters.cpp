//===- BlockParameters.cpp - checks of what belongs to blocks of values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BlockParameters.h"

using namespace mlir;
using namespace mlir::compress;

LogicalResult compress::checkShape(const InferenceSite &site, StringRef what,
                                   ArrayRef<int64_t> actual, ArrayRef<int64_t> expected) {
  bool isSame = actual.size() == expected.size();
  for (size_t i = 0; isSame && i < actual.size(); ++i)
    isSame = isSameDim(actual[i], expected[i]);
  if (isSame)
    return success();
  return site.error("expects " + what + " of shape " + dimsToString(expected) + ", got " +
                    dimsToString(actual));
}

FailureOr<SmallVector<int64_t>> compress::getBlockGrid(const InferenceSite &site,
                                                       ArrayRef<int64_t> dims,
                                                       std::optional<ArrayRef<int64_t>> block) {
  SmallVector<int64_t> grid;
  if (block && block->size() != dims.size())
    return site.error("expects a block with " + Twine(dims.size()) + " entries, got " +
                      dimsToString(*block));
  for (auto [size, dim] : llvm::zip(block.value_or(ArrayRef<int64_t>()), dims)) {
    if (size < 1 && size != -1)
      return site.error("expects block entries that are positive or -1, got " +
                        dimsToString(*block));
    if (ShapedType::isDynamic(dim))
      grid.push_back(size == -1 ? 1 : dim);
    else
      grid.push_back(dim == 0 ? 0 : (size == -1 ? 1 : (dim - 1) / size + 1));
  }
  return grid;
}

LogicalResult compress::checkScaleShape(const InferenceSite &site, ArrayRef<int64_t> dims,
                                        RankedTensorType scale,
                                        std::optional<ArrayRef<int64_t>> block) {
  FailureOr<SmallVector<int64_t>> grid = getBlockGrid(site, dims, block);
  if (failed(grid))
    return failure();
  return checkShape(site, "a scale", scale.getShape(), *grid);
}

void compress::relateParameter(DimensionRelations &relations, Value parameter, Value values,
                               std::optional<ArrayRef<int64_t>> block) {
  if (!parameter || !block)
    return;
  RankedTensorType type = cast<RankedTensorType>(parameter.getType());
  for (auto [dim, size] : llvm::enumerate(*block)) {
    if (size == 1)
      relations.same(parameter, dim, values, dim);
    else if (type.getDimSize(dim) != 1)
      relations.fixed(parameter, dim, "each entry belongs to a block of elements");
  }
}
