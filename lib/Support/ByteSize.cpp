//===- ByteSize.cpp - byte counts as people write them --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Support/ByteSize.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include <limits>

using namespace llvm;

namespace mlir::compress {

std::string formatBytes(uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return formatv("{0} B", bytes).str();
  double value = static_cast<double>(bytes);
  unsigned unit = 0;
  // 1023.5 would print as 1024: take the next unit.
  while (value >= 1023.5 && unit < 6) {
    value /= 1024;
    ++unit;
  }
  // Bounds so that rounding never yields a fourth digit.
  if (value < 9.995)
    return formatv("{0:F2} {1}", value, units[unit]).str();
  if (value < 99.95)
    return formatv("{0:F1} {1}", value, units[unit]).str();
  return formatv("{0:F0} {1}", value, units[unit]).str();
}

std::optional<uint64_t> parseByteSize(StringRef text) {
  StringRef digits = text.take_while(isDigit);
  StringRef rest = text.drop_front(digits.size());
  StringRef fraction;
  bool hasFraction = rest.consume_front(".");
  if (hasFraction) {
    fraction = rest.take_while(isDigit);
    rest = rest.drop_front(fraction.size());
  }
  if (digits.empty() || digits.size() > 19 || (hasFraction && fraction.empty()) ||
      fraction.size() > 9)
    return std::nullopt;
  rest.consume_front(" ");
  uint64_t scale = StringSwitch<uint64_t>(rest.lower())
                       .Cases({"", "b"}, 1)
                       .Cases({"k", "kib"}, uint64_t(1) << 10)
                       .Cases({"m", "mib"}, uint64_t(1) << 20)
                       .Cases({"g", "gib"}, uint64_t(1) << 30)
                       .Cases({"t", "tib"}, uint64_t(1) << 40)
                       .Case("kb", 1000)
                       .Case("mb", 1000 * 1000)
                       .Case("gb", 1000 * 1000 * 1000)
                       .Case("tb", uint64_t(1000) * 1000 * 1000 * 1000)
                       .Default(0);
  if (scale == 0 || (hasFraction && scale == 1))
    return std::nullopt;
  uint64_t whole = 0;
  if (digits.getAsInteger(10, whole) || whole > std::numeric_limits<int64_t>::max() / scale)
    return std::nullopt;
  double part = 0;
  if (hasFraction && StringRef(("0." + fraction).str()).getAsDouble(part))
    return std::nullopt;
  uint64_t total = whole * scale + static_cast<uint64_t>(part * static_cast<double>(scale));
  if (total > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return std::nullopt;
  return total;
}

} // namespace mlir::compress
