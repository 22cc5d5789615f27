//===- UniformDequantization.h - values of a uniform grid, in tiles -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_UNIFORMDEQUANTIZATION_H
#define COMPRESS_LIB_ALGORITHMS_UNIFORMDEQUANTIZATION_H

#include "SlabWalk.h"
#include "compress/Algorithms/UniformQuantization.h"
#include <vector>

namespace mlir::compress {

/// Reads ranges of a quantized tensor as `T` (float or double). Keeps the
/// parameters of the last slab, so reading in order is fast.
template <typename T>
class Dequantizer {
public:
  explicit Dequantizer(const QuantizedTensor &tensor)
      : tensor(tensor), slabs(tensor.view, tensor.group),
        width(tensor.view.inner == 1 ? 0 : getFoldedWidth(tensor.view.inner)) {}

  /// Writes elements [begin, begin + count) to `result`.
  void read(uint64_t begin, uint64_t count, T *result);

private:
  void loadParameters(const Slab &slab);

  QuantizedTensor tensor;
  SlabGrid slabs;
  uint64_t width;
  uint64_t current = ~uint64_t(0);
  std::vector<T> scales, zeroPoints;
  uint8_t codes[kTile];
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_UNIFORMDEQUANTIZATION_H
