//===- StatisticsChannels.cpp - statistics of fewer channels --------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/Statistics.h"
#include "llvm/ADT/SmallVector.h"

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::StringRef;

/// Keeps the elements of `kept` of a vector along the channels, which may not have been collected.
template <typename T>
static void selectElements(std::vector<T> &values, ArrayRef<int64_t> kept) {
  if (values.empty())
    return;
  std::vector<T> selected;
  selected.reserve(kept.size());
  for (int64_t channel : kept)
    selected.push_back(values[channel]);
  values = std::move(selected);
}

namespace {
/// What is left of the matrices `[groups, features, features]` of an entry.
struct MatrixSelection {
  size_t oldFeatures = 0;
  /// Groups that are left, and for each the features that are left of it.
  llvm::SmallVector<int64_t> groups;
  std::vector<std::vector<int64_t>> features;

  void apply(std::vector<float> &matrix) const {
    if (matrix.empty())
      return;
    std::vector<float> selected;
    selected.reserve(groups.size() * features.front().size() * features.front().size());
    for (size_t g = 0; g < groups.size(); ++g)
      for (int64_t i : features[g]) {
        const float *row = matrix.data() + (groups[g] * oldFeatures + i) * oldFeatures;
        for (int64_t j : features[g])
          selected.push_back(row[j]);
      }
    matrix = std::move(selected);
  }
};
} // namespace

/// The features of `kept` in order of the groups; false if they are no matrices of equal size.
static bool selectFeatures(const TensorStatistics &entry, ArrayRef<int64_t> kept,
                           MatrixSelection &selection) {
  if (entry.groups < 1 || entry.channels % entry.groups != 0)
    return false;
  int64_t perGroup = entry.channels / entry.groups;
  if (entry.features < 1 || entry.features % perGroup != 0)
    return false;
  auto size = static_cast<unsigned __int128>(entry.groups) * static_cast<uint64_t>(entry.features) *
              static_cast<uint64_t>(entry.features);
  for (const std::vector<float> *matrix : {&entry.gram, &entry.cross})
    if (!matrix->empty() && matrix->size() != size)
      return false;
  int64_t kernel = entry.features / perGroup;
  selection.oldFeatures = entry.features;
  for (int64_t channel : kept) {
    int64_t group = channel / perGroup, first = channel % perGroup * kernel;
    if (selection.groups.empty() || selection.groups.back() != group) {
      selection.groups.push_back(group);
      selection.features.emplace_back();
    }
    for (int64_t position = 0; position < kernel; ++position)
      selection.features.back().push_back(first + position);
  }
  return std::all_of(selection.features.begin(), selection.features.end(), [&](const auto &list) {
    return list.size() == selection.features.front().size();
  });
}

void Statistics::selectChannels(StringRef key, ArrayRef<int64_t> kept) {
  const TensorStatistics *old = find(key);
  if (!old)
    return;
  auto fits = [&](size_t size) { return size == 0 || static_cast<int64_t>(size) == old->channels; };
  bool isInRange = !kept.empty();
  for (size_t i = 0; i < kept.size(); ++i)
    isInRange &= kept[i] >= 0 && kept[i] < old->channels && (i == 0 || kept[i - 1] < kept[i]);
  if (!isInRange || !fits(old->min.size()) || !fits(old->max.size()) || !fits(old->sum.size()) ||
      !fits(old->sumAbs.size()) || !fits(old->sumSquares.size()))
    return drop(key);
  TensorStatistics &entry = getMutable(key);
  selectElements(entry.min, kept);
  selectElements(entry.max, kept);
  selectElements(entry.sum, kept);
  selectElements(entry.sumAbs, kept);
  selectElements(entry.sumSquares, kept);
  entry.histogram = {};
  entry.movingRange.clear();
  MatrixSelection selection;
  if (entry.gram.empty() && entry.cross.empty()) {
    entry.features = entry.groups = 0;
  } else if (selectFeatures(entry, kept, selection)) {
    selection.apply(entry.gram);
    selection.apply(entry.cross);
    entry.groups = static_cast<int64_t>(selection.groups.size());
    entry.features = static_cast<int64_t>(selection.features.front().size());
  } else {
    entry.gram.clear();
    entry.cross.clear();
    entry.features = entry.groups = 0;
    entry.gramVectors = 0;
  }
  entry.channels = static_cast<int64_t>(kept.size());
}
