//===- LoweringContext.h - sizes and types while a function is lowered -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_LOWERINGCONTEXT_H
#define COMPRESS_CONVERSION_LOWERINGCONTEXT_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"
#include "compress/Target/ONNX/SymbolicShapes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir {
namespace compress {

/// `getStorageElementType` for tensors; other types stay.
class StorageTypeConverter : public TypeConverter {
public:
  StorageTypeConverter();
};

/// What conversion patterns know about one function: which sizes are equal, and where their values
/// are. Values of the *original* IR are the keys, also while their ops are being replaced.
class LoweringContext {
public:
  explicit LoweringContext(func::FuncOp function);

  MLIRContext *getContext() { return function.getContext(); }

  /// Whether two dims have the same size for all inputs.
  bool isEqual(Value a, int64_t dimA, Value b, int64_t dimB);
  /// Size of a dim where it is the same for all inputs.
  std::optional<int64_t> getConstantSize(Value value, int64_t dim);

  /// Sizes of a tensor as expressions; two are equal for all inputs exactly if they compare equal.
  SmallVector<onnx::SymbolicExpr> getSymbolicSizes(Value value);

  /// Size of a dim of an operand of the original IR (an attribute where it is constant). Sizes that
  /// follow from the function's arguments are computed at its top; others are read from the
  /// converted value.
  OpFoldResult getSize(ConversionPatternRewriter &rewriter, Location loc, Value operand,
                       int64_t dim);
  /// The same before the conversion, where the value itself can be asked.
  OpFoldResult getSize(OpBuilder &builder, Location loc, Value value, int64_t dim);
  SmallVector<OpFoldResult> getSizes(ConversionPatternRewriter &rewriter, Location loc,
                                     Value operand);
  /// Sizes of a result whose op is being converted; `compute` gives the size of a dim that does not
  /// follow from the function's arguments, from the op's operands. What it gives is remembered.
  SmallVector<OpFoldResult> getResultSizes(ConversionPatternRewriter &rewriter, Location loc,
                                           Value result,
                                           function_ref<OpFoldResult(int64_t)> compute);
  /// Integers of a small tensor of the original IR, where they are known as expressions of sizes;
  /// empty optional: read them from the converted value.
  std::optional<SmallVector<OpFoldResult>> getContents(ConversionPatternRewriter &rewriter,
                                                       Location loc, Value value);

  /// `to` has the sizes of `from`; for rewrites that replace `from` before the conversion.
  void transfer(Value from, Value to);
  /// Forgets the sizes of a value that is erased: a new one may get its address.
  void forget(Value value) { shapes.forget(value); }

  /// Stops the run with `message`, after the name of the node that `loc` has, unless `condition`
  /// (i1) holds.
  static void check(OpBuilder &builder, Location loc, Value condition, const Twine &message);

private:
  void checkStaticSizes(Value result);
  OpFoldResult materialize(OpBuilder &builder, Location loc, const onnx::SymbolicExpr &expr);
  Value emit(OpBuilder &builder, Location loc, const onnx::SymbolicExpr &expr);
  /// Whether the values of all symbols of `expr` can be used at the builder's insertion point: one
  /// that was computed in another branch cannot.
  bool isBound(OpBuilder &builder, const onnx::SymbolicExpr &expr) const;
  bool isRoot(const onnx::SymbolicExpr &expr) const;

  func::FuncOp function;
  onnx::SymbolicShapes shapes;
  /// Values of symbols; those of the function's arguments are in its entry block.
  DenseMap<uint32_t, Value> bindings;
  DenseSet<uint32_t> roots;
  /// Sizes computed at the top of the function.
  SmallVector<std::pair<onnx::SymbolicExpr, Value>> computed;
  Operation *lastRootOp = nullptr;
};

/// An index value of `size`.
Value getIndexValue(OpBuilder &builder, Location loc, OpFoldResult size);
/// `tensor.empty` of the given sizes.
Value createEmpty(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type elementType);

/// Base of the patterns of `convert-compress-to-linalg`.
template <typename OpTy>
class LoweringPattern : public OpConversionPattern<OpTy> {
public:
  LoweringPattern(const TypeConverter &converter, LoweringContext &lowering,
                  PatternBenefit benefit = 1)
      : OpConversionPattern<OpTy>(converter, lowering.getContext(), benefit), lowering(lowering) {}

protected:
  LoweringContext &lowering;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CONVERSION_LOWERINGCONTEXT_H
