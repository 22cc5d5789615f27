//===- ActivationCache.cpp - values of samples between stages ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ActivationCache.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace mlir;
using namespace mlir::compress;

ActivationCache::~ActivationCache() {
  if (file >= 0)
    ::close(file);
}

static llvm::Error makeFileError(const llvm::Twine &what, int code) {
  return llvm::createStringError("the temporary file of cached activations: " + what + ": " +
                                 std::strerror(code));
}

llvm::Error ActivationCache::write(Entry &entry, const char *data) {
  if (file < 0) {
    llvm::SmallString<128> path;
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("compress-activations", "spill", file, path))
      return llvm::createStringError("the temporary file of cached activations: " + code.message());
    ::unlink(path.c_str());
  }
  auto free = unused.find(entry.size);
  if (free != unused.end()) {
    entry.offset = free->second.back();
    free->second.pop_back();
    if (free->second.empty())
      unused.erase(free);
  } else {
    entry.offset = fileEnd;
    fileEnd += entry.size;
  }
  for (uint64_t done = 0; done < entry.size;) {
    ssize_t count = ::pwrite(file, data + done, entry.size - done, entry.offset + done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return makeFileError("cannot write", count < 0 ? errno : ENOSPC);
    done += count;
  }
  entry.inFile = true;
  fileBytes += entry.size;
  return llvm::Error::success();
}

llvm::Error ActivationCache::put(uint64_t sample, unsigned slot, HostTensor tensor) {
  drop(sample, slot);
  Entry entry;
  entry.type = tensor.getType();
  entry.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
  entry.size = tensor.getByteSize();
  if (memoryLimit && memoryBytes + entry.size > memoryLimit) {
    if (llvm::Error error = write(entry, tensor.data()))
      return error;
  } else {
    entry.tensor = std::move(tensor);
    memoryBytes += entry.size;
  }
  entries.emplace(std::pair(sample, slot), std::move(entry));
  return llvm::Error::success();
}

llvm::Expected<HostTensor> ActivationCache::get(uint64_t sample, unsigned slot) {
  auto found = entries.find({sample, slot});
  assert(found != entries.end() && "a value that was not cached");
  const Entry &entry = found->second;
  if (!entry.inFile)
    return entry.tensor;
  llvm::Expected<HostTensor> tensor = HostTensor::allocate(entry.type, entry.shape);
  if (!tensor)
    return tensor.takeError();
  for (uint64_t done = 0; done < entry.size;) {
    ssize_t count = ::pread(file, tensor->data() + done, entry.size - done, entry.offset + done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return makeFileError("cannot read", count < 0 ? errno : EIO);
    done += count;
  }
  return tensor;
}

void ActivationCache::drop(uint64_t sample, unsigned slot) {
  auto found = entries.find({sample, slot});
  if (found == entries.end())
    return;
  const Entry &entry = found->second;
  if (entry.inFile) {
    unused[entry.size].push_back(entry.offset);
    fileBytes -= entry.size;
  } else {
    memoryBytes -= entry.size;
  }
  entries.erase(found);
}
