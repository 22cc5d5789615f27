//===- ByteSize.h - byte counts as people write them ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_BYTESIZE_H
#define COMPRESS_SUPPORT_BYTESIZE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace mlir::compress {

/// Writes a byte count for people: `0 B`, `1023 B`, `1.00 KiB`, `12.3 MiB`, `512 GiB`. Three
/// significant digits, binary units up to EiB.
std::string formatBytes(uint64_t bytes);

/// Reads a byte count: digits, an optional fraction, an optional unit. `KiB`, `MiB`, `GiB`, `TiB`
/// and the short `K`, `M`, `G`, `T` are powers of 1024, `KB`, `MB`, `GB`, `TB` powers of 1000, `B`
/// is one; case does not matter and a space may stand before the unit. Nothing for any other text,
/// for a value over 2^63 - 1, and for a fraction without a unit.
std::optional<uint64_t> parseByteSize(llvm::StringRef text);

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_BYTESIZE_H
