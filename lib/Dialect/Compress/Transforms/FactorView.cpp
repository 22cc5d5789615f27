//===- FactorView.cpp - a weight as the matrices of a factor form -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FactorView.h"
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

/// Row-major strides of the dims `order` of `shape`, in that order; 0 for other dims. Returns the
/// product of their sizes.
static size_t setStrides(ArrayRef<int64_t> shape, ArrayRef<int64_t> order,
                         SmallVectorImpl<size_t> &strides) {
  strides.assign(shape.size(), 0);
  size_t stride = 1;
  for (int64_t dim : llvm::reverse(order)) {
    strides[dim] = stride;
    stride *= shape[dim];
  }
  return stride;
}

/// Sums of what `add(sum, dim, i)` adds for index `i` of each of `dims`, for all combinations of
/// indices, the last dim fastest.
template <typename T, typename AddFn>
static std::vector<T> enumerate(ArrayRef<int64_t> dims, ArrayRef<int64_t> shape, AddFn add) {
  std::vector<T> all(1);
  for (int64_t dim : dims) {
    std::vector<T> next;
    next.reserve(all.size() * shape[dim]);
    for (const T &index : all)
      for (int64_t i = 0; i < shape[dim]; ++i) {
        next.push_back(index);
        add(next.back(), dim, i);
      }
    all = std::move(next);
  }
  return all;
}

namespace {
/// Where the dims of a form's view are in the stored weight.
struct DimPlace {
  /// Dim of the weight, or -1 for dims of one index, and what an index adds to the offset.
  int64_t rootDim = -1;
  uint64_t stride = 0;
  /// Whether it is the outer part of a dim that the view cuts.
  bool isOuterPart = false;
};
} // namespace

/// Nothing if the weight lies transposed in a way that the view does not fit.
static std::optional<SmallVector<DimPlace>> findDims(const WeightChain &chain,
                                                     ArrayRef<int64_t> view) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(chain.value.getType()).getShape();
  SmallVector<uint64_t> valueStrides = getStrides(shape), viewStrides = getStrides(view);
  SmallVector<uint64_t> rootStrides = getStrides(chain.getType().getShape());
  SmallVector<DimPlace> places(view.size());
  for (size_t dim = 0; dim < view.size(); ++dim) {
    if (view[dim] == 1)
      continue;
    // The dim of the value that the last digit of the view's dim is in.
    size_t value = 0;
    while (value < shape.size() &&
           !(shape[value] > 1 && valueStrides[value] <= viewStrides[dim] &&
             viewStrides[dim] < valueStrides[value] * static_cast<uint64_t>(shape[value])))
      ++value;
    if (value == shape.size() || viewStrides[dim] % valueStrides[value] != 0)
      return std::nullopt;
    uint64_t end = viewStrides[dim] * view[dim];
    uint64_t valueEnd = valueStrides[value] * static_cast<uint64_t>(shape[value]);
    if (end > valueEnd && !chain.permutation.empty())
      return std::nullopt;
    DimPlace &place = places[dim];
    place.rootDim = chain.permutation.empty() ? value : chain.permutation[value];
    place.stride = rootStrides[place.rootDim] * (viewStrides[dim] / valueStrides[value]);
    place.isOuterPart = end == valueEnd && view[dim] != shape[value];
  }
  return places;
}

std::optional<FactorView> FactorView::create(const WeightedOp &op, const FactorForm &form,
                                             int64_t features) {
  ArrayRef<int64_t> view = form.view;
  std::optional<SmallVector<DimPlace>> places = findDims(op.chain, view);
  if (!places)
    return std::nullopt;
  FactorView result;
  result.kinds.assign(view.size(), Kind::Unit);
  for (auto [dim, place] : llvm::enumerate(*places)) {
    if (place.rootDim < 0)
      continue;
    bool isOutput = llvm::is_contained(op.outputDims, place.rootDim);
    if (llvm::is_contained(form.batchDims, dim) && (place.isOuterPart || isOutput))
      result.kinds[dim] = Kind::Group;
    else if (!llvm::is_contained(op.contractionDims, place.rootDim))
      result.kinds[dim] = Kind::Output;
    else
      result.kinds[dim] =
          place.rootDim == op.contractionDims.front() ? Kind::Channel : Kind::Position;
  }
  auto getDims = [&](Kind kind) {
    SmallVector<int64_t> dims;
    for (size_t dim = 0; dim < view.size(); ++dim)
      if (result.kinds[dim] == kind)
        dims.push_back(dim);
    return dims;
  };
  auto getSize = [&](ArrayRef<int64_t> dims) {
    size_t size = 1;
    for (int64_t dim : dims)
      size *= view[dim];
    return size;
  };
  // Inputs of transposed convolutions have no kernel positions: these belong to the outputs.
  SmallVector<int64_t> channelDims = getDims(Kind::Channel), positionDims;
  bool rowsHavePositions = llvm::all_of(
      getDims(Kind::Position), [&](int64_t dim) { return llvm::is_contained(form.rowDims, dim); });
  if (rowsHavePositions && features == static_cast<int64_t>(getSize(channelDims)))
    for (int64_t dim : getDims(Kind::Position))
      result.kinds[dim] = Kind::Output;
  for (int64_t rootDim : op.contractionDims)
    for (int64_t dim : getDims(Kind::Position))
      if ((*places)[dim].rootDim == rootDim)
        positionDims.push_back(dim);
  SmallVector<int64_t> featureDims = channelDims;
  featureDims.append(positionDims);

  SmallVector<size_t> groupStrides, outputStrides, featureStrides;
  result.groups = setStrides(view, getDims(Kind::Group), groupStrides);
  result.outputs = setStrides(view, getDims(Kind::Output), outputStrides);
  result.features = setStrides(view, featureDims, featureStrides);
  result.positions = getSize(positionDims);
  auto add = [&](Index &index, int64_t dim, size_t i) {
    index.offset += i * (*places)[dim].stride;
    index.group += i * groupStrides[dim];
    index.output += i * outputStrides[dim];
    index.feature += i * featureStrides[dim];
  };
  result.batches = enumerate<Index>(form.batchDims, view, add);
  result.rows = enumerate<Index>(form.rowDims, view, add);
  result.columns = enumerate<Index>(form.columnDims, view, add);

  llvm::DenseSet<size_t> seen;
  for (auto [row, index] : llvm::enumerate(result.rows))
    if (seen.insert(index.feature).second)
      result.steps.push_back(row);
  result.plainColumns = result.columns.size() == result.features;
  for (auto [column, index] : llvm::enumerate(result.columns))
    result.plainColumns &= index.feature == column;
  return result;
}

std::vector<float> FactorView::gather(const StoredTensor &dense, size_t batch) const {
  std::vector<float> matrix(getRows() * getColumns());
  DataType type = dense.getDataType();
  const char *data = dense.bytes().data();
  auto copy = [&](auto load) {
    float *to = matrix.data();
    for (const Index &row : rows)
      for (const Index &column : columns)
        *to++ = load(batches[batch].offset + row.offset + column.offset);
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

FactorPlaces::FactorPlaces(const FactorForm &form, ArrayRef<int64_t> axes,
                           ArrayRef<int64_t> lineDims, size_t rank) {
  SmallVector<uint64_t> strides(form.view.size(), 0);
  uint64_t stride = 1;
  for (int64_t axis : llvm::reverse(axes)) {
    bool isRank = axis == FactorForm::rankAxis;
    (isRank ? rankStride : strides[axis]) = stride;
    stride *= isRank ? rank : form.view[axis];
  }
  auto add = [&](uint64_t &place, int64_t dim, uint64_t i) { place += i * strides[dim]; };
  batch = enumerate<uint64_t>(form.batchDims, form.view, add);
  line = enumerate<uint64_t>(lineDims, form.view, add);
}
