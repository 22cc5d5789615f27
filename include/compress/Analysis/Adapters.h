//===- Adapters.h - LoRA branches beside weighted ops -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An adapter (Hu et al., "LoRA", ICLR 2022) is a branch of two weighted ops beside one:
//
//   %y = base(%x, %w)        %h = a(%x, %A)
//                            %d = b(%h, %B)
//   %z = add(%y, mul(%d, %s))
//
// as exporters write it: the factors A and B in either layout; multiplications or divisions by
// constants of one element before a, between a and b, or behind b; casts between float types; other
// terms (a bias, further adapters) added to the base on the way.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_ADAPTERS_H
#define COMPRESS_ANALYSIS_ADAPTERS_H

#include "compress/Analysis/WeightChain.h"

namespace mlir {
namespace compress {

/// One adapter. `base` and `a` are of one kind: `compress.linear`, `compress.conv` with the same
/// strides, pads, dilations and groups, or `compress.embedding`; `b` is a linear op (behind linear
/// ops and embeddings) or a 1x1 convolution with the same groups. All are without batch dims; `a`
/// and `b` have no bias.
struct Adapter {
  WeightedOp base, a, b;
  /// Product of the constants of the branch.
  double scale = 1;
  /// Where the branch joins, and its operand there.
  AddOp add;
  unsigned branchOperand = 0;
  /// Results of `a`: the rank, for all groups of a convolution together.
  int64_t rank = 0;
};

/// A branch that looks like an adapter, but cannot be taken for one.
struct RejectedAdapter {
  AddOp add;
  /// Names of the ops `a` and `base`.
  std::string branch, base;
  std::string reason;
};

struct AdapterSearch {
  /// In program order of the additions.
  std::vector<Adapter> adapters;
  std::vector<RejectedAdapter> rejected;
};

/// All adapters below `root`.
AdapterSearch findAdapters(Operation *root);

/// As `getWeighted`, but the table of an embedding is seen as the matrix that one-hot rows are
/// multiplied by: its output is its width, and it contracts the vocabulary. The ops of an `Adapter`
/// are seen so.
FailureOr<WeightedOp> getAdapted(Operation *op);

/// Groups of a convolution; 1 for other ops.
int64_t getAdapterGroups(Operation *op);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_ADAPTERS_H
