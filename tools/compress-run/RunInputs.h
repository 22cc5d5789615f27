//===- RunInputs.h - inputs of a run ---------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_RUN_RUNINPUTS_H
#define COMPRESS_TOOLS_COMPRESS_RUN_RUNINPUTS_H

#include "RunOptions.h"
#include "compress/ExecutionEngine/NumpyIO.h"

namespace mlir {
namespace compress {

/// Reads the inputs that the options name, and makes up the others if that is asked for.
llvm::Expected<std::vector<NamedTensor>> readInputs(const RunOptions &options,
                                                    ArrayRef<TensorSpec> specs);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_RUN_RUNINPUTS_H
