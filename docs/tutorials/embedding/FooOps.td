//===- FooOps.td - the host's own dialect -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef FOO_FOOOPS_TD
#define FOO_FOOOPS_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Foo_Dialect : Dialect {
  let name = "foo";
  let cppNamespace = "::foo";
}

class Foo_Op<string mnemonic, list<Trait> traits = []>
    : Op<Foo_Dialect, mnemonic, [Pure] # traits>;

def Foo_ParameterOp : Foo_Op<"parameter", [AllTypesMatch<["value", "result"]>]> {
  let summary = "a tensor that is known at compile time";
  let arguments = (ins StrAttr:$id, ElementsAttr:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$id $value attr-dict";
}

def Foo_DenseOp : Foo_Op<"dense"> {
  let summary = "input [..., k] times weight [n, k], plus bias [n]";
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$weight, AnyRankedTensor:$bias);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat =
      "$input `,` $weight `,` $bias attr-dict `:` functional-type(operands, results)";
}

def Foo_SwishOp : Foo_Op<"swish"> {
  let summary = "x * sigmoid(x) of every element";
  let arguments = (ins AnyRankedTensor:$input);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Foo_HeadsOp : Foo_Op<"heads"> {
  let summary = "cuts the last dim into `count` heads: [..., count * size] to [..., count, size]";
  let arguments = (ins AnyRankedTensor:$input, I64Attr:$count);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$input `into` $count attr-dict `:` functional-type(operands, results)";
}

#endif // FOO_FOOOPS_TD
