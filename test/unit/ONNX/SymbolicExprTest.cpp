//===- SymbolicExprTest.cpp - polynomials over symbolic dims ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/SymbolicShapes.h"
#include "gtest/gtest.h"

using namespace mlir::compress::onnx;

namespace {

SymbolicExpr a() { return SymbolicExpr::symbol(0); }
SymbolicExpr b() { return SymbolicExpr::symbol(1); }

TEST(SymbolicExprTest, CanonicalForm) {
  EXPECT_EQ(*a().mul(b()), *b().mul(a()));
  EXPECT_EQ(*a().add(b()), *b().add(a()));
  EXPECT_EQ(*a().sub(a()), SymbolicExpr(0));
  // (a + b)^2 = a^2 + 2ab + b^2
  SymbolicExpr sum = *a().add(b());
  SymbolicExpr expanded = *a().mul(a())->add(*a().mul(b())->mul(2))->add(*b().mul(b()));
  EXPECT_EQ(*sum.mul(sum), expanded);
  EXPECT_NE(a(), b());
}

TEST(SymbolicExprTest, Constants) {
  EXPECT_EQ(SymbolicExpr(0).getConstant(), 0);
  EXPECT_EQ(SymbolicExpr(-7).getConstant(), -7);
  EXPECT_EQ(a().getConstant(), std::nullopt);
  EXPECT_EQ(a().mul(0)->getConstant(), 0);
}

TEST(SymbolicExprTest, ExactDivision) {
  SymbolicExpr product = *a().mul(b())->mul(12);
  EXPECT_EQ(*product.divExact(*a().mul(4)), *b().mul(3));
  EXPECT_EQ(product.divExact(5), std::nullopt);
  EXPECT_EQ(a().divExact(b()), std::nullopt);
  EXPECT_EQ(a().divExact(0), std::nullopt);
  SymbolicExpr sum = *a().add(b());
  EXPECT_EQ(*sum.mul(6)->divExact(sum), SymbolicExpr(6));
  EXPECT_EQ(sum.divExact(*a().add(1)), std::nullopt);
}

TEST(SymbolicExprTest, Overflow) {
  EXPECT_EQ(SymbolicExpr(INT64_MAX).add(1), std::nullopt);
  EXPECT_EQ(SymbolicExpr(INT64_MAX).mul(2), std::nullopt);
  EXPECT_EQ(SymbolicExpr(INT64_MIN).sub(1), std::nullopt);
  SymbolicExpr power = a();
  for (size_t i = 1; i < SymbolicExpr::maxDegree; ++i)
    power = *power.mul(a());
  EXPECT_EQ(power.mul(a()), std::nullopt);
}

} // namespace
