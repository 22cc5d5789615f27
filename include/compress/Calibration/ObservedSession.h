//===- ObservedSession.h - a model that shows its activations --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_OBSERVEDSESSION_H
#define COMPRESS_CALIBRATION_OBSERVEDSESSION_H

#include "compress/Analysis/WeightChain.h"
#include "compress/Calibration/Calibration.h"
#include <map>

namespace mlir {
namespace compress {

/// How a weighted op reads its activation: where its channels are, and which vectors it contracts.
struct ActivationLayout {
  /// Dim of the channels.
  int64_t channelDim = 0;
  /// Whether a Gram matrix can say what is contracted: not of experts with activations of their
  /// own, nor of windows of other dialects.
  bool hasGram = true;
  /// Independent groups of channels (of a convolution).
  int64_t groups = 1;
  /// Windows of a convolution, one entry per spatial dim (`pads`: two, begins first); all empty:
  /// every vector of channels is contracted as it is.
  SmallVector<int64_t, 3> kernel, strides, dilations;
  SmallVector<int64_t, 6> pads;

  bool hasWindows() const { return !kernel.empty(); }
  bool operator==(const ActivationLayout &other) const = default;
};

/// The layout of the activation of `op`: the last dim of `linear` and `matmul` (the one before it
/// where the weight is on the left), dim 1 and the windows of `conv`, dim 1 of `conv_transpose`;
/// what the indexing maps of `linalg` ops say; for other ops the last dim, without a Gram matrix.
ActivationLayout getActivationLayout(const WeightedOp &op);

/// What is collected of one activation.
struct ObservationRequest {
  Collect collect = Collect::MinMax;
  ActivationLayout layout;
};

/// A compiled model whose activations are reduced to statistics while it runs. Memory does not grow
/// with the number of runs.
class ObservedSession {
public:
  /// Gets the value itself, as f32 or as the integers that it has; valid during the call.
  using Tap = std::function<llvm::Error(StringRef id, const TensorView &value)>;

  /// Compiles a copy of `module`, which stays as it is. `wanted` says what is collected, by id:
  /// "<op>:input" and "<op>:output" of weighted ops, or an id of a `compress.observe` that the
  /// module has already, whose channels are its last dim. The statistics that such an op asks for
  /// are not looked at. Errors: what `Session::create` reports, and an id that the module has not.
  static llvm::Expected<std::unique_ptr<ObservedSession>>
  create(ModuleOp module, const std::map<std::string, Collect> &wanted,
         const SessionOptions &options = {});
  ~ObservedSession();

  Session &getSession() { return *session; }

  /// Calls `tap` for every value with an id in `ids` (empty: all), before it is reduced.
  void setTap(Tap tap, ArrayRef<std::string> ids = {});

  /// Runs the model on one sample; see `Session::run`. Statistics grow.
  llvm::Expected<std::vector<HostTensor>> run(ArrayRef<TensorView> inputs);
  llvm::Expected<std::vector<HostTensor>>
  run(ArrayRef<std::pair<StringRef, TensorView>> namedInputs);

  /// Runs the model on all samples, one after the other, with progress as `what`, until `isEnough`
  /// says so after one. Errors name the sample.
  llvm::Error runAll(const CalibrationData &data, Progress *progress = nullptr, StringRef what = "",
                     llvm::function_ref<bool()> isEnough = nullptr);

  /// What the runs so far have shown, by id, an entry for every id of `wanted`. Those of one value
  /// that are contracted in the same way share it. Collecting starts anew.
  std::map<std::string, std::shared_ptr<const TensorStatistics>> takeStatistics();

private:
  ObservedSession();
  struct Impl;
  std::unique_ptr<Session> session;
  std::unique_ptr<Impl> impl;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CALIBRATION_OBSERVEDSESSION_H
