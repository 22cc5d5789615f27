//===- OutputFile.cpp - output files that are whole or absent -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/OutputFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include <climits>
#include <unistd.h>

using namespace llvm;

namespace mlir::compress {

static Error makeError(StringRef path, const Twine &reason) {
  return createStringError(inconvertibleErrorCode(), "cannot write '" + path + "': " + reason);
}

/// Follows symbolic links, also one whose target does not exist yet.
static Expected<std::string> followLinks(StringRef path) {
  SmallString<256> current(path);
  for (int i = 0; i < 40; ++i) {
    if (!sys::fs::is_symlink_file(current))
      return std::string(current);
    char buffer[PATH_MAX];
    ssize_t length = ::readlink(current.c_str(), buffer, sizeof(buffer));
    if (length < 0 || length == static_cast<ssize_t>(sizeof(buffer)))
      return makeError(path, "cannot read the symbolic link");
    StringRef link(buffer, static_cast<size_t>(length));
    SmallString<256> next;
    if (!sys::path::is_absolute(link))
      next = sys::path::parent_path(current);
    sys::path::append(next, link);
    current = next;
  }
  return makeError(path, "too many levels of symbolic links");
}

/// Creates a new file of a random name in the folder of `target`.
static std::error_code createBeside(StringRef target, int &fd, std::string &name) {
  std::error_code code;
  for (int attempt = 0; attempt < 128; ++attempt) {
    SmallString<256> path(sys::path::parent_path(target));
    sys::path::append(path,
                      ".compress-" + utohexstr(sys::Process::GetRandomNumber(), true, 8) + ".tmp");
    code = sys::fs::openFileForWrite(path, fd, sys::fs::CD_CreateNew);
    if (!code) {
      name = std::string(path);
      return code;
    }
    if (code != std::errc::file_exists)
      return code;
  }
  return code;
}

Expected<std::unique_ptr<OutputFile>> OutputFile::create(StringRef path) {
  if (path.empty() || path.contains('\0'))
    return makeError(path.take_until([](char c) { return c == 0; }), "not a file name");
  std::unique_ptr<OutputFile> file(new OutputFile());
  file->path = path.str();

  sys::fs::file_status status;
  std::error_code statusCode = sys::fs::status(path, status);
  bool isNew = status.type() == sys::fs::file_type::file_not_found;
  if (statusCode && !isNew)
    return makeError(path, statusCode.message());
  if (status.type() == sys::fs::file_type::directory_file || path.ends_with("/"))
    return makeError(path, "is a folder");

  if (path == "-" || (!isNew && status.type() != sys::fs::file_type::regular_file)) {
    std::error_code code;
    file->stream = std::make_unique<raw_fd_ostream>(path, code, sys::fs::CD_OpenExisting,
                                                    sys::fs::FA_Write, sys::fs::OF_None);
    if (code)
      return makeError(path, code.message());
    return file;
  }

  Expected<std::string> target = followLinks(path);
  if (!target)
    return target.takeError();
  file->target = std::move(*target);
  if (!isNew) {
    if (std::error_code code = sys::fs::access(file->target, sys::fs::AccessMode::Write))
      return makeError(path, code.message());
    file->oldPermissions = status.permissions();
  }
  int fd = -1;
  if (std::error_code code = createBeside(file->target, fd, file->temporary))
    return makeError(path, code.message());
  sys::RemoveFileOnSignal(file->temporary);
  file->stream = std::make_unique<raw_fd_ostream>(fd, /*shouldClose=*/true);
  return file;
}

OutputFile::~OutputFile() {
  if (!stream)
    return;
  // An error that nobody asked about must not end the process.
  stream->flush();
  stream->clear_error();
  stream.reset();
  if (temporary.empty())
    return;
  (void)sys::fs::remove(temporary);
  sys::DontRemoveFileOnSignal(temporary);
}

Error OutputFile::keep() {
  stream->flush();
  if (temporary.empty()) {
    std::error_code code = stream->error();
    stream->clear_error();
    return code ? makeError(path, code.message()) : Error::success();
  }
  std::error_code code = stream->error();
  if (!code) {
    stream->close();
    code = stream->error();
  }
  stream->clear_error();
  if (!code && oldPermissions)
    code = sys::fs::setPermissions(temporary, *oldPermissions);
  if (!code)
    code = sys::fs::rename(temporary, target);
  if (code)
    return makeError(path, code.message());
  sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
  return Error::success();
}

} // namespace mlir::compress
