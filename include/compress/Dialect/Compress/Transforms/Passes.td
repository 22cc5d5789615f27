//===- Passes.td - passes on compress ops and weighted ops -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_TD
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

/// Options that say how a weight is quantized; see docs/Recipes.md.
class QuantizeOptions {
  list<Option> options = [
    Option<"format", "format", "std::string", /*default=*/"\"\"",
           "Stored format: int8 (with dynamic int8 activations), w8, int4, int2; empty: as planned">,
    Option<"group", "group", "int64_t", /*default=*/"0",
           "Weights along the contraction that share a scale; -1: all of an output channel; "
           "0: the format's default">,
    Option<"granularity", "granularity", "std::string", /*default=*/"\"\"",
           "tensor, channel or group; empty: the format's default">,
    Option<"convention", "convention", "std::string", /*default=*/"\"\"",
           "sym_restricted, sym_fullrange, sym_signed_max, asym_zero_in, asym_minmax; empty: the "
           "format's default">,
    Option<"asymmetric", "asymmetric", "bool", /*default=*/"false",
           "Store a zero point per scale (asym_zero_in)">,
    Option<"activations", "activations", "std::string", /*default=*/"\"\"",
           "none or dynamic; empty: the format's default">,
    Option<"method", "method", "std::string", /*default=*/"\"rtn\"", "How codes are chosen">,
  ];
}

def ApplyRecipe : Pass<"compress-apply-recipe", "::mlir::ModuleOp"> {
  let summary = "Write a recipe's decisions onto the weighted ops that it selects";
  let description = [{
    Numbers the weighted ops of the module in program order, resolves the recipe for each of them,
    and writes the result as the attribute `compress.plan`. Passes that compress read only this
    attribute. Ops that already have a plan get a new one.

    The recipe is a YAML file, or the flags `quantize` and `prune`, or both; flags are rules before
    the file's. A selector that matches nothing is a warning.

    (* example filepath=test/Dialect/Compress/Transforms/apply-recipe.mlir function=@two_layers *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"recipe", "recipe", "std::string", /*default=*/"\"\"", "YAML file">,
    Option<"quantize", "quantize", "std::string", /*default=*/"\"\"",
           "As the flag --quantize, for example int4,group=32">,
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example 2:4">,
  ];
}

def CompressWeights : Pass<"compress-weights", "::mlir::ModuleOp"> {
  let summary = "Prune and quantize every weight by its plan, weight after weight";
  let description = [{
    Does what `compress-prune` followed by `compress-quantize` does, but takes each weight through
    both steps before the next one, so that no pruned but unquantized copy of the model exists.

    (* example filepath=test/Dialect/Compress/Transforms/compress-weights.mlir function=@both *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def Prune : Pass<"compress-prune", "::mlir::ModuleOp"> {
  let summary = "Prune weights to an N:M pattern along the contraction";
  let description = [{
    Keeps, of every M consecutive weights along the contraction, the N of largest magnitude (ties:
    the lower index), and rewrites the weight to `compress.expand_nm` of what is kept. Weights that
    are quantized already keep their scales. With a `pattern` every weighted op is pruned that is
    not an embedding; without one, those whose `compress.plan` says so.

    A weight that several ops use is rewritten once, and only if all of them ask for the same.
    Skipped weights are reported as missed remarks of category `prune`, with the reason.

    (* example filepath=test/Dialect/Compress/Transforms/prune.mlir function=@keeps_largest *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"pattern", "pattern", "std::string", /*default=*/"\"\"", "N:M, N kept of every M">,
    Option<"method", "method", "std::string", /*default=*/"\"magnitude\"", "Score">,
  ];
}

def Quantize : Pass<"compress-quantize", "::mlir::ModuleOp"> {
  let summary = "Quantize weights, and activations where that is asked for";
  let description = [{
    Rounds each weight to the nearest code of a uniform grid and rewrites it to
    `compress.dequantize` of codes, scales and, if asymmetric, zero points. An N:M pattern stays:
    its kept values become kept codes. With dynamic activations the op's activation goes through
    `compress.dynamic_quantize` (per row for linear and matmul, per tensor for convolutions).

    With a `format` every weighted op is quantized that is not an embedding; without one, those
    whose `compress.plan` says so. Weights of fewer channels than a group has are quantized per
    output channel, with a remark. A weight that several ops use is rewritten once, and only if all
    of them ask for the same. Remarks have the category `quantize`.

    (* example filepath=test/Dialect/Compress/Transforms/quantize.mlir function=@per_channel *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = QuantizeOptions<>.options;
}

def InsertFakeQuant : Pass<"compress-insert-fake-quant", "::mlir::ModuleOp"> {
  let summary = "Insert fake quantization on weights";
  let description = [{
    Like `compress-quantize`, but keeps the float weight and inserts `compress.fake_quantize` between
    it and its users: the rounding error is there, the values stay trainable.

    (* example filepath=test/Dialect/Compress/Transforms/insert-fake-quant.mlir function=@linear *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = QuantizeOptions<>.options;
}

def FoldMasks : Pass<"compress-fold-masks", "::mlir::ModuleOp"> {
  let summary = "Make masks on weights physical";
  let description = [{
    `mask(weight, constant)` becomes a weight whose masked elements are exact zeros; a mask on a
    quantized weight sets the masked codes to the code of zero. Masks that are not constant, or not
    on a weight, are left alone with a remark.

    (* example filepath=test/Dialect/Compress/Transforms/fold-masks.mlir function=@dense *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def FoldDecode : Pass<"compress-fold-decode", "::mlir::ModuleOp"> {
  let summary = "Make compressed weights dense again";
  let description = [{
    Replaces every decode chain on a weight by one dense weight of the same values. The only pass
    that does; canonicalization keeps chains.

    (* example filepath=test/Dialect/Compress/Transforms/fold-decode.mlir function=@quantized *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def VerifyChains : Pass<"compress-verify-chains", "::mlir::ModuleOp"> {
  let summary = "Check that decode chains are in normal form and their bytes are consistent";
  let description = [{
    Checks the order of the links, that the positions of an N:M pattern increase and stay in their
    groups, that the fill code decodes to zero, and that scales are finite. An error names the
    weight and the first wrong element. Changes nothing.

    (* example filepath=test/Dialect/Compress/Transforms/verify-chains.mlir function=@valid *)
  }];
}

def FoldBatchNorm : Pass<"compress-fold-batch-norm", "::mlir::ModuleOp"> {
  let summary = "Fold batch normalization into the convolution or linear op before it";
  let description = [{
    `batch_norm(conv(x, w, b))` with constant parameters becomes `conv(x, w', b')`, where
    `w' = w * scale / sqrt(variance + epsilon)` per output channel and
    `b' = (b - mean) * scale / sqrt(variance + epsilon) + bias`, computed in f64 and rounded once.
    The result of the convolution must have no other user, and its weight must be dense. Skipped
    ops are reported as missed remarks of category `fold-batch-norm`.

    (* example filepath=test/Dialect/Compress/Transforms/fold-batch-norm.mlir function=@conv *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def FoldConstants : Pass<"compress-fold-constants", "::mlir::ModuleOp"> {
  let summary = "Evaluate ops whose operands are all constant";
  let description = [{
    Uses the executable semantics (`ReferenceOpInterface`) of ops on constants and weights. A result
    larger than `max-bytes` is only made if it is not larger than the operands that die with it.
    Decode chains stay. All results together make the model at most 16 MiB larger, and the work is
    bounded (about 2^28 multiply-adds, more for larger models); what exceeds that stays, with a missed
    remark of category `fold-constants`.

    (* example filepath=test/Dialect/Compress/Transforms/fold-constants.mlir function=@sum *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"maxBytes", "max-bytes", "uint64_t", /*default=*/"65536",
           "Results up to this size are always made">,
  ];
}

def RaiseComposites : Pass<"compress-raise-composites", "::mlir::ModuleOp"> {
  let summary = "Find norms, gelu, rotary positions and attention in what exporters write";
  let description = [{
    Replaces subgraphs of f32 ops by one op of the same meaning: `compress.rms_norm`,
    `compress.layer_norm`, `compress.gelu`, `compress.rotary_embedding` and `compress.attention`,
    in the forms and orders of operands that exporters use. Attention takes in the scale, masks
    (added, or chosen by `compress.where` with a fill of -1e8 or less), the repetition of shared
    heads, and the transposes around it if queries, keys, values and the result all have them. Ops
    whose intermediate values have other users, and matmuls with weights, stay.

    Every new op is a remark of category `raise`; a softmax that looks like attention but stays is
    a missed remark with the reason.

    (* example filepath=test/Dialect/Compress/Transforms/raise-composites.mlir function=@rms_norm *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def ExpandComposites : Pass<"compress-expand-composites"> {
  let summary = "Write rms_norm, rotary_embedding and attention as primitive ops";
  let description = [{
    The way back from `compress-raise-composites`, for shapes of any kind. Exports to ONNX do it by
    themselves, so that they need no new opset.

    (* example filepath=test/Dialect/Compress/Transforms/expand-composites.mlir function=@rotary_embedding *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def RemoveDeadWeights : Pass<"compress-remove-dead-weights", "::mlir::ModuleOp"> {
  let summary = "Erase private weights that no op refers to";
  let description = [{
    Erases dead pure ops and then every private `compress.weight` without uses. Other symbols, such
    as functions, stay.

    (* example filepath=test/Dialect/Compress/Transforms/remove-dead-weights.mlir function=@main *)
  }];
}

def PrintDimensionRelations : Pass<"compress-print-dimension-relations"> {
  let summary = "Print how dims of operands and results relate, as remarks";
  let description = [{
    Emits one remark per op with what `DimensionRelationOpInterface` says of it; ops without the
    interface are named as such.

    (* example filepath=test/Dialect/Compress/IR/dimension-relations.mlir function=@linear *)
  }];
}

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PASSES_TD
