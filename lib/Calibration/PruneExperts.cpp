//===- PruneExperts.cpp - removing experts of mixtures ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "ExpertRewrite.h"
#include "PassData.h"
#include "PoolParallelFor.h"
#include "compress/Calibration/ObservedSession.h"
#include "compress/Calibration/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Format.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PRUNEEXPERTS
#include "compress/Calibration/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-prune-experts").category("prune");
}

static std::string formatNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.4g", number);
  return text;
}

namespace {
/// Tokens that came into a layer.
struct LayerInputs {
  std::vector<float> tokens;
  /// The token after the last one of each sample.
  std::vector<size_t> batchEnds;
};

/// A layer that is to be pruned.
struct Task {
  MoeOp op;
  std::optional<PruneSpec> spec;
  bool skips = false;
  std::string id;
  LayerInputs inputs;
  /// What the layer of the original model computes.
  std::vector<float> target;
};

struct PruneExpertsPass : public compress::impl::PruneExpertsBase<PruneExpertsPass> {
  using PruneExpertsBase::PruneExpertsBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    PruneExpertsBase::getDependentDialects(registry);
    addCompileDialects(registry);
  }
  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  LogicalResult collectTasks(std::vector<Task> &tasks);
  llvm::Error collectInputs(const CalibrationData &samples, MutableArrayRef<Task *> tasks);
  LogicalResult computeTarget(Task &task);
  LogicalResult pruneTask(Task &task);
  LogicalResult choose(Task &task, const ExpertStore &weights, ExpertLayer &layer,
                       std::vector<uint8_t> &kept);
  LogicalResult prune(std::vector<Task> &tasks);

  std::optional<PruneSpec> given;
  /// While the pass runs.
  llvm::DefaultThreadPool *pool = nullptr;
};
} // namespace

LogicalResult PruneExpertsPass::initialize(MLIRContext *context) {
  given.reset();
  if (PruneExpertsBase::prune.empty())
    return success();
  FailureOr<PruneSpec> spec =
      parsePruneOption(UnknownLoc::get(context), PruneExpertsBase::prune, isExpertSpec, "expert:K");
  if (failed(spec))
    return failure();
  given = resolveAuto(*spec, /*hasStatistics=*/true);
  return success();
}

//===----------------------------------------------------------------------===//
// What is asked for
//===----------------------------------------------------------------------===//

/// What the parts of a layer have planned for experts.
static FailureOr<std::optional<PruneSpec>> getPlan(MoeOp op) {
  std::optional<PruneSpec> common;
  bool isFirst = true;
  for (StringRef part : {"router", "w1", "w3", "w2"}) {
    if (part == "w3" && !op.getW3())
      continue;
    PlanAttr plan = op.getPartPlan(part);
    std::optional<PruneSpec> spec = plan ? plan.getPruneSpec(isExpertSpec) : std::nullopt;
    // The router may be left out of a recipe: it is small.
    if (part == "router" && !spec)
      continue;
    if (!isFirst && spec != common)
      return op.emitOpError() << "expects one plan for all experts of \"" << op.getName()
                              << "\"; that of " << part << " is another one";
    common = spec;
    isFirst = false;
  }
  return common;
}

LogicalResult PruneExpertsPass::collectTasks(std::vector<Task> &tasks) {
  WalkResult result = getOperation().walk([&](MoeOp op) {
    Task task;
    task.op = op;
    task.spec = given;
    if (!given) {
      FailureOr<std::optional<PruneSpec>> plan = getPlan(op);
      if (failed(plan))
        return WalkResult::interrupt();
      task.spec = *plan;
      if (task.spec)
        task.spec = resolveAuto(*task.spec, /*hasStatistics=*/true);
    }
    task.skips = skip || (task.spec && task.spec->skip);
    if (task.spec && !task.spec->count)
      task.spec.reset();
    if (!task.spec && !task.skips)
      return WalkResult::advance();
    int64_t experts = op.getNumExperts(), k = op.getK();
    if (task.spec && task.spec->count > experts - k) {
      op.emitOpError() << "cannot remove " << task.spec->count << " of " << experts
                       << " experts: each token goes to " << k << ", so at most " << experts - k
                       << " can go";
      return WalkResult::interrupt();
    }
    if (task.skips && k != 2) {
      op.emitOpError() << "cannot skip experts: only the second of two can be skipped, and each "
                          "token goes to "
                       << k;
      return WalkResult::interrupt();
    }
    task.id = ("moe/" + Twine(tasks.size())).str();
    tasks.push_back(std::move(task));
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Runs a copy of the module with observers on the inputs of the layers.
llvm::Error PruneExpertsPass::collectInputs(const CalibrationData &samples,
                                            MutableArrayRef<Task *> tasks) {
  llvm::DenseMap<Operation *, Task *> wanted;
  llvm::StringMap<Task *> byId;
  for (Task *task : tasks) {
    wanted[task->op] = task;
    byId[task->id] = task;
    task->inputs = {};
  }
  IRMapping mapping;
  OwningOpRef<ModuleOp> clone = cast<ModuleOp>(getOperation()->clone(mapping));
  for (Task *task : tasks) {
    auto op = cast<MoeOp>(mapping.lookup(task->op.getOperation()));
    OpBuilder builder(op);
    ObserveOp::create(builder, op.getLoc(), op.getInput(), builder.getStrArrayAttr({task->id}),
                      builder.getStrArrayAttr({"minmax"}), /*index=*/nullptr,
                      /*element_type=*/nullptr);
  }
  SessionOptions sessionOptions;
  sessionOptions.threads = threads;
  sessionOptions.liveModules.push_back(getOperation());
  llvm::Expected<std::unique_ptr<ObservedSession>> session =
      ObservedSession::create(*clone, {}, sessionOptions);
  if (!session)
    return session.takeError();
  (*session)->setTap([&](StringRef id, const TensorView &view) -> llvm::Error {
    auto it = byId.find(id);
    if (it == byId.end() || view.type != DataType::F32)
      return llvm::Error::success();
    LayerInputs &inputs = it->second->inputs;
    size_t width = view.shape[1], known = inputs.tokens.size() / std::max<size_t>(width, 1);
    size_t count = std::min<size_t>(view.shape[0], tokens - std::min<size_t>(tokens, known));
    const float *data = static_cast<const float *>(view.data);
    for (size_t i = 0; i < count * width; ++i)
      if (!std::isfinite(data[i]))
        return llvm::createStringError("the input of the mixture of experts \"" +
                                       it->second->op.getName().str() +
                                       "\" has a value that is NaN or infinite");
    inputs.tokens.insert(inputs.tokens.end(), data, data + count * width);
    return llvm::Error::success();
  });
  auto isEnough = [&] {
    bool isFull = true;
    for (Task *task : tasks) {
      size_t count = task->inputs.tokens.size() /
                     std::max<size_t>(task->op.getInput().getType().getDimSize(1), 1);
      isFull &= count >= tokens;
      std::vector<size_t> &ends = task->inputs.batchEnds;
      if (count > (ends.empty() ? 0 : ends.back()))
        ends.push_back(count);
    }
    return isFull;
  };
  return (*session)->runAll(samples, nullptr, "", isEnough);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

namespace {
/// Everything that the loss of a layer needs.
struct LayerData {
  std::vector<float> logits, outputs;
  ExpertLayer layer;
};
} // namespace

static LogicalResult computeLayer(Task &task, const ExpertStore &weights, ParallelFor parallelFor,
                                  LayerData &data) {
  const ExpertWeights &parts = weights.get();
  size_t count = task.inputs.tokens.size() / std::max<size_t>(parts.width, 1);
  data.logits.resize(count * parts.experts);
  data.outputs.resize(parts.experts * count * parts.width);
  computeLogits(parts, task.inputs.tokens.data(), count, data.logits.data());
  if (llvm::Error error = computeExpertOutputs(parts, task.inputs.tokens.data(), count,
                                               data.outputs.data(), parallelFor))
    return task.op.emitOpError() << llvm::toString(std::move(error));
  data.layer = {count,        parts.experts, parts.width,           data.logits,
                data.outputs, task.target,   task.inputs.batchEnds, getRouting(task.op)};
  return success();
}

/// Z: what the layer computes now.
LogicalResult PruneExpertsPass::computeTarget(Task &task) {
  FailureOr<ExpertStore> weights = ExpertStore::read(task.op);
  if (failed(weights))
    return failure();
  if (task.inputs.tokens.empty())
    return task.op.emitOpError() << "\"" << task.op.getName() << "\" was reached by no sample";
  LayerData data;
  auto parallelFor = makeParallelFor(*pool);
  if (failed(computeLayer(task, *weights, parallelFor, data)))
    return failure();
  std::vector<uint8_t> all(data.layer.experts, 1);
  task.target.resize(data.layer.tokens * data.layer.width);
  combineExperts(data.layer, all, task.target.data());
  return success();
}

static std::string join(ArrayRef<size_t> numbers) {
  std::string text;
  for (size_t number : numbers)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

/// Fills `kept`; tells what was seen and what was chosen.
LogicalResult PruneExpertsPass::choose(Task &task, const ExpertStore &weights, ExpertLayer &layer,
                                       std::vector<uint8_t> &kept) {
  MoeOp op = task.op;
  std::vector<uint64_t> coverage = countExpertTokens(layer.routing, layer.logits, layer.experts);
  std::string name = ("mixture of experts \"" + op.getName() + "\"").str();
  std::string counts;
  for (uint64_t count : coverage)
    counts += (counts.empty() ? "" : ", ") + std::to_string(count);
  remark::analysis(op.getLoc(), getRemarkOptions())
      << (name + ": of " + std::to_string(layer.tokens) + " tokens, its experts got " + counts);
  auto parallelFor = makeParallelFor(*pool);
  ExpertSearch search =
      task.spec->method == PruneMethod::Greedy ? ExpertSearch::Greedy : ExpertSearch::Automatic;
  llvm::Expected<ExpertChoice> choice =
      chooseExperts(layer, layer.experts - task.spec->count, search, parallelFor);
  if (!choice)
    return op.emitOpError() << llvm::toString(choice.takeError());
  kept.assign(layer.experts, 0);
  for (size_t expert : choice->kept)
    kept[expert] = 1;
  std::vector<size_t> dropped, unseen;
  for (size_t expert = 0; expert < layer.experts; ++expert) {
    if (kept[expert])
      continue;
    dropped.push_back(expert);
    if (!coverage[expert])
      unseen.push_back(expert);
  }
  if (!unseen.empty() && !allowUnseen)
    return op.emitOpError() << "would remove expert " << join(unseen) << " of the " << name
                            << ", which none of " << layer.tokens
                            << " calibration tokens went to: what it is good for is not known; "
                               "calibrate with more data, or allow it with allow-unseen";
  std::string how = choice->isExhaustive
                        ? "the best of " + std::to_string(choice->evaluated) + " choices"
                        : "greedily, " + std::to_string(choice->evaluated) + " choices looked at";
  remark::passed(op.getLoc(), getRemarkOptions())
      << (name + ": removed expert " + join(dropped) + " of " + std::to_string(layer.experts) +
          " (" + how + "), loss " + formatNumber(choice->loss));
  if (ReportCollector *collector =
          getContext().getLoadedDialect<CompressDialect>()->getReportCollector()) {
    std::string action =
        "experts " + join(dropped) + " of " + std::to_string(layer.experts) + " removed";
    for (auto [index, line] : llvm::enumerate(weights.getReports(op))) {
      line.bytesAfter = line.bytesBefore / layer.experts * choice->kept.size();
      line.action = action;
      // The router is the one that chooses.
      if (index == 0)
        line.action += ", loss " + formatNumber(choice->loss) + ", tokens per expert " + counts;
      collector->addLayer(line);
    }
  }
  return success();
}

LogicalResult PruneExpertsPass::pruneTask(Task &task) {
  FailureOr<ExpertStore> weights = ExpertStore::read(task.op);
  if (failed(weights))
    return failure();
  if (task.inputs.tokens.size() != task.target.size())
    return task.op.emitOpError() << "got another number of tokens after layers before it were "
                                    "pruned; leave out progressive";
  LayerData data;
  auto parallelFor = makeParallelFor(*pool);
  if (failed(computeLayer(task, *weights, parallelFor, data)))
    return failure();
  std::vector<uint8_t> kept(data.layer.experts, 1);
  if (task.spec && failed(choose(task, *weights, data.layer, kept)))
    return failure();
  if (task.skips) {
    llvm::Expected<double> ratio = getMedianRatio(data.layer.routing, data.layer.logits, kept);
    if (!ratio)
      return task.op.emitOpError() << llvm::toString(ratio.takeError());
    task.op.setSkipThresholdAttr(
        Builder(&getContext()).getF32FloatAttr(static_cast<float>(*ratio)));
    remark::passed(task.op.getLoc(), getRemarkOptions())
        << ("mixture of experts \"" + task.op.getName() + "\": second experts are skipped below " +
            formatNumber(*ratio) + " of the first one's weight")
               .str();
    if (ReportCollector *collector =
            getContext().getLoadedDialect<CompressDialect>()->getReportCollector()) {
      LayerReport line = weights->getReports(task.op).front();
      line.bytesAfter = line.bytesBefore / kept.size() * llvm::count(kept, 1);
      line.action = "second expert skipped below " + formatNumber(*ratio) + " of the first";
      collector->addLayer(line);
    }
  }
  return llvm::is_contained(kept, 0) ? keepExperts(task.op, kept) : success();
}

LogicalResult PruneExpertsPass::prune(std::vector<Task> &tasks) {
  auto fail = [&](llvm::Error error) {
    return getOperation().emitError() << llvm::toString(std::move(error));
  };
  if (!tokens)
    return getOperation().emitError()
           << "option 'tokens': expects a number of tokens of at least 1, got 0";
  auto calibration = openPassData(getOperation(), "compress-prune-experts", data, samples);
  if (!calibration)
    return fail(calibration.takeError());
  SmallVector<Task *> all;
  for (Task &task : tasks)
    all.push_back(&task);
  // X of the original model for all layers, and Z.
  if (llvm::Error error = collectInputs(**calibration, all))
    return fail(std::move(error));
  for (Task &task : tasks)
    if (failed(computeTarget(task)))
      return failure();
  bool isFirst = true;
  for (Task &task : tasks) {
    // X as pruned layers before it compute it.
    if (task.spec && task.spec->progressive && !isFirst)
      if (llvm::Error error = collectInputs(**calibration, {all[&task - tasks.data()]}))
        return fail(std::move(error));
    if (failed(pruneTask(task)))
      return failure();
    // No longer needed.
    task.inputs = {};
    task.target = {};
    isFirst = false;
  }
  return success();
}

void PruneExpertsPass::runOnOperation() {
  std::vector<Task> tasks;
  if (failed(collectTasks(tasks)))
    return signalPassFailure();
  if (tasks.empty()) {
    if (given || skip)
      remark::missed(getOperation().getLoc(), getRemarkOptions())
          << "the module has no compress.moe; run compress-raise-moe before";
    return markAllAnalysesPreserved();
  }
  llvm::DefaultThreadPool threadPool(llvm::hardware_concurrency(threads));
  pool = &threadPool;
  LogicalResult result = prune(tasks);
  pool = nullptr;
  if (failed(result))
    return signalPassFailure();
  for (Task &task : tasks)
    forgetExpertPlans(task.op);
  removeDeadWeights(getOperation());
}
