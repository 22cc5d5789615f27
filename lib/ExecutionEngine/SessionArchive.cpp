//===- SessionArchive.cpp - compiled models in files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An archive of a session has the blobs `description` (JSON), `code.<index>` (object files) and
// `weight.<index>`, in the order of the entry's table. Each may be encoded.
//
//===----------------------------------------------------------------------===//

#include "SessionImpl.h"
#include "compress/ExecutionEngine/Archive.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/TargetParser/Host.h"
#include <atomic>

using namespace mlir;
using namespace mlir::compress;
namespace json = llvm::json;

/// Changes with the meaning of what is stored.
static constexpr StringLiteral kLayout = "compress-session-1";

/// Calls `body` for each index on `threads` threads (0: one per core), this one included.
static void runParallel(unsigned threads, size_t count, llvm::function_ref<void(size_t)> body) {
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(threads));
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < count; i = next++)
      body(i);
  };
  for (size_t i = 1, n = std::min<size_t>(pool.getMaxConcurrency(), count); i < n; ++i)
    pool.async(work);
  work();
  pool.wait();
}

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

llvm::Error Session::save(StringRef path, ArchiveEncoding encoding, ArchiveSizes *sizes) const {
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
  writer.setEncoding(encoding);
  llvm::Expected<ArchiveSizes> written =
      writer.write(path, [](size_t count, llvm::function_ref<void(size_t)> body) {
        runParallel(/*threads=*/0, count, body);
      });
  if (!written)
    return written.takeError();
  if (sizes)
    *sizes = *written;
  return llvm::Error::success();
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

namespace {
/// The contents of all blobs of an archive.
class Contents {
public:
  /// Finds raw blobs in the mapping and decodes the others. Nothing is allocated before the table
  /// and the encoded blob agree on its size.
  static llvm::Expected<Contents> read(std::shared_ptr<Archive> archive, int threads);

  /// A blob's bytes, aligned to 64 bytes, and what keeps them.
  StoredWeight get(const Archive::Blob &blob) const {
    return blobs[&blob - archive->getBlobs().begin()];
  }
  const Archive &getArchive() const { return *archive; }

private:
  std::shared_ptr<Archive> archive;
  std::vector<StoredWeight> blobs;
};
} // namespace

llvm::Expected<Contents> Contents::read(std::shared_ptr<Archive> archive, int threads) {
  Contents contents;
  std::vector<BlobDecoder> decoders;
  std::vector<MutableArrayRef<char>> outputs;
  std::vector<StringRef> names;
  for (const Archive::Blob &blob : archive->getBlobs()) {
    StoredWeight stored{blob.type.str(), archive->getBytes(blob), archive, /*isMapped=*/true};
    if (blob.isEncoded) {
      llvm::Expected<BlobDecoder> decoder = archive->getDecoder(blob);
      if (!decoder)
        return decoder.takeError();
      llvm::Expected<HostTensor> memory =
          HostTensor::allocate(DataType::U8, {static_cast<int64_t>(blob.decodedSize)});
      if (!memory)
        return makeError("blob '" + blob.name + "': " + llvm::toString(memory.takeError()));
      outputs.emplace_back(memory->data(), blob.decodedSize);
      decoders.push_back(std::move(*decoder));
      names.push_back(blob.name);
      stored.bytes = outputs.back();
      stored.owner = memory->getStorage();
      stored.isMapped = false;
    }
    contents.blobs.push_back(std::move(stored));
  }
  auto parallelFor = [&](size_t count, llvm::function_ref<void(size_t)> body) {
    runParallel(threads, count, body);
  };
  if (!decoders.empty())
    if (llvm::Error error = decodeBlobs(decoders, outputs, parallelFor))
      return makeError(llvm::toString(std::move(error)));
  contents.archive = std::move(archive);
  return contents;
}

/// The object files and weights that the description counts.
static llvm::Error readBlobs(const Contents &contents, int64_t numObjects, int64_t numWeights,
                             ObjectFiles &objects, std::vector<StoredWeight> &weights) {
  const Archive &archive = contents.getArchive();
  auto numBlobs = static_cast<int64_t>(archive.getBlobs().size());
  if (numWeights < 0 || numObjects < 0 || numWeights > numBlobs ||
      numObjects != numBlobs - 1 - numWeights)
    return makeError("expected " + Twine(numObjects) + " object files and " + Twine(numWeights) +
                     " weights, found " + Twine(numBlobs) + " blobs");
  for (int64_t index = 0; index < numWeights; ++index) {
    const Archive::Blob *blob = archive.find(("weight." + Twine(index)).str());
    if (!blob)
      return makeError("weight " + Twine(index) + " is missing");
    weights.push_back(contents.get(*blob));
  }
  for (int64_t index = 0; index < numObjects; ++index) {
    const Archive::Blob *blob = archive.find(("code." + Twine(index)).str());
    if (!blob)
      return makeError("object file " + Twine(index) + " is missing");
    ArrayRef<char> code = contents.get(*blob).bytes;
    objects.push_back(
        llvm::MemoryBuffer::getMemBufferCopy(StringRef(code.data(), code.size()), blob->name));
  }
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
  llvm::Expected<Contents> contents = Contents::read(archive, threads);
  if (!contents)
    return contents.takeError();
  ArrayRef<char> bytes = contents->get(*text).bytes;
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
  if (llvm::Error error = readBlobs(*contents, description->getInteger("code").value_or(-1),
                                    plan.numWeights, impl.objects, impl.weights))
    return error;
  for (const StoredWeight &weight : impl.weights) {
    plan.weightBytes += static_cast<int64_t>(weight.bytes.size());
    plan.mappedWeightBytes += weight.isMapped ? static_cast<int64_t>(weight.bytes.size()) : 0;
  }
  if (llvm::Error error = impl.start(threads))
    return error;
  plan.threads = compress_rt_get_threads(impl.context.get());
  return std::move(session);
}
