//===- Import.h - ONNX models into compress modules -------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The module that import makes, and that export reads:
//
// - The module's attribute `compress.onnx` is a dictionary with `ir_version`, `opset_import`
//   (array of [domain, version]) and, where the model has them: `producer_name`,
//   `producer_version`, `domain`, `model_version`, `doc_string`, `metadata_props` (array of
//   [key, value]), `graph_name`, `graph_doc_string`, `graph_metadata_props`,
//   `quantization_annotation` (array of {tensor_name, parameters = array of [key, value]}),
//   `training_info` and `configuration` (arrays of `#compress.onnx_raw`).
// - Each initializer is a private `compress.weight`, in order, named after it. If its symbol had to
//   differ: `compress.onnx_name`. `compress.graph_input = i` for one that is also input i of the
//   graph of an IR version below 4. `compress.doc_string` and `compress.metadata` are kept.
// - The graph is the public `func.func @main`. Each argument and result has `compress.name` and,
//   where they apply: `compress.dims` (array with the name of each dim, "" for none),
//   `compress.type` (the declared type: always on results, on arguments if it is not the argument's
//   own type, as `tensor<*xf32>` for an unknown rank), `compress.denotation`,
//   `compress.dim_denotations`, `compress.doc_string`, `compress.metadata`, `compress.onnx_type`
//   (for map, sparse and opaque types, and sequences with named dims: a serialized `AttributeProto`
//   with the type as `tp`), and on arguments `compress.default = @weight` (an initializer that
//   callers may override).
// - A model-local function is a private `func.func` on `!compress.onnx_value` with the attribute
//   `compress.onnx_function = {domain, name, overload, opset_import, attributes = names without
//   default, defaults = array of #compress.onnx_raw, doc_string, metadata}`.
// - Each node is one `compress.onnx` op. An attribute of kind TENSORS, SPARSE_TENSOR(S),
//   TYPE_PROTO(S), or one that refers to an attribute of the function around it, is a serialized
//   `AttributeProto`. `compress.tensor_names` has the names of tensors that are attributes.
// - The inputs, outputs and initializers of a body are described in `body_names`; its initializers
//   are weights of the module.
// - What is lost: `value_info`, and doc strings of attributes and of tensors in them.
// - Locations: NameLoc(node name, NameLoc(first output)); body arguments NameLoc(input name).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_IMPORT_H
#define COMPRESS_TARGET_ONNX_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace mlir::compress::onnx {

/// How models are imported.
struct ImportOptions {
  /// Sizes of symbolic dims of inputs and outputs, by name.
  llvm::StringMap<int64_t> dims;
  /// Leave weights of 1 KiB and more in their file (`#compress.file`, relative to the model's
  /// folder) where their bytes lie there in storage order; otherwise copy every weight.
  bool weightsByReference = true;
  /// Record the content hash of weights that stay in their file, which reads them once. Not
  /// needed if the module does not outlive the process.
  bool hashWeights = true;
  /// Accept external data files that are links leading out of the model's folder.
  bool allowOutsideLinks = false;
};

/// Imports the model file at `path`. With weights by reference, the dialect's base directory in
/// `context` is set to the file's folder. Errors and warnings go to the context's diagnostics.
FailureOr<OwningOpRef<ModuleOp>> importOnnx(StringRef path, MLIRContext *context,
                                            const ImportOptions &options = {});

/// Imports a model from memory; every weight is copied. External data is looked up beneath
/// `folder` ("": nowhere).
FailureOr<OwningOpRef<ModuleOp>> importOnnx(llvm::MemoryBufferRef buffer, MLIRContext *context,
                                            const ImportOptions &options = {},
                                            StringRef folder = "");

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_IMPORT_H
