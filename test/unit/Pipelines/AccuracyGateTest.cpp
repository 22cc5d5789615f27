//===- AccuracyGateTest.cpp - the search for what to leave alone ----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/AccuracyGate.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <chrono>
#include <cmath>

using namespace mlir::compress;

namespace {

/// A model whose layers each cost something of the metric when they are compressed.
struct FakeModel {
  double original = 0.9;
  std::vector<double> costs;
  bool isHigherBetter = true;
  /// What happened.
  std::vector<unsigned> tried;
  std::vector<unsigned> saved;

  GateCallbacks getCallbacks() {
    GateCallbacks callbacks;
    callbacks.measureOriginal = [this]() -> llvm::Expected<double> { return original; };
    callbacks.compress =
        [this](llvm::ArrayRef<std::string> excluded) -> llvm::Expected<std::vector<std::string>> {
      tried.push_back(excluded.size());
      std::vector<std::string> names;
      for (size_t i = 0; i < costs.size(); ++i)
        names.push_back("layer" + std::to_string(i));
      for (size_t i = 0; i < excluded.size(); ++i)
        EXPECT_EQ(excluded[i], names[i]);
      return names;
    };
    callbacks.measure = [this]() -> llvm::Expected<double> {
      double loss = 0;
      for (size_t i = tried.back(); i < costs.size(); ++i)
        loss += costs[i];
      return isHigherBetter ? original - loss : original + loss;
    };
    callbacks.save = [this](const GateTrial &trial) {
      EXPECT_EQ(trial.numExcluded, tried.back());
      saved.push_back(trial.numExcluded);
      return llvm::Error::success();
    };
    return callbacks;
  }
};

template <typename T>
std::string getMessage(llvm::Expected<T> value) {
  return value ? "no error" : llvm::toString(value.takeError());
}

} // namespace

static GateResult run(FakeModel &model, MaxDrop maxDrop, unsigned maxTrials = 20) {
  GateOptions options;
  options.maxDrop = maxDrop;
  options.isHigherBetter = model.isHigherBetter;
  options.maxTrials = maxTrials;
  return llvm::cantFail(runAccuracyGate(options, model.getCallbacks()));
}

TEST(AccuracyGate, NothingToExclude) {
  FakeModel model{.costs = {0.001, 0.001}};
  GateResult result = run(model, {0.01, false});
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(model.tried, (std::vector<unsigned>{0}));
  EXPECT_EQ(model.saved, (std::vector<unsigned>{0}));
  EXPECT_TRUE(result.getExcluded().empty());
  EXPECT_NEAR(result.trials[0].drop, 0.002, 1e-12);
}

/// The smallest number of excluded layers is found, with few measurements.
TEST(AccuracyGate, FindsTheFewestLayers) {
  for (unsigned count : {1, 2, 3, 7, 100})
    for (unsigned needed = 0; needed <= count; ++needed) {
      FakeModel model;
      // The first `needed` layers cost too much each.
      for (unsigned i = 0; i < count; ++i)
        model.costs.push_back(i < needed ? 1.0 : 1e-4);
      GateResult result = run(model, {0.5, false}, 100);
      EXPECT_TRUE(result.passed);
      EXPECT_EQ(result.getExcluded().size(), needed) << count;
      EXPECT_EQ(model.saved.back(), needed);
      EXPECT_LE(model.tried.size(), 2 + 2 * std::log2(needed + 1) + 1) << needed;
      // No measurement twice.
      std::vector<unsigned> sorted = model.tried;
      std::sort(sorted.begin(), sorted.end());
      EXPECT_EQ(std::unique(sorted.begin(), sorted.end()), sorted.end());
    }
}

TEST(AccuracyGate, LowerIsBetterAndPercent) {
  // Perplexity 10, 1 % is 0.1.
  FakeModel model{.original = 10, .costs = {0.5, 0.2, 0.06, 0.03}, .isHigherBetter = false};
  GateResult result = run(model, llvm::cantFail(MaxDrop::parse("1%")));
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(result.getExcluded().vec(), (std::vector<std::string>{"layer0", "layer1"}));
  EXPECT_NEAR(result.trials[result.best].drop, 0.009, 1e-9);
  EXPECT_EQ(result.originalMetric, 10);
}

/// The best model is saved although none holds the gate.
TEST(AccuracyGate, MissedKeepsTheBest) {
  FakeModel model{.costs = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}};
  GateResult result = run(model, {0.05, false}, /*maxTrials=*/3);
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(model.tried, (std::vector<unsigned>{0, 1, 2}));
  EXPECT_EQ(model.saved, (std::vector<unsigned>{0, 1, 2}));
  EXPECT_EQ(result.getExcluded().size(), 2u);
}

/// A metric that gets worse when layers are excluded: what is saved is the best that was seen.
TEST(AccuracyGate, NotMonotone) {
  FakeModel model{.costs = {-0.2, 0.3, 0.1}};
  GateResult result = run(model, {0.01, false});
  // Excluding all three is the original.
  EXPECT_TRUE(result.passed);
  EXPECT_EQ(model.tried, (std::vector<unsigned>{0, 1, 2, 3}));
  EXPECT_EQ(model.saved, (std::vector<unsigned>{0, 2, 3}));
  EXPECT_EQ(result.getExcluded().size(), 3u);
}

TEST(AccuracyGate, Errors) {
  GateOptions options;
  options.maxDrop = {0.01, true};
  FakeModel zero{.original = 0, .costs = {1}};
  EXPECT_EQ(getMessage(runAccuracyGate(options, zero.getCallbacks())),
            "a drop in percent has no meaning: the metric of the original "
            "model is 0");
  FakeModel nan{.original = std::nan(""), .costs = {1}};
  EXPECT_EQ(getMessage(runAccuracyGate(options, nan.getCallbacks())),
            "the metric of the original model is not finite");
  FakeModel infinite{.costs = {INFINITY}};
  EXPECT_EQ(getMessage(runAccuracyGate(options, infinite.getCallbacks())),
            "the metric of the compressed model is not finite");
  // The first model stays saved when the second one cannot be measured.
  FakeModel failing{.costs = {0.1, 0.2}};
  GateCallbacks callbacks = failing.getCallbacks();
  auto measure = callbacks.measure;
  callbacks.measure = [&]() -> llvm::Expected<double> {
    if (failing.tried.size() == 2)
      return llvm::createStringError("the disk is full");
    return measure();
  };
  EXPECT_EQ(getMessage(runAccuracyGate(options, callbacks)), "the disk is full");
  EXPECT_EQ(failing.saved, (std::vector<unsigned>{0}));
}

TEST(AccuracyGate, ParsesDrops) {
  MaxDrop drop = llvm::cantFail(MaxDrop::parse("0.5%"));
  EXPECT_TRUE(drop.isRelative);
  EXPECT_DOUBLE_EQ(drop.value, 0.005);
  drop = llvm::cantFail(MaxDrop::parse("0.01"));
  EXPECT_FALSE(drop.isRelative);
  EXPECT_EQ(drop.value, 0.01);
  EXPECT_EQ(llvm::cantFail(MaxDrop::parse("0")).value, 0.0);
  for (const char *bad : {"", "%", "-1%", "abc", "nan", "inf%", "1%%", "1 point"})
    EXPECT_EQ(getMessage(MaxDrop::parse(bad)),
              std::string("expects a number that is not negative, such as 0.5% "
                          "(of the original's "
                          "metric) or 0.01, got '") +
                  bad + "'");
}

TEST(AccuracyGate, ParsesMetrics) {
  EXPECT_EQ(llvm::cantFail(parseMetric("loading\n0.5\n")), 0.5);
  EXPECT_EQ(llvm::cantFail(parseMetric("-1e-3  \n\n")), -1e-3);
  EXPECT_EQ(getMessage(parseMetric("accuracy: 0.5")),
            "must print the metric, a finite number, on its last line, got "
            "'accuracy: 0.5'");
  EXPECT_EQ(getMessage(parseMetric("0.5\nnan\n")),
            "must print the metric, a finite number, on its last line, got 'nan'");
  EXPECT_EQ(getMessage(parseMetric("\n \n")),
            "printed nothing; its last line must be the metric, a number");
}

TEST(MetricCommand, Runs) {
  EXPECT_EQ(llvm::cantFail(runMetricCommand("echo start; echo 0.25 # {model}", "m", 0)), 0.25);
  EXPECT_EQ(llvm::cantFail(runMetricCommand("echo start; echo 0.25 # {model}", "m", 60)), 0.25);
}

TEST(MetricCommand, ReplacesTheModel) {
  EXPECT_EQ(llvm::cantFail(runMetricCommand("printf %s {model} | wc -c", "a b'c$d", 60)), 7);
  EXPECT_EQ(llvm::cantFail(runMetricCommand("test {model} = {model} && echo 1", "x y", 60)), 1);
}

TEST(MetricCommand, Errors) {
  EXPECT_EQ(getMessage(runMetricCommand("exit 3 # {model}", "m", 60)),
            "metric command 'exit 3 # {model}' failed with exit code 3");
  EXPECT_EQ(getMessage(runMetricCommand("kill -9 $$ # {model}", "m", 60)),
            "metric command 'kill -9 $$ # {model}' was ended by signal 9");
  EXPECT_EQ(getMessage(runMetricCommand("echo 1", "m", 60)),
            "metric command 'echo 1' has no place for the model: expects "
            "{model} in it");
  EXPECT_EQ(getMessage(runMetricCommand("echo good # {model}", "m", 60)),
            "metric command 'echo good # {model}' must print the metric, a "
            "finite number, on its "
            "last line, got 'good'");
  EXPECT_EQ(getMessage(runMetricCommand("cat /dev/zero # {model}", "m", 60)),
            "metric command 'cat /dev/zero # {model}' prints more than 1 MiB");
}

/// Also when a child of the command keeps its output open, or the command closes it.
TEST(MetricCommand, Timeout) {
  for (std::string command : {"sleep 100 # {model}", "sleep 100 & echo 1 # {model}",
                              "exec >/dev/null; sleep 100 # {model}"}) {
    auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(getMessage(runMetricCommand(command, "m", 1)),
              "metric command '" + command + "' took more than 1 seconds (--metric-timeout)");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  }
}
