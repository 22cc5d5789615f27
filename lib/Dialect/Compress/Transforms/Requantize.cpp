//===- Requantize.cpp - other values in the format of a weight ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Requantize.h"
#include "QuantizeWeight.h"
#include "compress/Support/NumericFormats.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// How the scales of a chain are stored.
enum class ScaleStorage { Direct, E8M0, E4M3, Double, Unknown };
} // namespace

static ScaleStorage getScaleStorage(const EncodedWeight::Scales &scales) {
  if (scales.isDirect())
    return ScaleStorage::Direct;
  if (std::holds_alternative<DoubleScales>(scales.storage))
    return ScaleStorage::Double;
  DataType type;
  if (const auto *nested = std::get_if<NestedScales>(&scales.storage)) {
    type = nested->codes.getDataType();
  } else {
    // As read from a chain.
    Operation *op = std::get<ScaleExpression>(scales.storage).value.getDefiningOp();
    if (auto add = dyn_cast<AddOp>(op)) {
      Operation *values = add.getLhs().getDefiningOp();
      if (auto reshape = dyn_cast<ReshapeOp>(values))
        values = reshape.getInput().getDefiningOp();
      auto lookup = dyn_cast_or_null<LookupOp>(values);
      bool isDouble =
          lookup && lookup.getScale() && lookup.getTable().getType().getNumElements() == 256;
      return isDouble ? ScaleStorage::Double : ScaleStorage::Unknown;
    }
    auto dequantize = dyn_cast<DequantizeOp>(op);
    if (!dequantize || dequantize.getZeroPoint())
      return ScaleStorage::Unknown;
    type = *getDataType(dequantize.getCodes().getType().getElementType());
  }
  return type == DataType::F8E8M0FNU  ? ScaleStorage::E8M0
         : type == DataType::F8E4M3FN ? ScaleStorage::E4M3
                                      : ScaleStorage::Unknown;
}

/// Dense codes as numbers: sign- or zero-extended.
static std::vector<int64_t> readCodes(const StoredTensor &codes) {
  std::vector<int64_t> result(codes.getType().getNumElements());
  for (auto [i, code] : llvm::enumerate(result))
    code = readPacked(codes.getDataType(), codes.bytes(), i);
  return result;
}

/// The convention of a symmetric integer weight whose codes mean `code - zero`.
static GridConvention recoverConvention(const EncodedWeight &weight, int64_t zero) {
  for (double scale : toDoubles(weight.scales->scale))
    if (scale < 0)
      return GridConvention::SymSignedMax;
  auto [view, group] = *getBlockView(weight.type.getShape(), weight.scales->block);
  uint64_t groups = view.getNumGroups(group);
  std::vector<uint8_t> hasLowest(view.outer * groups * view.inner), isZero(hasLowest.size(), 1);
  int64_t lowest = -(int64_t(1) << (getBitWidth(weight.values.getDataType()) - 1));
  std::vector<int64_t> codes = readCodes(weight.values);
  bool any = false;
  for (auto [i, code] : llvm::enumerate(codes)) {
    uint64_t inner = i % view.inner, k = i / view.inner % view.k, outer = i / view.inner / view.k;
    uint64_t block = (outer * groups + k / group) * view.inner + inner;
    isZero[block] &= code == zero;
    hasLowest[block] |= code - zero == lowest;
    any |= code - zero == lowest;
  }
  if (!any)
    return GridConvention::SymRestricted;
  for (auto [zeroBlock, has] : llvm::zip(isZero, hasLowest))
    if (!zeroBlock && !has)
      return GridConvention::SymFullRange;
  return GridConvention::SymSignedMax;
}

/// Whether an entry of `table` (padded with zeros) is that of the grid of `spec`, entry by entry.
static bool isTableOf(const QuantizeSpec &spec, const EncodedWeight &weight) {
  CodeGrid grid =
      makeFormatGrid(spec, *getDataType(weight.type.getElementType()), [] { return 1.0f; });
  std::vector<double> stored = toDoubles(*weight.table);
  ArrayRef<float> table = grid.getTable();
  if (getBitWidth(grid.getCodeType()) != getBitWidth(weight.values.getDataType()) ||
      table.size() > stored.size())
    return false;
  for (auto [i, value] : llvm::enumerate(stored)) {
    double expected = i < table.size() ? table[i] : 0;
    if (value != roundToType(weight.table->getDataType(), expected))
      return false;
  }
  return true;
}

/// The format of a weight of float codes, or of ternary codes, or with a table.
static std::optional<QuantizeSpec> recoverFormat(const EncodedWeight &weight,
                                                 ScaleStorage storage) {
  QuantizeSpec spec;
  spec.method = QuantizeMethod::Rtn;
  spec.range = RangeMethod::MinMax;
  spec.convention = GridConvention::SymRestricted;
  spec.doubleQuantize = storage == ScaleStorage::Double;
  bool isDirect = storage == ScaleStorage::Direct;
  DataType codes = weight.values.getDataType();
  for (const FormatInfo &info : getFormats()) {
    spec.format = info.format;
    spec.bits = info.bits;
    if (weight.table) {
      bool mayBeDouble = info.format == WeightFormat::Nf4 || info.format == WeightFormat::Fp4;
      if (info.family != FormatFamily::Table || !isUnsigned(info.codeType) ||
          !(isDirect || (mayBeDouble && spec.doubleQuantize)))
        continue;
      // Only powers of two have several widths.
      if (info.format == WeightFormat::Pow2)
        spec.bits = getBitWidth(codes);
      if (isTableOf(spec, weight))
        return spec;
      continue;
    }
    if (info.codeType != codes)
      continue;
    bool isMx = info.family == FormatFamily::Float && info.isGroupFixed;
    bool fits = info.format == WeightFormat::NvFp4 ? storage == ScaleStorage::E4M3
                : isMx                             ? storage == ScaleStorage::E8M0
                                                   : isDirect;
    if (fits && (info.family == FormatFamily::Float || info.format == WeightFormat::Ternary))
      return spec;
  }
  return std::nullopt;
}

namespace {
/// What a weight is rounded to: an integer grid with direct scales, or a format.
struct Target {
  std::optional<UniformGrid> grid;
  QuantizeSpec spec;
};
} // namespace

/// Nothing, with `reason`, if there is none.
static std::optional<Target> recoverTarget(const EncodedWeight &weight, std::string &reason) {
  Target target;
  if (weight.pattern || weight.mask) {
    reason = "its pruned elements would not stay zero";
  } else if (weight.vectors) {
    reason = "its codes stand for vectors of a codebook that was made for it";
  } else if (!weight.scales || !weight.tableBlock.empty()) {
    reason = "its table was made for it";
  }
  if (!reason.empty())
    return std::nullopt;
  ScaleStorage storage = getScaleStorage(*weight.scales);
  DataType codes = weight.values.getDataType();
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  if (!weight.table && isInteger(codes) && storage == ScaleStorage::Direct) {
    int64_t middle = isUnsigned(codes) ? int64_t(1) << (getBitWidth(codes) - 1) : 0;
    bool isSymmetric = llvm::all_of(zeroPoints, [&](int64_t zero) { return zero == middle; });
    // Unsigned codes without a zero point mean what they say: nothing negative.
    if (isSymmetric && (!isUnsigned(codes) || weight.scales->zeroPoint)) {
      target.grid = UniformGrid{codes, recoverConvention(weight, middle)};
      bool isTernary = codes == DataType::I2 && !weight.scales->zeroPoint &&
                       target.grid->convention == GridConvention::SymRestricted;
      if (!isTernary)
        return target;
      target.grid.reset();
    } else if (weight.scales->zeroPoint) {
      target.grid = UniformGrid{codes, GridConvention::AsymZeroIn};
      return target;
    } else {
      reason = "its codes have no sign";
      return std::nullopt;
    }
  }
  std::optional<QuantizeSpec> spec = recoverFormat(weight, storage);
  if (!spec) {
    reason = "its format is not known";
    return std::nullopt;
  }
  target.spec = *spec;
  return target;
}

std::string mlir::compress::explainNoRequantization(const EncodedWeight &weight) {
  std::string reason;
  recoverTarget(weight, reason);
  return reason;
}

/// Integers on min-max ranges with codes of exactly the old type.
static FailureOr<EncodedWeight> requantizeIntegers(WeightStore &store, const EncodedWeight &weight,
                                                   UniformGrid grid, const StoredTensor &dense,
                                                   StringRef name, EmitErrorFn emitError) {
  auto [view, group] = *getBlockView(weight.type.getShape(), weight.scales->block);
  EncodedWeight result;
  result.type = weight.type;
  result.scales.emplace();
  result.scales->block = weight.scales->block;
  auto allocate = [&](const StoredTensor &like) {
    return StoredTensor::allocate(store, like.getType(), emitError);
  };
  FailureOr<StoredTensor> codes = allocate(weight.values), scale = allocate(weight.scales->scale);
  if (failed(codes) || failed(scale))
    return failure();
  if (weight.scales->zeroPoint) {
    FailureOr<StoredTensor> zeroPoint = allocate(*weight.scales->zeroPoint);
    if (failed(zeroPoint))
      return failure();
    result.scales->zeroPoint = std::move(*zeroPoint);
  }
  QuantizationResult done = quantizeUniform(
      grid, view, group, dense.getDataType(), dense.bytes().data(), scale->getDataType(),
      codes->mutableBytes().data(), scale->mutableBytes().data(),
      result.scales->zeroPoint ? result.scales->zeroPoint->mutableBytes().data() : nullptr);
  if (done.fault)
    return emitError() << "cannot quantize weight '" << name << "' again: "
                       << (done.fault->kind == QuantizationFault::NotFinite ? "element "
                                                                            : "the scale of block ")
                       << done.fault->index
                       << (done.fault->kind == QuantizationFault::NotFinite
                               ? " is not finite"
                               : " does not fit into its type");
  result.values = std::move(*codes);
  result.scales->scale = std::move(*scale);
  return result;
}

FailureOr<EncodedWeight> mlir::compress::requantize(WeightStore &store, const EncodedWeight &weight,
                                                    const StoredTensor &dense, StringRef name,
                                                    EmitErrorFn emitError) {
  std::string reason;
  std::optional<Target> target = recoverTarget(weight, reason);
  if (!target)
    return emitError() << "cannot quantize weight '" << name << "' again: " << reason;
  if (target->grid)
    return requantizeIntegers(store, weight, *target->grid, dense, name, emitError);
  FailureOr<QuantizedParts> parts =
      quantizeDense(store, dense, target->spec, weight.scales->block, name, emitError);
  if (failed(parts))
    return failure();
  EncodedWeight result;
  result.type = weight.type;
  result.values = std::move(parts->codes);
  result.table = std::move(parts->table);
  result.scales = std::move(parts->scales);
  if (result.values.getType() != weight.values.getType() ||
      result.table.has_value() != weight.table.has_value())
    return emitError() << "internal error: weight '" << name << "' got another format";
  return result;
}
