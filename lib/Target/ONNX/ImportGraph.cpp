//===- ImportGraph.cpp - ONNX graphs and nodes ------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ImportImpl.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

Location Importer::getLocation(const NodeProto &node) {
  StringRef output;
  for (StringRef name : node.output)
    if (output.empty())
      output = name;
  Location location = fileLocation;
  if (!output.empty())
    location = NameLoc::get(builder.getStringAttr(output));
  if (!node.name.empty())
    location = NameLoc::get(builder.getStringAttr(node.name),
                            output.empty() ? Location(UnknownLoc::get(context)) : location);
  return location;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value Importer::lookup(StringRef name, ImportScope &scope, OpBuilder &at) {
  if (name.empty()) {
    if (!scope.none) {
      OpBuilder::InsertionGuard guard(at);
      at.setInsertionPointToStart(at.getInsertionBlock());
      scope.none = NoneOp::create(at, fileLocation, NoneType::get(context));
    }
    return scope.none;
  }
  for (const ImportScope *s = &scope; s; s = s->parent) {
    if (auto value = s->values.find(name); value != s->values.end())
      return value->second;
    auto weight = s->weights.find(name);
    if (weight == s->weights.end())
      continue;
    WeightOp op = weight->second;
    Value &load = scope.loads[op];
    if (!load)
      load = LoadOp::create(at, NameLoc::get(builder.getStringAttr(name)), op.getTensorType(),
                            op.getSymName());
    return load;
  }
  emitError() << "value " << quoteName(name) << " is used but not defined before";
  return {};
}

LogicalResult Importer::importInitializers(const GraphProto &graph, ImportScope &scope,
                                           OpBuilder &at, SmallVectorImpl<Attribute> &made) {
  auto add = [&](const TensorProto &tensor, RankedTensorType type, Attribute value) {
    std::string symbol = makeSymbol(tensor.name);
    Location location =
        tensor.name.empty() ? fileLocation : NameLoc::get(builder.getStringAttr(tensor.name));
    auto weight = WeightOp::create(*weightBuilder, location, builder.getStringAttr(symbol),
                                   builder.getStringAttr("private"), TypeAttr::get(type), value);
    if (symbol != tensor.name)
      weight->setAttr("compress.onnx_name", builder.getStringAttr(tensor.name));
    if (!tensor.docString.empty())
      weight->setAttr("compress.doc_string", builder.getStringAttr(tensor.docString));
    if (ArrayAttr metadata = importEntries(tensor.metadataProps, builder))
      weight->setAttr("compress.metadata", metadata);
    scope.weights[tensor.name] = weight;
    made.push_back(weight.getSymNameAttr());
  };
  for (const TensorProto &tensor : graph.initializer) {
    RankedTensorType type;
    FailureOr<Attribute> value = importTensor(tensor, type);
    if (failed(value))
      return failure();
    add(tensor, type, *value);
  }
  for (const SparseTensorProto &sparse : graph.sparseInitializer) {
    if (!sparse.values)
      return emitError() << "a sparse initializer has no values";
    RankedTensorType type;
    FailureOr<Attribute> value = importSparseTensor(sparse, type);
    if (failed(value))
      return failure();
    add(*sparse.values, type, *value);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// The kind of an attribute; IR version 1 need not say it.
static int32_t getKind(const AttributeProto &attribute) {
  if (attribute.type && *attribute.type != AT_Undefined)
    return *attribute.type;
  if (attribute.f)
    return AT_Float;
  if (attribute.i)
    return AT_Int;
  if (isPresent(attribute.s))
    return AT_String;
  if (attribute.t)
    return AT_Tensor;
  if (attribute.g)
    return AT_Graph;
  if (!attribute.floats.empty())
    return AT_Floats;
  if (!attribute.ints.empty())
    return AT_Ints;
  if (!attribute.strings.empty())
    return AT_Strings;
  if (!attribute.graphs.empty())
    return AT_Graphs;
  return AT_Undefined;
}

FailureOr<Attribute> Importer::importAttribute(const AttributeProto &attribute,
                                               const NodeProto &node) {
  if (!attribute.refAttrName.empty())
    return Attribute(OnnxRawAttr::get(context, attribute.raw));
  switch (getKind(attribute)) {
  case AT_Float:
    return Attribute(builder.getF32FloatAttr(attribute.f.value_or(0.0f)));
  case AT_Int:
    return Attribute(builder.getI64IntegerAttr(attribute.i.value_or(0)));
  case AT_String:
    return Attribute(builder.getStringAttr(attribute.s));
  case AT_Tensor: {
    if (!attribute.t)
      return emitError() << "node " << quoteName(node.name) << ": attribute "
                         << quoteName(attribute.name) << " has no tensor";
    RankedTensorType type;
    return importTensor(*attribute.t, type);
  }
  case AT_Floats:
    return Attribute(builder.getDenseF32ArrayAttr(attribute.floats));
  case AT_Ints:
    return Attribute(builder.getDenseI64ArrayAttr(attribute.ints));
  case AT_Strings:
    return Attribute(builder.getStrArrayAttr(attribute.strings));
  default:
    return Attribute(OnnxRawAttr::get(context, attribute.raw));
  }
}

LogicalResult Importer::importNode(const NodeProto &node, ImportScope &scope, OpBuilder &at) {
  SmallVector<Value> operands;
  for (StringRef input : node.input) {
    Value value = lookup(input, scope, at);
    if (!value)
      return failure();
    operands.push_back(value);
  }

  NamedAttrList attributes, tensorNames;
  SmallVector<std::pair<const AttributeProto *, const GraphProto *>> bodies;
  for (const AttributeProto &attribute : node.attribute) {
    if (attribute.name.empty())
      return emitError() << "node " << quoteName(node.name) << " has an attribute without a name";
    int32_t kind = getKind(attribute);
    bool isReference = !attribute.refAttrName.empty();
    if (!isReference && kind == AT_Graphs && !attribute.graphs.empty()) {
      for (const GraphProto &graph : attribute.graphs)
        bodies.emplace_back(&attribute, &graph);
      continue;
    }
    if (!isReference && kind == AT_Graph) {
      if (!attribute.g)
        return emitError() << "node " << quoteName(node.name) << ": attribute "
                           << quoteName(attribute.name) << " has no graph";
      bodies.emplace_back(&attribute, attribute.g.get());
      continue;
    }
    FailureOr<Attribute> value = importAttribute(attribute, node);
    if (failed(value))
      return failure();
    attributes.set(attribute.name, *value);
    if (!isReference && kind == AT_Tensor && !attribute.t->name.empty())
      tensorNames.set(attribute.name, builder.getStringAttr(attribute.t->name));
  }

  StringRef domain = normalizeDomain(node.domain);
  SmallVector<Type> types(node.output.size(), OnnxValueType::get(context));
  auto op = OnnxOp::create(
      at, getLocation(node), types, builder.getStringAttr(node.opType),
      builder.getStringAttr(domain), builder.getI64IntegerAttr(scope.opsets->lookup(domain)),
      builder.getStringAttr(node.name), builder.getStringAttr(node.overload),
      builder.getStringAttr(node.docString),
      attributes.empty() ? DictionaryAttr() : attributes.getDictionary(context), ArrayAttr(),
      builder.getStrArrayAttr(node.output), importEntries(node.metadataProps, builder), operands,
      bodies.size());
  if (ArrayAttr devices = importRaw(node.deviceConfigurations, builder))
    op->setAttr("compress.device_configurations", devices);
  if (!tensorNames.empty())
    op->setAttr("compress.tensor_names", tensorNames.getDictionary(context));
  SmallVector<Attribute> bodyNames;
  for (auto [body, region] : llvm::zip_equal(bodies, op.getBodies())) {
    auto [attribute, graph] = body;
    FailureOr<DictionaryAttr> info = importBody(*graph, region, scope);
    if (failed(info))
      return failure();
    NamedAttrList entries(*info);
    if (graph != attribute->g.get())
      entries.set("list", builder.getUnitAttr());
    SmallVector<Attribute> parts{builder.getStringAttr(attribute->name),
                                 builder.getStringAttr(graph->name)};
    if (!entries.empty())
      parts.push_back(entries.getDictionary(context));
    bodyNames.push_back(builder.getArrayAttr(parts));
  }
  if (!bodyNames.empty())
    op.setBodyNamesAttr(builder.getArrayAttr(bodyNames));
  for (auto [name, result] : llvm::zip_equal(node.output, op.getOutputs()))
    if (!name.empty())
      scope.values[name] = result;
  return success();
}

LogicalResult Importer::importNodes(ArrayRef<NodeProto> nodes, ImportScope &scope, OpBuilder &at) {
  for (const NodeProto &node : nodes)
    if (failed(importNode(node, scope, at)))
      return failure();
  return success();
}

FailureOr<DictionaryAttr> Importer::importBody(const GraphProto &graph, Region &region,
                                               const ImportScope &outer) {
  Block &block = region.emplaceBlock();
  OpBuilder at = OpBuilder::atBlockEnd(&block);
  ImportScope scope;
  scope.parent = &outer;
  scope.opsets = outer.opsets;
  SmallVector<Attribute> weights, inputs, outputs;
  if (failed(importInitializers(graph, scope, at, weights)))
    return failure();
  for (const ValueInfoProto &input : graph.input) {
    if (scope.weights.contains(input.name))
      return emitError() << "input " << quoteName(input.name) << " of graph "
                         << quoteName(graph.name) << " is also an initializer";
    Location location =
        input.name.empty() ? fileLocation : NameLoc::get(builder.getStringAttr(input.name));
    ImportedType type = importType(input.type.get(), context, options.dims);
    scope.values[input.name] = block.addArgument(type.value, location);
    inputs.push_back(importValueAttributes(input, type, /*isResult=*/false));
  }
  if (failed(importNodes(graph.node, scope, at)))
    return failure();
  SmallVector<Value> results;
  for (const ValueInfoProto &output : graph.output) {
    Value value = lookup(output.name, scope, at);
    if (!value)
      return failure();
    results.push_back(value);
    ImportedType type = importType(output.type.get(), context, options.dims);
    outputs.push_back(importValueAttributes(output, type, /*isResult=*/true));
  }
  YieldOp::create(at, fileLocation, results);

  NamedAttrList info;
  auto addArray = [&](StringRef name, ArrayAttr value) {
    if (value && !value.empty())
      info.set(name, value);
  };
  addArray("inputs", builder.getArrayAttr(inputs));
  addArray("outputs", builder.getArrayAttr(outputs));
  addArray("initializers", builder.getArrayAttr(weights));
  addArray("metadata", importEntries(graph.metadataProps, builder));
  addArray("quantization_annotation", importAnnotations(graph.quantizationAnnotation, builder));
  if (!graph.docString.empty())
    info.set("doc_string", builder.getStringAttr(graph.docString));
  return info.getDictionary(context);
}
