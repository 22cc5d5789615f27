//===- compress_rt.h - run time of compiled models -*- C -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

/*
 * What compiled models call, and how they are called. A compiled model is one function,
 *
 *   int32_t compress_entry(const void *const *weights, const compress_rt_tensor *inputs);
 *
 * which returns 0, or -1 after it has reported an error. `weights` has the address of each stored
 * tensor of the model (`compress_rt_archive` lists them), 64-byte aligned; `inputs` has the inputs
 * in order, dense and row-major. For each output it calls `compress_rt_output` once. It may be
 * called on several threads at a time, each with a context of its own.
 *
 * All functions here belong to the context that `compress_rt_enter` made current on the calling
 * thread; inside `compress_rt_parallel_for` that is the context of the caller.
 */
#ifndef COMPRESS_RUNTIME_COMPRESS_RT_H
#define COMPRESS_RUNTIME_COMPRESS_RT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A dense, row-major tensor. */
typedef struct compress_rt_tensor {
  void *data;
  const int64_t *sizes;
} compress_rt_tensor;

typedef int32_t (*compress_rt_entry)(const void *const *weights, const compress_rt_tensor *inputs);

/* Calls body(context, begin, end) for parts of [0, count), maybe on several threads, and returns when
 * all are done. Parts do not overlap and cover everything. */
void compress_rt_parallel_for(void (*body)(void *context, int64_t begin, int64_t end),
                              void *context, int64_t count);

/* The buffer of a model's intermediate values: `bytes` bytes, 64-byte aligned, kept between runs. Called
 * at most once per run. Null if memory is out; the error is reported then. */
void *compress_rt_workspace(int64_t bytes);

/* A buffer whose size is known only while the model runs, 64-byte aligned, and its release. Null if
 * memory is out; the error is reported then. May be called inside compress_rt_parallel_for. */
void *compress_rt_alloc(int64_t bytes);
void compress_rt_free(void *buffer);

/* Memory for output `index`, 64-byte aligned. Null if memory is out; the error is reported then. */
void *compress_rt_output(int64_t index, int64_t rank, const int64_t *sizes,
                         int64_t element_bytes);

/* Reports an error; the first one of a run counts. `message` stays valid. */
void compress_rt_error(const char *message);

/* The functions above, for a linker that lives in this process; ends with a null name. */
typedef struct compress_rt_symbol {
  const char *name;
  void *address;
} compress_rt_symbol;
const compress_rt_symbol *compress_rt_symbols(void);

#ifdef __cplusplus
}
#endif

#endif /* COMPRESS_RUNTIME_COMPRESS_RT_H */
