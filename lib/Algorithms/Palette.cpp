//===- Palette.cpp - tables made for a weight -----------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Palette.h"
#include "SortedValues.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// splitmix64 (Steele et al., 2014).
static uint64_t drawNext(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

static std::vector<double> start(const SortedValues &values, size_t k,
                                 const PaletteOptions &options, bool &isExact) {
  constexpr size_t maxBins = 65535;
  isExact = false;
  if (options.start == PaletteStart::Exact)
    return findBestCenters(values, k, options.keepZero, maxBins, isExact);
  std::vector<double> centers(k);
  double low = values[0], high = values[values.getSize() - 1];
  uint64_t state = options.seed;
  for (size_t i = 0; i < k; ++i) {
    if (options.start == PaletteStart::Linear)
      centers[i] = low + (high - low) * (i + 0.5) / k;
    else if (options.start == PaletteStart::Density)
      centers[i] = values.getQuantile((i + 0.5) / k);
    else
      centers[i] = values[drawNext(state) % values.getSize()];
  }
  if (options.keepZero)
    *std::min_element(centers.begin(), centers.end(),
                      [](double a, double b) { return std::abs(a) < std::abs(b); }) = 0;
  std::sort(centers.begin(), centers.end());
  return centers;
}

Palette mlir::compress::fitPalette(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                                   const PaletteOptions &options) {
  assert(!values.empty() && options.bits >= 1 && options.bits <= 8 && "not a palette");
  assert((weights.empty() || weights.size() == values.size()) && "a weight for each value");
  const size_t size = size_t(1) << options.bits, k = options.entries ? options.entries : size;
  assert(k <= size && "more entries than codes");
  SortedValues sorted(values, weights);
  Palette result;
  if (auto distinct = getDistinct(sorted, k, options.keepZero)) {
    result.table = std::move(*distinct);
    result.errors.push_back(0);
  } else {
    bool isExact;
    std::vector<double> centers = start(sorted, k, options, isExact);
    result.errors =
        iterateLloyd(sorted, centers, options.keepZero, isExact ? 0 : options.maxIterations);
    result.table.assign(centers.begin(), centers.end());
  }
  result.table.resize(size, result.table.back());
  return result;
}

CodeGrid mlir::compress::makePaletteGrid(llvm::ArrayRef<float> table) {
  static constexpr DataType types[] = {DataType::U1, DataType::U2, DataType::U3, DataType::U4,
                                       DataType::U5, DataType::U6, DataType::U7, DataType::U8};
  assert(table.size() >= 2 && table.size() <= 256 && llvm::isPowerOf2_64(table.size()) &&
         "not a palette");
  return CodeGrid::makeTable(types[llvm::Log2_64(table.size()) - 1], table, ScaleRule::One);
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

void mlir::compress::encodePalette(llvm::ArrayRef<float> table, llvm::ArrayRef<float> values,
                                   llvm::MutableArrayRef<uint8_t> codes) {
  const size_t size = table.size();
  assert(size <= 256 && llvm::isPowerOf2_64(size) && codes.size() == values.size());
  double bounds[256];
  for (size_t i = 0; i + 1 < size; ++i)
    bounds[i] = table[i] == table[i + 1] ? std::numeric_limits<double>::infinity()
                                         : (double(table[i]) + double(table[i + 1])) / 2;
  for (size_t i = 0; i < values.size(); ++i) {
    // Number of bounds that are less than the value.
    double value = values[i];
    size_t code = 0;
    for (size_t step = size / 2; step; step /= 2)
      code += value > bounds[code + step - 1] ? step : 0;
    codes[i] = static_cast<uint8_t>(code);
  }
}

/// Codes and the error of values of one block.
static double encodeValues(llvm::ArrayRef<float> table, llvm::ArrayRef<float> values,
                           llvm::ArrayRef<float> weights, llvm::MutableArrayRef<uint8_t> codes) {
  encodePalette(table, values, codes);
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double error = double(values[i]) - table[codes[i]];
    sum += (weights.empty() ? 1 : weights[i]) * error * error;
  }
  return sum;
}

static void fitTable(llvm::ArrayRef<float> values, llvm::ArrayRef<float> weights,
                     const PaletteOptions &options, DataType type,
                     llvm::MutableArrayRef<float> table) {
  Palette palette = fitPalette(values, weights, options);
  for (size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<float>(roundToType(type, palette.table[i]));
}

BlockPalettes mlir::compress::fitBlockPalettes(BlockView view, uint64_t group,
                                               llvm::ArrayRef<float> values,
                                               llvm::ArrayRef<float> weights,
                                               const PaletteOptions &options, DataType type,
                                               ParallelFor parallelFor) {
  assert(group > 0 && values.size() == view.getNumElements() && !values.empty());
  const size_t size = size_t(1) << options.bits, numBlocks = view.getNumBlocks(group);
  BlockPalettes result;
  result.tables.resize(numBlocks * size);
  result.codes.resize(values.size());
  llvm::MutableArrayRef<float> tables(result.tables);
  llvm::MutableArrayRef<uint8_t> codes(result.codes);
  std::vector<double> errors;
  if (numBlocks == 1) {
    // One table; codes in pieces.
    constexpr size_t piece = 1 << 16;
    fitTable(values, weights, options, type, tables);
    errors.resize((values.size() + piece - 1) / piece);
    parallelFor(errors.size(), [&](size_t i) {
      size_t begin = i * piece, count = std::min(piece, values.size() - begin);
      errors[i] = encodeValues(tables, values.slice(begin, count),
                               weights.empty() ? weights : weights.slice(begin, count),
                               codes.slice(begin, count));
    });
  } else {
    const uint64_t numGroups = view.getNumGroups(group);
    errors.resize(numBlocks);
    parallelFor(numBlocks, [&](size_t block) {
      uint64_t inner = block % view.inner, first = block / view.inner % numGroups * group;
      uint64_t outer = block / view.inner / numGroups, count = std::min(group, view.k - first);
      size_t begin = (outer * view.k + first) * view.inner + inner;
      std::vector<float> blockValues(count), blockWeights(weights.empty() ? 0 : count);
      std::vector<uint8_t> blockCodes(count);
      for (uint64_t i = 0; i < count; ++i)
        blockValues[i] = values[begin + i * view.inner];
      for (uint64_t i = 0; i < blockWeights.size(); ++i)
        blockWeights[i] = weights[begin + i * view.inner];
      llvm::MutableArrayRef<float> table = tables.slice(block * size, size);
      fitTable(blockValues, blockWeights, options, type, table);
      errors[block] = encodeValues(table, blockValues, blockWeights, blockCodes);
      for (uint64_t i = 0; i < count; ++i)
        codes[begin + i * view.inner] = blockCodes[i];
    });
  }
  for (double error : errors)
    result.error += error;
  return result;
}

//===----------------------------------------------------------------------===//
// Deep Compression
//===----------------------------------------------------------------------===//

std::vector<double> mlir::compress::getCentroidGradient(llvm::ArrayRef<uint8_t> codes,
                                                        llvm::ArrayRef<float> gradient,
                                                        size_t entries) {
  assert(codes.size() == gradient.size() && "a gradient for each weight");
  std::vector<double> result(entries);
  for (size_t i = 0; i < codes.size(); ++i)
    result[codes[i]] += gradient[i];
  return result;
}

double mlir::compress::getPaletteRate(uint64_t weights, uint64_t entries, double bits) {
  double n = double(weights), k = double(entries);
  return n * bits / (n * std::log2(k) + k * bits);
}
