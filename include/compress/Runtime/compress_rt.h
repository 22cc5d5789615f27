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
 * tensor of the model, 64-byte aligned; `inputs` has the inputs in order, dense and row-major. For
 * each output it calls `compress_rt_output` once. It may be called on several threads at a time,
 * each with a context of its own. docs/Runtime.md has the whole story.
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

/*===- Called by compiled models ---------------------------------------------===*/
/*
 * These belong to the context that is current on the calling thread (see `compress_rt_run`); inside
 * `compress_rt_parallel_for` that is the context of the caller.
 */

/* A part of a parallel loop: iterations [begin, end). */
typedef void (*compress_rt_body)(void *context, int64_t begin, int64_t end);

/* Calls body(context, begin, end) for parts of [0, count), maybe on several threads, and returns
 * when all are done. Parts do not overlap and cover everything. A call inside a body is serial. */
void compress_rt_parallel_for(compress_rt_body body, void *context, int64_t count);

/* The buffer of a model's intermediate values: `bytes` bytes, 64-byte aligned, kept between runs.
 * Called at most once per run. Null if memory is out; the error is reported then. */
void *compress_rt_workspace(int64_t bytes);

/* A buffer whose size is known only while the model runs, 64-byte aligned, and its release. Null if
 * memory is out; the error is reported then. May be called inside compress_rt_parallel_for. What is
 * not released when the run ends (it failed, or a loop passed the buffer on) is released then. */
void *compress_rt_alloc(int64_t bytes);
void compress_rt_free(void *buffer);

/* Memory for output `index`, 64-byte aligned. Null if memory is out; the error is reported then. */
void *compress_rt_output(int64_t index, int64_t rank, const int64_t *sizes, int64_t element_bytes);

/* Reports an error; the first one of a run counts. `message` stays valid. */
void compress_rt_error(const char *message);
/* Whether an error of this run has been reported: 1 or 0. Compiled models ask after calls that
 * return nothing and can fail, such as `compress_rt_parallel_for`. */
int32_t compress_rt_failed(void);

/* Shows a dense, row-major tensor to the observer of the context, if it has one. `index` says which
 * value it is, `element_type` is a `DataType` (compress/Support/DataType.h). Models that were not
 * made to be observed do not call it. */
void compress_rt_observe(int64_t index, const void *data, int64_t rank, const int64_t *sizes,
                         int32_t element_type);

/*===- Called by whoever runs compiled models --------------------------------===*/

/* Threads, workspace, outputs and error message of one run at a time. */
typedef struct compress_rt_context compress_rt_context;

/* A context that runs parallel loops on `threads` threads, the caller included; 0 (or less): one
 * per core that this process may use. Fewer, if the system gives no more. Null if memory is out. */
compress_rt_context *compress_rt_create(int32_t threads);
/* Frees the context with its workspace and the outputs that were not taken. Not during a run. */
void compress_rt_destroy(compress_rt_context *context);
/* How many threads there are, the caller included. */
int32_t compress_rt_get_threads(const compress_rt_context *context);

/* Calls `entry` with `context` current on this thread; outputs and error of the run before are
 * dropped. 0, or -1 if the model returned that or reported an error. One run at a time per context.
 */
int32_t compress_rt_run(compress_rt_context *context, compress_rt_entry entry,
                        const void *const *weights, const compress_rt_tensor *inputs);

/* Message of the first error of the last run, or null. Valid until the next run. */
const char *compress_rt_get_error(const compress_rt_context *context);

/* An output of a run. */
typedef struct compress_rt_result {
  /* Release with `compress_rt_free`. */
  void *data;
  int64_t bytes, element_bytes, rank;
  /* Valid until the next run. */
  const int64_t *sizes;
} compress_rt_result;

/* Gives output `index` of the last run to the caller, once: 0, or -1 if there is none. */
int32_t compress_rt_take_output(compress_rt_context *context, int64_t index,
                                compress_rt_result *result);

/* Bytes that the workspace takes now. */
int64_t compress_rt_get_workspace_bytes(const compress_rt_context *context);

/* Another implementation of `compress_rt_parallel_for` for this context, for programs with a thread
 * pool of their own: must keep its contract and call `body` with nothing else. Null: the own one.
 */
typedef void (*compress_rt_parallel_function)(void *user, compress_rt_body body, void *context,
                                              int64_t count);
void compress_rt_set_parallel_for(compress_rt_context *context,
                                  compress_rt_parallel_function function, void *user);

/* Called for each value that a model shows (see `compress_rt_observe`), in the order in which they
 * are computed, on the thread of the run and not inside parallel loops. Data and sizes are valid
 * during the call and must not be changed. */
typedef void (*compress_rt_observer)(void *user, int64_t index, const void *data, int64_t rank,
                                     const int64_t *sizes, int32_t element_type);
/* Sets the observer of this context; null: none. Not during a run. */
void compress_rt_set_observer(compress_rt_context *context, compress_rt_observer observer,
                              void *user);

/* The functions that compiled models call, for a linker that lives in this process; ends with a
 * null name. */
typedef struct compress_rt_symbol {
  const char *name;
  void *address;
} compress_rt_symbol;
const compress_rt_symbol *compress_rt_symbols(void);

#ifdef __cplusplus
}
#endif

#endif /* COMPRESS_RUNTIME_COMPRESS_RT_H */
