//===- CodeDecoder.cpp - code that reads packed quantized weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/CodeFormat.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>
#include <numeric>

using namespace mlir;
using namespace mlir::compress;

/// All values of codes of at most 4 bits, repeated to 16 entries: a lookup by the low 4 bits of a
/// lane needs no mask then.
static Value createTable(KernelBuilder &b, const CodeFormat &format) {
  SmallVector<float> values;
  int64_t codes = int64_t(1) << format.bits;
  for (int64_t i = 0; i < 16; ++i)
    values.push_back(format.floatType
                         ? static_cast<float>(decodeFloat(*format.floatType, i % codes))
                         : static_cast<float>(i % codes - format.offset));
  return b.create<arith::ConstantOp>(
      DenseElementsAttr::get(b.getVectorType(16), ArrayRef<float>(values)));
}

CodeDecoder::CodeDecoder(KernelBuilder &builder, const CodeFormat &format, const Tensors &tensors)
    : b(builder), format(format), tensors(tensors), lanes(builder.getTarget().getLanes()),
      vectors(builder.getTarget().getPanelWidth() / lanes) {
  if (format.bits == 8 || !builder.getTarget().avx512)
    return;
  table = format.hasTable ? builder.load(16, tensors.table, {builder.index(0)})
                          : createTable(builder, format);
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// One lane row of a packed tensor `[panels, rows, width]`.
SmallVector<Value> CodeDecoder::loadLanes(Value memref, Value panel, Value row) {
  SmallVector<Value> result;
  for (int64_t vector = 0; vector < vectors; ++vector)
    result.push_back(b.load(lanes, memref, {panel, row, b.index(vector * lanes)}));
  return result;
}

SmallVector<Value> CodeDecoder::loadScales(Value panel, Value group) {
  return loadLanes(tensors.scales, panel, group);
}

SmallVector<Value> CodeDecoder::loadZeroPoints(Value panel, Value group) {
  return tensors.zeroPoints ? loadLanes(tensors.zeroPoints, panel, group) : SmallVector<Value>();
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// The unsigned number at place `slot` of a lane.
Value CodeDecoder::extract(Value lane, int64_t slot, int64_t bits) {
  if (bits == 8)
    return b.create<arith::ExtUIOp>(b.getVectorType(lanes, b.getI32Type()), lane);
  Type type = lane.getType();
  Value shifted = slot ? b.create<arith::ShRUIOp>(lane, b.splatInt(type, slot * bits)) : lane;
  return b.create<arith::AndIOp>(shifted, b.splatInt(type, (int64_t(1) << bits) - 1));
}

/// The value of a code of `format.floatType`. Normal numbers get the exponent bias of f32. The same
/// on a code without exponent is 2^-bias * (1 + m), where 2^(1 - bias) * m is meant.
Value CodeDecoder::widenFloat(Value code) {
  FloatLayout layout = *getFloatLayout(*format.floatType);
  int64_t width = getBitWidth(*format.floatType), sign = int64_t(1) << (width - 1);
  VectorType type = b.getVectorType(lanes);
  Type integers = code.getType();
  auto splat = [&](int64_t value) { return b.splatInt(integers, value); };
  Value magnitude = b.create<arith::ShLIOp>(b.create<arith::AndIOp>(code, splat(sign - 1)),
                                            splat(23 - layout.mantissaBits));
  Value normal = b.create<arith::BitcastOp>(
      type, b.create<arith::AddIOp>(magnitude, splat(int64_t(127 - layout.bias) << 23)));
  Value small = b.subf(b.addf(normal, normal), b.splat(type, std::ldexp(1.0, 1 - layout.bias)));
  Value isSmall = b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, magnitude, splat(1 << 23));
  Value value = b.create<arith::SelectOp>(isSmall, small, normal);
  Value signBit =
      b.create<arith::ShLIOp>(b.create<arith::AndIOp>(code, splat(sign)), splat(32 - width));
  return b.create<arith::BitcastOp>(
      type, b.create<arith::OrIOp>(b.create<arith::BitcastOp>(integers, value), signBit));
}

/// The value (code minus offset) at place `slot` of a lane.
Value CodeDecoder::toFloat(Value lane, int64_t slot) {
  VectorType type = b.getVectorType(lanes);
  if (table) {
    Value index =
        slot ? b.create<arith::ShRUIOp>(lane, b.splatInt(lane.getType(), slot * format.bits))
             : lane;
    return b.intrinsic("llvm.x86.avx512.permvar.sf.512", type, {table, index});
  }
  if (format.hasTable) {
    Value index = extract(lane, slot, format.bits);
    VectorType maskType = b.getVectorType(lanes, b.getI1Type());
    return b.create<vector::GatherOp>(type, tensors.table, b.index(0), index,
                                      b.splatInt(maskType, 1), b.splat(type, 0));
  }
  if (format.floatType)
    return widenFloat(extract(lane, slot, format.bits));
  Value code = format.bits == 8
                   ? b.create<arith::ExtSIOp>(b.getVectorType(lanes, b.getI32Type()), lane)
                   : extract(lane, slot, format.bits);
  Value value = b.create<arith::SIToFPOp>(type, code);
  return format.offset ? b.subf(value, b.splat(type, format.offset)) : value;
}

SmallVector<SmallVector<Value>> CodeDecoder::decodeUnit(Value panel, Value first, int64_t count,
                                                        ValueRange zeros) {
  SmallVector<Value> lane = loadLanes(tensors.codes, panel, b.floorDiv(first, format.getUnit()));
  SmallVector<SmallVector<Value>> rows(count);
  for (int64_t slot = 0; slot < count; ++slot)
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value value = toFloat(lane[vector], slot);
      rows[slot].push_back(zeros.empty() ? value : b.subf(value, zeros[vector]));
    }
  return rows;
}

SmallVector<CodeDecoder::Slot> CodeDecoder::decodeSlots(Value panel, Value first,
                                                        ValueRange zeros) {
  int64_t positionBits = format.getPositionBits();
  int64_t perCode = format.bits == 8 ? 1 : 32 / format.bits;
  int64_t perPosition = positionBits == 8 ? 1 : 32 / positionBits;
  int64_t count = format.getUnit() / format.of * format.keep;
  Value firstSlot = b.mul(b.floorDiv(first, format.of), format.keep);
  auto loadAll = [&](Value memref, int64_t perLane) {
    SmallVector<SmallVector<Value>> result;
    for (int64_t lane = 0; lane < count / perLane; ++lane)
      result.push_back(loadLanes(memref, panel, b.add(b.floorDiv(firstSlot, perLane), lane)));
    return result;
  };
  SmallVector<SmallVector<Value>> codes = loadAll(tensors.codes, perCode);
  SmallVector<SmallVector<Value>> positions = loadAll(tensors.positions, perPosition);
  SmallVector<Slot> slots(count);
  for (int64_t index = 0; index < count; ++index) {
    Slot &slot = slots[index];
    slot.firstInput = index / format.keep * format.of;
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value value = toFloat(codes[index / perCode][vector], index % perCode);
      slot.values.push_back(zeros.empty() ? value : b.subf(value, zeros[vector]));
      slot.positions.push_back(
          extract(positions[index / perPosition][vector], index % perPosition, positionBits));
    }
  }
  return slots;
}

/// A row is, from slot to slot of its group, the value of the slot that points at it.
SmallVector<SmallVector<Value>> CodeDecoder::decodePatternUnit(Value panel, Value first,
                                                               ValueRange zeros) {
  Value zero = b.splat(b.getVectorType(lanes), 0);
  SmallVector<SmallVector<Value>> rows(format.getUnit(), SmallVector<Value>(vectors, zero));
  for (const Slot &slot : decodeSlots(panel, first, zeros))
    for (int64_t vector = 0; vector < vectors; ++vector)
      for (int64_t index = 0; index < format.of; ++index) {
        Value position = slot.positions[vector];
        Value here = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, position,
                                             b.splatInt(position.getType(), index));
        Value &row = rows[slot.firstInput + index][vector];
        row = b.create<arith::SelectOp>(here, slot.values[vector], row);
      }
  return rows;
}

void CodeDecoder::storeRow(ArrayRef<Value> values, ValueRange rowScales, Value row, Value scratch) {
  for (auto [vector, value] : llvm::enumerate(values))
    b.store(b.mulf(value, rowScales[vector]), scratch, {row, b.index(vector * lanes)});
}

void CodeDecoder::decodeRows(Value panel, Value first, Value count, Value scratch) {
  int64_t unit = format.getUnit(), group = format.group;
  // Rows of a unit that share a scale for certain.
  int64_t step = group >= format.inputs ? unit : std::gcd(unit, group);
  b.forLoop(b.index(0), count, unit, [&](Value offset) {
    Value input = b.add(first, offset);
    auto groupOf = [&](int64_t row) {
      Value index = group >= format.inputs ? b.index(0) : b.floorDiv(b.add(input, row), group);
      // Rows of padding use the last scale.
      return b.min(index, b.index(format.getGroups() - 1));
    };
    SmallVector<SmallVector<Value>> rows;
    for (int64_t row = 0; row < unit; row += step) {
      SmallVector<Value> rowScales = loadScales(panel, groupOf(row));
      if (row == 0 || tensors.zeroPoints) {
        SmallVector<Value> zeros = loadZeroPoints(panel, groupOf(row));
        rows = format.hasPattern() ? decodePatternUnit(panel, input, zeros)
                                   : decodeUnit(panel, input, unit, zeros);
      }
      for (int64_t i = row; i < row + step; ++i)
        storeRow(rows[i], rowScales, b.add(offset, i), scratch);
    }
  });
}
