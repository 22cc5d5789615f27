//===- TypeInference.cpp - shared helpers of type inference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "InferenceSite.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::compress;

/// Largest constant that `getConstantIntegers` reads.
static constexpr int64_t kMaxConstantIntegers = 65536;

bool mlir::compress::areCompatibleResultTypes(TypeRange inferred, TypeRange actual) {
  if (inferred.size() != actual.size())
    return false;
  for (auto [a, b] : llvm::zip_equal(inferred, actual)) {
    if (a == b)
      continue;
    RankedTensorType x = dyn_cast<RankedTensorType>(a), y = dyn_cast<RankedTensorType>(b);
    if (!x || !y || x.getElementType() != y.getElementType() || x.getRank() != y.getRank())
      return false;
    for (int64_t i = 0; i < x.getRank(); ++i)
      if (!isSameDim(x.getDimSize(i), y.getDimSize(i)))
        return false;
  }
  return true;
}

/// Size that two sizes broadcast to, or nothing.
static std::optional<int64_t> broadcastDim(int64_t a, int64_t b) {
  if (a == b || b == 1)
    return a;
  if (a == 1)
    return b;
  // A dynamic size can only be 1 or equal to a static one that is not 1.
  if (ShapedType::isDynamic(a))
    return b;
  if (ShapedType::isDynamic(b))
    return a;
  return std::nullopt;
}

FailureOr<SmallVector<int64_t>> mlir::compress::broadcastDims(ArrayRef<int64_t> a,
                                                              ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  SmallVector<int64_t> dims(a);
  size_t offset = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    std::optional<int64_t> dim = broadcastDim(a[offset + i], b[i]);
    if (!dim)
      return failure();
    dims[offset + i] = *dim;
  }
  return dims;
}

LogicalResult mlir::compress::inferBroadcast(MLIRContext *context, std::optional<Location> location,
                                             StringRef op, ValueRange operands, Type elementType,
                                             SmallVectorImpl<Type> &types) {
  InferenceSite site(location, op);
  SmallVector<int64_t> dims;
  Type first;
  for (Value operand : operands) {
    FailureOr<RankedTensorType> type = site.getTensor(operand, "operand");
    if (failed(type))
      return failure();
    if (first && first != type->getElementType())
      return site.error("expects operands of one element type, got " + typeToString(first) +
                        " and " + typeToString(type->getElementType()));
    first = type->getElementType();
    FailureOr<SmallVector<int64_t>> merged = broadcastDims(dims, type->getShape());
    if (failed(merged))
      return site.error("expects operands that broadcast, got " + dimsToString(dims) + " and " +
                        dimsToString(type->getShape()));
    dims = std::move(*merged);
  }
  return site.push(dims, elementType ? elementType : first, types);
}

std::optional<SmallVector<int64_t>> mlir::compress::getConstantIntegers(Value value) {
  DenseIntElementsAttr elements;
  if (!value || !matchPattern(value, m_Constant(&elements)))
    return std::nullopt;
  IntegerType type = dyn_cast<IntegerType>(elements.getElementType());
  if (!type || type.getWidth() > 64 || elements.getNumElements() > kMaxConstantIntegers)
    return std::nullopt;
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  SmallVector<int64_t> integers;
  integers.reserve(elements.getNumElements());
  for (APInt element : elements.getValues<APInt>()) {
    if (isUnsigned && element.getActiveBits() > 63)
      return std::nullopt;
    integers.push_back(isUnsigned ? static_cast<int64_t>(element.getZExtValue())
                                  : element.getSExtValue());
  }
  return integers;
}

llvm::Expected<SmallVector<reference::Tensor>>
mlir::compress::single(llvm::Expected<reference::Tensor> tensor) {
  if (!tensor)
    return tensor.takeError();
  SmallVector<reference::Tensor> results;
  results.push_back(std::move(*tensor));
  return results;
}
