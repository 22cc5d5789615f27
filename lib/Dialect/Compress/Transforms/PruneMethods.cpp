//===- PruneMethods.cpp - which weights go, and what stays ----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PruneMethods.h"
#include "compress/Algorithms/Alps.h"
#include "compress/Algorithms/OptimalBrain.h"
#include "compress/Algorithms/PruningScores.h"
#include "compress/Algorithms/SparseGpt.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

std::string mlir::compress::describePruning(const PruneSpec &spec) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (spec.pattern == PrunePattern::NM)
    os << spec.n << ":" << spec.m;
  else if (spec.threshold)
    os << "threshold " << llvm::format("%g", *spec.threshold);
  else
    os << getName(spec.pattern) << ":" << llvm::format("%.4g", spec.ratio);
  if (spec.method != PruneMethod::Magnitude)
    os << " " << getName(spec.method);
  if (spec.update != PruneUpdate::None)
    os << " update=" << getName(spec.update);
  return text;
}

//===----------------------------------------------------------------------===//
// What is known
//===----------------------------------------------------------------------===//

WeightPruner::WeightPruner(const WeightTask &task, const PruneSpec &spec,
                           const Statistics *statistics, ParallelFor parallelFor)
    : task(task), spec(spec), statistics(statistics), parallelFor(parallelFor), view(task.first()) {
  input = getInputStatistics(statistics, task.users, view, noGram);
}

/// Means of squares of what each column is multiplied with, over all users.
llvm::Error WeightPruner::findNorms() {
  std::vector<double> sums;
  double vectors = 0;
  size_t channels = view.getChannels(), positions = view.getPositions(),
         columns = view.getColumns();
  for (const WeightedOp &user : task.users) {
    const TensorStatistics *entry = statistics->findInput(user.name);
    std::vector<double> own;
    double count = 0;
    size_t groups = 0;
    if (!entry->gram.empty() && entry->features == static_cast<int64_t>(columns) &&
        entry->groups > 0) {
      groups = entry->groups;
      count = entry->gramVectors;
      for (size_t group = 0; group < groups; ++group)
        for (size_t column = 0; column < columns; ++column) {
          size_t feature = column % channels * positions + column / channels;
          own.push_back(entry->gram[(group * columns + feature) * columns + feature]);
        }
    } else if (!entry->sumSquares.empty()) {
      if (entry->sumSquares.size() % channels != 0)
        return llvm::createStringError(llvm::formatv(
            "the statistics of the input of \"{0}\" have {1} channels, expects a multiple of {2}",
            user.name, entry->sumSquares.size(), channels));
      groups = entry->sumSquares.size() / channels;
      count = entry->vectors;
      for (size_t group = 0; group < groups; ++group)
        for (size_t column = 0; column < columns; ++column)
          own.push_back(entry->sumSquares[group * channels + column % channels]);
    } else {
      return llvm::createStringError("the statistics of the input of \"" + user.name +
                                     "\" have no moments");
    }
    if (view.getRows() % groups != 0 || (!sums.empty() && sums.size() != own.size()))
      return llvm::createStringError("the statistics of the input of \"" + user.name +
                                     "\" are of " + llvm::Twine(groups) +
                                     " groups, which do not fit its weight");
    sums.resize(own.size());
    for (auto [sum, value] : llvm::zip_equal(sums, own))
      sum += value;
    normGroups = groups;
    vectors += count;
  }
  norms.clear();
  for (double sum : sums)
    norms.push_back(vectors > 0 ? std::sqrt(std::max(sum, 0.0) / vectors) : 0);
  return llvm::Error::success();
}

llvm::Error WeightPruner::findGradients() {
  const std::string &name = task.first().name;
  for (const WeightedOp &user : task.users)
    if (!gradients && statistics)
      gradients = statistics->findWeight(user.name);
  if (!gradients)
    return llvm::createStringError("there are no gradients of the weight of \"" + name +
                                   "\" in the statistics");
  bool isTaylor = spec.method == PruneMethod::Taylor;
  if ((isTaylor ? gradients->gradient : gradients->gradientSquares).empty())
    return llvm::createStringError("the statistics of the weight of \"" + name + "\" have no " +
                                   (isTaylor ? "mean gradient" : "mean of squared gradients"));
  ArrayRef<int64_t> shape = task.first().chain.getType().getShape();
  if (shape != ArrayRef(gradients->shape)) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "the gradients of the weight of \"" << name << "\" are of shape ";
    llvm::interleave(gradients->shape, os, "x");
    os << ", expects ";
    llvm::interleave(shape, os, "x");
    return llvm::createStringError(text);
  }
  return llvm::Error::success();
}

llvm::Error WeightPruner::prepare() {
  unseen.clear();
  bool needsInput =
      spec.needsGram() || spec.method == PruneMethod::Wanda || spec.method == PruneMethod::Ria;
  if (spec.method == PruneMethod::PrunerZero) {
    llvm::Expected<ScoreTree> loaded =
        spec.tree.empty() ? ScoreTree::getDefault() : ScoreTree::load(spec.tree);
    if (!loaded)
      return loaded.takeError();
    tree = std::move(*loaded);
    needsInput |= tree->needsActivations();
  }
  bool needsGradients = spec.method == PruneMethod::Taylor || (tree && tree->needsGradients());
  if (needsGradients)
    if (llvm::Error error = findGradients())
      return error;
  if (!needsInput)
    return llvm::Error::success();
  bool isUpdate = spec.update != PruneUpdate::None &&
                  (spec.method == PruneMethod::Magnitude || spec.method == PruneMethod::Taylor ||
                   spec.method == PruneMethod::PrunerZero);
  std::string what =
      (isUpdate ? "update=" + getName(spec.update) : "method=" + getName(spec.method)).str();
  if (!statistics)
    return llvm::createStringError(what + " needs statistics of the input of \"" +
                                   task.first().name + "\", and there are no statistics");
  for (const WeightedOp &user : task.users) {
    if (!user.activation) {
      unseen = "\"" + user.name + "\" has no activation";
      return llvm::Error::success();
    }
    const TensorStatistics *entry = statistics->findInput(user.name);
    if (!entry)
      return llvm::createStringError(what + " needs statistics of the input of \"" + user.name +
                                     "\", and there are none");
    if (!entry->vectors) {
      unseen = "the calibration data never reach \"" + user.name + "\"";
      return llvm::Error::success();
    }
  }
  if (spec.changesValues() && input.gram.empty())
    return llvm::createStringError(what + " needs the Gram matrix of the input of \"" +
                                   task.first().name + "\": " + noGram);
  return findNorms();
}

//===----------------------------------------------------------------------===//
// Masks from scores
//===----------------------------------------------------------------------===//

/// The matrices of a weight, one after the other.
static std::vector<float> gatherAll(const MatrixView &view, const StoredTensor &dense) {
  if (view.getBatches() == 1)
    return view.gather(dense, 0);
  std::vector<float> all;
  for (size_t batch = 0; batch < view.getBatches(); ++batch)
    llvm::append_range(all, view.gather(dense, batch));
  return all;
}

/// Calls `body(index in row-major order of the weight, index in matrices)`.
static void forEachElement(const MatrixView &view,
                           llvm::function_ref<void(uint64_t, size_t)> body) {
  size_t next = 0;
  for (size_t batch = 0; batch < view.getBatches(); ++batch)
    for (size_t row = 0; row < view.getRows(); ++row)
      for (size_t column = 0; column < view.getColumns(); ++column)
        body(view.getIndex(batch, row, column), next++);
}

static std::vector<float> gatherAll(const MatrixView &view, ArrayRef<float> values) {
  std::vector<float> all(values.size());
  forEachElement(view, [&](uint64_t index, size_t at) { all[at] = values[index]; });
  return all;
}

std::vector<float> WeightPruner::getScores(const StoredTensor &dense) const {
  std::vector<float> weight = gatherAll(view, dense);
  size_t rows = view.getBatches() * view.getRows(), columns = view.getColumns();
  if (spec.method == PruneMethod::Magnitude)
    return magnitudeScores(weight.data(), rows, columns, parallelFor);
  if (spec.method == PruneMethod::Taylor) {
    std::vector<float> gradient = gatherAll(view, ArrayRef(gradients->gradient));
    return taylorScores(weight.data(), gradient.data(), rows, columns, parallelFor);
  }
  std::vector<float> gradient;
  if (tree && gradients) {
    double samples = std::max<uint64_t>(1, statistics->samples);
    gradient = gatherAll(view, ArrayRef(gradients->gradientSquares));
    for (float &value : gradient)
      value = static_cast<float>(100 * std::sqrt(value * samples));
  }
  // Groups of a convolution have other inputs.
  size_t groups = getGroups(), part = view.getRows() / groups;
  std::vector<float> scores;
  scores.reserve(weight.size());
  for (size_t first = 0; first < rows; first += part) {
    size_t group = first % view.getRows() / part;
    ArrayRef<double> own;
    if (!norms.empty())
      own = ArrayRef(norms).slice(group * columns, columns);
    const float *values = weight.data() + first * columns;
    std::vector<float> result;
    if (spec.method == PruneMethod::Wanda) {
      result = wandaScores(values, part, columns, own, parallelFor);
    } else if (spec.method == PruneMethod::Ria) {
      result = riaScores(values, part, columns, own, spec.power, parallelFor);
    } else if (spec.method == PruneMethod::PrunerZero) {
      ScoreInputs inputs;
      inputs.weight = values;
      inputs.rows = part;
      inputs.columns = columns;
      inputs.gradient = gradient.empty() ? nullptr : gradient.data() + first * columns;
      inputs.norms = own;
      result = tree->evaluate(inputs, parallelFor);
    } else {
      // Obd: 1/2 w^2 H[j, j] orders weights as |w| sqrt(H[j, j]) does.
      result = wandaScores(values, part, columns, own, parallelFor);
    }
    llvm::append_range(scores, result);
  }
  return scores;
}

SparsityTarget WeightPruner::getTarget() const {
  SparsityTarget target;
  if (spec.pattern == PrunePattern::NM)
    target.nm = NMPattern{static_cast<unsigned>(spec.n), static_cast<unsigned>(spec.m)};
  target.ratio = spec.pattern == PrunePattern::NM ? 0 : spec.ratio;
  target.perRow = spec.pattern != PrunePattern::NM && spec.scope == PruneScope::Row;
  return target;
}

std::vector<uint8_t> WeightPruner::chooseByScores(const StoredTensor &dense) const {
  std::vector<float> scores = getScores(dense);
  if (spec.threshold) {
    std::vector<uint8_t> mask(scores.size());
    for (auto [kept, score] : llvm::zip_equal(mask, scores))
      kept = score > *spec.threshold;
    return mask;
  }
  SparsityTarget target = getTarget();
  size_t rows = view.getBatches() * view.getRows(), columns = view.getColumns();
  // Blocks of N:M end with the channels of a kernel position.
  if (target.nm)
    return chooseMask(scores.data(), rows * view.getPositions(), view.getChannels(), target,
                      parallelFor);
  return chooseMask(scores.data(), rows, columns, target, parallelFor);
}

//===----------------------------------------------------------------------===//
// New values
//===----------------------------------------------------------------------===//

namespace {
/// Columns with empty ones between kernel positions, so that no block of M has channels of two.
class ColumnPadding {
public:
  ColumnPadding(const MatrixView &view, const SparsityTarget &target)
      : channels(view.getChannels()), padded(channels), positions(view.getPositions()) {
    if (target.nm && positions > 1)
      padded = llvm::alignTo(channels, target.nm->m);
  }
  bool isNeeded() const { return padded != channels; }
  size_t getColumns() const { return positions * padded; }

  template <typename T>
  std::vector<T> pad(const T *values, size_t rows, T fill) const {
    std::vector<T> result(rows * getColumns(), fill);
    for (size_t i = 0; i < rows * positions; ++i)
      std::copy_n(values + i * channels, channels, result.begin() + i * padded);
    return result;
  }
  std::vector<float> padGram(const float *gram) const {
    std::vector<float> wide = pad(gram, positions * channels, 0.0f);
    std::vector<float> result(getColumns() * getColumns());
    for (size_t row = 0; row < positions * channels; ++row)
      std::copy_n(wide.begin() + row * getColumns(), getColumns(),
                  result.begin() + (row / channels * padded + row % channels) * getColumns());
    return result;
  }
  template <typename T>
  void unpad(ArrayRef<T> values, size_t rows, T *result) const {
    for (size_t i = 0; i < rows * positions; ++i)
      std::copy_n(values.begin() + i * padded, channels, result + i * channels);
  }

private:
  size_t channels, padded, positions;
};
} // namespace

/// Rows that share a Gram matrix.
struct WeightPruner::Part {
  float *weight;
  /// The mask; with `isChosen` it is given.
  uint8_t *mask;
  bool isChosen;
  size_t rows, columns;
  /// In the order of the columns.
  const float *gram;
  SparsityTarget target;
};

/// Weights that are zero already, as a mask; empty if none is.
static std::vector<uint8_t> findZeros(ArrayRef<float> weight) {
  if (!llvm::is_contained(weight, 0.0f))
    return {};
  std::vector<uint8_t> mask(weight.size());
  for (auto [kept, value] : llvm::zip_equal(mask, weight))
    kept = value != 0;
  return mask;
}

static void addNote(std::string &note, const llvm::Twine &text) {
  if (!note.empty())
    return;
  note = text.str();
}

/// `part.weight` becomes the pruned one, in all but the padding of columns.
llvm::Error WeightPruner::runPart(Part &part, std::string &note) const {
  size_t size = part.rows * part.columns;
  std::vector<uint8_t> nonZero = findZeros(ArrayRef(part.weight, size));
  const uint8_t *keepZero = nonZero.empty() ? nullptr : nonZero.data();
  auto noteDamping = [&](double damping) {
    if (damping > spec.damping)
      addNote(note, llvm::formatv("the Gram matrix needed damping {0}", damping).str());
  };
  auto runSparseGpt = [&](const uint8_t *mask) -> llvm::Error {
    SparseGptOptions options;
    options.target = part.target;
    options.blockSize = spec.block;
    options.damping = spec.damping;
    options.score =
        spec.method == PruneMethod::Isc ? SparseGptScore::Isc : SparseGptScore::SparseGpt;
    options.mask = mask;
    options.keepZero = mask ? nullptr : keepZero;
    options.parallelFor = parallelFor;
    llvm::Expected<SparseGptResult> result =
        sparseGpt(part.weight, part.rows, part.columns, part.gram, options);
    if (!result)
      return result.takeError();
    noteDamping(result->damping);
    llvm::copy(result->mask, part.mask);
    return llvm::Error::success();
  };
  auto refit = [&](const float *original) {
    RefitOptions options;
    options.damping = spec.damping;
    options.parallelFor = parallelFor;
    return refitLeastSquares(part.weight, original, part.rows, part.columns, part.gram, part.mask,
                             options);
  };
  std::vector<float> original;
  if (spec.update == PruneUpdate::LeastSquares || spec.method == PruneMethod::Alps)
    original.assign(part.weight, part.weight + size);
  if (part.isChosen) {
    for (size_t i = 0; keepZero && i < size; ++i)
      part.mask[i] &= keepZero[i];
    return spec.update == PruneUpdate::Obs ? runSparseGpt(part.mask) : refit(original.data());
  }
  switch (spec.method) {
  case PruneMethod::Obs: {
    ObsOptions options;
    options.target = part.target;
    options.damping = spec.damping;
    options.keepZero = keepZero;
    options.parallelFor = parallelFor;
    llvm::Expected<ObsResult> result =
        obs(part.weight, part.rows, part.columns, part.gram, options);
    if (!result)
      return result.takeError();
    noteDamping(result->damping);
    llvm::copy(result->mask, part.mask);
    return llvm::Error::success();
  }
  case PruneMethod::Alps: {
    AlpsOptions options;
    options.target = part.target;
    options.damping = std::max(spec.damping, 1e-6);
    options.parallelFor = parallelFor;
    llvm::Expected<AlpsResult> result =
        alps(part.weight, part.rows, part.columns, part.gram, options);
    if (!result)
      return result.takeError();
    bool revives = false;
    for (size_t i = 0; i < size; ++i) {
      part.mask[i] = result->mask[i];
      if (!keepZero || keepZero[i])
        continue;
      revives |= part.weight[i] != 0;
      part.mask[i] = 0;
    }
    return revives ? refit(original.data()) : llvm::Error::success();
  }
  default:
    if (llvm::Error error = runSparseGpt(nullptr))
      return error;
    return spec.update == PruneUpdate::LeastSquares ? refit(original.data())
                                                    : llvm::Error::success();
  }
}

/// Marks zeros as kept where a block has fewer than N others: the pattern stores N.
static void fillBlocks(MutableArrayRef<uint8_t> mask, size_t channels, NMPattern nm) {
  for (size_t first = 0; first < mask.size(); first += channels)
    for (size_t begin = 0; begin < channels; begin += nm.m) {
      MutableArrayRef<uint8_t> block =
          mask.slice(first + begin, std::min<size_t>(nm.m, channels - begin));
      size_t kept = llvm::count(block, 1), wanted = std::min<size_t>(nm.n, block.size());
      for (uint8_t &byte : block)
        if (kept < wanted && !byte) {
          byte = 1;
          ++kept;
        }
    }
}

/// floor(total * end / size) - floor(total * begin / size).
static uint64_t getShare(uint64_t total, uint64_t begin, uint64_t end, uint64_t size) {
  using Wide = unsigned __int128;
  return static_cast<uint64_t>(Wide(total) * end / size - Wide(total) * begin / size);
}

llvm::Expected<PrunedWeight> WeightPruner::prune(const StoredTensor &dense) const {
  PrunedWeight result;
  std::vector<uint8_t> mask;
  bool isChosen = !spec.choosesAsItGoes();
  if (isChosen)
    mask = chooseByScores(dense);
  SparsityTarget target = getTarget();
  std::vector<float> weight;
  if (spec.changesValues()) {
    weight = gatherAll(view, dense);
    mask.resize(weight.size(), 1);
    ColumnPadding padding(view, isChosen ? SparsityTarget() : target);
    size_t columns = view.getColumns(), groups = input.groups, rows = view.getRows() / groups;
    std::vector<std::vector<float>> grams(groups);
    for (size_t first = 0; first < view.getBatches() * view.getRows(); first += rows) {
      size_t group = first % view.getRows() / rows, begin = first * columns;
      ArrayRef<float> gram = input.gram.slice(group * columns * columns, columns * columns);
      std::vector<float> &own = grams[group];
      if (own.empty())
        own = view.orderGram(gram);
      if (!own.empty())
        gram = own;
      Part part{
          weight.data() + begin, mask.data() + begin, isChosen, rows, columns, gram.data(), target};
      if (!target.nm && !target.perRow && rows * columns != weight.size())
        part.target.count = getShare(getPrunedCount(target.ratio, weight.size()), begin,
                                     begin + rows * columns, weight.size());
      if (!padding.isNeeded()) {
        if (llvm::Error error = runPart(part, result.note))
          return std::move(error);
        continue;
      }
      std::vector<float> wide = padding.pad<float>(part.weight, rows, 0);
      std::vector<float> wideGram = padding.padGram(part.gram);
      std::vector<uint8_t> wideMask = padding.pad<uint8_t>(part.mask, rows, 1);
      Part widePart = part;
      widePart.weight = wide.data();
      widePart.mask = wideMask.data();
      widePart.columns = padding.getColumns();
      widePart.gram = wideGram.data();
      if (llvm::Error error = runPart(widePart, result.note))
        return std::move(error);
      padding.unpad<float>(wide, rows, part.weight);
      padding.unpad<uint8_t>(wideMask, rows, part.mask);
    }
    if (target.nm)
      fillBlocks(mask, view.getChannels(), *target.nm);
    result.values.resize(weight.size());
  }
  result.mask.resize(mask.size());
  forEachElement(view, [&](uint64_t index, size_t at) {
    result.mask[index] = mask[at];
    if (!weight.empty())
      result.values[index] = weight[at];
  });
  return result;
}
