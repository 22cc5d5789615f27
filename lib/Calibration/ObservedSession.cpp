//===- ObservedSession.cpp - a model that shows its activations -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ActivationCollector.h"
#include "PoolParallelFor.h"
#include "compress/Dialect/Compress/Transforms/CompositePatterns.h"
#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Support/Progress.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// The channels are where the activation has the loop of the weight's first contraction dim.
static void setLinalgLayout(linalg::LinalgOp linalgOp, const WeightedOp &op,
                            ActivationLayout &layout) {
  layout.hasGram = false;
  if (op.contractionDims.empty() || !op.chain.permutation.empty())
    return;
  AffineMap weight = linalgOp.getMatchingIndexingMap(op.operand);
  AffineMap activation = linalgOp.getMatchingIndexingMap(op.activation);
  AffineExpr channel = weight.getResult(op.contractionDims.front());
  for (auto [dim, expr] : llvm::enumerate(activation.getResults()))
    if (expr == channel) {
      layout.channelDim = dim;
      layout.hasGram = op.contractionDims.size() == 1 && op.batchDims.empty() &&
                       activation.isProjectedPermutation();
    }
}

ActivationLayout mlir::compress::getActivationLayout(const WeightedOp &op) {
  ActivationLayout layout;
  if (!op.activation)
    return layout;
  int64_t rank = cast<RankedTensorType>(op.activation->get().getType()).getRank();
  layout.channelDim = std::max<int64_t>(rank - 1, 0);
  if (auto conv = dyn_cast<ConvOp>(op.op)) {
    layout.channelDim = 1;
    layout.groups = conv.getGroups();
    ArrayRef<int64_t> weight = cast<RankedTensorType>(conv.getWeight().getType()).getShape();
    layout.kernel.assign(weight.begin() + 2, weight.end());
    layout.strides.assign(conv.getStrides().begin(), conv.getStrides().end());
    layout.dilations.assign(conv.getDilations().begin(), conv.getDilations().end());
    layout.pads.assign(conv.getPads().begin(), conv.getPads().end());
  } else if (auto conv = dyn_cast<ConvTransposeOp>(op.op)) {
    layout.channelDim = 1;
    layout.groups = conv.getGroups();
  } else if (isa<MatMulOp>(op.op)) {
    bool isLeft = op.activation->getOperandNumber() == 1 && rank > 1;
    layout.channelDim = isLeft ? rank - 2 : layout.channelDim;
    // Matrices of a stacked weight may share one activation.
    int64_t batches = 1;
    for (int64_t dim : op.batchDims)
      batches *= op.chain.getType().getDimSize(dim);
    ArrayRef<int64_t> stack = cast<RankedTensorType>(op.activation->get().getType())
                                  .getShape()
                                  .drop_back(std::min<int64_t>(rank, 2));
    layout.hasGram = batches == 1 || llvm::all_of(stack, [](int64_t size) { return size == 1; });
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op.op)) {
    setLinalgLayout(linalgOp, op, layout);
  } else {
    layout.hasGram = isa<LinearOp>(op.op);
  }
  return layout;
}

/// Layout of the result: every vector along the channels counts.
static ActivationLayout getResultLayout(const WeightedOp &op) {
  ActivationLayout layout;
  auto type = cast<RankedTensorType>(op.op->getResult(0).getType());
  layout.channelDim =
      isa<ConvOp, ConvTransposeOp>(op.op) ? 1 : std::max<int64_t>(type.getRank() - 1, 0);
  return layout;
}

/// Number of channels of a value where its type says it, else 0.
static int64_t getStaticChannels(Value value, const ActivationLayout &layout) {
  auto type = cast<RankedTensorType>(value.getType());
  if (layout.channelDim >= type.getRank() || type.isDynamicDim(layout.channelDim))
    return 0;
  return type.getDimSize(layout.channelDim);
}

//===----------------------------------------------------------------------===//
// Sessions
//===----------------------------------------------------------------------===//

namespace {
/// Some ids of one value that are reduced in the same way.
struct Target {
  std::vector<std::string> ids;
  ActivationCollector collector;
};

/// What is known of an id before the module is compiled.
struct Known {
  ActivationLayout layout;
  int64_t channels = 0;
};
} // namespace

struct ObservedSession::Impl {
  explicit Impl(unsigned threads) : pool(llvm::hardware_concurrency(threads)) {}

  void addTargets(ArrayRef<Observation> observations, const std::map<std::string, Collect> &wanted,
                  const llvm::StringMap<Known> &known);
  llvm::Error observe(size_t index, const TensorView &view);
  llvm::Expected<ArrayRef<float>> toFloats(const TensorView &view);

  std::vector<std::unique_ptr<Target>> targets;
  /// For each observation its targets, and all its ids.
  std::vector<SmallVector<Target *, 1>> observed;
  std::vector<std::vector<std::string>> ids;
  Tap tap;
  llvm::StringSet<> tapped;
  std::vector<float> floats;
  llvm::DefaultThreadPool pool;
};

/// Ids with the same layout share a reducer, also where a value is shown in several places (the
/// body of a function that was inlined twice).
void ObservedSession::Impl::addTargets(ArrayRef<Observation> observations,
                                       const std::map<std::string, Collect> &wanted,
                                       const llvm::StringMap<Known> &known) {
  llvm::StringMap<Target *> byId;
  for (const Observation &observation : observations) {
    SmallVector<Target *, 1> &own = observed.emplace_back();
    ids.push_back(observation.ids);
    for (const std::string &id : observation.ids) {
      auto request = wanted.find(id);
      if (request == wanted.end())
        continue;
      const Known &info = known.find(id)->second;
      Target *&target = byId[id];
      if (!target)
        for (Target *other : own)
          if (other->collector.getLayout() == info.layout) {
            target = other;
            target->ids.push_back(id);
            target->collector.addCollect(request->second);
            break;
          }
      if (!target) {
        targets.push_back(std::make_unique<Target>(
            Target{{id}, ActivationCollector(info.layout, request->second, info.channels)}));
        target = targets.back().get();
      }
      if (!llvm::is_contained(own, target))
        own.push_back(target);
    }
  }
}

llvm::Expected<ArrayRef<float>> ObservedSession::Impl::toFloats(const TensorView &view) {
  int64_t count = 1;
  for (int64_t size : view.shape)
    count *= size;
  if (view.type == DataType::F32)
    return ArrayRef(static_cast<const float *>(view.data), count);
  llvm::Expected<int64_t> bytes = getMemoryBytes(view.type);
  if (!bytes)
    return bytes.takeError();
  floats.resize(count);
  const char *data = static_cast<const char *>(view.data);
  DataTypeClass kind = getClass(view.type);
  for (int64_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, data + i * *bytes, *bytes);
    floats[i] = kind == DataTypeClass::Float ? static_cast<float>(decodeFloat(view.type, bits))
                : kind == DataTypeClass::Signed
                    ? static_cast<float>(llvm::SignExtend64(bits, 8 * *bytes))
                    : static_cast<float>(bits);
  }
  return ArrayRef(floats);
}

llvm::Error ObservedSession::Impl::observe(size_t index, const TensorView &view) {
  if (tap)
    for (const std::string &id : ids[index])
      if (tapped.empty() || tapped.contains(id))
        if (llvm::Error error = tap(id, view))
          return error;
  if (observed[index].empty())
    return llvm::Error::success();
  llvm::Expected<ArrayRef<float>> values = toFloats(view);
  if (!values)
    return values.takeError();
  for (Target *target : observed[index])
    if (llvm::Error error =
            target->collector.add(values->data(), view.shape, makeParallelFor(pool)))
      return llvm::createStringError("activation \"" + target->ids.front() + "\" " +
                                     llvm::toString(std::move(error)));
  return llvm::Error::success();
}

ObservedSession::ObservedSession() = default;
ObservedSession::~ObservedSession() = default;

llvm::Expected<std::unique_ptr<ObservedSession>>
ObservedSession::create(ModuleOp module, const std::map<std::string, Collect> &wanted,
                        const SessionOptions &options) {
  OwningOpRef<ModuleOp> clone = module.clone();
  // Its weights are weights of ops then.
  if (failed(expandMoe(*clone)))
    return llvm::createStringError("internal error: cannot prepare the model for observation");
  // Before observers are in the way of patterns.
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.enableVerifier(false);
  pm.addPass(createRaiseComposites());
  if (failed(pm.run(*clone)))
    return llvm::createStringError("internal error: cannot prepare the model for observation");

  llvm::StringMap<Known> known;
  clone->walk([&](ObserveOp op) {
    Known info;
    auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
    info.layout.channelDim = type ? std::max<int64_t>(type.getRank() - 1, 0) : 0;
    info.channels = type ? getStaticChannels(op.getInput(), info.layout) : 0;
    for (StringRef id : op.getId().getAsValueRange<StringAttr>())
      known.try_emplace(id, info);
  });
  std::string names[] = {"minmax"};
  ObserverInserter inserter(*clone, names);
  for (const WeightedOp &op : collectWeighted(*clone)) {
    std::string input = Statistics::getInputKey(op.name),
                output = Statistics::getOutputKey(op.name);
    if (wanted.count(input) && inserter.observeInput(op)) {
      ActivationLayout layout = getActivationLayout(op);
      known[input] = {layout, getStaticChannels(op.activation->get(), layout)};
    }
    if (wanted.count(output) && inserter.observeOutput(op)) {
      ActivationLayout layout = getResultLayout(op);
      known[output] = {layout, getStaticChannels(op.op->getResult(0), layout)};
    }
  }
  for (const auto &[id, collect] : wanted)
    if (!known.contains(id))
      return llvm::createStringError("there is nothing to observe with the name \"" + id + "\"");

  SessionOptions sessionOptions = options;
  sessionOptions.liveModules.push_back(module);
  llvm::Expected<std::unique_ptr<Session>> session =
      Session::create(std::move(clone), sessionOptions);
  if (!session)
    return session.takeError();
  std::unique_ptr<ObservedSession> result(new ObservedSession());
  result->session = std::move(*session);
  result->impl = std::make_unique<Impl>(result->session->getPlan().threads);
  Impl *impl = result->impl.get();
  impl->addTargets(result->session->getObservations(), wanted, known);
  // Ids of code that is never reached.
  for (const auto &[id, collect] : wanted)
    if (llvm::none_of(impl->targets, [&, &id = id](const std::unique_ptr<Target> &target) {
          return llvm::is_contained(target->ids, id);
        }))
      impl->targets.push_back(std::make_unique<Target>(
          Target{{id}, ActivationCollector(known[id].layout, collect, known[id].channels)}));
  result->session->setObserver(
      [impl](size_t index, const TensorView &view) { return impl->observe(index, view); });
  return std::move(result);
}

void ObservedSession::setTap(Tap tap, ArrayRef<std::string> ids) {
  impl->tap = std::move(tap);
  impl->tapped.clear();
  for (const std::string &id : ids)
    impl->tapped.insert(id);
}

llvm::Expected<std::vector<HostTensor>> ObservedSession::run(ArrayRef<TensorView> inputs) {
  return session->run(inputs);
}

llvm::Expected<std::vector<HostTensor>>
ObservedSession::run(ArrayRef<std::pair<StringRef, TensorView>> namedInputs) {
  return session->run(namedInputs);
}

llvm::Error ObservedSession::runAll(const CalibrationData &data, Progress *progress, StringRef what,
                                    llvm::function_ref<bool()> isEnough) {
  uint64_t numSamples = data.getNumSamples();
  if (progress)
    progress->begin(what, numSamples);
  for (uint64_t index = 0; index < numSamples; ++index) {
    auto sample = data.getSample(index);
    if (!sample)
      return sample.takeError();
    std::vector<std::pair<StringRef, TensorView>> views;
    for (const auto &[name, tensor] : *sample)
      views.emplace_back(name, tensor.view());
    auto outputs = run(views);
    if (!outputs)
      return llvm::createStringError(data.getSampleName(index) + ": " +
                                     llvm::toString(outputs.takeError()));
    if (progress)
      progress->step();
    if (isEnough && isEnough())
      break;
  }
  if (progress)
    progress->end();
  return llvm::Error::success();
}

std::map<std::string, std::shared_ptr<const TensorStatistics>> ObservedSession::takeStatistics() {
  std::map<std::string, std::shared_ptr<const TensorStatistics>> result;
  for (const std::unique_ptr<Target> &target : impl->targets) {
    auto entry = std::make_shared<const TensorStatistics>(target->collector.take());
    for (const std::string &id : target->ids)
      result[id] = entry;
  }
  return result;
}
