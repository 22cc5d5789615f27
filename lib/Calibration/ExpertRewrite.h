//===- ExpertRewrite.h - weights of mixtures of experts ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_EXPERTREWRITE_H
#define COMPRESS_LIB_CALIBRATION_EXPERTREWRITE_H

#include "compress/Algorithms/ExpertPruning.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Support/Report.h"

namespace mlir {
namespace compress {

/// Whether a specification is about experts.
inline bool isExpertSpec(const PruneSpec &spec) { return spec.pattern == PrunePattern::Expert; }

/// How the layer sends tokens to experts.
ExpertRouting getRouting(MoeOp op);

/// The weights of a layer as floats.
class ExpertStore {
public:
  /// Errors, reported at `op`: a weight that is not stored, or is compressed already.
  static FailureOr<ExpertStore> read(MoeOp op);

  const ExpertWeights &get() const { return weights; }
  /// Lines of the report without what was done: router, w1, w3 (if there is one) and w2, under the
  /// names of the ops that they were raised from.
  SmallVector<LayerReport, 4> getReports(MoeOp op) const;

private:
  ExpertWeights weights;
  std::vector<float> router, bias, w1, w3, w2;
};

/// Replaces the weights of `op` by new ones that have the experts with `kept[e] != 0` only.
/// Failures are reported.
LogicalResult keepExperts(MoeOp op, ArrayRef<uint8_t> kept);

/// Removes plans to prune experts from the parts of `op`.
void forgetExpertPlans(MoeOp op);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_EXPERTREWRITE_H
