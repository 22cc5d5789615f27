//===- WindowShape.cpp - spatial parameters of convolutions and pools -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WindowShape.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

LogicalResult WindowShape::check(const InferenceSite &site, int64_t spatialRank) const {
  size_t rank = static_cast<size_t>(spatialRank);
  if (strides.size() != rank || llvm::any_of(strides, [](int64_t s) { return s <= 0; }))
    return site.error("expects " + Twine(spatialRank) + " positive strides, got " +
                      dimsToString(strides));
  if (dilations.size() != rank || llvm::any_of(dilations, [](int64_t d) { return d <= 0; }))
    return site.error("expects " + Twine(spatialRank) + " positive dilations, got " +
                      dimsToString(dilations));
  if (pads.size() != 2 * rank || llvm::any_of(pads, [](int64_t p) { return p < 0; }))
    return site.error("expects " + Twine(2 * spatialRank) + " non-negative pads, got " +
                      dimsToString(pads));
  return success();
}

/// `(kernel - 1) * dilation + 1`, or a failure if the kernel is empty or too large.
static FailureOr<int64_t> getDilatedKernel(const InferenceSite &site, int64_t kernel,
                                           int64_t dilation) {
  if (kernel < 1)
    return site.error("expects positive kernel sizes, got " + Twine(kernel));
  std::optional<int64_t> size = llvm::checkedMulAdd<int64_t>(kernel - 1, dilation, 1);
  if (!size)
    return site.error("expects a dilated kernel of less than 2^63, got kernel " + Twine(kernel) +
                      " and dilation " + Twine(dilation));
  return *size;
}

FailureOr<int64_t> WindowShape::getResultSize(const InferenceSite &site, int64_t dim, int64_t size,
                                              int64_t kernel, bool ceilMode) const {
  if (ShapedType::isDynamic(kernel))
    return ShapedType::kDynamic;
  FailureOr<int64_t> dilated = getDilatedKernel(site, kernel, dilations[dim]);
  if (failed(dilated))
    return failure();
  if (ShapedType::isDynamic(size))
    return ShapedType::kDynamic;
  FailureOr<int64_t> padded = site.add(size, pads[dim]);
  if (succeeded(padded))
    padded = site.add(*padded, pads[strides.size() + dim]);
  if (failed(padded))
    return failure();
  if (*dilated > *padded)
    return site.error("expects a dilated kernel that fits into the padded input size " +
                      Twine(*padded) + ", got " + Twine(*dilated));
  int64_t rest = *padded - *dilated, stride = strides[dim];
  int64_t count = rest / stride + 1;
  // The rounded-up window must start inside of the input or the padding at the begin.
  if (ceilMode && rest % stride != 0 && count <= (size + pads[dim] - 1) / stride)
    ++count;
  return count;
}

FailureOr<int64_t> WindowShape::getTransposedSize(const InferenceSite &site, int64_t dim,
                                                  int64_t size, int64_t kernel,
                                                  int64_t outputPadding) const {
  if (ShapedType::isDynamic(kernel))
    return ShapedType::kDynamic;
  FailureOr<int64_t> dilated = getDilatedKernel(site, kernel, dilations[dim]);
  if (failed(dilated))
    return failure();
  if (ShapedType::isDynamic(size))
    return ShapedType::kDynamic;
  std::optional<int64_t> total = llvm::checkedMulAdd<int64_t>(size - 1, strides[dim], *dilated);
  if (total)
    total = llvm::checkedAdd(*total, outputPadding);
  if (total)
    total = llvm::checkedSub(*total, pads[dim]);
  if (total)
    total = llvm::checkedSub(*total, pads[strides.size() + dim]);
  if (!total || *total <= 0)
    return site.error("expects positive result sizes of less than 2^63, got input size " +
                      Twine(size) + ", stride " + Twine(strides[dim]) + ", dilated kernel " +
                      Twine(*dilated) + ", pads " + Twine(pads[dim]) + " and " +
                      Twine(pads[strides.size() + dim]));
  return *total;
}

reference::WindowOptions WindowShape::getOptions() const {
  reference::WindowOptions options;
  options.strides.assign(strides.begin(), strides.end());
  options.padsBegin.assign(pads.begin(), pads.begin() + pads.size() / 2);
  options.padsEnd.assign(pads.begin() + pads.size() / 2, pads.end());
  options.dilations.assign(dilations.begin(), dilations.end());
  return options;
}

void mlir::compress::fixSpatialDims(DimensionRelations &relations, Value value, StringRef reason) {
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  for (int64_t dim = 2; dim < rank; ++dim)
    relations.fixed(value, dim, reason);
}
