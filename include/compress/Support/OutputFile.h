//===- OutputFile.h - output files that are whole or absent -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_OUTPUTFILE_H
#define COMPRESS_SUPPORT_OUTPUTFILE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <optional>
#include <string>

namespace mlir::compress {

/// An output that appears under its name only when it is complete: a regular or new file is written
/// to a temporary file beside it, which `keep` renames. A symbolic link is followed, so that its
/// target is replaced and not the link. An existing file's permissions are kept. Devices, pipes and
/// `-` (standard output) are written directly.
class OutputFile {
public:
  /// Errors (they name the path): a folder, a missing parent folder, no permission.
  static llvm::Expected<std::unique_ptr<OutputFile>> create(llvm::StringRef path);

  /// Discards the output unless `keep` succeeded; what existed before is untouched.
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Where to write.
  llvm::raw_fd_ostream &os() { return *stream; }
  /// The path as given.
  llvm::StringRef getPath() const { return path; }
  /// The file that will be replaced or made: the path with links followed; empty for a stream.
  llvm::StringRef getTarget() const { return target; }
  /// The file that is written until `keep`; empty when the output is written directly.
  llvm::StringRef getTemporary() const { return temporary; }
  /// Whether the bytes go to a temporary file (false for devices, pipes and `-`).
  bool isTemporary() const { return !temporary.empty(); }

  /// Flushes and puts the file in its place. An error (full disk, failed rename) leaves the old
  /// state.
  llvm::Error keep();

private:
  OutputFile() = default;

  std::string path;
  /// The file that is replaced: `path` with links followed.
  std::string target;
  /// The file written to until `keep`; empty when the output is written directly.
  std::string temporary;
  std::optional<llvm::sys::fs::perms> oldPermissions;
  std::unique_ptr<llvm::raw_fd_ostream> stream;
};

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_OUTPUTFILE_H
