//===- UniformQuantization.h - round-to-nearest uniform grids ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Uniform quantization with one (scale, zero point) per block:
//
//   q = clamp(round_half_even(x / s) + z, qmin, qmax),   x^ = s * (q - z)
//
// with true division in f32 (f64 for f64 weights). The parameters of a block
// come from its smallest and largest element in the same precision, the scale is
// rounded to its stored type (half to even), and codes are computed with the
// scale as stored. With b bits, lo = min x, hi = max x, m = max |x|:
//
//   SymRestricted  s = m / (2^(b-1) - 1), q - z in [-(2^(b-1) - 1), 2^(b-1) - 1]
//                  (ONNX QDQ weights; Zafrir et al., "Q8BERT", 2019)
//   SymFullRange   s = 2 m / (2^b - 1), all codes
//                  (Frantar et al., "GPTQ", ICLR 2023, symmetric grid)
//   SymSignedMax   s = e / -2^(b-1), all codes, where e is the element of the
//                  largest magnitude with its sign, so that e is exactly
//                  representable; s may be negative. Tie -lo == hi: e = lo,
//                  which gives s > 0. (com.microsoft.MatMulNBits)
//   AsymZeroIn     lo = min(lo, 0), hi = max(hi, 0), s = (hi - lo) / (2^b - 1),
//                  z = qmin + clamp(round(-lo / s), 0, 2^b - 1); 0 is exact
//                  (Jacob et al., CVPR 2018; ONNX DynamicQuantizeLinear)
//   AsymMinMax     s = max((hi - lo) / (2^b - 1), 1e-5),
//                  z = qmin + clamp(-round(lo / s), 0, 2^b - 1)
//                  (Lin et al., "AWQ", MLSys 2024)
//
// Symmetric zero points are 0 for signed code types and 2^(b-1) for unsigned
// ones. A block of zeros, or one whose scale becomes 0 in its stored type, has
// scale 1 and its codes equal the zero point (0 in asymmetric conventions).
// x = 0 always gets the code z, so quantizing keeps pruned elements exact zeros.
// All rounding is half to even.
//
// Elements are processed with explicit vectors of fixed width and sums have a
// fixed order: results are the same bytes for every ISA and thread count.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_UNIFORMQUANTIZATION_H
#define COMPRESS_ALGORITHMS_UNIFORMQUANTIZATION_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Support/DataType.h"
#include <optional>

namespace mlir::compress {

/// How scale and zero point follow from the values of a block; see the head of
/// this file.
enum class GridConvention : uint8_t {
  SymRestricted,
  SymFullRange,
  SymSignedMax,
  AsymZeroIn,
  AsymMinMax,
};

/// Whether the convention has a zero point per block.
inline bool isAsymmetric(GridConvention convention) {
  return convention == GridConvention::AsymZeroIn || convention == GridConvention::AsymMinMax;
}

/// A uniform grid: an integer code type of 2 to 8 bits, and a convention.
struct UniformGrid {
  DataType type = DataType::I8;
  GridConvention convention = GridConvention::SymRestricted;
};

/// Smallest and largest code that a grid uses, and the zero point of its
/// symmetric conventions.
struct CodeRange {
  int min;
  int max;
  int symmetricZeroPoint;
};
CodeRange getCodeRange(UniformGrid grid);

/// Why a tensor cannot be quantized.
struct QuantizationFault {
  enum Kind : uint8_t {
    NotFinite,     ///< A value is NaN or infinite; `index` is the first such element.
    ScaleOverflow, ///< A scale exceeds its stored type; `index` is the first such block.
  };
  Kind kind;
  uint64_t index;
};

struct QuantizationResult {
  /// Set if the tensor was not quantized; the outputs then have no meaning.
  std::optional<QuantizationFault> fault;
  /// Sum over all elements of (x^ - x)^2 and of x^2.
  double sumSquaredError = 0;
  double sumSquares = 0;
};

/// Quantizes `values` (`valueType` f64, f32, f16 or bf16; any alignment).
/// `group` (at least 1) entries along K share a scale.
/// - `codes`: packed codes of `grid.type`, `getPackedBytes(numElements, bits)` bytes;
/// - `scales`: (outer, ceil(K / group), inner) of `scaleType` (any alignment), one of f32, f16,
///   bf16, or f64 with f64 values;
/// - `zeroPoints`: packed codes of the same shape as the scales, or null; must not be null for
///   asymmetric conventions.
QuantizationResult quantizeUniform(UniformGrid grid, BlockView view, uint64_t group,
                                   DataType valueType, const void *values, DataType scaleType,
                                   void *codes, void *scales, void *zeroPoints = nullptr,
                                   ParallelFor parallelFor = serialFor);

/// A tensor of integer codes with block scales and optional zero points, laid
/// out as `quantizeUniform` writes it.
struct QuantizedTensor {
  BlockView view;
  uint64_t group = 1;
  DataType codeType = DataType::I8; ///< Integer of at most 8 bits.
  DataType scaleType = DataType::F32;
  const void *codes = nullptr;
  const void *scales = nullptr;
  const void *zeroPoints = nullptr; ///< Null: all zero.
};

/// x^ = s * (q - z), in f32 and rounded once to `valueType` (f32, f16, bf16), or
/// in f64 throughout when the scales or the values are f64.
void dequantizeUniform(const QuantizedTensor &tensor, DataType valueType, void *values,
                       ParallelFor parallelFor = serialFor);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_UNIFORMQUANTIZATION_H
