//===- FactorForms.cpp - weighted ops as two ops with factors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Forms of a convolution with the weight [O, C / G, kernel...]:
//
//   channel    U [O, k, 1...], V [G k, C / G, kernel...]: one matrix [O / G, C / G * kernel] per
//              group. V keeps groups, strides, pads and dilations, U is a 1x1 convolution.
//   spatial    (two spatial dims, one group) a matrix [O * kw, C * kh]: V [k, C, kh, 1] is a
//              vertical convolution, U [O, k, 1, kw] a horizontal one.
//   depthwise  one matrix [O / G, kernel] per input channel: V [C k, 1, kernel...] is a depthwise
//              convolution with k kernels per channel, U [O, C / G * k, 1...] a 1x1 convolution.
//
// A transposed convolution scatters U V x, so the 1x1 convolution V comes first, where images are
// still small, and U is the transposed convolution.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"

using namespace mlir;
using namespace mlir::compress;

using Layout = FactorForm::Layout;

static constexpr int64_t kRank = FactorForm::rankAxis;

/// Whether `value` is a stored tensor or decoded from one.
static bool isConstantWeight(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<WeightSourceOpInterface>(op))
      return true;
    if (auto transpose = dyn_cast<TransposeOp>(op))
      value = transpose.getInput();
    else if (auto decode = dyn_cast<DecodeOpInterface>(op))
      value = decode.getEncodedOperand().get();
    else if (auto fake = dyn_cast<FakeQuantizeOp>(op))
      value = fake.getInput();
    else
      return false;
  }
  return false;
}

/// The type of a weight that can be split, or null: a constant, of floats, not empty.
static RankedTensorType getSplittable(Value weight) {
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  if (!type || !type.hasStaticShape() || !isa<FloatType>(type.getElementType()) ||
      type.getNumElements() == 0 || !isConstantWeight(weight))
    return {};
  return type;
}

/// The shape of a factor whose axes stand for dims of their own.
static Layout makeLayout(ArrayRef<int64_t> axes, ArrayRef<int64_t> view, int64_t rank) {
  Layout layout;
  layout.axes.assign(axes.begin(), axes.end());
  for (int64_t axis : axes)
    layout.shape.push_back(axis == kRank ? rank : view[axis]);
  return layout;
}

/// The form of a matrix `[rowDim, columnDim]`, in which each factor lies as the weight does, with
/// the rank in place of the other dim.
static FactorForm makeMatrixForm(ArrayRef<int64_t> shape, int64_t rowDim, int64_t columnDim,
                                 int64_t rank) {
  FactorForm form;
  form.name = "matrix";
  form.view.assign(shape.begin(), shape.end());
  form.rowDims = {rowDim};
  form.columnDims = {columnDim};
  SmallVector<int64_t> rowAxes, columnAxes;
  for (int64_t dim = 0, end = shape.size(); dim < end; ++dim) {
    if (dim != rowDim && dim != columnDim)
      form.batchDims.push_back(dim);
    rowAxes.push_back(dim == columnDim ? kRank : dim);
    columnAxes.push_back(dim == rowDim ? kRank : dim);
  }
  form.rowFactor = makeLayout(rowAxes, shape, rank);
  form.columnFactor = makeLayout(columnAxes, shape, rank);
  return form;
}

/// "fc1" and "/v": the name of a part; empty stays empty.
static std::string getPartName(StringRef name, StringRef part) {
  return name.empty() ? "" : (name + part).str();
}

/// `value` plus `addend`, if there is one, as a value of type `type`.
static Value addTo(OpBuilder &builder, Location loc, Type type, Value value, Value addend) {
  return addend ? AddOp::create(builder, loc, type, value, addend).getResult() : value;
}

//===----------------------------------------------------------------------===//
// linear, matmul, embedding
//===----------------------------------------------------------------------===//

std::vector<FactorForm> LinearOp::getFactorForms(int64_t rank) {
  RankedTensorType type = getSplittable(getWeight());
  if (!type)
    return {};
  bool isKN = getWeightLayout() == WeightLayout::KN;
  return {makeMatrixForm(type.getShape(), isKN ? 1 : 0, isKN ? 0 : 1, rank)};
}

FailureOr<Value> LinearOp::createFactors(OpBuilder &builder, const FactorForm &form,
                                         Value rowFactor, Value columnFactor, Value addend) {
  WeightLayout layout = getWeightLayout();
  auto first = LinearOp::create(builder, getLoc(), getInput(), columnFactor, /*bias=*/Value(),
                                layout, getPartName(getName(), "/v"));
  auto second =
      LinearOp::create(builder, getLoc(), getType(), first, rowFactor, addend ? Value() : getBias(),
                       layout, getPartName(getName(), "/u"));
  return addTo(builder, getLoc(), getType(), second, addend);
}

/// Whether the left operand is the weight that `getWeighted` finds.
static bool isLeftWeight(MatMulOp op) {
  return op.getRhs().getType().getRank() < 2 || !isConstantWeight(op.getRhs());
}

std::vector<FactorForm> MatMulOp::getFactorForms(int64_t rank) {
  bool isLeft = isLeftWeight(*this);
  RankedTensorType type = getSplittable(isLeft ? getLhs() : getRhs());
  RankedTensorType other = (isLeft ? getRhs() : getLhs()).getType();
  // A vector times stacked matrices gives a matrix, which a second product would not stack.
  if (!type || type.getRank() < 2 || (type.getRank() > 2 && other.getRank() < 2))
    return {};
  int64_t last = type.getRank() - 1;
  return {
      makeMatrixForm(type.getShape(), isLeft ? last - 1 : last, isLeft ? last : last - 1, rank)};
}

FailureOr<Value> MatMulOp::createFactors(OpBuilder &builder, const FactorForm &form,
                                         Value rowFactor, Value columnFactor, Value addend) {
  std::string firstName = getPartName(getName(), "/v"), secondName = getPartName(getName(), "/u");
  MatMulOp second;
  if (isLeftWeight(*this)) {
    auto first = MatMulOp::create(builder, getLoc(), columnFactor, getRhs(), firstName);
    second = MatMulOp::create(builder, getLoc(), getType(), rowFactor, first, secondName);
  } else {
    auto first = MatMulOp::create(builder, getLoc(), getLhs(), columnFactor, firstName);
    second = MatMulOp::create(builder, getLoc(), getType(), first, rowFactor, secondName);
  }
  return addTo(builder, getLoc(), getType(), second, addend);
}

std::vector<FactorForm> EmbeddingOp::getFactorForms(int64_t rank) {
  RankedTensorType type = getSplittable(getTable());
  if (!type)
    return {};
  FactorForm form = makeMatrixForm(type.getShape(), 0, 1, rank);
  form.looksUpRows = true;
  return {form};
}

FailureOr<Value> EmbeddingOp::createFactors(OpBuilder &builder, const FactorForm &form,
                                            Value rowFactor, Value columnFactor, Value addend) {
  auto first =
      EmbeddingOp::create(builder, getLoc(), rowFactor, getIndices(), getPartName(getName(), "/v"));
  auto second = LinearOp::create(builder, getLoc(), getType(), first, columnFactor,
                                 /*bias=*/Value(), WeightLayout::KN, getPartName(getName(), "/u"));
  return addTo(builder, getLoc(), getType(), second, addend);
}

//===----------------------------------------------------------------------===//
// conv
//===----------------------------------------------------------------------===//

/// `[first, second, 1, ...]`.
static SmallVector<int64_t> makePointwise(int64_t first, int64_t second, int64_t spatialRank) {
  SmallVector<int64_t> shape(spatialRank + 2, 1);
  shape[0] = first;
  shape[1] = second;
  return shape;
}

/// `[first, second, kernel...]`.
static SmallVector<int64_t> makeKernel(int64_t first, int64_t second, ArrayRef<int64_t> kernel) {
  SmallVector<int64_t> shape = {first, second};
  shape.append(kernel.begin(), kernel.end());
  return shape;
}

/// Width of an input per width of the result, where both are known, else the stride.
static double getWidthRatio(RankedTensorType input, RankedTensorType result, int64_t stride) {
  int64_t in = input.getShape().back(), out = result.getShape().back();
  bool isKnown = !ShapedType::isDynamic(in) && !ShapedType::isDynamic(out) && out > 0;
  return isKnown ? double(in) / double(out) : double(stride);
}

std::vector<FactorForm> ConvOp::getFactorForms(int64_t rank) {
  RankedTensorType type = getSplittable(getWeight());
  if (!type)
    return {};
  int64_t groups = static_cast<int64_t>(getGroups());
  int64_t outputs = type.getDimSize(0), channels = type.getDimSize(1);
  ArrayRef<int64_t> kernel = type.getShape().drop_front(2);
  int64_t spatialRank = kernel.size(), positions = ShapedType::getNumElements(kernel);
  // [G, O / G, C / G, kernel...]
  SmallVector<int64_t> view = {groups, outputs / groups, channels};
  view.append(kernel.begin(), kernel.end());
  SmallVector<int64_t> kernelDims = llvm::to_vector(llvm::seq<int64_t>(3, 3 + spatialRank));
  std::vector<FactorForm> forms;

  FactorForm channel;
  channel.name = "channel";
  channel.view = view;
  channel.batchDims = {0};
  channel.rowDims = {1};
  channel.columnDims = {2};
  channel.columnDims.append(kernelDims);
  channel.columnFactor.axes = {0, kRank, 2};
  channel.columnFactor.axes.append(kernelDims);
  channel.columnFactor.shape = makeKernel(groups * rank, channels, kernel);
  channel.rowFactor = {{0, 1, kRank}, makePointwise(outputs, rank, spatialRank)};
  forms.push_back(std::move(channel));

  if (spatialRank == 2 && groups == 1) {
    FactorForm spatial;
    spatial.name = "spatial";
    spatial.view.assign(type.getShape().begin(), type.getShape().end());
    spatial.rowDims = {0, 3};
    spatial.columnDims = {1, 2};
    spatial.columnFactor = {{kRank, 1, 2}, {rank, channels, kernel[0], 1}};
    spatial.rowFactor = {{0, kRank, 3}, {outputs, rank, 1, kernel[1]}};
    spatial.columnUses = getWidthRatio(getInput().getType(), getType(), getStrides().back());
    forms.push_back(std::move(spatial));
  }

  if (positions > 1) {
    FactorForm depthwise;
    depthwise.name = "depthwise";
    depthwise.view = view;
    depthwise.batchDims = {0, 2};
    depthwise.rowDims = {1};
    depthwise.columnDims = kernelDims;
    depthwise.columnFactor.axes = {0, 2, kRank};
    depthwise.columnFactor.axes.append(kernelDims);
    depthwise.columnFactor.shape = makeKernel(groups * channels * rank, 1, kernel);
    depthwise.rowFactor = {{0, 1, 2, kRank}, makePointwise(outputs, channels * rank, spatialRank)};
    forms.push_back(std::move(depthwise));
  }
  return forms;
}

namespace {
/// Strides, pads and dilations of one of two convolutions.
struct Window {
  SmallVector<int64_t> strides, pads, dilations;

  /// A window that does nothing.
  explicit Window(int64_t spatialRank)
      : strides(spatialRank, 1), pads(2 * spatialRank, 0), dilations(spatialRank, 1) {}
  /// Takes over what `op` has for spatial dim `dim`.
  void set(ConvOp op, int64_t dim) {
    int64_t spatialRank = strides.size();
    strides[dim] = op.getStrides()[dim];
    dilations[dim] = op.getDilations()[dim];
    pads[dim] = op.getPads()[dim];
    pads[spatialRank + dim] = op.getPads()[spatialRank + dim];
  }
};
} // namespace

FailureOr<Value> ConvOp::createFactors(OpBuilder &builder, const FactorForm &form, Value rowFactor,
                                       Value columnFactor, Value addend) {
  int64_t spatialRank = getInput().getType().getRank() - 2;
  int64_t groups = static_cast<int64_t>(getGroups());
  Window first(spatialRank), second(spatialRank);
  bool isSpatial = form.name == "spatial";
  for (int64_t dim = 0; dim < spatialRank; ++dim)
    (isSpatial && dim == 1 ? second : first).set(*this, dim);
  // Each channel is a group of its own.
  int64_t firstGroups = form.name == "depthwise" ? form.view[0] * form.view[2] : groups;
  auto v =
      ConvOp::create(builder, getLoc(), getInput(), columnFactor, /*bias=*/Value(), first.strides,
                     first.pads, first.dilations, firstGroups, getPartName(getName(), "/v"));
  auto u = ConvOp::create(builder, getLoc(), getType(), v, rowFactor, addend ? Value() : getBias(),
                          second.strides, second.pads, second.dilations, groups,
                          getPartName(getName(), "/u"));
  return addTo(builder, getLoc(), getType(), u, addend);
}

//===----------------------------------------------------------------------===//
// conv_transpose
//===----------------------------------------------------------------------===//

std::vector<FactorForm> ConvTransposeOp::getFactorForms(int64_t rank) {
  RankedTensorType type = getSplittable(getWeight());
  if (!type)
    return {};
  int64_t groups = static_cast<int64_t>(getGroups());
  int64_t channels = type.getDimSize(0), outputs = type.getDimSize(1);
  ArrayRef<int64_t> kernel = type.getShape().drop_front(2);
  int64_t spatialRank = kernel.size();
  SmallVector<int64_t> kernelDims = llvm::to_vector(llvm::seq<int64_t>(3, 3 + spatialRank));
  FactorForm form;
  form.name = "channel";
  // [G, C / G, O / G, kernel...]
  form.view = {groups, channels / groups, outputs};
  form.view.append(kernel.begin(), kernel.end());
  form.batchDims = {0};
  form.rowDims = {2};
  form.rowDims.append(kernelDims);
  form.columnDims = {1};
  form.columnFactor = {{0, kRank, 1}, makePointwise(groups * rank, channels / groups, spatialRank)};
  form.rowFactor.axes = {0, kRank, 2};
  form.rowFactor.axes.append(kernelDims);
  form.rowFactor.shape = makeKernel(groups * rank, outputs, kernel);
  return {form};
}

FailureOr<Value> ConvTransposeOp::createFactors(OpBuilder &builder, const FactorForm &form,
                                                Value rowFactor, Value columnFactor, Value addend) {
  Window none(getInput().getType().getRank() - 2);
  auto v =
      ConvOp::create(builder, getLoc(), getInput(), columnFactor, /*bias=*/Value(), none.strides,
                     none.pads, none.dilations, getGroups(), getPartName(getName(), "/v"));
  auto u = ConvTransposeOp::create(
      builder, getLoc(), getType(), v, rowFactor, addend ? Value() : getBias(), getStrides(),
      getPads(), getDilations(), getOutputPadding(), getGroups(), getPartName(getName(), "/u"));
  return addTo(builder, getLoc(), getType(), u, addend);
}
