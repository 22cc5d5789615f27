//===- IntegerLinearKernel.cpp - matrix products of 8-bit codes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/IntegerLinearKernel.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

static int64_t getPanels(const IntegerLinearRequest &request, const CpuTarget &target) {
  int64_t width = target.getPanelWidth();
  return (request.outputs + width - 1) / width;
}

RankedTensorType IntegerLinearRequest::getWeightType(MLIRContext *context,
                                                     const CpuTarget &target) const {
  int64_t unit = getUnit(target);
  return RankedTensorType::get(
      {getPanels(*this, target), (inputs + unit - 1) / unit, target.getPanelWidth() * unit},
      IntegerType::get(context, 8));
}

RankedTensorType IntegerLinearRequest::getColumnType(MLIRContext *context, const CpuTarget &target,
                                                     Type elementType) const {
  return RankedTensorType::get({getPanels(*this, target), target.getPanelWidth()}, elementType);
}

void compress::packIntegerWeight(const IntegerLinearRequest &request, const CpuTarget &target,
                                 const int8_t *codes, int64_t strideK, int64_t strideN,
                                 int8_t *packed) {
  int64_t unit = IntegerLinearRequest::getUnit(target), width = target.getPanelWidth();
  int64_t steps = (request.inputs + unit - 1) / unit, offset = request.getWeightOffset(target);
  for (int64_t n = 0; n < request.outputs; ++n) {
    int8_t *column = packed + n / width * steps * width * unit + n % width * unit;
    for (int64_t k = 0; k < request.inputs; ++k)
      column[k / unit * width * unit + k % unit] =
          static_cast<int8_t>(codes[k * strideK + n * strideN] + offset);
  }
}

void compress::sumIntegerWeight(const IntegerLinearRequest &request, const CpuTarget &target,
                                const int8_t *codes, int64_t strideK, int64_t strideN,
                                int32_t *sums) {
  // Rows of the panels follow each other without gaps.
  for (int64_t n = 0; n < request.outputs; ++n)
    for (int64_t k = 0; k < request.inputs; ++k)
      sums[n] += codes[k * strideK + n * strideN];
}

//===----------------------------------------------------------------------===//
// Kernel
//===----------------------------------------------------------------------===//

namespace {
/// The arguments of a kernel, by name.
struct Arguments {
  Value x, scale, zeroPoint, weight, weightScales, weightSums;
  EpilogueOperands operands;
  Arguments(ValueRange args, const IntegerLinearRequest &request) {
    size_t next = 0;
    x = args[next++];
    scale = args[next++];
    zeroPoint = request.hasZeroPoint ? args[next++] : Value();
    weight = args[next++];
    weightScales = args[next++];
    weightSums = request.hasZeroPoint ? args[next++] : Value();
    operands = EpilogueOperands::take(request.epilogue, args);
  }
};

/// Writes one kernel.
class Emitter {
public:
  Emitter(KernelBuilder &builder, const IntegerLinearRequest &request, ValueRange values)
      : b(builder), request(request), args(values, request), lanes(b.getTarget().getLanes()),
        unit(IntegerLinearRequest::getUnit(b.getTarget())),
        sumType(b.getVectorType(lanes, b.getI32Type())) {}

  void emit();

private:
  Value loadUnit(Value row, Value first);
  Value loadTailUnit(Value row, int64_t first);
  Value multiply(Value sum, Value x, Value weight);
  Value getRowSum(Value row);
  SmallVector<Value> addStep(Value panel, Value step, ArrayRef<Value> x, ValueRange sums,
                             int64_t vectors);
  void emitTile(Value panel, Value row, TileShape shape);
  Value rowParameter(Value memref, Value row) {
    return b.loadScalar(memref, request.perRow ? SmallVector<Value>{row, b.index(0)}
                                               : SmallVector<Value>{});
  }

  KernelBuilder &b;
  const IntegerLinearRequest &request;
  Arguments args;
  int64_t lanes, unit;
  VectorType sumType;
};
} // namespace

/// The codes of a unit of inputs as bits of an i32, in every lane. Without VNNI they are widened to
/// 16 bits.
static Value toLanes(KernelBuilder &b, Value codes, bool isSigned, int64_t lanes) {
  if (!b.getTarget().vnni) {
    Type wide = b.getVectorType(2, b.getIntegerType(16));
    codes = isSigned ? b.create<arith::ExtSIOp>(wide, codes).getResult()
                     : b.create<arith::ExtUIOp>(wide, codes).getResult();
  }
  Value bits = b.create<vector::BitCastOp>(b.getVectorType(1, b.getI32Type()), codes);
  return b.create<vector::BroadcastOp>(b.getVectorType(lanes, b.getI32Type()), bits);
}

Value Emitter::loadUnit(Value row, Value first) {
  return toLanes(b, b.load(unit, args.x, {row, first}), request.isSigned, lanes);
}

/// The same for the inputs from `first` to the end, fewer than a unit; the rest is zero.
Value Emitter::loadTailUnit(Value row, int64_t first) {
  VectorType type = b.getVectorType(unit, b.getI8Type());
  Value codes = b.create<arith::ConstantOp>(b.getZeroAttr(type));
  for (int64_t k = first; k < request.inputs; ++k)
    codes = b.create<vector::InsertOp>(b.loadScalar(args.x, {row, b.index(k)}), codes,
                                       ArrayRef<int64_t>{k - first});
  return toLanes(b, codes, request.isSigned, lanes);
}

/// `sum` plus the products of a unit of inputs, for the columns of a vector.
Value Emitter::multiply(Value sum, Value x, Value weight) {
  if (b.getTarget().vnni) {
    VectorType bytes = b.getVectorType(64, b.getI8Type());
    Value codes = b.create<vector::BitCastOp>(bytes, x);
    // The second operand is unsigned, the third signed.
    SmallVector<Value> operands{sum, request.isSigned ? weight : codes,
                                request.isSigned ? codes : weight};
    return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", sumType, operands);
  }
  VectorType wide = b.getVectorType(2 * lanes, b.getIntegerType(16));
  Value codes = b.create<vector::BitCastOp>(wide, x);
  Value weights = b.create<arith::ExtSIOp>(wide, weight);
  StringRef name = b.getTarget().avx512 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd";
  return b.create<arith::AddIOp>(sum, b.intrinsic(name, sumType, {codes, weights}));
}

SmallVector<Value> Emitter::addStep(Value panel, Value step, ArrayRef<Value> x, ValueRange sums,
                                    int64_t vectors) {
  SmallVector<Value> next(sums);
  SmallVector<Value> weights;
  for (int64_t vector = 0; vector < vectors; ++vector)
    weights.push_back(
        b.load(lanes * unit, args.weight, {panel, step, b.index(vector * lanes * unit)}));
  for (auto [row, codes] : llvm::enumerate(x))
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value &sum = next[row * vectors + vector];
      sum = multiply(sum, codes, weights[vector]);
    }
  return next;
}

/// Sum of the codes of a row: what 128 more in every weight adds up to.
Value Emitter::getRowSum(Value row) {
  VectorType bytes = b.getVectorType(64, b.getI8Type());
  Value ones = b.splatInt(bytes, 1), zero = b.splatInt(sumType, 0);
  int64_t whole = request.inputs / 64 * 64;
  auto add = [&](Value sum, Value codes) {
    return b.intrinsic("llvm.x86.avx512.vpdpbusd.512", sumType, {sum, ones, codes});
  };
  Value sum = b.forLoop(b.index(0), b.index(whole), 64, zero,
                        [&](Value k, ValueRange carried) -> SmallVector<Value> {
                          return {add(carried[0], b.load(64, args.x, {row, k}))};
                        })[0];
  if (whole < request.inputs)
    sum =
        add(sum, b.load(64, args.x, {row, b.index(whole)}, b.getIndexAttr(request.inputs - whole)));
  return b.create<vector::ReductionOp>(vector::CombiningKind::ADD, sum);
}

void Emitter::emitTile(Value panel, Value row, TileShape shape) {
  int64_t vectors = (shape.columns + lanes - 1) / lanes, whole = request.inputs / unit;
  auto loadRows = [&](auto load) {
    SmallVector<Value> x;
    for (int64_t r = 0; r < shape.rows; ++r)
      x.push_back(load(b.add(row, r)));
    return x;
  };
  SmallVector<Value> sums(shape.rows * vectors, b.splatInt(sumType, 0));
  sums = b.forLoop(b.index(0), b.index(whole), 1, sums, [&](Value step, ValueRange carried) {
    SmallVector<Value> x = loadRows([&](Value r) { return loadUnit(r, b.mul(step, unit)); });
    return addStep(panel, step, x, carried, vectors);
  });
  if (whole * unit < request.inputs) {
    SmallVector<Value> x = loadRows([&](Value r) { return loadTailUnit(r, whole * unit); });
    sums = addStep(panel, b.index(whole), x, sums, vectors);
  }

  for (int64_t r = 0; r < shape.rows; ++r) {
    Value at = b.add(row, r);
    Value scale = b.broadcast(rowParameter(args.scale, at), lanes);
    Value correction;
    if (request.getWeightOffset(b.getTarget()))
      correction = b.broadcast(b.create<arith::MulIOp>(getRowSum(at), b.i32(128)), lanes);
    Value zero =
        request.hasZeroPoint
            ? b.broadcast(
                  b.create<arith::ExtUIOp>(b.getI32Type(), rowParameter(args.zeroPoint, at)), lanes)
            : Value();
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value &sum = sums[r * vectors + vector];
      SmallVector<Value> place{panel, b.index(vector * lanes)};
      if (zero)
        correction = b.create<arith::MulIOp>(zero, b.load(lanes, args.weightSums, place));
      if (correction)
        sum = b.create<arith::SubIOp>(sum, correction);
      Value factor = b.mulf(scale, b.load(lanes, args.weightScales, place));
      sum = b.mulf(b.create<arith::SIToFPOp>(b.getVectorType(lanes), sum), factor);
    }
  }
  storeTile(b, request.epilogue, shape, sums, row, b.mul(panel, b.getTarget().getPanelWidth()),
            args.operands);
}

void Emitter::emit() {
  forEachPanel(b, b.dim(args.x, 0), (request.inputs + 3) / 4, request.outputs,
               [&](Value panel, Value begin, Value end, int64_t columns) {
                 forEachRowTile(b, begin, end, [&](Value row, int64_t rows, Value) {
                   emitTile(panel, row, {rows, columns});
                 });
               });
}

func::FuncOp compress::getIntegerLinearKernel(KernelLibrary &library,
                                              const IntegerLinearRequest &request) {
  const CpuTarget &target = library.getTarget();
  MLIRContext *context = library.getContext();
  Type f32 = Float32Type::get(context), i8 = IntegerType::get(context, 8),
       i32 = IntegerType::get(context, 32);
  auto toMemRef = [](RankedTensorType type) {
    return MemRefType::get(type.getShape(), type.getElementType());
  };
  auto parameterType = [&](Type element) {
    return request.perRow ? getActivationType({ShapedType::kDynamic, 1}, element)
                          : MemRefType::get({}, element);
  };
  MemRefType output = getActivationType({ShapedType::kDynamic, request.outputs}, f32);
  SmallVector<Type> arguments{getActivationType({ShapedType::kDynamic, request.inputs}, i8),
                              parameterType(f32)};
  if (request.hasZeroPoint)
    arguments.push_back(parameterType(i8));
  arguments.push_back(toMemRef(request.getWeightType(context, target)));
  arguments.push_back(toMemRef(request.getColumnType(context, target, f32)));
  if (request.hasZeroPoint)
    arguments.push_back(toMemRef(request.getColumnType(context, target, i32)));
  EpilogueOperands::addTypes(request.epilogue, MemRefType::get({request.outputs}, f32), output,
                             arguments);
  std::string shape = std::to_string(request.inputs) + "x" + std::to_string(request.outputs);
  std::string name = std::string("linear_") + (request.isSigned ? "s8" : "u8") +
                     (request.hasZeroPoint ? "z" : "") + (request.perRow ? "row" : "tensor") +
                     "_s8_" + shape + request.epilogue.getName() + "_" + target.getName().str();
  std::string description = "linear " + shape + ", 8-bit activations per " +
                            (request.perRow ? "row" : "tensor") + ", 8-bit weight" +
                            request.epilogue.getDescription();
  return library.getOrCreate(name, description, arguments, [&](KernelBuilder &b, ValueRange args) {
    Emitter(b, request, args).emit();
  });
}
