//===- PoolKernel.cpp - pooling of images -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/PoolKernel.h"
#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::compress;

/// Elements of the planes of a region: they stay in the L1 cache.
static constexpr int64_t kPoolElements = 6 * 1024;
/// Elements of the planes that are worth a piece of work for a thread.
static constexpr int64_t kPoolWork = 16 * 1024;

/// Taps whose code is repeated rather than looped over.
static constexpr int64_t kMaxUnrolled = 9;

namespace {
/// Writes the body of a pooling kernel.
class PoolEmitter {
public:
  PoolEmitter(KernelBuilder &b, const PoolRequest &request, func::FuncOp planes, ValueRange args)
      : b(b), request(request), window(request.window), planesFunction(planes),
        lanes(b.getTarget().getLanes()), x(args[0]), y(args[1]), xPlace(StridedPlace::get(b, x)),
        yPlace(StridedPlace::get(b, y)), outputRows(b.dim(y, 2)), outputColumns(b.dim(y, 3)) {}

  void emit();

private:
  void emitImages(Value counts);
  void emitRegion(Value planes, Value taps, Value output, Value counts, Value pixels);
  Value combine(Value sum, Value value);
  Value finish(Value sum, Value counts, Value at, Value count);
  void writeCounts(Value counts);
  Value countTaps(int64_t dim, Value position);
  Value getNeutral() {
    return b.f32(request.isMax ? -std::numeric_limits<float>::infinity() : 0.0f);
  }

  KernelBuilder &b;
  const PoolRequest &request;
  const ConvWindow &window;
  func::FuncOp planesFunction;
  int64_t lanes;
  Value x, y;
  StridedPlace xPlace, yPlace;
  Value outputRows, outputColumns;
};
} // namespace

Value PoolEmitter::combine(Value sum, Value value) {
  if (!request.isMax)
    return b.addf(sum, value);
  // A later NaN replaces all, a NaN so far stays.
  Value isLess = b.create<arith::CmpFOp>(arith::CmpFPredicate::OGT, value, sum);
  Value larger = b.create<arith::SelectOp>(isLess, value, sum);
  Value isNan = b.create<arith::CmpFOp>(arith::CmpFPredicate::UNO, value, value);
  return b.create<arith::SelectOp>(isNan, value, larger);
}

/// The average of a sum of the pixels from `at` on.
Value PoolEmitter::finish(Value sum, Value counts, Value at, Value count) {
  if (request.isMax)
    return sum;
  if (!counts)
    return b.divf(sum, b.splat(sum.getType(), static_cast<double>(window.getTaps())));
  Value divisor =
      count ? b.load(lanes, counts, {at}, OpFoldResult(count)) : b.load(lanes, counts, {at});
  return b.divf(sum, divisor);
}

/// The pixels of a region, in vectors; the last one ends at the last pixel.
void PoolEmitter::emitRegion(Value planes, Value taps, Value output, Value counts, Value pixels) {
  auto pool = [&](Value at, Value count) {
    auto load = [&](Value from) {
      return count ? b.load(lanes, planes, {from}, OpFoldResult(count))
                   : b.load(lanes, planes, {from});
    };
    Value sum = load(at);
    auto addTap = [&](Value tap, Value before) {
      return combine(before, load(b.add(b.loadScalar(taps, {tap}), at)));
    };
    if (window.getTaps() <= kMaxUnrolled)
      for (int64_t tap = 1; tap < window.getTaps(); ++tap)
        sum = addTap(b.index(tap), sum);
    else
      sum = b.forLoop(b.index(1), b.index(window.getTaps()), 1, {sum},
                      [&](Value tap, ValueRange sums) -> SmallVector<Value> {
                        return {addTap(tap, sums[0])};
                      })[0];
    Value result = finish(sum, counts, at, count);
    if (count)
      b.store(result, output, {at}, OpFoldResult(count));
    else
      b.store(result, output, {at});
  };
  b.ifThen(
      b.less(pixels, b.index(lanes)), [&] { pool(b.index(0), pixels); },
      [&] {
        Value last = b.sub(pixels, b.index(lanes));
        b.forLoop(b.index(0), pixels, lanes, [&](Value at) { pool(b.min(at, last), Value()); });
      });
}

/// How many taps of the window at `position` are in the image, or in the padded image.
Value PoolEmitter::countTaps(int64_t dim, Value position) {
  Value size = b.add(b.dim(x, 2 + dim), request.countsPadding ? window.padEnd[dim] : 0);
  Value first = b.add(b.mul(position, window.strides[dim]), -window.padBegin[dim]);
  int64_t lowest = request.countsPadding ? -window.padBegin[dim] : 0;
  Value none = b.index(0);
  return b.forLoop(none, b.index(window.kernel[dim]), 1, {none},
                   [&](Value tap, ValueRange counts) -> SmallVector<Value> {
                     Value at = b.add(first, b.mul(tap, window.dilations[dim]));
                     Value isFrom =
                         b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, at, b.index(lowest));
                     Value isInside = b.create<arith::AndIOp>(isFrom, b.less(at, size));
                     return {b.add(counts[0], selectValue(b, isInside, b.index(1), none))};
                   })[0];
}

void PoolEmitter::writeCounts(Value counts) {
  Value none = b.index(0);
  auto toFloat = [&](Value count) {
    Value integer = b.create<arith::IndexCastOp>(b.getI32Type(), count);
    return b.create<arith::SIToFPOp>(b.getF32Type(), integer);
  };
  b.forLoop(none, outputRows, 1, [&](Value row) {
    Value rowCount = toFloat(countTaps(0, row));
    b.forLoop(none, outputColumns, 1, [&](Value column) {
      Value count = b.mulf(rowCount, toFloat(countTaps(1, column)));
      // A window without elements has the average 0.
      count = b.maxf(count, b.f32(1));
      b.storeScalar(count, counts, {b.add(b.mul(row, outputColumns), column)});
    });
  });
}

void PoolEmitter::emitImages(Value counts) {
  Value none = b.index(0), one = b.index(1);
  int64_t extra = window.getExtraRows();
  int64_t copies = window.kernel[1] * static_cast<int64_t>(window.getPhases().size());
  Value isFlat =
      b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, yPlace.strides[2], outputColumns);
  ConvRegions shape =
      ConvRegions::get(b, b.index(copies), extra, kPoolElements, outputRows, outputColumns, isFlat);
  Value planeRows = b.add(shape.rows, extra);
  Value planeSize = b.mul(planeRows, shape.columns);
  Value size = b.mul(planeSize, copies);
  Value taps = makeConvTaps(b, window, planeSize, shape.columns);
  Value perImage = b.mul(shape.strips, shape.parts), channels = b.dim(x, 1);
  Value images = b.mul(b.dim(x, 0), channels);
  Value work = b.mul(size, b.max(perImage, one));
  Value grain = b.add(b.createOrFold<arith::DivUIOp>(b.index(kPoolWork), b.add(work, 1)), 1);
  MemRefType room = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
  b.parallelFor(divideUp(b, images, grain), [&](Value piece) {
    b.withBuffer(room, {size}, [&](Value buffer) {
      Value planes = StridedPlace::get(b, buffer).getFlat(b, {none});
      Value begin = b.mul(piece, grain);
      b.forLoop(begin, b.min(b.add(begin, grain), images), 1, [&](Value number) {
        Value image = b.create<arith::DivUIOp>(number, channels);
        Value channel = b.create<arith::RemUIOp>(number, channels);
        Value source = xPlace.getFlat(b, {image, channel});
        b.forLoop(none, perImage, 1, [&](Value region) {
          ConvRegions::Place place = shape.locate(b, region, outputRows, outputColumns);
          emitCall(b, planesFunction,
                   {source, xPlace.strides[1], xPlace.strides[2], b.dim(x, 2), b.dim(x, 3), one,
                    planes, place.row, planeRows, place.column, shape.columns, getNeutral()});
          Value output = yPlace.getFlat(b, {image, channel, place.row, place.column});
          Value regionCounts = counts;
          if (counts)
            regionCounts = advance(b, counts, b.add(b.mul(place.row, outputColumns), place.column));
          emitRegion(planes, taps, output, regionCounts, place.pixels);
        });
      });
    });
  });
}

void PoolEmitter::emit() {
  if (request.isMax || !request.variesCount)
    return emitImages(Value());
  MemRefType type = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
  b.withBuffer(type, {b.mul(outputRows, outputColumns)}, [&](Value counts) {
    writeCounts(counts);
    emitImages(counts);
  });
}

func::FuncOp compress::getPoolKernel(KernelLibrary &library, const PoolRequest &request) {
  constexpr int64_t any = ShapedType::kDynamic;
  MemRefType image =
      getActivationType({any, any, any, any}, Float32Type::get(library.getContext()));
  std::string kind = request.isMax ? "max" : "average";
  std::string window = request.window.getName(), name = "pool_" + kind + "_" + window;
  if (!request.isMax && request.variesCount) {
    name += request.countsPadding ? "_padded" : "_inside";
    // Not part of the window's name.
    name +=
        std::to_string(request.window.padEnd[0]) + "x" + std::to_string(request.window.padEnd[1]);
  }
  func::FuncOp planes = getConvPlanesFunction(library, request.window, /*isInteger=*/false);
  return library.getOrCreate(
      name + "_" + library.getTarget().getName().str(), kind + " pooling " + window, {image, image},
      [&](KernelBuilder &b, ValueRange args) { PoolEmitter(b, request, planes, args).emit(); });
}
