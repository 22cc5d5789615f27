//===- Sidecar.cpp - weights beside a module -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/Sidecar.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Support/MappedFile.h"
#include "compress/Support/OutputFile.h"
#include "compress/Support/SafeTensors.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::compress;

/// Weights whose bytes are worth a file.
static SmallVector<WeightOp> getLargeWeights(ModuleOp module) {
  SmallVector<WeightOp> weights;
  for (WeightOp weight : module.getOps<WeightOp>()) {
    FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(weight.getTensorType());
    if (succeeded(bytes) && *bytes > kMaxInlineWeight)
      weights.push_back(weight);
  }
  return weights;
}

/// Copies the bytes of a weight that lies in a file into the module.
static LogicalResult inlineWeight(WeightStore &store, WeightOp weight) {
  if (!isa<FileAttr>(weight.getValue()))
    return success();
  auto emitError = [&] { return weight.emitError(); };
  FailureOr<WeightBytes> bytes =
      store.read(weight.getValue(), weight.getTensorType(), emitError, /*anyAlignment=*/true);
  FailureOr<WeightBuffer> buffer = store.allocate(weight.getTensorType(), emitError);
  if (failed(bytes) || failed(buffer))
    return failure();
  llvm::copy(bytes->bytes(), buffer->bytes().begin());
  weight.setValueAttr(
      store.commit(weight.getSymName(), weight.getTensorType(), std::move(*buffer)));
  return success();
}

LogicalResult mlir::compress::writeSidecar(ModuleOp module, StringRef path) {
  WeightStore store(module.getContext());
  SmallVector<WeightOp> weights = getLargeWeights(module);
  llvm::DenseSet<Operation *> large(weights.begin(), weights.end());
  for (WeightOp weight : module.getOps<WeightOp>())
    if (!large.contains(weight) && failed(inlineWeight(store, weight)))
      return failure();
  if (weights.empty())
    return success();
  auto fail = [&](llvm::Error error) -> LogicalResult {
    return mlir::emitError(module.getLoc())
           << "cannot write weights to '" << path << "': " << llvm::toString(std::move(error));
  };
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return fail(file.takeError());
  SafeTensorsWriter writer((*file)->os());
  for (WeightOp weight : weights) {
    RankedTensorType type = weight.getTensorType();
    if (llvm::Error error = writer.declare(weight.getSymName(), *getDataType(type.getElementType()),
                                           type.getShape()))
      return fail(std::move(error));
  }
  if (llvm::Error error = writer.writeHeader())
    return fail(std::move(error));
  StringRef fileName = llvm::sys::path::filename(path);
  SmallVector<Attribute> references(weights.size());
  for (size_t index : writer.getWriteOrder()) {
    WeightOp weight = weights[index];
    FailureOr<WeightBytes> bytes = store.read(
        weight.getValue(), weight.getTensorType(), [&] { return weight.emitError(); },
        /*anyAlignment=*/true);
    if (failed(bytes))
      return failure();
    StringRef data(bytes->bytes().data(), bytes->bytes().size());
    auto known = dyn_cast<FileAttr>(weight.getValue());
    uint64_t hash = known && known.getHash() ? known.getHash() : contentHash(data);
    if (llvm::Error error = writer.append(index, data))
      return fail(std::move(error));
    references[index] = FileAttr::get(module.getContext(), weight.getType(), fileName,
                                      writer.getTensor(index).offset, data.size(), hash);
  }
  if (llvm::Error error = writer.finish())
    return fail(std::move(error));
  if (llvm::Error error = (*file)->keep())
    return fail(std::move(error));
  for (auto [weight, reference] : llvm::zip(weights, references))
    weight.setValueAttr(reference);
  return success();
}

LogicalResult mlir::compress::inlineWeights(ModuleOp module) {
  WeightStore store(module.getContext());
  for (WeightOp weight : module.getOps<WeightOp>())
    if (failed(inlineWeight(store, weight)))
      return failure();
  return success();
}

LogicalResult mlir::compress::verifyReferences(ModuleOp module) {
  for (WeightOp weight : getLargeWeights(module))
    if (!isa<FileAttr>(weight.getValue()))
      return weight.emitError() << "is not in a file that could be referred to; use "
                                   "--weights=sidecar or --weights=inline";
  return success();
}

/// Whether two folders are the same one ("" is the current one).
static bool isSameFolder(StringRef a, StringRef b) {
  if (a.empty())
    a = ".";
  if (b.empty())
    b = ".";
  llvm::sys::fs::UniqueID idA, idB;
  return !llvm::sys::fs::getUniqueID(a, idA) && !llvm::sys::fs::getUniqueID(b, idB) && idA == idB;
}

LogicalResult mlir::compress::placeWeights(ModuleOp module, WeightsMode mode, StringRef output,
                                           StringRef baseDirectory) {
  bool toStream =
      output == "-" || (llvm::sys::fs::exists(output) && !llvm::sys::fs::is_regular_file(output));
  bool beside = toStream || isSameFolder(llvm::sys::path::parent_path(output), baseDirectory);
  SmallVector<WeightOp> large = getLargeWeights(module);
  bool allInFiles =
      llvm::all_of(large, [](WeightOp weight) { return isa<FileAttr>(weight.getValue()); });
  if (mode == WeightsMode::Auto) {
    if (beside && allInFiles)
      return success();
    // A stream has no place for a sidecar: what lies in no file goes into the module.
    if (toStream)
      return success();
    mode = WeightsMode::Sidecar;
  }
  switch (mode) {
  case WeightsMode::Inline:
    return inlineWeights(module);
  case WeightsMode::Reference:
    if (!beside && !large.empty())
      return mlir::emitError(module.getLoc())
             << "cannot refer to weights in another folder: the output '" << output
             << "' is not beside the model in '" << baseDirectory << "'; use --weights=sidecar";
    return verifyReferences(module);
  case WeightsMode::Sidecar: {
    if (toStream)
      return mlir::emitError(module.getLoc(), "a sidecar file needs an output file; use -o");
    SmallString<256> path(output);
    llvm::sys::path::replace_extension(path, "safetensors");
    return writeSidecar(module, path);
  }
  case WeightsMode::Auto:
    break;
  }
  return success();
}
