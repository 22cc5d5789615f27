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
include "compress/Dialect/Compress/Transforms/FactorPasses.td"
include "compress/Dialect/Compress/Transforms/PruningPasses.td"

/// Options that say how a weight is quantized; see docs/Recipes.md.
class QuantizeOptions {
  list<Option> options = [
    Option<"format", "format", "std::string", /*default=*/"\"\"",
           "Stored format: int8 (with int8 activations), w8, int4, nf4, ...; empty: as planned">,
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
           "none, dynamic or static; empty: the format's default">,
    Option<"method", "method", "std::string", /*default=*/"\"rtn\"",
           "How codes are chosen: rtn, gptq, gptaq, hqq, adaround">,
    Option<"more", "more", "std::string", /*default=*/"\"\"",
           "Further keys of a recipe, separated by semicolons: range=mse;double_quant=true">,
  ];
}

def ApplyRecipe : Pass<"compress-apply-recipe", "::mlir::ModuleOp"> {
  let summary = "Write a recipe's decisions onto the weighted ops that it selects";
  let description = [{
    Numbers the weighted ops of the module in program order, resolves the recipe for each of them,
    and writes the result as the attribute `compress.plan`. Passes that compress read only this
    attribute. Ops that already have a plan get a new one.

    The recipe is a YAML file, or the flags `quantize`, `prune`, `low-rank` and `share`, or both;
    flags are rules before the file's. A selector that matches nothing is a warning.

    (* example filepath=test/Dialect/Compress/Transforms/apply-recipe.mlir function=@two_layers *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"recipe", "recipe", "std::string", /*default=*/"\"\"", "YAML file">,
    Option<"quantize", "quantize", "std::string", /*default=*/"\"\"",
           "As the flag --quantize, for example int4,group=32">,
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example 2:4">,
    Option<"lowRank", "low-rank", "std::string", /*default=*/"\"\"",
           "As the flag --low-rank, for example ratio:0.5">,
    Option<"share", "share", "std::string", /*default=*/"\"\"",
           "As the flag --share, for example codebook:16">,
    Option<"calibrated", "calibrated", "bool", /*default=*/"false",
           "There will be statistics: the method and activations `auto` become gptq and static">,
    ListOption<"exclude", "exclude", "std::string",
               "Names of ops to leave alone, whatever the recipe says: a last rule of it">,
  ];
}

def AllocateBits : Pass<"compress-allocate-bits", "::mlir::ModuleOp"> {
  let summary = "Choose one of several formats for every weight under a budget of bits";
  let description = [{
    Weights whose `compress.plan` has the format `mixed` get one of its formats each, such that the
    sum of their errors is least and the sum of their stored bytes (scales and positions included)
    keeps the budget: exactly, by dynamic programming, ties to fewer bytes. Plans that differ have
    budgets of their own. The plan of an op then has the chosen format, for `compress-quantize`.

    The error of a format is what rounding to nearest does (after the pruning that is planned): with
    `metric=weights` the sum of squares of W^ - W; with `metric=output`
    `tr(E G E^T) / tr(W G W^T)` for E = W^ - W and the Gram matrix G of the op's input, where the
    statistics have none the same with the identity, as a missed remark; `auto` is `output` if there
    are statistics. A weight with several users is decided and counted once. A budget below the
    smallest formats is an error.

    With `formats` every weighted op is planned that is not an embedding. Every choice is a remark
    of category `quantize`; reports list the errors of all formats.

    (* example filepath=test/Dialect/Compress/Transforms/allocate-bits.mlir function=@three_layers *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"formats", "formats", "std::string", /*default=*/"\"\"",
           "Formats with slashes between them, such as int4/int8/fp16; empty: as planned">,
    Option<"avg", "avg", "double", /*default=*/"0", "Budget in bits per weight, with formats">,
    Option<"bytes", "bytes", "uint64_t", /*default=*/"0", "Budget in bytes, with formats">,
    Option<"metric", "metric", "std::string", /*default=*/"\"auto\"",
           "auto, output or weights">,
  ];
}

def CompressWeights : Pass<"compress-weights", "::mlir::ModuleOp"> {
  let summary = "Prune, share and quantize every weight by its plan, weight after weight";
  let description = [{
    Does what `compress-prune` followed by the codebooks of `compress-share-weights` and by
    `compress-quantize` does, but takes each weight through all steps before the next one, so that no
    pruned but unquantized copy of the model exists.

    (* example filepath=test/Dialect/Compress/Transforms/compress-weights.mlir function=@both *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def Prune : Pass<"compress-prune", "::mlir::ModuleOp"> {
  let summary = "Prune single weights, to an N:M pattern or anywhere";
  let description = [{
    `N:M` keeps, of every M consecutive weights along the contraction (input channels, at each
    position of a kernel), the N that matter most, and rewrites the weight to `compress.expand_nm` of
    what is kept; the last block may be short. `unstructured:R` removes that share of the weights,
    of each output channel (`scope=row`) or of the whole weight, and rewrites it to
    `compress.expand_bitmap` where that takes fewer bytes. docs/Pruning.md has the methods: what
    matters is told by magnitude (ties: the lower index stays) or by statistics of inputs and
    gradients, which the context must have (`compress-load-statistics`); an op without them is an
    error, and one that calibration never ran is pruned by magnitude, with a remark. Weights of a
    pattern already keep their zeros. Weights that are quantized already keep their scales, and
    methods that change values leave them alone.

    With a `pattern` every weighted op is pruned that is not an embedding; without one, those whose
    `compress.plan` says so. A weight that several ops use is rewritten once, and only if all of them
    ask for the same. Skipped weights are reported as missed remarks of category `prune`, with the
    reason.

    (* example filepath=test/Dialect/Compress/Transforms/prune.mlir function=@keeps_largest *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"pattern", "pattern", "std::string", /*default=*/"\"\"",
           "As the flag --prune: N:M, unstructured:0.5,scope=row, ...; empty: as planned">,
    Option<"method", "method", "std::string", /*default=*/"\"\"",
           "Method, beside the pattern; empty: sparsegpt with statistics, else magnitude">,
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

def QuantizeActivations : Pass<"compress-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "Quantize the activations of ops with quantized weights";
  let description = [{
    Puts `compress.quantize` and `compress.dequantize` in front of weighted ops whose weight is
    quantized and whose `compress.plan` has static activations: one pair for all ops of a block that
    use a value in one way. Scale and zero point are constants, from the range that the statistics
    of the context give by the plan's `activation_range`; they are those of onnxruntime's static
    quantizer: codes `ui8` or `ui4` of a range that includes zero, or `i8` and `i4` without zero
    point if the plan says symmetric. Dynamic activations go through `compress.dynamic_quantize`
    (per row for linear and matmul, per tensor for convolutions).

    An activation without statistics, that was never computed or always 0 while calibrating, gets
    dynamic scales, with a missed remark of category `activations`; values that were not finite are
    an error. With `activations` all ops with quantized weights are treated alike, whatever their
    plan. `compress-quantize` does the same after it has quantized the weights.

    (* example filepath=test/Dialect/Compress/Transforms/quantize-activations-static.mlir function=@linear *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"activations", "activations", "std::string", /*default=*/"\"\"",
           "static or dynamic; empty: as planned">,
    Option<"more", "more", "std::string", /*default=*/"\"\"",
           "Further keys of a recipe, separated by semicolons: activation_range=entropy">,
  ];
}

def CleanQuantization : Pass<"compress-clean-quantization", "::mlir::ModuleOp"> {
  let summary = "Remove redundant quantization of activations and move it next to what needs it";
  let description = [{
    For models that come quantized (QDQ, QLinear ops). Rewrites that keep every value bit for bit:
    codes that are dequantized and quantized with the same parameters stay codes; a second pair of
    the same parameters is removed; `dequantize` moves below reshape, transpose, slice, concat (if
    all operands have the same parameters), gather, max pooling and other ops that only choose
    values, so that they move codes (one scale per tensor only); repeated `quantize` and `dequantize`
    of one value become one op; a constant that is quantized is stored as codes. Each rewrite is a
    remark of category `clean`.

    With `strip` quantization is taken out: activations and weights become floats (weights by
    decoding their codes), so that the model can be quantized again. That changes values by their
    rounding. Codes whose smallest one stands for 0 leave a `compress.clip` to their range, since
    quantizers fold relu and clip into the saturation. What cannot be taken out is a missed remark.

    (* example filepath=test/Dialect/Compress/Transforms/clean-quantization.mlir function=@redundant *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"strip", "strip", "bool", /*default=*/"false", "Take all quantization out">,
  ];
}

def InsertFakeQuant : Pass<"compress-insert-fake-quant", "::mlir::ModuleOp"> {
  let summary = "Insert fake quantization on weights and activations";
  let description = [{
    Like `compress-quantize`, but keeps the float weight and inserts `compress.fake_quantize` between
    it and its users: the rounding error is there, the values stay trainable. Formats with a table
    have it as an operand; scales that would be stored as codes have the values of these codes.
    Rounds to nearest whatever the plan's method; fp16 and bf16, which are casts, are skipped.

    Static activations get `compress.fake_quantize` with the ranges of
    `compress-quantize-activations`; dynamic ones are quantized and dequantized as there. Works in
    regions of ops, and on the weights of linalg and tosa ops.

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

def Rotate : Pass<"compress-rotate", "::mlir::ModuleOp"> {
  let summary = "Rotate residual streams, so that no channel has outliers (QuaRot)";
  let description = [{
    Multiplies the residual stream of a transformer by an orthogonal matrix Q, which spreads the
    outliers of a few channels over all of them, and changes the weights so that the model computes
    what it did: the scale of each norm (and the bias and the mean of layer_norm) goes into the
    weights around it, which makes the norm one that commutes with Q; what writes the stream writes
    `y Q`, what reads it has the weight `W Q` (Ashkboos et al., "QuaRot"). Everything is computed in
    f64 and rounded once. Decomposed norms are raised first, as by `compress-raise-composites`.

    The stream is found by data flow from the norms. It is left alone, as a missed remark with the
    reason, if anything else reads or writes it; constants in it (learned positions, class tokens)
    rotate, too. A weight that reads and writes, such as an embedding tied to the head, becomes two
    if the head has a norm to fold, with a remark.

    `rotate=residual` does this; `residual+values` also rotates the values of each attention head
    between their projection and the output projection; `all` also inserts Hadamard products before
    what writes the stream, where the activation cannot be rotated for free. Without `rotate`, the
    streams and values whose ops have a `compress.plan` with `transform=rotate` are rotated, with
    products before those of these ops whose activations get 4 bits. Q is a Hadamard matrix with
    random signs, or, where none of the size is known or `hadamard=random_orthogonal`, a random
    orthogonal matrix. Remarks have the category `rotate`. Statistics of changed activations are
    dropped.

    (* example filepath=test/Dialect/Compress/Transforms/rotate.mlir function=@decoder *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"rotate", "rotate", "std::string", /*default=*/"\"\"",
           "residual, residual+values or all; empty: as planned">,
    Option<"hadamard", "hadamard", "std::string", /*default=*/"\"randomized\"",
           "randomized or random_orthogonal">,
    Option<"seed", "seed", "uint64_t", /*default=*/"0", "Seed of signs and matrices">,
  ];
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
  let summary = "Write rms_norm, rotary_embedding, attention and moe as primitive ops";
  let description = [{
    The way back from `compress-raise-composites` and `compress-raise-moe`, for shapes of any kind.
    Exports to ONNX do it by themselves, so that they need no new opset. `ops` names the kinds that
    are expanded: `rms_norm`, `rotary_embedding`, `attention`, `moe`.

    (* example filepath=test/Dialect/Compress/Transforms/expand-composites.mlir function=@rotary_embedding *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    ListOption<"ops", "ops", "std::string", "Kinds of ops that are expanded; empty: all">,
  ];
}

def RemoveDeadWeights : Pass<"compress-remove-dead-weights", "::mlir::ModuleOp"> {
  let summary = "Erase private weights that no op refers to";
  let description = [{
    Erases dead pure ops and then every private `compress.weight` without uses. Other symbols, such
    as functions, stay.

    (* example filepath=test/Dialect/Compress/Transforms/remove-dead-weights.mlir function=@main *)
  }];
}

def OutlineBlocks : Pass<"compress-outline-blocks", "::mlir::ModuleOp"> {
  let summary = "Turn a function into calls of its stages or repeated blocks";
  let description = [{
    Cuts the single block of the main function into private functions `@main_block_N`, which it then
    calls one after the other. What depends on stored tensors and constants only is copied into every
    function that needs it.

    `granularity=layer` cuts before each group of weighted ops whose inputs are all available: those
    with a `compress.plan`, or all if none has one. These are the stages of
    `compress-weights-sequentially`. `granularity=block` looks for blocks of ops that are repeated
    with the same ops, attributes, types and edges (the layers of a transformer), names and plans
    aside; with `share` they become one function, whose stored tensors are arguments, and which has
    the names of the first block. A function that holds nothing of the kind, or has been cut before,
    is left alone with a missed remark of category `outline`.

    (* example filepath=test/Dialect/Compress/Transforms/outline-blocks.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect", "::mlir::func::FuncDialect"];
  let options = [
    Option<"granularity", "granularity", "std::string", /*default=*/"\"layer\"", "layer or block">,
    Option<"share", "share", "bool", /*default=*/"true",
           "One function for equal blocks; its stored tensors are arguments">,
    Option<"function", "function", "std::string", /*default=*/"\"\"",
           "The function to cut; empty: main, or the only public one">,
  ];
}

def InsertObservers : Pass<"compress-insert-observers", "::mlir::ModuleOp"> {
  let summary = "Observe the activations of weighted ops";
  let description = [{
    Inserts `compress.observe` for the value that each weighted op contracts with its weight: one per
    value and block, before the first op that uses it there, with an id `"<op>:input"` for every op
    that does. With `outputs` results are observed, too, as `"<op>:output"`. Ops are those whose name
    matches one of `ops`; without, those with a `compress.plan`, or all if none has one. Embeddings,
    whose input is indices, have no activation.

    What is observed already stays so; running the pass twice changes nothing. Each op is a remark of
    category `calibration`.

    (* example filepath=test/Dialect/Compress/Transforms/insert-observers.mlir function=@tied *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    ListOption<"statistics", "statistics", "std::string",
               "minmax (default), moving_average, moments, histogram, gram">,
    ListOption<"ops", "ops", "std::string", "Names of ops, as in recipes">,
    Option<"outputs", "outputs", "bool", /*default=*/"false", "Also observe results">,
  ];
}

def CorrectBias : Pass<"compress-correct-bias", "::mlir::ModuleOp"> {
  let summary = "Take the mean error of quantized weights out of the bias";
  let description = [{
    For an op whose weight is W^ now, `b + (E[y] - b - W^ E[x])` becomes the bias, with the means of
    activations and results that the statistics of the unquantized model have (Nagel et al., ICCV
    2019). Linear, matmul and convolutions with kernels of size 1; the step of `compress-quantize`
    that has the original weight at hand also corrects others. Works on the ops whose plan has
    `bias_correction`, or on all with compressed weights where the module has no plans.

    (* example filepath=test/Dialect/Compress/Transforms/correct-bias.mlir function=@linear *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def LoadStatistics : Pass<"compress-load-statistics", "::mlir::ModuleOp"> {
  let summary = "Read a statistics file for the passes that follow";
  let description = [{
    Reads what `compress-calibrate` has written and makes it the statistics of the dialect, which
    passes that need activations look at. A file of another graph is an error; weights may differ.

    (* example filepath=test/Dialect/Compress/Transforms/load-statistics.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"\"", "The statistics file">,
  ];
}

def Smooth : Pass<"compress-smooth", "::mlir::ModuleOp"> {
  let summary = "Move the range of activations into weights (SmoothQuant), keeping the output";
  let description = [{
    Xiao et al., "SmoothQuant", ICML 2023. Input channel j of the ops that contract a value is
    divided by `s_j = max|X_j|^alpha / max|W_:j|^(1 - alpha)` and their weights multiplied by it; the
    division is folded into what makes the value: the scale (and bias) of a norm, the rows and bias
    of a linear op, convolution or embedding, through ops that commute with it (relu, pooling,
    reshape, transpose, products, sums of which all terms can be scaled, the values of attention).
    Every op that uses the value is scaled with it. Where one cannot be, or the division cannot be
    folded, the graph stays as it is and a missed remark of category `smooth` names the op.

    With `insert` linear ops and matmuls with integer activations get an explicit multiplication of
    their input instead.

    Works on the ops whose plan has the transform `smoothquant`, or on all where the module has no
    plans. Needs the range of the activations in the statistics of the dialect, which are rescaled.
    With `powers-of-two` scales are rounded to powers of two, so that outputs stay the same bits.

    (* example filepath=test/Dialect/Compress/Transforms/smooth.mlir function=@rms_norm *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"alpha", "alpha", "double", /*default=*/"-1.0",
           "How much of the activations' range goes into the weights, in [0, 1]; negative: as "
           "planned, else 0.5">,
    Option<"powersOfTwo", "powers-of-two", "bool", /*default=*/"false",
           "Round scales to powers of two">,
    Option<"insert", "insert", "bool", /*default=*/"false",
           "Insert a multiplication where the division cannot be folded">,
  ];
}

def Awq : Pass<"compress-awq", "::mlir::ModuleOp"> {
  let summary = "Scale and clip weights so that round to nearest loses less (AWQ)";
  let description = [{
    Lin et al., "AWQ", MLSys 2024. For the ops that contract one value, tries
    `s = mean|X|^r` for r in 0, 0.05, ..., 0.95 (normalised by `sqrt(max * min)`) and keeps the r with
    the least error of their outputs, `tr(E G E^T)` with `E = Q(W s) / s - W` and the Gram matrix G
    of the value; r = 0 is round to nearest. The inverse scale is folded into the producer as by
    `compress-smooth`. Then weights are clipped per group to the range, of 21 between the whole and
    half of it, with the least error; those of ops that make queries or keys are not.

    Works on the ops whose plan has the transform `awq`, or, with a `format`, on all where the module
    has no plans. Needs Gram matrices (else sums of squares) and mean magnitudes in the statistics.
    Remarks have the category `awq`.

    (* example filepath=test/Dialect/Compress/Transforms/awq.mlir function=@linear *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"\"",
           "The format and its options, as the flag --quantize, with which errors are measured "
           "where there is no plan">,
    Option<"clip", "clip", "bool", /*default=*/"true", "Search for ranges of groups">,
    Option<"powersOfTwo", "powers-of-two", "bool", /*default=*/"false",
           "Round scales to powers of two">,
  ];
}

def Equalize : Pass<"compress-equalize", "::mlir::ModuleOp"> {
  let summary = "Give neighbouring layers weights of equal ranges per channel, keeping the output";
  let description = [{
    Cross-layer equalisation (Nagel et al., ICCV 2019): where one op's output channels are, through
    relu and other ops that commute with positive scaling, the input channels of others, the rows of
    the first are divided by `s_i = sqrt(r1_i r2_i) / r2_i` and the columns of the others multiplied
    by it, with the largest magnitudes `r1_i` of the row and `r2_i` of the columns; over all pairs
    until nothing changes. Scales are folded as by `compress-smooth`. No data is needed; statistics
    are rescaled. Works on the ops whose plan has the transform `equalize`, or on all where the
    module has no plans. Remarks have the category `equalize`.

    (* example filepath=test/Dialect/Compress/Transforms/equalize.mlir function=@pair *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"maxSweeps", "max-sweeps", "unsigned", /*default=*/"40", "Bound on passes over all pairs">,
    Option<"powersOfTwo", "powers-of-two", "bool", /*default=*/"false",
           "Round scales to powers of two">,
  ];
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
