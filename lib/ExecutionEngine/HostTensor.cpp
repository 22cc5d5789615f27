//===- HostTensor.cpp - tensors in this process's memory -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/HostTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <cstdlib>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Expected;

/// Larger tensors are mistakes, not needs.
static constexpr int64_t kMaxBytes = int64_t(1) << 46;

Expected<int64_t> compress::getMemoryBytes(DataType type) {
  if (type == DataType::String)
    return llvm::createStringError("tensors of strings cannot be run");
  return std::max<int64_t>(1, getStorageBitWidth(type) / 8);
}

Expected<int64_t> compress::getMemoryBytes(DataType type, ArrayRef<int64_t> shape) {
  Expected<int64_t> bytes = getMemoryBytes(type);
  if (!bytes)
    return bytes;
  for (int64_t size : shape)
    if (size < 0)
      return llvm::createStringError("a size of " + llvm::Twine(size) + " is negative");
  if (llvm::is_contained(shape, 0))
    return 0;
  for (int64_t size : shape)
    if (__builtin_mul_overflow(*bytes, size, &*bytes) || *bytes > kMaxBytes)
      return llvm::createStringError("the tensor is too large");
  return bytes;
}

bool TensorView::isContiguous() const {
  if (strides.empty() || llvm::is_contained(shape, 0))
    return true;
  Expected<int64_t> bytes = getMemoryBytes(type);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return false;
  }
  int64_t expected = *bytes;
  for (size_t dim = shape.size(); dim-- > 0; expected *= shape[dim])
    if (shape[dim] != 1 && strides[dim] != expected)
      return false;
  return true;
}

Expected<HostTensor> HostTensor::allocate(DataType type, ArrayRef<int64_t> shape) {
  Expected<int64_t> bytes = getMemoryBytes(type, shape);
  if (!bytes)
    return bytes.takeError();
  // Not rounded up, so that sanitizers see every access behind the end.
  void *data = nullptr;
  if (::posix_memalign(&data, 64, std::max<size_t>(*bytes, 1)) != 0)
    return llvm::createStringError("out of memory: cannot allocate " + llvm::Twine(*bytes) +
                                   " bytes for a tensor");
  return wrap(type, shape,
              std::shared_ptr<char>(static_cast<char *>(data), [](char *p) { std::free(p); }));
}

HostTensor HostTensor::wrap(DataType type, ArrayRef<int64_t> shape, std::shared_ptr<char> data) {
  HostTensor tensor;
  tensor.type = type;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.storage = std::move(data);
  return tensor;
}

/// Copies the dims from `dim` on; `to` moves on.
static void copyDims(const TensorView &view, size_t dim, const char *from, int64_t elementBytes,
                     char *&to) {
  if (dim == view.shape.size()) {
    std::memcpy(to, from, elementBytes);
    to += elementBytes;
    return;
  }
  bool isRow = dim + 1 == view.shape.size() && view.strides[dim] == elementBytes;
  if (isRow) {
    int64_t bytes = view.shape[dim] * elementBytes;
    std::memcpy(to, from, bytes);
    to += bytes;
    return;
  }
  for (int64_t i = 0; i < view.shape[dim]; ++i)
    copyDims(view, dim + 1, from + i * view.strides[dim], elementBytes, to);
}

Expected<HostTensor> HostTensor::copy(const TensorView &view) {
  if (!view.strides.empty() && view.strides.size() != view.shape.size())
    return llvm::createStringError("a tensor of rank " + llvm::Twine(view.shape.size()) + " has " +
                                   llvm::Twine(view.strides.size()) + " strides");
  Expected<HostTensor> tensor = allocate(view.type, view.shape);
  if (!tensor || tensor->getByteSize() == 0)
    return tensor;
  if (view.isContiguous()) {
    std::memcpy(tensor->data(), view.data, tensor->getByteSize());
    return tensor;
  }
  char *to = tensor->data();
  int64_t elementBytes = llvm::cantFail(getMemoryBytes(view.type));
  copyDims(view, 0, static_cast<const char *>(view.data), elementBytes, to);
  return tensor;
}

int64_t HostTensor::getNumElements() const {
  // The product of the other sizes may be too large for a number.
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

int64_t HostTensor::getByteSize() const {
  return getNumElements() * llvm::cantFail(getMemoryBytes(type));
}
