//===- SliceSelection.cpp - which masked units can be removed -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SliceSelection.h"

using namespace mlir;
using namespace mlir::compress;

LogicalResult SliceSelection::choose(size_t number) {
  const DependencyGroup &group = graph.getGroups()[number];
  llvm::BitVector all(static_cast<unsigned>(group.numUnits), true), any(all.size());
  units[number] = llvm::BitVector(all.size());
  std::vector<GroupWeight> weights = graph.getWeights(group);
  for (const GroupWeight &weight : weights) {
    FailureOr<MaskedIndices> masked = masks.read(weight.op.chain, /*onlyProducts=*/false);
    FailureOr<MaskedIndices> wanted = masks.read(weight.op.chain, /*onlyProducts=*/true);
    if (failed(masked) || failed(wanted))
      return failure();
    const DependencyGroup::Member &member = group.members[weight.member];
    all &= selectUnits(group, member, masked->gone[weight.dim]).whole;
    // Patterns that happen to take a whole index away ask for nothing.
    any |= selectUnits(group, member, wanted->gone[weight.dim]).whole;
  }
  if (weights.empty() || (any |= all).none())
    return success();
  const WeightedOp &first = weights.front().op;
  auto missed = [&](int64_t count, const Twine &reason) {
    remark::missed(first.op->getLoc(), options)
        << (countUnits(count, group.kind) + " of the group of \"" + first.name + "\" " +
            (count == 1 ? "stays" : "stay") + ": " + reason)
               .str();
  };
  if (!group.isPrunable()) {
    missed(any.count(), group.blockedReason);
    return success();
  }
  for (const GroupParameter &parameter : graph.getParameters(group)) {
    if (!isMaskable(parameter.user, parameter.value))
      continue;
    auto mask = parameter.value.getDefiningOp<MaskOp>();
    FailureOr<std::optional<MaskedIndices>> masked = std::optional<MaskedIndices>();
    if (mask && failed(masked = masks.read(mask)))
      return failure();
    if (*masked)
      all &=
          selectUnits(group, group.members[parameter.member], (*masked)->gone[parameter.dim]).whole;
    else
      all.reset();
  }
  if (all.all())
    return first.op->emitOpError("\"") << first.name << "\": its masks would remove all "
                                       << countUnits(group.numUnits, group.kind) << " of the group";
  if (any.test(all))
    missed(any.reset(all).count(), "only some of the weights and parameters are masked");
  units[number] = std::move(all);
  return success();
}

void SliceSelection::computeKept() {
  std::vector<llvm::BitVector> gone(graph.getSpaces().size());
  for (auto [group, chosen] : llvm::zip_equal(graph.getGroups(), units)) {
    if (chosen.none())
      continue;
    for (const DependencyGroup::Member &member : group.members) {
      llvm::BitVector &indices = gone[member.space];
      if (indices.empty())
        indices.resize(static_cast<unsigned>(graph.getSpaces()[member.space].size));
      for (unsigned unit : chosen.set_bits())
        for (int64_t index : member.getIndices(unit))
          indices.set(static_cast<unsigned>(index));
    }
  }
  kept.assign(gone.size(), {});
  for (auto [left, indices] : llvm::zip_equal(kept, gone))
    if (indices.any())
      for (unsigned index : indices.flip().set_bits())
        left.push_back(index);
}

LogicalResult SliceSelection::run() {
  units.resize(graph.getGroups().size());
  for (size_t group = 0; group < units.size(); ++group)
    if (failed(choose(group)))
      return failure();
  computeKept();
  return success();
}
