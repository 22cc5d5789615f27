//===- Import.cpp - ONNX models into compress modules -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The model level: module attributes, the main graph, model-local functions. What the result looks
// like is described in Import.h.
//
//===----------------------------------------------------------------------===//

#include "ImportImpl.h"
#include "compress/Support/MappedFile.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

Importer::Importer(const LoadedModel &loaded, StringRef fileName, MLIRContext *context,
                   const ImportOptions &options)
    : loaded(loaded), context(context), options(options), builder(context), store(context),
      fileName(fileName),
      fileLocation(FileLineColLoc::get(context, fileName.empty() ? StringRef("<memory>") : fileName,
                                       0, 0)) {}

std::string Importer::makeSymbol(StringRef name) {
  StringRef base = name.empty() ? StringRef("unnamed") : name;
  std::string symbol = base.str();
  // Counting on where the last equal name ended keeps many equal names cheap.
  while (!symbols.insert(symbol).second)
    symbol = (base + "_" + Twine(symbolSuffixes[base]++)).str();
  return symbol;
}

/// Opset imports by domain.
static llvm::StringMap<int64_t> getOpsets(ArrayRef<OperatorSetId> imports) {
  llvm::StringMap<int64_t> opsets;
  for (const OperatorSetId &import : imports)
    opsets[normalizeDomain(import.domain)] = import.version.value_or(0);
  return opsets;
}

DictionaryAttr Importer::importModelAttributes() {
  const ModelProto &model = loaded.model;
  NamedAttrList attrs;
  auto addString = [&](StringRef name, StringRef value) {
    if (isPresent(value))
      attrs.set(name, builder.getStringAttr(value));
  };
  auto addArray = [&](StringRef name, ArrayAttr value) {
    if (value)
      attrs.set(name, value);
  };
  attrs.set("ir_version", builder.getI64IntegerAttr(model.irVersion.value_or(0)));
  attrs.set("opset_import", importOpsets(model.opsetImport, builder));
  addString("producer_name", model.producerName);
  addString("producer_version", model.producerVersion);
  addString("domain", model.domain);
  if (model.modelVersion)
    attrs.set("model_version", builder.getI64IntegerAttr(*model.modelVersion));
  addString("doc_string", model.docString);
  addArray("metadata_props", importEntries(model.metadataProps, builder));
  addArray("training_info", importRaw(model.trainingInfo, builder));
  addArray("configuration", importRaw(model.configuration, builder));
  const GraphProto &graph = *model.graph;
  addString("graph_name", graph.name);
  addString("graph_doc_string", graph.docString);
  addArray("graph_metadata_props", importEntries(graph.metadataProps, builder));
  addArray("quantization_annotation", importAnnotations(graph.quantizationAnnotation, builder));
  return attrs.getDictionary(context);
}

DictionaryAttr Importer::importValueAttributes(const ValueInfoProto &info, const ImportedType &type,
                                               bool isResult) {
  NamedAttrList attrs;
  attrs.set("compress.name", builder.getStringAttr(info.name));
  if (type.declared && (isResult || type.declared != type.value))
    attrs.set("compress.type", TypeAttr::get(type.declared));
  auto isNamed = [](StringRef name) { return !name.empty(); };
  if (llvm::any_of(type.dimNames, isNamed))
    attrs.set("compress.dims", builder.getStrArrayAttr(type.dimNames));
  if (llvm::any_of(type.dimDenotations, isNamed))
    attrs.set("compress.dim_denotations", builder.getStrArrayAttr(type.dimDenotations));
  if (info.type && !info.type->denotation.empty())
    attrs.set("compress.denotation", builder.getStringAttr(info.type->denotation));
  if (OnnxRawAttr whole =
          info.type ? importWholeType(*info.type, context, options.dims) : OnnxRawAttr())
    attrs.set("compress.onnx_type", whole);
  if (!info.docString.empty())
    attrs.set("compress.doc_string", builder.getStringAttr(info.docString));
  if (ArrayAttr metadata = importEntries(info.metadataProps, builder))
    attrs.set("compress.metadata", metadata);
  return attrs.getDictionary(context);
}

LogicalResult Importer::importMain() {
  const ModelProto &model = loaded.model;
  const GraphProto &graph = *model.graph;
  auto main = func::FuncOp::create(fileLocation, "main", builder.getFunctionType({}, {}));
  module->push_back(main);
  Block *block = main.addEntryBlock();
  OpBuilder at = OpBuilder::atBlockEnd(block);
  weightBuilder = std::make_unique<OpBuilder>(main);
  ImportScope scope;
  scope.opsets = &opsets;
  SmallVector<Attribute> weights;
  if (failed(importInitializers(graph, scope, at, weights)))
    return failure();

  SmallVector<Type> argTypes, resultTypes;
  SmallVector<DictionaryAttr> argAttrs, resultAttrs;
  for (auto [index, input] : llvm::enumerate(graph.input)) {
    auto weight = scope.weights.find(input.name);
    bool isInitializer = weight != scope.weights.end();
    if (isInitializer && model.irVersion.value_or(0) < 4) {
      weight->second->setAttr("compress.graph_input", builder.getI64IntegerAttr(index));
      continue;
    }
    ImportedType type = importType(input.type.get(), context, options.dims);
    NamedAttrList attrs(importValueAttributes(input, type, /*isResult=*/false));
    if (isInitializer)
      attrs.set("compress.default", FlatSymbolRefAttr::get(weight->second.getSymNameAttr()));
    argTypes.push_back(type.value);
    argAttrs.push_back(attrs.getDictionary(context));
    scope.values[input.name] = block->addArgument(
        type.value,
        NameLoc::get(builder.getStringAttr(input.name.empty() ? StringRef("input") : input.name)));
  }

  if (failed(importNodes(graph.node, scope, at)))
    return failure();
  SmallVector<Value> results;
  for (const ValueInfoProto &output : graph.output) {
    Value value = lookup(output.name, scope, at);
    if (!value)
      return failure();
    ImportedType type = importType(output.type.get(), context, options.dims);
    results.push_back(value);
    resultTypes.push_back(value.getType());
    resultAttrs.push_back(importValueAttributes(output, type, /*isResult=*/true));
  }
  func::ReturnOp::create(at, fileLocation, results);
  main.setFunctionType(builder.getFunctionType(argTypes, resultTypes));
  main.setAllArgAttrs(argAttrs);
  main.setAllResultAttrs(resultAttrs);
  return success();
}

LogicalResult Importer::importFunction(const FunctionProto &function) {
  std::string name = function.name.str();
  if (!normalizeDomain(function.domain).empty())
    name = (function.domain + "." + name).str();
  if (!function.overload.empty())
    name += ":" + function.overload.str();
  Type any = OnnxValueType::get(context);
  SmallVector<Type> argTypes(function.input.size(), any);
  auto func =
      func::FuncOp::create(fileLocation, makeSymbol(name), builder.getFunctionType(argTypes, {}));
  func.setPrivate();
  module->push_back(func);
  Block *block = func.addEntryBlock();
  OpBuilder at = OpBuilder::atBlockEnd(block);
  llvm::StringMap<int64_t> ownOpsets = getOpsets(function.opsetImport);
  ImportScope scope;
  scope.opsets = &ownOpsets;

  auto nameDict = [&](StringRef value) {
    return builder.getDictionaryAttr(
        builder.getNamedAttr("compress.name", builder.getStringAttr(value)));
  };
  SmallVector<DictionaryAttr> argAttrs, resultAttrs;
  for (auto [input, argument] : llvm::zip_equal(function.input, block->getArguments())) {
    scope.values[input] = argument;
    argAttrs.push_back(nameDict(input));
  }
  if (failed(importNodes(function.node, scope, at)))
    return failure();
  SmallVector<Value> results;
  for (StringRef output : function.output) {
    Value value = lookup(output, scope, at);
    if (!value)
      return failure();
    results.push_back(value);
    resultAttrs.push_back(nameDict(output));
  }
  func::ReturnOp::create(at, fileLocation, results);
  func.setFunctionType(
      builder.getFunctionType(argTypes, llvm::to_vector(ValueRange(results).getTypes())));
  func.setAllArgAttrs(argAttrs);
  func.setAllResultAttrs(resultAttrs);

  NamedAttrList attrs;
  attrs.set("domain", builder.getStringAttr(normalizeDomain(function.domain)));
  attrs.set("name", builder.getStringAttr(function.name));
  attrs.set("overload", builder.getStringAttr(function.overload));
  attrs.set("opset_import", importOpsets(function.opsetImport, builder));
  attrs.set("attributes", builder.getStrArrayAttr(function.attribute));
  SmallVector<StringRef> defaults;
  for (const AttributeProto &attribute : function.attributeProto)
    defaults.push_back(attribute.raw);
  if (ArrayAttr raw = importRaw(defaults, builder))
    attrs.set("defaults", raw);
  if (!function.docString.empty())
    attrs.set("doc_string", builder.getStringAttr(function.docString));
  if (ArrayAttr metadata = importEntries(function.metadataProps, builder))
    attrs.set("metadata", metadata);
  func->setAttr("compress.onnx_function", attrs.getDictionary(context));
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  for (const auto &dim : options.dims)
    if (dim.second < 0)
      return emitError() << "size of dim '" << dim.first() << "' must not be negative, got "
                         << dim.second;
  std::vector<std::string> warnings;
  ValidateOptions validation;
  validation.folder = loaded.folder;
  validation.allowOutsideLinks = options.allowOutsideLinks;
  validation.warnings = &warnings;
  if (llvm::Error error = validateModel(loaded.model, validation))
    return emitError() << "invalid model: " << llvm::toString(std::move(error));
  for (const std::string &warning : warnings)
    mlir::emitWarning(fileLocation) << warning;

  module = ModuleOp::create(fileLocation);
  (*module)->setAttr("compress.onnx", importModelAttributes());
  opsets = getOpsets(loaded.model.opsetImport);
  symbols.insert("main");
  if (failed(importMain()))
    return failure();
  for (const FunctionProto &function : loaded.model.functions)
    if (failed(importFunction(function)))
      return failure();
  return std::move(module);
}

FailureOr<OwningOpRef<ModuleOp>> onnx::importOnnx(StringRef path, MLIRContext *context,
                                                  const ImportOptions &options) {
  context->loadDialect<CompressDialect, func::FuncDialect>();
  llvm::Expected<std::unique_ptr<LoadedModel>> loaded = readModel(path);
  if (!loaded)
    return mlir::emitError(FileLineColLoc::get(context, path, 0, 0))
           << llvm::toString(loaded.takeError());
  // The store of the importer looks files up in the model's folder.
  if (options.weightsByReference)
    context->getLoadedDialect<CompressDialect>()->setBaseDirectory((*loaded)->folder);
  return Importer(**loaded, llvm::sys::path::filename(path), context, options).run();
}

FailureOr<OwningOpRef<ModuleOp>> onnx::importOnnx(llvm::MemoryBufferRef buffer,
                                                  MLIRContext *context,
                                                  const ImportOptions &options, StringRef folder) {
  context->loadDialect<CompressDialect, func::FuncDialect>();
  llvm::Expected<std::unique_ptr<LoadedModel>> loaded = readModel(buffer, folder);
  if (!loaded)
    return mlir::emitError(FileLineColLoc::get(context, buffer.getBufferIdentifier(), 0, 0))
           << llvm::toString(loaded.takeError());
  ImportOptions copying = options;
  copying.weightsByReference = false;
  return Importer(**loaded, "", context, copying).run();
}
