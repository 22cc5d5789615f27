//===- ToolOptions.h - command line of compress-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_OPT_TOOLOPTIONS_H
#define COMPRESS_TOOLS_COMPRESS_OPT_TOOLOPTIONS_H

#include "compress/Pipelines/AccuracyGate.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Pipelines/Sidecar.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Import.h"
#include "mlir/IR/DialectRegistry.h"

namespace mlir {
namespace compress {

/// What the command line says.
struct ToolOptions {
  std::string input, output;
  /// What is done; `flags.file` is the recipe file.
  RecipeFlags flags;
  std::string reportFile;
  /// Calibration: samples and how many of them, or what was seen of them before.
  std::string calibration, statistics, resume, progress;
  uint64_t samples = 0;
  bool requantize = false;
  /// Accuracy gate: the drop as given, the command, its limit in seconds, and the parsed options.
  std::string maxDrop, metric;
  unsigned metricTimeout = 0;
  GateOptions gate;
  /// Names of ops that are left alone.
  std::vector<std::string> exclude;
  /// Rules of all of them, resolved.
  Recipe recipe;
  onnx::ExportOptions exportOptions;
  onnx::ImportOptions importOptions;
  WeightsMode weights = WeightsMode::Auto;
  uint64_t memoryLimit = 0;

  /// Parses and checks; a non-zero exit code after a message if something is wrong.
  int parse(int argc, char **argv, DialectRegistry &registry);

  bool readsOnnx() const { return StringRef(input).ends_with(".onnx"); }
  bool writesOnnx() const { return StringRef(output).ends_with(".onnx"); }
  /// Whether the output is a model for people, not IR on a stream.
  bool writesFile() const { return output != "-" || weights != WeightsMode::Auto; }
  bool compresses() const { return !flags.isEmpty(); }
  const onnx::ExportOptions &getExportOptions() const { return exportOptions; }
  const onnx::ImportOptions &getImportOptions() const { return importOptions; }
  void setPipelineOptions(CompressPipelineOptions &options) const;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_OPT_TOOLOPTIONS_H
