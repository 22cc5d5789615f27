//===- Export.cpp - modules to ONNX files ----------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportImpl.h"
#include "compress/Dialect/Compress/Transforms/CompositePatterns.h"
#include "compress/Target/ONNX/ExternalData.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "compress/Target/ONNX/ProtoWriter.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

std::optional<ExportForm> onnx::parseExportForm(StringRef text) {
  if (text == "qdq")
    return ExportForm::QDQ;
  if (text == "matmulnbits")
    return ExportForm::MatMulNBits;
  if (text == "dense")
    return ExportForm::Dense;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Self-check
//===----------------------------------------------------------------------===//

static llvm::Error makeMismatch(const Twine &what, const Twine &expected, const Twine &found) {
  return llvm::createStringError(what + ": expected " + expected + ", found " + found);
}

static uint64_t countNodes(const GraphProto &graph) {
  uint64_t count = graph.node.size();
  for (const NodeProto &node : graph.node)
    for (const AttributeProto &attribute : node.attribute)
      if (!attribute.verbatim)
        forEachSubgraph(attribute, [&](const GraphProto &inner) { count += countNodes(inner); });
  return count;
}

static llvm::Error compareTensors(const TensorProto &meant, const TensorProto &found) {
  std::string what = "initializer " + quoteName(meant.name);
  if (meant.name != found.name)
    return makeMismatch(what, quoteName(meant.name), quoteName(found.name));
  if (meant.dims != found.dims)
    return makeMismatch(what, "other dims", "these");
  if (meant.dataType != found.dataType)
    return makeMismatch(what, getElementTypeName(meant.dataType.value_or(0)),
                        getElementTypeName(found.dataType.value_or(0)));
  if (meant.dataType == ET_String) {
    if (meant.stringData.size() != found.stringData.size())
      return makeMismatch(what, Twine(meant.stringData.size()) + " strings",
                          Twine(found.stringData.size()));
    return llvm::Error::success();
  }
  uint64_t size = meant.producer ? meant.producerSize : meant.rawData.size();
  uint64_t foundSize = found.rawData.size();
  if (found.isExternal()) {
    llvm::Expected<ExternalDataEntries> entries = parseExternalData(found);
    if (!entries)
      return entries.takeError();
    foundSize = entries->length.value_or(0);
  }
  if (size != foundSize)
    return makeMismatch(what, Twine(size) + " bytes", Twine(foundSize));
  return llvm::Error::success();
}

static llvm::Error compareValues(StringRef what, const std::vector<ValueInfoProto> &meant,
                                 const std::vector<ValueInfoProto> &found) {
  if (meant.size() != found.size())
    return makeMismatch(what, Twine(meant.size()), Twine(found.size()));
  for (auto [a, b] : llvm::zip_equal(meant, found))
    if (a.name != b.name)
      return makeMismatch(what, quoteName(a.name), quoteName(b.name));
  return llvm::Error::success();
}

/// Reads the file again and compares it with the model that was meant.
static llvm::Error checkFile(const ModelProto &model, StringRef path) {
  llvm::Expected<std::unique_ptr<LoadedModel>> loaded = readModel(path);
  if (!loaded)
    return loaded.takeError();
  // Without a folder external data are not looked at: they are not in their place yet.
  if (llvm::Error error = validateModel((*loaded)->model, ValidateOptions()))
    return error;
  const GraphProto &meant = *model.graph, &found = *(*loaded)->model.graph;
  if (meant.initializer.size() != found.initializer.size())
    return makeMismatch("number of initializers", Twine(meant.initializer.size()),
                        Twine(found.initializer.size()));
  for (auto [a, b] : llvm::zip_equal(meant.initializer, found.initializer))
    if (llvm::Error error = compareTensors(a, b))
      return error;
  if (uint64_t a = countNodes(meant), b = countNodes(found); a != b)
    return makeMismatch("number of nodes", Twine(a), Twine(b));
  if (model.functions.size() != (*loaded)->model.functions.size())
    return makeMismatch("number of functions", Twine(model.functions.size()),
                        Twine((*loaded)->model.functions.size()));
  if (llvm::Error error = compareValues("graph inputs", meant.input, found.input))
    return error;
  return compareValues("graph outputs", meant.output, found.output);
}

//===----------------------------------------------------------------------===//
// Export
//===----------------------------------------------------------------------===//

/// The opset of the default domain that the module was written for; 0 if it has none.
static int64_t getOriginalOpset(ModuleOp module) {
  if (auto origin = module->getAttrOfType<DictionaryAttr>("compress.onnx"))
    if (auto imports = origin.getAs<ArrayAttr>("opset_import"))
      for (Attribute entry : imports)
        if (auto import = dyn_cast<ArrayAttr>(entry); import && import.size() == 2)
          if (auto domain = dyn_cast<StringAttr>(import[0]);
              domain && normalizeDomain(domain).empty())
            if (auto version = dyn_cast<IntegerAttr>(import[1]))
              return version.getInt();
  int64_t newest = 0;
  module.walk([&](OnnxOp op) {
    if (op.isDefaultDomain())
      newest = std::max(newest, static_cast<int64_t>(op.getVersion()));
  });
  return newest;
}

/// The recorded attributes come from text that anyone may have written.
static LogicalResult checkOrigin(ModuleOp module) {
  Attribute attribute = module->getAttr("compress.onnx");
  if (!attribute)
    return success();
  auto origin = dyn_cast<DictionaryAttr>(attribute);
  if (!origin)
    return mlir::emitError(module.getLoc(), "attribute 'compress.onnx' must be a dictionary");
  auto isArrayOf = [&](StringRef key, llvm::function_ref<bool(Attribute)> isElement) {
    Attribute value = origin.get(key);
    auto array = dyn_cast_or_null<ArrayAttr>(value);
    return !value || (array && llvm::all_of(array, isElement));
  };
  auto isImport = [](Attribute entry) {
    auto pair = dyn_cast<ArrayAttr>(entry);
    return pair && pair.size() == 2 && isa<StringAttr>(pair[0]) && isa<IntegerAttr>(pair[1]);
  };
  if (!isArrayOf("opset_import", isImport))
    return mlir::emitError(
        module.getLoc(), "'opset_import' of 'compress.onnx' must be an array of [domain, version]");
  for (StringRef key : {"training_info", "configuration"})
    if (!isArrayOf(key, llvm::IsaPred<OnnxRawAttr>))
      return mlir::emitError(module.getLoc(), "'")
             << key << "' of 'compress.onnx' must be an array of #compress.onnx_raw";
  if (!isArrayOf("quantization_annotation", llvm::IsaPred<DictionaryAttr>))
    return mlir::emitError(
        module.getLoc(),
        "'quantization_annotation' of 'compress.onnx' must be an array of dictionaries");
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    Attribute function = func->getAttr("compress.onnx_function");
    if (function &&
        (!isa<DictionaryAttr>(function) || func.isExternal() || !func.getBody().hasOneBlock()))
      return func.emitError(
          "'compress.onnx_function' must be a dictionary on a function with one block");
    if (!function)
      continue;
    auto imports = cast<DictionaryAttr>(function).getAs<ArrayAttr>("opset_import");
    if (imports && !llvm::all_of(imports, isImport))
      return func.emitError("'opset_import' must be an array of [domain, version]");
  }
  return success();
}

LogicalResult onnx::exportOnnx(ModuleOp module, StringRef path, const ExportOptions &options) {
  constexpr int64_t newestWritten = 26;
  int64_t original = getOriginalOpset(module);
  if (options.opset != 0 && (options.opset < 13 || options.opset > newestWritten))
    return mlir::emitError(module.getLoc(), "opset must be in [13, ")
           << newestWritten << "], got " << options.opset;
  if (failed(checkOrigin(module)))
    return failure();

  // Composite ops are written as their parts, so that no target needs to know them. The module that
  // was given stays as it is.
  OwningOpRef<ModuleOp> expanded;
  bool hasComposites =
      module
          .walk([](Operation *op) {
            return isComposite(op) ? WalkResult::interrupt() : WalkResult::advance();
          })
          .wasInterrupted();
  if (hasComposites) {
    expanded = module.clone();
    module = *expanded;
    if (failed(expandComposites(module)))
      return mlir::emitError(module.getLoc(), "a composite op could not be expanded");
  }

  ExportRegistry registry;
  registerElementwiseExports(registry);
  registerContractionExports(registry);
  registerNormalizationExports(registry);
  registerMovementExports(registry);
  registerQuantizationExports(registry);

  // Operators say which opset they need while they are written, so the model may be built twice.
  // That is cheap: contents of tensors are not looked at.
  int64_t opset = options.opset ? options.opset : std::max<int64_t>(original, 13);
  std::unique_ptr<ModelExporter> exporter;
  while (true) {
    exporter = std::make_unique<ModelExporter>(module, options, registry, opset);
    if (exporter->isPlainImport && options.opset == 0 && original != 0)
      exporter->opset = opset = original;
    if (failed(exporter->build()))
      return failure();
    if (exporter->requiredOpset <= opset)
      break;
    if (exporter->requiredOpset > std::max(original, newestWritten))
      return mlir::emitError(module.getLoc(), "needs opset ")
             << exporter->requiredOpset << ", the newest that is written is " << newestWritten;
    opset = exporter->requiredOpset;
  }
  for (const std::pair<Location, std::string> &entry : exporter->remarks)
    remark::missed(entry.first, remark::RemarkOpts::name("export-onnx").category("export"))
        << remark::reason("{0}", entry.second);

  auto fail = [&](llvm::Error error) {
    return mlir::emitError(module.getLoc(), "cannot export to '")
           << path << "': " << llvm::toString(std::move(error));
  };
  WriteOptions writeOptions;
  if (options.forceExternalData)
    writeOptions.externalData = WriteOptions::ExternalData::Always;
  writeOptions.externalThreshold = options.externalDataThreshold;
  if (options.selfCheck)
    writeOptions.check = [&](StringRef written) -> llvm::Error {
      if (llvm::Error error = checkFile(exporter->model, written))
        return llvm::createStringError("self-check of the written file failed: " +
                                       llvm::toString(std::move(error)));
      return llvm::Error::success();
    };
  if (llvm::Error error = writeModelFile(exporter->model, path, writeOptions))
    return fail(std::move(error));
  return success();
}
