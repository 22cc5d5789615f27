//===- StreamStatisticsTest.cpp - streams in statistics files ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Statistics.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace mlir::compress;

namespace {

struct TemporaryFile {
  SmallString<128> path;
  TemporaryFile() { EXPECT_FALSE(sys::fs::createTemporaryFile("streams", "safetensors", path)); }
  ~TemporaryFile() { sys::fs::remove(path); }
};

StreamStatistics makeStream() {
  return {{"fc \"0\"", "fc1", "fc1/end"},
          4,
          {4, 2, 0, 2, 4, -4, 0, -4, 4},
          {0, 1, 2, 1, 0, 4, 2, 4, 0}};
}

TEST(StreamStatistics, SurvivesAFile) {
  Statistics statistics;
  statistics.samples = 3;
  statistics.setStream("main", makeStream());
  statistics.setStream("a/b", makeStream());
  TemporaryFile file;
  cantFail(statistics.save(file.path));
  Statistics loaded = cantFail(Statistics::load(file.path));
  EXPECT_EQ(loaded.samples, 3u);
  EXPECT_EQ(loaded.getStreams().size(), 2u);
  EXPECT_TRUE(loaded.getEntries().empty());
  for (StringRef function : {"main", "a/b"}) {
    const StreamStatistics *stream = loaded.findStream(function);
    ASSERT_TRUE(stream);
    EXPECT_EQ(stream->points, makeStream().points);
    EXPECT_EQ(stream->vectors, 4u);
    EXPECT_EQ(stream->cosine, makeStream().cosine);
    EXPECT_EQ(stream->angle, makeStream().angle);
  }
  EXPECT_FALSE(loaded.findStream("other"));
  loaded.eraseStream("main");
  EXPECT_FALSE(loaded.findStream("main"));
}

TEST(StreamStatistics, WhatCannotBeIsAnError) {
  TemporaryFile file;
  auto save = [&](StreamStatistics stream) {
    Statistics statistics;
    statistics.setStream("main", std::move(stream));
    std::string message = toString(statistics.save(file.path));
    size_t at = message.find("entry");
    return at == std::string::npos ? message : message.substr(at);
  };
  StreamStatistics stream = makeStream();
  stream.cosine[1] = 4.5;
  EXPECT_EQ(save(stream), "entry 'stream/main': 'cosine' is no sum over 4 vectors at element 1");
  stream = makeStream();
  stream.angle.pop_back();
  EXPECT_EQ(save(stream), "entry 'stream/main': 'angle': expects 3x3 elements, got 8");
  stream = makeStream();
  stream.points.resize(1);
  EXPECT_EQ(save(stream), "entry 'stream/main': expects 2 to 16384 points, got 1");
}

} // namespace
