//===- GroupScores.cpp - scores of the units of a group -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GroupScores.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static std::optional<StructuredScore> getScore(PruneMethod method) {
  switch (method) {
  case PruneMethod::L1:
    return StructuredScore::L1;
  case PruneMethod::Auto:
  case PruneMethod::L2:
    return StructuredScore::L2;
  case PruneMethod::Wanda:
    return StructuredScore::Wanda;
  case PruneMethod::Flap:
    return StructuredScore::Flap;
  case PruneMethod::Lamp:
    return StructuredScore::Lamp;
  case PruneMethod::Taylor:
    return StructuredScore::Taylor;
  case PruneMethod::Taylor2:
    return StructuredScore::Taylor2;
  case PruneMethod::TaylorMixed:
    return StructuredScore::TaylorMixed;
  case PruneMethod::TaylorVector:
    return StructuredScore::TaylorVector;
  default:
    return std::nullopt;
  }
}

static UnitSlices getSlices(const DependencyGroup &group, size_t member) {
  return {group.members[member].offsets, group.members[member].indices};
}

/// The value that all elements of the weight have, if that is known without reading them.
static std::optional<double> getSplat(const WeightChain &chain) {
  auto elements = dyn_cast_or_null<DenseFPElementsAttr>(
      chain.isDense() ? WeightSourceOpInterface(chain.source).getWeightValue() : Attribute());
  if (!elements || !elements.isSplat())
    return std::nullopt;
  APFloat value = elements.getSplatValue<APFloat>();
  bool losesInfo = false;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

/// All elements as f32, in `storage` if they are stored differently.
static ArrayRef<float> getFloats(const StoredTensor &tensor, std::vector<float> &storage) {
  DataType type = tensor.getDataType();
  ArrayRef<char> bytes = tensor.bytes();
  if (type == DataType::F32 && reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0)
    return ArrayRef(reinterpret_cast<const float *>(bytes.data()), bytes.size() / sizeof(float));
  unsigned size = getStorageBitWidth(type) / 8;
  storage.resize(bytes.size() / size);
  for (auto [i, value] : llvm::enumerate(storage)) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + i * size, size);
    value = static_cast<float>(decodeFloat(type, bits));
  }
  return storage;
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

/// How elements of the weight meet channels of the activation; nothing if that is not known.
static std::optional<InputChannels> getInputChannels(const WeightedOp &op) {
  RankedTensorType type = op.chain.getType();
  if (op.kind == LayerKind::Embedding || op.contractionDims.empty() || !op.batchDims.empty())
    return std::nullopt;
  if (isa<MatMulOp>(op.op) && (op.operand->getOperandNumber() != 1 || type.getRank() != 2))
    return std::nullopt;
  int64_t dim = op.contractionDims.front();
  InputChannels channels;
  channels.size = type.getDimSize(dim);
  for (int64_t inner : type.getShape().drop_front(dim + 1))
    channels.stride *= inner;
  if (auto conv = dyn_cast<ConvOp>(op.op); conv && conv.getGroups() > 1) {
    // Groups are consecutive if output channels come first.
    if (op.outputDims.empty() || op.outputDims.front() != 0)
      return std::nullopt;
    channels.groups = conv.getGroups();
  }
  return channels;
}

LogicalResult GroupScorer::addChannels(const WeightedOp &op, StructuredScore score,
                                       StructuredInputs &inputs, std::vector<double> &factors) {
  StringRef what = score == StructuredScore::Flap ? "variance" : "norm";
  auto fail = [&](const Twine &reason) {
    return op.op->emitError() << "cannot score \"" << op.name << "\": the " << what
                              << " of its input channels is not known: " << reason;
  };
  std::optional<InputChannels> channels = getInputChannels(op);
  if (!channels)
    return fail("its weight does not contract the channels of its input");
  if (!statistics)
    return fail("there are no statistics");
  const TensorStatistics *input = statistics->findInput(op.name);
  if (!input || input->vectors == 0)
    return fail("the statistics have no entry '" + Statistics::getInputKey(op.name) + "'");
  if (score == StructuredScore::Flap) {
    factors = input->getVariance();
  } else {
    factors = input->sumSquares;
    for (double &factor : factors)
      factor = std::sqrt(factor);
  }
  uint64_t expected = channels->size * channels->groups;
  if (factors.empty())
    return fail("entry '" + Statistics::getInputKey(op.name) + "' has no moments");
  if (factors.size() != expected)
    return fail("entry '" + Statistics::getInputKey(op.name) + "' has " + Twine(factors.size()) +
                " channels instead of " + Twine(expected));
  inputs.channels = *channels;
  inputs.channelFactors = factors;
  return success();
}

LogicalResult GroupScorer::addGradients(const WeightedOp &op, StructuredScore score,
                                        StructuredInputs &inputs) {
  auto fail = [&](const Twine &reason) {
    return op.op->emitError() << "cannot score \"" << op.name
                              << "\": the gradient of its weight is not known: " << reason;
  };
  if (!statistics)
    return fail("there are no statistics");
  std::string key = Statistics::getWeightKey(op.name);
  const WeightStatistics *entry = statistics->findWeight(op.name);
  if (!entry)
    return fail("the statistics have no entry '" + key + "'");
  ArrayRef<int64_t> shape = op.chain.getType().getShape();
  inputs.gradient = entry->gradient;
  inputs.gradientSquares = entry->gradientSquares;
  bool needsFirst = score != StructuredScore::Taylor2;
  bool needsSecond = score == StructuredScore::Taylor2 || score == StructuredScore::TaylorMixed;
  if (needsFirst && entry->gradient.empty())
    return fail("entry '" + key + "' has no 'gradient'");
  if (needsSecond && entry->gradientSquares.empty())
    return fail("entry '" + key + "' has no 'gradient_squares'");
  if (shape != ArrayRef(entry->shape)) {
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::interleave(entry->shape, os, "x");
    os << " instead of ";
    llvm::interleave(shape, os, "x");
    return fail("entry '" + key + "' is " + text);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

FailureOr<std::vector<double>> GroupScorer::scoreWeight(const DependencyGroup &group,
                                                        const GroupWeight &weight,
                                                        StructuredScore score) {
  const WeightedOp &op = weight.op;
  auto emitError = [&] { return op.op->emitError(); };
  UnitSlices slices = getSlices(group, weight.member);
  StructuredInputs inputs;
  inputs.view = getAxisView(op.chain.getType().getShape(), weight.dim);
  inputs.unitsAreHeads = group.kind == GroupKind::Head;
  if (score == StructuredScore::L1 || score == StructuredScore::L2)
    if (std::optional<double> splat = getSplat(op.chain); splat && std::isfinite(*splat))
      return scoreUnitsOfSplat(score, inputs.view, *splat, slices);
  std::vector<double> factors;
  if (score == StructuredScore::Wanda || score == StructuredScore::Flap) {
    if (failed(addChannels(op, score, inputs, factors)))
      return failure();
  } else if (score >= StructuredScore::Taylor) {
    if (failed(addGradients(op, score, inputs)))
      return failure();
  }
  FailureOr<StoredTensor> dense = decodeChain(store, op.chain, emitError);
  if (failed(dense))
    return failure();
  std::vector<float> storage;
  inputs.weight = getFloats(*dense, storage);
  for (auto [i, value] : llvm::enumerate(inputs.weight))
    if (!std::isfinite(value))
      return op.op->emitError() << "cannot score weight '" << op.chain.getSourceName()
                                << "': element " << i << " is not finite";
  return scoreUnits(score, inputs, slices);
}

/// Magnitudes of the scales of the batch norms of a group, a list for each.
FailureOr<std::vector<std::vector<double>>> GroupScorer::scoreNorms(const DependencyGroup &group,
                                                                    const GroupWeight &first) {
  std::vector<std::vector<double>> scores;
  llvm::DenseSet<std::pair<Operation *, size_t>> seen;
  for (const GroupParameter &parameter : graph.getParameters(group)) {
    auto norm = dyn_cast_or_null<BatchNormOp>(parameter.user);
    if (!norm || parameter.value != norm.getScale() ||
        !seen.insert({parameter.user, parameter.member}).second)
      continue;
    auto emitError = [&] { return norm.emitError(); };
    FailureOr<WeightChain> chain = getWeightChain(parameter.value);
    if (failed(chain))
      continue;
    FailureOr<StoredTensor> stored = decodeChain(store, *chain, emitError);
    if (failed(stored))
      return failure();
    std::vector<float> storage;
    StructuredInputs inputs;
    inputs.weight = getFloats(*stored, storage);
    inputs.view = {1, inputs.weight.size(), 1};
    if (llvm::any_of(inputs.weight, [](float value) { return !std::isfinite(value); }))
      return emitError() << "cannot score the scale '" << chain->getSourceName()
                         << "': it has elements that are not finite";
    scores.push_back(scoreUnits(StructuredScore::L1, inputs, getSlices(group, parameter.member)));
  }
  if (scores.empty())
    return first.op.op->emitError()
           << "cannot score the group of \"" << first.op.name
           << "\" with method=bn: it has no batch_norm with a constant scale; those that were "
              "folded into convolutions are gone (method=l2 scores the folded weights)";
  return scores;
}

/// One score per unit from those of each weight.
static std::vector<double> reduceScores(ArrayRef<std::vector<double>> scores,
                                        ScoreReduction reduction) {
  std::vector<double> result = scores.front();
  for (const std::vector<double> &other : scores.drop_front())
    for (auto [value, score] : llvm::zip_equal(result, other))
      switch (reduction) {
      case ScoreReduction::Sum:
      case ScoreReduction::Mean:
        value += score;
        break;
      case ScoreReduction::Max:
        value = std::max(value, score);
        break;
      case ScoreReduction::Product:
        value *= score;
        break;
      case ScoreReduction::First:
        break;
      }
  if (reduction == ScoreReduction::Mean)
    for (double &value : result)
      value /= static_cast<double>(scores.size());
  return result;
}

FailureOr<std::vector<double>> GroupScorer::score(const DependencyGroup &group,
                                                  ArrayRef<GroupWeight> weights,
                                                  const PruneSpec &spec, std::string &reason) {
  const GroupWeight &first = weights.front();
  if (spec.method == PruneMethod::Random)
    return makeRandomScores(spec.seed, first.op.name, group.numUnits);
  std::vector<std::vector<double>> scores;
  if (spec.method == PruneMethod::BatchNorm) {
    FailureOr<std::vector<std::vector<double>>> norms = scoreNorms(group, first);
    if (failed(norms))
      return failure();
    scores = std::move(*norms);
  } else {
    std::optional<StructuredScore> method = getScore(spec.method);
    if (!method)
      return first.op.op->emitError()
             << "method '" << getName(spec.method) << "' does not score groups of units";
    for (const GroupWeight &weight : weights) {
      // FLAP looks at who reads the units.
      if (*method == StructuredScore::Flap &&
          (weight.isOutput || weight.op.kind == LayerKind::Embedding))
        continue;
      FailureOr<std::vector<double>> weightScores = scoreWeight(group, weight, *method);
      if (failed(weightScores))
        return failure();
      scores.push_back(std::move(*weightScores));
      if (spec.reduce == ScoreReduction::First)
        break;
    }
    if (scores.empty()) {
      reason = "no weight contracts its units, and method=flap scores those that do";
      return std::vector<double>();
    }
  }
  std::vector<double> result = reduceScores(scores, spec.reduce);
  for (auto [unit, value] : llvm::enumerate(result))
    if (!std::isfinite(value))
      return first.op.op->emitError() << "the score of unit " << unit << " of the group of \""
                                      << first.op.name << "\" is not finite";
  return result;
}
