//===- ActivationCache.h - values of samples between stages -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CALIBRATION_ACTIVATIONCACHE_H
#define COMPRESS_LIB_CALIBRATION_ACTIVATIONCACHE_H

#include "compress/ExecutionEngine/HostTensor.h"
#include <map>
#include <vector>

namespace mlir {
namespace compress {

/// Tensors by sample and slot. Up to a limit they are kept in memory; what comes later goes to a
/// nameless temporary file, whose room is used again. (Samples are visited round and round, so what
/// was used last is what is needed last.) Not thread-safe.
class ActivationCache {
public:
  /// `memoryLimit` in bytes; 0: none.
  explicit ActivationCache(uint64_t memoryLimit) : memoryLimit(memoryLimit) {}
  ~ActivationCache();
  ActivationCache(const ActivationCache &) = delete;
  ActivationCache &operator=(const ActivationCache &) = delete;

  /// Errors: no temporary file, a full disk.
  llvm::Error put(uint64_t sample, unsigned slot, HostTensor tensor);
  /// The tensor, which must have been put. Errors: memory, reading.
  llvm::Expected<HostTensor> get(uint64_t sample, unsigned slot);
  /// Forgets the tensor, if it is there.
  void drop(uint64_t sample, unsigned slot);

  /// Bytes of the tensors in memory and in the file.
  uint64_t getMemoryBytes() const { return memoryBytes; }
  uint64_t getFileBytes() const { return fileBytes; }

private:
  struct Entry {
    /// Empty if the contents are in the file.
    HostTensor tensor;
    DataType type = DataType::F32;
    llvm::SmallVector<int64_t, 4> shape;
    uint64_t offset = 0, size = 0;
    bool inFile = false;
  };
  llvm::Error write(Entry &entry, const char *data);

  uint64_t memoryLimit, memoryBytes = 0, fileBytes = 0, fileEnd = 0;
  int file = -1;
  std::map<std::pair<uint64_t, unsigned>, Entry> entries;
  /// Unused pieces of the file by size.
  std::map<uint64_t, std::vector<uint64_t>> unused;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CALIBRATION_ACTIVATIONCACHE_H
