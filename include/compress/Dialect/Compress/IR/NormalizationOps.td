//===- NormalizationOps.td - normalisations and reductions -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_NORMALIZATIONOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_NORMALIZATIONOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_LayerNormOp : Compress_ModelOp<"layer_norm", [], ["removeIndices"]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias over the dims from `axis`";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front; (C2) scale and bias broadcast to the
    input's shape; (C3) one element type.
  }];
  let arguments = (ins
    Compress_FloatTensor:$input, Compress_FloatTensor:$scale, Optional<Compress_FloatTensor>:$bias,
    I64Attr:$axis, DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_BatchNormOp : Compress_ModelOp<"batch_norm"> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias per channel (inference)";
  let description = [{
    Constraints: (C1) the input has rank >= 2; (C2) the four parameters are `[C]`, C being dim 1;
    (C3) one element type.
  }];
  let arguments = (ins
    Compress_FloatTensor:$input,
    TensorRankOf<[AnyFloat], [1]>:$scale, TensorRankOf<[AnyFloat], [1]>:$bias,
    TensorRankOf<[AnyFloat], [1]>:$mean, TensorRankOf<[AnyFloat], [1]>:$variance,
    DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $scale `,` $bias `,` $mean `,` $variance attr-dict
    `:` functional-type(operands, results)
  }];
}

def Compress_SoftmaxOp : Compress_ModelOp<"softmax"> {
  let summary = "exp(x - max) / sum along one dim";
  let description = "Constraints: (C1) `axis` is a dim, counted from the front.";
  let arguments = (ins Compress_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_LogSoftmaxOp : Compress_ModelOp<"log_softmax"> {
  let summary = "x - max - log(sum(exp(x - max))) along one dim";
  let description = "Constraints: (C1) `axis` is a dim, counted from the front.";
  let arguments = (ins Compress_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_ReduceOp : Compress_ModelOp<"reduce", [], ["removeIndices"]> {
  let summary = "reduction over some dims";
  let description = [{
    Constraints: (C1) `axes` are distinct dims, counted from the front, in increasing order. No axes
    means no reduction: the op then only applies the kind's element function.

    ```mlir
    %m = compress.reduce mean %x {axes = array<i64: 2>, keepdims = true}
       : (tensor<?x?x128xf32>) -> tensor<?x?x1xf32>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$input, Compress_ReduceKindAttr:$kind, DenseI64ArrayAttr:$axes,
    DefaultValuedAttr<BoolAttr, "true">:$keepdims
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "`` $kind $input attr-dict `:` functional-type(operands, results)";
}

def Compress_ArgMaxOp : Compress_ModelOp<"argmax"> {
  let summary = "index of the largest element along one dim";
  let description = "Constraints: (C1) `axis` is a dim, counted from the front.";
  let arguments = (ins
    Compress_NumericTensor:$input, I64Attr:$axis, DefaultValuedAttr<BoolAttr, "true">:$keepdims,
    DefaultValuedAttr<BoolAttr, "false">:$select_last_index
  );
  let results = (outs RankedTensorOf<[I64]>:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_TopKOp : Compress_ModelOp<"top_k"> {
  let summary = "the k largest (or smallest) elements along one dim; ties: lower index first";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front; (C2) k has one element;
    (C3) a constant k is in [0, dim].
  }];
  let arguments = (ins
    Compress_NumericTensor:$input, RankedTensorOf<[I64]>:$k, I64Attr:$axis,
    DefaultValuedAttr<BoolAttr, "true">:$largest, DefaultValuedAttr<BoolAttr, "true">:$sorted
  );
  let results = (outs Compress_NumericTensor:$values, RankedTensorOf<[I64]>:$indices);
  let assemblyFormat = "$input `,` $k attr-dict `:` functional-type(operands, results)";
}

def Compress_CumSumOp : Compress_ModelOp<"cumsum"> {
  let summary = "running sum along one dim";
  let description = "Constraints: (C1) `axis` is a dim, counted from the front.";
  let arguments = (ins
    Compress_NumericTensor:$input, I64Attr:$axis,
    DefaultValuedAttr<BoolAttr, "false">:$exclusive, DefaultValuedAttr<BoolAttr, "false">:$reverse
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_NORMALIZATIONOPS_TD
