//===- CodeGrid.h - the values that codes of a format have -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What algorithms that choose codes (GPTQ, AWQ, AdaRound, ...) know of a weight
// format. A block of weights shares a scale s and, for asymmetric grids, a zero
// point z; code c stands for
//
//   x^ = s * (c - z)      uniform grids (integers),
//   x^ = s * table[c]     tables (floats of few bits, NF4, powers of two, ...).
//
// Codes are bytes: the low bits of the stored code, so that code -1 of i4 is
// 0x0f. Parameters are rounded to their stored type before codes are chosen.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_CODEGRID_H
#define COMPRESS_ALGORITHMS_CODEGRID_H

#include "compress/Algorithms/UniformQuantization.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <vector>

namespace mlir::compress {

/// How the scale of a block follows from its largest magnitude `m`, for grids with a table.
enum class ScaleRule : uint8_t {
  /// `m / (largest magnitude of the table)`, in the stored float type.
  AbsMax,
  /// `2^(floor(log2 m) - e)`, stored as f8E8M0FNU, where `2^e` is the largest power of two of the
  /// table (OCP Microscaling Formats 1.0).
  PowerOfTwo,
  /// `m / (largest of the table)` divided by a factor of the tensor, in f8E4M3FN, times that factor
  /// (NVFP4).
  E4M3,
  /// `2^(round(log2 m) - e)` in the stored float type, with `e` as above.
  NearestPowerOfTwo,
  /// The mean magnitude (binary: the least-squares optimum for the table {-1, 1}).
  MeanAbs,
  /// 1: the table has the values themselves (palettes).
  One,
  /// The scale that is best for a ternary table {-1, 0, 1} (exact, by sorted magnitudes).
  TernaryExact,
};

/// How the ranges of blocks are found.
enum class WeightRange : uint8_t { MinMax, Mse };

struct QuantizedMatrix;

/// Scale and zero point of a block.
struct BlockParameters {
  float scale = 1;
  float zeroPoint = 0;
};

/// The codes of a weight format.
class CodeGrid {
public:
  /// An integer grid. `scaleType` (f32, f16, bf16) is the stored type of scales.
  static CodeGrid makeUniform(UniformGrid grid, DataType scaleType = DataType::F32);
  /// Values of the codes 0, 1, ... of `codeType` (the low bits of a code count: -1 of i2 is the
  /// fourth), in any order; codes beyond, and codes whose value is NaN or infinite, are not used.
  /// Of codes with equal values (0 and -0) the first is used. `x` gets the code of the nearest
  /// value of `x / s`; between two values the one on the side of `bounds` (see `Bound`, one for
  /// each pair of neighbouring values that differ), by default the midpoint with ties to the lower
  /// value. `scaleType` is that of the rule where that says it.
  struct Bound {
    float at;
    /// Whether a value equal to `at` belongs to the upper neighbour.
    bool tiesUp = false;
  };
  static CodeGrid makeTable(DataType codeType, llvm::ArrayRef<float> values, ScaleRule rule,
                            DataType scaleType = DataType::F32, llvm::ArrayRef<Bound> bounds = {});

  bool isUniform() const { return table.empty(); }
  bool hasZeroPoints() const { return isUniform() && isAsymmetric(uniform.convention); }
  UniformGrid getUniform() const { return uniform; }
  DataType getCodeType() const { return codeType; }
  DataType getScaleType() const { return scaleType; }
  ScaleRule getScaleRule() const { return rule; }
  /// Value of each code, by code; empty for uniform grids.
  llvm::ArrayRef<float> getTable() const { return table; }

  /// For `ScaleRule::E4M3`: the factor of the tensor (`amax / (6 * 448)`), to be set before `fit`.
  void setTensorScale(float value) { tensorScale = value; }
  float getTensorScale() const { return tensorScale; }

  /// Parameters for `values[0], values[stride], ...` (`count` of them, finite) when both ends of
  /// their range are multiplied by `shrink` (in (0, 1]); for `MeanAbs` and `TernaryExact` the scale
  /// is, and for `One` nothing. A scale of 0 (a block of zeros, or by rounding to the stored type)
  /// becomes 1 except for `MeanAbs`, whose table may have no 0; a scale that the stored type cannot
  /// hold is infinite, except for `PowerOfTwo` and `E4M3`, which saturate.
  BlockParameters fit(const float *values, size_t count, size_t stride = 1, float shrink = 1) const;
  /// Parameters with the least sum of `weights[i] * |x^ - x|^norm` over shrink factors
  /// `1 - i / 100`, `i < 80`, ties to the larger factor (Frantar et al., "GPTQ", the option `mse`,
  /// with norm 2.4). `weights` is empty (all 1) or has `count` entries.
  BlockParameters fitMse(const float *values, size_t count, size_t stride = 1,
                         llvm::ArrayRef<float> weights = {}, float norm = 2.4f) const;

  /// Code of `value`, saturating, and what a code stands for.
  uint8_t encode(float value, BlockParameters block) const;
  float decode(uint8_t code, BlockParameters block) const;
  /// Both at once: the nearest representable value.
  float round(float value, BlockParameters block, uint8_t &code) const {
    code = encode(value, block);
    return decode(code, block);
  }
  /// The same for `count` values with a block each (a column of a matrix whose rows have their own
  /// scales); strides in elements. `rounded` may be null. Vectorised for uniform grids.
  void roundColumn(const float *values, size_t stride, const BlockParameters *blocks, size_t count,
                   uint8_t *codes, size_t codeStride, float *rounded) const;

private:
  /// What `fit` takes of the values of a block: range, and for `MeanAbs` and `TernaryExact` the
  /// scale before rounding.
  struct BlockRange {
    float low, high, base;
  };
  BlockRange getRange(const float *values, size_t count) const;
  BlockParameters getParameters(BlockRange range, float shrink) const;
  /// Codes of `count` (at most `kTile`) consecutive values of one block.
  void encodeRun(const float *values, size_t count, BlockParameters block, uint8_t *codes) const;
  unsigned findInTable(float ratio) const;
  void encodeRatios(const float *ratios, size_t count, uint8_t *codes) const;
  friend QuantizedMatrix quantizeMatrix(const CodeGrid &grid, const float *weight, size_t rows,
                                        size_t columns, size_t group, WeightRange range,
                                        ParallelFor parallelFor);
  friend std::vector<float> dequantizeMatrix(const CodeGrid &grid, const QuantizedMatrix &matrix);

  UniformGrid uniform;
  CodeRange range{};
  DataType codeType = DataType::I8, scaleType = DataType::F32;
  ScaleRule rule = ScaleRule::AbsMax;
  float tensorScale = 1;
  std::vector<float> table;
  /// The largest magnitude of the table.
  float tableMax = 1;
  /// Values in ascending order, each once, with their codes; `thresholds[i]` is the smallest float
  /// that belongs to `sorted[i + 1]`.
  std::vector<float> sorted, thresholds;
  std::vector<uint8_t> sortedCodes;
  /// For large tables: by the leading bits of a float, the index of the smallest such float.
  std::vector<uint8_t> firstIndex;
};

/// A quantized matrix `[rows, columns]`, rows are output channels and columns the contraction;
/// `group` columns of a row share a block, the last one may be short.
struct QuantizedMatrix {
  size_t rows = 0, columns = 0, group = 1;
  /// `[rows, columns]`, one code per byte.
  std::vector<uint8_t> codes;
  /// `[rows, getNumGroups()]`.
  std::vector<BlockParameters> blocks;

  size_t getNumGroups() const { return (columns + group - 1) / group; }
  const BlockParameters &getBlock(size_t row, size_t column) const {
    return blocks[row * getNumGroups() + column / group];
  }
};

/// Round to nearest of `weight` `[rows, columns]` (row-major, finite).
QuantizedMatrix quantizeMatrix(const CodeGrid &grid, const float *weight, size_t rows,
                               size_t columns, size_t group,
                               WeightRange range = WeightRange::MinMax,
                               ParallelFor parallelFor = serialFor);
/// The matrix that the codes stand for, `[rows, columns]`.
std::vector<float> dequantizeMatrix(const CodeGrid &grid, const QuantizedMatrix &matrix);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_CODEGRID_H
