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

    ```sh
    compress-opt model.mlir --compress-collect-statistics='data=calib.npz collect=minmax,gram'
    ```
  }];
  let dependentDialects = ["::mlir::compress::CompressDialect"];
  let options = [
    Option<"data", "data", "std::string", /*default=*/"\"\"",
           "Samples: a .npz file, a folder of them, or a list of paths">,
    Option<"samples", "samples", "uint64_t", /*default=*/"0", "At most so many samples; 0: all">,
    ListOption<"collect", "collect", "std::string",
               "minmax (default), moving_average, moments, histogram, gram">,
    Option<"output", "output", "std::string", /*default=*/"\"\"", "Also write a statistics file">,
    ListOption<"ops", "ops", "std::string", "Names of ops, as in recipes">,
    Option<"outputs", "outputs", "bool", /*default=*/"false", "Also observe results">,
    Option<"threads", "threads", "int", /*default=*/"0", "Threads; 0: one per core">,
  ];
}

#endif // COMPRESS_CALIBRATION_PASSES_TD
