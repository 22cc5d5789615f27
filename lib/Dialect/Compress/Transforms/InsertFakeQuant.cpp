//===- InsertFakeQuant.cpp - fake quantization of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_INSERTFAKEQUANT
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
struct InsertFakeQuant : public compress::impl::InsertFakeQuantBase<InsertFakeQuant> {
  using Base::Base;

  void runOnOperation() override;

private:
  /// Inserts the op between the weight of `op` and its users; failure comes with a diagnostic.
  LogicalResult insert(WeightStore &store, WeightSymbols &symbols, const WeightedOp &op,
                       const QuantizeSpec &spec);
};
} // namespace

LogicalResult InsertFakeQuant::insert(WeightStore &store, WeightSymbols &symbols,
                                      const WeightedOp &op, const QuantizeSpec &spec) {
  auto emitError = [&] { return op.op->emitError(); };
  FailureOr<StoredTensor> dense = decodeChain(store, op.chain, emitError);
  if (failed(dense))
    return failure();
  WeightSourceOpInterface source = op.chain.source;
  std::string name = source.getWeightName();
  FailureOr<QuantizedParts> parts =
      quantizeDense(store, *dense, spec, chooseBlock(spec, op).block, name, emitError);
  if (failed(parts))
    return failure();
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(op.chain.root);
  std::string base = getBaseName(name).str();
  Value scale = parts->scales.scale.materialize(builder, symbols, store, source, base + ".scale");
  Value zeroPoint;
  if (parts->scales.zeroPoint)
    zeroPoint = parts->scales.zeroPoint->materialize(builder, symbols, store, source, base + ".zp");
  auto fake =
      FakeQuantizeOp::create(builder, op.op->getLoc(), op.chain.getType(), op.chain.root, scale,
                             zeroPoint, TypeAttr::get(parts->codes.getType().getElementType()),
                             builder.getDenseI64ArrayAttr(parts->scales.block));
  Value root = op.chain.root;
  root.replaceAllUsesExcept(fake.getResult(), fake);
  return success();
}

/// First use of `value`, also below transposes, that is not in `known`.
static Operation *findOtherUser(Value value, const llvm::DenseSet<OpOperand *> &known) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<TransposeOp>(user))
      user = findOtherUser(user->getResult(0), known);
    else if (known.contains(&use))
      user = nullptr;
    if (user)
      return user;
  }
  return nullptr;
}

void InsertFakeQuant::runOnOperation() {
  ModuleOp module = getOperation();
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::optional<QuantizeSpec> given;
  if (!format.empty()) {
    FailureOr<QuantizeSpec> spec = makeQuantizeSpec(module.getLoc(), format, group, granularity,
                                                    convention, asymmetric, activations, method);
    if (failed(spec))
      return signalPassFailure();
    given = *spec;
  }
  WeightStore store(&getContext());
  WeightSymbols symbols(module);
  auto remarkOptions =
      remark::RemarkOpts::name("compress-insert-fake-quant").category("fake-quant");
  // What is asked of each op, and the operands of which the same is asked.
  std::vector<std::pair<WeightedOp, QuantizeSpec>> selected;
  llvm::StringMap<llvm::DenseSet<OpOperand *>> operands;
  for (WeightedOp &op : collectWeighted(module)) {
    std::optional<QuantizeSpec> spec = given;
    if (!given)
      if (PlanAttr plan = helper.getAttr(op.op))
        spec = plan.getQuantizeSpec();
    if (!spec || (given && op.kind == LayerKind::Embedding))
      continue;
    operands[toString(*spec)].insert(op.operand);
    selected.emplace_back(std::move(op), *spec);
  }
  for (const auto &[op, spec] : selected) {
    // The chain may have changed since: a tied weight got its op with an earlier user.
    FailureOr<WeightedOp> now = getWeighted(op.op);
    std::string reason;
    if (succeeded(now) && now->chain.getLink<FakeQuantizeOp>())
      reason = "it is fake-quantized already";
    else if (succeeded(now) && now->chain.getLink<DequantizeOp>())
      reason = "it is quantized already";
    else if (std::string unfit = explainUnfit(op.chain.getType()); !unfit.empty())
      reason = unfit;
    else if (Operation *other = findOtherUser(op.chain.root, operands[toString(spec)]))
      reason = ("it is also used by '" + other->getName().getStringRef() +
                "', which does not get the same fake quantization")
                   .str();
    if (!reason.empty()) {
      remark::missed(op.op->getLoc(), remarkOptions)
          << "weight of \"" + op.name + "\" is left alone: " + reason;
      continue;
    }
    if (failed(insert(store, symbols, *now, spec)))
      return signalPassFailure();
    remark::passed(op.op->getLoc(), remarkOptions)
        << "weight of \"" + op.name + "\" is fake-quantized: " + toString(spec);
  }
}
