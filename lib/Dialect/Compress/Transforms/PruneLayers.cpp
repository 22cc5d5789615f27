//===- PruneLayers.cpp - removing blocks of residual networks ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Plans.h"
#include "compress/Algorithms/BlockInfluence.h"
#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include <cmath>
#include <limits>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRUNELAYERS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-prune-layers").category("prune");
}

static std::string formatScore(double score) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.4g", score);
  return text;
}

static std::string countBlocks(size_t count) {
  return std::to_string(count) + (count == 1 ? " block" : " blocks");
}

//===----------------------------------------------------------------------===//
// What may go
//===----------------------------------------------------------------------===//

/// Name of an argument or result of a function, for messages.
static std::string nameOf(func::FuncOp function, StringRef kind, unsigned index) {
  StringAttr name = kind == "argument"
                        ? function.getArgAttrOfType<StringAttr>(index, "compress.name")
                        : function.getResultAttrOfType<StringAttr>(index, "compress.name");
  return (kind + " " + (name ? "'" + name.getValue() + "'" : "#" + Twine(index)) +
          " of function '" + function.getSymName() + "'")
      .str();
}

/// Why `blocks` cannot go together; empty if they can.
static std::string explainBound(func::FuncOp function, ArrayRef<const ResidualBlock *> blocks) {
  llvm::DenseSet<Value> replaced;
  llvm::DenseMap<Value, Value> outputOf;
  llvm::DenseSet<Operation *> own, dead;
  for (const ResidualBlock *block : blocks) {
    replaced.insert(block->output);
    outputOf[block->input] = block->output;
    own.insert(block->ops.begin(), block->ops.end());
  }
  Block &body = function.getBody().front();
  auto areUsersDead = [&](Value value) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return dead.contains(body.findAncestorOpInBlock(*user));
    });
  };
  // What comes into a block is then used in place of what goes out of it.
  auto isDead = [&](Value value) {
    if (replaced.contains(value))
      return true;
    if (!areUsersDead(value))
      return false;
    for (Value output = outputOf.lookup(value); output; output = outputOf.lookup(output))
      if (!areUsersDead(output))
        return false;
    return true;
  };
  for (Operation &op : llvm::reverse(body))
    if (isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>() &&
        llvm::all_of(op.getResults(), [&](Value result) { return isDead(result); }))
      dead.insert(&op);

  for (Operation &op : body) {
    if (!own.contains(&op) || dead.contains(&op))
      continue;
    for (OpOperand &use : op.getUses()) {
      Operation *user = body.findAncestorOpInBlock(*use.getOwner());
      if (user == body.getTerminator())
        return nameOf(function, "result", use.getOperandNumber()) + " is computed in it";
      if (!dead.contains(user) && !own.contains(user))
        return ("'" + user->getName().getStringRef() + "' uses what '" +
                op.getName().getStringRef() + "' computes in it")
            .str();
    }
  }
  for (BlockArgument argument : body.getArguments())
    if (!argument.use_empty() && isDead(argument))
      return nameOf(function, "argument", argument.getArgNumber()) + " is used by it only";
  return "";
}

namespace {
/// A block of a run.
struct Candidate {
  const ResidualBlock *block = nullptr;
  size_t run = 0, index = 0;
  /// Name of the value after it.
  std::string end;
};

/// The blocks of a function with one specification.
struct Scope {
  PruneSpec spec;
  std::vector<Candidate> candidates;
};

struct PruneLayers : public compress::impl::PruneLayersBase<PruneLayers> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  std::optional<PruneSpec> getSpec(PlanAttr plan);
  bool isPlanned(func::FuncOp function);
  std::optional<PruneSpec> getSpec(const ResidualBlock &block, std::string &reason);
  LogicalResult pruneFunction(func::FuncOp function, const ResidualBlocks &blocks);
  FailureOr<std::vector<Candidate>> choose(func::FuncOp function, const Scope &scope);
  FailureOr<double> getMean(func::FuncOp function, const PruneSpec &spec, StringRef from,
                            StringRef to);
  void remove(func::FuncOp function, ArrayRef<Candidate> removed);
  void dropStatistics(func::FuncOp function, Value changed);

  std::optional<PruneSpec> given;
  /// Lines of the report, and the weights that they tell of.
  std::vector<std::pair<LayerReport, std::string>> report;
};
} // namespace

static bool isLayerSpec(const PruneSpec &spec) { return spec.pattern == PrunePattern::Layer; }

LogicalResult PruneLayers::initialize(MLIRContext *context) {
  given.reset();
  if (prune.empty())
    return success();
  FailureOr<PruneSpec> spec =
      parsePruneOption(UnknownLoc::get(context), prune, isLayerSpec, "layer:K");
  if (failed(spec))
    return failure();
  given = resolveAuto(*spec, /*hasStatistics=*/true);
  return success();
}

/// What a plan, or the option, says about layers.
std::optional<PruneSpec> PruneLayers::getSpec(PlanAttr plan) {
  if (given)
    return given;
  std::optional<PruneSpec> spec = plan ? plan.getPruneSpec(isLayerSpec) : std::nullopt;
  if (!spec)
    return std::nullopt;
  return resolveAuto(*spec, /*hasStatistics=*/true);
}

bool PruneLayers::isPlanned(func::FuncOp function) {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::vector<WeightedOp> ops = collectWeighted(function);
  return llvm::any_of(ops, [&](const WeightedOp &op) {
    std::optional<PruneSpec> spec = getSpec(helper.getAttr(op.op));
    return spec && spec->count;
  });
}

/// The specification that all weighted ops of a block have.
std::optional<PruneSpec> PruneLayers::getSpec(const ResidualBlock &block, std::string &reason) {
  if (given)
    return given;
  std::optional<PruneSpec> common =
      getCommonSpec<PruneSpec>(block, [&](PlanAttr plan) { return getSpec(plan); }, reason);
  if (!reason.empty())
    return std::nullopt;
  return common;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// Mean cosine distance, or angle, between two values of the stream.
FailureOr<double> PruneLayers::getMean(func::FuncOp function, const PruneSpec &spec, StringRef from,
                                       StringRef to) {
  const Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  const StreamStatistics *stream =
      statistics ? statistics->findStream(function.getSymName()) : nullptr;
  std::string what =
      "method=" + compress::getName(spec.method).str() + " of '" + toString(spec) + "'";
  if (!stream)
    return function.emitError() << what << " needs statistics of the values between the blocks of "
                                << "function '" << function.getSymName()
                                << "', and there are none; run compress-collect-streams "
                                << "(calibration data), or choose method=last";
  if (!stream->vectors)
    return function.emitError() << what << ": no sample reached the blocks of function '"
                                << function.getSymName() << "'";
  StringRef names[] = {from, to};
  size_t indices[2];
  for (auto [name, index] : llvm::zip_equal(names, indices)) {
    auto it = llvm::find(stream->points, name);
    if (it == stream->points.end())
      return function.emitError() << what << ": the statistics of function '"
                                  << function.getSymName() << "' have no value \"" << name
                                  << "\"; collect them again with compress-collect-streams";
    index = it - stream->points.begin();
  }
  size_t at = indices[0] * stream->points.size() + indices[1];
  if (spec.method == PruneMethod::Angular)
    return stream->angle[at] / static_cast<double>(stream->vectors);
  return getBlockInfluence(stream->cosine[at], stream->vectors);
}

FailureOr<std::vector<Candidate>> PruneLayers::choose(func::FuncOp function, const Scope &scope) {
  const std::vector<Candidate> &candidates = scope.candidates;
  size_t count = scope.spec.count;
  auto tell = [&](const Candidate &candidate, StringRef what, double score) {
    remark::analysis(candidate.block->output.getLoc(), getRemarkOptions())
        << ("block \"" + candidate.block->name + "\": " + what + " " + formatScore(score)).str();
  };
  if (scope.spec.method == PruneMethod::Last)
    return std::vector<Candidate>(candidates.end() - count, candidates.end());
  if (scope.spec.method == PruneMethod::BlockInfluence) {
    std::vector<double> scores;
    for (const Candidate &candidate : candidates) {
      FailureOr<double> score = getMean(function, scope.spec, candidate.block->name, candidate.end);
      if (failed(score))
        return failure();
      tell(candidate, "influence", *score);
      scores.push_back(*score);
    }
    std::vector<Candidate> chosen;
    for (size_t index : chooseLowest(scores, count))
      chosen.push_back(candidates[index]);
    return chosen;
  }
  // Neighbours of one run.
  double best = std::numeric_limits<double>::infinity();
  std::vector<Candidate> chosen;
  for (size_t first = 0; first + count <= candidates.size(); ++first) {
    const Candidate &begin = candidates[first], &end = candidates[first + count - 1];
    if (begin.run != end.run || end.index - begin.index != count - 1)
      continue;
    FailureOr<double> angle = getMean(function, scope.spec, begin.block->name, end.end);
    if (failed(angle))
      return failure();
    tell(begin, "angle over " + countBlocks(count), *angle);
    if (*angle < best) {
      best = *angle;
      chosen.assign(candidates.begin() + first, candidates.begin() + first + count);
    }
  }
  if (chosen.empty())
    return function.emitError() << "'" << toString(scope.spec) << "': function '"
                                << function.getSymName() << "' has no " << countBlocks(count)
                                << " in a row that can be removed";
  return chosen;
}

//===----------------------------------------------------------------------===//
// Removal
//===----------------------------------------------------------------------===//

/// Forgets statistics of activations that depend on `changed`, and the streams of the function.
void PruneLayers::dropStatistics(func::FuncOp function, Value changed) {
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  if (!statistics)
    return;
  statistics->eraseStream(function.getSymName());
  Block &body = function.getBody().front();
  llvm::DenseSet<Operation *> reached;
  SmallVector<Value> open{changed};
  while (!open.empty())
    for (Operation *user : open.pop_back_val().getUsers()) {
      Operation *op = body.findAncestorOpInBlock(*user);
      if (op && reached.insert(op).second)
        open.append(op->result_begin(), op->result_end());
    }
  for (Operation *op : reached)
    for (const WeightedOp &weighted : collectWeighted(op)) {
      statistics->drop(Statistics::getInputKey(weighted.name));
      statistics->drop(Statistics::getOutputKey(weighted.name));
    }
}

void PruneLayers::remove(func::FuncOp function, ArrayRef<Candidate> removed) {
  dropStatistics(function, removed.front().block->input);
  for (const Candidate &candidate : removed) {
    const ResidualBlock &block = *candidate.block;
    remark::passed(block.output.getLoc(), getRemarkOptions())
        << ("block \"" + block.name + "\" is removed");
    for (Operation *op : block.ops)
      for (const WeightedOp &weighted : collectWeighted(op)) {
        LayerReport line;
        line.name = weighted.name;
        line.op = weighted.kindName.str();
        line.weight = weighted.chain.getSourceName();
        line.shape.assign(weighted.chain.getType().getShape().begin(),
                          weighted.chain.getType().getShape().end());
        for (WeightSourceOpInterface source : weighted.chain.getSources()) {
          auto type = cast<RankedTensorType>(source->getResult(0).getType());
          if (FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(type); succeeded(bytes))
            line.bytesBefore += *bytes;
        }
        line.action = "removed with its block";
        report.emplace_back(std::move(line), weighted.chain.getSourceName());
      }
  }
  // Later blocks first: what one starts from may be what another one gives.
  for (const Candidate &candidate : llvm::reverse(removed)) {
    Value output = candidate.block->output, input = candidate.block->input;
    output.replaceAllUsesWith(input);
  }
}

LogicalResult PruneLayers::pruneFunction(func::FuncOp function, const ResidualBlocks &blocks) {
  llvm::MapVector<StringRef, Scope> scopes;
  std::vector<std::string> texts;
  texts.reserve(blocks.getNumBlocks());
  std::string firstReason;
  for (auto [runIndex, run] : llvm::enumerate(blocks.runs))
    for (auto [index, block] : llvm::enumerate(run)) {
      std::string reason;
      std::optional<PruneSpec> spec = getSpec(block, reason);
      if (reason.empty() && (!spec || !spec->count))
        continue;
      if (reason.empty())
        reason = explainBound(function, &block);
      if (spec) {
        texts.push_back(toString(*spec));
        scopes[texts.back()].spec = *spec;
      }
      if (!reason.empty()) {
        std::string what = "block \"" + block.name + "\" stays: " + reason;
        remark::missed(block.output.getLoc(), getRemarkOptions()) << what;
        if (firstReason.empty())
          firstReason = what;
        continue;
      }
      std::string end = index + 1 < run.size() ? run[index + 1].name : block.name + "/end";
      scopes[texts.back()].candidates.push_back({&block, runIndex, index, std::move(end)});
    }

  std::vector<Candidate> removed;
  for (auto &[text, scope] : scopes) {
    size_t count = scope.spec.count, total = blocks.getNumBlocks();
    if (count > scope.candidates.size() || removed.size() + count >= total) {
      InFlightDiagnostic error = function.emitError()
                                 << "'" << text << "' asks for the removal of "
                                 << countBlocks(count) << " of function '" << function.getSymName()
                                 << "', which has " << countBlocks(total) << ", of which "
                                 << scope.candidates.size() << " can be removed";
      if (!firstReason.empty())
        error << " (" << firstReason << ")";
      return error << "; at least one has to stay";
    }
    FailureOr<std::vector<Candidate>> chosen = choose(function, scope);
    if (failed(chosen))
      return failure();
    removed.insert(removed.end(), chosen->begin(), chosen->end());
  }
  if (removed.empty())
    return success();
  llvm::sort(removed, [](const Candidate &a, const Candidate &b) {
    return std::pair(a.run, a.index) < std::pair(b.run, b.index);
  });
  SmallVector<const ResidualBlock *> together;
  for (const Candidate &candidate : removed)
    together.push_back(candidate.block);
  if (std::string reason = explainBound(function, together); !reason.empty())
    return function.emitError() << "the blocks \"" << together.front()->name << "\" to \""
                                << together.back()->name
                                << "\" cannot be removed together: " << reason;
  remove(function, removed);
  return success();
}

void PruneLayers::runOnOperation() {
  ModuleOp module = getOperation();
  report.clear();
  bool isAsked = false;
  size_t total = 0;
  std::string reasons;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal() || !isPlanned(function))
      continue;
    isAsked = true;
    ResidualBlocks blocks = findResidualBlocks(function);
    total += blocks.getNumBlocks();
    if (blocks.runs.empty()) {
      remark::missed(function.getLoc(), getRemarkOptions())
          << ("function '" + function.getSymName() + "' has no repeated blocks: " + blocks.reason)
                 .str();
      reasons += ("; function '" + function.getSymName() + "': " + blocks.reason).str();
    } else if (failed(pruneFunction(function, blocks))) {
      return signalPassFailure();
    }
  }
  if (!isAsked)
    return markAllAnalysesPreserved();
  if (!total) {
    module.emitError() << "there are no repeated residual blocks to remove" << reasons;
    return signalPassFailure();
  }
  // What was asked for is done.
  updatePlans(module, [&](PlanAttr plan) { return dropPruning(plan, isLayerSpec); });
  removeDeadWeights(module);
  ReportCollector *collector =
      getContext().getLoadedDialect<CompressDialect>()->getReportCollector();
  SymbolTable symbols(module);
  for (auto &[line, weight] : report) {
    // Other layers may have the same weight.
    if (symbols.lookup(weight))
      line.bytesAfter = line.bytesBefore;
    if (collector)
      collector->addLayer(line);
  }
}
