//===- LinearAlgebraTest.cpp - both backends against definitions ---------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <thread>

using namespace mlir::compress;

namespace {

/// Every test runs with the BLAS of this machine (if it has one) and with Eigen.
class LinearAlgebra : public testing::TestWithParam<LinearAlgebraBackend> {
protected:
  void SetUp() override { setLinearAlgebraBackend(GetParam()); }
  void TearDown() override { setLinearAlgebraBackend(LinearAlgebraBackend::Automatic); }
};

template <typename T>
std::vector<T> makeRandom(size_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(count);
  for (T &value : values)
    value = T(normal(rng));
  return values;
}

/// A well-conditioned symmetric positive definite matrix.
template <typename T>
std::vector<T> makeDefinite(size_t n, unsigned seed) {
  std::vector<T> x = makeRandom<T>(2 * n * n, seed), a(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      double sum = i == j ? double(n) : 0;
      for (size_t k = 0; k < 2 * n; ++k)
        sum += double(x[k * n + i]) * double(x[k * n + j]);
      a[i * n + j] = T(sum);
    }
  return a;
}

template <typename T>
double maxDifference(const std::vector<T> &a, const std::vector<T> &b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double(a[i]) - double(b[i])));
  return largest;
}

/// [m, k] times [k, n], either transposed in memory, by the definition.
template <typename T>
std::vector<T> multiply(bool ta, bool tb, size_t m, size_t n, size_t k, const std::vector<T> &a,
                        const std::vector<T> &b) {
  std::vector<T> c(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t l = 0; l < k; ++l)
        sum += double(ta ? a[l * m + i] : a[i * k + l]) * double(tb ? b[j * k + l] : b[l * n + j]);
      c[i * n + j] = T(sum);
    }
  return c;
}

/// A ParallelFor with real threads, in an order of its own.
void runOnThreads(size_t n, llvm::function_ref<void(size_t)> body) {
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t i = n; i-- > 0;)
        if (i % 3 == t)
          body(i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

template <typename T>
void checkGemm(double tolerance) {
  for (bool ta : {false, true})
    for (bool tb : {false, true})
      for (auto [m, n, k] :
           {std::tuple<size_t, size_t, size_t>{1, 1, 1}, {3, 5, 7}, {64, 33, 70}}) {
        std::vector<T> a = makeRandom<T>(m * k, 1), b = makeRandom<T>(k * n, 2),
                       c = makeRandom<T>(m * n, 3), expected = multiply(ta, tb, m, n, k, a, b);
        for (size_t i = 0; i < m * n; ++i)
          expected[i] = T(2) * expected[i] - c[i];
        gemm<T>(ta, tb, m, n, k, T(2), a.data(), ta ? m : k, b.data(), tb ? k : n, T(-1), c.data(),
                n);
        EXPECT_LT(maxDifference(c, expected), tolerance) << ta << tb << " " << m;
      }
}

TEST_P(LinearAlgebra, Gemm) {
  checkGemm<float>(1e-4);
  checkGemm<double>(1e-12);
}

TEST_P(LinearAlgebra, GemmOfPartsOfMatrices) {
  // The right half of a times the lower half of b, into the middle of c.
  std::vector<float> a = {9, 9, 1, 2, 9, 9, 3, 4}, b = {9, 9, 9, 9, 1, 0, 0, 1};
  std::vector<float> c(16, 7);
  gemm(false, false, 2, 2, 2, 1.0f, a.data() + 2, 4, b.data() + 4, 2, 0.0f, c.data() + 5, 4);
  EXPECT_EQ(c, (std::vector<float>{7, 7, 7, 7, 7, 1, 2, 7, 7, 3, 4, 7, 7, 7, 7, 7}));
  // Without columns to sum over only beta is left, and NaN is not read with beta 0.
  std::vector<float> d = {NAN, 2};
  gemm(false, false, 1, 1, 0, 1.0f, a.data(), 1, b.data(), 1, 0.0f, d.data(), 1);
  gemm(false, false, 1, 1, 0, 1.0f, a.data(), 1, b.data(), 1, 3.0f, d.data() + 1, 1);
  EXPECT_EQ(d, (std::vector<float>{0, 6}));
}

TEST_P(LinearAlgebra, GramIsSymmetricAndTheSameForAnyNumberOfThreads) {
  size_t n = 600, vectors = 37, ld = n + 3;
  std::vector<float> x = makeRandom<float>(vectors * ld, 5);
  std::vector<float> gram(n * n), parallel(n * n);
  for (int run = 0; run < 2; ++run) {
    addGram(gram.data(), n, x.data(), ld, vectors);
    addGram(parallel.data(), n, x.data(), ld, vectors, runOnThreads);
  }
  EXPECT_EQ(gram, parallel);
  double largest = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      ASSERT_EQ(gram[i * n + j], gram[j * n + i]);
      double sum = 0;
      for (size_t v = 0; v < vectors; ++v)
        sum += 2 * double(x[v * ld + i]) * double(x[v * ld + j]);
      largest = std::max(largest, std::abs(gram[i * n + j] - sum));
    }
  EXPECT_LT(largest, 1e-4);
}

TEST_P(LinearAlgebra, OuterProducts) {
  size_t n = 300, vectors = 11;
  std::vector<float> a = makeRandom<float>(vectors * n, 6), b = makeRandom<float>(vectors * n, 7);
  std::vector<float> c(n * n), parallel(n * n);
  addOuterProducts(c.data(), n, a.data(), b.data(), n, vectors);
  addOuterProducts(parallel.data(), n, a.data(), b.data(), n, vectors, runOnThreads);
  EXPECT_EQ(c, parallel);
  EXPECT_LT(maxDifference(c, multiply(true, false, n, n, vectors, a, b)), 1e-4);
}

template <typename T>
void checkFactors(size_t n, double tolerance) {
  std::vector<T> a = makeDefinite<T>(n, 8), identity(n * n);
  for (size_t i = 0; i < n; ++i)
    identity[i * n + i] = 1;

  std::vector<T> l = a;
  ASSERT_FALSE(bool(cholesky(l.data(), n)));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j)
      ASSERT_EQ(l[i * n + j], T(0));
  EXPECT_LT(maxDifference(multiply(false, true, n, n, n, l, l), a), tolerance * double(n));

  std::vector<T> inverse = l;
  ASSERT_FALSE(bool(invertFromCholesky(inverse.data(), n)));
  EXPECT_LT(maxDifference(multiply(false, false, n, n, n, a, inverse), identity), tolerance);

  std::vector<T> u = a;
  ASSERT_FALSE(bool(choleskyOfInverse(u.data(), n)));
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j)
      ASSERT_EQ(u[i * n + j], T(0));
  EXPECT_LT(maxDifference(multiply(true, false, n, n, n, u, u), inverse), tolerance);

  for (bool transposed : {false, true}) {
    std::vector<T> right = makeRandom<T>(n * 5, 9), x = right;
    ASSERT_FALSE(bool(solveLower(transposed, l.data(), n, x.data(), 5)));
    EXPECT_LT(maxDifference(multiply(transposed, false, n, 5, n, l, x), right), tolerance);
  }
}

TEST_P(LinearAlgebra, CholeskyAndWhatFollowsFromIt) {
  for (size_t n : {1, 2, 17, 200}) {
    checkFactors<float>(n, 1e-4);
    checkFactors<double>(n, 1e-11);
  }
}

TEST_P(LinearAlgebra, NotPositiveDefiniteNamesThePivot) {
  size_t n = 100;
  std::vector<double> a(n * n);
  for (size_t i = 0; i < n; ++i)
    a[i * n + i] = i == 71 ? -1 : 1;
  std::vector<double> l = a;
  llvm::Error error = cholesky(l.data(), n);
  ASSERT_TRUE(error.isA<NotPositiveDefinite>());
  EXPECT_EQ(llvm::toString(std::move(error)), "the matrix is not positive definite (pivot 71)");
  error = choleskyOfInverse(a.data(), n);
  ASSERT_TRUE(error.isA<NotPositiveDefinite>());
  EXPECT_EQ(llvm::toString(std::move(error)), "the matrix is not positive definite (pivot 28)");
  std::vector<float> nan = {1, 0, 0, NAN};
  EXPECT_EQ(llvm::toString(cholesky(nan.data(), 2)),
            "the matrix is not positive definite (pivot 1)");
}

TEST_P(LinearAlgebra, Errors) {
  std::vector<float> l = {1, 0, 2, 0}, b = {1, 1};
  EXPECT_EQ(llvm::toString(solveLower(false, l.data(), 2, b.data(), 1)),
            "the triangular matrix is singular: element 1 of its diagonal is 0");
  EXPECT_EQ(llvm::toString(solveLower(false, l.data(), 2, b.data(), size_t(1) << 31)),
            "a matrix of 2 x 2147483648 is too large: sizes are limited to 2147483647");
  EXPECT_EQ(llvm::toString(allocateMatrix<double>(size_t(1) << 62, "a test").takeError()),
            "out of memory: a test needs 4611686018427387904 elements of 8 bytes");
  EXPECT_FALSE(bool(cholesky<float>(nullptr, 0)));
  EXPECT_FALSE(bool(choleskyOfInverse<double>(nullptr, 0)));
  EXPECT_FALSE(bool(symmetricEigen<float>(nullptr, 0, nullptr)));
}

template <typename T>
void checkEigen(size_t n, double tolerance) {
  std::vector<T> a = makeDefinite<T>(n, 10), vectors = a, values(n);
  ASSERT_FALSE(bool(symmetricEigen(vectors.data(), n, values.data())));
  EXPECT_TRUE(llvm::is_sorted(values));
  // a = V^T diag V with eigenvectors as rows.
  std::vector<T> scaled = vectors;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      scaled[i * n + j] *= values[i];
  EXPECT_LT(maxDifference(multiply(true, false, n, n, n, vectors, scaled), a),
            tolerance * double(n));
  for (size_t i = 0; i < n; ++i) {
    T largest = 0;
    for (size_t j = 0; j < n; ++j)
      if (std::abs(vectors[i * n + j]) > std::abs(largest))
        largest = vectors[i * n + j];
    EXPECT_GT(largest, T(0));
  }
  std::vector<T> only(n);
  ASSERT_FALSE(bool(symmetricEigenvalues(a.data(), n, only.data())));
  EXPECT_LT(maxDifference(only, values), tolerance * double(n) * 10);
}

TEST_P(LinearAlgebra, SymmetricEigen) {
  for (size_t n : {1, 2, 50}) {
    checkEigen<float>(n, 1e-4);
    checkEigen<double>(n, 1e-12);
  }
}

template <typename T>
void checkOrthonormal(size_t m, size_t n, double tolerance) {
  std::vector<T> a = makeRandom<T>(m * n, 13);
  // The last column repeats the first one.
  for (size_t i = 0; i < m; ++i)
    a[i * n + n - 1] = a[i * n];
  std::vector<T> q = a, identity(n * n);
  for (size_t i = 0; i < n; ++i)
    identity[i * n + i] = 1;
  ASSERT_FALSE(bool(orthonormalizeColumns(q.data(), m, n)));
  EXPECT_LT(maxDifference(multiply(true, false, n, n, m, q, q), identity), tolerance);
  std::vector<T> within = multiply(true, false, n, n, m, q, a);
  EXPECT_LT(maxDifference(multiply(false, false, m, n, n, q, within), a), tolerance);
}

TEST_P(LinearAlgebra, OrthonormalColumnsSpanTheSame) {
  for (auto [m, n] : {std::pair<size_t, size_t>{1, 1}, {5, 5}, {7, 3}, {300, 70}}) {
    checkOrthonormal<float>(m, n, 2e-5);
    checkOrthonormal<double>(m, n, 1e-13);
  }
  std::vector<float> zero(12), wide(6);
  ASSERT_FALSE(bool(orthonormalizeColumns(zero.data(), 4, 3)));
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(std::abs(zero[i * 3 + i]), 1);
  EXPECT_EQ(llvm::toString(orthonormalizeColumns(wide.data(), 2, 3)),
            "3 columns of 2 elements cannot be orthonormal");
  EXPECT_FALSE(bool(orthonormalizeColumns<float>(nullptr, 5, 0)));
}

template <typename T>
void checkSvd(size_t m, size_t n, double tolerance) {
  size_t k = std::min(m, n);
  std::vector<T> a = makeRandom<T>(m * n, 11), copy = a, u(m * k), s(k), vt(k * n);
  ASSERT_FALSE(bool(svd(copy.data(), m, n, u.data(), s.data(), vt.data())));
  EXPECT_TRUE(llvm::is_sorted(llvm::reverse(s)));
  std::vector<T> identity(k * k);
  for (size_t i = 0; i < k; ++i)
    identity[i * k + i] = 1;
  EXPECT_LT(maxDifference(multiply(true, false, k, k, m, u, u), identity), tolerance);
  EXPECT_LT(maxDifference(multiply(false, true, k, k, n, vt, vt), identity), tolerance);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < k; ++j)
      u[i * k + j] *= s[j];
  EXPECT_LT(maxDifference(multiply(false, false, m, n, k, u, vt), a), tolerance);
}

TEST_P(LinearAlgebra, Svd) {
  for (auto [m, n] : {std::pair<size_t, size_t>{1, 1}, {7, 3}, {3, 7}, {60, 45}}) {
    checkSvd<float>(m, n, 1e-4);
    checkSvd<double>(m, n, 1e-12);
  }
}

TEST(LinearAlgebraBackends, AgreeUpToRounding) {
  size_t n = 64;
  std::vector<double> a = makeDefinite<double>(n, 12), b = a, valuesA(n), valuesB(n);
  EXPECT_FALSE(getLinearAlgebraName().empty());
  ASSERT_FALSE(bool(symmetricEigen(a.data(), n, valuesA.data())));
  setLinearAlgebraBackend(LinearAlgebraBackend::Eigen);
  EXPECT_EQ(getLinearAlgebraName(), "Eigen");
  ASSERT_FALSE(bool(symmetricEigen(b.data(), n, valuesB.data())));
  setLinearAlgebraBackend(LinearAlgebraBackend::Automatic);
  EXPECT_LT(maxDifference(a, b), 1e-9);
  EXPECT_LT(maxDifference(valuesA, valuesB), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearAlgebra,
                         testing::Values(LinearAlgebraBackend::Automatic,
                                         LinearAlgebraBackend::Eigen));

} // namespace
