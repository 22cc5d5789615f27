//===- Export.h - modules to ONNX files ------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes a module as an ONNX file. `compress.onnx` nodes and the metadata that the
// import recorded come out unchanged; model ops become operators of the default
// domain; compressed weights become what `ExportOptions::form` says. A module
// without model ops keeps its opset and IR version; otherwise the opset is the
// original one, at least 13, raised to what the written operators need.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_EXPORT_H
#define COMPRESS_TARGET_ONNX_EXPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

namespace mlir::compress::onnx {

/// How compressed weights are written.
enum class ExportForm : uint8_t {
  /// Codes as initializers, decoded by DequantizeLinear.
  QDQ,
  /// Linear ops with integer weights as com.microsoft MatMulNBits where that is possible, the rest
  /// as QDQ.
  MatMulNBits,
  /// Weights decoded to floats.
  Dense,
};

/// "qdq", "matmulnbits" or "dense"; nothing for other text.
std::optional<ExportForm> parseExportForm(StringRef text);

struct ExportOptions {
  ExportForm form = ExportForm::QDQ;
  /// Opset of the default domain; 0: chosen as the head of this file says. An op that needs a newer
  /// one is an error.
  int64_t opset = 0;
  /// Write all larger initializers to `<file>.data`, whatever their sum; without it that happens
  /// when the model would exceed 1.5 GB.
  bool forceExternalData = false;
  /// Initializers smaller than this many bytes stay in the model even with external data.
  uint64_t externalDataThreshold = 1024;
  /// Read the written file again, validate it, and compare it with what was meant.
  bool selfCheck = true;
};

/// Writes `module` to the file `path`. The function that is written is the public one named `main`,
/// or the only public function. On failure a diagnostic names the op and the reason, and `path` is
/// as it was before (or, if the self-check failed, absent).
LogicalResult exportOnnx(ModuleOp module, StringRef path, const ExportOptions &options = {});

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_EXPORT_H
