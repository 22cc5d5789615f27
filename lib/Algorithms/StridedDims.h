//===- StridedDims.h - several dims of a strided tensor as one index -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ALGORITHMS_STRIDEDDIMS_H
#define COMPRESS_LIB_ALGORITHMS_STRIDEDDIMS_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <utility>

namespace mlir::compress {

/// Dims that are walked as one, outermost first; neighbours that lie like one dim are merged.
class StridedDims {
public:
  void append(int64_t size, int64_t stride) {
    total *= size;
    if (size == 1)
      return;
    if (!dims.empty() && dims.back().second == size * stride)
      dims.back() = {dims.back().first * size, stride};
    else
      dims.emplace_back(size, stride);
  }

  int64_t getTotal() const { return total; }
  /// The only stride, if one is enough; 1 for a single element.
  int64_t getStride() const { return dims.empty() ? 1 : dims.back().second; }
  bool isOneDim() const { return dims.size() <= 1; }

  /// Distance of element `index` from the first one.
  int64_t getOffset(int64_t index) const {
    if (dims.size() == 1)
      return index * dims.front().second;
    int64_t offset = 0;
    for (size_t i = dims.size(); i > 0; --i) {
      auto [size, stride] = dims[i - 1];
      offset += index % size * stride;
      index /= size;
    }
    return offset;
  }

private:
  /// Size and stride.
  llvm::SmallVector<std::pair<int64_t, int64_t>, 6> dims;
  int64_t total = 1;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_ALGORITHMS_STRIDEDDIMS_H
