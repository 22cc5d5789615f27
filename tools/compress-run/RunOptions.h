//===- RunOptions.h - command line of compress-run -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_RUN_RUNOPTIONS_H
#define COMPRESS_TOOLS_COMPRESS_RUN_RUNOPTIONS_H

#include "compress/ExecutionEngine/Session.h"
#include "compress/Recipe/Recipe.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir {
namespace compress {

/// What the command line says.
struct RunOptions {
  std::string model;
  /// Compression before the model is compiled.
  RecipeFlags flags;
  uint64_t memoryLimit = 0;
  SessionOptions session;

  /// `.npz` with inputs, and single ones: name and file.
  std::string inputsFile;
  std::vector<std::pair<std::string, std::string>> inputs;
  /// Make up the inputs that are not given; sizes of dims without a size are 1 where not given
  /// here.
  bool randomInputs = false;
  llvm::StringMap<int64_t> randomSizes;
  uint64_t seed = 0;

  std::string outputsFile, saveFile;
  /// How the blobs of `saveFile` are stored; printed sizes if the user says it.
  ArchiveEncoding archiveEncoding = ArchiveEncoding::Raw;
  bool printSizes = false;
  /// Timed runs; 0: one that is not timed.
  int repeat = 0;
  bool printPlan = false;

  /// Parses and checks; an exit code after a message if something is wrong, else 0.
  int parse(int argc, char **argv);

  bool compresses() const { return !flags.isEmpty(); }
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_RUN_RUNOPTIONS_H
