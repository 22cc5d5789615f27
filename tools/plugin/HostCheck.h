//===- HostCheck.h - whether a plug-in fits its host -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_PLUGIN_HOSTCHECK_H
#define COMPRESS_TOOLS_PLUGIN_HOSTCHECK_H

#include <string>

namespace mlir {
namespace compress {

/// Why the process that loads this plug-in cannot use it; empty if it can. MLIR has no stable ABI
/// and tells types apart by addresses: host and plug-in must use one and the same shared libMLIR.
std::string explainUnfitHost();

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TOOLS_PLUGIN_HOSTCHECK_H
