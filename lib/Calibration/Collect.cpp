//===- Collect.cpp - statistics of a model's activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexCounts.h"
#include "compress/Analysis/GraphFingerprint.h"
#include "compress/Calibration/ObservedSession.h"
#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "compress/Support/Progress.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress;

static constexpr std::pair<StringLiteral, Collect> kNames[] = {
    {"minmax", Collect::MinMax},   {"moving_average", Collect::MovingAverage},
    {"moments", Collect::Moments}, {"histogram", Collect::Histogram},
    {"gram", Collect::Gram},       {"counts", Collect::Counts},
};

llvm::Expected<Collect> mlir::compress::parseCollect(StringRef text) {
  Collect result = Collect::MinMax;
  SmallVector<StringRef> words;
  text.split(words, ',');
  for (StringRef word : words) {
    auto known =
        llvm::find_if(kNames, [&](const auto &entry) { return entry.first == word.trim(); });
    if (known == std::end(kNames))
      return llvm::createStringError(
          "cannot collect '" + word.trim() + "'; known are " +
          llvm::join(llvm::map_range(kNames, [](const auto &entry) { return entry.first; }), ", "));
    result |= known->second;
  }
  return result;
}

/// What is observed: an id and the op that it belongs to.
static llvm::Expected<std::map<std::string, Operation *>>
findObserved(ModuleOp module, const CalibrationOptions &options) {
  ObserverOptions selection;
  for (const std::string &glob : options.ops) {
    llvm::Expected<NamePattern> pattern = NamePattern::create(glob);
    if (!pattern)
      return pattern.takeError();
    selection.ops.push_back(std::move(*pattern));
  }
  std::map<std::string, Operation *> ids;
  for (const WeightedOp &op : selectObserved(module, selection)) {
    ids[Statistics::getInputKey(op.name)] = op.op;
    if (options.outputs)
      ids[Statistics::getOutputKey(op.name)] = op.op;
  }
  if (!ids.empty())
    return ids;
  if (!options.ops.empty() && options.ops != std::vector<std::string>{"*"})
    return llvm::createStringError("no weighted op with an activation is called '" +
                                   llvm::join(options.ops, "' or '") + "'");
  // Plans may be for embeddings only, which have no activations.
  auto helper = module.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  std::vector<WeightedOp> planned = collectWeighted(module);
  llvm::erase_if(planned, [&](const WeightedOp &op) { return !helper.isAttrPresent(op.op); });
  if (planned.empty() ||
      llvm::any_of(planned, [](const WeightedOp &op) { return op.kind != LayerKind::Embedding; }))
    return llvm::createStringError("there is nothing to calibrate: the model has no weighted op "
                                   "with an activation");
  return ids;
}

/// Values that are not finite are told, and an error where there are no others.
static llvm::Error checkEntry(const std::string &id, Operation *op, const TensorStatistics &entry) {
  std::string count = std::to_string(entry.nonFinite);
  if (entry.nonFinite && entry.nonFinite == entry.vectors * static_cast<uint64_t>(entry.channels))
    return llvm::createStringError("activation \"" + id + "\": all " + count +
                                   " values are NaN or infinite");
  if (entry.nonFinite)
    mlir::emitWarning(op->getLoc()) << "activation \"" << id << "\": " << count
                                    << " values are NaN or infinite; they are left out";
  else if (!entry.vectors)
    mlir::emitWarning(op->getLoc())
        << "activation \"" << id << "\" was never computed: no sample reached it";
  return llvm::Error::success();
}

llvm::Expected<Statistics> mlir::compress::collectStatistics(ModuleOp module,
                                                             const CalibrationData &data,
                                                             const CalibrationOptions &options) {
  uint64_t numSamples = data.getNumSamples();
  if (!numSamples)
    return llvm::createStringError("the calibration data have no samples");
  llvm::Expected<std::map<std::string, Operation *>> ids = findObserved(module, options);
  if (!ids)
    return ids.takeError();
  Statistics statistics;
  statistics.samples = numSamples;
  statistics.fingerprint = getGraphFingerprint(module);
  if ((options.collect & Collect::Counts) != Collect::None)
    if (llvm::Error error = addIndexCounts(module, data, statistics))
      return std::move(error);
  if (ids->empty())
    return statistics;

  std::map<std::string, Collect> wanted;
  for (const auto &[id, op] : *ids)
    wanted[id] = options.collect;
  SessionOptions sessionOptions;
  sessionOptions.threads = options.threads;
  sessionOptions.dims = options.dims;
  llvm::Expected<std::unique_ptr<ObservedSession>> session =
      ObservedSession::create(module, wanted, sessionOptions);
  if (!session)
    return session.takeError();

  if (llvm::Error error = (*session)->runAll(data, options.progress, "calibrate"))
    return std::move(error);

  for (auto &[id, entry] : (*session)->takeStatistics()) {
    if (llvm::Error error = checkEntry(id, ids->at(id), *entry))
      return error;
    statistics.set(id, entry);
  }
  return statistics;
}
