//===- LoweredTensor.h - tensors of the dialect in other dialects -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Element-wise `linalg.generic` over tensors whose element types other compilers cannot compute
// with or store: `compress-lower-decode` is written with it.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWEREDTENSOR_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWEREDTENSOR_H

#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"

namespace mlir {
namespace compress {

/// A tensor as the lowered module has it.
struct LoweredTensor {
  /// Of the model's shape and elements as `getStorageElementType` says (stored bools are `i8`); or,
  /// if `isPacked`, the bytes of the flattened codes (rank 1).
  Value value;
  /// Type in the model.
  RankedTensorType type;
  bool isPacked = false;

  Type getElement() const { return type.getElementType(); }
  Type getStorage() const { return getStorageElementType(getElement()); }
  /// The element at `index`, as memory holds it (`getStorage()`).
  Value read(ScalarBuilder &b, ValueRange index) const;
  /// The same, in the compute type.
  Value load(ScalarBuilder &b, ValueRange index) const {
    return b.load(read(b, index), getElement());
  }
  /// Sizes of the model's dims.
  SmallVector<OpFoldResult> getSizes(OpBuilder &builder, Location loc) const;
};

/// Place of the element at `index` in the flattened tensor of `shape`.
Value flattenIndex(ScalarBuilder &b, ValueRange index, ArrayRef<int64_t> shape);

/// A constant with the bytes of `value`, which has type `type`, at the insertion point. `name` is
/// for blobs that have to be made.
FailureOr<LoweredTensor> createLoweredConstant(OpBuilder &builder, Location loc, WeightStore &store,
                                               StringRef name, Attribute value,
                                               RankedTensorType type, EmitErrorFn emitError);
/// The bytes of `value` as an attribute of builtin types only (no `#compress.file`).
FailureOr<TypedAttr> makeBuiltinValue(WeightStore &store, StringRef name, Attribute value,
                                      RankedTensorType type, EmitErrorFn emitError);

/// A value of another dialect, and back.
LoweredTensor castToLowered(OpBuilder &builder, Location loc, Value value);
Value castFromLowered(OpBuilder &builder, Location loc, const LoweredTensor &tensor);

/// An operand of a loop nest: along dim `i` its index is that of loop `i` divided by `block[i]`;
/// -1: index 0.
struct LoopOperand {
  const LoweredTensor *tensor;
  SmallVector<int64_t> block;
};

/// Blocks of an operand that has the index of the loops.
SmallVector<int64_t> getPlainBlocks(int64_t rank);

/// What memory holds of the results, from what it holds of the operands, at the index of the loops.
using LoopBody =
    function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange elements, ValueRange index)>;

/// One `linalg.generic` for each index of a tensor with these sizes. All `types` (of the model)
/// have the shape of the loops.
SmallVector<LoweredTensor> createLoops(OpBuilder &builder, Location loc,
                                       ArrayRef<RankedTensorType> types,
                                       ArrayRef<OpFoldResult> sizes, ArrayRef<LoopOperand> operands,
                                       LoopBody body);

/// Combines all elements of dims that are set in `reduced`, starting with zero; the result has the
/// other dims and the compute type of the elements.
Value reduceFromZero(OpBuilder &builder, Location loc, const LoweredTensor &tensor,
                     ArrayRef<bool> reduced,
                     function_ref<Value(ScalarBuilder &, Value sum, Value element)> combine);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWEREDTENSOR_H
