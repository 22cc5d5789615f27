//===- ModelFlags.h - flags about model files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_PIPELINES_MODELFLAGS_H
#define COMPRESS_PIPELINES_MODELFLAGS_H

#include "compress/Pipelines/Sidecar.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Import.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace mlir {
namespace compress {

/// Flags that the tools share: how ONNX is read and written, and where weights go. Made after
/// `main` has started, so that nothing global is registered; they must live as long as the process.
struct ModelFlags {
  /// Adds the flags to the help section `category`.
  explicit ModelFlags(llvm::cl::OptionCategory &category);

  /// What the flags say; an error names the flag, what it expects and what it got.
  llvm::Error getOptions(onnx::ImportOptions &importOptions,
                         onnx::ExportOptions &exportOptions) const;
  WeightsMode getWeightsMode() const { return weights; }

private:
  llvm::cl::opt<std::string> form;
  llvm::cl::opt<int64_t> opset;
  llvm::cl::opt<bool> externalData;
  llvm::cl::list<std::string> dim;
  llvm::cl::opt<WeightsMode> weights;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_PIPELINES_MODELFLAGS_H
