//===- MeasureSensitivity.cpp - errors of layers in the output ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "PassData.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Calibration/Passes.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Progress.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>

namespace mlir::compress {
#define GEN_PASS_DEF_MEASURESENSITIVITY
#include "compress/Calibration/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Whether the sensitivities of a plan are to be measured.
static bool isMeasured(PlanAttr plan) {
  std::optional<LowRankSpec> spec = plan ? plan.getLowRankSpec() : std::nullopt;
  return spec && spec->target == LowRankTarget::Budget &&
         spec->sensitivity != RankSensitivity::Output;
}

namespace {
/// Float outputs of all samples, one after the other.
using Outputs = std::vector<float>;

/// Relative squared errors of a split layer: of its output where that is known, else of its weight.
class LayerErrors : public ReportCollector {
public:
  void addLayer(const LayerReport &layer) override {
    if (layer.action.empty())
      return;
    if (layer.outputSqnr)
      error = std::pow(10, -*layer.outputSqnr / 10);
    else if (layer.relativeError)
      error = *layer.relativeError * *layer.relativeError;
  }
  std::optional<double> error;
};

struct MeasureSensitivityPass
    : public compress::impl::MeasureSensitivityBase<MeasureSensitivityPass> {
  using MeasureSensitivityBase::MeasureSensitivityBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    MeasureSensitivityBase::getDependentDialects(registry);
    addCompileDialects(registry);
  }

  LogicalResult planGiven();
  llvm::Expected<Outputs> run(ModuleOp module, const CalibrationData &samples);
  /// The model with one weight split, and the error of that layer; nothing if it stays whole.
  OwningOpRef<ModuleOp> split(const WeightUnit &unit, double &error);
  llvm::Error measure(Statistics &statistics);
  void runOnOperation() override;

  SessionOptions sessionOptions;

  CompressDialect &dialect() { return *getContext().getLoadedDialect<CompressDialect>(); }
};
} // namespace

/// Sizes of the symbolic dims of the inputs, if all samples have the same: models of fixed sizes
/// are compiled in less time.
static llvm::Expected<llvm::StringMap<int64_t>> findSizes(ModuleOp module,
                                                          const CalibrationData &samples) {
  llvm::Expected<std::vector<TensorSpec>> specs = getModelInputs(module);
  if (!specs)
    return specs.takeError();
  llvm::StringMap<int64_t> sizes;
  llvm::StringSet<> varying;
  for (uint64_t index = 0; index < samples.getNumSamples(); ++index) {
    auto sample = samples.getSample(index);
    if (!sample)
      return sample.takeError();
    for (const auto &[name, tensor] : *sample)
      for (const TensorSpec &spec : *specs)
        for (auto [dim, known, size] : llvm::zip(spec.dims, spec.shape, tensor.getShape()))
          if (spec.name == name && !dim.empty() && ShapedType::isDynamic(known) &&
              sizes.try_emplace(dim, size).first->second != size)
            varying.insert(dim);
  }
  for (const auto &dim : varying)
    sizes.erase(dim.getKey());
  return sizes;
}

LogicalResult MeasureSensitivityPass::planGiven() {
  if (lowRank.empty())
    return success();
  llvm::Expected<LowRankSpec> spec = parseLowRankSpec(lowRank);
  if (!spec)
    return getOperation().emitError() << llvm::toString(spec.takeError());
  PlanAttr plan = PlanAttr::getSplitting(StringAttr::get(
      &getContext(), toString(resolveAuto(*spec, dialect().getStatistics() != nullptr))));
  if (!isMeasured(plan))
    return getOperation().emitError()
           << "option 'low-rank': expects a budget without sensitivity=output, got '" << lowRank
           << "'";
  planAll(getOperation(), plan);
  return success();
}

llvm::Expected<Outputs> MeasureSensitivityPass::run(ModuleOp module,
                                                    const CalibrationData &samples) {
  llvm::Expected<std::unique_ptr<Session>> session = Session::create(module, sessionOptions);
  if (!session)
    return session.takeError();
  Outputs outputs;
  for (uint64_t index = 0; index < samples.getNumSamples(); ++index) {
    auto sample = samples.getSample(index);
    if (!sample)
      return sample.takeError();
    SmallVector<std::pair<StringRef, TensorView>> views;
    for (const auto &[name, tensor] : *sample)
      views.emplace_back(name, tensor.view());
    llvm::Expected<std::vector<HostTensor>> results = (*session)->run(views);
    if (!results)
      return llvm::createStringError(samples.getSampleName(index) + ": " +
                                     llvm::toString(results.takeError()));
    for (const HostTensor &result : *results)
      if (result.getType() == DataType::F32)
        llvm::append_range(outputs, result.as<float>());
  }
  return outputs;
}

OwningOpRef<ModuleOp> MeasureSensitivityPass::split(const WeightUnit &unit, double &error) {
  auto helper = dialect().getPlanAttrHelper();
  // Half of the parameters: a rank with which every matrix can be split.
  LowRankSpec spec = *helper.getAttr(unit.users.front().op).getLowRankSpec();
  spec.target = LowRankTarget::Ratio;
  spec.share = 0.5;
  spec.sensitivity = LowRankSpec().sensitivity;
  PlanAttr plan = PlanAttr::getSplitting(StringAttr::get(&getContext(), toString(spec)));
  IRMapping mapping;
  OwningOpRef<ModuleOp> clone = cast<ModuleOp>(getOperation()->clone(mapping));
  clone->walk([&](Operation *op) {
    if (helper.isAttrPresent(op))
      helper.removeAttr(op);
  });
  for (const WeightedOp &user : unit.users)
    helper.setAttr(mapping.lookup(user.op), plan);

  // Neither statistics nor reports hear of it.
  LayerErrors errors;
  auto statistics = dialect().getStatistics()
                        ? std::make_shared<Statistics>(*dialect().getStatistics())
                        : nullptr;
  ReportCollector *collector = dialect().getReportCollector();
  dialect().setReportCollector(&errors);
  auto restore = llvm::scope_exit([&] {
    dialect().setReportCollector(collector);
    dialect().setStatistics(statistics);
  });
  PassManager pm(&getContext(), ModuleOp::getOperationName());
  pm.addPass(createSplitLowRank());
  if (failed(pm.run(*clone)))
    return {};
  error = errors.error.value_or(0);
  return clone;
}

llvm::Error MeasureSensitivityPass::measure(Statistics &statistics) {
  std::optional<Progress::Mode> mode = Progress::parseMode(progress);
  if (!mode)
    return llvm::createStringError("compress-measure-sensitivity: expected off, plain or json as "
                                   "the option 'progress', found '" +
                                   progress + "'");
  auto opened = openPassData(getOperation(), "compress-measure-sensitivity", data, samples);
  if (!opened)
    return opened.takeError();
  auto helper = dialect().getPlanAttrHelper();
  std::vector<WeightUnit> units = gatherWeightUnits(getOperation());
  llvm::erase_if(units, [&](const WeightUnit &unit) {
    return !llvm::all_of(
        unit.users, [&](const WeightedOp &user) { return isMeasured(helper.getAttr(user.op)); });
  });
  if (units.empty())
    return llvm::Error::success();
  llvm::Expected<llvm::StringMap<int64_t>> sizes = findSizes(getOperation(), **opened);
  if (!sizes)
    return sizes.takeError();
  sessionOptions = {};
  sessionOptions.threads = threads;
  sessionOptions.dims = std::move(*sizes);
  Progress shown(*mode, llvm::errs());
  shown.begin("measure sensitivity", units.size());
  llvm::Expected<Outputs> whole = run(getOperation(), **opened);
  if (!whole)
    return whole.takeError();
  double total = 0;
  for (float value : *whole)
    total += double(value) * value;
  if (!(total > 0) || !std::isfinite(total))
    return llvm::createStringError("the model's float outputs are all zero, or not finite");

  auto options = remark::RemarkOpts::name("compress-measure-sensitivity").category("low-rank");
  for (const WeightUnit &unit : units) {
    const WeightedOp &first = unit.users.front();
    shown.step(first.name);
    double layerError = 0;
    OwningOpRef<ModuleOp> model = split(unit, layerError);
    if (!model)
      return llvm::createStringError("layer \"" + first.name + "\" could not be split");
    if (layerError <= 0) {
      remark::missed(first.op->getLoc(), options)
          << "\"" + first.name + "\" cannot be split into factors of half its parameters, its " +
                 "sensitivity is not known";
      continue;
    }
    llvm::Expected<Outputs> outputs = run(*model, **opened);
    if (!outputs)
      return outputs.takeError();
    double difference = 0;
    for (auto [before, after] : llvm::zip_equal(*whole, *outputs))
      difference += (double(after) - before) * (double(after) - before);
    WeightStatistics entry;
    if (const WeightStatistics *known = statistics.findWeight(first.name))
      entry = *known;
    // All users together.
    entry.outputSensitivity = difference / total / layerError / unit.users.size();
    remark::analysis(first.op->getLoc(), options)
        << "a relative squared error of " + llvm::formatv("{0:e2}", layerError).str() + " of \"" +
               first.name + "\" is one of " + llvm::formatv("{0:e2}", difference / total).str() +
               " of the model's output";
    for (const WeightedOp &user : unit.users)
      statistics.setWeight(user.name, entry);
  }
  shown.end();
  return output.empty() ? llvm::Error::success() : statistics.save(output);
}

void MeasureSensitivityPass::runOnOperation() {
  if (failed(planGiven()))
    return signalPassFailure();
  auto statistics = dialect().getStatistics()
                        ? std::make_shared<Statistics>(*dialect().getStatistics())
                        : std::make_shared<Statistics>();
  if (llvm::Error error = measure(*statistics)) {
    getOperation().emitError() << llvm::toString(std::move(error));
    return signalPassFailure();
  }
  dialect().setStatistics(std::move(statistics));
  markAllAnalysesPreserved();
}
