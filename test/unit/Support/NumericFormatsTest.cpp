//===- NumericFormatsTest.cpp - tests of the number formats ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/NumericFormats.h"

#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>
#include <random>

using namespace mlir::compress;

static constexpr double kInf = std::numeric_limits<double>::infinity();
static constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

static const llvm::fltSemantics &getSemantics(DataType type) {
  switch (type) {
  case DataType::F16:
    return llvm::APFloat::IEEEhalf();
  case DataType::BF16:
    return llvm::APFloat::BFloat();
  case DataType::F8E4M3FN:
    return llvm::APFloat::Float8E4M3FN();
  case DataType::F8E4M3FNUZ:
    return llvm::APFloat::Float8E4M3FNUZ();
  case DataType::F8E5M2:
    return llvm::APFloat::Float8E5M2();
  case DataType::F8E5M2FNUZ:
    return llvm::APFloat::Float8E5M2FNUZ();
  case DataType::F8E8M0FNU:
    return llvm::APFloat::Float8E8M0FNU();
  case DataType::F6E2M3FN:
    return llvm::APFloat::Float6E2M3FN();
  case DataType::F6E3M2FN:
    return llvm::APFloat::Float6E3M2FN();
  case DataType::F4E2M1FN:
    return llvm::APFloat::Float4E2M1FN();
  case DataType::F32:
    return llvm::APFloat::IEEEsingle();
  default:
    return llvm::APFloat::IEEEdouble();
  }
}

static const DataType kSmallTypes[] = {
    DataType::F16,      DataType::BF16,       DataType::F8E4M3FN,  DataType::F8E4M3FNUZ,
    DataType::F8E5M2,   DataType::F8E5M2FNUZ, DataType::F8E8M0FNU, DataType::F6E2M3FN,
    DataType::F6E3M2FN, DataType::F4E2M1FN};

TEST(NumericFormatsTest, DecodesEveryCodeAsAPFloat) {
  for (DataType type : kSmallTypes) {
    unsigned width = getBitWidth(type);
    for (uint64_t code = 0; code < (uint64_t(1) << width); ++code) {
      llvm::APFloat expected(getSemantics(type), llvm::APInt(width, code));
      double value = decodeFloat(type, code);
      ASSERT_EQ(std::isnan(value), expected.isNaN()) << getName(type).str() << " " << code;
      if (expected.isNaN())
        continue;
      bool losesInfo;
      expected.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      ASSERT_EQ(value, expected.convertToDouble()) << getName(type).str() << " " << code;
      ASSERT_EQ(std::signbit(value), expected.isNegative());
    }
  }
}

TEST(NumericFormatsTest, EveryCodeSurvivesARoundTrip) {
  for (DataType type : kSmallTypes)
    for (uint64_t code = 0; code < (uint64_t(1) << getBitWidth(type)); ++code) {
      double value = decodeFloat(type, code);
      if (!std::isnan(value)) {
        ASSERT_EQ(encodeFloat(type, value, /*saturate=*/false), code) << getName(type).str();
      }
    }
}

TEST(NumericFormatsTest, RoundsAsAPFloat) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> mantissa(-2, 2);
  for (DataType type : kSmallTypes) {
    if (type == DataType::F8E8M0FNU)
      continue; // Another rounding; see below.
    double top = getMaxFinite(type);
    std::uniform_int_distribution<int> exponent(-30, 20);
    for (int i = 0; i < 20000; ++i) {
      double value = std::ldexp(mantissa(random), exponent(random));
      if (i % 4 == 0) // A tie, exactly between two codes.
        value = (decodeFloat(type, i / 4 % 32) + decodeFloat(type, i / 4 % 32 + 1)) / 2;
      if (std::isnan(value) || std::fabs(value) > top)
        continue;
      llvm::APFloat expected(value);
      bool losesInfo;
      expected.convert(getSemantics(type), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      ASSERT_EQ(encodeFloat(type, value), expected.bitcastToAPInt().getZExtValue())
          << getName(type).str() << " " << value;
    }
  }
}

TEST(NumericFormatsTest, OverflowAndSpecialValues) {
  using D = DataType;
  EXPECT_EQ(encodeFloat(D::F16, 65519.0), 0x7BFFu);
  EXPECT_EQ(encodeFloat(D::F16, 65520.0), 0x7C00u); // Infinity: f16 never saturates.
  EXPECT_EQ(encodeFloat(D::F16, -kInf), 0xFC00u);
  EXPECT_EQ(encodeFloat(D::BF16, kNan), 0x7FC0u);
  EXPECT_EQ(encodeFloat(D::F8E4M3FN, 464.0, false), 0x7Eu); // Tie to even: 448.
  EXPECT_EQ(encodeFloat(D::F8E4M3FN, 465.0, false), 0x7Fu); // NaN.
  EXPECT_EQ(encodeFloat(D::F8E4M3FN, 465.0, true), 0x7Eu);
  EXPECT_EQ(encodeFloat(D::F8E4M3FN, -kInf, true), 0xFEu);
  EXPECT_EQ(encodeFloat(D::F8E4M3FN, kNan), 0x7Fu);
  EXPECT_EQ(encodeFloat(D::F8E5M2, 61440.0, false), 0x7Cu); // Infinity.
  EXPECT_EQ(encodeFloat(D::F8E5M2, kInf, true), 0x7Bu);
  EXPECT_EQ(encodeFloat(D::F8E4M3FNUZ, -0.0), 0u);
  EXPECT_EQ(encodeFloat(D::F8E4M3FNUZ, 1000.0, false), 0x80u);
  EXPECT_EQ(encodeFloat(D::F8E4M3FNUZ, -1000.0, true), 0xFFu);
  EXPECT_EQ(encodeFloat(D::F8E5M2FNUZ, kNan), 0x80u);
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, 100.0), 7u);
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, -kInf), 15u);
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, kNan), 8u);
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, 0.25), 0u); // Ties to even.
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, 0.75), 2u);
  EXPECT_EQ(encodeFloat(D::F4E2M1FN, 2.5), 4u);
  EXPECT_EQ(getMaxFinite(D::F6E2M3FN), 7.5);
  EXPECT_EQ(getMaxFinite(D::F6E3M2FN), 28.0);
  EXPECT_EQ(roundToType(D::F32, 1e-320), 0.0);
}

TEST(NumericFormatsTest, E8M0Rounding) {
  using R = E8M0Rounding;
  DataType type = DataType::F8E8M0FNU;
  EXPECT_EQ(encodeFloat(type, 1.0), 127u);
  EXPECT_EQ(encodeFloat(type, 1.49, true, R::Nearest), 127u);
  EXPECT_EQ(encodeFloat(type, 1.5, true, R::Nearest), 128u);
  EXPECT_EQ(encodeFloat(type, 1.01, true, R::Up), 128u);
  EXPECT_EQ(encodeFloat(type, 1.99, true, R::Down), 127u);
  EXPECT_EQ(encodeFloat(type, 0.0, true), 0u);
  EXPECT_EQ(encodeFloat(type, 0.0, false), 0xFFu);
  EXPECT_EQ(encodeFloat(type, kInf, true), 0xFEu);
  EXPECT_EQ(encodeFloat(type, 1e300, false), 0xFFu);
  EXPECT_EQ(encodeFloat(type, kNan, true), 0xFFu);
}

TEST(NumericFormatsTest, FloatToInteger) {
  using D = DataType;
  EXPECT_EQ(convertFloatToInt(D::I32, -1.9), -1);
  EXPECT_EQ(convertFloatToInt(D::I32, 3e9), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(convertFloatToInt(D::I32, -2147483648.5), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(convertFloatToInt(D::I64, kNan), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(convertFloatToInt(D::I8, 300.7), 44);
  EXPECT_EQ(convertFloatToInt(D::U8, -300.7), 212);
  EXPECT_EQ(convertFloatToInt(D::I16, 70000.0), 4464);
  EXPECT_EQ(convertFloatToInt(D::U32, 3e9), 3000000000);
  EXPECT_EQ(static_cast<uint64_t>(convertFloatToInt(D::U64, 0x1.8p63)), 3ull << 62);
  EXPECT_EQ(convertFloatToInt(D::Bool, kNan), 1);
  EXPECT_EQ(convertFloatToInt(D::Bool, -0.0), 0);
  EXPECT_EQ(convertFloatToInt(D::I4, 9.5), -7);
}

TEST(NumericFormatsTest, Packing) {
  char bytes[3] = {};
  for (int i = 0; i < 8; ++i) {
    writePacked(DataType::I3, bytes, i, i - 4);
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(readPacked(DataType::I3, bytes, i), i - 4);
    EXPECT_EQ(readPacked(DataType::U3, bytes, i), (i - 4) & 7);
  }
  // -4, -3, -2 are 100, 101, 110: low bits first 10'101'100.
  EXPECT_EQ(static_cast<unsigned char>(bytes[0]), 0b10101100u);
  char nibbles[1] = {0};
  writePacked(DataType::I4, nibbles, 0, 5);
  writePacked(DataType::I4, nibbles, 1, -1);
  EXPECT_EQ(static_cast<unsigned char>(nibbles[0]), 0xF5u);
  writePacked(DataType::I4, nibbles, 0, 2); // The neighbour stays.
  EXPECT_EQ(static_cast<unsigned char>(nibbles[0]), 0xF2u);
  EXPECT_EQ(wrapToType(DataType::I2, 6), -2);
  EXPECT_EQ(wrapToType(DataType::U4, -1), 15);
  EXPECT_EQ(wrapToType(DataType::I64, -1), -1);
}
