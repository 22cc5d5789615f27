//===- AccuracyGate.cpp - compress as much as the metric allows -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/AccuracyGate.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<MaxDrop> MaxDrop::parse(llvm::StringRef text) {
  MaxDrop drop;
  llvm::StringRef number = text.trim();
  drop.isRelative = number.consume_back("%");
  if (number.trim().getAsDouble(drop.value) || !std::isfinite(drop.value) || drop.value < 0)
    return makeError("expects a number that is not negative, such as 0.5% (of "
                     "the original's "
                     "metric) or 0.01, got '" +
                     text + "'");
  if (drop.isRelative)
    drop.value /= 100;
  return drop;
}

namespace {
/// The state of a search.
class Search {
public:
  Search(const GateOptions &options, const GateCallbacks &callbacks)
      : options(options), callbacks(callbacks) {}

  llvm::Expected<GateResult> run();

private:
  /// Measures the model without the first `numExcluded` layers of the ranking; whether it passes.
  llvm::Expected<bool> attempt(unsigned numExcluded);
  bool isBetter(const GateTrial &trial) const;
  bool hasTrials() const { return result.trials.size() < std::max(1u, options.maxTrials); }

  const GateOptions &options;
  const GateCallbacks &callbacks;
  GateResult result;
};
} // namespace

static llvm::Expected<double> checkMetric(llvm::Expected<double> metric, llvm::StringRef model) {
  if (metric && !std::isfinite(*metric))
    return makeError("the metric of the " + model + " is not finite");
  return metric;
}

bool Search::isBetter(const GateTrial &trial) const {
  if (result.trials.empty())
    return true;
  const GateTrial &best = result.trials[result.best];
  if (trial.passed != best.passed)
    return trial.passed;
  return trial.passed ? trial.numExcluded < best.numExcluded : trial.drop < best.drop;
}

llvm::Expected<bool> Search::attempt(unsigned numExcluded) {
  llvm::Expected<std::vector<std::string>> ranking =
      callbacks.compress(llvm::ArrayRef(result.ranking).take_front(numExcluded));
  if (!ranking)
    return ranking.takeError();
  if (result.trials.empty())
    result.ranking = std::move(*ranking);
  GateTrial trial;
  trial.numExcluded = numExcluded;
  llvm::Expected<double> metric = checkMetric(callbacks.measure(), "compressed model");
  if (!metric)
    return metric.takeError();
  trial.metric = *metric;
  trial.drop = options.isHigherBetter ? result.originalMetric - trial.metric
                                      : trial.metric - result.originalMetric;
  if (options.maxDrop.isRelative)
    trial.drop /= std::fabs(result.originalMetric);
  trial.passed = trial.drop <= options.maxDrop.value;
  trial.saved = isBetter(trial);
  if (trial.saved) {
    if (llvm::Error error = callbacks.save(trial))
      return error;
    result.best = result.trials.size();
  }
  result.trials.push_back(trial);
  if (callbacks.onTrial)
    callbacks.onTrial(trial);
  return trial.passed;
}

llvm::Expected<GateResult> Search::run() {
  llvm::Expected<double> original = checkMetric(callbacks.measureOriginal(), "original model");
  if (!original)
    return original.takeError();
  result.originalMetric = *original;
  if (options.maxDrop.isRelative && *original == 0)
    return makeError("a drop in percent has no meaning: the metric of the "
                     "original model is 0");

  // The fewest excluded layers that are known to pass, and the most that are known not to.
  unsigned missed = 0, passed = 0;
  llvm::Expected<bool> isPassed = attempt(0);
  if (!isPassed)
    return isPassed.takeError();
  unsigned numLayers = result.ranking.size();
  for (unsigned next = 1; !*isPassed && missed < numLayers && hasTrials(); next *= 2) {
    unsigned count = std::min(next, numLayers);
    isPassed = attempt(count);
    if (!isPassed)
      return isPassed.takeError();
    (*isPassed ? passed : missed) = count;
  }
  while (*isPassed && passed > missed + 1 && hasTrials()) {
    unsigned middle = missed + (passed - missed) / 2;
    llvm::Expected<bool> isMiddlePassed = attempt(middle);
    if (!isMiddlePassed)
      return isMiddlePassed.takeError();
    (*isMiddlePassed ? passed : missed) = middle;
  }
  result.passed = result.trials[result.best].passed;
  return std::move(result);
}

llvm::Expected<GateResult> mlir::compress::runAccuracyGate(const GateOptions &options,
                                                           const GateCallbacks &callbacks) {
  return Search(options, callbacks).run();
}

llvm::Expected<double> mlir::compress::parseMetric(llvm::StringRef text) {
  llvm::StringRef line = text.rtrim();
  line = line.substr(line.rfind('\n') + 1).trim();
  double value = 0;
  if (line.empty())
    return makeError("printed nothing; its last line must be the metric, a number");
  if (!line.getAsDouble(value) && std::isfinite(value))
    return value;
  std::string shown;
  for (char c : line.take_front(60))
    shown += llvm::isPrint(c) ? c : '?';
  return makeError("must print the metric, a finite number, on its last line, got '" + shown +
                   (line.size() > 60 ? "...'" : "'"));
}
