//===- Quantization.h - encodings of weights and activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Scales and zero points come in blocks. `block` has one entry per dim of the
// dense tensor, -1 meaning the whole dim, and a parameter tensor then has the
// same rank with ceil(dim / block) entries per dim (the last block may be
// short). An empty `block` means per tensor: the parameters have one element.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_QUANTIZATION_H
#define COMPRESS_REFERENCE_QUANTIZATION_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// Shape of the scales of a tensor of shape `shape`, or an error when `block`
/// does not fit it.
llvm::Expected<llvm::SmallVector<int64_t>> getBlockGrid(llvm::ArrayRef<int64_t> shape,
                                                        llvm::ArrayRef<int64_t> block);

/// q = saturate(round_half_even(x / scale) + zeroPoint), bit for bit as
/// onnxruntime: `x` and `scale` are converted to f32 (f64 if either is `F64`)
/// and divided in that type. NaN gives the zero point. `type` is an integer
/// type, or a float type of at most 8 bits, for which x / scale is encoded (with
/// `saturate`, see `encodeFloat`) and the zero point must be null or zero. A
/// zero point has the type `type`. `scale` may have another float type than `x`.
llvm::Expected<Tensor> quantize(const Tensor &x, const Tensor &scale, const Tensor *zeroPoint,
                                llvm::ArrayRef<int64_t> block, DataType type, bool saturate = true);

/// float(q - zeroPoint) * scale, in f32 (f64 for `F64` scales), rounded to
/// `resultType` (the type of the scale if nothing). The zero point has the type
/// of `q`, or is null; with float codes it must be zero.
llvm::Expected<Tensor> dequantize(const Tensor &q, const Tensor &scale, const Tensor *zeroPoint,
                                  llvm::ArrayRef<int64_t> block,
                                  std::optional<DataType> resultType = std::nullopt);

/// dequantize(quantize(x)), in the type of `x`.
llvm::Expected<Tensor> fakeQuantize(const Tensor &x, const Tensor &scale, const Tensor *zeroPoint,
                                    llvm::ArrayRef<int64_t> block, DataType type);

/// scale * (the entry of `table` next to x / scale), in the type of `x`: of two entries a < b the
/// upper one where the quotient is above (a + b) / 2, all in f32 (f64 if a type is `F64`). NaN
/// gives the first entry. `table` is [n] of floats, of which the first `entries` count.
llvm::Expected<Tensor> fakeQuantizeTable(const Tensor &x, const Tensor &scale, const Tensor &table,
                                         llvm::ArrayRef<int64_t> block, uint64_t entries);

struct DynamicQuantizeResult {
  Tensor q;
  /// Type of `x`; per block, rank 0 when `block` is empty.
  Tensor scale;
  /// Type of `q`, shape of `scale`; zeros when symmetric.
  Tensor zeroPoint;
};

/// Scales from the data, in f32 (f64 for `F64`). Symmetric (signed types):
/// scale = absmax / qmax, 1 where that is zero. Otherwise as ONNX
/// DynamicQuantizeLinear: lo = min(0, x), hi = max(0, x), scale =
/// (hi - lo) / (qmax - qmin), 1 if that is zero; zero point =
/// round_half_even(clamp(qmin - lo / scale)). The scale is rounded to the type
/// of `x` before it is used. NaNs do not count and become the zero point.
llvm::Expected<DynamicQuantizeResult>
dynamicQuantize(const Tensor &x, llvm::ArrayRef<int64_t> block, DataType type, bool symmetric);

/// table[code]: `table` is [n], or with a `block` the block grid of the codes
/// followed by n. A signed code counts as its unsigned bit pattern; codes of n
/// and more are errors. Any element type in the table.
llvm::Expected<Tensor> lookup(const Tensor &codes, const Tensor &table,
                              llvm::ArrayRef<int64_t> block = {});

/// table[code] * scale, in f32 (f64 for `F64`), rounded once to the float type of table and scale;
/// the table is as above, with `tableBlock`.
llvm::Expected<Tensor> lookup(const Tensor &codes, const Tensor &table, const Tensor &scale,
                              llvm::ArrayRef<int64_t> block,
                              llvm::ArrayRef<int64_t> tableBlock = {});

/// Vectors of values for codes. `tables` is [subspaces, codebooks, entries, dim] of floats; the
/// result has its type and is cut into vectors of `dim` elements (the last may be short) along
/// `axis`, where it has `length` elements. `codes` has the shape of the result with the number of
/// vectors along `axis`, and the codebooks as last dim. There is 1 subspace or one for each vector
/// along `axis`. An element is the sum over the codebooks, in order, times the scale of its block
/// if there is a scale (of the tables' type), in f32 (f64 for `F64`), rounded once. Codes count as
/// their unsigned bit patterns; codes beyond the entries are errors.
llvm::Expected<Tensor> lookupVectors(const Tensor &codes, const Tensor &tables, int64_t axis,
                                     int64_t length, const Tensor *scale = nullptr,
                                     llvm::ArrayRef<int64_t> block = {});

/// Length along the axis of the kept codes of a dense length: floor(length / m)
/// * n + min(n, length % m).
int64_t getNmCodeLength(int64_t length, int64_t n, int64_t m);
/// Bits of one position: max(1, ceil(log2(m))).
unsigned getNmPositionBits(int64_t m);
/// Shape of the metadata of codes of that shape (rank at least 1): the last dim
/// is ceil(dim * bits / 8) bytes, the others are those of the codes.
llvm::SmallVector<int64_t> getNmMetaShape(llvm::ArrayRef<int64_t> codesShape, int64_t m);

/// Inverse of N:M packing. Along `axis`, of dense length `denseLength`, groups
/// of `m` consecutive indices (the last may be short) keep min(n, size) codes
/// in increasing position. `codes` holds the kept codes, `meta` (`I8` or `U8`)
/// their positions in the group: for each row along the last dim of the codes,
/// fields of `getNmPositionBits(m)` bits, low bits first, each row padded to a
/// byte. `fill` is a one-element tensor of the type of the codes. 1 <= n <= m.
/// Positions that are out of range or do not increase are errors.
llvm::Expected<Tensor> expandNm(const Tensor &codes, const Tensor &meta, int64_t n, int64_t m,
                                int64_t axis, int64_t denseLength, const Tensor &fill);

/// Inverse of unstructured packing: `bitmap` (1-D, `I8` or `U8`, ceil(elements /
/// 8) bytes, low bits first) has a one for each element of the row-major dense
/// tensor that is the next of `codes` (1-D); the others are `fill`. The ones
/// must be as many as the codes.
llvm::Expected<Tensor> expandBitmap(const Tensor &codes, const Tensor &bitmap,
                                    llvm::ArrayRef<int64_t> shape, const Tensor &fill);

/// `x` where `mask` (`Bool`, broadcasts to `x`) is true, else 0. Any numeric type.
llvm::Expected<Tensor> mask(const Tensor &x, const Tensor &mask);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_QUANTIZATION_H
