//===- Sidecar.h - weights beside a module -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_SIDECAR_H
#define COMPRESS_PIPELINES_SIDECAR_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

namespace mlir {
namespace compress {

/// Where the bytes of weights go when a module is written as MLIR.
enum class WeightsMode {
  /// `Reference` if all larger weights already lie in files beside the output, else `Sidecar`;
  /// `Inline` on standard output for weights that lie in no file.
  Auto,
  /// A safetensors file beside the output.
  Sidecar,
  /// Files that weights came from; an error if a weight has none, or one elsewhere.
  Reference,
  /// In the module itself.
  Inline,
};

/// Weights of at most this many bytes stay in the module.
constexpr uint64_t kMaxInlineWeight = 4096;

/// Writes the bytes of larger weights to the safetensors file `path` (whole or not at all) and
/// makes the weights refer to it by its file name. Only printing may follow. Errors are diagnostics
/// at the weight or the module.
LogicalResult writeSidecar(ModuleOp module, StringRef path);

/// Copies all file references into the module as blobs.
LogicalResult inlineWeights(ModuleOp module);

/// Checks that every larger weight is a file reference.
LogicalResult verifyReferences(ModuleOp module);

/// Applies `mode` for a module written to `output` ("-": standard output) whose references are
/// relative to the folder `baseDirectory`.
LogicalResult placeWeights(ModuleOp module, WeightsMode mode, StringRef output,
                           StringRef baseDirectory);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_PIPELINES_SIDECAR_H
