//===- Gate.cpp - --max-drop of compress-opt -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Gate.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::compress;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// Models of trials, in a folder beside the output that is removed at the end.
class TrialFolder {
public:
  ~TrialFolder() {
    if (!folder.empty())
      fs::remove_directories(folder);
  }

  llvm::Error create(StringRef output);
  /// Where a trial writes its model: under the name of the output, so that the files beside it
  /// (weights) have the names that they will have there.
  std::string getModel() const;
  /// Where the uncompressed model is written.
  std::string getOriginal() const;
  /// Moves the trial's files to where they belong, the model last.
  llvm::Error move() const;

private:
  std::string output, folder;
};

/// A run of the gate.
class Gate {
public:
  Gate(const ToolOptions &options, ToolReport &report,
       llvm::function_ref<int(const ToolOptions &)> run)
      : options(options), report(report), run(run), trial(options) {}

  int operator()();

private:
  llvm::Expected<double> measure(StringRef model) const;
  llvm::Expected<double> measureOriginal();
  llvm::Expected<std::vector<std::string>> compress(ArrayRef<std::string> excluded);
  llvm::Error save(const GateTrial &result);
  /// The users of the layers' weights: tied layers are left alone together.
  std::vector<std::string> addTied(ArrayRef<std::string> names) const;
  void tell(const GateTrial &result) const;
  GateReport makeReport(const GateResult &result) const;
  std::string formatDrop(double drop) const;

  const ToolOptions &options;
  ToolReport &report;
  llvm::function_ref<int(const ToolOptions &)> run;
  ToolOptions trial;
  TrialFolder folder;
  /// What the first trial did.
  std::vector<LayerReport> layers;
  /// What the best trial did.
  std::optional<Report> best;
  unsigned numTrials = 0;
  int code = 2;
};

} // namespace

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

llvm::Error TrialFolder::create(StringRef given) {
  output = given.str();
  // A link stays; what it points to is replaced.
  SmallString<256> target;
  if (!fs::real_path(output, target))
    output = target.str().str();
  if (fs::exists(output) && !fs::is_regular_file(output))
    return makeError("--max-drop needs a regular file as output, got '" + given + "'");
  SmallString<256> made;
  fs::createUniquePath(output + ".gate-%%%%%%", made, /*MakeAbsolute=*/false);
  if (std::error_code error = fs::create_directory(made, /*IgnoreExisting=*/false))
    return makeError("cannot make the folder '" + made + "': " + error.message());
  folder = made.str().str();
  return llvm::Error::success();
}

std::string TrialFolder::getModel() const {
  SmallString<256> model(folder);
  path::append(model, path::filename(output));
  return model.str().str();
}

std::string TrialFolder::getOriginal() const {
  SmallString<256> model(folder);
  path::append(model, "original");
  fs::create_directory(model);
  path::append(model, path::filename(output));
  return model.str().str();
}

llvm::Error TrialFolder::move() const {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; it != end && !error; it.increment(error))
    if (it->type() == fs::file_type::regular_file && it->path() != getModel())
      files.push_back(it->path());
  llvm::sort(files);
  files.push_back(getModel());
  for (const std::string &file : files) {
    SmallString<256> to(path::parent_path(output));
    path::append(to, path::filename(file));
    llvm::ErrorOr<fs::perms> permissions = fs::getPermissions(to);
    if (!error)
      error = fs::rename(file, to);
    if (!error && permissions)
      error = fs::setPermissions(to, *permissions);
    if (error)
      return makeError("cannot write '" + to + "': " + error.message());
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Trials
//===----------------------------------------------------------------------===//

llvm::Expected<double> Gate::measure(StringRef model) const {
  return runMetricCommand(options.metric, model, options.metricTimeout);
}

llvm::Expected<double> Gate::measureOriginal() {
  if (options.input != "-" && options.readsOnnx() == options.writesOnnx())
    return measure(options.input);
  // In the format of the output, as the metric command expects it.
  ToolOptions plain = options;
  plain.flags = {};
  plain.calibration = plain.statistics = "";
  plain.samples = 0;
  plain.output = folder.getOriginal();
  if (int failed = run(plain)) {
    code = failed;
    return makeError("the original model cannot be written");
  }
  return measure(plain.output);
}

std::vector<std::string> Gate::addTied(ArrayRef<std::string> names) const {
  // Recipes know the layers that were there before some were split.
  std::vector<std::string> all = names.vec();
  for (StringRef name : names)
    for (const LayerReport &layer : layers)
      if (layer.getRecipeName() == name)
        for (const LayerReport &other : layers)
          if (other.weight == layer.weight && !llvm::is_contained(all, other.getRecipeName()))
            all.push_back(other.getRecipeName().str());
  return all;
}

llvm::Expected<std::vector<std::string>> Gate::compress(ArrayRef<std::string> excluded) {
  trial.output = folder.getModel();
  trial.exclude = addTied(excluded);
  report.restart(/*isQuiet=*/numTrials++ > 0);
  if (int failed = run(trial)) {
    code = failed;
    return makeError("the model cannot be compressed");
  }
  if (numTrials == 1)
    layers = report.getReport().layers;
  std::vector<std::string> ranking;
  for (const LayerReport *layer : report.getReport().getCulprits())
    ranking.push_back(layer->getRecipeName().str());
  return ranking;
}

std::string Gate::formatDrop(double drop) const {
  if (options.gate.maxDrop.isRelative)
    return llvm::formatv("{0:F3}%", 100 * drop);
  return llvm::formatv("{0}", llvm::format("%g", drop));
}

void Gate::tell(const GateTrial &result) const {
  llvm::errs() << llvm::formatv("trial {0}: {1} layers left alone, metric {2}, drop {3}: {4}\n",
                                numTrials, result.numExcluded, llvm::format("%g", result.metric),
                                formatDrop(result.drop), result.passed ? "holds" : "too much");
}

llvm::Error Gate::save(const GateTrial &) {
  if (llvm::Error error = folder.move())
    return error;
  best = report.getReport();
  return llvm::Error::success();
}

GateReport Gate::makeReport(const GateResult &result) const {
  GateReport gate;
  gate.maxDrop = options.maxDrop;
  gate.originalMetric = result.originalMetric;
  gate.passed = result.passed;
  gate.best = result.best;
  for (const GateTrial &done : result.trials)
    gate.trials.push_back({addTied(ArrayRef(result.ranking).take_front(done.numExcluded)),
                           done.metric, done.drop, done.passed});
  return gate;
}

int Gate::operator()() {
  auto fail = [&](llvm::Error error) {
    llvm::errs() << "compress-opt: " << llvm::toString(std::move(error));
    if (best)
      llvm::errs() << "; the best model so far is in '" << options.output << "'";
    llvm::errs() << "\n";
    return code;
  };
  if (llvm::Error error = folder.create(options.output))
    return fail(std::move(error));
  GateCallbacks callbacks;
  callbacks.measureOriginal = [&] { return measureOriginal(); };
  callbacks.compress = [&](ArrayRef<std::string> excluded) { return compress(excluded); };
  callbacks.measure = [&] { return measure(trial.output); };
  callbacks.save = [&](const GateTrial &result) { return save(result); };
  callbacks.onTrial = [&](const GateTrial &result) { tell(result); };
  llvm::Expected<GateResult> result = runAccuracyGate(options.gate, callbacks);
  if (!result)
    return fail(result.takeError());
  best->gate = makeReport(*result);
  const GateTrial &kept = result->trials[result->best];
  report.setReport(std::move(*best));
  if (failed(report.finish(options.reportFile)))
    return 1;
  if (kept.numExcluded > 0) {
    llvm::errs() << "left alone for accuracy: ";
    llvm::interleaveComma(addTied(result->getExcluded()), llvm::errs());
    llvm::errs() << "\n";
  }
  if (result->passed)
    return 0;
  llvm::errs() << "compress-opt: --max-drop=" << options.maxDrop << " is missed: the best of "
               << result->trials.size() << " trials drops by " << formatDrop(kept.drop)
               << "; it is in '" << options.output << "'\n";
  return 4;
}

int mlir::compress::runGate(const ToolOptions &options, ToolReport &report,
                            llvm::function_ref<int(const ToolOptions &)> run) {
  return Gate(options, report, run)();
}
