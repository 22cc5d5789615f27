//===- ArchiveTest.cpp -----------------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/Archive.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace mlir::compress;
using llvm::StringRef;
namespace endian = llvm::support::endian;

/// Writes; the message if that fails.
static std::string write(const ArchiveWriter &writer, StringRef path,
                         ArchiveSizes *sizes = nullptr) {
  auto written = writer.write(path);
  if (!written)
    return llvm::toString(written.takeError());
  if (sizes)
    *sizes = *written;
  return "";
}

namespace {
class ArchiveTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("compress", "arc", path));
    remover.setFile(path);
    data.resize(5000);
    for (auto [index, byte] : llvm::enumerate(data))
      byte = static_cast<char>(index * 7);
    ArchiveWriter writer("avx512", "layout-1");
    writer.add("fc1.w", "f32[1250]", data);
    writer.add("empty", "i8[0]", {});
    writer.add("code", "", llvm::ArrayRef<char>(data).take_front(10));
    ASSERT_EQ(write(writer, path), "");
    contents = read();
  }

  std::string read() { return llvm::MemoryBuffer::getFile(path).get()->getBuffer().str(); }

  /// Message of opening (and reading) the file with these contents; "" if there is no error.
  std::string open(const std::string &bytes) {
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << bytes;
    auto archive = Archive::open(path);
    if (!archive)
      return llvm::toString(archive.takeError());
    return llvm::toString((*archive)->verify());
  }

  /// Sets the hashes to what they must be.
  static void sign(std::string &bytes) {
    uint64_t table = 64 * endian::read64le(&bytes[24]) + endian::read64le(&bytes[32]);
    endian::write64le(&bytes[40], contentHash(StringRef(bytes).substr(64, table)));
    endian::write64le(&bytes[48], contentHash(StringRef(bytes).take_front(48)));
  }

  llvm::SmallString<128> path;
  llvm::FileRemover remover;
  std::vector<char> data;
  std::string contents;
};
} // namespace

TEST_F(ArchiveTest, RoundTrip) {
  auto archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  EXPECT_EQ((*archive)->getTarget(), "avx512");
  EXPECT_EQ((*archive)->getLayout(), "layout-1");
  ASSERT_EQ((*archive)->getBlobs().size(), 3u);
  const Archive::Blob *blob = (*archive)->find("fc1.w");
  ASSERT_NE(blob, nullptr);
  EXPECT_EQ(blob->type, "f32[1250]");
  EXPECT_EQ(blob->offset, 4096u);
  EXPECT_EQ((*archive)->getBytes(*blob), llvm::ArrayRef<char>(data));
  EXPECT_EQ(reinterpret_cast<uintptr_t>((*archive)->getBytes(*blob).data()) % 4096, 0u);
  EXPECT_EQ((*archive)->getBytes(*(*archive)->find("empty")).size(), 0u);
  EXPECT_EQ((*archive)->getBytes(*(*archive)->find("code")),
            llvm::ArrayRef<char>(data).take_front(10));
  EXPECT_EQ((*archive)->find("none"), nullptr);
  EXPECT_FALSE((*archive)->verify());
  EXPECT_EQ(contents.size(), 12288u + 10);
}

TEST_F(ArchiveTest, NoBlobs) {
  ASSERT_EQ(write(ArchiveWriter("", ""), path), "");
  auto archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  EXPECT_TRUE((*archive)->getBlobs().empty());
}

TEST_F(ArchiveTest, EqualNamesAreAnError) {
  ArchiveWriter writer("t", "l");
  writer.add("a", "", {});
  writer.add("a", "", {});
  EXPECT_NE(write(writer, path).find("two blobs are called 'a'"), std::string::npos);
  // What was there is still there.
  EXPECT_TRUE(static_cast<bool>(Archive::open(path)));
}

TEST_F(ArchiveTest, EveryByteOfHeaderAndTableCounts) {
  uint64_t end = 64 + 64 * 3 + endian::read64le(&contents[32]);
  for (uint64_t position = 0; position < end; ++position) {
    // The last 8 bytes of the header are not used.
    if (position >= 56 && position < 64)
      continue;
    std::string damaged = contents;
    damaged[position] ^= 0x41;
    EXPECT_NE(open(damaged), "") << position;
  }
}

TEST_F(ArchiveTest, ChangedContentsAreFoundByVerify) {
  contents[4096 + 4999] ^= 1;
  EXPECT_NE(open(contents).find("the bytes of blob 'fc1.w' have changed"), std::string::npos);
}

TEST_F(ArchiveTest, ShortAndLongFiles) {
  for (uint64_t size : {0, 7, 63, 64, 200, 4096, 12297})
    EXPECT_NE(open(contents.substr(0, size)), "") << size;
  EXPECT_NE(open(contents + "x").find("expected 12298 bytes, found 12299"), std::string::npos);
}

TEST_F(ArchiveTest, SignedNonsense) {
  struct Case {
    uint64_t position, value;
    const char *message;
  } cases[] = {
      {24, uint64_t(1) << 60, "a table of"},
      {24, 1000, "a table of"},
      {32, UINT64_MAX, "a table of"},
      {64, 4097, "is not aligned"},
      {64, 0, "is not aligned, overlaps"},
      {64, uint64_t(1) << 40, "outside the file"},
      {72, UINT64_MAX - 4095, "outside the file"},
      {128, 4096, "overlaps what is before it"},
      {64 + 24, 3, "the name of blob 0 is expected at 22, found at 3"},
      {128 + 24, UINT64_MAX, "the name of blob 1 is expected at"},
      {128 + 32, uint64_t(UINT32_MAX) << 32 | 41, "the type of blob 'empty' has 4294967295 bytes"},
  };
  for (const Case &bad : cases) {
    std::string bytes = contents;
    endian::write64le(&bytes[bad.position], bad.value);
    // The table may be said to be longer than the file.
    if (bad.position >= 64)
      sign(bytes);
    else
      endian::write64le(&bytes[48], contentHash(StringRef(bytes).take_front(48)));
    EXPECT_NE(open(bytes).find(bad.message), std::string::npos)
        << bad.message << ": " << open(bytes);
  }
}

TEST_F(ArchiveTest, VersionOne) {
  // It had zeros for encoding and decoded size.
  std::string old = contents;
  endian::write32le(&old[8], 1);
  for (int i = 0; i < 3; ++i)
    std::fill_n(&old[64 + 64 * i + 40], 24, 0);
  sign(old);
  EXPECT_EQ(open(old), "");
  auto archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  const Archive::Blob *blob = (*archive)->find("fc1.w");
  EXPECT_FALSE(blob->isEncoded);
  EXPECT_EQ(blob->decodedSize, 5000u);
  EXPECT_EQ((*archive)->getBytes(*blob), llvm::ArrayRef<char>(data));
  endian::write32le(&old[8], 3);
  sign(old);
  EXPECT_NE(open(old).find("expected version 1 or 2, found 3"), std::string::npos);
}

TEST_F(ArchiveTest, Encoded) {
  std::vector<char> palette(100000), noise(9001), few(300, 3);
  for (size_t i = 0; i < palette.size(); ++i)
    palette[i] = static_cast<char>(i * i % 11);
  uint32_t state = 1;
  for (char &byte : noise)
    byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  ArchiveWriter writer("avx512", "layout-1");
  writer.setEncoding(ArchiveEncoding::Huffman);
  writer.add("weight.0", "a", palette);
  writer.add("empty", "", {});
  writer.add("weight.1", "b", noise);
  writer.add("short", "", llvm::ArrayRef<char>(noise).take_front(100));
  writer.add("few", "", few);
  ArchiveSizes sizes;
  ASSERT_EQ(write(writer, path, &sizes), "");
  std::string bytes = read();
  EXPECT_EQ(open(bytes), "");
  EXPECT_EQ(sizes.file, bytes.size());
  EXPECT_EQ(sizes.raw, 100000u + 9001 + 100 + 300);
  EXPECT_EQ(sizes.rawWeights, 109001u);
  uint64_t paletteBytes = estimateEncodedSize(palette), fewBytes = estimateEncodedSize(few);
  EXPECT_LT(paletteBytes, 45000u);
  EXPECT_EQ(sizes.storedWeights, paletteBytes + 9001);
  EXPECT_EQ(sizes.stored, paletteBytes + 9001 + 100 + fewBytes);

  auto archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  std::vector<std::pair<StringRef, llvm::ArrayRef<char>>> expected = {
      {"weight.0", palette},
      {"empty", {}},
      {"weight.1", noise},
      {"short", llvm::ArrayRef<char>(noise).take_front(100)},
      {"few", few}};
  for (auto [name, blobBytes] : expected) {
    const Archive::Blob *blob = (*archive)->find(name);
    ASSERT_NE(blob, nullptr);
    EXPECT_EQ(blob->decodedSize, blobBytes.size());
    llvm::ArrayRef<char> stored = (*archive)->getBytes(*blob);
    bool isEncoded = name == "weight.0" || name == "few";
    EXPECT_EQ(blob->isEncoded, isEncoded);
    EXPECT_EQ(blob->offset % (name == "weight.1" ? 4096 : 64), 0u);
    if (!isEncoded) {
      EXPECT_EQ(stored, blobBytes);
      continue;
    }
    auto decoder = (*archive)->getDecoder(*blob);
    ASSERT_TRUE(static_cast<bool>(decoder)) << llvm::toString(decoder.takeError());
    std::vector<char> back(decoder->getSize());
    llvm::MutableArrayRef<char> output(back);
    EXPECT_EQ(llvm::toString(decodeBlobs(*decoder, output, serialFor)), "");
    EXPECT_EQ(llvm::ArrayRef<char>(back), blobBytes);
  }

  // Entries that lie.
  auto openWith = [&](uint64_t position, uint64_t value) {
    std::string bad = bytes;
    endian::write64le(&bad[position], value);
    sign(bad);
    return open(bad);
  };
  EXPECT_NE(openWith(64 + 40, 2).find("blob 'weight.0' has the unknown encoding 2"),
            std::string::npos);
  EXPECT_NE(openWith(320 + 40, 0).find("raw blob 'few' of"), std::string::npos);
  EXPECT_NE(openWith(64 + 40, 0).find("is not aligned"), std::string::npos);
  EXPECT_NE(openWith(192 + 48, 9000).find("raw blob 'weight.1' of 9001 bytes is said to have 9000"),
            std::string::npos);
  EXPECT_EQ(openWith(64 + 48, uint64_t(1) << 50), "");
  archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  auto decoder = (*archive)->getDecoder(*(*archive)->find("weight.0"));
  EXPECT_NE(llvm::toString(decoder.takeError())
                .find("blob 'weight.0' decodes to 100000 bytes, expected 1125899906842624"),
            std::string::npos);
}

TEST_F(ArchiveTest, EncodingsByName) {
  EXPECT_EQ(parseArchiveEncoding("raw"), ArchiveEncoding::Raw);
  EXPECT_EQ(parseArchiveEncoding("huffman"), ArchiveEncoding::Huffman);
  EXPECT_EQ(parseArchiveEncoding("Raw"), std::nullopt);
}
