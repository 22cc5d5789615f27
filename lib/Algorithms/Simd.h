//===- Simd.h - fixed-width vectors for the kernels of this folder -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernels use 64-byte vectors of the compiler's vector extension, which mean the
// same on every ISA: it splits them where registers are narrower. COMPRESS_CLONES
// compiles a function for several x86-64 levels and chooses when loaded. Without
// floating-point contraction all versions compute the same bits.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_SIMD_H
#define COMPRESS_LIB_ALGORITHMS_SIMD_H

#include <cstdint>

#if defined(__x86_64__) && defined(__linux__) && defined(__clang__)
#define COMPRESS_CLONES                                                                            \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define COMPRESS_CLONES
#endif

/// For helpers of kernels: they take the ISA of the clone they are inlined into.
#define COMPRESS_INLINE static inline __attribute__((always_inline))

namespace mlir::compress::simd {

/// Vector of `W` elements.
template <typename T, unsigned W>
using Vector = T __attribute__((vector_size(W * sizeof(T))));

/// Properties of the two computation types. `width` lanes fill 64 bytes. Adding
/// and subtracting `magic` (1.5 * 2^(mantissa bits)) rounds half to even.
template <typename T>
struct Lanes;
template <>
struct Lanes<float> {
  static constexpr unsigned width = 16;
  static constexpr float magic = 12582912.0f;
  static constexpr uint32_t absMask = 0x7fffffffu, infinity = 0x7f800000u;
  using UInt = uint32_t;
  using Vec = Vector<float, 16>;
  using UVec = Vector<uint32_t, 16>;
  using Bytes = Vector<uint8_t, 16>;
  using SBytes = Vector<int8_t, 16>;
};
template <>
struct Lanes<double> {
  static constexpr unsigned width = 8;
  static constexpr double magic = 6755399441055744.0;
  static constexpr uint64_t absMask = 0x7fffffffffffffffull, infinity = 0x7ff0000000000000ull;
  using UInt = uint64_t;
  using Vec = Vector<double, 8>;
  using UVec = Vector<uint64_t, 8>;
  using Bytes = Vector<uint8_t, 8>;
  using SBytes = Vector<int8_t, 8>;
};

/// Unaligned load and store, and those of the first `count` elements.
template <typename V>
COMPRESS_INLINE void load(V &v, const void *p) {
  __builtin_memcpy(&v, p, sizeof(V));
}
template <typename V>
COMPRESS_INLINE void store(const V &v, void *p) {
  __builtin_memcpy(p, &v, sizeof(V));
}

} // namespace mlir::compress::simd

#endif // COMPRESS_LIB_ALGORITHMS_SIMD_H
