//===- SmoothQuant.h - ranges of activations into weights ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization
// for Large Language Models", ICML 2023. Input channel j of a layer is divided
// by s_j and its weights multiplied by it:
//
//   s_j = max|X_j|^alpha / max(max|W_:j|, 1e-5)^(1 - alpha),   at least 1e-5
//
// With alpha = 0.5 both have the range sqrt(max|X_j| max|W_:j|) afterwards.
// Where nothing but zero was seen of a channel, s_j = 1. Computed in f64.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SMOOTHQUANT_H
#define COMPRESS_ALGORITHMS_SMOOTHQUANT_H

#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace mlir::compress {

/// `s` per channel from the largest magnitudes (finite, not negative) of activations and weights;
/// `alpha` is in [0, 1].
std::vector<float> computeSmoothScales(llvm::ArrayRef<float> activationMax,
                                       llvm::ArrayRef<float> weightMax, double alpha);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SMOOTHQUANT_H
