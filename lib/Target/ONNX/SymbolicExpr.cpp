//===- SymbolicExpr.cpp - polynomials over symbolic dims --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/SymbolicShapes.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress::onnx;

SymbolicExpr::SymbolicExpr(int64_t constant) {
  if (constant != 0)
    terms.push_back({{}, constant});
}

SymbolicExpr SymbolicExpr::symbol(uint32_t id) {
  SymbolicExpr result;
  result.terms.push_back({{id}, 1});
  return result;
}

std::optional<int64_t> SymbolicExpr::getConstant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms[0].monomial.empty())
    return terms[0].coefficient;
  return std::nullopt;
}

std::optional<SymbolicExpr> SymbolicExpr::addScaled(const SymbolicExpr &other,
                                                    int64_t factor) const {
  SymbolicExpr result;
  const Term *a = terms.begin(), *b = other.terms.begin();
  while (a != terms.end() || b != other.terms.end()) {
    bool takeA = a != terms.end() && (b == other.terms.end() || !(b->monomial < a->monomial));
    bool takeB = b != other.terms.end() && (a == terms.end() || !(a->monomial < b->monomial));
    int64_t coefficient = takeA ? a->coefficient : 0;
    if (takeB) {
      std::optional<int64_t> scaled = llvm::checkedMul(b->coefficient, factor);
      std::optional<int64_t> sum;
      if (scaled)
        sum = llvm::checkedAdd(coefficient, *scaled);
      if (!sum)
        return std::nullopt;
      coefficient = *sum;
    }
    if (coefficient != 0)
      result.terms.push_back({takeA ? a->monomial : b->monomial, coefficient});
    a += takeA;
    b += takeB;
  }
  if (result.terms.size() > maxTerms)
    return std::nullopt;
  return result;
}

std::optional<SymbolicExpr> SymbolicExpr::add(const SymbolicExpr &other) const {
  return addScaled(other, 1);
}

std::optional<SymbolicExpr> SymbolicExpr::sub(const SymbolicExpr &other) const {
  return addScaled(other, -1);
}

std::optional<SymbolicExpr> SymbolicExpr::mul(const SymbolicExpr &other) const {
  SymbolicExpr result;
  for (const Term &a : terms) {
    for (const Term &b : other.terms) {
      std::optional<int64_t> coefficient = llvm::checkedMul(a.coefficient, b.coefficient);
      if (!coefficient || a.monomial.size() + b.monomial.size() > maxDegree)
        return std::nullopt;
      SymbolicExpr product;
      product.terms.push_back({a.monomial, *coefficient});
      llvm::append_range(product.terms[0].monomial, b.monomial);
      llvm::sort(product.terms[0].monomial);
      std::optional<SymbolicExpr> sum = result.add(product);
      if (!sum)
        return std::nullopt;
      result = std::move(*sum);
    }
  }
  return result;
}

/// The monomial without the symbols of `divisor`, if it has all of them.
static std::optional<SymbolicExpr::Monomial> divide(const SymbolicExpr::Monomial &monomial,
                                                    const SymbolicExpr::Monomial &divisor) {
  SymbolicExpr::Monomial rest;
  size_t next = 0;
  for (uint32_t symbol : monomial) {
    if (next < divisor.size() && divisor[next] == symbol)
      ++next;
    else
      rest.push_back(symbol);
  }
  if (next != divisor.size())
    return std::nullopt;
  return rest;
}

std::optional<SymbolicExpr> SymbolicExpr::divExact(const SymbolicExpr &other) const {
  if (other.terms.empty())
    return std::nullopt;
  // A quotient of the leading terms that is right for all terms, else term by term.
  if (other.terms.size() > 1) {
    // INT64_MIN / -1 overflows.
    if (terms.size() != other.terms.size() || other.terms[0].coefficient == -1 ||
        terms[0].coefficient % other.terms[0].coefficient != 0)
      return std::nullopt;
    SymbolicExpr factor(terms[0].coefficient / other.terms[0].coefficient);
    std::optional<SymbolicExpr> check = other.mul(factor);
    if (!check || *check != *this)
      return std::nullopt;
    return factor;
  }
  const Term &divisor = other.terms[0];
  SymbolicExpr result;
  for (const Term &term : terms) {
    if (divisor.coefficient == -1 || term.coefficient % divisor.coefficient != 0)
      return std::nullopt;
    std::optional<Monomial> monomial = divide(term.monomial, divisor.monomial);
    if (!monomial)
      return std::nullopt;
    SymbolicExpr quotient;
    quotient.terms.push_back({std::move(*monomial), term.coefficient / divisor.coefficient});
    std::optional<SymbolicExpr> sum = result.add(quotient);
    if (!sum)
      return std::nullopt;
    result = std::move(*sum);
  }
  return result;
}
