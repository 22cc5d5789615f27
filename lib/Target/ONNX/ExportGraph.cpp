//===- ExportGraph.cpp - blocks to ONNX graphs -----------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportImpl.h"
#include "compress/Target/ONNX/OpSchemas.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

static AttributeProto makeAttribute(StringRef name, AttributeTypeId type) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = type;
  return attribute;
}

AttributeProto onnx::intAttribute(StringRef name, int64_t value) {
  AttributeProto attribute = makeAttribute(name, AT_Int);
  attribute.i = value;
  return attribute;
}

AttributeProto onnx::floatAttribute(StringRef name, float value) {
  AttributeProto attribute = makeAttribute(name, AT_Float);
  attribute.f = value;
  return attribute;
}

AttributeProto onnx::stringAttribute(StringRef name, StringRef value) {
  AttributeProto attribute = makeAttribute(name, AT_String);
  // An empty text may have no pointer, which would make the field absent.
  attribute.s = value.empty() ? StringRef("") : value;
  return attribute;
}

AttributeProto onnx::intsAttribute(StringRef name, ArrayRef<int64_t> values) {
  AttributeProto attribute = makeAttribute(name, AT_Ints);
  attribute.ints.assign(values.begin(), values.end());
  return attribute;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static NodeNames getNodeNames(Location location) {
  if (auto named = dyn_cast<NameLoc>(location)) {
    if (auto child = dyn_cast<NameLoc>(named.getChildLoc()))
      return {named.getName(), child.getName()};
    return {"", named.getName()};
  }
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return getNodeNames(call.getCallee());
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (NodeNames names = getNodeNames(part); !names.node.empty() || !names.output.empty())
        return names;
  return {};
}

NodeNames onnx::getNodeNames(Operation *op) {
  NodeNames names = ::getNodeNames(op->getLoc());
  if (auto node = dyn_cast<OnnxOp>(op))
    names.node = node.getNodeName();
  else if (auto name = op->getAttrOfType<StringAttr>("name"); name && !name.empty())
    names.node = name;
  return names;
}

const ExportOptions &GraphExporter::getOptions() const { return model.options; }
int64_t GraphExporter::getOpset() const { return model.opset; }
StringRef GraphExporter::save(const Twine &text) { return model.saver.save(text); }
void GraphExporter::requireMicrosoftDomain() { model.usesMicrosoftDomain = true; }
void GraphExporter::setName(Value value, StringRef name) { model.names[value] = name; }

void GraphExporter::remark(Operation *op, const Twine &message) {
  model.remarks.emplace_back(op->getLoc(), message.str());
}

void GraphExporter::fail(Operation *op, const Twine &message) {
  if (!model.hasFailed)
    op->emitOpError(message);
  model.hasFailed = true;
}

void GraphExporter::requireOpset(int64_t opset, Operation *op) {
  if (opset <= model.opset)
    return;
  model.requiredOpset = std::max(model.requiredOpset, opset);
  if (model.options.opset == 0 || model.hasFailed)
    return;
  op->emitOpError("needs opset ") << opset << ", but opset " << model.options.opset
                                  << " was asked for";
  model.hasFailed = true;
}

bool GraphExporter::isNameTaken(StringRef name) const {
  for (const GraphExporter *graph = this; graph; graph = graph->parent)
    if (graph->usedNames.contains(name))
      return true;
  return false;
}

StringRef GraphExporter::makeName(const Twine &wanted) {
  std::string base = wanted.str();
  std::string name = base;
  unsigned &counter = model.nameCounters[base];
  while (isNameTaken(name) || model.reservedNames.contains(name))
    name = base + "_" + std::to_string(++counter);
  usedNames.insert(name);
  return model.reservedNames.insert(name).first->getKey();
}

StringRef GraphExporter::keepName(StringRef wanted) {
  if (isNameTaken(wanted))
    return makeName(wanted);
  usedNames.insert(wanted);
  return save(wanted);
}

StringRef GraphExporter::nameResult(OpResult result) {
  auto it = model.names.find(result);
  if (it != model.names.end())
    return it->second;
  Operation *op = result.getOwner();
  StringRef wanted;
  if (auto node = dyn_cast<OnnxOp>(op)) {
    wanted = cast<StringAttr>(node.getResultNames()[result.getResultNumber()]);
    if (wanted.empty() && result.use_empty())
      return "";
  } else if (result.getResultNumber() == 0) {
    wanted = getNodeNames(op).output;
  }
  StringRef name;
  if (!wanted.empty()) {
    name = keepName(wanted);
  } else {
    NodeNames names = getNodeNames(op);
    StringRef base = !names.node.empty()     ? names.node
                     : !names.output.empty() ? names.output
                                             : op->getName().stripDialect();
    name = makeName(base + "/" + Twine("output"));
  }
  setName(result, name);
  return name;
}

GraphExporter &GraphExporter::findOwner(Block *owner) {
  for (GraphExporter *graph = this; graph; graph = graph->parent)
    if (graph->block == owner)
      return *graph;
  return *this;
}

bool onnx::isWrittenOnUse(Operation *op) {
  return isa<LoadOp, ConstantOp, NoneOp>(op) ||
         (isa<DecodeOpInterface>(op) && WeightReader::isWeightChain(op->getResult(0)));
}

StringRef GraphExporter::getName(Value value) {
  if (isa<NoneType>(value.getType()))
    return "";
  auto it = model.names.find(value);
  if (it != model.names.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  auto fail = [&](const Twine &message) {
    if (!model.hasFailed)
      emitError(value.getLoc()) << message;
    model.hasFailed = true;
    return StringRef("invalid");
  };
  if (!op || !isWrittenOnUse(op))
    return fail("a value is used before it is defined, or outside of the functions that are "
                "written");
  if (isa<LoadOp, ConstantOp>(op)) {
    std::optional<LazyTensor> stored = model.weights.getStored(value);
    if (!stored)
      return fail("the value of '" + op->getName().getStringRef() + "' cannot be written");
    StringRef name = findOwner(op->getBlock()).addTensor(op, *stored);
    setName(value, name);
    return name;
  }
  if (failed(findOwner(op->getBlock()).exportOp(op)))
    model.hasFailed = true;
  it = model.names.find(value);
  return it == model.names.end() ? fail("a decode chain could not be written") : it->second;
}

NameList GraphExporter::getNames(ValueRange values) {
  NameList names;
  for (Value value : values)
    names.push_back(getName(value));
  return names;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

StringRef ModelExporter::makeNodeName(StringRef wanted) {
  if (wanted.empty() || nodeNames.insert(wanted).second)
    return wanted;
  // Two ops may carry one location; runtimes want names to differ.
  std::string name;
  unsigned &number = nodeNameSuffixes[wanted];
  do
    name = (wanted + "_" + Twine(++number)).str();
  while (!nodeNames.insert(name).second);
  return saver.save(name);
}

void GraphExporter::appendNode(Operation *op, StringRef name, StringRef opType,
                               ArrayRef<StringRef> inputs, ArrayRef<StringRef> outputs,
                               ArrayRef<AttributeProto> attributes, StringRef domain) {
  if (domain.empty() && !lookupOp(opType, getOpset()))
    if (ArrayRef<OpSchema> versions = getOpVersions(opType); !versions.empty())
      requireOpset(versions.front().sinceVersion, op);
  NodeProto node;
  node.name = model.makeNodeName(name);
  node.opType = opType;
  node.domain = domain;
  node.input.assign(inputs.begin(), inputs.end());
  node.output.assign(outputs.begin(), outputs.end());
  node.attribute.assign(attributes.begin(), attributes.end());
  graph.node.push_back(std::move(node));
}

static std::string getBaseName(Operation *op) {
  NodeNames names = getNodeNames(op);
  if (!names.node.empty())
    return names.node.str();
  return names.output.empty() ? op->getName().stripDialect().str() : names.output.str();
}

NameList GraphExporter::addNode(Operation *op, StringRef suffix, StringRef opType,
                                unsigned numOutputs, ArrayRef<StringRef> inputs,
                                ArrayRef<AttributeProto> attributes) {
  NameList outputs;
  for (unsigned i = 0; i < numOutputs; ++i)
    outputs.push_back(makeName(getBaseName(op) + "/" + suffix));
  appendNode(op, outputs.front(), opType, inputs, outputs, attributes);
  return outputs;
}

StringRef GraphExporter::addNode(Operation *op, StringRef suffix, StringRef opType,
                                 ArrayRef<StringRef> inputs, ArrayRef<AttributeProto> attributes) {
  return addNode(op, suffix, opType, 1, inputs, attributes).front();
}

LogicalResult GraphExporter::addResultNode(Operation *op, StringRef opType,
                                           ArrayRef<StringRef> inputs,
                                           ArrayRef<AttributeProto> attributes, StringRef domain) {
  NameList outputs;
  for (OpResult result : op->getResults())
    outputs.push_back(nameResult(result));
  appendNode(op, getNodeNames(op).node, opType, inputs, outputs, attributes, domain);
  return success();
}

/// Renames the output `from` of one of the last nodes; false if there is none.
static bool renameOutput(std::vector<NodeProto> &nodes, StringRef from, StringRef to) {
  for (NodeProto &node : llvm::reverse(nodes)) {
    for (StringRef &output : node.output)
      if (output == from) {
        output = to;
        return true;
      }
    // Later nodes of the same op may use it.
    for (StringRef &input : node.input)
      if (input == from)
        input = to;
  }
  return false;
}

LogicalResult GraphExporter::finish(Operation *op, ArrayRef<StringRef> names) {
  for (auto [result, name] : llvm::zip_equal(op->getResults(), names)) {
    if (name.empty())
      continue;
    // An op has few nodes.
    ArrayRef<NodeProto> recent = ArrayRef<NodeProto>(graph.node).take_back(64);
    bool isNode = llvm::any_of(
        recent, [&](const NodeProto &node) { return llvm::is_contained(node.output, name); });
    bool isFixed = model.names.contains(result);
    if (isWrittenOnUse(op) || (!isNode && !isFixed))
      setName(result, name);
    else if (!isNode)
      appendNode(op, "", "Identity", {name}, {nameResult(result)});
    else if (StringRef wanted = nameResult(result); wanted != name)
      renameOutput(graph.node, name, wanted);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

StringRef GraphExporter::addConstantTensor(Operation *op, StringRef wanted, TensorProto tensor,
                                           Operation *weight) {
  GraphExporter &home = getHome(weight);
  bool isOwnName = weight && !home.hasConstantNodes() &&
                   model.weightNames.lookup(weight) == wanted &&
                   model.freeWeightNames.erase(weight);
  StringRef name = isOwnName ? model.weightNames.lookup(weight)
                   : weight  ? home.keepName(wanted)
                             : home.makeName(wanted);
  if (home.hasConstantNodes()) {
    AttributeProto value = makeAttribute("value", AT_Tensor);
    value.t = std::move(tensor);
    home.appendNode(op, "", "Constant", {}, {name}, {value});
    return name;
  }
  tensor.name = name;
  home.graph.initializer.push_back(std::move(tensor));
  auto order = weight ? model.weightOrder.find(weight) : model.weightOrder.end();
  home.initializerOrder.push_back(order == model.weightOrder.end() ? ~0u : order->second);
  return name;
}

GraphExporter &GraphExporter::getHome(Operation *weight) {
  if (!weight)
    return *this;
  if (Region *body = model.bodyWeights.lookup(weight))
    for (GraphExporter *graph = this; graph; graph = graph->parent)
      if (graph->block->getParent() == body)
        return *graph;
  return getRoot();
}

void GraphExporter::sortInitializers() {
  SmallVector<std::pair<unsigned, size_t>> order;
  for (auto [index, position] : llvm::enumerate(initializerOrder))
    order.emplace_back(position, index);
  llvm::sort(order);
  std::vector<TensorProto> sorted;
  for (auto [position, index] : order)
    sorted.push_back(std::move(graph.initializer[index]));
  graph.initializer = std::move(sorted);
}

StringRef GraphExporter::addTensor(Operation *op, const LazyTensor &lazy) {
  GraphExporter &home = getHome(lazy.weight);
  auto it = home.tensors.find(lazy.key);
  if (it != home.tensors.end() && !lazy.key.empty())
    return it->second;
  TensorProto tensor;
  tensor.dims.assign(lazy.dims.begin(), lazy.dims.end());
  tensor.dataType = getOnnxId(lazy.type);
  if (*tensor.dataType == 0) {
    op->emitOpError("cannot be written: ONNX has no element type ") << compress::getName(lazy.type);
    model.hasFailed = true;
  }
  if (lazy.type == DataType::String) {
    tensor.stringData = lazy.strings;
  } else {
    tensor.producer = [lazy](llvm::raw_ostream &os) { return lazy.write(os); };
    tensor.producerSize = lazy.getBytes();
  }
  std::string wanted = lazy.name.empty() ? getBaseName(op) : lazy.name;
  if (auto weight = dyn_cast_or_null<WeightOp>(lazy.weight)) {
    if (lazy.name.empty())
      wanted = model.freeWeightNames.contains(weight) ? model.weightNames.lookup(weight).str()
                                                      : getWeightName(weight).str();
    if (auto doc = weight->getAttrOfType<StringAttr>("compress.doc_string"))
      tensor.docString = doc;
    tensor.metadataProps = model.makeEntries(weight->getAttrOfType<ArrayAttr>("compress.metadata"));
  }
  StringRef name = addConstantTensor(op, wanted, std::move(tensor), lazy.weight);
  home.tensors[lazy.key] = name;
  if (!lazy.pattern.empty() && !home.parent && !home.isFunction)
    model.sparsity.emplace_back(save("compress.sparsity." + name),
                                lazy.pattern == "bitmap"
                                    ? save(lazy.pattern)
                                    : save(lazy.pattern + " axis=" + Twine(lazy.patternAxis)));
  return name;
}

StringRef GraphExporter::addInts(Operation *op, StringRef what, ArrayRef<int64_t> values) {
  TensorProto tensor;
  tensor.dims = {static_cast<int64_t>(values.size())};
  tensor.dataType = ET_Int64;
  tensor.rawData = save(
      StringRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int64_t)));
  return addConstantTensor(op, getBaseName(op) + "/" + what.str(), std::move(tensor), nullptr);
}

static StringRef addNumber(GraphExporter &graph, Operation *op, StringRef what,
                           llvm::function_ref<reference::Tensor()> make) {
  reference::Tensor number = make();
  llvm::Expected<SmallVector<char, 0>> bytes = number.toPacked();
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return "";
  }
  LazyTensor tensor;
  tensor.type = number.getType();
  tensor.name = getBaseName(op) + "/" + what.str();
  tensor.key = "number " + compress::getName(number.getType()).str() + " " +
               std::string(bytes->data(), bytes->size());
  tensor.read = [held = HeldBytes::own(std::move(*bytes))]() -> FailureOr<HeldBytes> {
    return held;
  };
  return graph.addTensor(op, tensor);
}

StringRef GraphExporter::addScalarInt(Operation *op, StringRef what, DataType type, int64_t value) {
  return addNumber(*this, op, what, [&] { return reference::Tensor::scalarInt(type, value); });
}

StringRef GraphExporter::addScalarFloat(Operation *op, StringRef what, DataType type,
                                        double value) {
  return addNumber(*this, op, what, [&] { return reference::Tensor::scalar(type, value); });
}

StringRef GraphExporter::addZeros(Operation *op, StringRef what, DataType type,
                                  ArrayRef<int64_t> dims) {
  LazyTensor tensor;
  tensor.type = type;
  tensor.dims.assign(dims.begin(), dims.end());
  tensor.name = getBaseName(op) + "/" + what.str();
  tensor.key = "zeros " + compress::getName(type).str() + reference::shapeToString(dims);
  tensor.read = [size = tensor.getBytes()]() -> FailureOr<HeldBytes> {
    return HeldBytes::own(SmallVector<char, 0>(size));
  };
  return addTensor(op, tensor);
}

//===----------------------------------------------------------------------===//
// Opaque nodes
//===----------------------------------------------------------------------===//

std::optional<AttributeProto> GraphExporter::exportAttribute(Operation *op, NamedAttribute named) {
  StringRef name = named.getName();
  Attribute value = named.getValue();
  if (auto raw = dyn_cast<OnnxRawAttr>(value))
    return AttributeProto::fromRaw(raw.getBytes());
  if (auto number = dyn_cast<FloatAttr>(value))
    return floatAttribute(name, static_cast<float>(number.getValueAsDouble()));
  if (auto number = dyn_cast<IntegerAttr>(value))
    return intAttribute(name, number.getValue().getSExtValue());
  if (auto text = dyn_cast<StringAttr>(value))
    return stringAttribute(name, text);
  if (auto numbers = dyn_cast<DenseI64ArrayAttr>(value))
    return intsAttribute(name, numbers);
  if (auto numbers = dyn_cast<DenseF32ArrayAttr>(value)) {
    AttributeProto attribute = makeAttribute(name, AT_Floats);
    attribute.floats.assign(numbers.asArrayRef().begin(), numbers.asArrayRef().end());
    return attribute;
  }
  if (auto texts = dyn_cast<ArrayAttr>(value)) {
    AttributeProto attribute = makeAttribute(name, AT_Strings);
    for (Attribute text : texts) {
      if (!isa<StringAttr>(text))
        return std::nullopt;
      attribute.strings.push_back(cast<StringAttr>(text));
    }
    return attribute;
  }
  auto typed = dyn_cast<TypedAttr>(value);
  auto type = typed ? dyn_cast<RankedTensorType>(typed.getType()) : RankedTensorType();
  if (!type)
    return std::nullopt;
  std::optional<LazyTensor> lazy = model.weights.getAttribute(value, type, op->getLoc());
  if (!lazy || getOnnxId(lazy->type) == 0)
    return std::nullopt;
  AttributeProto attribute = makeAttribute(name, AT_Tensor);
  TensorProto &tensor = attribute.t.getOrCreate();
  if (auto names = op->getAttrOfType<DictionaryAttr>("compress.tensor_names"))
    if (auto tensorName = names.getAs<StringAttr>(name))
      tensor.name = tensorName;
  tensor.dims.assign(lazy->dims.begin(), lazy->dims.end());
  tensor.dataType = getOnnxId(lazy->type);
  if (lazy->type == DataType::String) {
    tensor.stringData = lazy->strings;
    return attribute;
  }
  tensor.producer = [lazy = *lazy](llvm::raw_ostream &os) { return lazy.write(os); };
  tensor.producerSize = lazy->getBytes();
  return attribute;
}

NameList GraphExporter::chooseOutputNames(ArrayRef<StringAttr> wanted) {
  NameList outputs;
  llvm::StringMap<Value> seen;
  for (auto [index, pair] :
       llvm::enumerate(llvm::zip_equal(wanted, block->getTerminator()->getOperands()))) {
    auto [name, value] = pair;
    if (!name || name.empty()) {
      outputs.push_back(makeName("output_" + Twine(index)));
      continue;
    }
    auto load = value.getDefiningOp<LoadOp>();
    WeightOp weight = load ? model.weights.lookup(load) : WeightOp();
    bool isWeight = weight && getWeightName(weight) == name.getValue() &&
                    (!parent || model.bodyWeights.lookup(weight) == block->getParent());
    bool isSame = isWeight || model.names.lookup(value) == name.getValue() ||
                  seen.lookup(name.getValue()) == value;
    outputs.push_back(isSame ? save(name.getValue()) : keepName(name));
    seen.try_emplace(outputs.back(), value);
  }
  return outputs;
}

GraphProto GraphExporter::exportBody(OnnxOp node, unsigned index) {
  Region &region = node.getBodies()[index];
  auto bodyName = cast<ArrayAttr>((*node.getBodyNames())[index]);
  Block &body = region.front();
  GraphExporter inner(model, this, &body, isFunction);
  inner.graph.name = cast<StringAttr>(bodyName[1]);
  if (auto info = bodyName.size() > 2 ? cast<DictionaryAttr>(bodyName[2]) : DictionaryAttr()) {
    if (auto text = info.getAs<StringAttr>("doc_string"))
      inner.graph.docString = text;
    inner.graph.metadataProps = model.makeEntries(info.getAs<ArrayAttr>("metadata"));
  }
  inner.graph.quantizationAnnotation =
      model.makeAnnotations(getBodyInfo(node, index, "quantization_annotation"));

  // What was recorded about values holds as long as there are as many.
  auto getRecorded = [](ArrayAttr list, size_t position, size_t size) {
    return list.size() == size ? cast<DictionaryAttr>(list[position]) : DictionaryAttr();
  };
  ArrayAttr inputs = getBodyInfo(node, index, "inputs");
  for (auto [i, argument] : llvm::enumerate(body.getArguments())) {
    DictionaryAttr attrs = getRecorded(inputs, i, body.getNumArguments());
    auto recorded = attrs ? attrs.getAs<StringAttr>("compress.name") : StringAttr();
    StringRef wanted = recorded ? recorded.getValue() : ::getNodeNames(argument.getLoc()).output;
    StringRef name = wanted.empty() ? inner.makeName("input") : inner.keepName(wanted);
    setName(argument, name);
    inner.graph.input.push_back(
        model.makeBodyValueInfo(attrs, argument.getType(), /*isResult=*/false, name));
  }

  ArrayAttr outputs = getBodyInfo(node, index, "outputs");
  OperandRange results = body.getTerminator()->getOperands();
  NameList outputNames;
  if (!outputs.empty() && outputs.size() == results.size()) {
    SmallVector<StringAttr> wanted;
    for (DictionaryAttr attrs : outputs.getAsRange<DictionaryAttr>())
      wanted.push_back(attrs.getAs<StringAttr>("compress.name"));
    outputNames = inner.chooseOutputNames(wanted);
  }
  inner.prepareWeights(getBodyInfo(node, index, "initializers"));
  if (failed(inner.exportBlock(outputNames)))
    model.hasFailed = true;
  for (auto [i, name] : llvm::enumerate(inner.outputNames))
    inner.graph.output.push_back(model.makeBodyValueInfo(
        getRecorded(outputs, i, results.size()), results[i].getType(), /*isResult=*/true, name));
  inner.sortInitializers();
  return std::move(inner.graph);
}

/// Gives names to the weights of a body, and writes those that no op uses.
void GraphExporter::prepareWeights(ArrayAttr symbols) {
  for (StringAttr symbol : symbols.getAsRange<StringAttr>()) {
    WeightOp weight = model.weights.lookup(symbol);
    if (!weight || model.bodyWeights.lookup(weight) != block->getParent() ||
        model.weightNames.contains(weight))
      continue;
    model.weightNames[weight] = keepName(getWeightName(weight));
    model.freeWeightNames.insert(weight);
    if (model.isPlainImport && model.weightUses.lookup(weight) == 0)
      model.writeUnused(*this, weight);
  }
}

LogicalResult GraphExporter::exportOnnxNode(OnnxOp op) {
  NodeProto node;
  NameList inputs = getNames(op.getInputs());
  node.input.assign(inputs.begin(), inputs.end());
  node.name = op.getNodeName();
  node.opType = op.getOpType();
  node.domain = op.getDomain();
  node.overload = op.getOverload();
  node.docString = op.getDocString();
  node.metadataProps = model.makeEntries(op.getMetadataAttr());
  if (auto devices = op->getAttrOfType<ArrayAttr>("compress.device_configurations"))
    for (Attribute device : devices)
      if (auto raw = dyn_cast<OnnxRawAttr>(device))
        node.deviceConfigurations.push_back(raw.getBytes());
  // What was an attribute in the node's opset may be an input in the written one.
  bool isMoved = op.isDefaultDomain() && !model.isPlainImport && !getRoot().keepsOpset;
  StringRef moved =
      isMoved ? getMovedAttribute(node.opType, op.getVersion(), getOpset()) : StringRef();
  if (DictionaryAttr attributes = op.getOnnxAttributesAttr())
    for (NamedAttribute named : attributes) {
      auto values = dyn_cast<DenseI64ArrayAttr>(named.getValue());
      if (named.getName() == moved && values && node.input.size() == 1) {
        node.input.push_back(addInts(op, moved, values));
        continue;
      }
      std::optional<AttributeProto> attribute = exportAttribute(op, named);
      if (!attribute)
        return op.emitError("attribute '") << named.getName().getValue() << "' of ONNX node '"
                                           << op.getNodeName() << "' cannot be written";
      node.attribute.push_back(std::move(*attribute));
    }
  bool hasSizes = node.input.size() > 1 && !node.input[1].empty();
  if (isMoved && node.opType == "Split" && !hasSizes && op.getVersion() < 18 && getOpset() >= 18)
    node.attribute.push_back(intAttribute("num_outputs", op.getNumResults()));
  for (unsigned i = 0, e = op.getBodies().size(); i < e; ++i) {
    auto names = cast<ArrayAttr>((*op.getBodyNames())[i]);
    StringRef attributeName = cast<StringAttr>(names[0]);
    GraphProto body = exportBody(op, i);
    if (names.size() < 3 || !cast<DictionaryAttr>(names[2]).contains("list")) {
      node.attribute.push_back(makeAttribute(attributeName, AT_Graph));
      node.attribute.back().g = std::move(body);
      continue;
    }
    // One of several graphs of an attribute.
    if (node.attribute.empty() || node.attribute.back().type != AT_Graphs ||
        node.attribute.back().name != attributeName)
      node.attribute.push_back(makeAttribute(attributeName, AT_Graphs));
    node.attribute.back().graphs.push_back(std::move(body));
  }
  // Results last: names in the bodies may be those of later values.
  for (OpResult result : op->getResults())
    node.output.push_back(nameResult(result));
  graph.node.push_back(std::move(node));
  return success();
}

LogicalResult GraphExporter::exportOp(Operation *op) {
  if (auto node = dyn_cast<OnnxOp>(op))
    return exportOnnxNode(node);
  if (auto observe = dyn_cast<ObserveOp>(op)) {
    observe.emitWarning("compress.observe is left out: ONNX has no observers");
    return success();
  }
  ExportRegistry::Function function = model.registry.lookup(op->getName().getStringRef());
  if (!function)
    return op->emitOpError("has no ONNX form");
  return function(op, *this);
}

LogicalResult GraphExporter::exportBlock(ArrayRef<StringRef> wanted) {
  Operation *terminator = block->getTerminator();
  // What the terminator returns gets its name where it is computed.
  for (auto [name, value] : llvm::zip(wanted, terminator->getOperands())) {
    Operation *op = value.getDefiningOp();
    if (op && op->getBlock() == block && !isWrittenOnUse(op) && !model.names.contains(value))
      setName(value, name);
    usedNames.insert(name);
  }
  for (Operation &op : block->without_terminator()) {
    if (isWrittenOnUse(&op))
      continue;
    if (failed(exportOp(&op)) || model.hasFailed)
      return failure();
  }

  llvm::StringSet<> seen;
  for (auto [index, value] : llvm::enumerate(terminator->getOperands())) {
    StringRef name = getName(value);
    // Shape inference takes the missing type of an output for the type of the argument that it is.
    bool isOwn = value.getParentBlock() == block &&
                 (value.getDefiningOp() ? !isWrittenOnUse(value.getDefiningOp())
                                        : !isa<OnnxValueType>(value.getType()));
    bool isDirect = wanted.empty() ? isOwn && seen.insert(name).second : name == wanted[index];
    if (!isDirect) {
      StringRef copy = wanted.empty() ? makeName(name + "/output") : wanted[index];
      appendNode(terminator, "", "Identity", {name}, {copy});
      name = copy;
    }
    outputNames.push_back(name);
  }
  return failure(model.hasFailed);
}
