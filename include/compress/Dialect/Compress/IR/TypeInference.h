//===- TypeInference.h - shared helpers of type inference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_TYPEINFERENCE_H
#define COMPRESS_DIALECT_COMPRESS_IR_TYPEINFERENCE_H

#include "compress/Reference/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace mlir {
namespace compress {

/// True if every actual type can be the inferred one: same element type and rank, and no two
/// different static sizes.
bool areCompatibleResultTypes(TypeRange inferred, TypeRange actual);

/// Pushes the type of an element-wise op with NumPy broadcasting over `operands`, which must be
/// ranked tensors. `elementType` null: all operands have the same one, which the result gets.
/// A dynamic dim against a static one other than 1 gives the static one.
LogicalResult inferBroadcast(MLIRContext *context, std::optional<Location> location, StringRef op,
                             ValueRange operands, Type elementType, SmallVectorImpl<Type> &types);

/// Shape that two shapes broadcast to; failure if they do not. Dims may be dynamic.
FailureOr<SmallVector<int64_t>> broadcastDims(ArrayRef<int64_t> a, ArrayRef<int64_t> b);

/// The integers of a value that is a `compress.constant` (or another op with a constant folder), in
/// row-major order; nothing if it is none or has more than 65536 elements.
std::optional<SmallVector<int64_t>> getConstantIntegers(Value value);

/// The result list of a reference function with one result.
llvm::Expected<SmallVector<reference::Tensor>> single(llvm::Expected<reference::Tensor> tensor);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_IR_TYPEINFERENCE_H
