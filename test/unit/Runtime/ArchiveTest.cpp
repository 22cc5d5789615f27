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
    ASSERT_FALSE(writer.write(path)) << "cannot write";
    auto buffer = llvm::MemoryBuffer::getFile(path);
    ASSERT_TRUE(static_cast<bool>(buffer));
    contents = (*buffer)->getBuffer().str();
  }

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
  ASSERT_FALSE(ArchiveWriter("", "").write(path));
  auto archive = Archive::open(path);
  ASSERT_TRUE(static_cast<bool>(archive)) << llvm::toString(archive.takeError());
  EXPECT_TRUE((*archive)->getBlobs().empty());
}

TEST_F(ArchiveTest, EqualNamesAreAnError) {
  ArchiveWriter writer("t", "l");
  writer.add("a", "", {});
  writer.add("a", "", {});
  EXPECT_NE(llvm::toString(writer.write(path)).find("two blobs are called 'a'"), std::string::npos);
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
