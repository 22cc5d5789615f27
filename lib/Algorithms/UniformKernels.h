//===- UniformKernels.h - inner loops of uniform quantization ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `run` kernels work on consecutive elements of one block, `row` kernels on
// elements that each have their own block. `T` is float or double.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_UNIFORMKERNELS_H
#define COMPRESS_LIB_ALGORITHMS_UNIFORMKERNELS_H

#include <cstdint>

namespace mlir::compress {

/// Widens [lo, hi] to `count` values. Returns whether all were finite.
bool growRangeOfRun(const float *x, uint64_t count, float &lo, float &hi);
bool growRangeOfRun(const double *x, uint64_t count, double &lo, double &hi);

/// Widens [lo[i], hi[i]] to x[i].
bool growRangeOfRow(const float *x, uint64_t count, float *lo, float *hi);
bool growRangeOfRow(const double *x, uint64_t count, double *lo, double *hi);

/// Codes of x with one scale and zero point, which is an integer value. Adds
/// ((x^ - x) / s)^2 and (x / s)^2 to the sums. `count` is at most `kTile`.
void encodeRun(const float *x, uint64_t count, float scale, float zeroPoint, float qmin, float qmax,
               uint8_t *codes, double &error, double &square);
void encodeRun(const double *x, uint64_t count, double scale, double zeroPoint, double qmin,
               double qmax, uint8_t *codes, double &error, double &square);

/// The same with a scale, zero point and sums of each element.
void encodeRow(const float *x, uint64_t count, const float *scales, const float *zeroPoints,
               float qmin, float qmax, uint8_t *codes, float *errors, float *squares);
void encodeRow(const double *x, uint64_t count, const double *scales, const double *zeroPoints,
               double qmin, double qmax, uint8_t *codes, double *errors, double *squares);

/// x = s * (q - z); codes are read as int8 or uint8.
void decodeRun(const uint8_t *codes, bool isSigned, uint64_t count, float scale, float zeroPoint,
               float *x);
void decodeRun(const uint8_t *codes, bool isSigned, uint64_t count, double scale, double zeroPoint,
               double *x);
void decodeRow(const uint8_t *codes, bool isSigned, uint64_t count, const float *scales,
               const float *zeroPoints, float *x);
void decodeRow(const uint8_t *codes, bool isSigned, uint64_t count, const double *scales,
               const double *zeroPoints, double *x);

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_UNIFORMKERNELS_H
