//===- Bridge.cpp - what the Python module sees of the compiler -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Bridge.h"

#include "compress/Analysis/DependencyGraph.h"
#include "compress/Calibration/Calibration.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/ExecutionEngine/Session.h"
#include "compress/Pipelines/AccuracyGate.h"
#include "compress/Pipelines/Pipelines.h"
#include "compress/Pipelines/Sidecar.h"
#include "compress/Recipe/Recipe.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Support/OutputFile.h"
#include "compress/Support/Report.h"
#include "compress/Target/ONNX/Export.h"
#include "compress/Target/ONNX/Import.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/xxhash.h"
#include <mutex>

using namespace mlir;
namespace bridge = compress_python;
using bridge::Failure;
using bridge::Result;

static Failure makeFailure(llvm::Error error) {
  bool isUnsupported = error.isA<compress::UnsupportedError>();
  return {llvm::toString(std::move(error)), isUnsupported};
}

//===----------------------------------------------------------------------===//
// Sessions
//===----------------------------------------------------------------------===//

struct bridge::SessionState {
  std::unique_ptr<compress::Session> session;
};

bridge::Session::Session(std::unique_ptr<SessionState> state) : state(std::move(state)) {}
bridge::Session::~Session() = default;

static std::shared_ptr<bridge::Session> wrap(std::unique_ptr<compress::Session> session) {
  return std::make_shared<bridge::Session>(
      std::unique_ptr<bridge::SessionState>(new bridge::SessionState{std::move(session)}));
}

Result<std::shared_ptr<bridge::Session>> bridge::Session::load(const std::string &path,
                                                               int threads) {
  llvm::Expected<std::unique_ptr<compress::Session>> session =
      compress::Session::load(path, threads);
  if (!session)
    return makeFailure(session.takeError());
  return wrap(std::move(*session));
}

static std::vector<bridge::Spec> convert(ArrayRef<compress::TensorSpec> specs) {
  std::vector<bridge::Spec> converted;
  for (const compress::TensorSpec &spec : specs) {
    bridge::Spec &to = converted.emplace_back();
    to.name = spec.name;
    to.type = compress::getName(spec.type).str();
    for (int64_t size : spec.shape)
      to.shape.push_back(ShapedType::isDynamic(size) ? -1 : size);
    to.dims.assign(spec.dims.begin(), spec.dims.end());
  }
  return converted;
}

std::vector<bridge::Spec> bridge::Session::getInputs() const {
  return convert(state->session->getInputs());
}

std::vector<bridge::Spec> bridge::Session::getOutputs() const {
  return convert(state->session->getOutputs());
}

int bridge::Session::getThreads() const { return state->session->getPlan().threads; }

std::string bridge::Session::getPlan() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  state->session->getPlan().print(os);
  return text;
}

/// Whether NumPy has a type for `type`; if not, its elements are at most two bytes.
static bool isNumpyType(compress::DataType type) {
  return !compress::isFloat(type) || type == compress::DataType::F64 ||
         type == compress::DataType::F32 || type == compress::DataType::F16;
}

/// `from`, dense f32, as `type`, or the other way round.
static llvm::Expected<compress::HostTensor> convertFloats(const compress::TensorView &from,
                                                          compress::DataType type) {
  llvm::Expected<compress::HostTensor> dense = compress::HostTensor::copy(from);
  if (!dense)
    return dense;
  llvm::Expected<compress::HostTensor> to = compress::HostTensor::allocate(type, from.shape);
  if (!to)
    return to;
  int64_t fromBytes = llvm::cantFail(compress::getMemoryBytes(from.type)),
          toBytes = llvm::cantFail(compress::getMemoryBytes(type));
  for (int64_t i = 0, count = to->getNumElements(); i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, dense->data() + i * fromBytes, fromBytes);
    bits = compress::encodeFloat(type, compress::decodeFloat(from.type, bits));
    std::memcpy(to->data() + i * toBytes, &bits, toBytes);
  }
  return to;
}

Result<std::vector<bridge::Tensor>>
bridge::Session::run(const std::vector<std::pair<std::string, Tensor>> &inputs) {
  std::vector<std::pair<StringRef, compress::TensorView>> views;
  std::vector<compress::HostTensor> converted;
  converted.reserve(inputs.size());
  for (const auto &[name, tensor] : inputs) {
    std::optional<compress::DataType> type = compress::parseDataType(tensor.type);
    if (!type)
      return Failure{"input '" + name + "': the type " + tensor.type + " is not supported"};
    compress::TensorView view{*type, tensor.data, tensor.shape, tensor.strides};
    auto spec = llvm::find_if(state->session->getInputs(),
                              [&, &name = name](const auto &spec) { return spec.name == name; });
    bool isWidened = spec != state->session->getInputs().end() && !isNumpyType(spec->type) &&
                     *type == compress::DataType::F32;
    if (isWidened) {
      llvm::Expected<compress::HostTensor> narrow = convertFloats(view, spec->type);
      if (!narrow)
        return makeFailure(narrow.takeError());
      converted.push_back(std::move(*narrow));
      view = converted.back().view();
    }
    views.emplace_back(name, view);
  }
  llvm::Expected<std::vector<compress::HostTensor>> outputs = state->session->run(views);
  if (!outputs)
    return makeFailure(outputs.takeError());
  std::vector<Tensor> results;
  for (compress::HostTensor &output : *outputs) {
    if (!isNumpyType(output.getType())) {
      llvm::Expected<compress::HostTensor> wide =
          convertFloats(output.view(), compress::DataType::F32);
      if (!wide)
        return makeFailure(wide.takeError());
      output = std::move(*wide);
    }
    results.push_back({compress::getName(output.getType()).str(),
                       output.data(),
                       std::vector<int64_t>(output.getShape().begin(), output.getShape().end()),
                       {},
                       output.getStorage()});
  }
  return results;
}

Result<bridge::ArchiveSizes> bridge::Session::save(const std::string &path,
                                                   const std::string &encoding) const {
  std::optional<compress::ArchiveEncoding> parsed = compress::parseArchiveEncoding(encoding);
  if (!parsed)
    return Failure{"encoding: expects raw or huffman, got '" + encoding + "'"};
  compress::ArchiveSizes sizes;
  if (llvm::Error error = state->session->save(path, *parsed, &sizes))
    return makeFailure(std::move(error));
  return ArchiveSizes{sizes.raw, sizes.stored, sizes.rawWeights, sizes.storedWeights, sizes.file};
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

namespace {
/// Layers of one compression.
struct Collector : public compress::ReportCollector {
  void addLayer(const compress::LayerReport &layer) override { report.addLayer(layer); }
  void addAllocation(const compress::AllocationReport &allocation) override {
    report.allocations.push_back(allocation);
  }
  compress::Report report;
};

/// A context and the modules that live in it.
struct SharedContext {
  SharedContext() {
    DialectRegistry registry;
    compress::Session::registerDialects(registry);
    context = std::make_unique<MLIRContext>(registry);
    context->loadAllAvailableDialects();
  }

  compress::CompressDialect *getDialect() {
    return context->getLoadedDialect<compress::CompressDialect>();
  }

  /// Files that blobs of modules lie in.
  llvm::SourceMgr sources;
  std::unique_ptr<MLIRContext> context;
  SmallVector<ModuleOp> modules;
  /// Held while the context is used.
  std::mutex mutex;
};

/// Errors of a context as text, while it lives.
class Diagnostics {
public:
  explicit Diagnostics(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error) {
            llvm::raw_string_ostream os(text);
            os << (text.empty() ? "" : "\n") << diagnostic.getLocation() << ": " << diagnostic;
            for (Diagnostic &note : diagnostic.getNotes())
              os << "\nnote: " << note;
          }
          if (diagnostic.getSeverity() == DiagnosticSeverity::Warning)
            warnings.push_back(diagnostic.str());
          return success();
        }) {}
  std::vector<std::string> takeWarnings() { return std::move(warnings); }
  Failure fail() { return {text.empty() ? "unknown error" : text}; }

private:
  std::string text;
  std::vector<std::string> warnings;
  ScopedDiagnosticHandler handler;
};
} // namespace

struct bridge::ModelState {
  ModelState(std::shared_ptr<SharedContext> shared, OwningOpRef<ModuleOp> module)
      : shared(std::move(shared)), module(std::move(module)) {
    this->shared->modules.push_back(*this->module);
  }
  ~ModelState() {
    std::lock_guard lock(shared->mutex);
    llvm::erase(shared->modules, *module);
    module = nullptr;
    compress::WeightStore(shared->context.get()).collect(shared->modules);
  }

  std::shared_ptr<SharedContext> shared;
  OwningOpRef<ModuleOp> module;
  std::string report, name;
};

bridge::Model::Model(std::unique_ptr<ModelState> state) : state(std::move(state)) {}
bridge::Model::~Model() = default;

static std::shared_ptr<bridge::Model> wrap(std::shared_ptr<SharedContext> shared,
                                           OwningOpRef<ModuleOp> module, StringRef name,
                                           std::string report = "") {
  auto state = std::make_unique<bridge::ModelState>(std::move(shared), std::move(module));
  state->name = name.str();
  state->report = std::move(report);
  return std::make_shared<bridge::Model>(std::move(state));
}

Result<std::shared_ptr<bridge::Model>> bridge::Model::load(const std::string &path) {
  auto shared = std::make_shared<SharedContext>();
  Diagnostics diagnostics(shared->context.get());
  OwningOpRef<ModuleOp> module;
  if (StringRef(path).ends_with(".onnx")) {
    FailureOr<OwningOpRef<ModuleOp>> imported =
        compress::onnx::importOnnx(path, shared->context.get());
    if (succeeded(imported))
      module = std::move(*imported);
  } else {
    shared->getDialect()->setBaseDirectory(llvm::sys::path::parent_path(path));
    module = parseSourceFile<ModuleOp>(path, shared->sources, shared->context.get());
  }
  if (!module)
    return diagnostics.fail();
  return wrap(std::move(shared), std::move(module), path);
}

Result<std::shared_ptr<bridge::Model>> bridge::Model::parse(const std::string &bytes) {
  auto shared = std::make_shared<SharedContext>();
  Diagnostics diagnostics(shared->context.get());
  FailureOr<OwningOpRef<ModuleOp>> module =
      compress::onnx::importOnnx(llvm::MemoryBufferRef(bytes, "model"), shared->context.get());
  if (failed(module))
    return diagnostics.fail();
  return wrap(std::move(shared), std::move(*module), "model");
}

/// Bytes of the stored weights of a module.
static uint64_t getWeightBytes(ModuleOp module) {
  uint64_t bytes = 0;
  for (compress::WeightOp weight : module.getOps<compress::WeightOp>()) {
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    FailureOr<uint64_t> size =
        type ? compress::WeightStore::getStorageBytes(type) : FailureOr<uint64_t>();
    bytes += succeeded(size) ? *size : 0;
  }
  return bytes;
}

Result<std::shared_ptr<bridge::Model>>
bridge::Model::compress(const CompressSettings &settings) const {
  compress::RecipeFlags flags = {settings.quantize, settings.prune, settings.lowRank,
                                 settings.share, settings.recipe};
  llvm::Expected<compress::Recipe> resolved = compress::makeRecipe(flags);
  if (!resolved) {
    Failure failure;
    failure.isUnsupported = compress::takeRecipeError(resolved.takeError(), failure.message) == 3;
    return failure;
  }
  bool hasStatistics = !settings.calibration.empty() || !settings.statistics.empty();
  if (!hasStatistics)
    if (llvm::Error error = compress::checkNeedsNoStatistics(*resolved))
      return makeFailure(std::move(error));
  std::lock_guard lock(state->shared->mutex);
  MLIRContext *context = state->shared->context.get();
  Diagnostics diagnostics(context);
  OwningOpRef<ModuleOp> module = state->module->clone();
  Collector collector;
  collector.report.model = state->name;
  collector.report.recipe = compress::resolveAuto(std::move(*resolved), hasStatistics).toYAML();
  collector.report.modelBytesBefore = getWeightBytes(*module);
  state->shared->getDialect()->setReportCollector(&collector);
  PassManager pm(context, ModuleOp::getOperationName());
  compress::CompressPipelineOptions options;
  options.setFlags(flags);
  for (const std::string &name : settings.exclude)
    options.exclude.push_back(name);
  options.calibration = settings.calibration;
  options.samples = settings.samples;
  options.statistics = settings.statistics;
  options.resume = settings.resume;
  options.requantize = settings.requantize;
  compress::buildCompressPipeline(pm, options);
  LogicalResult result = pm.run(*module);
  state->shared->getDialect()->setReportCollector(nullptr);
  // Those of this call only.
  state->shared->getDialect()->setStatistics(nullptr);
  if (failed(result)) {
    module = nullptr;
    compress::WeightStore(context).collect(state->shared->modules);
    return diagnostics.fail();
  }
  collector.report.modelBytesAfter = getWeightBytes(*module);
  module->walk([&](compress::OnnxOp op) { ++collector.report.opaque[op.getOpType().str()]; });
  std::string json;
  llvm::raw_string_ostream os(json);
  collector.report.writeJSON(os);
  return wrap(state->shared, std::move(module), state->name, std::move(json));
}

Result<std::string> bridge::Model::getGroups() const {
  std::lock_guard lock(state->shared->mutex);
  MLIRContext *context = state->shared->context.get();
  Diagnostics diagnostics(context);
  // Nodes of ONNX do not say how their dims relate; model ops do.
  OwningOpRef<ModuleOp> module = state->module->clone();
  PassManager pm(context, ModuleOp::getOperationName());
  compress::buildNormalizePipeline(pm);
  LogicalResult result = pm.run(*module);
  std::string json;
  if (succeeded(result)) {
    llvm::raw_string_ostream os(json);
    compress::printGroupsAsJSON(compress::DependencyGraph(*module), os);
  }
  module = nullptr;
  compress::WeightStore(context).collect(state->shared->modules);
  if (failed(result))
    return diagnostics.fail();
  return json;
}

Result<std::shared_ptr<bridge::Session>>
bridge::Model::compile(const CompileSettings &settings) const {
  compress::SessionOptions options;
  options.threads = settings.threads;
  options.target = settings.target;
  for (const auto &[name, size] : settings.dims)
    options.dims[name] = size;
  std::lock_guard lock(state->shared->mutex);
  options.liveModules.assign(state->shared->modules.begin(), state->shared->modules.end());
  llvm::Expected<std::unique_ptr<compress::Session>> session =
      compress::Session::create(*state->module, options);
  if (!session)
    return makeFailure(session.takeError());
  return wrap(std::move(*session));
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

struct bridge::StatisticsState {
  compress::Statistics statistics;
  std::vector<std::string> warnings;
};

bridge::Statistics::Statistics(std::unique_ptr<StatisticsState> state) : state(std::move(state)) {}
bridge::Statistics::~Statistics() = default;

static std::shared_ptr<bridge::Statistics> wrap(compress::Statistics statistics,
                                                std::vector<std::string> warnings = {}) {
  return std::make_shared<bridge::Statistics>(std::unique_ptr<bridge::StatisticsState>(
      new bridge::StatisticsState{std::move(statistics), std::move(warnings)}));
}

Result<std::shared_ptr<bridge::Statistics>> bridge::Statistics::load(const std::string &path) {
  llvm::Expected<compress::Statistics> loaded = compress::Statistics::load(path);
  if (!loaded)
    return makeFailure(loaded.takeError());
  return wrap(std::move(*loaded));
}

std::optional<Failure> bridge::Statistics::save(const std::string &path) const {
  if (llvm::Error error = state->statistics.save(path))
    return makeFailure(std::move(error));
  return std::nullopt;
}

std::vector<std::string> bridge::Statistics::getKeys() const {
  std::vector<std::string> keys;
  for (const auto &[key, entry] : state->statistics.getEntries())
    keys.push_back(key);
  return keys;
}

uint64_t bridge::Statistics::getSamples() const { return state->statistics.samples; }
std::vector<std::string> bridge::Statistics::getWarnings() const { return state->warnings; }

std::optional<bridge::Activation> bridge::Statistics::get(const std::string &key) const {
  auto found = state->statistics.getEntries().find(key);
  if (found == state->statistics.getEntries().end())
    return std::nullopt;
  std::shared_ptr<const compress::TensorStatistics> entry = found->second;
  Activation activation;
  activation.vectors = entry->vectors;
  activation.runs = entry->runs;
  activation.nonFinite = entry->nonFinite;
  activation.gramVectors = entry->gramVectors;
  activation.channels = entry->channels;
  activation.features = entry->features;
  activation.groups = entry->groups;
  activation.histogramLow = entry->histogram.low;
  activation.histogramHigh = entry->histogram.high;
  auto add = [&](const char *name, const char *type, const auto &values,
                 std::vector<int64_t> shape) {
    if (values.empty())
      return;
    auto *data = const_cast<void *>(static_cast<const void *>(values.data()));
    auto owner = std::shared_ptr<void>(entry, data);
    activation.arrays.emplace_back(name,
                                   Tensor{type, data, std::move(shape), {}, std::move(owner)});
  };
  auto addVector = [&](const char *name, const char *type, const auto &values) {
    add(name, type, values, {static_cast<int64_t>(values.size())});
  };
  addVector("min", "f32", entry->min);
  addVector("max", "f32", entry->max);
  addVector("moving_range", "f32", entry->movingRange);
  addVector("sum", "f64", entry->sum);
  addVector("sum_abs", "f64", entry->sumAbs);
  addVector("sum_squares", "f64", entry->sumSquares);
  addVector("histogram", "ui64", entry->histogram.counts);
  std::vector<int64_t> square{entry->groups, entry->features, entry->features};
  add("gram", "f32", entry->gram, square);
  add("cross", "f32", entry->cross, square);
  addVector("index_counts", "ui64", entry->counts);
  return activation;
}

namespace {
/// Samples that lie in arrays of Python.
class ArraySamples : public compress::CalibrationData {
public:
  explicit ArraySamples(const std::vector<bridge::Sample> &samples) : samples(samples) {}

  uint64_t getNumSamples() const override { return samples.size(); }

  llvm::Expected<std::vector<std::pair<std::string, compress::HostTensor>>>
  getSample(uint64_t index) const override {
    std::vector<std::pair<std::string, compress::HostTensor>> sample;
    for (const auto &[name, tensor] : samples[index]) {
      std::optional<compress::DataType> type = compress::parseDataType(tensor.type);
      if (!type)
        return llvm::createStringError("input '" + name + "': the type " + tensor.type +
                                       " is not supported");
      llvm::Expected<compress::HostTensor> copy =
          compress::HostTensor::copy({*type, tensor.data, tensor.shape, tensor.strides});
      if (!copy)
        return copy.takeError();
      sample.emplace_back(name, std::move(*copy));
    }
    return sample;
  }

  llvm::Expected<uint64_t> getFingerprint() const override {
    uint64_t hash = samples.size();
    for (uint64_t index = 0; index < samples.size(); ++index) {
      auto sample = getSample(index);
      if (!sample)
        return sample.takeError();
      for (const auto &[name, tensor] : *sample)
        for (StringRef bytes : {StringRef(name), StringRef(tensor.data(), tensor.getByteSize())})
          hash = hash * 0x9E3779B97F4A7C15 ^ llvm::xxh3_64bits(bytes);
    }
    return hash;
  }

private:
  const std::vector<bridge::Sample> &samples;
};
} // namespace

Result<std::shared_ptr<bridge::Statistics>>
bridge::Model::calibrate(const CalibrationSettings &settings,
                         const std::vector<Sample> &samples) const {
  compress::CalibrationOptions options;
  llvm::Expected<compress::Collect> collect = compress::parseCollect(settings.collect);
  if (!collect)
    return makeFailure(collect.takeError());
  options.collect = *collect;
  options.threads = settings.threads;
  options.ops = settings.ops;
  options.outputs = settings.outputs;
  compress::SessionOptions session;
  for (const auto &[name, size] : settings.dims)
    session.dims[name] = options.dims[name] = size;

  std::lock_guard lock(state->shared->mutex);
  MLIRContext *context = state->shared->context.get();
  Diagnostics diagnostics(context);
  OwningOpRef<ModuleOp> module = state->module->clone();
  PassManager pm(context, ModuleOp::getOperationName());
  compress::buildNormalizePipeline(pm);
  if (failed(pm.run(*module)))
    return diagnostics.fail();
  std::unique_ptr<compress::CalibrationData> data;
  if (settings.path.empty()) {
    data = std::make_unique<ArraySamples>(samples);
  } else {
    llvm::Expected<std::vector<compress::TensorSpec>> specs =
        compress::getModelInputs(*module, session);
    if (!specs)
      return makeFailure(specs.takeError());
    auto opened = compress::openCalibrationData(settings.path, *specs, settings.samples);
    if (!opened)
      return makeFailure(opened.takeError());
    data = std::move(*opened);
  }
  llvm::Expected<compress::Statistics> statistics =
      compress::collectStatistics(*module, *data, options);
  module = nullptr;
  compress::WeightStore(context).collect(state->shared->modules);
  if (!statistics)
    return makeFailure(statistics.takeError());
  return wrap(std::move(*statistics), diagnostics.takeWarnings());
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Writes MLIR text or bytecode, with large weights in a file beside it.
static LogicalResult writeModule(ModuleOp module, StringRef path, StringRef folder) {
  if (failed(compress::placeWeights(module, compress::WeightsMode::Auto, path, folder)))
    return failure();
  llvm::Expected<std::unique_ptr<compress::OutputFile>> output = compress::OutputFile::create(path);
  if (!output)
    return module.emitError() << llvm::toString(output.takeError());
  if (path.ends_with(".mlirbc")) {
    if (failed(writeBytecodeToFile(module, (*output)->os())))
      return failure();
  } else {
    module.print((*output)->os());
    (*output)->os() << "\n";
  }
  if (llvm::Error error = (*output)->keep())
    return module.emitError() << llvm::toString(std::move(error));
  return success();
}

std::optional<Failure> bridge::Model::save(const std::string &path, const std::string &form) const {
  std::optional<compress::onnx::ExportForm> parsed = compress::onnx::parseExportForm(form);
  if (!parsed)
    return Failure{"form: expects qdq, matmulnbits or dense, got '" + form + "'"};
  StringRef name = path;
  if (!name.ends_with(".onnx") && !name.ends_with(".mlir") && !name.ends_with(".mlirbc"))
    return Failure{"'" + path + "': expects a name that ends in .onnx, .mlir or .mlirbc"};
  std::lock_guard lock(state->shared->mutex);
  Diagnostics diagnostics(state->shared->context.get());
  // Writing may move weights to files.
  OwningOpRef<ModuleOp> module = state->module->clone();
  compress::onnx::ExportOptions options;
  options.form = *parsed;
  LogicalResult result =
      name.ends_with(".onnx")
          ? compress::onnx::exportOnnx(*module, path, options)
          : writeModule(*module, path, state->shared->getDialect()->getBaseDirectory());
  if (failed(result))
    return diagnostics.fail();
  return std::nullopt;
}

std::string bridge::Model::getReport() const { return state->report; }

//===----------------------------------------------------------------------===//
// Accuracy gate
//===----------------------------------------------------------------------===//

template <typename T>
static llvm::Expected<T> toExpected(Result<T> result) {
  if (auto *failure = std::get_if<Failure>(&result))
    return llvm::createStringError(llvm::inconvertibleErrorCode(), failure->message);
  return std::get<T>(std::move(result));
}

Result<bridge::GateOutcome> bridge::runAccuracyGate(const GateSettings &settings,
                                                    const GateHooks &hooks) {
  compress::GateOptions options;
  llvm::Expected<compress::MaxDrop> maxDrop = compress::MaxDrop::parse(settings.maxDrop);
  if (!maxDrop)
    return Failure{"max_drop " + llvm::toString(maxDrop.takeError())};
  options.maxDrop = *maxDrop;
  options.isHigherBetter = settings.isHigherBetter;
  options.maxTrials = settings.maxTrials;
  compress::GateCallbacks callbacks;
  callbacks.measureOriginal = [&] { return toExpected(hooks.measureOriginal()); };
  callbacks.measure = [&] { return toExpected(hooks.measure()); };
  callbacks.compress = [&](ArrayRef<std::string> excluded) {
    return toExpected(hooks.compress(excluded.vec()));
  };
  callbacks.save = [&](const compress::GateTrial &) -> llvm::Error {
    if (std::optional<Failure> failure = hooks.save())
      return llvm::createStringError(llvm::inconvertibleErrorCode(), failure->message);
    return llvm::Error::success();
  };
  llvm::Expected<compress::GateResult> result = compress::runAccuracyGate(options, callbacks);
  if (!result)
    return makeFailure(result.takeError());
  GateOutcome outcome{result->passed, result->originalMetric, {}, result->best, result->ranking};
  for (const compress::GateTrial &trial : result->trials)
    outcome.trials.push_back({trial.numExcluded, trial.metric, trial.drop, trial.passed});
  return outcome;
}
