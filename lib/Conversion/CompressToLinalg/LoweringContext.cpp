//===- LoweringContext.cpp - sizes and types while a function is lowered -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/LoweringContext.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;
using onnx::SymbolicExpr;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

StorageTypeConverter::StorageTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](RankedTensorType type) {
    return type.clone(getStorageElementType(type.getElementType()));
  });
  auto cast = [](OpBuilder &builder, Type type, ValueRange inputs, Location loc) -> Value {
    return UnrealizedConversionCastOp::create(builder, loc, type, inputs).getResult(0);
  };
  addSourceMaterialization(cast);
  addTargetMaterialization(cast);
}

Value compress::getIndexValue(OpBuilder &builder, Location loc, OpFoldResult size) {
  return getValueOrCreateConstantIndexOp(builder, loc, size);
}

Value compress::createEmpty(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes,
                            Type elementType) {
  return tensor::EmptyOp::create(builder, loc, sizes, elementType);
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Integers of a constant, or of a small weight: exporters keep shapes and axes as initializers.
static std::optional<SmallVector<int64_t>> getIntegers(Value value) {
  if (std::optional<SmallVector<int64_t>> constant = getConstantIntegers(value))
    return constant;
  auto load = value.getDefiningOp<LoadOp>();
  auto elements =
      load ? dyn_cast_or_null<DenseIntElementsAttr>(load.getWeightValue()) : DenseIntElementsAttr();
  if (!elements || elements.getNumElements() > onnx::SymbolicShapes::maxContents)
    return std::nullopt;
  auto type = dyn_cast<IntegerType>(elements.getElementType());
  if (!type || type.getWidth() > 64 || (type.isUnsigned() && type.getWidth() == 64))
    return std::nullopt;
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  SmallVector<int64_t> integers;
  for (const APInt &element : elements.getValues<APInt>())
    integers.push_back(isUnsigned ? static_cast<int64_t>(element.getZExtValue())
                                  : element.getSExtValue());
  return integers;
}

LoweringContext::LoweringContext(func::FuncOp function) : function(function), shapes(getIntegers) {
  auto argumentDims = [&](unsigned index) {
    SmallVector<StringRef> names;
    if (auto dims = function.getArgAttrOfType<ArrayAttr>(index, "compress.dims"))
      for (Attribute name : dims)
        names.push_back(cast<StringAttr>(name).getValue());
    return names;
  };
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    SmallVector<StringRef> names = argumentDims(argument.getArgNumber());
    if (names.size() == static_cast<size_t>(type.getRank()))
      shapes.setDimNames(argument, names);
    for (auto [dim, expr] : llvm::enumerate(SmallVector<SymbolicExpr>(shapes.getDims(argument)))) {
      if (expr.getConstant() || isBound(builder, expr))
        continue;
      auto size = tensor::DimOp::create(builder, argument.getLoc(), argument, dim);
      lastRootOp = size;
      uint32_t symbol = expr.getTerms()[0].monomial[0];
      bindings[symbol] = size;
      roots.insert(symbol);
    }
  }
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<CompressDialect>(op->getDialect()))
      return;
    shapes.infer(op);
    for (Value result : op->getResults())
      checkStaticSizes(result);
  });
}

/// A type may say more than follows from the operands; at run time it must be right.
void LoweringContext::checkStaticSizes(Value result) {
  auto type = dyn_cast<RankedTensorType>(result.getType());
  SmallVector<SymbolicExpr> inferred = shapes.getInferredDims(result);
  if (!type || static_cast<int64_t>(inferred.size()) != type.getRank() ||
      result.getParentRegion() != &function.getBody())
    return;
  for (auto [dim, size, expr] : llvm::enumerate(type.getShape(), inferred)) {
    if (ShapedType::isDynamic(size) || expr.getConstant() || !isRoot(expr) || !lastRootOp)
      continue;
    OpBuilder top(getContext());
    top.setInsertionPointAfter(lastRootOp);
    Location loc = result.getLoc();
    Value actual = emit(top, loc, expr), expected = arith::ConstantIndexOp::create(top, loc, size);
    check(top, loc, arith::CmpIOp::create(top, loc, arith::CmpIPredicate::eq, actual, expected),
          "'" + result.getDefiningOp()->getName().getStringRef() + "' dim " + Twine(dim) +
              " of the result has another size than its type says");
  }
}

bool LoweringContext::isEqual(Value a, int64_t dimA, Value b, int64_t dimB) {
  SymbolicExpr left = shapes.getDims(a)[dimA];
  return left == shapes.getDims(b)[dimB];
}

std::optional<int64_t> LoweringContext::getConstantSize(Value value, int64_t dim) {
  return shapes.getDims(value)[dim].getConstant();
}

SmallVector<SymbolicExpr> LoweringContext::getSymbolicSizes(Value value) {
  return SmallVector<SymbolicExpr>(shapes.getDims(value));
}

bool LoweringContext::isBound(OpBuilder &builder, const SymbolicExpr &expr) const {
  Region *region = builder.getInsertionBlock()->getParent();
  return llvm::all_of(expr.getTerms(), [&](const SymbolicExpr::Term &term) {
    return llvm::all_of(term.monomial, [&](uint32_t symbol) {
      Value value = bindings.lookup(symbol);
      return value && value.getParentRegion()->isAncestor(region);
    });
  });
}

bool LoweringContext::isRoot(const SymbolicExpr &expr) const {
  return llvm::all_of(expr.getTerms(), [&](const SymbolicExpr::Term &term) {
    return llvm::all_of(term.monomial, [&](uint32_t symbol) { return roots.contains(symbol); });
  });
}

/// The polynomial, at the builder's insertion point.
Value LoweringContext::emit(OpBuilder &builder, Location loc, const SymbolicExpr &expr) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value sum;
  for (const SymbolicExpr::Term &term : expr.getTerms()) {
    Value product;
    for (uint32_t symbol : term.monomial) {
      Value factor = bindings.lookup(symbol);
      product = product ? arith::MulIOp::create(builder, loc, product, factor) : factor;
    }
    if (!product)
      product = constant(term.coefficient);
    else if (term.coefficient != 1)
      product = arith::MulIOp::create(builder, loc, product, constant(term.coefficient));
    sum = sum ? arith::AddIOp::create(builder, loc, sum, product) : product;
  }
  return sum ? sum : constant(0);
}

OpFoldResult LoweringContext::materialize(OpBuilder &builder, Location loc,
                                          const SymbolicExpr &expr) {
  if (std::optional<int64_t> value = expr.getConstant())
    return builder.getIndexAttr(*value);
  if (!isRoot(expr))
    return emit(builder, loc, expr);
  for (auto &[known, value] : computed)
    if (known == expr)
      return value;
  OpBuilder top(getContext());
  top.setInsertionPointAfter(lastRootOp);
  Value value = emit(top, function.getLoc(), expr);
  computed.push_back({expr, value});
  return value;
}

OpFoldResult LoweringContext::getSize(ConversionPatternRewriter &rewriter, Location loc,
                                      Value operand, int64_t dim) {
  SymbolicExpr expr = shapes.getDims(operand)[dim];
  if (isBound(rewriter, expr))
    return materialize(rewriter, loc, expr);
  Value converted = rewriter.getRemappedValue(operand);
  return tensor::getMixedSize(rewriter, loc, converted ? converted : operand, dim);
}

OpFoldResult LoweringContext::getSize(OpBuilder &builder, Location loc, Value value, int64_t dim) {
  SymbolicExpr expr = shapes.getDims(value)[dim];
  if (isBound(builder, expr))
    return materialize(builder, loc, expr);
  return tensor::getMixedSize(builder, loc, value, dim);
}

SmallVector<OpFoldResult> LoweringContext::getSizes(ConversionPatternRewriter &rewriter,
                                                    Location loc, Value operand) {
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0, rank = cast<RankedTensorType>(operand.getType()).getRank(); dim < rank;
       ++dim)
    sizes.push_back(getSize(rewriter, loc, operand, dim));
  return sizes;
}

SmallVector<OpFoldResult>
LoweringContext::getResultSizes(ConversionPatternRewriter &rewriter, Location loc, Value result,
                                function_ref<OpFoldResult(int64_t)> compute) {
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, expr] : llvm::enumerate(SmallVector<SymbolicExpr>(shapes.getDims(result)))) {
    if (isBound(rewriter, expr)) {
      sizes.push_back(materialize(rewriter, loc, expr));
      continue;
    }
    OpFoldResult size = compute(dim);
    sizes.push_back(size);
    ArrayRef<SymbolicExpr::Term> terms = expr.getTerms();
    if (terms.size() == 1 && terms[0].coefficient == 1 && terms[0].monomial.size() == 1)
      bindings[terms[0].monomial[0]] = getIndexValue(rewriter, loc, size);
  }
  return sizes;
}

std::optional<SmallVector<OpFoldResult>>
LoweringContext::getContents(ConversionPatternRewriter &rewriter, Location loc, Value value) {
  std::optional<SmallVector<SymbolicExpr>> contents = shapes.getContents(value);
  if (!contents || !llvm::all_of(*contents, [&](auto &expr) { return isBound(rewriter, expr); }))
    return std::nullopt;
  SmallVector<OpFoldResult> values;
  for (const SymbolicExpr &expr : *contents)
    values.push_back(materialize(rewriter, loc, expr));
  return values;
}

void LoweringContext::transfer(Value from, Value to) {
  SmallVector<SymbolicExpr> dims(shapes.getDims(from));
  shapes.setDims(to, dims);
}

/// Name of the model's node that `loc` speaks of; empty if it has none.
static StringRef getNodeName(Location loc) {
  StringRef name;
  loc->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (named)
      name = named.getName().getValue();
    return named ? WalkResult::interrupt() : WalkResult::advance();
  });
  return name;
}

void LoweringContext::check(OpBuilder &builder, Location loc, Value condition,
                            const Twine &message) {
  StringRef node = getNodeName(loc);
  std::string text = message.str();
  cf::AssertOp::create(builder, loc, condition,
                       node.empty() ? text : ("node \"" + node + "\": " + text).str());
}
