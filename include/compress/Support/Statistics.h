//===- Statistics.h - what calibration saw of activations ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A statistics file is a safetensors file. An entry is named after the op and
// what was observed: "<op name>:input" is the activation of a weighted op,
// "<op name>:output" its result. Its tensors are "<entry>/<statistic>"; entries
// that were the same value in the graph refer to one another through the
// metadata "compress.alias.<entry>". The metadata also has a fingerprint of the
// observed graph, the number of samples and the version. The entry
// "<op name>:weight" is what is known of the gradient of the loss with respect to
// the weight of the op; calibration does not make it, training frameworks do. The
// entry "stream/<function>" compares the values between residual blocks.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_STATISTICS_H
#define COMPRESS_SUPPORT_STATISTICS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

/// Counts of values in equal bins; see compress/Algorithms/Histogram.h for how it grows.
struct HistogramData {
  /// Lower end of the first bin and upper end of the last one.
  double low = 0, high = 0;
  std::vector<uint64_t> counts;
};

/// What was seen of one activation. Vectors are along the channel dim: the last one of inputs of
/// linear and matmul, dim 1 of images. Statistics that were not collected are empty.
struct TensorStatistics {
  /// Vectors and runs (batches) that were seen; 0 if the value was never computed.
  uint64_t vectors = 0, runs = 0;
  /// Values that were NaN or infinite. They are left out of everything else.
  uint64_t nonFinite = 0;
  /// Size of the channel dim.
  int64_t channels = 0;
  /// Per channel: smallest and largest value.
  std::vector<float> min, max;
  /// Moving average (factor 0.9 per run) of the smallest and largest value of a run: two values.
  std::vector<float> movingRange;
  /// Per channel: sums of values, of magnitudes and of squares.
  std::vector<double> sum, sumAbs, sumSquares;
  HistogramData histogram;
  /// Sum of x x^T over the vectors x that the op contracts, symmetric, `[groups, features,
  /// features]` row-major. For linear `features` is `channels`; for conv it is
  /// channels / groups * kernel size (order: channel, then kernel position), and `gramVectors`
  /// counts windows.
  std::vector<float> gram;
  /// Sum of (x~ - x) x^T where x~ is what the uncompressed model computes (GPTAQ); like `gram`.
  std::vector<float> cross;
  int64_t features = 0, groups = 0;
  uint64_t gramVectors = 0;
  /// Inputs that are indices (of embeddings): how often each was seen, `[rows of the table]`.
  std::vector<uint64_t> counts;

  /// Range of the whole tensor; 0 if nothing was seen.
  float getMin() const;
  float getMax() const;
  /// Per channel: largest magnitude, mean, mean magnitude, variance (not below 0).
  std::vector<float> getAbsMax() const;
  std::vector<double> getMean() const;
  std::vector<double> getMeanAbs() const;
  std::vector<double> getVariance() const;
};

/// What is known of the gradient of the loss L with respect to the weight w of an op. What is not
/// known is empty.
struct WeightStatistics {
  /// Shape of the weight as it is stored; empty if only the trace is known.
  std::vector<int64_t> shape;
  /// Mean over the samples of dL/dw, row-major, in any unit of the loss.
  std::vector<float> gradient;
  /// Mean over the samples of (dL/dw)^2, not negative.
  std::vector<float> gradientSquares;
  /// Trace of the Hessian of the loss with respect to the weight.
  std::optional<double> hessianTrace;
  /// What the model's output suffers from an error of the op's output: relative squared error of
  /// the former for one of the latter, for small errors.
  std::optional<double> outputSensitivity;
};

/// How the vectors (tokens) of the values between the blocks of a residual network relate to each
/// other; see compress/Algorithms/BlockInfluence.h.
struct StreamStatistics {
  /// Names of the values: that of the first weighted op of the block that follows, "<name>/end"
  /// after the last block of a run.
  std::vector<std::string> points;
  /// Tokens that were seen.
  uint64_t vectors = 0;
  /// `[points, points]`, symmetric: sums over tokens of cosines, and of angles divided by pi.
  std::vector<double> cosine, angle;
};

/// Statistics of a model.
class Statistics {
public:
  /// Name of the entries of an op.
  static std::string getInputKey(llvm::StringRef op) { return (op + ":input").str(); }
  static std::string getOutputKey(llvm::StringRef op) { return (op + ":output").str(); }

  /// Hash of the observed graph without its weights' bytes; 0: not known.
  uint64_t fingerprint = 0;
  /// Samples that were run.
  uint64_t samples = 0;

  /// The entry, or null.
  const TensorStatistics *find(llvm::StringRef key) const;
  const TensorStatistics *findInput(llvm::StringRef op) const { return find(getInputKey(op)); }
  /// The entry for writing: made if needed; not shared with aliases any more.
  TensorStatistics &getMutable(llvm::StringRef key);
  /// Makes `key` an entry with these contents, which other entries may share.
  void set(llvm::StringRef key, std::shared_ptr<const TensorStatistics> entry);
  void erase(llvm::StringRef key);
  const std::map<std::string, std::shared_ptr<const TensorStatistics>, std::less<>> &
  getEntries() const {
    return entries;
  }

  static std::string getWeightKey(llvm::StringRef op) { return (op + ":weight").str(); }
  /// What is known of the gradient of the op's weight, or null.
  const WeightStatistics *findWeight(llvm::StringRef op) const;
  void setWeight(llvm::StringRef op, WeightStatistics entry);
  /// Removes what is known of a weight that has changed.
  void eraseWeight(llvm::StringRef op);
  /// By name of the op.
  const std::map<std::string, std::shared_ptr<const WeightStatistics>, std::less<>> &
  getWeights() const {
    return weights;
  }

  /// The values between the blocks of a function, or null.
  const StreamStatistics *findStream(llvm::StringRef function) const;
  void setStream(llvm::StringRef function, StreamStatistics entry);
  /// Removes what is known of a function whose blocks have changed.
  void eraseStream(llvm::StringRef function);
  /// By name of the function.
  const std::map<std::string, StreamStatistics, std::less<>> &getStreams() const { return streams; }

  /// The entry `key` after every channel `c` of the activation was multiplied by `factors[c]`: all
  /// statistics are rescaled exactly, those for which this is not possible (histogram, moving
  /// range) are dropped. Repeats for conv kernels.
  void scaleChannels(llvm::StringRef key, llvm::ArrayRef<float> factors);
  /// The entry `key` after only the channels `kept` (increasing) of the activation were left. All
  /// is exact: vectors and matrices keep the elements of these channels, the histogram and the
  /// moving range, which do not tell channels apart, are dropped. Channels of several groups must
  /// leave equally many in each group that keeps any, else the matrices are dropped.
  void selectChannels(llvm::StringRef key, llvm::ArrayRef<int64_t> kept);
  /// Removes an entry whose activation has changed in another way.
  void drop(llvm::StringRef key) { erase(key); }

  /// Reads a statistics file. Everything is checked: sizes, counts, finite values, aliases.
  static llvm::Expected<Statistics> load(llvm::StringRef path);
  /// Writes the file, whole or not at all.
  llvm::Error save(llvm::StringRef path) const;

private:
  std::map<std::string, std::shared_ptr<const TensorStatistics>, std::less<>> entries;
  std::map<std::string, std::shared_ptr<const WeightStatistics>, std::less<>> weights;
  std::map<std::string, StreamStatistics, std::less<>> streams;
};

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_STATISTICS_H
