//===- ConvTile.cpp - register tiles of convolutions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<Value> ConvTileArguments::get() const {
  SmallVector<Value> values;
  for (Value value : {x, channelStride, channels, taps, weight, scale, zeroPoint, weightScales,
                      weightSums, bias, other, otherStride, y, outputStride, pixels})
    if (value)
      values.push_back(value);
  return values;
}

/// The arguments of the function, in the order of `ConvTileArguments::get`.
static ConvTileArguments getArguments(const ConvRequest &request, ValueRange values) {
  ConvTileArguments args;
  size_t next = 0;
  auto take = [&](Value &value, bool isThere = true) {
    if (isThere)
      value = values[next++];
  };
  bool isInteger = request.weight.format == ConvWeight::Format::Integer;
  bool hasOther = request.epilogue.hasOther();
  take(args.x);
  take(args.channelStride);
  take(args.channels);
  take(args.taps, request.window.getTaps() > 1);
  take(args.weight);
  take(args.scale, isInteger);
  take(args.zeroPoint, isInteger);
  take(args.weightScales, isInteger);
  take(args.weightSums, isInteger);
  take(args.bias, request.epilogue.bias);
  take(args.other, hasOther);
  take(args.otherStride, hasOther);
  take(args.y);
  take(args.outputStride);
  take(args.pixels);
  return args;
}

static SmallVector<Type> getArgumentTypes(KernelLibrary &library, const ConvRequest &request) {
  OpBuilder builder(library.getContext());
  Type index = builder.getIndexType(), f32 = builder.getF32Type(), i32 = builder.getI32Type();
  MemRefType floats = getFlatType(f32);
  Type element = getPlaneElementType(library.getContext(), request.weight);
  SmallVector<Type> types{getFlatType(element), index, index};
  if (request.window.getTaps() > 1)
    types.push_back(MemRefType::get({ShapedType::kDynamic}, index));
  types.push_back(getFlatType(element));
  if (request.weight.format == ConvWeight::Format::Integer)
    types.append({f32, i32, floats, getFlatType(i32)});
  if (request.epilogue.bias)
    types.push_back(floats);
  if (request.epilogue.hasOther())
    types.append({floats, index});
  types.append({floats, index, index});
  return types;
}

namespace {
/// Writes the body of a tile function.
class TileEmitter {
public:
  TileEmitter(KernelBuilder &b, const ConvRequest &request, int64_t rows, ValueRange values)
      : b(b), args(getArguments(request, values)), rows(rows), lanes(b.getTarget().getLanes()),
        isInteger(request.weight.format == ConvWeight::Format::Integer),
        hasProduct(b.getTarget().vnni), first(request.epilogue), second(request.epilogue) {
    hasSecond = request.epilogue.isLong();
    if (hasSecond) {
      first.activation = Activation::None;
      if (!first.combineFirst)
        first.combine = Epilogue::Combine::None;
      second.bias = false;
      if (second.combineFirst)
        second.combine = Epilogue::Combine::None;
    }
  }

  void emit();

private:
  void emitRun();
  void emitTile(ArrayRef<Value> places, Value count = {});
  SmallVector<Value> emitSums(ArrayRef<Value> places, Value count);
  SmallVector<Value> emitStep(ArrayRef<Value> places, Value count, Value at, Value k,
                              ValueRange sums);
  SmallVector<Value> emitIntegerRow(ArrayRef<Value> inputs, Value k, int64_t row, ValueRange sums);
  Value load(Value memref, Value at, Value count) {
    return count ? b.load(lanes, memref, {at}, OpFoldResult(count)) : b.load(lanes, memref, {at});
  }
  void emitSecondPass();
  void finish(const Epilogue &epilogue, Value x, int64_t row, Value place, Value count);

  KernelBuilder &b;
  ConvTileArguments args;
  int64_t rows, lanes;
  bool isInteger;
  /// vpdpbusd.
  bool hasProduct;
  Epilogue first, second;
  bool hasSecond;
};
} // namespace

/// Products of 4 channels of 8 bits: x is unsigned, the weight signed.
SmallVector<Value> TileEmitter::emitIntegerRow(ArrayRef<Value> inputs, Value k, int64_t row,
                                               ValueRange sums) {
  SmallVector<Value> next;
  Type accumulator = b.getVectorType(lanes, b.getI32Type());
  if (hasProduct) {
    VectorType bytes = b.getVectorType(4 * lanes, b.getI8Type());
    Value at = b.add(b.mul(k, kConvRows), row);
    Value w = b.create<vector::BitCastOp>(bytes, b.loadSplat(lanes, args.weight, {at}));
    for (auto [sum, x] : llvm::zip_equal(sums, inputs))
      next.push_back(b.intrinsic("llvm.x86.avx512.vpdpbusd.512", accumulator,
                                 {sum, b.create<vector::BitCastOp>(bytes, x), w}));
    return next;
  }
  // Pairs of 16 bits: codes 0 and 2, then codes 1 and 3.
  VectorType words = b.getVectorType(2 * lanes, b.getIntegerType(16));
  StringRef name = lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
  Value at = b.add(b.mul(k, 2 * kConvRows), 2 * row);
  for (int64_t half = 0; half < 2; ++half) {
    Value w = b.loadSplat(lanes, args.weight, {b.add(at, half)});
    w = b.create<vector::BitCastOp>(words, w);
    for (auto [index, sum] : llvm::enumerate(sums)) {
      Value x = b.create<vector::BitCastOp>(words, inputs[2 * index + half]);
      Value product = b.intrinsic(name, accumulator, {x, w});
      Value before = half ? next[index] : Value(sum);
      Value after = b.create<arith::AddIOp>(before, product);
      if (half)
        next[index] = after;
      else
        next.push_back(after);
    }
  }
  return next;
}

/// One step of the contraction: element `at` of x for the first pixel, element `k` of the weight.
SmallVector<Value> TileEmitter::emitStep(ArrayRef<Value> places, Value count, Value at, Value k,
                                         ValueRange sums) {
  SmallVector<Value> inputs, next;
  for (Value place : places) {
    Value x = load(args.x, b.add(at, place), count);
    if (!isInteger || hasProduct) {
      inputs.push_back(x);
      continue;
    }
    Value low = b.splatInt(x.getType(), 0x00FF00FF);
    inputs.push_back(b.create<arith::AndIOp>(x, low));
    Value odd = b.create<arith::ShRUIOp>(x, b.splatInt(x.getType(), 8));
    inputs.push_back(b.create<arith::AndIOp>(odd, low));
  }
  for (int64_t row = 0; row < rows; ++row) {
    ValueRange rowSums = sums.slice(row * places.size(), places.size());
    if (isInteger) {
      llvm::append_range(next, emitIntegerRow(inputs, k, row, rowSums));
      continue;
    }
    Value w = b.loadSplat(lanes, args.weight, {b.add(b.mul(k, kConvRows), row)});
    for (auto [sum, x] : llvm::zip_equal(rowSums, inputs))
      next.push_back(b.fma(w, x, sum));
  }
  return next;
}

SmallVector<Value> TileEmitter::emitSums(ArrayRef<Value> places, Value count) {
  Type type = b.getVectorType(lanes, isInteger ? Type(b.getI32Type()) : Type(b.getF32Type()));
  Value zero = isInteger ? b.splatInt(type, 0) : b.splat(type, 0);
  SmallVector<Value> init(rows * places.size(), zero);
  Value none = b.index(0);
  return b.forLoop(none, args.channels, 1, init, [&](Value channel, ValueRange sums) {
    Value at = b.mul(channel, args.channelStride);
    if (!args.taps)
      return emitStep(places, count, at, channel, sums);
    Value taps = b.dim(args.taps, 0);
    Value firstK = b.mul(channel, taps);
    return b.forLoop(none, taps, 1, sums, [&](Value tap, ValueRange inner) {
      Value offset = b.loadScalar(args.taps, {tap});
      return emitStep(places, count, b.add(at, offset), b.add(firstK, tap), inner);
    });
  });
}

/// The epilogue of the vector at pixel `place` of a row, and its store.
void TileEmitter::finish(const Epilogue &epilogue, Value x, int64_t row, Value place, Value count) {
  Value at = b.add(b.mul(args.outputStride, row), place);
  Value bias = epilogue.bias ? b.loadSplat(lanes, args.bias, {b.index(row)}) : Value();
  Value other;
  if (epilogue.hasOther())
    other = load(args.other, b.add(b.mul(args.otherStride, row), place), count);
  Value y = emitEpilogue(b, epilogue, x, bias, other);
  if (count)
    b.store(y, args.y, {at}, OpFoldResult(count));
  else
    b.store(y, args.y, {at});
}

/// A tile of vectors that start at the pixels `places`; of `count` lanes, if that is given.
void TileEmitter::emitTile(ArrayRef<Value> places, Value count) {
  SmallVector<Value> sums = emitSums(places, count);
  for (int64_t row = 0; row < rows; ++row) {
    Value factor, correction;
    if (isInteger) {
      // x_scale * w_scale first, as the ONNX operators for quantized models do.
      Value at = b.index(row);
      factor = b.broadcast(b.mulf(args.scale, b.loadScalar(args.weightScales, {at})), lanes);
      Value sum = b.loadScalar(args.weightSums, {at});
      correction = b.broadcast(b.create<arith::MulIOp>(args.zeroPoint, sum), lanes);
    }
    for (auto [vector, place] : llvm::enumerate(places)) {
      Value x = sums[row * places.size() + vector];
      if (isInteger) {
        x = b.create<arith::SubIOp>(x, correction);
        x = b.mulf(b.create<arith::SIToFPOp>(b.getVectorType(lanes), x), factor);
      }
      finish(first, x, row, place, count);
    }
  }
}

void TileEmitter::emitSecondPass() {
  Value none = b.index(0);
  for (int64_t row = 0; row < rows; ++row)
    b.forLoop(none, args.pixels, lanes, [&](Value place) {
      Value count = b.sub(args.pixels, place);
      Value x = load(args.y, b.add(b.mul(args.outputStride, row), place), count);
      finish(second, x, row, place, count);
    });
}

/// Tiles of at least a vector of pixels: as many vectors as are needed, the last one of which ends
/// at the last pixel.
void TileEmitter::emitRun() {
  int64_t width = b.getTarget().getPanelWidth() / lanes;
  // Integer sums need more registers for x where there is no vpdpbusd.
  if (isInteger && !hasProduct)
    width = lanes == 16 ? 2 : 1;
  Value none = b.index(0);
  Value last = b.sub(args.pixels, b.index(lanes));
  Value vectors = b.ceilDiv(args.pixels, lanes);
  auto tile = [&](Value begin, int64_t count) {
    SmallVector<Value> places;
    for (int64_t vector = 0; vector < count - 1; ++vector)
      places.push_back(b.add(begin, vector * lanes));
    places.push_back(b.min(b.add(begin, (count - 1) * lanes), last));
    emitTile(places);
  };
  Value full = b.floorDiv(vectors, width);
  b.forLoop(none, full, 1, [&](Value index) { tile(b.mul(index, width * lanes), width); });
  Value begin = b.mul(full, width * lanes);
  for (int64_t count = 1; count < width; ++count) {
    Value isCount =
        b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, b.rem(vectors, width), b.index(count));
    b.ifThen(isCount, [&] { tile(begin, count); });
  }
}

void TileEmitter::emit() {
  Value isShort = b.less(args.pixels, b.index(lanes));
  b.ifThen(isShort, [&] { emitTile({b.index(0)}, args.pixels); }, [&] { emitRun(); });
  if (hasSecond)
    emitSecondPass();
}

func::FuncOp compress::getConvTileFunction(KernelLibrary &library, const ConvRequest &request,
                                           int64_t rows) {
  bool isInteger = request.weight.format == ConvWeight::Format::Integer;
  bool hasTaps = request.window.getTaps() > 1;
  std::string name =
      (Twine("conv_tile") + (isInteger ? "_int8" : "") + (hasTaps ? "_taps_" : "_") + Twine(rows) +
       request.epilogue.getName() + "_" + library.getTarget().getName())
          .str();
  std::string description =
      (Twine(rows) + " channels of a convolution" + (isInteger ? ", 8-bit integers" : ", f32") +
       request.epilogue.getDescription())
          .str();
  return library.getOrCreate(
      name, description, getArgumentTypes(library, request),
      [&](KernelBuilder &b, ValueRange args) { TileEmitter(b, request, rows, args).emit(); });
}
