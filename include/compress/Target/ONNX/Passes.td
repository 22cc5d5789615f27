//===- Passes.td - passes on imported ONNX graphs ----------*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_PASSES_TD
#define COMPRESS_TARGET_ONNX_PASSES_TD

include "mlir/Pass/PassBase.td"

def NormalizeOnnx : Pass<"compress-normalize-onnx", "::mlir::ModuleOp"> {
  let summary = "Turn ONNX nodes into model ops with inferred types";
  let description = [{
    Walks every function and region once, in order, and replaces each `compress.onnx` node by model
    ops. Differences between opsets disappear, types are inferred, and shape arithmetic is folded:
    dims of values are tracked as expressions over the dims of the inputs, so that reshape and
    slice targets become constants even where batch and sequence stay dynamic.

    A node that has no model op, that uses an unsupported variant, or whose operands have unknown
    types stays `compress.onnx`, with a remark (category `normalize`) that says why. A result whose
    inferred type contradicts the type that the model declares is an error.

    Weighted ops get their `name`: that of the node, else of its first output, made unique.

    (* example filepath=test/Target/ONNX/normalize-shape.mlir function=@reshape_dynamic *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect", "::mlir::func::FuncDialect"];
  let options = [
    ListOption<"dims", "dims", "std::string",
               "Symbolic dims of the inputs to fix, as name=size, for example batch=1">,
  ];
}

def InlineOnnxFunctions : Pass<"compress-inline-onnx-functions", "::mlir::ModuleOp"> {
  let summary = "Inline the model-local functions of an ONNX model";
  let description = [{
    Replaces every `compress.onnx` node that calls a model-local function (a private `func.func`
    with the attribute `compress.onnx_function`) by the function's body, with the node's attributes
    in place of the function's attribute references, and removes functions without callers.

    (* example filepath=test/Target/ONNX/inline-functions.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect", "::mlir::func::FuncDialect"];
}

#endif // COMPRESS_TARGET_ONNX_PASSES_TD
