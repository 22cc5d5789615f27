//===- KMeansTest.cpp - clusters of vectors -------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/KMeans.h"
#include "NormalTable.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <limits>
#include <set>

using namespace mlir::compress;

namespace {

double getDistance(const float *a, const float *b, size_t dim) {
  double sum = 0;
  for (size_t i = 0; i < dim; ++i)
    sum += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  return sum;
}

/// Codes are those of nearest centers, and the error is theirs.
void check(const KMeans &result, const std::vector<float> &vectors, size_t dim,
           const std::vector<float> &weights = {}) {
  size_t count = vectors.size() / dim, k = result.centers.size() / dim;
  ASSERT_EQ(result.codes.size(), count);
  double error = 0;
  for (size_t i = 0; i < count; ++i) {
    double least = std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < k; ++c)
      least = std::min(least, getDistance(&vectors[i * dim], &result.centers[c * dim], dim));
    ASSERT_LT(result.codes[i], k);
    double own = getDistance(&vectors[i * dim], &result.centers[result.codes[i] * dim], dim);
    EXPECT_LE(own, least * (1 + 1e-5) + 1e-12);
    error += (weights.empty() ? 1 : weights[i]) * own;
  }
  EXPECT_NEAR(result.error, error, 1e-5 * error);
  for (size_t i = 1; i < result.errors.size(); ++i)
    EXPECT_LE(result.errors[i], result.errors[i - 1]);
}

TEST(KMeans, FindsSeparatedClusters) {
  const size_t dim = 5, clusters = 12, each = 40;
  std::vector<float> middles = normal::makeSample(clusters * dim, 1);
  std::vector<float> vectors = normal::makeSample(clusters * each * dim, 2);
  for (size_t i = 0; i < vectors.size(); ++i) // vectors of clusters alternate
    vectors[i] = vectors[i] * 0.01f + 10 * middles[i / dim % clusters * dim + i % dim];
  for (uint64_t seed : {0, 1, 2}) {
    KMeans result = fitKMeans(vectors, dim, {}, {clusters, seed});
    check(result, vectors, dim);
    std::set<uint32_t> codes(result.codes.begin(), result.codes.end());
    EXPECT_EQ(codes.size(), clusters);
    for (size_t i = 0; i < result.codes.size(); ++i)
      EXPECT_EQ(result.codes[i], result.codes[i % clusters]);
    for (size_t c = 0; c < clusters; ++c)
      for (size_t i = 0; i < dim; ++i)
        EXPECT_NEAR(result.centers[result.codes[c] * dim + i], 10 * middles[c * dim + i], 0.01);
    EXPECT_NEAR(result.error / vectors.size(), 1e-4, 2e-5);
  }
}

TEST(KMeans, ErrorNeverIncreases) {
  for (size_t dim : {1, 3, 8, 64, 65, 200}) {
    std::vector<float> vectors = normal::makeSample(300 * dim, 3), weights;
    for (float x : normal::makeSample(300, 4))
      weights.push_back(x * x);
    for (size_t k : {1, 2, 15, 16, 17, 40})
      for (bool hasWeights : {false, true}) {
        std::vector<float> w = hasWeights ? weights : std::vector<float>();
        KMeans result = fitKMeans(vectors, dim, w, {k, 7});
        check(result, vectors, dim, w);
      }
  }
}

TEST(KMeans, MoreCentersAreBetter) {
  std::vector<float> vectors = normal::makeSample(2000 * 4, 5);
  double last = std::numeric_limits<double>::infinity();
  for (size_t k : {1, 4, 16, 64, 256, 1024}) {
    double error = fitKMeans(vectors, 4, {}, {k}).error;
    EXPECT_LT(error, 0.8 * last);
    last = error;
  }
}

TEST(KMeans, FewDistinctVectorsAreKept) {
  std::vector<float> vectors;
  for (int i = 0; i < 500; ++i)
    for (int j = 0; j < 3; ++j)
      vectors.push_back(1000 + 0.001f * (i % 7) * (j + 1));
  for (size_t k : {7, 8, 30, 600}) {
    KMeans result = fitKMeans(vectors, 3, {}, {k});
    EXPECT_EQ(result.error, 0);
    EXPECT_EQ(result.centers.size(), k * 3);
    for (size_t i = 0; i < vectors.size(); ++i)
      EXPECT_EQ(result.centers[result.codes[i / 3] * 3 + i % 3], vectors[i]);
  }
  KMeans one = fitKMeans(std::vector<float>{1, 2}, 2, {}, {3});
  EXPECT_EQ(one.centers, (std::vector<float>{1, 2, 1, 2, 1, 2}));
  EXPECT_EQ(one.codes, std::vector<uint32_t>{0});
}

TEST(KMeans, WeightsMoveCenters) {
  KMeans result =
      fitKMeans(std::vector<float>{0, 4, 100, 104}, 1, std::vector<float>{1, 3, 0, 1}, {2});
  std::vector<float> centers = result.centers;
  std::sort(centers.begin(), centers.end());
  EXPECT_EQ(centers, (std::vector<float>{3, 104}));
  EXPECT_EQ(result.error, 9 + 3);
}

TEST(KMeans, LongVectors) {
  // Layers of a model: few vectors, many elements.
  const size_t dim = 20000;
  std::vector<float> vectors = normal::makeSample(6 * dim, 6);
  for (size_t i = 3 * dim; i < 6 * dim; ++i)
    vectors[i] = vectors[i - 3 * dim] + 0.1f * vectors[i];
  KMeans result = fitKMeans(vectors, dim, {}, {3});
  check(result, vectors, dim);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(result.codes[i], result.codes[i + 3]);
  EXPECT_NE(result.codes[0], result.codes[1]);
  EXPECT_NE(result.codes[1], result.codes[2]);
}

TEST(KMeans, PartOfTheVectors) {
  std::vector<float> vectors = normal::makeSample(5000 * 4, 8);
  KMeansOptions options;
  options.k = 32;
  KMeans all = fitKMeans(vectors, 4, {}, options);
  options.maxVectors = 1000;
  KMeans part = fitKMeans(vectors, 4, {}, options);
  check(part, vectors, 4);
  EXPECT_LT(part.error, all.error * 1.1);
  EXPECT_GT(part.error, all.error);
}

TEST(KMeans, IsDeterministic) {
  std::vector<float> vectors = normal::makeSample(3000 * 8, 9);
  KMeans a = fitKMeans(vectors, 8, {}, {50, 4});
  KMeans b = fitKMeans(vectors, 8, {}, {50, 4}, [](size_t n, auto body) {
    for (size_t i = n; i-- > 0;)
      body(i);
  });
  EXPECT_EQ(a.centers, b.centers);
  EXPECT_EQ(a.codes, b.codes);
  EXPECT_EQ(a.errors, b.errors);
  EXPECT_NE(a.centers, fitKMeans(vectors, 8, {}, {50, 5}).centers);
}

} // namespace
