//===- SliceStream.h - the segments of a residual stream --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A residual stream can have other coordinates at each of its norms. What comes between, the
// weights that write and constants that are added, has those of the norm that follows; where a
// value that a norm has seen is added to again, its coordinates change: a crossing.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESTREAM_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESTREAM_H

#include "compress/Analysis/RotatableSet.h"

namespace mlir {
namespace compress {

/// Values of a stream with the same coordinates.
struct StreamSegment {
  SmallVector<NormOp, 1> norms;
  /// Weights that read these values.
  SmallVector<const RotatableSet::WeightUse *, 4> readers;
};

/// See the head of this file.
struct SegmentedStream {
  /// In program order.
  std::vector<StreamSegment> segments;
  /// Of every value of the set.
  llvm::DenseMap<Value, size_t> segmentOf;
  /// Operands of additions whose value is of another segment than the result, in program order.
  SmallVector<OpOperand *> crossings;
  /// Ops without a weight that use or make values of the set and are no norms, in program order.
  SmallVector<Operation *> ops;
  /// Why the segments cannot have coordinates of their own, and where; empty if they can.
  std::string refusal;
  Operation *culprit = nullptr;

  /// Segment of what `op`, an op with a constant operand in the set, makes.
  size_t getSegmentOfResult(Operation *op) const { return segmentOf.lookup(op->getResult(0)); }
};

/// The segments of a set that has no refusal and at least one norm. Refers to its readers.
SegmentedStream segmentStream(const RotatableSet &set);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SLICESTREAM_H
