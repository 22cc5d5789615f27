//===- QuantizeWeight.h - codes of a weight by a specification ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_QUANTIZEWEIGHT_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_QUANTIZEWEIGHT_H

#include "MatrixView.h"
#include "compress/Algorithms/DoubleQuantization.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// The grid of a format that has one for every block (integers, floats, fixed tables), for a weight
/// of `elementType`. `getAbsMax` gives its largest magnitude, for formats with a factor of the
/// tensor.
CodeGrid makeFormatGrid(const QuantizeSpec &spec, DataType elementType,
                        llvm::function_ref<float()> getAbsMax);

/// Codes in row-major order of the weight, and the parameters of its blocks in that of the scales.
struct BlockCodes {
  std::vector<uint8_t> codes;
  std::vector<BlockParameters> blocks;
  /// What the scales of `blocks` are stored as, if they are quantized and that is known.
  std::optional<DoubleQuantizedScales> doubleScales;
};

/// Stores codes of `grid` for a weight of type `type`. Errors are not counted.
FailureOr<QuantizedParts> storeCodes(WeightStore &store, RankedTensorType type,
                                     const QuantizeSpec &spec, const CodeGrid &grid,
                                     ArrayRef<int64_t> block, const BlockCodes &codes,
                                     EmitErrorFn emitError);

/// Why a weight with codes is not encoded again.
std::string explainCodes(const EncodedWeight &weight);

/// The element of a dense float tensor that is not finite, if there is one.
std::optional<uint64_t> findNonFinite(const StoredTensor &dense);
/// Largest magnitude of finite values; 0 for none.
float getAbsMax(ArrayRef<float> values);
/// Sums of squared differences and of the squares of `before`.
std::pair<double, double> compareFloats(const StoredTensor &before, const StoredTensor &after);

/// What the activation of the users of a weight looked like: their Gram matrices are added.
struct InputStatistics {
  /// Of the first user; null if nothing is known.
  const TensorStatistics *first = nullptr;
  /// Per group of a convolution `[features, features]`; empty if some user has none. `own` holds
  /// the sum if there are several users.
  ArrayRef<float> gram, cross;
  std::vector<float> ownGram, ownCross;
  int64_t features = 0, groups = 0;
};
/// Statistics of the users' activations; `reason` says why there is no Gram matrix.
InputStatistics getInputStatistics(const Statistics *statistics, ArrayRef<WeightedOp> users,
                                   const MatrixView &view, std::string &reason);

/// Chooses codes by the method of `spec`, which is not round to nearest. `mask` has a byte per
/// element, 0 for pruned ones, or is empty. Nothing, with `reason`, if the method cannot work here
/// and round to nearest is to be used.
FailureOr<std::optional<QuantizedParts>>
quantizeByMethod(WeightStore &store, const StoredTensor &dense, const QuantizeSpec &spec,
                 const MatrixView &view, ArrayRef<int64_t> block, ArrayRef<uint8_t> mask,
                 const InputStatistics &input, ParallelFor parallelFor, std::string &reason,
                 std::string &note, EmitErrorFn emitError);

/// tr(E G E^T) and tr(W G W^T) for E = `quantized` - `dense`, summed over matrices.
std::pair<double, double> getOutputError(const MatrixView &view, const StoredTensor &dense,
                                         const StoredTensor &quantized,
                                         const InputStatistics &input);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_QUANTIZEWEIGHT_H
