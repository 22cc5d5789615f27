//===- InsertFakeQuant.cpp - fake quantization of weights and activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ActivationQuantization.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
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
/// An op, and how its weight and activation are rounded.
struct Selected {
  WeightedOp op;
  QuantizeSpec spec;
};

struct InsertFakeQuant : public compress::impl::InsertFakeQuantBase<InsertFakeQuant> {
  using Base::Base;

  void runOnOperation() override;

private:
  /// What is asked of each op; a failure if the options contradict each other.
  FailureOr<std::vector<Selected>> select();
  LogicalResult roundWeights(ArrayRef<Selected> selected);
  LogicalResult roundActivations(ArrayRef<Selected> selected);
  /// Inserts the op between the weight of `op` and its users; failure comes with a diagnostic.
  LogicalResult insert(WeightStore &store, WeightSymbols &symbols, const WeightedOp &op,
                       const QuantizeSpec &spec);
};
} // namespace

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-insert-fake-quant").category("fake-quant");
}

FailureOr<std::vector<Selected>> InsertFakeQuant::select() {
  ModuleOp module = getOperation();
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::optional<QuantizeSpec> given;
  if (!format.empty()) {
    FailureOr<QuantizeSpec> spec =
        makeQuantizeSpec(module.getLoc(), format, group, granularity, convention, asymmetric,
                         activations, method, more);
    if (failed(spec))
      return failure();
    given = *spec;
  }
  std::vector<Selected> selected;
  for (WeightedOp &op : collectWeighted(module)) {
    std::optional<QuantizeSpec> spec = given;
    if (!given)
      if (PlanAttr plan = helper.getAttr(op.op))
        spec = plan.getQuantizeSpec();
    if (spec && !(given && op.kind == LayerKind::Embedding))
      selected.push_back({std::move(op), *spec});
  }
  return selected;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// A scale of 1 for the whole tensor.
static FailureOr<StoredTensor> makeUnitScale(WeightStore &store, Type element,
                                             EmitErrorFn emitError) {
  FailureOr<StoredTensor> scale =
      StoredTensor::allocate(store, RankedTensorType::get({}, element), emitError);
  if (failed(scale))
    return failure();
  uint64_t bits = encodeFloat(scale->getDataType(), 1);
  std::memcpy(scale->mutableBytes().data(), &bits, scale->bytes().size());
  return scale;
}

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
  Value scale, zeroPoint, table;
  DenseI64ArrayAttr block;
  if (parts->scales) {
    // Scales that are stored as codes count with the values that these stand for.
    scale = parts->scales->scale.materialize(builder, symbols, store, source, base + ".scale");
    if (parts->scales->zeroPoint)
      zeroPoint =
          parts->scales->zeroPoint->materialize(builder, symbols, store, source, base + ".zp");
    if (!parts->scales->block.empty())
      block = builder.getDenseI64ArrayAttr(parts->scales->block);
  } else {
    FailureOr<StoredTensor> one =
        makeUnitScale(store, dense->getType().getElementType(), emitError);
    if (failed(one))
      return failure();
    scale = one->materialize(builder, symbols, store, source, base + ".scale");
  }
  if (parts->table)
    table = parts->table->materialize(builder, symbols, store, source, base + ".table");
  auto fake = FakeQuantizeOp::create(builder, op.op->getLoc(), op.chain.getType(), op.chain.root,
                                     scale, zeroPoint, table,
                                     TypeAttr::get(parts->codes.getType().getElementType()), block);
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

/// Why the weight of `op` is left alone; empty if it is not. `known` are the operands of which the
/// same is asked.
static std::string explainNoRounding(const WeightedOp &op, const FailureOr<WeightedOp> &now,
                                     const QuantizeSpec &spec,
                                     const llvm::DenseSet<OpOperand *> &known) {
  if (failed(now))
    return "it is no weight any more";
  if (now->chain.getLink<FakeQuantizeOp>())
    return "it is fake-quantized already";
  if (now->chain.getLink<DequantizeOp>() || now->chain.getLink<LookupOp>() ||
      now->chain.getLink<LookupVectorsOp>())
    return "it is quantized already";
  if (spec.getInfo().family == FormatFamily::Cast || spec.format == WeightFormat::Mixed)
    return ("the format " + getName(spec.format) + " has no fake quantization").str();
  if (std::string unfit = explainUnfit(op.chain.getType()); !unfit.empty())
    return unfit;
  if (Operation *other = findOtherUser(op.chain.root, known))
    return ("it is also used by '" + other->getName().getStringRef() +
            "', which does not get the same fake quantization")
        .str();
  return "";
}

LogicalResult InsertFakeQuant::roundWeights(ArrayRef<Selected> selected) {
  WeightStore store(&getContext());
  WeightSymbols symbols(getOperation());
  llvm::StringMap<llvm::DenseSet<OpOperand *>> operands;
  for (const auto &[op, spec] : selected)
    operands[toString(spec)].insert(op.operand);
  for (const auto &[op, spec] : selected) {
    // The chain may have changed since: a tied weight got its op with an earlier user.
    FailureOr<WeightedOp> now = getWeighted(op.op);
    std::string reason = explainNoRounding(op, now, spec, operands[toString(spec)]);
    if (!reason.empty()) {
      remark::missed(op.op->getLoc(), getRemarkOptions())
          << "weight of \"" + op.name + "\" is left alone: " + reason;
      continue;
    }
    if (failed(insert(store, symbols, *now, spec)))
      return failure();
    remark::passed(op.op->getLoc(), getRemarkOptions())
        << "weight of \"" + op.name + "\" is fake-quantized: " + toString(spec);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

LogicalResult InsertFakeQuant::roundActivations(ArrayRef<Selected> selected) {
  ActivationRewriter rewriter(getOperation(), /*fake=*/true);
  for (const auto &[op, spec] : selected) {
    FailureOr<WeightedOp> now = getWeighted(op.op);
    if (spec.activations == ActivationMode::None || failed(now) || now->chain.isDense() ||
        (now->activation && isQuantizedActivation(now->activation->get())))
      continue;
    std::string what = "activation of \"" + op.name + "\": ";
    if (std::string reason = explainFloatActivation(*now); !reason.empty()) {
      remark::missed(op.op->getLoc(), getRemarkOptions()) << what + reason;
      continue;
    }
    FailureOr<ActivationChoice> choice = chooseActivation(*now, spec);
    if (failed(choice) || failed(rewriter.rewrite(*now, *choice)))
      return failure();
    if (!choice->note.empty())
      remark::missed(op.op->getLoc(), getRemarkOptions()) << what + choice->note;
    remark::passed(op.op->getLoc(), getRemarkOptions()) << what + describe(*choice, spec);
  }
  return success();
}

void InsertFakeQuant::runOnOperation() {
  FailureOr<std::vector<Selected>> selected = select();
  if (failed(selected) || failed(roundWeights(*selected)) || failed(roundActivations(*selected)))
    signalPassFailure();
}
