//===- InstrumentationOps.td - what calibration looks at -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_INSTRUMENTATIONOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_INSTRUMENTATIONOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

/// A tensor, or the buffer that it becomes.
def Compress_Observable : AnyTypeOf<[Compress_NumericTensor, MemRefOf<[AnyFloat, AnyInteger]>]>;

def Compress_ObserveOp : Compress_Op<"observe", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "show a value to whoever runs the model";
  let description = [{
    Each time that it is executed, the compiled model calls the observer of its run time
    (`compress_rt_observe`) with the value as a dense tensor. It changes nothing, is never moved,
    merged or removed, and counts as one more use of the value.

    - `id`: what the value is, `"<op>:input"` or `"<op>:output"`, once per op that it is tied to;
    - `statistics`: what is wanted of it, names as in `--collect`;
    - `index`: its number, which the observer gets; given when the model is compiled;
    - `element_type`: the type before it became a type of memory; given when the model is lowered.

    Without an observer the call does nothing. Export to ONNX leaves the op out, with a warning.

    Constraints: (C1) `id` is not empty and has no name twice, and no empty name; (C2) statistics
    are known: `minmax`, `moving_average`, `moments`, `histogram`, `gram`; (C3) a buffer is dense
    and row-major; (C4) an index is not negative.

    ```mlir
    compress.observe %x {id = ["fc1:input"], statistics = ["minmax", "gram"]} : tensor<?x16xf32>
    ```
  }];
  let arguments = (ins
    Compress_Observable:$input,
    StrArrayAttr:$id,
    DefaultValuedAttr<StrArrayAttr, "{}">:$statistics,
    OptionalAttr<I64Attr>:$index,
    OptionalAttr<TypeAttr>:$element_type
  );
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_INSTRUMENTATIONOPS_TD
