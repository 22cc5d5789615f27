//===- DoubleQuantization.h - scales in eight bits --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The scales of blocks are themselves quantized (Dettmers et al., "QLoRA",
// NeurIPS 2023, in the form of bitsandbytes):
//
//   scale = map[code] * scale2 + offset
//
// offset is the mean of all scales, scale2 the largest magnitude of scale -
// offset in each 256 scales, and map the signed dynamic data type of eight bits
// (Dettmers, "8-bit approximations for parallelism in deep learning", 2016): for
// i = 0 ... 6 the midpoints of 2^i equal parts of [0.1, 1], times 10^(i - 6),
// with both signs; and 0 and 1.
//
// Weights should be quantized with the scales as decoded. Decoded scales can be
// 0 or negative where the scales of a tensor differ by orders of magnitude.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_DOUBLEQUANTIZATION_H
#define COMPRESS_ALGORITHMS_DOUBLEQUANTIZATION_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress {

/// Scales that share a second scale.
constexpr size_t kDoubleQuantizationBlock = 256;

/// The 256 values of the signed dynamic map, ascending.
llvm::ArrayRef<float> getDynamicMap();

struct DoubleQuantizedScales {
  /// One for each scale.
  std::vector<uint8_t> codes;
  /// One for each `kDoubleQuantizationBlock` scales; the last block may be short.
  std::vector<float> scales;
  float offset = 0;
};

/// Quantizes finite scales; the nearest value of the map, the lower one of two.
DoubleQuantizedScales quantizeScales(llvm::ArrayRef<float> scales);
/// What they stand for: product and sum in f32, each rounded.
std::vector<float> dequantizeScales(const DoubleQuantizedScales &quantized);

/// Bits for each weight that scales take when `group` weights share one and the number of scales is
/// a multiple of the block: 8 / group + 32 / (group * 256).
constexpr double getDoubleQuantizedScaleBits(double group) {
  return 8 / group + 32 / (group * kDoubleQuantizationBlock);
}

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_DOUBLEQUANTIZATION_H
