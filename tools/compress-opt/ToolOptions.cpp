//===- ToolOptions.cpp - command line of compress-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ToolOptions.h"
#include "compress/Pipelines/ModelFlags.h"
#include "compress/Support/ByteSize.h"
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
      cl::desc("Quantize weights: int4 (group 128), int2, w8, int8 (weights and activations); "
               "with ,group=32 ,asymmetric ,convention=... ,activations=dynamic")};
  cl::opt<std::string> prune{"prune", cl::cat(category),
                             cl::desc("Prune weights: N:M keeps N of every M, for example 2:4")};
  cl::opt<std::string> lowRank{"low-rank", cl::cat(category), cl::Hidden,
                               cl::desc("Split weights into low-rank factors")};
  cl::opt<std::string> share{"share", cl::cat(category), cl::Hidden, cl::desc("Share weights")};
  cl::opt<std::string> recipe{"recipe", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("YAML recipe; its rules come after those of the flags")};
  cl::opt<std::string> report{"report", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("Write what was done to each layer as JSON")};
  ModelFlags model{category};
  cl::opt<std::string> memoryLimit{
      "memory-limit", cl::cat(category), cl::value_desc("bytes"),
      cl::desc("Keep new weights beyond this size in a temporary file, for example 4GB")};
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
  quantize = flags.quantize;
  prune = flags.prune;
  recipeFile = flags.recipe;
  reportFile = flags.report;
  weights = flags.model.getWeightsMode();

  // Recipes: flags first, so that a file can refine what they say.
  std::string message;
  auto add = [&](llvm::Expected<Rule> rule) {
    if (rule) {
      recipe.rules.push_back(std::move(*rule));
      return 0;
    }
    return takeRecipeError(rule.takeError(), message);
  };
  int code = 0;
  if (!quantize.empty())
    code = add(parseQuantizeFlag(quantize));
  if (!code && !prune.empty())
    code = add(parsePruneFlag(prune));
  if (!code && !flags.lowRank.empty())
    code = takeRecipeError(parseLowRankFlag(flags.lowRank), message);
  if (!code && !flags.share.empty())
    code = takeRecipeError(parseShareFlag(flags.share), message);
  if (!code && !recipeFile.empty()) {
    llvm::Expected<Recipe> file = loadRecipe(recipeFile);
    if (file)
      llvm::append_range(recipe.rules, file->rules);
    else
      code = takeRecipeError(file.takeError(), message);
  }
  if (code)
    return fail(program, message, code);
  if (!reportFile.empty() && !compresses())
    return fail(program, "--report needs --quantize, --prune or --recipe");

  // ONNX.
  if (llvm::Error error = flags.model.getOptions(importOptions, exportOptions))
    return fail(program, llvm::toString(std::move(error)));
  importOptions.hashWeights = !writesOnnx();
  if (!importOptions.dims.empty() && !readsOnnx())
    return fail(program, "--dim needs an .onnx input");
  if (!flags.memoryLimit.empty()) {
    std::optional<uint64_t> limit = parseByteSize(flags.memoryLimit);
    if (!limit || *limit == 0)
      return fail(program,
                  "--memory-limit: expects a size such as 4GB, got '" + flags.memoryLimit + "'");
    memoryLimit = *limit;
  }
  return 0;
}

void ToolOptions::setPipelineOptions(CompressPipelineOptions &options) const {
  options.quantize = quantize;
  options.prune = prune;
  options.recipe = recipeFile;
}
