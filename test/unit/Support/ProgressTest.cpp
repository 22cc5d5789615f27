//===- ProgressTest.cpp ----------------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Progress.h"
#include "llvm/Support/JSON.h"
#include "gtest/gtest.h"
#include <chrono>
#include <thread>

using namespace mlir::compress;

namespace {

TEST(Progress, ShortWorkIsSilent) {
  for (Progress::Mode mode : {Progress::Mode::Off, Progress::Mode::Plain, Progress::Mode::Json}) {
    std::string text;
    llvm::raw_string_ostream os(text);
    Progress progress(mode, os);
    progress.begin("calibrate", 3);
    for (int i = 0; i < 3; ++i)
      progress.step("layer");
    progress.end();
    EXPECT_EQ(text, "");
  }
}

TEST(Progress, LongWorkTellsTheTimeLeft) {
  std::string plainText, jsonText, offText;
  llvm::raw_string_ostream plainOs(plainText), jsonOs(jsonText), offOs(offText);
  Progress plain(Progress::Mode::Plain, plainOs), json(Progress::Mode::Json, jsonOs),
      off(Progress::Mode::Off, offOs);
  for (Progress *progress : {&plain, &json, &off})
    progress->begin("compress", 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  for (Progress *progress : {&plain, &json, &off}) {
    progress->step("layer fc1");
    // Too soon for another line.
    progress->step("layer fc2");
  }
  EXPECT_TRUE(llvm::StringRef(plainText).starts_with("compress: 1/4, layer fc1, about "))
      << plainText;
  EXPECT_TRUE(llvm::StringRef(plainText).ends_with(" s left\n")) << plainText;
  EXPECT_EQ(llvm::StringRef(plainText).count('\n'), 1u);
  EXPECT_EQ(offText, "");

  llvm::Expected<llvm::json::Value> value = llvm::json::parse(jsonText);
  ASSERT_TRUE(!!value) << jsonText;
  const llvm::json::Object *object = value->getAsObject();
  ASSERT_TRUE(object);
  EXPECT_EQ(object->getString("task"), "compress");
  EXPECT_EQ(object->getString("detail"), "layer fc1");
  EXPECT_EQ(object->getInteger("step"), 1);
  EXPECT_EQ(object->getInteger("steps"), 4);
  // One of four took all the time so far.
  double elapsed = object->getNumber("elapsed").value_or(0);
  EXPECT_GE(elapsed, 2.0);
  EXPECT_NEAR(object->getNumber("remaining").value_or(0), 3 * elapsed, 1e-6 * elapsed);

  plain.end();
  EXPECT_EQ(llvm::StringRef(plainText).count('\n'), 2u);
  EXPECT_NE(plainText.find("compress: 2/4, layer fc2, "), std::string::npos) << plainText;
}

} // namespace
