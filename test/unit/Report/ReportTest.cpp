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
      "action": "",
      "reason": "not selected by the recipe"
    }
  ]
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
      R"(layer     op              shape                   before       after    bits    zeros       error  done
fc1       linear          64x32                 8.00 KiB    1.12 KiB    4.50    50.0%   6.250e-02  int4 group 32, 2:4
fc1_tied  linear          64x32                 8.00 KiB    1.12 KiB    4.50    50.0%   6.250e-02  int4 group 32, 2:4 [shared weight]
emb?      embedding       10x32                 1.25 KiB    1.25 KiB   32.00        -         inf  left alone: not selected by the recipe
total                     2368 weights          9.25 KiB    2.38 KiB    8.22                       2 of 3 layers compressed, 3.89x smaller
model                                           19.5 KiB    4.88 KiB                               all weights, 4.00x smaller
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
