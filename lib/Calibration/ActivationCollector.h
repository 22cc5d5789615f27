//===- ActivationCollector.h - activations to statistics -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_ACTIVATIONCOLLECTOR_H
#define COMPRESS_LIB_CALIBRATION_ACTIVATIONCOLLECTOR_H

#include "compress/Algorithms/ActivationStatistics.h"
#include "compress/Calibration/ObservedSession.h"

namespace mlir {
namespace compress {

/// Reduces the values of one activation, run by run, as its layout says.
class ActivationCollector {
public:
  /// `channels` is what an activation has that never comes; 0: not known.
  ActivationCollector(const ActivationLayout &layout, Collect collect, int64_t channels)
      : layout(layout), collect(collect), knownChannels(channels) {}

  const ActivationLayout &getLayout() const { return layout; }
  void addCollect(Collect more) { collect |= more; }
  /// With the Gram matrix also the cross matrix of GPTAQ, for which `add` gets `full`.
  void wantCross() { cross = true; }

  /// Adds the value of a run, dense and row-major. Errors: a rank or number of channels that does
  /// not fit, a Gram matrix that is too large. `full` is what the uncompressed model computes.
  llvm::Error add(const float *values, llvm::ArrayRef<int64_t> shape, ParallelFor parallelFor,
                  const float *full = nullptr);

  /// What was seen since the last call.
  TensorStatistics take();

private:
  llvm::Error start(int64_t channels);

  ActivationLayout layout;
  Collect collect;
  int64_t knownChannels;
  bool cross = false;
  std::optional<ActivationReducer> reducer;
  std::optional<GramReducer> gram;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_ACTIVATIONCOLLECTOR_H
