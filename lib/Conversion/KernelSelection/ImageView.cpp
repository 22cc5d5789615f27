//===- ImageView.cpp - tensors as images, for kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ImageView.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

/// A line in the middle of `[n, c, l]` and an image.
static SmallVector<ReassociationIndices> getLineGroups() { return {{0}, {1}, {2, 3}}; }

Value compress::toImage(OpBuilder &builder, Value value, ArrayRef<OpFoldResult> sizes,
                        bool isLine) {
  if (!isLine)
    return value;
  // Casts go away between conversions, not between reshapes.
  value = castToStorage(builder, value);
  auto type = cast<RankedTensorType>(value.getType());
  Location loc = value.getLoc();
  if (type.getRank() == 4)
    value = tensor::CollapseShapeOp::create(builder, loc, value, getLineGroups());
  auto image = RankedTensorType::get(
      {type.getDimSize(0), type.getDimSize(1), 1, type.getDimSize(2)}, type.getElementType());
  SmallVector<OpFoldResult> imageSizes{sizes[0], sizes[1], builder.getIndexAttr(1), sizes[2]};
  return tensor::ExpandShapeOp::create(builder, loc, image, value, getLineGroups(), imageSizes);
}

Value compress::callOnImages(OpBuilder &builder, Location loc, func::FuncOp kernel,
                             ValueRange operands, ArrayRef<OpFoldResult> sizes, bool isLine,
                             RankedTensorType type) {
  SmallVector<OpFoldResult> imageSizes(sizes);
  if (isLine)
    imageSizes = {sizes[0], sizes[1], builder.getIndexAttr(1), sizes[2]};
  Value empty = createEmpty(builder, loc, imageSizes, builder.getF32Type());
  Value result = KernelCallOp::create(builder, loc, kernel, operands, empty).getResult(0);
  if (isLine)
    result = tensor::CollapseShapeOp::create(builder, loc, result, getLineGroups());
  if (isLine && type.getRank() == 4) {
    auto line = cast<RankedTensorType>(result.getType());
    auto column = RankedTensorType::get(
        {line.getDimSize(0), line.getDimSize(1), line.getDimSize(2), 1}, type.getElementType());
    result = tensor::ExpandShapeOp::create(builder, loc, column, result, getLineGroups(), sizes);
  }
  if (result.getType() != type)
    result = tensor::CastOp::create(builder, loc, type, result);
  return result;
}
