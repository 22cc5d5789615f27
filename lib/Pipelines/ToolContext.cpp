//===- ToolContext.cpp - what a tool tells the dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/ToolContext.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"

using namespace mlir;
using namespace mlir::compress;

void ToolContext::apply(MLIRContext *, CompressDialect *dialect) const {
  dialect->setBaseDirectory(baseDirectory);
  dialect->setReportCollector(collector);
  dialect->getFileCache().memoryLimit = memoryLimit;
}

void ToolContext::add(DialectRegistry &registry, StringRef baseDirectory,
                      ReportCollector *collector, uint64_t memoryLimit) {
  registry.addExtension(TypeID::get<ToolContext>(),
                        std::make_unique<ToolContext>(baseDirectory, collector, memoryLimit));
}
