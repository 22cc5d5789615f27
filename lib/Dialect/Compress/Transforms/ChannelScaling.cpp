//===- ChannelScaling.cpp - scaling channels of activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

std::vector<float> mlir::compress::readFloats(const StoredTensor &tensor) {
  if (tensor.getDataType() == DataType::F32) {
    std::vector<float> values(tensor.getType().getNumElements());
    if (!values.empty())
      std::memcpy(values.data(), tensor.bytes().data(), tensor.bytes().size());
    return values;
  }
  std::vector<double> values = toDoubles(tensor);
  return std::vector<float>(values.begin(), values.end());
}

/// Writes element `i` of a float tensor.
static void writeElement(DataType type, char *bytes, size_t i, double value) {
  if (type == DataType::F32) {
    float rounded = static_cast<float>(value);
    std::memcpy(bytes + 4 * i, &rounded, 4);
    return;
  }
  unsigned size = getStorageBitWidth(type) / 8;
  uint64_t bits = encodeFloat(type, value);
  std::memcpy(bytes + size * i, &bits, size);
}

static double readElement(DataType type, const char *bytes, size_t i) {
  if (type == DataType::F32) {
    float value;
    std::memcpy(&value, bytes + 4 * i, 4);
    return value;
  }
  unsigned size = getStorageBitWidth(type) / 8;
  uint64_t bits = 0;
  std::memcpy(&bits, bytes + size * i, size);
  return decodeFloat(type, bits);
}

//===----------------------------------------------------------------------===//
// Edits
//===----------------------------------------------------------------------===//

using Edit = ChannelScalingPlan::Edit;

/// The weight `source` with the factors of all edits of one operand; nothing if an element would
/// overflow.
static FailureOr<std::optional<StoredTensor>> scaleWeight(WeightStore &store,
                                                          WeightSourceOpInterface source,
                                                          ArrayRef<const Edit *> edits,
                                                          ArrayRef<float> factors) {
  const Edit &first = *edits.front();
  auto emitError = [&] { return first.operand->getOwner()->emitError(); };
  FailureOr<StoredTensor> old = StoredTensor::read(store, source, emitError);
  if (failed(old))
    return failure();
  FailureOr<StoredTensor> scaled = StoredTensor::allocate(store, old->getType(), emitError);
  if (failed(scaled))
    return failure();
  DataType type = old->getDataType();
  const char *from = old->bytes().data();
  char *to = scaled->mutableBytes().data();
  size_t count = old->getType().getNumElements();
  for (size_t i = 0; i < count; ++i) {
    double before = readElement(type, from, i), value = before;
    for (const Edit *edit : edits) {
      int32_t index = edit->classes[i / edit->view.inner % edit->view.k];
      if (index >= 0)
        value = edit->multiply ? value * factors[index] : value / factors[index];
    }
    writeElement(type, to, i, value);
    if (std::isfinite(before) && !std::isfinite(readElement(type, to, i)))
      return std::optional<StoredTensor>();
  }
  return std::optional<StoredTensor>(std::move(*scaled));
}

void mlir::compress::replaceWeight(WeightStore &store, WeightSymbols &symbols, OpOperand &operand,
                                   const WeightChain &chain, StoredTensor &values,
                                   StringRef suffix) {
  OpBuilder builder(chain.root.getDefiningOp());
  WeightSourceOpInterface source = chain.source;
  std::string name = source.getWeightName();
  StringRef base = name;
  base.consume_back(suffix);
  Value value = values.materialize(builder, symbols, store, source, (base + suffix).str());
  SmallVector<Operation *, 2> transposes;
  for (Value current = chain.value; current != chain.root;
       current = transposes.back()->getOperand(0))
    transposes.push_back(current.getDefiningOp());
  for (Operation *transpose : llvm::reverse(transposes)) {
    builder.setInsertionPoint(transpose);
    IRMapping mapping;
    mapping.map(transpose->getOperand(0), value);
    value = builder.clone(*transpose, mapping)->getResult(0);
  }
  operand.set(value);
}

static bool isSameEdit(const Edit &a, const Edit &b) {
  return a.multiply == b.multiply && a.view.k == b.view.k && a.view.inner == b.view.inner &&
         a.classes == b.classes;
}

/// Whether the operands of two lists of edits use one value and change it in the same way.
static bool isSameChange(ArrayRef<const Edit *> a, ArrayRef<const Edit *> b) {
  return a.front()->operand->get() == b.front()->operand->get() && a.size() == b.size() &&
         llvm::all_of(llvm::zip(a, b),
                      [](auto pair) { return isSameEdit(*std::get<0>(pair), *std::get<1>(pair)); });
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

/// Rescales entries of statistics; entries that were one stay one.
namespace {
class Rescaler {
public:
  Rescaler(Statistics &statistics, ArrayRef<float> factors)
      : statistics(statistics), factors(factors) {}

  void rescale(const std::string &key, ArrayRef<int32_t> classes) {
    auto entry = statistics.getEntries().find(key);
    if (entry == statistics.getEntries().end())
      return;
    std::shared_ptr<const TensorStatistics> old = entry->second;
    if (old->channels != static_cast<int64_t>(classes.size()))
      return statistics.drop(key);
    for (auto &[before, with, after] : done)
      if (before == old && with == classes)
        return statistics.set(key, after);
    std::vector<float> scale;
    for (int32_t index : classes)
      scale.push_back(index < 0 ? 1.0f : 1.0f / factors[index]);
    statistics.scaleChannels(key, scale);
    done.push_back({old, classes, statistics.getEntries().find(key)->second});
  }

private:
  struct Done {
    std::shared_ptr<const TensorStatistics> before;
    ArrayRef<int32_t> classes;
    std::shared_ptr<const TensorStatistics> after;
  };
  Statistics &statistics;
  ArrayRef<float> factors;
  SmallVector<Done> done;
};
} // namespace

//===----------------------------------------------------------------------===//
// Applying a plan
//===----------------------------------------------------------------------===//

void mlir::compress::roundToPowersOfTwo(MutableArrayRef<float> factors) {
  for (float &factor : factors)
    factor = std::exp2(std::nearbyint(std::log2(factor)));
}

FailureOr<std::string> mlir::compress::applyChannelScaling(WeightStore &store,
                                                           WeightSymbols &symbols,
                                                           const ChannelScalingPlan &plan,
                                                           ArrayRef<float> factors,
                                                           Statistics *statistics) {
  llvm::MapVector<OpOperand *, SmallVector<const Edit *, 2>> edits;
  for (const Edit &edit : plan.edits)
    edits[edit.operand].push_back(&edit);
  // Compute everything first, so that nothing has changed if something overflows.
  struct Change {
    OpOperand *operand;
    WeightChain chain;
    ArrayRef<const Edit *> edits;
    StoredTensor values;
    SmallVector<OpOperand *, 2> others;
  };
  std::vector<Change> changes;
  for (auto &[operand, list] : edits) {
    auto same = llvm::find_if(
        changes, [&](const Change &change) { return isSameChange(change.edits, list); });
    if (same != changes.end()) {
      same->others.push_back(operand);
      continue;
    }
    // Another plan may have changed it since this one was made.
    WeightChain chain = *getWeightChain(operand->get());
    FailureOr<std::optional<StoredTensor>> values = scaleWeight(store, chain.source, list, factors);
    if (failed(values))
      return failure();
    if (!*values)
      return "weight '" + chain.getSourceName() + "' would not be finite";
    changes.push_back({operand, std::move(chain), list, std::move(**values), {}});
  }
  for (Change &change : changes) {
    replaceWeight(store, symbols, *change.operand, change.chain, change.values, ".scaled");
    for (OpOperand *other : change.others)
      other->set(change.operand->get());
  }
  if (statistics) {
    Rescaler rescaler(*statistics, factors);
    // Gradients were those of other weights.
    for (const ChannelScalingPlan::Consumer &consumer : plan.consumers) {
      rescaler.rescale(Statistics::getInputKey(consumer.op.name), consumer.classes);
      statistics->eraseWeight(consumer.op.name);
    }
    for (const ChannelScalingPlan::Producer &producer : plan.producers) {
      rescaler.rescale(Statistics::getOutputKey(producer.op.name), producer.classes);
      statistics->eraseWeight(producer.op.name);
    }
  }
  return std::string();
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

std::string ScalingGroup::describe() const {
  std::string text = "\"" + plan.consumers.front().op.name + "\"";
  if (plan.consumers.size() > 1)
    text += " and " + std::to_string(plan.consumers.size() - 1) + " more";
  return text;
}

std::vector<std::pair<WeightedOp, QuantizeSpec>>
mlir::compress::collectTransformed(ModuleOp module, QuantizeTransform transform,
                                   const std::optional<QuantizeSpec> &fallback) {
  auto helper = module.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::vector<WeightedOp> all = collectWeighted(module);
  bool planned = llvm::any_of(all, [&](const WeightedOp &op) { return helper.getAttr(op.op); });
  std::vector<std::pair<WeightedOp, QuantizeSpec>> result;
  for (WeightedOp &op : all) {
    if (op.kind == LayerKind::Embedding || !op.activation)
      continue;
    PlanAttr plan = helper.getAttr(op.op);
    std::optional<QuantizeSpec> spec = plan ? plan.getQuantizeSpec() : std::nullopt;
    if (planned ? spec && spec->transform == transform : fallback.has_value())
      result.push_back({std::move(op), planned ? *spec : *fallback});
  }
  return result;
}

LogicalResult mlir::compress::forEachScalingGroup(
    ModuleOp module, ArrayRef<std::pair<WeightedOp, QuantizeSpec>> ops, StringRef passName,
    StringRef category, llvm::function_ref<LogicalResult(ScalingGroup &)> visit) {
  auto remarkOptions = remark::RemarkOpts::name(passName).category(category);
  ChannelScalingPlanner planner(module);
  llvm::DenseMap<Operation *, const QuantizeSpec *> specs;
  for (const auto &[op, spec] : ops)
    specs[op.op] = &spec;
  llvm::DenseMap<Operation *, size_t> order;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) { order[op] = order.size(); });
  llvm::DenseSet<Operation *> done;
  for (const auto &[op, spec] : llvm::reverse(ops)) {
    if (done.contains(op.op))
      continue;
    std::string reason = "its activation cannot be scaled";
    FailureOr<ChannelScalingPlan> plan = failure();
    if (std::optional<int64_t> dim = ChannelScalingPlanner::getInputChannelDim(op))
      plan = planner.plan(op.activation->get(), *dim, reason);
    if (failed(plan)) {
      remark::missed(op.op->getLoc(), remarkOptions)
          << "the activation of \"" + op.name + "\" is not scaled: " + reason;
      continue;
    }
    ScalingGroup group;
    group.plan = std::move(*plan);
    llvm::sort(group.plan.consumers, [&](const auto &a, const auto &b) {
      return order.lookup(a.op.op) < order.lookup(b.op.op);
    });
    for (const ChannelScalingPlan::Consumer &consumer : group.plan.consumers) {
      auto known = specs.find(consumer.op.op);
      group.specs.push_back(known == specs.end() ? std::nullopt : std::optional(*known->second));
      done.insert(consumer.op.op);
    }
    if (failed(visit(group)))
      return failure();
  }
  return success();
}
