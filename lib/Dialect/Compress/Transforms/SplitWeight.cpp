//===- SplitWeight.cpp - what becomes of a weight that is split -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeight.h"
#include "SplitWeights.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

namespace {
/// The ranks that a form may have.
struct RankRange {
  size_t full = 0;
  /// The largest one with fewer elements than the weight.
  size_t breakEven = 0;
  uint64_t elementsPerRank = 0;

  explicit RankRange(const FactorView &view)
      : full(std::min(view.getRows(), view.getColumns())),
        breakEven(getBreakEvenRank(view.getRows(), view.getColumns())),
        elementsPerRank(uint64_t(view.getRows() + view.getColumns()) * view.getBatches()) {}
};
} // namespace

/// `rank` as a multiple of `step` if it is larger than that.
static size_t roundDown(size_t rank, size_t step) {
  return rank > step ? rank - rank % step : rank;
}

/// The rank of `spec` for a form, as far as it does not follow from singular values. `elements` is
/// what the factors of another form have, that these must not exceed; 0: there is none.
static size_t getGivenRank(const LowRankSpec &spec, const FactorView &view, const RankRange &range,
                           uint64_t elements) {
  size_t rank = spec.rank;
  if (spec.target == LowRankTarget::Ratio)
    rank = getRankOfRatio(view.getRows(), view.getColumns(), spec.share);
  else if (elements != 0)
    rank = elements / range.elementsPerRank;
  return roundDown(std::min(rank, range.full), spec.roundTo);
}

/// Why factors of rank `rank` are not worth it; empty if they are.
static std::string explainBreakEven(size_t rank, const FactorView &view, const RankRange &range) {
  if (rank <= range.breakEven)
    return "";
  return llvm::formatv("rank {0} is above {1}, the largest with which factors of [{2}, {3}] have "
                       "fewer elements than the weight",
                       rank, range.breakEven, view.getRows(), view.getColumns());
}

/// The least rank that keeps `spec.share` of the energy, at most `limit`.
static std::optional<size_t> getEnergyRank(const LowRankSpec &spec, const DecomposedWeight &weight,
                                           size_t limit) {
  // Rounding leaves something over of an exact product, too.
  double allowed = std::max(1 - spec.share, 1e-12) * weight.getTotal();
  size_t rank = 1;
  while (rank < limit && weight.getError(rank) > allowed)
    ++rank;
  if (weight.getError(rank) > allowed && rank < weight.getFullRank())
    return std::nullopt;
  size_t step = spec.roundTo;
  size_t rounded = rank > step ? (rank + step - 1) / step * step : rank;
  return rounded <= limit ? rounded : rank;
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

namespace {
/// A weight with factors of one form.
struct Candidate {
  DecomposedWeight weight;
  WeightFactors factors;
  FactorErrors errors;
};

/// Everything that forms of one weight have in common.
struct Splitter {
  const SplitTask &task;
  const Statistics *statistics;
  /// Approximated by the factors; `original` is what errors are relative to.
  const StoredTensor &approximated, &original;
  DataType element;

  /// Nothing, with the reason, if the form cannot be used.
  FailureOr<std::optional<Candidate>> tryForm(StringRef name, uint64_t elements,
                                              std::string &reason) const;
};
} // namespace

FailureOr<std::optional<Candidate>> Splitter::tryForm(StringRef name, uint64_t elements,
                                                      std::string &reason) const {
  std::optional<Candidate> none;
  const LowRankSpec &spec = task.spec;
  std::vector<FactorForm> forms;
  for (const WeightedOp &user : task.users) {
    std::optional<FactorForm> form = getFactorForm(user.op, name, 1);
    if (!form || (!forms.empty() && !haveSameFactors(*form, forms.front()))) {
      reason = "\"" + user.name + "\" shares it and uses it in another way";
      return none;
    }
    forms.push_back(std::move(*form));
  }
  FactorInputs inputs = getFactorInputs(statistics, task.users, forms);
  std::optional<FactorView> view = FactorView::create(task.first(), forms.front(), inputs.features);
  if (!view) {
    reason = "it lies transposed";
    return none;
  }
  RankRange range(*view);
  bool isEnergy = spec.target == LowRankTarget::Energy;
  size_t limit = task.needsFewer ? range.breakEven : range.full;
  size_t rank = isEnergy ? limit : getGivenRank(spec, *view, range, elements);
  if (isEnergy && elements != 0)
    rank = std::min<size_t>(rank, elements / range.elementsPerRank);
  if (task.needsFewer)
    reason = explainBreakEven(std::max<size_t>(rank, 1), *view, range);
  if (reason.empty() && rank == 0)
    reason = "no rank has that few elements";
  if (!reason.empty())
    return none;

  DecompositionRequest request{task.users, spec, inputs, statistics, approximated};
  FailureOr<DecomposedWeight> weight = decompose(request, forms.front(), std::move(*view), rank);
  if (failed(weight))
    return failure();
  Candidate candidate;
  candidate.weight = std::move(*weight);
  if (isEnergy && elements == 0) {
    std::optional<size_t> found = getEnergyRank(spec, candidate.weight, limit);
    if (!found) {
      reason =
          llvm::formatv("rank {0}, the largest with which factors have fewer elements than "
                        "the weight, keeps only {1:F4} of the energy",
                        limit, 1 - candidate.weight.getError(limit) / candidate.weight.getTotal());
      return none;
    }
    rank = *found;
  }
  candidate.factors = getFactors(candidate.weight, rank, element);
  candidate.weight.matrices.clear();
  candidate.errors = measureFactors(candidate.weight.view, candidate.factors, approximated,
                                    original, inputs, /*residual=*/nullptr);
  return std::optional<Candidate>(std::move(candidate));
}

/// Whether a 1-wide kernel makes the spatial form of a convolution the channel form.
static bool isSameMatrix(const FactorForm &a, const FactorForm &b) {
  auto getSizes = [](const FactorForm &form) {
    int64_t rows = 1, columns = 1;
    for (int64_t dim : form.rowDims)
      rows *= form.view[dim];
    for (int64_t dim : form.columnDims)
      columns *= form.view[dim];
    return std::make_pair(rows, columns);
  };
  return getSizes(a) == getSizes(b);
}

/// The form with the least error at (at most) as many elements as the first one that can be used.
static FailureOr<std::optional<Candidate>>
chooseCandidate(const Splitter &splitter, ArrayRef<StringRef> names, std::string &reason) {
  std::optional<Candidate> best;
  std::string firstReason;
  uint64_t elements = 0;
  for (StringRef name : names) {
    if (best && isSameMatrix(best->weight.form, *getFactorForm(splitter.task.first().op, name, 1)))
      continue;
    std::string why;
    FailureOr<std::optional<Candidate>> candidate = splitter.tryForm(name, elements, why);
    if (failed(candidate))
      return failure();
    if (!*candidate) {
      if (firstReason.empty())
        firstReason = why;
      continue;
    }
    if (elements == 0)
      elements = (*candidate)->weight.getElementsPerRank() * (*candidate)->factors.rank;
    if (!best || (*candidate)->errors.getRelative() < best->errors.getRelative())
      best = std::move(*candidate);
  }
  if (!best)
    reason = firstReason;
  return best;
}

//===----------------------------------------------------------------------===//
// Storing
//===----------------------------------------------------------------------===//

/// A factor in its layout, stored as the weight was.
static FailureOr<EncodedWeight> storeFactor(WeightStore &store, const FactorForm &form,
                                            const WeightFactors &factors, bool isRow, Type element,
                                            Type storedElement, EmitErrorFn emitError) {
  const FactorForm::Layout &layout = isRow ? form.rowFactor : form.columnFactor;
  FactorPlaces places(form, layout.axes, isRow ? form.rowDims : form.columnDims, factors.rank);
  size_t lines = places.line.size();
  std::vector<float> values(ShapedType::getNumElements(layout.shape));
  for (size_t batch = 0; batch < places.batch.size(); ++batch)
    for (size_t line = 0; line < lines; ++line)
      for (size_t t = 0; t < factors.rank; ++t)
        values[places.batch[batch] + places.line[line] + t * places.rankStride] =
            isRow ? factors.u[batch][line * factors.rank + t] : factors.v[batch][t * lines + line];
  EncodedWeight weight;
  weight.type = RankedTensorType::get(layout.shape, element);
  FailureOr<StoredTensor> stored =
      makeFloats(store, RankedTensorType::get(layout.shape, storedElement), values, emitError);
  if (failed(stored))
    return failure();
  weight.values = std::move(*stored);
  return weight;
}

/// The weight rounded to the codes of `spec`, and what that leaves over.
static LogicalResult quantizeBase(WeightStore &store, const SplitTask &task,
                                  const StoredTensor &dense, EncodedWeight &base,
                                  StoredTensor &rest, EmitErrorFn emitError) {
  const WeightedOp &op = task.first();
  FailureOr<QuantizedParts> parts =
      quantizeDense(store, dense, *task.quantize, chooseBlock(*task.quantize, op).block,
                    op.chain.getSourceName(), emitError);
  if (failed(parts))
    return failure();
  base.type = dense.getType();
  base.values = std::move(parts->codes);
  base.table = std::move(parts->table);
  base.scales = std::move(parts->scales);
  FailureOr<StoredTensor> decoded = decodeWeight(store, base, emitError);
  if (failed(decoded))
    return failure();
  std::vector<float> values = readFloats(dense), rounded = readFloats(*decoded);
  for (auto [value, minus] : llvm::zip_equal(values, rounded))
    value -= minus;
  auto type = RankedTensorType::get(dense.getType().getShape(),
                                    Float32Type::get(dense.getType().getContext()));
  FailureOr<StoredTensor> stored = makeFloats(store, type, values, emitError);
  if (failed(stored))
    return failure();
  rest = std::move(*stored);
  return success();
}

static std::string describeAction(const SplitTask &task, const Candidate &candidate) {
  std::string text;
  if (task.spec.residual != LowRankResidual::None)
    text = getName(task.spec.residual).str() + " ";
  text += llvm::formatv("rank {0} of {1}", candidate.factors.rank, candidate.weight.getFullRank());
  if (candidate.weight.form.name != "matrix")
    text += (" (" + candidate.weight.form.name + ")").str();
  return text + ", " + getName(candidate.weight.method).str();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Reads the weight as dense floats into `dense`; `stored` becomes the type of what is stored. With
/// a reason in the outcome if it cannot be split.
static LogicalResult readDense(WeightStore &store, const SplitTask &task, SplitOutcome &outcome,
                               StoredTensor &dense, Type &stored) {
  auto emitError = [&] { return task.emitError(); };
  const WeightChain &chain = task.first().chain;
  FailureOr<EncodedWeight> weight = readEncodedWeight(store, chain, emitError);
  if (failed(weight))
    return failure();
  outcome.bytesBefore = weight->getStoredBytes();
  if (weight->hasCodes())
    outcome.reason = "it is quantized already";
  else if (weight->pattern || weight->mask)
    outcome.reason = "it is pruned already, and factors would not keep its zeros";
  if (!outcome.reason.empty())
    return success();
  stored = weight->values.getType().getElementType();
  if (failed(widenValues(store, *weight, emitError)))
    return failure();
  dense = std::move(weight->values);
  if (std::optional<uint64_t> index = findNonFinite(dense))
    return emitError() << "cannot split weight '" << chain.getSourceName() << "': element "
                       << *index << " is not finite";
  return success();
}

/// Stores the factors of a candidate, and for SVDQuant what they leave over of `dense`. `stored` is
/// the element type of all.
static LogicalResult storeCandidate(WeightStore &store, const SplitTask &task,
                                    const Candidate &candidate, const StoredTensor &dense,
                                    Type stored, SplitOutcome &outcome) {
  auto emitError = [&] { return task.emitError(); };
  RankedTensorType type = dense.getType();
  for (bool isRow : {true, false}) {
    FailureOr<EncodedWeight> factor = storeFactor(store, outcome.form, candidate.factors, isRow,
                                                  type.getElementType(), stored, emitError);
    if (failed(factor))
      return failure();
    (isRow ? outcome.rowFactor : outcome.columnFactor) = std::move(*factor);
  }
  if (task.spec.residual != LowRankResidual::SvdQuant)
    return success();
  FailureOr<StoredTensor> rest = StoredTensor::allocate(
      store, RankedTensorType::get(type.getShape(), Float32Type::get(type.getContext())),
      emitError);
  if (failed(rest))
    return failure();
  measureFactors(candidate.weight.view, candidate.factors, dense, dense, FactorInputs(), &*rest);
  FailureOr<StoredTensor> values = makeFloats(store, RankedTensorType::get(type.getShape(), stored),
                                              readFloats(*rest), emitError);
  if (failed(values))
    return failure();
  outcome.residual.emplace();
  outcome.residual->type = type;
  outcome.residual->values = std::move(*values);
  return success();
}

LogicalResult mlir::compress::computeSplit(WeightStore &store, const SplitTask &task,
                                           const Statistics *statistics, SplitOutcome &outcome) {
  auto emitError = [&] { return task.emitError(); };
  Operation *op = task.first().op;
  SmallVector<StringRef> names = chooseForms(task.spec, op, outcome.reason);
  if (names.empty())
    return success();
  StoredTensor dense, rest;
  Type stored;
  if (failed(readDense(store, task, outcome, dense, stored)))
    return failure();
  if (!outcome.reason.empty())
    return success();

  llvm::append_range(outcome.notes, task.notes);
  bool isLqer = task.spec.residual == LowRankResidual::Lqer;
  EncodedWeight base;
  if (isLqer && failed(quantizeBase(store, task, dense, base, rest, emitError)))
    return failure();
  Splitter splitter{task, statistics, isLqer ? rest : dense, dense, *getDataType(stored)};
  FailureOr<std::optional<Candidate>> chosen = chooseCandidate(splitter, names, outcome.reason);
  if (failed(chosen))
    return failure();
  if (!*chosen)
    return success();
  const Candidate &candidate = **chosen;
  if (isLqer)
    outcome.residual = std::move(base);
  outcome.rank = candidate.factors.rank;
  outcome.method = candidate.weight.method;
  outcome.errors = candidate.errors;
  outcome.action = describeAction(task, candidate);
  if (!candidate.weight.note.empty())
    outcome.notes.push_back(candidate.weight.note);
  outcome.form = *getFactorForm(op, candidate.weight.form.name, static_cast<int64_t>(outcome.rank));
  if (failed(storeCandidate(store, task, candidate, dense, stored, outcome)))
    return failure();
  for (const WeightedOp &user : task.users) {
    FactorStatistics &entry = outcome.statistics.emplace_back();
    if (!statistics)
      continue;
    auto known = statistics->getEntries().find(Statistics::getInputKey(user.name));
    std::optional<FactorForm> form = getFactorForm(user.op, outcome.form.name, outcome.rank);
    if (known != statistics->getEntries().end())
      entry = getFactorStatistics(known->second, *form, candidate.weight.view, candidate.factors);
  }
  return success();
}
