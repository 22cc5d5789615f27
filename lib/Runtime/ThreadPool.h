//===- ThreadPool.h - threads of one context -------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Made for many short loops one after the other: idle threads spin for a short while before they
// sleep, and a loop waits only for threads that have taken part of it, so that a thread that the
// system does not schedule holds nobody up.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_RUNTIME_THREADPOOL_H
#define COMPRESS_LIB_RUNTIME_THREADPOOL_H

#include "compress/Runtime/compress_rt.h"
#include <atomic>
#include <memory>
#include <pthread.h>

namespace compress_rt {

/// Cores that this process may use, at least 1.
int getNumCores();

/// Threads that wait for loops. One thread at a time calls `run`; bodies do not.
class ThreadPool {
public:
  /// Starts `threads` - 1 threads, or as many as the system gives. Each calls `enter(user)` before
  /// and `leave(user)` after its part of a loop.
  ThreadPool(int threads, void (*enter)(void *user), void (*leave)(void *user), void *user);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  /// The calling thread included.
  int getNumThreads() const { return numWorkers + 1; }

  /// Runs [0, count) in parts. Each thread starts in a range of its own, the same for loops of
  /// equal count, and then helps others.
  void run(compress_rt_body body, void *context, int64_t count);

  /// Gets sleeping threads ready for a loop that comes soon.
  void wake();

private:
  /// The part of a loop that one thread starts with.
  struct alignas(64) Range {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  struct Worker {
    ThreadPool *pool;
    int index;
    pthread_t thread;
  };

  static void *main(void *worker);
  void work(int index);
  void waitForLoop(uint64_t seen);

  /// A loop that can be joined: generation, `kOpen`, and how many workers have joined.
  static constexpr uint64_t kOpen = 1u << 15, kJoined = kOpen - 1;
  static constexpr int kGenerationShift = 16;
  alignas(64) std::atomic<uint64_t> state{0};
  alignas(64) std::atomic<uint32_t> finished{0};
  /// Counts wake-ups; sleepers wait for it to change.
  alignas(64) std::atomic<uint32_t> wakeUps{0};
  std::atomic<int> sleepers{0};
  std::atomic<bool> stop{false};

  compress_rt_body body = nullptr;
  void *context = nullptr;
  int64_t grain = 1;
  std::unique_ptr<Range[]> ranges;

  void (*enter)(void *);
  void (*leave)(void *);
  void *user;
  bool spins = true;
  int numWorkers = 0;
  std::unique_ptr<Worker[]> workers;
};

} // namespace compress_rt

#endif // COMPRESS_LIB_RUNTIME_THREADPOOL_H
