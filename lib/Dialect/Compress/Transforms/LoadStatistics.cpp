//===- LoadStatistics.cpp - a statistics file for the passes after -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/GraphFingerprint.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_LOADSTATISTICS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct LoadStatistics : public compress::impl::LoadStatisticsBase<LoadStatistics> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (file.empty()) {
      module.emitError("compress-load-statistics: expects the option 'file'");
      return signalPassFailure();
    }
    llvm::Expected<Statistics> loaded = Statistics::load(file);
    if (!loaded) {
      module.emitError() << llvm::toString(loaded.takeError());
      return signalPassFailure();
    }
    uint64_t expected = getGraphFingerprint(module);
    if (loaded->fingerprint && loaded->fingerprint != expected) {
      module.emitError() << "statistics '" << file
                         << "' are of another graph: their fingerprint is "
                         << llvm::utohexstr(loaded->fingerprint, /*LowerCase=*/true)
                         << ", the module's is " << llvm::utohexstr(expected, /*LowerCase=*/true)
                         << "; collect them again with compress-calibrate";
      return signalPassFailure();
    }
    getContext().getLoadedDialect<CompressDialect>()->setStatistics(
        std::make_shared<Statistics>(std::move(*loaded)));
    markAllAnalysesPreserved();
  }
};
} // namespace
