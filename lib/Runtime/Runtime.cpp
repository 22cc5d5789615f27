//===- Runtime.cpp - run time of compiled models -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThreadPool.h"
#include "compress/Runtime/compress_rt.h"
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_set>
#include <vector>
#ifdef __linux__
#include <sys/mman.h>
#endif

using namespace compress_rt;

namespace {
/// Larger requests are mistakes (an overflow, a hostile size), not needs.
constexpr int64_t kMaxBytes = int64_t(1) << 46;
constexpr int64_t kMaxOutputs = 1 << 16, kMaxRank = 64;
/// From this size on, buffers that are kept use huge pages where the system has them.
constexpr size_t kHugePage = size_t(2) << 20;

struct Output {
  void *data = nullptr;
  int64_t bytes = 0, elementBytes = 0;
  std::vector<int64_t> sizes;
};
} // namespace

struct compress_rt_context {
  explicit compress_rt_context(int threads) : pool(threads, enter, leave, this) {}
  ~compress_rt_context() {
    dropOutputs();
    std::free(workspace);
  }

  /// Frees what the run did not: buffers that loops pass on, and all after an error.
  void dropBuffers() {
    for (void *buffer : buffers)
      std::free(buffer);
    buffers.clear();
  }

  void dropOutputs() {
    for (Output &output : outputs)
      std::free(output.data);
    outputs.clear();
  }

  /// Around a worker's part of a loop.
  static void enter(void *context);
  static void leave(void *context);

  ThreadPool pool;
  compress_rt_parallel_function parallel = nullptr;
  void *parallelUser = nullptr;
  compress_rt_observer observer = nullptr;
  void *observerUser = nullptr;
  void *workspace = nullptr;
  size_t workspaceBytes = 0;
  std::vector<Output> outputs;
  /// What `compress_rt_alloc` has given out.
  std::mutex buffersMutex;
  std::unordered_set<void *> buffers;
  /// Set by the first who reports an error, who then writes `message`.
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::atomic<const char *> message{nullptr};
  char text[256];
};

/// The context of the run that this thread takes part in, and whether it is in a parallel loop.
static thread_local compress_rt_context *current = nullptr;
static thread_local bool inLoop = false;

void compress_rt_context::enter(void *context) {
  current = static_cast<compress_rt_context *>(context);
  inLoop = true;
}

void compress_rt_context::leave(void *) {
  current = nullptr;
  inLoop = false;
}

//===----------------------------------------------------------------------===//
// Errors and memory
//===----------------------------------------------------------------------===//

/// Reports an error of the run time itself.
__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...) {
  if (!current || current->failed.test_and_set())
    return;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(current->text, sizeof(current->text), format, arguments);
  va_end(arguments);
  current->message = current->text;
}

void compress_rt_error(const char *message) {
  if (current && !current->failed.test_and_set())
    current->message = message;
}

/// 64-byte aligned memory of at least one byte; null after an error.
static void *allocate(int64_t bytes, const char *what, bool huge = false) {
  if (bytes < 0 || bytes > kMaxBytes) {
    fail("%s of %lld bytes: the sizes of the inputs are too large", what,
         static_cast<long long>(bytes));
    return nullptr;
  }
  size_t alignment = huge && static_cast<size_t>(bytes) >= kHugePage ? kHugePage : 64;
  size_t size = std::max<size_t>(bytes, 1);
  void *data = nullptr;
  // The size is not rounded up, so that sanitizers see every access behind the end.
  if (posix_memalign(&data, alignment, size) != 0) {
    fail("out of memory: cannot allocate %lld bytes for %s", static_cast<long long>(bytes), what);
    return nullptr;
  }
#ifdef __linux__
  if (alignment == kHugePage)
    (void)madvise(data, size, MADV_HUGEPAGE);
#endif
  return data;
}

void *compress_rt_workspace(int64_t bytes) {
  if (!current)
    return nullptr;
  compress_rt_context &context = *current;
  if (context.workspace && bytes >= 0 && static_cast<size_t>(bytes) <= context.workspaceBytes)
    return context.workspace;
  // The old one first, so that there are never two.
  std::free(context.workspace);
  context.workspaceBytes = 0;
  context.workspace = allocate(bytes, "intermediate values", /*huge=*/true);
  if (context.workspace)
    context.workspaceBytes = static_cast<size_t>(bytes);
  return context.workspace;
}

void *compress_rt_alloc(int64_t bytes) {
  void *buffer = allocate(bytes, "an intermediate value");
  if (buffer && current) {
    std::lock_guard lock(current->buffersMutex);
    current->buffers.insert(buffer);
  }
  return buffer;
}

void compress_rt_free(void *buffer) {
  if (current) {
    std::lock_guard lock(current->buffersMutex);
    current->buffers.erase(buffer);
  }
  std::free(buffer);
}

int32_t compress_rt_failed(void) { return current && current->failed.test(); }

void *compress_rt_output(int64_t index, int64_t rank, const int64_t *sizes, int64_t elementBytes) {
  if (!current)
    return nullptr;
  if (index < 0 || index >= kMaxOutputs || rank < 0 || rank > kMaxRank || elementBytes < 1) {
    fail("output %lld has rank %lld and elements of %lld bytes", static_cast<long long>(index),
         static_cast<long long>(rank), static_cast<long long>(elementBytes));
    return nullptr;
  }
  int64_t bytes = elementBytes;
  bool overflow = false, empty = false;
  for (int64_t dim = 0; dim < rank; ++dim) {
    overflow |= sizes[dim] < 0;
    empty |= sizes[dim] == 0;
  }
  for (int64_t dim = 0; dim < rank && !empty && !overflow; ++dim)
    overflow = __builtin_mul_overflow(bytes, sizes[dim], &bytes);
  if (overflow) {
    fail("output %lld: the sizes of the inputs are too large", static_cast<long long>(index));
    return nullptr;
  }
  if (empty)
    bytes = 0;
  void *data = allocate(bytes, "an output");
  if (!data)
    return nullptr;
  std::vector<Output> &outputs = current->outputs;
  if (outputs.size() <= static_cast<size_t>(index))
    outputs.resize(index + 1);
  Output &output = outputs[index];
  std::free(output.data);
  output.data = data;
  output.bytes = bytes;
  output.elementBytes = elementBytes;
  output.sizes.assign(sizes, sizes + rank);
  return data;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void compress_rt_parallel_for(compress_rt_body body, void *context, int64_t count) {
  if (count <= 0)
    return;
  if (!current || inLoop || count == 1 ||
      (current->pool.getNumThreads() == 1 && !current->parallel))
    return body(context, 0, count);
  if (!current->parallel) {
    inLoop = true;
    current->pool.run(body, context, count);
    inLoop = false;
    return;
  }

  // On foreign threads the parts need the context, too.
  struct Job {
    compress_rt_context *owner;
    compress_rt_body body;
    void *context;
  } job{current, body, context};
  auto part = [](void *data, int64_t begin, int64_t end) {
    auto *job = static_cast<Job *>(data);
    compress_rt_context *outer = current;
    bool outerInLoop = inLoop;
    current = job->owner;
    inLoop = true;
    job->body(job->context, begin, end);
    current = outer;
    inLoop = outerInLoop;
  };
  current->parallel(current->parallelUser, part, &job, count);
}

void compress_rt_observe(int64_t index, const void *data, int64_t rank, const int64_t *sizes,
                         int32_t elementType) {
  if (current && current->observer)
    current->observer(current->observerUser, index, data, rank, sizes, elementType);
}

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

compress_rt_context *compress_rt_create(int32_t threads) {
  return new (std::nothrow) compress_rt_context(threads);
}

void compress_rt_destroy(compress_rt_context *context) { delete context; }

int32_t compress_rt_get_threads(const compress_rt_context *context) {
  return context->pool.getNumThreads();
}

int32_t compress_rt_run(compress_rt_context *context, compress_rt_entry entry,
                        const void *const *weights, const compress_rt_tensor *inputs) {
  context->dropOutputs();
  context->message = nullptr;
  context->failed.clear();
  context->pool.wake();
  compress_rt_context *outer = current;
  bool outerInLoop = inLoop;
  current = context;
  inLoop = false;
  int32_t result = entry(weights, inputs);
  context->dropBuffers();
  current = outer;
  inLoop = outerInLoop;
  return result == 0 && !context->message.load() ? 0 : -1;
}

const char *compress_rt_get_error(const compress_rt_context *context) {
  return context->message.load();
}

int32_t compress_rt_take_output(compress_rt_context *context, int64_t index,
                                compress_rt_result *result) {
  if (index < 0 || static_cast<size_t>(index) >= context->outputs.size() ||
      !context->outputs[index].data)
    return -1;
  Output &output = context->outputs[index];
  *result = {output.data, output.bytes, output.elementBytes,
             static_cast<int64_t>(output.sizes.size()), output.sizes.data()};
  output.data = nullptr;
  return 0;
}

int64_t compress_rt_get_workspace_bytes(const compress_rt_context *context) {
  return static_cast<int64_t>(context->workspaceBytes);
}

void compress_rt_set_parallel_for(compress_rt_context *context,
                                  compress_rt_parallel_function function, void *user) {
  context->parallel = function;
  context->parallelUser = user;
}

void compress_rt_set_observer(compress_rt_context *context, compress_rt_observer observer,
                              void *user) {
  context->observer = observer;
  context->observerUser = user;
}

const compress_rt_symbol *compress_rt_symbols(void) {
  static const compress_rt_symbol symbols[] = {
      {"compress_rt_parallel_for", reinterpret_cast<void *>(compress_rt_parallel_for)},
      {"compress_rt_workspace", reinterpret_cast<void *>(compress_rt_workspace)},
      {"compress_rt_alloc", reinterpret_cast<void *>(compress_rt_alloc)},
      {"compress_rt_free", reinterpret_cast<void *>(compress_rt_free)},
      {"compress_rt_output", reinterpret_cast<void *>(compress_rt_output)},
      {"compress_rt_error", reinterpret_cast<void *>(compress_rt_error)},
      {"compress_rt_failed", reinterpret_cast<void *>(compress_rt_failed)},
      {"compress_rt_observe", reinterpret_cast<void *>(compress_rt_observe)},
      {nullptr, nullptr}};
  return symbols;
}
