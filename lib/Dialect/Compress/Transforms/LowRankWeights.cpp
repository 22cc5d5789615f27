//===- LowRankWeights.cpp - factors of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LowRankWeights.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Adds the Gram matrices of a user to those of the users before it.
static void addUserGram(FactorInputs &inputs, const TensorStatistics &entry, bool isFirst) {
  if (entry.gram.empty()) {
    inputs.noGram = "the statistics have no Gram matrix";
    return;
  }
  if (isFirst) {
    inputs.gram = entry.gram;
    inputs.features = entry.features;
    inputs.groups = entry.groups;
    return;
  }
  if (entry.gram.size() != inputs.gram.size() || entry.groups != inputs.groups) {
    inputs.noGram = "its users have Gram matrices of different sizes";
    return;
  }
  if (inputs.ownGram.empty())
    inputs.ownGram.assign(inputs.gram.begin(), inputs.gram.end());
  for (auto [to, from] : llvm::zip_equal(inputs.ownGram, entry.gram))
    to += from;
  inputs.gram = inputs.ownGram;
}

FactorInputs mlir::compress::getFactorInputs(const Statistics *statistics,
                                             ArrayRef<WeightedOp> users,
                                             ArrayRef<FactorForm> forms) {
  FactorInputs inputs;
  if (!statistics) {
    inputs.noGram = inputs.noMeans = inputs.noCounts = "there are no statistics";
    return inputs;
  }
  bool isFirst = true;
  uint64_t vectors = 0;
  for (auto [user, form] : llvm::zip_equal(users, forms)) {
    const TensorStatistics *entry = statistics->findInput(user.name);
    std::string reason;
    if (!entry)
      reason = "there are no statistics of the input of \"" + user.name + "\"";
    else if (entry->vectors == 0)
      reason = "the calibration data never reach \"" + user.name + "\"";
    if (form.looksUpRows) {
      size_t rows = form.rowDims.size() == 1 ? form.view[form.rowDims.front()] : 0;
      if (!entry || entry->counts.size() != rows) {
        inputs.noCounts =
            reason.empty() ? "the statistics do not say how often each row was looked up" : reason;
        continue;
      }
      inputs.rowCounts.resize(rows, 0.0);
      for (auto [to, from] : llvm::zip_equal(inputs.rowCounts, entry->counts))
        to += static_cast<double>(from);
      continue;
    }
    if (!reason.empty()) {
      inputs.noGram = inputs.noMeans = reason;
      continue;
    }
    if (inputs.noGram.empty())
      addUserGram(inputs, *entry, isFirst);
    if (entry->sumAbs.empty() || (!isFirst && inputs.meanAbs.size() != entry->sumAbs.size()))
      inputs.noMeans = "the statistics have no mean magnitudes";
    if (inputs.noMeans.empty()) {
      inputs.meanAbs.resize(entry->sumAbs.size(), 0.0);
      for (auto [to, from] : llvm::zip_equal(inputs.meanAbs, entry->sumAbs))
        to += from;
      vectors += entry->vectors;
    }
    isFirst = false;
  }
  if (isFirst && inputs.noGram.empty())
    inputs.noGram = inputs.noMeans = "its input is indices";
  if (!inputs.noGram.empty())
    inputs.gram = {};
  if (!inputs.noMeans.empty())
    inputs.meanAbs.clear();
  for (double &mean : inputs.meanAbs)
    mean /= static_cast<double>(vectors);
  if (inputs.rowCounts.empty() && inputs.noCounts.empty())
    inputs.noCounts = "it is no table";
  if (!inputs.noCounts.empty())
    inputs.rowCounts.clear();
  return inputs;
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

std::optional<FactorForm> mlir::compress::getFactorForm(Operation *op, StringRef name,
                                                        int64_t rank) {
  if (auto factorable = dyn_cast<FactorableOpInterface>(op))
    for (FactorForm &form : factorable.getFactorForms(rank))
      if (form.name == name)
        return std::move(form);
  return std::nullopt;
}

bool mlir::compress::haveSameFactors(const FactorForm &a, const FactorForm &b) {
  return a.view == b.view && a.rowDims == b.rowDims && a.columnDims == b.columnDims &&
         a.batchDims == b.batchDims && a.rowFactor == b.rowFactor &&
         a.columnFactor == b.columnFactor;
}

SmallVector<StringRef> mlir::compress::chooseForms(const LowRankSpec &spec, Operation *op,
                                                   std::string &reason) {
  SmallVector<StringRef> names;
  if (auto factorable = dyn_cast<FactorableOpInterface>(op))
    for (const FactorForm &form : factorable.getFactorForms(1))
      names.push_back(form.name);
  if (names.empty()) {
    reason = ("'" + op->getName().getStringRef() + "' cannot be written as two ops").str();
    return names;
  }
  // Forms are what convolutions differ in.
  if (llvm::is_contained(names, "matrix"))
    return {"matrix"};
  StringRef asked = getName(spec.form);
  if (spec.form == LowRankForm::Auto) {
    llvm::erase_if(names, [](StringRef name) { return name != "channel" && name != "spatial"; });
    if (names.empty())
      reason = "it has neither the form channel nor the form spatial";
    return names;
  }
  if (!llvm::is_contained(names, asked)) {
    reason = ("it has no form " + asked + ", only " + llvm::join(names, ", ")).str();
    return {};
  }
  return {asked};
}

//===----------------------------------------------------------------------===//
// Decomposition
//===----------------------------------------------------------------------===//

double DecomposedWeight::getError(size_t rank) const {
  double sum = 0;
  for (const LowRankDecomposition &matrix : matrices)
    sum += matrix.getError(rank);
  return sum;
}

double DecomposedWeight::getTotal() const {
  double sum = 0;
  for (const LowRankDecomposition &matrix : matrices)
    sum += matrix.getTotal();
  return sum;
}

/// Why the Gram matrices are of no use for this view; empty if they are.
static std::string explainGram(const FactorInputs &inputs, const FactorView &view) {
  if (!inputs.hasGram())
    return inputs.noGram;
  if (inputs.features != static_cast<int64_t>(view.getFeatures()))
    return llvm::formatv("the Gram matrix has {0} features, expects {1}", inputs.features,
                         view.getFeatures());
  if (inputs.groups != static_cast<int64_t>(view.getGroups()))
    return llvm::formatv("the Gram matrices are of {0} groups, expects {1}", inputs.groups,
                         view.getGroups());
  return "";
}

/// Importance of the rows of each batch: sums of squared gradients, or how often they were used.
static std::vector<double> getRowImportance(const DecompositionRequest &request,
                                            const FactorView &view, std::string &reason) {
  std::vector<double> result(view.getBatches() * view.getRows(), 0.0);
  ArrayRef<int64_t> shape = request.dense.getType().getShape();
  for (const WeightedOp &user : request.users) {
    const WeightStatistics *gradient =
        request.statistics ? request.statistics->findWeight(user.name) : nullptr;
    if (gradient && !gradient->gradientSquares.empty() && ArrayRef(gradient->shape) == shape) {
      auto to = result.begin();
      for (const FactorView::Index &batch : view.getBatchIndices())
        for (const FactorView::Index &row : view.getRowIndices()) {
          for (const FactorView::Index &column : view.getColumnIndices())
            *to += gradient->gradientSquares[batch.offset + row.offset + column.offset];
          ++to;
        }
      continue;
    }
    if (!request.inputs.rowCounts.empty() && view.getBatches() == 1 &&
        request.inputs.rowCounts.size() == view.getRows())
      return request.inputs.rowCounts;
    reason = gradient ? "the statistics have no squared gradients of the weight of \"" + user.name +
                            "\" in its shape"
                      : "there are no statistics of the gradients of \"" + user.name + "\"";
    return {};
  }
  return result;
}

/// The Gram matrix of the columns of a batch: over all vectors that V is multiplied with.
static ArrayRef<float> getColumnGram(const FactorInputs &inputs, const FactorView &view,
                                     size_t batch, std::vector<float> &own) {
  const FactorView::Index &index = view.getBatchIndices()[batch];
  size_t size = view.getFeatures(), columns = view.getColumns();
  ArrayRef<float> gram = inputs.gram.slice(index.group * size * size, size * size);
  if (view.hasPlainColumns())
    return gram;
  own.assign(columns * columns, 0.0f);
  for (size_t step : view.getSteps()) {
    size_t base = index.feature + view.getRowIndices()[step].feature;
    for (size_t i = 0; i < columns; ++i)
      for (size_t j = 0; j < columns; ++j)
        own[i * columns + j] += gram[(base + view.getColumnIndices()[i].feature) * size + base +
                                     view.getColumnIndices()[j].feature];
  }
  return own;
}

/// The method that can be used, with the reason if it is not the one asked for.
static LowRankMethod chooseMethod(const DecompositionRequest &request, const FactorView &view,
                                  std::vector<double> &rowImportance, std::string &note) {
  LowRankMethod asked = request.spec.method, method = asked;
  std::string reason;
  switch (asked) {
  case LowRankMethod::Svd:
    return method;
  case LowRankMethod::Auto:
  case LowRankMethod::Drone:
  case LowRankMethod::SvdLlm:
    if (asked == LowRankMethod::Auto)
      method = LowRankMethod::SvdLlm;
    reason = explainGram(request.inputs, view);
    break;
  case LowRankMethod::Asvd: {
    reason = request.inputs.noMeans;
    size_t channels = view.getGroups() * view.getFeatures() / view.getPositions();
    if (reason.empty() && request.inputs.meanAbs.size() != channels)
      reason = llvm::formatv("the statistics are of {0} channels, expects {1}",
                             request.inputs.meanAbs.size(), channels);
    break;
  }
  case LowRankMethod::Fisher:
    rowImportance = getRowImportance(request, view, reason);
    break;
  }
  if (reason.empty())
    return method;
  // Without any statistics nobody expects SVD-LLM of `auto`.
  if (asked != LowRankMethod::Auto || request.statistics)
    note = (getName(method) + " is replaced by svd: " + reason).str();
  return LowRankMethod::Svd;
}

FailureOr<DecomposedWeight> mlir::compress::decompose(const DecompositionRequest &request,
                                                      const FactorForm &form, FactorView view,
                                                      size_t maxRank) {
  DecomposedWeight result;
  result.form = form;
  result.view = std::move(view);
  const FactorView &matrices = result.view;
  std::vector<double> rowImportance;
  result.method = chooseMethod(request, matrices, rowImportance, result.note);
  LowRankOptions options;
  options.maxRank = maxRank;
  options.seed = request.spec.seed;
  size_t rows = matrices.getRows(), columns = matrices.getColumns();
  for (size_t batch = 0; batch < matrices.getBatches(); ++batch) {
    std::vector<float> weight = matrices.gather(request.dense, batch);
    std::vector<float> ownGram;
    std::vector<double> rowScale, columnScale;
    auto run = [&]() -> llvm::Expected<LowRankDecomposition> {
      switch (result.method) {
      case LowRankMethod::Drone:
        return decomposeDrone(weight, rows, columns,
                              getColumnGram(request.inputs, matrices, batch, ownGram), options);
      case LowRankMethod::SvdLlm:
        return decomposeSvdLlm(weight, rows, columns,
                               getColumnGram(request.inputs, matrices, batch, ownGram), options);
      case LowRankMethod::Asvd:
        for (const FactorView::Index &column : matrices.getColumnIndices())
          columnScale.push_back(
              std::pow(request.inputs
                           .meanAbs[matrices.getChannel(matrices.getBatchIndices()[batch], column)],
                       request.spec.alpha));
        return decomposeScaled(weight, rows, columns, rowScale, columnScale, options);
      case LowRankMethod::Fisher:
        for (double importance : ArrayRef(rowImportance).slice(batch * rows, rows))
          rowScale.push_back(std::sqrt(importance));
        return decomposeScaled(weight, rows, columns, rowScale, columnScale, options);
      case LowRankMethod::Auto:
      case LowRankMethod::Svd:
        break;
      }
      return decomposeSvd(weight, rows, columns, options);
    };
    llvm::Expected<LowRankDecomposition> decomposed = run();
    if (!decomposed)
      return request.users.front().op->emitError()
             << "cannot decompose weight '" << request.users.front().chain.getSourceName()
             << "' by " << getName(result.method) << ": " << llvm::toString(decomposed.takeError());
    result.matrices.push_back(std::move(*decomposed));
  }
  return result;
}

WeightFactors mlir::compress::getFactors(const DecomposedWeight &weight, size_t rank,
                                         DataType element) {
  size_t rows = weight.view.getRows(), columns = weight.view.getColumns();
  std::vector<LowRankFactors> factors;
  WeightFactors result;
  result.rank = 1;
  for (const LowRankDecomposition &matrix : weight.matrices) {
    factors.push_back(matrix.getFactors(rank));
    result.rank = std::max(result.rank, factors.back().rank);
  }
  bool rounds = element != DataType::F32 && element != DataType::F64;
  for (LowRankFactors &part : factors) {
    // One rank for all matrices: those with fewer singular values get zeros.
    std::vector<float> u(rows * result.rank, 0.0f);
    for (size_t row = 0; row < rows; ++row)
      std::copy_n(part.u.begin() + row * part.rank, part.rank, u.begin() + row * result.rank);
    part.v.resize(result.rank * columns, 0.0f);
    for (std::vector<float> *values : {&u, &part.v})
      for (float &value : *values)
        if (rounds)
          value = static_cast<float>(decodeFloat(element, encodeFloat(element, value)));
    result.u.push_back(std::move(u));
    result.v.push_back(std::move(part.v));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

double FactorErrors::getRelative() const {
  if (outputError && *outputSquares > 0)
    return std::sqrt(*outputError / *outputSquares);
  return sumSquares > 0 ? std::sqrt(squaredError / sumSquares) : 0;
}

/// tr(M G M^T) for a matrix of `features` columns.
static double getTrace(ArrayRef<float> matrix, ArrayRef<float> gram, size_t features) {
  // Rows at a time, so that the product stays small.
  constexpr size_t kRows = 256;
  size_t rows = matrix.size() / features;
  std::vector<float> product(std::min(rows, kRows) * features);
  double trace = 0;
  for (size_t first = 0; first < rows; first += kRows) {
    size_t count = std::min(kRows, rows - first);
    ArrayRef<float> part = matrix.slice(first * features, count * features);
    gemm<float>(false, false, count, features, features, 1, part.data(), features, gram.data(),
                features, 0, product.data(), features);
    for (size_t i = 0; i < part.size(); ++i)
      trace += static_cast<double>(part[i]) * product[i];
  }
  return std::max(trace, 0.0);
}

FactorErrors mlir::compress::measureFactors(const FactorView &view, const WeightFactors &factors,
                                            const StoredTensor &approximated,
                                            const StoredTensor &original,
                                            const FactorInputs &inputs, StoredTensor *residual) {
  FactorErrors errors;
  size_t rows = view.getRows(), columns = view.getColumns(), features = view.getFeatures();
  bool hasGram = inputs.hasGram() && explainGram(inputs, view).empty();
  bool hasCounts = view.getBatches() == 1 && inputs.rowCounts.size() == rows;
  if (hasGram || hasCounts)
    errors.outputError = errors.outputSquares = 0.0;
  // [groups, outputs, features] of the error and of the weight.
  std::vector<float> error, weight;
  if (hasGram) {
    error.resize(view.getGroups() * view.getOutputs() * features);
    weight.resize(error.size());
  }
  for (size_t batch = 0; batch < view.getBatches(); ++batch) {
    const FactorView::Index &index = view.getBatchIndices()[batch];
    std::vector<float> before = view.gather(original, batch);
    std::vector<float> rest =
        &approximated == &original ? before : view.gather(approximated, batch);
    gemm<float>(false, false, rows, columns, factors.rank, -1, factors.u[batch].data(),
                factors.rank, factors.v[batch].data(), columns, 1, rest.data(), columns);
    for (size_t row = 0; row < rows; ++row) {
      const FactorView::Index &rowIndex = view.getRowIndices()[row];
      double rowError = 0, rowSquares = 0;
      for (size_t column = 0; column < columns; ++column) {
        const FactorView::Index &columnIndex = view.getColumnIndices()[column];
        size_t i = row * columns + column;
        rowError += static_cast<double>(rest[i]) * rest[i];
        rowSquares += static_cast<double>(before[i]) * before[i];
        if (residual)
          std::memcpy(residual->mutableBytes().data() +
                          sizeof(float) * (index.offset + rowIndex.offset + columnIndex.offset),
                      &rest[i], sizeof(float));
        if (!hasGram)
          continue;
        size_t output = index.output + rowIndex.output + columnIndex.output;
        size_t place = (index.group * view.getOutputs() + output) * features + index.feature +
                       rowIndex.feature + columnIndex.feature;
        error[place] = rest[i];
        weight[place] = before[i];
      }
      errors.squaredError += rowError;
      errors.sumSquares += rowSquares;
      if (hasCounts) {
        *errors.outputError += inputs.rowCounts[row] * rowError;
        *errors.outputSquares += inputs.rowCounts[row] * rowSquares;
      }
    }
  }
  if (hasGram)
    for (size_t group = 0; group < view.getGroups(); ++group) {
      ArrayRef<float> gram = inputs.gram.slice(group * features * features, features * features);
      size_t size = view.getOutputs() * features;
      *errors.outputError += getTrace(ArrayRef(error).slice(group * size, size), gram, features);
      *errors.outputSquares += getTrace(ArrayRef(weight).slice(group * size, size), gram, features);
    }
  return errors;
}
