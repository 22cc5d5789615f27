//===- VerifyChains.cpp - consistency of decode chains -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/BitmapPacking.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_VERIFYCHAINS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// The bitmap keeps as many elements as there are codes and has no bits beyond the last one.
static LogicalResult verifyBitmap(const EncodedWeight &weight, StringRef name,
                                  EmitErrorFn emitError) {
  const void *bitmap = weight.pattern->positions.bytes().data();
  int64_t numElements = weight.type.getNumElements();
  int64_t numKept = weight.values.getType().getNumElements();
  if (auto kept = static_cast<int64_t>(countKeptOfBitmap(bitmap, numElements)); kept != numKept)
    return emitError() << "weight '" << name << "': the bitmap keeps " << kept
                       << " elements, but there are " << numKept << " codes";
  if (!hasCleanEnd(bitmap, numElements))
    return emitError() << "weight '" << name << "': the bitmap has bits for more than "
                       << numElements << " elements";
  return success();
}

/// N:M: positions are in order.
static LogicalResult verifyPositions(const EncodedWeight &weight, StringRef name,
                                     EmitErrorFn emitError) {
  const EncodedWeight::Pattern &pattern = *weight.pattern;
  BlockView view = getAxisView(weight.type.getShape(), pattern.axis);
  std::vector<uint8_t> mask(view.getNumElements());
  if (std::optional<uint64_t> fault =
          expandNMMask(pattern.nm, view, pattern.positions.bytes().data(),
                       weight.values.getType().getShape().back(), mask.data()))
    return emitError() << "weight '" << name << "': position " << *fault << " of the "
                       << pattern.nm.n << ":" << pattern.nm.m
                       << " pattern is outside of its group or not larger than the one before";
  return success();
}

/// The pattern is one, and the fill code means zero in every block.
static LogicalResult verifyPattern(const EncodedWeight &weight, StringRef name,
                                   EmitErrorFn emitError) {
  const EncodedWeight::Pattern &pattern = *weight.pattern;
  LogicalResult positions = pattern.isBitmap() ? verifyBitmap(weight, name, emitError)
                                               : verifyPositions(weight, name, emitError);
  if (failed(positions))
    return failure();
  auto fillError = [&] {
    return emitError() << "weight '" << name << "': fill " << pattern.fill
                       << " does not decode to zero: ";
  };
  if (weight.table) {
    std::vector<double> entries = toDoubles(*weight.table);
    auto size = static_cast<size_t>(weight.table->getType().getShape().back());
    for (size_t at = static_cast<size_t>(pattern.fill); at < entries.size(); at += size)
      if (entries[at] != 0)
        return fillError() << "its entry of the table "
                           << (weight.tableBlock.empty()
                                   ? std::string()
                                   : "of block " + std::to_string(at / size) + " ")
                           << "is " << entries[at];
    return success();
  }
  SmallVector<int64_t> zeroPoints = getZeroPoints(weight);
  if (zeroPoints.empty())
    zeroPoints.push_back(0);
  for (auto [block, zeroPoint] : llvm::enumerate(zeroPoints))
    if (zeroPoint != pattern.fill)
      return fillError() << "the zero point of block " << block << " is " << zeroPoint;
  if (!getZeroCode(weight))
    return fillError() << explainNoZeroCode(weight);
  return success();
}

/// All elements of a float tensor are finite; `what` is one of them.
static LogicalResult verifyFinite(const StoredTensor &tensor, StringRef name, StringRef what,
                                  EmitErrorFn emitError) {
  for (auto [i, value] : llvm::enumerate(toDoubles(tensor)))
    if (!std::isfinite(value))
      return emitError() << "weight '" << name << "': " << what << " " << i
                         << " is not finite: " << value;
  return success();
}

/// Entries of vectors are finite, and every code has one.
static LogicalResult verifyVectors(const EncodedWeight &weight, StringRef name,
                                   EmitErrorFn emitError) {
  if (std::optional<uint64_t> place = findCodeWithoutEntry(weight))
    return emitError() << "weight '" << name << "': code " << *place
                       << " is outside of the tables, which have "
                       << weight.vectors->tables.getType().getDimSize(2) << " entries";
  return verifyFinite(weight.vectors->tables, name, "table entry", emitError);
}

/// No code of a small float type stands for NaN or infinity.
static LogicalResult verifyCodes(const StoredTensor &codes, StringRef name, EmitErrorFn emitError) {
  DataType type = codes.getDataType();
  for (int64_t i = 0, e = codes.getType().getNumElements(); i < e; ++i)
    if (double value = decodeFloat(type, readPacked(type, codes.bytes(), i)); !std::isfinite(value))
      return emitError() << "weight '" << name << "': code " << i << " is not finite: " << value;
  return success();
}

namespace {
struct VerifyChains : public compress::impl::VerifyChainsBase<VerifyChains> {
  using Base::Base;

  void runOnOperation() override {
    WeightStore store(&getContext());
    markAllAnalysesPreserved();
    bool isValid = true;
    for (const WeightedOp &op : collectWeighted(getOperation()))
      isValid &= succeeded(verify(store, op));
    if (!isValid)
      signalPassFailure();
  }

private:
  static LogicalResult verify(WeightStore &store, const WeightedOp &op) {
    if (op.chain.isDense())
      return success();
    auto emitError = [&] { return op.op->emitError(); };
    std::string name = op.chain.getSourceName();
    if (op.chain.getLink<FakeQuantizeOp>()) {
      // No form of storage: its executable semantics check what there is to check.
      return decodeChain(store, op.chain, emitError);
    }
    if (std::string reason = explainUnsupported(op.chain); !reason.empty())
      return emitError() << "weight '" << name << "': " << reason;
    FailureOr<EncodedWeight> weight = readEncodedWeight(store, op.chain, emitError);
    if (failed(weight))
      return failure();
    if (weight->pattern && failed(verifyPattern(*weight, name, emitError)))
      return failure();
    if (weight->scales && failed(verifyFinite(weight->scales->scale, name, "scale", emitError)))
      return failure();
    if (weight->table)
      return verifyFinite(*weight->table, name, "table entry", emitError);
    if (weight->vectors)
      return verifyVectors(*weight, name, emitError);
    // Small floats have codes of NaN and infinity.
    if (weight->hasCodes() && isFloat(weight->values.getDataType()))
      return verifyCodes(weight->values, name, emitError);
    return success();
  }
};
} // namespace
