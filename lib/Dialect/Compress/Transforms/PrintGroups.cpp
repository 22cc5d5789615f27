//===- PrintGroups.cpp - groups of the dependency graph as text or DOT -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/DependencyGraph.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/ToolOutputFile.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRINTGROUPS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct PrintGroups : public compress::impl::PrintGroupsBase<PrintGroups> {
  using Base::Base;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    if (format != "text" && format != "dot" && format != "json") {
      getOperation().emitError("expects the format text, dot or json, got '") << format << "'";
      return signalPassFailure();
    }
    DependencyGraph graph(getOperation());
    if (output.empty())
      return print(graph, llvm::errs());
    std::string message;
    std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(output, &message);
    if (!file) {
      getOperation().emitError("groups cannot be written: ") << message;
      return signalPassFailure();
    }
    print(graph, file->os());
    file->keep();
  }

  void print(const DependencyGraph &graph, llvm::raw_ostream &os) {
    if (format == "dot")
      printGroupsAsDot(graph, os);
    else if (format == "json")
      printGroupsAsJSON(graph, os);
    else
      printGroups(graph, os);
  }
};
} // namespace
