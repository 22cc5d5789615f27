//===- DoubleQuantization.cpp - scales in eight bits ----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/DoubleQuantization.h"
#include "compress/Algorithms/CodeGrid.h"
#include <algorithm>
#include <cmath>

using namespace mlir::compress;

static std::vector<float> makeDynamicMap() {
  std::vector<float> map = {0, 1};
  double power = 1e-6;
  for (int i = 0; i < 7; ++i, power *= 10)
    for (int j = 0, parts = 1 << i; j < parts; ++j) {
      float value = static_cast<float>((0.1 + 0.9 * (j + 0.5) / parts) * power);
      map.push_back(value);
      map.push_back(-value);
    }
  std::sort(map.begin(), map.end());
  return map;
}

llvm::ArrayRef<float> mlir::compress::getDynamicMap() {
  static const std::vector<float> map = makeDynamicMap();
  return map;
}

DoubleQuantizedScales mlir::compress::quantizeScales(llvm::ArrayRef<float> scales) {
  DoubleQuantizedScales result;
  if (scales.empty())
    return result;
  double sum = 0;
  for (float scale : scales)
    sum += scale;
  result.offset = static_cast<float>(sum / scales.size());
  std::vector<float> centered(scales.size());
  std::transform(scales.begin(), scales.end(), centered.begin(),
                 [&](float scale) { return scale - result.offset; });
  CodeGrid grid = CodeGrid::makeTable(DataType::U8, getDynamicMap(), ScaleRule::AbsMax);
  QuantizedMatrix matrix =
      quantizeMatrix(grid, centered.data(), 1, centered.size(), kDoubleQuantizationBlock);
  result.codes = std::move(matrix.codes);
  for (const BlockParameters &block : matrix.blocks)
    result.scales.push_back(block.scale);
  return result;
}

std::vector<float> mlir::compress::dequantizeScales(const DoubleQuantizedScales &quantized) {
  llvm::ArrayRef<float> map = getDynamicMap();
  std::vector<float> result(quantized.codes.size());
  for (size_t i = 0; i < result.size(); ++i)
    result[i] =
        quantized.scales[i / kDoubleQuantizationBlock] * map[quantized.codes[i]] + quantized.offset;
  return result;
}
