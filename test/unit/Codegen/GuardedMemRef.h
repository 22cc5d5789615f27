//===- GuardedMemRef.h - memrefs beside pages without access -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_CODEGEN_GUARDEDMEMREF_H
#define COMPRESS_TEST_UNIT_CODEGEN_GUARDEDMEMREF_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace mlir::compress::test {

/// The descriptor of a ranked memref, as generated functions take it.
template <typename T, size_t Rank>
struct MemRef {
  T *base, *data;
  int64_t offset = 0;
  std::array<int64_t, Rank> sizes, strides;

  /// Row-major.
  MemRef(T *data, std::array<int64_t, Rank> sizes) : base(data), data(data), sizes(sizes) {
    int64_t stride = 1;
    for (size_t dim = Rank; dim-- > 0; stride *= sizes[dim])
      strides[dim] = stride;
  }
  MemRef(T *data, std::array<int64_t, Rank> sizes, std::array<int64_t, Rank> strides)
      : base(data), data(data), sizes(sizes), strides(strides) {}

  /// Elements from the first to the last, what lies between rows included.
  int64_t getExtent() const {
    int64_t last = 0;
    for (size_t dim = 0; dim < Rank; ++dim) {
      if (sizes[dim] == 0)
        return 0;
      last += (sizes[dim] - 1) * strides[dim];
    }
    return last + 1;
  }
};

/// Which end of the elements touches a page without access.
enum class GuardPlace { Before, Behind };

/// A copy of the elements of a memref, with pages without access on both sides. The elements start
/// right behind the first one or end right before the second one.
template <typename T, size_t Rank>
class GuardedMemRef {
public:
  GuardedMemRef(MemRef<T, Rank> &original, GuardPlace place)
      : original(original), guarded(original) {
    size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    size_t bytes = static_cast<size_t>(original.getExtent()) * sizeof(T);
    size_t room = (bytes + page - 1) / page * page;
    mappedBytes = room + 2 * page;
    void *mapped =
        ::mmap(nullptr, mappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, 0);
    if (mapped == MAP_FAILED)
      std::abort();
    map = static_cast<char *>(mapped);
    if (room && ::mprotect(map + page, room, PROT_READ | PROT_WRITE) != 0)
      std::abort();
    char *begin = place == GuardPlace::Before ? map + page : map + page + room - bytes;
    guarded.base = guarded.data = reinterpret_cast<T *>(begin);
    before.assign(original.data, original.data + original.getExtent());
    std::copy(before.begin(), before.end(), guarded.data);
  }
  ~GuardedMemRef() { ::munmap(map, mappedBytes); }
  GuardedMemRef(const GuardedMemRef &) = delete;
  GuardedMemRef &operator=(const GuardedMemRef &) = delete;

  MemRef<T, Rank> *get() { return &guarded; }

  /// Writes the elements that have changed back.
  void commit() {
    for (size_t i = 0; i < before.size(); ++i)
      if (std::memcmp(&before[i], guarded.data + i, sizeof(T)) != 0)
        original.data[i] = guarded.data[i];
  }

private:
  MemRef<T, Rank> &original;
  MemRef<T, Rank> guarded;
  std::vector<T> before;
  char *map = nullptr;
  size_t mappedBytes = 0;
};

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_UNIT_CODEGEN_GUARDEDMEMREF_H
