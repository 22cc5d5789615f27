//===- CompositeOps.td - ops that stand for several ONNX nodes -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `compress-raise-composites` (`compress-raise-moe`) finds these in what exporters write;
// `compress-expand-composites` is the way back.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPOSITEOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPOSITEOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_RMSNormOp : Compress_ModelOp<"rms_norm", [], ["removeIndices"]> {
  let summary = "x / sqrt(mean(x^2) + epsilon) * scale over the dims from `axis`";
  let description = [{
    Zhang and Sennrich, "Root Mean Square Layer Normalization"; ONNX RMSNormalization. Constraints as
    `compress.layer_norm`.

    ```mlir
    %y = compress.rms_norm %x, %w {axis = 2 : i64, epsilon = 1.0e-6 : f32}
       : (tensor<?x?x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
    ```
  }];
  let arguments = (ins
    Compress_FloatTensor:$input, Compress_FloatTensor:$scale,
    I64Attr:$axis, DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input `,` $scale attr-dict `:` functional-type(operands, results)";
}

def Compress_RotaryEmbeddingOp : Compress_ModelOp<"rotary_embedding"> {
  let summary = "x * cos + rotate_half(x) * sin along the last dim";
  let description = [{
    `rotate_half(x)` is the concatenation of `-x[d/2:]` and `x[:d/2]` (Su et al., "RoFormer", in the
    half-split order of GPT-NeoX and LLaMA). `cos` and `sin` have all `d` columns.

    Constraints: (C1) the last dim of the input is known and even; (C2) cos and sin broadcast to the
    input's shape; (C3) one element type.

    ```mlir
    %y = compress.rotary_embedding %q, %cos, %sin
       : (tensor<?x4x?x32xf32>, tensor<1x1x?x32xf32>, tensor<1x1x?x32xf32>) -> tensor<?x4x?x32xf32>
    ```
  }];
  let arguments = (ins
    Compress_FloatTensor:$input, Compress_FloatTensor:$cos, Compress_FloatTensor:$sin
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = "$input `,` $cos `,` $sin attr-dict `:` functional-type(operands, results)";
}

def Compress_AttentionOp : Compress_ModelOp<"attention", [], ["removeIndices"]> {
  let summary = "softmax(q * k^T * scale + mask) * v per head";
  let description = [{
    Vaswani et al., "Attention Is All You Need". `layout` says how queries, keys, values and the
    result lie: `bhsd` is `[batch, heads, sequence, dim]`, `bshd` is `[batch, sequence, heads, dim]`.
    Keys and values may have fewer heads: head `h` of the queries uses head `h / (heads / kv_heads)`
    (grouped-query attention). The mask is added to the scores `[batch, heads, queries, keys]`.

    A mask value of -1e8 or less removes the key; a row in which all keys are removed counts them
    all, as the formula says.

    Constraints: (C1) rank 4; (C2) the heads are known and those of the queries a multiple of those
    of keys and values; (C3) batch, key lengths and the dims of queries and keys agree; (C4) the
    mask broadcasts to the scores; (C5) one element type.

    ```mlir
    %y = compress.attention bshd %q, %k, %v mask %m {scale = 0.25 : f32}
       : (tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x16xf32>, tensor<?x1x?x?xf32>)
       -> tensor<?x?x4x16xf32>
    ```
  }];
  let arguments = (ins
    TensorRankOf<[AnyFloat], [4]>:$query, TensorRankOf<[AnyFloat], [4]>:$key,
    TensorRankOf<[AnyFloat], [4]>:$value, Optional<Compress_FloatTensor>:$mask,
    DefaultValuedAttr<Compress_AttentionLayoutAttr,
                      "::mlir::compress::AttentionLayout::BHSD">:$layout,
    F32Attr:$scale
  );
  let results = (outs TensorRankOf<[AnyFloat], [4]>:$result);
  let assemblyFormat = [{
    `` $layout $query `,` $key `,` $value (`mask` $mask^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// Index of the dim of heads, and of that of positions.
    unsigned getHeadDim() {
      return getLayout() == ::mlir::compress::AttentionLayout::BHSD ? 1 : 2;
    }
    unsigned getSequenceDim() { return 3 - getHeadDim(); }
  }];
}

def Compress_MoeOp : Compress_ModelOp<"moe", [AttrSizedOperandSegments]> {
  let summary = "mixture of experts: a router and the experts that it weighs";
  let description = [{
    Shazeer et al., "Outrageously Large Neural Networks", in the dense form that exporters write.
    For every token (row of the input) the router gives a logit to each expert, `x * router^T +
    bias`; the `k` best (the first of equal ones) are selected, and the result is the weighted sum
    of what they compute. Expert `e` is `act(x * w1[e]) * w2[e]`, or with `w3`
    `(act(x * w1[e]) . (x * w3[e])) * w2[e]`. `normalization` says how the experts are weighed:

    - `none`: by the softmax of all logits;
    - `sum`: by that, divided by its sum over the selected experts;
    - `softmax`: by the softmax of the selected logits only.

    With `skip_threshold` (k = 2) the second expert is left out where its weight is less than
    `skip_threshold` times that of the first one, which then gets the weight of both (dynamic expert
    skipping; Lu et al., "Not All Experts are Equal").

    `parts` keeps, for `router`, `w1`, `w3` and `w2`, the `name` and the `plan` of the weighted op
    that was raised; `compress-expand-composites` gives them back. As long as the op is raised, its
    weights are not compressed; see `compress-prune-experts`.

    Constraints: (C1) the input is `[tokens, d]`; (C2) the router is `[E, d]`, its bias `[E]`, w1 and
    w3 are `[E, d, h]`, w2 is `[E, h, d]`, all of known size; (C3) 1 <= k <= E; (C4) a skip threshold
    is not negative and k is 2; (C5) one element type; (C6) parts are dictionaries with the string
    `name` and the `#compress.plan` `plan`.

    ```mlir
    %y = compress.moe %x router %r experts %w1 times %w3, %w2 {k = 2 : i64, name = "moe0"}
       : (tensor<?x16xf32>, tensor<8x16xf32>, tensor<8x16x32xf32>, tensor<8x16x32xf32>,
          tensor<8x32x16xf32>) -> tensor<?x16xf32>
    ```
  }];
  let arguments = (ins
    TensorRankOf<[AnyFloat], [2]>:$input, TensorRankOf<[AnyFloat], [2]>:$router,
    Optional<TensorRankOf<[AnyFloat], [1]>>:$router_bias,
    TensorRankOf<[AnyFloat], [3]>:$w1, Optional<TensorRankOf<[AnyFloat], [3]>>:$w3,
    TensorRankOf<[AnyFloat], [3]>:$w2,
    I64Attr:$k,
    DefaultValuedAttr<Compress_MoeActivationAttr,
                      "::mlir::compress::MoeActivation::Silu">:$activation,
    DefaultValuedAttr<Compress_MoeNormalizationAttr,
                      "::mlir::compress::MoeNormalization::Sum">:$normalization,
    OptionalAttr<F32Attr>:$skip_threshold,
    OptionalAttr<DictionaryAttr>:$parts,
    DefaultValuedStrAttr<StrAttr, "">:$name
  );
  let results = (outs TensorRankOf<[AnyFloat], [2]>:$result);
  let assemblyFormat = [{
    $input `router` $router (`bias` $router_bias^)? `experts` $w1 (`times` $w3^)? `,` $w2 attr-dict
    `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    int64_t getNumExperts() { return getRouter().getType().getDimSize(0); }
    /// Name, or null, of the weighted op that a part was raised from (`router`, `w1`, `w3`, `w2`),
    /// and its plan, or null.
    ::mlir::StringAttr getPartName(::llvm::StringRef part);
    ::mlir::compress::PlanAttr getPartPlan(::llvm::StringRef part);
  }];
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPOSITEOPS_TD
