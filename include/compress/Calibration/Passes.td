//===- Passes.td - passes that run the model -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CALIBRATION_PASSES_TD
#define COMPRESS_CALIBRATION_PASSES_TD

include "mlir/Pass/PassBase.td"

def CollectStatistics : Pass<"compress-collect-statistics", "::mlir::ModuleOp"> {
  let summary = "Run the model over samples and collect statistics of its activations";
  let description = [{
    Compiles a copy of the normalised module with `compress.observe` on the activations of weighted
    ops, runs it over `data`, and makes what was seen the statistics of the dialect, which passes
    that need activations look at. With `output`, writes them to a file, too, which
    `compress-load-statistics` reads. The module stays as it is.

    Ops are those whose name matches one of `ops`; without, those with a `compress.plan`, or all if
    none has one. An op that no sample reaches has an entry without vectors, and a warning.

    (* example filepath=test/Calibration/collect-example.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"0", "At most so many samples; 0: all">,
    ListOption<"collect", "collect", "std::string",
               "minmax (default), moving_average, moments, histogram, gram, counts">,
    Option<"output", "output", "std::string", /*default=*/"\"\"", "Also write a statistics file">,
    ListOption<"ops", "ops", "std::string", "Names of ops, as in recipes">,
    Option<"outputs", "outputs", "bool", /*default=*/"false", "Also observe results">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
  ];
}

def CompressWeightsSequentially : Pass<"compress-weights-sequentially", "::mlir::ModuleOp"> {
  let summary = "Prune, share and quantize layer after layer, with what compressed layers compute";
  let description = [{
    Does what `compress-weights` does, in stages: the model is compiled and run over `data` piece by
    piece, and the weighted ops whose inputs are known get the statistics of these inputs (ranges,
    moments, and Gram matrices for GPTQ, GPTAQ and AdaRound) before they are compressed; what follows
    sees what they then compute. Values between the pieces are cached, above `memory-limit` in a
    temporary file. Tied weights are compressed where they are used first.

    With `resume`, a folder, every stage that is done is written there, and a run with the same model,
    data and plans goes on where the last one was interrupted, to the same bytes.

    (* example filepath=test/Calibration/compress-weights-sequentially.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"0", "At most so many samples; 0: all">,
    Option<"resume", "resume", "std::string", /*default=*/"\"\"",
           "Folder for what is done, from which an interrupted run goes on">,
    Option<"memoryLimit", "memory-limit", "std::string", /*default=*/"\"\"",
           "Bytes of cached activations in memory (512M, ...); empty: no limit">,
    ListOption<"dims", "dims", "std::string", "Sizes of symbolic dims: batch=1">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
    Option<"progress", "progress", "std::string", /*default=*/"\"off\"",
           "off, plain or json: where the work is, on stderr">,
  ];
}

def CollectStreams : Pass<"compress-collect-streams", "::mlir::ModuleOp"> {
  let summary = "Run the model over samples and compare the values between its residual blocks";
  let description = [{
    For every function with residual blocks that the samples reach, collects the cosines and angles
    between the values before and after each of its blocks, per token, and adds them to the
    statistics of the dialect; `compress-prune-layers` chooses by them. With `output`, writes the
    statistics to a file, too, which `compress-load-statistics` reads. The module stays as it is.

    (* example filepath=test/Calibration/collect-streams.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"0", "At most so many samples; 0: all">,
    Option<"output", "output", "std::string", /*default=*/"\"\"", "Also write a statistics file">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
  ];
}

def PruneExperts : Pass<"compress-prune-experts", "::mlir::ModuleOp"> {
  let summary = "Remove experts of mixture-of-experts layers, by what the layer then computes";
  let description = [{
    Works on every `compress.moe` (see `compress-raise-moe`) whose parts have a plan `expert:K`:
    removes K of its E experts, those without which the outputs on the calibration data change
    least (Lu et al., "Not All Experts are Equal"): the loss of a choice is the sum over samples of
    the Frobenius norm of the difference. `method=exhaustive` (the default) tries all choices if
    they are at most 1000, and otherwise does as `greedy`: one expert after the other, each time
    the one of least loss. Router and weights lose the slices of the removed experts.

    Inputs of the layers are those of the original model, or with `progressive` what the layers
    pruned before compute, in program order. With `skip` (of layers with k = 2) the layer then
    leaves out the second expert where the ratio of its weight to that of the first one is less than
    the median on the calibration data. At most `tokens` tokens per layer, the first ones, are kept
    in memory, with the outputs of all experts of one layer for each.

    How many tokens an expert got is told in remarks and in the report. An expert that got none is
    not removed unless `allow-unseen` says so: the choice is an error.

    (* example filepath=test/Calibration/prune-experts.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"0", "At most so many samples; 0: all">,
    Option<"prune", "prune", "std::string", /*default=*/"\"\"",
           "As the flag --prune, for example expert:2,progressive; empty: as planned">,
    Option<"skip", "skip", "bool", /*default=*/"false",
           "Calibrate the skipping of second experts in all layers, also where nothing is removed">,
    Option<"tokens", "tokens", "uint64_t", /*default=*/"4096", "At most so many tokens per layer">,
    Option<"allowUnseen", "allow-unseen", "bool", /*default=*/"false",
           "Experts that no token selected may be removed">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
  ];
}

def MeasureSensitivity : Pass<"compress-measure-sensitivity", "::mlir::ModuleOp"> {
  let summary = "Measure what the model's output suffers when a layer is split";
  let description = [{
    For every weight whose plan has a low rank with a budget and not `sensitivity=output`: splits it alone,
    in a copy of the model, into factors of half its parameters, runs that over `data`, and compares
    the model's float outputs with those of the whole model. The relative squared error of the outputs
    divided by that of the layer is its sensitivity, which becomes part of the statistics of the
    dialect; `compress-allocate-ranks` multiplies errors of layers by it. A weight that has no factors
    of half its parameters has none, with a missed remark of category `low-rank`. The model is
    compiled once for every weight. The module stays as it is.

    With `low-rank` every weighted op is planned that is not an embedding.

    (* example filepath=test/Calibration/measure-sensitivity.mlir function=@main *)
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"8", "At most so many samples; 0: all">,
    Option<"lowRank", "low-rank", "std::string", /*default=*/"\"\"",
           "As the flag --low-rank, with a budget; empty: as planned">,
    Option<"output", "output", "std::string", /*default=*/"\"\"", "Also write a statistics file">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
    Option<"progress", "progress", "std::string", /*default=*/"\"off\"",
           "off, plain or json: where the work is, on stderr">,
  ];
}

#endif // COMPRESS_CALIBRATION_PASSES_TD
