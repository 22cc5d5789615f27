//===- Indexing.cpp - gather, scatter, one-hot and non-zero ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Indexing.h"
#include "Common.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// All indices of a dim of size `dim`, made non-negative.
static Expected<SmallVector<int64_t, 0>> loadIndices(StringRef op, const Tensor &indices,
                                                     int64_t dim) {
  if (llvm::Error error = checkInteger(op, indices, "indices"))
    return std::move(error);
  SmallVector<int64_t, 0> result;
  result.reserve(indices.getNumElements());
  std::optional<int64_t> wrong;
  forEachSlot<1>(indices.getShape(), {&indices}, [&](auto slots) {
    int64_t index = indices.loadInt(slots[0]);
    if (index < -dim || index >= dim)
      wrong = wrong.value_or(index);
    result.push_back(index < 0 ? index + dim : index);
  });
  if (wrong)
    return opError(op, "index " + Twine(*wrong) + " is out of range for size " + Twine(dim));
  return result;
}

Expected<Tensor> reference::gather(const Tensor &x, const Tensor &indices, int64_t axis) {
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp("gather", normal.takeError());
  SmallVector<int64_t> shape(x.getShape().take_front(*normal));
  shape.append(indices.getShape().begin(), indices.getShape().end());
  llvm::append_range(shape, x.getShape().drop_front(*normal + 1));
  Expected<SmallVector<int64_t, 0>> list = loadIndices("gather", indices, x.getDim(*normal));
  if (!list)
    return list.takeError();
  Expected<Tensor> result = Tensor::create(x.getType(), shape);
  if (!result)
    return inOp("gather", result.takeError());
  if (result->getNumElements() == 0)
    return result;
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp("gather", dense.takeError());
  auto [outer, size, inner] = splitAtAxis(x.getShape(), *normal);
  int64_t next = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : *list)
      for (int64_t i = 0; i < inner; ++i)
        result->copySlot(next++, *dense, dense->getOffset() + (o * size + index) * inner + i);
  return result;
}

Expected<Tensor> reference::embedding(const Tensor &table, const Tensor &indices) {
  if (llvm::Error error = checkInteger("embedding", indices, "indices"))
    return std::move(error);
  std::optional<int64_t> negative;
  forEachSlot<1>(indices.getShape(), {&indices}, [&](auto slots) {
    if (int64_t index = indices.loadInt(slots[0]); index < 0)
      negative = index;
  });
  if (negative)
    return opError("embedding", "index " + Twine(*negative) + " is negative");
  return gather(table, indices, 0);
}

/// Error unless indices have the rank of x and fit it in all dims but `axis`.
static llvm::Error checkElementIndices(StringRef op, const Tensor &x, const Tensor &indices,
                                       int64_t axis) {
  bool fits = indices.getRank() == x.getRank();
  for (int64_t i = 0; fits && i < x.getRank(); ++i)
    fits = i == axis || indices.getDim(i) <= x.getDim(i);
  if (fits)
    return llvm::Error::success();
  return opError(op, "indices of shape " + shapeToString(indices.getShape()) +
                         " do not fit shape " + shapeToString(x.getShape()) + " at axis " +
                         Twine(axis));
}

/// fn(slot of x) for every index in row-major order, with the index along
/// `axis` replaced.
template <typename Fn>
static void forEachElementIndex(const Tensor &x, ArrayRef<int64_t> shape, ArrayRef<int64_t> list,
                                int64_t axis, Fn fn) {
  int64_t next = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t slot = x.getOffset();
    for (int64_t i = 0; i < x.getRank(); ++i)
      slot += (i == axis ? list[next] : index[i]) * x.getStrides()[i];
    ++next;
    fn(slot);
  });
}

Expected<Tensor> reference::gatherElements(const Tensor &x, const Tensor &indices, int64_t axis) {
  StringRef op = "gather_elements";
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  if (llvm::Error error = checkElementIndices(op, x, indices, *normal))
    return std::move(error);
  Expected<SmallVector<int64_t, 0>> list = loadIndices(op, indices, x.getDim(*normal));
  if (!list)
    return list.takeError();
  Expected<Tensor> result = Tensor::create(x.getType(), indices.getShape());
  if (!result)
    return inOp(op, result.takeError());
  int64_t next = 0;
  forEachElementIndex(x, indices.getShape(), *list, *normal,
                      [&](int64_t slot) { result->copySlot(next++, x, slot); });
  return result;
}

/// First slots in a contiguous x of the slices that tuples of indices address.
/// Dims [batchDims, batchDims + tuple length) of x are indexed.
static Expected<SmallVector<int64_t, 0>> loadTuples(StringRef op, const Tensor &x,
                                                    const Tensor &indices, int64_t batchDims) {
  if (llvm::Error error = checkInteger(op, indices, "indices"))
    return std::move(error);
  int64_t length = indices.getRank() == 0 ? 0 : indices.getShape().back();
  bool fits = indices.getRank() > batchDims && x.getRank() >= batchDims && batchDims >= 0 &&
              length <= x.getRank() - batchDims &&
              x.getShape().take_front(batchDims) == indices.getShape().take_front(batchDims);
  if (!fits)
    return opError(op, "indices of shape " + shapeToString(indices.getShape()) +
                           " do not address shape " + shapeToString(x.getShape()) + " with " +
                           Twine(batchDims) + " batch dims");
  ArrayRef<int64_t> tuples = indices.getShape().drop_back();
  Expected<int64_t> count = countElements(tuples);
  if (!count)
    return inOp(op, count.takeError());
  // Empty tuples take no memory, so their number needs a limit of its own.
  if (static_cast<uint64_t>(*count) > kMaxTensorBytes / sizeof(int64_t))
    return opError(op, "too many index tuples: " + Twine(*count));
  SmallVector<int64_t, 0> result;
  result.reserve(*count);
  int64_t perBatch = 1;
  for (int64_t dim : tuples.drop_front(batchDims))
    perBatch *= dim;
  int64_t batchSize = product(x.getShape().drop_front(batchDims));
  std::optional<std::pair<int64_t, int64_t>> wrong;
  forEachIndex(tuples, [&](ArrayRef<int64_t> position) {
    int64_t batch = static_cast<int64_t>(result.size()) / perBatch;
    int64_t slot = indices.getOffset(), offset = 0;
    for (size_t i = 0; i < position.size(); ++i)
      slot += position[i] * indices.getStrides()[i];
    for (int64_t i = 0; i < length; ++i) {
      int64_t dim = x.getDim(batchDims + i);
      int64_t index = indices.loadInt(slot + i * indices.getStrides().back());
      if (index < -dim || index >= dim)
        wrong = wrong.value_or(std::make_pair(index, dim));
      offset = wrapAdd(wrapMul(offset, dim), index < 0 ? index + dim : index);
    }
    int64_t inner = product(x.getShape().drop_front(batchDims + length));
    result.push_back(wrapAdd(wrapMul(batch, batchSize), wrapMul(offset, inner)));
  });
  if (wrong)
    return opError(op, "index " + Twine(wrong->first) + " is out of range for size " +
                           Twine(wrong->second));
  return result;
}

Expected<Tensor> reference::gatherNd(const Tensor &x, const Tensor &indices, int64_t batchDims) {
  StringRef op = "gather_nd";
  Expected<SmallVector<int64_t, 0>> firsts = loadTuples(op, x, indices, batchDims);
  if (!firsts)
    return firsts.takeError();
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  ArrayRef<int64_t> rest = x.getShape().drop_front(batchDims + indices.getShape().back());
  llvm::append_range(shape, rest);
  Expected<Tensor> result = Tensor::create(x.getType(), shape);
  if (!result)
    return inOp(op, result.takeError());
  if (result->getNumElements() == 0)
    return result;
  Expected<Tensor> dense = x.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  int64_t inner = product(rest), next = 0;
  for (int64_t first : *firsts)
    for (int64_t i = 0; i < inner; ++i)
      result->copySlot(next++, *dense, dense->getOffset() + first + i);
  return result;
}

/// target[slot] = reduction(target[slot], update[updateSlot]).
static void applyUpdate(Tensor &target, int64_t slot, const Tensor &updates, int64_t updateSlot,
                        ScatterReduction reduction) {
  if (reduction == ScatterReduction::None)
    return target.copySlot(slot, updates, updateSlot);
  DataType type = target.getType();
  if (isFloat(type)) {
    double old = target.loadFloat(slot), update = updates.loadFloat(updateSlot);
    double value = reduction == ScatterReduction::Add   ? old + update
                   : reduction == ScatterReduction::Mul ? old * update
                   : reduction == ScatterReduction::Max ? maxNan(old, update)
                                                        : minNan(old, update);
    return target.storeFloat(slot, value);
  }
  int64_t old = target.loadInt(slot), update = updates.loadInt(updateSlot);
  int64_t value = reduction == ScatterReduction::Add   ? wrapAdd(old, update)
                  : reduction == ScatterReduction::Mul ? wrapMul(old, update)
                  : (reduction == ScatterReduction::Max) == lessInt(type, old, update) ? update
                                                                                       : old;
  target.storeInt(slot, value);
}

/// A copy of x to scatter into, after checks of types.
static Expected<Tensor> copyForScatter(StringRef op, const Tensor &x, const Tensor &updates,
                                       ScatterReduction reduction) {
  if (llvm::Error error = checkType(op, updates, x.getType(), "updates"))
    return std::move(error);
  if (reduction != ScatterReduction::None)
    if (llvm::Error error = checkNumeric(op, x))
      return std::move(error);
  Expected<Tensor> result = x.clone();
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

Expected<Tensor> reference::scatterElements(const Tensor &x, const Tensor &indices,
                                            const Tensor &updates, int64_t axis,
                                            ScatterReduction reduction) {
  StringRef op = "scatter_elements";
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp(op, normal.takeError());
  if (llvm::Error error = checkElementIndices(op, x, indices, *normal))
    return std::move(error);
  if (llvm::Error error = checkShape(op, updates, indices.getShape(), "updates"))
    return std::move(error);
  Expected<SmallVector<int64_t, 0>> list = loadIndices(op, indices, x.getDim(*normal));
  if (!list)
    return list.takeError();
  Expected<Tensor> result = copyForScatter(op, x, updates, reduction);
  if (!result)
    return result;
  Expected<Tensor> dense = updates.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  int64_t next = dense->getOffset();
  forEachElementIndex(*result, indices.getShape(), *list, *normal,
                      [&](int64_t slot) { applyUpdate(*result, slot, *dense, next++, reduction); });
  return result;
}

Expected<Tensor> reference::scatterNd(const Tensor &x, const Tensor &indices, const Tensor &updates,
                                      ScatterReduction reduction) {
  StringRef op = "scatter_nd";
  Expected<SmallVector<int64_t, 0>> firsts = loadTuples(op, x, indices, /*batchDims=*/0);
  if (!firsts)
    return firsts.takeError();
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  ArrayRef<int64_t> rest = x.getShape().drop_front(indices.getShape().back());
  llvm::append_range(shape, rest);
  if (llvm::Error error = checkShape(op, updates, shape, "updates"))
    return std::move(error);
  Expected<Tensor> result = copyForScatter(op, x, updates, reduction);
  if (!result || updates.getNumElements() == 0)
    return result;
  Expected<Tensor> dense = updates.contiguous();
  if (!dense)
    return inOp(op, dense.takeError());
  int64_t inner = product(rest), next = dense->getOffset();
  for (int64_t first : *firsts)
    for (int64_t i = 0; i < inner; ++i)
      applyUpdate(*result, first + i, *dense, next++, reduction);
  return result;
}

Expected<Tensor> reference::oneHot(const Tensor &indices, int64_t depth, const Tensor &values,
                                   int64_t axis) {
  if (llvm::Error error = checkNumeric("one_hot", indices, "indices"))
    return std::move(error);
  if (llvm::Error error = checkShape("one_hot", values, {2}, "values"))
    return std::move(error);
  if (depth < 0)
    return opError("one_hot", "depth is " + Twine(depth) + ", expected 0 or more");
  Expected<int64_t> normal = normalizeAxis(axis, indices.getRank() + 1);
  if (!normal)
    return inOp("one_hot", normal.takeError());
  SmallVector<int64_t> shape(indices.getShape());
  shape.insert(shape.begin() + *normal, depth);
  Expected<Tensor> result = Tensor::create(values.getType(), shape);
  if (!result)
    return inOp("one_hot", result.takeError());
  int64_t offSlot = values.getSlot({0}), onSlot = values.getSlot({1});
  for (int64_t i = 0; i < result->getNumElements(); ++i)
    result->copySlot(i, values, offSlot);
  if (result->getNumElements() == 0)
    return result;
  int64_t inner = product(indices.getShape().drop_front(*normal)), next = 0;
  forEachSlot<1>(indices.getShape(), {&indices}, [&](auto slots) {
    int64_t index = indices.loadInt(slots[0]), position = next++;
    bool isAbove = indices.getType() == DataType::U64 && index < 0;
    if (isAbove || index < -depth || index >= depth)
      return;
    index = index < 0 ? index + depth : index;
    result->copySlot((position / inner * depth + index) * inner + position % inner, values, onSlot);
  });
  return result;
}

Expected<Tensor> reference::nonZero(const Tensor &x) {
  if (x.getType() != DataType::Bool)
    if (llvm::Error error = checkNumeric("non_zero", x))
      return std::move(error);
  auto isSet = [&](int64_t slot) {
    return isFloat(x.getType()) ? x.loadFloat(slot) != 0 : x.loadInt(slot) != 0;
  };
  int64_t count = 0;
  forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) { count += isSet(slots[0]); });
  Expected<Tensor> result = Tensor::create(DataType::I64, {x.getRank(), count});
  if (!result)
    return inOp("non_zero", result.takeError());
  int64_t next = 0;
  forEachIndex(x.getShape(), [&](ArrayRef<int64_t> index) {
    if (!isSet(x.getSlot(index)))
      return;
    for (int64_t axis = 0; axis < x.getRank(); ++axis)
      result->storeInt(axis * count + next, index[axis]);
    ++next;
  });
  return result;
}
