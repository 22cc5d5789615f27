//===- PerfMap.h - names of generated functions for profilers -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_EXECUTIONENGINE_PERFMAP_H
#define COMPRESS_LIB_EXECUTIONENGINE_PERFMAP_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"
#include <string>

namespace mlir {
namespace compress {

/// Functions of an object file, before it is linked.
class PerfMap {
public:
  /// The map of `object` if the environment variable COMPRESS_PERF_MAP is set; empty otherwise.
  static PerfMap create(llvm::MemoryBufferRef object);

  /// Name of a global function of the object; empty if there is nothing to write.
  llvm::StringRef getAnchor() const { return anchor; }
  /// Appends the functions to /tmp/perf-<pid>.map, where `perf` looks for them; `address` is that
  /// of the anchor.
  void write(uint64_t address) const;

private:
  struct Function {
    std::string name;
    uint64_t offset = 0, size = 0;
  };
  std::vector<Function> functions;
  std::string anchor;
  uint64_t anchorOffset = 0;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_EXECUTIONENGINE_PERFMAP_H
