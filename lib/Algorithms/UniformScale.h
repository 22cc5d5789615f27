//===- UniformScale.h - the scale of a uniform grid -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_UNIFORMSCALE_H
#define COMPRESS_LIB_ALGORITHMS_UNIFORMSCALE_H

#include "compress/Algorithms/UniformQuantization.h"
#include <algorithm>
#include <cmath>

namespace mlir::compress {

/// The scale of a block of values from `low` to `high` with codes of `bits` bits, as the head of
/// UniformQuantization.h defines it, before it is rounded to its stored type; 0 for a block of
/// zeros.
template <typename T>
inline T computeUniformScale(GridConvention convention, unsigned bits, T low, T high) {
  const T half = static_cast<T>(1 << (bits - 1)), steps = 2 * half - 1;
  T magnitude = std::max(-low, high);
  switch (convention) {
  case GridConvention::SymRestricted:
    return magnitude / (half - 1);
  case GridConvention::SymFullRange:
    return magnitude / (steps / 2);
  case GridConvention::SymSignedMax:
    return (-low >= high ? low : high) / -half;
  case GridConvention::AsymZeroIn:
    return (std::max(high, T(0)) - std::min(low, T(0))) / steps;
  case GridConvention::AsymMinMax:
    return magnitude == 0 ? T(0) : std::max((high - low) / steps, static_cast<T>(1e-5));
  }
  return 0;
}

/// The zero point that goes with `scale` as it is stored.
template <typename T>
inline int computeUniformZeroPoint(GridConvention convention, CodeRange range, unsigned bits, T low,
                                   T scale) {
  if (!isAsymmetric(convention))
    return range.symmetricZeroPoint;
  if (convention == GridConvention::AsymZeroIn)
    low = std::min(low, T(0));
  const T steps = static_cast<T>(1 << bits) - 1;
  // A block of zeros gets the code 0, which every asymmetric range has.
  T offset = scale == 0 ? static_cast<T>(-range.min) : -std::nearbyint(low / scale);
  return range.min + static_cast<int>(std::min(std::max(offset, T(0)), steps));
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_UNIFORMSCALE_H
