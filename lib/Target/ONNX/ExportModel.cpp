//===- ExportModel.cpp - modules to ONNX models ----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportImpl.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Key of the resolved recipe, as module attribute and in `metadata_props`.
static constexpr StringRef recipeKey = "compress.recipe";
/// Prefix of `metadata_props` keys that describe the pattern of a sparse initializer.
static constexpr llvm::StringLiteral sparsityPrefix = "compress.sparsity.";

static bool isFunction(func::FuncOp func) { return func->hasAttr("compress.onnx_function"); }

/// True for what the import makes, which needs no operator of ours.
static bool isImported(Operation *op) {
  return isa<ModuleOp, func::FuncOp, func::ReturnOp, WeightOp, LoadOp, NoneOp, OnnxOp, YieldOp>(op);
}

static bool hasModelOps(Operation *root) {
  return root
      ->walk([](Operation *op) {
        return isImported(op) ? WalkResult::advance() : WalkResult::interrupt();
      })
      .wasInterrupted();
}

ModelExporter::ModelExporter(ModuleOp module, const ExportOptions &options,
                             const ExportRegistry &registry, int64_t opset)
    : module(module), options(options), registry(registry), weights(module), opset(opset),
      origin(module->getAttrOfType<DictionaryAttr>("compress.onnx")),
      isPlainImport(!hasModelOps(module)) {}

//===----------------------------------------------------------------------===//
// Types and entries
//===----------------------------------------------------------------------===//

TypeProto ModelExporter::makeType(Type type, ArrayRef<Attribute> dimNames,
                                  ArrayRef<Attribute> denotations) {
  TypeProto result;
  auto getText = [](ArrayRef<Attribute> texts, size_t index) {
    auto text = index < texts.size() ? dyn_cast<StringAttr>(texts[index]) : StringAttr();
    return text && !text.empty() ? text.getValue() : StringRef();
  };
  if (auto tensor = dyn_cast<TensorType>(type)) {
    std::optional<DataType> dataType = getDataType(tensor.getElementType());
    if (!dataType || getOnnxId(*dataType) == 0)
      return result;
    result.kind = TypeProto::Kind::Tensor;
    result.elemType = getOnnxId(*dataType);
    if (!tensor.hasRank())
      return result;
    result.shape.emplace();
    for (auto [index, size] : llvm::enumerate(tensor.getShape())) {
      Dimension dim;
      dim.denotation = getText(denotations, index);
      dim.param = getText(dimNames, index);
      if (!ShapedType::isDynamic(size)) {
        dim.kind = Dimension::Kind::Value;
        dim.value = size;
        dim.param = StringRef();
      } else if (!dim.param.empty()) {
        dim.kind = Dimension::Kind::Param;
      }
      result.shape->dims.push_back(dim);
    }
    return result;
  }
  auto makeElement = [&](TypeProto::Kind kind, Type element) {
    result.kind = kind;
    result.element = makeType(element);
  };
  if (auto sequence = dyn_cast<SequenceType>(type))
    makeElement(TypeProto::Kind::Sequence, sequence.getElementType());
  else if (auto optional = dyn_cast<OptionalType>(type))
    makeElement(TypeProto::Kind::Optional, optional.getElementType());
  return result;
}

std::vector<StringStringEntry> ModelExporter::makeEntries(ArrayAttr entries) {
  std::vector<StringStringEntry> result;
  for (Attribute entry : entries ? entries.getValue() : ArrayRef<Attribute>()) {
    auto pair = dyn_cast<ArrayAttr>(entry);
    if (pair && pair.size() == 2 && isa<StringAttr>(pair[0]) && isa<StringAttr>(pair[1]))
      result.push_back({cast<StringAttr>(pair[0]), cast<StringAttr>(pair[1])});
  }
  return result;
}

std::vector<TensorAnnotation> ModelExporter::makeAnnotations(ArrayAttr entries) {
  std::vector<TensorAnnotation> result;
  for (Attribute value : entries ? entries.getValue() : ArrayRef<Attribute>()) {
    auto entry = cast<DictionaryAttr>(value);
    TensorAnnotation annotation;
    if (auto name = entry.getAs<StringAttr>("tensor_name"))
      annotation.tensorName = name;
    annotation.quantParameterTensorNames = makeEntries(entry.getAs<ArrayAttr>("parameters"));
    result.push_back(std::move(annotation));
  }
  return result;
}

/// A type that was too rich for MLIR, as the import serialized it.
static std::optional<TypeProto> readWholeType(Attribute attribute) {
  auto raw = dyn_cast_or_null<OnnxRawAttr>(attribute);
  if (!raw)
    return std::nullopt;
  llvm::Expected<AttributeProto> holder = readAttribute(raw.getBytes());
  if (!holder) {
    llvm::consumeError(holder.takeError());
    return std::nullopt;
  }
  return holder->tp ? std::optional<TypeProto>(*holder->tp) : std::nullopt;
}

ValueInfoProto ModelExporter::makeValueInfo(DictionaryAttr attrs, Type type, StringRef name) {
  auto getAttr = [&](StringRef key) { return attrs ? attrs.get(key) : Attribute(); };
  auto getArray = [&](StringRef key) {
    auto array = dyn_cast_or_null<ArrayAttr>(getAttr(key));
    return array ? array.getValue() : ArrayRef<Attribute>();
  };
  if (auto declared = dyn_cast_or_null<TypeAttr>(getAttr("compress.type")))
    type = declared.getValue();
  ValueInfoProto info;
  info.name = name;
  TypeProto proto = makeType(type, getArray("compress.dims"), getArray("compress.dim_denotations"));
  if (auto denotation = dyn_cast_or_null<StringAttr>(getAttr("compress.denotation")))
    proto.denotation = denotation;
  if (std::optional<TypeProto> whole = readWholeType(getAttr("compress.onnx_type")))
    proto = std::move(*whole);
  if (proto.kind != TypeProto::Kind::None)
    info.type = std::move(proto);
  if (auto doc = dyn_cast_or_null<StringAttr>(getAttr("compress.doc_string")))
    info.docString = doc;
  info.metadataProps = makeEntries(dyn_cast_or_null<ArrayAttr>(getAttr("compress.metadata")));
  return info;
}

/// True if a value of type `type` may be declared to be of type `declared`.
static bool canDeclare(Type declared, Type type) {
  auto want = dyn_cast<TensorType>(declared), have = dyn_cast<TensorType>(type);
  if (!want || !have)
    return !want == !have;
  return want.getElementType() == have.getElementType() &&
         succeeded(verifyCompatibleShape(want, have));
}

ValueInfoProto ModelExporter::makeBodyValueInfo(DictionaryAttr attrs, Type type, bool isResult,
                                                StringRef name) {
  auto declared = attrs ? attrs.getAs<TypeAttr>("compress.type") : TypeAttr();
  bool hasWholeType = attrs && attrs.contains("compress.onnx_type");
  if (isa<OnnxValueType>(type))
    return makeValueInfo(attrs, type, name);
  // The type may be that of the argument that an output of unknown type is.
  if (attrs && isResult && isPlainImport && !declared && !hasWholeType)
    return makeValueInfo(attrs, OnnxValueType::get(module.getContext()), name);
  bool fits =
      declared ? canDeclare(declared.getValue(), type) : !hasWholeType || !isa<TensorType>(type);
  return makeValueInfo(fits ? attrs : DictionaryAttr(), type, name);
}

//===----------------------------------------------------------------------===//
// Names and weights
//===----------------------------------------------------------------------===//

StringRef onnx::getWeightName(WeightOp weight) {
  auto original = weight->getAttrOfType<StringAttr>("compress.onnx_name");
  return original && !original.empty() ? original.getValue() : weight.getSymName();
}

ArrayAttr onnx::getBodyInfo(OnnxOp node, size_t index, StringRef key) {
  auto name = cast<ArrayAttr>((*node.getBodyNames())[index]);
  auto info = name.size() > 2 ? cast<DictionaryAttr>(name[2]) : DictionaryAttr();
  auto list = info ? info.getAs<ArrayAttr>(key) : ArrayAttr();
  return list ? list : ArrayAttr::get(node.getContext(), {});
}

/// Collects every name that ops and values bring along, so that no invented name is one of them.
void ModelExporter::reserveNames() {
  auto reserve = [&](StringRef name) {
    if (!name.empty())
      reservedNames.insert(name);
  };
  module.walk([&](Operation *op) {
    if (auto weight = dyn_cast<WeightOp>(op)) {
      weightOrder[weight] = weightOrder.size();
      return reserve(getWeightName(weight));
    }
    if (auto node = dyn_cast<OnnxOp>(op)) {
      for (Attribute name : node.getResultNames())
        reserve(cast<StringAttr>(name));
      for (Region &region : node.getBodies())
        for (BlockArgument argument : region.getArguments())
          if (auto location = dyn_cast<NameLoc>(argument.getLoc()))
            reserve(location.getName());
      for (size_t i = 0, e = node.getBodies().size(); i < e; ++i)
        for (StringRef key : {"inputs", "outputs"})
          for (DictionaryAttr value : getBodyInfo(node, i, key).getAsRange<DictionaryAttr>())
            if (auto name = value.getAs<StringAttr>("compress.name"))
              reserve(name);
      return;
    }
    if (auto func = dyn_cast<func::FuncOp>(op)) {
      for (unsigned i = 0, e = func.getNumArguments(); i < e; ++i)
        if (auto name = func.getArgAttrOfType<StringAttr>(i, "compress.name"))
          reserve(name);
      for (unsigned i = 0, e = func.getNumResults(); i < e; ++i)
        if (auto name = func.getResultAttrOfType<StringAttr>(i, "compress.name"))
          reserve(name);
      return;
    }
    if (auto load = dyn_cast<LoadOp>(op)) {
      if (WeightOp weight = weights.lookup(load))
        weightUses[weight] +=
            static_cast<unsigned>(std::distance(load->getUses().begin(), load->getUses().end()));
      return;
    }
    reserve(getNodeNames(op).output);
  });
}

/// Finds the weights that were initializers of a body and are used nowhere else.
void ModelExporter::findBodyWeights() {
  module.walk([&](OnnxOp node) {
    for (auto [index, region] : llvm::enumerate(node.getBodies()))
      for (StringAttr symbol : getBodyInfo(node, index, "initializers").getAsRange<StringAttr>())
        if (auto weight = weights.lookup(symbol))
          bodyWeights.try_emplace(weight, &region);
  });
  module.walk([&](LoadOp load) {
    auto it = bodyWeights.find(weights.lookup(load));
    if (it != bodyWeights.end() && !it->second->isAncestor(load->getParentRegion()))
      bodyWeights.erase(it);
  });
}

void ModelExporter::writeUnused(GraphExporter &graph, WeightOp weight) {
  std::optional<LazyTensor> tensor =
      weights.getAttribute(weight.getValue(), weight.getTensorType(), weight.getLoc());
  if (!tensor) {
    weight.emitOpError("cannot be written to ONNX");
    hasFailed = true;
    return;
  }
  tensor->weight = weight;
  tensor->key = ("@" + weight.getSymName()).str();
  graph.addTensor(weight, *tensor);
}

/// Gives names to the weights that become initializers, and writes those that no op loads.
void ModelExporter::prepareWeights(GraphExporter &graph, func::FuncOp main) {
  DenseSet<Operation *> loaded, defaults;
  main.walk([&](LoadOp load) {
    if (WeightOp weight = weights.lookup(load))
      loaded.insert(weight);
  });
  SymbolTable symbols(module);
  for (unsigned i = 0, e = main.getNumArguments(); i < e; ++i)
    if (auto symbol = main.getArgAttrOfType<FlatSymbolRefAttr>(i, "compress.default"))
      if (auto weight = symbols.lookup<WeightOp>(symbol.getValue())) {
        weightNames[weight] = names.lookup(main.getArgument(i));
        freeWeightNames.insert(weight);
        defaults.insert(weight);
        bodyWeights.erase(weight);
      }
  for (WeightOp weight : module.getOps<WeightOp>()) {
    if (weightNames.contains(weight) || bodyWeights.contains(weight) ||
        (!loaded.contains(weight) && !isPlainImport))
      continue;
    weightNames[weight] = graph.keepName(getWeightName(weight));
    freeWeightNames.insert(weight);
  }
  // Not what ops use, but part of the model.
  for (WeightOp weight : module.getOps<WeightOp>()) {
    bool isUnused = isPlainImport && !loaded.contains(weight) && !bodyWeights.contains(weight);
    if (isUnused || defaults.contains(weight))
      writeUnused(graph, weight);
  }
}

//===----------------------------------------------------------------------===//
// Graph and functions
//===----------------------------------------------------------------------===//

LogicalResult ModelExporter::buildMain(func::FuncOp main) {
  Block *block = &main.front();
  GraphExporter graph(*this, nullptr, block, /*isFunction=*/false);
  auto getText = [&](StringRef key) {
    auto text = origin ? origin.getAs<StringAttr>(key) : StringAttr();
    return text ? text.getValue() : StringRef();
  };
  graph.graph.name = getText("graph_name");
  if (!isPresent(graph.graph.name))
    graph.graph.name = main.getSymName();
  graph.graph.docString = getText("graph_doc_string");
  if (origin) {
    graph.graph.metadataProps = makeEntries(origin.getAs<ArrayAttr>("graph_metadata_props"));
    graph.graph.quantizationAnnotation =
        makeAnnotations(origin.getAs<ArrayAttr>("quantization_annotation"));
  }

  for (BlockArgument argument : block->getArguments()) {
    unsigned index = argument.getArgNumber();
    auto name = main.getArgAttrOfType<StringAttr>(index, "compress.name");
    StringRef text =
        name && !name.empty() ? graph.keepName(name) : graph.makeName("input_" + Twine(index));
    names[argument] = text;
    graph.graph.input.push_back(
        makeValueInfo(main.getArgAttrDict(index), argument.getType(), text));
  }

  // Names of outputs come before those of weights, unless an output is that weight.
  SmallVector<StringAttr> wanted;
  for (unsigned i = 0, e = main.getNumResults(); i < e; ++i)
    wanted.push_back(main.getResultAttrOfType<StringAttr>(i, "compress.name"));
  NameList outputs = graph.chooseOutputNames(wanted);
  prepareWeights(graph, main);
  if (hasFailed || failed(graph.exportBlock(outputs)))
    return failure();
  for (auto [index, name] : llvm::enumerate(graph.outputNames))
    graph.graph.output.push_back(
        makeValueInfo(main.getResultAttrDict(index), main.getResultTypes()[index], name));
  graph.sortInitializers();
  model.graph = std::move(graph.graph);
  return success();
}

LogicalResult ModelExporter::buildFunction(func::FuncOp func, FunctionProto &function) {
  auto attrs = func->getAttrOfType<DictionaryAttr>("compress.onnx_function");
  auto getText = [&](StringRef key) {
    auto text = attrs.getAs<StringAttr>(key);
    return text && !text.empty() ? text.getValue() : StringRef();
  };
  function.name = getText("name");
  function.domain = getText("domain");
  function.overload = getText("overload");
  function.docString = getText("doc_string");
  function.metadataProps = makeEntries(attrs.getAs<ArrayAttr>("metadata"));
  if (auto required = attrs.getAs<ArrayAttr>("attributes"))
    for (StringAttr name : required.getAsRange<StringAttr>())
      function.attribute.push_back(name);
  if (auto defaults = attrs.getAs<ArrayAttr>("defaults"))
    for (OnnxRawAttr raw : defaults.getAsRange<OnnxRawAttr>())
      function.attributeProto.push_back(AttributeProto::fromRaw(raw.getBytes()));

  bool hasOwnOps = hasModelOps(func), hasMicrosoft = false;
  GraphExporter graph(*this, nullptr, &func.front(), /*isFunction=*/true);
  graph.keepsOpset = !hasOwnOps;
  for (BlockArgument argument : func.getArguments()) {
    auto name = func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "compress.name");
    StringRef text = name && !name.empty() ? graph.keepName(name) : graph.makeName("input");
    names[argument] = text;
    function.input.push_back(text);
  }
  NameList outputs;
  for (unsigned i = 0, e = func.getNumResults(); i < e; ++i) {
    auto name = func.getResultAttrOfType<StringAttr>(i, "compress.name");
    outputs.push_back(name && !name.empty() ? saver.save(name.getValue())
                                            : graph.makeName("output"));
  }
  bool usedMicrosoft = usesMicrosoftDomain;
  usesMicrosoftDomain = false;
  if (failed(graph.exportBlock(outputs)))
    return failure();
  function.output.assign(graph.outputNames.begin(), graph.outputNames.end());
  function.node = std::move(graph.graph.node);

  if (auto imports = attrs.getAs<ArrayAttr>("opset_import"))
    for (ArrayAttr import : imports.getAsRange<ArrayAttr>()) {
      StringRef domain = cast<StringAttr>(import[0]);
      int64_t version = cast<IntegerAttr>(import[1]).getInt();
      hasMicrosoft |= domain == microsoftDomain;
      function.opsetImport.push_back({domain, domain.empty() && hasOwnOps ? opset : version});
    }
  if (usesMicrosoftDomain && !hasMicrosoft)
    function.opsetImport.push_back({microsoftDomain, 1});
  usesMicrosoftDomain |= usedMicrosoft;
  return success();
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

/// An opaque node must mean in the written opset what it meant in its own.
LogicalResult ModelExporter::checkOpaqueNodes() {
  WalkResult result = module.walk([&](OnnxOp op) {
    if (!op.isDefaultDomain() || op.getVersion() == static_cast<uint64_t>(opset))
      return WalkResult::advance();
    auto func = op->getParentOfType<func::FuncOp>();
    bool keepsOpset = isPlainImport || (func && isFunction(func) && !hasModelOps(func));
    if (keepsOpset || meansTheSame(op.getOpType(), op.getVersion(), opset))
      return WalkResult::advance();
    op.emitError("ONNX node '") << op.getNodeName() << "': operator " << op.getOpType()
                                << " changed between its opset " << op.getVersion() << " and opset "
                                << opset << ", which other operators need";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

static void forEachTensor(const GraphProto &graph,
                          llvm::function_ref<void(const TensorProto &)> fn) {
  for (const TensorProto &tensor : graph.initializer)
    fn(tensor);
  for (const NodeProto &node : graph.node)
    for (const AttributeProto &attribute : node.attribute)
      forEachSubgraph(attribute, [&](const GraphProto &body) { forEachTensor(body, fn); });
}

/// Up to IR version 3 an initializer is also listed as an input.
void ModelExporter::addIrThreeInputs(GraphProto &graph) {
  SmallVector<std::pair<int64_t, WeightOp>> inputs;
  for (WeightOp weight : module.getOps<WeightOp>())
    if (auto index = weight->getAttrOfType<IntegerAttr>("compress.graph_input");
        index && weightNames.contains(weight))
      inputs.emplace_back(index.getInt(), weight);
  llvm::sort(inputs, llvm::less_first());
  for (auto [index, weight] : inputs) {
    ValueInfoProto info;
    info.name = weightNames.lookup(weight);
    info.type = makeType(weight.getTensorType());
    auto at = graph.input.begin() +
              std::clamp<int64_t>(index, 0, static_cast<int64_t>(graph.input.size()));
    graph.input.insert(at, std::move(info));
  }
}

LogicalResult ModelExporter::setModelFields() {
  auto getText = [&](StringRef key) {
    auto text = origin ? origin.getAs<StringAttr>(key) : StringAttr();
    return text ? text.getValue() : StringRef();
  };
  model.producerName = origin ? getText("producer_name") : StringRef("compress");
  model.producerVersion = getText("producer_version");
  model.domain = getText("domain");
  model.docString = getText("doc_string");
  int64_t irVersion = 0;
  if (origin) {
    if (auto version = origin.getAs<IntegerAttr>("model_version"))
      model.modelVersion = version.getInt();
    if (auto version = origin.getAs<IntegerAttr>("ir_version"))
      irVersion = version.getInt();
    auto addRaw = [&](StringRef key, std::vector<StringRef> &messages) {
      if (auto raws = origin.getAs<ArrayAttr>(key))
        for (OnnxRawAttr raw : raws.getAsRange<OnnxRawAttr>())
          messages.push_back(raw.getBytes());
    };
    addRaw("training_info", model.trainingInfo);
    addRaw("configuration", model.configuration);
  }
  if (!isPlainImport || irVersion == 0) {
    irVersion = std::max({irVersion, int64_t(4), getIrVersionOfOpset(opset)});
    forEachTensor(*model.graph, [&](const TensorProto &tensor) {
      irVersion = std::max(irVersion, getIrVersionOfType(tensor.dataType.value_or(0)));
    });
    if (!model.functions.empty())
      irVersion = std::max(irVersion, int64_t(8));
  }
  model.irVersion = irVersion;
  if (irVersion < 4)
    addIrThreeInputs(*model.graph);

  bool hasDefault = false, hasMicrosoft = false;
  if (auto imports = origin ? origin.getAs<ArrayAttr>("opset_import") : ArrayAttr())
    for (ArrayAttr import : imports.getAsRange<ArrayAttr>()) {
      StringRef domain = cast<StringAttr>(import[0]);
      int64_t version = cast<IntegerAttr>(import[1]).getInt();
      hasDefault |= normalizeDomain(domain).empty();
      hasMicrosoft |= domain == microsoftDomain;
      model.opsetImport.push_back(
          {domain, normalizeDomain(domain).empty() && !isPlainImport ? opset : version});
    }
  if (!hasDefault && (!origin || !isPlainImport))
    model.opsetImport.insert(model.opsetImport.begin(), {StringRef(""), opset});
  if (usesMicrosoftDomain && !hasMicrosoft)
    model.opsetImport.push_back({microsoftDomain, 1});

  // Entries about sparsity that an earlier export made hold for the old initializers.
  model.metadataProps =
      makeEntries(origin ? origin.getAs<ArrayAttr>("metadata_props") : ArrayAttr());
  if (!isPlainImport) {
    llvm::StringSet<> initializers;
    for (const TensorProto &tensor : model.graph->initializer)
      initializers.insert(tensor.name);
    for (auto [key, value] : sparsity)
      initializers.erase(key.substr(sparsityPrefix.size()));
    llvm::erase_if(model.metadataProps, [&](const StringStringEntry &entry) {
      return entry.key.starts_with(sparsityPrefix) &&
             !initializers.contains(entry.key.substr(sparsityPrefix.size()));
    });
  }
  for (auto [key, value] : sparsity)
    model.metadataProps.push_back({key, value});
  if (auto recipe = module->getAttrOfType<StringAttr>(recipeKey); recipe && !recipe.empty()) {
    llvm::erase_if(model.metadataProps,
                   [](const StringStringEntry &entry) { return entry.key == recipeKey; });
    model.metadataProps.push_back({recipeKey, recipe.getValue()});
  }
  return success();
}

LogicalResult ModelExporter::build() {
  func::FuncOp main;
  SmallVector<func::FuncOp> publics;
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    if (func.isExternal() || isFunction(func) || !func.isPublic())
      continue;
    publics.push_back(func);
    if (func.getSymName() == "main")
      main = func;
  }
  if (!main && publics.size() == 1)
    main = publics.front();
  if (!main)
    return mlir::emitError(module.getLoc(),
                           "ONNX export needs one public function, or one named 'main'; found ")
           << publics.size() << " public functions";
  if (!main.getBody().hasOneBlock())
    return main.emitError("ONNX export needs a function with one block");
  if (failed(checkOpaqueNodes()))
    return failure();
  reserveNames();
  findBodyWeights();
  if (failed(buildMain(main)))
    return failure();
  for (func::FuncOp func : module.getOps<func::FuncOp>()) {
    if (!isFunction(func))
      continue;
    model.functions.emplace_back();
    if (failed(buildFunction(func, model.functions.back())))
      return failure();
  }
  if (hasFailed)
    return failure();
  return setModelFields();
}
