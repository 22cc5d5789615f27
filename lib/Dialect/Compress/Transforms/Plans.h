//===- Plans.h - plans of whole models and blocks ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PLANS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PLANS_H

#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"

namespace mlir {
namespace compress {

/// Replaces every plan below `root`, those of the parts of `compress.moe` included, by `update` of
/// it; null takes it away.
void updatePlans(Operation *root, llvm::function_ref<PlanAttr(PlanAttr)> update);

/// Calls `visit` with the name and the plan (null without one) of every weighted op of a block, and
/// of every part of its `compress.moe`.
void forEachPlan(const ResidualBlock &block, llvm::function_ref<void(StringRef, PlanAttr)> visit);

/// What `getSpec` says of all plans of a block. Where they differ, the first, and `reason` says so.
template <typename Spec>
std::optional<Spec> getCommonSpec(const ResidualBlock &block,
                                  llvm::function_ref<std::optional<Spec>(PlanAttr)> getSpec,
                                  std::string &reason) {
  std::optional<Spec> common;
  bool isFirst = true;
  forEachPlan(block, [&](StringRef name, PlanAttr plan) {
    std::optional<Spec> spec = getSpec(plan);
    if (isFirst)
      common = spec;
    else if (reason.empty() && spec != common)
      reason = ("\"" + name + "\" is not planned as the others are").str();
    isFirst = false;
  });
  return common;
}

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_PLANS_H
