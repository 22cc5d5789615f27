//===- SliceWeights.cpp - what is left of stored tensors ------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SliceWeights.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Threading.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

SmallVector<int64_t> mlir::compress::getSelectedShape(ArrayRef<int64_t> shape,
                                                      ArrayRef<DimSelection> selections) {
  SmallVector<int64_t> result(shape);
  for (const DimSelection &selection : selections)
    result[selection.dim] = static_cast<int64_t>(selection.kept.size());
  return result;
}

namespace {
/// Consecutive indices.
struct Run {
  int64_t first, count;
};
} // namespace

static SmallVector<Run> findRuns(ArrayRef<int64_t> kept) {
  SmallVector<Run> runs;
  for (int64_t index : kept) {
    if (!runs.empty() && runs.back().first + runs.back().count == index)
      ++runs.back().count;
    else
      runs.push_back({index, 1});
  }
  return runs;
}

/// Copies single elements of a type; much faster than `memcpy` of a few bytes.
template <typename T>
static void copyElements(const char *from, ArrayRef<int64_t> kept, char *to) {
  for (int64_t index : kept) {
    std::memcpy(to, from + index * sizeof(T), sizeof(T));
    to += sizeof(T);
  }
}

/// Copies the blocks of `size` bytes with the indices `kept`.
static void copyBlocks(const char *from, ArrayRef<int64_t> kept, ArrayRef<Run> runs, size_t size,
                       char *to) {
  // Single elements are worth a loop of their own only where runs are short.
  if (runs.size() * 4 > kept.size()) {
    switch (size) {
    case 1:
      return copyElements<uint8_t>(from, kept, to);
    case 2:
      return copyElements<uint16_t>(from, kept, to);
    case 4:
      return copyElements<uint32_t>(from, kept, to);
    case 8:
      return copyElements<uint64_t>(from, kept, to);
    }
  }
  for (const Run &run : runs) {
    std::memcpy(to, from + run.first * size, run.count * size);
    to += run.count * size;
  }
}

/// Calls `visit` with the flat position of every selected index of the dims before `end`, in
/// row-major order.
static void forEachOuter(ArrayRef<int64_t> shape, ArrayRef<const DimSelection *> byDim, size_t end,
                         llvm::function_ref<void(int64_t)> visit) {
  SmallVector<int64_t> position(end, 0);
  auto size = [&](size_t dim) {
    return byDim[dim] ? static_cast<int64_t>(byDim[dim]->kept.size()) : shape[dim];
  };
  for (size_t dim = 0; dim < end; ++dim)
    if (size(dim) == 0)
      return;
  while (true) {
    int64_t flat = 0;
    for (size_t dim = 0; dim < end; ++dim)
      flat = flat * shape[dim] + (byDim[dim] ? byDim[dim]->kept[position[dim]] : position[dim]);
    visit(flat);
    size_t dim = end;
    while (dim-- > 0 && ++position[dim] == size(dim))
      position[dim] = 0;
    if (dim == static_cast<size_t>(-1))
      return;
  }
}

void mlir::compress::selectElements(ArrayRef<int64_t> shape, unsigned bits,
                                    ArrayRef<DimSelection> selections, ArrayRef<char> from,
                                    MutableArrayRef<char> to) {
  SmallVector<const DimSelection *> byDim(shape.size(), nullptr);
  size_t last = 0;
  for (const DimSelection &selection : selections) {
    byDim[selection.dim] = &selection;
    last = std::max(last, static_cast<size_t>(selection.dim));
  }
  if (to.empty())
    return;
  int64_t inner = 1;
  for (size_t dim = last + 1; dim < shape.size(); ++dim)
    inner *= shape[dim];
  ArrayRef<int64_t> kept = byDim[last]->kept;
  if (bits >= 8) {
    SmallVector<Run> runs = findRuns(kept);
    size_t block = inner * (bits / 8), done = 0;
    forEachOuter(shape, byDim, last, [&](int64_t outer) {
      copyBlocks(from.data() + outer * shape[last] * block, kept, runs, block, to.data() + done);
      done += kept.size() * block;
    });
    return;
  }
  uint64_t done = 0;
  forEachOuter(shape, byDim, last, [&](int64_t outer) {
    for (int64_t index : kept)
      for (int64_t i = 0; i < inner; ++i, ++done)
        writeBits(to, done * bits, bits,
                  readBits(from, ((outer * shape[last] + index) * inner + i) * bits, bits));
  });
}

//===----------------------------------------------------------------------===//
// WeightSlicer
//===----------------------------------------------------------------------===//

size_t WeightSlicer::plan(WeightSourceOpInterface source, ArrayRef<DimSelection> selections) {
  SmallVector<DimSelection, 2> sorted(selections);
  llvm::sort(sorted, [](const auto &a, const auto &b) { return a.dim < b.dim; });
  std::vector<int64_t> key;
  for (const DimSelection &selection : sorted) {
    key.push_back(selection.dim);
    key.push_back(static_cast<int64_t>(selection.kept.size()));
    key.insert(key.end(), selection.kept.begin(), selection.kept.end());
  }
  std::string name = source.getWeightName();
  const void *value = source.getWeightValue().getAsOpaquePointer();
  auto [it, isNew] = known.try_emplace({name, value, std::move(key)}, slices.size());
  if (isNew) {
    auto type = cast<RankedTensorType>(source->getResult(0).getType());
    Slice slice;
    slice.source = source;
    slice.name = std::move(name);
    slice.type = type.clone(getSelectedShape(type.getShape(), sorted));
    slice.selections = std::move(sorted);
    slices.push_back(std::move(slice));
  }
  return it->second;
}

LogicalResult WeightSlicer::compute(Slice &slice) {
  auto emitError = [&] { return slice.source->emitError(); };
  auto type = cast<RankedTensorType>(slice.source->getResult(0).getType());
  FailureOr<WeightBytes> from =
      store.read(slice.source.getWeightValue(), type, emitError, /*anyAlignment=*/true);
  if (failed(from))
    return failure();
  FailureOr<WeightBuffer> buffer = store.allocate(slice.type, emitError);
  if (failed(buffer))
    return failure();
  selectElements(type.getShape(), getStorageBitWidth(from->getType()), slice.selections,
                 from->bytes(), buffer->bytes());
  if (type.getElementType().isInteger(1))
    slice.allOnes = llvm::all_of(buffer->bytes(), [](char byte) { return byte != 0; });
  slice.buffer = std::move(*buffer);
  return success();
}

LogicalResult WeightSlicer::compute() {
  return failableParallelForEach(context, slices, [&](Slice &slice) { return compute(slice); });
}

Value WeightSlicer::materialize(size_t index, OpBuilder &builder, WeightSymbols &symbols) {
  Slice &slice = slices[index];
  if (slice.made)
    return builder.clone(*slice.made)->getResult(0);
  Attribute value = store.commit(slice.name, slice.type, std::move(*slice.buffer));
  Value result;
  // Constants are no parameters and stay constants.
  if (isa<ConstantOp>(slice.source))
    result =
        ConstantOp::create(builder, slice.source->getLoc(), slice.type, cast<ElementsAttr>(value));
  else
    result = slice.source.createLike(builder, symbols, slice.name, slice.type, value);
  slice.made = result.getDefiningOp();
  if (auto load = dyn_cast<LoadOp>(slice.made))
    slice.symbol = load.getWeightAttr().getAttr();
  return result;
}

void WeightSlicer::restoreNames(ModuleOp module) {
  SymbolTable table(module);
  llvm::DenseMap<StringAttr, FlatSymbolRefAttr> renamed;
  for (Slice &slice : slices) {
    auto weight = slice.symbol ? table.lookup<WeightOp>(slice.symbol) : WeightOp();
    if (!weight || weight.getSymName() == slice.name || table.lookup(slice.name))
      continue;
    table.remove(weight);
    weight.setSymName(slice.name);
    renamed[slice.symbol] = FlatSymbolRefAttr::get(table.insert(weight));
  }
  module.walk([&](LoadOp load) {
    if (auto it = renamed.find(load.getWeightAttr().getAttr()); it != renamed.end())
      load.setWeightAttr(it->second);
  });
}
