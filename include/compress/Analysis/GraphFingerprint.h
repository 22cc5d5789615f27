//===- GraphFingerprint.h - hash of a graph without weights ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_GRAPHFINGERPRINT_H
#define COMPRESS_ANALYSIS_GRAPHFINGERPRINT_H

#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// Hash of what the functions of `module` compute, as far as the graph says it: ops, their
/// attributes, types and edges. Weights count by their dense type: not by their bytes, the names of
/// their symbols, or how they are stored. Locations, observers, dead ops and attributes such as
/// `compress.plan` do not count. Never 0.
uint64_t getGraphFingerprint(ModuleOp module);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_GRAPHFINGERPRINT_H
