//===- ActivationQuantization.cpp - codes for activations -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/ActivationQuantization.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "llvm/Support/Format.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

std::optional<ActivationGrid> compress::getActivationGrid(FloatRange range, RangeGrid grid) {
  double low = std::min(range.low, 0.0), high = std::max(range.high, 0.0);
  int64_t codes = int64_t(1) << grid.bits;
  ActivationGrid result;
  double scale;
  if (grid.symmetric) {
    result.codeType = grid.bits == 4 ? DataType::I4 : DataType::I8;
    scale = std::max(-low, high) / static_cast<double>(codes / 2 - 1);
  } else {
    result.codeType = grid.bits == 4 ? DataType::U4 : DataType::U8;
    scale = (high - low) / static_cast<double>(codes - 1);
  }
  result.scale = static_cast<float>(scale);
  if (!std::isnormal(result.scale))
    return std::nullopt;
  if (!grid.symmetric)
    result.zeroPoint =
        std::clamp<int64_t>(static_cast<int64_t>(std::nearbyint(-low / scale)), 0, codes - 1);
  return result;
}

FloatRange compress::getActivationRange(const TensorStatistics &statistics,
                                        const QuantizeSpec &spec, std::string &note) {
  FloatRange seen{statistics.getMin(), statistics.getMax()};
  RangeGrid grid{spec.activationBits, spec.activationSymmetric};
  bool hasHistogram = !statistics.histogram.counts.empty();
  auto useSeen = [&](StringRef what) {
    note = ("the statistics have no " + what + " for the range " + getName(spec.activationRange) +
            ": smallest and largest value are used")
               .str();
    return seen;
  };
  switch (spec.activationRange) {
  case ActivationRange::MinMax:
    return seen;
  case ActivationRange::MovingAverage:
    if (statistics.movingRange.size() != 2)
      return useSeen("moving average");
    return {statistics.movingRange[0], statistics.movingRange[1]};
  case ActivationRange::Percentile:
    if (!hasHistogram)
      return useSeen("histogram");
    return getPercentileRange(statistics.histogram, seen, spec.percentile, grid.symmetric);
  case ActivationRange::Entropy:
    if (!hasHistogram)
      return useSeen("histogram");
    return getEntropyRange(statistics.histogram, seen, grid);
  case ActivationRange::Mse:
    if (!hasHistogram)
      return useSeen("histogram");
    return getMseRange(statistics.histogram, seen, grid);
  }
  return seen;
}

//===----------------------------------------------------------------------===//
// Decisions
//===----------------------------------------------------------------------===//

std::string compress::explainFloatActivation(const WeightedOp &op) {
  if (!op.activation)
    return "the activation stays float: its type is not known";
  auto type = dyn_cast<RankedTensorType>(op.activation->get().getType());
  if (!type || !type.getElementType().isF32() || type.getRank() < 1) {
    std::string text = "the activation stays float: expects an f32 tensor, got ";
    llvm::raw_string_ostream(text) << op.activation->get().getType();
    return text;
  }
  return "";
}

bool compress::isQuantizedActivation(Value value) {
  if (auto fake = value.getDefiningOp<FakeQuantizeOp>())
    return failed(getWeightChain(value));
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  return dequantize && (dequantize.getCodes().getDefiningOp<DynamicQuantizeOp>() ||
                        dequantize.getCodes().getDefiningOp<QuantizeOp>());
}

/// Why there can be no static codes; empty if there can.
static std::string explainNoStatistics(const Statistics *all, const TensorStatistics *statistics) {
  if (!all)
    return "there are no statistics";
  if (!statistics)
    return "the statistics have no entry for it";
  if (statistics->vectors == 0)
    return "it was never computed while calibrating";
  if (statistics->min.empty())
    return "the statistics have no range for it";
  return "";
}

FailureOr<ActivationChoice> compress::chooseActivation(const WeightedOp &op,
                                                       const QuantizeSpec &spec) {
  ActivationChoice choice;
  // Rows are along the contraction only on the left of a matrix product.
  bool hasRows = op.kind != LayerKind::Conv && op.kind != LayerKind::ConvTranspose &&
                 op.activation->getOperandNumber() == 0;
  choice.bits = spec.activationBits;
  choice.perRow = hasRows && spec.activationGranularity != ActivationGranularity::Tensor;
  auto *dialect = op.op->getContext()->getLoadedDialect<CompressDialect>();
  const Statistics *all = dialect->getStatistics();
  bool isStatic = spec.activations == ActivationMode::Static ||
                  (spec.activations == ActivationMode::Auto && all);
  std::string reason;
  if (isStatic) {
    const TensorStatistics *statistics = all ? all->findInput(op.name) : nullptr;
    reason = explainNoStatistics(all, statistics);
    if (reason.empty() && statistics->nonFinite)
      return op.op->emitError() << "cannot quantize the activation of \"" << op.name
                                << "\": calibration saw " << statistics->nonFinite
                                << " values that are not finite";
    if (reason.empty()) {
      choice.range = getActivationRange(*statistics, spec, choice.note);
      choice.grid =
          getActivationGrid(choice.range, {spec.activationBits, spec.activationSymmetric});
      if (choice.grid)
        return choice;
      reason = "it was 0 throughout calibration";
    }
    choice.note = "it has dynamic scales: " + reason;
  }
  return choice;
}

std::string compress::describe(const ActivationChoice &choice, const QuantizeSpec &spec) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (!choice.grid) {
    os << (choice.perRow ? "i" : "ui") << choice.bits << " dynamic per "
       << (choice.perRow ? "row" : "tensor");
    return text;
  }
  const ActivationGrid &grid = *choice.grid;
  os << (grid.hasZeroPoint() ? "ui" : "i") << getBitWidth(grid.codeType) << " static, "
     << getName(spec.activationRange) << " ["
     << llvm::format("%.6g, %.6g], scale %.6g", choice.range.low, choice.range.high, grid.scale);
  if (grid.hasZeroPoint())
    os << ", zero point " << grid.zeroPoint;
  return text;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

ActivationRewriter::ActivationRewriter(ModuleOp module, bool fake)
    : fake(fake), store(module.getContext()), symbols(module) {}

/// `dequantize(dynamic_quantize(activation))`.
static Value quantizeDynamically(OpBuilder &builder, Location loc, Value activation,
                                 const ActivationChoice &choice) {
  auto type = cast<RankedTensorType>(activation.getType());
  bool perRow = choice.perRow;
  Type code = perRow ? builder.getIntegerType(choice.bits)
                     : builder.getIntegerType(choice.bits, /*isSigned=*/false);
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
      RankedTensorType::get(scaleShape, code), activation,
      perRow ? DynamicGranularity::Row : DynamicGranularity::Tensor);
  Value zeroPoint = perRow ? Value() : quantize.getZeroPoint();
  return DequantizeOp::create(builder, loc, type, quantize.getCodes(), quantize.getScale(),
                              zeroPoint, block);
}

FailureOr<std::pair<Value, Value>>
ActivationRewriter::createParameters(OpBuilder &builder, const WeightedOp &op,
                                     const ActivationGrid &grid) {
  auto emitError = [&] { return op.op->emitError(); };
  WeightSourceOpInterface source = op.chain.source;
  Location loc = op.op->getLoc();
  Type code = getElementType(grid.codeType, builder.getContext());
  if (!isa<LoadOp>(source)) {
    // Constants of other dialects have no unsigned integers.
    auto constant = [&](Type element, Attribute value) -> Value {
      auto type = RankedTensorType::get({}, element);
      return ConstantOp::create(builder, loc, type, DenseElementsAttr::get(type, value));
    };
    Value scale = constant(builder.getF32Type(), builder.getF32FloatAttr(grid.scale));
    if (!grid.hasZeroPoint())
      return std::make_pair(scale, Value());
    return std::make_pair(scale, constant(code, builder.getIntegerAttr(code, grid.zeroPoint)));
  }
  FailureOr<StoredTensor> scale =
      StoredTensor::allocate(store, RankedTensorType::get({}, builder.getF32Type()), emitError);
  if (failed(scale))
    return failure();
  std::memcpy(scale->mutableBytes().data(), &grid.scale, sizeof(float));
  std::string name = op.name + ".input";
  Value scaleValue = scale->materialize(builder, symbols, store, source, name + ".scale");
  if (!grid.hasZeroPoint())
    return std::make_pair(scaleValue, Value());
  FailureOr<StoredTensor> zero =
      StoredTensor::allocate(store, RankedTensorType::get({}, code), emitError);
  if (failed(zero))
    return failure();
  // One code, in the low bits of its byte.
  zero->mutableBytes()[0] = static_cast<char>(grid.zeroPoint);
  return std::make_pair(scaleValue,
                        zero->materialize(builder, symbols, store, source, name + ".zero_point"));
}

Value ActivationRewriter::create(OpBuilder &builder, const WeightedOp &op,
                                 const ActivationChoice &choice) {
  Value activation = op.activation->get();
  // Not the location of the op: its name belongs to one node.
  Location loc = NameLoc::get(builder.getStringAttr(op.name + "/activation"));
  if (!choice.grid)
    return quantizeDynamically(builder, loc, activation, choice);
  FailureOr<std::pair<Value, Value>> parameters = createParameters(builder, op, *choice.grid);
  if (failed(parameters))
    return {};
  auto [scale, zeroPoint] = *parameters;
  auto type = cast<RankedTensorType>(activation.getType());
  Type code = getElementType(choice.grid->codeType, builder.getContext());
  if (fake)
    return FakeQuantizeOp::create(builder, loc, type, activation, scale, zeroPoint,
                                  TypeAttr::get(code), DenseI64ArrayAttr());
  Value codes = QuantizeOp::create(builder, loc, type.clone(code), activation, scale, zeroPoint,
                                   DenseI64ArrayAttr());
  return DequantizeOp::create(builder, loc, type, codes, scale, zeroPoint, DenseI64ArrayAttr());
}

LogicalResult ActivationRewriter::rewrite(const WeightedOp &op, const ActivationChoice &choice) {
  Value activation = op.activation->get();
  Block *block = op.op->getBlock();
  Key key(activation, block, choice.perRow ? -2 : -1, choice.bits, 0);
  if (choice.grid) {
    uint32_t bits;
    std::memcpy(&bits, &choice.grid->scale, sizeof(bits));
    key = Key(activation, block, static_cast<int>(choice.grid->codeType), bits,
              choice.grid->zeroPoint);
  }
  auto &candidates = made[{activation, block}];
  auto *it = llvm::find_if(candidates, [&](const auto &entry) { return entry.first == key; });
  Value rounded = it == candidates.end() ? Value() : it->second;
  if (!rounded) {
    OpBuilder builder(op.op);
    rounded = create(builder, op, choice);
    if (!rounded)
      return failure();
    candidates.emplace_back(key, rounded);
  }
  op.activation->set(rounded);
  return success();
}
