//===- Archive.h - files of named, mapped blobs ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a compiled model needs at load: weights in the layout of their kernels, code, descriptions.
// Loading maps the file; nothing is converted or copied. All numbers are little endian.
//
//   offset  bytes  content
//        0      8  "CMPRARC" and a zero byte
//        8      4  version of the format, 1
//       12      4  size of an entry, 64
//       16      8  size of the file
//       24      8  number of entries
//       32      8  size of the names, in bytes
//       40      8  content hash of everything from offset 64 to the end of the names
//       48      8  content hash of the bytes 0 to 47
//       56      8  zero
//       64  64 n   entries, in order of their offsets:
//                    0  8  offset of the blob, a multiple of 4096
//                    8  8  size of the blob in bytes
//                   16  8  content hash of the blob (compress/Support/MappedFile.h)
//                   24  4  offset of the name, in the names
//                   28  4  size of the name in bytes
//                   32  4  offset of the type ("f32[16,64]", or what the writer likes), in the
//                   names 36  4  size of the type in bytes 40 24  zero
//        .         names: UTF-8, not terminated; the first 2 strings are the target and the layout
//                  id, each with its size before it (4 bytes)
//
// The rest of the file is blobs, zero bytes between them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_ARCHIVE_H
#define COMPRESS_EXECUTIONENGINE_ARCHIVE_H

#include "compress/Support/MappedFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace mlir {
namespace compress {

/// Describes an archive to write. The bytes are read while writing, one blob after the other.
class ArchiveWriter {
public:
  /// `target` names the CPU ("avx512"), `layout` the version of the layouts of kernels.
  ArchiveWriter(llvm::StringRef target, llvm::StringRef layout)
      : target(target.str()), layout(layout.str()) {}

  /// Adds a blob; `bytes` must live until `write` has returned.
  void add(llvm::StringRef name, llvm::StringRef type, llvm::ArrayRef<char> bytes);

  /// Writes the file, whole or not at all. Errors: two blobs of one name, names of more than 4 GiB,
  /// what `OutputFile` reports.
  llvm::Error write(llvm::StringRef path) const;

private:
  struct Blob {
    std::string name, type;
    llvm::ArrayRef<char> bytes;
  };
  std::string target, layout;
  std::vector<Blob> blobs;
};

/// A mapped archive. Nothing in the file is trusted.
class Archive {
public:
  struct Blob {
    llvm::StringRef name, type;
    uint64_t offset = 0, size = 0, hash = 0;
  };

  /// Maps the file and checks header, table and bounds: not the contents of blobs. Errors name the
  /// file, what was expected and what was found.
  static llvm::Expected<std::unique_ptr<Archive>> open(llvm::StringRef path);

  llvm::StringRef getTarget() const { return target; }
  llvm::StringRef getLayout() const { return layout; }
  llvm::ArrayRef<Blob> getBlobs() const { return blobs; }
  /// The blob of a name, or null.
  const Blob *find(llvm::StringRef name) const;
  /// Bytes of a blob, page-aligned in the mapping; valid as long as the file is mapped.
  llvm::ArrayRef<char> getBytes(const Blob &blob) const;
  /// Reads all blobs and compares their hashes; an error names the first that differs.
  llvm::Error verify() const;
  const std::shared_ptr<MappedFile> &getFile() const { return file; }

  static constexpr uint64_t kPage = 4096;

private:
  Archive() = default;
  llvm::Error read();

  std::shared_ptr<MappedFile> file;
  llvm::StringRef target, layout;
  std::vector<Blob> blobs;
  llvm::StringMap<size_t> index;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_ARCHIVE_H
