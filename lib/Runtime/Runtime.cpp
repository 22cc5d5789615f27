//===- Runtime.cpp - run time of compiled models -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Runtime/compress_rt.h"
#include <cstdlib>

void compress_rt_parallel_for(void (*body)(void *, int64_t, int64_t), void *context,
                              int64_t count) {
  if (count > 0)
    body(context, 0, count);
}

void *compress_rt_alloc(int64_t bytes) {
  return std::aligned_alloc(64, (static_cast<size_t>(bytes) + 64) & ~size_t(63));
}

void compress_rt_free(void *buffer) { std::free(buffer); }

const compress_rt_symbol *compress_rt_symbols(void) {
  static const compress_rt_symbol symbols[] = {
      {"compress_rt_parallel_for", reinterpret_cast<void *>(compress_rt_parallel_for)},
      {"compress_rt_alloc", reinterpret_cast<void *>(compress_rt_alloc)},
      {"compress_rt_free", reinterpret_cast<void *>(compress_rt_free)},
      {nullptr, nullptr}};
  return symbols;
}
