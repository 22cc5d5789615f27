//===- FloatTiles.h - reading and writing floats of any type in tiles -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Computation happens in `float` or `double`; tiles of narrower types are
// converted on the way in and out.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_FLOATTILES_H
#define COMPRESS_LIB_ALGORITHMS_FLOATTILES_H

#include "compress/Support/DataType.h"
#include <cstdint>

namespace mlir::compress {

/// Elements that are converted at a time.
constexpr uint64_t kTile = 4096;

/// Bytes of one element of f64, f32, f16 or bf16.
inline unsigned getFloatBytes(DataType type) {
  return type == DataType::F64 ? 8 : type == DataType::F32 ? 4 : 2;
}

/// Converts `count` elements from `first` on of a tensor of floats at any
/// alignment. `T` is float or double; f64 is read as double only.
void readFloats(const void *data, DataType type, uint64_t first, uint64_t count, float *result);
void readFloats(const void *data, DataType type, uint64_t first, uint64_t count, double *result);

/// Writes `count` elements from `first` on, rounding half to even once.
void writeFloats(const float *values, uint64_t count, void *data, DataType type, uint64_t first);
void writeFloats(const double *values, uint64_t count, void *data, DataType type, uint64_t first);

/// A tile of at most `kTile` elements as `T`: the data themselves if they have
/// that type (possibly unaligned), else a copy in `scratch`.
template <typename T>
const T *viewFloats(const void *data, DataType type, uint64_t first, uint64_t count, T *scratch) {
  if (type == (sizeof(T) == 8 ? DataType::F64 : DataType::F32) &&
      reinterpret_cast<uintptr_t>(data) % alignof(T) == 0)
    return static_cast<const T *>(data) + first;
  readFloats(data, type, first, count, scratch);
  return scratch;
}

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_FLOATTILES_H
