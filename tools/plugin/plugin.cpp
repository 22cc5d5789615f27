//===- plugin.cpp - the core tier as a plug-in of mlir-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HostCheck.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

/// The version that the loader compares; 0, which none supports, where the host does not fit.
static uint32_t getApiVersion() {
  std::string reason = compress::explainUnfitHost();
  if (reason.empty())
    return MLIR_PLUGIN_API_VERSION;
  llvm::errs() << "error: the plug-in Compress cannot be used here: " << reason << "\n";
  return 0;
}

extern "C" LLVM_ATTRIBUTE_WEAK LLVM_ATTRIBUTE_VISIBILITY_DEFAULT DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {getApiVersion(), "Compress", LLVM_VERSION_STRING, [](DialectRegistry *registry) {
            compress::registerCore(*registry);
            compress::registerCorePasses();
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK LLVM_ATTRIBUTE_VISIBILITY_DEFAULT PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {getApiVersion(), "CompressPasses", LLVM_VERSION_STRING,
          [] { compress::registerCorePasses(); }};
}
