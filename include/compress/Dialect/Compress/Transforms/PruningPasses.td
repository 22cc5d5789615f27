//===- PruningPasses.td - passes that prune structures -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PRUNINGPASSES_TD
#define COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PRUNINGPASSES_TD

include "mlir/Pass/PassBase.td"

def PrintGroups : Pass<"compress-print-groups", "::mlir::ModuleOp"> {
  let summary = "Print the groups of the dependency graph";
  let description = [{
    Prints what must be removed together, in the manner of Torch-Pruning's `group.details()`: every
    group of units that has weights, with its kind (`head`, `neuron` or `channel`), and a line per
    entry: a dim of a weight with the number of its indices that go with each unit, or another op
    that the units run through, with its parameters. For groups that cannot be pruned it prints the
    reason and the op that is in the way. The last line is the share of the weights' elements that
    prunable groups touch. See docs/StructuredPruning.md.

    (* example filepath=test/Analysis/dependency-graph/residual-stream.mlir function=@residual_stream *)
  }];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"text\"", "text, dot or json">,
    Option<"output", "output", "std::string", /*default=*/"\"\"", "File; empty: standard error">,
  ];
}

def AllocateSparsity : Pass<"compress-allocate-sparsity", "::mlir::ModuleOp"> {
  let summary = "Give every weight its share of a sparsity that several weights have together";
  let description = [{
    Weights whose plan asks for unstructured pruning with `scope=global` or with
    `allocation=sensitivity` get a share of their own each, such that together they have the one
    that the plan asks for. Weights with equal plans share; each gets a plan of its own
    (`unstructured:0.4371,scope=layer,...`), which `compress-prune` carries out.

    `scope=global`: the smallest scores of all weights go, exactly that share of them. Methods are
    those that score single weights (magnitude, wanda, ria, obd, taylor, pruner_zero).

    `allocation=sensitivity` (ISC): weights in order of their sensitivity get shares from
    `ratio + alpha` down to `ratio - alpha`, scaled such that the total is exact. The sensitivity is
    the trace of the Hessian per weight if the statistics have it for all of them, else the mean of
    squared gradients, else the mean square of the op's inputs; a remark says which. A weight of
    which none is known is an error; one whose op calibration never ran has the share of all.

    (* example filepath=test/Dialect/Compress/Transforms/allocate-sparsity.mlir function=@one_threshold *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def PermuteChannels : Pass<"compress-permute-channels", "::mlir::ModuleOp"> {
  let summary = "Reorder input channels so that an N:M pattern keeps more";
  let description = [{
    An N:M pattern keeps N of every M *neighbouring* weights, so it matters which input channels are
    neighbours. For weights whose plan has an N:M pattern with `permute`, finds an order of the
    channels with which the pattern keeps more of the scores: the reallocation and the linear sum
    assignment of Zhang et al., "Plug-and-Play: An Efficient Post-training Pruning Method for Large
    Language Models", 2024. Scores are those of the plan's method (Wanda's for methods that choose
    while they change weights; magnitude where there are no statistics). Layers that contract the
    same activation, such as the projections of an attention, get one order, by the sum of their
    scores.

    The model computes the same: the order is folded into what makes the channels (rows of weights,
    biases, scales of norms) and everything else that uses them. Hidden channels of an MLP can have
    any order, those of an attention's values any order within a head. Where folding is not
    possible, or where the channels are those of a residual stream, whose users want different
    orders, a `compress.gather` in front of the layers does it at run time; without `gather` such
    layers are left alone, and the users of a residual stream get a common order. Statistics of what
    is reordered are reordered, too. Plans lose their `permute`, so nothing happens the second time.

    ```mlir
    (* example filepath=test/Dialect/Compress/Transforms/permute-channels.mlir function=@mlp *)
    ```
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example 2:4,method=ria; empty: as planned">,
    Option<"gather", "gather", "bool", /*default=*/"true",
           "Reorder at run time what cannot be folded">,
  ];
}

def MaskGroups : Pass<"compress-mask-groups", "::mlir::ModuleOp"> {
  let summary = "Score the groups of the dependency graph and mask what is to be removed";
  let description = [{
    The first step of structured pruning. Scores the units (channels, neurons, heads) of every
    prunable group from the weights that lose elements with them, chooses those to remove by the
    plans of the weighted ops, and puts a `compress.mask` on one weight of each group: the first one
    whose output channels are the units. `compress-propagate-masks` extends it to the others.

    A group is pruned if all its weighted ops have one and the same plan: `channel:R` (all groups but
    heads), `neuron:R`, `head:R`, or `params:R` and `macs:R`, which remove units of all kinds until
    the model has that share less parameters or multiply-accumulates. At least one unit of a group
    stays, with `round_to=k` a multiple of k. With `ranking=local` all groups lose the same share,
    with `ranking=global` all groups of a plan compete. docs/StructuredPruning.md has the methods.

    Remarks of category `prune` tell what each group loses and why others are left alone, and the
    sizes of the model before and after. A statistic that a method needs and that is missing, and a
    share that cannot be reached, are errors.

    (* example filepath=test/Dialect/Compress/Transforms/mask-groups.mlir function=@mlp *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example channel:0.3,method=l1; empty: as planned">,
  ];
}

def PropagateMasks : Pass<"compress-propagate-masks", "::mlir::ModuleOp"> {
  let summary = "Extend masks of whole channels to everything that depends on them";
  let description = [{
    A `compress.mask` on a weight of a weighted op, whose mask is constant and takes whole indices of
    dims away (its kept elements are the product of kept indices of the dims), becomes masks on all
    weights and parameters of the units that these indices belong to: of the dependency graph's
    groups, which `compress-print-groups` prints. Masks that are there are combined with the new
    ones. Parameters are told apart by their user. Other masks, such as N:M patterns, say nothing
    about structure and are left alone.

    Left as they are, with a missed remark of category `prune`: indices of a unit that is masked only
    in part (one channel of a head), and indices of groups that cannot be pruned. Masking all units
    of a group is an error. Parameters by which something is divided (variances of batch norms) and
    those that are no floats are not masked: they are only sliced.

    (* example filepath=test/Dialect/Compress/Transforms/propagate-masks.mlir function=@hidden_units *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def ApplySlices : Pass<"compress-apply-slices", "::mlir::ModuleOp"> {
  let summary = "Remove masked channels: smaller weights and shapes";
  let description = [{
    Units of the dependency graph all of whose weights and parameters are masked are removed: weights
    and parameters are sliced, and every value that had their indices gets a smaller type. Masks
    that remain are sliced, too; those that mask nothing more vanish. Function types of private
    functions follow; statistics keep the channels that are left.

    The model computes what it computed with the masks: a mean over a dim that lost indices is
    multiplied by the share that is left, norms over such a dim still count the old size. With
    `renormalize` they count only what is left, as LLM-Pruner has it.

    Every weight that became smaller is a passed remark of category `prune` and a line of the
    report. Units that are masked only in some of their weights stay, with a missed remark:
    `compress-propagate-masks` completes them. The pass changes all or, if it fails, nothing.

    (* example filepath=test/Dialect/Compress/Transforms/apply-slices.mlir function=@hidden_units *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"renormalize", "renormalize", "bool", /*default=*/"false",
           "Norms and means count only what is left; the model then computes something else">,
  ];
}

def PruneLayers : Pass<"compress-prune-layers", "::mlir::ModuleOp"> {
  let summary = "Remove the least important blocks of a residual network";
  let description = [{
    A block is a part of a function that starts from one value, ends in another one of the same
    type, adds to the first on the way (a residual connection), and that is followed by a block of
    the same ops: the layers of a transformer, the blocks of one stage of a ResNet. Blocks all of
    whose weighted ops have the same plan `layer:K` compete; K of them are removed, so that what
    came after gets what came in. The rest of the module is as before; dead ops and weights go.

    Methods: `block_influence` (the default) removes the blocks of least 1 - mean cosine of what
    comes in and goes out (ShortGPT); `angular` the K neighbours with the least mean angle between
    what comes into the first and goes out of the last; `last` the last ones. The first two need
    what `compress-collect-streams` saw. At least one block of a function stays. Blocks that own an
    argument or a result of the function, such as a KV cache, stay, with a remark that names it.

    (* example filepath=test/Dialect/Compress/Transforms/prune-layers.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example layer:4,method=angular; empty: as planned">,
  ];
}

def RaiseMoe : Pass<"compress-raise-moe", "::mlir::ModuleOp"> {
  let summary = "Recognise mixture-of-experts layers that exporters wrote in parts";
  let description = [{
    Replaces the ops of a router with top-k, and of the experts that it weighs, by `compress.moe`:
    softmax before or after the selection, with or without normalisation, experts with or without a
    second factor, and silu, gelu or relu as their activation. Names and plans of the weighted ops
    are kept in the attribute `parts`. Experts that are computed one by one, with their tokens
    gathered, are left as they are, with a remark. `compress-expand-composites` is the way back; the
    model computes the same.

    (* example filepath=test/Dialect/Compress/Transforms/raise-moe.mlir function=@swiglu *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def SliceGpt : Pass<"compress-slice-gpt", "::mlir::ModuleOp"> {
  let summary = "Remove directions of the residual stream (SliceGPT)";
  let description = [{
    Gives the residual stream of a transformer other coordinates: at each norm the principal
    components of what the norm sees on the calibration data, of which only the first ones are kept
    (Ashkboos et al., "SliceGPT: Compress Large Language Models by Deleting Rows and Columns", 2024).
    Weights that write the stream (embeddings, positions, projections out of attention and MLP) and
    those that read it lose rows or columns. Scales and biases of norms go into the weights that
    read, layer_norm becomes rms_norm, norms still divide by the old number of channels. Where a
    value goes past a block, a `compress.linear` ("<name>.shortcut") changes its coordinates. What
    the function takes and gives stays as it is.

    A stream is sliced if the `linear` and `matmul` ops that read and write it have one and the same
    plan `slice:R`: the share R of its channels goes, what is left is rounded down to a multiple of
    `round_to`. Embeddings, convolutions and the head are sliced with the stream also if no rule
    selects them; if one of them is excluded, the stream is left alone. So are streams without a
    residual connection or a norm, and those in which something other than weights and norms looks
    at single channels. Remarks of category `prune` tell why, and the parameters before and after:
    shortcuts can make a small model larger.

    The statistics need Gram matrices of the readers' inputs, and moments where norms have a bias:
    `compress-collect-statistics{collect=gram,moments ops=*}` (`ops=*` for a head without a plan);
    without, the pass fails. Afterwards, statistics of all that the stream reaches are dropped, and
    plans that ask for slices are gone.

    (* example filepath=test/Dialect/Compress/Transforms/slice-gpt.mlir function=@decoder *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example slice:0.25; empty: as planned">,
  ];
}

def LowerDecode : Pass<"compress-lower-decode", "::mlir::ModuleOp"> {
  let summary = "Lower weights and encoding ops to linalg, for other compilers";
  let description = [{
    Replaces `compress.load`, decode chains on weights of any source (`arith.constant`, `tosa.const`,
    `ml_program` globals, `compress.weight`), and `quantize`, `dequantize`, `fake_quantize` and
    `dynamic_quantize` of activations by `arith.constant` and `linalg.generic` with scalar
    arithmetic, bit for bit what native code and the executable semantics compute. There is no
    arithmetic on whole tensors, which `--canonicalize` would fold back to floats.

    Upstream's passes have no memory for codes of other types than signless bytes. Codes of 8 bits
    become `i8`, those of fewer stay packed: the constant has their bytes, low bits first, and the
    loops shift. Blobs are not copied for that. A bitmap becomes 64-bit words and, for each of them,
    the number of kept codes before it. Where another op uses codes themselves, they are cast to
    their type element by element; `ui8` and the like take a `tensor.bitcast`.

    Model ops of the dialect (`linear`, `conv`, ...) are left to other passes. The pass fails at an
    encoding op that has no lowering (codes of more than 32 bits, a bitmap that is not constant), and
    if a `compress.weight` or `compress.observe` is left. Plans are removed.

    (* example filepath=test/Dialect/Compress/Transforms/lower-decode.mlir function=@int4_matmul *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect", "::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_PRUNINGPASSES_TD
