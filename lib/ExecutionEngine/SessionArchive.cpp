//===- SessionArchive.cpp - compiled models in files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An archive of a session has the blobs `description` (JSON), `code.<index>` (object files) and
// `weight.<index>`, in the order of the entry's table.
//
//===----------------------------------------------------------------------===//

#include "SessionImpl.h"
#include "compress/ExecutionEngine/Archive.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::compress;
namespace json = llvm::json;

/// Changes with the meaning of what is stored.
static constexpr StringLiteral kLayout = "compress-session-1";

//===----------------------------------------------------------------------===//
// Saving
//===----------------------------------------------------------------------===//

static json::Array toJson(ArrayRef<TensorSpec> specs) {
  json::Array array;
  for (const TensorSpec &spec : specs)
    array.push_back(
        json::Object{{"name", json::fixUTF8(spec.name)},
                     {"type", getName(spec.type)},
                     {"shape", json::Array(spec.shape)},
                     {"dims", json::Array(llvm::map_range(spec.dims, [](const std::string &dim) {
                        return json::fixUTF8(dim);
                      }))}});
  return array;
}

static json::Object toJson(const SessionPlan &plan) {
  json::Array kernels;
  for (const SessionPlan::Kernel &kernel : plan.kernels)
    kernels.push_back(json::Object{
        {"name", kernel.name}, {"description", kernel.description}, {"calls", kernel.calls}});
  return json::Object{{"kernels", std::move(kernels)}, {"arena", plan.arenaBytes},
                      {"peak", plan.peakBytes},        {"total", plan.totalBytes},
                      {"buffers", plan.buffers},       {"slots", plan.slots},
                      {"heap", plan.heapAllocations}};
}

llvm::Error Session::save(StringRef path) const {
  json::Object description{{"inputs", toJson(inputs)},
                           {"outputs", toJson(outputs)},
                           {"weights", static_cast<int64_t>(impl->weights.size())},
                           {"code", static_cast<int64_t>(impl->objects.size())},
                           {"features", impl->features},
                           {"plan", toJson(plan)}};
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(description));
  ArchiveWriter writer(plan.target, kLayout);
  writer.add("description", "json", ArrayRef<char>(text.data(), text.size()));
  for (auto [index, object] : llvm::enumerate(impl->objects))
    writer.add(("code." + Twine(index)).str(), "object",
               ArrayRef<char>(object->getBufferStart(), object->getBufferSize()));
  for (auto [index, weight] : llvm::enumerate(impl->weights))
    writer.add(("weight." + Twine(index)).str(), weight.name, weight.bytes);
  return writer.write(path);
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

static llvm::Error makeError(const Twine &message) {
  return llvm::createStringError("the archive of a model: " + message);
}

static llvm::Expected<TensorSpec> readSpec(const json::Value &value) {
  const json::Object *object = value.getAsObject();
  std::optional<StringRef> name = object ? object->getString("name") : std::nullopt,
                           typeName = object ? object->getString("type") : std::nullopt;
  const json::Array *shape = object ? object->getArray("shape") : nullptr,
                    *dims = object ? object->getArray("dims") : nullptr;
  std::optional<DataType> type = typeName ? parseDataType(*typeName) : std::nullopt;
  if (!name || !type || *type == DataType::String || !shape || !dims ||
      dims->size() != shape->size())
    return makeError("bad description of an input or output");
  TensorSpec spec;
  spec.name = name->str();
  spec.type = *type;
  for (auto [size, dim] : llvm::zip_equal(*shape, *dims)) {
    std::optional<int64_t> number = size.getAsInteger();
    std::optional<StringRef> dimName = dim.getAsString();
    if (!number || !dimName || (*number < 0 && !ShapedType::isDynamic(*number)))
      return makeError("bad shape of '" + spec.name + "'");
    spec.shape.push_back(*number);
    spec.dims.push_back(dimName->str());
  }
  return spec;
}

static llvm::Error readSpecs(const json::Object &description, StringRef key,
                             std::vector<TensorSpec> &specs) {
  const json::Array *array = description.getArray(key);
  if (!array)
    return makeError("expected '" + key + "' in the description");
  for (const json::Value &value : *array) {
    llvm::Expected<TensorSpec> spec = readSpec(value);
    if (!spec)
      return spec.takeError();
    specs.push_back(std::move(*spec));
  }
  return llvm::Error::success();
}

static void readPlan(const json::Object *object, SessionPlan &plan) {
  if (!object)
    return;
  auto get = [&](StringRef key) { return object->getInteger(key).value_or(0); };
  plan.arenaBytes = get("arena");
  plan.peakBytes = get("peak");
  plan.totalBytes = get("total");
  plan.buffers = get("buffers");
  plan.slots = get("slots");
  plan.heapAllocations = get("heap");
  const json::Array *kernels = object->getArray("kernels");
  for (const json::Value &value : kernels ? *kernels : json::Array())
    if (const json::Object *kernel = value.getAsObject())
      plan.kernels.push_back({kernel->getString("name").value_or("").str(),
                              kernel->getString("description").value_or("").str(),
                              kernel->getInteger("calls").value_or(0)});
}

/// Whether this CPU has what the code uses.
static llvm::Error checkCpu(StringRef target, StringRef features) {
  llvm::Expected<CpuTarget> parsed = CpuTarget::parse(target);
  if (!parsed)
    return parsed.takeError();
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  if (!parsed->runsOnHost())
    return makeError("this CPU cannot run code for " + target);
  for (StringRef feature : llvm::split(features, ','))
    if (feature.consume_front("+") && !host.lookup(feature))
      return makeError("this CPU lacks " + feature + ", which the code may use");
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Session>> Session::load(StringRef path, int threads, bool verify) {
  llvm::Expected<std::unique_ptr<Archive>> opened = Archive::open(path);
  if (!opened)
    return opened.takeError();
  std::shared_ptr<Archive> archive = std::move(*opened);
  if (archive->getLayout() != kLayout)
    return makeError("expected '" + kLayout + "', found '" + archive->getLayout().take_front(80) +
                     "'");
  if (verify)
    if (llvm::Error error = archive->verify())
      return error;
  const Archive::Blob *text = archive->find("description");
  if (!text)
    return makeError("there is no description");
  ArrayRef<char> bytes = archive->getBytes(*text);
  llvm::Expected<json::Value> parsed = json::parse(StringRef(bytes.data(), bytes.size()));
  if (!parsed)
    return parsed.takeError();
  const json::Object *description = parsed->getAsObject();
  if (!description)
    return makeError("the description is no object");

  std::unique_ptr<Session> session(new Session());
  Impl &impl = *session->impl;
  impl.features = description->getString("features").value_or("").str();
  if (llvm::Error error = checkCpu(archive->getTarget(), impl.features))
    return error;
  if (llvm::Error error = readSpecs(*description, "inputs", session->inputs))
    return error;
  if (llvm::Error error = readSpecs(*description, "outputs", session->outputs))
    return error;
  SessionPlan &plan = session->plan;
  readPlan(description->getObject("plan"), plan);
  plan.target = archive->getTarget().str();
  plan.numWeights = description->getInteger("weights").value_or(-1);
  int64_t numObjects = description->getInteger("code").value_or(-1);
  int64_t numBlobs = static_cast<int64_t>(archive->getBlobs().size());
  if (plan.numWeights < 0 || numObjects < 0 || plan.numWeights > numBlobs ||
      numObjects != numBlobs - 1 - plan.numWeights)
    return makeError("expected " + Twine(numObjects) + " object files and " +
                     Twine(plan.numWeights) + " weights, found " + Twine(numBlobs) + " blobs");
  for (int64_t index = 0; index < plan.numWeights; ++index) {
    const Archive::Blob *blob = archive->find(("weight." + Twine(index)).str());
    if (!blob)
      return makeError("weight " + Twine(index) + " is missing");
    impl.weights.push_back({blob->type.str(), archive->getBytes(*blob), archive, true});
    plan.weightBytes += blob->size;
  }
  plan.mappedWeightBytes = plan.weightBytes;
  for (int64_t index = 0; index < numObjects; ++index) {
    const Archive::Blob *blob = archive->find(("code." + Twine(index)).str());
    if (!blob)
      return makeError("object file " + Twine(index) + " is missing");
    ArrayRef<char> code = archive->getBytes(*blob);
    impl.objects.push_back(
        llvm::MemoryBuffer::getMemBufferCopy(StringRef(code.data(), code.size()), blob->name));
  }
  if (llvm::Error error = impl.start(threads))
    return error;
  plan.threads = compress_rt_get_threads(impl.context.get());
  return std::move(session);
}
