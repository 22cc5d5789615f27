//===- MatrixView.cpp - a weight as matrices -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MatrixView.h"
#include "compress/Support/NumericFormats.h"

using namespace mlir;
using namespace mlir::compress;

/// Row-major strides of `shape`, in elements.
static SmallVector<uint64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<uint64_t> strides(shape.size());
  uint64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim])
    strides[dim] = stride;
  return strides;
}

MatrixView::MatrixView(const WeightedOp &op)
    : shape(op.chain.getType().getShape()), rowDims(op.outputDims), batchDims(op.batchDims) {
  // Channels last, so that groups of channels are consecutive columns.
  columnDims.assign(std::next(op.contractionDims.begin()), op.contractionDims.end());
  columnDims.push_back(op.contractionDims.front());
  channels = shape[op.contractionDims.front()];
  SmallVector<uint64_t> strides = getStrides(shape);
  SmallVector<int64_t> single(shape.size(), 1);
  batches = getOffsets(batchDims, strides, single);
  rows = getOffsets(rowDims, strides, single);
  columns = getOffsets(columnDims, strides, single);
}

std::vector<uint64_t> MatrixView::getOffsets(ArrayRef<int64_t> dims, ArrayRef<uint64_t> strides,
                                             ArrayRef<int64_t> block) const {
  std::vector<uint64_t> offsets{0};
  for (int64_t dim : dims) {
    std::vector<uint64_t> next;
    next.reserve(offsets.size() * shape[dim]);
    for (uint64_t offset : offsets)
      for (int64_t index = 0; index < shape[dim]; ++index)
        next.push_back(offset + (block[dim] < 0 ? 0 : index / block[dim]) * strides[dim]);
    offsets = std::move(next);
  }
  return offsets;
}

std::vector<float> MatrixView::gather(const StoredTensor &dense, size_t batch) const {
  std::vector<float> matrix(getRows() * getColumns());
  DataType type = dense.getDataType();
  const char *data = dense.bytes().data();
  auto copy = [&](auto load) {
    float *to = matrix.data();
    for (uint64_t row : rows)
      for (uint64_t column : columns)
        *to++ = load(batches[batch] + row + column);
  };
  if (type == DataType::F32)
    copy([&](uint64_t index) {
      float value;
      std::memcpy(&value, data + index * sizeof(float), sizeof(float));
      return value;
    });
  else
    copy([&, size = getStorageBitWidth(type) / 8](uint64_t index) {
      uint64_t bits = 0;
      std::memcpy(&bits, data + index * size, size);
      return static_cast<float>(decodeFloat(type, bits));
    });
  return matrix;
}

std::vector<uint8_t> MatrixView::gather(ArrayRef<uint8_t> bytes, size_t batch) const {
  std::vector<uint8_t> matrix;
  if (bytes.empty())
    return matrix;
  matrix.reserve(getRows() * getColumns());
  for (uint64_t row : rows)
    for (uint64_t column : columns)
      matrix.push_back(bytes[batches[batch] + row + column]);
  return matrix;
}

void MatrixView::scatter(ArrayRef<uint8_t> codes, size_t batch,
                         MutableArrayRef<uint8_t> bytes) const {
  const uint8_t *from = codes.data();
  for (uint64_t row : rows)
    for (uint64_t column : columns)
      bytes[batches[batch] + row + column] = *from++;
}

MatrixView::ScaleIndex MatrixView::getScaleIndex(ArrayRef<int64_t> block) const {
  SmallVector<uint64_t> strides = getStrides(getScaleShape(shape, block));
  ScaleIndex index;
  index.batches = getOffsets(batchDims, strides, block);
  index.rows = getOffsets(rowDims, strides, block);
  index.columns = getOffsets(columnDims, strides, block);
  return index;
}

size_t MatrixView::getGroup(ArrayRef<int64_t> block) const {
  auto isSingle = [&](int64_t dim) { return block[dim] == 1 || shape[dim] == 1; };
  if (block.empty() || !llvm::all_of(rowDims, isSingle) || !llvm::all_of(batchDims, isSingle))
    return 0;
  ScaleIndex index = getScaleIndex(block);
  size_t group = 1;
  while (group < getColumns() && index.columns[group] == index.columns[0])
    ++group;
  for (size_t column = 0; column < getColumns(); ++column)
    if ((column % group == 0) !=
        (column == 0 || index.columns[column] != index.columns[column - 1]))
      return 0;
  return group;
}

std::vector<float> MatrixView::orderGram(ArrayRef<float> gram) const {
  std::vector<float> ordered;
  size_t positions = getPositions(), size = getColumns();
  if (positions == 1)
    return ordered;
  ordered.resize(gram.size());
  // Column p * channels + c is feature c * positions + p.
  std::vector<size_t> feature(size);
  for (size_t column = 0; column < size; ++column)
    feature[column] = column % channels * positions + column / channels;
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      ordered[i * size + j] = gram[feature[i] * size + feature[j]];
  return ordered;
}
