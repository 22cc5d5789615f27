//===- AllocateBits.cpp - one of several formats per weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitAllocation.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/ByteSize.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_ALLOCATEBITS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What a candidate format does to a weight.
struct Trial {
  uint64_t bytes = 0;
  double squaredError = 0, sumSquares = 0;
  std::optional<double> outputError, outputSquares;

  /// Error of the weight, and that of the output relative to the output.
  double getRelativeWeightError() const { return sumSquares > 0 ? squaredError / sumSquares : 0; }
  bool hasOutput() const { return outputSquares && *outputSquares > 0; }
};

/// A weight that gets a format.
struct Candidate {
  WeightTask task;
  std::vector<Trial> trials;
  uint64_t numElements = 0;
};

/// Weights whose plans are the same mixed specification: they share a budget.
struct Request {
  QuantizeSpec spec;
  std::vector<QuantizeSpec> formats;
  std::vector<Candidate> weights;
};

enum class Metric { Weights, Output };

struct AllocateBits : public compress::impl::AllocateBitsBase<AllocateBits> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  LogicalResult gather(llvm::MapVector<StringAttr, Request> &requests);
  LogicalResult evaluate(WeightStore &store, Request &request);
  LogicalResult decide(StringRef text, Request &request);

  remark::RemarkOpts remarkOptions() const {
    return remark::RemarkOpts::name("compress-allocate-bits").category("quantize");
  }

  /// From the options; nothing if the plans say it.
  std::optional<QuantizeSpec> given;
};

} // namespace

LogicalResult AllocateBits::initialize(MLIRContext *context) {
  given.reset();
  Location loc = UnknownLoc::get(context);
  if (metric != "auto" && metric != "output" && metric != "weights")
    return emitError(loc) << "unknown metric '" << metric << "', expects auto, output or weights";
  if (formats.empty()) {
    if (avg != 0 || bytes != 0)
      return emitError(loc) << "avg and bytes need formats, such as formats=int4/int8/fp16";
    return success();
  }
  if ((avg != 0) == (bytes != 0))
    return emitError(loc) << "expects avg (bits per weight) or bytes beside formats";
  std::string text = "mixed,formats=" + formats;
  text += bytes != 0 ? ",bytes=" + std::to_string(bytes)
                     : llvm::formatv(",avg={0}", llvm::format("%.17g", double(avg))).str();
  llvm::Expected<QuantizeSpec> spec = parseQuantizeSpec(text);
  if (!spec)
    return emitError(loc) << llvm::toString(spec.takeError());
  given = std::move(*spec);
  return success();
}

LogicalResult AllocateBits::gather(llvm::MapVector<StringAttr, Request> &requests) {
  ModuleOp module = getOperation();
  auto *dialect = getContext().getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  for (WeightUnit &unit : gatherWeightUnits(module)) {
    StringAttr text;
    for (const WeightedOp &user : unit.users)
      if (PlanAttr plan = helper.getAttr(user.op))
        if (std::optional<QuantizeSpec> spec = plan.getQuantizeSpec();
            spec && spec->format == WeightFormat::Mixed && !text)
          text = plan.getQuantize();
    if (!text)
      continue;
    const WeightedOp &first = unit.users.front();
    if (std::string reason =
            explainUnallocatable(unit, text, [](PlanAttr plan) { return plan.getQuantize(); });
        !reason.empty()) {
      remark::missed(first.op->getLoc(), remarkOptions())
          << "weight '" + first.chain.getSourceName() + "' of \"" + first.name +
                 "\" gets no format: " + reason;
      continue;
    }
    PlanAttr plan = helper.getAttr(first.op);
    Request &request = requests[text];
    if (request.formats.empty()) {
      request.spec = resolveAuto(*plan.getQuantizeSpec(), dialect->getStatistics() != nullptr);
      llvm::Expected<std::vector<QuantizeSpec>> candidates = getCandidates(request.spec);
      if (!candidates)
        return first.op->emitError() << llvm::toString(candidates.takeError());
      if (candidates->empty())
        return first.op->emitError() << "expects formats to choose from";
      request.formats = std::move(*candidates);
    }
    Candidate candidate;
    candidate.numElements = first.chain.getType().getNumElements();
    candidate.task.prune = plan.getPruneSpec();
    candidate.task.users = std::move(unit.users);
    candidate.trials.resize(request.formats.size());
    request.weights.push_back(std::move(candidate));
  }
  return success();
}

/// Rounds a weight to the nearest values of a format, as the passes that follow would.
static LogicalResult tryFormat(WeightStore &store, const WeightTask &given,
                               const QuantizeSpec &format, Trial &trial) {
  WeightTask task = given;
  task.quantize = format;
  // Only what rounding does; what other methods win is alike for all formats.
  task.quantize->method = QuantizeMethod::Rtn;
  task.quantize->actOrder = false;
  task.quantize->damping = QuantizeSpec().damping;
  task.quantize->biasCorrection = false;
  task.quantize->activations = ActivationMode::None;
  if (task.prune) {
    task.prune->method = PruneMethod::Magnitude;
    task.prune->update = PruneUpdate::None;
    task.prune->allocation = SparsityAllocation::Uniform;
    if (task.prune->scope == PruneScope::Global)
      task.prune->scope = PruneScope::Layer;
  }
  auto emitError = [&] { return task.emitError(); };
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, task.first().chain, emitError);
  if (failed(weight))
    return failure();
  WeightOutcome outcome;
  outcome.weight = std::move(*weight);
  if (failed(pruneStep(store, task, outcome)) || failed(quantizeStep(store, task, outcome)))
    return failure();
  if (outcome.weight.pattern && outcome.weight.pattern->isDense() &&
      failed(compactPattern(store, outcome.weight, emitError)))
    return failure();
  trial.bytes = outcome.weight.getStoredBytes();
  trial.squaredError = outcome.squaredError;
  trial.sumSquares = outcome.sumSquares;
  trial.outputError = outcome.outputError;
  trial.outputSquares = outcome.outputSquares;
  return success();
}

LogicalResult AllocateBits::evaluate(WeightStore &store, Request &request) {
  size_t numFormats = request.formats.size();
  return failableParallelForEach(
      &getContext(), llvm::seq<size_t>(0, request.weights.size() * numFormats), [&](size_t index) {
        Candidate &weight = request.weights[index / numFormats];
        return tryFormat(store, weight.task, request.formats[index % numFormats],
                         weight.trials[index % numFormats]);
      });
}

LogicalResult AllocateBits::decide(StringRef text, Request &request) {
  ModuleOp module = getOperation();
  auto *dialect = getContext().getLoadedDialect<CompressDialect>();
  Metric kind = metric == "weights" ? Metric::Weights : Metric::Output;
  if (metric == "auto" && !dialect->getStatistics())
    kind = Metric::Weights;
  if (metric == "output" && !dialect->getStatistics())
    return module.emitError() << "the metric output needs statistics, of which there are none "
                                 "(compress-load-statistics, compress-collect-statistics)";

  // What each format of each weight costs.
  std::vector<std::vector<FormatChoice>> choices;
  uint64_t numElements = 0;
  for (const Candidate &weight : request.weights) {
    numElements += weight.numElements;
    bool hasOutput = llvm::all_of(weight.trials, [](const Trial &t) { return t.hasOutput(); });
    if (kind == Metric::Output && !hasOutput)
      remark::missed(weight.task.first().op->getLoc(), remarkOptions())
          << "the error of \"" + weight.task.first().name +
                 "\" is that of its weight: there is no Gram matrix of its "
                 "input";
    std::vector<FormatChoice> &list = choices.emplace_back();
    for (const Trial &trial : weight.trials) {
      double sensitivity = kind == Metric::Weights ? trial.squaredError
                           : hasOutput             ? *trial.outputError / *trial.outputSquares
                                                   : trial.getRelativeWeightError();
      if (!std::isfinite(sensitivity))
        return weight.task.emitError()
               << "the error of weight '" << weight.task.first().chain.getSourceName()
               << "' is not finite";
      list.push_back({trial.bytes, sensitivity});
    }
  }
  uint64_t budget = request.spec.bytes;
  if (request.spec.averageBits != 0)
    budget = static_cast<uint64_t>(request.spec.averageBits * double(numElements) / 8);
  std::optional<BitAllocation> allocation = allocateBits(choices, budget);
  if (!allocation) {
    uint64_t least = getSmallestSize(choices);
    return module.emitError()
           << "no choice of formats fits into " << budget << " bytes ("
           << llvm::formatv("{0:F3}", 8.0 * double(budget) / double(numElements)).str()
           << " bits per weight): the smallest take " << least << " bytes ("
           << llvm::formatv("{0:F3}", 8.0 * double(least) / double(numElements)).str()
           << " bits per weight)";
  }

  // Plans, remarks and the report.
  auto helper = dialect->getPlanAttrHelper();
  AllocationReport report;
  report.request = text.str();
  report.metric = kind == Metric::Weights ? "weights" : "output";
  report.weights = numElements;
  report.bytes = allocation->size;
  report.budget = budget;
  report.exact = allocation->exact;
  for (auto [weight, list, choice] : llvm::zip(request.weights, choices, allocation->choices)) {
    const QuantizeSpec &format = request.formats[choice];
    StringAttr plan = StringAttr::get(&getContext(), toString(format));
    for (const WeightedOp &user : weight.task.users)
      helper.setAttr(user.op, helper.getAttr(user.op).withQuantize(plan));
    const WeightedOp &first = weight.task.first();
    remark::passed(first.op->getLoc(), remarkOptions())
        << "weight '" + first.chain.getSourceName() + "' of \"" + first.name + "\" gets " +
               compress::getName(format.format).str()
        << remark::metric("bytes", list[choice].size)
        << remark::metric("sensitivity", llvm::formatv("{0:e3}", list[choice].sensitivity).str());
    SensitivityReport &line = report.layers.emplace_back();
    line.layer = first.name;
    line.chosen = choice;
    for (auto [spec, cost] : llvm::zip(request.formats, list))
      line.candidates.push_back(
          {compress::getName(spec.format).str(), cost.size, cost.sensitivity});
  }
  // Worst first, equal ones in program order.
  std::vector<std::pair<double, size_t>> order;
  for (auto [index, line] : llvm::enumerate(report.layers))
    order.emplace_back(-line.getWorst(), index);
  llvm::sort(order);
  std::vector<SensitivityReport> ranked;
  for (auto [worst, index] : order)
    ranked.push_back(std::move(report.layers[index]));
  report.layers = std::move(ranked);
  if (!allocation->exact)
    remark::missed(module.getLoc(), remarkOptions())
        << "there are too many combinations to be sure that the choice is the "
           "best one";
  if (ReportCollector *collector = dialect->getReportCollector())
    collector->addAllocation(report);
  return success();
}

void AllocateBits::runOnOperation() {
  if (given)
    planAll(getOperation(),
            PlanAttr::getQuantizing(StringAttr::get(&getContext(), toString(*given))));
  llvm::MapVector<StringAttr, Request> requests;
  if (failed(gather(requests)))
    return signalPassFailure();
  if (requests.empty())
    return markAllAnalysesPreserved();
  WeightStore store(&getContext());
  for (auto &[text, request] : requests)
    if (failed(evaluate(store, request)) || failed(decide(text, request)))
      return signalPassFailure();
}
