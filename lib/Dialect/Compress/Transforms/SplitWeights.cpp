//===- SplitWeights.cpp - weighted ops become two -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SplitWeights.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <condition_variable>

using namespace mlir;
using namespace mlir::compress;

static std::string describe(const WeightedOp &op) {
  return "weight '" + op.chain.getSourceName() + "' of \"" + op.name + "\"";
}

//===----------------------------------------------------------------------===//
// Gathering
//===----------------------------------------------------------------------===//

/// Why the users of a unit cannot be split together; empty if they can.
static std::string explainConflict(const WeightUnit &unit, const SplitOptions &options) {
  const WeightedOp &first = unit.users.front();
  if (unit.otherUser)
    return ("'" + unit.otherUser->getName().getStringRef() +
            "' uses it, too, which is not a weighted op")
        .str();
  auto helper = first.op->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  auto getQuantize = [&](const WeightedOp &op) {
    PlanAttr plan = helper.getAttr(op.op);
    return plan ? plan.getQuantize() : StringAttr();
  };
  std::optional<LowRankSpec> spec = options.getSpec(first);
  bool hasResidual = spec && spec->residual != LowRankResidual::None;
  for (const WeightedOp &user : llvm::drop_begin(unit.users)) {
    if (options.getSpec(user) != spec || (hasResidual && getQuantize(user) != getQuantize(first)))
      return "\"" + user.name + "\" shares it and has another plan";
    if (!isSameDecoding(first.chain, user.chain))
      return "\"" + user.name + "\" decodes it in another way";
    if (user.chain.permutation != first.chain.permutation)
      return "\"" + user.name + "\" shares it and uses it in another way";
  }
  if (!spec)
    return "\"" + first.name + "\" shares it and has another plan";
  if (std::string reason = explainUnsupported(first.chain); !reason.empty())
    return reason;
  return explainUnfit(first.chain.getType());
}

/// What is still to be known of a task from the plan of its users; an error if that contradicts.
static LogicalResult completeTask(SplitTask &task, const SplitOptions &options) {
  const WeightedOp &first = task.first();
  std::string what = describe(first);
  if (task.spec.target == LowRankTarget::Budget)
    return task.emitError() << what
                            << " has a low rank with target=budget; run compress-allocate-ranks "
                               "first";
  task.needsFewer = options.needsFewer && task.spec.residual == LowRankResidual::None;
  if (task.spec.residual != LowRankResidual::Lqer)
    return success();
  auto *dialect = first.op->getContext()->getLoadedDialect<CompressDialect>();
  PlanAttr plan = dialect->getPlanAttrHelper().getAttr(first.op);
  task.quantize = plan ? plan.getQuantizeSpec() : std::nullopt;
  if (!task.quantize)
    return task.emitError() << what
                            << " has a low rank with residual=lqer, which is of a quantized "
                               "weight; expects a plan with quantize, too";
  if (task.quantize->format == WeightFormat::Mixed)
    return task.emitError() << what << " has the format mixed; run compress-allocate-bits first";
  if (task.quantize->method != QuantizeMethod::Rtn && task.quantize->method != QuantizeMethod::Auto)
    task.notes.push_back(
        (getName(task.quantize->method) + " is replaced by rounding to nearest").str());
  if (plan.getPrune() || plan.getShare())
    task.notes.push_back(
        "the weight is quantized beside its factors, so that it is neither pruned nor shared");
  return success();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace {
/// Lets weights be worked on at the same time as long as what they need fits into a limit; one of
/// them always is.
class MemoryGate {
public:
  void enter(uint64_t bytes) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return running == 0 || used + bytes <= kLimit; });
    ++running;
    used += bytes;
  }
  void leave(uint64_t bytes) {
    std::lock_guard lock(mutex);
    --running;
    used -= bytes;
    changed.notify_all();
  }

private:
  static constexpr uint64_t kLimit = uint64_t(4) << 30;
  std::mutex mutex;
  std::condition_variable changed;
  size_t running = 0;
  uint64_t used = 0;
};
} // namespace

/// What the decomposition of a weight may need: copies in single and double precision, and of a
/// square of its columns.
static uint64_t estimateBytes(const WeightedOp &op) {
  RankedTensorType type = op.chain.getType();
  uint64_t columns = 1;
  for (int64_t dim : op.contractionDims)
    columns *= type.getDimSize(dim);
  return 40 * static_cast<uint64_t>(type.getNumElements()) + 24 * columns * columns;
}

//===----------------------------------------------------------------------===//
// Committing
//===----------------------------------------------------------------------===//

namespace {
/// Ops that a builder makes.
struct MadeOps : OpBuilder::Listener {
  SmallVector<Operation *> ops;
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    ops.push_back(op);
  }
};

/// Everything that a commit changes.
struct Committer {
  CompressDialect &dialect;
  WeightStore &store;
  WeightSymbols &symbols;

  LogicalResult commit(const SplitTask &task, SplitOutcome &outcome);

private:
  /// Values of new weights that users with the same chain share.
  struct Weights {
    Value row, column, residual;
  };
  llvm::MapVector<Value, Weights> write(const SplitTask &task, SplitOutcome &outcome);
  LogicalResult replace(const SplitTask &task, SplitOutcome &outcome, size_t userIndex,
                        const Weights &weights);
  void setPlans(const SplitTask &task, Operation *op, ArrayRef<WeightedOp> parts);
  void setStatistics(const SplitTask &task, const SplitOutcome &outcome, const WeightedOp &user,
                     size_t userIndex, ArrayRef<WeightedOp> parts);
  void report(const SplitTask &task, const SplitOutcome &outcome, const WeightedOp &user,
              bool isFirstUser, ArrayRef<WeightedOp> parts, Value row);
};
} // namespace

/// Writes the new weights in front of every root that the users of the task have.
llvm::MapVector<Value, Committer::Weights> Committer::write(const SplitTask &task,
                                                            SplitOutcome &outcome) {
  WeightSourceOpInterface source = task.first().chain.source;
  std::string name = source.getWeightName();
  llvm::MapVector<Value, Weights> all;
  Weights written;
  SmallVector<Operation *> made;
  for (const WeightedOp &user : task.users) {
    Value root = user.chain.root;
    if (all.count(root))
      continue;
    OpBuilder builder(root.getDefiningOp());
    if (all.empty()) {
      MadeOps listener;
      builder.setListener(&listener);
      auto writeOne = [&](EncodedWeight &weight, const std::string &newName) {
        if (weight.isCast())
          return writeEncodedWeight(builder, symbols, store, source, newName, weight);
        return weight.values.materialize(builder, symbols, store, source, newName);
      };
      if (outcome.residual)
        written.residual =
            writeEncodedWeight(builder, symbols, store, source, name, *outcome.residual);
      written.column = writeOne(outcome.columnFactor, name + "/v");
      written.row = writeOne(outcome.rowFactor, name + "/u");
      // Symbols and the like stay alone.
      Block *block = root.getDefiningOp()->getBlock();
      llvm::copy_if(listener.ops, std::back_inserter(made),
                    [&](Operation *op) { return op->getBlock() == block; });
      all[root] = written;
      continue;
    }
    IRMapping mapping;
    for (Operation *op : made)
      builder.clone(*op, mapping);
    Weights &copy = all[root];
    copy.column = mapping.lookup(written.column);
    copy.row = mapping.lookup(written.row);
    if (written.residual)
      copy.residual = mapping.lookup(written.residual);
  }
  return all;
}

void Committer::setPlans(const SplitTask &task, Operation *op, ArrayRef<WeightedOp> parts) {
  auto helper = dialect.getPlanAttrHelper();
  PlanAttr plan = helper.getAttr(op);
  if (!plan)
    return;
  auto set = [&](Operation *target, PlanAttr value) {
    if (value && !value.isEmpty())
      helper.setAttr(target, value);
    else
      helper.removeAttr(target);
  };
  switch (task.spec.residual) {
  case LowRankResidual::None:
    for (const WeightedOp &part : parts)
      set(part.op, plan.withLowRank(nullptr));
    return;
  case LowRankResidual::SvdQuant:
    return set(op, plan.withLowRank(nullptr));
  case LowRankResidual::Lqer: {
    // The weight is quantized; activations may be, too.
    bool isDone = task.quantize->activations == ActivationMode::None;
    return set(op, isDone ? PlanAttr() : PlanAttr::getQuantizing(plan.getQuantize()));
  }
  }
}

void Committer::setStatistics(const SplitTask &task, const SplitOutcome &outcome,
                              const WeightedOp &user, size_t userIndex,
                              ArrayRef<WeightedOp> parts) {
  Statistics *statistics = dialect.getStatistics();
  // Ops without names whose weights have none cannot be told apart.
  if (!statistics || parts[0].name == parts[1].name)
    return;
  const FactorStatistics &entry = outcome.statistics[userIndex];
  auto set = [&](const std::string &name, std::shared_ptr<const TensorStatistics> value) {
    if (value)
      statistics->set(Statistics::getInputKey(name), std::move(value));
  };
  set(parts[0].name, entry.first);
  set(parts[1].name, entry.second);
  if (task.spec.residual != LowRankResidual::None)
    return;
  // What the layer computed before it was split is what the second op should compute.
  auto output = statistics->getEntries().find(Statistics::getOutputKey(user.name));
  if (output != statistics->getEntries().end())
    statistics->set(Statistics::getOutputKey(parts[1].name), output->second);
}

/// `row` is the row factor, which one of the parts uses.
void Committer::report(const SplitTask &task, const SplitOutcome &outcome, const WeightedOp &user,
                       bool isFirstUser, ArrayRef<WeightedOp> parts, Value row) {
  ReportCollector *collector = dialect.getReportCollector();
  if (!collector)
    return;
  auto makeLine = [&](const WeightedOp &op) {
    LayerReport line;
    line.name = op.name;
    line.op = op.kindName.str();
    line.weight = user.chain.getSourceName();
    line.shape = llvm::to_vector_of<int64_t, 4>(op.chain.getType().getShape());
    line.action = outcome.action;
    line.shared = !isFirstUser;
    if (outcome.errors.sumSquares > 0)
      line.relativeError = std::sqrt(outcome.errors.squaredError / outcome.errors.sumSquares);
    if (outcome.errors.outputError && *outcome.errors.outputSquares > 0)
      line.outputSqnr =
          10 * std::log10(*outcome.errors.outputSquares / *outcome.errors.outputError);
    return line;
  };
  bool stays = outcome.residual.has_value();
  if (stays) {
    LayerReport line = makeLine(user);
    line.bytesBefore = outcome.bytesBefore;
    line.bytesAfter = outcome.residual->getStoredBytes();
    line.reason = llvm::join(outcome.notes, "; ");
    // With the factors and before it is quantized, the weight is what it was.
    if (task.spec.residual == LowRankResidual::SvdQuant)
      line.relativeError = line.outputSqnr = std::nullopt;
    collector->addLayer(line);
  }
  for (auto [index, part] : llvm::enumerate(parts)) {
    LayerReport line = makeLine(part);
    line.origin = user.name;
    line.bytesBefore = index == 0 && !stays ? outcome.bytesBefore : 0;
    bool isRow = part.chain.root == row;
    line.bytesAfter = (isRow ? outcome.rowFactor : outcome.columnFactor).getStoredBytes();
    if (index == 0 && !stays)
      line.reason = llvm::join(outcome.notes, "; ");
    if (stays)
      line.relativeError = line.outputSqnr = std::nullopt;
    collector->addLayer(line);
  }
}

/// Makes the two ops of one user.
LogicalResult Committer::replace(const SplitTask &task, SplitOutcome &outcome, size_t userIndex,
                                 const Weights &weights) {
  const WeightedOp &user = task.users[userIndex];
  Operation *op = user.op;
  bool stays = task.spec.residual != LowRankResidual::None;
  std::optional<FactorForm> form =
      getFactorForm(op, outcome.form.name, static_cast<int64_t>(outcome.rank));
  OpBuilder builder(op);
  MadeOps made;
  builder.setListener(&made);
  FailureOr<Value> result = failure();
  if (form)
    result = cast<FactorableOpInterface>(op).createFactors(
        builder, *form, weights.row, weights.column, stays ? op->getResult(0) : Value());
  // The ops with the factors, in order.
  auto usesAny = [&](const WeightedOp &part) {
    return llvm::is_contained({weights.row, weights.column}, part.chain.root);
  };
  SmallVector<WeightedOp, 2> parts;
  for (Operation *other : made.ops)
    if (FailureOr<WeightedOp> part = getWeighted(other); succeeded(part) && usesAny(*part))
      parts.push_back(std::move(*part));
  if (failed(result) || parts.size() != 2)
    return op->emitError() << "cannot be written with the factors of " << describe(user);
  // They are in front of the op, and add its result.
  if (stays)
    for (Operation *other : llvm::reverse(made.ops))
      if (other->getBlock() == op->getBlock() && other->isBeforeInBlock(op))
        op->moveBefore(other);
  llvm::SmallPtrSet<Operation *, 8> own(made.ops.begin(), made.ops.end());
  op->getResult(0).replaceUsesWithIf(*result,
                                     [&](OpOperand &use) { return !own.contains(use.getOwner()); });
  setPlans(task, op, parts);
  setStatistics(task, outcome, user, userIndex, parts);
  report(task, outcome, user, userIndex == 0, parts, weights.row);
  return success();
}

/// Erases `op` and what it was computed from, as far as nobody uses it: weights and their chains.
static void eraseUnused(Operation *op) {
  llvm::SmallSetVector<Operation *, 8> worklist;
  worklist.insert(op);
  while (!worklist.empty()) {
    Operation *next = worklist.pop_back_val();
    if (!next->use_empty() ||
        (next != op &&
         !isa<WeightSourceOpInterface, DecodeOpInterface, FakeQuantizeOp, TransposeOp>(next)))
      continue;
    SmallVector<Value> operands(next->getOperands());
    next->erase();
    for (Value operand : operands)
      if (Operation *def = operand.getDefiningOp())
        worklist.insert(def);
  }
}

LogicalResult Committer::commit(const SplitTask &task, SplitOutcome &outcome) {
  bool stays = outcome.residual.has_value();
  SmallVector<std::string> names;
  for (const WeightedOp &user : task.users)
    names.push_back(user.name);
  llvm::MapVector<Value, Weights> weights = write(task, outcome);
  for (size_t index = 0; index < task.users.size(); ++index)
    if (failed(replace(task, outcome, index, weights[task.users[index].chain.root])))
      return failure();
  if (stays) {
    SmallVector<Operation *> roots;
    for (auto &[root, values] : weights) {
      Value(root).replaceAllUsesWith(values.residual);
      roots.push_back(root.getDefiningOp());
    }
    for (Operation *root : roots)
      eraseUnused(root);
  } else {
    for (const WeightedOp &user : task.users)
      eraseUnused(user.op);
  }
  if (Statistics *statistics = dialect.getStatistics())
    for (const std::string &name : names) {
      if (!stays)
        statistics->erase(Statistics::getInputKey(name));
      statistics->erase(Statistics::getOutputKey(name));
      statistics->eraseWeight(name);
    }
  return success();
}

//===----------------------------------------------------------------------===//
// Driver
//===----------------------------------------------------------------------===//

namespace {
/// Tells of weights.
struct Teller {
  CompressDialect &dialect;
  const SplitOptions &options;

  void tellSkipped(const WeightedOp &op, const std::string &reason) const;
  void tellSplit(const SplitTask &task, const SplitOutcome &outcome) const;

private:
  remark::RemarkOpts getOptions() const {
    return remark::RemarkOpts::name(options.passName).category("low-rank");
  }
};
} // namespace

void Teller::tellSkipped(const WeightedOp &op, const std::string &reason) const {
  remark::missed(op.op->getLoc(), getOptions()) << describe(op) + " stays whole: " + reason;
  ReportCollector *collector = dialect.getReportCollector();
  if (!collector)
    return;
  LayerReport line;
  line.name = op.name;
  line.op = op.kindName.str();
  line.weight = op.chain.getSourceName();
  line.shape = llvm::to_vector_of<int64_t, 4>(op.chain.getType().getShape());
  for (WeightSourceOpInterface source : op.chain.getSources())
    if (auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType()))
      if (FailureOr<uint64_t> size = WeightStore::getStorageBytes(type); succeeded(size))
        line.bytesBefore += *size;
  line.bytesAfter = line.bytesBefore;
  line.reason = reason;
  collector->addLayer(line);
}

void Teller::tellSplit(const SplitTask &task, const SplitOutcome &outcome) const {
  Location loc = task.first().op->getLoc();
  std::string what = describe(task.first());
  std::string more = options.describe ? options.describe(task, outcome) : "";
  for (const std::string &note : outcome.notes)
    remark::missed(loc, getOptions()) << what + ": " + note;
  remark::passed(loc, getOptions())
      << what + (outcome.residual ? " gets a branch: " : " becomes two: ") + outcome.action +
             (more.empty() ? "" : "; " + more)
      << remark::metric("rank", outcome.rank) << remark::metric("method", getName(outcome.method))
      << remark::metric("error", llvm::formatv("{0:e3}", outcome.errors.getRelative()).str());
}

/// The weights that can be split, and the symbols that nobody may use afterwards.
static LogicalResult gatherTasks(ModuleOp module, const SplitOptions &options, const Teller &teller,
                                 std::vector<SplitTask> &tasks,
                                 llvm::SetVector<StringAttr> &symbols) {
  for (WeightUnit &unit : gatherWeightUnits(module)) {
    auto wanted = llvm::find_if(
        unit.users, [&](const WeightedOp &op) { return options.getSpec(op).has_value(); });
    if (wanted == unit.users.end())
      continue;
    if (std::string reason = explainConflict(unit, options); !reason.empty()) {
      teller.tellSkipped(*wanted, reason);
      continue;
    }
    SplitTask task;
    task.spec = *options.getSpec(unit.users.front());
    for (const WeightedOp &user : unit.users)
      for (WeightSourceOpInterface source : user.chain.getSources())
        if (auto load = dyn_cast<LoadOp>(source.getOperation()))
          symbols.insert(load.getWeightAttr().getAttr());
    task.users = std::move(unit.users);
    if (failed(completeTask(task, options)))
      return failure();
    tasks.push_back(std::move(task));
  }
  return success();
}

LogicalResult mlir::compress::splitWeights(ModuleOp module, const SplitOptions &options) {
  MLIRContext *context = module.getContext();
  auto *dialect = context->getLoadedDialect<CompressDialect>();
  Teller teller{*dialect, options};
  std::vector<SplitTask> tasks;
  llvm::SetVector<StringAttr> candidates;
  if (failed(gatherTasks(module, options, teller, tasks, candidates)))
    return failure();

  WeightStore store(context);
  std::vector<SplitOutcome> outcomes(tasks.size());
  MemoryGate gate;
  LogicalResult result = failableParallelForEach(
      context, llvm::seq<size_t>(0, tasks.size()), [&](size_t index) -> LogicalResult {
        uint64_t bytes = estimateBytes(tasks[index].first());
        gate.enter(bytes);
        LogicalResult computed =
            computeSplit(store, tasks[index], dialect->getStatistics(), outcomes[index]);
        gate.leave(bytes);
        return computed;
      });
  if (failed(result))
    return failure();

  WeightSymbols symbols(module);
  Committer committer{*dialect, store, symbols};
  for (auto [task, outcome] : llvm::zip(tasks, outcomes)) {
    if (!outcome.reason.empty()) {
      teller.tellSkipped(task.first(), outcome.reason);
      continue;
    }
    teller.tellSplit(task, outcome);
    if (failed(committer.commit(task, outcome)))
      return failure();
    outcome = SplitOutcome();
  }
  llvm::DenseSet<StringAttr> used = collectReferencedSymbols(module);
  for (StringAttr name : candidates)
    if (auto weight = symbols.getTable().lookup<WeightOp>(name))
      if (!used.contains(name) && weight.isPrivate())
        symbols.getTable().erase(weight);
  return success();
}
