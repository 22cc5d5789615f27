//===- ProtoWriterFile.cpp - model files and external data -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProtoWriterImpl.h"
#include "compress/Support/OutputFile.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir::compress::onnx;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;
using mlir::compress::OutputFile;

static Error fail(const Twine &message) {
  return llvm::make_error<llvm::StringError>(message, llvm::inconvertibleErrorCode());
}

namespace {

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

Error mlir::compress::onnx::writeModelFile(const ModelProto &model, StringRef path,
                                           const WriteOptions &options) {
  if (!llvm::isPowerOf2_64(options.externalAlignment) ||
      options.externalAlignment > (uint64_t(1) << 30))
    return fail("alignment of external data is " + Twine(options.externalAlignment) +
                ", expected a power of 2 up to 2^30");
  llvm::Expected<uint64_t> inlineSize = measureModel(model, nullptr);
  if (!inlineSize)
    return inlineSize.takeError();
  llvm::Expected<std::unique_ptr<OutputFile>> modelFile = OutputFile::create(path);
  if (!modelFile)
    return modelFile.takeError();
  // A pipe or device has no place for a second file.
  bool external =
      (*modelFile)->isTemporary() && (options.externalData == WriteOptions::ExternalData::Always ||
                                      (options.externalData == WriteOptions::ExternalData::Auto &&
                                       *inlineSize > options.inlineLimit));

  // The data file goes beside the model, which may be behind a link.
  std::string dataPath = ((*modelFile)->getTarget() + ".data").str();
  std::string location = llvm::sys::path::filename(dataPath).str();
  ExternalLayout layout(options, location);
  if (external && model.graph)
    layout.addGraph(*model.graph);
  std::unique_ptr<OutputFile> dataFile;
  if (!layout.empty()) {
    llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(dataPath);
    if (!file)
      return file.takeError();
    dataFile = std::move(*file);
    if (Error error = layout.write(dataFile->os()))
      return error;
  }
  if (Error error = writeModel(model, (*modelFile)->os(), layout.empty() ? nullptr : &layout.get()))
    return error;
  if (options.check && (*modelFile)->isTemporary()) {
    (*modelFile)->os().flush();
    if (Error error = options.check((*modelFile)->getTemporary()))
      return error;
  }
  if (dataFile)
    if (Error error = dataFile->keep())
      return error;
  return (*modelFile)->keep();
}
