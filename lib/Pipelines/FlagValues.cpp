//===- FlagValues.cpp - values of flags that several tools have -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Pipelines/FlagValues.h"
#include "compress/Support/ByteSize.h"

using namespace mlir::compress;
using llvm::createStringError;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<uint64_t> mlir::compress::parseMemoryLimit(StringRef text) {
  if (text.empty())
    return 0;
  std::optional<uint64_t> limit = parseByteSize(text);
  if (!limit || *limit == 0)
    return createStringError("--memory-limit: expects a size such as 4GB, got '" + text + "'");
  return *limit;
}

llvm::Error mlir::compress::parseDim(StringRef text, llvm::StringMap<int64_t> &dims) {
  auto [name, size] = text.rsplit('=');
  int64_t value;
  if (name.empty() || size.getAsInteger(10, value) || value < 1)
    return createStringError("--dim: expects name=size with a positive size, got '" + text + "'");
  dims[name] = value;
  return llvm::Error::success();
}

llvm::Error mlir::compress::checkThreads(int threads) {
  if (threads < 0 || threads > 1024)
    return createStringError("--threads: expects a number from 0 to 1024, got '" + Twine(threads) +
                             "'");
  return llvm::Error::success();
}

llvm::Expected<Progress::Mode> mlir::compress::parseProgress(StringRef text) {
  if (std::optional<Progress::Mode> mode = Progress::parseMode(text))
    return *mode;
  return createStringError("--progress: expects plain, json or off, got '" + text + "'");
}
