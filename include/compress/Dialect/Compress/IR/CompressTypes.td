//===- CompressTypes.td - types -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_TD

include "compress/Dialect/Compress/IR/CompressBase.td"

class Compress_Type<string cppName, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<Compress_Dialect, cppName, traits> {
  let mnemonic = typeMnemonic;
}

def Compress_OnnxValueType : Compress_Type<"OnnxValue", "onnx_value"> {
  let summary = "a value of an ONNX graph whose type is not known (yet)";
  let description = [{
    Results of `compress.onnx` have this type after import; `compress-normalize-onnx` infers the
    real types. Values behind an operator that is not modelled may keep it.
  }];
}

def Compress_StringType : Compress_Type<"String", "string"> {
  let summary = "element type of an ONNX string tensor; opaque use only";
}

def Compress_SequenceType : Compress_Type<"Sequence", "sequence"> {
  let summary = "an ONNX sequence; opaque use only";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def Compress_OptionalType : Compress_Type<"Optional", "optional"> {
  let summary = "an ONNX optional; opaque use only";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSTYPES_TD
