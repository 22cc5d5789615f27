//===- FoldBatchNorm.cpp - batch normalization into the op before it -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Remarks.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Rounds `values` into a new stored tensor.
static FailureOr<StoredTensor> fromDoubles(WeightStore &store, RankedTensorType type,
                                           ArrayRef<double> values, EmitErrorFn emitError) {
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  unsigned bytes = getStorageBitWidth(tensor->getDataType()) / 8;
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t bits = encodeFloat(tensor->getDataType(), value);
    std::memcpy(tensor->mutableBytes().data() + i * bytes, &bits, bytes);
  }
  return tensor;
}

namespace {
struct FoldBatchNorm : public compress::impl::FoldBatchNormBase<FoldBatchNorm> {
  using Base::Base;

  void runOnOperation() override {
    WeightStore store(&getContext());
    WeightSymbols symbols(getOperation());
    auto remarkOptions =
        remark::RemarkOpts::name("compress-fold-batch-norm").category("fold-batch-norm");
    SmallVector<BatchNormOp> norms;
    getOperation().walk([&](BatchNormOp norm) { norms.push_back(norm); });
    for (BatchNormOp norm : norms) {
      Location loc = norm.getLoc();
      FailureOr<WeightedOp> op = failure();
      std::string reason = explain(norm, op);
      if (!reason.empty()) {
        remark::missed(loc, remarkOptions) << "batch_norm is left alone: " + reason;
        continue;
      }
      std::string name = op->name;
      if (failed(fold(store, symbols, norm, *op)))
        return signalPassFailure();
      remark::passed(loc, remarkOptions) << "batch_norm is folded into \"" + name + "\"";
    }
    removeDeadWeights(getOperation());
  }

private:
  /// Why `norm` cannot be folded, or an empty text and the op to fold it into.
  static std::string explain(BatchNormOp norm, FailureOr<WeightedOp> &op);
  static LogicalResult fold(WeightStore &store, WeightSymbols &symbols, BatchNormOp norm,
                            const WeightedOp &op);
};
} // namespace

std::string FoldBatchNorm::explain(BatchNormOp norm, FailureOr<WeightedOp> &op) {
  Operation *producer = norm.getInput().getDefiningOp();
  if (!isa_and_nonnull<ConvOp, ConvTransposeOp, LinearOp>(producer))
    return "its input does not come from a convolution or linear op";
  if (!producer->hasOneUse())
    return "the op before it has other users";
  op = getWeighted(producer);
  if (failed(op))
    return "the op before it has no constant weight";
  if (!op->chain.isDense() || !op->chain.permutation.empty())
    return "the weight before it is not dense";
  if (auto linear = dyn_cast<LinearOp>(producer);
      linear && norm.getInput().getType().getRank() != 2)
    return "its channels are not those of the linear op";
  if (auto transposed = dyn_cast<ConvTransposeOp>(producer);
      transposed && transposed.getGroups() != 1)
    return "the convolution before it is grouped and transposed";
  for (Value parameter : {norm.getScale(), norm.getBias(), norm.getMean(), norm.getVariance()})
    if (!parameter.getDefiningOp<WeightSourceOpInterface>())
      return "its parameters are not constant";
  Value bias = producer->getNumOperands() > 2 ? producer->getOperand(2) : Value();
  if (bias && !bias.getDefiningOp<WeightSourceOpInterface>())
    return "the bias before it is not constant";
  return "";
}

LogicalResult FoldBatchNorm::fold(WeightStore &store, WeightSymbols &symbols, BatchNormOp norm,
                                  const WeightedOp &op) {
  auto emitError = [&] { return norm.emitError(); };
  auto read = [&](Value value) {
    return StoredTensor::read(store, value.getDefiningOp<WeightSourceOpInterface>(), emitError);
  };
  auto readDoubles = [&](Value value) -> FailureOr<std::vector<double>> {
    FailureOr<StoredTensor> tensor = read(value);
    if (failed(tensor))
      return failure();
    return toDoubles(*tensor);
  };
  FailureOr<std::vector<double>> scale = readDoubles(norm.getScale()),
                                 shift = readDoubles(norm.getBias()),
                                 mean = readDoubles(norm.getMean()),
                                 variance = readDoubles(norm.getVariance());
  FailureOr<StoredTensor> weight = read(op.chain.root);
  if (failed(scale) || failed(shift) || failed(mean) || failed(variance) || failed(weight))
    return failure();
  int64_t channels = scale->size();
  std::vector<double> bias(channels, 0.0);
  Operation *producer = op.op;
  if (producer->getNumOperands() > 2) {
    FailureOr<std::vector<double>> old = readDoubles(producer->getOperand(2));
    if (failed(old))
      return failure();
    bias = std::move(*old);
  }
  std::vector<double> factor(channels);
  double epsilon = norm.getEpsilon().convertToDouble();
  for (int64_t c = 0; c < channels; ++c) {
    factor[c] = (*scale)[c] / std::sqrt((*variance)[c] + epsilon);
    bias[c] = (bias[c] - (*mean)[c]) * factor[c] + (*shift)[c];
  }
  std::vector<double> values = toDoubles(*weight);
  BlockView view = getAxisView(weight->getType().getShape(), op.outputDims.front());
  for (auto [i, value] : llvm::enumerate(values))
    value *= factor[i / view.inner % view.k];

  FailureOr<StoredTensor> newWeight = fromDoubles(store, weight->getType(), values, emitError);
  auto biasType = RankedTensorType::get({channels}, weight->getType().getElementType());
  FailureOr<StoredTensor> newBias = fromDoubles(store, biasType, bias, emitError);
  if (failed(newWeight) || failed(newBias))
    return failure();
  OpBuilder builder(producer);
  WeightSourceOpInterface source = op.chain.source;
  std::string name = source.getWeightName();
  Value weightValue = newWeight->materialize(builder, symbols, store, source, name + ".bn");
  Value biasValue = newBias->materialize(builder, symbols, store, source, name + ".bn.bias");
  op.operand->set(weightValue);
  if (producer->getNumOperands() > 2)
    producer->setOperand(2, biasValue);
  else
    producer->insertOperands(2, biasValue);
  // Users rely on the type that the normalization has.
  producer->getResult(0).setType(norm.getResult().getType());
  norm.getResult().replaceAllUsesWith(producer->getResult(0));
  norm.erase();
  return success();
}
