//===- ChannelMap.cpp - which channel an element belongs to ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelMap.h"

using namespace mlir;
using namespace mlir::compress;

void ChannelMap::reorder(ArrayRef<int64_t> order) {
  if (ArrayRef<int64_t>(dims) == order)
    return;
  size_t rank = dims.size();
  SmallVector<int64_t, 4> strides(rank), newSizes(rank), newStrides(rank);
  int64_t stride = 1;
  for (size_t i = rank; i-- > 0; stride *= sizes[i])
    strides[i] = stride;
  for (size_t i = 0; i < rank; ++i) {
    size_t old = llvm::find(dims, order[i]) - dims.begin();
    newSizes[i] = sizes[old];
    newStrides[i] = strides[old];
  }
  std::vector<int32_t> result(channel.size());
  SmallVector<int64_t, 4> position(rank, 0);
  int64_t from = 0;
  for (int32_t &value : result) {
    value = channel[from];
    for (size_t i = rank; i-- > 0;) {
      from += newStrides[i];
      if (++position[i] < newSizes[i])
        break;
      from -= newStrides[i] * newSizes[i];
      position[i] = 0;
    }
  }
  dims.assign(order.begin(), order.end());
  sizes = std::move(newSizes);
  channel = std::move(result);
}

void ChannelMap::normalize() {
  SmallVector<int64_t, 4> order(dims);
  llvm::sort(order);
  reorder(order);
  for (size_t i = dims.size(); i-- > 0;)
    if (sizes[i] == 1) {
      dims.erase(dims.begin() + i);
      sizes.erase(sizes.begin() + i);
    }
}

LogicalResult ChannelMap::extend(int64_t dim, int64_t size) {
  if (size > kMaxEntries / std::max<int64_t>(1, channel.size()))
    return failure();
  std::vector<int32_t> result;
  result.reserve(channel.size() * size);
  for (int32_t value : channel)
    result.insert(result.end(), size, value);
  dims.push_back(dim);
  sizes.push_back(size);
  channel = std::move(result);
  return success();
}

/// Moves `dim` to the end.
static void makeLast(ChannelMap &map, int64_t dim) {
  SmallVector<int64_t, 4> order(map.dims);
  order.erase(llvm::find(order, dim));
  order.push_back(dim);
  map.reorder(order);
}

void ChannelMap::project(int64_t dim, llvm::function_ref<void(int32_t, int32_t)> unify) {
  makeLast(*this, dim);
  size_t size = sizes.back();
  std::vector<int32_t> result;
  for (size_t i = 0; i < channel.size(); i += size) {
    for (size_t j = 1; j < size; ++j)
      unify(channel[i], channel[i + j]);
    result.push_back(channel[i]);
  }
  dims.pop_back();
  sizes.pop_back();
  channel = std::move(result);
}

LogicalResult ChannelMap::embed(int64_t dim, int64_t size, int64_t start, int64_t step,
                                int32_t none) {
  makeLast(*this, dim);
  int64_t part = sizes.back(), outer = part == 0 ? 0 : channel.size() / part;
  if (size > kMaxEntries / std::max<int64_t>(1, outer))
    return failure();
  std::vector<int32_t> result(outer * size, none);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < part; ++i)
      result[o * size + start + i * step] = channel[o * part + i];
  sizes.back() = size;
  channel = std::move(result);
  return success();
}

void ChannelMap::select(int64_t dim, int64_t size, int64_t start, int64_t step) {
  makeLast(*this, dim);
  int64_t whole = sizes.back(), outer = whole == 0 ? 0 : channel.size() / whole;
  std::vector<int32_t> result(outer * size);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < size; ++i)
      result[o * size + i] = channel[o * whole + start + i * step];
  sizes.back() = size;
  channel = std::move(result);
}

void ChannelMap::reshape(ArrayRef<int64_t> from, ArrayRef<int64_t> to, ArrayRef<int64_t> newSizes) {
  SmallVector<int64_t, 4> order(from);
  for (int64_t other : dims)
    if (!llvm::is_contained(from, other))
      order.push_back(other);
  reorder(order);
  dims.erase(dims.begin(), dims.begin() + from.size());
  sizes.erase(sizes.begin(), sizes.begin() + from.size());
  dims.insert(dims.begin(), to.begin(), to.end());
  sizes.insert(sizes.begin(), newSizes.begin(), newSizes.end());
}
