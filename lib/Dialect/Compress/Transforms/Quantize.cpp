//===- Quantize.cpp - quantization of weights and activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_QUANTIZE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Specifications
//===----------------------------------------------------------------------===//

FailureOr<QuantizeSpec> mlir::compress::makeQuantizeSpec(Location loc, StringRef format,
                                                         int64_t group, StringRef granularity,
                                                         StringRef convention, bool asymmetric,
                                                         StringRef activations, StringRef method) {
  std::string text = (format + ",method=" + method).str();
  if (group != 0)
    text += ",group=" + std::to_string(group);
  if (!granularity.empty())
    text += (",granularity=" + granularity).str();
  if (asymmetric)
    text += ",asymmetric";
  if (!convention.empty())
    text += (",convention=" + convention).str();
  if (!activations.empty())
    text += (",activations=" + activations).str();
  llvm::Expected<QuantizeSpec> spec = parseQuantizeSpec(text);
  if (!spec)
    return emitError(loc) << llvm::toString(spec.takeError());
  return *spec;
}

static DataType getCodeType(const QuantizeSpec &spec) {
  switch (spec.format) {
  case WeightFormat::Int8:
    return DataType::I8;
  case WeightFormat::Int4:
    return DataType::I4;
  case WeightFormat::Int2:
    return DataType::I2;
  }
  return DataType::I8;
}

BlockChoice mlir::compress::chooseBlock(const QuantizeSpec &spec, const WeightedOp &op) {
  ArrayRef<int64_t> shape = op.chain.getType().getShape();
  BlockChoice choice;
  if (spec.granularity == ScaleGranularity::Tensor) {
    choice.block.assign(shape.size(), -1);
    return choice;
  }
  choice.block.assign(shape.size(), 1);
  int64_t channels = op.contractionDims.front();
  bool grouped = spec.granularity == ScaleGranularity::Group && shape[channels] >= spec.group;
  if (grouped) {
    choice.block[channels] = spec.group;
    return choice;
  }
  for (int64_t dim : op.contractionDims)
    choice.block[dim] = -1;
  choice.perChannelInstead = spec.granularity == ScaleGranularity::Group;
  if (failed(getBlockView(shape, choice.block))) {
    choice.block.assign(shape.size(), 1);
    choice.block[channels] = -1;
    choice.perPosition = true;
  }
  return choice;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

FailureOr<QuantizedParts> mlir::compress::quantizeDense(WeightStore &store,
                                                        const StoredTensor &dense,
                                                        const QuantizeSpec &spec,
                                                        ArrayRef<int64_t> block, StringRef what,
                                                        EmitErrorFn emitError) {
  RankedTensorType type = dense.getType();
  MLIRContext *context = type.getContext();
  FailureOr<std::pair<BlockView, uint64_t>> view = getBlockView(type.getShape(), block);
  if (failed(view))
    return emitError() << "internal error: no view for the blocks of weight '" << what << "'";
  UniformGrid grid{getCodeType(spec), spec.convention};
  Type codeType = getElementType(grid.type, context);
  SmallVector<int64_t> scaleShape = getScaleShape(type.getShape(), block);

  QuantizedParts parts;
  parts.scales.block.assign(block.begin(), block.end());
  FailureOr<StoredTensor> codes =
      StoredTensor::allocate(store, RankedTensorType::get(type.getShape(), codeType), emitError);
  FailureOr<StoredTensor> scale = StoredTensor::allocate(
      store, RankedTensorType::get(scaleShape, type.getElementType()), emitError);
  if (failed(codes) || failed(scale))
    return failure();
  if (isAsymmetric(grid.convention)) {
    FailureOr<StoredTensor> zeroPoint =
        StoredTensor::allocate(store, RankedTensorType::get(scaleShape, codeType), emitError);
    if (failed(zeroPoint))
      return failure();
    parts.scales.zeroPoint = std::move(*zeroPoint);
  }
  QuantizationResult result = quantizeUniform(
      grid, view->first, view->second, dense.getDataType(), dense.bytes().data(),
      scale->getDataType(), codes->mutableBytes().data(), scale->mutableBytes().data(),
      parts.scales.zeroPoint ? parts.scales.zeroPoint->mutableBytes().data() : nullptr);
  if (result.fault) {
    if (result.fault->kind == QuantizationFault::NotFinite)
      return emitError() << "cannot quantize weight '" << what << "': element "
                         << result.fault->index << " is not finite";
    return emitError() << "cannot quantize weight '" << what << "': the scale of block "
                       << result.fault->index << " does not fit into " << type.getElementType();
  }
  parts.codes = std::move(*codes);
  parts.scales.scale = std::move(*scale);
  parts.squaredError = result.sumSquaredError;
  parts.sumSquares = result.sumSquares;
  return parts;
}

/// Why the activation of an op cannot be quantized; empty if it can.
static std::string explainFloatActivation(const WeightedOp &op) {
  if (!op.activation)
    return "the activation stays float: its type is not known";
  auto type = cast<RankedTensorType>(op.activation->get().getType());
  if (!type.getElementType().isF32() || type.getRank() < 1) {
    std::string text = "the activation stays float: expects an f32 tensor, got ";
    llvm::raw_string_ostream(text) << type;
    return text;
  }
  return "";
}

static std::string describeScales(const QuantizeSpec &spec, const BlockChoice &choice) {
  std::string text = getName(spec.format).str();
  if (spec.granularity == ScaleGranularity::Tensor)
    return text + " per tensor";
  if (spec.granularity == ScaleGranularity::Channel || choice.perChannelInstead)
    return text + " per channel";
  return text + " group " + std::to_string(spec.group);
}

LogicalResult mlir::compress::quantizeStep(WeightStore &store, const WeightTask &task,
                                           WeightOutcome &outcome) {
  if (!task.quantize)
    return success();
  EncodedWeight &weight = outcome.weight;
  if (weight.scales) {
    outcome.skipped.push_back("it is quantized already");
    return success();
  }
  if (std::string reason = explainUnfit(weight.type); !reason.empty()) {
    outcome.skipped.push_back(reason);
    return success();
  }
  auto emitError = [&] { return task.emitError(); };
  const QuantizeSpec &spec = *task.quantize;
  const WeightedOp &op = task.first();
  std::string name = op.chain.getSourceName();
  BlockChoice choice = chooseBlock(spec, op);

  if (weight.pattern && !weight.pattern->isDense() &&
      failed(expandPattern(store, weight, emitError)))
    return failure();
  FailureOr<QuantizedParts> parts =
      quantizeDense(store, weight.values, spec, choice.block, name, emitError);
  if (failed(parts))
    return failure();
  if (outcome.sumSquares == 0)
    outcome.sumSquares = parts->sumSquares;
  outcome.squaredError += parts->squaredError;
  weight.scales = std::move(parts->scales);
  weight.values = std::move(parts->codes);
  outcome.changed = true;
  outcome.done.push_back(describeScales(spec, choice));
  if (choice.perChannelInstead && op.contractionDims.size() > 1)
    outcome.skipped.push_back(
        "per output channel instead of group " + std::to_string(spec.group) + ": only " +
        std::to_string(weight.type.getDimSize(op.contractionDims.front())) + " input channels");
  if (choice.perPosition)
    outcome.skipped.push_back("each kernel position has scales of its own");
  if (spec.activations == ActivationMode::Dynamic)
    for (const WeightedOp &user : task.users)
      if (std::string reason = explainFloatActivation(user); !reason.empty())
        outcome.skipped.push_back(reason);
  return success();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Whether the value is the result of quantization already.
static bool isQuantizedActivation(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize && (dequantize.getCodes().getDefiningOp<DynamicQuantizeOp>() ||
                        dequantize.getCodes().getDefiningOp<QuantizeOp>());
}

/// `dequantize(dynamic_quantize(activation))`.
static Value quantizeDynamically(OpBuilder &builder, Location loc, Value activation,
                                 DynamicGranularity granularity) {
  auto type = cast<RankedTensorType>(activation.getType());
  bool perRow = granularity == DynamicGranularity::Row;
  Type code = perRow ? builder.getIntegerType(8) : builder.getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> scaleShape;
  DenseI64ArrayAttr block;
  if (perRow) {
    scaleShape.assign(type.getShape().begin(), type.getShape().end());
    scaleShape.back() = 1;
    SmallVector<int64_t> sizes(type.getRank(), 1);
    sizes.back() = -1;
    block = builder.getDenseI64ArrayAttr(sizes);
  }
  auto quantize = DynamicQuantizeOp::create(
      builder, loc, type.clone(code), RankedTensorType::get(scaleShape, type.getElementType()),
      RankedTensorType::get(scaleShape, code), activation, granularity);
  Value zeroPoint = perRow ? Value() : quantize.getZeroPoint();
  return DequantizeOp::create(builder, loc, type, quantize.getCodes(), quantize.getScale(),
                              zeroPoint, block);
}

void mlir::compress::quantizeActivations(ModuleOp module) {
  auto helper = module.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  llvm::DenseMap<std::pair<Value, Block *>, Value> made;
  for (const WeightedOp &op : collectWeighted(module)) {
    PlanAttr plan = helper.getAttr(op.op);
    std::optional<QuantizeSpec> spec = plan ? plan.getQuantizeSpec() : std::nullopt;
    if (!spec || spec->activations != ActivationMode::Dynamic || !op.activation ||
        !op.chain.getLink<DequantizeOp>())
      continue;
    Value activation = op.activation->get();
    if (isQuantizedActivation(activation) || !explainFloatActivation(op).empty())
      continue;
    // Rows are along the contraction only on the left of a matrix product.
    bool perTensor = op.kind == LayerKind::Conv || op.kind == LayerKind::ConvTranspose ||
                     op.activation->getOperandNumber() != 0;
    Value &quantized = made[{activation, op.op->getBlock()}];
    if (!quantized) {
      OpBuilder builder(op.op);
      // Not the location of the op: its name belongs to one node.
      Location loc = NameLoc::get(builder.getStringAttr(op.name + "/activation"));
      quantized =
          quantizeDynamically(builder, loc, activation,
                              perTensor ? DynamicGranularity::Tensor : DynamicGranularity::Row);
    }
    op.activation->set(quantized);
  }
}

namespace {
struct Quantize : public compress::impl::QuantizeBase<Quantize> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!format.empty()) {
      FailureOr<QuantizeSpec> spec = makeQuantizeSpec(module.getLoc(), format, group, granularity,
                                                      convention, asymmetric, activations, method);
      if (failed(spec))
        return signalPassFailure();
      planAll(module, PlanAttr::get(&getContext(), StringAttr::get(&getContext(), toString(*spec)),
                                    StringAttr()));
    }
    WeightRewriteOptions options{"compress-quantize", "quantize", /*prunes=*/false,
                                 /*quantizes=*/true};
    if (failed(rewriteWeights(module, options, quantizeStep)))
      return signalPassFailure();
    quantizeActivations(module);
  }
};
} // namespace
