//===- TensorBuilder.h - sizes, indices and tensors of a lowering -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_TENSORBUILDER_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_TENSORBUILDER_H

#include "compress/Conversion/LoweringContext.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir {
namespace compress {

/// Arithmetic on `index` values and conditions (`i1`) that folds constants, at the builder's
/// insertion point.
class IndexMath {
public:
  IndexMath(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  OpFoldResult index(int64_t value) { return builder.getIndexAttr(value); }
  Value value(OpFoldResult size) { return getIndexValue(builder, loc, size); }

  OpFoldResult add(OpFoldResult a, OpFoldResult b);
  OpFoldResult sub(OpFoldResult a, OpFoldResult b);
  OpFoldResult mul(OpFoldResult a, OpFoldResult b);
  /// Quotient and remainder of numbers that are not negative; `b` is positive.
  OpFoldResult div(OpFoldResult a, OpFoldResult b);
  OpFoldResult rem(OpFoldResult a, OpFoldResult b);
  OpFoldResult min(OpFoldResult a, OpFoldResult b);
  OpFoldResult max(OpFoldResult a, OpFoldResult b);
  OpFoldResult product(ArrayRef<OpFoldResult> factors);

  /// Signed comparison of two index values.
  OpFoldResult compare(arith::CmpIPredicate predicate, OpFoldResult a, OpFoldResult b);
  OpFoldResult equal(OpFoldResult a, OpFoldResult b) {
    return compare(arith::CmpIPredicate::eq, a, b);
  }
  OpFoldResult less(OpFoldResult a, OpFoldResult b) {
    return compare(arith::CmpIPredicate::slt, a, b);
  }
  OpFoldResult lessEqual(OpFoldResult a, OpFoldResult b) {
    return compare(arith::CmpIPredicate::sle, a, b);
  }
  OpFoldResult both(OpFoldResult a, OpFoldResult b);
  OpFoldResult either(OpFoldResult a, OpFoldResult b);
  OpFoldResult select(OpFoldResult condition, OpFoldResult a, OpFoldResult b);
  /// A condition that is known.
  static std::optional<bool> getKnown(OpFoldResult condition);

  /// `index` where it is not negative, else counted from the end of `size` elements.
  OpFoldResult wrap(OpFoldResult index, OpFoldResult size);
  /// An integer scalar as an index.
  Value toIndex(Value scalar);

  OpBuilder &builder;
  Location loc;
};

/// What the patterns that move or contract tensors build from. `op` is the name in error messages.
class TensorBuilder : public IndexMath {
public:
  TensorBuilder(ConversionPatternRewriter &rewriter, Location loc, LoweringContext &lowering,
                StringRef op)
      : IndexMath(rewriter, loc), rewriter(rewriter), lowering(lowering), op(op) {}

  /// A run-time check, unless `condition` is known to hold; the message begins with the op.
  void check(OpFoldResult condition, const Twine &message);
  /// A check that dims that `type` says the size of have the size that `compute` gives.
  void checkStaticSizes(RankedTensorType type, function_ref<OpFoldResult(int64_t)> compute);

  /// `value` with a type that is more or less static.
  Value cast(Value value, Type type);
  /// The same, with a check of the sizes that only `type` has.
  Value castChecked(Value value, Type type);

  /// The `count` integers of a tensor of rank 0 or 1; the length is checked.
  SmallVector<OpFoldResult> getElements(Value original, Value converted, int64_t count);
  /// The only element of a tensor (of any rank).
  Value getScalar(Value tensor);

  Value empty(ArrayRef<OpFoldResult> sizes, Type elementType);
  /// A tensor of `sizes` in which every element is `scalar`.
  Value fill(ArrayRef<OpFoldResult> sizes, Value scalar);
  Value constant(Type elementType, double value);
  /// Sizes of a converted value.
  SmallVector<OpFoldResult> getSizesOf(Value tensor) {
    return tensor::getMixedSizes(builder, loc, tensor);
  }

  using Body = function_ref<void(OpBuilder &, Location, ValueRange)>;
  /// `linalg.generic` with one output, which has the identity map, over `sizes`.
  Value map(ArrayRef<OpFoldResult> sizes, Type elementType, ValueRange inputs,
            ArrayRef<AffineMap> maps, Body body);
  /// `linalg.generic` that accumulates into `init`.
  Value contract(Value init, ValueRange inputs, ArrayRef<AffineMap> maps,
                 ArrayRef<utils::IteratorType> iterators, Body body);
  /// Extended (or rounded) to `elementType`; `isUnsigned` is that of the original type.
  Value convertElements(Value tensor, Type elementType, bool isUnsigned);

  Value slice(Value tensor, ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes,
              ArrayRef<OpFoldResult> strides = {});
  Value insert(Value part, Value into, ArrayRef<OpFoldResult> offsets,
               ArrayRef<OpFoldResult> sizes);

  /// `source` with other sizes but the same elements, as views. The expressions are those of the
  /// dims of both sides; where they do not prove that the numbers of elements agree, this is
  /// checked.
  Value reshape(Value source, ArrayRef<onnx::SymbolicExpr> from, ArrayRef<onnx::SymbolicExpr> to,
                ArrayRef<OpFoldResult> sizes);
  /// `reshape` that removes or inserts dims of size 1; the sizes of the others stay.
  Value dropDims(Value source, ArrayRef<int64_t> axes);
  Value insertDims(Value source, ArrayRef<int64_t> axes);

  /// Reads `converted` (dims as the last ones of `result`, from `first` of it on) as broadcast to
  /// `result` with sizes `sizes`: the value, and per dim of it the expression of the loop dim, 0
  /// where it has size 1. Where sizes of 1 are only known at run time, the value is copied.
  std::pair<Value, SmallVector<AffineExpr>> broadcast(Value original, Value converted, Value result,
                                                      ArrayRef<OpFoldResult> sizes, int64_t rank);

  ConversionPatternRewriter &rewriter;
  LoweringContext &lowering;
  StringRef op;
};

/// A scalar extended or rounded to `type`.
Value convertScalar(OpBuilder &builder, Location loc, Value scalar, Type type, bool isUnsigned);
/// Type in which products of elements of the (original) `type` are accumulated: `f32` for smaller
/// floats, `i32` for smaller integers.
Type getAccumulatorType(Type type);
/// Fails with an error at `op` if there is no arithmetic on elements of the original `type`: floats
/// of 8 bits and less are codes in memory.
LogicalResult checkArithmetic(Operation *op, Type type);
/// Whether the elements of an original tensor are unsigned.
bool isUnsignedTensor(Value original);

/// Replaces ops on small integer tensors whose result follows from the sizes of the inputs.
bool replaceByContents(ConversionPatternRewriter &rewriter, Operation *op,
                       LoweringContext &lowering);

/// A pattern that gets a builder; ops whose integers are known are replaced before.
template <typename OpTy>
class MovementPattern : public LoweringPattern<OpTy> {
public:
  using LoweringPattern<OpTy>::LoweringPattern;
  using Adaptor = typename LoweringPattern<OpTy>::OpAdaptor;

  LogicalResult matchAndRewrite(OpTy op, Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const final {
    for (Type type : op->getOperandTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type);
          !tensor ||
          !(tensor.getElementType().isIntOrFloat() || isa<ComplexType>(tensor.getElementType())))
        return op.emitError("cannot be compiled to native code: operand of type ") << type;
    if (replaceByContents(rewriter, op, this->lowering))
      return success();
    TensorBuilder builder(rewriter, op.getLoc(), this->lowering, OpTy::getOperationName());
    SmallVector<Value> results;
    if (failed(lower(op, adaptor, builder, results)))
      return failure();
    for (auto [value, result] : llvm::zip_equal(results, op->getResults()))
      value = builder.cast(value, this->getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(op, results);
    return success();
  }

protected:
  virtual LogicalResult lower(OpTy op, Adaptor adaptor, TensorBuilder &b,
                              SmallVectorImpl<Value> &results) const = 0;
};

// The patterns of one file each, added by the functions of Patterns.h.
void populateReshapePatterns(const TypeConverter &converter, LoweringContext &lowering,
                             RewritePatternSet &patterns);
void populateSlicePatterns(const TypeConverter &converter, LoweringContext &lowering,
                           RewritePatternSet &patterns);
void populatePadPatterns(const TypeConverter &converter, LoweringContext &lowering,
                         RewritePatternSet &patterns);
void populateElementIndexingPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                     RewritePatternSet &patterns);
void populateWindowPatterns(const TypeConverter &converter, LoweringContext &lowering,
                            RewritePatternSet &patterns);
void populatePoolPatterns(const TypeConverter &converter, LoweringContext &lowering,
                          RewritePatternSet &patterns);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_TENSORBUILDER_H
