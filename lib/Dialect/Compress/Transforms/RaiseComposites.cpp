//===- RaiseComposites.cpp - exporters' subgraphs to composite ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_RAISECOMPOSITES
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

std::optional<reference::Tensor> RaiseContext::read(Value value, int64_t maxElements) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!source || !type || !type.hasStaticShape() || !getDataType(type.getElementType()))
    return std::nullopt;
  FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(type);
  if (failed(bytes) || type.getNumElements() > maxElements)
    return std::nullopt;
  FailureOr<StoredTensor> stored =
      StoredTensor::read(store, source, [&] { return source->emitError(); });
  if (failed(stored)) {
    hadError = true;
    return std::nullopt;
  }
  llvm::Expected<reference::Tensor> tensor =
      reference::Tensor::fromPacked(stored->getDataType(), type.getShape(), stored->bytes());
  if (!tensor) {
    llvm::consumeError(tensor.takeError());
    return std::nullopt;
  }
  return std::move(*tensor);
}

std::optional<double> RaiseContext::getScalar(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isa<FloatType>(type.getElementType()) || !type.hasStaticShape() ||
      !llvm::all_of(type.getShape(), [](int64_t size) { return size == 1; }))
    return std::nullopt;
  std::optional<reference::Tensor> tensor = read(value, 1);
  if (!tensor)
    return std::nullopt;
  return tensor->toFloats().front();
}

bool RaiseContext::isScalar(Value value, double expected) {
  std::optional<double> scalar = getScalar(value);
  return scalar && std::abs(*scalar - expected) <= 1e-6 * std::abs(expected);
}

std::optional<SmallVector<int64_t>> RaiseContext::getIntegers(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !isa<IntegerType>(type.getElementType()))
    return std::nullopt;
  std::optional<reference::Tensor> tensor = read(value, 1024);
  if (!tensor)
    return std::nullopt;
  return tensor->toInts();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

Product compress::getProduct(Value value, RaiseContext &context) {
  constexpr size_t maxFactors = 8;
  Product product;
  // Values that are still to be taken apart, each with whether it may be.
  SmallVector<std::pair<Value, bool>> open{{value, true}};
  while (!open.empty()) {
    auto [factor, isOwn] = open.pop_back_val();
    if (std::optional<double> scalar = context.getScalar(factor)) {
      product.scalar *= *scalar;
      continue;
    }
    Operation *op = factor.getDefiningOp();
    bool hasRoom = product.factors.size() + open.size() < maxFactors;
    if (isOwn && hasRoom) {
      if (auto mul = dyn_cast_or_null<MulOp>(op)) {
        // A square uses its operand twice.
        bool isSquare = mul.getLhs() == mul.getRhs();
        open.push_back({mul.getRhs(), !isSquare && mul.getRhs().hasOneUse()});
        open.push_back({mul.getLhs(), !isSquare && mul.getLhs().hasOneUse()});
        continue;
      }
      if (auto div = dyn_cast_or_null<DivOp>(op)) {
        std::optional<double> divisor = context.getScalar(div.getRhs());
        if (divisor && *divisor != 0) {
          product.scalar /= *divisor;
          open.push_back({div.getLhs(), div.getLhs().hasOneUse()});
          continue;
        }
      }
      if (auto pow = dyn_cast_or_null<PowOp>(op)) {
        bool isCube = context.isScalar(pow.getRhs(), 3);
        if (isCube || context.isScalar(pow.getRhs(), 2)) {
          product.factors.append(isCube ? 3 : 2, pow.getLhs());
          continue;
        }
      }
    }
    product.factors.push_back(factor);
  }
  return product;
}

RankedTensorType compress::getF32Type(Value value) {
  auto type = dyn_cast_or_null<RankedTensorType>(value ? value.getType() : Type());
  return type && type.getElementType().isF32() ? type : RankedTensorType();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-raise-composites").category("raise");
}

void RaiseContext::notePassed(Location loc, const Twine &what) {
  remark::passed(loc, getRemarkOptions()) << what.str();
}

void RaiseContext::noteMissed(Location loc, const Twine &what) {
  remark::missed(loc, getRemarkOptions()) << what.str();
}

namespace {
struct RaiseComposites : public compress::impl::RaiseCompositesBase<RaiseComposites> {
  using Base::Base;

  void runOnOperation() override {
    RaiseContext context(getOperation());
    // Attention looks through rotary embeddings, so those come first.
    RewritePatternSet parts(&getContext()), whole(&getContext());
    populateRaiseNormPatterns(parts, context);
    populateRaiseGeluPatterns(parts, context);
    populateRaiseRotaryPatterns(parts, context);
    populateRaiseAttentionPatterns(whole, context);
    if (failed(apply(std::move(parts))) || failed(apply(std::move(whole))))
      return signalPassFailure();
    explainMissedAttention(getOperation(), context);
    if (context.hadError)
      return signalPassFailure();
    removeDeadWeights(getOperation());
  }

private:
  LogicalResult apply(RewritePatternSet patterns) {
    // Only what the patterns say: the rest of the module stays as it is.
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
        GreedySimplifyRegionLevel::Disabled);
    return applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }
};
} // namespace
