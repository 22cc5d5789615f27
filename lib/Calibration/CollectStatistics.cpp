//===- CollectStatistics.cpp - the pass that calibrates -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "PassData.h"
#include "compress/Calibration/Calibration.h"
#include "compress/Calibration/Passes.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::compress {
#define GEN_PASS_DEF_COLLECTSTATISTICS
#include "compress/Calibration/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {
struct CollectStatisticsPass : public compress::impl::CollectStatisticsBase<CollectStatisticsPass> {
  using CollectStatisticsBase::CollectStatisticsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    CollectStatisticsBase::getDependentDialects(registry);
    addCompileDialects(registry);
  }

  llvm::Expected<Statistics> collectAll() {
    CalibrationOptions options;
    if (!collect.empty()) {
      llvm::Expected<Collect> parsed =
          parseCollect(llvm::join(collect.begin(), collect.end(), ","));
      if (!parsed)
        return parsed.takeError();
      options.collect = *parsed;
    }
    options.threads = threads;
    options.ops.assign(ops.begin(), ops.end());
    options.outputs = outputs;
    auto samplesOfData = openPassData(getOperation(), "compress-collect-statistics", data, samples);
    if (!samplesOfData)
      return samplesOfData.takeError();
    llvm::Expected<Statistics> statistics =
        collectStatistics(getOperation(), **samplesOfData, options);
    if (statistics && !output.empty())
      if (llvm::Error error = statistics->save(output))
        return error;
    return statistics;
  }

  void runOnOperation() override {
    llvm::Expected<Statistics> statistics = collectAll();
    if (!statistics) {
      getOperation().emitError() << llvm::toString(statistics.takeError());
      return signalPassFailure();
    }
    getContext().getLoadedDialect<CompressDialect>()->setStatistics(
        std::make_shared<Statistics>(std::move(*statistics)));
    markAllAnalysesPreserved();
  }
};
} // namespace
