//===- MaskGroups.cpp - choosing what structured pruning removes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GroupChoice.h"
#include "GroupScores.h"
#include "compress/Dialect/Compress/Transforms/BiasCorrection.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_MASKGROUPS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-mask-groups").category("prune");
}

/// Whether the pattern removes units of groups of this kind.
static bool isWanted(PrunePattern pattern, GroupKind kind) {
  switch (pattern) {
  case PrunePattern::Channel:
    return kind != GroupKind::Head;
  case PrunePattern::Neuron:
    return kind == GroupKind::Neuron;
  case PrunePattern::Head:
    return kind == GroupKind::Head;
  default:
    return true;
  }
}

/// Whether units are channels of the weight, and not positions of a kernel.
static bool isChannelDim(const GroupWeight &weight) {
  ArrayRef<int64_t> contraction = weight.op.contractionDims;
  return weight.isOutput || contraction.empty() || weight.dim == contraction.front();
}

/// "3 heads", "1 channel".
static std::string countUnits(int64_t count, GroupKind kind) {
  return (Twine(count) + " " + getName(kind) + (count == 1 ? "" : "s")).str();
}

static std::string formatShare(uint64_t part, uint64_t whole) {
  double share = whole ? static_cast<double>(part) / static_cast<double>(whole) : 0;
  return llvm::formatv("{0:P1}", share).str();
}

static std::string formatScore(double score) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.4g", score);
  return text;
}

namespace {
/// Groups with the same specification.
struct Scope {
  PruneSpec spec;
  std::vector<GroupCandidate> candidates;
};

/// A mask of a weight, one byte per element; dims of size 1 are broadcast.
struct MaskBytes {
  SmallVector<int64_t> shape;
  std::vector<uint8_t> bytes;

  /// Keeps only what `other`, a mask of the same weight, keeps, too.
  void intersect(ArrayRef<int64_t> otherShape, ArrayRef<uint8_t> other);
};

/// The biases that take in the mean of what is removed.
using BiasDeltas = llvm::MapVector<Operation *, std::pair<WeightedOp, std::vector<double>>>;

struct MaskGroups : public compress::impl::MaskGroupsBase<MaskGroups> {
  using Base::Base;

  void runOnOperation() override;

private:
  LogicalResult applyOption();
  /// Specifications of the ops whose plans ask for groups.
  /// What is asked for, by op: heads and neurons, say, one after the other.
  std::vector<llvm::DenseMap<Operation *, PruneSpec>> collectPlans();
  void forgetPlans();
};

/// Work on one module.
class GroupPruner {
public:
  GroupPruner(ModuleOp module, const Statistics *statistics)
      : module(module), loc(module.getLoc()), store(module.getContext()), symbols(module),
        statistics(statistics), graph(module), cost(module, graph), choice(graph, cost),
        scorer(store, graph, statistics) {}

  LogicalResult run(const llvm::DenseMap<Operation *, PruneSpec> &plans);

private:
  LogicalResult collect(const llvm::DenseMap<Operation *, PruneSpec> &plans);
  /// Why the group is left alone; empty, and the specification is set, if it is not.
  std::string explainSkipped(const DependencyGroup &group, ArrayRef<GroupWeight> weights,
                             const llvm::DenseMap<Operation *, PruneSpec> &plans,
                             const PruneSpec *&spec) const;
  LogicalResult checkTargets(const llvm::DenseMap<Operation *, PruneSpec> &plans) const;
  LogicalResult addDeltas(const GroupCandidate &candidate, BiasDeltas &deltas);
  const GroupWeight &pickWeight(const GroupCandidate &candidate);
  void addMask(const GroupCandidate &candidate);
  LogicalResult writeMask(OpOperand &use, const WeightedOp &op, MaskBytes mask);
  void emitRemarks();

  ModuleOp module;
  /// Of the first op with a plan, for what is said of the module.
  Location loc;
  WeightStore store;
  WeightSymbols symbols;
  const Statistics *statistics;
  DependencyGraph graph;
  ModelCost cost;
  GroupChoice choice;
  GroupScorer scorer;
  std::vector<Scope> scopes;
  /// Dims along which weights of these ops were masked.
  llvm::DenseMap<Operation *, SmallVector<int64_t, 2>> maskedDims;
  /// The masks to be, by the operand that gets them.
  llvm::MapVector<OpOperand *, std::pair<WeightedOp, MaskBytes>> masks;
};
} // namespace

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

std::string GroupPruner::explainSkipped(const DependencyGroup &group, ArrayRef<GroupWeight> weights,
                                        const llvm::DenseMap<Operation *, PruneSpec> &plans,
                                        const PruneSpec *&spec) const {
  if (!group.isPrunable())
    return group.blockedReason;
  for (const GroupWeight &weight : weights) {
    auto plan = plans.find(weight.op.op);
    if (plan == plans.end())
      return "\"" + weight.op.name + "\" is not selected";
    if (spec && *spec != plan->second)
      return "its weights have different plans: '" + toString(*spec) + "', and '" +
             toString(plan->second) + "' of \"" + weight.op.name + "\"";
    spec = &plan->second;
  }
  if (getRemovalLimit(group.numUnits, spec->roundTo) == 0)
    return "it has only " + countUnits(group.numUnits, group.kind) +
           (spec->roundTo > 1 ? ", and round_to=" + std::to_string(spec->roundTo) + " must remain"
                              : ", and one must remain");
  return "";
}

LogicalResult GroupPruner::collect(const llvm::DenseMap<Operation *, PruneSpec> &plans) {
  for (const DependencyGroup &group : graph.getGroups()) {
    std::vector<GroupWeight> weights = graph.getWeights(group);
    bool isAsked = llvm::any_of(weights, [&](const GroupWeight &weight) {
      auto plan = plans.find(weight.op.op);
      return isChannelDim(weight) && plan != plans.end() &&
             isWanted(plan->second.pattern, group.kind);
    });
    if (!isAsked)
      continue;
    const PruneSpec *spec = nullptr;
    std::string reason = explainSkipped(group, weights, plans, spec);
    GroupCandidate candidate{&group, std::move(weights), {}, {}};
    if (reason.empty()) {
      FailureOr<std::vector<double>> scores = scorer.score(group, candidate.weights, *spec, reason);
      if (failed(scores))
        return failure();
      candidate.scores = std::move(*scores);
    }
    const WeightedOp &first = candidate.weights.front().op;
    if (!reason.empty()) {
      remark::missed(first.op->getLoc(), getRemarkOptions())
          << countUnits(group.numUnits, group.kind) + " of \"" + first.name +
                 "\" are left alone: " + reason;
      continue;
    }
    auto scope = llvm::find_if(scopes, [&](const Scope &other) { return other.spec == *spec; });
    if (scope == scopes.end())
      scope = scopes.insert(scope, Scope{*spec, {}});
    scope->candidates.push_back(std::move(candidate));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// Weights whose units are output channels first; of these one that has no mask along another dim
/// yet, so that masks stay small.
const GroupWeight &GroupPruner::pickWeight(const GroupCandidate &candidate) {
  for (bool isOutput : {true, false})
    for (const GroupWeight &weight : candidate.weights)
      if (weight.isOutput == isOutput &&
          llvm::all_of(maskedDims[weight.op.op], [&](int64_t dim) { return dim == weight.dim; }))
        return weight;
  auto output =
      llvm::find_if(candidate.weights, [](const auto &weight) { return weight.isOutput; });
  return output == candidate.weights.end() ? candidate.weights.front() : *output;
}

/// Row-major offsets in a mask of `shape`, whose dims of size 1 are broadcast, for the elements of
/// a mask of `target`.
static std::vector<uint64_t> getBroadcastOffsets(ArrayRef<int64_t> shape,
                                                 ArrayRef<int64_t> target) {
  std::vector<uint64_t> offsets{0};
  for (auto [dim, size] : llvm::enumerate(target)) {
    std::vector<uint64_t> next;
    next.reserve(offsets.size() * size);
    for (uint64_t offset : offsets)
      for (int64_t index = 0; index < size; ++index)
        next.push_back(offset * shape[dim] + (shape[dim] == 1 ? 0 : index));
    offsets = std::move(next);
  }
  return offsets;
}

void MaskBytes::intersect(ArrayRef<int64_t> otherShape, ArrayRef<uint8_t> other) {
  SmallVector<int64_t> both(otherShape);
  for (auto [size, own] : llvm::zip(both, shape))
    size = std::max(size, own);
  std::vector<uint8_t> combined;
  for (auto [a, b] :
       llvm::zip_equal(getBroadcastOffsets(shape, both), getBroadcastOffsets(otherShape, both)))
    combined.push_back(bytes[a] && other[b]);
  shape = std::move(both);
  bytes = std::move(combined);
}

void GroupPruner::addMask(const GroupCandidate &candidate) {
  const GroupWeight &weight = pickWeight(candidate);
  maskedDims[weight.op.op].push_back(weight.dim);
  ArrayRef<int64_t> weightShape = weight.op.chain.getType().getShape();
  MaskBytes mask;
  mask.shape.assign(weightShape.size(), 1);
  mask.shape[weight.dim] = weightShape[weight.dim];
  mask.bytes.assign(weightShape[weight.dim], 1);
  for (auto [unit, isKept] : llvm::enumerate(candidate.kept))
    if (!isKept)
      for (int64_t index : candidate.group->members[weight.member].getIndices(unit))
        mask.bytes[index] = 0;
  // Masks go below transposes.
  OpOperand *use = weight.op.operand;
  while (auto transpose = use->get().getDefiningOp<TransposeOp>())
    use = &transpose.getInputMutable();
  auto [entry, isNew] = masks.try_emplace(use, weight.op, mask);
  if (!isNew)
    entry->second.second.intersect(mask.shape, mask.bytes);
}

LogicalResult GroupPruner::writeMask(OpOperand &use, const WeightedOp &op, MaskBytes mask) {
  auto emitError = [&] { return op.op->emitError(); };
  Value input = use.get();
  // A mask that is there already stays in force.
  if (auto old = input.getDefiningOp<MaskOp>())
    if (auto source = old.getMask().getDefiningOp<WeightSourceOpInterface>()) {
      FailureOr<StoredTensor> stored = StoredTensor::read(store, source, emitError);
      if (failed(stored))
        return failure();
      std::vector<uint8_t> before;
      for (char byte : stored->bytes())
        before.push_back(byte != 0);
      ArrayRef<int64_t> shape = stored->getType().getShape();
      mask.intersect(shape, before);
      if (ArrayRef(mask.shape) == shape && mask.bytes == before)
        return success();
      input = old.getInput();
    }
  auto type = RankedTensorType::get(mask.shape, IntegerType::get(module.getContext(), 1));
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  llvm::copy(mask.bytes, tensor->mutableBytes().begin());
  OpBuilder builder(use.getOwner());
  builder.setInsertionPointAfterValue(use.get());
  Value stored = tensor->materialize(builder, symbols, store, op.chain.source,
                                     (getBaseName(op.chain.getSourceName()) + ".mask").str());
  use.set(MaskOp::create(builder, use.get().getLoc(), input.getType(), input, stored));
  return success();
}

//===----------------------------------------------------------------------===//
// Biases
//===----------------------------------------------------------------------===//

/// Why the mean of removed inputs cannot go into the bias; empty if it can.
static std::string explainNoDelta(const WeightedOp &op, const TensorStatistics *input) {
  if (std::string reason = explainFixedBias(op); !reason.empty())
    return reason;
  if (auto conv = dyn_cast<ConvOp>(op.op))
    if (llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; }))
      return "its padding meets no mean";
  return explainUnknownMean(op, input);
}

LogicalResult GroupPruner::addDeltas(const GroupCandidate &candidate, BiasDeltas &deltas) {
  for (const GroupWeight &weight : candidate.weights) {
    const WeightedOp &op = weight.op;
    if (weight.isOutput || op.kind == LayerKind::Embedding)
      continue;
    const TensorStatistics *input = statistics ? statistics->findInput(op.name) : nullptr;
    if (std::string reason = explainNoDelta(op, input); !reason.empty()) {
      remark::missed(op.op->getLoc(), getRemarkOptions())
          << "the bias of \"" + op.name +
                 "\" does not take in the mean of what is removed: " + reason;
      continue;
    }
    auto emitError = [&] { return op.op->emitError(); };
    FailureOr<StoredTensor> dense = decodeChain(store, op.chain, emitError);
    if (failed(dense))
      return failure();
    FailureOr<StoredTensor> left = StoredTensor::allocate(store, dense->getType(), emitError);
    if (failed(left))
      return failure();
    llvm::copy(dense->bytes(), left->mutableBytes().begin());
    BlockView view = getAxisView(dense->getType().getShape(), weight.dim);
    size_t run = view.inner * (dense->bytes().size() / view.getNumElements());
    for (auto [unit, isKept] : llvm::enumerate(candidate.kept))
      if (!isKept)
        for (int64_t index : candidate.group->members[weight.member].getIndices(unit))
          for (size_t outer = 0; outer < view.outer; ++outer)
            std::memset(left->mutableBytes().data() + (outer * view.k + index) * run, 0, run);
    std::vector<double> delta = computeBiasDelta(op, *dense, *left, *input);
    auto [entry, isNew] = deltas.try_emplace(op.op, op, delta);
    if (!isNew)
      for (auto [sum, value] : llvm::zip_equal(entry->second.second, delta))
        sum += value;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

void GroupPruner::emitRemarks() {
  int64_t units = 0, removed = 0;
  for (const Scope &scope : scopes)
    for (const GroupCandidate &candidate : scope.candidates) {
      const WeightedOp &first = candidate.weights.front().op;
      int64_t count = candidate.getNumRemoved(), all = candidate.group->numUnits;
      units += all;
      removed += count;
      auto [least, most] = std::minmax_element(candidate.scores.begin(), candidate.scores.end());
      remark::passed(first.op->getLoc(), getRemarkOptions())
          << llvm::formatv("removes {0} of {1} of \"{2}\" (scores {3} to {4})", count,
                           countUnits(all, candidate.group->kind), first.name, formatScore(*least),
                           formatScore(*most))
                 .str()
          << remark::metric("removed", count) << remark::metric("units", all);
    }
  llvm::BitVector spaces(graph.getSpaces().size());
  for (const DependencyGroup &group : graph.getGroups())
    if (group.isPrunable())
      for (const DependencyGroup::Member &member : group.members)
        spaces.set(member.space);
  ModelSize before = choice.getDenseSize(), after = choice.getSize();
  auto change = [](uint64_t from, uint64_t to) {
    return llvm::formatv("{0} -> {1} (-{2})", from, to, formatShare(from - to, from)).str();
  };
  remark::analysis(loc, getRemarkOptions())
      << llvm::formatv(
             "{0} of the parameters are in prunable groups; {1} of {2} selected units are removed "
             "({3}); parameters {4}; multiply-accumulates {5}{6}",
             formatShare(cost.countParametersIn(spaces), before.parameters), removed, units,
             formatShare(removed, units), change(before.parameters, after.parameters),
             change(before.macs, after.macs),
             cost.hasDynamicDims() ? " with unknown dims counted as 1" : "")
             .str();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// A target for the size of the model must not be missed in silence.
LogicalResult GroupPruner::checkTargets(const llvm::DenseMap<Operation *, PruneSpec> &plans) const {
  for (const WeightedOp &op : graph.getWeightedOps()) {
    auto plan = plans.find(op.op);
    if (plan == plans.end())
      continue;
    const PruneSpec &spec = plan->second;
    bool isParams = spec.pattern == PrunePattern::Params;
    if ((!isParams && spec.pattern != PrunePattern::Macs) || spec.ratio == 0 ||
        llvm::any_of(scopes, [&](const Scope &scope) { return scope.spec == spec; }))
      continue;
    return op.op->emitError() << "cannot remove " << llvm::formatv("{0:P2}", spec.ratio).str()
                              << " of the " << (isParams ? "parameters" : "multiply-accumulates")
                              << " as '" << toString(spec)
                              << "' asks for: none of the selected groups can be pruned";
  }
  return success();
}

LogicalResult GroupPruner::run(const llvm::DenseMap<Operation *, PruneSpec> &plans) {
  for (const WeightedOp &op : graph.getWeightedOps())
    if (plans.contains(op.op)) {
      loc = op.op->getLoc();
      break;
    }
  if (failed(collect(plans)) || failed(checkTargets(plans)))
    return failure();
  BiasDeltas deltas;
  for (Scope &scope : scopes) {
    if (failed(choice.choose(scope.candidates.front().weights.front().op.op->getLoc(),
                             scope.candidates, scope.spec)))
      return failure();
    if (scope.spec.compensatesBias())
      for (const GroupCandidate &candidate : scope.candidates)
        if (candidate.getNumRemoved() > 0 && failed(addDeltas(candidate, deltas)))
          return failure();
  }
  emitRemarks();
  for (const Scope &scope : scopes)
    for (const GroupCandidate &candidate : scope.candidates)
      if (candidate.getNumRemoved() > 0)
        addMask(candidate);
  for (auto &[use, entry] : masks)
    if (failed(writeMask(*use, entry.first, std::move(entry.second))))
      return failure();
  // Operands are inserted here: no weight is looked at after it.
  for (auto &[op, entry] : deltas)
    if (failed(addBias(store, symbols, entry.first, entry.second)))
      return failure();
  return success();
}

LogicalResult MaskGroups::applyOption() {
  if (prune.empty())
    return success();
  FailureOr<PruneSpec> spec = parsePruneOption(
      getOperation().getLoc(), prune, [](const PruneSpec &spec) { return spec.isGroups(); },
      "channel, neuron, head, params or macs");
  if (failed(spec))
    return failure();
  planAll(getOperation(), PlanAttr::getPruning(StringAttr::get(&getContext(), toString(*spec))));
  return success();
}

std::vector<llvm::DenseMap<Operation *, PruneSpec>> MaskGroups::collectPlans() {
  std::vector<llvm::DenseMap<Operation *, PruneSpec>> rounds;
  auto *dialect = getContext().getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  bool hasStatistics = dialect->getStatistics() != nullptr;
  getOperation().walk([&](Operation *op) {
    PlanAttr plan = helper.getAttr(op);
    size_t round = 0;
    for (const PruneSpec &spec : plan ? plan.getPruneSpecs() : PruneSpecs()) {
      if (!spec.isGroups())
        continue;
      if (round == rounds.size())
        rounds.emplace_back();
      rounds[round++].try_emplace(op, resolveAuto(spec, hasStatistics));
    }
  });
  return rounds;
}

/// What was asked for is done.
void MaskGroups::forgetPlans() {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  getOperation().walk([&](Operation *op) {
    PlanAttr plan = helper.getAttr(op);
    PlanAttr left = dropPruning(plan, [](const PruneSpec &spec) { return spec.isGroups(); });
    if (left == plan)
      return;
    helper.removeAttr(op);
    if (left)
      helper.setAttr(op, left);
  });
}

void MaskGroups::runOnOperation() {
  if (failed(applyOption()))
    return signalPassFailure();
  std::vector<llvm::DenseMap<Operation *, PruneSpec>> rounds = collectPlans();
  if (rounds.empty())
    return markAllAnalysesPreserved();
  const Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  for (const llvm::DenseMap<Operation *, PruneSpec> &plans : rounds)
    if (failed(GroupPruner(getOperation(), statistics).run(plans)))
      return signalPassFailure();
  forgetPlans();
  removeDeadWeights(getOperation());
}
