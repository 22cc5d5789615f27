//===- SparseCodes.cpp - codes with relative indices ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SparseCodes.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::compress;

RelativeIndexCounts mlir::compress::countRelativeIndices(const GapCounts &gaps, unsigned bits) {
  const size_t span = size_t(1) << bits;
  RelativeIndexCounts result;
  result.steps.assign(span, 0);
  for (auto [gap, count] : llvm::enumerate(gaps.getCounts())) {
    result.steps[gap % span] += count;
    result.paddings += gap / span * count;
    result.entries += count;
  }
  result.steps[span - 1] += result.paddings;
  result.entries += result.paddings;
  return result;
}
