//===- RemoveIndices.cpp - ops after indices of dims are gone -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `removeIndices` of data movement and convolutions: shapes, sizes, bounds and group counts follow
// the types. Ops that count what they normalise over are in RemoveIndicesNorms.cpp.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A constant vector of i64.
static Value makeIntegers(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return ConstantOp::create(builder, loc, type, DenseIntElementsAttr::get(type, values));
}

/// Replaces `op`, whose results have their types already.
static void replace(Operation *op, ValueRange values) {
  op->replaceAllUsesWith(values);
  op->erase();
}

/// The entries of a vector of i64 that are known: of a constant, a small stored tensor, or a
/// concatenation.
static SmallVector<std::optional<int64_t>> getKnownEntries(Value value) {
  SmallVector<std::optional<int64_t>> entries;
  auto append = [&](const auto &values) { entries.append(values.begin(), values.end()); };
  if (std::optional<SmallVector<int64_t>> constant = getConstantIntegers(value)) {
    append(*constant);
    return entries;
  }
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto literal = source ? dyn_cast_or_null<DenseIntElementsAttr>(source.getWeightValue())
                        : DenseIntElementsAttr();
  if (literal && literal.getElementType().isInteger(64)) {
    append(literal.getValues<int64_t>());
    return entries;
  }
  if (auto concat = value.getDefiningOp<ConcatOp>()) {
    for (Value input : concat.getInputs())
      append(getKnownEntries(input));
    return entries;
  }
  int64_t size = getTensorType(value).getDimSize(0);
  entries.resize(ShapedType::isDynamic(size) ? 0 : size);
  return entries;
}

namespace {
/// Builds a vector of i64 from known entries and parts of others.
class ShapeBuilder {
public:
  ShapeBuilder(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// The entries of `old`, except those that are known.
  void append(Value old, ArrayRef<std::optional<int64_t>> entries) {
    if (llvm::all_of(entries, [](const auto &entry) { return entry.has_value(); })) {
      for (const std::optional<int64_t> &entry : entries)
        known.push_back(*entry);
      return;
    }
    if (auto concat = old.getDefiningOp<ConcatOp>()) {
      for (Value input : concat.getInputs()) {
        int64_t size = getTensorType(input).getDimSize(0);
        append(input, entries.take_front(size));
        entries = entries.drop_front(size);
      }
      return;
    }
    for (size_t i = 0, end; i < entries.size(); i = end) {
      end = i + 1;
      while (end < entries.size() && entries[end].has_value() == entries[i].has_value())
        ++end;
      if (entries[i]) {
        append(old, entries.slice(i, end - i));
        continue;
      }
      flush();
      parts.push_back(end - i == entries.size() ? old : slice(old, i, end));
    }
  }

  Value finish() {
    flush();
    if (parts.size() == 1)
      return parts.front();
    int64_t size = 0;
    for (Value part : parts)
      size += getTensorType(part).getDimSize(0);
    return ConcatOp::create(builder, loc, getVectorType(size), parts, builder.getI64IntegerAttr(0));
  }

private:
  RankedTensorType getVectorType(int64_t size) {
    return RankedTensorType::get({size}, builder.getI64Type());
  }
  Value slice(Value old, int64_t begin, int64_t end) {
    return SliceOp::create(builder, loc, getVectorType(end - begin), old,
                           makeIntegers(builder, loc, begin), makeIntegers(builder, loc, end),
                           builder.getDenseI64ArrayAttr(0), builder.getDenseI64ArrayAttr(1));
  }
  void flush() {
    if (!known.empty())
      parts.push_back(makeIntegers(builder, loc, known));
    known.clear();
  }

  OpBuilder &builder;
  Location loc;
  SmallVector<Value> parts;
  SmallVector<int64_t> known;
};
} // namespace

/// The shape operand of an op with the given entries; where there is none, that of `old`.
static Value makeShape(OpBuilder &builder, Location loc, Value old,
                       ArrayRef<std::optional<int64_t>> entries) {
  ShapeBuilder shape(builder, loc);
  shape.append(old, entries);
  return shape.finish();
}

/// Positions in the increasing list `kept` of `indices`; failure if one is not there.
static FailureOr<SmallVector<int64_t>> findPositions(ArrayRef<int64_t> kept,
                                                     ArrayRef<int64_t> indices) {
  SmallVector<int64_t> positions;
  for (int64_t index : indices) {
    const int64_t *it = llvm::lower_bound(kept, index);
    if (it == kept.end() || *it != index)
      return failure();
    positions.push_back(it - kept.begin());
  }
  return positions;
}

/// Indices of a dim that are left: the kept ones, or all.
static SmallVector<int64_t> getLeft(const DimensionRemoval &removal, Value value, int64_t dim) {
  if (removal.isChanged(value, dim))
    return SmallVector<int64_t>(removal.getKept(value, dim));
  return llvm::to_vector(llvm::seq<int64_t>(0, getTensorType(value).getDimSize(dim)));
}

/// Size of a dim before.
static int64_t getOldSize(const DimensionRemoval &removal, Value value, int64_t dim) {
  return removal.isChanged(value, dim) ? removal.getOldSize(value, dim)
                                       : getTensorType(value).getDimSize(dim);
}

//===----------------------------------------------------------------------===//
// reshape, broadcast
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  SmallVector<std::optional<int64_t>> old = getKnownEntries(getShape());
  if (static_cast<int64_t>(old.size()) != result.getRank())
    return emitOpError("expects a shape of ") << result.getRank() << " entries";
  SmallVector<std::optional<int64_t>> entries(old);
  for (int64_t dim = 0; dim < result.getRank(); ++dim) {
    if (result.isDynamicDim(dim))
      continue;
    bool isCopy = old[dim] == 0 && !getAllowzero();
    bool fits = isCopy ? dim < input.getRank() && input.getDimSize(dim) == result.getDimSize(dim)
                       : old[dim] == -1 || old[dim] == result.getDimSize(dim);
    // What computes an entry may have used sizes that have changed.
    if (!old[dim] || !fits)
      entries[dim] = result.getDimSize(dim);
  }
  // A single size that is not known follows from the others.
  if (llvm::count(entries, std::nullopt) == 1 && !llvm::is_contained(entries, -1))
    *llvm::find(entries, std::nullopt) = -1;
  if (entries == old)
    return success();
  getShapeMutable().assign(makeShape(builder, getLoc(), getShape(), entries));
  return success();
}

LogicalResult BroadcastOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  RankedTensorType result = getResult().getType(), shape = getShape().getType();
  int64_t offset = result.getRank() - shape.getDimSize(0);
  SmallVector<std::optional<int64_t>> old = getKnownEntries(getShape()), entries(old);
  for (auto [i, entry] : llvm::enumerate(entries)) {
    int64_t dim = offset + static_cast<int64_t>(i);
    if (removal.isChanged(getResult(), dim) && entry != 1)
      entry = result.getDimSize(dim);
  }
  if (entries != old)
    getShapeMutable().assign(makeShape(builder, getLoc(), getShape(), entries));
  return success();
}

//===----------------------------------------------------------------------===//
// split, slice
//===----------------------------------------------------------------------===//

LogicalResult SplitOp::removeIndices(OpBuilder &, const DimensionRemoval &) {
  SmallVector<int64_t> sizes(getSizes());
  for (auto [size, part] : llvm::zip_equal(sizes, getParts()))
    if (int64_t now =
            cast<RankedTensorType>(part.getType()).getDimSize(static_cast<int64_t>(getAxis()));
        !ShapedType::isDynamic(now))
      size = now;
  setSizes(sizes);
  return success();
}

/// First index that a slice takes of a dim of `size`, clamped as ONNX Slice does.
static int64_t clampStart(int64_t size, int64_t start, int64_t step) {
  start += start < 0 ? size : 0;
  return step > 0 ? std::clamp<int64_t>(start, 0, size)
                  : std::clamp<int64_t>(start, std::min<int64_t>(size - 1, 0), size - 1);
}

namespace {
/// Start, end and step of a slice along one dim.
struct Bounds {
  int64_t start, end, step;
};
} // namespace

/// Bounds that take exactly `positions`, or nothing.
static std::optional<Bounds> findBounds(ArrayRef<int64_t> positions) {
  if (positions.empty())
    return Bounds{0, 0, 1};
  int64_t step = positions.size() > 1 ? positions[1] - positions[0] : 1;
  for (size_t i = 1; i < positions.size(); ++i)
    if (positions[i] - positions[i - 1] != step)
      return std::nullopt;
  int64_t end = positions.back() + (step > 0 ? 1 : -1);
  // The end before index 0 would count from the end.
  return Bounds{positions.front(), end < 0 ? std::numeric_limits<int64_t>::min() : end, step};
}

LogicalResult SliceOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  Value input = getInput(), result = getResult();
  std::optional<SmallVector<int64_t>> starts = getConstantIntegers(getStarts());
  std::optional<SmallVector<int64_t>> ends = getConstantIntegers(getEnds());
  SmallVector<int64_t> axes, steps, newStarts, newEnds;
  // Dims along which no slice takes what is left, and the positions that are taken.
  SmallVector<std::pair<int64_t, SmallVector<int64_t>>> gathered;
  bool isChanged = false;
  for (auto [i, axis] : llvm::enumerate(getAxes())) {
    Bounds bounds = {starts ? (*starts)[i] : 0, ends ? (*ends)[i] : 0, getSteps()[i]};
    if (removal.isChanged(input, axis) || removal.isChanged(result, axis)) {
      if (!starts || !ends)
        return emitOpError("cannot lose indices of dim ")
               << axis << ": the bounds are not constant";
      isChanged = true;
      int64_t first = clampStart(getOldSize(removal, input, axis), bounds.start, bounds.step);
      SmallVector<int64_t> taken = getLeft(removal, result, axis);
      for (int64_t &index : taken)
        index = first + index * bounds.step;
      FailureOr<SmallVector<int64_t>> positions =
          findPositions(getLeft(removal, input, axis), taken);
      if (failed(positions))
        return emitOpError("cannot lose indices of dim ") << axis << " that it takes";
      // The whole dim needs no slice.
      if (llvm::equal(*positions, llvm::seq<int64_t>(0, getTensorType(input).getDimSize(axis))))
        continue;
      std::optional<Bounds> found = findBounds(*positions);
      if (!found) {
        gathered.push_back({axis, std::move(*positions)});
        continue;
      }
      bounds = *found;
    }
    axes.push_back(axis);
    newStarts.push_back(bounds.start);
    newEnds.push_back(bounds.end);
    steps.push_back(bounds.step);
  }
  if (!isChanged)
    return success();
  SmallVector<int64_t> shape(getTensorType(result).getShape());
  for (auto &[axis, positions] : gathered)
    shape[axis] = getTensorType(input).getDimSize(axis);
  Value value = input;
  if (!axes.empty())
    value = SliceOp::create(
        builder, getLoc(), getTensorType(result).clone(shape), input,
        makeIntegers(builder, getLoc(), newStarts), makeIntegers(builder, getLoc(), newEnds),
        builder.getDenseI64ArrayAttr(axes), builder.getDenseI64ArrayAttr(steps));
  for (auto &[axis, positions] : gathered) {
    shape[axis] = static_cast<int64_t>(positions.size());
    value = GatherOp::create(builder, getLoc(), getTensorType(result).clone(shape), value,
                             makeIntegers(builder, getLoc(), positions),
                             builder.getI64IntegerAttr(axis));
  }
  replace(*this, value);
  return success();
}

//===----------------------------------------------------------------------===//
// pad, gather
//===----------------------------------------------------------------------===//

LogicalResult PadOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  RankedTensorType input = getInput().getType();
  std::optional<SmallVector<int64_t>> pads = getConstantIntegers(getPads());
  int64_t rank = input.getRank();
  bool isChanged = false;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (!removal.isChanged(getInput(), dim) && !removal.isChanged(getResult(), dim))
      continue;
    if (!pads)
      return emitOpError("cannot lose indices of dim ") << dim << ": the pads are not constant";
    int64_t &begin = (*pads)[dim], &end = (*pads)[dim + rank];
    if (begin == 0 && end == 0)
      continue;
    if (getMode() != PadMode::Constant)
      return emitOpError("cannot lose indices of dim ")
             << dim << ", which is padded with copies of its elements";
    // The result's part [begin, begin + size) is the input's [0, size); either may reach beyond
    // the other at both ends.
    int64_t size = getOldSize(removal, getInput(), dim), first = begin, last = begin + size;
    int64_t resultSize = getOldSize(removal, getResult(), dim);
    SmallVector<int64_t> inputLeft = getLeft(removal, getInput(), dim);
    SmallVector<int64_t> resultLeft = getLeft(removal, getResult(), dim);
    begin = llvm::count_if(resultLeft, [&](int64_t index) { return index < first; }) -
            llvm::count_if(inputLeft, [&](int64_t index) { return index < -first; });
    end = llvm::count_if(resultLeft, [&](int64_t index) { return index >= last; }) -
          llvm::count_if(inputLeft, [&](int64_t index) { return index + first >= resultSize; });
    isChanged = true;
  }
  if (!isChanged)
    return success();
  if (llvm::all_of(*pads, [](int64_t pad) { return pad == 0; }) &&
      getInput().getType() == getResult().getType())
    replace(*this, getInput());
  else
    getPadsMutable().assign(makeIntegers(builder, getLoc(), *pads));
  return success();
}

LogicalResult GatherOp::removeIndices(OpBuilder &builder, const DimensionRemoval &removal) {
  int64_t axis = static_cast<int64_t>(getAxis());
  RankedTensorType type = getIndices().getType();
  bool isInputChanged = removal.isChanged(getInput(), axis);
  bool isResultChanged = false;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    isResultChanged |= removal.isChanged(getResult(), axis + dim);
  if (!isInputChanged && !isResultChanged)
    return success();
  std::optional<SmallVector<int64_t>> indices = getConstantIntegers(getIndices());
  // Indices that were computed are a value of the model and have lost theirs.
  if (!isInputChanged && (!indices || removal.isChanged(getIndices())))
    return success();
  if (!indices || type.getRank() != 1)
    return emitOpError("cannot lose indices of dim ")
           << axis << ": it expects a constant vector of indices";
  int64_t size = getOldSize(removal, getInput(), axis);
  SmallVector<int64_t> taken;
  if (isResultChanged && !removal.isChanged(getIndices(), 0)) {
    for (int64_t index : removal.getKept(getResult(), axis))
      taken.push_back((*indices)[index]);
  } else {
    taken = *indices;
  }
  for (int64_t &index : taken)
    index += index < 0 ? size : 0;
  FailureOr<SmallVector<int64_t>> positions =
      findPositions(getLeft(removal, getInput(), axis), taken);
  if (failed(positions))
    return emitOpError("cannot lose indices of dim ") << axis << " that it takes";
  if (llvm::equal(*positions, llvm::seq<int64_t>(0, getInput().getType().getDimSize(axis))) &&
      getInput().getType() == getResult().getType()) {
    replace(*this, getInput());
    return success();
  }
  getIndicesMutable().assign(makeIntegers(builder, getLoc(), *positions));
  return success();
}

//===----------------------------------------------------------------------===//
// conv, conv_transpose
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::removeIndices(OpBuilder &, const DimensionRemoval &) {
  int64_t channels = getInput().getType().getDimSize(1);
  int64_t perGroup = getWeight().getType().getDimSize(1);
  if (ShapedType::isDynamic(channels) || perGroup <= 0 || channels % perGroup != 0)
    return emitOpError("cannot have ") << channels << " input channels in groups of " << perGroup;
  setGroups(channels / perGroup);
  return success();
}

LogicalResult ConvTransposeOp::removeIndices(OpBuilder &, const DimensionRemoval &) {
  int64_t channels = getResult().getType().getDimSize(1);
  int64_t perGroup = getWeight().getType().getDimSize(1);
  if (ShapedType::isDynamic(channels) || perGroup <= 0 || channels % perGroup != 0)
    return emitOpError("cannot have ") << channels << " output channels in groups of " << perGroup;
  setGroups(channels / perGroup);
  return success();
}
