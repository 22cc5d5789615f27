//===- ConvPlanes.cpp - copies of images in which taps are contiguous -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

MemRefType compress::getFlatType(Type elementType) {
  return getActivationType({ShapedType::kDynamic}, elementType);
}

/// Memory at `offset` of the buffer of `base`.
static Value getFlatAt(KernelBuilder &b, Value base, Value offset) {
  Type element = cast<MemRefType>(base.getType()).getElementType();
  // The size is not used.
  SmallVector<OpFoldResult> sizes{b.index(0)}, strides{b.getIndexAttr(1)};
  return b.create<memref::ReinterpretCastOp>(getFlatType(element), base, OpFoldResult(offset),
                                             sizes, strides);
}

StridedPlace StridedPlace::get(KernelBuilder &b, Value memref) {
  auto metadata = b.create<memref::ExtractStridedMetadataOp>(memref);
  return {metadata.getBaseBuffer(), metadata.getOffset(),
          SmallVector<Value>(metadata.getStrides())};
}

Value StridedPlace::getFlat(KernelBuilder &b, ValueRange indices) const {
  Value at = offset;
  for (auto [stride, index] : llvm::zip(strides, indices))
    at = b.add(at, b.mul(index, stride));
  return getFlatAt(b, base, at);
}

Value compress::advance(KernelBuilder &b, Value flat, Value offset) {
  StridedPlace place = StridedPlace::get(b, flat);
  return getFlatAt(b, place.base, b.add(place.offset, offset));
}

void compress::emitCall(KernelBuilder &b, func::FuncOp callee, ValueRange operands) {
  b.create<func::CallOp>(callee, operands);
}

Type compress::getPlaneElementType(MLIRContext *context, const ConvWeight &weight) {
  OpBuilder builder(context);
  if (weight.format == ConvWeight::Format::Integer)
    return builder.getI32Type();
  return builder.getF32Type();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

SmallVector<int64_t> ConvWindow::getPhases() const {
  SmallVector<int64_t> phases;
  for (int64_t tap = 0; tap < kernel[0]; ++tap)
    if (int64_t phase = tap * dilations[0] % strides[0]; !llvm::is_contained(phases, phase))
      phases.push_back(phase);
  llvm::sort(phases);
  return phases;
}

bool ConvWindow::isDirect() const {
  return kernel[1] == 1 && strides[0] == 1 && strides[1] == 1 && !padBegin[0] && !padBegin[1] &&
         !padEnd[0] && !padEnd[1];
}

std::string ConvWindow::getName() const {
  auto pair = [](StringRef key, const std::array<int64_t, 2> &values) {
    return (key + Twine(values[0]) + "x" + Twine(values[1])).str();
  };
  std::string name = pair("k", kernel);
  if (strides != std::array<int64_t, 2>{1, 1})
    name += pair("_s", strides);
  if (padBegin != std::array<int64_t, 2>{0, 0})
    name += pair("_p", padBegin);
  if (dilations != std::array<int64_t, 2>{1, 1})
    name += pair("_d", dilations);
  return name;
}

//===----------------------------------------------------------------------===//
// Pixels of a row
//===----------------------------------------------------------------------===//

/// 0, step, 2 step, ...
static Value getSteps(KernelBuilder &b, int64_t step) {
  int64_t lanes = b.getTarget().getLanes();
  SmallVector<int32_t> values;
  for (int64_t lane = 0; lane < lanes; ++lane)
    values.push_back(static_cast<int32_t>(lane * step));
  return b.create<arith::ConstantOp>(
      DenseElementsAttr::get(b.getVectorType(lanes, b.getI32Type()), ArrayRef<int32_t>(values)));
}

/// `loadPixels` of any step but 2.
static Value loadVector(KernelBuilder &b, Value source, Value at, Value firstColumn, Value width,
                        int64_t step, Value outside) {
  int64_t lanes = b.getTarget().getLanes();
  Value first = b.create<arith::IndexCastOp>(b.getI32Type(), firstColumn);
  Value limit = b.create<arith::IndexCastOp>(b.getI32Type(), width);
  Value column = b.create<arith::AddIOp>(b.broadcast(first, lanes), getSteps(b, step));
  Value inside =
      b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, column, b.broadcast(limit, lanes));
  VectorType type = b.getVectorType(lanes, cast<MemRefType>(source.getType()).getElementType());
  if (step == 1)
    return b.create<vector::MaskedLoadOp>(type, source, ValueRange{at}, inside, outside);
  return b.create<vector::GatherOp>(type, source, ValueRange{at}, getSteps(b, step), inside,
                                    outside);
}

Value compress::loadPixels(KernelBuilder &b, Value source, Value at, Value firstColumn, Value width,
                           int64_t step, Value outside) {
  if (step != 2)
    return loadVector(b, source, at, firstColumn, width, step, outside);
  int64_t lanes = b.getTarget().getLanes();
  Value low = loadVector(b, source, at, firstColumn, width, 1, outside);
  Value high =
      loadVector(b, source, b.add(at, lanes), b.add(firstColumn, lanes), width, 1, outside);
  SmallVector<int64_t> even;
  for (int64_t lane = 0; lane < lanes; ++lane)
    even.push_back(2 * lane);
  return b.create<vector::ShuffleOp>(low, high, even);
}

//===----------------------------------------------------------------------===//
// Planes
//===----------------------------------------------------------------------===//

namespace {
/// Writes the body of a planes function.
class PlanesEmitter {
public:
  PlanesEmitter(KernelBuilder &b, const ConvWindow &window, bool isInteger, ValueRange args)
      : b(b), window(window), lanes(b.getTarget().getLanes()), isInteger(isInteger), x(args[0]),
        channelStride(args[1]), rowStride(args[2]), height(args[3]), width(args[4]),
        channels(args[5]), planes(args[6]), row0(args[7]), rows(args[8]), column0(args[9]),
        columns(args[10]), fill(args[11]) {}

  void emit();

private:
  void emitColumn(Value source, Value plane, int64_t phase, Value tap, Value column,
                  OpFoldResult count);

  KernelBuilder &b;
  const ConvWindow &window;
  int64_t lanes;
  bool isInteger;
  Value x, channelStride, rowStride, height, width, channels, planes, row0, rows, column0, columns;
  /// An element of the planes: a number, or a zero point in the four bytes of an i32.
  Value fill;
  /// First of the channels that are together in an element, and how many there are.
  Value firstChannel;
};
} // namespace

/// `count` columns from `column` on, of all rows of a plane.
void PlanesEmitter::emitColumn(Value source, Value plane, int64_t phase, Value tap, Value column,
                               OpFoldResult count) {
  Value outside = b.broadcast(fill, lanes);
  Value firstColumn =
      b.add(b.mul(b.add(column0, column), window.strides[1]), b.mul(tap, window.dilations[1]));
  firstColumn = b.add(firstColumn, -window.padBegin[1]);
  // Rows of the image: (row0 + row) * stride + shift. Those in [begin, end) exist.
  int64_t stride = window.strides[0], shift = phase - window.padBegin[0];
  Value base = b.add(b.mul(row0, stride), shift);
  Value none = b.index(0);
  auto firstRowFrom = [&](Value imageRow) {
    // ceil((imageRow - base) / stride), at least 0.
    Value distance = b.max(b.sub(imageRow, base), none);
    return b.min(b.ceilDiv(distance, stride), rows);
  };
  Value begin = firstRowFrom(none), end = b.max(firstRowFrom(height), begin);
  auto fillRows = [&](Value from, Value to) {
    b.forLoop(from, to, 1, [&](Value row) {
      b.store(outside, planes, {b.add(b.add(plane, b.mul(row, columns)), column)}, count);
    });
  };
  fillRows(none, begin);
  b.forLoop(begin, end, 1, [&](Value row) {
    Value imageRow = b.add(b.mul(row, stride), base);
    Value at = b.add(b.mul(imageRow, rowStride), firstColumn);
    Value pixels;
    if (!isInteger) {
      pixels = loadPixels(b, source, at, firstColumn, width, window.strides[1], outside);
    } else {
      Value outsideByte = b.broadcast(b.create<arith::TruncIOp>(b.getI8Type(), fill), lanes);
      // Channels that do not exist repeat the last one; their codes in the weight are 0.
      Value last = b.sub(channels, b.index(1));
      Value word;
      for (int64_t i = 0; i < 4; ++i) {
        Value channel = b.min(b.add(firstChannel, i), last);
        Value from = b.add(at, b.mul(channel, channelStride));
        Value bytes =
            loadPixels(b, source, from, firstColumn, width, window.strides[1], outsideByte);
        Value wide = b.create<arith::ExtUIOp>(b.getVectorType(lanes, b.getI32Type()), bytes);
        if (i)
          wide = b.create<arith::ShLIOp>(wide, b.splatInt(wide.getType(), 8 * i));
        word = word ? b.create<arith::OrIOp>(word, wide) : wide;
      }
      pixels = word;
    }
    b.store(pixels, planes, {b.add(b.add(plane, b.mul(row, columns)), column)}, count);
  });
  fillRows(end, rows);
}

void PlanesEmitter::emit() {
  SmallVector<int64_t> phases = window.getPhases();
  int64_t phaseCount = static_cast<int64_t>(phases.size());
  int64_t perChannel = window.kernel[1] * phaseCount;
  Value none = b.index(0);
  Value planeSize = b.mul(rows, columns);
  Value elements = isInteger ? b.ceilDiv(channels, 4) : channels;
  Value fullColumns = b.mul(b.floorDiv(columns, lanes), lanes);
  b.forLoop(none, elements, 1, [&](Value channel) {
    Value source = x;
    if (isInteger)
      firstChannel = b.mul(channel, 4);
    else
      source = advance(b, x, b.mul(channel, channelStride));
    Value firstPlane = b.mul(b.mul(channel, perChannel), planeSize);
    b.forLoop(none, b.index(window.kernel[1]), 1, [&](Value tap) {
      Value tapPlanes = b.add(firstPlane, b.mul(b.mul(tap, phaseCount), planeSize));
      for (auto [index, phase] : llvm::enumerate(phases)) {
        Value plane = b.add(tapPlanes, b.mul(planeSize, static_cast<int64_t>(index)));
        b.forLoop(none, fullColumns, lanes, [&](Value column) {
          emitColumn(source, plane, phase, tap, column, b.getIndexAttr(lanes));
        });
        b.ifThen(b.less(fullColumns, columns), [&] {
          emitColumn(source, plane, phase, tap, fullColumns, b.sub(columns, fullColumns));
        });
      }
    });
  });
}

func::FuncOp compress::getConvPlanesFunction(KernelLibrary &library, const ConvWindow &window,
                                             bool isInteger) {
  OpBuilder builder(library.getContext());
  Type index = builder.getIndexType();
  Type input = isInteger ? Type(builder.getI8Type()) : Type(builder.getF32Type());
  Type element = isInteger ? Type(builder.getI32Type()) : Type(builder.getF32Type());
  SmallVector<Type> types{getFlatType(input),   index, index, index, index, index,
                          getFlatType(element), index, index, index, index, element};
  std::string name = std::string("conv_planes") + (isInteger ? "_int8_" : "_") + window.getName() +
                     "_" + library.getTarget().getName().str();
  return library.getOrCreate(
      name, "planes of an image for the taps of a window", types,
      [&](KernelBuilder &b, ValueRange args) { PlanesEmitter(b, window, isInteger, args).emit(); });
}

//===----------------------------------------------------------------------===//
// Taps and regions
//===----------------------------------------------------------------------===//

Value compress::makeConvTaps(KernelBuilder &b, const ConvWindow &window, Value planeSize,
                             Value columns) {
  if (window.getTaps() == 1)
    return {};
  Value taps = b.scratch({window.getTaps()}, b.getIndexType());
  SmallVector<int64_t> phases = window.getPhases();
  for (int64_t row = 0; row < window.kernel[0]; ++row) {
    int64_t position = row * window.dilations[0];
    int64_t phase = llvm::find(phases, position % window.strides[0]) - phases.begin();
    Value first = b.add(b.mul(planeSize, phase), b.mul(columns, position / window.strides[0]));
    b.forLoop(b.index(0), b.index(window.kernel[1]), 1, [&](Value column) {
      Value plane = b.mul(planeSize, static_cast<int64_t>(phases.size()));
      b.storeScalar(b.add(first, b.mul(column, plane)), taps,
                    {b.add(column, row * window.kernel[1])});
    });
  }
  return b.create<memref::CastOp>(MemRefType::get({ShapedType::kDynamic}, b.getIndexType()), taps);
}

Value compress::divideUp(KernelBuilder &b, Value a, Value c) {
  return b.createOrFold<arith::DivUIOp>(b.sub(b.add(a, c), b.index(1)), c);
}

Value compress::selectValue(KernelBuilder &b, Value condition, Value a, Value c) {
  return b.create<arith::SelectOp>(condition, a, c);
}

/// Columns of the smallest part of a row; a multiple of all tile widths.
static constexpr int64_t kColumnBlock = 64;

ConvRegions ConvRegions::get(KernelBuilder &b, Value perColumn, int64_t extra, Value limit,
                             Value outputRows, Value outputColumns, Value isFlat) {
  Value one = b.index(1);
  auto fit = [&](Value size) { return b.createOrFold<arith::DivUIOp>(limit, size); };
  Value rows = b.add(fit(b.add(b.mul(perColumn, outputColumns), 1)), -extra);
  rows = b.min(b.max(rows, one), b.max(outputRows, one));
  rows = selectValue(b, isFlat, rows, one);
  ConvRegions regions;
  regions.strips = divideUp(b, outputRows, rows);
  // Strips of equal size.
  regions.rows = divideUp(b, outputRows, b.max(regions.strips, one));
  Value part =
      b.mul(b.floorDiv(fit(b.add(b.mul(perColumn, 1 + extra), 1)), kColumnBlock), kColumnBlock);
  part = b.min(b.max(part, b.index(kColumnBlock)), outputColumns);
  Value isRow = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, regions.rows, one);
  regions.columns = selectValue(b, isRow, part, outputColumns);
  regions.parts = divideUp(b, outputColumns, b.max(regions.columns, one));
  return regions;
}

ConvRegions::Place ConvRegions::locate(KernelBuilder &b, Value number, Value outputRows,
                                       Value outputColumns) const {
  Place place;
  place.column = b.mul(b.create<arith::RemUIOp>(number, parts), columns);
  place.row = b.mul(b.create<arith::DivUIOp>(number, parts), rows);
  place.pixels = b.mul(b.min(rows, b.sub(outputRows, place.row)),
                       b.min(columns, b.sub(outputColumns, place.column)));
  return place;
}
