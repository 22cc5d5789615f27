//===- KMeans.cpp - clusters of vectors -----------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/KMeans.h"
#include "Simd.h"
#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <numeric>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Distances
//===----------------------------------------------------------------------===//

/// Centers side by side, and elements summed up in f32.
static constexpr size_t kLanes = simd::Lanes<float>::width, kRun = 64;
/// Vectors of a piece of work.
static constexpr size_t kPiece = 512;

/// Squared distances of `x` [dim] to the centers of a group: `group` is [dim, kLanes].
COMPRESS_INLINE void getDistances(const float *x, const float *group, size_t dim,
                                  double *distances) {
  using Vec = simd::Lanes<float>::Vec;
  std::fill_n(distances, kLanes, 0.0);
  for (size_t begin = 0; begin < dim; begin += kRun) {
    Vec sum = {};
    for (size_t i = begin, end = begin + kRun < dim ? begin + kRun : dim; i < end; ++i) {
      Vec center;
      simd::load(center, group + i * kLanes);
      Vec difference = x[i] - center;
      sum += difference * difference;
    }
    for (size_t lane = 0; lane < kLanes; ++lane)
      distances[lane] += sum[lane];
  }
}

/// The nearest center and its squared distance for `count` vectors; dims of at most `kRun`.
COMPRESS_CLONES static void findNearestShort(const float *x, size_t count, const float *groups,
                                             size_t numGroups, size_t dim, uint32_t *codes,
                                             double *distances) {
  using Vec = simd::Lanes<float>::Vec;
  using Index = simd::Vector<int32_t, kLanes>;
  for (size_t v = 0; v < count; ++v, x += dim) {
    Vec best = Vec{} + std::numeric_limits<float>::infinity();
    Index where = {};
    for (size_t g = 0; g < numGroups; ++g) {
      const float *group = groups + g * dim * kLanes;
      Vec sum = {};
      for (size_t i = 0; i < dim; ++i) {
        Vec center;
        simd::load(center, group + i * kLanes);
        Vec difference = x[i] - center;
        sum += difference * difference;
      }
      Index isLess = sum < best;
      best = isLess ? sum : best;
      where = isLess ? Index{} + static_cast<int32_t>(g) : where;
    }
    size_t code = 0;
    float least = std::numeric_limits<float>::infinity();
    for (size_t lane = 0; lane < kLanes; ++lane) {
      size_t center = where[lane] * kLanes + lane;
      if (best[lane] < least || (best[lane] == least && center < code)) {
        least = best[lane];
        code = center;
      }
    }
    codes[v] = static_cast<uint32_t>(code);
    distances[v] = least;
  }
}

COMPRESS_CLONES static void findNearestLong(const float *x, size_t count, const float *groups,
                                            size_t numGroups, size_t dim, uint32_t *codes,
                                            double *distances) {
  for (size_t v = 0; v < count; ++v, x += dim) {
    distances[v] = std::numeric_limits<double>::infinity();
    codes[v] = 0;
    for (size_t g = 0; g < numGroups; ++g) {
      double found[kLanes];
      getDistances(x, groups + g * dim * kLanes, dim, found);
      for (size_t lane = 0; lane < kLanes; ++lane)
        if (found[lane] < distances[v]) {
          distances[v] = found[lane];
          codes[v] = static_cast<uint32_t>(g * kLanes + lane);
        }
    }
  }
}

/// Squared distance of two vectors.
COMPRESS_CLONES static double getDistance(const float *x, const float *y, size_t dim) {
  double distance = 0;
  for (size_t begin = 0; begin < dim; begin += kRun) {
    float sum = 0;
    for (size_t i = begin, end = begin + kRun < dim ? begin + kRun : dim; i < end; ++i)
      sum += (x[i] - y[i]) * (x[i] - y[i]);
    distance += sum;
  }
  return distance;
}

//===----------------------------------------------------------------------===//
// Clustering
//===----------------------------------------------------------------------===//

namespace {

/// splitmix64 (Steele et al., 2014).
struct Generator {
  uint64_t state;
  uint64_t draw() {
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }
  double drawUnit() { return double(draw() >> 11) * 0x1p-53; }
};

class Clustering {
public:
  Clustering(llvm::ArrayRef<float> vectors, size_t dim, llvm::ArrayRef<float> weights, size_t k,
             ParallelFor parallelFor)
      : vectors(vectors), dim(dim), weights(weights), k(k), count(vectors.size() / dim),
        parallelFor(parallelFor), centers(k * dim), codes(count), distances(count) {}

  void drawStarts(Generator &generator);
  /// Codes and distances; the error.
  double assign();
  /// Centers become the means of their vectors.
  void moveCenters();

  llvm::ArrayRef<float> vectors;
  size_t dim;
  llvm::ArrayRef<float> weights;
  size_t k, count;
  ParallelFor parallelFor;
  std::vector<float> centers;
  std::vector<uint32_t> codes;
  std::vector<double> distances;

private:
  const float *getVector(size_t i) const { return &vectors[i * dim]; }
  double getWeight(size_t i) const { return weights.empty() ? 1 : weights[i]; }
  /// Runs `body(begin, end)` on pieces of the vectors.
  void forPieces(llvm::function_ref<void(size_t, size_t)> body) {
    size_t piece = std::max<size_t>(1, dim < kPiece ? kPiece : kPiece * kPiece / dim);
    parallelFor((count + piece - 1) / piece,
                [&](size_t i) { body(i * piece, std::min(count, (i + 1) * piece)); });
  }
  double getError() const {
    double error = 0;
    for (size_t i = 0; i < count; ++i)
      error += getWeight(i) * distances[i];
    return error;
  }
};

} // namespace

void Clustering::drawStarts(Generator &generator) {
  // The first in proportion to the weights.
  std::fill(distances.begin(), distances.end(), 1.0);
  for (size_t center = 0; center < k; ++center) {
    double total = getError();
    if (total <= 0) {
      // All vectors are centers.
      for (size_t last = center ? center - 1 : 0; center < k; ++center)
        std::copy_n(center ? &centers[last * dim] : getVector(0), dim, &centers[center * dim]);
      return;
    }
    double wanted = generator.drawUnit() * total;
    size_t chosen = count;
    for (size_t i = 0; i < count; ++i) {
      double part = getWeight(i) * distances[i];
      if (part <= 0)
        continue;
      chosen = i;
      if (wanted < part)
        break;
      wanted -= part;
    }
    std::copy_n(getVector(chosen), dim, &centers[center * dim]);
    auto update = [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        double distance = getDistance(getVector(i), &centers[center * dim], dim);
        distances[i] = center ? std::min(distances[i], distance) : distance;
      }
    };
    if (count * dim < kPiece * kPiece)
      update(0, count);
    else
      forPieces(update);
  }
}

double Clustering::assign() {
  // Groups of centers, side by side. What is missing in the last is never the nearest.
  size_t numGroups = (k + kLanes - 1) / kLanes;
  std::vector<float> groups(numGroups * kLanes * dim, std::numeric_limits<float>::infinity());
  for (size_t center = 0; center < k; ++center)
    for (size_t i = 0; i < dim; ++i)
      groups[(center / kLanes * dim + i) * kLanes + center % kLanes] = centers[center * dim + i];
  forPieces([&](size_t begin, size_t end) {
    (dim <= kRun ? findNearestShort : findNearestLong)(getVector(begin), end - begin, groups.data(),
                                                       numGroups, dim, &codes[begin],
                                                       &distances[begin]);
  });
  return getError();
}

void Clustering::moveCenters() {
  // Vectors by center, in their order.
  std::vector<size_t> begins(k + 1), order(count);
  for (uint32_t code : codes)
    ++begins[code + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<size_t> next(begins.begin(), begins.end() - 1);
  for (size_t i = 0; i < count; ++i)
    order[next[codes[i]]++] = i;

  std::vector<double> sums(k);
  for (size_t i = 0; i < count; ++i)
    sums[codes[i]] += getWeight(i);
  constexpr size_t kSlab = 4096, kCenters = 64;
  size_t slabs = (dim + kSlab - 1) / kSlab;
  parallelFor((k + kCenters - 1) / kCenters * slabs, [&](size_t index) {
    size_t first = index % slabs * kSlab, size = std::min(kSlab, dim - first);
    std::vector<double> mean(size);
    for (size_t center = index / slabs * kCenters,
                last = std::min(k, (index / slabs + 1) * kCenters);
         center < last; ++center) {
      if (sums[center] <= 0)
        continue;
      std::fill(mean.begin(), mean.end(), 0.0);
      for (size_t at = begins[center]; at < begins[center + 1]; ++at) {
        double weight = getWeight(order[at]);
        const float *x = getVector(order[at]) + first;
        for (size_t i = 0; i < size; ++i)
          mean[i] += weight * x[i];
      }
      for (size_t i = 0; i < size; ++i)
        centers[center * dim + first + i] = static_cast<float>(mean[i] / sums[center]);
    }
  });

  // Unused centers move to the vectors with the largest errors.
  std::vector<size_t> unused;
  for (size_t center = 0; center < k; ++center)
    if (sums[center] <= 0)
      unused.push_back(center);
  if (unused.empty())
    return;
  std::vector<size_t> worst(count);
  std::iota(worst.begin(), worst.end(), size_t(0));
  size_t wanted = std::min(unused.size(), count);
  std::partial_sort(worst.begin(), worst.begin() + wanted, worst.end(), [&](size_t a, size_t b) {
    double left = getWeight(a) * distances[a], right = getWeight(b) * distances[b];
    return left != right ? left > right : a < b;
  });
  for (size_t i = 0; i < wanted && getWeight(worst[i]) * distances[worst[i]] > 0; ++i)
    std::copy_n(getVector(worst[i]), dim, &centers[unused[i] * dim]);
}

KMeans mlir::compress::fitKMeans(llvm::ArrayRef<float> vectors, size_t dim,
                                 llvm::ArrayRef<float> weights, const KMeansOptions &options,
                                 ParallelFor parallelFor) {
  assert(dim > 0 && !vectors.empty() && vectors.size() % dim == 0 && options.k > 0);
  const size_t count = vectors.size() / dim;
  assert((weights.empty() || weights.size() == count) && "a weight for each vector");
  Generator generator{options.seed};

  // A part of the vectors.
  std::vector<float> drawn, drawnWeights;
  llvm::ArrayRef<float> fitted = vectors, fittedWeights = weights;
  size_t wanted = std::max(options.maxVectors, options.k);
  if (options.maxVectors && wanted < count) {
    size_t left = wanted;
    for (size_t i = 0; i < count; ++i) {
      if (generator.draw() % (count - i) >= left)
        continue;
      --left;
      llvm::append_range(drawn, vectors.slice(i * dim, dim));
      if (!weights.empty())
        drawnWeights.push_back(weights[i]);
    }
    fitted = drawn;
    fittedWeights = drawnWeights;
  }

  KMeans result;
  Clustering clustering(fitted, dim, fittedWeights, options.k, parallelFor);
  clustering.drawStarts(generator);
  result.errors.push_back(clustering.assign());
  for (unsigned i = 0; i < options.maxIterations && result.errors.back() > 0; ++i) {
    std::vector<float> centers = clustering.centers;
    clustering.moveCenters();
    double error = clustering.assign(), last = result.errors.back();
    if (error > last) {
      // Rounding of centers.
      clustering.centers = std::move(centers);
      clustering.assign();
      break;
    }
    result.errors.push_back(error);
    if (last - error <= options.tolerance * last)
      break;
  }
  result.centers = std::move(clustering.centers);
  if (fitted.size() == vectors.size()) {
    result.codes = std::move(clustering.codes);
    result.error = result.errors.back();
    return result;
  }
  Clustering all(vectors, dim, weights, options.k, parallelFor);
  all.centers = result.centers;
  result.error = all.assign();
  result.codes = std::move(all.codes);
  return result;
}
