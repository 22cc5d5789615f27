//===- WeightStore.h - the only way to a weight's bytes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A weight's value is a `dense<...>` literal, a `dense_resource` blob or a `#compress.file`. The
// store hands out its bytes in *storage order*, whatever it is: row-major, little endian, `i1` one
// byte per element, other sub-byte types packed low bits first over the flattened tensor.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_WEIGHTSTORE_H
#define COMPRESS_DIALECT_COMPRESS_IR_WEIGHTSTORE_H

#include "compress/Support/DataType.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <atomic>
#include <mutex>

namespace mlir {
class ModuleOp;
namespace compress {
class MappedFile;

/// Makes the diagnostic that a failing store operation reports through.
using EmitErrorFn = llvm::function_ref<InFlightDiagnostic()>;

/// Read access to the bytes of one weight, aligned to 64 bytes or to the element's size. When it
/// goes away, pages of a mapped file are given back, so that a pass over a large model stays small.
class WeightBytes {
public:
  WeightBytes() = default;
  WeightBytes(WeightBytes &&other);
  WeightBytes &operator=(WeightBytes &&other);
  ~WeightBytes();

  DataType getType() const { return type; }
  ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const { return numElements; }
  /// All bytes, in storage order.
  ArrayRef<char> bytes() const { return data; }
  /// The elements as `T`, which must have the size of one element.
  template <typename T>
  ArrayRef<T> as() const {
    assert(sizeof(T) * static_cast<uint64_t>(numElements) == data.size() && "wrong element type");
    return ArrayRef<T>(reinterpret_cast<const T *>(data.data()), static_cast<size_t>(numElements));
  }

private:
  friend class WeightStore;
  DataType type = DataType::F32;
  SmallVector<int64_t, 4> shape;
  int64_t numElements = 0;
  ArrayRef<char> data;
  std::shared_ptr<MappedFile> file;
  uint64_t fileOffset = 0, fileLength = 0;
  // The default constructor leaves a member uninitialised.
  AsmResourceBlob owned{ArrayRef<char>(), 1, {}, /*dataIsMutable=*/false};
};

/// Room for the bytes of a new weight; memory is zero.
class WeightBuffer {
public:
  MutableArrayRef<char> bytes() {
    return blob.getData().empty() ? MutableArrayRef<char>() : blob.getMutableData();
  }
  ArrayRef<char> bytes() const { return blob.getData(); }

private:
  friend class WeightStore;
  AsmResourceBlob blob{ArrayRef<char>(), 1, {}, /*dataIsMutable=*/true};
  bool spilled = false;
};

/// State of the store in one context, owned by the dialect.
class WeightFileCache {
public:
  /// New buffers beyond this many bytes are kept in a temporary file; 0 means no limit.
  uint64_t memoryLimit = 0;

private:
  friend class WeightStore;
  std::mutex mutex;
  llvm::StringMap<std::shared_ptr<MappedFile>> files;
  llvm::StringSet<> checked;
  std::atomic<uint64_t> allocated = 0;
};

/// See the top of this file. Cheap to make; all state is in the context. Thread-safe, except
/// `commit` and `collect`.
class WeightStore {
public:
  explicit WeightStore(MLIRContext *context);

  /// Bytes of `value`, which has type `type`. Errors: no kind of weight value, a blob that is
  /// missing or has the wrong size, a file that cannot be opened below the base directory, is too
  /// short, or whose content hash is not the recorded one (checked at the first read).
  /// Bytes that lie unaligned in a file are copied, unless `anyAlignment` says that this is fine.
  FailureOr<WeightBytes> read(Attribute value, RankedTensorType type, EmitErrorFn emitError,
                              bool anyAlignment = false);

  /// What can be said about `value` without touching its bytes; see `compress.weight`.
  static LogicalResult verify(Attribute value, RankedTensorType type, EmitErrorFn emitError);

  /// Bytes that a tensor of this type takes in storage order; failure if the shape is not static,
  /// the size overflows or the element type cannot be stored.
  static FailureOr<uint64_t> getStorageBytes(RankedTensorType type);

  /// Zeroed room for a weight of `type`; kept in a temporary file above the memory limit. Fails
  /// with a diagnostic, never by ending the process, when memory is out.
  FailureOr<WeightBuffer> allocate(RankedTensorType type, EmitErrorFn emitError);

  /// Value attribute holding `buffer`: a readable `dense` literal for at most `kMaxLiteralBytes`
  /// bytes, else a blob whose key is derived from `name`.
  Attribute commit(StringRef name, RankedTensorType type, WeightBuffer buffer);

  /// Frees the blobs that no op of the `live` modules refers to. Only the driver that owns all
  /// modules of a context may call it.
  void collect(ArrayRef<ModuleOp> live);

  static constexpr uint64_t kMaxLiteralBytes = 1024;

private:
  MLIRContext *context;
  WeightFileCache &cache;
  std::string baseDirectory;

  FailureOr<std::shared_ptr<MappedFile>> openFile(StringRef path, EmitErrorFn emitError);
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_DIALECT_COMPRESS_IR_WEIGHTSTORE_H
