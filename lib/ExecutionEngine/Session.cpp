//===- Session.cpp - a model compiled in this process -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SessionImpl.h"
#include "compress/Support/ByteSize.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace mlir::compress;

char UnsupportedError::ID = 0;

Session::Session() : impl(std::make_unique<Impl>()) {}
Session::~Session() = default;

llvm::Error Session::Impl::start(int threads) {
  llvm::Expected<std::unique_ptr<JitModule>> linked = JitModule::link(objects);
  if (!linked)
    return linked.takeError();
  jit = std::move(*linked);
  llvm::Expected<void *> address = jit->lookup("compress_entry");
  if (!address)
    return address.takeError();
  entry = reinterpret_cast<compress_rt_entry>(*address);
  for (const StoredWeight &weight : weights)
    weightTable.push_back(weight.bytes.data());
  context.reset(compress_rt_create(threads));
  if (!context)
    return llvm::createStringError("out of memory: cannot start the run time");
  return llvm::Error::success();
}

int64_t Session::getWorkspaceBytes() const {
  return compress_rt_get_workspace_bytes(impl->context.get());
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void Session::setObserver(Observer observer) {
  std::lock_guard lock(impl->mutex);
  impl->observer = std::move(observer);
  auto call = [](void *user, int64_t index, const void *data, int64_t rank, const int64_t *sizes,
                 int32_t type) {
    auto *impl = static_cast<Impl *>(user);
    if (impl->observerError)
      return;
    TensorView view{static_cast<DataType>(type), data, ArrayRef(sizes, rank), {}};
    impl->observerError = impl->observer(index, view);
    if (impl->observerError)
      compress_rt_error("the observer failed");
  };
  compress_rt_set_observer(impl->context.get(), impl->observer ? +call : nullptr, impl.get());
}

/// Output `index` of the last run.
static llvm::Expected<HostTensor> takeOutput(compress_rt_context *context, int64_t index,
                                             const TensorSpec &spec) {
  compress_rt_result result;
  if (compress_rt_take_output(context, index, &result) != 0)
    return llvm::createStringError("the compiled model did not write output '" + spec.name + "'");
  std::shared_ptr<char> data(static_cast<char *>(result.data),
                             [](char *p) { compress_rt_free(p); });
  llvm::Expected<int64_t> elementBytes = getMemoryBytes(spec.type);
  if (!elementBytes)
    return elementBytes.takeError();
  if (result.element_bytes != *elementBytes ||
      result.rank != static_cast<int64_t>(spec.shape.size()))
    return llvm::createStringError("the compiled model wrote rank " + Twine(result.rank) +
                                   " with elements of " + Twine(result.element_bytes) +
                                   " bytes to output '" + spec.name + "' of type " +
                                   spec.getTypeString());
  return HostTensor::wrap(spec.type, ArrayRef<int64_t>(result.sizes, result.rank), std::move(data));
}

llvm::Expected<std::vector<HostTensor>> Session::run(ArrayRef<TensorView> views) {
  SmallVector<compress_rt_tensor> bound;
  SmallVector<HostTensor> copies;
  if (llvm::Error error = bindInputs(inputs, views, bound, copies))
    return error;
  std::lock_guard lock(impl->mutex);
  compress_rt_context *context = impl->context.get();
  int status = compress_rt_run(context, impl->entry, impl->weightTable.data(), bound.data());
  if (impl->observerError)
    return std::exchange(impl->observerError, llvm::Error::success());
  if (status != 0) {
    const char *message = compress_rt_get_error(context);
    return llvm::createStringError(message ? Twine(message)
                                           : "the compiled model failed without a message");
  }
  std::vector<HostTensor> results;
  for (auto [index, spec] : llvm::enumerate(outputs)) {
    llvm::Expected<HostTensor> result = takeOutput(context, index, spec);
    if (!result)
      return result.takeError();
    results.push_back(std::move(*result));
  }
  return results;
}

llvm::Expected<std::vector<HostTensor>>
Session::run(ArrayRef<std::pair<StringRef, TensorView>> named) {
  std::vector<const TensorView *> found(inputs.size());
  for (const auto &[name, view] : named) {
    auto spec = llvm::find_if(
        inputs, [&, &name = name](const TensorSpec &spec) { return spec.name == name; });
    if (spec == inputs.end()) {
      std::string names = llvm::join(
          llvm::map_range(inputs, [](const TensorSpec &spec) { return "'" + spec.name + "'"; }),
          ", ");
      return llvm::createStringError("there is no input '" + name + "'; the model has " +
                                     (names.empty() ? "none" : names));
    }
    const TensorView *&place = found[spec - inputs.begin()];
    if (place)
      return llvm::createStringError("input '" + name + "' is given twice");
    place = &view;
  }
  std::vector<TensorView> views;
  for (auto [spec, view] : llvm::zip_equal(inputs, found)) {
    if (!view)
      return llvm::createStringError("input '" + spec.name + "' is missing (expected " +
                                     spec.getTypeString() + ")");
    views.push_back(*view);
  }
  return run(views);
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

double SessionPlan::getCompileMilliseconds() const {
  double sum = 0;
  for (const Phase &phase : phases)
    sum += phase.milliseconds;
  return sum;
}

void SessionPlan::print(llvm::raw_ostream &os) const {
  os << "target: " << target << ", " << threads << (threads == 1 ? " thread\n" : " threads\n");
  os << "weights: " << numWeights << ", " << weightBytes << " bytes (" << mappedWeightBytes
     << " mapped)\n";
  os << "memory: arena " << arenaBytes << " bytes, peak of live values " << peakBytes
     << ", without sharing " << totalBytes << "; " << buffers << " buffers, " << slots
     << " dynamic slots, " << heapAllocations << " on the heap\n";
  int64_t calls = 0;
  for (const Kernel &kernel : kernels)
    calls += kernel.calls;
  os << "kernels: " << kernels.size() << ", " << calls << " calls\n";
  for (const Kernel &kernel : kernels)
    os << "  " << llvm::format("%4lld", static_cast<long long>(kernel.calls)) << " x "
       << kernel.name << (kernel.description.empty() ? "" : ": ") << kernel.description << "\n";
  os << "compile: " << llvm::format("%.0f", getCompileMilliseconds()) << " ms\n";
  for (const Phase &phase : phases)
    os << "  " << llvm::format("%7.1f", phase.milliseconds) << " ms " << phase.name << "\n";
}
