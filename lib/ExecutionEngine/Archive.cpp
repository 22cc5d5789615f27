//===- Archive.cpp - files of named, mapped blobs -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Archive.h"
#include "compress/Support/OutputFile.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace endian = llvm::support::endian;

static constexpr char kMagic[8] = {'C', 'M', 'P', 'R', 'A', 'R', 'C', 0};
static constexpr uint32_t kVersion = 1;
static constexpr uint64_t kHeader = 64, kEntry = 64;

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static void append32(std::string &out, uint64_t value) {
  char bytes[4];
  endian::write32le(bytes, static_cast<uint32_t>(value));
  out.append(bytes, sizeof(bytes));
}

static void append64(std::string &out, uint64_t value) {
  char bytes[8];
  endian::write64le(bytes, value);
  out.append(bytes, sizeof(bytes));
}

void ArchiveWriter::add(StringRef name, StringRef type, ArrayRef<char> bytes) {
  blobs.push_back({name.str(), type.str(), bytes});
}

Error ArchiveWriter::write(StringRef path) const {
  llvm::StringSet<> seen;
  std::string names;
  append32(names, target.size());
  names += target;
  append32(names, layout.size());
  names += layout;
  uint64_t firstName = names.size();
  for (const Blob &blob : blobs) {
    if (!seen.insert(blob.name).second)
      return llvm::createStringError("cannot write '" + path + "': two blobs are called '" +
                                     blob.name + "'");
    names += blob.name;
    names += blob.type;
  }
  if (names.size() > UINT32_MAX)
    return llvm::createStringError("cannot write '" + path + "': names of " + Twine(names.size()) +
                                   " bytes are too long");

  std::string table;
  uint64_t offset = llvm::alignTo(kHeader + kEntry * blobs.size() + names.size(), Archive::kPage);
  uint64_t end = offset, name = firstName;
  for (const Blob &blob : blobs) {
    append64(table, offset);
    append64(table, blob.bytes.size());
    append64(table, contentHash(StringRef(blob.bytes.data(), blob.bytes.size())));
    append32(table, name);
    append32(table, blob.name.size());
    name += blob.name.size();
    append32(table, name);
    append32(table, blob.type.size());
    name += blob.type.size();
    table.append(24, 0);
    end = offset + blob.bytes.size();
    offset = llvm::alignTo(end, Archive::kPage);
  }
  table += names;

  std::string header(kMagic, sizeof(kMagic));
  append32(header, kVersion);
  append32(header, kEntry);
  append64(header, end);
  append64(header, blobs.size());
  append64(header, names.size());
  append64(header, contentHash(table));
  append64(header, contentHash(header));
  append64(header, 0);

  Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(path);
  if (!output)
    return output.takeError();
  llvm::raw_ostream &os = (*output)->os();
  os << header << table;
  uint64_t position = header.size() + table.size();
  for (const Blob &blob : blobs) {
    os.write_zeros(llvm::alignTo(position, Archive::kPage) - position);
    os.write(blob.bytes.data(), blob.bytes.size());
    position = llvm::alignTo(position, Archive::kPage) + blob.bytes.size();
  }
  os.write_zeros(end - position);
  return (*output)->keep();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Archive>> Archive::open(StringRef path) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::unique_ptr<Archive> archive(new Archive());
  archive->file = std::move(*file);
  if (Error error = archive->read())
    return llvm::createStringError("'" + path +
                                   "' is no usable archive: " + llvm::toString(std::move(error)));
  return archive;
}

namespace {
/// The names of an archive, which are one after the other: none overlaps another.
struct NameReader {
  StringRef names;
  uint64_t position = 0;

  Expected<StringRef> take(uint64_t size, const Twine &what) {
    if (size > names.size() - position)
      return llvm::createStringError(what + " has " + Twine(size) + " bytes, but " +
                                     Twine(names.size() - position) + " are left");
    position += size;
    return names.substr(position - size, size);
  }

  /// A string with its size before it.
  Expected<StringRef> takeSized(const Twine &what) {
    Expected<StringRef> size = take(4, "the size of " + what);
    return size ? take(endian::read32le(size->data()), what) : std::move(size);
  }

  /// A string whose offset and size are at `place`.
  Expected<StringRef> takePlaced(const char *place, const Twine &what) {
    if (uint64_t offset = endian::read32le(place); offset != position)
      return llvm::createStringError(what + " is expected at " + Twine(position) + ", found at " +
                                     Twine(offset));
    return take(endian::read32le(place + 4), what);
  }
};
} // namespace

Error Archive::read() {
  StringRef bytes = file->bytes();
  if (bytes.size() < kHeader || !bytes.starts_with(StringRef(kMagic, sizeof(kMagic))))
    return llvm::createStringError("it does not start with the magic bytes");
  const char *header = bytes.data();
  if (uint32_t version = endian::read32le(header + 8); version != kVersion)
    return llvm::createStringError("expected version " + Twine(kVersion) + ", found " +
                                   Twine(version));
  if (uint64_t hash = endian::read64le(header + 48); hash != contentHash(bytes.take_front(48)))
    return llvm::createStringError("the hash of the header differs");
  if (uint32_t entry = endian::read32le(header + 12); entry != kEntry)
    return llvm::createStringError("expected entries of " + Twine(kEntry) + " bytes, found " +
                                   Twine(entry));
  if (uint64_t size = endian::read64le(header + 16); size != bytes.size())
    return llvm::createStringError("expected " + Twine(size) + " bytes, found " +
                                   Twine(bytes.size()));
  uint64_t count = endian::read64le(header + 24), nameBytes = endian::read64le(header + 32);
  uint64_t room = bytes.size() - kHeader;
  if (count > room / kEntry || nameBytes > room - count * kEntry)
    return llvm::createStringError("a table of " + Twine(count) + " entries and " +
                                   Twine(nameBytes) + " bytes of names does not fit");
  StringRef table = bytes.substr(kHeader, count * kEntry + nameBytes);
  if (endian::read64le(header + 40) != contentHash(table))
    return llvm::createStringError("the hash of the table differs");

  NameReader names{table.substr(count * kEntry)};
  Expected<StringRef> text = names.takeSized("the target");
  if (!text)
    return text.takeError();
  target = *text;
  text = names.takeSized("the layout id");
  if (!text)
    return text.takeError();
  layout = *text;

  uint64_t end = kHeader + table.size();
  blobs.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const char *entry = table.data() + i * kEntry;
    Blob blob;
    blob.offset = endian::read64le(entry);
    blob.size = endian::read64le(entry + 8);
    blob.hash = endian::read64le(entry + 16);
    text = names.takePlaced(entry + 24, "the name of blob " + Twine(i));
    if (!text)
      return text.takeError();
    blob.name = *text;
    text = names.takePlaced(entry + 32, "the type of blob '" + blob.name + "'");
    if (!text)
      return text.takeError();
    blob.type = *text;
    if (blob.offset % kPage != 0 || blob.offset < end || blob.offset > bytes.size() ||
        blob.size > bytes.size() - blob.offset)
      return llvm::createStringError("blob '" + blob.name + "' at " + Twine(blob.offset) +
                                     " with " + Twine(blob.size) +
                                     " bytes is not aligned, overlaps what is before it, or is "
                                     "outside the file");
    end = blob.offset + blob.size;
    if (!index.try_emplace(blob.name, i).second)
      return llvm::createStringError("two blobs are called '" + blob.name + "'");
    blobs.push_back(blob);
  }
  return Error::success();
}

const Archive::Blob *Archive::find(StringRef name) const {
  auto found = index.find(name);
  return found == index.end() ? nullptr : &blobs[found->second];
}

ArrayRef<char> Archive::getBytes(const Blob &blob) const {
  StringRef bytes = file->bytes().substr(blob.offset, blob.size);
  return ArrayRef<char>(bytes.data(), bytes.size());
}

Error Archive::verify() const {
  for (const Blob &blob : blobs) {
    Expected<uint64_t> hash = file->hash(blob.offset, blob.size);
    if (!hash)
      return hash.takeError();
    if (*hash != blob.hash)
      return llvm::createStringError("'" + file->getPath() + "': the bytes of blob '" + blob.name +
                                     "' have changed: expected hash " + Twine(blob.hash) +
                                     ", found " + Twine(*hash));
  }
  return Error::success();
}
