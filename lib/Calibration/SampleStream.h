//===- SampleStream.h - all samples on their way through a model -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_SAMPLESTREAM_H
#define COMPRESS_LIB_CALIBRATION_SAMPLESTREAM_H

#include "ActivationCache.h"
#include "compress/Analysis/StageGraph.h"
#include "compress/Calibration/ObservedSession.h"
#include <functional>

namespace mlir {
namespace compress {

/// The samples at the border between what has been run of a model and what has not.
class SampleStream {
public:
  struct Options {
    int threads = 0;
    llvm::StringMap<int64_t> dims;
    uint64_t memoryLimit = 0;
  };
  /// The value of the current sample: one of the border, or an argument of the main function.
  using Lookup = std::function<llvm::Expected<HostTensor>(Value value)>;
  using Visitor = llvm::function_ref<llvm::Error(uint64_t sample, const Lookup &lookup)>;

  /// `pending` holds the weighted ops that end the stages. Errors: no main function.
  static llvm::Expected<std::unique_ptr<SampleStream>> create(ModuleOp module,
                                                              const CalibrationData &data,
                                                              llvm::DenseSet<Operation *> pending,
                                                              const Options &options);

  StageGroup findGroup() const { return StageGraph(function, pending).findGroup(); }
  size_t countGroups() const { return StageGraph(function, pending).countGroups(); }
  bool isFixed(Value value) const { return StageGraph(function, pending).isFixed(value); }
  /// Runs all samples up to the ops of the next group, which may have changed what was before, and
  /// shows each to `visit`. Errors: what `Session` reports, with the sample.
  llvm::Error advance(Visitor visit);
  /// The ops of a group do not end a stage any more.
  void markDone(const StageGroup &group);
  /// A value at the border.
  llvm::Expected<HostTensor> lookup(uint64_t sample, Value value);
  /// Runs what computes `outputs` from the border, with observers, and forgets the outputs.
  llvm::Expected<std::map<std::string, std::shared_ptr<const TensorStatistics>>>
  observe(ArrayRef<Value> outputs, const std::map<std::string, Collect> &wanted);

private:
  SampleStream(ModuleOp module, func::FuncOp function, const CalibrationData &data,
               llvm::DenseSet<Operation *> pending, const Options &options)
      : module(module), function(function), data(data), pending(std::move(pending)),
        options(options), cache(options.memoryLimit) {}
  using Sample = std::vector<std::pair<std::string, HostTensor>>;
  /// The argument of a sample that has been read.
  llvm::Expected<HostTensor> getArgument(const Sample &sample, Value argument) const;
  llvm::Expected<HostTensor> find(uint64_t index, std::optional<Sample> &sample, Value value);
  /// Inputs of a part for a sample.
  llvm::Expected<std::vector<HostTensor>> getInputs(uint64_t index, std::optional<Sample> &sample,
                                                    const StagePart &part);
  llvm::Expected<SessionOptions> prepare(StagePart &part);
  llvm::Error fail(uint64_t sample, llvm::Error error) const;

  ModuleOp module;
  func::FuncOp function;
  const CalibrationData &data;
  llvm::DenseSet<Operation *> pending;
  Options options;
  ActivationCache cache;
  /// Values at the border that are cached.
  llvm::DenseMap<Value, unsigned> slots;
  unsigned nextSlot = 0;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_SAMPLESTREAM_H
