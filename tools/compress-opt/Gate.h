//===- Gate.h - --max-drop of compress-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_OPT_GATE_H
#define COMPRESS_TOOLS_COMPRESS_OPT_GATE_H

#include "ToolOptions.h"
#include "ToolReport.h"

namespace mlir {
namespace compress {

/// Compresses until the metric holds `options.gate`: see AccuracyGate.h. `run` does what the
/// options that it gets say, tells `report`, and returns the exit code of the tool. Models are
/// written to a folder beside the output and moved to it when they are the best so far. Returns the
/// exit code: 0, 4 if the gate is missed, else that of what failed, after a message.
int runGate(const ToolOptions &options, ToolReport &report,
            llvm::function_ref<int(const ToolOptions &)> run);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_COMPRESS_OPT_GATE_H
