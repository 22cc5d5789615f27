//===- Npz.cpp - archives of .npy files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/NumpyIO.h"
#include "compress/Support/MappedFile.h"
#include "compress/Support/OutputFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSet.h"
#include <zip.h>

using namespace mlir;
using namespace mlir::compress;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

/// Deflate makes at most 1032 bytes of one.
static constexpr uint64_t kMaxRatio = 1032;

/// Contents of entry `index`, checked against what the file can hold. `budget` is how many bytes of
/// the file are left for the entries from here on.
static Expected<HostTensor> readEntry(zip_t *archive, uint64_t index, const zip_stat_t &status,
                                      uint64_t &budget) {
  constexpr uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((status.valid & needed) != needed ||
      (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE))
    return llvm::createStringError("expected an entry that is stored or deflated");
  if (status.comp_size > budget || status.size / kMaxRatio > status.comp_size + 1)
    return llvm::createStringError("an entry of " + Twine(status.size) + " bytes, packed to " +
                                   Twine(status.comp_size) + ", is not possible");
  budget -= status.comp_size;
  Expected<HostTensor> buffer =
      HostTensor::allocate(DataType::U8, {static_cast<int64_t>(status.size)});
  if (!buffer)
    return buffer;
  zip_file_t *file = zip_fopen_index(archive, index, 0);
  if (!file)
    return llvm::createStringError(Twine(zip_strerror(archive)));
  llvm::scope_exit close([&] { zip_fclose(file); });
  for (uint64_t done = 0; done < status.size;) {
    zip_int64_t got = zip_fread(file, buffer->data() + done, status.size - done);
    if (got <= 0)
      return llvm::createStringError(got < 0 ? Twine(zip_file_strerror(file))
                                             : "the entry is too short");
    done += got;
  }
  // A read at the end makes the library compare the checksum.
  char byte;
  if (zip_fread(file, &byte, 1) != 0)
    return llvm::createStringError(Twine(zip_file_strerror(file)));

  StringRef bytes(buffer->data(), status.size);
  Expected<NpyHeader> header = parseNpyHeader(bytes);
  if (!header)
    return header.takeError();
  Expected<int64_t> size = getMemoryBytes(header->type, header->shape);
  if (!size)
    return size.takeError();
  int64_t elementBytes = llvm::cantFail(getMemoryBytes(header->type));
  bool isCopied = (header->isFortran && header->shape.size() > 1) ||
                  header->size % elementBytes != 0 ||
                  static_cast<uint64_t>(*size) != bytes.size() - header->size;
  if (isCopied)
    return readNpy(bytes);
  return HostTensor::wrap(
      header->type, header->shape,
      std::shared_ptr<char>(buffer->getStorage(), buffer->data() + header->size));
}

static Expected<std::vector<NamedTensor>> readEntries(zip_t *archive, uint64_t fileSize) {
  std::vector<NamedTensor> tensors;
  llvm::StringSet<> seen;
  zip_int64_t count = zip_get_num_entries(archive, 0);
  for (zip_int64_t index = 0; index < count; ++index) {
    zip_stat_t status;
    if (zip_stat_index(archive, index, 0, &status) != 0 || !(status.valid & ZIP_STAT_NAME))
      return llvm::createStringError("entry " + Twine(index) + " is damaged");
    StringRef name = status.name;
    name.consume_back(".npy");
    if (!seen.insert(name).second)
      return llvm::createStringError("two entries are called '" + name + "'");
    Expected<HostTensor> tensor = readEntry(archive, index, status, fileSize);
    if (!tensor)
      return llvm::createStringError("'" + name + "': " + llvm::toString(tensor.takeError()));
    tensors.emplace_back(name.str(), std::move(*tensor));
  }
  return tensors;
}

Expected<std::vector<NamedTensor>> compress::readNpz(StringRef path) {
  // Opened here first, for the same rules and messages as all other files.
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  zip_error_t error;
  zip_error_init(&error);
  llvm::scope_exit finish([&] { zip_error_fini(&error); });
  StringRef bytes = (*file)->bytes();
  // To the library, no bytes are an empty archive.
  if (bytes.empty())
    return llvm::createStringError("'" + path + "': no .npz file: it is empty");
  zip_source_t *source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t *archive =
      source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : nullptr;
  if (!archive) {
    if (source)
      zip_source_free(source);
    return llvm::createStringError("'" + path + "': no .npz file: " + zip_error_strerror(&error));
  }
  llvm::scope_exit close([&] { zip_discard(archive); });
  Expected<std::vector<NamedTensor>> tensors = readEntries(archive, bytes.size());
  if (!tensors)
    return llvm::createStringError("'" + path + "': " + llvm::toString(tensors.takeError()));
  return tensors;
}

/// Adds the entries to `archive`; `buffers` must live until it is closed.
static Error addEntries(zip_t *archive, llvm::ArrayRef<std::pair<std::string, TensorView>> tensors,
                        std::vector<std::string> &buffers) {
  buffers.resize(tensors.size());
  for (auto [entry, buffer] : llvm::zip(tensors, buffers)) {
    llvm::raw_string_ostream os(buffer);
    if (Error error = writeNpy(os, entry.second))
      return llvm::createStringError("'" + entry.first + "': " + llvm::toString(std::move(error)));
    zip_source_t *source = zip_source_buffer(archive, buffer.data(), buffer.size(), 0);
    zip_int64_t index =
        source ? zip_file_add(archive, (entry.first + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8)
               : -1;
    if (index < 0) {
      if (source)
        zip_source_free(source);
      return llvm::createStringError("'" + entry.first + "': " + zip_strerror(archive));
    }
    // The date 1980-01-01, so that equal tensors make equal files.
    if (zip_set_file_compression(archive, index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, index, 0, 0x21, 0) != 0)
      return llvm::createStringError(Twine(zip_strerror(archive)));
  }
  return Error::success();
}

/// The bytes of an archive of `tensors`, written through `os`.
static Error writeArchive(llvm::raw_ostream &os,
                          llvm::ArrayRef<std::pair<std::string, TensorView>> tensors) {
  zip_error_t error;
  zip_error_init(&error);
  llvm::scope_exit finish([&] { zip_error_fini(&error); });
  zip_source_t *target = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_t *archive = target ? zip_open_from_source(target, ZIP_TRUNCATE, &error) : nullptr;
  if (!archive) {
    if (target)
      zip_source_free(target);
    return llvm::createStringError(Twine(zip_error_strerror(&error)));
  }
  // The bytes are needed after the archive is closed.
  zip_source_keep(target);
  llvm::scope_exit release([&] { zip_source_free(target); });
  std::vector<std::string> buffers;
  if (Error failed = addEntries(archive, tensors, buffers)) {
    zip_discard(archive);
    return failed;
  }
  if (zip_close(archive) != 0) {
    Error failed = llvm::createStringError(Twine(zip_strerror(archive)));
    zip_discard(archive);
    return failed;
  }
  if (zip_source_open(target) != 0)
    return llvm::createStringError("cannot read the archive back");
  std::vector<char> chunk(1 << 20);
  zip_int64_t got;
  while ((got = zip_source_read(target, chunk.data(), chunk.size())) > 0)
    os.write(chunk.data(), got);
  zip_source_close(target);
  if (got < 0)
    return llvm::createStringError("cannot read the archive back");
  return Error::success();
}

Error compress::writeNpz(StringRef path,
                         llvm::ArrayRef<std::pair<std::string, TensorView>> tensors) {
  Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(path);
  if (!output)
    return output.takeError();
  if (Error error = writeArchive((*output)->os(), tensors))
    return llvm::createStringError("cannot write '" + path +
                                   "': " + llvm::toString(std::move(error)));
  return (*output)->keep();
}
