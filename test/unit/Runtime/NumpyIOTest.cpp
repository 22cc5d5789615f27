//===- NumpyIOTest.cpp -----------------------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/NumpyIO.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {
/// A file of version `version` with this dictionary and these contents.
std::string makeNpy(StringRef dictionary, StringRef contents, char version = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += version;
  bytes += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(dictionary.size() >> (8 * i));
  return bytes + dictionary.str() + contents.str();
}

std::string makeDictionary(StringRef descr, StringRef shape, StringRef fortran = "False") {
  return ("{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape +
          ", }\n")
      .str();
}

template <typename T>
std::string toBytes(ArrayRef<T> values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

std::string getError(llvm::Expected<HostTensor> tensor) {
  return tensor ? "" : llvm::toString(tensor.takeError());
}

class NpzTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("compress", "npz", path));
    remover.setFile(path);
  }
  void write(const std::string &bytes) {
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << bytes;
  }
  llvm::SmallString<128> path;
  llvm::FileRemover remover;
};
} // namespace

TEST(HostTensor, SizesAreChecked) {
  EXPECT_EQ(llvm::cantFail(getMemoryBytes(DataType::I4, {3, 5})), 15);
  EXPECT_EQ(llvm::cantFail(getMemoryBytes(DataType::BF16, {})), 2);
  EXPECT_EQ(llvm::cantFail(getMemoryBytes(DataType::F64, {INT64_MAX, 0, INT64_MAX})), 0);
  EXPECT_NE(getError(HostTensor::allocate(DataType::F32, {-1})), "");
  EXPECT_NE(getError(HostTensor::allocate(DataType::F32, {INT64_MAX, 2})), "");
  EXPECT_NE(getError(HostTensor::allocate(DataType::F32, {int64_t(1) << 45})), "");
  EXPECT_NE(getError(HostTensor::allocate(DataType::String, {1})), "");
}

TEST(HostTensor, CopiesAnyStrides) {
  float values[] = {0, 1, 2, 3, 4, 5};
  int64_t shape[] = {3, 2}, strides[] = {4, 12}, reversed[] = {-8, -4}, broadcast[] = {0, 4};
  auto get = [&](const void *data, ArrayRef<int64_t> strides) {
    return llvm::cantFail(HostTensor::copy({DataType::F32, data, shape, strides}))
        .as<float>()
        .vec();
  };
  EXPECT_EQ(get(values, {}), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(get(values, strides), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(get(values + 5, reversed), (std::vector<float>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(get(values, broadcast), (std::vector<float>{0, 1, 0, 1, 0, 1}));
  int64_t one[] = {1, 6}, odd[] = {999, 4};
  EXPECT_TRUE((TensorView{DataType::F32, values, one, odd}).isContiguous());
  EXPECT_FALSE((TensorView{DataType::F32, values, shape, strides}).isContiguous());
}

TEST(Npy, ReadsAllVersions) {
  int32_t values[] = {1, -2, 3, 4, 5, 6};
  for (char version : {1, 2, 3}) {
    auto tensor =
        readNpy(makeNpy(makeDictionary("<i4", "(2, 3)"), toBytes<int32_t>(values), version));
    ASSERT_TRUE(static_cast<bool>(tensor)) << llvm::toString(tensor.takeError());
    EXPECT_EQ(tensor->getType(), DataType::I32);
    EXPECT_EQ(tensor->getShape(), ArrayRef<int64_t>({2, 3}));
    EXPECT_EQ(tensor->as<int32_t>(), ArrayRef<int32_t>(values));
  }
}

TEST(Npy, FortranOrderBecomesRowMajor) {
  int16_t values[] = {1, 4, 2, 5, 3, 6};
  auto tensor = llvm::cantFail(
      readNpy(makeNpy(makeDictionary("<i2", "(2, 3)", "True"), toBytes<int16_t>(values))));
  EXPECT_EQ(tensor.as<int16_t>(), ArrayRef<int16_t>({1, 2, 3, 4, 5, 6}));
}

TEST(Npy, ShapesAndTypes) {
  auto read = [](StringRef descr, StringRef shape, size_t bytes) {
    auto tensor = readNpy(makeNpy(makeDictionary(descr, shape), std::string(bytes, 0)));
    return tensor ? getName(tensor->getType()).str() + std::to_string(tensor->getShape().size())
                  : llvm::toString(tensor.takeError());
  };
  EXPECT_EQ(read("|b1", "()", 1), "i10");
  EXPECT_EQ(read("<f8", "(3,)", 24), "f641");
  EXPECT_EQ(read("<f2", "(3,1,)", 6), "f162");
  EXPECT_EQ(read("|u1", "(0, 5)", 0), "ui82");
  EXPECT_EQ(read(">i1", "(2)", 2), "i81");
  EXPECT_EQ(read("<c8", "(2L, 1L)", 16), "complex<f32>2");
  // Nothing, although the product of the first sizes is too large for a number.
  EXPECT_EQ(read("<i4", "(4611686018427387904, 4611686018427387904, 0)", 0), "i323");
}

TEST(Npy, BadFiles) {
  auto read = [](const std::string &bytes) { return getError(readNpy(bytes)); };
  EXPECT_NE(read("").find("no .npy file"), std::string::npos);
  EXPECT_NE(read(makeNpy("{}", "", 4)).find("expected version 1, 2 or 3, found 4"),
            std::string::npos);
  EXPECT_NE(read(makeNpy(makeDictionary("<i4", "(2,)"), "123")).find("expected 8 bytes"),
            std::string::npos);
  EXPECT_NE(read(makeNpy(makeDictionary("<i4", "(2,)"), "123456789")).find("expected 8 bytes"),
            std::string::npos);
  EXPECT_NE(read(makeNpy(makeDictionary(">f4", "(1,)"), "1234")).find("little-endian"),
            std::string::npos);
  EXPECT_NE(read(makeNpy(makeDictionary("|O", "(1,)"), "1234")).find("found the type '|O'"),
            std::string::npos);
  EXPECT_NE(read(makeNpy(makeDictionary("<i4", "(-1,)"), "")), "");
  EXPECT_NE(read(makeNpy(makeDictionary("<i4", "(99999999999999999999,)"), "")), "");
  EXPECT_NE(read(makeNpy(makeDictionary("<i4", "(4611686018427387904, 4)"), "")).find("too large"),
            std::string::npos);
  EXPECT_NE(read(makeNpy("{'descr': '<i4'}", "")), "");
  EXPECT_NE(read(makeNpy("{'descr': '<i4', 'descr': '<i4', }", "")).find("twice"),
            std::string::npos);
  EXPECT_NE(read(makeNpy("{'descr': '<i4", "")), "");
  EXPECT_NE(read(makeNpy("__import__('os')", "")), "");
  std::string good = makeNpy(makeDictionary("<i4", "(2,)"), "12345678");
  EXPECT_EQ(read(good), "");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(read(good.substr(0, size)), "") << size;
}

TEST(Npy, WritesWhatItReads) {
  float values[] = {1, 2, 3, 4, 5, 6};
  int64_t shape[] = {2, 3}, transposed[] = {4, 8};
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  ASSERT_FALSE(writeNpy(os, {DataType::F32, values, shape, transposed}));
  EXPECT_EQ((bytes.size() - 24) % 64, 0u);
  EXPECT_TRUE(
      StringRef(bytes).contains("{'descr': '<f4', 'fortran_order': False, 'shape': (2,3,), }"));
  EXPECT_EQ(llvm::cantFail(readNpy(bytes)).as<float>(), ArrayRef<float>({1, 3, 5, 2, 4, 6}));

  uint16_t bf16[] = {0x3F80, 0xC000};
  int64_t two[] = {2};
  bytes.clear();
  ASSERT_FALSE(writeNpy(os, {DataType::BF16, bf16, two, {}}));
  EXPECT_EQ(llvm::cantFail(readNpy(bytes)).as<float>(), ArrayRef<float>({1, -2}));
}

TEST_F(NpzTest, RoundTrip) {
  int64_t a[] = {1, 2, 3};
  uint8_t b[] = {1, 0};
  int64_t three[] = {3}, two[] = {2, 1};
  ASSERT_FALSE(writeNpz(
      path, {{"ids", {DataType::I64, a, three, {}}}, {"a/b c", {DataType::Bool, b, two, {}}}}));
  auto tensors = readNpz(path);
  ASSERT_TRUE(static_cast<bool>(tensors)) << llvm::toString(tensors.takeError());
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].first, "ids");
  EXPECT_EQ((*tensors)[0].second.as<int64_t>(), ArrayRef<int64_t>(a));
  EXPECT_EQ((*tensors)[1].first, "a/b c");
  EXPECT_EQ((*tensors)[1].second.getType(), DataType::Bool);
  EXPECT_EQ((*tensors)[1].second.getShape(), ArrayRef<int64_t>({2, 1}));

  // Equal tensors make equal files.
  auto read = [&] { return llvm::MemoryBuffer::getFile(path).get()->getBuffer().str(); };
  std::string first = read();
  ASSERT_FALSE(writeNpz(
      path, {{"ids", {DataType::I64, a, three, {}}}, {"a/b c", {DataType::Bool, b, two, {}}}}));
  EXPECT_EQ(read(), first);
}

TEST_F(NpzTest, DamagedFiles) {
  int64_t a[] = {1, 2, 3}, three[] = {3};
  ASSERT_FALSE(writeNpz(path, {{"ids", {DataType::I64, a, three, {}}}}));
  std::string good = llvm::MemoryBuffer::getFile(path).get()->getBuffer().str();
  // A changed byte is an error (the contents have a checksum), or one of those that do not matter.
  for (size_t position = 0; position < good.size(); ++position) {
    std::string bytes = good;
    bytes[position] ^= 0x10;
    write(bytes);
    auto tensors = readNpz(path);
    if (!tensors) {
      llvm::consumeError(tensors.takeError());
      continue;
    }
    ASSERT_EQ(tensors->size(), 1u);
    EXPECT_EQ((*tensors)[0].second.as<int64_t>(), ArrayRef<int64_t>(a)) << position;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    write(good.substr(0, size));
    auto tensors = readNpz(path);
    EXPECT_FALSE(static_cast<bool>(tensors)) << size;
    llvm::consumeError(tensors.takeError());
  }
}

TEST_F(NpzTest, TensorFilesByExtension) {
  EXPECT_NE(getError(readTensorFile("x.txt")).find("expected a file .npy or .pb"),
            std::string::npos);
  EXPECT_NE(getError(readTensorFile("none.npy")).find("none.npy"), std::string::npos);
}

TEST_F(NpzTest, TensorProto) {
  // dims: 3, data_type: INT4 (22), raw_data: -8, 7, 1, name: "t".
  write(std::string("\x08\x03\x10\x16\x42\x01t\x4a\x02\x78\x01", 11));
  auto tensor = readTensorProto(path);
  ASSERT_TRUE(static_cast<bool>(tensor)) << llvm::toString(tensor.takeError());
  EXPECT_EQ(tensor->first, "t");
  EXPECT_EQ(tensor->second.getType(), DataType::I4);
  EXPECT_EQ(tensor->second.as<int8_t>(), ArrayRef<int8_t>({-8, 7, 1}));
  write(std::string("\x08\x04\x10\x01\x4a\x02\x78\x01", 8));
  auto bad = readTensorProto(path);
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_NE(llvm::toString(bad.takeError()).find(path.str()), std::string::npos);
}
