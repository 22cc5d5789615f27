//===- RaiseComposites.h - what the raising patterns share -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISECOMPOSITES_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISECOMPOSITES_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir {
namespace compress {

/// State of one run of `compress-raise-composites`, which all patterns share.
class RaiseContext {
public:
  explicit RaiseContext(ModuleOp module) : store(module.getContext()), symbols(module) {}

  /// The one element of a float constant or weight; nothing for other values.
  std::optional<double> getScalar(Value value);
  /// True for a constant of one element within a relative 1e-6 of `expected`: exporters round
  /// constants such as sqrt(2) differently.
  bool isScalar(Value value, double expected);
  /// Elements of an integer constant or weight of at most 1024 elements.
  std::optional<SmallVector<int64_t>> getIntegers(Value value);
  /// Remarks of category `raise`.
  void notePassed(Location loc, const Twine &what);
  void noteMissed(Location loc, const Twine &what);

  WeightStore store;
  WeightSymbols symbols;
  /// The bytes of a constant could not be read; a diagnostic was reported.
  bool hadError = false;

private:
  std::optional<reference::Tensor> read(Value value, int64_t maxElements);
};

/// A product: what is left of it without its constant factors, and these.
struct Product {
  double scalar = 1;
  SmallVector<Value, 4> factors;
};

/// `value` as a product. Multiplications, divisions by constants and small constant powers are
/// looked through if the product is their only user (`value` itself may have any). At most 8
/// factors are separated.
Product getProduct(Value value, RaiseContext &context);

/// The type of an f32 tensor, or null.
RankedTensorType getF32Type(Value value);

/// The only user of `value`, if it has one use and the user is an `OpTy`.
template <typename OpTy>
OpTy getOnlyUser(Value value) {
  return value.hasOneUse() ? dyn_cast<OpTy>(*value.user_begin()) : OpTy();
}

/// The other operand of a binary op.
inline Value getOther(Operation *op, Value operand) {
  return op->getOperand(0) == operand ? op->getOperand(1) : op->getOperand(0);
}

/// Replaces `root` by a new op with the type and the location of `root`.
template <typename OpTy, typename... Args>
OpTy replaceByComposite(RewriterBase &rewriter, Operation *root, Args &&...args) {
  rewriter.setInsertionPoint(root);
  auto op = OpTy::create(rewriter, root->getLoc(), root->getResult(0).getType(),
                         std::forward<Args>(args)...);
  rewriter.replaceOp(root, op->getResults());
  return op;
}

/// rms_norm and layer_norm (RaiseNorms.cpp).
void populateRaiseNormPatterns(RewritePatternSet &patterns, RaiseContext &context);
/// gelu (RaiseGelu.cpp).
void populateRaiseGeluPatterns(RewritePatternSet &patterns, RaiseContext &context);
/// rotary_embedding (RaiseRotary.cpp).
void populateRaiseRotaryPatterns(RewritePatternSet &patterns, RaiseContext &context);
/// attention (RaiseAttention.cpp).
void populateRaiseAttentionPatterns(RewritePatternSet &patterns, RaiseContext &context);
/// Remarks about every softmax below `root` that looks like attention.
void explainMissedAttention(Operation *root, RaiseContext &context);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_RAISECOMPOSITES_H
