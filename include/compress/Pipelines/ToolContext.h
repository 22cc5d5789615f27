//===- ToolContext.h - what a tool tells the dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_TOOLCONTEXT_H
#define COMPRESS_PIPELINES_TOOLCONTEXT_H

#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "mlir/IR/DialectRegistry.h"

namespace mlir {
namespace compress {

/// Sets the model's folder, the report collector and the memory limit on the dialect of every
/// context that is made from a registry.
class ToolContext : public DialectExtension<ToolContext, CompressDialect> {
public:
  ToolContext(StringRef baseDirectory, ReportCollector *collector, uint64_t memoryLimit)
      : baseDirectory(baseDirectory.str()), collector(collector), memoryLimit(memoryLimit) {}

  void apply(MLIRContext *context, CompressDialect *dialect) const final;

  /// Adds the extension to `registry`.
  static void add(DialectRegistry &registry, StringRef baseDirectory, ReportCollector *collector,
                  uint64_t memoryLimit);

private:
  std::string baseDirectory;
  ReportCollector *collector;
  uint64_t memoryLimit;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_PIPELINES_TOOLCONTEXT_H
