//===- StageLogTest.cpp - kept results of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../../../lib/Calibration/StageLog.h"
#include "../Weights/WeightTestUtils.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
class StageLogTest : public WeightTest {
protected:
  StageLogTest() : store(&context) {
    module = parse(R"mlir(
      compress.weight private @w : tensor<2x4xf32> = dense<0.0>
      func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
        %w = compress.load @w : tensor<2x4xf32>
        %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
        return %y : tensor<?x2xf32>
      })mlir");
    task.users = {*getWeighted(find<LinearOp>(*module))};
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("stage-log", folder));
  }
  ~StageLogTest() override { (void)llvm::sys::fs::remove_directories(folder); }

  Type codeType(unsigned bits) { return IntegerType::get(&context, bits, IntegerType::Unsigned); }
  StoredTensor take(FailureOr<StoredTensor> tensor) {
    EXPECT_TRUE(succeeded(tensor)) << lastMessage();
    return succeeded(tensor) ? std::move(*tensor) : StoredTensor();
  }
  std::vector<double> decode(const EncodedWeight &weight) {
    return toDoubles(take(decodeWeight(store, weight, errorFn())));
  }

  /// What a run finds that resumes after one in which the weight became `weight`.
  EncodedWeight keep(EncodedWeight weight) {
    WeightOutcome first, second;
    first.weight = std::move(weight);
    first.changed = true;
    auto step = [](WeightStore &, const WeightTask &, WeightOutcome &) { return success(); };
    {
      auto log = llvm::cantFail(StageLog::open(folder, /*fingerprint=*/1));
      llvm::cantFail(log->begin(0));
      EXPECT_FALSE(log->isReplay());
      EXPECT_TRUE(succeeded(log->runStep(step, store, task, first)));
      llvm::cantFail(log->finish());
    }
    auto log = llvm::cantFail(StageLog::open(folder, /*fingerprint=*/1));
    llvm::cantFail(log->begin(0));
    EXPECT_TRUE(log->isReplay());
    EXPECT_TRUE(succeeded(log->runStep(step, store, task, second))) << lastMessage();
    EXPECT_TRUE(second.changed);
    return std::move(second.weight);
  }

  WeightStore store;
  OwningOpRef<ModuleOp> module;
  WeightTask task;
  SmallString<128> folder;
};
} // namespace

TEST_F(StageLogTest, KeepsTablesOfBlocks) {
  EncodedWeight weight;
  weight.type = getType({2, 4}, f32());
  weight.values =
      take(makeCodes(store, getType({2, 4}, codeType(2)), {0, 1, 2, 3, 3, 3, 1, 0}, errorFn()));
  weight.table =
      take(makeFloats(store, getType({2, 1, 4}, f32()), {0, 1, -1, 0.5, 0, 8, 16, -24}, errorFn()));
  weight.tableBlock = {1, -1};
  EncodedWeight found = keep(std::move(weight));
  EXPECT_EQ(found.tableBlock, (SmallVector<int64_t>{1, -1}));
  EXPECT_EQ(decode(found), (std::vector<double>{0, 1, -1, 0.5, -24, -24, 8, 0}));
}

TEST_F(StageLogTest, KeepsVectors) {
  EncodedWeight weight;
  weight.type = getType({2, 4}, f32());
  weight.values =
      take(makeWideCodes(store, getType({1, 4, 1}, codeType(16)), {0, 2, 1, 0}, errorFn()));
  weight.vectors = EncodedWeight::Vectors{
      take(makeFloats(store, getType({1, 1, 3, 2}, f32()), {1, 2, 3, 4, 5, 6}, errorFn())), 0};
  FailureOr<EncodedWeight::Scales> scales =
      makeScales(store, weight.type, {1, -1}, {1, 10}, errorFn());
  ASSERT_TRUE(succeeded(scales));
  weight.scales = std::move(*scales);
  EncodedWeight found = keep(std::move(weight));
  ASSERT_TRUE(found.vectors);
  EXPECT_EQ(found.vectors->axis, 0);
  EXPECT_EQ(decode(found), (std::vector<double>{1, 5, 3, 1, 20, 60, 40, 20}));
}
