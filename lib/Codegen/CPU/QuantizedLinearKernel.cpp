//===- QuantizedLinearKernel.cpp - matrix products with a quantized weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/QuantizedLinearKernel.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;

/// Most rows for which codes are decoded in registers: more do not fit beside the sums.
static constexpr int64_t kFusedRows = 3;
/// Inputs that a register holds, for a lane to pick one of.
static constexpr int64_t kIndexedInputs = 16;
/// Elements of the scratch that a panel is decoded to.
static constexpr int64_t kScratchElements = 16384;
/// Most tiles of the rows that `forEachPanel` hands out at a time.
static constexpr int64_t kMaxTiles = 34;

namespace {
/// The arguments of a kernel, by name.
struct Arguments {
  Value x;
  EpilogueOperands operands;
  CodeDecoder::Tensors weight;
  Arguments(ValueRange args, const QuantizedLinearRequest &request) {
    size_t next = 0;
    x = args[next++];
    weight.codes = args[next++];
    weight.positions = request.weight.hasPattern() ? args[next++] : Value();
    weight.scales = args[next++];
    weight.zeroPoints = request.weight.hasZeroPoints ? args[next++] : Value();
    weight.table = request.weight.hasTable ? args[next++] : Value();
    operands = EpilogueOperands::take(request.epilogue, args);
  }
};

/// Writes one kernel.
class Emitter {
public:
  Emitter(KernelBuilder &builder, const QuantizedLinearRequest &request, const Arguments &args)
      : b(builder), request(request), format(request.weight), args(args),
        decoder(builder, format, args.weight), lanes(b.getTarget().getLanes()),
        width(b.getTarget().getPanelWidth()), vectors(decoder.getVectors()) {}

  void emit();

private:
  bool canFuse() const {
    // A register of inputs holds whole groups of the pattern.
    if (format.hasPattern() && (!b.getTarget().avx512 || kIndexedInputs % format.of))
      return false;
    return format.group >= format.inputs || format.group % format.getUnit() == 0;
  }
  void emitFused(Value panel, Value row, int64_t rows, int64_t columns);
  SmallVector<Value> addUnit(Value panel, Value row, int64_t rows, Value first, int64_t count,
                             ValueRange zeroPoints, ValueRange sums);
  SmallVector<Value> addPatternUnit(Value panel, Value row, int64_t rows, Value first,
                                    int64_t count, ValueRange zeroPoints, ValueRange sums);
  SmallVector<Value> addGroup(Value panel, Value row, int64_t rows, Value group, int64_t length,
                              ValueRange totals);
  void emitDecoded(Value panel, Value begin, Value end, int64_t columns);
  void store(TileShape shape, ValueRange sums, Value row, Value panel) {
    storeTile(b, request.epilogue, shape, sums, row, b.mul(panel, width), args.operands);
  }

  KernelBuilder &b;
  const QuantizedLinearRequest &request;
  const CodeFormat &format;
  Arguments args;
  CodeDecoder decoder;
  int64_t lanes, width, vectors;
};
} // namespace

//===----------------------------------------------------------------------===//
// Few rows: codes are decoded in registers
//===----------------------------------------------------------------------===//

/// `sums` plus the products of `count` inputs from `first` on, which share a lane.
SmallVector<Value> Emitter::addUnit(Value panel, Value row, int64_t rows, Value first,
                                    int64_t count, ValueRange zeroPoints, ValueRange sums) {
  SmallVector<SmallVector<Value>> values = decoder.decodeUnit(panel, first, count, zeroPoints);
  SmallVector<Value> next(sums);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t r = 0; r < rows; ++r) {
      Value x = b.loadSplat(lanes, args.x, {b.add(row, r), b.add(first, i)});
      for (int64_t vector = 0; vector < vectors; ++vector) {
        Value &sum = next[r * vectors + vector];
        sum = b.fma(x, values[i][vector], sum);
      }
    }
  return next;
}

/// The same for an N:M pattern: a lane picks the input that its slot points at.
SmallVector<Value> Emitter::addPatternUnit(Value panel, Value row, int64_t rows, Value first,
                                           int64_t count, ValueRange zeroPoints, ValueRange sums) {
  VectorType floats = b.getVectorType(lanes);
  SmallVector<SmallVector<Value>> inputs(rows);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t offset = 0; offset < format.getUnit(); offset += kIndexedInputs) {
      // Slots of padding point at inputs that are not there: zeros.
      OpFoldResult length = b.getIndexAttr(std::clamp<int64_t>(count - offset, 0, kIndexedInputs));
      inputs[r].push_back(count > offset ? b.load(kIndexedInputs, args.x,
                                                  {b.add(row, r), b.add(first, offset)}, length)
                                         : b.splat(floats, 0));
    }
  SmallVector<Value> next(sums);
  for (const CodeDecoder::Slot &slot : decoder.decodeSlots(panel, first, zeroPoints))
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value position = slot.positions[vector];
      Value index = b.create<arith::OrIOp>(
          position, b.splatInt(position.getType(), slot.firstInput % kIndexedInputs));
      for (int64_t r = 0; r < rows; ++r) {
        Value x = b.intrinsic("llvm.x86.avx512.permvar.sf.512", floats,
                              {inputs[r][slot.firstInput / kIndexedInputs], index});
        Value &sum = next[r * vectors + vector];
        sum = b.fma(x, slot.values[vector], sum);
      }
    }
  return next;
}

/// `totals` plus the scaled products of the `length` inputs of a group.
SmallVector<Value> Emitter::addGroup(Value panel, Value row, int64_t rows, Value group,
                                     int64_t length, ValueRange totals) {
  int64_t unit = format.getUnit(), whole = length / unit * unit;
  Value first = b.mul(group, format.group);
  SmallVector<Value> zeroPoints = decoder.loadZeroPoints(panel, group);
  SmallVector<Value> sums(rows * vectors, b.splat(b.getVectorType(lanes), 0));
  auto addInputs = [&](Value input, int64_t count, ValueRange carried) {
    return format.hasPattern() ? addPatternUnit(panel, row, rows, input, count, zeroPoints, carried)
                               : addUnit(panel, row, rows, input, count, zeroPoints, carried);
  };
  if (whole)
    sums = b.forLoop(first, b.add(first, whole), unit, sums, [&](Value input, ValueRange carried) {
      return addInputs(input, unit, carried);
    });
  if (whole < length)
    sums = addInputs(b.add(first, whole), length - whole, sums);
  SmallVector<Value> scales = decoder.loadScales(panel, group), next;
  for (auto [index, total] : llvm::enumerate(totals))
    next.push_back(b.fma(sums[index], scales[index % vectors], total));
  return next;
}

void Emitter::emitFused(Value panel, Value row, int64_t rows, int64_t columns) {
  SmallVector<Value> totals(rows * vectors, b.splat(b.getVectorType(lanes), 0));
  int64_t whole = format.inputs / format.group, rest = format.inputs % format.group;
  totals = b.forLoop(b.index(0), b.index(whole), 1, totals, [&](Value group, ValueRange carried) {
    return addGroup(panel, row, rows, group, format.group, carried);
  });
  if (rest)
    totals = addGroup(panel, row, rows, b.index(whole), rest, totals);
  store({rows, columns}, totals, row, panel);
}

//===----------------------------------------------------------------------===//
// More rows: a block of the panel is decoded once
//===----------------------------------------------------------------------===//

void Emitter::emitDecoded(Value panel, Value begin, Value end, int64_t columns) {
  int64_t unit = format.getUnit(), inputs = format.inputs;
  int64_t block = std::min(std::max(kScratchElements / width / unit, int64_t(1)) * unit,
                           format.getPaddedInputs());
  bool isOneBlock = block >= inputs;
  Type f32 = b.getF32Type();
  Value weights = b.scratch({block, width}, f32);
  // Sums between blocks, by tile: tiles may overlap.
  Value partial = isOneBlock ? Value() : b.scratch({kMaxTiles, kTileRows, width}, f32);
  Value zero = b.splat(b.getVectorType(lanes), 0);

  auto addBlock = [&](Value first, Value length, bool isFirst, bool isLast) {
    Value padded = b.mul(b.ceilDiv(length, unit), unit);
    decoder.decodeRows(panel, first, padded, weights);
    forEachRowTile(b, begin, end, [&](Value row, int64_t rows, Value tile) {
      TileShape shape{rows, columns};
      SmallVector<Value> init;
      for (int64_t i = 0; i < rows * vectors; ++i)
        init.push_back(isFirst
                           ? zero
                           : b.load(lanes, partial,
                                    {tile, b.index(i / vectors), b.index(i % vectors * lanes)}));
      SmallVector<Value> sums = emitTileProduct(
          b, shape, b.index(0), length, init,
          [&](int64_t r, Value k) {
            return b.loadSplat(lanes, args.x, {b.add(row, r), b.add(first, k)});
          },
          [&](Value k, int64_t vector) {
            return b.load(lanes, weights, {k, b.index(vector * lanes)});
          });
      if (isLast)
        return store(shape, sums, row, panel);
      for (int64_t i = 0; i < rows * vectors; ++i)
        b.store(sums[i], partial, {tile, b.index(i / vectors), b.index(i % vectors * lanes)});
    });
  };
  if (isOneBlock)
    return addBlock(b.index(0), b.index(inputs), true, true);
  int64_t last = (inputs - 1) / block * block;
  addBlock(b.index(0), b.index(block), true, false);
  if (last > block)
    b.forLoop(b.index(block), b.index(last), block,
              [&](Value first) { addBlock(first, b.index(block), false, false); });
  addBlock(b.index(last), b.index(inputs - last), false, true);
}

void Emitter::emit() {
  Value rows = b.dim(args.x, 0);
  forEachPanel(
      b, rows, format.inputs, format.outputs,
      [&](Value panel, Value begin, Value end, int64_t columns) {
        if (!canFuse())
          return emitDecoded(panel, begin, end, columns);
        b.ifThen(
            b.less(b.index(kFusedRows), rows), [&] { emitDecoded(panel, begin, end, columns); },
            [&] {
              for (int64_t count = 1; count <= kFusedRows; ++count)
                b.ifThen(b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, rows, b.index(count)),
                         [&] { emitFused(panel, b.index(0), count, columns); });
            });
      });
}

/// Elements [index * length, (index + 1) * length) of the first dim; with a length of 0, element
/// `index` without that dim.
static Value getPart(KernelBuilder &b, Value memref, Value index, int64_t length) {
  auto type = cast<MemRefType>(memref.getType());
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> offsets(type.getRank(), zero), sizes, strides(type.getRank(), one);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(getAsOpFoldResult(b.dim(memref, dim)));
  offsets[0] = length ? b.mul(index, length) : index;
  sizes[0] = b.getIndexAttr(length ? length : 1);
  if (length)
    return b.create<memref::SubViewOp>(memref, offsets, sizes, strides);
  MemRefType part = memref::SubViewOp::inferRankReducedResultType(type.getShape().drop_front(),
                                                                  type, offsets, sizes, strides);
  return b.create<memref::SubViewOp>(part, memref, offsets, sizes, strides);
}

/// The kernel of a stack: that of a matrix, for one after the other.
static void emitStack(KernelBuilder &b, const QuantizedLinearRequest &request,
                      const Arguments &args) {
  int64_t width = b.getTarget().getPanelWidth();
  int64_t panels = (request.weight.outputs + width - 1) / width;
  b.forLoop(b.index(0), b.index(request.stack), 1, [&](Value index) {
    Arguments matrix = args;
    if (!request.isInputShared)
      matrix.x = getPart(b, args.x, index, 0);
    matrix.operands.output = getPart(b, args.operands.output, index, 0);
    for (Value *tensor : {&matrix.weight.codes, &matrix.weight.positions, &matrix.weight.scales,
                          &matrix.weight.zeroPoints})
      if (*tensor)
        *tensor = getPart(b, *tensor, index, panels);
    Emitter(b, request, matrix).emit();
  });
}

func::FuncOp compress::getQuantizedLinearKernel(KernelLibrary &library,
                                                const QuantizedLinearRequest &request) {
  const CpuTarget &target = library.getTarget();
  const CodeFormat &format = request.weight;
  MLIRContext *context = library.getContext();
  int64_t width = target.getPanelWidth();
  Type f32 = Float32Type::get(context);
  auto toMemRef = [&](RankedTensorType type) {
    SmallVector<int64_t> shape(type.getShape());
    if (type.getRank() == 3 && request.stack)
      shape[0] *= request.stack;
    return MemRefType::get(shape, type.getElementType());
  };
  auto getMatrixType = [&](int64_t columns, bool isStack) {
    SmallVector<int64_t> shape{ShapedType::kDynamic, columns};
    if (isStack)
      shape.insert(shape.begin(), request.stack);
    return getActivationType(shape, f32);
  };
  MemRefType output = getMatrixType(format.outputs, request.stack > 0);
  MemRefType scales = toMemRef(format.getScaleType(context, width));
  SmallVector<Type> arguments{
      getMatrixType(format.inputs, request.stack > 0 && !request.isInputShared),
      toMemRef(format.getCodeType(context, width))};
  if (format.hasPattern())
    arguments.push_back(toMemRef(format.getPositionType(context, width)));
  arguments.push_back(scales);
  if (format.hasZeroPoints)
    arguments.push_back(scales);
  if (format.hasTable)
    arguments.push_back(toMemRef(format.getTableType(context)));
  EpilogueOperands::addTypes(request.epilogue, MemRefType::get({format.outputs}, f32), output,
                             arguments);
  std::string shape = std::to_string(format.inputs) + "x" + std::to_string(format.outputs);
  std::string name = (request.stack ? "stack" + std::to_string(request.stack) +
                                          (request.isInputShared ? "s_" : "_")
                                    : "") +
                     "linear_" + format.getName() + "_" + shape + request.epilogue.getName() + "_" +
                     target.getName().str();
  std::string description = (request.stack ? std::to_string(request.stack) + " x " : "") +
                            "linear " + shape + ", " + format.getDescription() + " weight" +
                            request.epilogue.getDescription();
  return library.getOrCreate(name, description, arguments, [&](KernelBuilder &b, ValueRange args) {
    Arguments arguments(args, request);
    if (request.stack)
      emitStack(b, request, arguments);
    else
      Emitter(b, request, arguments).emit();
  });
}
