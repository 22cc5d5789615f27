//===- BiasCorrection.cpp - changing the bias of weighted ops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/BiasCorrection.h"
#include "MatrixView.h"
#include "compress/Algorithms/BiasCorrection.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Remarks.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_CORRECTBIAS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Changing a bias
//===----------------------------------------------------------------------===//

/// The bias operand of an op that can have one; null if it has none.
static Value getBias(Operation *op) {
  return op->getNumOperands() > 2 ? op->getOperand(2) : Value();
}

std::string mlir::compress::explainFixedBias(const WeightedOp &op) {
  if (auto matmul = dyn_cast<MatMulOp>(op.op)) {
    if (op.operand->getOperandNumber() != 1 || op.chain.getType().getRank() != 2)
      return "its weight is not a matrix on the right";
  } else if (!isa<LinearOp, ConvOp, ConvTransposeOp>(op.op)) {
    return "'" + op.op->getName().getStringRef().str() + "' has no bias";
  } else if (Value bias = getBias(op.op); bias && !bias.getDefiningOp<WeightSourceOpInterface>()) {
    return "its bias is not constant";
  }
  auto type = dyn_cast<RankedTensorType>(op.op->getResult(0).getType());
  if (!type || !isa<Float64Type, Float32Type, Float16Type, BFloat16Type>(type.getElementType()))
    return "its result is not a tensor of f64, f32, f16 or bf16";
  return "";
}

LogicalResult mlir::compress::addBias(WeightStore &store, WeightSymbols &symbols,
                                      const WeightedOp &op, ArrayRef<double> delta) {
  auto emitError = [&] { return op.op->emitError(); };
  Value old = getBias(op.op);
  std::vector<double> values(delta.begin(), delta.end());
  WeightSourceOpInterface source;
  if (old) {
    source = old.getDefiningOp<WeightSourceOpInterface>();
    FailureOr<StoredTensor> stored = StoredTensor::read(store, source, emitError);
    if (failed(stored))
      return failure();
    for (auto [value, before] : llvm::zip_equal(values, toDoubles(*stored)))
      value += before;
  } else {
    FailureOr<WeightChain> chain = getWeightChain(op.operand->get());
    if (failed(chain))
      return emitError() << "internal error: op without a weight gets a bias";
    source = chain->source;
  }
  Type element = cast<RankedTensorType>(op.op->getResult(0).getType()).getElementType();
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  FailureOr<StoredTensor> bias = StoredTensor::allocate(store, type, emitError);
  if (failed(bias))
    return failure();
  unsigned bytes = getStorageBitWidth(bias->getDataType()) / 8;
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t bits = encodeFloat(bias->getDataType(), value);
    if (!std::isfinite(decodeFloat(bias->getDataType(), bits)))
      return emitError() << "the corrected bias of output channel " << i << " of \"" << op.name
                         << "\" is not finite in " << element;
    std::memcpy(bias->mutableBytes().data() + i * bytes, &bits, bytes);
  }
  OpBuilder builder(op.op);
  std::string name = old ? source.getWeightName() : op.name + ".bias";
  StringRef base = name;
  base.consume_back(".corrected");
  Value value = bias->materialize(builder, symbols, store, source, (base + ".corrected").str());
  if (isa<MatMulOp>(op.op)) {
    builder.setInsertionPointAfter(op.op);
    Value result = op.op->getResult(0);
    auto add = AddOp::create(builder, NameLoc::get(builder.getStringAttr(op.name + "/bias")),
                             result.getType(), result, value);
    result.replaceAllUsesExcept(add.getResult(), add);
  } else if (old) {
    op.op->setOperand(2, value);
  } else {
    op.op->insertOperands(2, value);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

static int64_t getGroups(Operation *op) {
  if (auto conv = dyn_cast<ConvOp>(op))
    return conv.getGroups();
  if (auto transposed = dyn_cast<ConvTransposeOp>(op))
    return transposed.getGroups();
  return 1;
}

std::string mlir::compress::explainUnknownMean(const WeightedOp &op,
                                               const TensorStatistics *input) {
  if (!isa<LinearOp, MatMulOp, ConvOp, ConvTransposeOp>(op.op))
    return "'" + op.op->getName().getStringRef().str() + "' has no bias";
  if (isa<MatMulOp>(op.op) &&
      (op.operand->getOperandNumber() != 1 || op.chain.getType().getRank() != 2))
    return "its weight is not a matrix on the right";
  if (isa<ConvTransposeOp>(op.op) && getGroups(op.op) != 1)
    return "it is a grouped transposed convolution";
  if (!input || input->vectors == 0 || input->sum.empty())
    return "there are no sums of its activation in the statistics";
  size_t channels = MatrixView(op).getChannels() * getGroups(op.op);
  if (input->sum.size() != channels)
    return "the statistics have " + std::to_string(input->sum.size()) + " channels instead of " +
           std::to_string(channels);
  return "";
}

/// Mean of the input that the columns of the rows of a group meet.
static std::vector<double> getColumnMeans(const WeightedOp &op, const MatrixView &view,
                                          size_t group, ArrayRef<double> mean) {
  double factor = 1;
  if (auto transposed = dyn_cast<ConvTransposeOp>(op.op))
    for (int64_t stride : transposed.getStrides())
      factor /= stride;
  std::vector<double> means(view.getColumns());
  for (auto [column, value] : llvm::enumerate(means))
    value = factor * mean[group * view.getChannels() + column % view.getChannels()];
  return means;
}

/// `(original - quantized) * mean` per output channel.
static std::vector<double> multiplyMeans(const WeightedOp &op, const MatrixView &view,
                                         ArrayRef<float> original, ArrayRef<float> quantized,
                                         const TensorStatistics &input) {
  std::vector<double> mean = input.getMean(), result;
  size_t groups = getGroups(op.op), rows = view.getRows() / groups;
  size_t size = rows * view.getColumns();
  for (size_t group = 0; group < groups; ++group) {
    std::vector<double> part = computeBiasCorrection(
        original.slice(group * size, size), quantized.slice(group * size, size), rows,
        view.getColumns(), getColumnMeans(op, view, group, mean));
    result.insert(result.end(), part.begin(), part.end());
  }
  return result;
}

std::vector<double> mlir::compress::computeBiasDelta(const WeightedOp &op,
                                                     const StoredTensor &original,
                                                     const StoredTensor &quantized,
                                                     const TensorStatistics &input) {
  MatrixView view(op);
  return multiplyMeans(op, view, view.gather(original, 0), view.gather(quantized, 0), input);
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct CorrectBias : public compress::impl::CorrectBiasBase<CorrectBias> {
  using Base::Base;

  void runOnOperation() override;

private:
  /// Why the bias of `op` stays; empty if `delta` is to be added to it.
  FailureOr<std::string> measure(WeightStore &store, const WeightedOp &op,
                                 const Statistics *statistics, std::vector<double> &delta);
};
} // namespace

/// Whether every output is W x + b of vectors x whose mean the statistics have.
static bool seesEveryInput(Operation *op) {
  if (isa<LinearOp, MatMulOp>(op))
    return true;
  auto conv = dyn_cast<ConvOp>(op);
  if (!conv)
    return false;
  ArrayRef<int64_t> kernel = conv.getWeight().getType().getShape().drop_front(2);
  auto isOne = [](int64_t size) { return size == 1; };
  return llvm::all_of(kernel, isOne) && llvm::all_of(conv.getStrides(), isOne) &&
         llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; });
}

FailureOr<std::string> CorrectBias::measure(WeightStore &store, const WeightedOp &op,
                                            const Statistics *statistics,
                                            std::vector<double> &delta) {
  if (std::string reason = explainFixedBias(op); !reason.empty())
    return reason;
  const TensorStatistics *input = statistics ? statistics->findInput(op.name) : nullptr;
  const TensorStatistics *output =
      statistics ? statistics->find(Statistics::getOutputKey(op.name)) : nullptr;
  if (std::string reason = explainUnknownMean(op, input); !reason.empty())
    return reason;
  if (!seesEveryInput(op.op))
    return std::string("the mean of what its kernel sees is not in the statistics");
  MatrixView view(op);
  if (!output || output->vectors == 0 || output->sum.size() != view.getRows())
    return std::string("there are no sums of its result in the statistics");

  auto emitError = [&] { return op.op->emitError(); };
  FailureOr<StoredTensor> decoded = decodeChain(store, op.chain, emitError);
  if (failed(decoded))
    return failure();
  delta = output->getMean();
  if (Value bias = getBias(op.op)) {
    FailureOr<StoredTensor> stored =
        StoredTensor::read(store, bias.getDefiningOp<WeightSourceOpInterface>(), emitError);
    if (failed(stored))
      return failure();
    for (auto [value, before] : llvm::zip_equal(delta, toDoubles(*stored)))
      value -= before;
  }
  std::vector<float> values = view.gather(*decoded, 0), zeros(values.size(), 0.0f);
  for (auto [value, product] :
       llvm::zip_equal(delta, multiplyMeans(op, view, zeros, values, *input)))
    value += product;
  return std::string();
}

void CorrectBias::runOnOperation() {
  ModuleOp module = getOperation();
  auto *dialect = getContext().getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  auto remarkOptions = remark::RemarkOpts::name("compress-correct-bias").category("quantize");
  std::vector<WeightedOp> ops = collectWeighted(module);
  bool planned = llvm::any_of(ops, [&](const WeightedOp &op) { return helper.getAttr(op.op); });
  WeightStore store(&getContext());
  WeightSymbols symbols(module);
  for (const WeightedOp &op : ops) {
    if (op.kind == LayerKind::Embedding)
      continue;
    PlanAttr plan = helper.getAttr(op.op);
    std::optional<QuantizeSpec> spec = plan ? plan.getQuantizeSpec() : std::nullopt;
    if (planned && (!spec || !spec->biasCorrection))
      continue;
    if (!planned && op.chain.isDense())
      continue;
    std::vector<double> delta;
    FailureOr<std::string> reason = measure(store, op, dialect->getStatistics(), delta);
    if (failed(reason))
      return signalPassFailure();
    if (!reason->empty()) {
      remark::missed(op.op->getLoc(), remarkOptions)
          << "the bias of \"" + op.name + "\" is left alone: " + *reason;
      continue;
    }
    if (failed(addBias(store, symbols, op, delta)))
      return signalPassFailure();
    double largest = 0;
    for (double value : delta)
      largest = std::max(largest, std::fabs(value));
    remark::passed(op.op->getLoc(), remarkOptions)
        << "the bias of \"" + op.name + "\" is corrected"
        << remark::metric("largest", static_cast<float>(largest));
  }
  removeDeadWeights(module);
}
