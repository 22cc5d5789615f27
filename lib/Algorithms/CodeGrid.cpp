//===- CodeGrid.cpp - the values that codes of a format have --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Errors of the search over shrink factors are summed in units of the scale and
// compared after a multiplication by the ratio of scales, to the power of the
// norm. Divisions by the scale are multiplications there: only a value halfway
// between two codes can get another one, and its error is the same.
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/CodeGrid.h"
#include "CodeGridKernels.h"
#include "FloatTiles.h"
#include "Simd.h"
#include "UniformKernels.h"
#include "UniformScale.h"
#include "compress/Support/NumericFormats.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

using namespace mlir::compress;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

CodeGrid CodeGrid::makeUniform(UniformGrid uniform, DataType scaleType) {
  assert(isInteger(uniform.type) && getBitWidth(uniform.type) >= 2 &&
         getBitWidth(uniform.type) <= 8 && "not an integer grid");
  CodeGrid grid;
  grid.uniform = uniform;
  grid.range = getCodeRange(uniform);
  grid.codeType = uniform.type;
  grid.scaleType = scaleType;
  return grid;
}

/// The smallest float that is at least `value`, or above it.
static float getThreshold(double value, bool tiesUp) {
  float threshold = static_cast<float>(value);
  if (threshold < value || (!tiesUp && threshold == value))
    threshold = std::nextafterf(threshold, kInfinity);
  return threshold;
}

CodeGrid CodeGrid::makeTable(DataType codeType, llvm::ArrayRef<float> values, ScaleRule rule,
                             DataType scaleType, llvm::ArrayRef<Bound> bounds) {
  assert(!values.empty() && values.size() <= size_t(1) << getBitWidth(codeType) &&
         getBitWidth(codeType) <= 8 && "not a table of bytes");
  CodeGrid grid;
  grid.codeType = codeType;
  grid.rule = rule;
  grid.scaleType = rule == ScaleRule::PowerOfTwo ? DataType::F8E8M0FNU
                   : rule == ScaleRule::E4M3     ? DataType::F8E4M3FN
                                                 : scaleType;
  grid.table.assign(values.begin(), values.end());
  std::vector<unsigned> order;
  for (unsigned code = 0; code < values.size(); ++code)
    if (std::isfinite(values[code]))
      order.push_back(code);
  assert(!order.empty() && "no value is finite");
  std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    return values[a] != values[b] ? values[a] < values[b] : a < b;
  });
  for (unsigned code : order)
    if (grid.sorted.empty() || values[code] != grid.sorted.back()) {
      grid.sorted.push_back(values[code]);
      grid.sortedCodes.push_back(static_cast<uint8_t>(code));
    }
  grid.tableMax = std::max(-grid.sorted.front(), grid.sorted.back());
  size_t numBounds = grid.sorted.size() - 1;
  assert((bounds.empty() || bounds.size() == numBounds) && "a bound between neighbours");
  for (size_t i = 0; i < numBounds; ++i) {
    if (bounds.empty())
      grid.thresholds.push_back(
          getThreshold((double(grid.sorted[i]) + double(grid.sorted[i + 1])) / 2, false));
    else
      grid.thresholds.push_back(getThreshold(bounds[i].at, bounds[i].tiesUp));
  }
  if (grid.sorted.size() > kSmallTable) {
    grid.firstIndex.resize(1 << 13);
    for (uint32_t key = 0; key < grid.firstIndex.size(); ++key) {
      // Floats of one key ascend with their bits, and descend if negative.
      uint32_t bits = key << 19 | (key >> 12 ? 0x7ffffu : 0);
      float smallest;
      std::memcpy(&smallest, &bits, 4);
      if (std::isnan(smallest))
        smallest = -kInfinity;
      grid.firstIndex[key] =
          std::upper_bound(grid.thresholds.begin(), grid.thresholds.end(), smallest) -
          grid.thresholds.begin();
    }
    grid.thresholds.push_back(kNaN);
  }
  return grid;
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

/// The mean of the k largest magnitudes, for the k with the largest (sum of them)^2 / k: the
/// least-squares optimum for the table {-1, 0, 1}.
static double getTernaryScale(const float *values, size_t count) {
  std::vector<float> magnitudes(count);
  for (size_t i = 0; i < count; ++i)
    magnitudes[i] = std::fabs(values[i]);
  std::sort(magnitudes.begin(), magnitudes.end(), std::greater<float>());
  double sum = 0, best = -1, scale = 0;
  for (size_t k = 1; k <= count; ++k) {
    sum += magnitudes[k - 1];
    if (sum * sum / k > best) {
      best = sum * sum / k;
      scale = sum / k;
    }
  }
  return scale;
}

CodeGrid::BlockRange CodeGrid::getRange(const float *values, size_t count) const {
  BlockRange result{kInfinity, -kInfinity, 0};
  growRangeOfRun(values, count, result.low, result.high);
  if (isUniform())
    return result;
  if (rule == ScaleRule::MeanAbs) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i)
      sum += std::fabs(values[i]);
    result.base = static_cast<float>(sum / count);
  } else if (rule == ScaleRule::TernaryExact) {
    result.base = static_cast<float>(getTernaryScale(values, count));
  }
  return result;
}

/// floor(log2 x) of a positive number, and its inverse.
static int getExponent(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return bits >> 23 ? static_cast<int>(bits >> 23) - 127 : std::ilogb(x);
}
static float getPowerOfTwo(int exponent) {
  if (exponent < -126)
    return std::ldexp(1.0f, exponent);
  uint32_t bits = static_cast<uint32_t>(exponent + 127) << 23;
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

BlockParameters CodeGrid::getParameters(BlockRange block, float shrink) const {
  float low = block.low * shrink, high = block.high * shrink;
  float magnitude = std::max(-low, high), scale = 0;
  auto store = [&](float value) {
    return scaleType == DataType::F32 ? value : static_cast<float>(roundToType(scaleType, value));
  };
  if (!isUniform()) {
    switch (rule) {
    case ScaleRule::AbsMax:
      scale = store(magnitude / tableMax);
      break;
    case ScaleRule::PowerOfTwo:
      if (magnitude > 0)
        scale =
            getPowerOfTwo(std::clamp(getExponent(magnitude) - getExponent(tableMax), -127, 127));
      break;
    case ScaleRule::NearestPowerOfTwo:
      if (magnitude > 0) {
        int exponent;
        float fraction = std::frexp(magnitude, &exponent); // in [1/2, 1)
        exponent -= fraction < 0.70710678f;
        scale = store(static_cast<float>(std::ldexp(1.0, exponent - std::ilogb(tableMax))));
      }
      break;
    case ScaleRule::E4M3: {
      float factor = tensorScale > 0 ? tensorScale : 1;
      float stored = static_cast<float>(roundToType(scaleType, magnitude / (tableMax * factor)));
      scale = (stored == 0 ? 1 : stored) * factor;
      break;
    }
    case ScaleRule::One:
      scale = 1;
      break;
    case ScaleRule::MeanAbs:
    case ScaleRule::TernaryExact:
      scale = store(block.base * shrink);
      break;
    }
    return {scale == 0 && rule != ScaleRule::MeanAbs ? 1 : scale, 0};
  }
  unsigned bits = getBitWidth(codeType);
  scale = store(computeUniformScale(uniform.convention, bits, low, high));
  int zero = computeUniformZeroPoint(uniform.convention, range, bits, low, scale);
  return {scale == 0 ? 1 : scale, static_cast<float>(zero)};
}

/// Calls `body(pointer)` with `count` consecutive values.
template <typename Body>
static auto withRun(const float *values, size_t count, size_t stride, Body body) {
  if (stride == 1)
    return body(values);
  std::vector<float> run(count);
  for (size_t i = 0; i < count; ++i)
    run[i] = values[i * stride];
  return body(static_cast<const float *>(run.data()));
}

BlockParameters CodeGrid::fit(const float *values, size_t count, size_t stride,
                              float shrink) const {
  if (count == 0)
    return {};
  return withRun(values, count, stride,
                 [&](const float *run) { return getParameters(getRange(run, count), shrink); });
}

BlockParameters CodeGrid::fitMse(const float *values, size_t count, size_t stride,
                                 llvm::ArrayRef<float> weights, float norm) const {
  assert((weights.empty() || weights.size() == count) && "a weight for each value");
  if (count == 0)
    return {};
  if (stride != 1)
    return withRun(values, count, stride,
                   [&](const float *run) { return fitMse(run, count, 1, weights, norm); });
  BlockRange block = getRange(values, count);
  BlockParameters best = getParameters(block, 1);
  if (block.low == 0 && block.high == 0)
    return best;
  RatioGrid grid;
  if (!isUniform())
    grid = {sorted.front(),
            sorted.back(),
            thresholds.data(),
            sorted.data(),
            static_cast<unsigned>(sorted.size()),
            firstIndex.empty() ? nullptr : firstIndex.data()};
  // How far rounding zero points and scales moves the ends of a range, in units of the scale.
  const float margin = 0.51f + (scaleType == DataType::F32 ? 0 : (range.max - range.min) * 0x1p-9f);
  // Errors are in units of the scale; factors make them units of the first one.
  const float unit = 1 / std::fabs(best.scale);
  double least = std::numeric_limits<double>::infinity();
  for (int first = 0; first < 80; first += 16) {
    BlockParameters candidates[16];
    float factors[16], excesses[16];
    for (int i = 0; i < 16; ++i) {
      BlockParameters next = getParameters(block, static_cast<float>(1 - (first + i) / 100.0));
      if (isUniform()) {
        grid.low = range.min - next.zeroPoint;
        grid.high = range.max - next.zeroPoint;
      }
      // The extreme value that is outside of what the codes reach has at least this error for this
      // and all smaller factors: ranges shrink with them, up to the rounding of zero points.
      float excess;
      if (isUniform() && uniform.convention == GridConvention::AsymZeroIn) {
        float cut = 1 - static_cast<float>(1 - (first + i) / 100.0);
        excess = std::max(block.high, -block.low) * cut - margin * next.scale;
      } else {
        float bottom = std::min(grid.low * next.scale, grid.high * next.scale);
        float top = std::max(grid.low * next.scale, grid.high * next.scale);
        excess = std::max(block.high - top, bottom - block.low);
        excess -= hasZeroPoints() ? next.scale : 0;
      }
      candidates[i] = next;
      factors[i] = next.scale * unit;
      excesses[i] = weights.empty() ? std::max(excess, 0.0f) * unit : 0;
    }
    takePowers(factors, norm);
    takePowers(excesses, norm);
    for (int i = 0; i < 16; ++i) {
      const BlockParameters &next = candidates[i];
      if (excesses[i] > least * 1.0001)
        return best;
      if (i > 0 && next.scale == candidates[i - 1].scale &&
          next.zeroPoint == candidates[i - 1].zeroPoint)
        continue;
      if (isUniform()) {
        grid.low = range.min - next.zeroPoint;
        grid.high = range.max - next.zeroPoint;
      }
      float inverse = std::min(1 / std::fabs(next.scale), std::numeric_limits<float>::max());
      double sum =
          factors[i] * sumOfPowers(grid, values, weights.empty() ? nullptr : weights.data(), count,
                                   std::copysign(inverse, next.scale), norm, least / factors[i]);
      if (sum < least) {
        least = sum;
        best = next;
      }
    }
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

unsigned CodeGrid::findInTable(float ratio) const {
  if (!firstIndex.empty())
    return findInLargeTable(firstIndex.data(), thresholds.data(), ratio);
  unsigned index = 0;
  for (float threshold : thresholds)
    index += ratio >= threshold;
  return index;
}

uint8_t CodeGrid::encode(float value, BlockParameters block) const {
  float ratio = value / block.scale;
  if (!isUniform())
    return sortedCodes[findInTable(ratio)];
  uint8_t code;
  float scale = block.scale, zero = block.zeroPoint, rounded;
  roundUniformRow(&value, 1, &scale, &zero, range.min, range.max, (1u << getBitWidth(codeType)) - 1,
                  &code, &rounded);
  return code;
}

/// The integer that a byte with the low bits of a code means.
static int extendCode(uint8_t code, DataType type) {
  unsigned unused = 8 - getBitWidth(type);
  uint8_t top = static_cast<uint8_t>(code << unused);
  return isSigned(type) ? static_cast<int8_t>(top) >> unused : top >> unused;
}

float CodeGrid::decode(uint8_t code, BlockParameters block) const {
  if (!isUniform())
    return block.scale * table[code];
  return block.scale * (static_cast<float>(extendCode(code, codeType)) - block.zeroPoint);
}

void CodeGrid::encodeRatios(const float *ratios, size_t count, uint8_t *codes) const {
  if (firstIndex.empty())
    return encodeSmallTable(ratios, count, thresholds.data(), sortedCodes.data(), sorted.size(),
                            codes);
  for (size_t i = 0; i < count; ++i)
    codes[i] = sortedCodes[findInLargeTable(firstIndex.data(), thresholds.data(), ratios[i])];
}

void CodeGrid::encodeRun(const float *values, size_t count, BlockParameters block,
                         uint8_t *codes) const {
  if (isUniform()) {
    double error = 0, square = 0;
    compress::encodeRun(values, count, block.scale, block.zeroPoint, range.min, range.max, codes,
                        error, square);
    const uint8_t mask = (1u << getBitWidth(codeType)) - 1;
    for (size_t i = 0; i < count; ++i)
      codes[i] &= mask;
    return;
  }
  float ratios[kTile];
  divideRun(values, count, block.scale, ratios);
  encodeRatios(ratios, count, codes);
}

void CodeGrid::roundColumn(const float *values, size_t stride, const BlockParameters *blocks,
                           size_t count, uint8_t *codes, size_t codeStride, float *rounded) const {
  constexpr size_t kPiece = 256;
  float x[kPiece], scales[kPiece], zeros[kPiece], results[kPiece];
  uint8_t found[kPiece];
  for (size_t begin = 0; begin < count; begin += kPiece) {
    size_t n = std::min(kPiece, count - begin);
    for (size_t i = 0; i < n; ++i) {
      x[i] = values[(begin + i) * stride];
      scales[i] = blocks[begin + i].scale;
      zeros[i] = blocks[begin + i].zeroPoint;
    }
    if (isUniform()) {
      roundUniformRow(x, n, scales, zeros, range.min, range.max, (1u << getBitWidth(codeType)) - 1,
                      found, results);
    } else {
      for (size_t i = 0; i < n; ++i)
        x[i] /= scales[i];
      encodeRatios(x, n, found);
      for (size_t i = 0; i < n; ++i)
        results[i] = scales[i] * table[found[i]];
    }
    for (size_t i = 0; i < n; ++i)
      codes[(begin + i) * codeStride] = found[i];
    if (rounded)
      std::copy(results, results + n, rounded + begin);
  }
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

QuantizedMatrix mlir::compress::quantizeMatrix(const CodeGrid &grid, const float *weight,
                                               size_t rows, size_t columns, size_t group,
                                               WeightRange range, ParallelFor parallelFor) {
  assert(group >= 1 && "blocks have elements");
  QuantizedMatrix result;
  result.rows = rows;
  result.columns = columns;
  result.group = group;
  if (rows == 0 || columns == 0)
    return result;
  size_t numGroups = result.getNumGroups();
  result.codes.resize(rows * columns);
  result.blocks.resize(rows * numGroups);
  // Pieces of about 64 K elements.
  size_t numBlocks = rows * numGroups;
  size_t piece = std::max<size_t>(1, 65536 / std::min(group, columns));
  parallelFor((numBlocks + piece - 1) / piece, [&](size_t p) {
    for (size_t i = p * piece, end = std::min(numBlocks, i + piece); i < end; ++i) {
      size_t column = i % numGroups * group, count = std::min(group, columns - column);
      size_t begin = i / numGroups * columns + column;
      const float *values = weight + begin;
      BlockParameters &block = result.blocks[i];
      block = range == WeightRange::Mse ? grid.fitMse(values, count) : grid.fit(values, count);
      for (size_t done = 0; done < count; done += kTile)
        grid.encodeRun(values + done, std::min<size_t>(kTile, count - done), block,
                       result.codes.data() + begin + done);
    }
  });
  return result;
}

std::vector<float> mlir::compress::dequantizeMatrix(const CodeGrid &grid,
                                                    const QuantizedMatrix &matrix) {
  std::vector<float> values(256);
  if (grid.isUniform())
    for (unsigned code = 0; code < 256; ++code)
      values[code] = static_cast<float>(extendCode(code, grid.codeType));
  else
    std::copy(grid.table.begin(), grid.table.end(), values.begin());
  std::vector<float> result(matrix.rows * matrix.columns);
  size_t numGroups = matrix.getNumGroups();
  for (size_t row = 0; row < matrix.rows; ++row)
    for (size_t g = 0; g < numGroups; ++g) {
      BlockParameters block = matrix.blocks[row * numGroups + g];
      size_t begin = row * matrix.columns + g * matrix.group;
      size_t end = row * matrix.columns + std::min(matrix.columns, (g + 1) * matrix.group);
      for (size_t i = begin; i < end; ++i)
        result[i] = block.scale * (values[matrix.codes[i]] - block.zeroPoint);
    }
  return result;
}
