//===- GroupChoice.cpp - which units of groups are removed -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GroupChoice.h"
#include "compress/Algorithms/StructuredScores.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::compress;

/// FLAP: parameters of a head as multiples of those of a neuron (4 * 128 to 3).
static constexpr double flapHeadWeight = 512.0 / 3;

/// Each group loses the same share.
static void removeShare(MutableArrayRef<GroupCandidate> candidates, const PruneSpec &spec,
                        double ratio) {
  std::vector<int64_t> units;
  for (const GroupCandidate &candidate : candidates)
    units.push_back(candidate.group->numUnits);
  for (auto [candidate, count] :
       llvm::zip_equal(candidates, shareRemovals(units, ratio, spec.roundTo)))
    candidate.kept = keepLargest(candidate.scores, count);
}

namespace {
/// Units of all groups under one threshold.
class GlobalRanking {
public:
  GlobalRanking(MutableArrayRef<GroupCandidate> candidates, const PruneSpec &spec)
      : candidates(candidates), roundTo(spec.roundTo) {
    bool isFlap = spec.method == PruneMethod::Flap;
    for (const GroupCandidate &candidate : candidates) {
      scores.push_back(candidate.scores);
      if (isFlap)
        normalizeByDeviation(scores.back());
      else if (spec.method != PruneMethod::Lamp)
        normalizeByMean(scores.back());
    }
    for (auto [candidate, values] : llvm::zip_equal(candidates, scores)) {
      bool isHead = candidate.group->kind == GroupKind::Head;
      groups.push_back({values, isFlap && isHead ? flapHeadWeight : 1});
    }
    order = rankRemovals(groups, roundTo);
  }

  size_t getNumSteps() const { return order.size(); }
  size_t countSteps(double ratio) const { return compress::countSteps(groups, order, ratio); }
  void remove(size_t steps) {
    std::vector<int64_t> counts(candidates.size());
    for (size_t group : ArrayRef(order).take_front(steps))
      ++counts[group];
    for (auto [candidate, count] : llvm::zip_equal(candidates, counts))
      candidate.kept =
          keepLargest(candidate.scores, roundRemoval(candidate.group->numUnits, count, roundTo));
  }

private:
  MutableArrayRef<GroupCandidate> candidates;
  int64_t roundTo;
  std::vector<std::vector<double>> scores;
  std::vector<RankedGroup> groups;
  std::vector<size_t> order;
};
} // namespace

std::vector<int64_t> GroupChoice::countRemoved(ArrayRef<GroupCandidate> candidates) const {
  std::vector<int64_t> counts = removed;
  for (const GroupCandidate &candidate : candidates)
    for (const DependencyGroup::Member &member : candidate.group->members)
      for (auto [unit, isKept] : llvm::enumerate(candidate.kept))
        if (!isKept)
          counts[member.space] += static_cast<int64_t>(member.getIndices(unit).size());
  return counts;
}

LogicalResult GroupChoice::chooseBySize(Location loc, MutableArrayRef<GroupCandidate> candidates,
                                        const PruneSpec &spec) {
  bool isParams = spec.pattern == PrunePattern::Params;
  auto getSize = [&](ModelSize size) {
    return static_cast<double>(isParams ? size.parameters : size.macs);
  };
  double before = getSize(dense);
  auto getReduction = [&] {
    return before > 0 ? 1 - getSize(cost.count(countRemoved(candidates))) / before : 0;
  };
  // The share 1 is as much as every group can lose.
  removeShare(candidates, spec, 1);
  if (double largest = getReduction(); largest < spec.ratio)
    return emitError(loc) << "cannot remove " << llvm::formatv("{0:P2}", spec.ratio).str() << " of "
                          << (isParams ? "the parameters" : "the multiply-accumulates") << " as '"
                          << toString(spec) << "' asks for: at most "
                          << llvm::formatv("{0:P2}", largest).str() << " is in units of the "
                          << candidates.size() << " selected groups that can be removed";
  if (spec.ranking == PruneRanking::Global) {
    GlobalRanking ranking(candidates, spec);
    size_t low = 0, high = ranking.getNumSteps();
    while (low < high) {
      size_t middle = low + (high - low) / 2;
      ranking.remove(middle);
      if (getReduction() >= spec.ratio)
        high = middle;
      else
        low = middle + 1;
    }
    ranking.remove(high);
    return success();
  }
  double low = 0, high = 1;
  for (int step = 0; step < 40; ++step) {
    double middle = step == 0 ? 0 : (low + high) / 2;
    removeShare(candidates, spec, middle);
    (getReduction() >= spec.ratio ? high : low) = middle;
  }
  removeShare(candidates, spec, high);
  return success();
}

LogicalResult GroupChoice::choose(Location loc, MutableArrayRef<GroupCandidate> candidates,
                                  const PruneSpec &spec) {
  if (spec.pattern == PrunePattern::Params || spec.pattern == PrunePattern::Macs) {
    if (failed(chooseBySize(loc, candidates, spec)))
      return failure();
  } else if (spec.ranking == PruneRanking::Global) {
    GlobalRanking ranking(candidates, spec);
    ranking.remove(ranking.countSteps(spec.ratio));
  } else {
    removeShare(candidates, spec, spec.ratio);
  }
  removed = countRemoved(candidates);
  return success();
}
