//===- IndexCounts.cpp - how often rows of embeddings are used ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexCounts.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/ExecutionEngine/Session.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// An embedding with the input that it looks up.
struct Lookup {
  std::string input;
  TensorStatistics entry;
};
} // namespace

/// The argument of a function that indices are, apart from their type and shape; null for others.
static BlockArgument getArgument(Value indices) {
  while (isa_and_nonnull<CastOp, ReshapeOp, SqueezeOp, UnsqueezeOp>(indices.getDefiningOp()))
    indices = indices.getDefiningOp()->getOperand(0);
  auto argument = dyn_cast<BlockArgument>(indices);
  return argument && isa<FunctionOpInterface>(argument.getOwner()->getParentOp()) ? argument
                                                                                  : BlockArgument();
}

/// Counts `indices`, of which negative ones are from the end; the first one that is not in the
/// table.
template <typename T>
static std::optional<int64_t> count(ArrayRef<T> indices, std::vector<uint64_t> &counts) {
  int64_t size = static_cast<int64_t>(counts.size());
  for (int64_t index : indices) {
    int64_t row = index < 0 ? index + size : index;
    if (row < 0 || row >= size)
      return index;
    ++counts[row];
  }
  return std::nullopt;
}

llvm::Error mlir::compress::addIndexCounts(ModuleOp module, const CalibrationData &data,
                                           Statistics &statistics) {
  llvm::Expected<std::vector<TensorSpec>> inputs = getModelInputs(module);
  if (!inputs)
    return inputs.takeError();
  std::map<std::string, Lookup> lookups;
  for (const WeightedOp &op : collectWeighted(module)) {
    auto embedding = dyn_cast<EmbeddingOp>(op.op);
    BlockArgument argument = embedding ? getArgument(embedding.getIndices()) : BlockArgument();
    if (!argument || argument.getArgNumber() >= inputs->size())
      continue;
    Lookup lookup{(*inputs)[argument.getArgNumber()].name, {}};
    lookup.entry.counts.resize(op.chain.getType().getDimSize(0));
    lookups.emplace(op.name, std::move(lookup));
  }
  if (lookups.empty())
    return llvm::Error::success();

  for (uint64_t number = 0; number < data.getNumSamples(); ++number) {
    auto sample = data.getSample(number);
    if (!sample)
      return sample.takeError();
    for (auto &[name, lookup] : lookups)
      for (auto &[input, tensor] : *sample) {
        if (input != lookup.input)
          continue;
        std::optional<int64_t> wrong =
            tensor.getType() == DataType::I64
                ? count<int64_t>(tensor.as<int64_t>(), lookup.entry.counts)
            : tensor.getType() == DataType::I32
                ? count<int32_t>(tensor.as<int32_t>(), lookup.entry.counts)
                : std::nullopt;
        if (wrong)
          return llvm::createStringError(data.getSampleName(number) + ": input '" + input +
                                         "' has the index " + std::to_string(*wrong) +
                                         ", the table of \"" + name + "\" has " +
                                         std::to_string(lookup.entry.counts.size()) + " rows");
        lookup.entry.vectors += tensor.getNumElements();
        ++lookup.entry.runs;
      }
  }
  for (auto &[name, lookup] : lookups)
    statistics.set(Statistics::getInputKey(name),
                   std::make_shared<TensorStatistics>(std::move(lookup.entry)));
  return llvm::Error::success();
}
