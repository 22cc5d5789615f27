//===- CompileDialects.cpp - what passes that compile depend on -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileDialects.h"
#include "compress/Codegen/Lowering.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/ExternalInterfaces/Register.h"
#include "compress/Target/ONNX/Passes.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::compress;

void mlir::compress::addCompileDialects(DialectRegistry &registry) {
  registerAllExtensions(registry);
  registerCore(registry);
  registerCodegenInterfaces(registry);
  OpPassManager pm(ModuleOp::getOperationName());
  pm.addPass(onnx::createInlineOnnxFunctions());
  pm.addPass(onnx::createNormalizeOnnx());
  pm.addPass(createRaiseComposites());
  LowerPipelineOptions lowering;
  buildLowerToBinaryPipeline(pm, lowering);
  pm.getDependentDialects(registry);
}
