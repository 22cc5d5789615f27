//===- ThreadPool.cpp - threads of one context -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThreadPool.h"
#include <algorithm>
#include <chrono>
#include <new>
#include <sched.h>
#include <unistd.h>

using namespace compress_rt;

/// How long an idle thread spins before it sleeps: longer than the serial parts between the loops
/// of a small model, much shorter than what anybody would notice.
static constexpr std::chrono::microseconds kSpinTime(200);
/// Largest number of threads.
static constexpr int kMaxThreads = 1024;

static void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

int compress_rt::getNumCores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
}

ThreadPool::ThreadPool(int threads, void (*enter)(void *), void (*leave)(void *), void *user)
    : enter(enter), leave(leave), user(user) {
  int cores = getNumCores();
  threads = std::clamp(threads <= 0 ? cores : threads, 1, kMaxThreads);
  // With more threads than cores, spinning takes time from those that work.
  spins = threads <= cores;
  ranges.reset(new (std::nothrow) Range[threads]);
  workers.reset(new (std::nothrow) Worker[threads]);
  if (!ranges || !workers)
    return;
  for (int index = 1; index < threads; ++index) {
    Worker &worker = workers[numWorkers];
    worker.pool = this;
    worker.index = index;
    if (pthread_create(&worker.thread, nullptr, main, &worker) != 0)
      break;
    ++numWorkers;
  }
}

ThreadPool::~ThreadPool() {
  stop.store(true);
  wakeUps.fetch_add(1);
  wakeUps.notify_all();
  for (int i = 0; i < numWorkers; ++i)
    pthread_join(workers[i].thread, nullptr);
}

void *ThreadPool::main(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  ThreadPool &pool = *worker->pool;
  uint64_t seen = 0;
  while (!pool.stop.load(std::memory_order_relaxed)) {
    uint64_t state = pool.state.load(std::memory_order_acquire);
    if (!(state & kOpen) || state >> kGenerationShift == seen) {
      pool.waitForLoop(state);
      continue;
    }
    if (!pool.state.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel))
      continue;
    seen = state >> kGenerationShift;
    pool.enter(pool.user);
    pool.work(worker->index);
    pool.leave(pool.user);
    pool.finished.fetch_add(1, std::memory_order_release);
    pool.finished.notify_one();
  }
  return nullptr;
}

/// Returns when the state may differ from `old`.
void ThreadPool::waitForLoop(uint64_t old) {
  auto isNew = [&] {
    return state.load(std::memory_order_acquire) != old || stop.load(std::memory_order_relaxed);
  };
  uint32_t ticket = wakeUps.load();
  if (spins) {
    auto end = std::chrono::steady_clock::now() + kSpinTime;
    do {
      for (int i = 0; i < 32; ++i) {
        if (isNew())
          return;
        relax();
      }
    } while (std::chrono::steady_clock::now() < end);
  }
  // A loop that starts from here on sees the sleeper or is seen here.
  sleepers.fetch_add(1);
  if (state.load() == old && !stop.load())
    wakeUps.wait(ticket);
  sleepers.fetch_sub(1);
}

void ThreadPool::wake() {
  if (sleepers.load() == 0)
    return;
  wakeUps.fetch_add(1);
  wakeUps.notify_all();
}

void ThreadPool::work(int index) {
  int threads = getNumThreads();
  for (int i = 0; i < threads; ++i) {
    Range &range = ranges[(index + i) % threads];
    for (;;) {
      if (range.next.load(std::memory_order_relaxed) >= range.end)
        break;
      int64_t begin = range.next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= range.end)
        break;
      body(context, begin, std::min(begin + grain, range.end));
    }
  }
}

void ThreadPool::run(compress_rt_body loopBody, void *loopContext, int64_t count) {
  int threads = getNumThreads();
  if (count <= 0)
    return;
  if (threads == 1 || count == 1)
    return loopBody(loopContext, 0, count);

  body = loopBody;
  context = loopContext;
  // Four steps per thread balance well enough.
  grain = std::max<int64_t>(1, count / threads / 4);
  int64_t share = count / threads, rest = count % threads, begin = 0;
  for (int i = 0; i < threads; ++i) {
    ranges[i].next.store(begin, std::memory_order_relaxed);
    begin += share + (i < rest ? 1 : 0);
    ranges[i].end = begin;
  }
  finished.store(0, std::memory_order_relaxed);
  uint64_t generation = (state.load(std::memory_order_relaxed) >> kGenerationShift) + 1;
  state.store(generation << kGenerationShift | kOpen);
  wake();
  work(0);

  // Nobody joins from here on; those who have are waited for.
  uint64_t joined = state.fetch_and(~kOpen, std::memory_order_acq_rel) & kJoined;
  for (int i = 0; spins && i < 4096; ++i) {
    if (finished.load(std::memory_order_acquire) == joined)
      return;
    relax();
  }
  for (uint32_t now; (now = finished.load(std::memory_order_acquire)) != joined;)
    finished.wait(now, std::memory_order_acquire);
}
