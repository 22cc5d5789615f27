//===- CodeTables.cpp - the named weight formats as code grids ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/CodeTables.h"
#include "compress/Support/NumericFormats.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace mlir::compress;

llvm::ArrayRef<float> mlir::compress::getNF4Table() {
  static constexpr float table[] = {
      -1.0f,
      -0.6961928009986877f,
      -0.5250730514526367f,
      -0.39491748809814453f,
      -0.28444138169288635f,
      -0.18477343022823334f,
      -0.09105003625154495f,
      0.0f,
      0.07958029955625534f,
      0.16093020141124725f,
      0.24611230194568634f,
      0.33791524171829224f,
      0.44070982933044434f,
      0.5626170039176941f,
      0.7229568362236023f,
      1.0f,
  };
  return table;
}

llvm::ArrayRef<float> mlir::compress::getFP4Table() {
  static constexpr float table[] = {
      0.0f,  0.0625f / 12,  8.0f / 12,  1.0f,  4.0f / 12,  6.0f / 12,  2.0f / 12,  3.0f / 12,
      -0.0f, -0.0625f / 12, -8.0f / 12, -1.0f, -4.0f / 12, -6.0f / 12, -2.0f / 12, -3.0f / 12,
  };
  return table;
}

std::vector<float> mlir::compress::getFloatTable(DataType type) {
  assert(isFloat(type) && getBitWidth(type) <= 8 && "not a small float");
  std::vector<float> table(size_t(1) << getBitWidth(type));
  for (size_t code = 0; code < table.size(); ++code)
    table[code] = static_cast<float>(decodeFloat(type, code));
  return table;
}

std::vector<float> mlir::compress::getPow2Table(unsigned bits) {
  assert(bits >= 2 && bits <= 8 && "not a code width");
  const int half = 1 << (bits - 1);
  std::vector<float> table(2 * half);
  for (int i = 1; i < half; ++i) {
    table[i] = static_cast<float>(std::ldexp(1.0, i - (half - 1)));
    table[half + i] = -table[i];
  }
  table[half] = -0.0f;
  return table;
}

/// The codes of the finite values in ascending order of values, each value once with its first
/// code.
static std::vector<unsigned> getOrder(llvm::ArrayRef<float> table) {
  std::vector<unsigned> order;
  for (unsigned code = 0; code < table.size(); ++code)
    if (std::isfinite(table[code]))
      order.push_back(code);
  std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    return table[a] != table[b] ? table[a] < table[b] : a < b;
  });
  order.erase(std::unique(order.begin(), order.end(),
                          [&](unsigned a, unsigned b) { return table[a] == table[b]; }),
              order.end());
  return order;
}

/// Bounds between neighbours: `getBound(lower code, upper code)`.
template <typename GetBound>
static std::vector<CodeGrid::Bound> makeBounds(llvm::ArrayRef<float> table, GetBound getBound) {
  std::vector<unsigned> order = getOrder(table);
  std::vector<CodeGrid::Bound> bounds;
  for (size_t i = 1; i < order.size(); ++i)
    bounds.push_back(getBound(order[i - 1], order[i]));
  return bounds;
}

/// Midpoints with ties to the value nearer to 0. They must be exact in f32 or never be met.
static std::vector<CodeGrid::Bound> makeBoundsTowardZero(llvm::ArrayRef<float> table) {
  return makeBounds(table, [&](unsigned lower, unsigned upper) {
    float middle = (table[lower] + table[upper]) / 2;
    return CodeGrid::Bound{middle, middle < 0};
  });
}

CodeGrid mlir::compress::makeNF4Grid(DataType scaleType) {
  return CodeGrid::makeTable(DataType::U4, getNF4Table(), ScaleRule::AbsMax, scaleType);
}

CodeGrid mlir::compress::makeFP4Grid(DataType scaleType) {
  return CodeGrid::makeTable(DataType::U4, getFP4Table(), ScaleRule::AbsMax, scaleType,
                             makeBoundsTowardZero(getFP4Table()));
}

CodeGrid mlir::compress::makeFloatGrid(DataType type, ScaleRule rule, DataType scaleType) {
  assert((rule == ScaleRule::AbsMax || rule == ScaleRule::PowerOfTwo || rule == ScaleRule::E4M3) &&
         "not a rule for floats");
  std::vector<float> table = getFloatTable(type);
  // Midpoints have one bit more than the type and are exact.
  std::vector<CodeGrid::Bound> bounds = makeBounds(table, [&](unsigned lower, unsigned upper) {
    return CodeGrid::Bound{(table[lower] + table[upper]) / 2, upper % 2 == 0};
  });
  return CodeGrid::makeTable(type, table, rule, scaleType, bounds);
}

float mlir::compress::getNVFP4TensorScale(float amax) {
  float factor = amax / (6.0f * 448.0f);
  return factor > 0 ? factor : 1;
}

CodeGrid mlir::compress::makePow2Grid(unsigned bits, DataType scaleType) {
  static constexpr DataType types[] = {DataType::U2, DataType::U3, DataType::U4, DataType::U5,
                                       DataType::U6, DataType::U7, DataType::U8};
  std::vector<float> table = getPow2Table(bits);
  constexpr double root = 1.4142135623730951;
  std::vector<CodeGrid::Bound> bounds = makeBounds(table, [&](unsigned lower, unsigned upper) {
    float a = std::fabs(table[lower]), b = std::fabs(table[upper]);
    float larger = std::max(a, b);
    float bound = static_cast<float>(larger / root);
    return CodeGrid::Bound{a > b ? -bound : bound, false};
  });
  return CodeGrid::makeTable(types[bits - 2], table, ScaleRule::NearestPowerOfTwo, scaleType,
                             bounds);
}

CodeGrid mlir::compress::makeBinaryGrid(DataType scaleType) {
  static constexpr float table[] = {-1, 1};
  static constexpr CodeGrid::Bound bounds[] = {{0, true}};
  return CodeGrid::makeTable(DataType::U1, table, ScaleRule::MeanAbs, scaleType, bounds);
}

CodeGrid mlir::compress::makeTernaryGrid(DataType scaleType) {
  static const float table[] = {0, 1, std::numeric_limits<float>::quiet_NaN(), -1};
  return CodeGrid::makeTable(DataType::I2, table, ScaleRule::TernaryExact, scaleType,
                             makeBoundsTowardZero(table));
}
