//===- QuantizeMethods.cpp - methods that look at activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "QuantizeWeight.h"
#include "compress/Algorithms/AdaRound.h"
#include "compress/Algorithms/Gptq.h"
#include "compress/Algorithms/Hqq.h"
#include "compress/Algorithms/LinearAlgebra.h"
#include "compress/Algorithms/ScaleRefinement.h"
#include "compress/Dialect/Compress/Transforms/ChannelScaling.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

InputStatistics mlir::compress::getInputStatistics(const Statistics *statistics,
                                                   ArrayRef<WeightedOp> users,
                                                   const MatrixView &view, std::string &reason) {
  InputStatistics result;
  if (!statistics) {
    reason = "there are no statistics";
    return result;
  }
  result.first = statistics->findInput(users.front().name);
  for (const WeightedOp &user : users) {
    const TensorStatistics *input = statistics->findInput(user.name);
    if (!input)
      reason = "there are no statistics of the input of \"" + user.name + "\"";
    else if (input->vectors == 0)
      reason = "the calibration data never reach \"" + user.name + "\"";
    else if (input->gram.empty())
      reason = "the statistics have no Gram matrix";
    else if (input->features != static_cast<int64_t>(view.getColumns()))
      reason = llvm::formatv("the Gram matrix has {0} features, expects {1}", input->features,
                             view.getColumns());
    else if (input->groups < 1 || view.getRows() % input->groups != 0)
      reason = llvm::formatv("the Gram matrices are of {0} groups, which do not divide {1} rows",
                             input->groups, view.getRows());
    else if (result.features && result.groups != input->groups)
      reason = "its users have Gram matrices of different sizes";
    if (!reason.empty()) {
      result.gram = result.cross = {};
      return result;
    }
    bool isFirst = result.features == 0;
    result.features = input->features;
    result.groups = input->groups;
    if (isFirst) {
      result.gram = input->gram;
      result.cross = input->cross;
      continue;
    }
    auto add = [](ArrayRef<float> &sum, std::vector<float> &own, ArrayRef<float> other) {
      if (sum.size() != other.size()) {
        sum = {};
        return;
      }
      if (own.empty())
        own.assign(sum.begin(), sum.end());
      for (auto [to, from] : llvm::zip_equal(own, other))
        to += from;
      sum = own;
    };
    add(result.gram, result.ownGram, input->gram);
    add(result.cross, result.ownCross, input->cross);
  }
  return result;
}

/// Rows of the weight that meet group `group` of a convolution's input.
static std::pair<size_t, size_t> getRows(const MatrixView &view, const InputStatistics &input,
                                         size_t group) {
  size_t count = view.getRows() / input.groups;
  return {group * count, count};
}

//===----------------------------------------------------------------------===//
// Methods
//===----------------------------------------------------------------------===//

namespace {
/// One matrix, or the part of it that shares a Gram matrix.
struct Part {
  const float *weight;
  size_t rows, columns, group;
  const uint8_t *keep;
  const float *gram;
  const float *cross;
};
} // namespace

static llvm::Expected<QuantizedMatrix> runMethod(const QuantizeSpec &spec, const CodeGrid &grid,
                                                 const Part &part, ParallelFor parallelFor,
                                                 std::string &note) {
  WeightRange range = spec.range == RangeMethod::Mse ? WeightRange::Mse : WeightRange::MinMax;
  switch (spec.method) {
  case QuantizeMethod::Gptq:
  case QuantizeMethod::Gptaq: {
    GptqOptions options;
    options.damping = spec.damping;
    options.actOrder = spec.actOrder.value_or(false);
    options.range = range;
    options.keep = part.keep;
    options.parallelFor = parallelFor;
    if (spec.method == QuantizeMethod::Gptaq)
      options.cross = part.cross;
    llvm::Expected<GptqResult> result =
        gptq(grid, part.weight, part.rows, part.columns, part.group, part.gram, options);
    if (!result)
      return result.takeError();
    // GPTQ fixes scales before it knows codes.
    llvm::Expected<size_t> refined =
        refineScales(grid, result->matrix, part.weight, part.gram, result->damping, parallelFor);
    if (!refined)
      return refined.takeError();
    if (result->damping > spec.damping)
      note = llvm::formatv("the Gram matrix needed damping {0}", result->damping);
    if (result->deadColumns)
      note += llvm::formatv("{0}{1} of {2} inputs were always zero", note.empty() ? "" : ", ",
                            result->deadColumns, part.columns);
    return std::move(result->matrix);
  }
  case QuantizeMethod::AdaRound: {
    AdaRoundOptions options;
    options.range = range;
    return adaRound(grid, part.weight, part.rows, part.columns, part.group, part.gram, options,
                    parallelFor);
  }
  case QuantizeMethod::Hqq:
    return hqq(grid, part.weight, part.rows, part.columns, part.group, {}, parallelFor);
  case QuantizeMethod::Auto:
  case QuantizeMethod::Rtn:
    break;
  }
  return quantizeMatrix(grid, part.weight, part.rows, part.columns, part.group, range, parallelFor);
}

/// Puts the codes and blocks of a matrix where the weight has them.
static void place(const MatrixView &view, const MatrixView::ScaleIndex &scales, size_t batch,
                  size_t firstRow, const QuantizedMatrix &matrix, BlockCodes &codes) {
  const uint8_t *code = matrix.codes.data();
  for (size_t row = 0; row < matrix.rows; ++row) {
    for (size_t column = 0; column < matrix.columns; ++column)
      codes.codes[view.getIndex(batch, firstRow + row, column)] = *code++;
    for (size_t column = 0; column < matrix.columns; column += matrix.group)
      codes.blocks[scales.get(batch, firstRow + row, column)] = matrix.getBlock(row, column);
  }
}

FailureOr<std::optional<QuantizedParts>> mlir::compress::quantizeByMethod(
    WeightStore &store, const StoredTensor &dense, const QuantizeSpec &spec, const MatrixView &view,
    ArrayRef<int64_t> block, ArrayRef<uint8_t> mask, const InputStatistics &input,
    ParallelFor parallelFor, std::string &reason, std::string &note, EmitErrorFn emitError) {
  std::optional<QuantizedParts> none;
  size_t group = view.getGroup(block);
  if (group == 0) {
    reason = "the method needs scales for each output channel";
    return none;
  }
  bool needsGram = spec.isSequential() || spec.method == QuantizeMethod::AdaRound;
  if (needsGram && input.gram.empty())
    return none; // `reason` is known to the caller.
  RankedTensorType type = dense.getType();
  CodeGrid grid =
      makeFormatGrid(spec, dense.getDataType(), [&] { return getAbsMax(readFloats(dense)); });
  MatrixView::ScaleIndex scales = view.getScaleIndex(block);
  BlockCodes codes;
  codes.codes.resize(type.getNumElements());
  codes.blocks.resize(ShapedType::getNumElements(getScaleShape(type.getShape(), block)));

  size_t groups = needsGram ? input.groups : 1, size = view.getColumns();
  std::vector<std::vector<float>> grams(groups), crosses(groups);
  auto getMatrix = [&](ArrayRef<float> all, std::vector<float> &own,
                       size_t index) -> const float * {
    if (all.empty())
      return nullptr;
    ArrayRef<float> matrix = all.slice(index * size * size, size * size);
    if (own.empty())
      own = view.orderGram(matrix);
    return own.empty() ? matrix.data() : own.data();
  };
  for (size_t batch = 0; batch < view.getBatches(); ++batch) {
    std::vector<float> weight = view.gather(dense, batch);
    std::vector<uint8_t> keep = view.gather(mask, batch);
    for (size_t index = 0; index < groups; ++index) {
      auto [firstRow, rows] =
          needsGram ? getRows(view, input, index) : std::make_pair(size_t(0), view.getRows());
      Part part{weight.data() + firstRow * size,
                rows,
                size,
                group,
                keep.empty() ? nullptr : keep.data() + firstRow * size,
                needsGram ? getMatrix(input.gram, grams[index], index) : nullptr,
                needsGram ? getMatrix(input.cross, crosses[index], index) : nullptr};
      llvm::Expected<QuantizedMatrix> matrix = runMethod(spec, grid, part, parallelFor, note);
      if (!matrix) {
        reason = llvm::toString(matrix.takeError());
        return none;
      }
      // Other methods than GPTQ know nothing of pruned weights.
      if (part.keep)
        for (size_t i = 0; i < matrix->codes.size(); ++i)
          if (!part.keep[i])
            matrix->codes[i] = grid.encode(0, matrix->getBlock(i / size, i % size));
      place(view, scales, batch, firstRow, *matrix, codes);
    }
  }
  FailureOr<QuantizedParts> parts = storeCodes(store, type, spec, grid, block, codes, emitError);
  if (failed(parts))
    return failure();
  return std::optional<QuantizedParts>(std::move(*parts));
}

std::pair<double, double> mlir::compress::getOutputError(const MatrixView &view,
                                                         const StoredTensor &dense,
                                                         const StoredTensor &quantized,
                                                         const InputStatistics &input) {
  std::pair<double, double> sums{0, 0};
  size_t size = view.getColumns();
  std::vector<float> product;
  /// tr(M G M^T)
  auto getTrace = [&](ArrayRef<float> matrix, size_t rows, const float *gram) {
    product.resize(rows * size);
    gemm<float>(false, false, rows, size, size, 1, matrix.data(), size, gram, size, 0,
                product.data(), size);
    double trace = 0;
    for (auto [a, b] : llvm::zip_equal(matrix, product))
      trace += static_cast<double>(a) * b;
    return std::max(trace, 0.0);
  };
  for (size_t index = 0; index < static_cast<size_t>(input.groups); ++index) {
    ArrayRef<float> gram = input.gram.slice(index * size * size, size * size);
    std::vector<float> own = view.orderGram(gram);
    if (!own.empty())
      gram = own;
    auto [firstRow, rows] = getRows(view, input, index);
    for (size_t batch = 0; batch < view.getBatches(); ++batch) {
      std::vector<float> before = view.gather(dense, batch), after = view.gather(quantized, batch);
      ArrayRef<float> all(before);
      sums.second += getTrace(all.slice(firstRow * size, rows * size), rows, gram.data());
      for (auto [to, from] : llvm::zip_equal(after, before))
        to -= from;
      all = after;
      sums.first += getTrace(all.slice(firstRow * size, rows * size), rows, gram.data());
    }
  }
  return sums;
}
