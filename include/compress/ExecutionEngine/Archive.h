//===- Archive.h - files of named, mapped blobs ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a compiled model needs at load: weights in the layout of their kernels, code, descriptions.
// Loading maps the file. Raw blobs are used where they are; encoded ones
// (compress/Algorithms/BlobCodec.h) are decoded into memory. All numbers are little endian.
//
//   offset  bytes  content
//        0      8  "CMPRARC" and a zero byte
//        8      4  version of the format: 2, or 1, in which every blob is raw
//       12      4  size of an entry, 64
//       16      8  size of the file
//       24      8  number of entries
//       32      8  size of the names, in bytes
//       40      8  content hash of everything from offset 64 to the end of the names
//       48      8  content hash of the bytes 0 to 47
//       56      8  zero
//       64  64 n   entries, in order of their offsets:
//                    0  8  offset of the blob: a multiple of 4096; in version 2 one of 64 is enough
//                          for encoded blobs and for those of less than 4096 bytes
//                    8  8  size of the blob in the file, in bytes
//                   16  8  content hash of the blob in the file (compress/Support/MappedFile.h)
//                   24  4  offset of the name, in the names
//                   28  4  size of the name in bytes
//                   32  4  offset of the type ("f32[16,64]", or what the writer likes), in the
//                          names
//                   36  4  size of the type in bytes
//                   40  4  version 2: encoding, 0 raw or 1 encoded
//                   44  4  zero
//                   48  8  version 2: size of the decoded blob; of a raw one, the size in the file
//                   56  8  zero
//        .         names: UTF-8, not terminated; the first 2 strings are the target and the layout
//                  id, each with its size before it (4 bytes)
//
// The rest of the file is blobs, zero bytes between them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_ARCHIVE_H
#define COMPRESS_EXECUTIONENGINE_ARCHIVE_H

#include "compress/Algorithms/BlobCodec.h"
#include "compress/Support/MappedFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace mlir {
namespace compress {

/// How blobs are stored.
enum class ArchiveEncoding : uint8_t {
  /// As they are, each on pages of its own: mapped when it is used, and shared by processes.
  Raw,
  /// As "Deep compression" stores them, where that is smaller; the others as they are, small ones
  /// close together. Loading decodes.
  Huffman,
};

/// "raw" or "huffman".
std::optional<ArchiveEncoding> parseArchiveEncoding(llvm::StringRef name);

/// Sizes of what was written, in bytes.
struct ArchiveSizes {
  /// Of all blobs, as they are and as they are stored, without padding.
  uint64_t raw = 0, stored = 0;
  /// Of those that are named "weight."...
  uint64_t rawWeights = 0, storedWeights = 0;
  /// Of the file.
  uint64_t file = 0;
};

/// Describes an archive to write. The bytes are read while writing, one blob after the other.
class ArchiveWriter {
public:
  /// `target` names the CPU ("avx512"), `layout` the version of the layouts of kernels.
  ArchiveWriter(llvm::StringRef target, llvm::StringRef layout)
      : target(target.str()), layout(layout.str()) {}

  /// Adds a blob; `bytes` must live until `write` has returned.
  void add(llvm::StringRef name, llvm::StringRef type, llvm::ArrayRef<char> bytes);

  /// Sets how blobs are stored (default: raw). Encoding is done by `write`, blobs in parallel; it
  /// keeps what it encoded in memory.
  void setEncoding(ArchiveEncoding value) { encoding = value; }

  /// Writes the file, whole or not at all. The file does not depend on threads. Errors: two blobs
  /// of one name, names of more than 4 GiB, what `OutputFile` reports.
  llvm::Expected<ArchiveSizes> write(llvm::StringRef path,
                                     ParallelFor parallelFor = serialFor) const;

private:
  struct Blob {
    std::string name, type;
    llvm::ArrayRef<char> bytes;
  };
  std::string makeTable(llvm::ArrayRef<std::optional<std::string>> encoded,
                        ArchiveSizes &sizes) const;

  std::string target, layout;
  std::vector<Blob> blobs;
  ArchiveEncoding encoding = ArchiveEncoding::Raw;
};

/// A mapped archive. Nothing in the file is trusted.
class Archive {
public:
  struct Blob {
    llvm::StringRef name, type;
    /// In the file.
    uint64_t offset = 0, size = 0, hash = 0;
    bool isEncoded = false;
    /// Size after decoding.
    uint64_t decodedSize = 0;
  };

  /// Maps the file and checks header, table and bounds: not the contents of blobs. Errors name the
  /// file, what was expected and what was found.
  static llvm::Expected<std::unique_ptr<Archive>> open(llvm::StringRef path);

  llvm::StringRef getTarget() const { return target; }
  llvm::StringRef getLayout() const { return layout; }
  llvm::ArrayRef<Blob> getBlobs() const { return blobs; }
  /// The blob of a name, or null.
  const Blob *find(llvm::StringRef name) const;
  /// Bytes of a blob in the file, aligned to 64 bytes in the mapping (to a page if it is raw and
  /// has one page or more); valid as long as the file is mapped.
  llvm::ArrayRef<char> getBytes(const Blob &blob) const;
  /// The decoder of an encoded blob. Errors name the blob: a damaged header, another size than the
  /// table's.
  llvm::Expected<BlobDecoder> getDecoder(const Blob &blob) const;
  /// Reads all blobs and compares their hashes; an error names the first that differs.
  llvm::Error verify() const;
  const std::shared_ptr<MappedFile> &getFile() const { return file; }

  static constexpr uint64_t kPage = 4096, kLine = 64;

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
