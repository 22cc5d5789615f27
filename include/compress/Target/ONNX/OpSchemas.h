//===- OpSchemas.h - versions of the standard ONNX operators ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The operators of the default domain ("" or "ai.onnx"), opsets 1 to 28: which
// versions each has, and the arity and attributes of every version. The table is
// generated from the onnx package by tools/scripts/gen-op-schemas.py.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_OPSCHEMAS_H
#define COMPRESS_TARGET_ONNX_OPSCHEMAS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>

namespace mlir::compress::onnx {

/// One version of an operator.
struct OpSchema {
  const char *name;
  /// First opset with this version.
  uint8_t sinceVersion;
  bool deprecated;
  /// Number of inputs and outputs; the largest value means any number.
  uint16_t minInputs, maxInputs, minOutputs, maxOutputs;
  /// "name=T" or "name=T!" (required), separated by blanks, sorted; T is an `AttributeTypeId`.
  const char *attributes;

  static constexpr uint16_t unbounded = 65535;
};

/// An attribute that an operator has.
struct AttributeSchema {
  /// An `AttributeTypeId`.
  int32_t type;
  bool required;
};

/// All versions of `op`, oldest first; empty if there is no such operator.
llvm::ArrayRef<OpSchema> getOpVersions(llvm::StringRef op);

/// The version of `op` that holds in `opset`, or null.
const OpSchema *lookupOp(llvm::StringRef op, int64_t opset);

/// The opset that introduced the version of `op` that holds in `opset`; nothing if
/// the operator does not exist there.
std::optional<int> sinceVersion(llvm::StringRef op, int64_t opset);

/// True if `op` exists and has the same version in both opsets, so that a node
/// means the same under either.
bool sameSchema(llvm::StringRef op, int64_t opsetA, int64_t opsetB);

/// The attribute `name` of an operator, or nothing.
std::optional<AttributeSchema> lookupAttribute(const OpSchema &schema, llvm::StringRef name);

/// Names of the attributes that must be given.
llvm::SmallVector<llvm::StringRef, 4> getRequiredAttributes(const OpSchema &schema);

/// Checks numbers of inputs and outputs (names "" at the end not counted).
llvm::Error checkArity(const OpSchema &schema, uint64_t numInputs, uint64_t numOutputs);

/// All rows of the table, sorted by name and version.
llvm::ArrayRef<OpSchema> getAllOpSchemas();

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_OPSCHEMAS_H
