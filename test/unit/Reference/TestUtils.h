//===- TestUtils.h - helpers of the reference tests --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_REFERENCE_TESTUTILS_H
#define COMPRESS_TEST_UNIT_REFERENCE_TESTUTILS_H

#include "compress/Reference/Reference.h"

#include "gtest/gtest.h"
#include <cmath>
#include <random>

namespace mlir {
namespace compress {
namespace reference {

inline Tensor floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values,
                     DataType type = DataType::F32) {
  return llvm::cantFail(Tensor::fromFloats(type, shape, values));
}

inline Tensor ints(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values,
                   DataType type = DataType::I64) {
  return llvm::cantFail(Tensor::fromInts(type, shape, values));
}

/// ((i * 7 + seed * 5 + 3) mod 23 - 11) / 8 at position i: exact in f16.
inline Tensor pattern(llvm::ArrayRef<int64_t> shape, int64_t seed = 0,
                      DataType type = DataType::F32) {
  Tensor result = llvm::cantFail(Tensor::create(type, shape));
  for (int64_t i = 0; i < result.getNumElements(); ++i)
    result.storeFloat(i, static_cast<double>((i * 7 + seed * 5 + 3) % 23 - 11) / 8);
  return result;
}

/// Random values: floats in [-4, 4], integers over the whole type (64 bits).
inline Tensor randomTensor(std::mt19937_64 &random, DataType type, llvm::ArrayRef<int64_t> shape) {
  Tensor result = llvm::cantFail(Tensor::create(type, shape));
  std::uniform_real_distribution<double> value(-4, 4);
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    if (isFloat(type))
      result.storeFloat(i, value(random));
    else if (type == DataType::Bool)
      result.storeInt(i, random() & 1);
    else
      result.storeInt(i, static_cast<int64_t>(random()));
  }
  return result;
}

inline llvm::SmallVector<int64_t> randomShape(std::mt19937_64 &random, int64_t rank,
                                              int64_t largest = 5) {
  llvm::SmallVector<int64_t> shape;
  for (int64_t i = 0; i < rank; ++i)
    shape.push_back(static_cast<int64_t>(random() % (largest + 1)));
  return shape;
}

/// Value of an Expected; a test failure with its message otherwise.
template <typename T>
T get(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  ADD_FAILURE() << llvm::toString(value.takeError());
  return T();
}

/// Message of the error that is expected.
template <typename T>
std::string getError(llvm::Expected<T> value) {
  if (!value)
    return llvm::toString(value.takeError());
  ADD_FAILURE() << "expected an error";
  return "";
}

inline void expectShape(const Tensor &x, llvm::ArrayRef<int64_t> shape) {
  EXPECT_EQ(shapeToString(x.getShape()), shapeToString(shape));
}

/// Every element within `tolerance` * max(1, |expected|); NaN equals NaN.
inline void expectNear(const Tensor &x, llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<double> expected, double tolerance = 2e-6) {
  expectShape(x, shape);
  llvm::SmallVector<double> found = x.toFloats();
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::isnan(expected[i]) || std::isinf(expected[i])) {
      EXPECT_EQ(std::isnan(found[i]), std::isnan(expected[i])) << "element " << i;
      if (std::isinf(expected[i])) {
        EXPECT_EQ(found[i], expected[i]) << "element " << i;
      }
      continue;
    }
    EXPECT_NEAR(found[i], expected[i], tolerance * std::max(1.0, std::fabs(expected[i])))
        << "element " << i;
  }
}

inline void expectFloats(const Tensor &x, llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<double> expected) {
  expectNear(x, shape, expected, /*tolerance=*/0);
}

inline void expectInts(const Tensor &x, llvm::ArrayRef<int64_t> shape,
                       llvm::ArrayRef<int64_t> expected) {
  expectShape(x, shape);
  EXPECT_EQ(shapeToString(x.toInts()), shapeToString(expected));
}

inline void expectIdentical(const Tensor &a, const Tensor &b) {
  EXPECT_TRUE(a.isIdentical(b)) << shapeToString(a.getShape()) << " "
                                << shapeToString(b.getShape());
}

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_TEST_UNIT_REFERENCE_TESTUTILS_H
