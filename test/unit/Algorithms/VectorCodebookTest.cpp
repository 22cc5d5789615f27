//===- VectorCodebookTest.cpp - codes for vectors of weights --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/VectorCodebook.h"
#include "NormalTable.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace mlir::compress;

namespace {

/// Sum of e G e^T over the rows of the error, in f64.
double getError(const VectorCodes &codes, const std::vector<float> &weight,
                const std::vector<float> &gram = {}) {
  std::vector<float> decoded = decodeVectorCodes(codes);
  size_t n = codes.columns;
  double sum = 0;
  for (size_t row = 0; row < codes.rows; ++row) {
    std::vector<double> error(n);
    for (size_t i = 0; i < n; ++i)
      error[i] = double(weight[row * n + i]) - decoded[row * n + i];
    for (size_t i = 0; i < n; ++i)
      if (gram.empty())
        sum += error[i] * error[i];
      else
        for (size_t j = 0; j < n; ++j)
          sum += error[i] * gram[i * n + j] * error[j];
  }
  return sum;
}

void check(const VectorCodes &codes, const std::vector<float> &weight,
           const std::vector<float> &gram = {}) {
  ASSERT_EQ(codes.codes.size(), codes.rows * codes.getNumVectors() * codes.codebooks);
  ASSERT_EQ(codes.tables.size(), codes.subspaces * codes.codebooks * codes.entries * codes.dim);
  for (uint16_t code : codes.codes)
    ASSERT_LT(code, codes.entries);
  EXPECT_NEAR(codes.error, getError(codes, weight, gram), 1e-4 * codes.error + 1e-9);
  for (size_t i = 1; i < codes.errors.size(); ++i)
    EXPECT_LT(codes.errors[i], codes.errors[i - 1]);
}

/// The Gram matrix of inputs that are correlated and of different sizes.
std::vector<float> makeGram(size_t n, size_t count) {
  std::vector<float> x = normal::makeSample(count * n, 50), mixed(count * n), gram(n * n);
  for (size_t i = 0; i < count; ++i)
    for (size_t j = 0; j < n; ++j)
      mixed[i * n + j] = (x[i * n + j] + x[i * n + (j + 1) % n] + x[i * n]) * (j % 5 ? 0.3f : 3.0f);
  addGram(gram.data(), n, mixed.data(), n, count);
  return gram;
}

TEST(VectorCodebook, ProductQuantization) {
  const size_t rows = 96, columns = 40;
  std::vector<float> weight = normal::makeSample(rows * columns, 1);
  double last = std::numeric_limits<double>::infinity();
  for (size_t entries : {1, 2, 5, 16, 64}) {
    VectorCodes codes = fitVectorCodes(weight, rows, columns, {}, getProductOptions(4, entries));
    EXPECT_EQ(codes.subspaces, 10u);
    EXPECT_TRUE(codes.scales.empty());
    check(codes, weight);
    EXPECT_LT(codes.error, last * 0.9);
    last = codes.error;
    // The nearest entry of the position's codebook.
    for (size_t row = 0; row < rows; ++row)
      for (size_t vector = 0; vector < 10; ++vector) {
        auto getDistance = [&](size_t entry) {
          double sum = 0;
          for (size_t i = 0; i < 4; ++i) {
            double error = weight[row * columns + vector * 4 + i] -
                           codes.tables[(vector * entries + entry) * 4 + i];
            sum += error * error;
          }
          return sum;
        };
        double own = getDistance(codes.codes[row * 10 + vector]);
        for (size_t entry = 0; entry < entries; ++entry)
          ASSERT_LE(own, getDistance(entry) * (1 + 1e-5) + 1e-10);
      }
  }
  // An entry for each row: nothing is lost.
  VectorCodes exact = fitVectorCodes(weight, rows, columns, {}, getProductOptions(4, rows));
  EXPECT_EQ(exact.error, 0);
  EXPECT_EQ(decodeVectorCodes(exact), weight);
  // One codebook for all positions has fewer entries to choose from.
  VectorCodebookOptions shared = getProductOptions(4, 16);
  shared.perPosition = false;
  VectorCodes codes = fitVectorCodes(weight, rows, columns, {}, shared);
  EXPECT_EQ(codes.subspaces, 1u);
  EXPECT_EQ(codes.tables.size(), 16u * 4);
  check(codes, weight);
}

TEST(VectorCodebook, FindsPlantedCodebooks) {
  // Rows are scaled sums of entries of two codebooks.
  const size_t rows = 200, columns = 32, dim = 4, entries = 4;
  std::vector<float> tables = normal::makeSample(2 * entries * dim, 3), weight(rows * columns);
  for (size_t i = 0; i < entries * dim; ++i)
    tables[i] *= 5; // the first codebook is the coarse one
  std::mt19937 random(4);
  for (size_t row = 0; row < rows; ++row)
    for (size_t vector = 0; vector < columns / dim; ++vector) {
      size_t a = random() % entries, b = random() % entries;
      for (size_t i = 0; i < dim; ++i)
        weight[row * columns + vector * dim + i] =
            tables[a * dim + i] + tables[(entries + b) * dim + i];
    }
  VectorCodebookOptions options = getAdditiveOptions(dim, entries, 2);
  options.rowScales = false;
  options.maxRounds = 100;
  options.tolerance = 1e-6;
  options.codebookSteps = 30;
  VectorCodes codes = fitVectorCodes(weight, rows, columns, {}, options);
  check(codes, weight);
  double norm = 0;
  for (float x : weight)
    norm += double(x) * x;
  EXPECT_LT(codes.error, 1e-6 * norm);
}

TEST(VectorCodebook, MoreCodebooksAreBetter) {
  const size_t rows = 128, columns = 60; // the last vector is short
  std::vector<float> weight = normal::makeSample(rows * columns, 5);
  std::vector<float> gram = makeGram(columns, 300);
  for (const std::vector<float> &g : {std::vector<float>(), gram}) {
    VectorCodebookOptions shared = getProductOptions(8, 32);
    shared.perPosition = false;
    double last = fitVectorCodes(weight, rows, columns, g, shared).error * (1 + 1e-9);
    for (size_t codebooks = 1; codebooks <= 4; ++codebooks) {
      VectorCodes codes =
          fitVectorCodes(weight, rows, columns, g, getAdditiveOptions(8, 32, codebooks));
      check(codes, weight, g);
      EXPECT_EQ(codes.scales.size(), rows);
      EXPECT_LT(codes.error, last * (codebooks == 1 ? 1.02 : 0.85)) << codebooks;
      last = codes.error;
    }
  }
}

TEST(VectorCodebook, GramLowersTheErrorOfOutputs) {
  const size_t rows = 100, columns = 64;
  std::vector<float> weight = normal::makeSample(rows * columns, 6);
  std::vector<float> gram = makeGram(columns, 200);
  for (bool isProduct : {false, true}) {
    VectorCodebookOptions options =
        isProduct ? getProductOptions(4, 16) : getAdditiveOptions(8, 64, 2);
    VectorCodes plain = fitVectorCodes(weight, rows, columns, {}, options);
    VectorCodes weighted = fitVectorCodes(weight, rows, columns, gram, options);
    check(weighted, weight, gram);
    EXPECT_GT(weighted.errors.size(), 2u);
    EXPECT_LT(getError(weighted, weight, gram), 0.6 * getError(plain, weight, gram));
    EXPECT_GT(getError(weighted, weight), getError(plain, weight));
  }
  // A wider beam finds better codes here.
  VectorCodebookOptions options = getAdditiveOptions(8, 64, 2);
  double narrow = fitVectorCodes(weight, rows, columns, gram, options).error;
  options.beam = 8;
  VectorCodes wide = fitVectorCodes(weight, rows, columns, gram, options);
  check(wide, weight, gram);
  EXPECT_LT(wide.error, narrow);
}

TEST(VectorCodebook, SingularGram) {
  // Fewer inputs than columns, and an input that is always 0.
  const size_t rows = 50, columns = 32;
  std::vector<float> weight = normal::makeSample(rows * columns, 7), x(10 * columns);
  x = normal::makeSample(10 * columns, 8);
  for (size_t i = 0; i < 10; ++i)
    x[i * columns + 5] = 0;
  std::vector<float> gram(columns * columns);
  addGram(gram.data(), columns, x.data(), columns, 10);
  VectorCodes codes = fitVectorCodes(weight, rows, columns, gram, getAdditiveOptions(4, 16, 2));
  EXPECT_LT(codes.errors.back(), 0.5 * codes.errors.front());
  for (float value : decodeVectorCodes(codes))
    ASSERT_TRUE(std::isfinite(value));
  // Nothing is known of the inputs.
  std::fill(gram.begin(), gram.end(), 0.0f);
  codes = fitVectorCodes(weight, rows, columns, gram, getAdditiveOptions(4, 16, 2));
  EXPECT_EQ(codes.error, 0);
  EXPECT_LT(getError(codes, weight), 0.5 * rows * columns);
}

TEST(VectorCodebook, RowScales) {
  const size_t rows = 64, columns = 64;
  std::vector<float> weight = normal::makeSample(rows * columns, 9);
  for (size_t i = 0; i < weight.size(); ++i)
    weight[i] *= std::exp2(float(i / columns % 8));
  std::fill_n(weight.begin() + 3 * columns, columns, 0.0f); // a row of zeros
  VectorCodebookOptions options = getAdditiveOptions(4, 64, 1);
  VectorCodes scaled = fitVectorCodes(weight, rows, columns, {}, options);
  check(scaled, weight);
  EXPECT_EQ(scaled.scales[3], 0);
  // The relative error of small rows is that of the others.
  std::vector<float> decoded = decodeVectorCodes(scaled);
  for (size_t row = 0; row < rows; ++row) {
    double error = 0, norm = 0;
    for (size_t i = row * columns; i < (row + 1) * columns; ++i) {
      error += (double(weight[i]) - decoded[i]) * (double(weight[i]) - decoded[i]);
      norm += double(weight[i]) * weight[i];
    }
    EXPECT_LE(error, 0.6 * norm) << row;
  }
}

TEST(VectorCodebook, StoredTypes) {
  const size_t rows = 40, columns = 24;
  std::vector<float> weight = normal::makeSample(rows * columns, 10);
  VectorCodebookOptions options = getAdditiveOptions(8, 16, 2);
  double error = fitVectorCodes(weight, rows, columns, {}, options).error;
  options.type = DataType::BF16;
  VectorCodes codes = fitVectorCodes(weight, rows, columns, {}, options);
  EXPECT_NEAR(codes.error, getError(codes, weight), 1e-4 * error);
  EXPECT_NE(codes.error, error);
  EXPECT_LT(codes.error, 1.01 * error);
  for (const std::vector<float> &values : {codes.tables, codes.scales})
    for (float value : values) {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      EXPECT_EQ(bits & 0xffff, 0u);
    }
}

TEST(VectorCodebook, Extremes) {
  std::vector<float> zeros(6 * 7, 0.0f), equal(6 * 7, 2.5f);
  for (const VectorCodebookOptions &options :
       {getProductOptions(3, 1), getProductOptions(16, 300), getAdditiveOptions(2, 4, 3),
        getAdditiveOptions(1, 1, 1)}) {
    VectorCodes codes = fitVectorCodes(zeros, 6, 7, {}, options);
    EXPECT_EQ(codes.error, 0);
    EXPECT_EQ(decodeVectorCodes(codes), zeros);
    codes = fitVectorCodes(equal, 6, 7, {}, options);
    EXPECT_NEAR(codes.error, 0, 1e-8);
    for (float value : decodeVectorCodes(codes))
      EXPECT_NEAR(value, 2.5f, 1e-5);
  }
  VectorCodes one = fitVectorCodes(std::vector<float>{-3}, 1, 1, {}, getAdditiveOptions(8, 2, 2));
  EXPECT_NEAR(decodeVectorCodes(one)[0], -3, 1e-6);
}

TEST(VectorCodebook, IsDeterministic) {
  const size_t rows = 150, columns = 48;
  std::vector<float> weight = normal::makeSample(rows * columns, 11);
  std::vector<float> gram = makeGram(columns, 100);
  for (const VectorCodebookOptions &options :
       {getProductOptions(4, 16), getAdditiveOptions(8, 32, 2)}) {
    VectorCodes a = fitVectorCodes(weight, rows, columns, gram, options);
    VectorCodes b = fitVectorCodes(weight, rows, columns, gram, options, [](size_t n, auto body) {
      for (size_t i = n; i-- > 0;)
        body(i);
    });
    EXPECT_EQ(a.codes, b.codes);
    EXPECT_EQ(a.tables, b.tables);
    EXPECT_EQ(a.scales, b.scales);
    EXPECT_EQ(a.errors, b.errors);
  }
}

TEST(VectorCodebook, BitsPerWeight) {
  // AQLM 2 x 8 bits in groups of 8, f16: 2 bits for codes, 2 * 256 * 8 * 16 for tables, 16 a row.
  VectorCodebookOptions options = getAdditiveOptions(8, 256, 2);
  options.type = DataType::F16;
  EXPECT_DOUBLE_EQ(getBitsPerWeight(options, 4096, 4096),
                   2 + 65536.0 / (4096 * 4096) + 16.0 / 4096);
  // 1 x 16 bits.
  options = getAdditiveOptions(8, 65536, 1);
  options.type = DataType::F16;
  EXPECT_DOUBLE_EQ(getBitsPerWeight(options, 4096, 4096), 2 + 0.5 + 16.0 / 4096);
  // 3 positions, 5 entries (3 bits), f32: (2 * 3 * 3 + 3 * 5 * 4 * 32) / 20.
  EXPECT_DOUBLE_EQ(getBitsPerWeight(getProductOptions(4, 5), 2, 10), (18 + 1920) / 20.0);
}

} // namespace
