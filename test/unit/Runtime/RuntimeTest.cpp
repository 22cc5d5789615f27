//===- RuntimeTest.cpp -----------------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Runtime/compress_rt.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <atomic>
#include <climits>
#include <functional>
#include <thread>
#include <vector>

namespace {
/// Runs `body` as the entry of a model with `context`.
int32_t run(compress_rt_context *context, const std::function<int32_t()> &body) {
  const void *weights[] = {&body};
  auto entry = [](const void *const *weights, const compress_rt_tensor *) {
    return (*static_cast<const std::function<int32_t()> *>(weights[0]))();
  };
  return compress_rt_run(context, entry, weights, nullptr);
}

void parallelFor(int64_t count, const std::function<void(int64_t, int64_t)> &body) {
  compress_rt_parallel_for(
      [](void *context, int64_t begin, int64_t end) {
        (*static_cast<const std::function<void(int64_t, int64_t)> *>(context))(begin, end);
      },
      const_cast<void *>(static_cast<const void *>(&body)), count);
}

class RuntimeThreads : public testing::TestWithParam<int> {
protected:
  void SetUp() override { context = compress_rt_create(GetParam()); }
  void TearDown() override { compress_rt_destroy(context); }
  compress_rt_context *context = nullptr;
};
INSTANTIATE_TEST_SUITE_P(Runtime, RuntimeThreads, testing::Values(1, 2, 3, 16));
} // namespace

TEST_P(RuntimeThreads, EveryIterationRunsOnce) {
  EXPECT_EQ(compress_rt_get_threads(context), GetParam());
  run(context, [&] {
    for (int64_t count : {0, 1, 2, 3, 7, 16, 100, 1001}) {
      std::vector<std::atomic<int>> done(count);
      parallelFor(count, [&](int64_t begin, int64_t end) {
        EXPECT_LT(begin, end);
        for (int64_t i = begin; i < end; ++i)
          ++done[i];
      });
      for (auto &times : done)
        EXPECT_EQ(times, 1);
    }
    return 0;
  });
}

TEST_P(RuntimeThreads, ManyShortLoopsOneAfterTheOther) {
  int64_t sum = 0;
  run(context, [&] {
    for (int64_t round = 0; round < 5000; ++round) {
      std::atomic<int64_t> part = 0;
      parallelFor(round % 9, [&](int64_t begin, int64_t end) { part += end - begin; });
      sum += part;
    }
    return 0;
  });
  EXPECT_EQ(sum, 5000 / 9 * 36 + 10);
}

TEST_P(RuntimeThreads, NestedLoopsAreSerial) {
  std::atomic<int64_t> done = 0;
  run(context, [&] {
    parallelFor(10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        auto thread = std::this_thread::get_id();
        parallelFor(20, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(std::this_thread::get_id(), thread);
          done += end - begin;
        });
      }
    });
    return 0;
  });
  EXPECT_EQ(done, 200);
}

TEST_P(RuntimeThreads, BodiesReportErrorsAndAllocate) {
  int32_t result = run(context, [&] {
    parallelFor(64, [&](int64_t, int64_t) {
      void *buffer = compress_rt_alloc(100);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer) % 64, 0u);
      compress_rt_free(buffer);
      compress_rt_error("index out of range");
    });
    return 0;
  });
  EXPECT_EQ(result, -1);
  EXPECT_STREQ(compress_rt_get_error(context), "index out of range");
}

TEST(Runtime, OutsideOfRunsLoopsAreSerialAndNothingIsReported) {
  int64_t calls = 0;
  parallelFor(7, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 7);
    ++calls;
  });
  EXPECT_EQ(calls, 1);
  compress_rt_error("nobody hears it");
  EXPECT_EQ(compress_rt_workspace(10), nullptr);
}

TEST(Runtime, TheFirstErrorCounts) {
  compress_rt_context *context = compress_rt_create(1);
  EXPECT_EQ(run(context,
                [] {
                  compress_rt_error("first");
                  compress_rt_error("second");
                  return -1;
                }),
            -1);
  EXPECT_STREQ(compress_rt_get_error(context), "first");
  EXPECT_EQ(run(context, [] { return 0; }), 0);
  EXPECT_EQ(compress_rt_get_error(context), nullptr);
  // A model may fail without a word.
  EXPECT_EQ(run(context, [] { return -1; }), -1);
  compress_rt_destroy(context);
}

TEST(Runtime, TheWorkspaceGrowsAndStays) {
  compress_rt_context *context = compress_rt_create(1);
  void *first = nullptr;
  run(context, [&] {
    first = compress_rt_workspace(int64_t(8) << 20);
    static_cast<char *>(first)[(8 << 20) - 1] = 1;
    return 0;
  });
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
  EXPECT_EQ(compress_rt_get_workspace_bytes(context), 8 << 20);
  run(context, [&] {
    EXPECT_EQ(compress_rt_workspace(100), first);
    return 0;
  });
  run(context, [&] {
    EXPECT_NE(compress_rt_workspace(int64_t(16) << 20), nullptr);
    return 0;
  });
  EXPECT_EQ(compress_rt_get_workspace_bytes(context), 16 << 20);
  run(context, [&] {
    EXPECT_NE(compress_rt_workspace(0), nullptr);
    return 0;
  });
  compress_rt_destroy(context);
}

TEST(Runtime, HugeSizesAreErrors) {
  compress_rt_context *context = compress_rt_create(1);
  for (int64_t bytes : {int64_t(-1), int64_t(1) << 50, INT64_MAX, INT64_MIN}) {
    run(context, [&] {
      EXPECT_EQ(compress_rt_alloc(bytes), nullptr);
      return 0;
    });
    EXPECT_EQ(std::string(compress_rt_get_error(context)),
              "an intermediate value of " + std::to_string(bytes) +
                  " bytes: the sizes of the inputs are too large");
    run(context, [&] {
      EXPECT_EQ(compress_rt_workspace(bytes), nullptr);
      return 0;
    });
    EXPECT_NE(compress_rt_get_error(context), nullptr);
  }
  EXPECT_EQ(compress_rt_get_workspace_bytes(context), 0);
  int64_t sizes[] = {int64_t(1) << 40, int64_t(1) << 40};
  run(context, [&] {
    EXPECT_EQ(compress_rt_output(3, 2, sizes, 4), nullptr);
    return 0;
  });
  EXPECT_STREQ(compress_rt_get_error(context), "output 3: the sizes of the inputs are too large");
  int64_t negative[] = {0, -5};
  run(context, [&] {
    EXPECT_EQ(compress_rt_output(0, 2, negative, 4), nullptr);
    EXPECT_EQ(compress_rt_output(-1, 0, nullptr, 4), nullptr);
    EXPECT_EQ(compress_rt_output(0, 1000, nullptr, 4), nullptr);
    return 0;
  });
  EXPECT_STREQ(compress_rt_get_error(context), "output 0: the sizes of the inputs are too large");
  compress_rt_destroy(context);
}

TEST(Runtime, OutputsAreTakenOnce) {
  compress_rt_context *context = compress_rt_create(1);
  run(context, [&] {
    int64_t sizes[] = {2, 3}, empty[] = {0, INT64_MAX, 2};
    static_cast<float *>(compress_rt_output(1, 2, sizes, 4))[5] = 7;
    EXPECT_NE(compress_rt_output(0, 3, empty, 8), nullptr);
    return 0;
  });
  compress_rt_result result;
  ASSERT_EQ(compress_rt_take_output(context, 1, &result), 0);
  EXPECT_EQ(result.bytes, 24);
  EXPECT_EQ(result.element_bytes, 4);
  EXPECT_EQ(std::vector<int64_t>(result.sizes, result.sizes + result.rank),
            (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(result.data) % 64, 0u);
  EXPECT_EQ(static_cast<float *>(result.data)[5], 7);
  compress_rt_free(result.data);
  EXPECT_EQ(compress_rt_take_output(context, 1, &result), -1);
  ASSERT_EQ(compress_rt_take_output(context, 0, &result), 0);
  EXPECT_EQ(result.bytes, 0);
  compress_rt_free(result.data);
  EXPECT_EQ(compress_rt_take_output(context, 2, &result), -1);
  EXPECT_EQ(compress_rt_take_output(context, -1, &result), -1);
  compress_rt_destroy(context);
}

TEST(Runtime, ParallelForCanBeReplaced) {
  compress_rt_context *context = compress_rt_create(1);
  int64_t calls = 0;
  compress_rt_set_parallel_for(
      context,
      [](void *user, compress_rt_body body, void *data, int64_t count) {
        ++*static_cast<int64_t *>(user);
        std::thread([=] { body(data, 0, count / 2); }).join();
        body(data, count / 2, count);
      },
      &calls);
  int64_t sum = 0;
  run(context, [&] {
    parallelFor(10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        sum += i;
      // The context is there on foreign threads, too; nested loops do not come back.
      void *buffer = compress_rt_alloc(-1);
      EXPECT_EQ(buffer, nullptr);
      parallelFor(5, [](int64_t, int64_t) {});
    });
    return 0;
  });
  EXPECT_EQ(sum, 45);
  EXPECT_EQ(calls, 1);
  EXPECT_NE(compress_rt_get_error(context), nullptr);
  compress_rt_destroy(context);
}

TEST(Runtime, ContextsRunAtTheSameTime) {
  std::vector<std::thread> threads;
  std::atomic<int64_t> total = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      compress_rt_context *context = compress_rt_create(2);
      for (int round = 0; round < 50; ++round)
        run(context, [&] {
          parallelFor(100, [&](int64_t begin, int64_t end) { total += end - begin; });
          return 0;
        });
      compress_rt_destroy(context);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(total, 4 * 50 * 100);
}

TEST(Runtime, SymbolsAreNamed) {
  std::vector<std::string> names;
  for (const compress_rt_symbol *symbol = compress_rt_symbols(); symbol->name; ++symbol) {
    EXPECT_NE(symbol->address, nullptr);
    names.push_back(symbol->name);
  }
  for (const char *name :
       {"compress_rt_parallel_for", "compress_rt_workspace", "compress_rt_alloc",
        "compress_rt_free", "compress_rt_output", "compress_rt_error"})
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 1) << name;
}
