//===- Sequential.h - compressing layer after layer -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Methods such as GPTQ want the activations of a layer as the already compressed
// layers before it compute them. The main function is walked in stages:
//
//   stage k = the weighted ops whose inputs need no weighted op that is not
//             compressed yet (those of q, k and v are one stage),
//
// and for each stage
//
//   1. the part of the model between the last stage and the inputs of this one
//      is compiled and run over all samples. It starts from values that the
//      samples' earlier parts left in a cache and leaves those that later parts
//      need; nothing is computed twice. The cache spills to a file;
//   2. the inputs of the stage's ops are reduced to statistics, which the dialect
//      gets;
//   3. the stage is compressed.
//
// What follows the last stage is not run at all. Weighted ops in the bodies of If
// and Loop (and in called functions) belong to the stage of the op that holds
// them: that op is run once with observers before it is compressed.
//
// A weight that several ops use is compressed once, in the stage of its first
// use, with the statistics of the uses in that stage; later uses count as if they
// had the same inputs. A use in a later stage is a stage all the same, so that
// its input has statistics, too.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_SEQUENTIAL_H
#define COMPRESS_CALIBRATION_SEQUENTIAL_H

#include "compress/Calibration/Calibration.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"

namespace mlir {
namespace compress {

class StageLog;

/// A stage that is to be compressed.
class SequentialStage {
public:
  /// Number of the stage, from 0.
  size_t index = 0;
  /// Names of the weighted ops, in program order.
  std::vector<std::string> names;

  /// Whether `op` is compressed in this stage: the filter of `WeightRewriteOptions`.
  bool contains(const WeightedOp &op) const { return ops.contains(op.op); }
  /// Runs `step` on a weight, or, where an interrupted run has done so already, gives what it gave.
  /// From several threads.
  LogicalResult runStep(WeightStep step, WeightStore &store, const WeightTask &task,
                        WeightOutcome &outcome) const;

private:
  friend class SequentialDriver;
  llvm::SmallPtrSet<Operation *, 8> ops;
  StageLog *log = nullptr;
};

/// Compresses exactly the weighted ops that `stage` contains, with steps that go through
/// `stage.runStep`. Statistics are those of the dialect. Weighted ops stay in place: only what
/// their operands are computed from may change. A failure comes with a diagnostic.
using CompressStage = llvm::function_ref<LogicalResult(ModuleOp module, SequentialStage &stage)>;

struct SequentialOptions {
  int threads = 0;
  /// Sizes of symbolic dims of the inputs, as in `SessionOptions`.
  llvm::StringMap<int64_t> dims = {};
  /// What is collected of the input of an op; null: what its plan needs (`getNeededStatistics`).
  llvm::function_ref<Collect(const WeightedOp &)> collect = nullptr;
  /// Bytes of cached activations that are kept in memory; the rest goes to a temporary file.
  /// 0: everything in memory.
  uint64_t memoryLimit = 0;
  /// A folder (made if needed) for what is done of each stage, empty for none. A run with the same
  /// model, data and plans goes on where one with the same folder was interrupted, and gives the
  /// same bytes as one that was not. Anything else in the folder is an error.
  std::string resume;
  /// Part of what `resume` compares, besides model, data and plans: options of the caller.
  std::string recipe;
  /// Where progress goes; null: nowhere.
  Progress *progress = nullptr;
};

/// What the plan of an op needs to know of its input: the range and moments always, a Gram matrix
/// for GPTQ, GPTAQ and AdaRound and for pruning by second-order methods, a histogram or the moving
/// average for ranges of static activations.
Collect getNeededStatistics(const WeightedOp &op);
/// Whether the plan of `op` asks for GPTAQ, which also runs the uncompressed model.
bool needsUncompressed(const WeightedOp &op);

/// Compresses `module` (normalised, with plans) stage by stage; see the head of this file. The
/// statistics of the dialect are those of the stage while `compressStage` runs, and afterwards
/// those of all stages without their Gram matrices, besides what was there before. Ops with a plan
/// that the main function does not use are compressed in a last stage without statistics.
///
/// For ops whose plan says GPTAQ, the statistics have the cross matrix, for which the uncompressed
/// model is run in the same way (not for ops in bodies, which then get GPTQ). Errors: what
/// `Session` reports, samples that do not fit, an input without any finite value, a folder of
/// another run, files that cannot be written, a stage that fails.
llvm::Error compressSequentially(ModuleOp module, const CalibrationData &data,
                                 const SequentialOptions &options, CompressStage compressStage);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CALIBRATION_SEQUENTIAL_H
