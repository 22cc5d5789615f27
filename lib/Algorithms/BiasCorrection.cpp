//===- BiasCorrection.cpp - the mean error of a quantized layer ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BiasCorrection.h"

using namespace mlir::compress;

std::vector<double> mlir::compress::computeBiasCorrection(llvm::ArrayRef<float> original,
                                                          llvm::ArrayRef<float> quantized,
                                                          size_t rows, size_t columns,
                                                          llvm::ArrayRef<double> mean) {
  std::vector<double> correction(rows);
  for (size_t row = 0; row < rows; ++row) {
    const float *from = original.data() + row * columns, *to = quantized.data() + row * columns;
    double sum = 0;
    for (size_t column = 0; column < columns; ++column)
      sum += (double(from[column]) - double(to[column])) * mean[column];
    correction[row] = sum;
  }
  return correction;
}
