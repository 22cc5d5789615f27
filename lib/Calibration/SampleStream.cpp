//===- SampleStream.cpp - all samples on their way through a model -------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleStream.h"

using namespace mlir;
using namespace mlir::compress;

llvm::Expected<std::unique_ptr<SampleStream>>
SampleStream::create(ModuleOp module, const CalibrationData &data,
                     llvm::DenseSet<Operation *> pending, const Options &options) {
  func::FuncOp function, onlyPublic;
  unsigned numPublic = 0;
  for (auto candidate : module.getOps<func::FuncOp>()) {
    if (candidate.isExternal())
      continue;
    if (candidate.getSymName() == "main")
      function = candidate;
    if (candidate.isPublic()) {
      onlyPublic = candidate;
      ++numPublic;
    }
  }
  if (!function && numPublic == 1)
    function = onlyPublic;
  if (!function)
    return llvm::createStringError(
        "expected a function 'main' or exactly one public function, found " + Twine(numPublic) +
        " public functions");
  if (!llvm::hasSingleElement(function.getBody()))
    return llvm::createStringError("function '" + function.getSymName() +
                                   "' has several blocks; expected a model");
  return std::unique_ptr<SampleStream>(
      new SampleStream(module, function, data, std::move(pending), options));
}

llvm::Error SampleStream::fail(uint64_t sample, llvm::Error error) const {
  return llvm::createStringError("sample " + Twine(sample + 1) + " of " +
                                 Twine(data.getNumSamples()) + ": " +
                                 llvm::toString(std::move(error)));
}

llvm::Expected<HostTensor> SampleStream::getArgument(const Sample &sample, Value argument) const {
  // Unnamed arguments are called by their number among those without a default.
  func::FuncOp main = function;
  unsigned number = cast<BlockArgument>(argument).getArgNumber(), position = 0;
  for (unsigned i = 0; i < number; ++i)
    position += !main.getArgAttr(i, "compress.default");
  auto attribute = main.getArgAttrOfType<StringAttr>(number, "compress.name");
  std::string name = attribute ? attribute.str() : "input" + std::to_string(position);
  for (const auto &[key, tensor] : sample)
    if (key == name)
      return tensor;
  return llvm::createStringError("there is no input '" + name + "'");
}

llvm::Expected<HostTensor> SampleStream::find(uint64_t index, std::optional<Sample> &sample,
                                              Value value) {
  if (auto slot = slots.find(value); slot != slots.end())
    return cache.get(index, slot->second);
  if (!isa<BlockArgument>(value))
    return llvm::createStringError("internal error: a value between stages was not kept");
  if (!sample) {
    llvm::Expected<Sample> read = data.getSample(index);
    if (!read)
      return read.takeError();
    sample = std::move(*read);
  }
  return getArgument(*sample, value);
}

llvm::Expected<HostTensor> SampleStream::lookup(uint64_t index, Value value) {
  std::optional<Sample> sample;
  return find(index, sample, value);
}

llvm::Expected<std::vector<HostTensor>>
SampleStream::getInputs(uint64_t index, std::optional<Sample> &sample, const StagePart &part) {
  std::vector<HostTensor> inputs;
  for (Value value : part.inputs) {
    llvm::Expected<HostTensor> tensor = find(index, sample, value);
    if (!tensor)
      return tensor.takeError();
    inputs.push_back(std::move(*tensor));
  }
  return inputs;
}

/// Options of the session of a part. Where the caller fixes sizes, all sizes of the part are those
/// of the first sample.
llvm::Expected<SessionOptions> SampleStream::prepare(StagePart &part) {
  SessionOptions result;
  result.threads = options.threads;
  if (options.dims.empty())
    return result;
  std::optional<Sample> sample;
  llvm::Expected<std::vector<HostTensor>> inputs = getInputs(0, sample, part);
  if (!inputs)
    return inputs.takeError();
  SmallVector<SmallVector<int64_t, 4>> shapes;
  for (const HostTensor &input : *inputs)
    shapes.emplace_back(input.getShape().begin(), input.getShape().end());
  nameDims(*part.module->getOps<func::FuncOp>().begin(), shapes, result.dims);
  return result;
}

static std::vector<TensorView> getViews(ArrayRef<HostTensor> tensors) {
  std::vector<TensorView> views;
  for (const HostTensor &tensor : tensors)
    views.push_back(tensor.view());
  return views;
}

llvm::Error SampleStream::advance(Visitor visit) {
  StageGraph graph(function, pending);
  SmallVector<Value> frontier = graph.findFrontier();
  llvm::DenseSet<Value> available, wanted(frontier.begin(), frontier.end());
  for (auto [value, slot] : slots)
    available.insert(value);
  SmallVector<Value> outputs;
  for (Value value : frontier)
    if (!isa<BlockArgument>(value) && !slots.contains(value))
      outputs.push_back(value);

  StagePart part;
  std::unique_ptr<Session> session;
  if (!outputs.empty()) {
    part = graph.extract(outputs, available);
    llvm::Expected<SessionOptions> sessionOptions = prepare(part);
    if (!sessionOptions)
      return sessionOptions.takeError();
    llvm::Expected<std::unique_ptr<Session>> created =
        Session::create(*part.module, *sessionOptions);
    if (!created)
      return created.takeError();
    session = std::move(*created);
    part.module = {};
  }
  SmallVector<std::pair<Value, unsigned>> dead;
  for (auto [value, slot] : slots)
    if (!wanted.contains(value))
      dead.emplace_back(value, slot);
  for (Value value : outputs)
    slots[value] = nextSlot++;

  for (uint64_t index = 0; index < data.getNumSamples(); ++index) {
    std::optional<Sample> sample;
    std::vector<HostTensor> results;
    if (session) {
      llvm::Expected<std::vector<HostTensor>> inputs = getInputs(index, sample, part);
      if (!inputs)
        return fail(index, inputs.takeError());
      auto computed = session->run(getViews(*inputs));
      if (!computed)
        return fail(index, computed.takeError());
      results = std::move(*computed);
    }
    for (auto [value, slot] : dead)
      cache.drop(index, slot);
    auto lookup = [&](Value value) -> llvm::Expected<HostTensor> {
      for (auto [output, result] : llvm::zip_equal(outputs, results))
        if (output == value)
          return result;
      return find(index, sample, value);
    };
    if (llvm::Error error = visit(index, lookup))
      return fail(index, std::move(error));
    for (auto [value, tensor] : llvm::zip_equal(outputs, results))
      if (llvm::Error error = cache.put(index, slots[value], std::move(tensor)))
        return error;
  }
  for (auto [value, slot] : dead)
    slots.erase(value);
  return llvm::Error::success();
}

void SampleStream::markDone(const StageGroup &group) {
  for (Operation *op : group.weighted)
    pending.erase(op);
}

llvm::Expected<std::map<std::string, std::shared_ptr<const TensorStatistics>>>
SampleStream::observe(ArrayRef<Value> outputs, const std::map<std::string, Collect> &wanted) {
  llvm::DenseSet<Value> available;
  for (auto [value, slot] : slots)
    available.insert(value);
  StagePart part = StageGraph(function, pending).extract(outputs, available);
  llvm::Expected<SessionOptions> sessionOptions = prepare(part);
  if (!sessionOptions)
    return sessionOptions.takeError();
  auto session = ObservedSession::create(*part.module, wanted, *sessionOptions);
  if (!session)
    return session.takeError();
  for (uint64_t index = 0; index < data.getNumSamples(); ++index) {
    std::optional<Sample> sample;
    llvm::Expected<std::vector<HostTensor>> inputs = getInputs(index, sample, part);
    if (!inputs)
      return fail(index, inputs.takeError());
    if (auto computed = (*session)->run(getViews(*inputs)); !computed)
      return fail(index, computed.takeError());
  }
  return (*session)->takeStatistics();
}
