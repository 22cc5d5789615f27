//===- Moe.h - mixtures of experts -------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_MOE_H
#define COMPRESS_REFERENCE_MOE_H

#include "compress/Reference/Tensor.h"

namespace mlir {
namespace compress {
namespace reference {

/// What an expert applies to its first product.
enum class ExpertActivation : uint8_t { Silu, Gelu, GeluTanh, Relu };

/// What makes scores the weights of the selected experts; see `compress.moe`.
enum class ExpertNormalization : uint8_t { None, Sum, Softmax };

struct MoeOptions {
  int64_t k = 1;
  ExpertActivation activation = ExpertActivation::Silu;
  ExpertNormalization normalization = ExpertNormalization::Sum;
  /// With k = 2: the second expert is left out where its weight is less than this times the first
  /// one's, which gets the weight of both.
  std::optional<double> skipThreshold;
};

/// The experts that tokens go to and their weights.
struct ExpertSelection {
  /// `[tokens, k]`: `I64`, best first, and weights of the type of the logits.
  Tensor experts, weights;
};

/// Selects the experts of each token by `logits` `[tokens, E]`: the largest, ties by lower index,
/// of the softmax of all logits (None, Sum) or of the logits themselves (Softmax).
llvm::Expected<ExpertSelection> selectExperts(const Tensor &logits, const MoeOptions &options);

/// `x` `[tokens, d]`, `router` `[E, d]`, `bias` `[E]`, `w1` and `w3` `[E, d, h]`, `w2` `[E, h, d]`;
/// `bias` and `w3` may be null. Experts are computed in double and rounded once.
llvm::Expected<Tensor> moe(const Tensor &x, const Tensor &router, const Tensor *bias,
                           const Tensor &w1, const Tensor *w3, const Tensor &w2,
                           const MoeOptions &options);

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_MOE_H
