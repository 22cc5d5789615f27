//===- WeightUnits.h - all users of a stored weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_WEIGHTUNITS_H
#define COMPRESS_ANALYSIS_WEIGHTUNITS_H

#include "compress/Analysis/WeightChain.h"

namespace mlir {
namespace compress {

/// One stored weight with everything that uses it: tied weights have several users.
struct WeightUnit {
  /// Weighted ops, in program order; never empty.
  std::vector<WeightedOp> users;
  /// A use that is not the weight operand of a weighted op, or null.
  Operation *otherUser = nullptr;
};

/// Weighted ops below `root` by stored weight, in program order of the first use. Loads of one
/// symbol are the same weight.
std::vector<WeightUnit> gatherWeightUnits(Operation *root);

/// Whether two chains decode the same bytes in the same way.
bool isSameDecoding(const WeightChain &a, const WeightChain &b);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_WEIGHTUNITS_H
