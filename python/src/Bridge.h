//===- Bridge.h - what the Python module sees of the compiler --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Only the standard library: the Python module is compiled with exceptions and RTTI, the compiler
// without. All functions may be called without the GIL and from several threads.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PYTHON_SRC_BRIDGE_H
#define COMPRESS_PYTHON_SRC_BRIDGE_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace compress_python {

/// An error; `isUnsupported` if the input is fine but cannot be handled.
struct Failure {
  std::string message;
  bool isUnsupported = false;
};
template <typename T>
using Result = std::variant<T, Failure>;

/// A tensor in memory. `type` is the name of the element type in MLIR ("f32", "ui8", "i1").
struct Tensor {
  std::string type;
  void *data = nullptr;
  std::vector<int64_t> shape;
  /// In bytes; empty: dense, row-major.
  std::vector<int64_t> strides;
  /// Keeps `data`; null if somebody else does.
  std::shared_ptr<void> owner;
};

/// An input or output; a size of -1 is known only in a run.
struct Spec {
  std::string name, type;
  std::vector<int64_t> shape;
  std::vector<std::string> dims;
};

struct CompileSettings {
  int threads = 0;
  std::string target = "host";
  std::map<std::string, int64_t> dims;
};

/// Sizes of a saved session in bytes; see compress/ExecutionEngine/Archive.h.
struct ArchiveSizes {
  uint64_t raw = 0, stored = 0, rawWeights = 0, storedWeights = 0, file = 0;
};

struct SessionState;
/// See compress/ExecutionEngine/Session.h.
class Session {
public:
  explicit Session(std::unique_ptr<SessionState> state);
  ~Session();
  static Result<std::shared_ptr<Session>> load(const std::string &path, int threads);

  std::vector<Spec> getInputs() const;
  std::vector<Spec> getOutputs() const;
  int getThreads() const;
  /// The plan as text.
  std::string getPlan() const;
  /// Outputs in the order of `getOutputs`. Float types that NumPy lacks go in and out as f32.
  Result<std::vector<Tensor>> run(const std::vector<std::pair<std::string, Tensor>> &inputs);
  /// `encoding` is "raw" or "huffman".
  Result<ArchiveSizes> save(const std::string &path, const std::string &encoding) const;

private:
  std::unique_ptr<SessionState> state;
};

/// See compress/Pipelines/Pipelines.h; paths and texts may be empty.
struct CompressSettings {
  std::string quantize, prune, lowRank, share, recipe;
  std::vector<std::string> exclude;
  std::string calibration, statistics, resume;
  uint64_t samples = 0;
  bool requantize = false;
};

/// What calibration saw of one activation; see compress/Support/Statistics.h.
struct Activation {
  uint64_t vectors = 0, runs = 0, nonFinite = 0, gramVectors = 0;
  int64_t channels = 0, features = 0, groups = 0;
  double histogramLow = 0, histogramHigh = 0;
  /// What was collected, by name: min, max, moving_range, sum, sum_abs, sum_squares, histogram,
  /// gram, cross.
  std::vector<std::pair<std::string, Tensor>> arrays;
};

struct StatisticsState;
/// Statistics of a model. Immutable.
class Statistics {
public:
  explicit Statistics(std::unique_ptr<StatisticsState> state);
  ~Statistics();
  static Result<std::shared_ptr<Statistics>> load(const std::string &path);
  std::optional<Failure> save(const std::string &path) const;

  std::vector<std::string> getKeys() const;
  std::optional<Activation> get(const std::string &key) const;
  uint64_t getSamples() const;
  /// What collecting had to say.
  std::vector<std::string> getWarnings() const;

private:
  std::unique_ptr<StatisticsState> state;
};

struct CalibrationSettings {
  std::string collect;
  std::vector<std::string> ops;
  bool outputs = false;
  int threads = 0;
  uint64_t samples = 0;
  std::map<std::string, int64_t> dims;
  /// A file or folder; empty: samples in memory.
  std::string path;
};
using Sample = std::vector<std::pair<std::string, Tensor>>;

struct ModelState;
/// A model as a module of the compiler. Immutable.
class Model {
public:
  explicit Model(std::unique_ptr<ModelState> state);
  ~Model();
  /// Reads a file .onnx, .mlir or .mlirbc.
  static Result<std::shared_ptr<Model>> load(const std::string &path);
  /// Reads a serialized ONNX model.
  static Result<std::shared_ptr<Model>> parse(const std::string &bytes);

  Result<std::shared_ptr<Model>> compress(const CompressSettings &settings) const;
  Result<std::shared_ptr<Session>> compile(const CompileSettings &settings) const;
  /// Runs the model over the samples of a file, or over `samples`.
  Result<std::shared_ptr<Statistics>> calibrate(const CalibrationSettings &settings,
                                                const std::vector<Sample> &samples) const;
  /// Writes .onnx, .mlir or .mlirbc.
  std::optional<Failure> save(const std::string &path, const std::string &form) const;
  /// Groups of the dependency graph as JSON; see compress/Analysis/DependencyGraph.h.
  Result<std::string> getGroups() const;
  /// What compression did, as JSON; "" if the model was not compressed.
  std::string getReport() const;

private:
  std::unique_ptr<ModelState> state;
};

/// See compress/Pipelines/AccuracyGate.h. Hooks may be called on the calling thread only.
struct GateSettings {
  std::string maxDrop;
  bool isHigherBetter = true;
  unsigned maxTrials = 20;
};
struct GateHooks {
  std::function<Result<double>()> measureOriginal, measure;
  std::function<Result<std::vector<std::string>>(const std::vector<std::string> &)> compress;
  std::function<std::optional<Failure>()> save;
};
struct GateTrial {
  unsigned numExcluded = 0;
  double metric = 0, drop = 0;
  bool passed = false;
};
struct GateOutcome {
  bool passed = false;
  double originalMetric = 0;
  std::vector<GateTrial> trials;
  size_t best = 0;
  std::vector<std::string> ranking;
};
Result<GateOutcome> runAccuracyGate(const GateSettings &settings, const GateHooks &hooks);

} // namespace compress_python

#endif // COMPRESS_PYTHON_SRC_BRIDGE_H
