//===- ObserverTest.cpp - values that models show ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Session.h"
#include "compress/Runtime/compress_rt.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// What an observer was called with.
struct Call {
  int64_t index;
  float first;
  std::vector<int64_t> sizes;
  int32_t type;
  bool operator==(const Call &) const = default;
};
void PrintTo(const Call &call, std::ostream *os) {
  *os << call.index << ": " << call.first << ", rank " << call.sizes.size();
}
} // namespace

static void record(void *user, int64_t index, const void *data, int64_t rank, const int64_t *sizes,
                   int32_t type) {
  static_cast<std::vector<Call> *>(user)->push_back(
      {index, *static_cast<const float *>(data), std::vector<int64_t>(sizes, sizes + rank), type});
}

TEST(Observer, BelongsToTheContextOfTheRun) {
  auto entry = [](const void *const *, const compress_rt_tensor *) -> int32_t {
    float value = 3;
    int64_t sizes[] = {1, 2};
    compress_rt_observe(7, &value, 2, sizes, 1);
    return 0;
  };
  // Outside a run nobody listens.
  float value = 0;
  compress_rt_observe(0, &value, 0, nullptr, 0);

  compress_rt_context *context = compress_rt_create(1), *other = compress_rt_create(1);
  std::vector<Call> calls;
  EXPECT_EQ(compress_rt_run(context, entry, nullptr, nullptr), 0);
  compress_rt_set_observer(context, record, &calls);
  EXPECT_EQ(compress_rt_run(other, entry, nullptr, nullptr), 0);
  EXPECT_TRUE(calls.empty());
  EXPECT_EQ(compress_rt_run(context, entry, nullptr, nullptr), 0);
  EXPECT_EQ(calls, (std::vector<Call>{{7, 3, {1, 2}, 1}}));
  compress_rt_set_observer(context, nullptr, nullptr);
  EXPECT_EQ(compress_rt_run(context, entry, nullptr, nullptr), 0);
  EXPECT_EQ(calls.size(), 1u);
  compress_rt_destroy(context);
  compress_rt_destroy(other);
}

TEST(Observer, Sessions) {
  DialectRegistry registry;
  Session::registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceString<ModuleOp>(R"(
  func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
    compress.observe %x {id = ["a", "b"], statistics = ["gram"], index = 9 : i64} : tensor<?xf32>
    %y = compress.add %x, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    compress.observe %y {id = ["c"]} : tensor<?xf32>
    %z = compress.mul %y, %x : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    return %z : tensor<?xf32>
  })",
                                            &context);
  ASSERT_TRUE(module);
  SessionOptions options;
  options.threads = 1;
  auto session = Session::create(*module, options);
  ASSERT_TRUE(!!session) << llvm::toString(session.takeError());
  // Numbered anew, in program order.
  ASSERT_EQ((*session)->getObservations().size(), 2u);
  EXPECT_EQ((*session)->getObservations()[0].ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*session)->getObservations()[0].statistics, (std::vector<std::string>{"gram"}));
  EXPECT_EQ((*session)->getObservations()[1].ids, (std::vector<std::string>{"c"}));

  std::vector<float> x = {3, 1, 2};
  int64_t shape[] = {3};
  TensorView view{DataType::F32, x.data(), shape, {}};
  std::vector<std::pair<size_t, float>> seen;
  (*session)->setObserver([&](size_t index, const TensorView &value) {
    EXPECT_EQ(value.type, DataType::F32);
    EXPECT_EQ(value.shape, ArrayRef<int64_t>(shape));
    seen.push_back({index, *static_cast<const float *>(value.data)});
    return llvm::Error::success();
  });
  auto outputs = (*session)->run({view});
  ASSERT_TRUE(!!outputs) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>()[0], 18);
  EXPECT_EQ(seen, (std::vector<std::pair<size_t, float>>{{0, 3}, {1, 6}}));

  // An archive of the model still runs; nobody listens.
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("observer", "cmpr", path));
  ASSERT_FALSE(!!(*session)->save(path));
  auto loaded = Session::load(path, 1);
  ASSERT_TRUE(!!loaded) << llvm::toString(loaded.takeError());
  EXPECT_TRUE((*loaded)->getObservations().empty());
  outputs = (*loaded)->run({view});
  ASSERT_TRUE(!!outputs) << llvm::toString(outputs.takeError());
  EXPECT_EQ((*outputs)[0].as<float>()[2], 8);
  EXPECT_EQ(seen.size(), 2u);
  llvm::sys::fs::remove(path);

  // The error of an observer is that of the run; the next run is a new one.
  (*session)->setObserver([&](size_t index, const TensorView &) -> llvm::Error {
    seen.push_back({index, 0});
    return llvm::createStringError("not this one");
  });
  outputs = (*session)->run({view});
  ASSERT_FALSE(!!outputs);
  EXPECT_EQ(llvm::toString(outputs.takeError()), "not this one");
  EXPECT_EQ(seen.size(), 3u);
  (*session)->setObserver(nullptr);
  outputs = (*session)->run({view});
  EXPECT_TRUE(!!outputs);
  llvm::consumeError(outputs.takeError());
}
