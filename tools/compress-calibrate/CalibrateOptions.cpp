//===- CalibrateOptions.cpp - command line of compress-calibrate -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CalibrateOptions.h"
#include "compress/Pipelines/FlagValues.h"
#include "compress/Recipe/Selector.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::compress;
namespace cl = llvm::cl;

static constexpr StringLiteral kOverview =
    "compress-calibrate: run a model over samples and collect statistics of its activations\n\n"
    "  compress-calibrate model.onnx --data calib.npz -o stats.safetensors\n"
    "  compress-calibrate model.onnx --data samples/ --collect=minmax,gram --ops='*fc*' -o s.st\n\n"
    "Prints a table of what was seen of each activation. --data is a .npz file with an array per\n"
    "input, whose leading dim counts the samples; a folder of .npz files, one run each; or a text\n"
    "file with the path of one per line. Exit codes: 0 done, 1 internal error, 2 bad input,\n"
    "3 recognised but not supported.\n";

namespace {
/// The flags; made after `main` has started, so that nothing global is registered.
struct Flags {
  cl::OptionCategory category{"Calibrating", "What is run, and what is collected"};
  cl::opt<std::string> model{cl::Positional, cl::Required,
                             cl::desc("<model .mlir, .mlirbc or .onnx>"), cl::cat(category)};
  cl::opt<std::string> data{"data", cl::cat(category), cl::Required,
                            cl::value_desc("file.npz|folder|list"), cl::desc("Samples")};
  cl::opt<std::string> output{"o", cl::cat(category), cl::value_desc("filename"),
                              cl::desc("Write the statistics (safetensors)")};
  cl::opt<std::string> collect{
      "collect", cl::cat(category), cl::init("minmax,moments"), cl::value_desc("names"),
      cl::desc("What to collect: minmax (always), moving_average, moments, histogram, gram, counts "
               "(of the indices of embeddings); "
               "default: minmax,moments")};
  cl::opt<uint64_t> samples{"samples", cl::cat(category), cl::init(0), cl::value_desc("N"),
                            cl::desc("At most so many runs; 0 (default): all")};
  cl::opt<uint64_t> batch{
      "batch", cl::cat(category), cl::init(0), cl::value_desc("N"),
      cl::desc("Samples of a .npz file in one run; default: what the model says, or 1")};
  cl::opt<int> threads{"threads", cl::cat(category), cl::init(0),
                       cl::desc("Threads; 0 (default): one per core")};
  cl::list<std::string> dim{"dim", cl::cat(category), cl::CommaSeparated,
                            cl::value_desc("name=size"),
                            cl::desc("Compile for one size of a symbolic dim, as batch=1")};
  cl::list<std::string> ops{"ops", cl::cat(category), cl::CommaSeparated, cl::value_desc("globs"),
                            cl::desc("Names of ops; default: all with a weight")};
  cl::opt<bool> outputs{"outputs", cl::cat(category), cl::desc("Also observe results of the ops")};
  cl::opt<std::string> progress{"progress", cl::cat(category), cl::init("plain"),
                                cl::desc("plain (default), json or off; goes to stderr")};
  cl::opt<std::string> memoryLimit{
      "memory-limit", cl::cat(category), cl::value_desc("bytes"),
      cl::desc("While compiling, keep new weights beyond this size in a temporary file, "
               "for example 4GB")};
};
} // namespace

/// Prints why the command line is wrong.
static int fail(const Twine &message) {
  llvm::errs() << "compress-calibrate: " << message << "\n";
  return 2;
}

int CalibrateOptions::parse(int argc, char **argv) {
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
  data = flags.data;
  output = flags.output;
  samples = flags.samples;
  batch = flags.batch;
  calibration.threads = flags.threads;
  calibration.outputs = flags.outputs;
  calibration.ops.assign(flags.ops.begin(), flags.ops.end());

  llvm::Expected<Collect> collect = parseCollect(flags.collect);
  if (!collect)
    return fail("--collect: " + llvm::toString(collect.takeError()));
  calibration.collect = *collect;
  if (llvm::Error error = checkThreads(calibration.threads))
    return fail(llvm::toString(std::move(error)));
  for (StringRef text : flags.dim)
    if (llvm::Error error = parseDim(text, calibration.dims))
      return fail(llvm::toString(std::move(error)));
  for (const std::string &glob : calibration.ops)
    if (llvm::Expected<NamePattern> pattern = NamePattern::create(glob); !pattern)
      return fail("--ops: " + llvm::toString(pattern.takeError()));
  llvm::Expected<Progress::Mode> mode = parseProgress(flags.progress);
  if (!mode)
    return fail(llvm::toString(mode.takeError()));
  progress = *mode;
  llvm::Expected<uint64_t> limit = parseMemoryLimit(flags.memoryLimit);
  if (!limit)
    return fail(llvm::toString(limit.takeError()));
  memoryLimit = *limit;
  return 0;
}
