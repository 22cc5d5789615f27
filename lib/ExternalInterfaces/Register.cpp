//===- Register.cpp - what plug-ins, hosts and tools register -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExternalInterfaces/Register.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::registerExternalModels(DialectRegistry &registry) {
  registerArithModels(registry);
  registerLinalgModels(registry);
  registerMLProgramModels(registry);
  registerTosaModels(registry);
  registerLinalgRelations(registry);
  registerTensorRelations(registry);
  registerTosaRelations(registry);
  registerLinalgFactors(registry);
  registerTosaFactors(registry);
}

void mlir::compress::registerCore(DialectRegistry &registry) {
  registry.insert<CompressDialect>();
  registerExternalModels(registry);
}

void mlir::compress::registerCorePasses() { registerCompressPasses(); }
