//===- CpuTarget.h - instruction set that code is generated for -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_CPUTARGET_H
#define COMPRESS_CODEGEN_CPU_CPUTARGET_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir {
namespace compress {

/// What kernel generators know about the CPU. Code for a target never needs more than it says, and
/// the numbers that kernels compute depend on it only where a header says so.
struct CpuTarget {
  /// LLVM's names: `-mcpu` and a feature string such as "+avx2,+fma".
  std::string cpu, features;
  /// AVX-512 F, BW, DQ and VL.
  bool avx512 = false;
  /// AVX-512 VNNI: vpdpbusd on 64 bytes.
  bool vnni = false;

  /// f32 lanes of a register: 16 or 8.
  int64_t getLanes() const { return avx512 ? 16 : 8; }
  /// Columns of one packed panel of a weight, and so of a register tile: 64 or 16.
  int64_t getPanelWidth() const { return avx512 ? 64 : 16; }
  /// "avx512vnni", "avx512" or "avx2"; part of kernel names.
  llvm::StringRef getName() const { return vnni ? "avx512vnni" : avx512 ? "avx512" : "avx2"; }

  /// The CPU that this process runs on; an error if it lacks AVX2 or FMA.
  static llvm::Expected<CpuTarget> getHost();
  /// `host`, `avx2`, `avx512` or `avx512vnni`.
  static llvm::Expected<CpuTarget> parse(llvm::StringRef name);
  /// Whether the CPU that this process runs on can run code for this target.
  bool runsOnHost() const;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_CPUTARGET_H
