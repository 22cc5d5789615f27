//===- Archive.cpp - files of named, mapped blobs -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Archive.h"
#include "compress/Support/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
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
static constexpr uint32_t kVersion = 2;
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

std::optional<ArchiveEncoding> mlir::compress::parseArchiveEncoding(StringRef name) {
  return llvm::StringSwitch<std::optional<ArchiveEncoding>>(name)
      .Case("raw", ArchiveEncoding::Raw)
      .Case("huffman", ArchiveEncoding::Huffman)
      .Default(std::nullopt);
}

/// What a blob is in the file.
static StringRef getStored(ArrayRef<char> bytes, const std::optional<std::string> &encoded) {
  return encoded ? StringRef(*encoded) : StringRef(bytes.data(), bytes.size());
}

/// Where a blob may start, not before `offset`. With all blobs raw, each has pages of its own.
static uint64_t alignBlob(uint64_t offset, uint64_t size, bool isEncoded,
                          ArchiveEncoding encoding) {
  bool isPaged = encoding == ArchiveEncoding::Raw || (!isEncoded && size >= Archive::kPage);
  return llvm::alignTo(offset, isPaged ? Archive::kPage : Archive::kLine);
}

std::string ArchiveWriter::makeTable(ArrayRef<std::optional<std::string>> encoded,
                                     ArchiveSizes &sizes) const {
  std::string names, table;
  append32(names, target.size());
  names += target;
  append32(names, layout.size());
  names += layout;
  uint64_t name = names.size();
  for (const Blob &blob : blobs) {
    names += blob.name;
    names += blob.type;
  }
  uint64_t end = kHeader + kEntry * blobs.size() + names.size();
  // Without blobs that would be the whole file; it has always ended at a page.
  if (blobs.empty())
    end = llvm::alignTo(end, Archive::kPage);
  for (auto [blob, code] : llvm::zip_equal(blobs, encoded)) {
    StringRef stored = getStored(blob.bytes, code);
    uint64_t offset = alignBlob(end, stored.size(), code.has_value(), encoding);
    append64(table, offset);
    append64(table, stored.size());
    append64(table, contentHash(stored));
    append32(table, name);
    append32(table, blob.name.size());
    name += blob.name.size();
    append32(table, name);
    append32(table, blob.type.size());
    name += blob.type.size();
    append64(table, code.has_value());
    append64(table, blob.bytes.size());
    append64(table, 0);
    end = offset + stored.size();
    sizes.raw += blob.bytes.size();
    sizes.stored += stored.size();
    if (StringRef(blob.name).starts_with("weight.")) {
      sizes.rawWeights += blob.bytes.size();
      sizes.storedWeights += stored.size();
    }
  }
  sizes.file = end;
  std::string header(kMagic, sizeof(kMagic));
  append32(header, kVersion);
  append32(header, kEntry);
  append64(header, end);
  append64(header, blobs.size());
  append64(header, names.size());
  table += names;
  append64(header, contentHash(table));
  append64(header, contentHash(header));
  append64(header, 0);
  return header + table;
}

Expected<ArchiveSizes> ArchiveWriter::write(StringRef path, ParallelFor parallelFor) const {
  llvm::StringSet<> seen;
  uint64_t nameBytes = 8 + target.size() + layout.size();
  for (const Blob &blob : blobs) {
    if (!seen.insert(blob.name).second)
      return llvm::createStringError("cannot write '" + path + "': two blobs are called '" +
                                     blob.name + "'");
    nameBytes += blob.name.size() + blob.type.size();
  }
  if (nameBytes > UINT32_MAX)
    return llvm::createStringError("cannot write '" + path + "': names of " + Twine(nameBytes) +
                                   " bytes are too long");
  std::vector<std::optional<std::string>> encoded(blobs.size());
  if (encoding == ArchiveEncoding::Huffman)
    parallelFor(blobs.size(), [&](size_t i) { encoded[i] = encodeBlob(blobs[i].bytes); });
  ArchiveSizes sizes;
  std::string table = makeTable(encoded, sizes);

  Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(path);
  if (!output)
    return output.takeError();
  llvm::raw_ostream &os = (*output)->os();
  os << table;
  uint64_t position = table.size();
  for (auto [blob, code] : llvm::zip_equal(blobs, encoded)) {
    StringRef stored = getStored(blob.bytes, code);
    uint64_t offset = alignBlob(position, stored.size(), code.has_value(), encoding);
    os.write_zeros(offset - position);
    os << stored;
    position = offset + stored.size();
  }
  os.write_zeros(sizes.file - position);
  if (Error error = (*output)->keep())
    return error;
  return sizes;
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

/// Reads what an entry of version 2 has at `place`.
static Error readEncoding(const char *place, Archive::Blob &blob) {
  uint32_t encoding = endian::read32le(place);
  if (encoding > 1)
    return llvm::createStringError("blob '" + blob.name + "' has the unknown encoding " +
                                   Twine(encoding));
  blob.isEncoded = encoding == 1;
  blob.decodedSize = endian::read64le(place + 8);
  return Error::success();
}

Error Archive::read() {
  StringRef bytes = file->bytes();
  if (bytes.size() < kHeader || !bytes.starts_with(StringRef(kMagic, sizeof(kMagic))))
    return llvm::createStringError("it does not start with the magic bytes");
  const char *header = bytes.data();
  uint32_t version = endian::read32le(header + 8);
  if (version < 1 || version > kVersion)
    return llvm::createStringError("expected version 1 or " + Twine(kVersion) + ", found " +
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
    blob.decodedSize = blob.size;
    if (version > 1)
      if (Error error = readEncoding(entry + 40, blob))
        return error;
    uint64_t alignment = version > 1 && (blob.isEncoded || blob.size < kPage) ? kLine : kPage;
    if (blob.offset % alignment != 0 || blob.offset < end || blob.offset > bytes.size() ||
        blob.size > bytes.size() - blob.offset)
      return llvm::createStringError("blob '" + blob.name + "' at " + Twine(blob.offset) +
                                     " with " + Twine(blob.size) +
                                     " bytes is not aligned, overlaps what is before it, or is "
                                     "outside the file");
    if (!blob.isEncoded && blob.decodedSize != blob.size)
      return llvm::createStringError("raw blob '" + blob.name + "' of " + Twine(blob.size) +
                                     " bytes is said to have " + Twine(blob.decodedSize));
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

Expected<BlobDecoder> Archive::getDecoder(const Blob &blob) const {
  Expected<BlobDecoder> decoder = BlobDecoder::create(getBytes(blob));
  if (!decoder)
    return llvm::createStringError("'" + file->getPath() + "': blob '" + blob.name +
                                   "': " + llvm::toString(decoder.takeError()));
  if (decoder->getSize() != blob.decodedSize)
    return llvm::createStringError("'" + file->getPath() + "': blob '" + blob.name +
                                   "' decodes to " + Twine(decoder->getSize()) +
                                   " bytes, expected " + Twine(blob.decodedSize));
  return decoder;
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
