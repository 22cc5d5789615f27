//===- ReshapeRelation.cpp - dims of reshaped values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/ReshapeRelation.h"
#include "ReshapeDims.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::relateReshape(DimensionRelations &relations, Value input, Value result) {
  relateReshape(relations, input, result,
                getReshapedDims(cast<RankedTensorType>(input.getType()).getShape(),
                                cast<RankedTensorType>(result.getType()).getShape()));
}
