//===- Quantization.cpp - quantize, dequantize and dynamic scales ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Quantization.h"
#include "BlockGrid.h"
#include "Common.h"
#include "compress/Support/NumericFormats.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;

Expected<SmallVector<int64_t>> reference::getBlockGrid(ArrayRef<int64_t> shape,
                                                       ArrayRef<int64_t> block) {
  SmallVector<int64_t> grid;
  if (block.empty())
    return grid;
  if (block.size() != shape.size())
    return makeError("block " + shapeToString(block) + " does not fit shape " +
                     shapeToString(shape) + ": expected one entry per dim");
  for (size_t i = 0; i < shape.size(); ++i) {
    if (block[i] != -1 && block[i] < 1)
      return makeError("block " + shapeToString(block) + ": expected entries of -1 or at least 1");
    bool isWhole = block[i] == -1 || block[i] >= shape[i];
    // A dim of size zero has no block.
    grid.push_back(shape[i] == 0 ? 0 : (isWhole ? 1 : (shape[i] - 1) / block[i] + 1));
  }
  return grid;
}

Expected<BlockMap> BlockMap::create(StringRef op, ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> block) {
  BlockMap result;
  Expected<SmallVector<int64_t>> grid = getBlockGrid(shape, block);
  if (!grid)
    return inOp(op, grid.takeError());
  result.grid = *grid;
  result.strides.assign(block.size(), 0);
  int64_t stride = 1;
  for (size_t i = block.size(); i-- > 0;) {
    result.block.insert(result.block.begin(),
                        block[i] == -1 ? std::max<int64_t>(shape[i], 1) : block[i]);
    result.strides[i] = stride;
    stride *= std::max<int64_t>((*grid)[i], 1);
  }
  return result;
}

/// A parameter tensor, contiguous, one element per block.
static Expected<Tensor> loadParameter(StringRef op, const Tensor &x, const BlockMap &blocks,
                                      StringRef what) {
  if (blocks.grid.empty()) {
    if (llvm::Error error = checkOneElement(op, x, what))
      return std::move(error);
  } else if (llvm::Error error = checkShape(op, x, blocks.grid, what)) {
    return std::move(error);
  }
  // An own copy, so that slots count from 0.
  Expected<Tensor> result = x.clone();
  if (!result)
    return inOp(op, result.takeError());
  return result;
}

/// Zero points as I64 (or nothing); of float codes they must be zero.
static Expected<std::optional<Tensor>> loadZeroPoint(StringRef op, const Tensor *zeroPoint,
                                                     DataType type, const BlockMap &blocks) {
  if (!zeroPoint)
    return std::optional<Tensor>();
  if (llvm::Error error = checkType(op, *zeroPoint, type, "zero point"))
    return std::move(error);
  Expected<Tensor> loaded = loadParameter(op, *zeroPoint, blocks, "zero point");
  if (!loaded)
    return loaded.takeError();
  if (!isFloat(type))
    return std::optional<Tensor>(*loaded);
  for (int64_t i = 0; i < loaded->getNumElements(); ++i)
    // f8E8M0FNU has no zero, its code 0 is the only neutral one.
    if (loaded->loadFloat(i) != 0 && loaded->loadBits(i) != 0)
      return opError(op, "the zero point of float codes must be zero");
  return std::optional<Tensor>();
}

/// To the nearest integer, ties to even; NaN and infinities stay.
static double roundHalfEven(double value) {
  double floor = std::floor(value), rest = value - floor;
  if (rest > 0.5 || (rest == 0.5 && std::fmod(floor, 2.0) != 0))
    return floor + 1;
  return floor;
}

/// x / scale in f32 or f64.
static double divide(double x, double scale, bool isWide) {
  return isWide ? x / scale : static_cast<float>(x) / static_cast<float>(scale);
}

static llvm::Error checkCodeType(StringRef op, DataType type) {
  bool isCode = isFloat(type) ? getBitWidth(type) <= 8 : isInteger(type) && getBitWidth(type) <= 32;
  if (isCode)
    return llvm::Error::success();
  return opError(op, "codes have type " + getName(type) +
                         ", expected integers of at most 32 or floats of at most 8 bits");
}

/// Code of x / scale + zero point of an integer type.
static int64_t quantizeToInt(double quotient, int64_t zeroPoint, DataType type) {
  if (std::isnan(quotient))
    return zeroPoint;
  double code = roundHalfEven(quotient) + static_cast<double>(zeroPoint);
  code =
      std::clamp(code, static_cast<double>(getMinInt(type)), static_cast<double>(getMaxInt(type)));
  return static_cast<int64_t>(code);
}

Expected<Tensor> reference::quantize(const Tensor &x, const Tensor &scale, const Tensor *zeroPoint,
                                     ArrayRef<int64_t> block, DataType type, bool saturate) {
  StringRef op = "quantize";
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  if (llvm::Error error = checkFloat(op, scale, "scale"))
    return std::move(error);
  if (llvm::Error error = checkCodeType(op, type))
    return std::move(error);
  Expected<BlockMap> blocks = BlockMap::create(op, x.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  Expected<Tensor> scales = loadParameter(op, scale, *blocks, "scale");
  if (!scales)
    return scales;
  Expected<std::optional<Tensor>> zeros = loadZeroPoint(op, zeroPoint, type, *blocks);
  if (!zeros)
    return zeros.takeError();
  Expected<Tensor> result = Tensor::create(type, x.getShape());
  if (!result)
    return inOp(op, result.takeError());
  bool isWide = x.getType() == DataType::F64 || scale.getType() == DataType::F64;
  int64_t next = 0;
  forEachIndex(x.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t parameter = blocks->getSlot(index);
    double quotient = divide(x.loadFloat(x.getSlot(index)), scales->loadFloat(parameter), isWide);
    if (isFloat(type))
      result->storeBits(next++, encodeFloat(type, quotient, saturate));
    else
      result->storeInt(next++,
                       quantizeToInt(quotient, *zeros ? (*zeros)->loadInt(parameter) : 0, type));
  });
  return result;
}

Expected<Tensor> reference::dequantize(const Tensor &q, const Tensor &scale,
                                       const Tensor *zeroPoint, ArrayRef<int64_t> block,
                                       std::optional<DataType> resultType) {
  StringRef op = "dequantize";
  if (llvm::Error error = checkCodeType(op, q.getType()))
    return std::move(error);
  if (llvm::Error error = checkFloat(op, scale, "scale"))
    return std::move(error);
  DataType type = resultType.value_or(scale.getType());
  if (!isFloat(type))
    return opError(op, "the result has type " + getName(type) + ", expected a float type");
  Expected<BlockMap> blocks = BlockMap::create(op, q.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  Expected<Tensor> scales = loadParameter(op, scale, *blocks, "scale");
  if (!scales)
    return scales;
  Expected<std::optional<Tensor>> zeros = loadZeroPoint(op, zeroPoint, q.getType(), *blocks);
  if (!zeros)
    return zeros.takeError();
  Expected<Tensor> result = Tensor::create(type, q.getShape());
  if (!result)
    return inOp(op, result.takeError());
  bool isWide = scale.getType() == DataType::F64;
  int64_t next = 0;
  forEachIndex(q.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t parameter = blocks->getSlot(index), slot = q.getSlot(index);
    double code = q.loadFloat(slot), factor = scales->loadFloat(parameter);
    if (*zeros) // Codes have at most 32 bits: exact in double.
      code -= (*zeros)->loadFloat(parameter);
    double value = isWide ? code * factor : static_cast<float>(code) * static_cast<float>(factor);
    result->storeFloat(next++, value);
  });
  return result;
}

Expected<Tensor> reference::fakeQuantize(const Tensor &x, const Tensor &scale,
                                         const Tensor *zeroPoint, ArrayRef<int64_t> block,
                                         DataType type) {
  Expected<Tensor> codes = quantize(x, scale, zeroPoint, block, type);
  if (!codes)
    return inOp("fake_quantize", codes.takeError());
  Expected<Tensor> result = dequantize(*codes, scale, zeroPoint, block, x.getType());
  if (!result)
    return inOp("fake_quantize", result.takeError());
  return result;
}

Expected<Tensor> reference::lookup(const Tensor &codes, const Tensor &table, const Tensor &scale,
                                   ArrayRef<int64_t> block, ArrayRef<int64_t> tableBlock) {
  StringRef op = "lookup";
  if (llvm::Error error = checkFloat(op, table, "table"))
    return std::move(error);
  if (llvm::Error error = checkType(op, scale, table.getType(), "scale"))
    return std::move(error);
  Expected<Tensor> values = lookup(codes, table, tableBlock);
  if (!values)
    return values;
  Expected<BlockMap> blocks = BlockMap::create(op, codes.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  Expected<Tensor> scales = loadParameter(op, scale, *blocks, "scale");
  if (!scales)
    return scales;
  bool isWide = table.getType() == DataType::F64;
  int64_t next = 0;
  forEachIndex(codes.getShape(), [&](ArrayRef<int64_t> index) {
    double value = values->loadFloat(next), factor = scales->loadFloat(blocks->getSlot(index));
    values->storeFloat(next++, isWide ? value * factor
                                      : static_cast<float>(value) * static_cast<float>(factor));
  });
  return values;
}

/// (a + b) / 2 in f32 or f64.
static double getMidpoint(double a, double b, bool isWide) {
  return isWide ? (a + b) * 0.5 : (static_cast<float>(a) + static_cast<float>(b)) * 0.5f;
}

Expected<Tensor> reference::fakeQuantizeTable(const Tensor &x, const Tensor &scale,
                                              const Tensor &table, ArrayRef<int64_t> block,
                                              uint64_t entries) {
  StringRef op = "fake_quantize";
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  if (llvm::Error error = checkFloat(op, scale, "scale"))
    return std::move(error);
  if (llvm::Error error = checkFloat(op, table, "table"))
    return std::move(error);
  if (entries == 0 || table.getRank() != 1 || static_cast<uint64_t>(table.getDim(0)) < entries)
    return opError(op, "table has shape " + shapeToString(table.getShape()) +
                           ", expected one dim of at least " + Twine(entries) + " entries");
  Expected<BlockMap> blocks = BlockMap::create(op, x.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  Expected<Tensor> scales = loadParameter(op, scale, *blocks, "scale");
  if (!scales)
    return scales;
  Expected<Tensor> result = Tensor::create(x.getType(), x.getShape());
  if (!result)
    return inOp(op, result.takeError());
  bool isWide = x.getType() == DataType::F64 || scale.getType() == DataType::F64 ||
                table.getType() == DataType::F64;
  int64_t next = 0;
  forEachIndex(x.getShape(), [&](ArrayRef<int64_t> index) {
    double factor = scales->loadFloat(blocks->getSlot(index));
    double quotient = divide(x.loadFloat(x.getSlot(index)), factor, isWide);
    double best = table.getFloat({0});
    for (uint64_t i = 1; i < entries; ++i) {
      double entry = table.getFloat({static_cast<int64_t>(i)});
      double middle = getMidpoint(best, entry, isWide);
      if (entry > best ? quotient > middle : entry < best && quotient <= middle)
        best = entry;
    }
    result->storeFloat(next++, isWide ? best * factor
                                      : static_cast<float>(best) * static_cast<float>(factor));
  });
  return result;
}

namespace {
/// Smallest and largest value of a block, each including zero.
struct Extent {
  double low = 0, high = 0;
};
} // namespace

/// Rounds `value` to f32 unless the computation is in f64.
static double roundTo(double value, bool isWide) {
  return isWide ? value : static_cast<float>(value);
}

/// Zero point of an asymmetric range, see `dynamicQuantize`.
static int64_t computeZeroPoint(double low, double scale, DataType type, bool isWide) {
  auto qmin = static_cast<double>(getMinInt(type)), qmax = static_cast<double>(getMaxInt(type));
  double exact = roundTo(qmin - divide(low, scale, isWide), isWide);
  if (std::isnan(exact))
    return getMinInt(type);
  return static_cast<int64_t>(roundHalfEven(std::clamp(exact, qmin, qmax)));
}

Expected<DynamicQuantizeResult> reference::dynamicQuantize(const Tensor &x, ArrayRef<int64_t> block,
                                                           DataType type, bool symmetric) {
  StringRef op = "dynamic_quantize";
  if (llvm::Error error = checkFloat(op, x))
    return std::move(error);
  if (!isInteger(type) || getBitWidth(type) > 16 || (symmetric && !isSigned(type)))
    return opError(op, "codes have type " + getName(type) + ", expected " +
                           (symmetric ? "signed " : "") + "integers of at most 16 bits");
  Expected<BlockMap> blocks = BlockMap::create(op, x.getShape(), block);
  if (!blocks)
    return blocks.takeError();
  Expected<Tensor> scale = Tensor::create(x.getType(), blocks->grid);
  if (!scale)
    return inOp(op, scale.takeError());
  Expected<Tensor> zeroPoint = Tensor::create(type, blocks->grid);
  if (!zeroPoint)
    return inOp(op, zeroPoint.takeError());

  SmallVector<Extent, 0> extents(scale->getNumElements());
  forEachIndex(x.getShape(), [&](ArrayRef<int64_t> index) {
    Extent &extent = extents[blocks->getSlot(index)];
    double value = x.loadFloat(x.getSlot(index));
    if (value < extent.low) // False for NaN.
      extent.low = value;
    if (value > extent.high)
      extent.high = value;
  });

  bool isWide = x.getType() == DataType::F64;
  double qmin = static_cast<double>(getMinInt(type)), qmax = static_cast<double>(getMaxInt(type));
  for (size_t i = 0; i < extents.size(); ++i) {
    auto [low, high] = extents[i];
    double value = symmetric ? divide(std::max(-low, high), qmax, isWide)
                             : divide(roundTo(high - low, isWide), qmax - qmin, isWide);
    scale->storeFloat(i, value);
    if (scale->loadFloat(i) == 0)
      scale->storeFloat(i, 1);
    if (!symmetric)
      zeroPoint->storeInt(i, computeZeroPoint(low, scale->loadFloat(i), type, isWide));
  }
  Expected<Tensor> q = quantize(x, *scale, &*zeroPoint, block, type);
  if (!q)
    return inOp(op, q.takeError());
  return DynamicQuantizeResult{*q, *scale, *zeroPoint};
}
