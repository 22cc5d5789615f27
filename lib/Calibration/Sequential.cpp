//===- Sequential.cpp - compressing layer after layer --------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Calibration/Sequential.h"
#include "ActivationCollector.h"
#include "SampleStream.h"
#include "StageLog.h"
#include "compress/Analysis/GraphFingerprint.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Support/Progress.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

static PlanAttr getPlan(Operation *op) {
  return op->getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper().getAttr(op);
}

static std::optional<QuantizeSpec> getSpec(const WeightedOp &op) {
  PlanAttr plan = getPlan(op.op);
  std::optional<QuantizeSpec> spec = plan ? plan.getQuantizeSpec() : std::nullopt;
  if (spec)
    spec = resolveAuto(*spec, /*hasStatistics=*/true);
  return spec;
}

/// How single weights are pruned, if they are.
static std::optional<PruneSpec> getPruneSpec(const WeightedOp &op) {
  PlanAttr plan = getPlan(op.op);
  std::optional<PruneSpec> spec = plan ? plan.getPruneSpec() : std::nullopt;
  if (!spec || !spec->isElements())
    return std::nullopt;
  return resolveAuto(*spec, /*hasStatistics=*/true);
}

Collect mlir::compress::getNeededStatistics(const WeightedOp &op) {
  Collect result = Collect::MinMax | Collect::Moments;
  if (std::optional<PruneSpec> prune = getPruneSpec(op); prune && prune->needsGram())
    result |= Collect::Gram;
  std::optional<QuantizeSpec> spec = getSpec(op);
  if (!spec)
    return result;
  if (spec->isSequential() || spec->method == QuantizeMethod::AdaRound)
    result |= Collect::Gram;
  if (spec->activations != ActivationMode::Static)
    return result;
  switch (spec->activationRange) {
  case ActivationRange::MinMax:
    return result;
  case ActivationRange::MovingAverage:
    return result | Collect::MovingAverage;
  case ActivationRange::Percentile:
  case ActivationRange::Entropy:
  case ActivationRange::Mse:
    return result | Collect::Histogram;
  }
  llvm_unreachable("unknown range");
}

bool mlir::compress::needsUncompressed(const WeightedOp &op) {
  std::optional<QuantizeSpec> spec = getSpec(op);
  return spec && spec->method == QuantizeMethod::Gptaq;
}

LogicalResult SequentialStage::runStep(WeightStep step, WeightStore &store, const WeightTask &task,
                                       WeightOutcome &outcome) const {
  return log ? log->runStep(step, store, task, outcome) : step(store, task, outcome);
}

//===----------------------------------------------------------------------===//
// Fingerprints
//===----------------------------------------------------------------------===//

namespace {
/// Hash of what a run depends on.
class RunHash {
public:
  void add(StringRef text) {
    uint64_t parts[] = {hash, llvm::xxh3_64bits(text)};
    hash = llvm::xxh3_64bits(ArrayRef(reinterpret_cast<const uint8_t *>(parts), sizeof(parts)));
  }
  void add(uint64_t number) { add(StringRef(reinterpret_cast<const char *>(&number), 8)); }
  uint64_t get() const { return hash; }

private:
  uint64_t hash = 0;
};
} // namespace

/// What pruning reads besides the plan: the file of an expression, gradients.
static llvm::Error addPruningInputs(const WeightedOp &op, RunHash &hash) {
  std::optional<PruneSpec> spec = getPruneSpec(op);
  if (!spec)
    return llvm::Error::success();
  if (!spec->tree.empty()) {
    auto file = llvm::MemoryBuffer::getFile(spec->tree);
    if (!file)
      return llvm::createStringError("cannot read '" + spec->tree +
                                     "': " + file.getError().message());
    hash.add((*file)->getBuffer());
  }
  const Statistics *statistics =
      op.op->getContext()->getLoadedDialect<CompressDialect>()->getStatistics();
  const WeightStatistics *weight =
      spec->needsGradients() && statistics ? statistics->findWeight(op.name) : nullptr;
  if (weight)
    for (ArrayRef<float> values : {ArrayRef(weight->gradient), ArrayRef(weight->gradientSquares)})
      hash.add(
          StringRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)));
  return llvm::Error::success();
}

static llvm::Expected<uint64_t> computeFingerprint(ModuleOp module, const CalibrationData &data,
                                                   const SequentialOptions &options) {
  RunHash hash;
  hash.add(getGraphFingerprint(module));
  llvm::Expected<uint64_t> samples = data.getFingerprint();
  if (!samples)
    return samples.takeError();
  hash.add(*samples);
  hash.add(data.getNumSamples());
  hash.add(options.recipe);
  std::vector<std::string> dims;
  for (const auto &dim : options.dims)
    dims.push_back((dim.first() + "=" + Twine(dim.second)).str());
  llvm::sort(dims);
  hash.add(llvm::join(dims, ","));
  for (const WeightedOp &op : collectWeighted(module)) {
    std::string text = op.name + ":";
    if (PlanAttr plan = getPlan(op.op))
      llvm::raw_string_ostream(text) << plan;
    hash.add(text);
    if (llvm::Error error = addPruningInputs(op, hash))
      return std::move(error);
    if (options.collect)
      hash.add(static_cast<uint64_t>(options.collect(op)));
  }
  WeightStore store(module.getContext());
  bool ok = true;
  module.walk([&](WeightOp weight) {
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    if (!type)
      return;
    FailureOr<WeightBytes> bytes =
        store.read(weight.getValueAttr(), type, [&] { return weight.emitError(); }, true);
    if (failed(bytes)) {
      ok = false;
      return;
    }
    hash.add(weight.getSymName());
    hash.add(StringRef(bytes->bytes().data(), bytes->bytes().size()));
  });
  if (!ok)
    return llvm::createStringError("the weights of the model cannot be read");
  return hash.get();
}

//===----------------------------------------------------------------------===//
// The driver
//===----------------------------------------------------------------------===//

namespace {
/// Inputs of weighted ops that are the same value and are contracted in the same way.
struct Target {
  Value value;
  /// The same value of the uncompressed model, or null.
  Value full;
  std::vector<const WeightedOp *> ops;
  std::unique_ptr<ActivationCollector> collector;
};
} // namespace

namespace mlir::compress {
class SequentialDriver {
public:
  SequentialDriver(ModuleOp module, const CalibrationData &data, const SequentialOptions &options,
                   CompressStage compressStage)
      : module(module), data(data), options(options), compressStage(compressStage),
        dialect(module.getContext()->getLoadedDialect<CompressDialect>()) {}

  llvm::Error run();

private:
  Collect getCollect(const WeightedOp &op, bool isReplay) const;
  llvm::Error runStage(size_t index, const StageGroup &group);
  llvm::Error compressUnits(SequentialStage &stage, Statistics &collected, bool isReplay);
  llvm::Error collectDirect(ArrayRef<WeightedOp> ops, SampleStream::Visitor &visit,
                            std::vector<Target> &targets, bool isReplay);
  llvm::Error collectInside(ArrayRef<Operation *> holders, ArrayRef<WeightedOp> ops, bool isReplay,
                            Statistics &collected);
  llvm::Error addSample(uint64_t sample, std::vector<Target> &targets,
                        const SampleStream::Lookup &lookup);
  llvm::Error checkEntry(const WeightedOp &op, const TensorStatistics &entry);
  void keepStatistics(const Statistics &collected);

  ModuleOp module;
  const CalibrationData &data;
  const SequentialOptions &options;
  CompressStage compressStage;
  CompressDialect *dialect;

  std::unique_ptr<SampleStream> stream;
  /// The uncompressed model, if GPTAQ wants it.
  OwningOpRef<ModuleOp> original;
  std::unique_ptr<SampleStream> full;
  std::unique_ptr<StageLog> log;

  /// Ops with a plan that have not had their stage.
  llvm::DenseSet<Operation *> pending;
  /// Number of the stored weight of an op, and which are done.
  llvm::DenseMap<Operation *, size_t> unitOf;
  std::vector<std::vector<std::string>> unitUsers;
  llvm::DenseSet<size_t> doneUnits;
};
} // namespace mlir::compress

Collect SequentialDriver::getCollect(const WeightedOp &op, bool isReplay) const {
  Collect result = options.collect ? options.collect(op) : getNeededStatistics(op);
  // What a stage that is done needed; the rest is kept for what comes after all stages.
  if (isReplay)
    result &= ~Collect::Gram;
  return result | Collect::MinMax;
}

/// Floats of a tensor; `storage` holds them where they are not f32.
static llvm::Expected<const float *> toFloats(const HostTensor &tensor,
                                              std::vector<float> &storage) {
  if (tensor.getType() == DataType::F32)
    return reinterpret_cast<const float *>(tensor.data());
  llvm::Expected<int64_t> size = getMemoryBytes(tensor.getType());
  if (!size)
    return size.takeError();
  if (getClass(tensor.getType()) != DataTypeClass::Float)
    return llvm::createStringError("is of type " + getName(tensor.getType()) + "; expected floats");
  storage.resize(tensor.getNumElements());
  for (auto [index, value] : llvm::enumerate(storage)) {
    uint64_t bits = 0;
    std::memcpy(&bits, tensor.data() + index * *size, *size);
    value = static_cast<float>(decodeFloat(tensor.getType(), bits));
  }
  return storage.data();
}

llvm::Error SequentialDriver::addSample(uint64_t sample, std::vector<Target> &targets,
                                        const SampleStream::Lookup &lookup) {
  auto parallel = [&](size_t count, llvm::function_ref<void(size_t)> body) {
    mlir::parallelFor(module.getContext(), 0, count, body);
  };
  std::vector<float> floats, fullFloats;
  for (Target &target : targets) {
    auto fail = [&](llvm::Error error) {
      return llvm::createStringError("activation \"" +
                                     Statistics::getInputKey(target.ops.front()->name) + "\" " +
                                     llvm::toString(std::move(error)));
    };
    llvm::Expected<HostTensor> tensor = lookup(target.value);
    if (!tensor)
      return tensor.takeError();
    llvm::Expected<const float *> values = toFloats(*tensor, floats);
    if (!values)
      return fail(values.takeError());
    const float *fullValues = nullptr;
    HostTensor fullTensor;
    if (target.full) {
      llvm::Expected<HostTensor> found = full->lookup(sample, target.full);
      if (!found)
        return found.takeError();
      fullTensor = std::move(*found);
      if (fullTensor.getShape() != tensor->getShape())
        return fail(llvm::createStringError("has another shape in the uncompressed model"));
      llvm::Expected<const float *> converted = toFloats(fullTensor, fullFloats);
      if (!converted)
        return fail(converted.takeError());
      fullValues = *converted;
    }
    if (llvm::Error error =
            target.collector->add(*values, tensor->getShape(), parallel, fullValues))
      return fail(std::move(error));
  }
  return llvm::Error::success();
}

/// Values that are not finite are told, and an error where there are no others.
llvm::Error SequentialDriver::checkEntry(const WeightedOp &op, const TensorStatistics &entry) {
  std::string id = Statistics::getInputKey(op.name), count = std::to_string(entry.nonFinite);
  if (entry.nonFinite && entry.nonFinite == entry.vectors * static_cast<uint64_t>(entry.channels))
    return llvm::createStringError("activation \"" + id + "\": all " + count +
                                   " values are NaN or infinite");
  if (entry.nonFinite)
    mlir::emitWarning(op.op->getLoc()) << "activation \"" << id << "\": " << count
                                       << " values are NaN or infinite; they are left out";
  else if (!entry.vectors)
    mlir::emitWarning(op.op->getLoc())
        << "activation \"" << id << "\" was never computed: no sample reached it";
  return llvm::Error::success();
}

/// Weighted ops in bodies and callees: the op that holds them is run with observers.
llvm::Error SequentialDriver::collectInside(ArrayRef<Operation *> holders, ArrayRef<WeightedOp> ops,
                                            bool isReplay, Statistics &collected) {
  std::map<std::string, Collect> wanted;
  std::map<std::string, const WeightedOp *> opOf;
  for (const WeightedOp &op : ops)
    if (op.activation) {
      wanted[Statistics::getInputKey(op.name)] = getCollect(op, isReplay);
      opOf[Statistics::getInputKey(op.name)] = &op;
    }
  if (wanted.empty())
    return llvm::Error::success();
  SmallVector<Value> outputs;
  for (Operation *holder : holders)
    outputs.append(holder->result_begin(), holder->result_end());
  auto statistics = stream->observe(outputs, wanted);
  if (!statistics)
    return statistics.takeError();
  for (auto &[key, entry] : *statistics) {
    if (llvm::Error error = checkEntry(*opOf[key], *entry))
      return error;
    collected.set(key, entry);
  }
  return llvm::Error::success();
}

/// The statistics of a stage stay without what only its methods need.
void SequentialDriver::keepStatistics(const Statistics &collected) {
  auto kept = dialect->getStatistics() ? std::make_shared<Statistics>(*dialect->getStatistics())
                                       : std::make_shared<Statistics>();
  llvm::DenseMap<const TensorStatistics *, std::shared_ptr<const TensorStatistics>> reduced;
  for (const auto &[key, entry] : collected.getEntries()) {
    std::shared_ptr<const TensorStatistics> &copy = reduced[entry.get()];
    if (!copy) {
      auto small = std::make_shared<TensorStatistics>(*entry);
      small->gram = small->cross = {};
      small->features = small->groups = 0;
      small->gramVectors = 0;
      copy = std::move(small);
    }
    kept->set(key, copy);
  }
  kept->samples = data.getNumSamples();
  dialect->setStatistics(std::move(kept));
}

/// Calls the compressing callback with the statistics of the stage.
llvm::Error SequentialDriver::compressUnits(SequentialStage &stage, Statistics &collected,
                                            bool isReplay) {
  std::shared_ptr<Statistics> before = dialect->getStatistics()
                                           ? std::make_shared<Statistics>(*dialect->getStatistics())
                                           : std::make_shared<Statistics>();
  auto during = std::make_shared<Statistics>(*before);
  for (const auto &[key, entry] : collected.getEntries())
    during->set(key, entry);
  // Uses of a weight that come later count as if they had the inputs of the first one.
  for (Operation *op : stage.ops) {
    const std::vector<std::string> &users = unitUsers[unitOf.lookup(op)];
    std::shared_ptr<const TensorStatistics> known;
    for (const std::string &user : users)
      if (auto entry = collected.getEntries().find(Statistics::getInputKey(user));
          !known && entry != collected.getEntries().end() && entry->second->vectors)
        known = entry->second;
    for (const std::string &user : users) {
      const TensorStatistics *own = collected.find(Statistics::getInputKey(user));
      if (known && (!own || !own->vectors))
        during->set(Statistics::getInputKey(user), known);
      // What is not run says so, which is something else than a statistic that was forgotten.
      else if (!during->findInput(user))
        during->set(Statistics::getInputKey(user), std::make_shared<TensorStatistics>());
    }
  }
  during->samples = data.getNumSamples();
  dialect->setStatistics(during);
  LogicalResult result = compressStage(module, stage);
  dialect->setStatistics(before);
  if (failed(result))
    return llvm::createStringError("compressing stage " + Twine(stage.index + 1) + " (" +
                                   llvm::join(stage.names, ", ") + ") failed");
  for (Operation *op : stage.ops)
    doneUnits.insert(unitOf.lookup(op));
  return llvm::Error::success();
}

llvm::Error SequentialDriver::runStage(size_t index, const StageGroup &group) {
  SequentialStage stage;
  stage.index = index;
  stage.log = log.get();
  std::vector<WeightedOp> direct, inside;
  SmallVector<Operation *> holders;
  for (Operation *op : group.weighted) {
    FailureOr<WeightedOp> weighted = getWeighted(op);
    if (failed(weighted))
      continue;
    if (!doneUnits.contains(unitOf.lookup(op)))
      stage.ops.insert(op);
    stage.names.push_back(weighted->name);
    bool isDirect = llvm::is_contained(group.ops, op);
    (isDirect ? direct : inside).push_back(std::move(*weighted));
  }
  for (Operation *op : group.ops)
    if (!llvm::is_contained(group.weighted, op))
      holders.push_back(op);
  if (log)
    if (llvm::Error error = log->begin(index))
      return error;
  bool isReplay = log && log->isReplay();

  // The same stage of the uncompressed model, first.
  llvm::StringMap<Value> fullInputs;
  if (full) {
    StageGroup same = full->findGroup();
    if (llvm::Error error = full->advance(
            [](uint64_t, const SampleStream::Lookup &) { return llvm::Error::success(); }))
      return error;
    for (Operation *op : same.weighted)
      if (FailureOr<WeightedOp> weighted = getWeighted(op);
          succeeded(weighted) && weighted->activation && llvm::is_contained(same.ops, op))
        fullInputs[weighted->name] = weighted->activation->get();
    full->markDone(same);
  }

  std::vector<Target> targets;
  for (const WeightedOp &op : direct) {
    if (!op.activation || stream->isFixed(op.activation->get()))
      continue;
    Value value = op.activation->get();
    Collect collect = getCollect(op, isReplay);
    Value fullValue;
    bool wantsGram = (collect & Collect::Gram) != Collect::None;
    if (wantsGram && full && needsUncompressed(op))
      fullValue = fullInputs.lookup(op.name);
    ActivationLayout layout = getActivationLayout(op);
    auto same = llvm::find_if(targets, [&](const Target &target) {
      return target.value == value && target.collector->getLayout() == layout;
    });
    if (same == targets.end()) {
      targets.push_back({value, fullValue, {}, nullptr});
      targets.back().collector =
          std::make_unique<ActivationCollector>(layout, collect, /*channels=*/0);
      same = std::prev(targets.end());
    }
    same->collector->addCollect(collect);
    if (fullValue)
      same->full = fullValue;
    same->ops.push_back(&op);
  }
  for (Target &target : targets)
    if (target.full)
      target.collector->wantCross();

  if (llvm::Error error =
          stream->advance([&](uint64_t sample, const SampleStream::Lookup &lookup) -> llvm::Error {
            if (options.progress)
              options.progress->step(stage.names.front());
            return addSample(sample, targets, lookup);
          }))
    return error;

  Statistics collected;
  for (Target &target : targets) {
    auto entry = std::make_shared<TensorStatistics>(target.collector->take());
    if (llvm::Error error = checkEntry(*target.ops.front(), *entry))
      return error;
    for (const WeightedOp *op : target.ops)
      collected.set(Statistics::getInputKey(op->name), entry);
  }
  if (llvm::Error error = collectInside(holders, inside, isReplay, collected))
    return error;

  if (!stage.ops.empty()) {
    if (llvm::Error error = compressUnits(stage, collected, isReplay))
      return error;
    if (log)
      if (llvm::Error error = log->finish())
        return error;
  }
  if (options.progress)
    options.progress->step(stage.names.front());
  keepStatistics(collected);
  stream->markDone(group);
  for (Operation *op : group.weighted)
    pending.erase(op);
  return llvm::Error::success();
}

llvm::Error SequentialDriver::run() {
  if (!data.getNumSamples())
    return llvm::createStringError("the calibration data have no samples");
  if (!options.resume.empty()) {
    llvm::Expected<uint64_t> fingerprint = computeFingerprint(module, data, options);
    if (!fingerprint)
      return fingerprint.takeError();
    llvm::Expected<std::unique_ptr<StageLog>> opened = StageLog::open(options.resume, *fingerprint);
    if (!opened)
      return opened.takeError();
    log = std::move(*opened);
  }

  bool needsFull = false;
  for (const auto &[index, unit] : llvm::enumerate(gatherWeightUnits(module))) {
    std::vector<std::string> &users = unitUsers.emplace_back();
    for (const WeightedOp &user : unit.users) {
      users.push_back(user.name);
      unitOf[user.op] = index;
      if (!getPlan(user.op))
        continue;
      pending.insert(user.op);
      needsFull |= needsUncompressed(user);
    }
  }
  if (pending.empty())
    return llvm::Error::success();

  SampleStream::Options streamOptions;
  streamOptions.threads = options.threads;
  streamOptions.dims = options.dims;
  // Both models share the limit.
  streamOptions.memoryLimit = needsFull && options.memoryLimit
                                  ? std::max<uint64_t>(1, options.memoryLimit / 2)
                                  : options.memoryLimit;
  llvm::Expected<std::unique_ptr<SampleStream>> created =
      SampleStream::create(module, data, pending, streamOptions);
  if (!created)
    return created.takeError();
  stream = std::move(*created);
  if (needsFull) {
    // Bytes are shared, ops are not.
    IRMapping mapping;
    original = cast<ModuleOp>(module->clone(mapping));
    llvm::DenseSet<Operation *> originalPending;
    for (Operation *op : pending)
      originalPending.insert(mapping.lookup(op));
    created = SampleStream::create(*original, data, originalPending, streamOptions);
    if (!created)
      return created.takeError();
    full = std::move(*created);
  }

  if (options.progress)
    options.progress->begin("compress", stream->countGroups() * (data.getNumSamples() + 1));
  llvm::scope_exit done([&] {
    if (options.progress)
      options.progress->end();
  });
  size_t index = 0;
  for (StageGroup group = stream->findGroup(); !group.ops.empty(); group = stream->findGroup())
    if (llvm::Error error = runStage(index++, group))
      return error;

  // What the main function does not reach.
  SequentialStage rest;
  rest.index = index;
  rest.log = log.get();
  for (const WeightedOp &op : collectWeighted(module))
    if (pending.contains(op.op)) {
      rest.names.push_back(op.name);
      if (!doneUnits.contains(unitOf.lookup(op.op)))
        rest.ops.insert(op.op);
    }
  if (rest.ops.empty())
    return llvm::Error::success();
  if (log)
    if (llvm::Error error = log->begin(index))
      return error;
  Statistics nothing;
  if (llvm::Error error = compressUnits(rest, nothing, false))
    return error;
  return log ? log->finish() : llvm::Error::success();
}

llvm::Error mlir::compress::compressSequentially(ModuleOp module, const CalibrationData &data,
                                                 const SequentialOptions &options,
                                                 CompressStage compressStage) {
  return SequentialDriver(module, data, options, compressStage).run();
}
