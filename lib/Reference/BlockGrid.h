//===- BlockGrid.h - blocks that share a scale -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_REFERENCE_BLOCKGRID_H
#define COMPRESS_LIB_REFERENCE_BLOCKGRID_H

#include "compress/Reference/Quantization.h"

namespace mlir {
namespace compress {
namespace reference {

/// Where the parameter of an element lies: the blocks of a dense tensor, in
/// row-major order. Per tensor there is one block and `grid` is empty.
struct BlockMap {
  llvm::SmallVector<int64_t> block, grid, strides;

  static llvm::Expected<BlockMap> create(llvm::StringRef op, llvm::ArrayRef<int64_t> shape,
                                         llvm::ArrayRef<int64_t> block);

  /// Number of the block of an element of the dense tensor.
  int64_t getSlot(llvm::ArrayRef<int64_t> index) const {
    int64_t slot = 0;
    for (size_t i = 0; i < block.size(); ++i)
      if (grid[i] > 1)
        slot += index[i] / block[i] * strides[i];
    return slot;
  }
};

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_REFERENCE_BLOCKGRID_H
