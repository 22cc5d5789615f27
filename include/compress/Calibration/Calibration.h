//===- Calibration.h - running a model to see its activations --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_CALIBRATION_H
#define COMPRESS_CALIBRATION_CALIBRATION_H

#include "compress/ExecutionEngine/Session.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/BitmaskEnum.h"

namespace mlir {
namespace compress {

class Progress;

/// Statistics that can be collected of an activation.
enum class Collect : uint32_t {
  None = 0,
  /// Smallest and largest value per channel, counts, values that are not finite. Always collected.
  MinMax = 1 << 0,
  MovingAverage = 1 << 1,
  /// Sums of values, magnitudes and squares per channel.
  Moments = 1 << 2,
  Histogram = 1 << 3,
  Gram = 1 << 4,
  /// Of embeddings whose indices are an input of the model: how often each index is used.
  Counts = 1 << 5,
  LLVM_MARK_AS_BITMASK_ENUM(Counts)
};
LLVM_ENABLE_BITMASK_ENUMS_IN_NAMESPACE();

/// Reads the value of `--collect`: names separated by commas out of minmax, moving_average,
/// moments, histogram, gram, counts. Errors name the unknown word and the known ones.
llvm::Expected<Collect> parseCollect(llvm::StringRef text);

/// Samples for calibration: named inputs of a model, one run each. Read again and again; memory
/// holds one sample at a time where they come from files.
class CalibrationData {
public:
  virtual ~CalibrationData() = default;
  virtual uint64_t getNumSamples() const = 0;
  /// The inputs of a run, by name. Errors name the file.
  virtual llvm::Expected<std::vector<std::pair<std::string, HostTensor>>>
  getSample(uint64_t index) const = 0;
  /// What a run is called in messages: "sample 3 of 64", and its file if it has one.
  virtual std::string getSampleName(uint64_t index) const;
  /// Hash of names, sizes and contents: what `--resume` compares.
  virtual llvm::Expected<uint64_t> getFingerprint() const = 0;
};

/// Opens `path`: a `.npz` file keyed by input name, whose arrays have one more leading dim
/// (samples) or whose leading dim is cut into runs of `batch` (0: as many as the model's input
/// says, 1 where it is dynamic); a folder of `.npz` files, one run each, in order of their names;
/// or a text file with one path per line, relative to it. `specs` are the model's inputs: wrong
/// names, types, ranks and sizes are errors that say what was expected and found. At most `limit`
/// samples (0: all).
llvm::Expected<std::unique_ptr<CalibrationData>>
openCalibrationData(llvm::StringRef path, llvm::ArrayRef<TensorSpec> specs, uint64_t limit = 0,
                    uint64_t batch = 0);

/// How a model is calibrated.
struct CalibrationOptions {
  Collect collect = Collect::MinMax;
  int threads = 0;
  /// Names (globs) of ops whose inputs are observed; empty: those with a `compress.plan`, or all
  /// weighted ops if none has one.
  std::vector<std::string> ops;
  /// Also observe the results of these ops.
  bool outputs = false;
  /// Sizes of symbolic dims of the inputs, as in `SessionOptions`.
  llvm::StringMap<int64_t> dims = {};
  /// Where progress goes; null: nowhere.
  Progress *progress = nullptr;
};

/// Runs `module` (normalised; it stays as it is) over all samples and gives the statistics of the
/// activations of its weighted ops. An op that was never run (an unseen branch) has an entry with 0
/// vectors. Errors: what `Session` reports, data that do not fit, an activation without any finite
/// value.
llvm::Expected<Statistics> collectStatistics(ModuleOp module, const CalibrationData &data,
                                             const CalibrationOptions &options);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CALIBRATION_CALIBRATION_H
