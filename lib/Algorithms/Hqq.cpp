//===- Hqq.cpp - half-quadratic quantization ------------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Hqq.h"
#include "FastMath.h"
#include "compress/Algorithms/SumOfSquares.h"
#include "compress/Support/NumericFormats.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

namespace {

/// Elements that a kernel takes at a time; sums over more are added in f64.
constexpr size_t kTile = 1024;
/// Lanes of the partial sums of a tile.
constexpr size_t kLanes = 16;

/// Sums over a block, where t = w^ / s and v = w - e: of |w - w^|^p (in units of the root mean
/// square), t, v, v t and t t.
struct Sums {
  double error = 0, t = 0, v = 0, vt = 0, tt = 0;
};

/// What an iteration works with. Codes of a uniform grid are round(clamp(w / scale + shift, low,
/// high)) + base, and t is that without base, minus shift.
struct Step {
  float scale = 1, shift = 0, low = 0, high = 0;
  /// 1 / root mean square, and the root mean square.
  float toUnit = 1, fromUnit = 1;
  float p = 0.7f, inverseBeta = 0.1f;
};

} // namespace

/// Error and shrunk target of one weight whose rounded value is `rounded`.
COMPRESS_INLINE void shrink(const Step &step, float w, float rounded, float &error, float &target) {
  float difference = (w - rounded) * step.toUnit;
  float magnitude = difference < 0 ? -difference : difference;
  magnitude = magnitude < 1e-20f ? 1e-20f : magnitude;
  float slope = simd::power(magnitude, step.p - 1);
  error = magnitude * slope;
  float kept = magnitude - slope * step.inverseBeta;
  kept = kept < 0 ? 0.0f : kept;
  target = w - (difference < 0 ? -kept : kept) * step.fromUnit;
}

/// Adds the products of the lanes to `sums`; `count` is at most `kTile`.
COMPRESS_INLINE void addTile(const float *error, const float *t, const float *v, size_t count,
                             Sums &sums) {
  float lanes[5][kLanes] = {};
  for (size_t i = 0; i < count; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[0][lane] += error[i + lane];
      lanes[1][lane] += t[i + lane];
      lanes[2][lane] += v[i + lane];
      lanes[3][lane] += v[i + lane] * t[i + lane];
      lanes[4][lane] += t[i + lane] * t[i + lane];
    }
  double totals[5] = {};
  for (size_t k = 0; k < 5; ++k)
    for (size_t lane = 0; lane < kLanes; ++lane)
      totals[k] += lanes[k][lane];
  sums.error += totals[0];
  sums.t += totals[1];
  sums.v += totals[2];
  sums.vt += totals[3];
  sums.tt += totals[4];
}

/// Sums of up to `kTile` weights on a uniform grid.
COMPRESS_CLONES static void stepUniform(const Step &step, const float *w, size_t count,
                                        Sums &sums) {
  float error[kTile], t[kTile], v[kTile];
  const float magic = simd::Lanes<float>::magic;
  for (size_t i = 0; i < count; ++i) {
    float code = w[i] / step.scale + step.shift;
    code = code < step.low ? step.low : code;
    code = code > step.high ? step.high : code;
    code = (code + magic) - magic;
    t[i] = code - step.shift;
    shrink(step, w[i], t[i] * step.scale, error[i], v[i]);
  }
  size_t end = (count + kLanes - 1) / kLanes * kLanes;
  for (size_t i = count; i < end; ++i)
    error[i] = t[i] = v[i] = 0;
  addTile(error, t, v, end, sums);
}

/// The same where `t` is given (tables).
COMPRESS_CLONES static void stepTable(const Step &step, const float *w, const float *given,
                                      size_t count, Sums &sums) {
  float error[kTile], t[kTile], v[kTile];
  for (size_t i = 0; i < count; ++i) {
    t[i] = given[i];
    shrink(step, w[i], t[i] * step.scale, error[i], v[i]);
  }
  size_t end = (count + kLanes - 1) / kLanes * kLanes;
  for (size_t i = count; i < end; ++i)
    error[i] = t[i] = v[i] = 0;
  addTile(error, t, v, end, sums);
}

/// Codes of a uniform grid.
COMPRESS_CLONES static void encodeUniform(const Step &step, float base, const float *w,
                                          size_t count, uint8_t *codes, uint8_t codeMask) {
  const float magic = simd::Lanes<float>::magic;
  for (size_t i = 0; i < count; ++i) {
    float code = w[i] / step.scale + step.shift;
    code = code < step.low ? step.low : code;
    code = code > step.high ? step.high : code;
    code = (code + magic) - magic;
    codes[i] = uint8_t(int32_t(code + base)) & codeMask;
  }
}

namespace {

/// Optimises the blocks of one matrix.
class Optimizer {
public:
  Optimizer(const CodeGrid &grid, const HqqOptions &options, double rootMeanSquare)
      : grid(grid), options(options) {
    step.toUnit = float(1 / rootMeanSquare);
    step.fromUnit = float(rootMeanSquare);
    step.p = options.p;
    if (grid.isUniform())
      range = getCodeRange(grid.getUniform());
  }

  void optimize(const float *w, size_t count, BlockParameters &block, uint8_t *codes);

private:
  bool isFloatZero() const { return grid.hasZeroPoints() && !options.integerZero; }
  /// Sums with these parameters.
  Sums evaluate(const float *w, size_t count, BlockParameters block);
  /// Parameters that fit v best; nothing if there are none.
  std::optional<BlockParameters> fit(BlockParameters block, size_t count, const Sums &sums) const;
  /// The scale as stored; 0 if it cannot be.
  float roundScale(double scale) const;
  void setUniform(BlockParameters block);

  const CodeGrid &grid;
  const HqqOptions &options;
  CodeRange range{};
  Step step;
};

} // namespace

float Optimizer::roundScale(double scale) const {
  double rounded = roundToType(grid.getScaleType(), scale);
  // Subnormal scales lose the precision that the steps rely on.
  return std::isnormal(float(rounded)) ? float(rounded) : 0.0f;
}

void Optimizer::setUniform(BlockParameters block) {
  step.scale = block.scale;
  step.shift = isFloatZero() ? block.zeroPoint : 0.0f;
  float base = isFloatZero() ? 0.0f : block.zeroPoint;
  step.low = float(range.min) - base;
  step.high = float(range.max) - base;
}

Sums Optimizer::evaluate(const float *w, size_t count, BlockParameters block) {
  Sums sums;
  if (grid.isUniform()) {
    setUniform(block);
    for (size_t i = 0; i < count; i += kTile)
      stepUniform(step, w + i, std::min(kTile, count - i), sums);
    return sums;
  }
  step.scale = block.scale;
  float t[kTile];
  llvm::ArrayRef<float> table = grid.getTable();
  for (size_t i = 0; i < count; i += kTile) {
    size_t size = std::min(kTile, count - i);
    for (size_t k = 0; k < size; ++k)
      t[k] = table[grid.encode(w[i + k], block)];
    stepTable(step, w + i, t, size, sums);
  }
  return sums;
}

std::optional<BlockParameters> Optimizer::fit(BlockParameters block, size_t count,
                                              const Sums &sums) const {
  double n = double(count);
  if (isFloatZero()) {
    // mean(q - v / s), where q = t + z.
    block.zeroPoint = float(block.zeroPoint + (sums.t - sums.v / block.scale) / n);
    return block;
  }
  if (!grid.hasZeroPoints()) {
    block.scale = sums.tt > 0 ? roundScale(sums.vt / sums.tt) : 0.0f;
    return block.scale != 0 ? std::optional(block) : std::nullopt;
  }
  // The line v = s (t - d) through all points; z moves by d.
  double variance = sums.tt - sums.t * sums.t / n;
  double covariance = sums.vt - sums.t * sums.v / n;
  float scale = variance > 0 ? roundScale(covariance / variance) : 0.0f;
  if (scale <= 0)
    return std::nullopt;
  double moved = block.zeroPoint + sums.t / n - sums.v / n / double(scale);
  float zeroPoint = std::clamp(float(std::nearbyint(moved)), float(range.min), float(range.max));
  // sum (v - s (t - d))^2 with d given.
  double d = double(zeroPoint) - double(block.zeroPoint);
  double squares = sums.tt - 2 * d * sums.t + n * d * d;
  block.scale = squares > 0 ? roundScale((sums.vt - d * sums.v) / squares) : 0.0f;
  block.zeroPoint = zeroPoint;
  return block.scale > 0 ? std::optional(block) : std::nullopt;
}

void Optimizer::optimize(const float *w, size_t count, BlockParameters &block, uint8_t *codes) {
  bool isFree = grid.isUniform() || (grid.getScaleRule() != ScaleRule::PowerOfTwo &&
                                     grid.getScaleRule() != ScaleRule::E4M3);
  BlockParameters best = block, current = block;
  double bestError = 0;
  float beta = options.beta;
  for (unsigned i = 0; isFree && i <= options.iterations; ++i) {
    step.inverseBeta = 1 / beta;
    Sums sums = evaluate(w, count, current);
    if (i == 0 || sums.error < bestError) {
      best = current;
      bestError = sums.error;
    }
    std::optional<BlockParameters> next = fit(current, count, sums);
    if (!next)
      break;
    current = *next;
    beta *= options.kappa;
  }
  block = best;
  if (grid.isUniform()) {
    setUniform(block);
    encodeUniform(step, isFloatZero() ? 0.0f : block.zeroPoint, w, count, codes,
                  uint8_t((1u << getBitWidth(grid.getCodeType())) - 1));
    return;
  }
  for (size_t i = 0; i < count; ++i)
    codes[i] = grid.encode(w[i], block);
}

QuantizedMatrix mlir::compress::hqq(const CodeGrid &grid, const float *weight, size_t rows,
                                    size_t columns, size_t group, const HqqOptions &options,
                                    ParallelFor parallelFor) {
  QuantizedMatrix matrix =
      quantizeMatrix(grid, weight, rows, columns, group, WeightRange::MinMax, parallelFor);
  double squares = sumOfSquares(DataType::F32, weight, uint64_t(rows) * columns);
  double rootMeanSquare = std::sqrt(squares / (double(rows) * double(columns)));
  // Also when there is no weight at all.
  if (!(rootMeanSquare > 0) || !std::isnormal(float(rootMeanSquare)) ||
      !std::isnormal(float(1 / rootMeanSquare)))
    return matrix;
  parallelFor(rows, [&](size_t row) {
    Optimizer optimizer(grid, options, rootMeanSquare);
    for (size_t column = 0; column < columns; column += group) {
      size_t count = std::min(group, columns - column);
      size_t first = row * columns + column;
      BlockParameters &block = matrix.blocks[row * matrix.getNumGroups() + column / group];
      optimizer.optimize(weight + first, count, block, matrix.codes.data() + first);
    }
  });
  return matrix;
}
