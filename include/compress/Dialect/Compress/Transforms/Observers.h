//===- Observers.h - observing activations ---------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_OBSERVERS_H
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_OBSERVERS_H

#include "compress/Analysis/WeightChain.h"

namespace mlir {
namespace compress {

/// What is observed.
struct ObserverOptions {
  /// Names of statistics, as in `--collect`.
  std::vector<std::string> statistics = {"minmax"};
  /// Names (globs, or `re:`) of ops; empty: those with a `compress.plan`, or all if none has one.
  std::vector<NamePattern> ops;
  /// Also observe results.
  bool outputs = false;
};

/// The weighted ops below `root` that `options` selects and that have an activation, in program
/// order.
std::vector<WeightedOp> selectObserved(Operation *root, const ObserverOptions &options);

/// Inserts `compress.observe`, one per value and block. What is observed already is not observed
/// again: a missing id or statistic is added to the op that is there.
class ObserverInserter {
public:
  /// `statistics`: names as in `--collect`.
  ObserverInserter(Operation *root, ArrayRef<std::string> statistics);

  /// Observes the activation of `op` before it, or its result after it; false if that is no tensor
  /// of floats.
  bool observeInput(const WeightedOp &op);
  bool observeOutput(const WeightedOp &op);

private:
  bool observe(Value value, Operation *op, StringRef id);

  OpBuilder builder;
  SmallVector<Attribute> statistics;
  DenseMap<std::pair<Value, Block *>, ObserveOp> known;
};

/// Observes what `options` selects; an op is put before the first weighted op of its block that
/// uses the value. Gives these weighted ops.
std::vector<WeightedOp> insertObservers(Operation *root, const ObserverOptions &options);

/// All `compress.observe` below `root`, in program order. Those without an index get the next one
/// that is free.
SmallVector<ObserveOp> numberObservers(Operation *root);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_OBSERVERS_H
