//===- LowRankTest.cpp - factors of a low rank ----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/LowRank.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"
#include <cmath>
#include <functional>
#include <random>
#include <thread>

using namespace mlir::compress;

namespace {

/// Every test runs with the BLAS of this machine (if it has one) and with Eigen.
class LowRank : public testing::TestWithParam<LinearAlgebraBackend> {
protected:
  void SetUp() override { setLinearAlgebraBackend(GetParam()); }
  void TearDown() override { setLinearAlgebraBackend(LinearAlgebraBackend::Automatic); }
};

//===----------------------------------------------------------------------===//
// A plain f64 implementation to compare with
//===----------------------------------------------------------------------===//

/// Row-major.
struct Dense {
  size_t rows = 0, columns = 0;
  std::vector<double> data;

  Dense(size_t rows, size_t columns) : rows(rows), columns(columns), data(rows * columns) {}
  Dense(size_t rows, size_t columns, llvm::ArrayRef<float> values)
      : rows(rows), columns(columns), data(values.begin(), values.end()) {}
  double &at(size_t i, size_t j) { return data[i * columns + j]; }
  double at(size_t i, size_t j) const { return data[i * columns + j]; }
  double getNorm() const {
    double sum = 0;
    for (double value : data)
      sum += value * value;
    return std::sqrt(sum);
  }
  std::vector<float> toFloat() const { return std::vector<float>(data.begin(), data.end()); }
};

Dense transposed(const Dense &a) {
  Dense result(a.columns, a.rows);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t j = 0; j < a.columns; ++j)
      result.at(j, i) = a.at(i, j);
  return result;
}

Dense operator*(const Dense &a, const Dense &b) {
  Dense result(a.rows, b.columns);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t k = 0; k < a.columns; ++k)
      for (size_t j = 0; j < b.columns; ++j)
        result.at(i, j) += a.at(i, k) * b.at(k, j);
  return result;
}

Dense operator-(const Dense &a, const Dense &b) {
  Dense result = a;
  for (size_t i = 0; i < a.data.size(); ++i)
    result.data[i] -= b.data[i];
  return result;
}

Dense makeDiagonal(llvm::ArrayRef<double> values) {
  Dense result(values.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    result.at(i, i) = values[i];
  return result;
}

/// By rotations of the columns until they are orthogonal (Hestenes), in descending order.
std::vector<double> getSingularValues(Dense a) {
  if (a.rows < a.columns)
    a = transposed(a);
  for (int sweep = 0; sweep < 40; ++sweep)
    for (size_t p = 0; p < a.columns; ++p)
      for (size_t q = p + 1; q < a.columns; ++q) {
        double pp = 0, qq = 0, pq = 0;
        for (size_t i = 0; i < a.rows; ++i) {
          pp += a.at(i, p) * a.at(i, p);
          qq += a.at(i, q) * a.at(i, q);
          pq += a.at(i, p) * a.at(i, q);
        }
        if (std::fabs(pq) <= 1e-17 * std::sqrt(pp * qq))
          continue;
        double angle = 0.5 * std::atan2(2 * pq, pp - qq), c = std::cos(angle), s = std::sin(angle);
        for (size_t i = 0; i < a.rows; ++i) {
          double x = a.at(i, p), y = a.at(i, q);
          a.at(i, p) = c * x + s * y;
          a.at(i, q) = c * y - s * x;
        }
      }
  std::vector<double> values;
  for (size_t j = 0; j < a.columns; ++j) {
    double sum = 0;
    for (size_t i = 0; i < a.rows; ++i)
      sum += a.at(i, j) * a.at(i, j);
    values.push_back(std::sqrt(sum));
  }
  llvm::sort(values, std::greater<double>());
  return values;
}

double getTail(llvm::ArrayRef<double> values, size_t rank) {
  double sum = 0;
  for (double value : values.drop_front(std::min(rank, values.size())))
    sum += value * value;
  return std::sqrt(sum);
}

/// L with L L^T = a.
Dense getCholesky(const Dense &a) {
  Dense l(a.rows, a.rows);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = a.at(i, j);
      for (size_t k = 0; k < j; ++k)
        sum -= l.at(i, k) * l.at(j, k);
      l.at(i, j) = i == j ? std::sqrt(sum) : sum / l.at(j, j);
    }
  return l;
}

/// sqrt(tr(d G d^T)): |d X| with G = X X^T.
double getOutputNorm(const Dense &d, const Dense &gram) {
  Dense product = d * gram;
  double sum = 0;
  for (size_t i = 0; i < d.data.size(); ++i)
    sum += product.data[i] * d.data[i];
  return std::sqrt(std::max(0.0, sum));
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

Dense makeRandom(size_t rows, size_t columns, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Dense result(rows, columns);
  for (double &value : result.data)
    value = static_cast<float>(normal(engine));
  return result;
}

/// A weight [rows, columns] and inputs whose channels depend on each other and have sizes that
/// fall off.
struct Layer {
  Dense weight, x, gram;

  Layer(size_t rows, size_t columns, size_t vectors, unsigned seed)
      : weight(makeRandom(rows, columns, seed)), x(columns, vectors), gram(columns, columns) {
    Dense mixed = makeRandom(columns, columns, seed + 1) * makeRandom(columns, vectors, seed + 2);
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < vectors; ++j)
        x.at(i, j) = mixed.at(i, j) * std::exp(-0.08 * static_cast<double>(i));
    // As floats, which is what the methods get.
    gram = x * transposed(x);
    gram = Dense(columns, columns, gram.toFloat());
  }
};

LowRankDecomposition take(llvm::Expected<LowRankDecomposition> result) {
  EXPECT_TRUE(static_cast<bool>(result)) << llvm::toString(result.takeError());
  return result ? std::move(*result) : LowRankDecomposition();
}

Dense getProduct(const LowRankDecomposition &decomposition, size_t rank, size_t rows,
                 size_t columns) {
  LowRankFactors factors = decomposition.getFactors(rank);
  EXPECT_EQ(factors.u.size(), rows * factors.rank);
  EXPECT_EQ(factors.v.size(), factors.rank * columns);
  return Dense(rows, factors.rank, factors.u) * Dense(factors.rank, columns, factors.v);
}

using Method =
    std::function<llvm::Expected<LowRankDecomposition>(const Dense &, const LowRankOptions &)>;

Method getSvd() {
  return [](const Dense &w, const LowRankOptions &options) {
    return decomposeSvd(w.toFloat(), w.rows, w.columns, options);
  };
}
Method getAsvd(const Dense &x, double alpha) {
  std::vector<double> scale;
  for (size_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (size_t j = 0; j < x.columns; ++j)
      sum += std::fabs(x.at(i, j));
    scale.push_back(std::pow(sum / static_cast<double>(x.columns), alpha));
  }
  return [scale](const Dense &w, const LowRankOptions &options) {
    return decomposeScaled(w.toFloat(), w.rows, w.columns, {}, scale, options);
  };
}
Method getDrone(const Dense &gram) {
  return [gram](const Dense &w, const LowRankOptions &options) {
    return decomposeDrone(w.toFloat(), w.rows, w.columns, gram.toFloat(), options);
  };
}
Method getSvdLlm(const Dense &gram) {
  return [gram](const Dense &w, const LowRankOptions &options) {
    return decomposeSvdLlm(w.toFloat(), w.rows, w.columns, gram.toFloat(), options);
  };
}

//===----------------------------------------------------------------------===//
// Tests
//===----------------------------------------------------------------------===//

TEST_P(LowRank, SvdHasTheErrorOfEckartAndYoung) {
  for (auto [m, n] : {std::pair<size_t, size_t>{20, 20}, {31, 12}, {12, 31}, {1, 9}, {9, 1}}) {
    Dense w = makeRandom(m, n, 1);
    LowRankDecomposition svd = take(getSvd()(w, {}));
    std::vector<double> values = ::getSingularValues(w);
    ASSERT_EQ(svd.getSingularValues().size(), std::min(m, n));
    double last = INFINITY;
    for (size_t k = 1; k <= std::min(m, n); ++k) {
      EXPECT_NEAR(svd.getSingularValues()[k - 1], values[k - 1], 1e-10 * values[0]);
      double expected = getTail(values, k);
      EXPECT_NEAR(std::sqrt(svd.getError(k)), expected, 1e-9);
      EXPECT_NEAR((w - getProduct(svd, k, m, n)).getNorm(), expected, 1e-6 * values[0]);
      EXPECT_LT(svd.getError(k), last);
      last = svd.getError(k);
    }
    EXPECT_NEAR(svd.getError(0), w.getNorm() * w.getNorm(), 1e-9 * svd.getTotal());
    EXPECT_EQ(svd.getError(0), svd.getTotal());
    EXPECT_EQ(svd.getError(std::min(m, n)), 0);
    EXPECT_EQ(svd.getError(1000), 0);
  }
}

TEST_P(LowRank, FactorsShareTheSingularValues) {
  Dense w = makeRandom(14, 22, 2);
  LowRankDecomposition svd = take(getSvd()(w, {}));
  LowRankFactors factors = svd.getFactors(5);
  ASSERT_EQ(factors.rank, 5u);
  Dense u(14, 5, factors.u), v(5, 22, factors.v), uu = transposed(u) * u, vv = v * transposed(v);
  for (size_t i = 0; i < 5; ++i)
    for (size_t j = 0; j < 5; ++j) {
      double expected = i == j ? svd.getSingularValues()[i] : 0;
      EXPECT_NEAR(uu.at(i, j), expected, 2e-6);
      EXPECT_NEAR(vv.at(i, j), expected, 2e-6);
    }
  EXPECT_EQ(svd.getFactors(0).rank, 0u);
  EXPECT_EQ(svd.getFactors(100).rank, 14u);
}

TEST_P(LowRank, DroneAndSvdLlmReachTheClosedForm) {
  for (auto [m, n] : {std::pair<size_t, size_t>{48, 64}, {64, 48}, {40, 40}}) {
    Layer layer(m, n, 256, 3);
    double output = getOutputNorm(layer.weight, layer.gram);
    EXPECT_NEAR((layer.weight * layer.x).getNorm() / output, 1, 1e-6);
    std::vector<double> values = ::getSingularValues(layer.weight * getCholesky(layer.gram));
    LowRankDecomposition drone = take(getDrone(layer.gram)(layer.weight, {})),
                         llm = take(getSvdLlm(layer.gram)(layer.weight, {})),
                         asvd = take(getAsvd(layer.x, 0.5)(layer.weight, {})),
                         svd = take(getSvd()(layer.weight, {}));
    double last = INFINITY;
    for (size_t k : {1, 4, 16, 30, 39}) {
      auto getError = [&](const LowRankDecomposition &of) {
        return getOutputNorm(layer.weight - getProduct(of, k, m, n), layer.gram) / output;
      };
      double expected = getTail(values, k) / output;
      EXPECT_NEAR(std::sqrt(drone.getError(k)) / output, expected, 1e-9);
      EXPECT_NEAR(std::sqrt(llm.getError(k)) / output, expected, 1e-9);
      EXPECT_NEAR(getError(drone), expected, 1e-6);
      EXPECT_NEAR(getError(llm), expected, 1e-6);
      EXPECT_NEAR((layer.weight * layer.x - getProduct(llm, k, m, n) * layer.x).getNorm() / output,
                  expected, 1e-6);
      EXPECT_LT(expected, last);
      last = expected;
      if (k == 16) {
        EXPECT_GT(getError(asvd), 1.2 * expected);
        EXPECT_GT(getError(svd), 1.2 * getError(asvd));
      }
    }
    // All ranks together are the weight.
    for (const LowRankDecomposition *of : {&drone, &llm, &asvd, &svd})
      EXPECT_LT((layer.weight - getProduct(*of, m, m, n)).getNorm() / layer.weight.getNorm(), 1e-6);
  }
}

TEST_P(LowRank, WhiteInputsGiveTheSvd) {
  for (auto [m, n] : {std::pair<size_t, size_t>{10, 16}, {16, 10}}) {
    Dense w = makeRandom(m, n, 4), gram = makeDiagonal(std::vector<double>(n, 7));
    Dense expected = getProduct(take(getSvd()(w, {})), 4, m, n);
    for (const Method &method : {getDrone(gram), getSvdLlm(gram)}) {
      LowRankDecomposition of = take(method(w, {}));
      EXPECT_LT((getProduct(of, 4, m, n) - expected).getNorm(), 1e-5);
      EXPECT_NEAR(of.getTotal(), 7 * w.getNorm() * w.getNorm(), 1e-6 * of.getTotal());
    }
    LowRankDecomposition scaled = take(decomposeScaled(w.toFloat(), m, n, std::vector<double>(m, 3),
                                                       std::vector<double>(n, 0.5), {}));
    EXPECT_LT((getProduct(scaled, 4, m, n) - expected).getNorm(), 1e-5);
  }
}

TEST_P(LowRank, RankOfTheWeightIsExact) {
  Layer layer(30, 24, 100, 5);
  for (auto [m, n] : {std::pair<size_t, size_t>{30, 24}, {18, 24}}) {
    Dense w = makeRandom(m, 5, 6) * makeRandom(5, n, 7);
    w = Dense(m, n, w.toFloat());
    for (const Method &method :
         {getSvd(), getAsvd(layer.x, 0.5), getDrone(layer.gram), getSvdLlm(layer.gram)}) {
      LowRankDecomposition of = take(method(w, {}));
      EXPECT_LT((w - getProduct(of, 5, m, n)).getNorm() / w.getNorm(), 1e-5);
      EXPECT_GT((w - getProduct(of, 4, m, n)).getNorm() / w.getNorm(), 1e-2);
      EXPECT_EQ(of.getRank(1 - 1e-9), 5u);
    }
  }
  // In integers nothing is left to round: there is no sixth component.
  std::mt19937 engine(8);
  Dense a(16, 5), b(5, 20);
  for (Dense *matrix : {&a, &b})
    for (double &value : matrix->data)
      value = static_cast<double>(engine() % 9) - 4;
  LowRankDecomposition of = take(getSvd()(a * b, {}));
  EXPECT_EQ(of.getFactors(16).rank, 5u);
  EXPECT_EQ(of.getRank(1), 5u);
  EXPECT_EQ(of.getSingularValues().size(), 16u);
}

TEST_P(LowRank, FisherWeightsTheRows) {
  for (auto [m, n] : {std::pair<size_t, size_t>{15, 40}, {40, 15}}) {
    Dense w = makeRandom(m, n, 9);
    std::vector<double> importance, root;
    for (size_t i = 0; i < m; ++i) {
      importance.push_back(std::exp(-0.3 * static_cast<double>(i)));
      root.push_back(std::sqrt(importance.back()));
    }
    std::vector<double> values = ::getSingularValues(makeDiagonal(root) * w);
    LowRankDecomposition fisher = take(decomposeScaled(w.toFloat(), m, n, root, {}, {})),
                         svd = take(getSvd()(w, {}));
    auto getError = [&](const Dense &product) {
      double sum = 0;
      for (size_t i = 0; i < m; ++i)
        for (size_t j = 0; j < n; ++j)
          sum += importance[i] * std::pow(w.at(i, j) - product.at(i, j), 2);
      return sum;
    };
    for (size_t k : {1, 3, 8}) {
      double expected = std::pow(getTail(values, k), 2);
      EXPECT_NEAR(fisher.getError(k), expected, 1e-9 * fisher.getTotal());
      EXPECT_NEAR(getError(getProduct(fisher, k, m, n)), expected, 1e-6 * fisher.getTotal());
      EXPECT_GT(getError(getProduct(svd, k, m, n)), 1.05 * expected);
    }
    EXPECT_LT((w - getProduct(fisher, m, m, n)).getNorm() / w.getNorm(), 1e-6);
  }
}

TEST_P(LowRank, BothScalesAtOnce) {
  Dense w = makeRandom(9, 13, 10);
  std::vector<double> rows, columns;
  for (size_t i = 0; i < 9; ++i)
    rows.push_back(1.0 + static_cast<double>(i));
  for (size_t i = 0; i < 13; ++i)
    columns.push_back(1 / (1.0 + static_cast<double>(i)));
  Dense a = makeDiagonal(rows), b = makeDiagonal(columns);
  LowRankDecomposition of = take(decomposeScaled(w.toFloat(), 9, 13, rows, columns, {}));
  double expected = getTail(::getSingularValues(a * w * b), 4);
  EXPECT_NEAR((a * (w - getProduct(of, 4, 9, 13)) * b).getNorm(), expected, 1e-6 * expected);
  // Zeros count as the smallest other one, zeros alone as ones.
  rows[3] = 0;
  LowRankDecomposition zero = take(decomposeScaled(w.toFloat(), 9, 13, rows, {}, {}));
  rows[3] = 1;
  LowRankDecomposition one = take(decomposeScaled(w.toFloat(), 9, 13, rows, {}, {}));
  EXPECT_EQ(zero.getFactors(3).u, one.getFactors(3).u);
  EXPECT_EQ(
      take(decomposeScaled(w.toFloat(), 9, 13, std::vector<double>(9, 0), {}, {})).getFactors(3).u,
      take(getSvd()(w, {})).getFactors(3).u);
}

/// Fewer vectors than channels, one channel that is always zero.
TEST_P(LowRank, SingularGram) {
  for (size_t m : {20, 50}) {
    Layer layer(m, 32, 12, 11);
    for (size_t i = 0; i < 32; ++i)
      layer.gram.at(i, 7) = layer.gram.at(7, i) = 0;
    for (size_t j = 0; j < 12; ++j)
      layer.x.at(7, j) = 0;
    double output = (layer.weight * layer.x).getNorm();
    std::vector<double> values = ::getSingularValues(layer.weight * layer.x);
    LowRankDecomposition drone = take(getDrone(layer.gram)(layer.weight, {})),
                         llm = take(getSvdLlm(layer.gram)(layer.weight, {}));
    for (size_t k : {1, 4, 8, 12}) {
      double expected = getTail(values, k) / output;
      for (const LowRankDecomposition *of : {&drone, &llm}) {
        Dense product = getProduct(*of, k, m, 32);
        EXPECT_NEAR((layer.weight * layer.x - product * layer.x).getNorm() / output, expected, 1e-4)
            << m << " " << k;
        for (double value : product.data)
          ASSERT_LT(std::fabs(value), 100);
      }
    }
    // DRONE knows nothing of the channel that was never seen, SVD-LLM keeps it at full rank.
    Dense all = getProduct(drone, m, m, 32);
    for (size_t i = 0; i < m; ++i)
      EXPECT_EQ(all.at(i, 7), 0);
    EXPECT_LT((layer.weight - getProduct(llm, m, m, 32)).getNorm() / layer.weight.getNorm(), 1e-5);
    EXPECT_LE(drone.getFactors(m).rank, 32u);
  }
}

TEST_P(LowRank, NotPositiveDefiniteGramIsShifted) {
  // Eigenvalues 3 and -1: d is 1, so that 1e-6 + 1 is added: 4.000001 and 1e-6.
  std::vector<float> gram = {1, 2, 2, 1}, weight = {1, 1, 1, -1};
  LowRankDecomposition of = take(decomposeSvdLlm(weight, 2, 2, gram, {}));
  // The rows are sqrt(2) times the eigenvectors.
  EXPECT_NEAR(of.getSingularValues()[0], std::sqrt(2 * 4.000001), 1e-9);
  EXPECT_NEAR(of.getSingularValues()[1], std::sqrt(2 * 1e-6), 1e-9);
  // The same with other units.
  for (float unit : {1e-30f, 1e30f}) {
    std::vector<float> scaled;
    for (float value : gram)
      scaled.push_back(value * unit);
    for (auto method : {decomposeSvdLlm, decomposeDrone}) {
      LowRankDecomposition other = take(method(weight, 2, 2, scaled, {}));
      EXPECT_LT((Dense(2, 2, weight) - getProduct(other, 2, 2, 2)).getNorm(),
                method == decomposeDrone ? 1.5 : 1e-5);
      Dense one = getProduct(other, 1, 2, 2);
      // Along (1, 1), the direction that was seen most.
      EXPECT_NEAR(one.at(0, 0) + one.at(0, 1), 2, 1e-5);
      EXPECT_NEAR(one.at(1, 0) + one.at(1, 1), 0, 1e-5);
    }
  }
}

TEST_P(LowRank, ScalesOfGramsDoNotMatter) {
  Layer layer(12, 18, 60, 12);
  Dense expected = getProduct(take(getSvdLlm(layer.gram)(layer.weight, {})), 5, 12, 18);
  for (double unit : {1e-25, 1e25}) {
    Dense gram = layer.gram;
    for (double &value : gram.data)
      value *= unit;
    for (const Method &method : {getDrone(gram), getSvdLlm(gram)})
      EXPECT_LT((getProduct(take(method(layer.weight, {})), 5, 12, 18) - expected).getNorm(), 1e-4);
  }
}

TEST_P(LowRank, ZerosAreNoTrouble) {
  Dense w = makeRandom(6, 9, 13), none(9, 9), zero(6, 9);
  Dense expected = getProduct(take(getSvd()(w, {})), 3, 6, 9);
  for (const Method &method : {getDrone(none), getSvdLlm(none)}) {
    LowRankDecomposition of = take(method(w, {}));
    EXPECT_LT((getProduct(of, 3, 6, 9) - expected).getNorm(), 1e-5);
    EXPECT_NEAR(of.getTotal(), 1e-6 * w.getNorm() * w.getNorm(), 1e-9 * of.getTotal());
  }
  Dense gram = makeDiagonal(std::vector<double>(9, 2));
  for (const Method &method : {getSvd(), getDrone(gram), getSvdLlm(gram)}) {
    LowRankDecomposition of = take(method(zero, {}));
    EXPECT_EQ(of.getTotal(), 0);
    EXPECT_EQ(of.getError(0), 0);
    EXPECT_EQ(of.getRank(0.9), 0u);
    LowRankFactors factors = of.getFactors(4);
    EXPECT_EQ(factors.rank, 1u);
    EXPECT_EQ(factors.u, std::vector<float>(6));
    EXPECT_EQ(factors.v, std::vector<float>(9));
  }
}

TEST_P(LowRank, TinyAndHugeWeights) {
  for (double unit : {1e-30, 1e30}) {
    Dense w = makeRandom(8, 5, 14);
    for (double &value : w.data)
      value = static_cast<float>(value * unit);
    LowRankDecomposition of = take(getSvd()(w, {}));
    EXPECT_LT((w - getProduct(of, 5, 8, 5)).getNorm() / w.getNorm(), 1e-6);
    EXPECT_EQ(of.getFactors(5).rank, 5u);
  }
}

TEST_P(LowRank, RankOfAnEnergy) {
  // Singular values 4, 3, 2, 1: squares 16, 9, 4, 1 of 30.
  Dense w = makeDiagonal({1, 4, 2, 3});
  LowRankDecomposition of = take(getSvd()(w, {}));
  EXPECT_NEAR(of.getTotal(), 30, 1e-12);
  EXPECT_NEAR(of.getError(2), 5, 1e-12);
  EXPECT_EQ(of.getRank(0), 0u);
  EXPECT_EQ(of.getRank(0.5), 1u);
  EXPECT_EQ(of.getRank(0.54), 2u);
  EXPECT_EQ(of.getRank(0.83), 2u);
  EXPECT_EQ(of.getRank(0.84), 3u);
  EXPECT_EQ(of.getRank(0.97), 4u);
  EXPECT_EQ(of.getRank(1), 4u);
}

/// A matrix whose singular values fall off as `decay` says.
Dense makeDecaying(size_t rows, size_t columns, std::function<double(size_t)> decay) {
  size_t rank = std::min(rows, columns);
  std::vector<float> u = makeRandom(rows, rank, 15).toFloat(),
                     v = makeRandom(columns, rank, 16).toFloat();
  EXPECT_FALSE(static_cast<bool>(orthonormalizeColumns(u.data(), rows, rank)));
  EXPECT_FALSE(static_cast<bool>(orthonormalizeColumns(v.data(), columns, rank)));
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < rank; ++j)
      u[i * rank + j] *= static_cast<float>(decay(j));
  std::vector<float> product(rows * columns);
  gemm(false, true, rows, columns, rank, 1.0f, u.data(), rank, v.data(), rank, 0.0f, product.data(),
       columns);
  return Dense(rows, columns, product);
}

/// |d| for a product of floats that is too large for the plain implementation.
double getDistance(const Dense &w, const LowRankFactors &factors) {
  std::vector<float> product = w.toFloat();
  gemm(false, false, w.rows, w.columns, factors.rank, 1.0f, factors.u.data(), factors.rank,
       factors.v.data(), w.columns, -1.0f, product.data(), w.columns);
  return Dense(w.rows, w.columns, product).getNorm();
}

TEST_P(LowRank, RandomizedIsCloseToExact) {
  for (auto [m, n] : {std::pair<size_t, size_t>{520, 640}, {640, 520}})
    for (double power : {0.5, 1.0}) {
      Dense w = makeDecaying(
          m, n, [&](size_t i) { return std::pow(1 + static_cast<double>(i), -power); });
      LowRankOptions options;
      options.maxRank = 40;
      LowRankDecomposition exact = take(getSvd()(w, {})), of = take(getSvd()(w, options));
      ASSERT_EQ(of.getSingularValues().size(), 40u);
      EXPECT_NEAR(of.getTotal(), exact.getTotal(), 1e-6 * exact.getTotal());
      for (size_t k : {5, 40}) {
        double expected = std::sqrt(exact.getError(k)), error = std::sqrt(of.getError(k));
        EXPECT_NEAR(error / expected, 1, 0.01);
        EXPECT_NEAR(getDistance(w, of.getFactors(k)) / error, 1, 1e-3);
        EXPECT_GT(error, expected * (1 - 1e-5));
      }
      EXPECT_EQ(of.getFactors(500).rank, 40u);
      EXPECT_EQ(of.getRank(0.9999), 40u);
      EXPECT_EQ(of.getRank(0.3), exact.getRank(0.3));
    }
}

TEST_P(LowRank, RandomizedWithWeights) {
  size_t m = 520, n = 600;
  Dense w = makeDecaying(m, n, [](size_t i) { return 1 / std::sqrt(1 + static_cast<double>(i)); });
  std::vector<float> x = makeRandom(300, n, 17).toFloat(), gram(n * n);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] *= std::exp(-0.005f * static_cast<float>(i % n));
  addGram(gram.data(), n, x.data(), n, 300);
  std::vector<double> rows, columns;
  for (size_t i = 0; i < m; ++i)
    rows.push_back(1 + static_cast<double>(i % 7));
  for (size_t i = 0; i < n; ++i)
    columns.push_back(1 / (1 + static_cast<double>(i % 5)));
  std::vector<float> weight = w.toFloat();
  LowRankOptions randomized;
  randomized.maxRank = 30;
  using Call = std::function<llvm::Expected<LowRankDecomposition>(const LowRankOptions &)>;
  for (const Call &call :
       {Call([&](auto &o) { return decomposeScaled(weight, m, n, rows, columns, o); }),
        Call([&](auto &o) { return decomposeDrone(weight, m, n, gram, o); }),
        Call([&](auto &o) { return decomposeSvdLlm(weight, m, n, gram, o); })}) {
    LowRankDecomposition exact = take(call({})), of = take(call(randomized));
    EXPECT_NEAR(of.getTotal(), exact.getTotal(), 1e-5 * exact.getTotal());
    EXPECT_NEAR(std::sqrt(of.getError(30) / exact.getError(30)), 1, 0.01);
    // The difference of both, in the metric of the decomposition, is as small as it can be.
    for (size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(of.getSingularValues()[i], exact.getSingularValues()[i],
                  1e-4 * exact.getSingularValues()[0]);
    LowRankFactors a = of.getFactors(3), b = exact.getFactors(3);
    double difference = 0, norm = 0;
    for (size_t i = 0; i < m; ++i)
      for (size_t j = 0; j < n; ++j) {
        double one = 0, other = 0;
        for (size_t k = 0; k < 3; ++k) {
          one += double(a.u[i * 3 + k]) * a.v[k * n + j];
          other += double(b.u[i * 3 + k]) * b.v[k * n + j];
        }
        difference += (one - other) * (one - other);
        norm += other * other;
      }
    EXPECT_LT(std::sqrt(difference / norm), 0.02);
  }
}

TEST_P(LowRank, SeedsAndThreads) {
  Dense w = makeDecaying(600, 512, [](size_t i) { return 1 / (1 + static_cast<double>(i)); });
  std::vector<float> weight = w.toFloat();
  LowRankOptions options;
  options.maxRank = 16;
  LowRankFactors first = take(decomposeSvd(weight, 600, 512, options)).getFactors(16);
  std::vector<LowRankFactors> again(3);
  std::vector<std::thread> threads;
  for (LowRankFactors &factors : again)
    threads.emplace_back(
        [&] { factors = llvm::cantFail(decomposeSvd(weight, 600, 512, options)).getFactors(16); });
  for (std::thread &thread : threads)
    thread.join();
  for (const LowRankFactors &factors : again) {
    EXPECT_EQ(factors.u, first.u);
    EXPECT_EQ(factors.v, first.v);
  }
  options.seed = 1;
  EXPECT_NE(take(decomposeSvd(weight, 600, 512, options)).getFactors(16).u, first.u);
}

TEST_P(LowRank, RandomizedFindsTheRank) {
  std::vector<float> a = makeRandom(700, 9, 18).toFloat(), b = makeRandom(9, 600, 19).toFloat(),
                     w(700 * 600);
  gemm(false, false, 700, 600, 9, 1.0f, a.data(), 9, b.data(), 600, 0.0f, w.data(), 600);
  LowRankOptions options;
  options.maxRank = 50;
  LowRankFactors factors = take(decomposeSvd(w, 700, 600, options)).getFactors(50);
  EXPECT_EQ(factors.rank, 9u);
  Dense dense(700, 600, w);
  EXPECT_LT(getDistance(dense, factors) / dense.getNorm(), 1e-5);
  std::vector<float> zero(700 * 600);
  EXPECT_EQ(take(decomposeSvd(zero, 700, 600, options)).getFactors(50).rank, 1u);
}

TEST_P(LowRank, MaxRankLimitsTheFactorsOnly) {
  Dense w = makeRandom(30, 20, 20);
  LowRankOptions options;
  options.maxRank = 4;
  LowRankDecomposition some = take(getSvd()(w, options)), all = take(getSvd()(w, {}));
  EXPECT_EQ(some.getSingularValues().size(), 20u);
  EXPECT_NEAR(some.getError(9), all.getError(9), 1e-9 * all.getTotal());
  EXPECT_EQ(some.getFactors(9).rank, 4u);
  EXPECT_EQ(some.getFactors(4).u, all.getFactors(4).u);
}

TEST_P(LowRank, QueryTimesKey) {
  size_t rank = 8, n = 24;
  Layer q(rank, n, 90, 21), k(rank, n, 70, 31);
  Dense product = transposed(q.weight) * k.weight;
  Dense lq = getCholesky(q.gram), lk = getCholesky(k.gram);
  Dense weighted = transposed(lq) * product * lk;
  std::vector<double> values = ::getSingularValues(weighted);
  LowRankDecomposition of = take(decomposeQueryKey(q.weight.toFloat(), k.weight.toFloat(), rank, n,
                                                   q.gram.toFloat(), k.gram.toFloat()));
  ASSERT_EQ(of.getSingularValues().size(), rank);
  double scores = weighted.getNorm();
  EXPECT_NEAR((transposed(q.x) * product * k.x).getNorm() / scores, 1, 1e-6);
  for (size_t r = 1; r <= rank; ++r) {
    EXPECT_NEAR(of.getSingularValues()[r - 1] / scores, values[r - 1] / scores, 1e-8);
    double expected = getTail(values, r) / scores;
    Dense left = product - getProduct(of, r, n, n);
    EXPECT_NEAR((transposed(lq) * left * lk).getNorm() / scores, expected, 1e-6);
    EXPECT_NEAR((transposed(q.x) * left * k.x).getNorm() / scores, expected, 1e-6);
  }
  EXPECT_LT((product - getProduct(of, rank, n, n)).getNorm() / product.getNorm(), 1e-6);

  // Without statistics: the SVD of the product.
  LowRankDecomposition plain =
      take(decomposeQueryKey(q.weight.toFloat(), k.weight.toFloat(), rank, n, {}, {}));
  std::vector<double> own = ::getSingularValues(product);
  EXPECT_NEAR((product - getProduct(plain, 3, n, n)).getNorm(), getTail(own, 3), 1e-5);
  // With statistics the scores are better.
  Dense left = product - getProduct(plain, 3, n, n);
  EXPECT_GT((transposed(lq) * left * lk).getNorm(), 1.1 * std::sqrt(of.getError(3)));
}

TEST_P(LowRank, QueryTimesKeyOfDependentRowsAndZeros) {
  size_t rank = 6, n = 10;
  Dense q = makeRandom(rank, 2, 41) * makeRandom(2, n, 42), k = makeRandom(rank, n, 43);
  q = Dense(rank, n, q.toFloat());
  Dense product = transposed(q) * k, gram = makeDiagonal(std::vector<double>(n, 1));
  gram.at(3, 3) = 0;
  LowRankDecomposition of = take(decomposeQueryKey(q.toFloat(), k.toFloat(), rank, n, {}, {}));
  EXPECT_LT((product - getProduct(of, 2, n, n)).getNorm() / product.getNorm(), 1e-5);
  of = take(decomposeQueryKey(q.toFloat(), k.toFloat(), rank, n, gram.toFloat(), {}));
  Dense left = product - getProduct(of, 2, n, n);
  for (size_t i = 0; i < n; ++i)
    left.at(3, i) = 0;
  EXPECT_LT(left.getNorm() / product.getNorm(), 1e-5);
  std::vector<float> zero(rank * n);
  of = take(decomposeQueryKey(zero, k.toFloat(), rank, n, {}, {}));
  EXPECT_EQ(of.getTotal(), 0);
  EXPECT_EQ(of.getFactors(4).rank, 1u);
  EXPECT_EQ(getProduct(of, 4, n, n).getNorm(), 0);
}

INSTANTIATE_TEST_SUITE_P(Backends, LowRank,
                         testing::Values(LinearAlgebraBackend::Automatic,
                                         LinearAlgebraBackend::Eigen));

TEST(LowRankRanks, BreakEven) {
  // 2048 would be as large as the matrix.
  EXPECT_EQ(getBreakEvenRank(4096, 4096), 2047u);
  EXPECT_EQ(getBreakEvenRank(4096, 11008), 2985u);
  EXPECT_EQ(getBreakEvenRank(11008, 4096), 2985u);
  EXPECT_EQ(getBreakEvenRank(768, 3072), 614u);
  EXPECT_EQ(getBreakEvenRank(1, 100), 0u);
  EXPECT_EQ(getBreakEvenRank(2, 2), 0u);
  EXPECT_EQ(getBreakEvenRank(3, 3), 1u);
  EXPECT_EQ(getBreakEvenRank(0, 5), 0u);
}

TEST(LowRankRanks, Ratio) {
  EXPECT_EQ(getRankOfRatio(4096, 4096, 0.5), 1024u);
  EXPECT_EQ(getRankOfRatio(4096, 4096, 1), 2048u);
  // 0.8 * 2985.22 = 2388.2, 0.4 * 614.4 = 245.8.
  EXPECT_EQ(getRankOfRatio(4096, 11008, 0.8), 2388u);
  EXPECT_EQ(getRankOfRatio(768, 3072, 0.4), 245u);
  // Whole numbers that are no doubles: 0.7 * 50 and 0.29 * 100.
  EXPECT_EQ(getRankOfRatio(100, 100, 0.7), 35u);
  EXPECT_EQ(getRankOfRatio(200, 200, 0.29), 29u);
  EXPECT_EQ(getRankOfRatio(4, 4, 0.1), 1u);
  EXPECT_EQ(getRankOfRatio(4, 8, 100), 4u);
  EXPECT_EQ(getRankOfRatio(0, 8, 0.5), 0u);
}

TEST(LowRankErrors, SayWhatIsWrong) {
  std::vector<float> w = {1, 2, 3, 4, 5, 6}, gram(9), nan = {1, 2, NAN, 4, 5, 6};
  auto getText = [](llvm::Expected<LowRankDecomposition> result) {
    return result ? std::string("none") : llvm::toString(result.takeError());
  };
  EXPECT_EQ(getText(decomposeSvd(w, 2, 4, {})), "the weight of 2 x 4 has 6 elements");
  EXPECT_EQ(getText(decomposeSvd(w, 4, 1, {})), "the weight of 4 x 1 has 6 elements");
  EXPECT_EQ(getText(decomposeSvd({}, 0, 3, {})), "a weight of 0 x 3 has no elements");
  EXPECT_EQ(getText(decomposeSvd(nan, 2, 3, {})), "the weight is not finite at [0, 2]");
  EXPECT_EQ(getText(decomposeScaled(w, 2, 3, {1, 2, 3}, {}, {})),
            "the importance of rows needs 2 elements, but has 3");
  EXPECT_EQ(getText(decomposeScaled(w, 2, 3, {}, {1, -1, 1}, {})),
            "element 1 of the scale of columns must be finite and not negative");
  EXPECT_EQ(getText(decomposeScaled(w, 2, 3, {INFINITY, 1}, {}, {})),
            "element 0 of the importance of rows must be finite and not negative");
  for (auto method : {decomposeDrone, decomposeSvdLlm}) {
    EXPECT_EQ(getText(method(w, 2, 3, w, {})),
              "a Gram matrix of 3 x 3 is needed, but it has 6 elements");
    gram[5] = NAN;
    EXPECT_EQ(getText(method(w, 2, 3, gram, {})), "the Gram matrix is not finite at [1, 2]");
  }
  EXPECT_EQ(getText(decomposeQueryKey(w, w, 2, 3, {}, nan)),
            "a Gram matrix of 3 x 3 is needed, but it has 6 elements");
  EXPECT_EQ(getText(decomposeQueryKey(w, nan, 2, 3, {}, {})),
            "the key weight is not finite at [0, 2]");
}

} // namespace
