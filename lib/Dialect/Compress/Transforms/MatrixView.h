//===- MatrixView.h - a weight as matrices -----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_MATRIXVIEW_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_MATRIXVIEW_H

#include "compress/Algorithms/CodeGrid.h"
#include "compress/Analysis/EncodedWeight.h"

namespace mlir {
namespace compress {

/// A weight of any layout as `batches` matrices `[rows, columns]`, rows are output channels and
/// columns the contraction: kernel positions, and within one all input channels.
class MatrixView {
public:
  explicit MatrixView(const WeightedOp &op);

  size_t getBatches() const { return batches.size(); }
  size_t getRows() const { return rows.size(); }
  size_t getColumns() const { return columns.size(); }
  /// Input channels, and positions of the kernel: columns are `positions * channels`.
  size_t getChannels() const { return channels; }
  size_t getPositions() const { return columns.size() / channels; }

  /// Element of the weight, counted in its row-major order.
  uint64_t getIndex(size_t batch, size_t row, size_t column) const {
    return batches[batch] + rows[row] + columns[column];
  }

  /// The matrix `batch` of dense floats (f64, f32, f16, bf16) as f32.
  std::vector<float> gather(const StoredTensor &dense, size_t batch) const;
  /// The same for bytes, one per element of the weight; empty stays empty.
  std::vector<uint8_t> gather(ArrayRef<uint8_t> bytes, size_t batch) const;
  /// The other way.
  void scatter(ArrayRef<uint8_t> codes, size_t batch, MutableArrayRef<uint8_t> bytes) const;

  /// Index of the scale (in the row-major order of a scale tensor for `block`) of an element.
  class ScaleIndex {
  public:
    uint64_t get(size_t batch, size_t row, size_t column) const {
      return batches[batch] + rows[row] + columns[column];
    }

  private:
    friend class MatrixView;
    std::vector<uint64_t> batches, rows, columns;
  };
  ScaleIndex getScaleIndex(ArrayRef<int64_t> block) const;

  /// Columns of a row that share a scale for `block`, if these are `group` consecutive ones
  /// throughout (the last ones fewer) and no two rows share any; else 0.
  size_t getGroup(ArrayRef<int64_t> block) const;

  /// A Gram matrix of the op's input in the order of the columns: in statistics, channels come
  /// before kernel positions. Kernels without positions need no copy: the result is then empty.
  std::vector<float> orderGram(ArrayRef<float> gram) const;

private:
  /// Sums of `strides[dim] * index[dim]` over all indices of `dims`, the last dim fastest.
  std::vector<uint64_t> getOffsets(ArrayRef<int64_t> dims, ArrayRef<uint64_t> strides,
                                   ArrayRef<int64_t> block) const;

  SmallVector<int64_t> shape, rowDims, columnDims, batchDims;
  std::vector<uint64_t> batches, rows, columns;
  size_t channels = 1;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_MATRIXVIEW_H
