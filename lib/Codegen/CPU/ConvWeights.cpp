//===- ConvWeights.cpp - packed weights of convolutions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvParts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// Codes that are decoded at a time: 8 elements of the contraction for 6 channels.
static constexpr int64_t kCodeBlock = 8 * kConvRows;
/// Scales of a panel, padded.
static constexpr int64_t kScaleRow = 8;

std::string ConvWeight::getName() const {
  switch (format) {
  case Format::F32:
    return "f32";
  case Format::Integer:
    return "int8";
  case Format::Codes:
    break;
  }
  std::string name = "code" + std::to_string(bits);
  if (group)
    name += "_g" + std::to_string(group);
  if (hasZeroPoints)
    name += "_z";
  return name;
}

/// `[groups, panels]` and one more dim.
static RankedTensorType getPackedType(const ConvRequest &request, int64_t size, Type element) {
  int64_t panels = llvm::divideCeil(request.groupOutputs, kConvRows);
  return RankedTensorType::get({request.groups, panels, size}, element);
}

/// Calls `body(output, position of its panel, row in the panel)`.
static void forEachOutput(const ConvRequest &request,
                          function_ref<void(int64_t, int64_t, int64_t)> body) {
  int64_t panels = llvm::divideCeil(request.groupOutputs, kConvRows);
  for (int64_t group = 0; group < request.groups; ++group)
    for (int64_t i = 0; i < request.groupOutputs; ++i)
      body(group * request.groupOutputs + i, group * panels + i / kConvRows, i % kConvRows);
}

//===----------------------------------------------------------------------===//
// f32
//===----------------------------------------------------------------------===//

RankedTensorType compress::getConvPanelType(const ConvRequest &request, int64_t k, Type f32) {
  return getPackedType(request, k * kConvRows, f32);
}

void compress::packConvPanels(const ConvRequest &request, int64_t k, const float *weight,
                              float *panels) {
  forEachOutput(request, [&](int64_t output, int64_t panel, int64_t row) {
    for (int64_t i = 0; i < k; ++i)
      panels[(panel * k + i) * kConvRows + row] = weight[output * k + i];
  });
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

static int64_t getPanelBytes(const ConvWeight &weight, int64_t k) {
  return llvm::divideCeil(k, 8) * kCodeBlock * weight.bits / 8;
}

RankedTensorType compress::getConvCodesType(const ConvRequest &request, int64_t k, Type i8) {
  return getPackedType(request, getPanelBytes(request.weight, k), i8);
}

void compress::packConvCodes(const ConvRequest &request, int64_t k, const uint8_t *codes,
                             uint8_t *panels) {
  int64_t bits = request.weight.bits, panelBytes = getPanelBytes(request.weight, k);
  // 16 codes take 2 * bits bytes; byte j has the codes j, j + 2 * bits, ... from its low bits on.
  int64_t bytes = 2 * bits;
  forEachOutput(request, [&](int64_t output, int64_t panel, int64_t row) {
    for (int64_t i = 0; i < k; ++i) {
      int64_t position = i * kConvRows + row, lane = position % 16;
      uint8_t &byte = panels[panel * panelBytes + position / 16 * bytes + lane % bytes];
      unsigned code = codes[output * k + i] & ((1u << bits) - 1);
      byte = static_cast<uint8_t>(byte | code << (lane / bytes * bits));
    }
  });
}

static int64_t getScaleGroups(const ConvWeight &weight, int64_t k) {
  return weight.group ? llvm::divideCeil(k, weight.group) : 1;
}

RankedTensorType compress::getConvScalesType(const ConvRequest &request, int64_t k, Type f32) {
  return getPackedType(request, getScaleGroups(request.weight, k) * kScaleRow, f32);
}

void compress::packConvScales(const ConvRequest &request, int64_t k, const float *values,
                              float *packed) {
  int64_t groups = getScaleGroups(request.weight, k);
  forEachOutput(request, [&](int64_t output, int64_t panel, int64_t row) {
    for (int64_t group = 0; group < groups; ++group)
      packed[(panel * groups + group) * kScaleRow + row] = values[output * groups + group];
  });
}

/// 16 codes from byte `at` on, as i32.
static Value loadCodes(KernelBuilder &b, const ConvWeight &weight, Value codes, Value at) {
  int64_t bytes = 2 * weight.bits;
  Value packed = b.load(bytes, codes, {at});
  SmallVector<Value> parts;
  for (int64_t shift = 0; shift < 8; shift += weight.bits) {
    Value part = packed;
    if (shift)
      part = b.create<arith::ShRUIOp>(part, b.splatInt(part.getType(), shift));
    if (shift + weight.bits < 8)
      part = b.create<arith::AndIOp>(part, b.splatInt(part.getType(), (1 << weight.bits) - 1));
    parts.push_back(part);
  }
  while (parts.size() > 1) {
    SmallVector<Value> wider;
    for (size_t i = 0; i < parts.size(); i += 2) {
      int64_t size = cast<VectorType>(parts[i].getType()).getNumElements();
      SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, 2 * size));
      wider.push_back(b.create<vector::ShuffleOp>(parts[i], parts[i + 1], all));
    }
    parts = wider;
  }
  return b.create<arith::ExtUIOp>(b.getVectorType(16, b.getI32Type()), parts[0]);
}

/// Three vectors that repeat the 6 values from `at` on.
static SmallVector<Value> loadPattern(KernelBuilder &b, Value values, Value at) {
  Value row = b.load(kScaleRow, values, {at});
  SmallVector<Value> pattern;
  for (int64_t vector = 0; vector < 3; ++vector) {
    SmallVector<int64_t> lanes;
    for (int64_t lane = 0; lane < 16; ++lane)
      lanes.push_back((vector * 16 + lane) % kConvRows);
    pattern.push_back(b.create<vector::ShuffleOp>(row, row, lanes));
  }
  return pattern;
}

static void emitDecode(KernelBuilder &b, const ConvWeight &weight, ValueRange args) {
  size_t next = 0;
  Value codes = args[next++], scales = args[next++];
  Value zeroPoints = weight.hasZeroPoints ? args[next++] : Value();
  Value k = args[next++], panel = args[next++];
  Value blocks = b.ceilDiv(k, 8), none = b.index(0);
  Value perGroup = weight.group ? b.index(weight.group / 8) : b.max(blocks, b.index(1));
  Value groups = b.create<arith::DivUIOp>(b.sub(b.add(blocks, perGroup), b.index(1)), perGroup);
  VectorType floats = b.getVectorType(16);
  b.forLoop(none, groups, 1, [&](Value group) {
    Value at = b.mul(group, kScaleRow);
    SmallVector<Value> scale = loadPattern(b, scales, at), zero;
    if (zeroPoints)
      zero = loadPattern(b, zeroPoints, at);
    else
      zero.assign(3, b.splat(floats, static_cast<double>(1 << (weight.bits - 1))));
    Value begin = b.mul(group, perGroup), end = b.min(b.add(begin, perGroup), blocks);
    b.forLoop(begin, end, 1, [&](Value block) {
      for (int64_t vector = 0; vector < 3; ++vector) {
        Value place = b.add(b.mul(block, 3), vector);
        Value code = loadCodes(b, weight, codes, b.mul(place, 2 * weight.bits));
        Value x = b.create<arith::SIToFPOp>(floats, code);
        b.store(b.mulf(b.subf(x, zero[vector]), scale[vector]), panel, {b.mul(place, 16)});
      }
    });
  });
}

func::FuncOp compress::getConvDecodeFunction(KernelLibrary &library, const ConvWeight &weight) {
  OpBuilder builder(library.getContext());
  MemRefType floats = getFlatType(builder.getF32Type());
  SmallVector<Type> types{getFlatType(builder.getI8Type()), floats};
  if (weight.hasZeroPoints)
    types.push_back(floats);
  types.append({builder.getIndexType(), floats});
  std::string name = "conv_decode_" + weight.getName() + "_" + library.getTarget().getName().str();
  return library.getOrCreate(
      name, "decodes a panel of codes", types,
      [&](KernelBuilder &b, ValueRange args) { emitDecode(b, weight, args); });
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// i32 elements for 4 codes: bytes, or 16-bit numbers where there is no vpdpbusd.
static int64_t getWords(const CpuTarget &target) { return target.vnni ? 1 : 2; }

RankedTensorType compress::getConvIntegerType(const CpuTarget &target, const ConvRequest &request,
                                              int64_t channels, Type i32) {
  int64_t k = llvm::divideCeil(channels, 4) * request.window.getTaps();
  return getPackedType(request, k * kConvRows * getWords(target), i32);
}

void compress::packConvInteger(const CpuTarget &target, const ConvRequest &request,
                               int64_t channels, const int8_t *codes, uint32_t *packed) {
  int64_t taps = request.window.getTaps(), words = getWords(target);
  int64_t panelWords = llvm::divideCeil(channels, 4) * taps * kConvRows * words;
  forEachOutput(request, [&](int64_t output, int64_t panel, int64_t row) {
    for (int64_t channel = 0; channel < channels; ++channel)
      for (int64_t tap = 0; tap < taps; ++tap) {
        int8_t code = codes[(output * channels + channel) * taps + tap];
        int64_t k = channel / 4 * taps + tap, lane = channel % 4;
        uint32_t *word = packed + panel * panelWords + (k * kConvRows + row) * words;
        if (words == 1)
          word[0] |= static_cast<uint32_t>(static_cast<uint8_t>(code)) << (8 * lane);
        else // Codes 0 and 2, then codes 1 and 3.
          word[lane % 2] |= static_cast<uint32_t>(static_cast<uint16_t>(code)) << (16 * (lane / 2));
      }
  });
}
