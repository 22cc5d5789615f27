//===- ProtoWriterFile.cpp - model files and external data -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProtoWriterImpl.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir::compress::onnx;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
namespace fs = llvm::sys::fs;

static Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

static Error fail(StringRef path, std::error_code ec) {
  return fail("cannot write " + quoteName(path) + ": " + ec.message());
}

namespace {

/// A file that is written beside its target and renamed at the end. Unless
/// `commit` succeeds, the target is left as it was and nothing else stays.
class OutputFile {
public:
  explicit OutputFile(StringRef path) : path(path) {}
  ~OutputFile() {
    if (temp)
      llvm::consumeError(temp->discard());
  }

  /// Creates the temporary and has `write` fill it.
  Error create(llvm::function_ref<Error(llvm::raw_ostream &)> write) {
    // Replace what a link points to, not the link.
    llvm::SmallString<256> real;
    if (!fs::real_path(path, real))
      path = std::string(real);
    llvm::Expected<fs::TempFile> file = fs::TempFile::create(path + ".tmp-%%%%%%%%");
    if (!file)
      return fail("cannot write " + quoteName(path) + ": " + llvm::toString(file.takeError()));
    temp = std::move(*file);

    llvm::raw_fd_ostream os(temp->FD, /*shouldClose=*/false);
    Error error = write(os);
    os.flush();
    std::error_code ec = os.error();
    os.clear_error();
    if (error)
      return error;
    if (ec)
      return fail(path, ec);
    return Error::success();
  }

  /// Puts the file in its place, with the permissions of the one it replaces.
  Error commit() {
    if (llvm::ErrorOr<fs::perms> permissions = fs::getPermissions(path))
      if (std::error_code ec = fs::setPermissions(temp->FD, *permissions))
        return fail(path, ec);
    if (Error error = temp->keep(path)) {
      // `keep` has removed the temporary.
      temp.reset();
      return fail("cannot write " + quoteName(path) + ": " + llvm::toString(std::move(error)));
    }
    temp.reset();
    return Error::success();
  }

private:
  std::string path;
  std::optional<fs::TempFile> temp;
};

/// Chooses tensors for the external file and their places in it.
class ExternalLayout {
public:
  ExternalLayout(const WriteOptions &options, StringRef location)
      : options(options), location(location) {}

  void addGraph(const GraphProto &graph) {
    for (const TensorProto &tensor : graph.initializer)
      add(tensor);
    for (const NodeProto &node : graph.node)
      for (const AttributeProto &attribute : node.attribute)
        if (!attribute.verbatim)
          forEachSubgraph(attribute, [&](const GraphProto &inner) { addGraph(inner); });
  }

  /// Writes the contents, with zeros between them.
  Error write(llvm::raw_ostream &os) const {
    for (const TensorProto *tensor : order) {
      const ExternalPlacement &place = placements.find(tensor)->second;
      os.write_zeros(static_cast<unsigned>(place.offset - os.tell()));
      if (!tensor->producer) {
        os << tensor->rawData;
        continue;
      }
      if (Error error = tensor->producer(os))
        return fail("tensor " + quoteName(tensor->name) + ": " + llvm::toString(std::move(error)));
      if (os.tell() - place.offset != place.length)
        return fail("tensor " + quoteName(tensor->name) + ": " + Twine(os.tell() - place.offset) +
                    " bytes were produced, expected " + Twine(place.length));
    }
    return Error::success();
  }

  bool empty() const { return order.empty(); }
  const ExternalPlacements &get() const { return placements; }

private:
  void add(const TensorProto &tensor) {
    uint64_t length = tensor.producer ? tensor.producerSize : tensor.rawData.size();
    if (tensor.isExternal() || length == 0 || length < options.externalThreshold)
      return;
    uint64_t offset = llvm::alignToPowerOf2(end, options.externalAlignment);
    end = offset + length;
    placements[&tensor] = {location, offset, length};
    order.push_back(&tensor);
  }

  const WriteOptions &options;
  StringRef location;
  uint64_t end = 0;
  ExternalPlacements placements;
  std::vector<const TensorProto *> order;
};

} // namespace

/// Writes to something that cannot be replaced, such as a pipe.
static Error writeDirectly(const ModelProto &model, StringRef path) {
  if (llvm::Expected<uint64_t> size = getModelSize(model); !size)
    return size.takeError();
  std::error_code ec;
  llvm::raw_fd_ostream os(path, ec, fs::CD_OpenExisting, fs::FA_Write, fs::OF_None);
  if (ec)
    return fail(path, ec);
  Error error = writeModel(model, os);
  os.flush();
  ec = os.error();
  os.clear_error();
  if (error)
    return error;
  return ec ? fail(path, ec) : Error::success();
}

Error mlir::compress::onnx::writeModelFile(const ModelProto &model, StringRef path,
                                           const WriteOptions &options) {
  if (!llvm::isPowerOf2_64(options.externalAlignment) ||
      options.externalAlignment > (uint64_t(1) << 30))
    return fail("alignment of external data is " + Twine(options.externalAlignment) +
                ", expected a power of 2 up to 2^30");
  fs::file_status status;
  bool exists = !fs::status(path, status);
  if (exists && fs::is_directory(status))
    return fail("cannot write " + quoteName(path) + ": it is a directory");
  if (exists && !fs::is_regular_file(status))
    return writeDirectly(model, path);

  llvm::Expected<uint64_t> inlineSize = measureModel(model, nullptr);
  if (!inlineSize)
    return inlineSize.takeError();
  bool external = options.externalData == WriteOptions::ExternalData::Always ||
                  (options.externalData == WriteOptions::ExternalData::Auto &&
                   *inlineSize > options.inlineLimit);

  // The data file goes beside the model, which may be behind a link.
  llvm::SmallString<256> target;
  if (fs::real_path(path, target))
    target = path;
  std::string dataPath = (target + ".data").str();
  std::string location = llvm::sys::path::filename(dataPath).str();
  ExternalLayout layout(options, location);
  if (external && model.graph)
    layout.addGraph(*model.graph);

  OutputFile dataFile(dataPath), modelFile(target);
  if (!layout.empty())
    if (Error error = dataFile.create([&](llvm::raw_ostream &os) { return layout.write(os); }))
      return error;
  const ExternalPlacements *placements = layout.empty() ? nullptr : &layout.get();
  if (Error error = modelFile.create(
          [&](llvm::raw_ostream &os) { return writeModel(model, os, placements); }))
    return error;
  if (!layout.empty())
    if (Error error = dataFile.commit())
      return error;
  return modelFile.commit();
}
