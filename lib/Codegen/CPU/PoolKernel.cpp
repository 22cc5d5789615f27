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

/// Elements of the lines of a strip: they stay in the L1 cache.
static constexpr int64_t kStripElements = 6 * 1024;
/// Elements of the input that are worth a piece of work for a thread.
static constexpr int64_t kPoolWork = 32 * 1024;
/// Taps whose code is repeated rather than looped over.
static constexpr int64_t kMaxUnrolled = 8;

namespace {
/// Writes the body of a pooling kernel. Windows are separable: first every row of the input is
/// pooled along its columns (a *line*), then lines are pooled along the rows. A strip is some rows
/// of an output image.
class PoolEmitter {
public:
  PoolEmitter(KernelBuilder &b, const PoolRequest &request, ValueRange args)
      : b(b), request(request), window(request.window), lanes(b.getTarget().getLanes()), x(args[0]),
        y(args[1]), xPlace(StridedPlace::get(b, x)), yPlace(StridedPlace::get(b, y)),
        height(b.dim(x, 2)), width(b.dim(x, 3)), outputRows(b.dim(y, 2)),
        outputColumns(b.dim(y, 3)) {
    pitch = b.mul(b.ceilDiv(outputColumns, lanes), lanes);
    reach = (window.kernel[0] - 1) * window.dilations[0] + 1;
  }

  void emit();

private:
  void emitImages(Value counts);
  void emitLines(Value source, Value lines, Value row0, Value lineCount);
  void emitRows(Value lines, Value output, Value row0, Value rows, Value counts);
  Value forEachTap(int64_t count, function_ref<Value(Value)> load);
  Value combine(Value sum, Value value);
  Value average(Value sum, Value counts, Value at, OpFoldResult count);
  void writeCounts(Value counts);
  Value countTaps(int64_t dim, Value position);

  KernelBuilder &b;
  const PoolRequest &request;
  const ConvWindow &window;
  int64_t lanes;
  Value x, y;
  StridedPlace xPlace, yPlace;
  Value height, width, outputRows, outputColumns;
  /// Distance of lines, and the rows that a window reaches over.
  Value pitch;
  int64_t reach;
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

/// The combination of `load(tap)` for all taps.
Value PoolEmitter::forEachTap(int64_t count, function_ref<Value(Value)> load) {
  Value sum = load(b.index(0));
  if (count > kMaxUnrolled)
    return b.forLoop(b.index(1), b.index(count), 1, {sum},
                     [&](Value tap, ValueRange sums) -> SmallVector<Value> {
                       return {combine(sums[0], load(tap))};
                     })[0];
  for (int64_t tap = 1; tap < count; ++tap)
    sum = combine(sum, load(b.index(tap)));
  return sum;
}

/// The average of a sum of the pixels from `at` on.
Value PoolEmitter::average(Value sum, Value counts, Value at, OpFoldResult count) {
  if (request.isMax)
    return sum;
  if (!counts)
    return b.divf(sum, b.splat(sum.getType(), static_cast<double>(window.getTaps())));
  // Lanes that are not stored may divide by 0.
  return b.divf(sum, b.load(lanes, counts, {at}, count));
}

/// Lines of the input rows that the output rows from `row0` on need.
void PoolEmitter::emitLines(Value source, Value lines, Value row0, Value lineCount) {
  Value none = b.index(0);
  float neutral = request.isMax ? -std::numeric_limits<float>::infinity() : 0.0f;
  Value outside = b.splat(b.getVectorType(lanes), neutral);
  // Line i is row base + i of the image; those in [begin, end) exist.
  Value base = b.add(b.mul(row0, window.strides[0]), -window.padBegin[0]);
  Value begin = b.min(b.max(b.sub(none, base), none), lineCount);
  Value end = b.max(b.min(b.sub(height, base), lineCount), begin);
  b.forLoop(none, outputColumns, lanes, [&](Value column) {
    auto getPlace = [&](Value line) { return b.add(b.mul(line, pitch), column); };
    auto fill = [&](Value from, Value to) {
      b.forLoop(from, to, 1, [&](Value line) { b.store(outside, lines, {getPlace(line)}); });
    };
    fill(none, begin);
    b.forLoop(begin, end, 1, [&](Value line) {
      Value rowStart = b.mul(b.add(base, line), xPlace.strides[2]);
      Value first = b.add(b.mul(column, window.strides[1]), -window.padBegin[1]);
      Value pooled = forEachTap(window.kernel[1], [&](Value tap) {
        Value imageColumn = b.add(first, b.mul(tap, window.dilations[1]));
        return loadPixels(b, source, b.add(rowStart, imageColumn), imageColumn, width,
                          window.strides[1], outside);
      });
      b.store(pooled, lines, {getPlace(line)});
    });
    fill(end, lineCount);
  });
}

/// `rows` output rows from their lines.
void PoolEmitter::emitRows(Value lines, Value output, Value row0, Value rows, Value counts) {
  Value none = b.index(0);
  b.forLoop(none, rows, 1, [&](Value row) {
    Value start = b.mul(b.add(row0, row), yPlace.strides[2]);
    Value firstLine = b.mul(row, window.strides[0]);
    Value countStart = b.mul(b.add(row0, row), outputColumns);
    b.forLoop(none, outputColumns, lanes, [&](Value column) {
      OpFoldResult count = b.sub(outputColumns, column);
      Value pooled = forEachTap(window.kernel[0], [&](Value tap) {
        Value line = b.add(firstLine, b.mul(tap, window.dilations[0]));
        return b.load(lanes, lines, {b.add(b.mul(line, pitch), column)});
      });
      Value result = average(pooled, counts, b.add(countStart, column), count);
      b.store(result, output, {b.add(start, column)}, count);
    });
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
  auto divide = [&](Value a, Value c) { return b.createOrFold<arith::DivUIOp>(a, c); };
  // As many output rows as have lines for the L1 cache.
  Value fitting = divide(b.index(kStripElements), b.max(pitch, one));
  Value stripRows = b.floorDiv(b.max(b.add(fitting, -reach), none), window.strides[0]);
  stripRows = b.min(b.add(stripRows, 1), b.max(outputRows, one));
  Value size = b.mul(b.add(b.mul(b.add(stripRows, -1), window.strides[0]), reach), pitch);
  Value channels = b.dim(x, 1), images = b.mul(b.dim(x, 0), channels);
  Value grain = b.getGrain(b.mul(height, width), kPoolWork);
  MemRefType room = MemRefType::get({ShapedType::kDynamic}, b.getF32Type());
  b.parallelForPieces(images, grain, [&](Value begin, Value end) {
    b.withBuffer(room, {size}, [&](Value lines) {
      b.forLoop(begin, end, 1, [&](Value number) {
        Value image = divide(number, channels);
        Value channel = b.createOrFold<arith::RemUIOp>(number, channels);
        Value source = xPlace.getFlat(b, {image, channel});
        Value output = yPlace.getFlat(b, {image, channel});
        Value strips = divideUp(b, outputRows, stripRows);
        b.forLoop(none, strips, 1, [&](Value strip) {
          Value row0 = b.mul(strip, stripRows);
          Value rows = b.min(stripRows, b.sub(outputRows, row0));
          Value lineCount = b.add(b.mul(b.add(rows, -1), window.strides[0]), reach);
          emitLines(source, lines, row0, lineCount);
          emitRows(lines, output, row0, rows, counts);
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
  return library.getOrCreate(
      name + "_" + library.getTarget().getName().str(), kind + " pooling " + window, {image, image},
      [&](KernelBuilder &b, ValueRange args) { PoolEmitter(b, request, args).emit(); });
}
