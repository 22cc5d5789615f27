//===- ConvDepthwise.cpp - convolutions of single channels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One input channel for every output channel: there are few products per pixel, so copies of the
// input do not pay. Pixels are read where they are, with masks at the borders.
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress;

/// Multiply-adds that are worth a piece of work for a thread.
static constexpr int64_t kMinWork = 1 << 17;

namespace {
/// Writes the body of a depthwise kernel.
class DepthwiseEmitter {
public:
  DepthwiseEmitter(KernelBuilder &b, const ConvRequest &request, ValueRange args)
      : b(b), request(request), window(request.window), lanes(b.getTarget().getLanes()) {
    size_t next = 0;
    isInteger = request.weight.format == ConvWeight::Format::Integer;
    x = args[next++];
    if (isInteger) {
      scale = b.loadScalar(args[next++], {});
      zeroPoint = b.loadScalar(args[next++], {});
    }
    weight = args[next++];
    if (isInteger) {
      // The sums of codes that follow have no use: pixels are taken without their zero point.
      scales = args[next];
    }
    EpilogueOperands operands = EpilogueOperands::take(request.epilogue, args);
    bias = operands.bias;
    if (operands.other)
      otherPlace = StridedPlace::get(b, operands.other);
    y = operands.output;
    xPlace = StridedPlace::get(b, x);
    yPlace = StridedPlace::get(b, y);
    height = b.dim(x, 2);
    width = b.dim(x, 3);
    outputRows = b.dim(y, 2);
    outputColumns = b.dim(y, 3);
  }

  void emit();

private:
  void emitChannel(Value image, Value channel);
  Value load(Value source, Value at, Value imageColumn, Value rowWidth);
  Value sumTaps(Value source, ArrayRef<Value> weights, Value row, Value column, bool isInside);

  KernelBuilder &b;
  const ConvRequest &request;
  const ConvWindow &window;
  int64_t lanes;
  bool isInteger;
  Value x, scale, zeroPoint, weight, scales, bias, y;
  StridedPlace xPlace, yPlace, otherPlace;
  Value height, width, outputRows, outputColumns;
};
} // namespace

/// A vector of pixels, as f32; 0 in the padding. An integer kernel subtracts the zero point: its
/// sums are whole numbers below 2^24.
Value DepthwiseEmitter::load(Value source, Value at, Value imageColumn, Value rowWidth) {
  VectorType floats = b.getVectorType(lanes);
  int64_t step = window.strides[1];
  if (!isInteger)
    return loadPixels(b, source, at, imageColumn, rowWidth, step, b.splat(floats, 0));
  Type wide = b.getVectorType(lanes, b.getI32Type());
  Value zero = b.broadcast(zeroPoint, lanes);
  Value codes = loadPixels(b, source, at, imageColumn, rowWidth, step, zero);
  Value difference = b.create<arith::SubIOp>(b.create<arith::ExtUIOp>(wide, codes),
                                             b.create<arith::ExtUIOp>(wide, zero));
  return b.create<arith::SIToFPOp>(floats, difference);
}

/// The products of the pixels from (row, column) on. `isInside`: all rows of the window exist.
Value DepthwiseEmitter::sumTaps(Value source, ArrayRef<Value> weights, Value row, Value column,
                                bool isInside) {
  Value zero = b.splat(b.getVectorType(lanes), 0), none = b.index(0), sum = zero;
  Value firstRow = b.add(b.mul(row, window.strides[0]), -window.padBegin[0]);
  Value firstColumn = b.add(b.mul(column, window.strides[1]), -window.padBegin[1]);
  for (int64_t kh = 0; kh < window.kernel[0]; ++kh) {
    Value imageRow = b.add(firstRow, kh * window.dilations[0]);
    Value rowWidth = width;
    if (!isInside) {
      // A row that does not exist has no columns.
      Value isFrom = b.create<arith::CmpIOp>(arith::CmpIPredicate::sge, imageRow, none);
      Value exists = b.create<arith::AndIOp>(isFrom, b.less(imageRow, height));
      rowWidth = selectValue(b, exists, width, none);
    }
    Value rowStart = b.mul(imageRow, xPlace.strides[2]);
    for (int64_t kw = 0; kw < window.kernel[1]; ++kw) {
      Value imageColumn = b.add(firstColumn, kw * window.dilations[1]);
      Value pixels = load(source, b.add(rowStart, imageColumn), imageColumn, rowWidth);
      sum = b.fma(weights[kh * window.kernel[1] + kw], pixels, sum);
    }
  }
  return sum;
}

void DepthwiseEmitter::emitChannel(Value image, Value channel) {
  Value none = b.index(0);
  SmallVector<Value> weights;
  for (int64_t tap = 0; tap < window.getTaps(); ++tap)
    weights.push_back(b.loadSplat(lanes, weight, {channel, none, b.index(tap * kConvRows)}));
  Value source = xPlace.getFlat(b, {image, channel}), output = yPlace.getFlat(b, {image, channel});
  Value biases = bias ? b.loadSplat(lanes, bias, {channel}) : Value();
  Value factor;
  if (isInteger) // x_scale * w_scale first, as the ONNX operators for quantized models do.
    factor = b.broadcast(b.mulf(scale, b.loadScalar(scales, {channel})), lanes);
  Value others = otherPlace.base ? otherPlace.getFlat(b, {image, channel}) : Value();
  // In rows [begin, end) of the output, all rows of the window exist.
  int64_t stride = window.strides[0], pad = window.padBegin[0];
  int64_t reach = (window.kernel[0] - 1) * window.dilations[0] + 1;
  Value begin = b.min(b.index((pad + stride - 1) / stride), outputRows);
  Value room = b.max(b.add(height, pad + stride - reach), none);
  Value end = b.max(b.min(b.floorDiv(room, stride), outputRows), begin);
  b.forLoop(none, outputColumns, lanes, [&](Value column) {
    OpFoldResult count = b.sub(outputColumns, column);
    auto emitRows = [&](Value from, Value to, bool isInside) {
      b.forLoop(from, to, 1, [&](Value row) {
        Value sum = sumTaps(source, weights, row, column, isInside);
        if (isInteger)
          sum = b.mulf(sum, factor);
        Value other;
        if (others)
          other = b.load(lanes, others, {b.add(b.mul(row, otherPlace.strides[2]), column)}, count);
        Value result = emitEpilogue(b, request.epilogue, sum, biases, other);
        b.store(result, output, {b.add(b.mul(row, yPlace.strides[2]), column)}, count);
      });
    };
    emitRows(none, begin, /*isInside=*/false);
    emitRows(begin, end, /*isInside=*/true);
    emitRows(end, outputRows, /*isInside=*/false);
  });
}

void DepthwiseEmitter::emit() {
  Value channels = b.dim(x, 1);
  Value grain = b.getGrain(b.mul(b.mul(outputRows, outputColumns), window.getTaps()), kMinWork);
  b.parallelFor(b.mul(b.dim(x, 0), channels), grain, [&](Value number) {
    emitChannel(b.createOrFold<arith::DivUIOp>(number, channels),
                b.createOrFold<arith::RemUIOp>(number, channels));
  });
}

void compress::emitDepthwiseConv(KernelBuilder &builder, const ConvRequest &request,
                                 ValueRange args) {
  DepthwiseEmitter(builder, request, args).emit();
}
