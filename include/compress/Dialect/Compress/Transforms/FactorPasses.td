//===- FactorPasses.td - passes that split and share weights -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_FACTORPASSES_TD
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_FACTORPASSES_TD

include "mlir/Pass/PassBase.td"

def AllocateRanks : Pass<"compress-allocate-ranks", "::mlir::ModuleOp"> {
  let summary = "Give every weight the rank that a budget of the whole model leaves it";
  let description = [{
    Weights whose `compress.plan` has a low rank with `target=budget` get a rank of their own each
    (`rank:K`, for `compress-split-low-rank`), or stay whole, such that the sum of their errors is
    least and the model keeps the share of its parameters, or of its multiply-accumulates, that
    the budget says: exactly, by dynamic programming, ties to smaller models. What the budget is a
    share of is the whole model, with what is not selected (embeddings, biases, ...), as
    `compress-mask-groups` counts it; the selected weights save for all. A share that they cannot
    reach is an error that says which one they can. Plans that differ have budgets of their own,
    each of the model with all other weights as they are.

    A weight stays whole (no error) or gets one of at most 64 ranks, evenly up to the largest one
    with which factors have fewer elements (and multiplications) than the weight. The error of a
    rank is the squared error relative to what there is, as the method measures it: of the weight,
    or, where the method uses a Gram matrix of the op's input, of the output. Where the statistics say
    what the model's output suffers from it (`compress-measure-sensitivity`), it counts as often,
    unless the plans say `sensitivity=output`; a weight of which only that is not known stays whole,
    and `sensitivity=model` without any is an error. A weight with several users is decided and counted once; its
    multiply-accumulates are those of all users. For convolutions with `form=auto` the forms
    channel and spatial compete where the error is that of the weight, else the form is channel.
    The chosen form is part of the plan.

    With `low-rank` every weighted op is planned that recipes select by default, but not the parts
    of layers that were split before. Every choice is a remark of category `low-rank`.

    (* example filepath=test/Dialect/Compress/Transforms/allocate-ranks.mlir function=@two_layers *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"lowRank", "low-rank", "std::string", /*default=*/"\"\"",
           "As the flag --low-rank, with a budget; empty: as planned">,
  ];
}

def SplitLowRank : Pass<"compress-split-low-rank", "::mlir::ModuleOp"> {
  let summary = "Split a weighted op into two with factors of a low rank";
  let description = [{
    Replaces an op with the weight W by two, one after the other, with factors V and U of rank k such
    that W is close to U V: of a linear op, a product, an embedding (rows of U are looked up and
    multiplied with V), a convolution or a transposed convolution, also of other dialects. The bias
    stays with the second one. The ops are called `name/v` and `name/u`, the weights likewise.

    `target` says the rank: `rank:K`; `ratio:R`, the share of the parameters that is left; `energy:E`,
    the share of the sum of squared singular values. A budget of the model has to be made ranks first
    (`compress-allocate-ranks`). Factors that do not have fewer elements than the weight are not made,
    and the op stays whole. `method` says what is close: `svd` (the weight), `fisher` (rows count by
    their squared gradients, those of tables by how often they are looked up), `asvd` (columns count
    by the mean magnitude of the activation), `drone` and `svd_llm` (the output on the calibration
    data); `auto` is `svd_llm` where there is a Gram matrix of the input. Where a method lacks its
    statistics, it is replaced by `svd`, with a remark.

    A convolution can be split in three forms: `channel`, a convolution to k channels and a 1x1
    convolution; `spatial`, a vertical and a horizontal one; `depthwise`, k kernels per channel and a
    1x1 convolution. `auto` is the one of the first two with the smaller error. Groups, and the
    matrices of a stacked weight, have factors of their own and one rank.

    With `residual=svdquant` the op stays with W - U V, which is quantized as planned, and the
    product with the factors is added; with `residual=lqer` the op gets W rounded to the format of its
    plan, and the factors stand for what that leaves over.

    With `low-rank` every weighted op is split that is not an embedding and no part of one that was
    split before; without it, those whose `compress.plan` says so. The rest of the plan is that of
    both ops. A weight that several ops use is split once, if all of them ask for the same and can use
    the same factors: a table and a head that is tied to it can. Statistics of the inputs follow, those
    of the second op are computed from those of the first one. Remarks have the category `low-rank`.

    (* example filepath=test/Dialect/Compress/Transforms/split-low-rank.mlir function=@largest_singular_value *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"lowRank", "low-rank", "std::string", /*default=*/"\"\"",
           "As the flag --low-rank: rank:64, ratio:0.5,method=svd, ...; empty: as planned">,
  ];
}

def DecoupleConv : Pass<"compress-decouple-conv", "::mlir::ModuleOp"> {
  let summary = "Write convolutions as depthwise and 1x1 convolutions";
  let description = [{
    Network decoupling (Guo et al., "Network Decoupling: From Regular to Depthwise Separable
    Convolutions", BMVC 2018): the matrix `[output channels, positions of the kernel]` of each input
    channel becomes a sum of `terms` products by its singular value decomposition (by SVD-LLM where
    the context has Gram matrices). The rows over positions are the kernels of a depthwise
    convolution with `terms` kernels per channel, which keeps strides, pads and dilations, those over
    output channels a 1x1 convolution, which keeps the groups and the bias. All terms (the number of
    output channels of a group, or of positions if these are fewer) are exact.

    Every convolution is decoupled that has several positions and several input channels per group,
    also where that costs more than it saves; a remark of the category `low-rank` tells parameters
    and multiplications before and after. The rest of the plan is that of both ops. This is
    `compress-split-low-rank` with `rank:T,form=depthwise` without its condition of fewer parameters.

    (* example filepath=test/Dialect/Compress/Transforms/decouple-conv.mlir function=@one_term *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"terms", "terms", "int64_t", /*default=*/"1", "Depthwise kernels per input channel">,
  ];
}

def FactorQueryKey : Pass<"compress-factor-query-key", "::mlir::ModuleOp"> {
  let summary = "Give the products of query and key weights of attention a lower rank";
  let description = [{
    Attention multiplies queries by keys, so of their weights Wq and Wk only the product `Wq^T Wk` of
    each head counts. Makes the heads of both smaller, such that these products change least (DRONE,
    section 3.4): in the norm of the inputs of both if the statistics have their Gram matrices and
    sums, else as they are. Biases are part of the product; the scale of the scores stays.

    Queries and keys of a `compress.attention` (see `compress-raise-composites`) are taken that come
    from a `compress.linear` each, with a bias or without, a reshape that splits the heads, and for
    `bhsd` a transpose, none of them with another user, and with equally many heads. Ops are those
    whose plan has `query_key`; `rank:K` is the new size of heads, `ratio:R` its share of the old one.
    What is in the way is a missed remark of category `low-rank`.

    (* example filepath=test/Dialect/Compress/Transforms/factor-query-key.mlir function=@head *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"lowRank", "low-rank", "std::string", /*default=*/"\"\"",
           "As the flag --low-rank, with rank or ratio; empty: plans that say query_key">,
  ];
}

def ShareWeights : Pass<"compress-share-weights", "::mlir::ModuleOp"> {
  let summary = "Store equal weights once, and weights as entries of codebooks";
  let description = [{
    Three things, by what `share`, or the plans of ops, say.

    `duplicates`: stored tensors of the whole module with the same type and bytes become one; codes
    only if all that decodes them is the same, too. A matrix that is another one transposed, and that
    only `compress.linear` uses, becomes that one in the other layout (exporters store the tied head
    of a decoder so). Symbols that are not private stay. What is tied stays tied.

    `layers:N` (ALBERT): the residual blocks of a function get N sets of weights, each the mean of
    those of its blocks: weights, biases, parameters of norms. Blocks are put together in runs
    (`layers=groups`) or by k-means over their weights (`layers=kmeans`); blocks of different
    structure are shared apart. A tensor that is used elsewhere, too, stays. The model needs recovery
    training afterwards, which the report says; storage goes down, FLOPs do not. Statistics of what
    comes after the first changed block are forgotten.

    `codebook:K`: weights become codes into a table of K values, `compress.lookup`, for the whole
    weight or for each channel or group: the best ones (`method=exact`), or those of Lloyd's
    iteration. Zeros of a weight stay zeros, and patterns stay: one entry is exactly 0. A weight with
    fewer different values than K gets a table of these. With `dim`, codes stand for vectors along
    the contraction, `compress.lookup_vectors` (`product`, `additive`), that change the outputs least
    if there is a Gram matrix of the input, else the weights. Weights for which codes and tables
    would not be smaller stay, as do those that have codes already, and pruned ones with `dim`, with a
    remark.

    With `share` codebooks are made of every weighted op that is not an embedding; without, of
    those whose `compress.plan` says so. A weight that several ops use is rewritten once, and only if
    all of them ask for the same. Plans lose `duplicates` and `layers` when that is done.

    (* example filepath=test/Dialect/Compress/Transforms/share-codebooks.mlir function=@exact *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"share", "share", "std::string", /*default=*/"\"\"",
           "As the flag --share: duplicates, codebook:16, layers:2, ...; empty: as planned">,
    Option<"codebooks", "codebooks", "bool", /*default=*/"true",
           "Make codebooks, too; false if compress-weights does that, after pruning">,
  ];
}

def AttachAdapters : Pass<"compress-attach-adapters", "::mlir::ModuleOp"> {
  let summary = "Add the LoRA adapters of a file to a model";
  let description = [{
    Hu et al., "LoRA", ICLR 2022. Reads an adapter as PEFT writes it: a safetensors file with keys
    `<module>.lora_A.weight` and `<module>.lora_B.weight` (`lora_embedding_A` and `_B` for embeddings;
    with or without `base_model.model.` in front and the adapter's name before `.weight`), and
    `adapter_config.json` beside it. Every `compress.linear`, `compress.conv` and
    `compress.embedding` that a module belongs to gets a branch with the two factors, whose result is
    added to its own. B is stored times `alpha / r` (`alpha / sqrt(r)` with `use_rslora`).

    A module belongs to the ops whose name, or whose weight's name, says so (docs/Adapters.md): words
    between `/`, `.`, `_` and `:` are compared, from the end. A key that matches no op, or ops with
    several weights, and factors whose shapes do not fit are errors.

    (* example filepath=test/Dialect/Compress/Transforms/adapters-attach.mlir function=@attaches *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"\"", "Adapter, a safetensors file">,
    Option<"alpha", "alpha", "double", /*default=*/"0",
           "Branches are multiplied by alpha / rank; 0: as adapter_config.json beside the file says">,
  ];
}

def MergeAdapters : Pass<"compress-merge-adapters", "::mlir::ModuleOp"> {
  let summary = "Merge LoRA adapters into the weights";
  let description = [{
    Finds `op(x, W) + s * b(a(x))` as exporters write it and adds `s B A` to W: `a` and `b` are linear
    ops in either layout, or a convolution with the window of `op` and a 1x1 convolution, or an
    embedding and a linear op; constants may be anywhere in the branch, other terms may be added to
    the result of `op` first. The sum is computed in f64 and rounded once to what is stored; elements
    that do not change keep their bits.

    A quantized weight is decoded, and the sum is rounded to nearest in the same format with new
    scales; the remark and the report have its relative error against the exact sum. Weights whose
    zeros or tables would be lost (N:M and bitmap patterns, masks, palettes, codebooks) stay as they
    are, as do branches with a bias and those beside an op with quantized activations. The low-rank
    part of a split weight is no adapter. If other ops use the weight without the adapter, the merged
    one is a copy. Remarks have the category `adapters`.

    (* example filepath=test/Dialect/Compress/Transforms/adapters-merge.mlir function=@merges *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def UnmergeAdapters : Pass<"compress-unmerge-adapters", "::mlir::ModuleOp"> {
  let summary = "Take merged LoRA adapters out of the weights again";
  let description = [{
    Subtracts the adapters of a file, which is read as by `compress-attach-adapters`, from the
    weights, in f64 and with one rounding, and adds them as branches. An element of W differs from what
    it was before the merge by at most one unit in the last place of the merged value, and not at all
    where the merged value is not larger. Quantized weights are quantized again, as by
    `compress-merge-adapters`, and what that leaves alone stays.

    (* example filepath=test/Dialect/Compress/Transforms/adapters-unmerge.mlir function=@unmerges *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"\"", "Adapter, a safetensors file">,
    Option<"alpha", "alpha", "double", /*default=*/"0", "As for compress-attach-adapters">,
    Option<"attach", "attach", "bool", /*default=*/"true", "Add the branches">,
  ];
}

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_FACTORPASSES_TD
