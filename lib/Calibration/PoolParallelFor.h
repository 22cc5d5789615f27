//===- PoolParallelFor.h - parallel loops on a thread pool -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_POOLPARALLELFOR_H
#define COMPRESS_LIB_CALIBRATION_POOLPARALLELFOR_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/ThreadPool.h"
#include <algorithm>
#include <atomic>

namespace mlir {
namespace compress {

/// A `ParallelFor` on `pool`, whose threads and the caller's take the next index each. Not from
/// several threads at once.
inline auto makeParallelFor(llvm::DefaultThreadPool &pool) {
  return [&pool](size_t count, llvm::function_ref<void(size_t)> body) {
    std::atomic<size_t> next{0};
    auto work = [&] {
      for (size_t i = next++; i < count; i = next++)
        body(i);
    };
    for (size_t i = 1; i < std::min<size_t>(pool.getMaxConcurrency(), count); ++i)
      pool.async(work);
    work();
    pool.wait();
  };
}

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_POOLPARALLELFOR_H
