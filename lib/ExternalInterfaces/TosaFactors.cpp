//===- TosaFactors.cpp - tosa ops as two with factors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Factors.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr int64_t rankAxis = FactorForm::rankAxis;

static RankedTensorType getType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

/// The op with its weight, if all is in floating point and of known ranks and the weight's shape is
/// static. Zero points of floats are zero.
static FailureOr<WeightedOp> getSplittable(Operation *op) {
  FailureOr<WeightedOp> weighted = getWeighted(op);
  if (failed(weighted) || !weighted->activation)
    return failure();
  for (Value value : {Value(weighted->operand->get()), Value(weighted->activation->get()),
                      Value(op->getResult(0))})
    if (RankedTensorType type = getType(value);
        !type || !isa<Float32Type, Float16Type, BFloat16Type>(type.getElementType()))
      return failure();
  RankedTensorType type = getType(weighted->operand->get());
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return failure();
  return weighted;
}

/// Type of the first op's result: that of the op's with other dims.
static RankedTensorType getTypeWith(Operation *op,
                                    ArrayRef<std::pair<int64_t, int64_t>> replacements) {
  RankedTensorType type = getType(op->getResult(0));
  SmallVector<int64_t> shape(type.getShape());
  for (auto [dim, size] : replacements)
    shape[dim] = size;
  return type.clone(shape);
}

/// A value as the activation of the second op: of the element type of the first one's.
static Value castLike(OpBuilder &builder, Location loc, Value value, Value activation) {
  Type element = getType(activation).getElementType();
  if (getType(value).getElementType() == element)
    return value;
  return tosa::CastOp::create(builder, loc, getType(value).clone(element), value);
}

/// Adds what is to be added instead of the bias.
static Value finish(OpBuilder &builder, Operation *second, Value addend) {
  Value result = second->getResult(0);
  if (!addend)
    return result;
  return tosa::AddOp::create(builder, second->getLoc(), result.getType(), result, addend);
}

static bool hasForm(ArrayRef<FactorForm> forms, const FactorForm &form) {
  return llvm::is_contained(forms, form);
}

static FactorForm::Layout makeLayout(ArrayRef<int64_t> view, int64_t rank, ArrayRef<int64_t> axes,
                                     ArrayRef<int64_t> shape = {}) {
  FactorForm::Layout layout;
  llvm::append_range(layout.axes, axes);
  llvm::append_range(layout.shape, shape);
  if (shape.empty())
    for (int64_t axis : axes)
      layout.shape.push_back(axis == rankAxis ? rank : view[axis]);
  return layout;
}

//===----------------------------------------------------------------------===//
// Matmul
//===----------------------------------------------------------------------===//

namespace {

template <typename Model, typename OpTy>
using Factorable = FactorableOpInterface::ExternalModel<Model, OpTy>;

/// A product for each index of the batch; the weight may be on either side.
struct MatMulFactorModel : public Factorable<MatMulFactorModel, tosa::MatMulOp> {
  std::vector<FactorForm> getFactorForms(Operation *op, int64_t rank) const {
    FailureOr<WeightedOp> weighted = getSplittable(op);
    if (failed(weighted))
      return {};
    bool isRight = weighted->operand->getOperandNumber() == 1;
    FactorForm form;
    form.name = "matrix";
    llvm::append_range(form.view, getType(weighted->operand->get()).getShape());
    form.batchDims = {0};
    form.rowDims = {isRight ? 2 : 1};
    form.columnDims = {isRight ? 1 : 2};
    SmallVector<int64_t> left = {0, 1, rankAxis}, right = {0, rankAxis, 2};
    form.columnFactor = makeLayout(form.view, rank, isRight ? left : right);
    form.rowFactor = makeLayout(form.view, rank, isRight ? right : left);
    return {form};
  }

  FailureOr<Value> createFactors(Operation *op, OpBuilder &builder, const FactorForm &form,
                                 Value rowFactor, Value columnFactor, Value addend) const {
    int64_t rank = getFactorRank(form);
    if (!hasForm(getFactorForms(op, rank), form))
      return op->emitOpError("cannot be split in the form '") << form.name << "'";
    FailureOr<WeightedOp> weighted = getSplittable(op);
    unsigned weight = weighted->operand->getOperandNumber(), other = 1 - weight;
    Operation *first = builder.clone(*op);
    first->setOperand(weight, columnFactor);
    first->getResult(0).setType(getTypeWith(op, {{weight == 1 ? 2 : 1, rank}}));
    inheritAttributes(op, first, "/v");
    Value between =
        castLike(builder, op->getLoc(), first->getResult(0), weighted->activation->get());
    Operation *second = builder.clone(*op);
    second->setOperand(other, between);
    second->setOperand(weight, rowFactor);
    inheritAttributes(op, second, "/u");
    return finish(builder, second, addend);
  }
};

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// Activation [N, ..., C], weight [O, kernel..., C], result [N, ..., O]. There is no form
/// "depthwise": `tosa.depthwise_conv2d` is no weighted op.
template <typename OpTy>
struct ConvFactorModel : public Factorable<ConvFactorModel<OpTy>, OpTy> {
  std::vector<FactorForm> getFactorForms(Operation *raw, int64_t rank) const {
    FailureOr<WeightedOp> weighted = getSplittable(raw);
    if (failed(weighted))
      return {};
    auto op = cast<OpTy>(raw);
    FactorForm form;
    llvm::append_range(form.view, getType(weighted->operand->get()).getShape());
    ArrayRef<int64_t> view = form.view;
    int64_t numDims = view.size(), last = numDims - 1, out = view.front(), in = view.back();
    auto kernel = llvm::to_vector(llvm::seq<int64_t>(1, last));
    int64_t positions = 1;
    for (int64_t dim : kernel)
      positions *= view[dim];

    std::vector<FactorForm> forms;
    FactorForm channel = form;
    channel.name = "channel";
    channel.rowDims = {0};
    channel.columnDims = {last};
    llvm::append_range(channel.columnDims, kernel);
    SmallVector<int64_t> axes = {rankAxis}, shape(numDims, 1);
    llvm::append_range(axes, llvm::seq<int64_t>(1, numDims));
    channel.columnFactor = makeLayout(view, rank, axes);
    shape.front() = out;
    shape.back() = rank;
    channel.rowFactor = makeLayout(view, rank, {0, rankAxis}, shape);
    forms.push_back(channel);
    if (numDims != 4 || positions == 1)
      return forms;

    FactorForm spatial = form;
    spatial.name = "spatial";
    spatial.rowDims = {0, 2};
    spatial.columnDims = {3, 1};
    spatial.columnFactor = makeLayout(view, rank, {rankAxis, 1, 3}, {rank, view[1], 1, in});
    spatial.rowFactor = makeLayout(view, rank, {0, 2, rankAxis}, {out, 1, view[2], rank});
    // The vertical convolution keeps the width of the image.
    int64_t before = getType(op.getInput()).getDimSize(2);
    int64_t after = getType(op.getOutput()).getDimSize(2);
    spatial.columnUses =
        before > 0 && after > 0 ? double(before) / double(after) : double(op.getStride()[1]);
    forms.push_back(spatial);
    return forms;
  }

  FailureOr<Value> createFactors(Operation *raw, OpBuilder &builder, const FactorForm &form,
                                 Value rowFactor, Value columnFactor, Value addend) const {
    int64_t rank = getFactorRank(form);
    if (!hasForm(getFactorForms(raw, rank), form))
      return raw->emitOpError("cannot be split in the form '") << form.name << "'";
    auto op = cast<OpTy>(raw);
    int64_t spatialDims = op.getStride().size(), last = spatialDims + 1;
    SmallVector<int64_t> noPad(2 * spatialDims, 0), ones(spatialDims, 1);
    auto biasType = RankedTensorType::get({1}, getType(op.getBias()).getElementType());
    Value noBias = tosa::ConstOp::create(builder, op.getLoc(), biasType,
                                         cast<ElementsAttr>(builder.getZeroAttr(biasType)));

    SmallVector<int64_t> pad(noPad), stride(ones), dilation(ones);
    auto first = cast<OpTy>(builder.clone(*raw));
    first.getBiasMutable().assign(noBias);
    first.getWeightMutable().assign(columnFactor);
    if (form.name == "spatial") {
      ArrayRef<int64_t> allPad = op.getPad(), allStride = op.getStride();
      first.setPad({allPad[0], allPad[1], 0, 0});
      first.setStride({allStride[0], 1});
      first.setDilation({op.getDilation()[0], 1});
      pad = {0, 0, allPad[2], allPad[3]};
      stride = {1, allStride[1]};
      dilation = {1, op.getDilation()[1]};
      first->getResult(0).setType(
          getTypeWith(op, {{2, getType(op.getInput()).getDimSize(2)}, {last, rank}}));
    } else {
      first->getResult(0).setType(getTypeWith(op, {{last, rank}}));
    }
    inheritAttributes(raw, first, "/v");
    Value between = castLike(builder, op.getLoc(), first->getResult(0), op.getInput());
    auto second = cast<OpTy>(builder.clone(*raw));
    second.getInputMutable().assign(between);
    second.getWeightMutable().assign(rowFactor);
    if (addend)
      second.getBiasMutable().assign(noBias);
    second.setPad(pad);
    second.setStride(stride);
    second.setDilation(dilation);
    inheritAttributes(raw, second, "/u");
    return finish(builder, second, addend);
  }
};
} // namespace

void mlir::compress::registerTosaFactors(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, tosa::TosaDialect *) {
    tosa::Conv2DOp::attachInterface<ConvFactorModel<tosa::Conv2DOp>>(*context);
    tosa::Conv3DOp::attachInterface<ConvFactorModel<tosa::Conv3DOp>>(*context);
    tosa::MatMulOp::attachInterface<MatMulFactorModel>(*context);
  });
}
