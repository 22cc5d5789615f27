//===- MappedFile.h - read-only mapped files and their hashes ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights are read through a mapping of the whole file, shared by all users.
// The content hash is defined so that it can be computed piece by piece:
//
//   contentHash(bytes) = xxh3_64( h_0 h_1 ... h_{k-1} )
//   h_i = xxh3_64( bytes[i * 1 MiB, min((i + 1) * 1 MiB, size)) )
//
// where each h_i is written as eight bytes, little endian, and k is the number
// of 1 MiB chunks, the last one shorter if need be (k = 0 for no bytes).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_MAPPEDFILE_H
#define COMPRESS_SUPPORT_MAPPEDFILE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>

namespace mlir::compress {

/// Computes the content hash (see the top of this file) of bytes that arrive in pieces.
class ContentHasher {
public:
  /// Chunk size of the hash in bytes.
  static constexpr uint64_t chunkSize = uint64_t(1) << 20;

  /// Appends `bytes`. How the content is cut into calls does not matter.
  void update(llvm::StringRef bytes);
  /// Hash of all bytes so far. Call it once, last.
  uint64_t finish();

private:
  void addChunk(llvm::StringRef chunk);
  /// Bytes of an unfinished chunk.
  std::string pending;
  /// Little-endian hashes of the finished chunks.
  std::string hashes;
};

/// Content hash (see the top of this file) of bytes in memory.
uint64_t contentHash(llvm::StringRef bytes);

/// A regular file mapped read-only as a whole. Pages are read on first touch. The file must not be
/// made shorter while it is mapped (a later touch of a lost page ends the process, as with any
/// mapping).
class MappedFile {
public:
  /// Maps `path`. Errors (they name the path and the reason): missing, unreadable, not a regular
  /// file.
  static llvm::Expected<std::shared_ptr<MappedFile>> open(llvm::StringRef path);

  /// Maps `relativePath` below the folder `baseDir` (empty: the current folder). Refuses an empty
  /// or absolute path, a `..` component, and links that lead out of the folder; otherwise like
  /// `open`.
  static llvm::Expected<std::shared_ptr<MappedFile>> openBeneath(llvm::StringRef baseDir,
                                                                 llvm::StringRef relativePath);

  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// Path as it was opened.
  llvm::StringRef getPath() const { return path; }
  /// Size in bytes when it was opened.
  uint64_t getSize() const { return size; }
  /// Device and inode, to tell files apart.
  std::pair<uint64_t, uint64_t> getUniqueId() const { return {device, inode}; }
  /// All bytes.
  llvm::StringRef bytes() const { return {data, static_cast<size_t>(size)}; }
  /// `length` bytes from `offset`; an error if they are not inside the file.
  llvm::Expected<llvm::StringRef> bytes(uint64_t offset, uint64_t length) const;

  /// Lets go of the memory of whole pages inside the range; they are read again on the next touch.
  void release(uint64_t offset, uint64_t length) const;
  /// Asks for the pages of the range to be read ahead.
  void willNeed(uint64_t offset, uint64_t length) const;
  /// Says that the range will be read from front to back.
  void willReadInOrder(uint64_t offset, uint64_t length) const;

  /// Content hash of a range. Each chunk is released after it was hashed, so that memory stays
  /// small.
  llvm::Expected<uint64_t> hash(uint64_t offset, uint64_t length) const;

private:
  MappedFile() = default;
  static llvm::Expected<std::shared_ptr<MappedFile>> map(int fd, std::string path);
  bool contains(uint64_t offset, uint64_t length) const {
    return offset <= size && length <= size - offset;
  }
  void advise(uint64_t offset, uint64_t length, int advice, bool insideOnly) const;

  std::string path;
  const char *data = nullptr;
  uint64_t size = 0;
  uint64_t device = 0, inode = 0;
};

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_MAPPEDFILE_H
