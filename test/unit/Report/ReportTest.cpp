//===- ReportTest.cpp - reports and byte counts ---------------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Report.h"
#include "compress/Support/ByteSize.h"
#include "gtest/gtest.h"
#include <limits>

using namespace llvm;
using namespace mlir::compress;

namespace {

Report makeReport() {
  Report report;
  report.model = "m.onnx";
  report.recipe = "version: 1\n";
  report.modelBytesBefore = 20000;
  report.modelBytesAfter = 5000;
  LayerReport layer;
  layer.name = "fc1";
  layer.op = "linear";
  layer.weight = "fc1.w";
  layer.shape = {64, 32};
  layer.bytesBefore = 8192;
  layer.bytesAfter = 1152;
  layer.sparsity = 0.5;
  layer.relativeError = 0.0625;
  layer.action = "int4 group 32, 2:4";
  report.layers.push_back(layer);
  layer.name = "fc1_tied";
  layer.shared = true;
  report.layers.push_back(layer);
  LayerReport skipped;
  skipped.name = "emb\n";
  skipped.op = "embedding";
  skipped.weight = "emb";
  skipped.shape = {10, 32};
  skipped.bytesBefore = skipped.bytesAfter = 1280;
  skipped.relativeError = std::numeric_limits<double>::infinity();
  skipped.reason = "not selected by the recipe";
  report.layers.push_back(skipped);
  return report;
}

TEST(Report, WhatSeveralPassesDoIsOneLine) {
  Report report;
  LayerReport sliced;
  sliced.name = "fc1";
  sliced.op = "linear";
  sliced.shape = {64, 32};
  sliced.bytesBefore = 8192;
  sliced.bytesAfter = 4096;
  sliced.action = "channels 64 -> 32";
  EXPECT_TRUE(report.addLayer(sliced));
  LayerReport quantized = sliced;
  quantized.shape = {32, 32};
  quantized.bytesBefore = 4096;
  quantized.bytesAfter = 576;
  quantized.relativeError = 0.1;
  quantized.action = "int4 group 32";
  EXPECT_TRUE(report.addLayer(quantized));
  // One that a later pass leaves alone is told once.
  sliced.name = "fc2";
  EXPECT_TRUE(report.addLayer(sliced));
  LayerReport left = sliced;
  left.bytesBefore = 4096;
  left.action = "";
  left.reason = "not selected";
  EXPECT_FALSE(report.addLayer(left));
  ASSERT_EQ(report.layers.size(), 2u);
  EXPECT_EQ(report.layers[0].action, "channels 64 -> 32, int4 group 32");
  EXPECT_EQ(report.layers[0].bytesBefore, 8192u);
  EXPECT_EQ(report.layers[0].bytesAfter, 576u);
  EXPECT_EQ(report.layers[0].shape, (SmallVector<int64_t, 4>{64, 32}));
  EXPECT_EQ(report.layers[1].action, "channels 64 -> 32");
  EXPECT_EQ(report.layers[1].reason, "");
  EXPECT_EQ(report.getTotals().bytesAfter, 576u + 4096);
}

TEST(Report, LayersThatAreLeftAloneTwiceAreOneLine) {
  Report report;
  LayerReport line;
  line.name = "fc";
  line.op = "linear";
  line.weight = "fc.w";
  line.shape = {64, 32};
  line.bytesBefore = line.bytesAfter = 8192;
  line.reason = "rank 40 is above 21";
  EXPECT_TRUE(report.addLayer(line));
  LayerReport again = line;
  again.reason = "not selected";
  EXPECT_FALSE(report.addLayer(again));
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_EQ(report.layers[0].reason, "rank 40 is above 21");
  // What is done later is told with it.
  again.action = "int8";
  again.reason = "";
  again.bytesAfter = 2048;
  EXPECT_TRUE(report.addLayer(again));
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_EQ(report.layers[0].action, "int8");
  EXPECT_EQ(report.layers[0].reason, "rank 40 is above 21");
  EXPECT_EQ(report.getTotals().bytesBefore, 8192u);
  EXPECT_EQ(report.getTotals().bytesAfter, 2048u);
  // Another weight whose layer has the name of one that was left alone is another line.
  Report unnamed;
  unnamed.addLayer(line);
  line.weight = "other.w";
  EXPECT_TRUE(unnamed.addLayer(line));
  EXPECT_EQ(unnamed.layers.size(), 2u);
}

TEST(Report, PartsTakeThePlaceOfTheirLayer) {
  auto makeLine = [](StringRef name, StringRef origin, uint64_t before, uint64_t after,
                     StringRef action) {
    LayerReport line;
    line.name = name.str();
    line.op = "linear";
    line.origin = origin.str();
    line.bytesBefore = before;
    line.bytesAfter = after;
    line.action = action.str();
    line.relativeError = 0.25;
    return line;
  };
  Report report;
  report.addLayer(makeLine("a", "", 1000, 800, "head:0.2"));
  report.addLayer(makeLine("a/v", "a", 800, 200, "rank 4 of 16, svd"));
  report.addLayer(makeLine("a/u", "a", 0, 100, "rank 4 of 16, svd"));
  LayerReport quantized = makeLine("a/v", "", 200, 60, "int4 group 32");
  quantized.relativeError = 0.125;
  report.addLayer(quantized);
  ASSERT_EQ(report.layers.size(), 2u);
  EXPECT_EQ(report.layers[0].name, "a/v");
  EXPECT_EQ(report.layers[0].action, "head:0.2, rank 4 of 16, svd, int4 group 32");
  EXPECT_EQ(report.layers[0].relativeError, 0.25);
  EXPECT_EQ(report.getTotals().bytesBefore, 1000u);
  EXPECT_EQ(report.getTotals().bytesAfter, 160u);
  // The accuracy gate leaves the layer alone that was split, and names it once.
  ASSERT_EQ(report.getCulprits().size(), 1u);
  EXPECT_EQ(report.getCulprits()[0]->getRecipeName(), "a");
}

TEST(Report, TotalsCountSharedWeightsOnce) {
  ReportTotals totals = makeReport().getTotals();
  EXPECT_EQ(totals.layers, 3u);
  EXPECT_EQ(totals.compressed, 2u);
  EXPECT_EQ(totals.weights, 64u * 32 + 320);
  EXPECT_EQ(totals.bytesBefore, 9472u);
  EXPECT_EQ(totals.bytesAfter, 2432u);
  EXPECT_EQ(makeReport().layers[0].getBitsPerWeight(), 4.5);
  LayerReport empty;
  empty.shape = {0, 4};
  EXPECT_EQ(empty.getBitsPerWeight(), 0.0);
  empty.shape = {INT64_MAX, INT64_MAX};
  EXPECT_EQ(empty.getNumElements(), 0u);
}

TEST(Report, JSONIsStable) {
  Report report = makeReport();
  report.layers.erase(report.layers.begin(), report.layers.begin() + 2);
  EXPECT_EQ(report.toJSON(), R"({
  "version": 1,
  "model": "m.onnx",
  "recipe": "version: 1\n",
  "totals": {
    "layers": 1,
    "layers_compressed": 0,
    "weights": 320,
    "bytes_before": 1280,
    "bytes_after": 1280,
    "model_bytes_before": 20000,
    "model_bytes_after": 5000
  },
  "layers": [
    {
      "name": "emb\n",
      "op": "embedding",
      "weight": "emb",
      "shape": [
        10,
        32
      ],
      "shared": false,
      "bytes_before": 1280,
      "bytes_after": 1280,
      "bits_per_weight": 32,
      "sparsity": null,
      "relative_error": null,
      "output_sqnr_db": null,
      "action": "",
      "reason": "not selected by the recipe"
    }
  ],
  "culprits": []
}
)");
  report.layers[0].name = "bad\xff";
  EXPECT_TRUE(static_cast<bool>(json::parse(report.toJSON())));
}

TEST(Report, TableIsAligned) {
  std::string text;
  raw_string_ostream os(text);
  printTable(makeReport(), os);
  EXPECT_EQ(
      text,
      R"(layer     op              shape                   before       after    bits    zeros       error    sqnr  done
fc1       linear          64x32                 8.00 KiB    1.12 KiB    4.50    50.0%   6.250e-02       -  int4 group 32, 2:4
fc1_tied  linear          64x32                 8.00 KiB    1.12 KiB    4.50    50.0%   6.250e-02       -  int4 group 32, 2:4 [shared weight]
emb?      embedding       10x32                 1.25 KiB    1.25 KiB   32.00        -         inf       -  left alone: not selected by the recipe
total                     2368 weights          9.25 KiB    2.38 KiB    8.22                               2 of 3 layers compressed, 3.89x smaller
model                                           19.5 KiB    4.88 KiB                                       all weights, 4.00x smaller
)");
}

/// Layers with the errors of their outputs in dB, or of their weights.
static Report makeRanked() {
  Report report;
  auto add = [&](StringRef name, std::optional<double> sqnr, std::optional<double> error) {
    LayerReport &layer = report.layers.emplace_back();
    layer.name = name.str();
    layer.action = "int4";
    layer.outputSqnr = sqnr;
    layer.relativeError = error;
  };
  add("a", 30.0, 0.5);
  add("b", std::nullopt, 0.1); // 20 dB
  add("c", 12.25, 0.001);
  add("unknown", std::nullopt, std::nullopt);
  add("same", 20.0, 0.1);
  add("exact", std::numeric_limits<double>::infinity(), 0.0);
  add("tied", 1.0, 0.9);
  report.layers.back().shared = true;
  add("skipped", 1.0, 0.9);
  report.layers.back().action = "";
  return report;
}

TEST(Report, TellsWhatZerosBring) {
  Report report = makeReport();
  std::string text;
  raw_string_ostream os(text);
  printSparsity(report, os);
  EXPECT_EQ(text, "");
  EXPECT_EQ(report.toJSON().find("sparse_form"), std::string::npos);
  // The tied layer does not count twice.
  report.layers[0].sparseForm = report.layers[1].sparseForm = SparseForm::NM;
  report.layers[2].sparseForm = SparseForm::Dense;
  report.layers[2].sparsity = 0.01;
  printSparsity(report, os);
  EXPECT_EQ(
      text,
      "pruned: 1 layer (50.0% zeros) with an N:M pattern: fewer bytes; decoded when the model "
      "is compiled, since no kernel of ours for CPUs uses the pattern, so no less time\n"
      "        1 layer (1.0% zeros) with zeros stored like other values: neither fewer bytes "
      "nor less time\n"
      "        ONNX files get dense values, and the pattern as metadata\n");
  report.layers[0].sparseForm = report.layers[1].sparseForm = SparseForm::None;
  report.layers[2].sparseForm = SparseForm::Bitmap;
  text.clear();
  printSparsity(report, os);
  EXPECT_EQ(text, "pruned: 1 layer (1.0% zeros) with zeros anywhere (bitmap): fewer bytes in "
                  ".mlirbc files and archives; no less time\n"
                  "        ONNX files get dense values, and the pattern as metadata\n");
  EXPECT_NE(report.toJSON().find("\"sparse_form\": \"bitmap\""), std::string::npos);
}

TEST(Report, RanksCulprits) {
  Report report = makeRanked();
  std::string names;
  for (const LayerReport *layer : report.getCulprits())
    names += layer->name + " ";
  EXPECT_EQ(names, "c b same a exact ");
  EXPECT_DOUBLE_EQ(*report.layers[1].getSqnr(), 20.0);
  std::string text;
  raw_string_ostream os(text);
  printCulprits(report, os);
  EXPECT_EQ(text, "largest errors: c 12.2dB, b 20.0dB (weight), same 20.0dB, a "
                  "30.0dB, exact "
                  "inf\n");
  text.clear();
  printCulprits(Report(), os);
  EXPECT_EQ(text, "");
  std::string json = report.toJSON();
  EXPECT_TRUE(static_cast<bool>(json::parse(json)));
  EXPECT_NE(json.find(R"(  "culprits": [
    {
      "name": "c",
      "sqnr_db": 12.25,
      "of": "output"
    },
    {
      "name": "b",
      "sqnr_db": 20,
      "of": "weight"
    },)"),
            std::string::npos);
}

TEST(Report, ShowsMixedPrecision) {
  AllocationReport allocation;
  allocation.request = "mixed,avg=5";
  allocation.metric = "output";
  allocation.weights = 1024;
  allocation.bytes = 600;
  allocation.budget = 640;
  allocation.layers = {{"fc2", {{"int4", 300, 0.25}, {"int8", 600, 0.001}}, 1},
                       {"fc1", {{"int4", 300, 0.0625}}, 0}};
  EXPECT_EQ(allocation.layers[0].getWorst(), 0.25);
  std::string text;
  raw_string_ostream os(text);
  printAllocation(allocation, os);
  EXPECT_EQ(text, R"(mixed precision: 4.688 bits per weight, 600 B of 640 B
most sensitive layers (output error by format; the chosen one in brackets):
  fc2    int4 2.500e-01  [int8 1.000e-03]
  fc1    [int4 6.250e-02]
)");
  Report report;
  report.allocations.push_back(allocation);
  std::string json = report.toJSON();
  EXPECT_TRUE(static_cast<bool>(json::parse(json)));
  EXPECT_NE(json.find(R"("chosen": "int8",)"), std::string::npos);
}

TEST(Report, TellsOfTheGate) {
  Report report;
  report.gate.emplace();
  report.gate->maxDrop = "1%";
  report.gate->originalMetric = 0.875;
  report.gate->passed = true;
  report.gate->best = 1;
  report.gate->trials = {{{}, 0.5, 0.44, false}, {{"fc1"}, 0.8125, 0.0028, true}};
  EXPECT_EQ(report.toJSON().substr(report.toJSON().find("  \"accuracy_gate\"")),
            R"(  "accuracy_gate": {
    "max_drop": "1%",
    "original_metric": 0.875,
    "passed": true,
    "best": 1,
    "trials": [
      {
        "excluded": [],
        "metric": 0.5,
        "drop": 0.44,
        "passed": false
      },
      {
        "excluded": [
          "fc1"
        ],
        "metric": 0.8125,
        "drop": 0.0028,
        "passed": true
      }
    ]
  }
}
)");
}

TEST(Report, RowsAppearOneByOne) {
  std::string text;
  raw_string_ostream os(text);
  TablePrinter printer(os, 8);
  EXPECT_EQ(text, "");
  printer.printRow(makeReport().layers[0]);
  EXPECT_EQ(StringRef(text).count('\n'), 2u);
  printer.printRow(makeReport().layers[1]);
  EXPECT_EQ(StringRef(text).count('\n'), 3u);
}

TEST(ByteSize, Formats) {
  EXPECT_EQ(formatBytes(0), "0 B");
  EXPECT_EQ(formatBytes(1023), "1023 B");
  EXPECT_EQ(formatBytes(1024), "1.00 KiB");
  EXPECT_EQ(formatBytes(10 * 1024), "10.0 KiB");
  EXPECT_EQ(formatBytes(123 * 1024), "123 KiB");
  EXPECT_EQ(formatBytes(1024 * 1024 - 1), "1.00 MiB");
  EXPECT_EQ(formatBytes(uint64_t(5) << 30), "5.00 GiB");
  EXPECT_EQ(formatBytes(UINT64_MAX), "16.0 EiB");
}

TEST(ByteSize, Parses) {
  EXPECT_EQ(parseByteSize("0"), 0u);
  EXPECT_EQ(parseByteSize("512"), 512u);
  EXPECT_EQ(parseByteSize("4G"), uint64_t(4) << 30);
  EXPECT_EQ(parseByteSize("4 GiB"), uint64_t(4) << 30);
  EXPECT_EQ(parseByteSize("1.5kib"), 1536u);
  EXPECT_EQ(parseByteSize("2MB"), 2000000u);
  EXPECT_EQ(parseByteSize("7b"), 7u);
  for (StringRef bad : {"", "G", "-1", "1.", ".5G", "1.5", "4X", "4 G ", "1e3", "9999999999G",
                        "99999999999999999999"})
    EXPECT_EQ(parseByteSize(bad), std::nullopt) << bad.str();
}

} // namespace
