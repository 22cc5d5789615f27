//===- BiasCorrection.h - the mean error of a quantized layer --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
// Correction", ICCV 2019, section 4.2, with means of calibration data: a layer
// y = W x + b whose weight becomes W^ has the mean error (W^ - W) E[x] per
// output, which the bias takes in:
//
//   b' = b + (W - W^) E[x]
//
// Sums are in f64, along a row from the left.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_BIASCORRECTION_H
#define COMPRESS_ALGORITHMS_BIASCORRECTION_H

#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

/// What is to be added to the bias, per row: `original` and `quantized` are `[rows, columns]`
/// (row-major, rows are output channels); `mean[j]` is the mean of the input that column j meets.
std::vector<double> computeBiasCorrection(llvm::ArrayRef<float> original,
                                          llvm::ArrayRef<float> quantized, size_t rows,
                                          size_t columns, llvm::ArrayRef<double> mean);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_BIASCORRECTION_H
