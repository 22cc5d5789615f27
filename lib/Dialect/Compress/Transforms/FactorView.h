//===- FactorView.h - a weight as the matrices of a factor form --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A factor form (CompressInterfaces.h) reads a weight as one matrix [rows, columns]
// per batch. Statistics see the same weight as one matrix [outputs, features] per
// group of a convolution, where features are the elements of the vectors that the
// op contracts. A view tells where an element is in both.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORVIEW_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORVIEW_H

#include "compress/Analysis/EncodedWeight.h"

namespace mlir {
namespace compress {

class FactorView {
public:
  /// What a batch, a row and a column add to the indices of an element: its place in the stored
  /// weight, and its group, output and feature.
  struct Index {
    uint64_t offset = 0;
    size_t group = 0, output = 0, feature = 0;
  };

  /// `features` is the size of the Gram matrices of the op's input; 0 if there are none. Nothing if
  /// the weight lies transposed in a way that the form's view does not fit.
  static std::optional<FactorView> create(const WeightedOp &op, const FactorForm &form,
                                          int64_t features = 0);

  size_t getBatches() const { return batches.size(); }
  size_t getRows() const { return rows.size(); }
  size_t getColumns() const { return columns.size(); }
  ArrayRef<Index> getBatchIndices() const { return batches; }
  ArrayRef<Index> getRowIndices() const { return rows; }
  ArrayRef<Index> getColumnIndices() const { return columns; }

  /// Groups of a convolution, and outputs and features of each.
  size_t getGroups() const { return groups; }
  size_t getOutputs() const { return outputs; }
  size_t getFeatures() const { return features; }
  /// Features of one input channel: positions of a kernel.
  size_t getPositions() const { return positions; }
  /// The input channel of an element.
  size_t getChannel(const Index &batch, const Index &column) const {
    return batch.group * (features / positions) + (batch.feature + column.feature) / positions;
  }
  /// Whether a dim of the form's view counts features, and if so, positions of a kernel.
  bool isFeature(int64_t viewDim) const { return kinds[viewDim] >= Kind::Channel; }
  bool isPosition(int64_t viewDim) const { return kinds[viewDim] == Kind::Position; }

  /// First rows with each of the features that rows add: V is multiplied with the columns' features
  /// of each of them.
  ArrayRef<size_t> getSteps() const { return steps; }
  /// Whether columns are the features, in order, whatever the batch and the row.
  bool hasPlainColumns() const { return plainColumns; }

  /// The matrix `batch` of dense floats as f32.
  std::vector<float> gather(const StoredTensor &dense, size_t batch) const;

private:
  enum class Kind : uint8_t { Unit, Group, Output, Channel, Position };
  SmallVector<Kind> kinds;
  std::vector<Index> batches, rows, columns;
  std::vector<size_t> steps;
  size_t groups = 1, outputs = 1, features = 1, positions = 1;
  bool plainColumns = false;
};

/// Where elements are in a factor whose tensor has these axes (dims of the form's view, or the
/// rank), in row-major order: at `batch[b] + line[i] + t * rankStride`. Dims that are no axes add
/// nothing.
struct FactorPlaces {
  std::vector<uint64_t> batch, line;
  uint64_t rankStride = 0;

  /// `lineDims` are the form's row dims or its column dims.
  FactorPlaces(const FactorForm &form, ArrayRef<int64_t> axes, ArrayRef<int64_t> lineDims,
               size_t rank);
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_FACTORVIEW_H
