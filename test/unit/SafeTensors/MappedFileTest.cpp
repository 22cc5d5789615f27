//===- MappedFileTest.cpp - mapped and output files -----------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/MappedFile.h"
#include "compress/Support/OutputFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include "gtest/gtest.h"
#include <random>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::compress;

namespace {

class Files : public testing::Test {
protected:
  void SetUp() override {
    SmallString<128> link;
    ASSERT_FALSE(sys::fs::createUniqueDirectory("files", link));
    ASSERT_FALSE(sys::fs::real_path(link, folder));
  }
  void TearDown() override { sys::fs::remove_directories(folder); }
  std::string at(StringRef name) { return (folder + "/" + name).str(); }
  void write(StringRef name, StringRef text) {
    std::error_code code;
    raw_fd_ostream os(at(name), code);
    os << text;
  }
  std::string read(StringRef name) {
    auto buffer = MemoryBuffer::getFile(at(name));
    return buffer ? (*buffer)->getBuffer().str() : "<none>";
  }
  unsigned countFiles() {
    unsigned count = 0;
    std::error_code code;
    for (sys::fs::directory_iterator it(folder, code), end; it != end && !code; it.increment(code))
      ++count;
    return count;
  }
  template <typename T>
  std::string getFailure(Expected<T> result) {
    return result ? "no error" : toString(result.takeError());
  }
  SmallString<128> folder;
};

TEST_F(Files, ContentHashIsAsDocumented) {
  EXPECT_EQ(contentHash(""), xxh3_64bits(StringRef("")));
  auto fold = [](ArrayRef<StringRef> chunks) {
    std::string text;
    for (StringRef chunk : chunks) {
      char bytes[8];
      support::endian::write64le(bytes, xxh3_64bits(chunk));
      text.append(bytes, 8);
    }
    return xxh3_64bits(StringRef(text));
  };
  EXPECT_EQ(contentHash("abc"), fold({"abc"}));
  std::string big((size_t(2) << 20) + 5, 0);
  std::mt19937 random(3);
  for (char &c : big)
    c = static_cast<char>(random());
  StringRef ref = big;
  size_t mega = size_t(1) << 20;
  uint64_t expected = fold({ref.substr(0, mega), ref.substr(mega, mega), ref.substr(2 * mega)});
  EXPECT_EQ(contentHash(big), expected);
  EXPECT_EQ(contentHash(ref.take_front(mega)), fold({ref.take_front(mega)}));
  ContentHasher hasher;
  for (size_t at = 0; at < big.size(); at += 300001)
    hasher.update(ref.substr(at, 300001));
  EXPECT_EQ(hasher.finish(), expected);

  write("big", "xyz" + big);
  std::shared_ptr<MappedFile> file = cantFail(MappedFile::open(at("big")));
  EXPECT_EQ(cantFail(file->hash(3, big.size())), expected);
  EXPECT_NE(cantFail(file->hash(2, big.size())), expected);
  EXPECT_NE(getFailure(file->hash(4, big.size())), "no error");
}

TEST_F(Files, RangesAreChecked) {
  write("f", "0123456789");
  std::shared_ptr<MappedFile> file = cantFail(MappedFile::open(at("f")));
  EXPECT_EQ(cantFail(file->bytes(2, 3)), "234");
  EXPECT_EQ(cantFail(file->bytes(10, 0)), "");
  EXPECT_EQ(getFailure(file->bytes(9, 2)),
            "'" + at("f") + "' has 10 bytes, expected 2 at offset 9");
  EXPECT_NE(getFailure(file->bytes(UINT64_MAX, 2)), "no error");
  EXPECT_NE(getFailure(file->bytes(2, UINT64_MAX)), "no error");
  file->willNeed(0, 10);
  file->willReadInOrder(0, 10);
  file->release(0, 10);
  file->release(5, UINT64_MAX);
  EXPECT_EQ(file->bytes(), "0123456789");
  write("empty", "");
  EXPECT_EQ(cantFail(MappedFile::open(at("empty")))->bytes(), "");
}

TEST_F(Files, OnlyRegularFilesAreMapped) {
  EXPECT_EQ(getFailure(MappedFile::open(at("gone"))),
            "cannot open '" + at("gone") + "': No such file or directory");
  EXPECT_EQ(getFailure(MappedFile::open(folder)),
            ("cannot open '" + folder + "': is a folder, expected a regular file").str());
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(getFailure(MappedFile::open(at("pipe"))),
            "cannot open '" + at("pipe") + "': not a regular file");
  EXPECT_EQ(getFailure(MappedFile::open("")), "cannot open '': not a file name");
}

TEST_F(Files, OpenBeneathStaysInside) {
  sys::fs::create_directories(at("base/sub"));
  write("secret", "s");
  write("basement", "s");
  write("base/sub/f", "data");
  auto link = [&](StringRef to, StringRef from) {
    ASSERT_EQ(::symlink(to.str().c_str(), at(from).c_str()), 0);
  };
  link("sub/f", "base/inside");
  link(at("base/sub/f"), "base/absolute_inside");
  link("../secret", "base/outside");
  link(at("basement"), "base/beside");
  link("..", "base/up");
  link("loop", "base/loop");
  auto open = [&](StringRef path) {
    Expected<std::shared_ptr<MappedFile>> file = MappedFile::openBeneath(at("base"), path);
    return file ? (*file)->bytes().str() : toString(file.takeError());
  };
  EXPECT_EQ(open("sub/f"), "data");
  EXPECT_EQ(open("./sub/f"), "data");
  EXPECT_EQ(open("inside"), "data");
  EXPECT_EQ(open("absolute_inside"), "data");
  EXPECT_EQ(open("outside"), "cannot open '" + at("base/outside") +
                                 "': the path or a link in it leads out of the folder '" +
                                 at("base") + "'");
  EXPECT_NE(open("beside").find("leads out"), std::string::npos);
  EXPECT_NE(open("up/secret").find("leads out"), std::string::npos);
  EXPECT_NE(open("up/base/sub/f"), "");
  EXPECT_EQ(open("../secret"),
            "cannot open '../secret': '..' is not allowed in a path to a data file");
  EXPECT_EQ(open("sub/../../secret"),
            "cannot open 'sub/../../secret': '..' is not allowed in a path to a data file");
  EXPECT_EQ(open(at("secret")),
            "cannot open '" + at("secret") +
                "': expected a path relative to the model's folder, found an absolute path");
  EXPECT_EQ(open("loop").substr(0, 11), "cannot open");
  EXPECT_EQ(open("sub"),
            "cannot open '" + at("base/sub") + "': is a folder, expected a regular file");
  EXPECT_EQ(open("."), "cannot open '" + at("base/.") +
                           "': the path or a link in it leads out of the folder '" + at("base") +
                           "'");
  EXPECT_EQ(open(StringRef("a\0b", 3)), "cannot open 'a': not a file name");
}

TEST_F(Files, OutputIsWholeOrAbsent) {
  {
    std::unique_ptr<OutputFile> file = cantFail(OutputFile::create(at("new")));
    EXPECT_TRUE(file->isTemporary());
    file->os() << "half";
    EXPECT_EQ(read("new"), "<none>");
  }
  EXPECT_EQ(countFiles(), 0u);
  {
    std::unique_ptr<OutputFile> file = cantFail(OutputFile::create(at("new")));
    file->os() << "whole";
    cantFail(file->keep());
  }
  EXPECT_EQ(read("new"), "whole");
  ASSERT_EQ(::chmod(at("new").c_str(), 0640), 0);
  {
    std::unique_ptr<OutputFile> file = cantFail(OutputFile::create(at("new")));
    file->os() << "other";
  }
  EXPECT_EQ(read("new"), "whole");
  {
    std::unique_ptr<OutputFile> file = cantFail(OutputFile::create(at("new")));
    file->os() << "other";
    cantFail(file->keep());
  }
  EXPECT_EQ(read("new"), "other");
  struct stat status;
  ASSERT_EQ(::stat(at("new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(Files, OutputFollowsLinks) {
  sys::fs::create_directories(at("sub"));
  write("sub/real", "old");
  ASSERT_EQ(::symlink("sub/real", at("link").c_str()), 0);
  ASSERT_EQ(::symlink("sub/later", at("dangling").c_str()), 0);
  for (StringRef name : {"link", "dangling"}) {
    std::unique_ptr<OutputFile> file = cantFail(OutputFile::create(at(name)));
    file->os() << name;
    cantFail(file->keep());
    EXPECT_TRUE(sys::fs::is_symlink_file(at(name)));
  }
  EXPECT_EQ(read("sub/real"), "link");
  EXPECT_EQ(read("sub/later"), "dangling");
}

TEST_F(Files, OutputToDevicesIsDirect) {
  std::unique_ptr<OutputFile> file = cantFail(OutputFile::create("/dev/null"));
  EXPECT_FALSE(file->isTemporary());
  file->os() << "gone";
  cantFail(file->keep());
  struct stat status;
  ASSERT_EQ(::stat("/dev/null", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
  if (sys::fs::exists("/dev/full")) {
    std::unique_ptr<OutputFile> full = cantFail(OutputFile::create("/dev/full"));
    full->os() << "text";
    EXPECT_EQ(toString(full->keep()), "cannot write '/dev/full': No space left on device");
  }
}

TEST_F(Files, OutputErrorsNameThePath) {
  EXPECT_EQ(getFailure(OutputFile::create(folder)),
            ("cannot write '" + folder + "': is a folder").str());
  EXPECT_EQ(getFailure(OutputFile::create(at("no/such"))),
            "cannot write '" + at("no/such") + "': No such file or directory");
  EXPECT_EQ(getFailure(OutputFile::create("")), "cannot write '': not a file name");
}

} // namespace
