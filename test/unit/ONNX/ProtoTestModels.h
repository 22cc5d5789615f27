//===- ProtoTestModels.h - small models for the wire tests -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ONNX_PROTOTESTMODELS_H
#define COMPRESS_TEST_UNIT_ONNX_PROTOTESTMODELS_H

#include "compress/Target/ONNX/ProtoReader.h"
#include "compress/Target/ONNX/ProtoWriter.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::compress::onnx::test {

/// The text of an error, "" for success.
inline std::string text(llvm::Error error) { return llvm::toString(std::move(error)); }

/// The model as bytes of a file; "" if it cannot be written.
inline std::string serialize(const ModelProto &model) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (llvm::Error error = writeModel(model, os)) {
    llvm::consumeError(std::move(error));
    return "";
  }
  return bytes;
}

inline ValueInfoProto makeValue(StringRef name, int32_t elemType, std::vector<int64_t> shape) {
  TypeProto type;
  type.kind = TypeProto::Kind::Tensor;
  type.elemType = elemType;
  type.shape.emplace();
  for (int64_t size : shape) {
    Dimension dim;
    dim.kind = Dimension::Kind::Value;
    dim.value = size;
    type.shape->dims.push_back(dim);
  }
  ValueInfoProto value;
  value.name = name;
  value.type = type;
  return value;
}

inline TensorProto makeTensor(StringRef name, int32_t dataType, std::vector<int64_t> dims,
                              StringRef raw) {
  TensorProto tensor;
  tensor.name = name;
  tensor.dataType = dataType;
  tensor.dims = std::move(dims);
  tensor.rawData = raw;
  return tensor;
}

inline NodeProto makeNode(StringRef op, std::vector<StringRef> inputs,
                          std::vector<StringRef> outputs) {
  NodeProto node;
  node.opType = op;
  node.name = outputs.front();
  node.input = std::move(inputs);
  node.output = std::move(outputs);
  return node;
}

inline AttributeProto makeInts(StringRef name, std::vector<int64_t> values) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = AT_Ints;
  attribute.ints = std::move(values);
  return attribute;
}

inline AttributeProto makeFloat(StringRef name, float value) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = AT_Float;
  attribute.f = value;
  return attribute;
}

inline AttributeProto makeGraph(StringRef name, GraphProto graph) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = AT_Graph;
  attribute.g = std::move(graph);
  return attribute;
}

/// One node `op` that computes `output` from the outer value "y".
inline GraphProto makeBranch(NodeProto node) {
  GraphProto graph;
  graph.name = "branch";
  graph.output.push_back(makeValue(node.output[0], ET_Float, {1, 3}));
  graph.node.push_back(std::move(node));
  return graph;
}

/// local::Scale(a) {factor = 1} = a * factor.
inline FunctionProto makeScaleFunction() {
  FunctionProto function;
  function.name = "Scale";
  function.domain = "local";
  function.input = {"a"};
  function.output = {"b"};
  function.attributeProto.push_back(makeFloat("factor", 1.0f));
  function.opsetImport = {{"", 21}};
  NodeProto constant = makeNode("Constant", {}, {"c"});
  AttributeProto reference;
  reference.name = "value_float";
  reference.type = AT_Float;
  reference.refAttrName = "factor";
  constant.attribute.push_back(std::move(reference));
  function.node.push_back(std::move(constant));
  function.node.push_back(makeNode("Mul", {"a", "c"}, {"b"}));
  return function;
}

/// A valid model with one of everything: convolution, int4 weight behind
/// DequantizeLinear, Gemm with an external bias (12 bytes at offset 4 of
/// "bias.bin"), If with a subgraph and a local function, a sequence as output,
/// typed and raw data, metadata. IR 10, opset 21.
inline ModelProto makeModel() {
  static const char zeros[72] = {};
  static const char codes[] = "\xe1\x03\x21\x43\x65\x87\xa9\xcb\xed\x0f\x10\x32";
  static const char half[] = {0, 0, 0, 0x3f};

  GraphProto graph;
  graph.name = "main";
  graph.input = {makeValue("x", ET_Float, {1, 1, 4, 4}), makeValue("cond", ET_Bool, {})};
  graph.input[0].type->shape->dims[0].kind = Dimension::Kind::Param;
  graph.input[0].type->shape->dims[0].param = "batch";
  graph.initializer = {makeTensor("w", ET_Float, {2, 1, 3, 3}, StringRef(zeros, 72)),
                       makeTensor("q", ET_Int4, {8, 3}, StringRef(codes, 12)),
                       makeTensor("s", ET_Float, {}, StringRef()),
                       makeTensor("bias", ET_Float, {3}, StringRef())};
  graph.initializer[2].typedData = {{4, /*packed=*/true, StringRef(half, 4)}};
  graph.initializer[3].dataLocation = 1;
  graph.initializer[3].externalData = {{"location", "bias.bin"}, {"offset", "4"}, {"length", "12"}};

  NodeProto conv = makeNode("Conv", {"x", "w"}, {"conv"});
  conv.attribute.push_back(makeInts("kernel_shape", {3, 3}));
  conv.metadataProps = {{"origin", "test"}};
  NodeProto scale = makeNode("Scale", {"y"}, {"scaled"});
  scale.domain = "local";
  scale.attribute.push_back(makeFloat("factor", 2.0f));
  NodeProto branch = makeNode("If", {"cond"}, {"r"});
  branch.attribute.push_back(
      makeGraph("then_branch", makeBranch(makeNode("Relu", {"y"}, {"relu"}))));
  branch.attribute.push_back(makeGraph("else_branch", makeBranch(std::move(scale))));
  graph.node = {std::move(conv),
                makeNode("Flatten", {"conv"}, {"flat"}),
                makeNode("DequantizeLinear", {"q", "s"}, {"dq"}),
                makeNode("Gemm", {"flat", "dq", "bias"}, {"y"}),
                std::move(branch),
                makeNode("SequenceConstruct", {"r", "y"}, {"seq"})};

  TypeProto sequence;
  sequence.kind = TypeProto::Kind::Sequence;
  sequence.element = *makeValue("", ET_Float, {1, 3}).type;
  ValueInfoProto output;
  output.name = "seq";
  output.type = sequence;
  graph.output = {makeValue("r", ET_Float, {1, 3}), output};

  ModelProto model;
  model.irVersion = 10;
  model.producerName = "compress-test";
  model.opsetImport = {{"", 21}, {"local", 1}};
  model.metadataProps = {{"key", "value"}};
  model.functions.push_back(makeScaleFunction());
  model.graph = std::move(graph);
  return model;
}

} // namespace mlir::compress::onnx::test

#endif // COMPRESS_TEST_UNIT_ONNX_PROTOTESTMODELS_H
