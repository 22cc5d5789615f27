//===- LinalgFactors.cpp - linalg ops as two with factors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Everything follows from the indexing maps. Loops over output channels of the weight
// count the rank in the first op, loops over what is contracted do in the second. Where
// the value between the two can have the layout of the activation, both are clones of
// the op (a named op stays one); else the second one is a contraction with maps of its
// own. The first op accumulates into zeros, the second into what the op accumulated into.
//
// Convolutions have no form "depthwise": depthwise ones are no weighted ops in this dialect.
//
//===----------------------------------------------------------------------===//

#include "Factors.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A contraction or convolution with a constant weight, its loops sorted by what they do.
struct Split {
  mutable linalg::LinalgOp op;
  OpOperand *weight = nullptr, *activation = nullptr;
  AffineMap weightMap, activationMap, resultMap;
  /// Loops over dims of the weight. What is contracted: input channels, then kernel positions.
  SmallVector<unsigned> batch, output, contracted;
  /// Of convolutions: loops over the image, vertical first.
  SmallVector<unsigned> image, kernel;
  bool isConv = false;
  /// Loops that only the result has.
  bool hasBroadcast = false;

  Value getInit() const { return op.getDpsInits().front(); }
  RankedTensorType getWeightType() const { return cast<RankedTensorType>(weight->get().getType()); }
  RankedTensorType getActivationType() const {
    return cast<RankedTensorType>(activation->get().getType());
  }
  RankedTensorType getResultType() const {
    return cast<RankedTensorType>(op->getResult(0).getType());
  }
};

/// A factor while it is described: dims of the weight, -1 for the rank, -2 for a dim of size 1.
constexpr int64_t unitAxis = -2;

} // namespace

static bool uses(AffineMap map, unsigned loop) { return map.isFunctionOfDim(loop); }

/// Dim of a value that `loop` walks over alone; nothing if there is none.
static std::optional<int64_t> findDim(AffineMap map, unsigned loop) {
  for (auto [dim, expr] : llvm::enumerate(map.getResults()))
    if (auto position = dyn_cast<AffineDimExpr>(expr); position && position.getPosition() == loop)
      return dim;
  return std::nullopt;
}

/// Whether the body only adds products of its inputs up, in floating point.
static bool isSumOfProducts(linalg::LinalgOp op) {
  unsigned products = 0, sums = 0;
  for (Operation &inner : *op.getBlock()) {
    products += isa<arith::MulFOp>(inner);
    sums += isa<arith::AddFOp>(inner);
    if (!isa<arith::MulFOp, arith::AddFOp, arith::ExtFOp, arith::TruncFOp, linalg::YieldOp>(inner))
      return false;
  }
  return products == 1 && sums == 1;
}

static FailureOr<Split> analyze(Operation *raw) {
  auto op = dyn_cast<linalg::LinalgOp>(raw);
  if (!op || !op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumDpsInputs() != 2)
    return failure();
  FailureOr<WeightedOp> weighted = getWeighted(raw);
  if (failed(weighted) || !weighted->activation || !isSumOfProducts(op))
    return failure();
  Split split;
  split.op = op;
  split.weight = weighted->operand;
  split.activation = weighted->activation;
  split.weightMap = op.getMatchingIndexingMap(split.weight);
  split.activationMap = op.getMatchingIndexingMap(split.activation);
  split.resultMap = op.getMatchingIndexingMap(&op.getDpsInitsMutable()[0]);
  for (Type value : {split.weight->get().getType(), split.activation->get().getType(),
                     op->getResult(0).getType()})
    if (auto type = dyn_cast<RankedTensorType>(value);
        !type || !isa<FloatType>(type.getElementType()))
      return failure();
  if (!split.getWeightType().hasStaticShape() || split.getWeightType().getNumElements() == 0)
    return failure();
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    bool isWeight = findDim(split.weightMap, loop).has_value();
    bool isInput = uses(split.activationMap, loop), isResult = uses(split.resultMap, loop);
    // A sum over something else than products with the weight's elements.
    if ((!isResult && !(isWeight && isInput)) || (uses(split.weightMap, loop) && !isWeight))
      return failure();
    split.hasBroadcast |= isResult && !isWeight && !isInput;
    if (isWeight)
      (!isInput ? split.output : isResult ? split.batch : split.contracted).push_back(loop);
  }
  split.isConv = linalg::isaConvolutionOpInterface(op);
  if (split.isConv) {
    FailureOr<linalg::ConvolutionDimensions> dims = linalg::inferConvolutionDims(op);
    if (failed(dims) || dims->inputChannel.size() != 1 || split.output.size() != 1 ||
        split.hasBroadcast)
      return failure();
    split.contracted.assign(dims->inputChannel.begin(), dims->inputChannel.end());
    llvm::append_range(split.contracted, dims->filterLoop);
    llvm::append_range(split.kernel, dims->filterLoop);
    llvm::append_range(split.image, dims->outputImage);
  }
  if (split.output.empty() || split.contracted.empty())
    return failure();
  return split;
}

/// Whether the result of a clone of the op has the layout of its activation, output channels
/// being where input channels are, so that it can be the activation of the next clone.
static bool isChainable(const Split &split) {
  if (split.output.size() != 1 || split.hasBroadcast ||
      (!split.isConv && split.contracted.size() != 1) ||
      split.activationMap.getNumResults() != split.resultMap.getNumResults() ||
      split.getActivationType().getElementType() != split.getResultType().getElementType())
    return false;
  for (auto [in, out] : llvm::zip(split.activationMap.getResults(), split.resultMap.getResults())) {
    auto loop = dyn_cast<AffineDimExpr>(out);
    if (!loop)
      return false;
    if (loop.getPosition() == split.output.front())
      loop = cast<AffineDimExpr>(getAffineDimExpr(split.contracted.front(), out.getContext()));
    bool isImage = llvm::is_contained(split.image, loop.getPosition());
    if (isImage ? !in.isFunctionOfDim(loop.getPosition()) : in != loop)
      return false;
  }
  return true;
}

/// Whether the strides and dilations of a convolution are attributes, not part of its maps.
static bool hasWindowAttributes(const Split &split) {
  return split.isConv && split.op->hasAttr("strides") && split.op->hasAttr("dilations");
}

static SmallVector<int64_t> getWindow(const Split &split, StringRef name) {
  return llvm::to_vector(split.op->getAttrOfType<DenseIntElementsAttr>(name).getValues<int64_t>());
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> toWeightDims(const Split &split, ArrayRef<unsigned> loops) {
  return llvm::map_to_vector(loops, [&](unsigned loop) { return *findDim(split.weightMap, loop); });
}

/// The dims of the weight with those of `loops` replaced: the first by the rank, the others by 1.
static SmallVector<int64_t> replaceDims(const Split &split, ArrayRef<unsigned> loops) {
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, split.getWeightType().getRank()));
  for (auto [index, dim] : llvm::enumerate(toWeightDims(split, loops)))
    axes[dim] = index == 0 ? FactorForm::rankAxis : unitAxis;
  return axes;
}

/// `keepUnits`: dims of size 1 are part of the stored shape.
static FactorForm::Layout makeLayout(const Split &split, ArrayRef<int64_t> axes, int64_t rank,
                                     bool keepUnits) {
  FactorForm::Layout layout;
  for (int64_t axis : axes) {
    if (axis != unitAxis)
      layout.axes.push_back(axis);
    if (axis != unitAxis || keepUnits)
      layout.shape.push_back(axis == unitAxis ? 1
                             : axis == FactorForm::rankAxis
                                 ? rank
                                 : split.getWeightType().getDimSize(axis));
  }
  return layout;
}

static FactorForm makeForm(const Split &split, StringRef name, ArrayRef<unsigned> rows,
                           ArrayRef<unsigned> columns, ArrayRef<unsigned> batch) {
  FactorForm form;
  form.name = name;
  llvm::append_range(form.view, split.getWeightType().getShape());
  form.rowDims = toWeightDims(split, rows);
  form.columnDims = toWeightDims(split, columns);
  form.batchDims = toWeightDims(split, batch);
  return form;
}

static std::vector<FactorForm> getForms(const Split &split, int64_t rank) {
  std::vector<FactorForm> forms;
  bool chainable = isChainable(split);
  // Contractions, and convolutions through one to `rank` channels.
  FactorForm &first = forms.emplace_back(makeForm(split, split.isConv ? "channel" : "matrix",
                                                  split.output, split.contracted, split.batch));
  first.columnFactor = makeLayout(split, replaceDims(split, split.output), rank, false);
  first.rowFactor = makeLayout(split, replaceDims(split, split.contracted), rank,
                               chainable && hasWindowAttributes(split));
  if (!split.isConv || !split.batch.empty())
    return forms;
  RankedTensorType type = split.getWeightType();
  int64_t positions = 1;
  for (int64_t dim : toWeightDims(split, split.kernel))
    positions *= type.getDimSize(dim);
  unsigned input = split.contracted.front(), output = split.output.front();
  if (positions > 1 && chainable && hasWindowAttributes(split) && split.kernel.size() == 2 &&
      split.image.size() == 2) {
    unsigned vertical = split.kernel[0], horizontal = split.kernel[1];
    FactorForm &form =
        forms.emplace_back(makeForm(split, "spatial", {output, horizontal}, {input, vertical}, {}));
    form.columnFactor = makeLayout(split, replaceDims(split, {output, horizontal}), rank, true);
    form.rowFactor = makeLayout(split, replaceDims(split, {input, vertical}), rank, true);
    // The vertical convolution keeps the width of the image.
    int64_t dim = *findDim(split.resultMap, split.image[1]);
    int64_t in = split.getActivationType().getDimSize(dim);
    int64_t out = split.getResultType().getDimSize(dim);
    form.columnUses =
        in > 0 && out > 0 ? double(in) / double(out) : double(getWindow(split, "strides")[1]);
  }
  return forms;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

namespace {
/// Makes the two ops in front of the one that is split.
class FactorBuilder {
public:
  FactorBuilder(OpBuilder &builder, const Split &split, int64_t rank)
      : builder(builder), split(split), rank(rank), loc(split.op.getLoc()) {}

  Value createMatrix(Value rowFactor, Value columnFactor, Value init);
  Value createSpatial(Value rowFactor, Value columnFactor, Value init);

private:
  AffineExpr getLoop(unsigned loop) { return builder.getAffineDimExpr(loop); }
  AffineMap getMap(ArrayRef<AffineExpr> results) {
    return AffineMap::get(split.op.getNumLoops() + 1, 0, results, builder.getContext());
  }
  /// The loop over the rank, one more than the op has.
  AffineExpr getRankLoop() { return getLoop(split.op.getNumLoops()); }
  /// A factor with the axes of a layout.
  AffineMap getFactorMap(const FactorForm::Layout &layout);
  /// Number of iterations of a loop.
  OpFoldResult getSize(AffineExpr loop);
  Value createZeros(ArrayRef<OpFoldResult> shape);
  Value createZeros(AffineMap map) {
    return createZeros(
        llvm::map_to_vector(map.getResults(), [&](AffineExpr loop) { return getSize(loop); }));
  }
  /// The op on another activation and weight.
  Operation *cloneOp(Value activation, Value weight, Value init, StringRef suffix);
  Value createContraction(Value activation, AffineMap activationMap, Value weight,
                          AffineMap weightMap, Value init, AffineMap resultMap, StringRef suffix);
  void setWindow(Operation *op, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations);

  OpBuilder &builder;
  const Split &split;
  int64_t rank;
  Location loc;
};
} // namespace

AffineMap FactorBuilder::getFactorMap(const FactorForm::Layout &layout) {
  return getMap(llvm::map_to_vector(layout.axes, [&](int64_t axis) {
    return axis == FactorForm::rankAxis ? getRankLoop() : split.weightMap.getResult(axis);
  }));
}

OpFoldResult FactorBuilder::getSize(AffineExpr expr) {
  unsigned loop = cast<AffineDimExpr>(expr).getPosition();
  if (loop == split.op.getNumLoops())
    return builder.getIndexAttr(rank);
  if (std::optional<int64_t> dim = findDim(split.weightMap, loop))
    return builder.getIndexAttr(split.getWeightType().getDimSize(*dim));
  if (std::optional<int64_t> dim = findDim(split.activationMap, loop))
    return tensor::getMixedSize(builder, loc, split.activation->get(), *dim);
  return tensor::getMixedSize(builder, loc, split.getInit(), *findDim(split.resultMap, loop));
}

Value FactorBuilder::createZeros(ArrayRef<OpFoldResult> shape) {
  Type element = split.getResultType().getElementType();
  Value empty = tensor::EmptyOp::create(builder, loc, shape, element);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

Operation *FactorBuilder::cloneOp(Value activation, Value weight, Value init, StringRef suffix) {
  SmallVector<Value> operands(split.op->getOperands());
  operands[split.activation->getOperandNumber()] = activation;
  operands[split.weight->getOperandNumber()] = weight;
  operands.back() = init;
  Operation *op = clone(builder, split.op, {init.getType()}, operands);
  inheritAttributes(split.op, op, suffix);
  // The maps of the other op, which strides are part of.
  op->removeDiscardableAttr(linalg::LinalgDialect::kMemoizedIndexingMapsAttrName);
  return op;
}

/// Casts a float to another type, if it has not got it.
static Value castFloat(OpBuilder &builder, Location loc, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (value.getType() == type)
    return value;
  if (from < to)
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from > to)
    return arith::TruncFOp::create(builder, loc, type, value);
  // f16 and bf16.
  Value wide = arith::ExtFOp::create(builder, loc, builder.getF32Type(), value);
  return arith::TruncFOp::create(builder, loc, type, wide);
}

/// A contraction with these maps, over the loops of the op and the rank. Generic ops become generic
/// ones, others linalg.contract.
Value FactorBuilder::createContraction(Value activation, AffineMap activationMap, Value weight,
                                       AffineMap weightMap, Value init, AffineMap resultMap,
                                       StringRef suffix) {
  bool isLeft = split.activation->getOperandNumber() == 0;
  SmallVector<Value, 2> inputs = {activation, weight};
  SmallVector<AffineMap> maps = {activationMap, weightMap, resultMap};
  if (!isLeft) {
    std::swap(inputs[0], inputs[1]);
    std::swap(maps[0], maps[1]);
  }
  maps = compressUnusedDims(maps);
  Operation *op = nullptr;
  if (!split.hasBroadcast && !isa<linalg::GenericOp>(split.op)) {
    op = linalg::ContractOp::create(builder, loc, init.getType(), inputs, init,
                                    builder.getAffineMapArrayAttr(maps));
  } else {
    SmallVector<utils::IteratorType> iterators;
    for (unsigned loop = 0; loop < maps.back().getNumDims(); ++loop)
      iterators.push_back(uses(maps.back(), loop) ? utils::IteratorType::parallel
                                                  : utils::IteratorType::reduction);
    op = linalg::GenericOp::create(builder, loc, init.getType(), inputs, init, maps, iterators,
                                   [](OpBuilder &b, Location l, ValueRange args) {
                                     Type type = args[2].getType();
                                     Value product =
                                         arith::MulFOp::create(b, l, castFloat(b, l, args[0], type),
                                                               castFloat(b, l, args[1], type));
                                     Value sum = arith::AddFOp::create(b, l, args[2], product);
                                     linalg::YieldOp::create(b, l, sum);
                                   });
  }
  inheritAttributes(split.op, op, suffix);
  // The maps of the other op, which strides are part of.
  op->removeDiscardableAttr(linalg::LinalgDialect::kMemoizedIndexingMapsAttrName);
  return op->getResult(0);
}

void FactorBuilder::setWindow(Operation *op, ArrayRef<int64_t> strides,
                              ArrayRef<int64_t> dilations) {
  op->setAttr("strides", builder.getI64TensorAttr(strides));
  op->setAttr("dilations", builder.getI64TensorAttr(dilations));
}

/// The form "matrix", and "channel" of convolutions.
Value FactorBuilder::createMatrix(Value rowFactor, Value columnFactor, Value init) {
  FactorForm form = getForms(split, rank).front();
  AffineMap rowMap = getFactorMap(form.rowFactor), columnMap = getFactorMap(form.columnFactor);
  SmallVector<AffineExpr> between;
  Value first;
  if (split.output.size() == 1 && !split.hasBroadcast) {
    // As the result, with the rank for output channels.
    for (AffineExpr expr : split.resultMap.getResults())
      between.push_back(expr == getLoop(split.output.front()) ? getRankLoop() : expr);
    first = cloneOp(split.activation->get(), columnFactor, createZeros(getMap(between)), "/v")
                ->getResult(0);
    if (isChainable(split) && (!split.isConv || hasWindowAttributes(split))) {
      Operation *second = cloneOp(first, rowFactor, init, "/u");
      if (split.isConv)
        setWindow(second, SmallVector<int64_t>(split.kernel.size(), 1),
                  SmallVector<int64_t>(split.kernel.size(), 1));
      return second->getResult(0);
    }
  } else {
    // As the activation, with the rank for input channels.
    for (AffineExpr expr : split.activationMap.getResults()) {
      unsigned loop = cast<AffineDimExpr>(expr).getPosition();
      if (loop == split.contracted.front())
        between.push_back(getRankLoop());
      else if (!llvm::is_contained(split.contracted, loop))
        between.push_back(expr);
    }
    // The rank is a loop of the activation's contractions; batch loops stay in between.
    first = createContraction(split.activation->get(), getMap(split.activationMap.getResults()),
                              columnFactor, columnMap, createZeros(getMap(between)),
                              getMap(between), "/v");
  }
  return createContraction(first, getMap(between), rowFactor, rowMap, init,
                           getMap(split.resultMap.getResults()), "/u");
}

/// A vertical convolution, then a horizontal one.
Value FactorBuilder::createSpatial(Value rowFactor, Value columnFactor, Value init) {
  SmallVector<int64_t> strides = getWindow(split, "strides");
  SmallVector<int64_t> dilations = getWindow(split, "dilations");
  SmallVector<OpFoldResult> shape;
  for (auto [dim, expr] : llvm::enumerate(split.resultMap.getResults())) {
    if (expr == getLoop(split.output.front()))
      shape.push_back(builder.getIndexAttr(rank));
    else if (expr == getLoop(split.image[1]))
      shape.push_back(tensor::getMixedSize(builder, loc, split.activation->get(), dim));
    else
      shape.push_back(getSize(expr));
  }
  Operation *first = cloneOp(split.activation->get(), columnFactor, createZeros(shape), "/v");
  setWindow(first, {strides[0], 1}, {dilations[0], 1});
  Operation *second = cloneOp(first->getResult(0), rowFactor, init, "/u");
  setWindow(second, {1, strides[1]}, {1, dilations[1]});
  return second->getResult(0);
}

namespace {
struct LinalgFactorModel : public FactorableOpInterface::FallbackModel<LinalgFactorModel> {
  std::vector<FactorForm> getFactorForms(Operation *op, int64_t rank) const {
    FailureOr<Split> split = analyze(op);
    return succeeded(split) ? getForms(*split, rank) : std::vector<FactorForm>();
  }

  FailureOr<Value> createFactors(Operation *op, OpBuilder &builder, const FactorForm &form,
                                 Value rowFactor, Value columnFactor, Value addend) const {
    FailureOr<Split> split = analyze(op);
    int64_t rank = getFactorRank(form);
    if (failed(split) || rank < 1 || !llvm::is_contained(getForms(*split, rank), form))
      return op->emitOpError("cannot be split in the form '") << form.name << "'";
    FactorBuilder factors(builder, *split, rank);
    Value init = addend ? addend : split->getInit();
    if (form.name == "spatial")
      return factors.createSpatial(rowFactor, columnFactor, init);
    return factors.createMatrix(rowFactor, columnFactor, init);
  }
};
} // namespace

void mlir::compress::registerLinalgFactors(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, linalg::LinalgDialect *dialect) {
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (&name.getDialect() == dialect && name.hasInterface<linalg::LinalgOp>())
        name.attachInterface<LinalgFactorModel>();
  });
}
