//===- ContractionOps.td - contractions with a weight, and pooling -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_CONTRACTIONOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_CONTRACTIONOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_LinearOp : Compress_WeightedOp<"linear"> {
  let summary = "x * W (+ bias), contracting the last dim of x";
  let description = [{
    `weight_layout` says how the weight lies in memory: `kn` is `[in, out]` (ONNX MatMul), `nk` is
    `[out, in]` (Gemm with transB, embedding tables); importing never copies a weight to change it.

    Constraints: (C1) the input has rank >= 1, the weight rank 2; (C2) the input's last dim is the
    weight's `in`; (C3) the bias is `[out]`, of the result's element type; (C4) element types as
    `compress.matmul`.

    ```mlir
    %y = compress.linear nk %x, %w bias %b {name = "fc1"}
       : (tensor<?x16xf32>, tensor<32x16xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$input,
    TensorRankOf<[AnyFloat, AnyInteger], [2]>:$weight,
    Optional<TensorRankOf<[AnyFloat, AnyInteger], [1]>>:$bias,
    DefaultValuedAttr<Compress_WeightLayoutAttr, "::mlir::compress::WeightLayout::KN">:$weight_layout,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = [{
    `` $weight_layout $input `,` $weight (`bias` $bias^)? attr-dict
    `:` functional-type(operands, results)
  }];
}

def Compress_MatMulOp : Compress_WeightedOp<"matmul"> {
  let summary = "NumPy matmul, batched with broadcasting";
  let description = [{
    Either operand may be a weight, for example the stacked experts of a mixture of experts.

    Constraints: (C1) ranks >= 1; (C2) the contracted dims agree; (C3) batch dims broadcast;
    (C4) one element type, a float or an integer of at least 32 bits, or 8-bit integers with an i32
    result.
  }];
  let arguments = (ins
    Compress_NumericTensor:$lhs, Compress_NumericTensor:$rhs,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Compress_ConvOp : Compress_WeightedOp<"conv", [], ["removeIndices"]> {
  let summary = "convolution over any number of spatial dims";
  let description = [{
    Input `[N, C, spatial...]`, weight `[O, C / groups, kernel...]`, bias `[O]`. `pads` holds the
    begins and then the ends.

    Constraints: (C1) input and weight have the same rank >= 3; (C2) strides, dilations have one
    positive entry per spatial dim, pads two non-negative; (C3) C = groups * weight dim 1 and O is
    a multiple of groups; (C4) the dilated kernel fits into the padded input; (C5) bias is `[O]`, of
    the result's element type; (C6) element types as `compress.matmul`.
  }];
  let arguments = (ins
    Compress_NumericTensor:$input, Compress_NumericTensor:$weight,
    Optional<TensorRankOf<[AnyFloat, AnyInteger], [1]>>:$bias,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_ConvTransposeOp : Compress_WeightedOp<"conv_transpose", [], ["removeIndices"]> {
  let summary = "transposed convolution";
  let description = [{
    Input `[N, C, spatial...]`, weight `[C, O / groups, kernel...]`, bias `[O]`; result extent
    `stride * (in - 1) + output_padding + dilation * (kernel - 1) + 1 - pads`.

    Constraints: (C1) to (C3), (C5) and (C6) as `compress.conv` with the weight's first two dims
    exchanged; (C4) one non-negative output padding per spatial dim; (C7) the result's extents are
    positive.
  }];
  let arguments = (ins
    Compress_FloatTensor:$input, Compress_FloatTensor:$weight,
    Optional<TensorRankOf<[AnyFloat], [1]>>:$bias,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
    DenseI64ArrayAttr:$output_padding,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_EmbeddingOp : Compress_WeightedOp<"embedding"> {
  let summary = "rows of a table";
  let description = [{
    Constraints: (C1) the table has rank 2; negative indices count from the end.
  }];
  let arguments = (ins
    TensorRankOf<[AnyFloat], [2]>:$table, Compress_IndexTensor:$indices,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Compress_PoolOp : Compress_ModelOp<"pool"> {
  let summary = "max or average pooling over the spatial dims";
  let description = [{
    With `ceil_mode` the number of windows is rounded up, but a window that would start in the padding
    at the end is dropped. Constraints: (C1) rank >= 3; (C2) kernel, strides, dilations have one
    positive entry per spatial dim, pads two non-negative; (C3) the dilated kernel fits.
  }];
  let arguments = (ins
    Compress_NumericTensor:$input, Compress_PoolKindAttr:$kind,
    DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations,
    DefaultValuedAttr<BoolAttr, "false">:$ceil_mode,
    DefaultValuedAttr<BoolAttr, "false">:$count_include_pad
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "`` $kind $input attr-dict `:` functional-type(operands, results)";
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_CONTRACTIONOPS_TD
