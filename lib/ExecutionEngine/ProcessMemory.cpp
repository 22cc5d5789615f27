//===- ProcessMemory.cpp - memory that compilation leaves behind -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProcessMemory.h"
#include <cstddef>
#include <cstdint>
#ifdef __GLIBC__
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

using namespace mlir;

#ifdef __GLIBC__
/// Smaller parts of libraries stay.
static constexpr uint64_t kMinSegment = uint64_t(8) << 20;

/// Lets go of the segments of a library that nobody can have written to.
static int releaseSegments(dl_phdr_info *info, size_t, void *) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto &segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) || segment.p_filesz < kMinSegment)
      continue;
    uintptr_t begin = (info->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
    uintptr_t end = (info->dlpi_addr + segment.p_vaddr + segment.p_filesz) / page * page;
    // A hint: nothing depends on its success.
    if (begin < end)
      (void)::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}
#endif

void compress::releaseProcessMemory(bool code) {
#ifdef __GLIBC__
  ::malloc_trim(0);
  if (code)
    ::dl_iterate_phdr(releaseSegments, nullptr);
#endif
}
