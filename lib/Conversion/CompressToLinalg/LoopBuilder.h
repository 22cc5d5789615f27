//===- LoopBuilder.h - element-wise linalg.generic -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_LOOPBUILDER_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_LOOPBUILDER_H

#include "compress/Conversion/LoweringContext.h"
#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"
#include "llvm/ADT/SmallBitVector.h"

namespace mlir {
namespace compress {

/// How combining the elements of a reduction starts, and how one is added.
struct Reduction {
  Attribute identity;
  function_ref<Value(ScalarBuilder &, Value sum, ValueRange elements)> combine;
};

/// Builds `linalg.generic` ops over dims of values of the model (`like`). Inputs are broadcast to
/// those dims; where the IR does not say whether a dim is broadcast, the body reads the element
/// itself.
class LoopBuilder {
public:
  LoopBuilder(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
              ArrayRef<DimOf> like, ArrayRef<OpFoldResult> sizes);
  /// Over all dims of a value.
  LoopBuilder(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
              Value like, ArrayRef<OpFoldResult> sizes);

  /// `original` has the type of the model, `converted` that of memory. NumPy broadcasting: dims are
  /// aligned right, each has the size of the loop or 1 (checked at run time where not known).
  void addInput(Value original, Value converted);
  /// A parameter with one element per `block` (see `compress.quantize`; -1: the whole dim) of the
  /// loops; without blocks it is a scalar.
  void addBlocks(Value original, Value converted, std::optional<ArrayRef<int64_t>> block);
  /// A value computed before, whose dims are those of the loops that are set in `dims`, and its
  /// element type is a compute type.
  void addComputed(Value value, const llvm::SmallBitVector &dims) {
    addStored(value, cast<RankedTensorType>(value.getType()).getElementType(), dims);
  }
  /// The same, stored as elements of type `element`.
  void addStored(Value value, Type element, const llvm::SmallBitVector &dims);

  /// Computes an element of the result from elements of the inputs (compute types).
  using BodyFn = function_ref<Value(ScalarBuilder &, ValueRange)>;
  /// One element per index of the loops, as a tensor of `type` in memory. `element` is the type of
  /// the model that the body's value is stored as.
  Value create(RankedTensorType type, Type element, BodyFn body);
  /// Several results of the shape of the loops; the body gives what memory holds.
  SmallVector<Value> create(ArrayRef<RankedTensorType> types,
                            function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange)> body);

  /// Combines the elements of the `reduced` dims; the result has the other dims, in order, and the
  /// type of the reduction's identity.
  Value reduce(const llvm::SmallBitVector &reduced, const Reduction &reduction);
  /// The same for several values that are combined together.
  SmallVector<Value>
  reduce(const llvm::SmallBitVector &reduced, ArrayRef<Attribute> identities,
         function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange sums, ValueRange elements)>
             combine);

  int64_t getRank() const { return static_cast<int64_t>(sizes.size()); }
  ArrayRef<OpFoldResult> getSizes() const { return sizes; }

private:
  /// Where an input is read.
  struct Index {
    /// Loop, or -1 for index 0.
    int64_t loop = -1;
    /// What the loop's index is divided by.
    int64_t block = 1;
    /// 0 or 1 where a dim may be broadcast: what the index is multiplied with.
    Value stride;
    bool isPlain() const { return block == 1 && !stride; }
  };
  struct Input {
    Value value;
    Type element;
    SmallVector<Index> indices;
  };

  bool isSameSize(Value value, int64_t dim, int64_t loop) const;
  Index getBroadcastIndex(Value original, int64_t dim, int64_t loop);
  SmallVector<Value> loadInputs(ScalarBuilder &builder, ValueRange arguments);
  Operation *createGeneric(
      ArrayRef<Value> outputs, ArrayRef<AffineMap> outputMaps, const llvm::SmallBitVector &reduced,
      function_ref<SmallVector<Value>(ScalarBuilder &, ValueRange inputs, ValueRange outputs)>
          body);

  ConversionPatternRewriter &rewriter;
  Location loc;
  LoweringContext &lowering;
  SmallVector<DimOf> like;
  SmallVector<OpFoldResult> sizes;
  SmallVector<Input> inputs;
};

/// Sizes of `result`, the shape that `operands` (of the original IR) broadcast to.
SmallVector<OpFoldResult> getBroadcastSizes(ConversionPatternRewriter &rewriter, Location loc,
                                            LoweringContext &lowering, Value result,
                                            ValueRange operands);
/// Sizes of `result`, which has the shape of `operand`.
SmallVector<OpFoldResult> getSameSizes(ConversionPatternRewriter &rewriter, Location loc,
                                       LoweringContext &lowering, Value result, Value operand);
/// Stops the run unless two dims have the same size; nothing where that is known.
void checkSameSize(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
                   DimOf a, DimOf b, const Twine &message);
/// Product of sizes, as an index.
Value multiplySizes(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes);
/// `a + b`; the sum of a reduction may be computed in any order.
Value addInAnyOrder(OpBuilder &builder, Location loc, Value a, Value b);
/// `tensor.empty` of exactly this type.
Value createEmptyOfType(OpBuilder &builder, Location loc, RankedTensorType type,
                        ArrayRef<OpFoldResult> sizes);
/// A dim of size 1 in place of every dim of `inserted`; `type` is that of the result, `sizes` are
/// its sizes.
Value insertUnitDims(OpBuilder &builder, Location loc, Value value, RankedTensorType type,
                     ArrayRef<OpFoldResult> sizes, const llvm::SmallBitVector &inserted);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_LOOPBUILDER_H
