//===- AttachAdapters.cpp - branches from an adapter file -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AdapterTargets.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_ATTACHADAPTERS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct AttachAdapters : public compress::impl::AttachAdaptersBase<AttachAdapters> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<AdapterFile> adapter = openAdapter(module, getArgument(), file, alpha);
    if (failed(adapter))
      return signalPassFailure();
    FailureOr<std::vector<AdapterTarget>> targets = findTargets(module, *adapter);
    if (failed(targets))
      return signalPassFailure();
    WeightStore store(&getContext());
    std::vector<AdapterFactors> factors;
    for (const AdapterTarget &target : *targets) {
      FailureOr<AdapterFactors> made =
          makeFactors(store, *adapter, target, [&] { return target.op.op->emitError(); });
      if (failed(made))
        return signalPassFailure();
      factors.push_back(std::move(*made));
    }
    // Targets of one entry share its weights.
    WeightSymbols symbols(module);
    llvm::DenseMap<const AdapterEntry *, std::pair<StringAttr, StringAttr>> shared;
    for (auto [target, made] : llvm::zip_equal(*targets, factors)) {
      attachAdapter(store, symbols, target, made, shared[target.entry]);
      remark::passed(target.op.op->getLoc(),
                     remark::RemarkOpts::name(getArgument()).category("adapters"))
          << "adapter of '" + target.entry->module + "' is added to \"" + target.op.name + "\""
          << remark::metric("rank", target.entry->rank);
    }
  }
};
} // namespace
