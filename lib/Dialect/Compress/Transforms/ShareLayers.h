//===- ShareLayers.h - blocks with one set of weights -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHARELAYERS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHARELAYERS_H

#include "compress/Recipe/ShareSpec.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace mlir {
namespace compress {

/// Gives the residual blocks of every function whose plans say `layers:N` (or that of `given`) N
/// sets of weights, each the mean of those of its blocks (Lan et al., "ALBERT", ICLR 2020, share
/// parameters across layers; their mean is where recovery training starts). Blocks of different
/// structure are shared apart from each other. Remarks and lines of the report say what happened. A
/// failure, with a diagnostic, where bytes cannot be read.
LogicalResult shareLayers(ModuleOp module, const std::optional<ShareSpec> &given);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_SHARELAYERS_H
