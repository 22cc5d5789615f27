//===- Cast.cpp - ONNX Cast ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "compress/Reference/Elementwise.h"
#include "compress/Support/NumericFormats.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>
#include <cmath>
#include <limits>

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::Expected;
using llvm::StringRef;

/// A number of decimal text, as ONNX spells them.
static std::optional<double> parseNumber(StringRef text) {
  text = text.trim();
  StringRef unsignedText = text;
  bool negative = unsignedText.consume_front("-");
  if (!negative)
    unsignedText.consume_front("+");
  if (unsignedText.equals_insensitive("inf") || unsignedText.equals_insensitive("infinity"))
    return negative ? -HUGE_VAL : HUGE_VAL;
  if (unsignedText.equals_insensitive("nan"))
    return std::numeric_limits<double>::quiet_NaN();
  // Only decimal digits, dot and exponent may follow (no hexadecimal floats).
  if (unsignedText.empty() || unsignedText.find_first_not_of("0123456789.eE+-") != StringRef::npos)
    return std::nullopt;
  double value;
  const char *end = unsignedText.end();
  auto [rest, code] = std::from_chars(unsignedText.begin(), end, value);
  if (rest != end)
    return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    llvm::APFloat wide(llvm::APFloat::IEEEdouble());
    auto status = wide.convertFromString(unsignedText, llvm::APFloat::rmNearestTiesToEven);
    if (!status) {
      llvm::consumeError(status.takeError());
      return std::nullopt;
    }
    value = wide.convertToDouble();
  } else if (code != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

/// A string as element `slot` of a numeric result; false when it is no number.
static bool storeParsed(Tensor &result, int64_t slot, StringRef text) {
  DataType type = result.getType();
  StringRef trimmed = text.trim();
  if (isInteger(type)) { // All 64 bits, which a double does not hold.
    int64_t value;
    uint64_t unsignedValue;
    if (!trimmed.getAsInteger(10, value)) {
      result.storeInt(slot, value);
      return true;
    }
    if (!trimmed.getAsInteger(10, unsignedValue)) {
      result.storeInt(slot, static_cast<int64_t>(unsignedValue));
      return true;
    }
  }
  std::optional<double> value = parseNumber(text);
  if (!value)
    return false;
  result.storeFloat(slot, *value);
  return true;
}

/// Shortest decimal text that reads back as the same value of the type.
static std::string printFloat(DataType type, double value) {
  if (std::isnan(value))
    return "NaN";
  if (std::isinf(value))
    return value < 0 ? "-INF" : "INF";
  for (int digits = 1; digits < 17; ++digits) {
    char buffer[40];
    std::snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
    std::optional<double> back = parseNumber(buffer);
    if (back && roundToType(type, *back) == value)
      return buffer;
  }
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.17g", value);
  return buffer;
}

static std::string printElement(const Tensor &x, int64_t slot) {
  if (isFloat(x.getType()))
    return printFloat(x.getType(), x.loadFloat(slot));
  int64_t value = x.loadInt(slot);
  return x.getType() == DataType::U64 ? llvm::utostr(static_cast<uint64_t>(value))
                                      : llvm::itostr(value);
}

static E8M0Rounding getE8M0Rounding(const CastOptions &options) {
  if (options.e8m0RoundDown)
    return E8M0Rounding::Down;
  return options.e8m0RoundUp ? E8M0Rounding::Up : E8M0Rounding::Nearest;
}

/// Value of an integer rounded once to a float type of the result.
static void storeIntAsFloat(Tensor &result, int64_t slot, DataType from, int64_t value,
                            const CastOptions &options) {
  if (result.getType() == DataType::F32)
    return result.storeFloat(slot, from == DataType::U64
                                       ? static_cast<float>(static_cast<uint64_t>(value))
                                       : static_cast<float>(value));
  double wide = from == DataType::U64 ? static_cast<double>(static_cast<uint64_t>(value))
                                      : static_cast<double>(value);
  result.storeBits(slot,
                   encodeFloat(result.getType(), wide, options.saturate, getE8M0Rounding(options)));
}

Expected<Tensor> reference::cast(const Tensor &x, DataType type, const CastOptions &options) {
  DataType from = x.getType();
  if (from == type)
    return x;
  if (getClass(from) == DataTypeClass::Complex || getClass(type) == DataTypeClass::Complex)
    return opError("cast", "no conversion from " + getName(from) + " to " + getName(type));
  Expected<Tensor> result = Tensor::create(type, x.getShape());
  if (!result)
    return inOp("cast", result.takeError());

  int64_t next = 0;
  if (from == DataType::String) {
    std::optional<std::string> wrong;
    forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) {
      StringRef text = x.loadString(slots[0]);
      if (!storeParsed(*result, next++, text) && !wrong)
        wrong = text.str();
    });
    if (wrong)
      return opError("cast", "\"" + *wrong + "\" is no number");
    return result;
  }
  if (type == DataType::String) {
    forEachSlot<1>(x.getShape(), {&x},
                   [&](auto slots) { result->storeString(next++, printElement(x, slots[0])); });
    return result;
  }
  if (isFloat(from) && isFloat(type)) {
    E8M0Rounding rounding = getE8M0Rounding(options);
    forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) {
      result->storeBits(next++,
                        encodeFloat(type, x.loadFloat(slots[0]), options.saturate, rounding));
    });
    return result;
  }
  if (isFloat(from)) {
    forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) {
      result->storeInt(next++, convertFloatToInt(type, x.loadFloat(slots[0])));
    });
    return result;
  }
  if (isFloat(type)) {
    forEachSlot<1>(x.getShape(), {&x}, [&](auto slots) {
      storeIntAsFloat(*result, next++, from, x.loadInt(slots[0]), options);
    });
    return result;
  }
  forEachSlot<1>(x.getShape(), {&x},
                 [&](auto slots) { result->storeInt(next++, x.loadInt(slots[0])); });
  return result;
}
