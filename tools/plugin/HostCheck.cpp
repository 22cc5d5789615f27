//===- HostCheck.cpp - whether a plug-in fits its host -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The loader lists objects in the order in which they were loaded: the program, the
// libraries it is linked to, then what was opened later, each followed by the
// libraries that only it needs. A libMLIR that comes after the plug-in was brought
// by the plug-in: the host does not use it, but has an MLIR of its own linked in, or
// another version.
//
//===----------------------------------------------------------------------===//

#include "HostCheck.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Path.h"
#include <dlfcn.h>
#include <link.h>
#include <optional>

using namespace mlir;

namespace {
struct Objects {
  /// Any address in the plug-in.
  const void *ownBase = nullptr;
  bool sawPlugin = false;
  /// Whether the libMLIR of our version came before the plug-in.
  bool hostHasOurs = false;
  /// A libMLIR of another version.
  std::string other;
};
} // namespace

static int visit(dl_phdr_info *info, size_t, void *data) {
  auto &objects = *static_cast<Objects *>(data);
  if (reinterpret_cast<const void *>(info->dlpi_addr) == objects.ownBase)
    objects.sawPlugin = true;
  llvm::StringRef name = llvm::sys::path::filename(info->dlpi_name);
  if (!name.starts_with("libMLIR.so"))
    return 0;
  std::string ours =
      "libMLIR.so." + std::to_string(LLVM_VERSION_MAJOR) + "." + std::to_string(LLVM_VERSION_MINOR);
  if (name != ours && name != "libMLIR.so")
    objects.other = name.str();
  else if (!objects.sawPlugin)
    objects.hostHasOurs = true;
  return 0;
}

std::string mlir::compress::explainUnfitHost() {
  Objects objects;
  Dl_info self;
  if (!dladdr(reinterpret_cast<const void *>(&explainUnfitHost), &self))
    return "";
  objects.ownBase = self.dli_fbase;
  dl_iterate_phdr(visit, &objects);
  if (objects.hostHasOurs && objects.other.empty())
    return "";
  std::string text =
      "it was built for MLIR " LLVM_VERSION_STRING ", but the program that loads it ";
  if (!objects.other.empty())
    text += "uses " + objects.other;
  else
    text += "is not linked to that version's shared library libMLIR.so." +
            std::to_string(LLVM_VERSION_MAJOR) + "." + std::to_string(LLVM_VERSION_MINOR);
  return text + "; link the core library into the program instead: docs/tutorials/embedding";
}
