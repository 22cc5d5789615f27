//===- AdapterTargets.h - the ops that an adapter file speaks of -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERTARGETS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERTARGETS_H

#include "AdapterWeights.h"
#include "compress/Support/AdapterFile.h"

namespace mlir {
namespace compress {

/// An op with the adapter that a file has for it.
struct AdapterTarget {
  WeightedOp op;
  const AdapterEntry *entry = nullptr;
};

/// The adapter in the file `path`; `alpha` as for `AdapterFile::open`. `passName` is for the
/// diagnostic of a failure.
FailureOr<AdapterFile> openAdapter(ModuleOp module, StringRef passName, StringRef path,
                                   double alpha);

/// The ops of each entry of `file`, in the order of the entries and then of the program. An entry
/// belongs to the ops whose name, or whose weight's name, matches its module best (`matchModule`);
/// several ops are fine if they use one weight: a module that runs several times. Embeddings only
/// match entries for embeddings, `compress.linear` and `compress.conv` only others. Failure, with a
/// diagnostic, if an entry matches no op, or ops with several weights, or if shapes do not fit.
FailureOr<std::vector<AdapterTarget>> findTargets(ModuleOp module, const AdapterFile &file);

/// A factor as it is stored in a module: in the element type of the weight that it is for.
struct AdapterFactors {
  /// `[r, in...]` (embeddings: `[vocabulary, r]`) and `[out, r, 1...]` with the scale in it, each
  /// rounded once.
  StoredTensor a, b;
};

/// The factors for `target`. Failure, with a diagnostic, if a value is not finite.
FailureOr<AdapterFactors> makeFactors(WeightStore &store, const AdapterFile &file,
                                      const AdapterTarget &target, EmitErrorFn emitError);

/// The update that these factors are.
LowRankUpdate makeUpdate(const AdapterTarget &target, const AdapterFactors &factors);

/// Adds the branch with `factors` to the op of `target`, whose result it is added to. `symbols`
/// gets the weights; targets of one entry share them: `shared` has their names, A and B, or is
/// empty first.
void attachAdapter(WeightStore &store, WeightSymbols &symbols, const AdapterTarget &target,
                   AdapterFactors &factors, std::pair<StringAttr, StringAttr> &shared);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ADAPTERTARGETS_H
