//===- Awq.cpp - activation-aware scales and ranges -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/Awq.h"
#include "QuantizeWeight.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_AWQ
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Queries and keys
//===----------------------------------------------------------------------===//

/// Whether `value` reaches a softmax through ops on scores.
static bool reachesSoftmax(Value value, unsigned depth = 0) {
  if (depth > 6)
    return false;
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    return isa<SoftmaxOp>(user) || (isa<MulOp, DivOp, AddOp, WhereOp, CastOp, ReshapeOp>(user) &&
                                    reachesSoftmax(user->getResult(0), depth + 1));
  });
}

/// Whether `value` becomes queries or keys of attention.
static bool reachesScores(Value value, llvm::SmallPtrSetImpl<Operation *> &seen) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (auto attention = dyn_cast<AttentionOp>(user)) {
      if (use.getOperandNumber() < 2)
        return true;
      continue;
    }
    if (isa<MatMulOp>(user) && failed(getWeighted(user))) {
      if (reachesSoftmax(user->getResult(0)))
        return true;
      continue;
    }
    if (!isa<ReshapeOp, TransposeOp, SqueezeOp, UnsqueezeOp, SliceOp, SplitOp, GatherOp, ConcatOp,
             BroadcastOp, AddOp, SubOp, MulOp, DivOp, NegOp, RotaryEmbeddingOp, RMSNormOp,
             LayerNormOp, CastOp>(user) ||
        seen.size() > 64 || !seen.insert(user).second)
      continue;
    for (Value result : user->getResults())
      if (reachesScores(result, seen))
        return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

namespace {
/// A weight as the search sees it, with what it points to.
struct LayerData {
  CodeGrid grid = CodeGrid::makeUniform(UniformGrid());
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<int32_t>> classes;
  std::vector<std::vector<float>> grams;
  std::vector<std::vector<double>> diagonals;
  std::vector<AwqLayer> layers;
  /// Where the rows of each layer begin, and its batch.
  std::vector<size_t> firstRow, batch;
};
} // namespace

/// Why the error of an op cannot be measured; empty if it can.
static std::string explainUnmeasured(const WeightedOp &op, const QuantizeSpec &spec,
                                     const TensorStatistics *input) {
  if (!llvm::is_contained({FormatFamily::Integer, FormatFamily::Float, FormatFamily::Table},
                          spec.getInfo().family))
    return getName(spec.format).str() + " has no grid to round to";
  if (spec.granularity == ScaleGranularity::InputChannel)
    return "input channels have scales of their own";
  if (!op.chain.isDense())
    return "its weight is compressed already";
  if (!input || input->vectors == 0)
    return "its activation is not in the statistics";
  if (auto transposed = dyn_cast<ConvTransposeOp>(op.op); transposed && transposed.getGroups() != 1)
    return "it is a grouped transposed convolution";
  MatrixView view(op);
  auto conv = dyn_cast<ConvOp>(op.op);
  size_t groups = conv ? conv.getGroups() : 1, channels = view.getChannels() * groups;
  if (static_cast<size_t>(input->channels) != channels)
    return "the statistics have " + std::to_string(input->channels) + " channels instead of " +
           std::to_string(channels);
  bool hasGram = input->gram.size() == groups * view.getColumns() * view.getColumns();
  if (input->sumAbs.size() != channels || (!hasGram && input->sumSquares.size() != channels))
    return "the statistics have no magnitudes, or neither a Gram matrix nor sums of squares";
  return "";
}

/// The layers of an op for which `explainUnmeasured` is empty, which point into `input`; `classes`
/// has an entry per input channel, or is empty.
static FailureOr<LayerData> makeLayers(WeightStore &store, const WeightedOp &op,
                                       const QuantizeSpec &spec, ArrayRef<int32_t> classes,
                                       const TensorStatistics &input) {
  LayerData data;
  FailureOr<StoredTensor> stored =
      StoredTensor::read(store, op.chain.source, [&] { return op.op->emitError(); });
  if (failed(stored))
    return failure();
  DataType type = stored->getDataType();
  data.grid = makeFormatGrid(spec, type, [] { return 1.0f; });
  MatrixView view(op);
  size_t columns = view.getColumns(), channels = view.getChannels();
  size_t group = view.getGroup(chooseBlock(spec, op).block);
  auto conv = dyn_cast<ConvOp>(op.op);
  size_t groups = conv ? conv.getGroups() : 1, rows = view.getRows() / groups;
  bool hasGram = input.gram.size() == groups * columns * columns && !input.gram.empty();
  SmallVector<const float *> grams;
  for (size_t g = 0; g < groups; ++g) {
    std::vector<int32_t> mine;
    std::vector<double> diagonal;
    for (size_t column = 0; column < columns; ++column) {
      size_t channel = g * channels + column % channels;
      mine.push_back(classes.empty() ? -1 : classes[channel]);
      if (!hasGram)
        diagonal.push_back(input.sumSquares[channel]);
    }
    data.classes.push_back(std::move(mine));
    data.diagonals.push_back(std::move(diagonal));
    ArrayRef<float> gram;
    if (hasGram)
      gram = ArrayRef(input.gram).slice(g * columns * columns, columns * columns);
    data.grams.push_back(hasGram ? view.orderGram(gram) : std::vector<float>());
    grams.push_back(data.grams.back().empty() ? gram.data() : data.grams.back().data());
  }
  for (size_t batch = 0; batch < view.getBatches(); ++batch) {
    data.weights.push_back(view.gather(*stored, batch));
    for (size_t g = 0; g < groups; ++g) {
      AwqLayer layer;
      layer.weight = data.weights.back().data() + g * rows * columns;
      layer.rows = rows;
      layer.columns = columns;
      layer.group = group == 0 ? columns : group;
      layer.perTensor = spec.granularity == ScaleGranularity::Tensor;
      layer.range = spec.range == RangeMethod::Mse ? WeightRange::Mse : WeightRange::MinMax;
      layer.classes = data.classes[g];
      layer.gram = grams[g];
      layer.diagonal = data.diagonals[g];
      data.layers.push_back(layer);
      data.firstRow.push_back(g * rows);
      data.batch.push_back(batch);
    }
  }
  return data;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct Awq : public compress::impl::AwqBase<Awq> {
  using Base::Base;

  void runOnOperation() override;

private:
  using Selection = std::vector<std::pair<WeightedOp, QuantizeSpec>>;
  LogicalResult scale(WeightStore &store, WeightSymbols &symbols, ScalingGroup &group,
                      Statistics *statistics);
  LogicalResult clipWeight(WeightStore &store, WeightSymbols &symbols, const WeightedOp &op,
                           const QuantizeSpec &spec, const Statistics *statistics);
  /// Splits work over the threads of the context.
  void forAll(size_t n, llvm::function_ref<void(size_t)> body) {
    parallelFor(&getContext(), 0, n, body);
  }
  remark::RemarkOpts getRemarkOptions() const {
    return remark::RemarkOpts::name("compress-awq").category("awq");
  }
};
} // namespace

LogicalResult Awq::scale(WeightStore &store, WeightSymbols &symbols, ScalingGroup &group,
                         Statistics *statistics) {
  auto skip = [&](const Twine &reason) {
    remark::missed(group.getLoc(), getRemarkOptions())
        << ("the activation of " + group.describe() + " is not scaled: " + reason).str();
    return success();
  };
  std::vector<double> sums(group.plan.numClasses, 0), counts(sums);
  std::vector<LayerData> data;
  for (auto [consumer, spec] : llvm::zip_equal(group.plan.consumers, group.specs)) {
    if (!spec)
      continue;
    const TensorStatistics *input = statistics ? statistics->findInput(consumer.op.name) : nullptr;
    if (std::string reason = explainUnmeasured(consumer.op, *spec, input); !reason.empty())
      return skip("\"" + consumer.op.name + "\": " + reason);
    FailureOr<LayerData> layers = makeLayers(store, consumer.op, *spec, consumer.classes, *input);
    if (failed(layers))
      return failure();
    data.push_back(std::move(*layers));
    for (auto [index, mean] : llvm::zip_equal(consumer.classes, input->getMeanAbs()))
      if (index >= 0) {
        sums[index] += mean;
        counts[index] += 1;
      }
  }
  std::vector<float> means;
  for (auto [sum, count] : llvm::zip(sums, counts))
    means.push_back(static_cast<float>(count > 0 ? sum / count : 1));
  std::vector<AwqLayer> layers;
  for (LayerData &layer : data)
    for (AwqLayer &part : layer.layers) {
      part.grid = &layer.grid;
      if (!llvm::all_of(ArrayRef(part.weight, part.rows * part.columns),
                        [](float value) { return std::isfinite(value); }))
        return skip("a weight is not finite");
      layers.push_back(part);
    }
  AwqScales found =
      searchAwqScales(layers, means, powersOfTwo,
                      [&](size_t n, llvm::function_ref<void(size_t)> body) { forAll(n, body); });
  auto describe = [](double value) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.2f", value);
    return text;
  };
  if (!std::isfinite(found.error))
    return skip("its error is not finite");
  if (found.exponent == 0)
    return skip("no scale is better than none");
  FailureOr<std::string> reason =
      applyChannelScaling(store, symbols, group.plan, found.scales, statistics);
  if (failed(reason))
    return failure();
  if (!reason->empty())
    return skip(*reason);
  remark::passed(group.getLoc(), getRemarkOptions())
      << "the activation of " + group.describe() +
             " is scaled by its mean magnitudes to the power " + describe(found.exponent)
      << remark::metric("loss", static_cast<float>(found.error / found.roundToNearest));
  return success();
}

LogicalResult Awq::clipWeight(WeightStore &store, WeightSymbols &symbols, const WeightedOp &op,
                              const QuantizeSpec &spec, const Statistics *statistics) {
  auto skip = [&](const Twine &reason) {
    remark::missed(op.op->getLoc(), getRemarkOptions())
        << ("the weight of \"" + op.name + "\" is not clipped: " + reason).str();
    return success();
  };
  llvm::SmallPtrSet<Operation *, 16> seen;
  if (reachesScores(op.op->getResult(0), seen))
    return skip("it makes queries or keys");
  const TensorStatistics *input = statistics ? statistics->findInput(op.name) : nullptr;
  if (std::string reason = explainUnmeasured(op, spec, input); !reason.empty())
    return skip(reason);
  FailureOr<LayerData> data = makeLayers(store, op, spec, {}, *input);
  if (failed(data))
    return failure();
  MatrixView view(op);
  size_t clipped = 0, groups = 0;
  for (auto [i, layer] : llvm::enumerate(data->layers)) {
    layer.grid = &data->grid;
    if (!llvm::all_of(ArrayRef(layer.weight, layer.rows * layer.columns),
                      [](float value) { return std::isfinite(value); }))
      return skip("it is not finite");
    float *weight = const_cast<float *>(layer.weight);
    clipped += clipAwq(layer, weight,
                       [&](size_t n, llvm::function_ref<void(size_t)> body) { forAll(n, body); });
    groups += layer.rows * ((layer.columns + layer.group - 1) / layer.group);
  }
  if (clipped == 0)
    return success();
  RankedTensorType type = op.chain.getType();
  std::vector<float> values(type.getNumElements());
  for (auto [layer, first, batch] : llvm::zip(data->layers, data->firstRow, data->batch))
    for (size_t row = 0; row < layer.rows; ++row)
      for (size_t column = 0; column < layer.columns; ++column)
        values[view.getIndex(batch, first + row, column)] =
            layer.weight[row * layer.columns + column];
  FailureOr<StoredTensor> stored =
      makeFloats(store, type, values, [&] { return op.op->emitError(); });
  if (failed(stored))
    return failure();
  replaceWeight(store, symbols, *op.operand, op.chain, *stored, ".clipped");
  remark::passed(op.op->getLoc(), getRemarkOptions())
      << "the weight of \"" + op.name + "\" is clipped" << remark::metric("clipped", clipped)
      << remark::metric("groups", groups);
  return success();
}

void Awq::runOnOperation() {
  ModuleOp module = getOperation();
  std::optional<QuantizeSpec> fallback;
  if (!format.empty()) {
    llvm::Expected<QuantizeSpec> spec = parseQuantizeSpec(format);
    if (!spec) {
      module.emitError() << llvm::toString(spec.takeError());
      return signalPassFailure();
    }
    fallback = *spec;
  }
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  WeightStore store(&getContext());
  WeightSymbols symbols(module);
  Selection ops = collectTransformed(module, QuantizeTransform::Awq, fallback);
  if (ops.empty())
    return;
  auto visit = [&](ScalingGroup &group) { return scale(store, symbols, group, statistics); };
  if (failed(forEachScalingGroup(module, ops, "compress-awq", "awq", visit)))
    return signalPassFailure();
  if (clip) {
    llvm::DenseSet<Operation *> shared;
    for (const WeightUnit &unit : gatherWeightUnits(module))
      if (unit.users.size() > 1 || unit.otherUser)
        for (const WeightedOp &user : unit.users)
          shared.insert(user.op);
    for (const auto &[op, spec] : collectTransformed(module, QuantizeTransform::Awq, fallback)) {
      if (shared.contains(op.op))
        remark::missed(op.op->getLoc(), getRemarkOptions())
            << "the weight of \"" + op.name + "\" is not clipped: it has other users";
      else if (failed(clipWeight(store, symbols, op, spec, statistics)))
        return signalPassFailure();
    }
  }
  removeDeadWeights(module);
}
