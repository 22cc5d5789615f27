//===- Moe.cpp - mixtures of experts -----------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Reference/Moe.h"
#include "Common.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Reference/Normalization.h"
#include "compress/Reference/Reduce.h"

#include <cmath>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::Expected;
using llvm::SmallVector;

/// Leaves out second experts of little weight.
static void skipSecond(Tensor &weights, double threshold) {
  DataType type = weights.getType();
  for (int64_t token = 0; token < weights.getDim(0); ++token) {
    double first = weights.getFloat({token, 0}), second = weights.getFloat({token, 1});
    // Rounded to the type, as the ops of the expanded form do.
    double limit =
        Tensor::scalar(type, Tensor::scalar(type, threshold).getFloat({}) * first).getFloat({});
    if (!(second < limit))
      continue;
    weights.setFloat({token, 0}, first + second);
    weights.setFloat({token, 1}, 0);
  }
}

Expected<ExpertSelection> reference::selectExperts(const Tensor &logits,
                                                   const MoeOptions &options) {
  if (llvm::Error error = checkFloat("moe", logits, "logits"))
    return std::move(error);
  if (logits.getRank() != 2)
    return opError("moe", "logits have shape " + shapeToString(logits.getShape()) +
                              ", expected [tokens, experts]");
  if (options.k < 1 || options.k > logits.getDim(1))
    return opError("moe", "k is " + llvm::Twine(options.k) + ", expected 1 to " +
                              llvm::Twine(logits.getDim(1)));
  if (options.skipThreshold && options.k != 2)
    return opError("moe",
                   "only the second of two experts can be skipped, k is " + llvm::Twine(options.k));
  bool selectsLogits = options.normalization == ExpertNormalization::Softmax;
  Expected<Tensor> scores = selectsLogits ? Expected<Tensor>(logits) : softmax(logits, 1);
  if (!scores)
    return scores.takeError();
  Expected<TopKResult> best = topK(*scores, options.k, 1);
  if (!best)
    return best.takeError();
  ExpertSelection selection{best->indices, best->values};
  if (selectsLogits) {
    Expected<Tensor> weights = softmax(best->values, 1);
    if (!weights)
      return weights.takeError();
    selection.weights = *weights;
  } else if (options.normalization == ExpertNormalization::Sum) {
    int64_t axis[] = {1};
    Expected<Tensor> sum =
        reduce(ReduceKind::Sum, best->values, ArrayRef<int64_t>(axis), /*keepdims=*/true);
    if (!sum)
      return sum.takeError();
    Expected<Tensor> weights = div(best->values, *sum);
    if (!weights)
      return weights.takeError();
    selection.weights = *weights;
  }
  if (options.skipThreshold)
    skipSecond(selection.weights, *options.skipThreshold);
  return selection;
}

static double activate(ExpertActivation activation, double x) {
  switch (activation) {
  case ExpertActivation::Silu:
    return x / (1 + std::exp(-x));
  case ExpertActivation::Gelu:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case ExpertActivation::GeluTanh:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
  case ExpertActivation::Relu:
    // A NaN stays one.
    return x < 0 ? 0 : x;
  }
  return x;
}

Expected<Tensor> reference::moe(const Tensor &x, const Tensor &router, const Tensor *bias,
                                const Tensor &w1, const Tensor *w3, const Tensor &w2,
                                const MoeOptions &options) {
  if (x.getRank() != 2 || w1.getRank() != 3)
    return opError("moe", "input and w1 have shapes " + shapeToString(x.getShape()) + " and " +
                              shapeToString(w1.getShape()) +
                              ", expected [tokens, d] and [experts, d, h]");
  int64_t tokens = x.getDim(0), width = x.getDim(1), experts = w1.getDim(0), hidden = w1.getDim(2);
  if (llvm::Error error = checkShape("moe", router, {experts, width}, "router"))
    return std::move(error);
  if (llvm::Error error = checkShape("moe", w1, {experts, width, hidden}, "w1"))
    return std::move(error);
  if (w3)
    if (llvm::Error error = checkShape("moe", *w3, {experts, width, hidden}, "w3"))
      return std::move(error);
  if (llvm::Error error = checkShape("moe", w2, {experts, hidden, width}, "w2"))
    return std::move(error);
  if (llvm::Error error = checkWork("moe", {tokens, options.k, width, hidden, 3}))
    return std::move(error);
  Expected<Tensor> logits = linear(x, router, bias, WeightLayout::NK);
  if (!logits)
    return logits.takeError();
  Expected<ExpertSelection> selection = selectExperts(*logits, options);
  if (!selection)
    return selection.takeError();
  Expected<Tensor> result = Tensor::create(x.getType(), {tokens, width});
  if (!result)
    return result.takeError();
  for (int64_t token = 0; token < tokens; ++token) {
    SmallVector<double, 0> sums(width, 0.0);
    for (int64_t i = 0; i < options.k; ++i) {
      int64_t expert = selection->experts.getInt({token, i});
      double weight = selection->weights.getFloat({token, i});
      for (int64_t h = 0; h < hidden; ++h) {
        double first = 0, second = w3 ? 0 : 1;
        for (int64_t d = 0; d < width; ++d) {
          first += x.getFloat({token, d}) * w1.getFloat({expert, d, h});
          if (w3)
            second += x.getFloat({token, d}) * w3->getFloat({expert, d, h});
        }
        double value = weight * activate(options.activation, first) * second;
        for (int64_t d = 0; d < width; ++d)
          sums[d] += value * w2.getFloat({expert, h, d});
      }
    }
    for (int64_t d = 0; d < width; ++d)
      result->setFloat({token, d}, sums[d]);
  }
  return result;
}
