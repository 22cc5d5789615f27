//===- LowRankWeights.h - factors of weights ---------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a specification of a low rank means for one weight: which matrices it is read as, what is
// known of the inputs, the rank, the factors and their errors. No IR is changed here.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWRANKWEIGHTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWRANKWEIGHTS_H

#include "FactorView.h"
#include "compress/Algorithms/LowRank.h"
#include "compress/Recipe/LowRankSpec.h"
#include "compress/Support/Statistics.h"

namespace mlir {
namespace compress {

/// What is known of the inputs of all users of a weight, added up; what is not is empty, with the
/// reason.
struct FactorInputs {
  /// `[groups, features, features]`; `ownGram` holds the sum if there are several users.
  ArrayRef<float> gram;
  std::vector<float> ownGram;
  int64_t features = 0, groups = 0;
  std::string noGram;
  /// Per input channel.
  std::vector<double> meanAbs;
  std::string noMeans;
  /// How often each row of an embedding table was looked up. Users that look up rows add nothing to
  /// the other ones.
  std::vector<double> rowCounts;
  std::string noCounts;

  bool hasGram() const { return !gram.empty(); }
};
/// `forms` has that of each user.
FactorInputs getFactorInputs(const Statistics *statistics, ArrayRef<WeightedOp> users,
                             ArrayRef<FactorForm> forms);

/// The form of `op` with this name, with the shapes of factors of rank `rank`; nothing if it has
/// none.
std::optional<FactorForm> getFactorForm(Operation *op, StringRef name, int64_t rank);
/// Whether two ops can use the same factors.
bool haveSameFactors(const FactorForm &a, const FactorForm &b);
/// Names of the forms that `spec` lets `op` have, best known first; empty, with the reason, if it
/// has none.
SmallVector<StringRef> chooseForms(const LowRankSpec &spec, Operation *op, std::string &reason);

/// The matrices of a weight, one for each batch, decomposed by one method.
struct DecomposedWeight {
  FactorForm form;
  FactorView view;
  /// The method that was used; `note` says why it is another one than was asked for.
  LowRankMethod method = LowRankMethod::Svd;
  std::string note;
  std::vector<LowRankDecomposition> matrices;

  size_t getFullRank() const { return std::min(view.getRows(), view.getColumns()); }
  /// Elements of both factors per rank.
  uint64_t getElementsPerRank() const {
    return (view.getRows() + view.getColumns()) * uint64_t(view.getBatches());
  }
  /// Sums over the matrices, in the metric of the method.
  double getError(size_t rank) const;
  double getTotal() const;
};

/// What is decomposed and how.
struct DecompositionRequest {
  ArrayRef<WeightedOp> users;
  const LowRankSpec &spec;
  const FactorInputs &inputs;
  const Statistics *statistics;
  /// Dense finite floats.
  const StoredTensor &dense;
};
/// Decomposes as far as rank `maxRank` (0: completely). A failure, with a diagnostic at the first
/// user, if an algorithm fails.
FailureOr<DecomposedWeight> decompose(const DecompositionRequest &request, const FactorForm &form,
                                      FactorView view, size_t maxRank);

/// U and V of every batch, rounded as they will be stored.
struct WeightFactors {
  size_t rank = 0;
  std::vector<std::vector<float>> u, v;
};
/// `element` is the type that the factors are stored in. The rank may be lower than asked for, if
/// the weight has no more.
WeightFactors getFactors(const DecomposedWeight &weight, size_t rank, DataType element);

/// Sums of squares: of W - U V, of W, and the same for the outputs on the calibration data, if they
/// are known.
struct FactorErrors {
  double squaredError = 0, sumSquares = 0;
  std::optional<double> outputError, outputSquares;

  /// What forms are compared by.
  double getRelative() const;
};
/// Errors of `factors` as factors of `approximated`, relative to the weight `original` (which may
/// be the same). With `residual`, a f32 tensor of the weight's shape, stores what they leave over.
FactorErrors measureFactors(const FactorView &view, const WeightFactors &factors,
                            const StoredTensor &approximated, const StoredTensor &original,
                            const FactorInputs &inputs, StoredTensor *residual);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_LOWRANKWEIGHTS_H
