//===- HostTensor.h - tensors in this process's memory ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Inputs and outputs of compiled models. In memory every element is whole bytes: `Bool` and
// integers of less than 8 bits take one byte each (sign- or zero-extended), the others their
// natural size, little endian.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_HOSTTENSOR_H
#define COMPRESS_EXECUTIONENGINE_HOSTTENSOR_H

#include "compress/Support/DataType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace mlir {
namespace compress {

/// Bytes of one element in memory; an error for strings, which have no fixed size.
llvm::Expected<int64_t> getMemoryBytes(DataType type);

/// Bytes of a dense tensor in memory; an error if a size is negative, the product overflows or
/// the type has no fixed size.
llvm::Expected<int64_t> getMemoryBytes(DataType type, llvm::ArrayRef<int64_t> shape);

/// A tensor that somebody else owns.
struct TensorView {
  DataType type = DataType::F32;
  /// Address of element [0, ..., 0]; only read.
  const void *data = nullptr;
  llvm::ArrayRef<int64_t> shape = {};
  /// Distance between neighbours along each dim, in bytes, may be negative or 0; empty: row-major
  /// without gaps.
  llvm::ArrayRef<int64_t> strides = {};

  /// Whether the elements lie row-major without gaps.
  bool isContiguous() const;
};

/// A dense, row-major tensor whose memory is shared by its copies.
class HostTensor {
public:
  HostTensor() = default;

  /// Uninitialised memory, aligned to 64 bytes. Errors: bad shape (see `getMemoryBytes`), out of
  /// memory.
  static llvm::Expected<HostTensor> allocate(DataType type, llvm::ArrayRef<int64_t> shape);
  /// A dense row-major copy of `view`, any strides.
  static llvm::Expected<HostTensor> copy(const TensorView &view);
  /// Memory that something else owns and keeps while `data` lives: `data` is element 0 of a dense
  /// row-major tensor.
  static HostTensor wrap(DataType type, llvm::ArrayRef<int64_t> shape, std::shared_ptr<char> data);

  DataType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const;
  /// Size of the contents in bytes.
  int64_t getByteSize() const;
  char *data() const { return storage.get(); }
  const std::shared_ptr<char> &getStorage() const { return storage; }
  /// The elements as `T`, which must have the size of one element.
  template <typename T>
  llvm::MutableArrayRef<T> as() const {
    assert(static_cast<int64_t>(sizeof(T)) * getNumElements() == getByteSize());
    return {reinterpret_cast<T *>(storage.get()), static_cast<size_t>(getNumElements())};
  }
  TensorView view() const { return {type, storage.get(), shape, {}}; }

private:
  DataType type = DataType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  std::shared_ptr<char> storage;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_HOSTTENSOR_H
