//===- WeightStoreTest.cpp - bytes in, bytes out -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Support/MappedFile.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
class WeightStoreTest : public WeightTest {
protected:
  Attribute parseAttribute(StringRef text) { return mlir::parseAttribute(text, &context); }

  /// Bytes of a literal, or nothing if it cannot be read.
  std::vector<int> read(Attribute value) {
    WeightStore store(&context);
    FailureOr<WeightBytes> bytes =
        store.read(value, cast<RankedTensorType>(cast<TypedAttr>(value).getType()), errorFn());
    if (failed(bytes))
      return {};
    return toInts(bytes->bytes());
  }

  /// A blob of `bytes`.
  Attribute makeBlob(RankedTensorType type, ArrayRef<char> bytes) {
    return DenseResourceElementsAttr::get(type, "blob",
                                          HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 8));
  }
};

/// A folder that goes away, with a file of the bytes 0, 1, 2, ...
class WeightFileTest : public WeightStoreTest {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("compress-weights", folder));
    write("w.bin", 64);
    context.getLoadedDialect<CompressDialect>()->setBaseDirectory(folder);
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  void write(StringRef name, unsigned size) {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    std::error_code code;
    llvm::raw_fd_ostream os(path, code);
    ASSERT_FALSE(code);
    for (unsigned i = 0; i < size; ++i)
      os << static_cast<char>(i);
  }

  Attribute file(RankedTensorType type, StringRef path, uint64_t offset, uint64_t length,
                 uint64_t hash = 0) {
    return FileAttr::get(&context, type, path, offset, length, hash);
  }

  SmallString<128> folder;
};
} // namespace

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

TEST_F(WeightStoreTest, StorageBytes) {
  auto bytes = [&](ArrayRef<int64_t> shape, Type element) {
    FailureOr<uint64_t> size = WeightStore::getStorageBytes(getType(shape, element));
    return succeeded(size) ? static_cast<int64_t>(*size) : -1;
  };
  EXPECT_EQ(bytes({3, 5}, f32()), 60);
  EXPECT_EQ(bytes({}, f32()), 4);
  EXPECT_EQ(bytes({0, 5}, f32()), 0);
  // Packed over the whole tensor, rounded up to a byte; a bool takes one.
  EXPECT_EQ(bytes({3, 3}, integer(4)), 5);
  EXPECT_EQ(bytes({3}, integer(3)), 2);
  EXPECT_EQ(bytes({5}, integer(2)), 2);
  EXPECT_EQ(bytes({9}, integer(1)), 9);
  EXPECT_EQ(bytes({ShapedType::kDynamic}, f32()), -1);
  EXPECT_EQ(bytes({99999999999, 99999999999}, f32()), -1);
  EXPECT_EQ(bytes({int64_t(1) << 62}, f32()), -1);
  // Zero elements do not overflow, whatever the other dims are.
  EXPECT_EQ(bytes({99999999999, 99999999999, 0}, f32()), 0);
  EXPECT_EQ(bytes({3}, integer(7)), -1);
}

//===----------------------------------------------------------------------===//
// Literals and blobs
//===----------------------------------------------------------------------===//

TEST_F(WeightStoreTest, ReadsLiteralsInStorageOrder) {
  EXPECT_EQ(read(parseAttribute("dense<[1, -2]> : tensor<2xi16>")),
            (std::vector<int>{1, 0, 0xFE, 0xFF}));
  EXPECT_EQ(read(parseAttribute("dense<[1, -2, 3]> : tensor<3xi4>")),
            (std::vector<int>{0xE1, 0x03}));
  EXPECT_EQ(read(parseAttribute("dense<[1, 2, 3, 4, 5]> : tensor<5xui3>")),
            (std::vector<int>{0xD1, 0x58}));
  EXPECT_EQ(read(parseAttribute("dense<[-2, 1, -1, 0, 1]> : tensor<5xi2>")),
            (std::vector<int>{0x36, 0x01}));
  // Literals keep bools as bits.
  EXPECT_EQ(read(parseAttribute("dense<[1, 0, 1, 1, 0, 0, 0, 0, 1]> : tensor<9xi1>")),
            (std::vector<int>{1, 0, 1, 1, 0, 0, 0, 0, 1}));
}

TEST_F(WeightStoreTest, ReadsSplats) {
  EXPECT_EQ(read(parseAttribute("dense<-1> : tensor<3xi4>")), (std::vector<int>{0xFF, 0x0F}));
  EXPECT_EQ(read(parseAttribute("dense<true> : tensor<3xi1>")), (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(read(parseAttribute("dense<false> : tensor<2xi1>")), (std::vector<int>{0, 0}));
  EXPECT_EQ(read(parseAttribute("dense<1.0> : tensor<2xf16>")), (std::vector<int>{0, 60, 0, 60}));
  EXPECT_EQ(read(parseAttribute("dense<> : tensor<0x2xf16>")), (std::vector<int>{}));
  EXPECT_TRUE(messages.empty());
}

TEST_F(WeightStoreTest, ReadsUnalignedBlobs) {
  // The blob starts one byte after an aligned address.
  alignas(8) static const char kBytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  RankedTensorType type = getType({2}, f32());
  Attribute value = DenseResourceElementsAttr::get(
      type, "unaligned",
      UnmanagedAsmResourceBlob::allocateWithAlign(ArrayRef<char>(kBytes + 1, 8), 1));
  WeightStore store(&context);
  FailureOr<WeightBytes> bytes = store.read(value, type, errorFn());
  ASSERT_TRUE(succeeded(bytes));
  EXPECT_EQ(toInts(bytes->bytes()), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes->bytes().data()) % 4, 0u);
  EXPECT_EQ(bytes->as<uint32_t>()[1], 0x08070605u);
}

TEST_F(WeightStoreTest, RefusesWrongValues) {
  EXPECT_TRUE(read(makeBlob(getType({5}, integer(4)), {1, 2})).empty());
  EXPECT_EQ(lastMessage(), "expects a blob of 3 bytes for 'tensor<5xi4>', got one of 2");

  WeightStore store(&context);
  Attribute value = parseAttribute("dense<1> : tensor<2xi8>");
  EXPECT_TRUE(failed(store.read(value, getType({3}, integer(8)), errorFn())));
  EXPECT_EQ(lastMessage(), "expects a value of type 'tensor<3xi8>', got 'tensor<2xi8>'");
  EXPECT_TRUE(failed(store.read(parseAttribute("1 : i8"), getType({}, integer(8)), errorFn())));
  EXPECT_EQ(lastMessage(), "expects a dense, dense_resource or #compress.file value, got 1 : i8");
  EXPECT_TRUE(failed(store.read(value, getType({ShapedType::kDynamic}, integer(8)), errorFn())));
  EXPECT_EQ(lastMessage(),
            "expects a static shape whose size fits into 63 bits, got 'tensor<?xi8>'");
}

//===----------------------------------------------------------------------===//
// New weights
//===----------------------------------------------------------------------===//

TEST_F(WeightStoreTest, CommitsSmallOnesAsLiterals) {
  WeightStore store(&context);
  RankedTensorType type = getType({3}, integer(4));
  FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
  ASSERT_TRUE(succeeded(buffer));
  EXPECT_EQ(toInts(buffer->bytes()), (std::vector<int>{0, 0}));
  buffer->bytes()[0] = static_cast<char>(0xE1);
  buffer->bytes()[1] = 0x03;
  Attribute value = store.commit("w", type, std::move(*buffer));
  EXPECT_EQ(value, parseAttribute("dense<[1, -2, 3]> : tensor<3xi4>"));
}

TEST_F(WeightStoreTest, CommitsLargeOnesAsBlobs) {
  // Literals end at kMaxLiteralBytes.
  for (uint64_t size : {WeightStore::kMaxLiteralBytes, WeightStore::kMaxLiteralBytes + 1}) {
    WeightStore store(&context);
    RankedTensorType type = getType({static_cast<int64_t>(size)}, integer(8));
    FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
    ASSERT_TRUE(succeeded(buffer));
    for (auto [i, byte] : llvm::enumerate(buffer->bytes()))
      byte = static_cast<char>(i);
    Attribute value = store.commit("w", type, std::move(*buffer));
    EXPECT_EQ(isa<DenseResourceElementsAttr>(value), size > WeightStore::kMaxLiteralBytes);
    // Readers of bytecode give files no more than this.
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
      EXPECT_LE(resource.getRawHandle().getBlob()->getDataAlignment(), 16u);
    std::vector<int> bytes = read(value);
    ASSERT_EQ(bytes.size(), size);
    EXPECT_EQ(bytes[513], 513 % 256);
  }
}

TEST_F(WeightStoreTest, EmptyWeights) {
  WeightStore store(&context);
  RankedTensorType type = getType({0, 4}, f32());
  FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
  ASSERT_TRUE(succeeded(buffer));
  EXPECT_TRUE(buffer->bytes().empty());
  EXPECT_EQ(store.commit("w", type, std::move(*buffer)),
            parseAttribute("dense<> : tensor<0x4xf32>"));
}

TEST_F(WeightStoreTest, RefusesWhatCannotBeStored) {
  WeightStore store(&context);
  EXPECT_TRUE(failed(store.allocate(getType({ShapedType::kDynamic}, f32()), errorFn())));
  EXPECT_EQ(lastMessage(), "cannot store a weight of type 'tensor<?xf32>'");
  // More than any machine has.
  EXPECT_TRUE(failed(store.allocate(getType({int64_t(1) << 60}, integer(8)), errorFn())));
  EXPECT_TRUE(StringRef(lastMessage())
                  .starts_with("out of memory: cannot allocate 1152921504606846976 bytes"))
      << lastMessage();
}

TEST_F(WeightStoreTest, SpillsAboveTheMemoryLimit) {
  context.getLoadedDialect<CompressDialect>()->getFileCache().memoryLimit = 4096;
  WeightStore store(&context);
  RankedTensorType type = getType({4000}, integer(8));
  SmallVector<Attribute> values;
  for (int fill : {1, 2, 3}) {
    FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
    ASSERT_TRUE(succeeded(buffer));
    EXPECT_EQ(buffer->bytes()[3999], 0);
    llvm::fill(buffer->bytes(), static_cast<char>(fill));
    values.push_back(store.commit("w", type, std::move(*buffer)));
  }
  for (auto [i, value] : llvm::enumerate(values))
    EXPECT_EQ(read(value), std::vector<int>(4000, static_cast<int>(i) + 1));
}

TEST_F(WeightStoreTest, CollectFreesWhatNoModuleRefersTo) {
  WeightStore store(&context);
  RankedTensorType type = getType({2000}, integer(8));
  auto make = [&](char fill) {
    FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
    llvm::fill(buffer->bytes(), fill);
    return store.commit("w", type, std::move(*buffer));
  };
  Attribute live = make(1), dead = make(2);
  OwningOpRef<ModuleOp> module = parse("module {}");
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  WeightOp::create(builder, builder.getUnknownLoc(), builder.getStringAttr("w"),
                   builder.getStringAttr("private"), TypeAttr::get(type), live);
  store.collect(*module);
  EXPECT_EQ(read(live), std::vector<int>(2000, 1));
  EXPECT_TRUE(read(dead).empty());
  EXPECT_TRUE(StringRef(lastMessage()).contains("expects a blob of 2000 bytes")) << lastMessage();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

TEST_F(WeightFileTest, ReadsARange) {
  EXPECT_EQ(read(file(getType({2, 2}, integer(8)), "w.bin", 3, 4)), (std::vector<int>{3, 4, 5, 6}));
  EXPECT_EQ(read(file(getType({0}, f32()), "w.bin", 64, 0)), (std::vector<int>{}));
  EXPECT_TRUE(messages.empty()) << lastMessage();
  // Bytes of a file need not be aligned.
  WeightStore store(&context);
  RankedTensorType type = getType({1}, f32());
  FailureOr<WeightBytes> bytes = store.read(file(type, "w.bin", 1, 4), type, errorFn());
  ASSERT_TRUE(succeeded(bytes));
  EXPECT_EQ(bytes->as<uint32_t>()[0], 0x04030201u);
}

TEST_F(WeightFileTest, ChecksSizeAndHash) {
  RankedTensorType type = getType({4}, integer(8));
  const char bytes[] = {0, 1, 2, 3};
  uint64_t hash = contentHash(StringRef(bytes, 4));
  EXPECT_EQ(read(file(type, "w.bin", 0, 4, hash)), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_TRUE(read(file(type, "w.bin", 1, 4, hash)).empty());
  EXPECT_TRUE(StringRef(lastMessage()).starts_with("bytes 1 to 5 of file 'w.bin' have changed"))
      << lastMessage();
  EXPECT_TRUE(read(file(type, "w.bin", 0, 3)).empty());
  EXPECT_EQ(lastMessage(), "expects 4 bytes of file 'w.bin' for 'tensor<4xi8>', got 3");
  EXPECT_TRUE(read(file(type, "w.bin", 61, 4)).empty());
  EXPECT_TRUE(StringRef(lastMessage()).starts_with("weight file is too short: ")) << lastMessage();
}

TEST_F(WeightFileTest, StaysInTheFolder) {
  RankedTensorType type = getType({1}, integer(8));
  for (StringRef path : {"../w.bin", "/etc/hostname", "missing.bin", "sub/../../w.bin"}) {
    messages.clear();
    EXPECT_TRUE(read(file(type, path, 0, 1)).empty()) << path.str();
    EXPECT_TRUE(StringRef(lastMessage()).starts_with("cannot read weight file: ")) << lastMessage();
  }
  // A failure is not remembered as an open file.
  EXPECT_TRUE(read(file(type, "late.bin", 0, 1)).empty());
  write("late.bin", 1);
  EXPECT_EQ(read(file(type, "late.bin", 0, 1)), (std::vector<int>{0}));
}
