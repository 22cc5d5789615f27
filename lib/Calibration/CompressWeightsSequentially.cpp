//===- CompressWeightsSequentially.cpp - the pass that compresses in stages -===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "PassData.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Calibration/Passes.h"
#include "compress/Calibration/Sequential.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/ByteSize.h"
#include "compress/Support/Progress.h"

namespace mlir::compress {
#define GEN_PASS_DEF_COMPRESSWEIGHTSSEQUENTIALLY
#include "compress/Calibration/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

static const WeightRewriteOptions kRewrite = {"compress-weights-sequentially", "compress",
                                              /*prunes=*/true, /*quantizes=*/true,
                                              /*shares=*/true};

namespace {
struct CompressWeightsSequentially
    : public compress::impl::CompressWeightsSequentiallyBase<CompressWeightsSequentially> {
  using Base = CompressWeightsSequentiallyBase;
  using Base::Base;

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    addCompileDialects(registry);
  }

  /// Ops whose weight has no user with a plan.
  llvm::DenseSet<Operation *> findUnplanned() {
    auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
    llvm::DenseSet<Operation *> ops;
    for (const WeightUnit &unit : gatherWeightUnits(getOperation()))
      if (llvm::none_of(unit.users,
                        [&](const WeightedOp &user) { return helper.getAttr(user.op); }))
        for (const WeightedOp &user : unit.users)
          ops.insert(user.op);
    return ops;
  }

  llvm::Error compressAll() {
    SequentialOptions options;
    auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
    auto collect = [&](const WeightedOp &op) {
      Collect needed = getNeededStatistics(op);
      PlanAttr plan = helper.getAttr(op.op);
      std::optional<ShareSpec> share = plan ? plan.getShareSpec(ShareKind::Codebook) : std::nullopt;
      return share && share->usesStatistics() ? needed | Collect::Gram : needed;
    };
    options.collect = collect;
    options.threads = threads;
    options.resume = resume;
    if (!memoryLimit.empty()) {
      std::optional<uint64_t> bytes = parseByteSize(memoryLimit);
      if (!bytes)
        return llvm::createStringError("compress-weights-sequentially: expected a number of bytes "
                                       "such as 512M as the option 'memory-limit', found '" +
                                       memoryLimit + "'");
      options.memoryLimit = *bytes;
    }
    for (StringRef dim : dims) {
      auto [name, size] = dim.split('=');
      int64_t value = 0;
      if (name.empty() || size.getAsInteger(10, value) || value < 1)
        return llvm::createStringError("compress-weights-sequentially: expected name=size as the "
                                       "option 'dims', found '" +
                                       dim + "'");
      options.dims[name] = value;
    }
    std::optional<Progress::Mode> mode = Progress::parseMode(progress);
    if (!mode)
      return llvm::createStringError("compress-weights-sequentially: expected off, plain or json "
                                     "as the option 'progress', found '" +
                                     progress + "'");
    Progress shown(*mode, llvm::errs());
    options.progress = &shown;

    SessionOptions sessionOptions;
    sessionOptions.dims = options.dims;
    auto opened = openPassData(getOperation(), "compress-weights-sequentially", data, samples,
                               sessionOptions);
    if (!opened)
      return opened.takeError();
    auto step = [](WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
      if (failed(pruneStep(store, task, outcome)) || failed(shareStep(store, task, outcome)))
        return failure();
      return quantizeStep(store, task, outcome);
    };
    if (llvm::Error error = compressSequentially(
            getOperation(), **opened, options, [&](ModuleOp module, SequentialStage &stage) {
              auto accepts = [&](const WeightedOp &op) { return stage.contains(op); };
              WeightRewriteOptions rewrite = kRewrite;
              rewrite.filter = accepts;
              return rewriteWeights(
                  module, rewrite,
                  [&](WeightStore &store, const WeightTask &task, WeightOutcome &outcome) {
                    return stage.runStep(step, store, task, outcome);
                  });
            }))
      return error;
    // The others are only told.
    auto isOther = [others = findUnplanned()](const WeightedOp &op) {
      return others.contains(op.op);
    };
    WeightRewriteOptions rewrite = kRewrite;
    rewrite.filter = isOther;
    if (failed(rewriteWeights(getOperation(), rewrite, step)))
      return llvm::createStringError("telling of the other weights failed");
    return llvm::Error::success();
  }

  void runOnOperation() override {
    if (llvm::Error error = compressAll()) {
      getOperation().emitError() << llvm::toString(std::move(error));
      return signalPassFailure();
    }
    if (failed(quantizeActivations(getOperation())))
      return signalPassFailure();
  }
};
} // namespace
