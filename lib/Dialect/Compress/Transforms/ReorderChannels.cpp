//===- ReorderChannels.cpp - carrying out a channel permutation -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReorderChannels.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::compress;

using Edit = ChannelPermutationPlan::Edit;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// Distance in elements, from the first element, of all indices along `dims`, row-major.
static std::vector<uint64_t> getOffsets(ArrayRef<int64_t> shape, ArrayRef<int64_t> dims) {
  SmallVector<uint64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  std::vector<uint64_t> offsets{0};
  for (int64_t dim : dims) {
    std::vector<uint64_t> longer;
    longer.reserve(offsets.size() * shape[dim]);
    for (uint64_t offset : offsets)
      for (int64_t i = 0; i < shape[dim]; ++i)
        longer.push_back(offset + i * strides[dim]);
    offsets = std::move(longer);
  }
  return offsets;
}

/// `from` with element `order[i]` (by the indices along `dims`) in place of element i.
static void moveElements(const StoredTensor &from, ArrayRef<int64_t> dims, ArrayRef<uint32_t> order,
                         char *to) {
  ArrayRef<int64_t> shape = from.getType().getShape();
  size_t elementBytes = getStorageBitWidth(from.getDataType()) / 8;
  // Elements behind the last of `dims` stay together.
  uint64_t run = elementBytes;
  for (int64_t size : shape.drop_front(dims.back() + 1))
    run *= size;
  SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < dims.back(); ++dim)
    if (!llvm::is_contained(dims, dim))
      others.push_back(dim);
  std::vector<uint64_t> moved = getOffsets(shape, dims);
  const char *bytes = from.bytes().data();
  for (uint64_t base : getOffsets(shape, others))
    for (size_t i = 0; i < moved.size(); ++i)
      std::memcpy(to + (base + moved[i]) * elementBytes,
                  bytes + (base + moved[order[i]]) * elementBytes, run);
}

namespace {
/// A constant that changes: several operands may use it, and change it alike.
struct Change {
  Value before;
  WeightChain chain;
  SmallVector<const Edit *, 2> edits;
  SmallVector<OpOperand *, 2> operands;
  std::optional<StoredTensor> values;
};
} // namespace

static bool isSameChange(const Change &change, Value value, ArrayRef<const Edit *> edits) {
  return change.before == value && change.edits.size() == edits.size() &&
         llvm::all_of(llvm::zip(change.edits, edits), [](auto pair) {
           const auto &[a, b] = pair;
           return a->dims == b->dims && a->labels == b->labels;
         });
}

/// The values that a change leads to.
static FailureOr<StoredTensor> computeValues(WeightStore &store, const Change &change,
                                             ArrayRef<int32_t> sources) {
  auto emitError = [&] { return change.operands.front()->getOwner()->emitError(); };
  FailureOr<StoredTensor> current = StoredTensor::read(store, change.chain.source, emitError);
  if (failed(current))
    return failure();
  for (const Edit *edit : change.edits) {
    FailureOr<StoredTensor> next = StoredTensor::allocate(store, current->getType(), emitError);
    if (failed(next))
      return failure();
    moveElements(*current, edit->dims, getChannelOrder(edit->labels, sources),
                 next->mutableBytes().data());
    current = std::move(next);
  }
  return current;
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

template <typename T>
static void reorder(std::vector<T> &values, ArrayRef<uint32_t> order) {
  if (values.empty())
    return;
  std::vector<T> old(values);
  for (auto [i, from] : llvm::enumerate(order))
    values[i] = old[from];
}

/// A matrix `[groups, features, features]`: rows and columns are channels of a group and, within
/// one, kernel positions. Empty if channels change groups.
static void reorderMatrix(std::vector<float> &matrix, const TensorStatistics &entry,
                          ArrayRef<uint32_t> order) {
  if (matrix.empty())
    return;
  size_t perGroup = entry.groups > 0 ? order.size() / entry.groups : 0;
  size_t features = entry.features;
  if (perGroup == 0 || features % perGroup != 0 || perGroup * entry.groups != order.size())
    return matrix.clear();
  for (auto [i, from] : llvm::enumerate(order))
    if (i / perGroup != from / perGroup)
      return matrix.clear();
  size_t kernel = features / perGroup;
  std::vector<float> old(matrix);
  for (size_t g = 0; g < static_cast<size_t>(entry.groups); ++g) {
    auto getSource = [&](size_t feature) {
      return order[g * perGroup + feature / kernel] % perGroup * kernel + feature % kernel;
    };
    size_t base = g * features * features;
    for (size_t i = 0; i < features; ++i) {
      size_t row = base + getSource(i) * features;
      for (size_t j = 0; j < features; ++j)
        matrix[base + i * features + j] = old[row + getSource(j)];
    }
  }
}

static std::shared_ptr<const TensorStatistics> reorderEntry(const TensorStatistics &old,
                                                            ArrayRef<uint32_t> order) {
  auto entry = std::make_shared<TensorStatistics>(old);
  for (std::vector<float> *values : {&entry->min, &entry->max})
    reorder(*values, order);
  for (std::vector<double> *values : {&entry->sum, &entry->sumAbs, &entry->sumSquares})
    reorder(*values, order);
  reorderMatrix(entry->gram, old, order);
  reorderMatrix(entry->cross, old, order);
  if (entry->gram.empty() && entry->cross.empty())
    entry->features = entry->groups = entry->gramVectors = 0;
  return entry;
}

namespace {
/// Reorders entries of statistics; entries that were one stay one.
class StatisticsReorderer {
public:
  explicit StatisticsReorderer(Statistics &statistics) : statistics(statistics) {}

  void run(const std::string &key, std::vector<uint32_t> order) {
    auto entry = statistics.getEntries().find(key);
    if (entry == statistics.getEntries().end())
      return;
    std::shared_ptr<const TensorStatistics> old = entry->second;
    if (old->channels != static_cast<int64_t>(order.size()))
      return statistics.drop(key);
    for (const Done &known : done)
      if (known.before == old && known.order == order)
        return statistics.set(key, known.after);
    done.push_back({old, std::move(order), nullptr});
    done.back().after = reorderEntry(*old, done.back().order);
    statistics.set(key, done.back().after);
  }

private:
  struct Done {
    std::shared_ptr<const TensorStatistics> before;
    std::vector<uint32_t> order;
    std::shared_ptr<const TensorStatistics> after;
  };
  Statistics &statistics;
  std::vector<Done> done;
};
} // namespace

LogicalResult mlir::compress::reorderChannels(WeightStore &store, WeightSymbols &symbols,
                                              const ChannelPermutationPlan &plan,
                                              ArrayRef<int32_t> sources, Statistics *statistics) {
  llvm::MapVector<OpOperand *, SmallVector<const Edit *, 2>> edits;
  for (const Edit &edit : plan.edits)
    if (llvm::any_of(edit.labels, [&](int32_t label) { return sources[label] != label; }))
      edits[edit.operand].push_back(&edit);
  std::vector<Change> changes;
  for (auto &[operand, list] : edits) {
    Value value = operand->get();
    auto same = llvm::find_if(
        changes, [&](const Change &change) { return isSameChange(change, value, list); });
    if (same != changes.end())
      same->operands.push_back(operand);
    else
      changes.push_back({value, *getWeightChain(value), list, {operand}, std::nullopt});
  }
  for (Change &change : changes) {
    FailureOr<StoredTensor> values = computeValues(store, change, sources);
    if (failed(values))
      return failure();
    change.values = std::move(*values);
  }
  for (Change &change : changes) {
    replaceWeight(store, symbols, *change.operands.front(), change.chain, *change.values,
                  ".permuted");
    for (OpOperand *other : llvm::drop_begin(change.operands))
      other->set(change.operands.front()->get());
  }
  if (!statistics)
    return success();
  StatisticsReorderer reorderer(*statistics);
  for (const ChannelPermutationPlan::Layer &layer : plan.consumers)
    reorderer.run(Statistics::getInputKey(layer.op.name), getChannelOrder(layer.labels, sources));
  for (const ChannelPermutationPlan::Layer &layer : plan.producers)
    reorderer.run(Statistics::getOutputKey(layer.op.name), getChannelOrder(layer.labels, sources));
  return success();
}
