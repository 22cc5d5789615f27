//===- SessionWeights.cpp - weights from a module to a session -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SessionImpl.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::compress;

/// Smaller weights are copied, so that they do not keep a page each.
static constexpr size_t kMaxCopied = 4096;
static constexpr uintptr_t kAlignment = 64;

/// Keys of the blobs that ops of `module` refer to.
static llvm::StringSet<> getUsedBlobs(ModuleOp module) {
  llvm::StringSet<> used;
  AttrTypeWalker walker;
  walker.addWalk(
      [&](DenseResourceElementsAttr attr) { used.insert(attr.getRawHandle().getKey()); });
  module->walk([&](Operation *op) { walker.walk(op->getAttrDictionary()); });
  return used;
}

/// Keys of all blobs that hold bytes.
static std::vector<std::string> getBlobs(MLIRContext *context) {
  std::vector<std::string> keys;
  DenseResourceElementsHandle::getManagerInterface(context).getBlobManager().getBlobMap(
      [&](const llvm::StringMap<DialectResourceBlobManager::BlobEntry> &blobs) {
        for (const auto &entry : blobs)
          if (entry.second.getBlob() && !entry.second.getBlob()->getData().empty())
            keys.push_back(entry.first().str());
      });
  return keys;
}

WeightCollector::WeightCollector(ModuleOp module) : module(module), context(module.getContext()) {
  llvm::StringSet<> used = getUsedBlobs(module);
  for (const std::string &key : getBlobs(context))
    if (!used.contains(key))
      foreignBlobs.insert(key);
}

void WeightCollector::free(ArrayRef<ModuleOp> live) {
  llvm::StringSet<> used;
  for (ModuleOp other : live)
    for (const auto &key : getUsedBlobs(other))
      used.insert(key.first());
  DialectResourceBlobManager &manager =
      DenseResourceElementsHandle::getManagerInterface(context).getBlobManager();
  // Keys cannot be erased; an empty blob gives the bytes back.
  for (const std::string &key : getBlobs(context))
    if (!foreignBlobs.contains(key) && !used.contains(key))
      manager.update(key, AsmResourceBlob(ArrayRef<char>(), 1, {}, /*dataIsMutable=*/false));
}

/// Makes a blob of the context one that is freed when neither the context nor the result needs it.
static std::shared_ptr<AsmResourceBlob> shareBlob(DenseResourceElementsAttr value) {
  AsmResourceBlob *blob = value.getRawHandle().getBlob();
  ArrayRef<char> data = blob->getData();
  size_t alignment = blob->getDataAlignment();
  bool isMutable = blob->isMutable();
  auto shared = std::make_shared<AsmResourceBlob>(std::move(*blob));
  *blob = AsmResourceBlob(
      data, alignment, [shared](void *, size_t, size_t) mutable { shared.reset(); }, isMutable);
  return shared;
}

FailureOr<StoredWeight> WeightCollector::takeWeight(Operation *op) {
  auto weight = cast<WeightOp>(op);
  auto type = cast<RankedTensorType>(weight.getType());
  // Bytes in storage order are bytes in memory only for whole bytes.
  if (type.getElementTypeBitWidth() < 8 && !type.getElementType().isInteger(1))
    return weight.emitOpError("expects elements of whole bytes in a lowered model, got ") << type;
  FailureOr<WeightBytes> bytes = WeightStore(context).read(
      weight.getValue(), type, [&] { return weight.emitOpError(); },
      /*anyAlignment=*/true);
  if (failed(bytes))
    return failure();
  StoredWeight stored;
  stored.name = weight.getSymName().str();
  stored.bytes = bytes->bytes();
  bool isAligned = reinterpret_cast<uintptr_t>(stored.bytes.data()) % kAlignment == 0;
  if (!isAligned || stored.bytes.size() <= kMaxCopied) {
    llvm::Expected<HostTensor> copy =
        HostTensor::allocate(DataType::U8, {static_cast<int64_t>(stored.bytes.size())});
    if (!copy)
      return weight.emitOpError() << llvm::toString(copy.takeError());
    if (!stored.bytes.empty())
      std::memcpy(copy->data(), stored.bytes.data(), stored.bytes.size());
    stored.bytes = ArrayRef<char>(copy->data(), stored.bytes.size());
    stored.owner = copy->getStorage();
    return stored;
  }
  stored.isMapped = isa<FileAttr>(weight.getValue());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(weight.getValue()))
    stored.owner = shareBlob(resource);
  else
    stored.owner = std::make_shared<WeightBytes>(std::move(*bytes));
  return stored;
}

FailureOr<std::vector<StoredWeight>> WeightCollector::take() {
  std::vector<StoredWeight> weights;
  auto symbols = module->getAttrOfType<ArrayAttr>("compress.weights");
  if (!symbols)
    return weights;
  SymbolTable table(module);
  for (Attribute symbol : symbols) {
    auto name = dyn_cast<FlatSymbolRefAttr>(symbol);
    Operation *op = name ? table.lookup(name.getAttr()) : nullptr;
    if (!op || !isa<WeightOp>(op))
      return module.emitError() << "there is no weight " << symbol;
    FailureOr<StoredWeight> weight = takeWeight(op);
    if (failed(weight))
      return failure();
    weights.push_back(std::move(*weight));
  }
  return weights;
}
