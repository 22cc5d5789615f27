//===- EncodingScalars.h - one element of the encoding ops ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `quantize`, `dequantize`, `fake_quantize` and `dynamic_quantize` compute for one element,
// bit for bit as lib/Reference. Native code and `compress-lower-decode` share it.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ENCODINGSCALARS_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ENCODINGSCALARS_H

#include "compress/Dialect/Compress/Transforms/ScalarBuilder.h"

namespace mlir {
namespace compress {

/// Code, in its compute type, of `value` (f32 or f64; what `scale` divides is of the wider type).
/// `zeroPoint` (null: 0) has the compute type of codes.
Value emitQuantize(ScalarBuilder &b, Value value, Value scale, Value zeroPoint, Type codes);

/// (code - zeroPoint) * scale in the type of `scale` (f32 or f64).
Value emitDequantize(ScalarBuilder &b, Value code, Value scale, Value zeroPoint, Type codes);

/// `value` through codes of type `codes` and back, in the compute type of `element`.
Value emitFakeQuantize(ScalarBuilder &b, Value value, Value scale, Value zeroPoint, Type codes,
                       Type element);

/// Scale times the entry of `table` (of `entries`, elements of type `element` in memory) next to
/// value / scale, see `compress.fake_quantize`.
Value emitFakeQuantizeTable(ScalarBuilder &b, Value value, Value scale, Value table, Type element,
                            int64_t entries);

/// Scale and zero point, as memory holds them, of `dynamic_quantize` for values of type `input`
/// from `low` to `high` (which include 0).
SmallVector<Value> emitDynamicParameters(ScalarBuilder &b, Value low, Value high, Type input,
                                         Type codes);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_ENCODINGSCALARS_H
