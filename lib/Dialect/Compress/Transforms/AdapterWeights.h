//===- AdapterWeights.h - adding low-rank updates to weights -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the passes that merge and unmerge adapters share: W + s B A, for weights of any layout and
// storage, and the new weight in place of the old one.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERWEIGHTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERWEIGHTS_H

#include "compress/Analysis/Adapters.h"
#include "compress/Analysis/EncodedWeight.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// A product s B A. With groups (of a convolution), output o takes the ranks of its group only.
struct LowRankUpdate {
  /// Ranks of one group.
  size_t rank = 0, groups = 1;
  /// `[groups * rank, inputs]`, inputs in the order of the columns of a `MatrixView`.
  std::vector<double> a;
  /// `[outputs, rank]`.
  std::vector<double> b;
  /// s; negative to subtract.
  double scale = 1;
};

/// The update of an adapter of the module. Failure, with a diagnostic, if a factor cannot be read
/// or is not finite.
FailureOr<LowRankUpdate> readUpdate(WeightStore &store, const Adapter &adapter,
                                    EmitErrorFn emitError);

/// What became of a weight.
struct UpdatedWeight {
  /// The new weight; nothing if all updates are zero (the old one stays bit for bit) or `skipped`
  /// says why it cannot be updated. `isNew` also when it is written and gone.
  std::optional<EncodedWeight> weight;
  bool isNew = false;
  std::string skipped;
  /// Weights with codes: relative error of the new weight against the exact sum.
  std::optional<double> relativeError;
  uint64_t bytesBefore = 0, bytesAfter = 0;
};

/// W + updates, computed in f64 and rounded once to what is stored; codes are decoded and quantized
/// again in their format (Requantize.h). Elements that do not change keep their bits. Failure comes
/// with a diagnostic.
FailureOr<UpdatedWeight> updateWeight(WeightStore &store, const WeightedOp &base,
                                      ArrayRef<LowRankUpdate> updates, EmitErrorFn emitError);

/// Puts new weights in place, op by op.
class WeightReplacer {
public:
  explicit WeightReplacer(ModuleOp module);

  /// Writes `weight` and makes it the weight of `op`.
  void replace(WeightStore &store, const WeightedOp &op, EncodedWeight &weight);
  /// Makes what was written for `from` the weight of `op`, which decodes the same bytes.
  void reuse(const WeightedOp &from, const WeightedOp &op);
  /// Removes what is dead, and gives new weights the names of those they stand for, where these are
  /// gone.
  void finish();
  WeightSymbols &getSymbols() { return symbols; }

private:
  void use(const WeightedOp &op, Value root);

  ModuleOp module;
  WeightSymbols symbols;
  llvm::DenseSet<StringAttr> before;
  /// Ops that were made for an op, and the value they end in.
  llvm::DenseMap<Operation *, std::pair<SmallVector<Operation *>, Value>> written;
};

/// Emits the remark and the lines of the report about `result`, the new weight of `users`, in the
/// category `adapters`: `done` or, with the reason, `notDone`. `moreBytes` had also been stored
/// before. To be called when the new weights are in place and the old ones are not removed.
void tellUpdate(ModuleOp module, StringRef passName, ArrayRef<const WeightedOp *> users,
                const UpdatedWeight &result, const Twine &done, const Twine &notDone,
                uint64_t moreBytes = 0);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERWEIGHTS_H
