//===- StatisticsTest.cpp - statistics in memory and in files -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Statistics.h"
#include "compress/Support/SafeTensors.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <cmath>
#include <functional>

using namespace llvm;
using namespace mlir::compress;

namespace {

/// A file name that is removed at the end.
struct TemporaryFile {
  SmallString<128> path;
  TemporaryFile() { EXPECT_FALSE(sys::fs::createTemporaryFile("statistics", "safetensors", path)); }
  ~TemporaryFile() { sys::fs::remove(path); }
};

/// Two vectors of two channels: (1, -2) and (3, 4).
TensorStatistics makeEntry() {
  TensorStatistics entry;
  entry.vectors = 2;
  entry.runs = 1;
  entry.channels = 2;
  entry.min = {1, -2};
  entry.max = {3, 4};
  entry.movingRange = {-2, 4};
  entry.sum = {4, 2};
  entry.sumAbs = {4, 6};
  entry.sumSquares = {10, 20};
  entry.histogram = {-2, 6, {1, 1, 1, 1}};
  entry.features = 2;
  entry.groups = 1;
  entry.gramVectors = 2;
  entry.gram = {10, 10, 10, 20};
  entry.cross = {1, 2, 3, 4};
  return entry;
}

void expectSame(const TensorStatistics &a, const TensorStatistics &b) {
  EXPECT_EQ(a.vectors, b.vectors);
  EXPECT_EQ(a.runs, b.runs);
  EXPECT_EQ(a.nonFinite, b.nonFinite);
  EXPECT_EQ(a.channels, b.channels);
  EXPECT_EQ(a.min, b.min);
  EXPECT_EQ(a.max, b.max);
  EXPECT_EQ(a.movingRange, b.movingRange);
  EXPECT_EQ(a.sum, b.sum);
  EXPECT_EQ(a.sumAbs, b.sumAbs);
  EXPECT_EQ(a.sumSquares, b.sumSquares);
  EXPECT_EQ(a.histogram.low, b.histogram.low);
  EXPECT_EQ(a.histogram.high, b.histogram.high);
  EXPECT_EQ(a.histogram.counts, b.histogram.counts);
  EXPECT_EQ(a.gram, b.gram);
  EXPECT_EQ(a.cross, b.cross);
  EXPECT_EQ(a.features, b.features);
  EXPECT_EQ(a.groups, b.groups);
  EXPECT_EQ(a.gramVectors, b.gramVectors);
}

TEST(Statistics, Derived) {
  TensorStatistics entry = makeEntry();
  EXPECT_EQ(entry.getMin(), -2);
  EXPECT_EQ(entry.getMax(), 4);
  EXPECT_EQ(entry.getAbsMax(), (std::vector<float>{3, 4}));
  EXPECT_EQ(entry.getMean(), (std::vector<double>{2, 1}));
  EXPECT_EQ(entry.getMeanAbs(), (std::vector<double>{2, 3}));
  EXPECT_EQ(entry.getVariance(), (std::vector<double>{1, 9}));
  TensorStatistics empty;
  EXPECT_EQ(empty.getMin(), 0);
  EXPECT_EQ(empty.getMax(), 0);
  EXPECT_TRUE(empty.getVariance().empty());
  // Rounding never makes a variance negative.
  entry.sum = {4, 2};
  entry.sumSquares = {7.999999, 2};
  EXPECT_EQ(entry.getVariance(), (std::vector<double>{0, 0}));
}

TEST(Statistics, SharedEntriesAreCopiedBeforeWriting) {
  Statistics statistics;
  auto entry = std::make_shared<const TensorStatistics>(makeEntry());
  statistics.set("q:input", entry);
  statistics.set("k:input", entry);
  EXPECT_EQ(statistics.findInput("q"), statistics.findInput("k"));
  statistics.getMutable("q:input").vectors = 7;
  EXPECT_EQ(statistics.findInput("q")->vectors, 7u);
  EXPECT_EQ(statistics.findInput("k")->vectors, 2u);
  EXPECT_EQ(entry->vectors, 2u);
  statistics.drop("k:input");
  EXPECT_EQ(statistics.findInput("k"), nullptr);
  statistics.drop("none");
}

TEST(Statistics, ScaleChannels) {
  Statistics statistics;
  auto entry = std::make_shared<const TensorStatistics>(makeEntry());
  statistics.set("q:input", entry);
  statistics.set("k:input", entry);
  statistics.scaleChannels("q:input", {2, -0.5f});
  // The vectors are now (2, 1) and (6, -2).
  const TensorStatistics *q = statistics.findInput("q");
  EXPECT_EQ(q->min, (std::vector<float>{2, -2}));
  EXPECT_EQ(q->max, (std::vector<float>{6, 1}));
  EXPECT_EQ(q->sum, (std::vector<double>{8, -1}));
  EXPECT_EQ(q->sumAbs, (std::vector<double>{8, 3}));
  EXPECT_EQ(q->sumSquares, (std::vector<double>{40, 5}));
  EXPECT_EQ(q->gram, (std::vector<float>{40, -10, -10, 5}));
  EXPECT_EQ(q->cross, (std::vector<float>{4, -2, -3, 1}));
  EXPECT_TRUE(q->histogram.counts.empty());
  EXPECT_TRUE(q->movingRange.empty());
  EXPECT_EQ(q->gramVectors, 2u);
  expectSame(*statistics.findInput("k"), makeEntry());
  statistics.scaleChannels("missing", {1});
}

TEST(Statistics, ScaleChannelsOfConvolution) {
  // Two groups of two channels, kernel of two positions.
  TensorStatistics entry;
  entry.vectors = entry.gramVectors = 1;
  entry.channels = 4;
  entry.groups = 2;
  entry.features = 4;
  entry.gram.assign(32, 1);
  Statistics statistics;
  statistics.set("c:input", std::make_shared<const TensorStatistics>(entry));
  statistics.scaleChannels("c:input", {2, 3, 5, 7});
  const std::vector<float> &gram = statistics.findInput("c")->gram;
  float features[2][4] = {{2, 2, 3, 3}, {5, 5, 7, 7}};
  for (int g = 0; g < 2; ++g)
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j)
        EXPECT_EQ(gram[g * 16 + i * 4 + j], features[g][i] * features[g][j]);
}

TEST(Statistics, ScaleChannelsThatCannotBe) {
  auto dropped = [](ArrayRef<float> factors) {
    Statistics statistics;
    statistics.set("q:input", std::make_shared<const TensorStatistics>(makeEntry()));
    statistics.scaleChannels("q:input", factors);
    return statistics.findInput("q") == nullptr;
  };
  EXPECT_FALSE(dropped({1, 0}));
  EXPECT_TRUE(dropped({1}));
  EXPECT_TRUE(dropped({1, NAN}));
  EXPECT_TRUE(dropped({INFINITY, 1}));
  EXPECT_TRUE(dropped({3e38f, 1})); // The values overflow.
  // Only the Gram matrix overflows.
  Statistics statistics;
  statistics.set("q:input", std::make_shared<const TensorStatistics>(makeEntry()));
  statistics.scaleChannels("q:input", {1e30f, 1});
  EXPECT_TRUE(statistics.findInput("q")->gram.empty());
  EXPECT_EQ(statistics.findInput("q")->max[0], 3 * 1e30f);
}

TEST(Statistics, RoundTrip) {
  Statistics statistics;
  statistics.fingerprint = 0xfedcba9876543210u;
  statistics.samples = 64;
  auto entry = std::make_shared<const TensorStatistics>(makeEntry());
  statistics.set("/h/0/q:input", entry);
  statistics.set("/h/0/k:input", entry);
  statistics.set("unseen:input", std::make_shared<const TensorStatistics>());
  TensorStatistics few;
  few.vectors = few.runs = 3;
  few.nonFinite = 1;
  few.channels = 1;
  few.min = {-0.0f};
  few.max = {1e-40f};
  statistics.set("few:output", std::make_shared<const TensorStatistics>(few));
  TemporaryFile file;
  ASSERT_FALSE(errorToBool(statistics.save(file.path)));
  Statistics read = cantFail(Statistics::load(file.path));
  EXPECT_EQ(read.fingerprint, statistics.fingerprint);
  EXPECT_EQ(read.samples, 64u);
  ASSERT_EQ(read.getEntries().size(), 4u);
  for (const auto &[key, value] : statistics.getEntries())
    expectSame(*read.find(key), *value);
  EXPECT_EQ(read.findInput("/h/0/q"), read.findInput("/h/0/k"));
  // Writing again gives the same bytes.
  TemporaryFile again;
  ASSERT_FALSE(errorToBool(read.save(again.path)));
  EXPECT_EQ((*MemoryBuffer::getFile(file.path))->getBuffer(),
            (*MemoryBuffer::getFile(again.path))->getBuffer());
}

TEST(Statistics, WeightsRoundTrip) {
  Statistics statistics;
  statistics.setWeight("/h/fc", {{2, 3}, {1, -2, 3, 4, 5, 6}, {1, 4, 9, 0, 25, 36}, 7.5, 0.25});
  statistics.setWeight("first", {{1}, {-0.5f}, {}, std::nullopt, std::nullopt});
  statistics.setWeight("trace", {{}, {}, {}, -1.0, std::nullopt});
  statistics.setWeight("measured", {{}, {}, {}, std::nullopt, 3.0});
  statistics.set("/h/fc:input", std::make_shared<const TensorStatistics>(makeEntry()));
  TemporaryFile file;
  ASSERT_FALSE(errorToBool(statistics.save(file.path)));
  Statistics read = cantFail(Statistics::load(file.path));
  EXPECT_EQ(read.getEntries().size(), 1u);
  ASSERT_EQ(read.getWeights().size(), 4u);
  for (const auto &[op, entry] : statistics.getWeights()) {
    const WeightStatistics *found = read.findWeight(op);
    ASSERT_NE(found, nullptr) << op;
    EXPECT_EQ(found->shape, entry->shape);
    EXPECT_EQ(found->gradient, entry->gradient);
    EXPECT_EQ(found->gradientSquares, entry->gradientSquares);
    EXPECT_EQ(found->hessianTrace, entry->hessianTrace);
    EXPECT_EQ(found->outputSensitivity, entry->outputSensitivity);
  }
  EXPECT_EQ(read.findWeight("fc"), nullptr);
  read.eraseWeight("first");
  read.eraseWeight("none");
  EXPECT_EQ(read.findWeight("first"), nullptr);
}

TEST(Statistics, CountsOfIndicesRoundTrip) {
  TensorStatistics entry;
  entry.vectors = 7;
  entry.runs = 2;
  entry.counts = {4, 0, 3};
  Statistics statistics;
  statistics.set("table:input", std::make_shared<const TensorStatistics>(entry));
  TemporaryFile file;
  ASSERT_FALSE(errorToBool(statistics.save(file.path)));
  Statistics read = cantFail(Statistics::load(file.path));
  ASSERT_NE(read.findInput("table"), nullptr);
  EXPECT_EQ(read.findInput("table")->counts, entry.counts);
  // They are the vectors that were seen.
  entry.counts[0] = 5;
  statistics.set("table:input", std::make_shared<const TensorStatistics>(entry));
  std::string message = toString(statistics.save(file.path));
  EXPECT_NE(message.find("'index_counts': expects a sum of 7"), std::string::npos) << message;
}

TEST(Statistics, NoFileIsLeftBehind) {
  Statistics bad;
  TensorStatistics entry = makeEntry();
  entry.gram[1] = 11;
  bad.set("q:input", std::make_shared<const TensorStatistics>(entry));
  SmallString<128> folder;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("statistics", folder));
  SmallString<128> path(folder);
  sys::path::append(path, "s.safetensors");
  std::string message = toString(bad.save(path));
  EXPECT_NE(message.find("entry 'q:input': 'gram' is not symmetric at row 1, column 0"),
            std::string::npos)
      << message;
  EXPECT_FALSE(sys::fs::exists(path));
  EXPECT_FALSE(sys::fs::remove_directories(folder));
  EXPECT_TRUE(errorToBool(Statistics().save("/nonexistent-folder/s.safetensors")));
  EXPECT_TRUE(errorToBool(Statistics::load("/nonexistent-folder/s.safetensors").takeError()));
}

//===----------------------------------------------------------------------===//
// Files of strangers
//===----------------------------------------------------------------------===//

struct Raw {
  std::string name, dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};

template <typename T>
Raw raw(StringRef name, StringRef dtype, std::vector<int64_t> shape, std::vector<T> values) {
  return {name.str(), dtype.str(), std::move(shape),
          std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T))};
}

Raw counts(std::vector<uint64_t> values) {
  int64_t size = values.size();
  return raw<uint64_t>("a/counts", "U64", {size}, values);
}

/// Message of loading a file with these tensors and metadata besides the usual ones.
std::string loadRaw(const std::vector<Raw> &tensors,
                    const std::vector<std::pair<std::string, std::string>> &metadata = {}) {
  TemporaryFile file;
  std::error_code code;
  {
    raw_fd_ostream os(file.path, code);
    SafeTensorsWriter writer(os);
    writer.setMetadata("compress.statistics", "1");
    writer.setMetadata("compress.fingerprint", "0");
    writer.setMetadata("compress.samples", "1");
    for (const auto &[key, value] : metadata)
      writer.setMetadata(key, value);
    for (const Raw &tensor : tensors)
      cantFail(writer.declare(tensor.name, StringRef(tensor.dtype), tensor.shape));
    cantFail(writer.writeHeader());
    for (size_t i : writer.getWriteOrder())
      cantFail(writer.append(i, tensors[i].bytes));
    cantFail(writer.finish());
  }
  Expected<Statistics> statistics = Statistics::load(file.path);
  if (statistics)
    return "no error";
  return toString(statistics.takeError());
}

void expectError(const std::string &message, StringRef part) {
  EXPECT_NE(message.find(part.str()), std::string::npos) << message;
}

TEST(Statistics, HostileFiles) {
  Raw good = counts({2, 1, 0, 2, 1, 2, 2});
  EXPECT_EQ(loadRaw({good}), "no error");
  expectError(loadRaw({}, {{"compress.statistics", "2"}}), "expects version 1, got '2'");
  expectError(loadRaw({}, {{"compress.statistics", ""}}), "is no statistics file");
  expectError(loadRaw({}, {{"compress.samples", "-1"}}), "expects a number, got '-1'");
  expectError(loadRaw({}, {{"compress.fingerprint", "10000000000000000"}}), "hexadecimal");
  expectError(loadRaw({raw<float>("plain", "F32", {1}, {0})}), "form <entry>/<statistic>");
  expectError(loadRaw({raw<float>("/min", "F32", {1}, {0})}), "form <entry>/<statistic>");
  expectError(loadRaw({raw<float>("a/min", "F32", {2}, {0, 0})}), "has no tensor 'counts'");
  expectError(loadRaw({good, raw<float>("a/other", "F32", {1}, {0})}), "unknown statistic 'other'");
  expectError(loadRaw({counts({1, 2, 3})}), "expects 7 elements, got 3");
  expectError(loadRaw({counts({1, 1, 0, ~0ull, 1, 2, 2})}), "channels: expects at most");
  expectError(loadRaw({counts({1, 1, 0, 2, 1, 1ull << 40, 2})}), "features: expects at most");
  auto ranges = [&](std::vector<float> min, std::vector<float> max) {
    int64_t low = min.size(), high = max.size();
    return loadRaw(
        {good, raw<float>("a/min", "F32", {low}, min), raw<float>("a/max", "F32", {high}, max)});
  };
  EXPECT_EQ(ranges({0, 1}, {0, 1}), "no error");
  expectError(ranges({0, 1, 2}, {0, 1}), "'min': expects 2 channels, got 3");
  expectError(ranges({0, 2}, {0, 1}), "min is greater than max at channel 1");
  expectError(ranges({0, NAN}, {0, 1}), "'min' is not finite at element 1");
  expectError(ranges({0, 0}, {INFINITY, 1}), "'max' is not finite at element 0");
  expectError(loadRaw({good, raw<float>("a/min", "F32", {2}, {0, 0})}), "only one of");
  expectError(loadRaw({good, raw<double>("a/min", "F64", {2}, {0, 0})}), "expects rank 1 of F32");
  expectError(loadRaw({good, raw<float>("a/min", "F32", {1, 2}, {0, 0})}), "expects rank 1 of F32");
  expectError(loadRaw({good, raw<float>("a/min", "F32", {0}, {})}), "is empty");
  expectError(loadRaw({good, raw<float>("a/moving_range", "F32", {2}, {1, 0})}), "reversed");
  expectError(loadRaw({good, raw<double>("a/sum_abs", "F64", {2}, {1, -1})}),
              "'sum_abs' is negative at channel 1");
}

TEST(Statistics, HostileHistograms) {
  Raw good = counts({2, 1, 0, 2, 1, 2, 2});
  auto histogram = [&](std::vector<uint64_t> bins, std::vector<double> range) {
    int64_t size = bins.size(), ends = range.size();
    return loadRaw({good, raw<uint64_t>("a/histogram", "U64", {size}, bins),
                    raw<double>("a/histogram_range", "F64", {ends}, range)});
  };
  EXPECT_EQ(histogram({1, 3}, {0, 1}), "no error");
  expectError(histogram({1, 4}, {0, 1}), "counts more values than were seen");
  expectError(histogram({~0ull, ~0ull}, {0, 1}), "counts more values than were seen");
  expectError(histogram({1}, {1, 1}), "two finite ascending values");
  expectError(histogram({1}, {-1e308, 1.7e308}), "two finite ascending values");
  expectError(histogram({1}, {NAN, 1}), "two finite ascending values");
  expectError(histogram({1}, {0, 1, 2}), "expects 2 elements, got 3");
  expectError(histogram(std::vector<uint64_t>(70000), {0, 1}), "at most 65536 bins");
  expectError(loadRaw({good, raw<uint64_t>("a/histogram", "U64", {1}, {1})}),
              "without 'histogram_range'");
}

TEST(Statistics, HostileMatrices) {
  auto matrix = [&](std::vector<uint64_t> sizes, std::vector<int64_t> shape,
                    std::vector<float> values) {
    return loadRaw({counts(sizes), raw<float>("a/gram", "F32", shape, values)});
  };
  std::vector<uint64_t> sizes{2, 1, 0, 2, 1, 2, 2};
  EXPECT_EQ(matrix(sizes, {1, 2, 2}, {1, 2, 2, 1}), "no error");
  expectError(matrix(sizes, {1, 2, 2}, {1, 2, 3, 1}), "not symmetric at row 1, column 0");
  expectError(matrix(sizes, {1, 2, 2}, {1, NAN, NAN, 1}), "'gram' is not finite");
  expectError(matrix(sizes, {1, 2, 2}, {-1, 0, 0, 1}), "negative on the diagonal at row 0");
  expectError(matrix(sizes, {1, 1, 4}, {1, 0, 0, 1}), "expects square matrices, got 1x4");
  expectError(matrix(sizes, {1, 1, 1}, {1}), "expects 1x2x2 elements, got 1");
  expectError(matrix({2, 1, 0, 2, 0, 2, 2}, {1, 2, 2}, {1, 0, 0, 1}), "got 0 groups of 2");
  expectError(matrix({2, 1, 0, 3, 2, 2, 2}, {1, 2, 2}, {1, 0, 0, 1}), "whole channels");
  // The product of the sizes does not fit 64 bits.
  expectError(matrix({2, 1, 0, 1ull << 31, 1, 1ull << 31, 2}, {1, 2, 2}, {1, 0, 0, 1}),
              "expects 1x2147483648x2147483648");
}

TEST(Statistics, HostileAliases) {
  Raw good = counts({2, 1, 0, 2, 1, 2, 2});
  EXPECT_EQ(loadRaw({good}, {{"compress.alias.b", "a"}}), "no error");
  expectError(loadRaw({good}, {{"compress.alias.b", "c"}}), "refers to 'c', which is no entry");
  expectError(loadRaw({good}, {{"compress.alias.b", "b"}}), "which is no entry");
  expectError(loadRaw({good}, {{"compress.alias.b", "c"}, {"compress.alias.c", "b"}}),
              "which is no entry");
  // A chain of aliases, even one that ends in an entry.
  expectError(loadRaw({good}, {{"compress.alias.b", "c"}, {"compress.alias.c", "a"}}),
              "alias 'b' refers to 'c'");
  expectError(loadRaw({good}, {{"compress.alias.a", "a"}}), "alias 'a' is an entry itself");
  expectError(loadRaw({good}, {{"compress.alias.", "a"}}), "is an entry itself");
}

TEST(Statistics, HostileWeights) {
  auto weight = [](StringRef part, std::vector<int64_t> shape, std::vector<float> values) {
    return raw<float>(("a:weight/" + part).str(), "F32", std::move(shape), std::move(values));
  };
  Raw gradient = weight("gradient", {1, 2}, {1, -1});
  EXPECT_EQ(loadRaw({gradient, weight("gradient_squares", {1, 2}, {1, 1})}), "no error");
  expectError(loadRaw({gradient, weight("gradient_squares", {2}, {1, 1})}),
              "tensor 'a:weight/gradient_squares': expects the shape of the other statistics");
  expectError(loadRaw({weight("gradient_squares", {2}, {1, -1})}),
              "entry 'a:weight': 'gradient_squares' is negative at element 1");
  expectError(loadRaw({weight("gradient", {2}, {1, NAN})}),
              "'gradient' is not finite at element 1");
  expectError(loadRaw({weight("gradient", {0}, {})}), "is empty");
  expectError(loadRaw({weight("min", {1}, {1})}), "unknown statistic 'min' of a weight");
  expectError(loadRaw({raw<double>("a:weight/gradient", "F64", {1}, {1})}), "rank 1 of F32");
  expectError(loadRaw({raw<double>("a:weight/hessian_trace", "F64", {2}, {1, 2})}),
              "expects 1 element, got 2");
  expectError(loadRaw({raw<double>("a:weight/hessian_trace", "F64", {1}, {INFINITY})}),
              "'hessian_trace' is not finite");
  // Not written, either.
  Statistics empty;
  empty.setWeight("a", {});
  TemporaryFile file;
  expectError(toString(empty.save(file.path)), "has none of 'gradient', 'gradient_squares'");
  empty.setWeight("a", {{3}, {1, 2}, {}, std::nullopt, std::nullopt});
  expectError(toString(empty.save(file.path)), "'gradient': expects as many elements as the shape");
}

TEST(Statistics, TruncatedAndForeignFiles) {
  TemporaryFile file;
  Statistics statistics;
  statistics.set("q:input", std::make_shared<const TensorStatistics>(makeEntry()));
  ASSERT_FALSE(errorToBool(statistics.save(file.path)));
  std::string bytes = (*MemoryBuffer::getFile(file.path))->getBuffer().str();
  for (size_t size : {size_t(0), size_t(7), size_t(40), bytes.size() - 1}) {
    TemporaryFile cut;
    std::error_code code;
    {
      raw_fd_ostream os(cut.path, code);
      os << StringRef(bytes).take_front(size);
    }
    EXPECT_TRUE(errorToBool(Statistics::load(cut.path).takeError())) << size;
  }
}

} // namespace
