//===- StageGraph.h - the main function in stages ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A function is compressed or compiled in stages: stage k starts with the
// weighted ops whose operands need exactly k others before them, and goes on
// with what can be computed then.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_STAGEGRAPH_H
#define COMPRESS_ANALYSIS_STAGEGRAPH_H

#include "compress/Analysis/WeightChain.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

namespace mlir {
namespace compress {

/// Ops of the main block that are compressed together: each is a weighted op or holds some.
struct StageGroup {
  SmallVector<Operation *, 4> ops;
  /// The weighted ops: the ops themselves, or what their regions and callees hold.
  SmallVector<Operation *, 4> weighted;
};

/// A part of the main function as a module of its own.
struct StagePart {
  OwningOpRef<ModuleOp> module;
  /// Values of the main function that the part's arguments and results are.
  SmallVector<Value> inputs, outputs;
};

/// The main function of a module between two changes of it.
class StageGraph {
public:
  /// `pending` holds the weighted ops that are still to come, wherever they are.
  StageGraph(func::FuncOp function, const llvm::DenseSet<Operation *> &pending);

  /// The ops with pending weighted ops whose operands need none of the others; empty at the end.
  StageGroup findGroup() const;
  /// The ops whose results are not the same for all inputs, by the number of pending ops on the
  /// longest way to them, these included, in program order. Ops with effects keep their order. The
  /// first part has the ops that need no pending one; it may be empty. The terminator is left out.
  SmallVector<SmallVector<Operation *>> cut() const;
  /// Number of groups from here on.
  size_t countGroups() const { return cut().size() - 1; }
  /// Values that the pending ops, or what leads to them, use and that need no pending op.
  SmallVector<Value> findFrontier() const;
  /// Whether a value is the same for all samples: it is computed from constants and stored tensors.
  bool isFixed(Value value) const { return fixed.contains(value); }

  /// The ops that compute `outputs` from `available` values and function arguments, as the function
  /// `main` of a new module, with all symbols that they refer to.
  StagePart extract(ArrayRef<Value> outputs, const llvm::DenseSet<Value> &available) const;

private:
  Block &getBlock() const { return func::FuncOp(function).getBody().front(); }

  func::FuncOp function;
  /// Pending ops by the op of the main block that holds them.
  llvm::DenseMap<Operation *, SmallVector<Operation *, 2>> pendingOf;
  llvm::DenseSet<Value> fixed;
  /// Ops that need a pending op (themselves included).
  llvm::DenseSet<Operation *> blocked;
};

/// Values of blocks around `op` that it uses, those in its regions included; each once.
llvm::SetVector<Value> getUsedValues(Operation *op);

/// Makes dynamic dims of the arguments of a part static: gives them names and `dims` sizes, which
/// are those in `shapes`, one per argument.
void nameDims(func::FuncOp function, ArrayRef<SmallVector<int64_t, 4>> shapes,
              llvm::StringMap<int64_t> &dims);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_STAGEGRAPH_H
