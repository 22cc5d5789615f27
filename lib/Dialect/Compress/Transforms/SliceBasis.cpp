//===- SliceBasis.cpp - coordinates of a segment from statistics *- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SliceBasis.h"
#include "compress/Support/Statistics.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace mlir::compress;

using WeightUse = RotatableSet::WeightUse;

/// Weight of the segment before: more than what rounding in f32 leaves where no vector was, far
/// less than what was seen.
static constexpr double priorWeight = 1e-3;

/// Whether the Gram matrix of the op's input is of vectors of the stream: these are the last dim.
static bool contractsLastDim(const WeightedOp &op) {
  return isa<LinearOp>(op.op) || (isa<MatMulOp>(op.op) && op.operand->getOperandNumber() == 1);
}

/// What is missing in the statistics of a reader; empty if nothing is.
static std::string explainMissing(const WeightUse &reader, const TensorStatistics *entry,
                                  int64_t size, bool needsSums) {
  if (!contractsLastDim(reader.op))
    return "the inputs of '" + reader.op.op->getName().getStringRef().str() +
           "' are no vectors of channels";
  if (!entry)
    return "there are none of \"" + Statistics::getInputKey(reader.op.name) + "\"";
  if (entry->gram.empty())
    return "they were collected without it";
  if (entry->groups != 1 || entry->features != size)
    return "they have one of [" + std::to_string(entry->groups) + ", " +
           std::to_string(entry->features) + ", " + std::to_string(entry->features) +
           "], expected [1, " + std::to_string(size) + ", " + std::to_string(size) + "]";
  if (!entry->gramVectors)
    return "no sample reached it";
  if (needsSums && static_cast<int64_t>(entry->sum.size()) != size)
    return "they have no sums, which the bias of the norm needs";
  return "";
}

/// Adds the Gram matrix of what one of `readers`, which see the same values, reads; their number to
/// `vectors`.
static LogicalResult addGram(std::vector<double> &total, uint64_t &vectors,
                             ArrayRef<const WeightUse *> readers, RotationPlan &plan,
                             StringRef request) {
  auto size = static_cast<int64_t>(std::sqrt(static_cast<double>(total.size())) + 0.5);
  const WeightUse &first = *readers.front();
  NormParameters plain;
  plain.scale.assign(size, 1.0);
  const NormParameters *parameters = &plain;
  if (first.norm) {
    parameters = plan.getParameters(*getNorm(first.norm));
    if (!parameters)
      return failure();
  }
  auto *dialect = first.op.op->getContext()->getLoadedDialect<CompressDialect>();
  const Statistics *statistics = dialect->getStatistics();
  std::string reason;
  for (const WeightUse *reader : readers) {
    const TensorStatistics *entry = statistics ? statistics->findInput(reader->op.name) : nullptr;
    std::string missing = explainMissing(*reader, entry, size, parameters->hasBias());
    if (!missing.empty()) {
      if (reason.empty())
        reason = std::move(missing);
      continue;
    }
    llvm::Expected<std::vector<double>> gram = getUnscaledGram(
        entry->gram, entry->sum, entry->gramVectors, {parameters->scale, parameters->bias});
    if (!gram)
      return reader->op.op->emitError() << llvm::toString(gram.takeError());
    for (auto [sum, value] : llvm::zip_equal(total, *gram))
      sum += value;
    vectors += entry->gramVectors;
    return success();
  }
  return first.op.op->emitError()
         << "'" << request << "' needs the Gram matrix of the inputs of \"" << first.op.name
         << "\" in the statistics, and " << reason
         << "; collect it with compress-collect-statistics{collect=gram,moments ops=*}";
}

static double getTrace(ArrayRef<double> matrix, int64_t size) {
  double trace = 0;
  for (int64_t i = 0; i < size; ++i)
    trace += matrix[i * size + i];
  return trace;
}

FailureOr<PrincipalComponents>
mlir::compress::getSegmentBasis(const StreamSegment &segment, int64_t size, int64_t count,
                                RotationPlan &plan, StringRef request, std::vector<double> &gram) {
  // Readers of one norm, or of the stream itself, see the same values.
  llvm::MapVector<Operation *, SmallVector<const WeightUse *, 4>> readersOf;
  for (const WeightUse *reader : segment.readers)
    readersOf[reader->behind].push_back(reader);
  if (readersOf.size() > 1)
    readersOf.erase(static_cast<Operation *>(nullptr));
  std::vector<double> before(size * size, 0.0);
  std::swap(before, gram);
  uint64_t vectors = 0;
  for (auto &[norm, readers] : readersOf)
    if (failed(addGram(gram, vectors, readers, plan, request)))
      return failure();
  if (vectors < static_cast<uint64_t>(size) && !before.empty()) {
    double trace = getTrace(before, size);
    double factor = trace > 0 ? priorWeight * getTrace(gram, size) / trace : 0;
    for (auto [value, prior] : llvm::zip_equal(gram, before))
      value += factor * prior;
  }
  llvm::Expected<PrincipalComponents> components = getPrincipalComponents(gram, size, count);
  if (!components)
    return segment.readers.front()->op.op->emitError()
           << "'" << request << "': no principal components of the inputs of \""
           << segment.readers.front()->op.name << "\": " << llvm::toString(components.takeError());
  return std::move(*components);
}
