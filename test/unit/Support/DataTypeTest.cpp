//===- DataTypeTest.cpp - tests of the element type enumeration -----------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/DataType.h"

#include "gtest/gtest.h"

using namespace mlir::compress;

static constexpr unsigned kNumTypes = static_cast<unsigned>(DataType::String) + 1;

TEST(DataTypeTest, NamesRoundTripAndAreUnique) {
  for (unsigned i = 0; i < kNumTypes; ++i) {
    DataType type = static_cast<DataType>(i);
    EXPECT_EQ(parseDataType(getName(type)), type) << getName(type).str();
  }
  EXPECT_EQ(getName(DataType::U4), "ui4");
  EXPECT_EQ(getName(DataType::Bool), "i1");
  EXPECT_EQ(getName(DataType::Complex64), "complex<f32>");
  EXPECT_EQ(parseDataType("float"), std::nullopt);
  EXPECT_EQ(parseDataType(""), std::nullopt);
}

TEST(DataTypeTest, OnnxIdsRoundTrip) {
  for (int64_t id = 1; id <= 28; ++id) {
    std::optional<DataType> type = getDataTypeOfOnnxId(id);
    ASSERT_TRUE(type.has_value()) << id;
    EXPECT_EQ(getOnnxId(*type), id);
  }
  EXPECT_EQ(getDataTypeOfOnnxId(1), DataType::F32);
  EXPECT_EQ(getDataTypeOfOnnxId(9), DataType::Bool);
  EXPECT_EQ(getDataTypeOfOnnxId(22), DataType::I4);
  EXPECT_EQ(getDataTypeOfOnnxId(23), DataType::F4E2M1FN);
  EXPECT_EQ(getDataTypeOfOnnxId(26), DataType::I2);
  EXPECT_EQ(getOnnxId(DataType::I3), 0);
  EXPECT_EQ(getDataTypeOfOnnxId(0), std::nullopt);
  EXPECT_EQ(getDataTypeOfOnnxId(-1), std::nullopt);
  EXPECT_EQ(getDataTypeOfOnnxId(29), std::nullopt);
}

TEST(DataTypeTest, Safetensors) {
  EXPECT_EQ(getSafetensorsName(DataType::F8E4M3FN), "F8_E4M3");
  EXPECT_EQ(getSafetensorsName(DataType::I4), "U8");
  EXPECT_EQ(getSafetensorsName(DataType::String), "");
  EXPECT_EQ(getDataTypeOfSafetensorsName("U8"), DataType::U8);
  EXPECT_EQ(getDataTypeOfSafetensorsName("BOOL"), DataType::Bool);
  EXPECT_EQ(getDataTypeOfSafetensorsName(""), std::nullopt);
  EXPECT_EQ(getDataTypeOfSafetensorsName("f32"), std::nullopt);
  for (unsigned i = 0; i < kNumTypes; ++i) {
    DataType type = static_cast<DataType>(i);
    if (getStorageBitWidth(type) < 8 || getSafetensorsName(type).empty())
      continue;
    EXPECT_EQ(getDataTypeOfSafetensorsName(getSafetensorsName(type)), type);
  }
}

TEST(DataTypeTest, StorageBytes) {
  EXPECT_EQ(getBitWidth(DataType::Bool), 1u);
  EXPECT_EQ(getStorageBitWidth(DataType::Bool), 8u);
  EXPECT_EQ(getStorageBytes(DataType::Bool, 9), 9u);
  EXPECT_EQ(getStorageBytes(DataType::I3, 3), 2u);
  EXPECT_EQ(getStorageBytes(DataType::I3, 8), 3u);
  EXPECT_EQ(getStorageBytes(DataType::I4, 0), 0u);
  EXPECT_EQ(getStorageBytes(DataType::I2, 5), 2u);
  EXPECT_EQ(getStorageBytes(DataType::I6, 5), 4u);
  EXPECT_EQ(getStorageBytes(DataType::Complex128, 3), 48u);
  uint64_t max = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(getStorageBytes(DataType::I8, max), max);
  EXPECT_EQ(getStorageBytes(DataType::I8, max + 1), std::nullopt);
  EXPECT_EQ(getStorageBytes(DataType::F32, max / 4), max / 4 * 4);
  EXPECT_EQ(getStorageBytes(DataType::F32, max / 4 + 1), std::nullopt);
  EXPECT_EQ(getStorageBytes(DataType::I4, max), uint64_t(1) << 62);
}

TEST(DataTypeTest, Ranges) {
  EXPECT_EQ(getMinInt(DataType::I4), -8);
  EXPECT_EQ(getMaxInt(DataType::I4), 7u);
  EXPECT_EQ(getMinInt(DataType::I64), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(getMaxInt(DataType::I64), uint64_t(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(getMinInt(DataType::U3), 0);
  EXPECT_EQ(getMaxInt(DataType::U3), 7u);
  EXPECT_EQ(getMaxInt(DataType::U64), ~uint64_t(0));
  EXPECT_EQ(getMaxInt(DataType::Bool), 1u);
}

TEST(DataTypeTest, Classes) {
  EXPECT_TRUE(isFloat(DataType::F4E2M1FN));
  EXPECT_TRUE(isSigned(DataType::I2));
  EXPECT_TRUE(isUnsigned(DataType::U2));
  EXPECT_FALSE(isInteger(DataType::Bool));
  EXPECT_FALSE(isFloat(DataType::Complex64));
}
