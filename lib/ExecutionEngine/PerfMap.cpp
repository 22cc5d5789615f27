//===- PerfMap.cpp - names of generated functions for profilers -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PerfMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

using namespace mlir::compress;

PerfMap PerfMap::create(llvm::MemoryBufferRef object) {
  PerfMap map;
  if (!std::getenv("COMPRESS_PERF_MAP"))
    return map;
  llvm::Expected<std::unique_ptr<llvm::object::ObjectFile>> file =
      llvm::object::ObjectFile::createObjectFile(object);
  if (!file) {
    llvm::consumeError(file.takeError());
    return map;
  }
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<llvm::object::SymbolRef::Type> type = symbol.getType();
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    llvm::Expected<uint64_t> offset = symbol.getValue();
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    if (!type || !name || !offset || !flags) {
      llvm::consumeError(type.takeError());
      llvm::consumeError(name.takeError());
      llvm::consumeError(offset.takeError());
      llvm::consumeError(flags.takeError());
      continue;
    }
    if (*type != llvm::object::SymbolRef::ST_Function)
      continue;
    uint64_t size = llvm::object::ELFSymbolRef(symbol).getSize();
    map.functions.push_back({name->str(), *offset, size});
    if (map.anchor.empty() && *flags & llvm::object::SymbolRef::SF_Global) {
      map.anchor = name->str();
      map.anchorOffset = *offset;
    }
  }
  return map;
}

void PerfMap::write(uint64_t address) const {
  std::string path = "/tmp/perf-" + std::to_string(llvm::sys::Process::getProcessId()) + ".map";
  std::error_code error;
  llvm::raw_fd_ostream os(path, error, llvm::sys::fs::OF_Append);
  if (error)
    return;
  for (const Function &function : functions) {
    os.write_hex(address - anchorOffset + function.offset) << ' ';
    os.write_hex(function.size) << ' ' << function.name << '\n';
  }
}
