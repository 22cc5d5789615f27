//===- FlagValues.h - values of flags that several tools have -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Errors name the flag, what it expects and what it got.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_FLAGVALUES_H
#define COMPRESS_PIPELINES_FLAGVALUES_H

#include "compress/Support/Progress.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace mlir::compress {

/// `--memory-limit`: bytes; 0 for no text, which means no limit.
llvm::Expected<uint64_t> parseMemoryLimit(llvm::StringRef text);
/// `--dim`: adds "name=size" to `dims`.
llvm::Error parseDim(llvm::StringRef text, llvm::StringMap<int64_t> &dims);
/// `--threads`: 0 is one per core.
llvm::Error checkThreads(int threads);
/// `--progress`: off, plain or json.
llvm::Expected<Progress::Mode> parseProgress(llvm::StringRef text);

} // namespace mlir::compress

#endif // COMPRESS_PIPELINES_FLAGVALUES_H
