//===- SessionBuilder.cpp - from a module to a session -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompileMessages.h"
#include "ProcessMemory.h"
#include "SessionImpl.h"
#include "compress/Codegen/CPU/KernelLibrary.h"
#include "compress/Codegen/Lowering.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/Transforms/CompositePatterns.h"
#include "compress/Dialect/Compress/Transforms/Observers.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/ExternalInterfaces/Register.h"
#include "compress/Target/ONNX/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/MapVector.h"
#include <chrono>

using namespace mlir;
using namespace mlir::compress;

/// From so many bytes of weights on, the memory of the compiler itself is given back between
/// phases.
static constexpr uint64_t kLargeModel = uint64_t(64) << 20;

using Clock = std::chrono::steady_clock;

namespace {
/// Looks at the module when kernels have been chosen.
class KernelObserver : public PassInstrumentation {
public:
  KernelObserver(std::vector<SessionPlan::Kernel> &kernels, Clock::time_point &time)
      : kernels(kernels), time(time) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    if (pass->getArgument() != "convert-compress-to-linalg")
      return;
    time = Clock::now();
    std::map<std::string, int64_t> calls;
    op->walk([&](KernelCallOp call) { ++calls[call.getCallee().str()]; });
    for (const auto &[name, count] : calls) {
      Operation *callee = SymbolTable::lookupSymbolIn(op, name);
      auto description =
          callee ? callee->getAttrOfType<StringAttr>(KernelLibrary::kDescription) : StringAttr();
      kernels.push_back({name, description ? description.str() : "", count});
    }
  }

private:
  std::vector<SessionPlan::Kernel> &kernels;
  Clock::time_point &time;
};
} // namespace

namespace mlir::compress {
/// Compiles one module.
class SessionBuilder {
public:
  SessionBuilder(OwningOpRef<ModuleOp> owned, const SessionOptions &options)
      : owned(std::move(owned)), module(*this->owned), options(options), session(new Session()),
        plan(session->plan) {}

  llvm::Expected<std::unique_ptr<Session>> build();

private:
  llvm::Error selectFunction();
  llvm::Error normalize(DiagnosticText &text);
  llvm::Error checkOps(const OpaqueReasons &reasons);
  llvm::Error describe();
  void describeObservations();
  llvm::Error lower(DiagnosticText &text, StringRef target);
  void readMemoryPlan();
  void addPhase(StringRef name, Clock::time_point end = Clock::now());

  OwningOpRef<ModuleOp> owned;
  ModuleOp module;
  func::FuncOp function;
  const SessionOptions &options;
  std::unique_ptr<Session> session;
  SessionPlan &plan;
  Clock::time_point phaseBegin = Clock::now();
};
} // namespace mlir::compress

void SessionBuilder::addPhase(StringRef name, Clock::time_point end) {
  plan.phases.push_back(
      {name.str(), std::chrono::duration<double, std::milli>(end - phaseBegin).count()});
  phaseBegin = end;
}

/// The function to compile; `candidates` gets all that are public.
static llvm::Expected<func::FuncOp> findFunction(ModuleOp module, const SessionOptions &options,
                                                 SmallVectorImpl<func::FuncOp> &candidates) {
  func::FuncOp function;
  StringRef wanted = options.function.empty() ? StringRef("main") : StringRef(options.function);
  for (auto func : module.getOps<func::FuncOp>()) {
    if (func.isExternal())
      continue;
    if (func.getSymName() == wanted)
      function = func;
    if (func.isPublic())
      candidates.push_back(func);
  }
  if (!function && options.function.empty() && candidates.size() == 1)
    function = candidates.front();
  if (!function && !options.function.empty())
    return llvm::createStringError("the module has no function '" + options.function + "'");
  if (!function)
    return llvm::createStringError(
        "expected a function 'main' or exactly one public function, found " +
        Twine(candidates.size()) + " public functions");
  return function;
}

/// The function to compile stays public, all others become private.
llvm::Error SessionBuilder::selectFunction() {
  SmallVector<func::FuncOp> candidates;
  llvm::Expected<func::FuncOp> found = findFunction(module, options, candidates);
  if (!found)
    return found.takeError();
  function = *found;
  for (func::FuncOp func : candidates)
    func.setPrivate();
  function.setPublic();
  if (!llvm::hasSingleElement(function.getBody()))
    return llvm::createStringError("function '" + function.getSymName() +
                                   "' has several blocks; expected a model");
  return llvm::Error::success();
}

/// The weight that argument `index` is where callers give nothing, else null.
static FlatSymbolRefAttr getDefault(func::FuncOp function, unsigned index) {
  auto type = dyn_cast<RankedTensorType>(function.getArgument(index).getType());
  if (!type || !type.hasStaticShape())
    return {};
  return function.getArgAttrOfType<FlatSymbolRefAttr>(index, "compress.default");
}

/// Arguments with a default (initializers that callers of an ONNX model may override) become
/// weights.
static void bindDefaults(func::FuncOp function) {
  OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
  for (unsigned index = function.getNumArguments(); index-- > 0;) {
    FlatSymbolRefAttr weight = getDefault(function, index);
    if (!weight)
      continue;
    BlockArgument argument = function.getArgument(index);
    Value load = LoadOp::create(builder, argument.getLoc(), argument.getType(), weight);
    argument.replaceAllUsesWith(load);
    (void)function.eraseArgument(index);
  }
}

/// Code holds single numbers and short lists of integers; longer constants are stored as weights.
static void storeConstants(ModuleOp module) {
  constexpr int64_t maxIntegers = 16;
  WeightSymbols symbols(module);
  module.walk([&](ConstantOp op) {
    auto type = cast<RankedTensorType>(op.getType());
    int64_t limit = isa<IntegerType>(type.getElementType()) ? maxIntegers : 1;
    if (!type.hasStaticShape() || type.getNumElements() <= limit)
      return;
    OpBuilder builder(op);
    op.replaceAllUsesWith(op.createLike(builder, symbols, "constant", type, op.getValue()));
    op.erase();
  });
}

llvm::Error SessionBuilder::normalize(DiagnosticText &text) {
  bool hasNodes = module->walk([](OnnxOp) { return WalkResult::interrupt(); }).wasInterrupted();
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.enableVerifier(false);
  if (hasNodes || !options.dims.empty()) {
    pm.addPass(onnx::createInlineOnnxFunctions());
    onnx::NormalizeOnnxOptions normalization;
    for (const auto &dim : options.dims)
      normalization.dims.push_back((dim.first() + "=" + Twine(dim.second)).str());
    pm.addPass(onnx::createNormalizeOnnx(normalization));
    pm.addPass(createFoldBatchNorm());
    pm.addPass(createFoldConstants());
  }
  // Experts are matmuls as any other.
  if (failed(expandMoe(module)))
    return llvm::createStringError(text.take());
  pm.addPass(createRaiseComposites());
  // Everything that the function does not reach.
  pm.addPass(createSymbolDCEPass());
  if (failed(pm.run(module)))
    return llvm::createStringError(text.take());
  storeConstants(module);
  addPhase("normalise");
  return llvm::Error::success();
}

/// Nodes without a model op cannot run.
llvm::Error SessionBuilder::checkOps(const OpaqueReasons &reasons) {
  OnnxOp opaque;
  function.walk([&](OnnxOp op) {
    // If, Loop and Scan are compiled with what their bodies hold.
    if (op.isDefaultDomain() && !op.getBodies().empty())
      return WalkResult::advance();
    opaque = op;
    return WalkResult::interrupt();
  });
  if (!opaque)
    return llvm::Error::success();
  std::string name, reason = reasons.lookup(opaque.getLoc()).str();
  if (auto loc = dyn_cast<NameLoc>(opaque.getLoc()))
    name = loc.getName().str();
  std::string type =
      (opaque.getDomain() + (opaque.getDomain().empty() ? "" : ".") + opaque.getOpType()).str();
  if (reason.empty())
    reason = type + ": this operator, in this form, is not supported";
  return llvm::make_error<UnsupportedError>("node '" + name + "' (" + type +
                                            ") cannot be compiled: " + reason);
}

/// Name, type and dims of an argument or result.
static llvm::Expected<TensorSpec> getSpec(StringRef kind, unsigned index, Type type,
                                          DictionaryAttr attributes) {
  TensorSpec spec;
  auto name = attributes ? attributes.getAs<StringAttr>("compress.name") : StringAttr();
  spec.name = name ? name.str() : (kind + Twine(index)).str();
  auto tensor = dyn_cast<RankedTensorType>(type);
  std::optional<DataType> dataType =
      tensor ? getDataType(tensor.getElementType()) : std::optional<DataType>();
  if (!dataType || *dataType == DataType::String || isa<ComplexType>(tensor.getElementType())) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return llvm::make_error<UnsupportedError>(
        (kind + " '" + spec.name + "' has type " + text + "; only tensors of numbers can be run")
            .str());
  }
  spec.type = *dataType;
  spec.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
  spec.dims.resize(spec.shape.size());
  auto dims = attributes ? attributes.getAs<ArrayAttr>("compress.dims") : ArrayAttr();
  if (dims && dims.size() == spec.dims.size())
    for (auto [dim, attribute] : llvm::zip_equal(spec.dims, dims))
      if (auto dimName = dyn_cast<StringAttr>(attribute))
        dim = dimName.str();
  return spec;
}

llvm::Expected<std::vector<TensorSpec>>
mlir::compress::getModelInputs(ModuleOp module, const SessionOptions &options) {
  SmallVector<func::FuncOp> candidates;
  llvm::Expected<func::FuncOp> function = findFunction(module, options, candidates);
  if (!function)
    return function.takeError();
  std::vector<TensorSpec> specs;
  for (auto [index, type] : llvm::enumerate(function->getArgumentTypes())) {
    if (getDefault(*function, index))
      continue;
    // Numbers count as in `describe`: without the arguments that have a default.
    llvm::Expected<TensorSpec> spec =
        getSpec("input", specs.size(), type, function->getArgAttrDict(index));
    if (!spec)
      return spec.takeError();
    for (auto [size, dim] : llvm::zip_equal(spec->shape, spec->dims))
      if (auto known = options.dims.find(dim);
          ShapedType::isDynamic(size) && known != options.dims.end())
        size = known->second;
    specs.push_back(std::move(*spec));
  }
  return specs;
}

llvm::Error SessionBuilder::describe() {
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    llvm::Expected<TensorSpec> spec = getSpec("input", index, type, function.getArgAttrDict(index));
    if (!spec)
      return spec.takeError();
    session->inputs.push_back(std::move(*spec));
  }
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    llvm::Expected<TensorSpec> spec =
        getSpec("output", index, type, function.getResultAttrDict(index));
    if (!spec)
      return spec.takeError();
    session->outputs.push_back(std::move(*spec));
  }
  llvm::StringSet<> names;
  for (const TensorSpec &spec : session->inputs)
    if (!names.insert(spec.name).second)
      return llvm::createStringError("two inputs are called '" + spec.name + "'");
  return llvm::Error::success();
}

void SessionBuilder::describeObservations() {
  module->walk([](ObserveOp op) { op.removeIndexAttr(); });
  auto getNames = [](ArrayAttr names) {
    std::vector<std::string> result;
    for (StringRef name : names.getAsValueRange<StringAttr>())
      result.push_back(name.str());
    return result;
  };
  for (ObserveOp op : numberObservers(module))
    session->observations.push_back({getNames(op.getId()), getNames(op.getStatistics())});
}

llvm::Error SessionBuilder::lower(DiagnosticText &text, StringRef target) {
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  pm.enableVerifier(false);
  LowerPipelineOptions lowering;
  lowering.kernels = options.kernels;
  lowering.target = target.str();
  buildLowerToBinaryPipeline(pm, lowering);
  Clock::time_point selected = phaseBegin;
  pm.addInstrumentation(std::make_unique<KernelObserver>(plan.kernels, selected));
  if (failed(pm.run(module)))
    return llvm::make_error<UnsupportedError>("cannot compile the model: " + text.take());
  if (failed(verify(module)))
    return llvm::createStringError("internal error: " + text.take());
  addPhase("choose kernels, pack weights", selected);
  addPhase("lower");
  return llvm::Error::success();
}

void SessionBuilder::readMemoryPlan() {
  auto attribute = module->getAttrOfType<DictionaryAttr>("compress.plan");
  auto get = [&](StringRef name) -> int64_t {
    auto value = attribute ? attribute.getAs<IntegerAttr>(name) : IntegerAttr();
    return value ? value.getInt() : 0;
  };
  plan.arenaBytes = get("arena");
  plan.peakBytes = get("peak");
  plan.totalBytes = get("total");
  plan.buffers = get("buffers");
  plan.slots = get("slots");
  plan.heapAllocations = get("heap");
  plan.numWeights = session->impl->weights.size();
  for (const StoredWeight &weight : session->impl->weights) {
    plan.weightBytes += weight.bytes.size();
    plan.mappedWeightBytes += weight.isMapped ? weight.bytes.size() : 0;
  }
}

/// Bytes of the stored weights of a module.
static uint64_t getWeightBytes(ModuleOp module) {
  uint64_t bytes = 0;
  for (WeightOp weight : module.getOps<WeightOp>()) {
    auto type = dyn_cast<RankedTensorType>(weight.getType());
    FailureOr<uint64_t> size = type ? WeightStore::getStorageBytes(type) : FailureOr<uint64_t>();
    bytes += succeeded(size) ? *size : 0;
  }
  return bytes;
}

llvm::Expected<std::unique_ptr<Session>> SessionBuilder::build() {
  llvm::Expected<CpuTarget> target = CpuTarget::parse(options.target);
  if (!target)
    return target.takeError();
  if (!target->runsOnHost())
    return llvm::createStringError("this CPU cannot run code for " + target->getName());
  plan.target = target->getName().str();

  WeightCollector collector(module);
  DiagnosticText text(module.getContext());
  if (llvm::Error error = selectFunction())
    return error;
  bindDefaults(function);
  {
    OpaqueReasons reasons(module.getContext());
    if (llvm::Error error = normalize(text))
      return error;
    if (llvm::Error error = checkOps(reasons))
      return error;
  }
  if (llvm::Error error = describe())
    return error;
  describeObservations();
  // Next to the weights of a large model, there should be little else.
  bool isLarge = getWeightBytes(module) >= kLargeModel;
  if (isLarge)
    releaseProcessMemory(/*code=*/true);
  if (llvm::Error error = lower(text, options.target))
    return error;

  Session::Impl &impl = *session->impl;
  FailureOr<std::vector<StoredWeight>> weights = collector.take();
  if (failed(weights))
    return llvm::createStringError(text.take());
  impl.weights = std::move(*weights);
  readMemoryPlan();
  for (WeightOp weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    weight.erase();
  collector.free(options.liveModules);
  if (isLarge)
    releaseProcessMemory(/*code=*/true);
  addPhase("collect weights");

  llvm::Expected<ObjectFiles> objects = compileToObjects(module, *target);
  if (!objects)
    return llvm::createStringError("internal error: " + llvm::toString(objects.takeError()));
  impl.objects = std::move(*objects);
  impl.features = target->features;
  owned = nullptr;
  addPhase("generate code");
  if (llvm::Error error = impl.start(options.threads))
    return error;
  plan.threads = compress_rt_get_threads(impl.context.get());
  addPhase("link");
  releaseProcessMemory(isLarge);
  return std::move(session);
}

//===----------------------------------------------------------------------===//
// Session
//===----------------------------------------------------------------------===//

void Session::registerDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerCore(registry);
  registerCodegenInterfaces(registry);
}

llvm::Expected<std::unique_ptr<Session>> Session::create(OwningOpRef<ModuleOp> module,
                                                         const SessionOptions &options) {
  DialectRegistry registry;
  registerDialects(registry);
  module->getContext()->appendDialectRegistry(registry);
  return SessionBuilder(std::move(module), options).build();
}

llvm::Expected<std::unique_ptr<Session>> Session::create(ModuleOp module,
                                                         const SessionOptions &options) {
  SessionOptions shared = options;
  shared.liveModules.push_back(module);
  return create(OwningOpRef<ModuleOp>(module.clone()), shared);
}
