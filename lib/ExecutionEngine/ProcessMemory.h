//===- ProcessMemory.h - memory that compilation leaves behind -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_EXECUTIONENGINE_PROCESSMEMORY_H
#define COMPRESS_LIB_EXECUTIONENGINE_PROCESSMEMORY_H

namespace mlir {
namespace compress {

/// Gives freed memory back to the system. With `code`, also the pages of large libraries that are
/// only read, their machine code above all: compilation touches more than 100 MB of it. They are
/// copies of what is in the files and come back when they are needed.
void releaseProcessMemory(bool code);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_EXECUTIONENGINE_PROCESSMEMORY_H
