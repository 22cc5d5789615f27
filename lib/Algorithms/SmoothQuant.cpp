//===- SmoothQuant.cpp - ranges of activations into weights ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/SmoothQuant.h"
#include <algorithm>
#include <cmath>

std::vector<float> mlir::compress::computeSmoothScales(llvm::ArrayRef<float> activationMax,
                                                       llvm::ArrayRef<float> weightMax,
                                                       double alpha) {
  constexpr double kSmallest = 1e-5;
  std::vector<float> scales(activationMax.size(), 1.0f);
  for (size_t j = 0; j < scales.size(); ++j) {
    if (activationMax[j] == 0)
      continue;
    double weight = std::max<double>(weightMax[j], kSmallest);
    double scale = std::pow<double>(activationMax[j], alpha) / std::pow(weight, 1 - alpha);
    scales[j] = static_cast<float>(std::max(scale, kSmallest));
  }
  return scales;
}
