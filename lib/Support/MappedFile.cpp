//===- MappedFile.cpp - read-only mapped files and their hashes -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/MappedFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

using namespace llvm;

namespace mlir::compress {

//===----------------------------------------------------------------------===//
// Hashes
//===----------------------------------------------------------------------===//

void ContentHasher::addChunk(StringRef chunk) {
  char encoded[8];
  support::endian::write64le(encoded, xxh3_64bits(chunk));
  hashes.append(encoded, sizeof(encoded));
}

void ContentHasher::update(StringRef bytes) {
  if (!pending.empty()) {
    StringRef head = bytes.take_front(chunkSize - pending.size());
    pending.append(head.begin(), head.end());
    bytes = bytes.drop_front(head.size());
    if (pending.size() < chunkSize)
      return;
    addChunk(pending);
    pending.clear();
  }
  for (; bytes.size() >= chunkSize; bytes = bytes.drop_front(chunkSize))
    addChunk(bytes.take_front(chunkSize));
  pending.append(bytes.begin(), bytes.end());
}

uint64_t ContentHasher::finish() {
  if (!pending.empty())
    addChunk(pending);
  pending.clear();
  return xxh3_64bits(StringRef(hashes));
}

uint64_t contentHash(StringRef bytes) {
  ContentHasher hasher;
  for (; bytes.size() > ContentHasher::chunkSize;
       bytes = bytes.drop_front(ContentHasher::chunkSize))
    hasher.update(bytes.take_front(ContentHasher::chunkSize));
  hasher.update(bytes);
  return hasher.finish();
}

//===----------------------------------------------------------------------===//
// Opening
//===----------------------------------------------------------------------===//

static Error makeError(StringRef path, const Twine &reason) {
  return createStringError(inconvertibleErrorCode(), "cannot open '" + path + "': " + reason);
}

static Error makeErrnoError(StringRef path, int number) {
  return makeError(path, sys::StrError(number));
}

/// Flags of every open: never block on a pipe, never inherit.
static constexpr int openFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Expected<std::shared_ptr<MappedFile>> MappedFile::map(int fd, std::string path) {
  struct stat status;
  if (::fstat(fd, &status) != 0) {
    int number = errno;
    ::close(fd);
    return makeErrnoError(path, number);
  }
  if (!S_ISREG(status.st_mode)) {
    ::close(fd);
    return makeError(path, S_ISDIR(status.st_mode) ? "is a folder, expected a regular file"
                                                   : "not a regular file");
  }
  std::shared_ptr<MappedFile> file(new MappedFile());
  file->path = std::move(path);
  file->device = status.st_dev;
  file->inode = status.st_ino;
  uint64_t size = static_cast<uint64_t>(status.st_size);
  if (size == 0) {
    ::close(fd);
    return file;
  }
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  int number = errno;
  ::close(fd);
  if (data == MAP_FAILED)
    return makeErrnoError(file->path, number);
  file->data = static_cast<const char *>(data);
  file->size = size;
  return file;
}

Expected<std::shared_ptr<MappedFile>> MappedFile::open(StringRef path) {
  if (path.empty() || path.contains('\0'))
    return makeError(path.take_until([](char c) { return c == 0; }), "not a file name");
  int fd = ::open(path.str().c_str(), openFlags);
  if (fd < 0)
    return makeErrnoError(path, errno);
  return map(fd, path.str());
}

/// Opens `relative`, which holds no `..` and no link, below `base` without following any link.
static int openWithoutLinks(const std::string &base, const std::string &relative) {
#if defined(__linux__) && defined(SYS_openat2)
  int folder = ::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return -1;
  struct open_how how = {};
  how.flags = openFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  int fd = static_cast<int>(::syscall(SYS_openat2, folder, relative.c_str(), &how, sizeof(how)));
  int number = errno;
  ::close(folder);
  if (fd >= 0 || (number != ENOSYS && number != EPERM && number != EINVAL)) {
    errno = number;
    return fd;
  }
#endif
  // Kernels (and sandboxes) without openat2: the path was resolved just before.
  SmallString<256> path(base);
  sys::path::append(path, relative);
  return ::open(path.c_str(), openFlags | O_NOFOLLOW);
}

Expected<std::shared_ptr<MappedFile>> MappedFile::openBeneath(StringRef baseDir,
                                                              StringRef relativePath) {
  if (relativePath.empty() || relativePath.contains('\0'))
    return makeError(relativePath.take_until([](char c) { return c == 0; }), "not a file name");
  if (sys::path::is_absolute(relativePath))
    return makeError(relativePath, "expected a path relative to the model's folder, found an "
                                   "absolute path");
  for (StringRef part : make_range(sys::path::begin(relativePath), sys::path::end(relativePath)))
    if (part == "..")
      return makeError(relativePath, "'..' is not allowed in a path to a data file");

  StringRef base = baseDir.empty() ? StringRef(".") : baseDir;
  SmallString<256> path(base), realBase, realPath;
  sys::path::append(path, relativePath);
  if (std::error_code code = sys::fs::real_path(base, realBase))
    return makeError(base, code.message());
  if (std::error_code code = sys::fs::real_path(path, realPath))
    return makeError(path, code.message());
  // The part of the resolved path below the resolved folder.
  StringRef below = realPath;
  bool inside = below.consume_front(realBase);
  if (inside && realBase.back() != '/')
    inside = below.consume_front("/");
  if (!inside || below.empty())
    return makeError(path, "the path or a link in it leads out of the folder '" + base + "'");
  int fd = openWithoutLinks(std::string(realBase), below.str());
  if (fd < 0)
    return makeErrnoError(path, errno);
  return map(fd, std::string(path));
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(const_cast<char *>(data), size);
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

Expected<StringRef> MappedFile::bytes(uint64_t offset, uint64_t length) const {
  if (!contains(offset, length))
    return createStringError(inconvertibleErrorCode(), "'" + path + "' has " + Twine(size) +
                                                           " bytes, expected " + Twine(length) +
                                                           " at offset " + Twine(offset));
  return StringRef(data + offset, length);
}

void MappedFile::advise(uint64_t offset, uint64_t length, int advice, bool insideOnly) const {
  if (!contains(offset, length) || length == 0)
    return;
  const uint64_t page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  uint64_t begin = offset, end = offset + length;
  if (insideOnly) {
    begin = (begin + page - 1) / page * page;
    // The last page of the file counts as whole.
    if (end != size)
      end = end / page * page;
  } else {
    begin = begin / page * page;
  }
  // Hints: nothing depends on their success.
  if (begin < end)
    (void)::madvise(const_cast<char *>(data) + begin, end - begin, advice);
}

void MappedFile::release(uint64_t offset, uint64_t length) const {
  advise(offset, length, MADV_DONTNEED, /*insideOnly=*/true);
}

void MappedFile::willNeed(uint64_t offset, uint64_t length) const {
  advise(offset, length, MADV_WILLNEED, /*insideOnly=*/false);
}

void MappedFile::willReadInOrder(uint64_t offset, uint64_t length) const {
  advise(offset, length, MADV_SEQUENTIAL, /*insideOnly=*/false);
}

Expected<uint64_t> MappedFile::hash(uint64_t offset, uint64_t length) const {
  Expected<StringRef> range = bytes(offset, length);
  if (!range)
    return range.takeError();
  ContentHasher hasher;
  for (uint64_t done = 0; done < length;) {
    uint64_t step = std::min(ContentHasher::chunkSize, length - done);
    hasher.update(range->substr(done, step));
    // With the chunk before, so that a page split between the two goes, too.
    uint64_t from = done - std::min(done, ContentHasher::chunkSize);
    release(offset + from, done + step - from);
    done += step;
  }
  return hasher.finish();
}

} // namespace mlir::compress
