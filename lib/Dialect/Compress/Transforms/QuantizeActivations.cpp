//===- QuantizeActivations.cpp - integer activations ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ActivationQuantization.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// The specification that `given` or the op's plan has for its activation, if it has a quantized
/// weight and an activation that is still float.
static std::optional<QuantizeSpec> getSpec(const WeightedOp &op,
                                           const std::optional<QuantizeSpec> &given) {
  auto helper = op.op->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::optional<QuantizeSpec> spec = given;
  if (!given)
    if (PlanAttr plan = helper.getAttr(op.op))
      spec = plan.getQuantizeSpec();
  if (!spec || spec->activations == ActivationMode::None || !op.activation ||
      !op.chain.getLink<DequantizeOp>() || op.kind == LayerKind::Embedding)
    return std::nullopt;
  if (isQuantizedActivation(op.activation->get()) || !explainFloatActivation(op).empty())
    return std::nullopt;
  return spec;
}

LogicalResult mlir::compress::quantizeActivations(ModuleOp module,
                                                  const std::optional<QuantizeSpec> &given) {
  auto remarkOptions =
      remark::RemarkOpts::name("compress-quantize-activations").category("activations");
  ActivationRewriter rewriter(module, /*fake=*/false);
  for (const WeightedOp &op : collectWeighted(module)) {
    std::optional<QuantizeSpec> spec = getSpec(op, given);
    if (!spec)
      continue;
    FailureOr<ActivationChoice> choice = chooseActivation(op, *spec);
    if (failed(choice) || failed(rewriter.rewrite(op, *choice)))
      return failure();
    std::string what = "activation of \"" + op.name + "\": ";
    if (!choice->note.empty())
      remark::missed(op.op->getLoc(), remarkOptions) << what + choice->note;
    if (choice->grid)
      remark::passed(op.op->getLoc(), remarkOptions) << what + describe(*choice, *spec);
  }
  return success();
}

namespace {
struct QuantizeActivations : public compress::impl::QuantizeActivationsBase<QuantizeActivations> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::optional<QuantizeSpec> given;
    if (!activations.empty()) {
      // The format does not matter: weights stay as they are.
      FailureOr<QuantizeSpec> spec =
          makeQuantizeSpec(module.getLoc(), "int8", /*group=*/0, /*granularity=*/"",
                           /*convention=*/"", /*asymmetric=*/false, activations, "rtn", more);
      if (failed(spec))
        return signalPassFailure();
      given = *spec;
    }
    if (failed(quantizeActivations(module, given)))
      return signalPassFailure();
  }
};
} // namespace
