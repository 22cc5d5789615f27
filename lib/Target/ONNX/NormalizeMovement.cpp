//===- NormalizeMovement.cpp - ONNX operators that move data ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeAxes.h"
#include "NormalizeImpl.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Reshape and its kin
//===----------------------------------------------------------------------===//

/// The shape is an attribute until opset 4.
FailureOr<Value> onnx::getShapeInput(OnnxNode &node, unsigned index) {
  Value shape = node.structural(node.getInput(index));
  auto type = cast<RankedTensorType>(shape.getType());
  if (type.getRank() == 1 && type.isDynamicDim(0))
    return node.keep("the length of the shape is not known");
  return shape;
}

static NodeResult normalizeReshape(OnnxNode &node) {
  FailureOr<Value> shape;
  if (node.getVersion() < 5)
    shape = node.constantInts(node.getInts("shape").value_or(SmallVector<int64_t>()));
  else if (node.hasInput(1))
    shape = getShapeInput(node, 1);
  else
    return node.error("expects a shape");
  if (failed(shape))
    return failure();
  return single(node.make<ReshapeOp>({node.getInput(0), *shape},
                                     node.attr("allowzero", node.getInt("allowzero", 0) != 0)));
}

FailureOr<Value> onnx::flattenTo2D(OnnxNode &node, Value value, int64_t axis) {
  SmallVector<SymbolicExpr> dims(node.getNormalizer().getShapes().getDims(value));
  auto product = [](ArrayRef<SymbolicExpr> factors) {
    std::optional<SymbolicExpr> result = SymbolicExpr(1);
    for (const SymbolicExpr &factor : factors)
      if (result)
        result = result->mul(factor);
    return result ? result->getConstant() : std::nullopt;
  };
  std::optional<int64_t> rows = product(ArrayRef(dims).take_front(axis)),
                         columns = product(ArrayRef(dims).drop_front(axis));
  if (rows && columns)
    return node.reshape(value, {*rows, *columns});
  // A size of 0 would mean a copied dim.
  if (rows && *rows > 0)
    return node.reshape(value, {*rows, -1});
  if (axis == 1 && columns)
    return node.reshape(value,
                        *columns > 0 ? ArrayRef<int64_t>{0, *columns} : ArrayRef<int64_t>{0, -1});
  if (columns && *columns > 0)
    return node.reshape(value, {-1, *columns});
  if (axis == 1)
    return node.reshape(value, {0, -1});
  // Neither side is known: the rows are computed.
  FailureOr<Value> front =
      node.make<ShapeOp>(value, {node.attr("start", int64_t(0)), node.attr("end", axis)});
  if (failed(front))
    return failure();
  auto kind = ReduceKindAttr::get(node.getContext(), ReduceKind::Prod);
  FailureOr<Value> count = node.make<ReduceOp>(*front, {node.attr("kind", Attribute(kind)),
                                                        node.attr("axes", ArrayRef<int64_t>{0}),
                                                        node.attr("keepdims", true)});
  if (failed(count))
    return failure();
  FailureOr<Value> shape =
      node.make<ConcatOp>({*count, node.constantInts({-1})}, node.attr("axis", int64_t(0)));
  if (failed(shape))
    return failure();
  return node.make<ReshapeOp>({value, *shape});
}

/// The axis may be the rank.
static NodeResult normalizeFlatten(OnnxNode &node) {
  int64_t rank = node.getRank(0), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error("axis " + Twine(axis) + " is out of range for rank " + Twine(rank));
  return single(flattenTo2D(node, node.getInput(0), axis < 0 ? axis + rank : axis));
}

static NodeResult normalizeTranspose(OnnxNode &node) {
  int64_t rank = node.getRank(0);
  SmallVector<int64_t> perm = node.getInts("perm").value_or(
      llvm::to_vector(llvm::reverse(llvm::to_vector(llvm::seq<int64_t>(0, rank)))));
  for (int64_t &axis : perm) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
    if (failed(normalized))
      return failure();
    axis = *normalized;
  }
  return single(
      node.make<TransposeOp>(node.getInput(0), node.attr("perm", ArrayRef<int64_t>(perm))));
}

/// `axes` is an attribute until opset 12. None: every dim of size 1.
static NodeResult normalizeSqueeze(OnnxNode &node) {
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getIntsOrInput("axes", 1);
  if (failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (*given) {
    axes = **given;
  } else {
    for (auto [i, size] : llvm::enumerate(node.getType(0).getShape())) {
      if (ShapedType::isDynamic(size))
        return node.keep("without axes, every dim must be known");
      if (size == 1)
        axes.push_back(i);
    }
  }
  FailureOr<SmallVector<int64_t>> sorted = normalizeAxes(node, axes, node.getRank(0));
  if (failed(sorted))
    return failure();
  return single(
      node.make<SqueezeOp>(node.getInput(0), node.attr("axes", ArrayRef<int64_t>(*sorted))));
}

static NodeResult normalizeUnsqueeze(OnnxNode &node) {
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getIntsOrInput("axes", 1);
  if (failed(given))
    return failure();
  if (!*given)
    return node.error("expects axes");
  FailureOr<SmallVector<int64_t>> sorted =
      normalizeAxes(node, **given, node.getRank(0) + (*given)->size());
  if (failed(sorted))
    return failure();
  return single(
      node.make<UnsqueezeOp>(node.getInput(0), node.attr("axes", ArrayRef<int64_t>(*sorted))));
}

//===----------------------------------------------------------------------===//
// Concat, Split, Slice, Pad, Expand, Tile
//===----------------------------------------------------------------------===//

static NodeResult normalizeConcat(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 1), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<ConcatOp>(node.getOp().getInputs(), node.attr("axis", *axis)));
}

/// Sizes are an input (opset 1, 13), an attribute (1, 2, 11), or even; with `num_outputs` (18) the
/// last part may be smaller.
static NodeResult normalizeSplit(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), node.getRank(0));
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.getIntsOrInput("split", 1);
  if (failed(axis) || failed(given))
    return failure();
  int64_t parts = node.getOp().getNumResults(), size = node.getType(0).getDimSize(*axis);
  if (int64_t count = node.getInt("num_outputs", parts); count != parts)
    return node.error("num_outputs is " + Twine(count) + ", but there are " + Twine(parts) +
                      " outputs");
  SmallVector<int64_t> sizes;
  if (*given) {
    sizes = **given;
  } else {
    if (ShapedType::isDynamic(size))
      return node.keep("an even split of a dynamic dim is not supported");
    bool mayBeUneven = node.getVersion() >= 18;
    if (!mayBeUneven && size % parts != 0)
      return node.error("cannot split " + Twine(size) + " into " + Twine(parts) + " even parts");
    int64_t chunk = llvm::divideCeil(size, parts);
    for (int64_t i = 0; i < parts; ++i)
      sizes.push_back(std::clamp<int64_t>(size - i * chunk, 0, chunk));
  }
  if (static_cast<int64_t>(sizes.size()) != parts)
    return node.error("expects " + Twine(parts) + " sizes, got " + Twine(sizes.size()));
  return node.build(SplitOp::getOperationName(), node.getInput(0),
                    {node.attr("axis", *axis), node.attr("sizes", ArrayRef<int64_t>(sizes))},
                    parts);
}

/// An index vector as i64; constants are kept readable.
static FailureOr<Value> getIndexVector(OnnxNode &node, unsigned input) {
  Value value = node.structural(node.getInput(input));
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType().isInteger(64))
    return value;
  return node.makeTyped<CastOp>(type.clone(node.getBuilder().getI64Type()), value);
}

/// Everything is an attribute until opset 9.
static NodeResult normalizeSlice(OnnxNode &node) {
  FailureOr<Value> starts, ends;
  int64_t count;
  std::optional<SmallVector<int64_t>> axes, steps;
  if (node.getVersion() < 10) {
    std::optional<SmallVector<int64_t>> begin = node.getInts("starts"), end = node.getInts("ends");
    if (!begin || !end)
      return node.error("expects starts and ends");
    count = begin->size();
    starts = node.constantInts(*begin);
    ends = node.constantInts(*end);
    axes = node.getInts("axes");
  } else {
    if (!node.hasInput(1) || !node.hasInput(2) || node.getRank(1) != 1)
      return node.error("expects starts and ends, which have rank 1");
    count = node.getType(1).getDimSize(0);
    if (ShapedType::isDynamic(count))
      return node.keep("the number of starts is not known");
    starts = getIndexVector(node, 1);
    ends = getIndexVector(node, 2);
    axes = node.getConstantInts(node.getInput(3));
    steps = node.getConstantInts(node.getInput(4));
    if ((node.hasInput(3) && !axes) || (node.hasInput(4) && !steps))
      return node.keep("axes or steps are not constants");
  }
  if (failed(starts) || failed(ends))
    return failure();
  if (!axes)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, count));
  if (!steps)
    steps = SmallVector<int64_t>(count, 1);
  for (int64_t &axis : *axes) {
    FailureOr<int64_t> normalized = normalizeAxis(node, axis, node.getRank(0));
    if (failed(normalized))
      return failure();
    axis = *normalized;
  }
  return single(node.make<SliceOp>({node.getInput(0), *starts, *ends},
                                   {node.attr("axes", ArrayRef<int64_t>(*axes)),
                                    node.attr("steps", ArrayRef<int64_t>(*steps))}));
}

/// Attributes `paddings` (1) or `pads` (2) and `value` until opset 10, then inputs; `axes` from 18.
static NodeResult normalizePad(OnnxNode &node) {
  int64_t rank = node.getRank(0);
  StringRef modeName = node.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(modeName);
  if (!mode)
    return node.error("unknown mode '" + modeName + "'");
  FailureOr<Value> pads;
  Value fill;
  Type element = node.getType(0).getElementType();
  if (node.getVersion() < 11) {
    std::optional<SmallVector<int64_t>> given =
        node.getInts(node.getVersion() == 1 ? "paddings" : "pads");
    if (!given)
      return node.error("expects pads");
    pads = node.constantInts(*given);
    fill = node.scalar(element, node.getFloat("value", 0.0f));
  } else {
    if (!node.hasInput(1))
      return node.error("expects pads");
    if (node.hasInput(3)) {
      std::optional<SmallVector<int64_t>> axes = node.getConstantInts(node.getInput(3)),
                                          given = node.getConstantInts(node.getInput(1));
      if (!axes || !given || given->size() != 2 * axes->size())
        return node.keep("pads of some axes must be constants");
      SmallVector<int64_t> all(2 * rank, 0);
      for (auto [i, axis] : llvm::enumerate(*axes)) {
        FailureOr<int64_t> normalized = normalizeAxis(node, axis, rank);
        if (failed(normalized))
          return failure();
        all[*normalized] = (*given)[i];
        all[rank + *normalized] = (*given)[i + axes->size()];
      }
      pads = node.constantInts(all);
    } else {
      pads = getIndexVector(node, 1);
    }
    if (node.hasInput(2)) {
      fill = node.structural(node.getInput(2));
      if (node.getRank(2) != 0) {
        FailureOr<Value> flat = node.reshape(fill, {});
        if (failed(flat))
          return failure();
        fill = *flat;
      }
    }
  }
  if (failed(pads))
    return failure();
  SmallVector<Value> operands{node.getInput(0), *pads};
  if (fill && *mode == PadMode::Constant)
    operands.push_back(fill);
  return single(node.make<PadOp>(
      operands, node.attr("mode", Attribute(PadModeAttr::get(node.getContext(), *mode)))));
}

static NodeResult normalizeExpand(OnnxNode &node) {
  if (!node.hasInput(1))
    return node.error("expects a shape");
  FailureOr<Value> shape = getShapeInput(node, 1);
  if (failed(shape))
    return failure();
  return single(node.make<BroadcastOp>({node.getInput(0), *shape}));
}

/// A few copies along each dim.
static NodeResult normalizeTile(OnnxNode &node) {
  constexpr int64_t maxCopies = 16;
  std::optional<SmallVector<int64_t>> repeats = node.getConstantInts(node.getInput(1));
  if (node.getVersion() < 6 || !repeats)
    return node.keep("the repeats are not a constant");
  if (static_cast<int64_t>(repeats->size()) != node.getRank(0))
    return node.error("expects one repeat per dim");
  if (llvm::any_of(*repeats, [](int64_t count) { return count < 0; }))
    return node.error("expects repeats that are not negative");
  FailureOr<Value> value = node.getInput(0);
  for (auto [axis, count] : llvm::enumerate(*repeats)) {
    if (count < 1 || count > maxCopies)
      return node.keep("only 1 to " + Twine(maxCopies) + " repeats are supported");
    if (count > 1)
      value = node.make<ConcatOp>(SmallVector<Value>(count, *value),
                                  node.attr("axis", static_cast<int64_t>(axis)));
    if (failed(value))
      return failure();
  }
  return single(value);
}

void onnx::registerMovementNormalizers(NormalizerRegistry &registry) {
  registry.add("Reshape", normalizeReshape);
  registry.add("Flatten", normalizeFlatten);
  registry.add("Transpose", normalizeTranspose);
  registry.add("Squeeze", normalizeSqueeze);
  registry.add("Unsqueeze", normalizeUnsqueeze);
  registry.add("Concat", normalizeConcat);
  registry.add("Split", normalizeSplit);
  registry.add("Slice", normalizeSlice);
  registry.add("Pad", normalizePad);
  registry.add("Expand", normalizeExpand);
  registry.add("Tile", normalizeTile);
}
