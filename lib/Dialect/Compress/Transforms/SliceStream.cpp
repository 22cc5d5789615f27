//===- SliceStream.cpp - the segments of a residual stream ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SliceStream.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Builds the segments of one set.
class Segmenter {
public:
  explicit Segmenter(const RotatableSet &set) : set(set) {}

  SegmentedStream run();

private:
  /// Numbers the values of the set and gathers the ops between them.
  void gather();
  bool isMember(Value value) const { return indexOf.contains(value); }
  size_t find(Value value) { return findIndex(indexOf.lookup(value)); }
  size_t findIndex(size_t index);
  bool isAnchored(Value value) { return anchored[find(value)]; }
  void unite(Value a, Value b);
  /// The values of one basis.
  void uniteAll();
  void number();
  /// Notes the first reason.
  void refuse(Operation *op, const Twine &reason);

  const RotatableSet &set;
  SegmentedStream stream;
  SmallVector<Operation *> additions;
  SmallVector<Value> members;
  llvm::DenseMap<Value, size_t> indexOf;
  /// Union-find; the parent is the smaller number.
  SmallVector<size_t> parent;
  /// Of roots: there is a norm.
  SmallVector<bool> anchored;
};
} // namespace

void Segmenter::refuse(Operation *op, const Twine &reason) {
  if (!stream.refusal.empty())
    return;
  stream.refusal = reason.str();
  stream.culprit = op;
}

size_t Segmenter::findIndex(size_t index) {
  while (parent[index] != index)
    index = parent[index] = parent[parent[index]];
  return index;
}

void Segmenter::unite(Value a, Value b) {
  size_t first = find(a), second = find(b);
  if (first > second)
    std::swap(first, second);
  parent[second] = first;
  anchored[first] = anchored[first] || anchored[second];
}

void Segmenter::gather() {
  auto add = [&](Value value) {
    if (!set.dims.contains(value) || !indexOf.try_emplace(value, members.size()).second)
      return;
    parent.push_back(members.size());
    anchored.push_back(false);
    members.push_back(value);
    if (cast<RankedTensorType>(value.getType()).getDimSize(set.dims.lookup(value)) != set.size)
      refuse(value.getDefiningOp(), "several channels of the stream are one dim");
  };
  auto isInSet = [&](Value value) { return set.dims.contains(value); };
  for (Operation &op : *set.norms.front().op->getBlock()) {
    llvm::for_each(op.getResults(), add);
    if (llvm::none_of(op.getOperands(), isInSet) && llvm::none_of(op.getResults(), isInSet))
      continue;
    if (auto shape = dyn_cast<ShapeOp>(op)) {
      auto dim = static_cast<uint64_t>(set.dims.lookup(shape.getInput()));
      if (shape.getStart() <= dim && dim < shape.getEnd())
        refuse(&op, "the number of channels is read");
    } else if (failed(getWeighted(&op)) && !getNorm(&op)) {
      stream.ops.push_back(&op);
    }
  }
}

void Segmenter::uniteAll() {
  for (const NormOp &norm : set.norms) {
    unite(norm.input, norm.op->getResult(0));
    anchored[find(norm.input)] = true;
  }
  for (Operation *op : stream.ops) {
    if (isa<AddOp, SubOp>(op)) {
      additions.push_back(op);
      continue;
    }
    Value first;
    for (ValueRange values : {ValueRange(op->getOperands()), ValueRange(op->getResults())})
      for (Value value : values)
        if (isMember(value)) {
          if (first)
            unite(first, value);
          first = value;
        }
  }
  // What no norm has seen has the coordinates of what it is added to.
  for (Operation *op : llvm::reverse(additions))
    for (Value operand : op->getOperands())
      if (isMember(operand) && !isAnchored(operand))
        unite(operand, op->getResult(0));
  // After the last norm the coordinates stay.
  for (Operation *op : additions)
    for (Value operand : op->getOperands())
      if (isMember(operand) && isAnchored(operand) && !isAnchored(op->getResult(0)))
        unite(operand, op->getResult(0));
}

void Segmenter::number() {
  llvm::DenseMap<size_t, size_t> segmentOfRoot;
  for (Value value : members) {
    auto [it, isNew] = segmentOfRoot.try_emplace(find(value), segmentOfRoot.size());
    stream.segmentOf[value] = it->second;
  }
  stream.segments.resize(segmentOfRoot.size());
  for (const NormOp &norm : set.norms)
    stream.segments[stream.segmentOf.lookup(norm.input)].norms.push_back(norm);
  for (const RotatableSet::WeightUse &reader : set.readers)
    stream.segments[stream.segmentOf.lookup(reader.op.activation->get())].readers.push_back(
        &reader);
  for (const StreamSegment &segment : stream.segments)
    if (segment.readers.empty())
      refuse(segment.norms.empty() ? set.norms.front().op : segment.norms.front().op,
             "no weight reads what a norm gives");
  for (Operation *op : additions)
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!isMember(value) || find(value) == find(op->getResult(0)))
        continue;
      stream.crossings.push_back(&operand);
      if (set.dims.lookup(value) != cast<RankedTensorType>(value.getType()).getRank() - 1)
        refuse(op, "the channels are not the last dim where the coordinates change");
    }
}

SegmentedStream Segmenter::run() {
  gather();
  uniteAll();
  number();
  return std::move(stream);
}

SegmentedStream mlir::compress::segmentStream(const RotatableSet &set) {
  return Segmenter(set).run();
}
