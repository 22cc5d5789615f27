//===- InferenceSite.h - checks and messages of type inference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_INFERENCESITE_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_INFERENCESITE_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/Twine.h"
#include <optional>
#include <string>

namespace mlir {
namespace compress {

/// "[2, ?]", for messages.
std::string dimsToString(ArrayRef<int64_t> dims);

/// The type as it is printed, for messages.
std::string typeToString(Type type);

/// True if two sizes can be the same one: equal, or one of them dynamic.
inline bool isSameDim(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

/// Of two sizes that are the same one, the static one if there is one.
inline int64_t refineDim(int64_t a, int64_t b) { return ShapedType::isDynamic(a) ? b : a; }

/// Where type inference or a verifier reports to: an op name and maybe a location. Every check
/// reports "'<op>' op expects ..., got ..." and fails.
class InferenceSite {
public:
  InferenceSite(std::optional<Location> location, StringRef op) : location(location), op(op) {}

  /// Reports "'<op>' op <message>" if there is a location; always a failure.
  LogicalResult error(const Twine &message) const;

  /// Type of `value`, which must be a ranked tensor.
  FailureOr<RankedTensorType> getTensor(Value value, StringRef what) const;

  /// Adds a result type. Fails if its element count is more than 63 bits hold.
  LogicalResult push(ArrayRef<int64_t> dims, Type elementType, SmallVectorImpl<Type> &types) const;

  /// `0 <= axis < rank`.
  LogicalResult checkAxis(int64_t axis, int64_t rank) const;

  /// Every axis in `[0, rank)`, in increasing order.
  LogicalResult checkIncreasingAxes(ArrayRef<int64_t> axes, int64_t rank) const;

  /// `what` has the element type `expected`.
  LogicalResult checkElementType(StringRef what, Type actual, Type expected) const;

  /// `value` has rank 1 and the (maybe dynamic) size `size`.
  LogicalResult checkVector(StringRef what, RankedTensorType type, int64_t size) const;

  /// Sum of non-negative sizes, or a failure if it needs more than 63 bits.
  FailureOr<int64_t> add(int64_t a, int64_t b) const;

private:
  std::optional<Location> location;
  StringRef op;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_INFERENCESITE_H
