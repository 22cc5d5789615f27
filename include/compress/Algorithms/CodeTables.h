//===- CodeTables.h - the named weight formats as code grids ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Formats whose codes stand for the values of a fixed table, times a scale:
//
//   nf4      u4          quantiles of the normal distribution    max |x|
//   fp4      u4          4-bit floats as bitsandbytes has them   max |x|
//   fp8      f8E4M3FN    the float itself                        max |x| / 448
//            f8E5M2      the float itself                        max |x| / 57344
//   MX       f8E4M3FN, f8E5M2, f6E3M2FN, f6E2M3FN, f4E2M1FN      E8M0, groups of 32
//   nvfp4    f4E2M1FN    the float itself                        E4M3 * factor, groups of 16
//   pow2     u2 ... u8   0 and powers of two                     2^round(log2 max |x|)
//   binary   u1          -1, 1                                   mean |x|
//   ternary  i2          -1, 0, 1                                least squares
//
// Sources: Dettmers et al., "QLoRA", NeurIPS 2023 (nf4, fp4); Micikevicius et
// al., "FP8 formats for deep learning", 2022; OCP Microscaling Formats (MX) 1.0;
// NVIDIA, NVFP4; Miyashita et al., "Convolutional neural networks using
// logarithmic data representation", 2016 (pow2); Rastegari et al., "XNOR-Net",
// ECCV 2016 (binary); Li and Liu, "Ternary weight networks", 2016.
//
// A value halfway between two floats gets the even code, as in IEEE 754, between
// two of nf4 the lower one, and of fp4 and ternary the one nearer to 0. 0 is +1
// in binary. Codes saturate, and negative zeros are not used.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_CODETABLES_H
#define COMPRESS_ALGORITHMS_CODETABLES_H

#include "compress/Algorithms/CodeGrid.h"

namespace mlir::compress {

/// Elements that share a scale in MX formats and NVFP4.
constexpr unsigned kMXBlockSize = 32, kNVFP4BlockSize = 16;

/// The 16 values of nf4 and fp4, by code.
llvm::ArrayRef<float> getNF4Table();
llvm::ArrayRef<float> getFP4Table();

/// Values of the codes 0, 1, ... of a float type of at most 8 bits, NaN and infinities included.
std::vector<float> getFloatTable(DataType type);

/// Table of `2^bits` entries (`bits` from 2 to 8): the high bit of a code is the sign, the others
/// are 0 for 0, and i > 0 for 2^(i - (2^(bits - 1) - 1)), up to 1.
std::vector<float> getPow2Table(unsigned bits);

/// `scaleType` (f32, f16, bf16) is the stored type of scales.
CodeGrid makeNF4Grid(DataType scaleType = DataType::F32);
CodeGrid makeFP4Grid(DataType scaleType = DataType::F32);

/// Codes of a float type of at most 8 bits. `rule` is `AbsMax` (fp8), `PowerOfTwo` (MX) or `E4M3`
/// (nvfp4, which needs `setTensorScale(getNVFP4TensorScale(...))` before use).
CodeGrid makeFloatGrid(DataType type, ScaleRule rule, DataType scaleType = DataType::F32);

/// The factor of a tensor with the largest magnitude `amax`: amax / (6 * 448), or 1 if that is 0.
float getNVFP4TensorScale(float amax);

/// Signed powers of two: sign * 2^round(log2 |x|), so that the bound between neighbours is their
/// geometric mean, and below the smallest power of the table, 0. Scales are powers of two.
CodeGrid makePow2Grid(unsigned bits, DataType scaleType = DataType::F32);

/// sign(x) times the mean magnitude, sign(0) = 1: the least-squares optimum.
CodeGrid makeBinaryGrid(DataType scaleType = DataType::F32);

/// {-1, 0, 1} times the scale with the least squared error. See Ternary.h for other thresholds.
CodeGrid makeTernaryGrid(DataType scaleType = DataType::F32);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_CODETABLES_H
