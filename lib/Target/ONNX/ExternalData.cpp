//===- ExternalData.cpp - tensor data in files beside a model --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/ExternalData.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir::compress::onnx;
using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error fail(const TensorProto &tensor, const Twine &message) {
  return llvm::make_error<llvm::StringError>("external data of tensor " + quoteName(tensor.name) +
                                                 ": " + message,
                                             llvm::inconvertibleErrorCode());
}

/// Refuses locations that are not plainly a file below the model's folder.
static llvm::Error checkLocation(const TensorProto &tensor, StringRef location) {
  if (location.empty())
    return fail(tensor, "no location, expected a relative path");
  if (location.contains('\0'))
    return fail(tensor, "location " + quoteName(location) + " contains a zero byte");
  if (path::is_absolute(location))
    return fail(tensor, "location " + quoteName(location) +
                            " is absolute, expected a path relative to the model");
  for (auto it = path::begin(location), end = path::end(location); it != end; ++it)
    if (*it == "..")
      return fail(tensor, "location " + quoteName(location) +
                              " contains '..', expected a path below the model's folder");
  return llvm::Error::success();
}

llvm::Expected<ExternalDataEntries>
mlir::compress::onnx::parseExternalData(const TensorProto &tensor,
                                        std::vector<std::string> *warnings) {
  ExternalDataEntries result;
  llvm::StringSet<> seen;
  for (const StringStringEntry &entry : tensor.externalData) {
    if (!seen.insert(entry.key).second)
      return fail(tensor, "key " + quoteName(entry.key) + " appears twice");
    bool isOffset = entry.key == "offset";
    if (isOffset || entry.key == "length") {
      uint64_t value;
      // `getAsInteger` accepts no sign, no blanks and nothing beyond 64 bits.
      if (entry.value.getAsInteger(10, value))
        return fail(tensor, entry.key + " is " + quoteName(entry.value) +
                                ", expected a decimal number below 2^64");
      if (isOffset)
        result.offset = value;
      else
        result.length = value;
    } else if (entry.key == "location") {
      result.location = entry.value;
    } else if (entry.key == "checksum") {
      result.checksum = entry.value;
    } else if (entry.key == "basepath") {
      if (!entry.value.empty())
        return fail(tensor, "key 'basepath' is not supported, expected the location to be "
                            "relative to the model's folder");
    } else {
      addWarning(warnings, "external data of tensor " + quoteName(tensor.name) + ": unknown key " +
                               quoteName(entry.key) + " ignored");
    }
  }
  if (llvm::Error error = checkLocation(tensor, result.location))
    return std::move(error);
  return result;
}

/// True if the link-free `file` lies below the link-free `folder`.
static bool isBeneath(StringRef file, StringRef folder) {
  if (!file.consume_front(folder))
    return false;
  return folder.ends_with("/") || file.starts_with("/");
}

llvm::Expected<ExternalFile>
mlir::compress::onnx::resolveExternalData(const TensorProto &tensor, StringRef folder,
                                          bool allowOutsideLinks,
                                          std::vector<std::string> *warnings) {
  llvm::Expected<ExternalDataEntries> entries = parseExternalData(tensor, warnings);
  if (!entries)
    return entries.takeError();
  llvm::Expected<uint64_t> needed = getTensorByteSize(tensor);
  if (!needed)
    return needed.takeError();
  if (entries->length && *entries->length != *needed)
    return fail(tensor, "length is " + Twine(*entries->length) + " bytes, expected the " +
                            Twine(*needed) + " bytes of its shape");

  llvm::SmallString<256> realFolder, joined(folder.empty() ? StringRef(".") : folder), realFile;
  if (std::error_code ec = fs::real_path(joined, realFolder))
    return fail(tensor,
                "cannot find the model's folder " + quoteName(folder) + ": " + ec.message());
  path::append(joined, entries->location);
  if (std::error_code ec = fs::real_path(joined, realFile))
    return fail(tensor, "cannot find " + quoteName(entries->location) +
                            " in the model's folder: " + ec.message());
  if (!allowOutsideLinks && !isBeneath(realFile, realFolder))
    return fail(tensor, "location " + quoteName(entries->location) +
                            " is a link that leads out of the model's folder");

  fs::file_status status;
  if (std::error_code ec = fs::status(realFile, status))
    return fail(tensor, quoteName(entries->location) + ": " + ec.message());
  if (!fs::is_regular_file(status))
    return fail(tensor, quoteName(entries->location) + " is no regular file");

  ExternalFile result{std::string(realFile), entries->offset, *needed, status.getSize()};
  if (result.offset > result.fileSize || result.length > result.fileSize - result.offset)
    return fail(tensor, "offset " + Twine(result.offset) + " and length " + Twine(result.length) +
                            " exceed the " + Twine(result.fileSize) + " bytes of " +
                            quoteName(entries->location));
  return result;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
mlir::compress::onnx::mapExternalData(const ExternalFile &file) {
  if (file.length == 0)
    return llvm::MemoryBuffer::getMemBuffer("", file.path, /*RequiresNullTerminator=*/false);
  auto buffer = llvm::MemoryBuffer::getFileSlice(file.path, file.length, file.offset);
  if (!buffer)
    return llvm::make_error<llvm::StringError>("cannot map " + quoteName(file.path) + ": " +
                                                   buffer.getError().message(),
                                               buffer.getError());
  // The file may have been cut since it was resolved.
  if ((*buffer)->getBufferSize() != file.length)
    return llvm::make_error<llvm::StringError>(quoteName(file.path) + " changed while it was read",
                                               llvm::inconvertibleErrorCode());
  return std::move(*buffer);
}
