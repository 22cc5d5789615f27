//===- AccuracyGate.h - compress as much as the metric allows ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `--max-drop`: a model is compressed and measured; while its metric is too far
// from that of the original, the layers that suffer most are left alone. How
// many is found on the ranking of the layers: 1, 2, 4, ... of the worst until
// the gate holds, then bisection between the last miss and the hit, so about 2
// log2(layers) measurements. That the metric improves with the number of
// excluded layers is assumed to choose what is tried next, never of a model
// that is kept: each kept one was measured.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_ACCURACYGATE_H
#define COMPRESS_PIPELINES_ACCURACYGATE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <functional>
#include <string>
#include <vector>

namespace mlir::compress {

/// How much a metric may lose.
struct MaxDrop {
  double value = 0;
  /// Whether `value` is a fraction of the original's metric (`0.5%` is 0.005 of it).
  bool isRelative = false;

  /// Reads "0.5%" or "0.01": a finite number that is not negative.
  static llvm::Expected<MaxDrop> parse(llvm::StringRef text);
};

/// One measurement.
struct GateTrial {
  /// Layers that were left alone: the first ones of the ranking.
  unsigned numExcluded = 0;
  double metric = 0;
  /// How much worse than the original, in the unit of `MaxDrop`; negative: better.
  double drop = 0;
  bool passed = false;
  /// Whether the model became the best so far and was saved.
  bool saved = false;
};

struct GateOptions {
  MaxDrop maxDrop;
  bool isHigherBetter = true;
  /// Most measurements of compressed models, at least 1.
  unsigned maxTrials = 20;
};

/// What the gate works on.
struct GateCallbacks {
  /// Metric of the original model; finite.
  std::function<llvm::Expected<double>()> measureOriginal;
  /// Compresses the original model without these layers. Returns the layers that were compressed,
  /// those that suffer most first; only the first call's ranking is used.
  std::function<llvm::Expected<std::vector<std::string>>(llvm::ArrayRef<std::string> excluded)>
      compress;
  /// Metric of the model of the last `compress`; finite.
  std::function<llvm::Expected<double>()> measure;
  /// Keeps the model of the last `compress`: it is the best so far.
  std::function<llvm::Error(const GateTrial &)> save;
  /// Told of every measured trial; may be null.
  std::function<void(const GateTrial &)> onTrial = nullptr;
};

/// What came out.
struct GateResult {
  bool passed = false;
  double originalMetric = 0;
  /// In the order that they were made.
  std::vector<GateTrial> trials;
  /// Index of the trial that was saved last.
  size_t best = 0;
  /// Layers, worst first, and those that the best model leaves alone.
  std::vector<std::string> ranking;
  llvm::ArrayRef<std::string> getExcluded() const {
    return llvm::ArrayRef(ranking).take_front(trials[best].numExcluded);
  }
};

/// Searches. A model that passes is better the fewer layers it excludes; while none passes, the one
/// with the smallest drop is the best. At least one model is saved unless an error is returned, and
/// what was saved before an error stays saved. Errors are those of the callbacks, and a metric that
/// is not finite. A relative drop of a metric of 0 is an error.
llvm::Expected<GateResult> runAccuracyGate(const GateOptions &options,
                                           const GateCallbacks &callbacks);

/// The number on the last line of `text` that is not blank: "accuracy: 0.93" is an error, "0.93" is
/// not. Errors quote the line.
llvm::Expected<double> parseMetric(llvm::StringRef text);

/// Runs `command` in the shell, with every `{model}` replaced by the quoted `model` (there must be
/// one), and reads the metric from its standard output. Standard error is passed on. Errors:
/// nothing to replace, a command that cannot be started, fails, is killed, takes more than
/// `timeoutSeconds` (0: no limit; the command and its children are ended), prints more than 1 MiB,
/// or does not end with a number.
llvm::Expected<double> runMetricCommand(llvm::StringRef command, llvm::StringRef model,
                                        unsigned timeoutSeconds);

} // namespace mlir::compress

#endif // COMPRESS_PIPELINES_ACCURACYGATE_H
