//===- compress-calibrate.cpp - statistics of a model's activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrateOptions.h"

#include "compress/Pipelines/Pipelines.h"
#include "compress/Pipelines/ToolContext.h"
#include "compress/Target/ONNX/Import.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static int fail(const Twine &message, int code) {
  llvm::errs() << "compress-calibrate: " << message << "\n";
  return code;
}

static int fail(llvm::Error error) {
  int code = error.isA<UnsupportedError>() ? 3 : 2;
  std::string message = llvm::toString(std::move(error));
  return fail(message, StringRef(message).starts_with("internal error") ? 1 : code);
}

/// Reads and normalises the model; a null module after a message.
static OwningOpRef<ModuleOp> readModel(StringRef path, MLIRContext &context,
                                       llvm::SourceMgr &sources) {
  OwningOpRef<ModuleOp> module;
  if (path.ends_with(".onnx")) {
    context.loadAllAvailableDialects();
    onnx::ImportOptions import;
    // The module does not outlive this process.
    import.hashWeights = false;
    FailureOr<OwningOpRef<ModuleOp>> imported = onnx::importOnnx(path, &context, import);
    if (succeeded(imported))
      module = std::move(*imported);
  } else {
    module = parseSourceFile<ModuleOp>(path, sources, &context);
  }
  if (!module)
    return module;
  PassManager pm(&context, ModuleOp::getOperationName());
  buildNormalizePipeline(pm);
  if (failed(pm.run(*module)))
    return {};
  return module;
}

/// Mean magnitude and standard deviation over all values.
static std::pair<double, double> getMoments(const TensorStatistics &entry) {
  double count = static_cast<double>(entry.vectors) * static_cast<double>(entry.channels) -
                 static_cast<double>(entry.nonFinite);
  double sum = 0, sumAbs = 0, sumSquares = 0;
  for (size_t c = 0; c < entry.sum.size(); ++c) {
    sum += entry.sum[c];
    sumAbs += entry.sumAbs[c];
    sumSquares += entry.sumSquares[c];
  }
  double mean = sum / count;
  return {sumAbs / count, std::sqrt(std::max(0.0, sumSquares / count - mean * mean))};
}

/// A row per entry, and what was never run.
static void printTable(llvm::raw_ostream &os, const Statistics &statistics) {
  size_t width = 10;
  std::string unseen;
  for (const auto &[key, entry] : statistics.getEntries())
    width = std::max(width, key.size());
  int column = static_cast<int>(width);
  os << llvm::format("%-*s %10s %10s %12s %12s %12s %12s %10s\n", column, "activation", "vectors",
                     "channels", "min", "max", "mean |x|", "std", "non-finite");
  for (const auto &[key, entry] : statistics.getEntries()) {
    if (!entry->vectors) {
      unseen += (unseen.empty() ? "" : ", ") + key;
      continue;
    }
    os << llvm::format("%-*s %10llu %10lld %12.5g %12.5g ", column, key.c_str(),
                       static_cast<unsigned long long>(entry->vectors),
                       static_cast<long long>(entry->channels), double(entry->getMin()),
                       double(entry->getMax()));
    if (entry->sum.empty()) {
      os << llvm::format("%12s %12s", "-", "-");
    } else {
      auto [magnitude, deviation] = getMoments(*entry);
      os << llvm::format("%12.5g %12.5g", magnitude, deviation);
    }
    os << llvm::format(" %10llu\n", static_cast<unsigned long long>(entry->nonFinite));
  }
  if (!unseen.empty())
    os << "never run: " << unseen << "\n";
  os << statistics.samples << (statistics.samples == 1 ? " sample\n" : " samples\n");
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  CalibrateOptions options;
  if (int code = options.parse(argc, argv))
    return code;

  DialectRegistry registry;
  Session::registerDialects(registry);
  ToolContext::add(registry, llvm::sys::path::parent_path(options.model), nullptr,
                   options.memoryLimit);
  MLIRContext context(registry);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = readModel(options.model, context, sources);
  if (!module)
    return 2;
  SessionOptions session;
  session.dims = options.calibration.dims;
  llvm::Expected<std::vector<TensorSpec>> specs = getModelInputs(*module, session);
  if (!specs)
    return fail(specs.takeError());
  auto data = openCalibrationData(options.data, *specs, options.samples, options.batch);
  if (!data)
    return fail(data.takeError());

  Progress progress(options.progress, llvm::errs());
  options.calibration.progress = &progress;
  llvm::Expected<Statistics> statistics = collectStatistics(*module, **data, options.calibration);
  if (!statistics)
    return fail(statistics.takeError());
  printTable(llvm::outs(), *statistics);
  if (!options.output.empty())
    if (llvm::Error error = statistics->save(options.output))
      return fail(llvm::toString(std::move(error)), 1);
  return 0;
}
