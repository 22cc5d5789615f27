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
  report.layers.push_back(layer);
  table.printRow(layer);
}

LogicalResult ToolReport::finish(StringRef jsonPath) {
  table.printTotals(report);
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
