//===- ToolReport.h - what compress-opt shows of its work -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_OPT_TOOLREPORT_H
#define COMPRESS_TOOLS_COMPRESS_OPT_TOOLREPORT_H

#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Support/Report.h"

namespace mlir {
namespace compress {

/// Prints the resolved recipe, one line per layer while work goes on, and totals, on standard
/// error.
class ToolReport : public ReportCollector {
public:
  explicit ToolReport(StringRef model);

  /// Prints the recipe, before work starts.
  void begin(const Recipe &recipe);
  void addLayer(const LayerReport &layer) override;
  void addAllocation(const AllocationReport &allocation) override;
  /// Forgets what was done, for another trial with the same model; a quiet one prints no lines.
  void restart(bool isQuiet);
  const Report &getReport() const { return report; }
  void setReport(Report newReport) { report = std::move(newReport); }
  /// Records the size of all weights before the first pass.
  void measureBefore(ModuleOp module);
  /// Records the size of all weights after the last pass, and the ONNX nodes that were kept.
  void measureAfter(ModuleOp module);
  /// Prints the totals and writes the JSON file, if a path is given.
  LogicalResult finish(StringRef jsonPath);

private:
  Report report;
  TablePrinter table;
  bool isQuiet = false;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_OPT_TOOLREPORT_H
