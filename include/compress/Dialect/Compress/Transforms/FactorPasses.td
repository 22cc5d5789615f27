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
    (`rank:K`, for `compress-split-low-rank`), or stay whole.
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
    Replaces an op with the weight W by two with factors U and V, such that W is close to U V.
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
    Network decoupling: every convolution becomes a depthwise and a pointwise one.
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"terms", "terms", "int64_t", /*default=*/"1", "Depthwise kernels per input channel">,
  ];
}

def FactorQueryKey : Pass<"compress-factor-query-key", "::mlir::ModuleOp"> {
  let summary = "Give the products of query and key weights of attention a lower rank";
  let description = [{
    Makes the heads of queries and keys smaller, such that the products of their weights change
    least.
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
    Carries out what plans say of sharing.
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"share", "share", "std::string", /*default=*/"\"\"",
           "As the flag --share: duplicates, codebook:16, layers:2, ...; empty: as planned">,
  ];
}

def AttachAdapters : Pass<"compress-attach-adapters", "::mlir::ModuleOp"> {
  let summary = "Add the LoRA adapters of a file to a model";
  let description = [{
    Adds a branch with the factors A and B to every op that the file has an adapter for.
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
    Replaces `x W + s (x A) B` by `x (W + s A B)`.
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
}

def UnmergeAdapters : Pass<"compress-unmerge-adapters", "::mlir::ModuleOp"> {
  let summary = "Take merged LoRA adapters out of the weights again";
  let description = [{
    Subtracts the adapters of a file from the weights, and adds them as branches.
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"file", "file", "std::string", /*default=*/"\"\"", "Adapter, a safetensors file">,
    Option<"alpha", "alpha", "double", /*default=*/"0", "As for compress-attach-adapters">,
    Option<"attach", "attach", "bool", /*default=*/"true", "Add the branches">,
  ];
}

#endif // COMPRESS_DIALECT_COMPRESS_TRANSFORMS_FACTORPASSES_TD
