//===- BiasCorrection.h - changing the bias of weighted ops ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_BIASCORRECTION_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_BIASCORRECTION_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// Why the bias of `op` cannot be changed; empty if it can. It can for linear, conv and
/// conv_transpose whose bias is constant or absent, and for matmul with a weight of rank 2 on its
/// right (which gets an addition after it).
std::string explainFixedBias(const WeightedOp &op);

/// Adds `delta[o]` to output channel `o` of an op for which `explainFixedBias` is empty: the
/// constant bias is replaced by a new one (the old one may have other users), or a new one made.
/// Computed in f64 and rounded once to the result's element type. Uses nothing of `op` but the op
/// itself and its name: the weight may have been replaced since it was made. A diagnostic if the
/// bytes cannot be read or the new bias is not finite in its type; nothing has changed then.
LogicalResult addBias(WeightStore &store, WeightSymbols &symbols, const WeightedOp &op,
                      ArrayRef<double> delta);

/// Why `computeBiasDelta` cannot say what quantization did to the mean of the outputs; empty if it
/// can. `input` has the statistics of the activation, or is null.
std::string explainUnknownMean(const WeightedOp &op, const TensorStatistics *input);

/// `(W - W^) E[x]` per output channel, where `original` and `quantized` are the dense weight before
/// and after, in the layout of `op.chain.root`, and E[x] comes from the sums per input channel.
/// Convolutions take the mean of an input channel at all kernel positions (exact without padding
/// and stride 1 up to the border); transposed ones meet each position once per stride.
std::vector<double> computeBiasDelta(const WeightedOp &op, const StoredTensor &original,
                                     const StoredTensor &quantized, const TensorStatistics &input);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_BIASCORRECTION_H
