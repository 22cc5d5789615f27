//===- MovementOps.td - data movement, indexing and shapes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_MOVEMENTOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_MOVEMENTOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_ReshapeOp : Compress_ModelOp<"reshape", [], ["removeIndices"]> {
  let summary = "same elements, other shape";
  let description = [{
    In `shape` one entry may be -1 (inferred) and 0 copies the input's dim of that index (unless
    `allowzero`). Constraints: (C1) a constant shape has at most one -1, none beside a 0 with
    `allowzero`, and no smaller entries;
    (C2) element counts agree where they are known.

    ```mlir
    %s = compress.constant dense<[0, -1]> : tensor<2xi64>
    %y = compress.reshape %x, %s : (tensor<?x8x4xf32>, tensor<2xi64>) -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Compress_Tensor:$input, Compress_I64Vector:$shape,
                       DefaultValuedAttr<BoolAttr, "false">:$allowzero);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input `,` $shape attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Compress_BroadcastOp : Compress_ModelOp<"broadcast", [], ["removeIndices"]> {
  let summary = "broadcast to the common shape of the input and `shape` (ONNX Expand)";
  let description = "Constraints: (C1) a constant shape is non-negative and broadcasts with the input.";
  let arguments = (ins Compress_Tensor:$input, Compress_I64Vector:$shape);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input `,` $shape attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Compress_TransposeOp : Compress_ModelOp<"transpose"> {
  let summary = "permute the dims: result dim i is input dim perm[i]";
  let description = "Constraints: (C1) `perm` is a permutation of the dims.";
  let arguments = (ins Compress_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Compress_SqueezeOp : Compress_ModelOp<"squeeze"> {
  let summary = "remove dims of size 1";
  let description = "Constraints: (C1) `axes` are distinct dims in increasing order, of size 1.";
  let arguments = (ins Compress_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_UnsqueezeOp : Compress_ModelOp<"unsqueeze"> {
  let summary = "insert dims of size 1";
  let description = "Constraints: (C1) `axes` are distinct dims of the result in increasing order.";
  let arguments = (ins Compress_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_ConcatOp : Compress_ModelOp<"concat"> {
  let summary = "join tensors along one dim";
  let description = [{
    Constraints: (C1) at least one input; (C2) same rank and element type; (C3) `axis` is a dim,
    counted from the front; (C4) the other dims agree.
  }];
  let arguments = (ins Variadic<Compress_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Compress_SplitOp : Compress_ModelOp<"split", [], ["removeIndices"]> {
  let summary = "cut a tensor along one dim into parts of given sizes";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front; (C2) sizes are non-negative and, where
    the dim is known, add up to it.
  }];
  let arguments = (ins Compress_Tensor:$input, I64Attr:$axis, DenseI64ArrayAttr:$sizes);
  let results = (outs Variadic<Compress_Tensor>:$parts);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Compress_SliceOp : Compress_ModelOp<"slice", [], ["removeIndices"]> {
  let summary = "a strided part of some dims, with ONNX's clamping";
  let description = [{
    Constraints: (C1) `axes` are distinct dims, counted from the front; (C2) steps are not zero;
    (C3) starts, ends, axes and steps have the same length.
  }];
  let arguments = (ins
    Compress_Tensor:$input, Compress_I64Vector:$starts, Compress_I64Vector:$ends,
    DenseI64ArrayAttr:$axes, DenseI64ArrayAttr:$steps
  );
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $starts `,` $ends attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_PadOp : Compress_ModelOp<"pad", [], ["removeIndices"]> {
  let summary = "extend (or, with negative pads, cut) a tensor at both ends of its dims";
  let description = [{
    `pads` holds the begin of every dim and then the end of every dim. Constraints: (C1) pads has two
    entries per dim; (C2) the value has rank 0 and the input's element type; (C3) known result
    dims are not negative.
  }];
  let arguments = (ins
    Compress_Tensor:$input, Compress_I64Vector:$pads, Optional<Compress_Tensor>:$value,
    DefaultValuedAttr<Compress_PadModeAttr, "::mlir::compress::PadMode::Constant">:$mode
  );
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = [{
    `` $mode $input `,` $pads (`value` $value^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_GatherOp : Compress_ModelOp<"gather", [], ["removeIndices"]> {
  let summary = "slices of one dim by index";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front. Negative indices count from the end.
  }];
  let arguments = (ins Compress_Tensor:$input, Compress_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Compress_GatherElementsOp : Compress_ModelOp<"gather_elements"> {
  let summary = "elements by index along one dim";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front; (C2) input and indices have the same
    rank.
  }];
  let arguments = (ins Compress_Tensor:$input, Compress_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Compress_GatherNDOp : Compress_ModelOp<"gather_nd"> {
  let summary = "slices by index tuples";
  let description = [{
    Constraints: (C1) `batch_dims` is less than both ranks; (C2) the last dim of the indices is known
    and not more than the input's remaining rank; (C3) the batch dims agree.
  }];
  let arguments = (ins Compress_Tensor:$input, RankedTensorOf<[I64]>:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = "$input `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Compress_ScatterElementsOp : Compress_ModelOp<"scatter_elements"> {
  let summary = "a copy of the input with elements replaced by index along one dim";
  let description = [{
    Constraints: (C1) `axis` is a dim, counted from the front; (C2) input, indices, updates have the
    same rank; (C3) indices and updates have the same shape; (C4) updates have the input's
    element type.
  }];
  let arguments = (ins
    Compress_Tensor:$input, Compress_IndexTensor:$indices, Compress_Tensor:$updates, I64Attr:$axis,
    DefaultValuedAttr<Compress_ScatterReductionAttr,
                      "::mlir::compress::ScatterReduction::None">:$reduction
  );
  let results = (outs Compress_Tensor:$result);
  let assemblyFormat = [{
    `` $reduction $input `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
}

def Compress_ShapeOp : Compress_ModelOp<"shape"> {
  let summary = "the dims [start, end) of a tensor's shape";
  let description = "Constraints: (C1) 0 <= start <= end <= rank.";
  let arguments = (ins Compress_Tensor:$input, I64Attr:$start, I64Attr:$end);
  let results = (outs Compress_I64Vector:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Compress_RangeOp : Compress_ModelOp<"range"> {
  let summary = "start, start + delta, ... up to but without limit";
  let description = "Constraints: (C1) three rank-0 tensors of one element type; (C2) a constant delta "
    "is not zero.";
  let arguments = (ins Compress_NumericTensor:$start, Compress_NumericTensor:$limit,
                       Compress_NumericTensor:$delta);
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = [{
    $start `,` $limit `,` $delta attr-dict `:` functional-type(operands, results)
  }];
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_MOVEMENTOPS_TD
