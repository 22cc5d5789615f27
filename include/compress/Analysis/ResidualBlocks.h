//===- ResidualBlocks.h - the layers of a residual network -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that is computed from a value x and leads to a result of the
// function passes through some values: the dominators of the result. Between two
// neighbours of this chain lies a part with one way in and one way out. Equal
// parts that repeat, with an addition to the value that came in, are the blocks of
// a residual network, whatever is inside, and whether the norm comes before or
// after the addition. What does not depend on x, such as masks, positions and
// weights, may come in anywhere.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_RESIDUALBLOCKS_H
#define COMPRESS_ANALYSIS_RESIDUALBLOCKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"
#include <string>
#include <vector>

namespace mlir {
namespace compress {

/// `count` repetitions of `period` entries from `begin` on.
struct Repetition {
  size_t begin = 0, period = 0, count = 0;
};

/// The repetition that covers most entries, of the shortest period among equal ones, the first one.
/// `count` is 0 if nothing is repeated.
Repetition findRepetition(ArrayRef<size_t> kinds);

/// A part of a function that adds something to what comes in.
struct ResidualBlock {
  /// Values of one type. With `input` in place of `output`, the block is gone.
  Value input, output;
  /// The ops between them that depend on `input` and that `output` depends on, in program order,
  /// the one of `output` last.
  SmallVector<Operation *> ops;
  /// Name of its first weighted op.
  std::string name;
};

/// Equal blocks one after the other: each starts from what the one before gives. At least two.
using ResidualRun = std::vector<ResidualBlock>;

/// The blocks of a function, in program order. Without any, `reason` says why.
struct ResidualBlocks {
  std::vector<ResidualRun> runs;
  std::string reason;

  size_t getNumBlocks() const;
};

/// Finds blocks between values of the entry block of `function`, which has one block.
ResidualBlocks findResidualBlocks(func::FuncOp function);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_RESIDUALBLOCKS_H
