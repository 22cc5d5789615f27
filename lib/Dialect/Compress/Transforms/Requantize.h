//===- Requantize.h - other values in the format of a weight -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REQUANTIZE_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REQUANTIZE_H

#include "compress/Analysis/EncodedWeight.h"

namespace mlir {
namespace compress {

/// Why other values cannot be put into the format of `weight`; empty if they can. Weights with a
/// pattern or a mask, whose zeros would be filled, and with tables or codebooks that were made for
/// their old values cannot; nor can formats that are not recognised.
std::string explainNoRequantization(const EncodedWeight &weight);

/// Rounds `dense` (of type `weight.type`) to nearest in the format of `weight`, which has codes:
/// with the same type of codes, blocks and table, symmetric if it was, with new scales, which are
/// stored as the old ones were. Integer grids of symmetric weights follow the convention that the
/// codes show: signed maximum where a scale is negative or each block that is not zero has the
/// smallest code, full range where some block has it, else restricted; asymmetric ones include 0 in
/// the range. Ternary scales have the least squared error. `name` is for diagnostics. Failure comes
/// with one.
FailureOr<EncodedWeight> requantize(WeightStore &store, const EncodedWeight &weight,
                                    const StoredTensor &dense, StringRef name,
                                    EmitErrorFn emitError);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REQUANTIZE_H
