//===- AllocateRanks.cpp - one of many ranks per weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LowRankWeights.h"
#include "QuantizeWeight.h"
#include "compress/Algorithms/BitAllocation.h"
#include "compress/Analysis/ModelCost.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_ALLOCATERANKS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Most ranks that are tried of one form of a weight.
static constexpr size_t kMaxRanks = 64;

namespace {

/// A rank that a weight can get, in one of its forms; rank 0: it stays whole.
struct RankChoice {
  StringRef form;
  size_t rank = 0;
  /// Parameters or multiply-accumulates, as the budget counts.
  uint64_t size = 0;
  /// Squared error relative to what there is, in the metric of the method.
  double error = 0;
};

/// A weight that gets a rank.
struct Candidate {
  std::vector<WeightedOp> users;
  /// Starts with the whole weight.
  std::vector<RankChoice> choices;
  /// What the errors count.
  double sensitivity = 1;
  /// Why no rank can be had, and what another method is used for.
  std::string reason, note;

  const WeightedOp &first() const { return users.front(); }
  std::string describe() const {
    return "weight '" + first().chain.getSourceName() + "' of \"" + first().name + "\"";
  }
};

/// Weights whose plans are the same specification: they share a budget.
struct Request {
  LowRankSpec spec;
  std::vector<Candidate> weights;
};

struct AllocateRanks : public compress::impl::AllocateRanksBase<AllocateRanks> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  LogicalResult gather(llvm::MapVector<StringAttr, Request> &requests);
  LogicalResult weigh(Request &request);
  LogicalResult evaluate(WeightStore &store, Request &request);
  LogicalResult decide(Request &request, const ModelSize &model);
  void setSpec(const WeightedOp &op, StringAttr text);

  remark::RemarkOpts remarkOptions() const {
    return remark::RemarkOpts::name("compress-allocate-ranks").category("low-rank");
  }

  /// From the option; nothing if the plans say it.
  std::optional<LowRankSpec> given;
};

} // namespace

LogicalResult AllocateRanks::initialize(MLIRContext *context) {
  given.reset();
  if (lowRank.empty())
    return success();
  Location loc = UnknownLoc::get(context);
  llvm::Expected<LowRankSpec> spec = parseLowRankSpec(lowRank);
  if (!spec)
    return emitError(loc) << llvm::toString(spec.takeError());
  if (spec->target != LowRankTarget::Budget)
    return emitError(loc) << "option 'low-rank': expects budget:params=R or budget:macs=R, got '"
                          << lowRank << "'; compress-split-low-rank takes other targets";
  given = *spec;
  return success();
}

/// Writes another low rank into the plan of an op, or takes it out of it.
void AllocateRanks::setSpec(const WeightedOp &op, StringAttr text) {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  PlanAttr plan = helper.getAttr(op.op);
  plan = plan ? plan.withLowRank(text) : plan;
  if (plan && !plan.isEmpty())
    helper.setAttr(op.op, plan);
  else if (plan)
    helper.removeAttr(op.op);
}

//===----------------------------------------------------------------------===//
// Gathering
//===----------------------------------------------------------------------===//

/// Why the users of a weight cannot get one rank together; empty if they can.
static std::string explainConflict(const WeightUnit &unit, StringAttr text,
                                   CompressDialect::PlanAttrHelper &helper) {
  const WeightedOp &first = unit.users.front();
  if (unit.otherUser)
    return ("'" + unit.otherUser->getName().getStringRef() +
            "' uses it, too, which is not a weighted op")
        .str();
  for (const WeightedOp &user : unit.users) {
    PlanAttr plan = helper.getAttr(user.op);
    if (!plan || plan.getLowRank() != text)
      return "\"" + user.name + "\" shares it and has another plan";
    if (!isSameDecoding(first.chain, user.chain))
      return "\"" + user.name + "\" decodes it in another way";
    if (user.chain.permutation != first.chain.permutation)
      return "\"" + user.name + "\" shares it and uses it in another way";
  }
  if (std::string reason = explainUnsupported(first.chain); !reason.empty())
    return reason;
  return explainUnfit(first.chain.getType());
}

LogicalResult AllocateRanks::gather(llvm::MapVector<StringAttr, Request> &requests) {
  auto *dialect = getContext().getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  for (WeightUnit &unit : gatherWeightUnits(getOperation())) {
    StringAttr text;
    std::optional<LowRankSpec> spec;
    for (const WeightedOp &user : unit.users)
      if (PlanAttr plan = helper.getAttr(user.op); plan && !text) {
        spec = plan.getLowRankSpec();
        if (spec && spec->target == LowRankTarget::Budget)
          text = plan.getLowRank();
      }
    if (!text)
      continue;
    std::string reason = explainConflict(unit, text, helper);
    Request &request = requests[text];
    request.spec = *spec;
    Candidate &candidate = request.weights.emplace_back();
    candidate.users = std::move(unit.users);
    candidate.reason = std::move(reason);
  }
  for (auto &[text, request] : requests)
    if (failed(weigh(request)))
      return failure();
  return success();
}

/// What the model's output suffers from an error of all users; nothing if it is not known.
static std::optional<double> getSensitivity(const Statistics *statistics,
                                            const Candidate &candidate) {
  double sum = 0;
  for (const WeightedOp &user : candidate.users) {
    const WeightStatistics *known = statistics ? statistics->findWeight(user.name) : nullptr;
    if (!known || !known->outputSensitivity)
      return std::nullopt;
    sum += *known->outputSensitivity;
  }
  return sum;
}

LogicalResult AllocateRanks::weigh(Request &request) {
  const Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  if (request.spec.sensitivity == RankSensitivity::Output)
    return success();
  auto isOpen = [](const Candidate &candidate) { return candidate.reason.empty(); };
  if (llvm::none_of(request.weights, [&](const Candidate &candidate) {
        return isOpen(candidate) && getSensitivity(statistics, candidate);
      })) {
    auto first = llvm::find_if(request.weights, isOpen);
    if (request.spec.sensitivity == RankSensitivity::Auto || first == request.weights.end())
      return success();
    return first->first().op->emitError()
           << "\"" << first->first().name
           << "\" has a low rank with sensitivity=model, which needs calibration data: the "
              "statistics do not say what the model's output suffers from an error of its output";
  }
  for (Candidate &candidate : request.weights)
    if (std::optional<double> sensitivity = getSensitivity(statistics, candidate))
      candidate.sensitivity = *sensitivity;
    else if (isOpen(candidate))
      candidate.reason = "what the model's output suffers from its errors is not known";
  return success();
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Product of sizes, those that are not known counting 1.
static uint64_t countElements(ArrayRef<int64_t> shape) {
  uint64_t product = 1;
  for (int64_t size : shape)
    product = llvm::SaturatingMultiply<uint64_t>(product, ShapedType::isDynamic(size) ? 1 : size);
  return product;
}

/// How often an op uses each element of its weight: multiply-accumulates are the product with the
/// number of elements, as ModelCost counts them.
static double countUses(const WeightedOp &op) {
  RankedTensorType weight = op.chain.getType();
  auto result = dyn_cast<RankedTensorType>(op.op->getResult(0).getType());
  auto input = dyn_cast<RankedTensorType>(op.activation->get().getType());
  if (!result || !input)
    return 0;
  uint64_t outputs = 1;
  for (int64_t dim = 0; dim < weight.getRank(); ++dim)
    if (!llvm::is_contained(op.contractionDims, dim))
      outputs *= weight.getDimSize(dim);
  if (auto transposed = dyn_cast<ConvTransposeOp>(op.op))
    return double(countElements(input.getShape())) /
           double(cast<RankedTensorType>(transposed.getWeight().getType()).getDimSize(0));
  return double(countElements(result.getShape())) / double(outputs);
}

namespace {
/// What a weight costs, whole and in factors.
class SizeModel {
public:
  SizeModel(LowRankBudget budget, ArrayRef<WeightedOp> users) : budget(budget) {
    elements = countElements(users.front().chain.getType().getShape());
    for (const WeightedOp &user : users)
      uses.push_back(budget == LowRankBudget::Macs && user.activation ? countUses(user) : 0);
  }

  /// `looksUp[i]`: user `i` looks up rows of the weight, which is no multiplication.
  uint64_t getWhole(ArrayRef<bool> looksUp) const {
    if (budget == LowRankBudget::Params)
      return elements;
    double macs = 0;
    for (auto [use, looks] : llvm::zip_equal(uses, looksUp))
      macs += looks ? 0 : use * double(elements);
    return static_cast<uint64_t>(std::llround(macs));
  }

  uint64_t getFactors(const FactorForm &form, const FactorView &view, size_t rank,
                      ArrayRef<bool> looksUp) const {
    double row = double(view.getRows() * view.getBatches() * rank);
    double column = double(view.getColumns() * view.getBatches() * rank);
    if (budget == LowRankBudget::Params)
      return static_cast<uint64_t>(row + column);
    double macs = 0;
    for (auto [use, looks] : llvm::zip_equal(uses, looksUp))
      macs += use * (column * form.columnUses + (looks ? 0 : row * form.rowUses));
    return static_cast<uint64_t>(std::llround(macs));
  }

private:
  LowRankBudget budget;
  uint64_t elements = 0;
  std::vector<double> uses;
};
} // namespace

/// At most `kMaxRanks` ranks from 1 to `limit`, evenly, multiples of `step` where they are larger.
static std::vector<size_t> getRanks(size_t limit, size_t step) {
  std::vector<size_t> ranks;
  size_t count = std::min(limit, kMaxRanks);
  for (size_t index = 1; index <= count; ++index) {
    size_t rank = limit * index / count;
    if (rank > step)
      rank -= rank % step;
    if (ranks.empty() || ranks.back() < rank)
      ranks.push_back(rank);
  }
  return ranks;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

namespace {
/// Tries the forms of one weight.
struct Evaluator {
  const LowRankSpec &spec;
  const Statistics *statistics;
  Candidate &candidate;
  StoredTensor dense;

  /// Adds the ranks of a form. `isOther`: another form was tried before, and this one is only of
  /// use if errors of both are those of the weight.
  LogicalResult tryForm(StringRef name, bool isOther);
};
} // namespace

LogicalResult Evaluator::tryForm(StringRef name, bool isOther) {
  std::vector<FactorForm> forms;
  SmallVector<bool> looksUp;
  for (const WeightedOp &user : candidate.users) {
    std::optional<FactorForm> form = getFactorForm(user.op, name, 1);
    if (!form || (!forms.empty() && !haveSameFactors(*form, forms.front()))) {
      candidate.reason = "\"" + user.name + "\" shares it and uses it in another way";
      return success();
    }
    looksUp.push_back(form->looksUpRows);
    forms.push_back(std::move(*form));
  }
  FactorInputs inputs = getFactorInputs(statistics, candidate.users, forms);
  const FactorForm &form = forms.front();
  std::optional<FactorView> view = FactorView::create(candidate.first(), form, inputs.features);
  if (!view) {
    candidate.reason = "it lies transposed";
    return success();
  }
  SizeModel sizes(spec.budget, candidate.users);
  uint64_t whole = sizes.getWhole(looksUp);
  if (candidate.choices.empty())
    candidate.choices.push_back({name, 0, whole, 0});
  // Nothing is won with more parameters than the weight has.
  size_t limit = getBreakEvenRank(view->getRows(), view->getColumns());
  while (limit > 0 && sizes.getFactors(form, *view, limit, looksUp) >= whole)
    --limit;
  if (limit == 0) {
    candidate.reason = llvm::formatv("factors of [{0}, {1}] are not smaller, whatever their rank",
                                     view->getRows(), view->getColumns());
    return success();
  }

  DecompositionRequest request{candidate.users, spec, inputs, statistics, dense};
  FailureOr<DecomposedWeight> weight = decompose(request, form, std::move(*view), limit);
  if (failed(weight))
    return failure();
  if (isOther && weight->method != LowRankMethod::Svd)
    return success();
  if (candidate.note.empty())
    candidate.note = weight->note;
  double total = weight->getTotal();
  for (size_t rank : getRanks(limit, spec.roundTo)) {
    double error = total > 0 ? std::max(weight->getError(rank), 0.0) / total : 0;
    if (!std::isfinite(error))
      return candidate.first().op->emitError()
             << "the error of " << candidate.describe() << " is not finite";
    candidate.choices.push_back(
        {name, rank, sizes.getFactors(form, weight->view, rank, looksUp), error});
  }
  return success();
}

/// Finds out what each rank of a weight does to it.
static LogicalResult evaluateWeight(WeightStore &store, const LowRankSpec &spec,
                                    const Statistics *statistics, Candidate &candidate) {
  const WeightedOp &first = candidate.first();
  auto emitError = [&] { return first.op->emitError(); };
  SmallVector<StringRef> names = chooseForms(spec, first.op, candidate.reason);
  if (names.empty())
    return success();
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, first.chain, emitError);
  if (failed(weight))
    return failure();
  if (weight->hasCodes())
    candidate.reason = "it is quantized already";
  else if (weight->pattern || weight->mask)
    candidate.reason = "it is pruned already, and factors would not keep its zeros";
  if (!candidate.reason.empty())
    return success();
  if (failed(widenValues(store, *weight, emitError)))
    return failure();
  if (std::optional<uint64_t> index = findNonFinite(weight->values))
    return emitError() << "cannot split weight '" << first.chain.getSourceName() << "': element "
                       << *index << " is not finite";
  Evaluator evaluator{spec, statistics, candidate, std::move(weight->values)};
  std::string reason;
  for (auto [index, name] : llvm::enumerate(names)) {
    if (failed(evaluator.tryForm(name, index > 0)))
      return failure();
    if (index == 0)
      reason = std::move(candidate.reason);
    candidate.reason.clear();
  }
  // One form with ranks is enough.
  if (candidate.choices.size() < 2)
    candidate.reason = std::move(reason);
  return success();
}

LogicalResult AllocateRanks::evaluate(WeightStore &store, Request &request) {
  const Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  return failableParallelForEach(&getContext(), request.weights, [&](Candidate &candidate) {
    return candidate.reason.empty() ? evaluateWeight(store, request.spec, statistics, candidate)
                                    : success();
  });
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

LogicalResult AllocateRanks::decide(Request &request, const ModelSize &model) {
  ModuleOp module = getOperation();
  bool isMacs = request.spec.budget == LowRankBudget::Macs;
  StringRef unit = isMacs ? "multiply-accumulates" : "parameters";
  uint64_t total = isMacs ? model.macs : model.parameters;
  std::vector<std::vector<FormatChoice>> choices;
  std::vector<Candidate *> weights;
  uint64_t whole = 0;
  for (Candidate &weight : request.weights) {
    if (!weight.note.empty())
      remark::missed(weight.first().op->getLoc(), remarkOptions())
          << weight.describe() + ": " + weight.note;
    if (!weight.reason.empty() || weight.choices.size() < 2) {
      remark::missed(weight.first().op->getLoc(), remarkOptions())
          << weight.describe() + " gets no rank: " + weight.reason;
      for (const WeightedOp &user : weight.users)
        setSpec(user, StringAttr());
      continue;
    }
    std::vector<FormatChoice> &list = choices.emplace_back();
    for (const RankChoice &choice : weight.choices)
      list.push_back({choice.size, choice.error * weight.sensitivity});
    whole += weight.choices.front().size;
    weights.push_back(&weight);
  }

  // What is not to be split stays as large as it is.
  auto wanted = static_cast<uint64_t>(std::floor(request.spec.share * double(total)));
  uint64_t others = total > whole ? total - whole : 0;
  std::optional<BitAllocation> allocation;
  if (wanted >= others)
    allocation = allocateBits(choices, wanted - others);
  if (!allocation) {
    uint64_t least = others + getSmallestSize(choices);
    return module.emitError()
           << "low ranks cannot bring the model from " << total << " " << unit << " to " << wanted
           << " (a share of " << llvm::formatv("{0}", llvm::format("%g", request.spec.share)).str()
           << "): the smallest share that the selected weights can reach is "
           << llvm::formatv("{0:F4}", std::ceil(1e4 * double(least) / double(total)) / 1e4).str();
  }

  for (auto [weight, index] : llvm::zip_equal(weights, allocation->choices)) {
    const RankChoice &choice = weight->choices[index];
    Location loc = weight->first().op->getLoc();
    StringAttr text;
    if (choice.rank == 0) {
      remark::missed(loc, remarkOptions())
          << weight->describe() + " stays whole: other weights suffer less";
    } else {
      LowRankSpec spec = request.spec;
      spec.target = LowRankTarget::Rank;
      spec.rank = static_cast<int64_t>(choice.rank);
      spec.share = LowRankSpec().share;
      spec.budget = LowRankSpec().budget;
      spec.sensitivity = LowRankSpec().sensitivity;
      std::string form;
      if (choice.form != "matrix") {
        form = (" (" + choice.form + ")").str();
        for (LowRankForm known :
             {LowRankForm::Channel, LowRankForm::Spatial, LowRankForm::Depthwise})
          if (choice.form == compress::getName(known))
            spec.form = known;
      }
      text = StringAttr::get(&getContext(), toString(spec));
      remark::passed(loc, remarkOptions())
          << weight->describe() + " gets rank " + std::to_string(choice.rank) + form
          << remark::metric(unit, choice.size)
          << remark::metric("error", llvm::formatv("{0:e3}", choice.error).str())
          << remark::metric("sensitivity", llvm::formatv("{0:e3}", weight->sensitivity).str());
    }
    for (const WeightedOp &user : weight->users)
      setSpec(user, text);
  }
  if (!allocation->exact)
    remark::missed(module.getLoc(), remarkOptions())
        << "there are too many combinations to be sure that the choice is the best one";
  remark::analysis(module.getLoc(), remarkOptions())
      << llvm::formatv("the model will have {0} of {1} {2}", others + allocation->size, total, unit)
             .str()
      << remark::metric("budget", wanted);
  return success();
}

void AllocateRanks::runOnOperation() {
  if (given) {
    planAll(getOperation(),
            PlanAttr::getSplitting(StringAttr::get(&getContext(), toString(*given))));
    // Parts of layers that were split before stay as they are.
    for (const WeightedOp &op : collectWeighted(getOperation()))
      if (StringRef name = op.name; name.ends_with("/v") || name.ends_with("/u"))
        setSpec(op, StringAttr());
  }
  llvm::MapVector<StringAttr, Request> requests;
  if (failed(gather(requests)))
    return signalPassFailure();
  if (requests.empty())
    return markAllAnalysesPreserved();
  DependencyGraph graph(getOperation());
  ModelSize model = ModelCost(getOperation(), graph).count();
  WeightStore store(&getContext());
  for (auto &[text, request] : requests)
    if (failed(evaluate(store, request)) || failed(decide(request, model)))
      return signalPassFailure();
}
