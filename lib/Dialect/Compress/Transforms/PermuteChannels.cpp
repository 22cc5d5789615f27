//===- PermuteChannels.cpp - orders of channels that N:M likes ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruneMethods.h"
#include "ReorderChannels.h"
#include "compress/Algorithms/ChannelPermutation.h"
#include "compress/Analysis/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <numeric>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PERMUTECHANNELS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// How often the assignment goes over a layer: the authors do once, and later times find less and
/// less. They are for layers where they take no time to speak of.
static unsigned getPasses(size_t rows, size_t columns) {
  return static_cast<double>(rows) * columns * columns < 2e9 ? 4 : 1;
}

/// Scores that are looked at together, 4 bytes each.
static constexpr size_t kMaxScores = size_t(1) << 30;

namespace {
/// A weighted op whose inputs are to be reordered.
struct Layer {
  WeightedOp op;
  PruneSpec spec;
};

/// Scores of layers with one order of channels below each other, `[rows][channels]`.
struct ScoreStack {
  std::vector<float> scores;
  size_t rows = 0, channels = 0;
  /// Something to tell.
  std::string note;
};

struct PermuteChannels : public compress::impl::PermuteChannelsBase<PermuteChannels> {
  using Base::Base;

  void runOnOperation() override;

private:
  using Key = std::tuple<Value, int64_t, int64_t, int64_t>;
  using Groups = llvm::MapVector<Key, std::vector<Layer>>;

  LogicalResult planGiven();
  void gatherLayers();
  LogicalResult permute(Value value, int64_t dim, ArrayRef<Layer> layers);
  FailureOr<bool> fold(Value value, int64_t dim, ArrayRef<Layer> layers, std::string &reason);
  LogicalResult insertGather(Value value, int64_t dim, ArrayRef<Layer> layers,
                             StringRef foldReason);
  FailureOr<std::optional<ScoreStack>> stackScores(ArrayRef<Layer> layers, std::string &reason);
  FailureOr<bool> apply(const ChannelPermutationPlan &plan, ArrayRef<Layer> layers,
                        const ScoreStack &stack, StringRef how,
                        llvm::function_ref<LogicalResult(ArrayRef<uint32_t>)> finish);
  void finishLayers(ArrayRef<Layer> layers);

  void tellMissed(ArrayRef<Layer> layers, const Twine &reason);
  auto getParallelFor() {
    return [context = &getContext()](size_t n, llvm::function_ref<void(size_t)> body) {
      parallelFor(context, 0, n, body);
    };
  }
  remark::RemarkOpts remarkOptions() const {
    return remark::RemarkOpts::name("compress-permute-channels").category("prune");
  }

  Groups groups;
  llvm::DenseSet<Operation *> done;
  /// Layers that get a gather, and why.
  llvm::DenseMap<Operation *, std::string> streams;
  std::optional<WeightStore> store;
  std::optional<WeightSymbols> symbols;
  Statistics *statistics = nullptr;
};
} // namespace

/// "fc1", or "q" and 2 more.
static std::string describe(ArrayRef<Layer> layers) {
  std::string text = "\"" + layers.front().op.name + "\"";
  if (layers.size() > 1)
    text += " and " + std::to_string(layers.size() - 1) + " more";
  return text;
}

static NMPattern getPattern(const PruneSpec &spec) {
  return {static_cast<unsigned>(spec.n), static_cast<unsigned>(spec.m)};
}

void PermuteChannels::tellMissed(ArrayRef<Layer> layers, const Twine &reason) {
  remark::missed(layers.front().op.op->getLoc(), remarkOptions())
      << ("the inputs of " + describe(layers) + " are not reordered: " + reason).str();
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// Plans all ops as the option says.
LogicalResult PermuteChannels::planGiven() {
  FailureOr<PruneSpec> spec = parsePruneOption(
      getOperation().getLoc(), prune,
      [](const PruneSpec &spec) { return spec.pattern == PrunePattern::NM; }, "N:M");
  if (failed(spec))
    return failure();
  spec->permute = true;
  planAll(getOperation(), PlanAttr::getPruning(StringAttr::get(&getContext(), toString(*spec))));
  return success();
}

/// Why the weight cannot be looked at; empty if it can.
static std::string explainUnsuited(const WeightedOp &op, std::optional<int64_t> dim,
                                   const PruneSpec &spec) {
  if (!dim || op.contractionDims.empty())
    return "the op has no dim of input channels";
  RankedTensorType type = cast<RankedTensorType>(op.activation->get().getType());
  if (ShapedType::isDynamic(type.getDimSize(*dim)))
    return "the number of its input channels is not known";
  if (type.getDimSize(*dim) != op.chain.getType().getDimSize(op.contractionDims.front()))
    return "groups of a convolution keep their channels";
  if (type.getDimSize(*dim) <= spec.m)
    return "it has only " + std::to_string(type.getDimSize(*dim)) + " input channels";
  if (!op.chain.isDense())
    return "its weight is compressed already";
  return explainUnfit(op.chain.getType());
}

/// Finds what is planned, by the activation that is contracted and by the pattern.
void PermuteChannels::gatherLayers() {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  for (WeightedOp &op : collectWeighted(getOperation())) {
    PlanAttr plan = helper.getAttr(op.op);
    std::optional<PruneSpec> spec = plan ? plan.getPruneSpec() : std::nullopt;
    if (!spec || !spec->permute || !op.activation || op.kind == LayerKind::Embedding)
      continue;
    std::optional<int64_t> dim = ChannelScalingPlanner::getInputChannelDim(op);
    std::string reason = explainUnsuited(op, dim, *spec);
    Value value = op.activation->get();
    Layer layer{std::move(op), *spec};
    if (!reason.empty())
      tellMissed(layer, reason);
    else
      groups[{value, *dim, spec->n, spec->m}].push_back(std::move(layer));
  }
}

/// What counts as the importance of weights for this method.
static PruneSpec getScoreSpec(PruneSpec spec, bool hasStatistics) {
  spec = resolveAuto(spec, hasStatistics);
  switch (spec.method) {
  case PruneMethod::Obs:
  case PruneMethod::Obd:
  case PruneMethod::SparseGpt:
  case PruneMethod::Isc:
  case PruneMethod::Alps:
    // The second-order saliency with nothing but the diagonal of the Gram matrix.
    spec.method = PruneMethod::Wanda;
    break;
  default:
    break;
  }
  spec.update = PruneUpdate::None;
  return spec;
}

FailureOr<std::optional<ScoreStack>> PermuteChannels::stackScores(ArrayRef<Layer> layers,
                                                                  std::string &reason) {
  ScoreStack stack;
  auto parallel = getParallelFor();
  for (const Layer &layer : layers) {
    WeightTask task;
    task.users = {layer.op};
    auto emitError = [&] { return task.emitError(); };
    FailureOr<StoredTensor> dense = StoredTensor::read(*store, layer.op.chain.source, emitError);
    if (failed(dense))
      return failure();
    PruneSpec spec = getScoreSpec(layer.spec, statistics != nullptr);
    auto pruner = std::make_unique<WeightPruner>(task, spec, statistics, parallel);
    std::string missing;
    if (llvm::Error error = pruner->prepare())
      missing = llvm::toString(std::move(error));
    else
      missing = pruner->getUnseen().str();
    if (!missing.empty()) {
      if (stack.note.empty())
        stack.note = "by magnitude: " + missing;
      spec.method = PruneMethod::Magnitude;
      pruner = std::make_unique<WeightPruner>(task, spec, nullptr, parallel);
      if (llvm::Error error = pruner->prepare())
        return emitError() << llvm::toString(std::move(error));
    }
    const MatrixView &view = pruner->getView();
    size_t rows = view.getBatches() * view.getRows() * view.getPositions();
    if (rows * view.getChannels() > kMaxScores - stack.scores.size()) {
      reason = "they have too many weights together";
      return std::optional<ScoreStack>();
    }
    std::vector<float> scores = pruner->getScores(*dense);
    if (!llvm::all_of(scores, [](float score) { return std::isfinite(score); })) {
      reason = "the weight of \"" + layer.op.name + "\" is not finite";
      return std::optional<ScoreStack>();
    }
    stack.rows += rows;
    stack.channels = view.getChannels();
    if (stack.scores.empty())
      stack.scores = std::move(scores);
    else
      llvm::append_range(stack.scores, scores);
  }
  return std::optional<ScoreStack>(std::move(stack));
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

/// Channels of an orbit in the order of its classes, for each of their places; failure if the
/// blocks of `m` channels that they are in have other channels, too.
static FailureOr<std::vector<std::vector<uint32_t>>>
getRuns(const ChannelPermutationPlan::Orbit &orbit, int64_t numChannels, unsigned m) {
  std::vector<std::vector<uint32_t>> runs;
  for (size_t place = 0; place < orbit.classes.front().size(); ++place) {
    std::vector<uint32_t> run;
    for (const auto &members : orbit.classes)
      if (members[place] < numChannels)
        run.push_back(members[place]);
    if (run.empty())
      continue;
    if (run.size() != orbit.classes.size() || run.front() % m != 0 ||
        ((run.back() + 1) % m != 0 && run.back() + 1 != numChannels))
      return failure();
    for (size_t i = 1; i < run.size(); ++i)
      if (run[i] != run[i - 1] + 1)
        return failure();
    runs.push_back(std::move(run));
  }
  return runs;
}

/// Finds the order of every orbit and applies it; false if there is none that keeps more.
FailureOr<bool>
PermuteChannels::apply(const ChannelPermutationPlan &plan, ArrayRef<Layer> layers,
                       const ScoreStack &stack, StringRef how,
                       llvm::function_ref<LogicalResult(ArrayRef<uint32_t>)> finish) {
  NMPattern nm = getPattern(layers.front().spec);
  const float *scores = stack.scores.data();
  std::vector<std::vector<uint32_t>> orders;
  bool isBetter = false;
  for (const ChannelPermutationPlan::Orbit &orbit : plan.orbits) {
    auto runs = *getRuns(orbit, plan.numChannels, nm.m);
    size_t columns = orbit.classes.size();
    // Places of a class share an order, as rows do.
    std::vector<float> part;
    bool isWhole = runs.size() == 1 && columns == stack.channels;
    if (!isWhole)
      for (size_t row = 0; row < stack.rows; ++row)
        for (const std::vector<uint32_t> &run : runs) {
          const float *first = scores + row * stack.channels + run.front();
          part.insert(part.end(), first, first + columns);
        }
    ChannelPermutation found =
        permuteChannels(isWhole ? scores : part.data(), stack.rows * runs.size(), columns, nm,
                        {.passes = getPasses(stack.rows, columns)}, getParallelFor());
    isBetter |= !found.isIdentity();
    orders.push_back(std::move(found.order));
  }
  std::vector<int32_t> sources = plan.getSources(orders);
  std::vector<uint32_t> order(sources.begin(), sources.begin() + plan.numChannels);
  auto getRetained = [&](ArrayRef<uint32_t> order) {
    return getRetainedScore(scores, stack.rows, stack.channels, nm, order, getParallelFor());
  };
  double before = getRetained({}), after = getRetained(order);
  if (!isBetter || !(after > before)) {
    tellMissed(layers, "no order keeps more");
    return false;
  }
  double bound = getRetainedBound(scores, stack.rows, stack.channels, nm, getParallelFor());
  if (failed(reorderChannels(*store, *symbols, plan, sources, statistics)) || failed(finish(order)))
    return failure();
  std::string text =
      llvm::formatv("the inputs of {0} are reordered{1}: {2}:{3} keeps {4:F4} of the "
                    "scores, {5:F4} before, at most {6:F4}",
                    describe(layers), how, nm.n, nm.m, after, before, bound);
  if (!stack.note.empty())
    text += " (" + stack.note + ")";
  remark::passed(layers.front().op.op->getLoc(), remarkOptions())
      << text << remark::metric("before", before) << remark::metric("after", after)
      << remark::metric("bound", bound);
  finishLayers(layers);
  return true;
}

/// The order is there now: plans do not ask for it any more.
void PermuteChannels::finishLayers(ArrayRef<Layer> layers) {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  for (const Layer &layer : layers) {
    done.insert(layer.op.op);
    PruneSpec spec = layer.spec;
    spec.permute = false;
    helper.setAttr(
        layer.op.op,
        helper.getAttr(layer.op.op).withPrune(StringAttr::get(&getContext(), toString(spec))));
  }
}

//===----------------------------------------------------------------------===//
// Folding and gathering
//===----------------------------------------------------------------------===//

/// Reorders what makes the channels; false with `reason` if that cannot be done.
FailureOr<bool> PermuteChannels::fold(Value value, int64_t dim, ArrayRef<Layer> layers,
                                      std::string &reason) {
  FailureOr<ChannelPermutationPlan> plan =
      ChannelPermutationPlanner(getOperation()).plan(value, dim, reason);
  if (failed(plan))
    return false;
  const PruneSpec &spec = layers.front().spec;
  for (const ChannelPermutationPlan::Orbit &orbit : plan->orbits)
    if (failed(getRuns(orbit, plan->numChannels, spec.m))) {
      reason = "channels that can change places are not in blocks of " + std::to_string(spec.m);
      return false;
    }
  // All planned layers that take these channels have a say.
  std::vector<Layer> all;
  llvm::DenseSet<Value> activations;
  for (auto &[key, known] : groups)
    for (const Layer &layer : known)
      for (const ChannelPermutationPlan::Layer &consumer : plan->consumers)
        if (consumer.op.op == layer.op.op && plan->isAligned(consumer) && layer.spec.n == spec.n &&
            layer.spec.m == spec.m && !done.contains(layer.op.op)) {
          all.push_back({consumer.op, layer.spec});
          activations.insert(std::get<0>(key));
        }
  if (gather && activations.size() > 1) {
    reason = std::to_string(activations.size()) +
             " activations have these channels, and each gets an order of its own";
    // The gathers hide from later layers that they have a stream in common.
    for (const Layer &layer : all)
      streams[layer.op.op] = reason;
    return false;
  }
  FailureOr<std::optional<ScoreStack>> stack = stackScores(all, reason);
  if (failed(stack))
    return failure();
  if (!*stack)
    return false;
  std::string how = ", folded into " + std::to_string(plan->edits.size()) + " constants";
  FailureOr<bool> applied =
      apply(*plan, all, **stack, how, [](ArrayRef<uint32_t>) { return success(); });
  if (failed(applied))
    return failure();
  for (const Layer &layer : all)
    done.insert(layer.op.op);
  return true;
}

/// Puts a gather in front of the layers.
LogicalResult PermuteChannels::insertGather(Value value, int64_t dim, ArrayRef<Layer> layers,
                                            StringRef foldReason) {
  std::string reason;
  FailureOr<std::optional<ScoreStack>> stack = stackScores(layers, reason);
  if (failed(stack))
    return failure();
  ChannelPermutationPlan plan;
  plan.numChannels = cast<RankedTensorType>(value.getType()).getDimSize(dim);
  plan.numLabels = plan.numChannels;
  std::vector<int32_t> labels(plan.numLabels);
  std::iota(labels.begin(), labels.end(), 0);
  ChannelPermutationPlan::Orbit &orbit = plan.orbits.emplace_back();
  for (int32_t label : labels)
    orbit.classes.push_back({label});
  for (const Layer &layer : layers) {
    plan.edits.push_back(
        {layer.op.operand, layer.op.chain, {layer.op.contractionDims.front()}, labels});
    plan.consumers.push_back({layer.op, labels});
  }
  if (reason.empty())
    reason = ChannelPermutationPlanner(getOperation()).explainShared(plan);
  if (!reason.empty()) {
    tellMissed(layers, reason);
    return success();
  }
  auto finish = [&](ArrayRef<uint32_t> order) -> LogicalResult {
    Operation *first = layers.front().op.op;
    OpBuilder builder(first);
    builder.setInsertionPointAfterValue(value);
    auto type = RankedTensorType::get({plan.numChannels}, builder.getI64Type());
    FailureOr<StoredTensor> indices =
        StoredTensor::allocate(*store, type, [&] { return first->emitError(); });
    if (failed(indices))
      return failure();
    for (auto [i, from] : llvm::enumerate(order)) {
      int64_t index = from;
      std::memcpy(indices->mutableBytes().data() + 8 * i, &index, 8);
    }
    const std::string &name = layers.front().op.name;
    Value constant = indices->materialize(builder, *symbols, *store, layers.front().op.chain.source,
                                          name + ".order");
    auto gathered = GatherOp::create(builder, NameLoc::get(builder.getStringAttr(name + "/order")),
                                     value.getType(), value, constant, dim);
    for (const Layer &layer : layers)
      layer.op.activation->set(gathered.getResult());
    return success();
  };
  std::string how = (" by a gather at run time, because " + foldReason).str();
  return apply(plan, layers, **stack, how, finish);
}

LogicalResult PermuteChannels::permute(Value value, int64_t dim, ArrayRef<Layer> layers) {
  std::string reason = streams.lookup(layers.front().op.op);
  if (reason.empty()) {
    FailureOr<bool> folded = fold(value, dim, layers, reason);
    if (failed(folded) || *folded)
      return folded;
  }
  if (gather)
    return insertGather(value, dim, layers, reason);
  tellMissed(layers, reason);
  return success();
}

void PermuteChannels::runOnOperation() {
  groups.clear();
  done.clear();
  streams.clear();
  store.emplace(&getContext());
  symbols.emplace(getOperation());
  statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  if (!prune.empty() && failed(planGiven()))
    return signalPassFailure();
  gatherLayers();
  for (auto &[key, layers] : groups) {
    auto [value, dim, n, m] = key;
    std::vector<Layer> left;
    // Weights may have changed since: as producers of other channels.
    for (const Layer &layer : layers)
      if (!done.contains(layer.op.op))
        left.push_back({*getWeighted(layer.op.op), layer.spec});
    if (!left.empty() && failed(permute(value, dim, left)))
      return signalPassFailure();
  }
  groups.clear();
  store.reset();
  symbols.reset();
  removeDeadWeights(getOperation());
}
