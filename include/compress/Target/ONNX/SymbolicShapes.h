//===- SymbolicShapes.h - dims as expressions over input dims ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters compute the targets of reshapes at run time: Shape, Gather, Mul, Concat. To see through
// this, every dim of every value, and every element of small integer tensors, is an expression over
// the symbolic dims of the inputs. Expressions are polynomials with integer coefficients (a reshape
// multiplies dims, so affine expressions are not enough), kept in a canonical form: two are equal
// for all inputs exactly if they compare equal.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_SYMBOLICSHAPES_H
#define COMPRESS_TARGET_ONNX_SYMBOLICSHAPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <optional>

namespace mlir::compress::onnx {

/// A polynomial in symbols, which are numbered by `SymbolicShapes`.
class SymbolicExpr {
public:
  /// Sorted symbols of a product, repeated for powers; empty for the constant term.
  using Monomial = SmallVector<uint32_t, 2>;
  struct Term {
    Monomial monomial;
    int64_t coefficient;
    bool operator==(const Term &other) const {
      return coefficient == other.coefficient && monomial == other.monomial;
    }
  };

  SymbolicExpr(int64_t constant = 0);
  static SymbolicExpr symbol(uint32_t id);

  /// The value, if it does not depend on symbols.
  std::optional<int64_t> getConstant() const;
  bool isConstant(int64_t value) const { return getConstant() == value; }
  ArrayRef<Term> getTerms() const { return terms; }

  bool operator==(const SymbolicExpr &other) const { return terms == other.terms; }
  bool operator!=(const SymbolicExpr &other) const { return !(*this == other); }

  /// Exact results; nothing if a coefficient overflows or there are more than `maxTerms` terms.
  std::optional<SymbolicExpr> add(const SymbolicExpr &other) const;
  std::optional<SymbolicExpr> sub(const SymbolicExpr &other) const;
  std::optional<SymbolicExpr> mul(const SymbolicExpr &other) const;
  /// The quotient if it is a polynomial (so that nothing is rounded).
  std::optional<SymbolicExpr> divExact(const SymbolicExpr &other) const;

  static constexpr size_t maxTerms = 16;
  static constexpr size_t maxDegree = 8;

private:
  std::optional<SymbolicExpr> addScaled(const SymbolicExpr &other, int64_t factor) const;
  /// Sorted by monomial, no coefficient is zero.
  SmallVector<Term, 1> terms;
};

/// Dims of all values and contents of small integer tensors, one instance per function.
class SymbolicShapes {
public:
  /// Integers of a value that is known at compile time, in row-major order.
  using ConstantFn = std::function<std::optional<SmallVector<int64_t>>(Value)>;
  explicit SymbolicShapes(ConstantFn constantOf) : constantOf(std::move(constantOf)) {}

  /// Dims of a ranked tensor. Static ones are constants; a dynamic dim that nothing is known of
  /// gets a symbol of its own.
  ArrayRef<SymbolicExpr> getDims(Value value);
  void setDims(Value value, ArrayRef<SymbolicExpr> dims);
  /// Forgets a value that is erased: a new one may get its address.
  void forget(Value value);
  /// What has been set for a value or inferred from operands, whatever the value's type says; empty
  /// if nothing has, or after `getDims`, which believes the type.
  SmallVector<SymbolicExpr> getInferredDims(Value value) const { return dims.lookup(value); }
  /// Gives the dynamic dims of `value` the symbols with these names ("" for a new one).
  void setDimNames(Value value, ArrayRef<StringRef> names);

  /// Elements of an integer or bool tensor in row-major order, or nothing.
  std::optional<SmallVector<SymbolicExpr>> getContents(Value value);
  void setContents(Value value, ArrayRef<SymbolicExpr> elements);

  /// Computes dims and contents of the results of a model op from those of its operands.
  void infer(Operation *op);
  /// The type of a value with every dim static whose expression is a constant.
  RankedTensorType refine(Value value);

  /// Facts that hold for all inputs (a size is not negative).
  bool isNonNegative(const SymbolicExpr &expr) const;
  bool isEqual(const SymbolicExpr &a, const SymbolicExpr &b) const { return a == b; }
  bool isDifferent(const SymbolicExpr &a, const SymbolicExpr &b) const;

  /// A new size (not negative), and a new integer of any sign.
  SymbolicExpr newSize();
  SymbolicExpr newInteger();
  /// The expression, or a new size if there is none.
  SymbolicExpr orNew(std::optional<SymbolicExpr> expr) { return expr ? *expr : newSize(); }

  /// Largest number of elements whose contents are tracked.
  static constexpr int64_t maxContents = 64;

private:
  using Dims = SmallVector<SymbolicExpr>;
  bool isPositive(const SymbolicExpr &expr) const;
  SymbolicExpr broadcastDim(const SymbolicExpr &a, const SymbolicExpr &b);
  Dims broadcast(ArrayRef<SymbolicExpr> a, ArrayRef<SymbolicExpr> b);
  std::optional<Dims> inferDims(Operation *op);
  std::optional<Dims> inferMovement(Operation *op);
  std::optional<Dims> inferContents(Operation *op);
  std::optional<Dims> inferElementwiseContents(Operation *op);
  std::optional<Dims> reshapeDims(Value input, Value shape, bool allowZero);
  std::optional<SymbolicExpr> product(ArrayRef<SymbolicExpr> factors);

  ConstantFn constantOf;
  DenseMap<Value, Dims> dims;
  DenseMap<Value, Dims> contents;
  llvm::StringMap<uint32_t> symbolsByName;
  /// Per symbol: it is a size and so not negative.
  SmallVector<bool> nonNegative;
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_SYMBOLICSHAPES_H
