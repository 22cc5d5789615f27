//===- DataMovement.cpp - data movement ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/DataMovement.h"
#include "Common.h"

#include "llvm/Support/MathExtras.h"
#include <algorithm>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

/// A contiguous copy of a view, or its error under the name of the operation.
static Expected<Tensor> materialize(StringRef op, Expected<Tensor> view) {
  if (!view)
    return inOp(op, view.takeError());
  Expected<Tensor> result = view->contiguous();
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

/// Copies `from` over the view `to` of the same shape and type.
static void copyElements(Tensor &to, const Tensor &from) {
  forEachSlot<2>(to.getShape(), {&to, &from},
                 [&](auto slots) { to.copySlot(slots[0], from, slots[1]); });
}

Expected<Tensor> reference::transpose(const Tensor &x, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> axes(perm);
  if (perm.empty())
    for (int64_t axis = x.getRank(); axis-- > 0;)
      axes.push_back(axis);
  return materialize("transpose", x.transpose(axes));
}

Expected<Tensor> reference::concat(ArrayRef<Tensor> inputs, int64_t axis) {
  if (inputs.empty())
    return opError("concat", "expected at least one input");
  const Tensor &first = inputs.front();
  Expected<int64_t> normal = normalizeAxis(axis, first.getRank());
  if (!normal)
    return inOp("concat", normal.takeError());
  SmallVector<int64_t> shape(first.getShape());
  shape[*normal] = 0;
  for (const Tensor &input : inputs) {
    if (llvm::Error error = checkType("concat", input, first.getType(), "input"))
      return std::move(error);
    SmallVector<int64_t> expected(first.getShape());
    if (input.getRank() == first.getRank())
      expected[*normal] = input.getDim(*normal);
    if (llvm::Error error = checkShape("concat", input, expected, "input"))
      return std::move(error);
    if (llvm::AddOverflow(shape[*normal], input.getDim(*normal), shape[*normal]))
      return opError("concat", "the size of axis " + Twine(axis) + " overflows");
  }
  Expected<Tensor> result = Tensor::create(first.getType(), shape);
  if (!result)
    return inOp("concat", result.takeError());
  SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
  for (const Tensor &input : inputs) {
    if (input.getNumElements() != 0) {
      Expected<Tensor> part = result->slice(starts, input.getShape(), steps);
      if (!part)
        return inOp("concat", part.takeError());
      copyElements(*part, input);
    }
    starts[*normal] += input.getDim(*normal);
  }
  return result;
}

namespace {
/// Checked start, size and step of one axis.
struct AxisSlice {
  int64_t start, size, step;
};
} // namespace

/// ONNX clamping of a slice of an axis with `dim` elements; step is not 0.
static AxisSlice clampSlice(int64_t start, int64_t end, int64_t step, int64_t dim) {
  if (start < 0)
    start += dim;
  if (end < 0)
    end += dim;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, dim);
    end = std::clamp<int64_t>(end, 0, dim);
    return {start, end <= start ? 0 : (end - start - 1) / step + 1, step};
  }
  // As in onnxruntime, a start before the first element is the first one.
  start = std::clamp<int64_t>(start, std::min<int64_t>(0, dim - 1), dim - 1);
  end = std::clamp<int64_t>(end, -1, dim - 1);
  // Written so that the smallest step does not overflow.
  return {start, start <= end ? 0 : -((start - end - 1) / step) + 1, step};
}

Expected<Tensor> reference::slice(const Tensor &x, ArrayRef<int64_t> starts, ArrayRef<int64_t> ends,
                                  ArrayRef<int64_t> axes, ArrayRef<int64_t> steps) {
  size_t count = starts.size();
  if (ends.size() != count || (!axes.empty() && axes.size() != count) ||
      (!steps.empty() && steps.size() != count))
    return opError("slice", "expected as many starts, ends, axes and steps, found " +
                                Twine(starts.size()) + ", " + Twine(ends.size()) + ", " +
                                Twine(axes.size()) + ", " + Twine(steps.size()));
  SmallVector<int64_t> allAxes(axes);
  if (axes.empty())
    for (size_t i = 0; i < count; ++i)
      allAxes.push_back(static_cast<int64_t>(i));
  Expected<SmallVector<int64_t>> normal = normalizeAxes("slice", allAxes, x.getRank());
  if (!normal)
    return normal.takeError();
  SmallVector<int64_t> allStarts(x.getRank(), 0), sizes(x.getShape()), allSteps(x.getRank(), 1);
  for (size_t i = 0; i < count; ++i) {
    int64_t axis = (*normal)[i], step = steps.empty() ? 1 : steps[i];
    if (step == 0)
      return opError("slice", "the step of axis " + Twine(axis) + " is 0");
    AxisSlice clamped = clampSlice(starts[i], ends[i], step, x.getDim(axis));
    allStarts[axis] = clamped.start;
    sizes[axis] = clamped.size;
    allSteps[axis] = clamped.step;
  }
  return materialize("slice", x.slice(allStarts, sizes, allSteps));
}

/// Source index of a padded axis of `dim` > 0 elements, or -1 for the constant.
static int64_t getPadSource(int64_t index, int64_t dim, PadMode mode) {
  if (index >= 0 && index < dim)
    return index;
  switch (mode) {
  case PadMode::Constant:
    return -1;
  case PadMode::Edge:
    return index < 0 ? 0 : dim - 1;
  case PadMode::Wrap:
    return ((index % dim) + dim) % dim;
  case PadMode::Reflect:
    break;
  }
  int64_t period = std::max<int64_t>(1, 2 * (dim - 1));
  int64_t phase = ((index % period) + period) % period;
  return phase < dim ? phase : period - phase;
}

Expected<Tensor> reference::pad(const Tensor &x, ArrayRef<int64_t> begin, ArrayRef<int64_t> end,
                                PadMode mode, const Tensor *value) {
  size_t rank = x.getRank();
  if (begin.size() != rank || end.size() != rank)
    return opError("pad", "expected " + Twine(rank) + " begin and end pads, found " +
                              shapeToString(begin) + " and " + shapeToString(end));
  if (value) {
    if (llvm::Error error = checkType("pad", *value, x.getType(), "value"))
      return std::move(error);
    if (llvm::Error error = checkOneElement("pad", *value, "value"))
      return std::move(error);
  }
  // Negative pads cut first; what is left is padded.
  SmallVector<int64_t> starts(rank, 0), sizes(x.getShape()), steps(rank, 1), shape(rank);
  for (size_t i = 0; i < rank; ++i) {
    int64_t cutBegin = std::min<int64_t>(begin[i], 0), cutEnd = std::min<int64_t>(end[i], 0);
    bool isBad = llvm::AddOverflow(sizes[i], cutBegin, sizes[i]) ||
                 llvm::AddOverflow(sizes[i], cutEnd, sizes[i]) || sizes[i] < 0;
    if (isBad || llvm::AddOverflow(sizes[i], std::max<int64_t>(begin[i], 0), shape[i]) ||
        llvm::AddOverflow(shape[i], std::max<int64_t>(end[i], 0), shape[i]))
      return opError("pad", "pads " + Twine(begin[i]) + " and " + Twine(end[i]) +
                                " do not fit axis " + Twine(i) + " of shape " +
                                shapeToString(x.getShape()));
    starts[i] = -cutBegin;
    if (mode != PadMode::Constant && sizes[i] == 0 && shape[i] != 0)
      return opError("pad", "axis " + Twine(i) + " has no element to copy");
  }
  Expected<Tensor> core = x.slice(starts, sizes, steps);
  if (!core)
    return inOp("pad", core.takeError());
  Expected<Tensor> result = Tensor::create(x.getType(), shape);
  if (!result)
    return inOp("pad", result.takeError());
  int64_t next = 0;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t slot = next++, source = core->getOffset();
    for (size_t i = 0; i < rank; ++i) {
      int64_t at = getPadSource(index[i] - std::max<int64_t>(begin[i], 0), sizes[i], mode);
      if (at < 0) {
        if (value)
          result->copySlot(slot, *value, getOnlySlot(*value));
        return;
      }
      source += at * core->getStrides()[i];
    }
    result->copySlot(slot, *core, source);
  });
  return result;
}

Expected<Tensor> reference::expand(const Tensor &x, ArrayRef<int64_t> shape) {
  if (llvm::any_of(shape, [](int64_t dim) { return dim < 0; }))
    return opError("expand", "expected non-negative sizes, found " + shapeToString(shape));
  Expected<SmallVector<int64_t>> target = broadcastShapes(x.getShape(), shape);
  if (!target)
    return inOp("expand", target.takeError());
  return materialize("expand", x.broadcastTo(*target));
}

Expected<Tensor> reference::tile(const Tensor &x, ArrayRef<int64_t> repeats) {
  if (static_cast<int64_t>(repeats.size()) != x.getRank())
    return opError("tile",
                   "expected " + Twine(x.getRank()) + " repeats, found " + shapeToString(repeats));
  // [d] -> [1, d] -> [repeat, d] -> [repeat * d], for every axis at once.
  SmallVector<int64_t> split, wide, shape;
  for (int64_t axis = 0; axis < x.getRank(); ++axis) {
    int64_t size;
    if (repeats[axis] < 0 || llvm::MulOverflow(x.getDim(axis), repeats[axis], size))
      return opError("tile", "repeats " + shapeToString(repeats) + " do not fit shape " +
                                 shapeToString(x.getShape()));
    split.append({1, x.getDim(axis)});
    wide.append({repeats[axis], x.getDim(axis)});
    shape.push_back(size);
  }
  Expected<Tensor> view = x.reshape(split);
  if (!view)
    return inOp("tile", view.takeError());
  Expected<Tensor> tiled = materialize("tile", view->broadcastTo(wide));
  if (!tiled)
    return tiled;
  Expected<Tensor> result = tiled->reshape(shape);
  if (!result)
    return inOp("tile", result.takeError());
  return result;
}

Expected<SmallVector<Tensor>> reference::split(const Tensor &x, ArrayRef<int64_t> sizes,
                                               int64_t axis) {
  Expected<int64_t> normal = normalizeAxis(axis, x.getRank());
  if (!normal)
    return inOp("split", normal.takeError());
  int64_t total = 0;
  bool isBad = false;
  for (int64_t size : sizes)
    isBad |= size < 0 || llvm::AddOverflow(total, size, total);
  if (isBad || total != x.getDim(*normal))
    return opError("split", "sizes " + shapeToString(sizes) + " do not sum up to axis " +
                                Twine(axis) + " of shape " + shapeToString(x.getShape()));
  SmallVector<Tensor> parts;
  SmallVector<int64_t> starts(x.getRank(), 0), shape(x.getShape()), steps(x.getRank(), 1);
  for (int64_t size : sizes) {
    shape[*normal] = size;
    Expected<Tensor> part = materialize("split", x.slice(starts, shape, steps));
    if (!part)
      return part.takeError();
    parts.push_back(*part);
    starts[*normal] += size;
  }
  return parts;
}

Expected<Tensor> reference::trilu(const Tensor &x, int64_t k, bool upper) {
  if (x.getRank() < 2)
    return opError("trilu", "expected rank 2 or more, found shape " + shapeToString(x.getShape()));
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result)
    return inOp("trilu", result.takeError());
  int64_t rows = x.getDim(x.getRank() - 2), columns = x.getDim(x.getRank() - 1), next = 0;
  // Beyond these nothing changes, and row + k does not overflow.
  k = std::clamp<int64_t>(k, -rows - columns, rows + columns);
  forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) {
    int64_t row = next / columns % rows, column = next % columns;
    if (upper ? column >= row + k : column <= row + k)
      result->copySlot(next, x, slots[0]);
    ++next;
  });
  return result;
}

Expected<Tensor> reference::depthToSpace(const Tensor &x, int64_t blockSize, bool columnRowDepth) {
  constexpr int64_t kMaxBlock = int64_t(1) << 30;
  if (x.getRank() != 4 || blockSize < 1 || blockSize > kMaxBlock ||
      x.getDim(1) % (blockSize * blockSize) != 0)
    return opError("depth_to_space", "expected [N, C, H, W] with C a multiple of the squared block "
                                     "size, found shape " +
                                         shapeToString(x.getShape()) + " and block size " +
                                         Twine(blockSize));
  int64_t n = x.getDim(0), b = blockSize, c = x.getDim(1) / (b * b), h = x.getDim(2),
          w = x.getDim(3);
  Expected<Tensor> blocks =
      columnRowDepth ? x.reshape({n, c, b, b, h, w}) : x.reshape({n, b, b, c, h, w});
  if (!blocks)
    return inOp("depth_to_space", blocks.takeError());
  Expected<Tensor> moved = columnRowDepth ? blocks->transpose({0, 1, 4, 2, 5, 3})
                                          : blocks->transpose({0, 3, 4, 1, 5, 2});
  if (!moved)
    return inOp("depth_to_space", moved.takeError());
  int64_t height, width;
  if (llvm::MulOverflow(h, b, height) || llvm::MulOverflow(w, b, width))
    return opError("depth_to_space", "the result's size overflows");
  return materialize("depth_to_space", moved->reshape({n, c, height, width}));
}

Expected<Tensor> reference::spaceToDepth(const Tensor &x, int64_t blockSize, bool columnRowDepth) {
  if (x.getRank() != 4 || blockSize < 1 || x.getDim(2) % blockSize != 0 ||
      x.getDim(3) % blockSize != 0)
    return opError("space_to_depth", "expected [N, C, H, W] with H and W multiples of the block "
                                     "size, found shape " +
                                         shapeToString(x.getShape()) + " and block size " +
                                         Twine(blockSize));
  int64_t n = x.getDim(0), c = x.getDim(1), b = blockSize, h = x.getDim(2) / b, w = x.getDim(3) / b,
          channels;
  if (llvm::MulOverflow(c, b, channels) || llvm::MulOverflow(channels, b, channels))
    return opError("space_to_depth", "the result's size overflows");
  Expected<Tensor> blocks = x.reshape({n, c, h, b, w, b});
  if (!blocks)
    return inOp("space_to_depth", blocks.takeError());
  Expected<Tensor> moved = columnRowDepth ? blocks->transpose({0, 1, 3, 5, 2, 4})
                                          : blocks->transpose({0, 3, 5, 1, 2, 4});
  if (!moved)
    return inOp("space_to_depth", moved.takeError());
  return materialize("space_to_depth", moved->reshape({n, channels, h, w}));
}
