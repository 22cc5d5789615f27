//===- WeightStore.cpp - the only way to a weight's bytes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Support/MappedFile.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// WeightBytes
//===----------------------------------------------------------------------===//

WeightBytes::WeightBytes(WeightBytes &&other) { *this = std::move(other); }

WeightBytes &WeightBytes::operator=(WeightBytes &&other) {
  if (this == &other)
    return *this;
  if (file)
    file->release(fileOffset, fileLength);
  type = other.type;
  shape = std::move(other.shape);
  numElements = other.numElements;
  data = other.data;
  file = std::move(other.file);
  fileOffset = other.fileOffset;
  fileLength = other.fileLength;
  owned = std::move(other.owned);
  return *this;
}

WeightBytes::~WeightBytes() {
  if (file)
    file->release(fileOffset, fileLength);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Alignment that modules ask for: bytecode readers allocate files with this one, and refuse
/// modules with blobs that want more. (Pages have more.)
static constexpr size_t blobAlignment = 16;

/// Zeroed pages, in a nameless temporary file if `spill` is set; an empty blob when none are had.
static AsmResourceBlob allocatePages(uint64_t size, bool spill) {
  int fd = -1;
  if (spill) {
    SmallString<128> path;
    if (llvm::sys::fs::createTemporaryFile("compress-weight", "spill", fd, path))
      return {};
    ::unlink(path.c_str());
    if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
      ::close(fd);
      return {};
    }
  }
  int flags = spill ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
  void *pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (fd >= 0)
    ::close(fd);
  if (pages == MAP_FAILED)
    return {};
  if (!spill)
    ::madvise(pages, size, MADV_HUGEPAGE);
  return AsmResourceBlob(
      ArrayRef<char>(static_cast<const char *>(pages), size), blobAlignment,
      [](void *data, size_t bytes, size_t) { ::munmap(data, bytes); }, /*dataIsMutable=*/true);
}

FailureOr<uint64_t> WeightStore::getStorageBytes(RankedTensorType type) {
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (!dataType || *dataType == DataType::String || !type.hasStaticShape())
    return failure();
  uint64_t count = 1;
  if (llvm::is_contained(type.getShape(), 0))
    return uint64_t(0);
  for (int64_t dim : type.getShape())
    if (__builtin_mul_overflow(count, static_cast<uint64_t>(dim), &count))
      return failure();
  std::optional<uint64_t> bytes = compress::getStorageBytes(*dataType, count);
  if (!bytes || count > static_cast<uint64_t>(INT64_MAX))
    return failure();
  return *bytes;
}

WeightStore::WeightStore(MLIRContext *context)
    : context(context), cache(context->getOrLoadDialect<CompressDialect>()->getFileCache()),
      baseDirectory(context->getOrLoadDialect<CompressDialect>()->getBaseDirectory()) {}

FailureOr<WeightBuffer> WeightStore::allocate(RankedTensorType type, EmitErrorFn emitError) {
  FailureOr<uint64_t> size = getStorageBytes(type);
  if (failed(size))
    return emitError() << "cannot store a weight of type " << type;
  WeightBuffer buffer;
  if (*size == 0)
    return buffer;
  uint64_t total = cache.allocated += *size;
  buffer.spilled = cache.memoryLimit && total > cache.memoryLimit;
  buffer.blob = allocatePages(*size, buffer.spilled);
  if (buffer.blob.getData().empty()) {
    cache.allocated -= *size;
    return emitError() << "out of memory: cannot allocate " << *size
                       << " bytes for a weight of type " << type;
  }
  return buffer;
}

//===----------------------------------------------------------------------===//
// Literals
//===----------------------------------------------------------------------===//

/// Bytes that one element takes in the raw data of a `DenseElementsAttr` (0: `i1` and `ui1`, which
/// are packed).
static unsigned getLiteralElementBytes(DataType type) {
  return getBitWidth(type) == 1 ? 0 : llvm::divideCeil(getBitWidth(type), 8);
}

/// Storage order to literal. `bytes` has the size that the type needs.
static DenseElementsAttr makeLiteral(RankedTensorType type, DataType dataType,
                                     ArrayRef<char> bytes) {
  int64_t count = type.getNumElements();
  if (dataType == DataType::Bool) {
    SmallVector<bool> values(llvm::map_range(bytes, [](char c) { return c != 0; }));
    return DenseElementsAttr::get(type, values);
  }
  if (getBitWidth(dataType) == 1) {
    SmallVector<bool> values;
    for (int64_t i = 0; i < count; ++i)
      values.push_back(readBits(bytes, static_cast<uint64_t>(i), 1));
    return DenseElementsAttr::get(type, values);
  }
  if (getBitWidth(dataType) >= 8)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  std::vector<uint8_t> codes(count);
  unsigned bits = getBitWidth(dataType);
  for (int64_t i = 0; i < count; ++i)
    codes[i] = static_cast<uint8_t>(readBits(bytes, static_cast<uint64_t>(i) * bits, bits));
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef<char>(reinterpret_cast<const char *>(codes.data()), codes.size()));
}

/// Literal to storage order, into `out`, which has the size that the type needs.
static void readLiteral(DenseElementsAttr literal, DataType dataType, MutableArrayRef<char> out) {
  int64_t count = literal.getNumElements();
  ArrayRef<char> raw = literal.getRawData();
  bool splat = literal.isSplat();
  unsigned elementBytes = getLiteralElementBytes(dataType);
  if (elementBytes == 0) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t bit = splat ? 0 : i;
      unsigned value = (raw[bit / 8] >> (bit % 8)) & 1;
      // A bool takes a byte when it is stored.
      if (dataType == DataType::Bool)
        out[i] = static_cast<char>(value);
      else
        writeBits(out, static_cast<uint64_t>(i), 1, value);
    }
    return;
  }
  unsigned bits = getBitWidth(dataType);
  if (bits >= 8) {
    if (!splat) {
      std::memcpy(out.data(), raw.data(), out.size());
      return;
    }
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(out.data() + i * elementBytes, raw.data(), elementBytes);
    return;
  }
  uint8_t mask = (1u << bits) - 1;
  for (int64_t i = 0; i < count; ++i)
    writeBits(out, static_cast<uint64_t>(i) * bits, bits,
              static_cast<uint8_t>(raw[splat ? 0 : i]) & mask);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

LogicalResult WeightStore::verify(Attribute value, RankedTensorType type, EmitErrorFn emitError) {
  FailureOr<uint64_t> size = getStorageBytes(type);
  bool isString = isa<StringType>(type.getElementType());
  // C1
  if (failed(size) && !(isString && type.hasStaticShape()))
    return emitError() << "expects a static shape whose size fits into 63 bits, got " << type;
  // C2
  auto typed = dyn_cast<TypedAttr>(value);
  if (!typed || !isa<DenseElementsAttr, DenseResourceElementsAttr, FileAttr>(value))
    return emitError() << "expects a dense, dense_resource or #compress.file value, got " << value;
  if (typed.getType() != type)
    return emitError() << "expects a value of type " << type << ", got " << typed.getType();
  if (isString)
    return success();
  // C3
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return emitError() << "expects a blob of " << *size << " bytes, but resource '"
                         << resource.getRawHandle().getKey() << "' has none";
    if (blob->getData().size() != *size)
      return emitError() << "expects a blob of " << *size << " bytes for " << type
                         << ", got one of " << blob->getData().size();
  }
  // C4
  if (auto file = dyn_cast<FileAttr>(value))
    if (file.getLength() != *size)
      return emitError() << "expects " << *size << " bytes of file '" << file.getPath() << "' for "
                         << type << ", got " << file.getLength();
  return success();
}

FailureOr<std::shared_ptr<MappedFile>> WeightStore::openFile(StringRef path,
                                                             EmitErrorFn emitError) {
  SmallString<128> key(baseDirectory);
  llvm::sys::path::append(key, path);
  std::lock_guard lock(cache.mutex);
  std::shared_ptr<MappedFile> &file = cache.files[key];
  if (file)
    return file;
  llvm::Expected<std::shared_ptr<MappedFile>> opened = MappedFile::openBeneath(baseDirectory, path);
  if (!opened)
    return emitError() << "cannot read weight file: " << llvm::toString(opened.takeError());
  file = std::move(*opened);
  return file;
}

FailureOr<WeightBytes> WeightStore::read(Attribute value, RankedTensorType type,
                                         EmitErrorFn emitError, bool anyAlignment) {
  if (failed(verify(value, type, emitError)))
    return failure();
  std::optional<DataType> dataType = getDataType(type.getElementType());
  if (*dataType == DataType::String)
    return emitError() << "a tensor of strings has no bytes";
  WeightBytes result;
  result.type = *dataType;
  result.shape.assign(type.getShape().begin(), type.getShape().end());
  result.numElements = type.getNumElements();

  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    result.data = resource.getRawHandle().getBlob()->getData();
  } else if (auto file = dyn_cast<FileAttr>(value)) {
    FailureOr<std::shared_ptr<MappedFile>> mapped = openFile(file.getPath(), emitError);
    if (failed(mapped))
      return failure();
    llvm::Expected<StringRef> bytes = (*mapped)->bytes(file.getOffset(), file.getLength());
    if (!bytes)
      return emitError() << "weight file is too short: " << llvm::toString(bytes.takeError());
    std::string key = (file.getPath() + ":" + Twine(file.getOffset()) + ":" +
                       Twine(file.getLength()) + ":" + Twine(file.getHash()))
                          .str();
    bool unchecked = false;
    if (file.getHash()) {
      std::lock_guard lock(cache.mutex);
      unchecked = !cache.checked.contains(key);
    }
    if (unchecked) {
      if (uint64_t hash = contentHash(*bytes); hash != file.getHash())
        return emitError() << "bytes " << file.getOffset() << " to "
                           << file.getOffset() + file.getLength() << " of file '" << file.getPath()
                           << "' have changed: expects content hash " << file.getHash() << ", got "
                           << hash;
      std::lock_guard lock(cache.mutex);
      cache.checked.insert(key);
    }
    result.data = ArrayRef<char>(bytes->data(), bytes->size());
    result.file = *mapped;
    result.fileOffset = file.getOffset();
    result.fileLength = file.getLength();
  } else {
    FailureOr<WeightBuffer> buffer = allocate(type, emitError);
    if (failed(buffer))
      return failure();
    cache.allocated -= buffer->blob.getData().size();
    if (!buffer->bytes().empty())
      readLiteral(cast<DenseElementsAttr>(value), *dataType, buffer->bytes());
    result.owned = std::move(buffer->blob);
    result.data = result.owned.getData();
  }

  // Typed access needs alignment: ONNX files give none.
  unsigned alignment = std::max(1u, getStorageBitWidth(*dataType) / 8);
  if (!anyAlignment && reinterpret_cast<uintptr_t>(result.data.data()) % alignment != 0) {
    FailureOr<WeightBuffer> buffer = allocate(type, emitError);
    if (failed(buffer))
      return failure();
    cache.allocated -= buffer->blob.getData().size();
    std::memcpy(buffer->bytes().data(), result.data.data(), result.data.size());
    if (result.file)
      result.file->release(result.fileOffset, result.fileLength);
    result.file.reset();
    result.owned = std::move(buffer->blob);
    result.data = result.owned.getData();
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

Attribute WeightStore::commit(StringRef name, RankedTensorType type, WeightBuffer buffer) {
  ArrayRef<char> bytes = buffer.blob.getData();
  if (bytes.size() <= kMaxLiteralBytes) {
    cache.allocated -= bytes.size();
    return makeLiteral(type, *getDataType(type.getElementType()), bytes);
  }
  if (buffer.spilled) {
    // Written back to the file, the pages need no memory until they are read.
    char *data = const_cast<char *>(bytes.data());
    ::msync(data, bytes.size(), MS_SYNC);
    ::madvise(data, bytes.size(), MADV_DONTNEED);
  }
  return DenseResourceElementsAttr::get(type, name, std::move(buffer.blob));
}

void WeightStore::collect(ArrayRef<ModuleOp> live) {
  llvm::StringSet<> used;
  AttrTypeWalker walker;
  walker.addWalk(
      [&](DenseResourceElementsAttr attr) { used.insert(attr.getRawHandle().getKey()); });
  for (ModuleOp module : live)
    module->walk([&](Operation *op) { walker.walk(op->getAttrDictionary()); });
  DialectResourceBlobManager &manager =
      DenseResourceElementsHandle::getManagerInterface(context).getBlobManager();
  SmallVector<StringRef> dead;
  manager.getBlobMap([&](const llvm::StringMap<DialectResourceBlobManager::BlobEntry> &blobs) {
    for (const auto &entry : blobs)
      if (entry.second.getBlob() && !entry.second.getBlob()->getData().empty() &&
          !used.contains(entry.first()))
        dead.push_back(entry.first());
  });
  // Keys cannot be erased; an empty blob gives the bytes back.
  for (StringRef key : dead)
    manager.update(key, AsmResourceBlob(ArrayRef<char>(), 1, {}, /*dataIsMutable=*/false));
}
