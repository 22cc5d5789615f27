//===- consumer.cpp - a host that embeds the core tier ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prunes and quantizes a linalg module given on the command line, and prints it.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                  tensor::TensorDialect>();
  compress::registerCore(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(argc > 1 ? argv[1] : "-", &context);
  if (!module)
    return 2;
  PassManager pm(&context);
  compress::PruneOptions prune;
  prune.pattern = "2:4";
  pm.addPass(compress::createPrune(prune));
  compress::QuantizeOptions quantize;
  quantize.format = "int4";
  pm.addPass(compress::createQuantize(quantize));
  if (failed(pm.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
