//===- PoolingOps.cpp - pooling -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "WindowShape.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Contraction.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

LogicalResult PoolOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  if (failed(input))
    return failure();
  // C1
  if (input->getRank() < 3)
    return site.error("expects an input of rank 3 or more, got " + dimsToString(input->getShape()));
  // C2
  WindowShape window{adaptor.getStrides(), adaptor.getPads(), adaptor.getDilations()};
  ArrayRef<int64_t> kernel = adaptor.getKernel();
  int64_t spatialRank = input->getRank() - 2;
  if (static_cast<int64_t>(kernel.size()) != spatialRank ||
      llvm::any_of(kernel, [](int64_t size) { return size <= 0; }))
    return site.error("expects " + Twine(spatialRank) + " positive kernel sizes, got " +
                      dimsToString(kernel));
  if (failed(window.check(site, spatialRank)))
    return failure();
  // C3
  SmallVector<int64_t> dims(input->getShape());
  for (int64_t dim = 2; dim < input->getRank(); ++dim) {
    FailureOr<int64_t> size = window.getResultSize(site, dim - 2, input->getDimSize(dim),
                                                   kernel[dim - 2], adaptor.getCeilMode());
    if (failed(size))
      return failure();
    dims[dim] = *size;
  }
  return site.push(dims, input->getElementType(), types);
}

llvm::Expected<SmallVector<Tensor>> PoolOp::evaluate(ArrayRef<Tensor> operands) {
  WindowShape window{getStrides(), getPads(), getDilations()};
  if (getKind() == PoolKind::Average)
    return single(reference::averagePool(operands[0], getKernel(), window.getOptions(),
                                         getCeilMode(), getCountIncludePad()));
  llvm::Expected<reference::MaxPoolResult> result =
      reference::maxPool(operands[0], getKernel(), window.getOptions(), getCeilMode());
  if (!result)
    return result.takeError();
  return single(std::move(result->values));
}

void PoolOp::getDimensionRelations(DimensionRelations &relations) {
  relations.same(getInput(), 0, getResult(), 0);
  relations.same(getInput(), 1, getResult(), 1);
  fixSpatialDims(relations, getInput(), "a window slides over this dim");
  fixSpatialDims(relations, getResult(), "a window slides over this dim");
}
