//===- Hadamard.cpp - Hadamard matrices and rotations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Hadamard.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <bit>
#include <cmath>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Constructions
//===----------------------------------------------------------------------===//

static constexpr int64_t maxHadamardSize = 1 << 24;
/// Paley's matrices are stored, so their order is bounded.
static constexpr int64_t maxBaseSize = 4096;

static bool isPrime(int64_t n) {
  if (n < 2)
    return false;
  for (int64_t d = 2; d * d <= n; ++d)
    if (n % d == 0)
      return false;
  return true;
}

/// Quadratic characters of 0 .. q - 1 for an odd prime q.
static std::vector<int8_t> getCharacters(int64_t q) {
  std::vector<int8_t> chi(q, -1);
  for (int64_t x = 1; x < q; ++x)
    chi[x * x % q] = 1;
  chi[0] = 0;
  return chi;
}

/// Paley's first construction of order q + 1.
static std::vector<int8_t> makePaleyFirst(int64_t q) {
  std::vector<int8_t> chi = getCharacters(q), matrix((q + 1) * (q + 1));
  for (int64_t i = 0; i <= q; ++i)
    for (int64_t j = 0; j <= q; ++j) {
      int8_t entry;
      if (i == j)
        entry = 1;
      else if (i == 0)
        entry = 1;
      else if (j == 0)
        entry = -1;
      else
        entry = chi[(j - i + q) % q];
      matrix[i * (q + 1) + j] = entry;
    }
  return matrix;
}

/// Paley's second construction of order 2 (q + 1).
static std::vector<int8_t> makePaleySecond(int64_t q) {
  std::vector<int8_t> chi = getCharacters(q);
  int64_t n = 2 * (q + 1);
  std::vector<int8_t> matrix(n * n);
  for (int64_t i = 0; i <= q; ++i)
    for (int64_t j = 0; j <= q; ++j) {
      int8_t entry = 0;
      if (i != j)
        entry = i == 0 || j == 0 ? 1 : chi[(j - i + q) % q];
      const int8_t zero[4] = {1, -1, -1, -1};
      const int8_t one[4] = {1, 1, 1, -1};
      for (int64_t part = 0; part < 4; ++part)
        matrix[(2 * i + part / 2) * n + 2 * j + part % 2] =
            entry == 0 ? zero[part] : static_cast<int8_t>(entry * one[part]);
    }
  return matrix;
}

/// Whether Paley's constructions have the order `m`; fills `matrix` if it is given.
static bool getPaley(int64_t m, std::vector<int8_t> *matrix) {
  if (m < 4 || m % 4 || m > maxBaseSize)
    return false;
  if (int64_t q = m - 1; isPrime(q)) {
    if (matrix)
      *matrix = makePaleyFirst(q);
    return true;
  }
  if (int64_t q = m / 2 - 1; q % 4 == 1 && isPrime(q)) {
    if (matrix)
      *matrix = makePaleySecond(q);
    return true;
  }
  return false;
}

/// Order of Paley's factor of the Hadamard matrix of size `n` (1 for a power of two), or 0.
static int64_t getBaseSize(int64_t n) {
  if (n < 1 || n > maxHadamardSize)
    return 0;
  if (std::has_single_bit(static_cast<uint64_t>(n)))
    return 1;
  int64_t odd = n >> std::countr_zero(static_cast<uint64_t>(n));
  for (int64_t m = 4 * odd; m <= n; m *= 2)
    if (getPaley(m, nullptr))
      return m;
  return 0;
}

std::optional<HadamardMatrix> mlir::compress::getHadamard(int64_t n) {
  int64_t m = getBaseSize(n);
  if (m == 0)
    return std::nullopt;
  HadamardMatrix matrix;
  matrix.powerOfTwo = n / m;
  matrix.baseSize = m;
  if (m > 1)
    getPaley(m, &matrix.base);
  return matrix;
}

int64_t mlir::compress::getLargestHadamardDivisor(int64_t n) {
  int64_t best = 0;
  for (int64_t d = 1; d <= n && d * d <= n; ++d)
    if (n % d == 0)
      for (int64_t divisor : {d, n / d})
        if (divisor > best && getBaseSize(divisor) != 0)
          best = divisor;
  return best;
}

int HadamardMatrix::getEntry(int64_t row, int64_t column) const {
  uint64_t common =
      static_cast<uint64_t>(row / baseSize) & static_cast<uint64_t>(column / baseSize);
  int sylvester = std::popcount(common) % 2 ? -1 : 1;
  return sylvester * base[row % baseSize * baseSize + column % baseSize];
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

void mlir::compress::multiplyByHadamard(const HadamardMatrix &matrix, double *values,
                                        unsigned lanes, double *scratch) {
  int64_t m = matrix.baseSize;
  if (m > 1)
    for (int64_t block = 0; block < matrix.powerOfTwo; ++block) {
      double *part = values + block * m * lanes;
      std::fill_n(scratch, m * lanes, 0.0);
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < m; ++j) {
          double entry = matrix.base[i * m + j];
          for (unsigned lane = 0; lane < lanes; ++lane)
            scratch[j * lanes + lane] += entry * part[i * lanes + lane];
        }
      std::copy_n(scratch, m * lanes, part);
    }
  // Butterflies over blocks of m elements.
  int64_t width = m * lanes, total = matrix.powerOfTwo * width;
  for (int64_t half = width; half < total; half *= 2)
    for (int64_t first = 0; first < total; first += 2 * half)
      for (int64_t i = first; i < first + half; ++i) {
        double a = values[i], b = values[i + half];
        values[i] = a + b;
        values[i + half] = a - b;
      }
}

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

namespace {
/// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
class Generator {
public:
  explicit Generator(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  /// In (0, 1).
  double uniform() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }
  /// Normal, by the ratio of uniforms (Kinderman and Monahan): the number itself needs no
  /// transcendental function, whose last bit would depend on the C library.
  double normal() {
    while (true) {
      double u = uniform();
      double x = 1.7155277699214135 * (uniform() - 0.5) / u;
      if (x * x <= -4 * std::log(u))
        return x;
    }
  }

private:
  uint64_t state;
};
} // namespace

//===----------------------------------------------------------------------===//
// Rotations
//===----------------------------------------------------------------------===//

std::optional<Rotation> Rotation::getHadamard(int64_t n) {
  Rotation rotation;
  rotation.size = n;
  rotation.hadamard = compress::getHadamard(n);
  if (!rotation.hadamard)
    return std::nullopt;
  return rotation;
}

std::optional<Rotation> Rotation::getRandomizedHadamard(int64_t n, uint64_t seed) {
  std::optional<Rotation> rotation = getHadamard(n);
  if (!rotation)
    return std::nullopt;
  Generator generator(seed);
  rotation->signs.resize(n);
  for (int8_t &sign : rotation->signs)
    sign = generator.next() >> 63 ? -1 : 1;
  return rotation;
}

std::optional<Rotation> Rotation::getRandomOrthogonal(int64_t n, uint64_t seed) {
  if (n < 1 || n > maxDenseSize)
    return std::nullopt;
  Rotation rotation;
  rotation.size = n;
  rotation.dense.resize(n * n);
  Generator generator(seed);
  // Gram-Schmidt on rows, twice for orthogonality up to rounding.
  for (int64_t i = 0; i < n; ++i) {
    double *row = rotation.dense.data() + i * n;
    double norm = 0;
    do {
      for (int64_t c = 0; c < n; ++c)
        row[c] = generator.normal();
      for (int pass = 0; pass < 2; ++pass)
        for (int64_t j = 0; j < i; ++j) {
          const double *other = rotation.dense.data() + j * n;
          double product = 0;
          for (int64_t c = 0; c < n; ++c)
            product += row[c] * other[c];
          for (int64_t c = 0; c < n; ++c)
            row[c] -= product * other[c];
        }
      norm = 0;
      for (int64_t c = 0; c < n; ++c)
        norm += row[c] * row[c];
      norm = std::sqrt(norm);
    } while (norm < 1e-6);
    for (int64_t c = 0; c < n; ++c)
      row[c] /= norm;
  }
  return rotation;
}

double Rotation::getEntry(int64_t row, int64_t column) const {
  if (!hadamard)
    return dense[row * size + column];
  double sign = signs.empty() ? 1 : signs[row];
  return sign * hadamard->getEntry(row, column) / std::sqrt(static_cast<double>(size));
}

void Rotation::apply(double *values, unsigned lanes, double *scratch) const {
  if (!hadamard) {
    std::fill_n(scratch, size * lanes, 0.0);
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j) {
        double entry = dense[i * size + j];
        for (unsigned lane = 0; lane < lanes; ++lane)
          scratch[j * lanes + lane] += entry * values[i * lanes + lane];
      }
    std::copy_n(scratch, size * lanes, values);
    return;
  }
  for (auto [i, sign] : llvm::enumerate(signs))
    if (sign < 0)
      for (unsigned lane = 0; lane < lanes; ++lane)
        values[i * lanes + lane] = -values[i * lanes + lane];
  multiplyByHadamard(*hadamard, values, lanes, scratch);
  double root = std::sqrt(static_cast<double>(size));
  for (int64_t i = 0; i < size * lanes; ++i)
    values[i] /= root;
}

void mlir::compress::rotateAlongK(const Rotation &rotation, BlockView view, double *values,
                                  ParallelFor parallelFor) {
  constexpr uint64_t lanes = 8, panelsPerChunk = 8;
  uint64_t size = rotation.getSize(), blocks = view.k / size;
  uint64_t vectors = view.outer * blocks * view.inner;
  uint64_t chunk = lanes * panelsPerChunk;
  parallelFor((vectors + chunk - 1) / chunk, [&](size_t index) {
    std::vector<double> panel(size * lanes), scratch(size * lanes);
    uint64_t end = std::min<uint64_t>(vectors, (index + 1) * chunk);
    for (uint64_t first = index * chunk; first < end; first += lanes) {
      uint64_t count = std::min(lanes, end - first);
      if (count < lanes)
        std::fill(panel.begin(), panel.end(), 0.0);
      // Vector v is at position v % inner of block v / inner.
      auto at = [&](uint64_t lane, uint64_t i) -> double & {
        uint64_t vector = first + lane;
        return values[(vector / view.inner * size + i) * view.inner + vector % view.inner];
      };
      for (uint64_t lane = 0; lane < count; ++lane)
        for (uint64_t i = 0; i < size; ++i)
          panel[i * lanes + lane] = at(lane, i);
      rotation.apply(panel.data(), lanes, scratch.data());
      for (uint64_t lane = 0; lane < count; ++lane)
        for (uint64_t i = 0; i < size; ++i)
          at(lane, i) = panel[i * lanes + lane];
    }
  });
}

void mlir::compress::centerAlongK(BlockView view, double *values) {
  for (uint64_t o = 0; o < view.outer; ++o)
    for (uint64_t i = 0; i < view.inner; ++i) {
      double *first = values + o * view.k * view.inner + i;
      double sum = 0;
      for (uint64_t k = 0; k < view.k; ++k)
        sum += first[k * view.inner];
      double mean = view.k ? sum / static_cast<double>(view.k) : 0;
      for (uint64_t k = 0; k < view.k; ++k)
        first[k * view.inner] -= mean;
    }
}

double mlir::compress::getKurtosis(llvm::ArrayRef<double> values) {
  if (values.empty())
    return 0;
  double n = static_cast<double>(values.size()), mean = 0, second = 0, fourth = 0;
  for (double value : values)
    mean += value / n;
  for (double value : values) {
    double square = (value - mean) * (value - mean);
    second += square / n;
    fourth += square * square / n;
  }
  return second > 0 ? fourth / (second * second) : 0;
}
