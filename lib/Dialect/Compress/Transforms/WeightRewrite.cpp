//===- WeightRewrite.cpp - rewriting weights in parallel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/BiasCorrection.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/ScopeExit.h"
#include <cmath>
#include <condition_variable>

using namespace mlir;
using namespace mlir::compress;

std::string mlir::compress::explainUnfit(RankedTensorType type) {
  if (type.getNumElements() == 0)
    return "it is empty";
  Type element = type.getElementType();
  if (element.isF64() || element.isF32() || element.isF16() || element.isBF16())
    return "";
  std::string text = "its elements are ";
  llvm::raw_string_ostream(text) << element << ", not f64, f32, f16 or bf16";
  return text;
}

void mlir::compress::planAll(ModuleOp module, PlanAttr plan) {
  auto *dialect = module.getContext()->getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  for (const WeightedOp &op : collectWeighted(module)) {
    if (op.kind == LayerKind::Embedding)
      continue;
    PlanAttr old = helper.getAttr(op.op);
    helper.setAttr(op.op, old ? plan.getMerged(old) : plan);
  }
}

FailureOr<PruneSpec>
mlir::compress::parsePruneOption(Location loc, StringRef text,
                                 llvm::function_ref<bool(const PruneSpec &)> accepts,
                                 StringRef expected) {
  llvm::Expected<PruneSpec> spec = parsePruneSpec(text);
  if (!spec)
    return emitError(loc) << llvm::toString(spec.takeError());
  if (!accepts(*spec))
    return emitError(loc) << "option 'prune': expects " << expected << ", got '" << text << "'";
  return *spec;
}

PlanAttr mlir::compress::dropPruning(PlanAttr plan,
                                     llvm::function_ref<bool(const PruneSpec &)> isDone) {
  if (!plan || !plan.getPruneSpec(isDone))
    return plan;
  PruneSpecs others = plan.getPruneSpecs();
  llvm::erase_if(others, isDone);
  plan = plan.withPrune(others.empty() ? StringAttr()
                                       : StringAttr::get(plan.getContext(), toString(others)));
  return plan.isEmpty() ? PlanAttr() : plan;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

static std::string describe(Operation *op) {
  std::string text = ("'" + op->getName().getStringRef() + "'").str();
  if (auto name = op->getAttrOfType<StringAttr>("name"); name && !name.empty())
    text += " \"" + name.str() + "\"";
  return text;
}

/// How single weights are pruned; structures are the business of other passes.
static std::optional<PruneSpec> getElementPruning(PlanAttr plan) {
  return plan ? plan.getPruneSpec() : std::nullopt;
}

/// The codebook of a weight; what is shared between weights is the business of other steps.
static std::optional<ShareSpec> getCodebook(PlanAttr plan) {
  return plan ? plan.getShareSpec(ShareKind::Codebook) : std::nullopt;
}

/// Why the users of a unit cannot be rewritten together; empty if they can.
static std::string explainConflict(const WeightUnit &unit, const WeightRewriteOptions &options) {
  const WeightedOp &first = unit.users.front();
  if (unit.otherUser)
    return "it is also used by " + describe(unit.otherUser) + ", which is not a weighted op";
  auto helper = first.op->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  PlanAttr plan = helper.getAttr(first.op);
  for (const WeightedOp &user : llvm::drop_begin(unit.users)) {
    PlanAttr other = helper.getAttr(user.op);
    std::string tied = describe(first.op) + " shares its weight with " + describe(user.op) + ", ";
    auto quantizeOf = [](PlanAttr plan) { return plan ? plan.getQuantizeSpec() : std::nullopt; };
    bool sameQuantize = !options.quantizes || quantizeOf(plan) == quantizeOf(other);
    bool samePrune = !options.prunes || getElementPruning(plan) == getElementPruning(other);
    bool sameShare = !options.shares || getCodebook(plan) == getCodebook(other);
    if (!sameQuantize || !samePrune || !sameShare)
      return tied + "which has another plan";
    if (user.contractionDims != first.contractionDims)
      return tied + "which contracts another dim of it";
    if (!isSameDecoding(first.chain, user.chain))
      return tied + "which decodes it in another way";
  }
  return "";
}

std::string mlir::compress::explainUnallocatable(const WeightUnit &unit, StringAttr text,
                                                 llvm::function_ref<StringAttr(PlanAttr)> getText) {
  const WeightedOp &first = unit.users.front();
  auto helper = first.op->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  if (unit.otherUser)
    return "something else uses it, too";
  for (const WeightedOp &user : unit.users) {
    PlanAttr plan = helper.getAttr(user.op);
    if (!plan || getText(plan) != text)
      return "\"" + user.name + "\" shares it and has another plan";
    if (user.contractionDims != first.contractionDims)
      return "\"" + user.name + "\" contracts another dim of it";
    if (!isSameDecoding(first.chain, user.chain))
      return "\"" + user.name + "\" decodes it in another way";
  }
  if (std::string reason = explainUnsupported(first.chain); !reason.empty())
    return reason;
  return explainUnfit(first.chain.getType());
}

//===----------------------------------------------------------------------===//
// Committing
//===----------------------------------------------------------------------===//

/// Puts the new chain in place of every root that the users of the task have.
static void commit(WeightStore &store, WeightSymbols &symbols, const WeightTask &task,
                   EncodedWeight &weight) {
  WeightSourceOpInterface source = task.first().chain.source;
  Value written;
  SmallVector<Operation *> made;
  llvm::SmallSetVector<Value, 4> roots;
  for (const WeightedOp &user : task.users)
    roots.insert(user.chain.root);
  for (Value root : roots) {
    OpBuilder builder(root.getDefiningOp());
    Value replacement;
    if (!written) {
      Operation *before = root.getDefiningOp()->getPrevNode();
      written = replacement =
          writeEncodedWeight(builder, symbols, store, source, source.getWeightName(), weight);
      Operation *op = before ? before->getNextNode() : &root.getDefiningOp()->getBlock()->front();
      for (; op != root.getDefiningOp(); op = op->getNextNode())
        made.push_back(op);
    } else {
      IRMapping mapping;
      for (Operation *op : made)
        builder.clone(*op, mapping);
      replacement = mapping.lookup(written);
    }
    root.replaceAllUsesWith(replacement);
  }
  // The old chain is dead now, from the root down.
  for (Value root : roots) {
    // An op that several links use is in the list once, so that it is not looked at after its end.
    llvm::SmallSetVector<Operation *, 8> worklist;
    worklist.insert(root.getDefiningOp());
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val();
      // Scales may be sums and reshapes of what is stored.
      if (!op->use_empty() ||
          !isa<WeightSourceOpInterface, DecodeOpInterface, FakeQuantizeOp, AddOp, ReshapeOp>(op))
        continue;
      SmallVector<Value> operands(op->getOperands());
      op->erase();
      for (Value operand : operands)
        if (Operation *def = operand.getDefiningOp())
          worklist.insert(def);
    }
  }
}

/// Erases private weights among `candidates` that nobody refers to.
static void eraseDeadWeights(ModuleOp module, const llvm::SetVector<StringAttr> &candidates,
                             SymbolTable &table) {
  llvm::DenseSet<StringAttr> used = collectReferencedSymbols(module);
  for (StringAttr name : candidates)
    if (auto weight = table.lookup<WeightOp>(name))
      if (!used.contains(name) && weight.isPrivate())
        table.erase(weight);
}

//===----------------------------------------------------------------------===//
// Reporting
//===----------------------------------------------------------------------===//

namespace {
/// Lines of the report for the users of one weight, told in program order when the outcome is
/// known.
struct Entry {
  SmallVector<LayerReport, 1> lines;
  bool ready = false;
};
} // namespace

static uint64_t getChainBytes(const WeightChain &chain) {
  uint64_t bytes = 0;
  for (WeightSourceOpInterface source : chain.getSources())
    if (auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType()))
      if (FailureOr<uint64_t> size = WeightStore::getStorageBytes(type); succeeded(size))
        bytes += *size;
  return bytes;
}

static LayerReport describeLayer(const WeightedOp &op) {
  LayerReport layer;
  layer.name = op.name;
  layer.op = op.kindName.str();
  layer.weight = op.chain.getSourceName();
  layer.shape.assign(op.chain.getType().getShape().begin(), op.chain.getType().getShape().end());
  layer.bytesBefore = layer.bytesAfter = getChainBytes(op.chain);
  return layer;
}

static std::string describe(const LayerReport &layer) {
  return "weight '" + layer.weight + "' of \"" + layer.name + "\"";
}

static void finishLayer(LayerReport &layer, const WeightOutcome &outcome) {
  layer.action = llvm::join(outcome.done, ", ");
  layer.reason = llvm::join(outcome.skipped, "; ");
  if (!outcome.changed)
    return;
  layer.bytesAfter = outcome.weight.getStoredBytes();
  if (outcome.sumSquares > 0)
    layer.relativeError = std::sqrt(outcome.squaredError / outcome.sumSquares);
  if (outcome.outputError && outcome.outputSquares && *outcome.outputSquares > 0)
    layer.outputSqnr = 10 * std::log10(*outcome.outputSquares / *outcome.outputError);
  layer.sparsity = outcome.sparsity;
  if (const auto &pattern = outcome.weight.pattern) {
    double dense = layer.getNumElements();
    if (dense > 0)
      layer.sparsity = 1 - outcome.weight.values.getType().getNumElements() / dense;
    layer.sparseForm = pattern->isNM() ? SparseForm::NM : SparseForm::Bitmap;
  } else if (outcome.sparsity) {
    layer.sparseForm = SparseForm::Dense;
  }
}

//===----------------------------------------------------------------------===//
// Driver
//===----------------------------------------------------------------------===//

LogicalResult mlir::compress::rewriteWeights(ModuleOp module, const WeightRewriteOptions &options,
                                             WeightStep step) {
  MLIRContext *context = module.getContext();
  auto *dialect = context->getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  auto remarkOptions = remark::RemarkOpts::name(options.passName).category(options.category);

  // Gather.
  std::vector<WeightTask> tasks;
  std::vector<Entry> entries;
  SmallVector<size_t> entryOfTask;
  llvm::SetVector<StringAttr> candidates;
  for (WeightUnit &unit : gatherWeightUnits(module)) {
    if (options.filter && llvm::none_of(unit.users, options.filter))
      continue;
    bool wanted = false;
    for (const WeightedOp &user : unit.users)
      if (PlanAttr plan = helper.getAttr(user.op))
        wanted |= (options.prunes && plan.getPruneSpec()) ||
                  (options.shares && getCodebook(plan)) ||
                  (options.quantizes && plan.getQuantize());
    Entry entry;
    for (const WeightedOp &user : unit.users) {
      entry.lines.push_back(describeLayer(user));
      entry.lines.back().shared = entry.lines.size() > 1;
    }
    std::string reason = !wanted ? "not selected" : explainConflict(unit, options);
    if (reason.empty())
      reason = explainUnsupported(unit.users.front().chain);
    if (!reason.empty()) {
      for (LayerReport &line : entry.lines)
        line.reason = reason;
      entry.ready = true;
      if (wanted)
        remark::missed(unit.users.front().op->getLoc(), remarkOptions)
            << describe(entry.lines.front()) + " is left alone: " + reason;
    } else {
      WeightTask task;
      PlanAttr plan = helper.getAttr(unit.users.front().op);
      if (options.quantizes)
        task.quantize = plan.getQuantizeSpec();
      if (options.prunes)
        task.prune = getElementPruning(plan);
      if (options.shares)
        task.share = getCodebook(plan);
      for (const WeightedOp &user : unit.users)
        for (WeightSourceOpInterface source : user.chain.getSources())
          if (auto load = dyn_cast<LoadOp>(source.getOperation()))
            candidates.insert(load.getWeightAttr().getAttr());
      task.users = std::move(unit.users);
      entryOfTask.push_back(entries.size());
      tasks.push_back(std::move(task));
    }
    entries.push_back(std::move(entry));
  }

  // Rewrite, in parallel over weights; tell the report as soon as all earlier lines are known.
  WeightStore store(context);
  std::vector<std::optional<WeightOutcome>> outcomes(tasks.size());
  std::mutex reportMutex;
  size_t told = 0;
  auto tell = [&] {
    for (; told < entries.size() && entries[told].ready; ++told)
      if (ReportCollector *collector = dialect->getReportCollector())
        for (const LayerReport &line : entries[told].lines)
          collector->addLayer(line);
  };
  tell();
  LogicalResult result = failableParallelForEach(
      context, llvm::seq<size_t>(0, tasks.size()), [&](size_t index) -> LogicalResult {
        const WeightTask &task = tasks[index];
        auto emitError = [&] { return task.emitError(); };
        FailureOr<EncodedWeight> weight = readEncodedWeight(store, task.first().chain, emitError);
        if (failed(weight))
          return failure();
        WeightOutcome outcome;
        outcome.weight = std::move(*weight);
        if (failed(step(store, task, outcome)))
          return failure();
        outcome.original.reset();
        if (outcome.weight.pattern && outcome.weight.pattern->isDense()) {
          std::string reason = explainDenseStorage(outcome.weight);
          FailureOr<bool> kept = compactPattern(store, outcome.weight, emitError);
          if (failed(kept))
            return failure();
          if (!*kept)
            outcome.skipped.push_back(
                (outcome.weight.hasCodes() ? "codes are stored dense: " : "stored dense: ") +
                reason);
        }
        Entry &entry = entries[entryOfTask[index]];
        for (LayerReport &line : entry.lines)
          finishLayer(line, outcome);
        // Bytes of the module that were only read are given back now.
        if (!outcome.changed)
          outcome.weight = EncodedWeight();
        outcomes[index] = std::move(outcome);
        std::lock_guard lock(reportMutex);
        entry.ready = true;
        tell();
        return success();
      });
  if (failed(result))
    return failure();

  // Commit, in program order.
  WeightSymbols symbols(module);
  for (auto [task, outcome] : llvm::zip(tasks, outcomes)) {
    const LayerReport &layer = entries[entryOfTask[&task - tasks.data()]].lines.front();
    Location loc = task.first().op->getLoc();
    if (!outcome->done.empty())
      remark::passed(loc, remarkOptions)
          << describe(layer) + ": " + layer.action << remark::metric("bytes", layer.bytesAfter);
    if (!outcome->skipped.empty())
      remark::missed(loc, remarkOptions) << describe(layer) + ": " + layer.reason;
    if (outcome->changed)
      commit(store, symbols, task, outcome->weight);
    if (!outcome->biasDelta.empty())
      for (const WeightedOp &user : task.users)
        if (failed(addBias(store, symbols, user, outcome->biasDelta)))
          return failure();
  }
  eraseDeadWeights(module, candidates, symbols.getTable());
  return success();
}
