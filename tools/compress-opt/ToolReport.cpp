//===- ToolReport.cpp - what compress-opt shows of its work -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ToolReport.h"
#include "compress/Support/OutputFile.h"

using namespace mlir;
using namespace mlir::compress;

ToolReport::ToolReport(StringRef model) : table(llvm::errs()) { report.model = model.str(); }

void ToolReport::begin(const Recipe &recipe) {
  report.recipe = recipe.toYAML();
  llvm::errs() << "recipe:\n" << report.recipe << "\n";
}

void ToolReport::addLayer(const LayerReport &layer) {
  if (report.addLayer(layer) && !isQuiet)
    table.printRow(layer);
}

void ToolReport::addAllocation(const AllocationReport &allocation) {
  report.allocations.push_back(allocation);
  if (!isQuiet)
    printAllocation(allocation, llvm::errs());
}

void ToolReport::restart(bool quiet) {
  isQuiet = quiet;
  report.layers.clear();
  report.allocations.clear();
}

/// Stored bytes of everything that holds weights, each once.
static uint64_t getWeightBytes(ModuleOp module) {
  uint64_t total = 0;
  auto add = [&](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return;
    if (FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(tensor); succeeded(bytes))
      total += *bytes;
  };
  module.walk([&](Operation *op) {
    if (auto weight = dyn_cast<WeightOp>(op))
      add(weight.getType());
    else if (isa<WeightSourceOpInterface>(op) && !isa<LoadOp>(op))
      add(op->getResult(0).getType());
  });
  return total;
}

void ToolReport::measureBefore(ModuleOp module) {
  report.modelBytesBefore = getWeightBytes(module);
}

void ToolReport::measureAfter(ModuleOp module) {
  report.modelBytesAfter = getWeightBytes(module);
  report.opaque.clear();
  module.walk([&](OnnxOp op) { ++report.opaque[op.getOpType().str()]; });
}

LogicalResult ToolReport::finish(StringRef jsonPath) {
  table.printTotals(report);
  printSparsity(report, llvm::errs());
  printCulprits(report, llvm::errs());
  if (!report.opaque.empty()) {
    llvm::errs() << "kept as ONNX nodes (--remarks-filter=normalize says why):";
    StringRef separator = " ";
    for (const auto &[name, count] : report.opaque) {
      llvm::errs() << separator << count << " " << name;
      separator = ", ";
    }
    llvm::errs() << "\n";
  }
  if (jsonPath.empty())
    return success();
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(jsonPath);
  llvm::Error error = file ? llvm::Error::success() : file.takeError();
  if (!error) {
    report.writeJSON((*file)->os());
    error = (*file)->keep();
  }
  if (!error)
    return success();
  llvm::errs() << "compress-opt: " << llvm::toString(std::move(error)) << "\n";
  return failure();
}
