//===- ExternalData.h - tensor data in files beside a model ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// ONNX external data: `TensorProto.external_data` says in which file beneath the
// model's folder, at which offset, the contents of a tensor are. The entries are
// untrusted: nothing outside the folder is opened, and only regular files.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_EXTERNALDATA_H
#define COMPRESS_TARGET_ONNX_EXTERNALDATA_H

#include "compress/Target/ONNX/Proto.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::compress::onnx {

/// The parsed entries of `TensorProto.external_data`.
struct ExternalDataEntries {
  StringRef location;
  uint64_t offset = 0;
  /// Absent: as much as the shape needs.
  std::optional<uint64_t> length;
  /// SHA-1 in hex, not checked; may be absent.
  StringRef checksum;
};

/// Parses the entries of an external tensor: `location` required, relative and
/// without `..`; decimal 64-bit `offset` and `length`; no key twice; `basepath`
/// refused. Unknown keys go to `warnings`.
llvm::Expected<ExternalDataEntries> parseExternalData(const TensorProto &tensor,
                                                      std::vector<std::string> *warnings = nullptr);

/// A range of a file that holds the contents of a tensor in storage order.
struct ExternalFile {
  /// Path without links.
  std::string path;
  uint64_t offset = 0;
  /// What shape and data type of the tensor need, in bytes.
  uint64_t length = 0;
  /// Size of the whole file.
  uint64_t fileSize = 0;
};

/// Finds the file of an external tensor beneath `folder`. Error if the location is
/// unsafe, is no regular file, leads out of the folder through links (unless
/// `allowOutsideLinks`), or if offset and length do not fit file and shape.
llvm::Expected<ExternalFile> resolveExternalData(const TensorProto &tensor, StringRef folder,
                                                 bool allowOutsideLinks = false,
                                                 std::vector<std::string> *warnings = nullptr);

/// Maps the range read-only.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapExternalData(const ExternalFile &file);

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_EXTERNALDATA_H
