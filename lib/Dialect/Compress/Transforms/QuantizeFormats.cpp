//===- QuantizeFormats.cpp - round to nearest in every format -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeight.h"
#include "compress/Algorithms/CodeTables.h"
#include "compress/Algorithms/DoubleQuantization.h"
#include "compress/Algorithms/Palette.h"
#include "compress/Algorithms/Ternary.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// First element that is not finite.
static std::optional<uint64_t> findNonFinite(ArrayRef<float> values) {
  for (auto [index, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return index;
  return std::nullopt;
}

std::optional<uint64_t> mlir::compress::findNonFinite(const StoredTensor &dense) {
  return ::findNonFinite(readFloats(dense));
}

float mlir::compress::getAbsMax(ArrayRef<float> values) {
  float most = 0;
  for (float value : values)
    most = std::max(most, std::fabs(value));
  return most;
}

std::pair<double, double> mlir::compress::compareFloats(const StoredTensor &before,
                                                        const StoredTensor &after) {
  std::vector<float> a = readFloats(before), b = readFloats(after);
  double error = 0, squares = 0;
  for (auto [x, y] : llvm::zip_equal(a, b)) {
    double difference = static_cast<double>(y) - x;
    error += difference * difference;
    squares += static_cast<double>(x) * x;
  }
  return {error, squares};
}

//===----------------------------------------------------------------------===//
// Grids
//===----------------------------------------------------------------------===//

CodeGrid mlir::compress::makeFormatGrid(const QuantizeSpec &spec, DataType elementType,
                                        llvm::function_ref<float()> getAbsMax) {
  // Grids work in f32; scales of f64 weights are f32 numbers.
  DataType scaleType = elementType == DataType::F64 ? DataType::F32 : elementType;
  switch (spec.format) {
  case WeightFormat::Binary:
    return makeBinaryGrid(scaleType);
  case WeightFormat::Ternary:
  case WeightFormat::Twn:
    return makeTernaryGrid(scaleType);
  case WeightFormat::Fp8E4M3:
  case WeightFormat::Fp8E5M2:
    return makeFloatGrid(getCodeType(spec), ScaleRule::AbsMax, scaleType);
  case WeightFormat::MxFp8:
  case WeightFormat::MxFp6E3M2:
  case WeightFormat::MxFp6E2M3:
  case WeightFormat::MxFp4:
    return makeFloatGrid(getCodeType(spec), ScaleRule::PowerOfTwo, scaleType);
  case WeightFormat::NvFp4: {
    CodeGrid grid = makeFloatGrid(DataType::F4E2M1FN, ScaleRule::E4M3, scaleType);
    grid.setTensorScale(getNVFP4TensorScale(getAbsMax()));
    return grid;
  }
  case WeightFormat::Nf4:
    return makeNF4Grid(scaleType);
  case WeightFormat::Fp4:
    return makeFP4Grid(scaleType);
  case WeightFormat::Pow2:
    return makePow2Grid(spec.bits, scaleType);
  default:
    return CodeGrid::makeUniform({getCodeType(spec), spec.convention}, scaleType);
  }
}

//===----------------------------------------------------------------------===//
// Storing
//===----------------------------------------------------------------------===//

FailureOr<QuantizedParts> mlir::compress::storeCodes(WeightStore &store, RankedTensorType type,
                                                     const QuantizeSpec &spec, const CodeGrid &grid,
                                                     ArrayRef<int64_t> block,
                                                     const BlockCodes &codes,
                                                     EmitErrorFn emitError) {
  MLIRContext *context = type.getContext();
  QuantizedParts parts;
  Type codeType = getElementType(grid.getCodeType(), context);
  FailureOr<StoredTensor> stored = makeCodes(store, type.clone(codeType), codes.codes, emitError);
  if (failed(stored))
    return failure();
  parts.codes = std::move(*stored);

  // Float codes are decoded by their type, other tables are stored.
  if (!grid.isUniform() && !isFloat(grid.getCodeType()) && isUnsigned(grid.getCodeType())) {
    SmallVector<float> table(size_t(1) << getBitWidth(grid.getCodeType()), 0.0f);
    llvm::copy(grid.getTable(), table.begin());
    FailureOr<StoredTensor> values = makeFloats(
        store, RankedTensorType::get({static_cast<int64_t>(table.size())}, type.getElementType()),
        table, emitError);
    if (failed(values))
      return failure();
    parts.table = std::move(*values);
  }

  std::vector<float> scales;
  std::vector<uint8_t> zeroPoints;
  for (const BlockParameters &parameters : codes.blocks) {
    scales.push_back(parameters.scale);
    zeroPoints.push_back(static_cast<uint8_t>(static_cast<int>(parameters.zeroPoint)));
  }
  FailureOr<EncodedWeight::Scales> made = failure();
  if (spec.doubleQuantize) {
    DoubleQuantizedScales result =
        codes.doubleScales ? *codes.doubleScales : quantizeScales(scales);
    made = makeDoubleScales(store, type, block, result.codes, getDynamicMap(), result.scales,
                            result.offset, kDoubleQuantizationBlock, emitError);
  } else if (grid.getScaleRule() == ScaleRule::PowerOfTwo && !grid.isUniform()) {
    made = makeNestedScales(store, type, block, DataType::F8E8M0FNU, scales, 1, emitError);
  } else if (grid.getScaleRule() == ScaleRule::E4M3 && !grid.isUniform()) {
    made = makeNestedScales(store, type, block, DataType::F8E4M3FN, scales, grid.getTensorScale(),
                            emitError);
  } else {
    made = makeScales(store, type, block, scales, emitError);
  }
  if (failed(made))
    return failure();
  parts.scales = std::move(*made);
  if (grid.hasZeroPoints()) {
    FailureOr<StoredTensor> stored =
        makeCodes(store, RankedTensorType::get(getScaleShape(type.getShape(), block), codeType),
                  zeroPoints, emitError);
    if (failed(stored))
      return failure();
    parts.scales->zeroPoint = std::move(*stored);
  }
  return parts;
}

/// A weight as shorter floats. Values beyond the range of fp16 are an error.
static FailureOr<QuantizedParts> castDense(WeightStore &store, const StoredTensor &dense,
                                           DataType to, StringRef what, EmitErrorFn emitError) {
  RankedTensorType type = dense.getType();
  std::vector<float> values = readFloats(dense);
  for (auto [index, value] : llvm::enumerate(values))
    if (std::fabs(value) > getMaxFinite(to))
      return emitError() << "cannot store weight '" << what << "' as " << getName(to)
                         << ": element " << index << " is " << value
                         << ", beyond its range; use bf16";
  FailureOr<StoredTensor> stored =
      makeFloats(store, type.clone(getElementType(to, type.getContext())), values, emitError);
  if (failed(stored))
    return failure();
  QuantizedParts parts;
  parts.codes = std::move(*stored);
  std::tie(parts.squaredError, parts.sumSquares) = compareFloats(dense, parts.codes);
  return parts;
}

/// A weight as codes of a table that is made for it.
static FailureOr<QuantizedParts> quantizePalette(WeightStore &store, const StoredTensor &dense,
                                                 const QuantizeSpec &spec, EmitErrorFn emitError) {
  RankedTensorType type = dense.getType();
  std::vector<float> values = readFloats(dense);
  PaletteOptions options;
  options.bits = spec.bits;
  options.start = PaletteStart::Density;
  Palette palette = fitPalette(values, {}, options);
  // As stored, so that codes are those of the nearest stored value.
  for (float &entry : palette.table)
    entry = static_cast<float>(roundToType(dense.getDataType(), entry));
  CodeGrid grid = makePaletteGrid(palette.table);
  QuantizedMatrix matrix =
      quantizeMatrix(grid, values.data(), /*rows=*/1, values.size(), values.size());
  DataType codeType = getCodeType(spec);
  QuantizedParts parts;
  FailureOr<StoredTensor> codes = makeCodes(
      store, type.clone(getElementType(codeType, type.getContext())), matrix.codes, emitError);
  FailureOr<StoredTensor> stored = makeFloats(
      store,
      RankedTensorType::get({static_cast<int64_t>(palette.table.size())}, type.getElementType()),
      palette.table, emitError);
  if (failed(codes) || failed(stored))
    return failure();
  parts.codes = std::move(*codes);
  parts.table = std::move(*stored);
  for (auto [value, code] : llvm::zip_equal(values, matrix.codes)) {
    double error = static_cast<double>(palette.table[code]) - value;
    parts.squaredError += error * error;
    parts.sumSquares += static_cast<double>(value) * value;
  }
  return parts;
}

//===----------------------------------------------------------------------===//
// Round to nearest
//===----------------------------------------------------------------------===//

/// Integers on min-max ranges, at memory speed.
static FailureOr<QuantizedParts> quantizeIntegers(WeightStore &store, const StoredTensor &dense,
                                                  const QuantizeSpec &spec, BlockView view,
                                                  uint64_t group, ArrayRef<int64_t> block,
                                                  StringRef what, EmitErrorFn emitError) {
  RankedTensorType type = dense.getType();
  UniformGrid grid{getCodeType(spec), spec.convention};
  Type codeType = getElementType(grid.type, type.getContext());
  SmallVector<int64_t> scaleShape = getScaleShape(type.getShape(), block);

  QuantizedParts parts;
  parts.scales.emplace();
  parts.scales->block.assign(block.begin(), block.end());
  FailureOr<StoredTensor> codes = StoredTensor::allocate(store, type.clone(codeType), emitError);
  FailureOr<StoredTensor> scale = StoredTensor::allocate(
      store, RankedTensorType::get(scaleShape, type.getElementType()), emitError);
  if (failed(codes) || failed(scale))
    return failure();
  if (isAsymmetric(grid.convention)) {
    FailureOr<StoredTensor> zeroPoint =
        StoredTensor::allocate(store, RankedTensorType::get(scaleShape, codeType), emitError);
    if (failed(zeroPoint))
      return failure();
    parts.scales->zeroPoint = std::move(*zeroPoint);
  }
  QuantizationResult result = quantizeUniform(
      grid, view, group, dense.getDataType(), dense.bytes().data(), scale->getDataType(),
      codes->mutableBytes().data(), scale->mutableBytes().data(),
      parts.scales->zeroPoint ? parts.scales->zeroPoint->mutableBytes().data() : nullptr);
  if (result.fault) {
    if (result.fault->kind == QuantizationFault::NotFinite)
      return emitError() << "cannot quantize weight '" << what << "': element "
                         << result.fault->index << " is not finite";
    return emitError() << "cannot quantize weight '" << what << "': the scale of block "
                       << result.fault->index << " does not fit into " << type.getElementType();
  }
  parts.codes = std::move(*codes);
  parts.scales->scale = std::move(*scale);
  parts.squaredError = result.sumSquaredError;
  parts.sumSquares = result.sumSquares;
  return parts;
}

/// Any format with scales: block after block, in f32.
static FailureOr<QuantizedParts> quantizeBlocks(WeightStore &store, const StoredTensor &dense,
                                                const QuantizeSpec &spec, BlockView view,
                                                uint64_t group, ArrayRef<int64_t> block,
                                                StringRef what, EmitErrorFn emitError) {
  std::vector<float> values = readFloats(dense);
  if (std::optional<uint64_t> index = ::findNonFinite(values))
    return emitError() << "cannot quantize weight '" << what << "': element " << *index
                       << " is not finite";
  CodeGrid grid = makeFormatGrid(spec, dense.getDataType(), [&] { return getAbsMax(values); });
  // Rows along k.
  size_t rows = view.outer * view.inner, k = view.k, groups = view.getNumGroups(group);
  std::vector<float> matrix;
  if (view.inner == 1) {
    matrix = std::move(values);
  } else {
    matrix.resize(rows * k);
    for (size_t o = 0; o < view.outer; ++o)
      for (size_t j = 0; j < k; ++j)
        for (size_t i = 0; i < view.inner; ++i)
          matrix[(o * view.inner + i) * k + j] = values[(o * k + j) * view.inner + i];
  }
  QuantizedMatrix quantized =
      spec.format == WeightFormat::Twn
          ? ternarizeMatrix(TernaryRule::Twn, matrix.data(), rows, k, group, grid.getScaleType())
          : quantizeMatrix(grid, matrix.data(), rows, k, group,
                           spec.range == RangeMethod::Mse ? WeightRange::Mse : WeightRange::MinMax);
  BlockCodes codes;
  codes.codes.resize(rows * k);
  codes.blocks.resize(rows * groups);
  for (size_t row = 0; row < rows; ++row)
    for (size_t g = 0; g < groups; ++g)
      codes.blocks[(row / view.inner * groups + g) * view.inner + row % view.inner] =
          quantized.getBlock(row, g * group);
  if (spec.doubleQuantize) {
    // Codes are those of the scales as stored.
    std::vector<float> scales;
    for (const BlockParameters &parameters : codes.blocks)
      scales.push_back(parameters.scale);
    codes.doubleScales = quantizeScales(scales);
    for (auto [parameters, scale] :
         llvm::zip_equal(codes.blocks, dequantizeScales(*codes.doubleScales)))
      parameters.scale = scale;
    for (size_t row = 0; row < rows; ++row)
      for (size_t g = 0; g < groups; ++g) {
        const BlockParameters &parameters =
            codes.blocks[(row / view.inner * groups + g) * view.inner + row % view.inner];
        quantized.blocks[row * groups + g] = parameters;
        for (size_t j = g * group; j < std::min<size_t>(k, (g + 1) * group); ++j)
          quantized.codes[row * k + j] = grid.encode(matrix[row * k + j], parameters);
      }
  }
  double squaredError = 0, sumSquares = 0;
  for (size_t row = 0; row < rows; ++row) {
    size_t o = row / view.inner, i = row % view.inner;
    for (size_t j = 0; j < k; ++j) {
      uint8_t code = quantized.codes[row * k + j];
      codes.codes[(o * k + j) * view.inner + i] = code;
      double value = matrix[row * k + j];
      double error = grid.decode(code, quantized.getBlock(row, j)) - value;
      squaredError += error * error;
      sumSquares += value * value;
    }
  }
  FailureOr<QuantizedParts> parts =
      storeCodes(store, dense.getType(), spec, grid, block, codes, emitError);
  if (failed(parts))
    return failure();
  parts->squaredError = squaredError;
  parts->sumSquares = sumSquares;
  return parts;
}

FailureOr<QuantizedParts> mlir::compress::quantizeDense(WeightStore &store,
                                                        const StoredTensor &dense,
                                                        const QuantizeSpec &spec,
                                                        ArrayRef<int64_t> block, StringRef what,
                                                        EmitErrorFn emitError) {
  FormatFamily family = spec.getInfo().family;
  if (family == FormatFamily::Cast || family == FormatFamily::Palette)
    if (std::optional<uint64_t> index = mlir::compress::findNonFinite(dense))
      return emitError() << "cannot quantize weight '" << what << "': element " << *index
                         << " is not finite";
  if (family == FormatFamily::Cast)
    return castDense(store, dense, getCodeType(spec), what, emitError);
  if (family == FormatFamily::Palette)
    return quantizePalette(store, dense, spec, emitError);
  FailureOr<std::pair<BlockView, uint64_t>> view = getBlockView(dense.getType().getShape(), block);
  if (failed(view))
    return emitError() << "internal error: no view for the blocks of weight '" << what << "'";
  auto quantize = family == FormatFamily::Integer && spec.range != RangeMethod::Mse
                      ? quantizeIntegers
                      : quantizeBlocks;
  return quantize(store, dense, spec, view->first, view->second, block, what, emitError);
}
