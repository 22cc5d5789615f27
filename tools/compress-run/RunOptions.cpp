//===- RunOptions.cpp - command line of compress-run -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunOptions.h"
#include "compress/Pipelines/FlagValues.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Recipe/Recipe.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::compress;
namespace cl = llvm::cl;

static constexpr StringLiteral kOverview =
    "compress-run: compile a model for this CPU and run it\n\n"
    "  compress-run model.onnx --inputs in.npz --outputs out.npz\n"
    "  compress-run model.onnx --input ids=ids.npy --quantize=int4 --print-plan\n"
    "  compress-run model.mlir --random-inputs=batch=8 --repeat 20 --threads 2\n\n"
    "Without --outputs, a line is printed for each output. Exit codes: 0 done, 1 internal error,\n"
    "2 bad input, 3 recognised but not supported.\n";

namespace {
/// The flags; made after `main` has started, so that nothing global is registered.
struct Flags {
  cl::OptionCategory category{"Running", "What is run, and how"};
  cl::opt<std::string> model{cl::Positional, cl::Required,
                             cl::desc("<model .mlir, .mlirbc, .onnx, or from --save>"),
                             cl::cat(category)};
  cl::opt<std::string> inputs{"inputs", cl::cat(category), cl::value_desc("file.npz"),
                              cl::desc("Inputs by name")};
  cl::list<std::string> input{
      "input", cl::cat(category), cl::value_desc("name=file"),
      cl::desc("One input, from a .npy file or a TensorProto (.pb); may be repeated")};
  cl::opt<std::string> randomInputs{
      "random-inputs",
      cl::cat(category),
      cl::ValueOptional,
      cl::init("\1"),
      cl::value_desc("dim=size,..."),
      cl::desc("Make up the inputs that are not given: floats in [-1, 1), integers in [0, 4). "
               "Dims without a size get 1, or what is said here")};
  cl::opt<uint64_t> seed{"seed", cl::cat(category), cl::init(0),
                         cl::desc("Seed of --random-inputs")};
  cl::opt<std::string> outputs{"outputs", cl::cat(category), cl::value_desc("file.npz"),
                               cl::desc("Write the outputs")};
  cl::opt<std::string> save{"save", cl::cat(category), cl::value_desc("file"),
                            cl::desc("Write the compiled model; without inputs, nothing is run")};
  cl::opt<std::string> archiveEncoding{
      "archive-encoding", cl::cat(category), cl::init("raw"), cl::value_desc("raw|huffman"),
      cl::desc("With --save: how weights and code are stored. 'raw' (default) is mapped when the "
               "model is loaded, 'huffman' is small and decoded; sizes are printed")};
  cl::opt<int> repeat{
      "repeat", cl::cat(category), cl::init(0), cl::value_desc("K"),
      cl::desc("Run once more, then K times, and print the times as one line of JSON")};
  cl::opt<int> threads{"threads", cl::cat(category), cl::init(0),
                       cl::desc("Threads; 0 (default): one per core")};
  cl::opt<std::string> target{"target", cl::cat(category), cl::init("host"),
                              cl::desc("Instructions: host, avx2, avx512, avx512vnni")};
  cl::list<std::string> dim{"dim", cl::cat(category), cl::CommaSeparated,
                            cl::value_desc("name=size"),
                            cl::desc("Compile for one size of a symbolic dim, as batch=1")};
  cl::opt<std::string> function{"function", cl::cat(category), cl::value_desc("name"),
                                cl::desc("Function to run; default: main, or the public one")};
  cl::opt<bool> printPlan{"print-plan", cl::cat(category),
                          cl::desc("Print kernels, memory and times of compilation")};
  cl::opt<bool> kernels{"kernels", cl::cat(category), cl::init(true), cl::Hidden,
                        cl::desc("Use generated kernels")};
  cl::opt<std::string> quantize{"quantize", cl::cat(category),
                                cl::desc("Quantize first, as compress-opt does")};
  cl::opt<std::string> prune{"prune", cl::cat(category),
                             cl::desc("Prune first, as compress-opt does")};
  cl::opt<std::string> lowRank{"low-rank", cl::cat(category),
                               cl::desc("Split weights first, as compress-opt does")};
  cl::opt<std::string> share{"share", cl::cat(category),
                             cl::desc("Share weights first, as compress-opt does")};
  cl::opt<std::string> recipe{"recipe", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("Apply a YAML recipe first")};
  cl::opt<std::string> memoryLimit{
      "memory-limit", cl::cat(category), cl::value_desc("bytes"),
      cl::desc("While compiling, keep new weights beyond this size in a temporary file, "
               "for example 4GB")};
};
} // namespace

/// Prints why the command line is wrong.
static int fail(const Twine &message, int code = 2) {
  llvm::errs() << "compress-run: " << message << "\n";
  return code;
}

/// Reads "name=size".
static bool addSize(StringRef text, llvm::StringMap<int64_t> &sizes) {
  auto [name, size] = text.rsplit('=');
  int64_t value;
  if (name.empty() || size.getAsInteger(10, value) || value < 0)
    return false;
  sizes[name] = value;
  return true;
}

/// Recipes are checked before the model is read.
static int checkRecipe(const RunOptions &options) {
  std::string message;
  llvm::Expected<Recipe> recipe = makeRecipe(options.flags);
  int code =
      takeRecipeError(recipe ? checkNeedsNoStatistics(*recipe) : recipe.takeError(), message);
  return code ? fail(message, code) : 0;
}

int RunOptions::parse(int argc, char **argv) {
  // LLVM's own option of this name is about its link-time optimizer.
  if (cl::Option *option = cl::getRegisteredOptions().lookup("threads"))
    option->removeArgument();
  // The options stay registered for the life of the process.
  static Flags flags;
  registerMLIRContextCLOptions();
  cl::HideUnrelatedOptions(flags.category);
  std::string errors;
  llvm::raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv, kOverview, &errorStream)) {
    llvm::errs() << errors;
    return 2;
  }
  model = flags.model;
  this->flags = {flags.quantize, flags.prune, flags.lowRank, flags.share, flags.recipe};
  inputsFile = flags.inputs;
  outputsFile = flags.outputs;
  saveFile = flags.save;
  seed = flags.seed;
  repeat = flags.repeat;
  printPlan = flags.printPlan;
  session.threads = flags.threads;
  session.target = flags.target;
  session.function = flags.function;
  session.kernels = flags.kernels;

  if (llvm::Error error = checkThreads(session.threads))
    return fail(llvm::toString(std::move(error)));
  if (flags.archiveEncoding.getNumOccurrences()) {
    std::optional<ArchiveEncoding> encoding = parseArchiveEncoding(flags.archiveEncoding);
    if (!encoding)
      return fail("--archive-encoding: expects raw or huffman, got '" +
                  Twine(flags.archiveEncoding.getValue()) + "'");
    if (saveFile.empty())
      return fail("--archive-encoding: expects --save too");
    archiveEncoding = *encoding;
    printSizes = true;
  }
  if (repeat < 0)
    return fail("--repeat: expects a positive number, got '" + Twine(repeat) + "'");
  for (StringRef text : flags.input) {
    auto [name, file] = text.split('=');
    if (name.empty() || file.empty())
      return fail("--input: expects name=file, got '" + text + "'");
    inputs.emplace_back(name.str(), file.str());
  }
  for (StringRef text : flags.dim)
    if (llvm::Error error = parseDim(text, session.dims))
      return fail(llvm::toString(std::move(error)));
  randomInputs = flags.randomInputs.getNumOccurrences();
  if (randomInputs) {
    SmallVector<StringRef> parts;
    StringRef(flags.randomInputs).split(parts, ',', -1, /*KeepEmpty=*/false);
    for (StringRef part : parts)
      if (!addSize(part, randomSizes))
        return fail("--random-inputs: expects dim=size,..., got '" + part + "'");
  }
  llvm::Expected<uint64_t> limit = parseMemoryLimit(flags.memoryLimit);
  if (!limit)
    return fail(llvm::toString(limit.takeError()));
  memoryLimit = *limit;
  return checkRecipe(*this);
}
