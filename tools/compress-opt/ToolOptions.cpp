//===- ToolOptions.cpp - command line of compress-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ToolOptions.h"
#include "compress/Pipelines/FlagValues.h"
#include "compress/Pipelines/ModelFlags.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::compress;
namespace cl = llvm::cl;

namespace {
/// The flags; made after `main` has started, so that nothing global is registered.
struct Flags {
  cl::OptionCategory category{"Compression", "Flags for models; docs/Recipes.md explains them"};
  cl::opt<std::string> input{cl::Positional, cl::desc("<input .mlir, .mlirbc or .onnx>"),
                             cl::init("-")};
  cl::opt<std::string> output{"o", cl::desc("Output; .onnx exports, .mlirbc writes bytecode"),
                              cl::value_desc("filename"), cl::init("-")};
  cl::opt<std::string> quantize{
      "quantize", cl::cat(category),
      cl::desc("Quantize: int8 (weights and activations), w8, int4, int3, int2, nf4, fp8, mxfp4, "
               "nvfp4, ternary, binary, fp16, palette, mixed:avg=5, ...; with ,group=32 "
               ",asymmetric ,method=gptq|gptaq|hqq|adaround|awq|smoothquant|quarot ...")};
  cl::opt<std::string> calibration{
      "calibration", cl::cat(category), cl::value_desc("data"),
      cl::desc("Samples to run the model on: a .npz file keyed by input name, a folder of such "
               "files, or a list of paths")};
  cl::opt<uint64_t> samples{"samples", cl::cat(category), cl::init(0), cl::value_desc("N"),
                            cl::desc("Use at most N samples (default: all)")};
  cl::opt<std::string> statistics{
      "statistics", cl::cat(category), cl::value_desc("filename"),
      cl::desc("Statistics of activations from compress-calibrate, instead of samples")};
  cl::opt<bool> requantize{"requantize", cl::cat(category), cl::init(false),
                           cl::desc("Take out the quantization that the model has, first")};
  cl::opt<std::string> resume{
      "resume", cl::cat(category), cl::value_desc("folder"),
      cl::desc("Keep finished layers of a calibrated run there, and go on where one stopped")};
  cl::opt<std::string> progress{
      "progress", cl::cat(category), cl::init("plain"),
      cl::desc("How calibration tells how far it is, on standard error: plain, json or off")};
  cl::opt<std::string> prune{"prune", cl::cat(category),
                             cl::desc("Prune weights: N:M keeps N of every M, for example 2:4")};
  cl::opt<std::string> lowRank{
      "low-rank", cl::cat(category),
      cl::desc("Split weights into two factors: rank:64, ratio:0.5, energy:0.95, "
               "budget:params=0.7")};
  cl::opt<std::string> share{
      "share", cl::cat(category),
      cl::desc("Share weights: codebook:16, duplicates, layers:N, embedding:128, several with +")};
  cl::opt<std::string> recipe{"recipe", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("YAML recipe; its rules come after those of the flags")};
  cl::opt<std::string> maxDrop{
      "max-drop", cl::cat(category), cl::value_desc("drop"),
      cl::desc("Leave the layers that suffer most alone until --metric drops by no more than this: "
               "0.5% of the original's metric, or 0.01; exit code 4 if that is missed")};
  cl::opt<std::string> metric{
      "metric", cl::cat(category), cl::value_desc("command"),
      cl::desc("Command that prints the metric of a model, whose path is put for {model}, on its "
               "last line")};
  cl::opt<std::string> metricDirection{"metric-direction", cl::cat(category), cl::init("higher"),
                                       cl::desc("Whether a higher or a lower metric is better")};
  cl::opt<unsigned> metricTimeout{"metric-timeout", cl::cat(category), cl::init(3600),
                                  cl::value_desc("seconds"),
                                  cl::desc("Longest run of --metric; 0: no limit")};
  cl::opt<unsigned> maxTrials{"max-trials", cl::cat(category), cl::init(20), cl::value_desc("N"),
                              cl::desc("Most models that --max-drop measures")};
  cl::opt<std::string> report{"report", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("Write what was done to each layer as JSON")};
  ModelFlags model{category};
  cl::opt<std::string> memoryLimit{
      "memory-limit", cl::cat(category), cl::value_desc("bytes"),
      cl::desc(
          "Keep new weights, and cached activations, beyond this size in a temporary file, for "
          "example 4GB")};
};
} // namespace

/// Prints why the command line is wrong.
static int fail(StringRef program, const Twine &message, int code = 2) {
  llvm::errs() << program << ": " << message << "\n";
  return code;
}

int ToolOptions::parse(int argc, char **argv, DialectRegistry &registry) {
  // The options stay registered for the life of the process.
  static Flags flags;
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  std::string header =
      registerCLIOptions("compress-opt: compress neural networks, and run MLIR passes", registry);
  if (!cl::ParseCommandLineOptions(argc, argv, header, &errorStream)) {
    llvm::errs() << errors;
    return 2;
  }
  StringRef program = "compress-opt";
  input = flags.input;
  output = flags.output;
  this->flags = {flags.quantize, flags.prune, flags.lowRank, flags.share, flags.recipe};
  reportFile = flags.report;
  weights = flags.model.getWeightsMode();
  calibration = flags.calibration;
  samples = flags.samples;
  statistics = flags.statistics;
  requantize = flags.requantize;
  resume = flags.resume;
  progress = flags.progress;

  std::string message;
  llvm::Expected<Recipe> rules = makeRecipe(this->flags);
  int code = 0;
  if (rules)
    recipe = resolveAuto(std::move(*rules), !calibration.empty() || !statistics.empty());
  else
    code = takeRecipeError(rules.takeError(), message);
  if (!code && calibration.empty() && statistics.empty()) {
    code = takeRecipeError(checkNeedsNoStatistics(recipe), message);
    if (code)
      message += "; use --calibration=DATA or --statistics=FILE";
  }
  if (code)
    return fail(program, message, code);
  if (!reportFile.empty() && !compresses())
    return fail(program, "--report needs --quantize, --prune, --low-rank, --share or --recipe");
  if (!compresses() && (!calibration.empty() || !statistics.empty()))
    return fail(
        program,
        "--calibration and --statistics need --quantize, --prune, --low-rank, --share or --recipe");
  if (requantize && !compresses())
    return fail(program, "--requantize needs --quantize, --prune, --low-rank, --share or --recipe");
  if (!resume.empty() && calibration.empty())
    return fail(program, "--resume needs --calibration");
  if (samples && calibration.empty())
    return fail(program, "--samples needs --calibration");
  if (llvm::Error error = parseProgress(progress).takeError())
    return fail(program, llvm::toString(std::move(error)));

  // Accuracy gate.
  maxDrop = flags.maxDrop;
  metric = flags.metric;
  metricTimeout = flags.metricTimeout;
  gate.maxTrials = flags.maxTrials;
  gate.isHigherBetter = flags.metricDirection == "higher";
  if (maxDrop.empty() != metric.empty())
    return fail(program, "--max-drop and --metric need each other");
  if (flags.metricDirection != "higher" && flags.metricDirection != "lower")
    return fail(program,
                "--metric-direction: expects higher or lower, got '" + flags.metricDirection + "'");
  if (gate.maxTrials == 0)
    return fail(program, "--max-trials: expects at least 1");
  if (!maxDrop.empty()) {
    llvm::Expected<MaxDrop> drop = MaxDrop::parse(maxDrop);
    if (!drop)
      return fail(program, "--max-drop: " + llvm::toString(drop.takeError()));
    gate.maxDrop = *drop;
    if (!compresses())
      return fail(program, "--max-drop needs --quantize, --prune, --low-rank, --share or --recipe");
    if (output == "-")
      return fail(program, "--max-drop needs -o with a file");
    if (weights == WeightsMode::Reference)
      return fail(program, "--max-drop cannot be combined with --weights=reference");
    if (!resume.empty())
      return fail(program, "--max-drop cannot be combined with --resume");
  }

  // ONNX.
  if (llvm::Error error = flags.model.getOptions(importOptions, exportOptions))
    return fail(program, llvm::toString(std::move(error)));
  importOptions.hashWeights = !writesOnnx();
  if (!importOptions.dims.empty() && !readsOnnx())
    return fail(program, "--dim needs an .onnx input");
  llvm::Expected<uint64_t> limit = parseMemoryLimit(flags.memoryLimit);
  if (!limit)
    return fail(program, llvm::toString(limit.takeError()));
  memoryLimit = *limit;
  return 0;
}

void ToolOptions::setPipelineOptions(CompressPipelineOptions &options) const {
  options.setFlags(flags);
  for (const std::string &name : exclude)
    options.exclude.push_back(name);
  options.calibration = calibration;
  options.samples = samples;
  options.statistics = statistics;
  options.requantize = requantize;
  options.resume = resume;
  options.progress = progress;
  if (memoryLimit)
    options.memoryLimit = std::to_string(memoryLimit);
}
