//===- VectorCodebook.cpp - codes for vectors of weights ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/VectorCodebook.h"
#include "Simd.h"
#include "compress/Algorithms/KMeans.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir::compress;

/// Entries side by side, and rows of a piece of work.
static constexpr size_t kLanes = simd::Lanes<float>::width, kRows = 64;

/// scores[c] = squares[c] * factor + sum of linear[i] * entry c [i]; `groups` is [groups, dim,
/// kLanes].
COMPRESS_CLONES static void scoreEntries(const float *groups, size_t numGroups, size_t dim,
                                         const float *squares, float factor, const float *linear,
                                         float *scores) {
  using Vec = simd::Lanes<float>::Vec;
  for (size_t g = 0; g < numGroups; ++g) {
    Vec sum;
    simd::load(sum, squares + g * kLanes);
    sum *= factor;
    const float *group = groups + g * dim * kLanes;
    for (size_t i = 0; i < dim; ++i) {
      Vec entry;
      simd::load(entry, group + i * kLanes);
      sum += linear[i] * entry;
    }
    simd::store(sum, scores + g * kLanes);
  }
}

namespace {

class VectorFitter {
public:
  VectorFitter(llvm::ArrayRef<float> weight, size_t rows, size_t columns,
               llvm::ArrayRef<float> gram, const VectorCodebookOptions &options,
               ParallelFor parallelFor);

  void start();
  /// Fills `errors` and `products`; the sum of both, element by element.
  double evaluate();
  void searchCodes();
  void fitTables();
  void fitScales();
  void roundStored();

  VectorCodes result;

private:
  size_t getWidth(size_t vector) const { return std::min(dim, columns - vector * dim); }
  size_t getTable(size_t vector, size_t codebook) const {
    return (result.subspaces == 1 ? 0 : vector) * codebooks + codebook;
  }
  float getScale(size_t row) const { return result.scales.empty() ? 1 : result.scales[row]; }
  const uint16_t *getCodes(size_t row, size_t vector) const {
    return &result.codes[(row * vectors + vector) * codebooks];
  }
  /// Elements of a vector that `tables` give for `codes`, without scale.
  void decode(const std::vector<float> &tables, size_t vector, const uint16_t *codes,
              float *values) const;
  /// A row, times its scale.
  void decodeRow(const std::vector<float> &tables, size_t row, float *values) const;
  /// y = x G for `count` rows.
  void multiply(const float *x, size_t count, float *y) const;
  void forRows(llvm::function_ref<void(size_t begin, size_t count)> body) {
    parallelFor((rows + kRows - 1) / kRows,
                [&](size_t i) { body(i * kRows, std::min(kRows, rows - i * kRows)); });
  }

  struct Hypothesis {
    std::vector<uint16_t> codes;
    std::vector<float> value;
    double score = 0;
  };
  struct Search;
  void prepareSearch(size_t vector);
  void searchVector(Search &search, size_t row, size_t vector, float *linear);
  void searchRows(size_t vector, size_t begin, size_t count);

  /// Sums, for each entry of each table, of scale * x over the vectors with its code.
  void gather(const std::vector<float> &x, std::vector<float> &sums);
  void sortByEntry();
  double dot(const std::vector<float> &a, const std::vector<float> &b) const;

  llvm::ArrayRef<float> weight, gram;
  const VectorCodebookOptions &options;
  ParallelFor parallelFor;
  size_t rows, columns, dim, vectors, codebooks, entries;
  /// W - W^ and its product with G, [rows, columns].
  std::vector<float> errors, products;
  /// Tables as [tables, groups, dim, kLanes].
  std::vector<float> groups;
  size_t numGroups;
  /// Of the vectors that are searched: [dim, dim] of G, and c^T H c for each entry, [codebooks,
  /// numGroups * kLanes].
  std::vector<float> hessian, squares;
  /// Vectors (row * vectors + vector) by table and entry: those of entry e of table t are
  /// [begins[t * entries + e], ...).
  std::vector<size_t> begins;
  std::vector<uint32_t> order;
};

/// What the search for one piece of rows needs.
struct VectorFitter::Search {
  std::vector<float> scores, scaled;
  std::vector<double> target;
  std::vector<Hypothesis> beam, next;
};

} // namespace

VectorFitter::VectorFitter(llvm::ArrayRef<float> weight, size_t rows, size_t columns,
                           llvm::ArrayRef<float> gram, const VectorCodebookOptions &options,
                           ParallelFor parallelFor)
    : weight(weight), gram(gram), options(options), parallelFor(parallelFor), rows(rows),
      columns(columns), dim(options.dim), vectors((columns + dim - 1) / dim),
      codebooks(options.codebooks), entries(options.entries), errors(rows * columns),
      products(rows * columns), numGroups((entries + kLanes - 1) / kLanes) {
  result.rows = rows;
  result.columns = columns;
  result.dim = dim;
  result.entries = entries;
  result.codebooks = codebooks;
  result.subspaces = options.perPosition ? vectors : 1;
  result.codes.resize(rows * vectors * codebooks);
  result.tables.resize(result.subspaces * codebooks * entries * dim);
}

//===----------------------------------------------------------------------===//
// Start
//===----------------------------------------------------------------------===//

void VectorFitter::start() {
  if (options.rowScales) {
    for (size_t row = 0; row < rows; ++row) {
      double sum = 0;
      for (float x : weight.slice(row * columns, columns))
        sum += double(x) * x;
      result.scales.push_back(static_cast<float>(std::sqrt(sum / columns)));
    }
  }
  // By subspace, then row, then vector.
  const size_t perRow = vectors / result.subspaces, count = rows * perRow;
  KMeansOptions kMeans;
  kMeans.k = entries;
  kMeans.maxIterations = options.startIterations;
  kMeans.maxVectors = std::max<size_t>(1, options.startVectors) * entries;
  auto startSubspace = [&](size_t subspace, ParallelFor inner) {
    std::vector<float> rest(count * dim), weights;
    for (size_t i = 0; i < count; ++i) {
      size_t row = i / perRow, vector = subspace + i % perRow;
      float scale = getScale(row);
      if (options.rowScales)
        weights.push_back(scale * scale);
      for (size_t j = 0; j < getWidth(vector); ++j)
        rest[i * dim + j] = scale > 0 ? weight[row * columns + vector * dim + j] / scale : 0;
    }
    KMeansOptions own = kMeans;
    for (size_t codebook = 0; codebook < codebooks; ++codebook) {
      own.seed = options.seed + subspace * codebooks + codebook;
      KMeans found = fitKMeans(rest, dim, weights, own, inner);
      std::copy(found.centers.begin(), found.centers.end(),
                result.tables.begin() + (subspace * codebooks + codebook) * entries * dim);
      for (size_t i = 0; i < count; ++i) {
        size_t row = i / perRow, vector = subspace + i % perRow;
        result.codes[(row * vectors + vector) * codebooks + codebook] =
            static_cast<uint16_t>(found.codes[i]);
        for (size_t j = 0; j < getWidth(vector); ++j)
          rest[i * dim + j] -= found.centers[found.codes[i] * dim + j];
      }
    }
  };
  if (result.subspaces == 1)
    startSubspace(0, parallelFor);
  else
    parallelFor(result.subspaces, [&](size_t subspace) { startSubspace(subspace, serialFor); });
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

void VectorFitter::decode(const std::vector<float> &tables, size_t vector, const uint16_t *codes,
                          float *values) const {
  std::fill_n(values, dim, 0.0f);
  for (size_t codebook = 0; codebook < codebooks; ++codebook) {
    const float *entry = &tables[(getTable(vector, codebook) * entries + codes[codebook]) * dim];
    for (size_t i = 0; i < dim; ++i)
      values[i] += entry[i];
  }
}

void VectorFitter::decodeRow(const std::vector<float> &tables, size_t row, float *values) const {
  std::vector<float> vectorValues(dim);
  float scale = getScale(row);
  for (size_t vector = 0; vector < vectors; ++vector) {
    decode(tables, vector, getCodes(row, vector), vectorValues.data());
    for (size_t i = 0; i < getWidth(vector); ++i)
      values[vector * dim + i] = vectorValues[i] * scale;
  }
}

void VectorFitter::multiply(const float *x, size_t count, float *y) const {
  if (gram.empty())
    std::copy_n(x, count * columns, y);
  else
    gemm(false, false, count, columns, columns, 1.0f, x, columns, gram.data(), columns, 0.0f, y,
         columns);
}

static double dotRow(const float *a, const float *b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += double(a[i]) * b[i];
  return sum;
}

double VectorFitter::evaluate() {
  std::vector<double> sums(rows);
  forRows([&](size_t begin, size_t count) {
    float *error = &errors[begin * columns], *product = &products[begin * columns];
    for (size_t i = 0; i < count; ++i)
      decodeRow(result.tables, begin + i, error + i * columns);
    for (size_t i = 0; i < count * columns; ++i)
      error[i] = weight[begin * columns + i] - error[i];
    multiply(error, count, product);
    for (size_t i = 0; i < count; ++i)
      sums[begin + i] = dotRow(error + i * columns, product + i * columns, columns);
  });
  return std::max(0.0, std::accumulate(sums.begin(), sums.end(), 0.0));
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// The error of a vector is, up to what does not depend on its codes,
///   s^2 u^T H u - 2 s u^T b    with b = (e G)_v + s H u0,
/// u the sum of its entries, u0 that of the entries before, e the error of the row with those.
static double getScore(const float *hessian, const double *target, const float *value, double scale,
                       size_t dim) {
  double square = 0, linear = 0;
  for (size_t i = 0; i < dim; ++i) {
    double sum = 0;
    for (size_t j = 0; j < dim; ++j)
      sum += double(hessian[i * dim + j]) * value[j];
    square += value[i] * sum;
    linear += value[i] * target[i];
  }
  return scale * scale * square - 2 * scale * linear;
}

void VectorFitter::searchVector(Search &search, size_t row, size_t vector, float *linear) {
  const double scale = getScale(row);
  auto multiplyHessian = [&](const float *value, size_t i) {
    double sum = 0;
    for (size_t j = 0; j < dim; ++j)
      sum += double(hessian[i * dim + j]) * value[j];
    return sum;
  };
  Hypothesis now;
  now.codes.assign(getCodes(row, vector), getCodes(row, vector) + codebooks);
  now.value.resize(dim);
  decode(result.tables, vector, now.codes.data(), now.value.data());
  for (size_t i = 0; i < dim; ++i)
    search.target[i] = linear[i] + scale * multiplyHessian(now.value.data(), i);
  now.score = getScore(hessian.data(), search.target.data(), now.value.data(), scale, dim);
  search.beam.assign(1, now);

  std::vector<float> base(dim);
  for (size_t codebook = 0; codebook < codebooks; ++codebook) {
    size_t table = getTable(vector, codebook);
    const float *tableEntries = &result.tables[table * entries * dim];
    search.next.clear();
    for (const Hypothesis &hypothesis : search.beam) {
      const float *old = tableEntries + hypothesis.codes[codebook] * dim;
      for (size_t i = 0; i < dim; ++i)
        base[i] = hypothesis.value[i] - old[i];
      double constant = getScore(hessian.data(), search.target.data(), base.data(), scale, dim);
      for (size_t i = 0; i < dim; ++i)
        search.scaled[i] = static_cast<float>(
            -2 * scale * (search.target[i] - scale * multiplyHessian(base.data(), i)));
      scoreEntries(&groups[table * numGroups * dim * kLanes], numGroups, dim,
                   &squares[codebook * numGroups * kLanes], static_cast<float>(scale * scale),
                   search.scaled.data(), search.scores.data());
      for (size_t entry = 0; entry < entries; ++entry) {
        double score = constant + search.scores[entry];
        bool isFull = search.next.size() == options.beam;
        if (isFull && score >= search.next.back().score)
          continue;
        Hypothesis found{hypothesis.codes, {}, score};
        found.codes[codebook] = static_cast<uint16_t>(entry);
        if (llvm::any_of(search.next, [&](const Hypothesis &h) { return h.codes == found.codes; }))
          continue;
        if (isFull)
          search.next.pop_back();
        auto at = llvm::upper_bound(search.next, found,
                                    [](const auto &a, const auto &b) { return a.score < b.score; });
        search.next.insert(at, std::move(found));
      }
    }
    search.beam.swap(search.next);
    for (Hypothesis &hypothesis : search.beam) {
      hypothesis.value.resize(dim);
      decode(result.tables, vector, hypothesis.codes.data(), hypothesis.value.data());
      hypothesis.score =
          getScore(hessian.data(), search.target.data(), hypothesis.value.data(), scale, dim);
    }
  }
  const Hypothesis *best = &now;
  for (const Hypothesis &hypothesis : search.beam)
    if (hypothesis.score < best->score)
      best = &hypothesis;
  // What the row's error loses.
  for (size_t i = 0; i < dim; ++i)
    linear[i] = static_cast<float>(scale * (double(best->value[i]) - now.value[i]));
  if (best != &now)
    std::copy(best->codes.begin(), best->codes.end(),
              result.codes.begin() + (row * vectors + vector) * codebooks);
}

void VectorFitter::prepareSearch(size_t vector) {
  const size_t first = vector * dim, width = getWidth(vector), padded = numGroups * kLanes;
  hessian.assign(dim * dim, 0.0f);
  for (size_t i = 0; i < width; ++i)
    for (size_t j = 0; j < width; ++j)
      hessian[i * dim + j] = gram.empty() ? float(i == j) : gram[(first + i) * columns + first + j];
  squares.resize(codebooks * padded);
  constexpr size_t kEntries = 1024;
  parallelFor((codebooks * entries + kEntries - 1) / kEntries, [&](size_t piece) {
    for (size_t index = piece * kEntries,
                end = std::min(codebooks * entries, (piece + 1) * kEntries);
         index < end; ++index) {
      size_t codebook = index / entries, entry = index % entries;
      const float *values = &result.tables[(getTable(vector, codebook) * entries + entry) * dim];
      float square = 0;
      for (size_t i = 0; i < dim; ++i) {
        float sum = 0;
        for (size_t j = 0; j < dim; ++j)
          sum += hessian[i * dim + j] * values[j];
        square += values[i] * sum;
      }
      squares[codebook * padded + entry] = square;
    }
  });
}

void VectorFitter::searchRows(size_t vector, size_t begin, size_t count) {
  Search search;
  search.scores.resize(numGroups * kLanes);
  search.scaled.resize(dim);
  search.target.resize(dim);
  const size_t first = vector * dim, width = getWidth(vector), behind = first + width;
  std::vector<float> changes(count * dim);
  float *product = &products[begin * columns];
  for (size_t i = 0; i < count; ++i) {
    if (getScale(begin + i) == 0)
      continue;
    std::copy_n(product + i * columns + first, width, &changes[i * dim]);
    searchVector(search, begin + i, vector, &changes[i * dim]);
  }
  // The vectors behind see the new error.
  if (!gram.empty() && behind < columns)
    gemm(false, false, count, columns - behind, width, -1.0f, changes.data(), dim,
         gram.data() + first * columns + behind, columns, 1.0f, product + behind, columns);
}

void VectorFitter::searchCodes() {
  const size_t numTables = result.subspaces * codebooks;
  groups.assign(numTables * numGroups * dim * kLanes, 0.0f);
  for (size_t table = 0; table < numTables; ++table)
    for (size_t entry = 0; entry < entries; ++entry)
      for (size_t i = 0; i < dim; ++i)
        groups[((table * numGroups + entry / kLanes) * dim + i) * kLanes + entry % kLanes] =
            result.tables[(table * entries + entry) * dim + i];
  for (size_t vector = 0; vector < vectors; ++vector) {
    prepareSearch(vector);
    forRows([&](size_t begin, size_t count) { searchRows(vector, begin, count); });
  }
}

//===----------------------------------------------------------------------===//
// Codebooks and scales
//===----------------------------------------------------------------------===//

void VectorFitter::sortByEntry() {
  begins.assign(result.subspaces * codebooks * entries + 1, 0);
  auto forAll = [&](auto body) {
    for (size_t i = 0; i < rows * vectors; ++i)
      for (size_t codebook = 0; codebook < codebooks; ++codebook)
        body(getTable(i % vectors, codebook) * entries + result.codes[i * codebooks + codebook], i);
  };
  forAll([&](size_t entry, size_t) { ++begins[entry + 1]; });
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<size_t> next(begins.begin(), begins.end() - 1);
  order.resize(rows * vectors * codebooks);
  forAll([&](size_t entry, size_t i) { order[next[entry]++] = static_cast<uint32_t>(i); });
}

void VectorFitter::gather(const std::vector<float> &x, std::vector<float> &sums) {
  constexpr size_t kEntries = 32;
  const size_t numEntries = begins.size() - 1;
  parallelFor((numEntries + kEntries - 1) / kEntries, [&](size_t piece) {
    std::vector<double> sum(dim);
    for (size_t entry = piece * kEntries, end = std::min(numEntries, entry + kEntries); entry < end;
         ++entry) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (size_t at = begins[entry]; at < begins[entry + 1]; ++at) {
        size_t row = order[at] / vectors, vector = order[at] % vectors;
        double scale = getScale(row);
        const float *values = &x[row * columns + vector * dim];
        for (size_t i = 0, width = getWidth(vector); i < width; ++i)
          sum[i] += scale * values[i];
      }
      for (size_t i = 0; i < dim; ++i)
        sums[entry * dim + i] = static_cast<float>(sum[i]);
    }
  });
}

void VectorFitter::fitTables() {
  sortByEntry();
  const size_t size = result.tables.size();
  std::vector<float> x(rows * columns), y(rows * columns), diagonal(size), residual(size),
      moved(size), direction(size);
  std::vector<double> sums(rows);
  // The diagonal of the normal equations: sums of s^2 G_jj.
  forRows([&](size_t begin, size_t count) {
    for (size_t row = begin; row < begin + count; ++row)
      for (size_t j = 0; j < columns; ++j)
        x[row * columns + j] = getScale(row) * (gram.empty() ? 1 : gram[j * columns + j]);
  });
  gather(x, diagonal);
  gather(products, residual);
  auto precondition = [&](size_t i) { return diagonal[i] > 0 ? residual[i] / diagonal[i] : 0.0f; };
  auto getNorm = [&] {
    double norm = 0;
    for (size_t i = 0; i < size; ++i)
      norm += double(residual[i]) * precondition(i);
    return norm;
  };
  double norm = getNorm(), first = norm;
  for (size_t i = 0; i < size; ++i)
    direction[i] = precondition(i);
  for (unsigned step = 0; step < options.codebookSteps && norm > 1e-10 * first; ++step) {
    forRows([&](size_t begin, size_t count) {
      for (size_t row = begin; row < begin + count; ++row)
        decodeRow(direction, row, &x[row * columns]);
      multiply(&x[begin * columns], count, &y[begin * columns]);
      for (size_t row = begin; row < begin + count; ++row)
        sums[row] = dotRow(&x[row * columns], &y[row * columns], columns);
    });
    double curvature = std::accumulate(sums.begin(), sums.end(), 0.0);
    if (!(curvature > 0))
      break;
    double length = norm / curvature;
    gather(y, moved);
    for (size_t i = 0; i < size; ++i) {
      result.tables[i] += static_cast<float>(length * direction[i]);
      residual[i] -= static_cast<float>(length * moved[i]);
    }
    double next = getNorm(), factor = next / norm;
    norm = next;
    for (size_t i = 0; i < size; ++i)
      direction[i] = static_cast<float>(precondition(i) + factor * direction[i]);
  }
}

void VectorFitter::fitScales() {
  if (result.scales.empty())
    return;
  forRows([&](size_t begin, size_t count) {
    std::vector<float> x(count * columns), y(count * columns);
    for (size_t i = 0; i < count; ++i)
      decodeRow(result.tables, begin + i, &x[i * columns]);
    multiply(x.data(), count, y.data());
    // t with the least (w - t w^) G (w - t w^)^T.
    for (size_t i = 0; i < count; ++i) {
      double square = dotRow(&x[i * columns], &y[i * columns], columns);
      double linear = dotRow(&weight[(begin + i) * columns], &y[i * columns], columns);
      if (square > 0 && std::isfinite(linear / square))
        result.scales[begin + i] *= static_cast<float>(linear / square);
    }
  });
}

void VectorFitter::roundStored() {
  for (std::vector<float> *values : {&result.tables, &result.scales})
    for (float &value : *values)
      value = static_cast<float>(roundToType(options.type, value));
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

VectorCodes mlir::compress::fitVectorCodes(llvm::ArrayRef<float> weight, size_t rows,
                                           size_t columns, llvm::ArrayRef<float> gram,
                                           const VectorCodebookOptions &options,
                                           ParallelFor parallelFor) {
  assert(rows > 0 && columns > 0 && weight.size() == rows * columns && "not a matrix");
  assert((gram.empty() || gram.size() == columns * columns) && "not the Gram matrix");
  assert(options.dim > 0 && options.codebooks > 0 && options.beam > 0 && options.entries > 0 &&
         options.entries <= 65536 && "not codebooks");
  assert((columns + options.dim - 1) / options.dim <= UINT32_MAX / rows && "too many vectors");
  VectorFitter fitter(weight, rows, columns, gram, options, parallelFor);
  fitter.start();
  VectorCodes best = fitter.result;
  best.errors.push_back(fitter.evaluate());
  for (unsigned round = 0; round < options.maxRounds && best.errors.back() > 0; ++round) {
    fitter.searchCodes();
    fitter.evaluate();
    fitter.fitTables();
    fitter.fitScales();
    double error = fitter.evaluate(), last = best.errors.back();
    if (!(error < last))
      break;
    std::vector<double> errors = std::move(best.errors);
    errors.push_back(error);
    best = fitter.result;
    best.errors = std::move(errors);
    if (last - error < options.tolerance * last)
      break;
  }
  std::vector<double> errors = std::move(best.errors);
  fitter.result = std::move(best);
  fitter.roundStored();
  fitter.result.error = fitter.evaluate();
  fitter.result.errors = std::move(errors);
  return std::move(fitter.result);
}

std::vector<float> mlir::compress::decodeVectorCodes(const VectorCodes &codes) {
  std::vector<float> result(codes.rows * codes.columns);
  const size_t vectors = codes.getNumVectors();
  for (size_t row = 0; row < codes.rows; ++row)
    for (size_t column = 0; column < codes.columns; ++column) {
      size_t vector = column / codes.dim, subspace = codes.subspaces == 1 ? 0 : vector;
      float sum = 0;
      for (size_t codebook = 0; codebook < codes.codebooks; ++codebook) {
        size_t code = codes.codes[(row * vectors + vector) * codes.codebooks + codebook];
        size_t entry = (subspace * codes.codebooks + codebook) * codes.entries + code;
        sum += codes.tables[entry * codes.dim + column % codes.dim];
      }
      result[row * codes.columns + column] = codes.scales.empty() ? sum : sum * codes.scales[row];
    }
  return result;
}

double mlir::compress::getBitsPerWeight(const VectorCodebookOptions &options, size_t rows,
                                        size_t columns) {
  double vectors = double((columns + options.dim - 1) / options.dim);
  double tables = (options.perPosition ? vectors : 1) * double(options.codebooks);
  double floatBits = getBitWidth(options.type);
  double codeBits = std::max(1u, llvm::Log2_64_Ceil(options.entries));
  double bits = double(rows) * vectors * double(options.codebooks) * codeBits +
                tables * double(options.entries) * double(options.dim) * floatBits +
                (options.rowScales ? double(rows) * floatBits : 0);
  return bits / (double(rows) * double(columns));
}
