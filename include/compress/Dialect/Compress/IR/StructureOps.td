//===- StructureOps.td - weights, constants and opaque ONNX nodes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_STRUCTUREOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_STRUCTUREOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Compress_WeightOp : Compress_Op<"weight", [Symbol]> {
  let summary = "a constant tensor as a module-level symbol";
  let description = [{
    Holds a tensor that is immutable: a rewrite makes a new weight. The value is a `dense` literal
    (small tensors in tests), a `dense_resource` blob or a `#compress.file` reference that is
    memory-mapped on first touch. In a blob or file the elements are in storage order: little
    endian, `i1` one byte each, other sub-byte types packed low bits first.

    Constraints:
    - (C1) the type has a static shape and its byte count does not overflow;
    - (C2) the value has exactly this type;
    - (C3) a blob is present and has the size that the type needs;
    - (C4) a file reference covers the size that the type needs.

    ```mlir
    compress.weight private @fc.w : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
    ```
  }];
  let arguments = (ins
    SymbolNameAttr:$sym_name,
    OptionalAttr<StrAttr>:$sym_visibility,
    TypeAttrOf<Compress_Tensor>:$type,
    AnyAttr:$value
  );
  let assemblyFormat = [{
    custom<SymbolNameAndVisibility>($sym_name, $sym_visibility)
    custom<TypedValue>($type, $value) attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getType());
    }
  }];
}

def Compress_LoadOp : Compress_Op<"load", [
    Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<WeightSourceOpInterface>,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the value of a weight";
  let description = [{
    Two loads of one symbol share one weight. Not ConstantLike, and without a folder: nothing but
    a pass that rewrites a weight touches its bytes.

    Constraints: (C1) `weight` names a `compress.weight` in the nearest symbol table; (C2) of
    exactly the result type.

    ```mlir
    %w = compress.load @fc.w : tensor<2x2xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Compress_ConstantOp : Compress_Op<"constant", [
    Pure, ConstantLike, AllTypesMatch<["value", "result"]>,
    DeclareOpInterfaceMethods<WeightSourceOpInterface>,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a small constant, such as a shape or an axis";
  let description = [{
    For what is part of the structure of the graph and not of its parameters; it is folded by
    canonicalization. Parameters are `compress.weight`.

    ```mlir
    %shape = compress.constant dense<[0, -1]> : tensor<2xi64>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Compress_NoneOp : Compress_Op<"none", [Pure, ConstantLike]> {
  let summary = "an omitted optional input of an ONNX node";
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict";
  let hasFolder = 1;
}

def Compress_OnnxOp : Compress_Op<"onnx", [
    DeclareOpInterfaceMethods<WeightedOpInterface>,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "an ONNX node, kept as it is";
  let description = [{
    Import makes one of these per ONNX node; what has no model op stays so, is compressed around
    and exported again unchanged. MatMul, Gemm, Conv and ConvTranspose nodes whose activation has no
    known type, because an unknown operator made it, are weighted ops all the same. Regions are the graphs of If, Loop, Scan: block arguments are
    the graph's inputs, `compress.yield` its outputs, and values of the outside are captured.

    - `op_type`, `domain`, `version` (opset version its model imported), `node_name`, `overload`;
    - `onnx_attributes`: FLOAT `f32`, INT `i64`, STRING string, TENSOR elements, FLOATS `array<f32>`,
      INTS `array<i64>`, STRINGS array of strings; anything else `#compress.onnx_raw`;
    - `body_names`: for each region `["attribute name", "graph name"]`, or with a third element: a
      dictionary of what else the graph has. `inputs` and `outputs`: for each a dictionary as
      arguments and results of an imported function have it (`compress.name`, `compress.type`, ...);
      `initializers`: symbols of the weights that belong to the graph; `doc_string`, `metadata`,
      `quantization_annotation`: kept for export; `list`: the graph is an element of an attribute of
      kind GRAPHS, whose graphs are neighbours;
    - `result_names`: ONNX value names, `""` for an omitted output;
    - `doc_string`, `metadata`: kept for export.

    Constraints: (C1) one result name per result; (C2) one body name per region, of the form
    above; (C3) each region ends in `compress.yield`.

    ```mlir
    %y = compress.onnx "Relu"(%x) {node_name = "relu1", result_names = ["y"], version = 17 : i64}
       : (tensor<?x8xf32>) -> !compress.onnx_value
    ```
  }];
  let arguments = (ins
    StrAttr:$op_type,
    DefaultValuedStrAttr<StrAttr, "">:$domain,
    I64Attr:$version,
    DefaultValuedStrAttr<StrAttr, "">:$node_name,
    DefaultValuedStrAttr<StrAttr, "">:$overload,
    DefaultValuedStrAttr<StrAttr, "">:$doc_string,
    OptionalAttr<DictionaryAttr>:$onnx_attributes,
    OptionalAttr<ArrayAttr>:$body_names,
    StrArrayAttr:$result_names,
    OptionalAttr<ArrayAttr>:$metadata,
    Variadic<AnyType>:$inputs
  );
  let results = (outs Variadic<AnyType>:$outputs);
  let regions = (region VariadicRegion<SizedRegion<1>>:$bodies);
  let assemblyFormat = [{
    $op_type `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs) ($bodies^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Attribute `name` of the node, or null.
    ::mlir::Attribute getOnnxAttr(::llvm::StringRef name) {
      return getOnnxAttributes() ? getOnnxAttributes()->get(name) : ::mlir::Attribute();
    }
    /// True for an operator `type` of the default ONNX domain.
    bool isDefaultDomain() { return getDomain().empty() || getDomain() == "ai.onnx"; }
  }];
}

def Compress_YieldOp : Compress_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["OnnxOp"]>]> {
  let summary = "outputs of the graph in a region of `compress.onnx`";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_STRUCTUREOPS_TD
