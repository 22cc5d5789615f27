//===- ReorderChannels.h - carrying out a channel permutation --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REORDERCHANNELS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REORDERCHANNELS_H

#include "compress/Analysis/ChannelPermutationPlan.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// Changes all constants of `plan` and the statistics (or null) of its layers; `sources` is that of
/// `getSources`. Elements are moved, never computed. Fails with a diagnostic where bytes cannot be
/// read, before anything has changed.
LogicalResult reorderChannels(WeightStore &store, WeightSymbols &symbols,
                              const ChannelPermutationPlan &plan, ArrayRef<int32_t> sources,
                              Statistics *statistics);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_REORDERCHANNELS_H
