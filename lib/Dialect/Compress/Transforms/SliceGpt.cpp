//===- SliceGpt.cpp - fewer directions in residual streams ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include "RotateWeights.h"
#include "SliceBasis.h"
#include "SliceStream.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <deque>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_SLICEGPT
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-slice-gpt").category("prune");
}

namespace {
/// A stream that is sliced.
struct Stream {
  Stream(RotatableSet set, Location loc, std::string request)
      : set(std::move(set)), loc(loc), request(std::move(request)) {}

  RotatableSet set;
  SegmentedStream segmented;
  /// One for each segment.
  std::vector<const PrincipalComponents *> bases;
  Location loc;
  std::string request;
  /// Shortcuts that were made, and their elements.
  int64_t numShortcuts = 0, shortcutElements = 0;
};

/// Which ops a stream may change.
class StreamPlans {
public:
  StreamPlans(ModuleOp module, std::optional<PruneSpec> given);

  /// The specification of an op, if it says `slice:R`.
  std::optional<PruneSpec> getSpec(Operation *op) const;
  /// That of a stream; nothing if no op asks for it. `refusal` tells why the stream must not
  /// change, `unplanned` which ops of it nobody asked for.
  std::optional<PruneSpec> getSpec(const RotatableSet &set, std::string &refusal,
                                   SmallVectorImpl<StringRef> &unplanned) const;
  bool isAsked() const;

private:
  bool isHead(const WeightedOp &op) const;
  /// Whether a rule says that the op is not pruned.
  bool isExcluded(const WeightedOp &op) const;

  mutable CompressDialect::PlanAttrHelper helper;
  std::optional<PruneSpec> given;
  std::optional<Recipe> recipe;
  std::vector<WeightedOp> ops;
  llvm::DenseMap<Operation *, int64_t> indexOf;
};

struct SliceGpt : public compress::impl::SliceGptBase<SliceGpt> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  LogicalResult raise();
  LogicalResult planStreams(const StreamPlans &plans, RotationPlan &plan);
  LogicalResult planStream(RotatableSet set, Location loc, const StreamPlans &plans,
                           RotationPlan &plan);
  /// Why no stream like this can be sliced; empty if it can.
  std::string explainRefusal(const RotatableSet &set, Operation *&culprit);
  void addChanges(const Stream &stream, RotationPlan &plan);
  /// New types, and everything that names sizes.
  LogicalResult removeChannels(const Stream &stream);
  LogicalResult insertShortcuts(Stream &stream, RotationPlan &plan);
  void noteLayer(const WeightedOp &op);
  void reportLayers();
  void dropStatistics();
  void forgetPlans();

  std::optional<PruneSpec> given;
  std::deque<PrincipalComponents> bases;
  /// Segments refer to readers.
  std::deque<Stream> streams;
  /// Values of streams that are sliced, and ops of streams that are not.
  llvm::DenseSet<Value> sliced;
  llvm::DenseSet<Operation *> refused;
  llvm::SetVector<Operation *> changed;
  std::vector<std::pair<Operation *, LayerReport>> layers;
  llvm::StringSet<> names;
};
} // namespace

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

StreamPlans::StreamPlans(ModuleOp module, std::optional<PruneSpec> given)
    : helper(module.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper()),
      given(std::move(given)), ops(collectWeighted(module)) {
  for (auto [index, op] : llvm::enumerate(ops))
    indexOf[op.op] = static_cast<int64_t>(index);
  auto text = module->getAttrOfType<StringAttr>("compress.recipe");
  if (!text)
    return;
  if (llvm::Expected<Recipe> parsed = parseRecipe(text, "compress.recipe"))
    recipe = std::move(*parsed);
  else
    llvm::consumeError(parsed.takeError());
}

static bool isSliceSpec(const PruneSpec &spec) { return spec.pattern == PrunePattern::Slice; }

std::optional<PruneSpec> StreamPlans::getSpec(Operation *op) const {
  if (given)
    return given;
  PlanAttr plan = helper.getAttr(op);
  std::optional<PruneSpec> spec = plan ? plan.getPruneSpec(isSliceSpec) : std::nullopt;
  if (spec)
    spec = resolveAuto(*spec, /*hasStatistics=*/true);
  return spec;
}

bool StreamPlans::isAsked() const {
  return llvm::any_of(ops, [&](const WeightedOp &op) { return getSpec(op.op).has_value(); });
}

bool StreamPlans::isHead(const WeightedOp &op) const {
  if (StringRef(op.name).contains("lm_head"))
    return true;
  RankedTensorType type = op.chain.getType();
  if (type.getRank() != 2 || op.outputDims.size() != 1 || op.contractionDims.size() != 1)
    return false;
  int64_t rows = type.getDimSize(op.outputDims[0]),
          columns = type.getDimSize(op.contractionDims[0]);
  return rows != columns && llvm::any_of(ops, [&](const WeightedOp &other) {
           RankedTensorType table = other.chain.getType();
           return other.kind == LayerKind::Embedding && table.getRank() == 2 &&
                  table.getDimSize(0) == rows && table.getDimSize(1) == columns;
         });
}

bool StreamPlans::isExcluded(const WeightedOp &op) const {
  if (!recipe || !op.kind)
    return false;
  LayerInfo layer;
  layer.name = op.name;
  layer.opKind = *op.kind;
  layer.index = indexOf.lookup(op.op);
  layer.count = static_cast<int64_t>(ops.size());
  layer.numElements = op.chain.getType().getNumElements();
  layer.isHead = isHead(op);
  ResolvedLayer resolved = resolve(*recipe, layer);
  return resolved.pruneRule && !resolved.prune;
}

std::optional<PruneSpec> StreamPlans::getSpec(const RotatableSet &set, std::string &refusal,
                                              SmallVectorImpl<StringRef> &unplanned) const {
  std::optional<PruneSpec> common;
  StringRef commonName;
  auto refuse = [&](const Twine &reason) {
    if (refusal.empty())
      refusal = reason.str();
  };
  for (const auto *uses : {&set.readers, &set.writers})
    for (const RotatableSet::WeightUse &use : *uses) {
      const WeightedOp &op = use.op;
      bool isLinear = op.kind == LayerKind::Linear || op.kind == LayerKind::Matmul;
      if (std::optional<PruneSpec> spec = getSpec(op.op)) {
        if (common && *common != *spec)
          refuse("\"" + commonName + "\" and \"" + op.name + "\" have different plans");
        common = spec;
        commonName = op.name;
      } else if (isExcluded(op)) {
        refuse("\"" + op.name + "\" is excluded");
      } else if (isLinear && !isHead(op)) {
        refuse("\"" + op.name + "\" is not planned for it");
      } else {
        unplanned.push_back(op.name);
      }
    }
  return common;
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

LogicalResult SliceGpt::initialize(MLIRContext *context) {
  given.reset();
  if (prune.empty())
    return success();
  FailureOr<PruneSpec> spec =
      parsePruneOption(UnknownLoc::get(context), prune, isSliceSpec, "slice:R");
  if (failed(spec))
    return failure();
  given = resolveAuto(*spec, /*hasStatistics=*/true);
  return success();
}

LogicalResult SliceGpt::raise() {
  RaiseContext context(getOperation());
  RewritePatternSet patterns(&getContext());
  populateRaiseNormPatterns(patterns, context);
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
      GreedySimplifyRegionLevel::Disabled);
  return failure(failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)) ||
                 context.hadError);
}

std::string SliceGpt::explainRefusal(const RotatableSet &set, Operation *&culprit) {
  culprit = set.culprit;
  if (!set.refusal.empty())
    return set.refusal;
  if (set.readers.empty() || set.writers.empty())
    return "no weight reads or writes it";
  for (const auto *uses : {&set.readers, &set.writers})
    for (const RotatableSet::WeightUse &use : *uses) {
      culprit = use.op.op;
      if (std::string reason = explainUnfit(use.op.chain.getType()); !reason.empty())
        return "weight '" + use.op.chain.getSourceName() + "' cannot be changed: " + reason;
    }
  for (const RotatableSet::Constant &constant : set.constants) {
    culprit = constant.operand->getOwner();
    auto type = cast<RankedTensorType>(constant.operand->get().getType());
    if (std::string reason = explainUnfit(type); !reason.empty())
      return "a constant cannot be changed: " + reason;
  }
  culprit = nullptr;
  if (llvm::any_of(set.dims, [&](const auto &entry) { return sliced.contains(entry.first); }))
    return "it is part of another stream that is sliced";
  return "";
}

LogicalResult SliceGpt::planStream(RotatableSet set, Location loc, const StreamPlans &plans,
                                   RotationPlan &plan) {
  std::string refusal;
  SmallVector<StringRef> unplanned;
  std::optional<PruneSpec> spec = plans.getSpec(set, refusal, unplanned);
  if (!spec)
    return success();
  std::string what = "residual stream of " + std::to_string(set.size) + " channels";
  auto refuse = [&](Operation *culprit, const Twine &reason) {
    for (const auto *uses : {&set.readers, &set.writers})
      for (const RotatableSet::WeightUse &use : *uses)
        refused.insert(use.op.op);
    remark::missed(culprit ? culprit->getLoc() : loc, getRemarkOptions())
        << (what + " is not sliced: " + reason).str();
    return success();
  };
  // What the model does not allow comes before what plans do not.
  Operation *culprit = nullptr;
  if (std::string reason = explainRefusal(set, culprit); !reason.empty())
    return refuse(culprit, reason);
  if (!refusal.empty())
    return refuse(nullptr, refusal);
  int64_t count = getSlicedSize(set.size, spec->ratio, spec->roundTo);
  if (count == set.size)
    return refuse(nullptr, "'" + toString(*spec) + "' leaves all of them");

  Stream &stream = streams.emplace_back(std::move(set), loc, toString(*spec));
  stream.segmented = segmentStream(stream.set);
  if (!stream.segmented.refusal.empty()) {
    set = std::move(stream.set);
    SegmentedStream segmented = std::move(stream.segmented);
    streams.pop_back();
    return refuse(segmented.culprit, segmented.refusal);
  }
  std::vector<double> gram;
  for (const StreamSegment &segment : stream.segmented.segments) {
    FailureOr<PrincipalComponents> basis =
        getSegmentBasis(segment, stream.set.size, count, plan, stream.request, gram);
    if (failed(basis))
      return failure();
    double energy = basis->getEnergy();
    double share = energy > 0 ? 1 - basis->getLostEnergy() / energy : 1;
    std::string percent;
    llvm::raw_string_ostream(percent) << llvm::format("%.4g", 100 * share);
    const WeightedOp &reader = segment.readers.front()->op;
    remark::analysis(reader.op->getLoc(), getRemarkOptions())
        << std::to_string(count) + " of " + std::to_string(stream.set.size) +
               " directions before \"" + reader.name + "\" have " + percent + " % of the energy"
        << remark::metric("share", share);
    bases.push_back(std::move(*basis));
    stream.bases.push_back(&bases.back());
  }
  if (!unplanned.empty())
    remark::passed(loc, getRemarkOptions())
        << what + " has weights that are not planned, but sliced with it: " +
               llvm::join(unplanned, ", ");
  addChanges(stream, plan);
  return success();
}

void SliceGpt::addChanges(const Stream &stream, RotationPlan &plan) {
  const RotatableSet &set = stream.set;
  const SegmentedStream &segmented = stream.segmented;
  auto basisOf = [&](Value value) { return stream.bases[segmented.segmentOf.lookup(value)]; };
  for (const RotatableSet::WeightUse &reader : set.readers) {
    noteLayer(reader.op);
    plan.getChange(reader.op).input =
        DimChange{reader.dim, reader.norm, false, nullptr, basisOf(reader.op.activation->get())};
  }
  for (const RotatableSet::WeightUse &writer : set.writers) {
    noteLayer(writer.op);
    plan.getChange(writer.op).output = DimChange{writer.dim, nullptr, set.hasLayerNorm, nullptr,
                                                 basisOf(writer.op.op->getResult(0))};
  }
  for (const RotatableSet::Constant &constant : set.constants)
    plan.addConstant(constant, {constant.dim, nullptr, set.hasLayerNorm, nullptr,
                                basisOf(constant.operand->getOwner()->getResult(0))});
  for (const NormOp &norm : set.norms)
    plan.addNorm(norm, basisOf(norm.input));
  for (const auto &entry : set.dims)
    sliced.insert(entry.first);
}

LogicalResult SliceGpt::planStreams(const StreamPlans &plans, RotationPlan &plan) {
  llvm::DenseSet<Operation *> seen;
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    std::optional<NormOp> norm = getNorm(op);
    if (!norm || !seen.insert(op).second)
      continue;
    auto type = cast<RankedTensorType>(norm->input.getType());
    int64_t last = type.getRank() - 1;
    if (norm->axis != last || type.isDynamicDim(last) || type.getDimSize(last) < 2)
      continue;
    RotatableSet set =
        findRotatableSet(norm->input, norm->axis, type.getDimSize(last), [&](const NormOp &other) {
          const NormParameters *parameters = plan.getParameters(other);
          return parameters && parameters->isPlain();
        });
    for (const NormOp &other : set.norms)
      seen.insert(other.op);
    // Norms within a layer, such as those of queries, are no streams.
    if (set.hasResidual && failed(planStream(std::move(set), op->getLoc(), plans, plan)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Changing
//===----------------------------------------------------------------------===//

LogicalResult SliceGpt::removeChannels(const Stream &stream) {
  DimensionRemoval removal;
  auto kept = llvm::to_vector(llvm::seq<int64_t>(0, stream.bases.front()->count));
  for (const auto &[value, dim] : stream.set.dims)
    removal.set(value, dim, stream.set.size, kept);
  for (const auto &entry : stream.set.dims) {
    Value value = entry.first;
    value.setType(removal.getNewType(value, cast<RankedTensorType>(value.getType())));
  }
  for (Operation *op : llvm::reverse(stream.segmented.ops)) {
    auto relating = dyn_cast<DimensionRelationOpInterface>(op);
    OpBuilder builder(op);
    if (relating && failed(relating.removeIndices(builder, removal)))
      return failure();
  }
  return success();
}

LogicalResult SliceGpt::insertShortcuts(Stream &stream, RotationPlan &plan) {
  llvm::DenseMap<std::pair<Value, size_t>, Value> made;
  const SegmentedStream &segmented = stream.segmented;
  for (OpOperand *crossing : segmented.crossings) {
    Operation *op = crossing->getOwner();
    Value value = crossing->get();
    size_t target = segmented.getSegmentOfResult(op);
    Value &shortcut = made[{value, target}];
    if (!shortcut) {
      // Named after what writes beside it.
      const WeightedOp *beside = &segmented.segments[target].readers.front()->op;
      for (const RotatableSet::WeightUse &writer : stream.set.writers)
        if (writer.op.op->isBeforeInBlock(op))
          beside = &writer.op;
      std::string base = beside->name + ".shortcut", name = base;
      for (int number = 2; !names.insert(name).second; ++number)
        name = base + "." + std::to_string(number);
      const PrincipalComponents &from = *stream.bases[segmented.segmentOf.lookup(value)];
      const PrincipalComponents &to = *stream.bases[target];
      auto type = cast<RankedTensorType>(value.getType());
      auto matrixType = RankedTensorType::get({from.count, to.count}, type.getElementType());
      OpBuilder builder(op);
      FailureOr<Value> matrix = plan.makeMatrix(builder, beside->chain.source, name, matrixType,
                                                getChangeOfBasis(from, to));
      if (failed(matrix))
        return failure();
      Location loc = NameLoc::get(builder.getStringAttr(name));
      auto linear =
          LinearOp::create(builder, loc, type, value, *matrix, Value(), WeightLayout::KN, name);
      shortcut = linear.getResult();
      changed.insert(linear);
      ++stream.numShortcuts;
      stream.shortcutElements += matrixType.getNumElements();
    }
    crossing->set(shortcut);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

static uint64_t getBytes(const WeightedOp &op) {
  FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(op.chain.getType());
  return succeeded(bytes) ? *bytes : 0;
}

static std::string describeShape(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), "x");
}

/// Elements of all float tensors that the module reads, each stored one once; scalars do not count.
static uint64_t countParameters(ModuleOp module) {
  llvm::DenseSet<const void *> seen;
  uint64_t count = 0;
  module.walk([&](WeightSourceOpInterface source) {
    auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType());
    if (!type || !isa<FloatType>(type.getElementType()) || !type.hasStaticShape() ||
        type.getNumElements() < 2)
      return;
    const void *identity = source.getOperation();
    if (auto load = dyn_cast<LoadOp>(source.getOperation()))
      identity = load.getWeightAttr().getAsOpaquePointer();
    if (seen.insert(identity).second)
      count += type.getNumElements();
  });
  return count;
}

/// Notes how a weight is before.
void SliceGpt::noteLayer(const WeightedOp &op) {
  if (!changed.insert(op.op))
    return;
  LayerReport line;
  line.name = op.name;
  line.op = op.kindName.str();
  line.weight = op.chain.getSourceName();
  line.shape = llvm::to_vector<4>(op.chain.getType().getShape());
  line.bytesBefore = getBytes(op);
  layers.push_back({op.op, std::move(line)});
}

void SliceGpt::reportLayers() {
  ReportCollector *collector =
      getContext().getLoadedDialect<CompressDialect>()->getReportCollector();
  llvm::DenseMap<Operation *, size_t> lineOf;
  for (auto [index, entry] : llvm::enumerate(layers))
    lineOf[entry.first] = index;
  llvm::StringSet<> seen, seenNow;
  for (const WeightedOp &op : collectWeighted(getOperation())) {
    if (!changed.contains(op.op))
      continue;
    LayerReport line;
    auto it = lineOf.find(op.op);
    if (it == lineOf.end()) {
      line.name = op.name;
      line.op = op.kindName.str();
      line.weight = op.chain.getSourceName();
      line.shape = llvm::to_vector<4>(op.chain.getType().getShape());
      line.action = "shortcut";
    } else {
      line = layers[it->second].second;
      line.action = "sliced " + describeShape(line.shape) + " -> " +
                    describeShape(op.chain.getType().getShape());
      // Tied weights were one before and are not any more.
      if (!seen.insert(line.weight).second)
        line.bytesBefore = 0;
    }
    line.bytesAfter = getBytes(op);
    line.shared = isa<LoadOp>(WeightSourceOpInterface(op.chain.source).getOperation()) &&
                  !seenNow.insert(op.chain.getSourceName()).second;
    remark::passed(op.op->getLoc(), getRemarkOptions())
        << "\"" + op.name + "\" " + line.action << remark::metric("bytes", line.bytesAfter);
    if (collector)
      collector->addLayer(line);
  }
}

/// All that is computed from a stream is computed from other numbers now.
void SliceGpt::dropStatistics() {
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  if (!statistics)
    return;
  llvm::DenseSet<Operation *> reached;
  SmallVector<Operation *> open(changed.begin(), changed.end());
  for (Operation *op : changed)
    if (FailureOr<WeightedOp> weighted = getWeighted(op); succeeded(weighted))
      statistics->eraseWeight(weighted->name);
  while (!open.empty())
    for (Operation *user : open.pop_back_val()->getUsers())
      for (; user && !isa<FunctionOpInterface>(user); user = user->getParentOp())
        if (reached.insert(user).second)
          open.push_back(user);
  auto drop = [&](Operation *op, bool hasNewInput) {
    for (const WeightedOp &weighted : collectWeighted(op)) {
      if (hasNewInput)
        statistics->drop(Statistics::getInputKey(weighted.name));
      statistics->drop(Statistics::getOutputKey(weighted.name));
    }
  };
  for (Operation *op : changed)
    drop(op, reached.contains(op));
  for (Operation *op : reached)
    drop(op, true);
  for (const Stream &stream : streams)
    if (auto function = stream.set.writers.front().op.op->getParentOfType<FunctionOpInterface>())
      statistics->eraseStream(function.getName());
}

/// What was asked for is done, or a remark says why not.
void SliceGpt::forgetPlans() {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  getOperation().walk([&](Operation *op) {
    PlanAttr plan = helper.getAttr(op);
    PlanAttr left = dropPruning(plan, isSliceSpec);
    if (left == plan)
      return;
    helper.removeAttr(op);
    if (left)
      helper.setAttr(op, left);
  });
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void SliceGpt::runOnOperation() {
  ModuleOp module = getOperation();
  bases.clear();
  streams.clear();
  sliced.clear();
  refused.clear();
  changed.clear();
  layers.clear();
  names.clear();
  StreamPlans plans(module, given);
  if (!plans.isAsked())
    return markAllAnalysesPreserved();
  if (failed(raise()))
    return signalPassFailure();
  RotationPlan plan(module);
  if (failed(planStreams(plans, plan)))
    return signalPassFailure();
  for (const WeightedOp &op : collectWeighted(module)) {
    names.insert(op.name);
    if (plans.getSpec(op.op) && !changed.contains(op.op) && !refused.contains(op.op))
      remark::missed(op.op->getLoc(), getRemarkOptions())
          << "\"" + op.name + "\" is not sliced: it neither reads nor writes a residual stream " +
                 "with norms";
  }
  forgetPlans();
  if (streams.empty())
    return;
  uint64_t before = countParameters(module);
  for (Stream &stream : streams)
    if (failed(removeChannels(stream)) || failed(insertShortcuts(stream, plan)))
      return signalPassFailure();
  dropStatistics();
  if (failed(plan.apply()))
    return signalPassFailure();
  for (auto &[loc, text] : plan.untied)
    remark::passed(loc, getRemarkOptions()) << text;
  removeDeadWeights(module);
  reportLayers();
  for (const Stream &stream : streams)
    remark::passed(stream.loc, getRemarkOptions())
        << "residual stream of " + std::to_string(stream.set.size) + " channels is sliced to " +
               std::to_string(stream.bases.front()->count) +
               " (writers: " + std::to_string(stream.set.writers.size()) +
               ", readers: " + std::to_string(stream.set.readers.size()) +
               ", norms: " + std::to_string(stream.set.norms.size()) +
               ", shortcuts: " + std::to_string(stream.numShortcuts) + " of " +
               std::to_string(stream.shortcutElements) + " parameters)";
  uint64_t after = countParameters(module);
  std::string sizes = std::to_string(before) + " -> " + std::to_string(after);
  if (after < before)
    remark::passed(module.getLoc(), getRemarkOptions())
        << "parameters: " + sizes << remark::metric("parameters_before", before)
        << remark::metric("parameters_after", after);
  else
    remark::missed(module.getLoc(), getRemarkOptions())
        << "the model has not become smaller: shortcuts, and weights that are not shared any more, "
           "take what slicing saves; parameters: " +
               sizes
        << remark::metric("parameters_before", before) << remark::metric("parameters_after", after);
}
