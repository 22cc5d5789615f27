//===- AllocateSparsity.cpp - how much each weight is pruned --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruneMethods.h"
#include "compress/Algorithms/SparsityAllocation.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <numeric>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_ALLOCATESPARSITY
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A weight that gets a share.
struct Candidate {
  WeightTask task;
  uint64_t size = 0;
  double sensitivity = 0;

  const WeightedOp &first() const { return task.users.front(); }
  std::string describe() const {
    return "weight '" + first().chain.getSourceName() + "' of \"" + first().name + "\"";
  }
};

/// Weights with the same plan: together they have the sparsity that it asks for.
struct Request {
  PruneSpec spec;
  std::vector<Candidate> weights;
};

/// How sensitive the loss is to a weight, by what is known: the first of these that all have.
enum class Sensitivity { Hessian, Fisher, Activations };

struct AllocateSparsity : public compress::impl::AllocateSparsityBase<AllocateSparsity> {
  using Base::Base;

  void runOnOperation() override;

private:
  LogicalResult gather(llvm::MapVector<StringAttr, Request> &requests);
  LogicalResult findSensitivities(Request &request, StringRef &what);
  FailureOr<AllocatedSparsity> allocateBySensitivity(Request &request, std::string &what);
  FailureOr<AllocatedSparsity> allocateByScores(Request &request, std::string &what);
  void apply(const Request &request, const AllocatedSparsity &allocation, StringRef what);
  /// Weights that cannot be compared with others have the share of the plan.
  void keepShare(Candidate &candidate, PruneSpec spec, StringRef reason);
  void setPlan(const Candidate &candidate, const PruneSpec &spec);

  remark::RemarkOpts remarkOptions() const {
    return remark::RemarkOpts::name("compress-allocate-sparsity").category("prune");
  }
  CompressDialect &dialect() { return *getContext().getLoadedDialect<CompressDialect>(); }
};

} // namespace

/// Whether the plan is about several weights.
static bool isShared(const PruneSpec &spec) {
  return spec.pattern == PrunePattern::Unstructured && !spec.threshold &&
         (spec.scope == PruneScope::Global || spec.allocation != SparsityAllocation::Uniform);
}

LogicalResult AllocateSparsity::gather(llvm::MapVector<StringAttr, Request> &requests) {
  auto helper = dialect().getPlanAttrHelper();
  for (WeightUnit &unit : gatherWeightUnits(getOperation())) {
    StringAttr text;
    for (const WeightedOp &user : unit.users)
      if (PlanAttr plan = helper.getAttr(user.op))
        if (std::optional<PruneSpec> spec = plan.getPruneSpec(); spec && isShared(*spec) && !text)
          text = plan.getPrune();
    if (!text)
      continue;
    const WeightedOp &first = unit.users.front();
    if (std::string reason =
            explainUnallocatable(unit, text, [](PlanAttr plan) { return plan.getPrune(); });
        !reason.empty()) {
      remark::missed(first.op->getLoc(), remarkOptions())
          << "weight '" + first.chain.getSourceName() + "' of \"" + first.name +
                 "\" gets no share: " + reason;
      continue;
    }
    Request &request = requests[text];
    if (request.weights.empty()) {
      request.spec =
          resolveAuto(*helper.getAttr(first.op).getPruneSpec(), dialect().getStatistics());
      if (request.spec.scope == PruneScope::Global &&
          request.spec.allocation != SparsityAllocation::Uniform)
        return first.op->emitError()
               << "scope=global and allocation=sensitivity contradict each other";
    }
    Candidate candidate;
    candidate.size = first.chain.getType().getNumElements();
    candidate.task.prune = request.spec;
    candidate.task.users = std::move(unit.users);
    request.weights.push_back(std::move(candidate));
  }
  return success();
}

void AllocateSparsity::setPlan(const Candidate &candidate, const PruneSpec &spec) {
  auto helper = dialect().getPlanAttrHelper();
  for (const WeightedOp &user : candidate.task.users) {
    PlanAttr plan = helper.getAttr(user.op);
    PruneSpecs specs = plan.getPruneSpecs();
    for (PruneSpec &other : specs)
      if (other.isElements())
        other = spec;
    helper.setAttr(user.op, plan.withPrune(StringAttr::get(&getContext(), toString(specs))));
  }
}

/// The plan of one weight on its own.
static PruneSpec makeOwnPlan(PruneSpec spec) {
  if (spec.scope == PruneScope::Global)
    spec.scope = PruneScope::Layer;
  spec.allocation = SparsityAllocation::Uniform;
  spec.alpha = PruneSpec().alpha;
  return spec;
}

void AllocateSparsity::keepShare(Candidate &candidate, PruneSpec spec, StringRef reason) {
  setPlan(candidate, makeOwnPlan(spec));
  remark::missed(candidate.first().op->getLoc(), remarkOptions())
      << candidate.describe() + " has the share of all: " + reason.str();
}

//===----------------------------------------------------------------------===//
// Sensitivities
//===----------------------------------------------------------------------===//

/// Trace of the Hessian per weight, or what stands for it; nothing if it is not known.
static std::optional<double> getSensitivity(const Statistics &statistics,
                                            const Candidate &candidate, Sensitivity kind) {
  double elements = static_cast<double>(candidate.size);
  for (const WeightedOp &user : candidate.task.users) {
    const WeightStatistics *weight = statistics.findWeight(user.name);
    const TensorStatistics *input = statistics.findInput(user.name);
    switch (kind) {
    case Sensitivity::Hessian:
      if (weight && weight->hessianTrace)
        return *weight->hessianTrace / elements;
      break;
    case Sensitivity::Fisher:
      if (weight && weight->gradientSquares.size() == candidate.size)
        return std::accumulate(weight->gradientSquares.begin(), weight->gradientSquares.end(),
                               0.0) /
               elements;
      break;
    case Sensitivity::Activations:
      if (input && input->vectors && !input->sumSquares.empty())
        return std::accumulate(input->sumSquares.begin(), input->sumSquares.end(), 0.0) /
               (static_cast<double>(input->vectors) * input->sumSquares.size());
      if (input && input->gramVectors && !input->gram.empty()) {
        double trace = 0;
        for (int64_t i = 0; i < input->groups * input->features; ++i)
          trace += input->gram[i * input->features + i % input->features];
        return trace / (static_cast<double>(input->gramVectors) * input->groups * input->features);
      }
      break;
    }
  }
  return std::nullopt;
}

LogicalResult AllocateSparsity::findSensitivities(Request &request, StringRef &what) {
  static constexpr std::pair<Sensitivity, StringLiteral> kinds[] = {
      {Sensitivity::Hessian, "traces of the Hessian"},
      {Sensitivity::Fisher, "squared gradients (Fisher), since there are no Hessian traces"},
      {Sensitivity::Activations,
       "mean squares of the inputs, since there are neither Hessian traces nor gradients"}};
  const Statistics *statistics = dialect().getStatistics();
  const Candidate *unknown = &request.weights.front();
  for (const auto &[kind, name] : kinds) {
    if (!statistics)
      break;
    unknown = nullptr;
    for (Candidate &candidate : request.weights) {
      std::optional<double> value = getSensitivity(*statistics, candidate, kind);
      if (!value && !unknown)
        unknown = &candidate;
      candidate.sensitivity = value.value_or(0);
    }
    if (!unknown) {
      what = name;
      return success();
    }
  }
  return unknown->task.emitError()
         << "allocation=sensitivity needs, for every weight, the trace of the Hessian, gradients "
            "or moments of its input in the statistics; nothing is known of \""
         << unknown->first().name << "\"";
}

FailureOr<AllocatedSparsity> AllocateSparsity::allocateBySensitivity(Request &request,
                                                                     std::string &what) {
  // What calibration never ran has no sensitivity.
  const Statistics *statistics = dialect().getStatistics();
  llvm::erase_if(request.weights, [&](Candidate &candidate) {
    for (const WeightedOp &user : candidate.task.users) {
      const TensorStatistics *input = statistics ? statistics->findInput(user.name) : nullptr;
      if (!input || input->vectors || statistics->findWeight(user.name))
        return false;
    }
    keepShare(candidate, request.spec, "the calibration data never reach it");
    return true;
  });
  if (request.weights.empty())
    return AllocatedSparsity();
  StringRef kind;
  if (failed(findSensitivities(request, kind)))
    return failure();
  what = ("by " + kind).str();
  SmallVector<double> sensitivities;
  SmallVector<uint64_t> sizes;
  for (const Candidate &candidate : request.weights) {
    sensitivities.push_back(candidate.sensitivity);
    sizes.push_back(candidate.size);
  }
  llvm::Expected<AllocatedSparsity> allocation =
      allocateSparsity(sensitivities, sizes, request.spec.ratio, request.spec.alpha);
  if (!allocation)
    return getOperation().emitError() << llvm::toString(allocation.takeError());
  return std::move(*allocation);
}

//===----------------------------------------------------------------------===//
// One threshold for all
//===----------------------------------------------------------------------===//

FailureOr<AllocatedSparsity> AllocateSparsity::allocateByScores(Request &request,
                                                                std::string &what) {
  PruneSpec own = makeOwnPlan(request.spec);
  own.update = PruneUpdate::None;
  if (own.changesValues()) {
    InFlightDiagnostic error = request.weights.front().task.emitError();
    error << "scope=global needs a method that scores weights one by one, found "
          << compress::getName(own.method);
    return error;
  }
  auto parallel = [&](size_t n, llvm::function_ref<void(size_t)> body) {
    parallelFor(&getContext(), 0, n, body);
  };
  const Statistics *statistics = dialect().getStatistics();
  std::vector<std::unique_ptr<WeightPruner>> pruners;
  LogicalResult result = success();
  llvm::erase_if(request.weights, [&](Candidate &candidate) {
    WeightPruner pruner(candidate.task, own, statistics, parallel);
    if (llvm::Error error = pruner.prepare()) {
      result = candidate.task.emitError()
               << "cannot prune weight '" << candidate.first().chain.getSourceName()
               << "': " << llvm::toString(std::move(error));
      return false;
    }
    if (pruner.getUnseen().empty())
      return false;
    keepShare(candidate, request.spec, pruner.getUnseen());
    return true;
  });
  if (failed(result))
    return failure();
  if (request.weights.empty())
    return AllocatedSparsity();
  SmallVector<uint64_t> sizes;
  for (const Candidate &candidate : request.weights) {
    sizes.push_back(candidate.size);
    pruners.push_back(std::make_unique<WeightPruner>(candidate.task, own, statistics, parallel));
    llvm::consumeError(pruners.back()->prepare());
  }
  WeightStore store(&getContext());
  std::atomic<bool> isBad = false;
  auto stream = [&](size_t index, llvm::function_ref<void(ArrayRef<float>)> consume) {
    const WeightTask &task = request.weights[index].task;
    auto emitError = [&] { return task.emitError(); };
    FailureOr<EncodedWeight> weight = readEncodedWeight(store, task.first().chain, emitError);
    FailureOr<StoredTensor> dense = failure();
    if (succeeded(weight))
      dense = decodeWeight(store, *weight, emitError);
    if (failed(dense)) {
      isBad = true;
      return;
    }
    if (std::optional<uint64_t> element = findNonFinite(*dense)) {
      if (!isBad.exchange(true))
        emitError() << "cannot prune weight '" << task.first().chain.getSourceName()
                    << "': element " << *element << " is not finite";
      return;
    }
    consume(pruners[index]->getScores(*dense));
  };
  llvm::Expected<AllocatedSparsity> allocation =
      allocateGlobal(sizes, request.spec.ratio, stream, parallel);
  if (!allocation) {
    std::string message = llvm::toString(allocation.takeError());
    if (!isBad)
      getOperation().emitError() << message;
    return failure();
  }
  what = ("by one threshold for the scores of " + compress::getName(own.method)).str();
  return std::move(*allocation);
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

void AllocateSparsity::apply(const Request &request, const AllocatedSparsity &allocation,
                             StringRef what) {
  uint64_t total = 0, weights = 0;
  double least = 1, most = 0;
  for (auto [candidate, count, share] :
       llvm::zip(request.weights, allocation.pruned, allocation.ratios)) {
    uint64_t pruned = count;
    PruneSpec spec = makeOwnPlan(request.spec);
    spec.ratio = share;
    // A share is less than everything.
    if (pruned >= candidate.size) {
      pruned = candidate.size - 1;
      spec.ratio = static_cast<double>(pruned) / static_cast<double>(candidate.size);
      remark::missed(candidate.first().op->getLoc(), remarkOptions())
          << candidate.describe() + " would have lost all of its weights; one stays";
    }
    setPlan(candidate, spec);
    total += pruned;
    weights += candidate.size;
    least = std::min(least, spec.ratio);
    most = std::max(most, spec.ratio);
    auto text =
        llvm::formatv("{0}: {1} of {2} weights go", candidate.describe(), pruned, candidate.size)
            .str();
    if (request.spec.scope != PruneScope::Global)
      text += llvm::formatv(", sensitivity {0:e3}", candidate.sensitivity).str();
    remark::passed(candidate.first().op->getLoc(), remarkOptions()) << text;
  }
  remark::analysis(request.weights.front().first().op->getLoc(), remarkOptions())
      << llvm::formatv("{0} of {1} weights in {2} tensors go, shares from {3} to {4}, {5}", total,
                       weights, request.weights.size(), llvm::format("%.4g", least),
                       llvm::format("%.4g", most), what)
             .str();
}

void AllocateSparsity::runOnOperation() {
  llvm::MapVector<StringAttr, Request> requests;
  if (failed(gather(requests)))
    return signalPassFailure();
  for (auto &[text, request] : requests) {
    std::string what;
    FailureOr<AllocatedSparsity> allocation = request.spec.scope == PruneScope::Global
                                                  ? allocateByScores(request, what)
                                                  : allocateBySensitivity(request, what);
    if (failed(allocation))
      return signalPassFailure();
    if (!request.weights.empty())
      apply(request, *allocation, what);
  }
}
