//===- MutationModels.cpp - small models to be mutated ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MutationModels.h"
#include "ProtoTestModels.h"
#include <deque>

using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

using Shape = std::vector<int64_t>;
using Names = std::vector<StringRef>;

/// Builds a graph line by line; owns its texts and tensors.
class Builder {
public:
  explicit Builder(int64_t opset = 21, bool isBody = false) : isBody(isBody) {
    model.irVersion = opset < 10 ? 3 : 10;
    model.opsetImport = {{"", opset}, {"com.microsoft", 1}};
    graph.name = "g";
  }

  /// A negative size is a symbol.
  Builder &input(StringRef name, Shape shape, int32_t type = ET_Float) {
    graph.input.push_back(makeValue(name, type, shape));
    for (Dimension &dim : graph.input.back().type->shape->dims)
      if (dim.value < 0) {
        dim.kind = Dimension::Kind::Param;
        dim.param = dim.value == -1 ? "batch" : "length";
      }
    return *this;
  }
  Builder &output(StringRef name, Shape shape = {}, int32_t type = ET_Float) {
    graph.output.push_back(makeValue(name, type, shape));
    if (!isBody)
      graph.output.back().type->shape.reset();
    return *this;
  }
  Builder &floats(StringRef name, Shape shape) {
    std::vector<float> values(count(shape));
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>((i * 37 + shape.size()) % 17) / 8.0f - 0.9f;
    return raw(name, ET_Float, shape, values.data(), values.size() * sizeof(float));
  }
  Builder &ints(StringRef name, std::vector<int64_t> values, bool isScalar = false) {
    Shape shape;
    if (!isScalar)
      shape.push_back(static_cast<int64_t>(values.size()));
    return raw(name, ET_Int64, shape, values.data(), values.size() * sizeof(int64_t));
  }
  /// `size` bytes of codes.
  Builder &codes(StringRef name, int32_t type, Shape shape, size_t size) {
    std::string bytes(size, 0);
    for (size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<char>(i * 73 + 11);
    return raw(name, type, shape, bytes.data(), size);
  }
  Builder &node(StringRef op, Names inputs, Names outputs,
                std::vector<AttributeProto> attributes = {}, StringRef domain = {}) {
    graph.node.push_back(makeNode(op, std::move(inputs), std::move(outputs)));
    graph.node.back().attribute = std::move(attributes);
    graph.node.back().domain = domain;
    return *this;
  }
  std::string finish() {
    if (model.irVersion == 3)
      for (const TensorProto &tensor : graph.initializer)
        graph.input.push_back(makeValue(tensor.name, *tensor.dataType, tensor.dims));
    model.graph = std::move(graph);
    return serialize(model);
  }

  ModelProto model;
  GraphProto graph;
  std::deque<std::string> storage;

private:
  static size_t count(const Shape &shape) {
    size_t result = 1;
    for (int64_t size : shape)
      result *= static_cast<size_t>(size);
    return result;
  }
  Builder &raw(StringRef name, int32_t type, const Shape &shape, const void *data, size_t size) {
    storage.emplace_back(static_cast<const char *>(data), size);
    graph.initializer.push_back(makeTensor(name, type, shape, storage.back()));
    return *this;
  }
  bool isBody;
};

AttributeProto integer(StringRef name, int64_t value) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = AT_Int;
  attribute.i = value;
  return attribute;
}

AttributeProto string(StringRef name, StringRef value) {
  AttributeProto attribute;
  attribute.name = name;
  attribute.type = AT_String;
  attribute.s = value;
  return attribute;
}

AttributeProto real(StringRef name, float value) { return makeFloat(name, value); }

std::string makeConvNet() {
  return Builder()
      .input("x", {-1, 2, 8, 8})
      .floats("w", {4, 2, 3, 3})
      .floats("b", {4})
      .floats("scale", {4})
      .floats("var", {4})
      .floats("w2", {4, 1, 3, 3})
      .floats("w3", {4, 2, 2, 2})
      .node("Conv", {"x", "w", "b"}, {"c1"},
            {makeInts("pads", {1, 1, 1, 1}), makeInts("strides", {1, 1})})
      .node("BatchNormalization", {"c1", "scale", "b", "b", "var"}, {"n1"}, {real("epsilon", 3.0f)})
      .node("Relu", {"n1"}, {"r1"})
      .node("MaxPool", {"r1"}, {"p1"},
            {makeInts("kernel_shape", {2, 2}), makeInts("strides", {2, 2})})
      .node("Conv", {"p1", "w2"}, {"c2"}, {integer("group", 4), string("auto_pad", "SAME_UPPER")})
      .node("AveragePool", {"c2"}, {"p2"},
            {makeInts("kernel_shape", {3, 3}), makeInts("pads", {1, 1, 1, 1}),
             integer("ceil_mode", 1), integer("count_include_pad", 1)})
      .node("ConvTranspose", {"p2", "w3"}, {"t"},
            {makeInts("strides", {2, 2}), makeInts("output_padding", {1, 0})})
      .node("GlobalAveragePool", {"t"}, {"gap"})
      .node("GlobalMaxPool", {"t"}, {"gmp"})
      .node("Concat", {"gap", "gmp"}, {"cat"}, {integer("axis", 1)})
      .node("Flatten", {"cat"}, {"flat"})
      .floats("fcb", {5})
      .node("Gemm", {"flat", "w4", "fcb"}, {"y"}, {real("alpha", 1.0f), integer("transB", 1)})
      .floats("w4", {5, 4})
      .output("y")
      .finish();
}

std::string makeTransformer() {
  return Builder()
      .input("ids", {-1, -2}, ET_Int64)
      .floats("table", {12, 8})
      .floats("g", {8})
      .floats("w", {8, 16})
      .floats("w2", {16, 8})
      .ints("heads", {0, 0, 2, 4})
      .ints("merge", {0, 0, 8})
      .node("Gather", {"table", "ids"}, {"x"})
      .node("LayerNormalization", {"x", "g", "g"}, {"n"}, {integer("axis", -1)})
      .node("MatMul", {"n", "w"}, {"u"})
      .node("Gelu", {"u"}, {"gelu"}, {string("approximate", "tanh")})
      .node("MatMul", {"gelu", "w2"}, {"d"})
      .node("Add", {"x", "d"}, {"h"})
      .node("Reshape", {"h", "heads"}, {"q"})
      .node("Transpose", {"q"}, {"qt"}, {makeInts("perm", {0, 2, 1, 3})})
      .node("Transpose", {"q"}, {"kt"}, {makeInts("perm", {0, 2, 3, 1})})
      .node("MatMul", {"qt", "kt"}, {"s"})
      .node("Softmax", {"s"}, {"p"}, {integer("axis", -1)})
      .node("MatMul", {"p", "qt"}, {"a"})
      .node("Transpose", {"a"}, {"at"}, {makeInts("perm", {0, 2, 1, 3})})
      .node("Reshape", {"at", "merge"}, {"m"})
      .node("Transpose", {"table"}, {"head"}, {makeInts("perm", {1, 0})})
      .node("MatMul", {"m", "head"}, {"logits"})
      .node("LogSoftmax", {"logits"}, {"y"})
      .output("y")
      .finish();
}

std::string makeControlFlow() {
  Builder then(21, true), other(21, true), body(21, true), main;
  then.floats("tw", {4, 4}).node("MatMul", {"x", "tw"}, {"t"}).output("t", {2, 4});
  other.floats("ow", {4, 4})
      .node("MatMul", {"x", "ow"}, {"o1"})
      .node("Relu", {"o1"}, {"o"})
      .output("o", {2, 4});
  body.input("i", {}, ET_Int64)
      .input("c", {}, ET_Bool)
      .input("state", {2, 4})
      .floats("lw", {4, 4})
      .node("MatMul", {"state", "lw"}, {"next"})
      .node("Add", {"next", "x"}, {"sum"})
      .node("Identity", {"c"}, {"again"})
      .output("again", {}, ET_Bool)
      .output("sum", {2, 4})
      .output("next", {2, 4});
  Builder then2(21, true), other2(21, true);
  then2.node("Neg", {"r"}, {"n"}).output("n", {2, 4});
  other2.node("Abs", {"r"}, {"m"}).output("m", {2, 4});
  main.input("x", {2, 4})
      .input("cond", {}, ET_Bool)
      .codes("yes", ET_Bool, {}, 1)
      .ints("trips", {3}, true)
      .node("If", {"cond"}, {"r"},
            {makeGraph("then_branch", then.graph), makeGraph("else_branch", other.graph)})
      .node("If", {"yes"}, {"k"},
            {makeGraph("then_branch", then2.graph), makeGraph("else_branch", other2.graph)})
      .node("Loop", {"trips", "yes", "k"}, {"last", "all"}, {makeGraph("body", body.graph)})
      .output("last")
      .output("all");
  return main.finish();
}

std::string makeFunctions() {
  Builder main;
  main.input("x", {2, 4}).floats("w", {4, 4});
  main.model.opsetImport.push_back({"local", 1});
  FunctionProto twice;
  twice.name = "Twice";
  twice.domain = "local";
  twice.input = {"v", "m"};
  twice.output = {"z"};
  twice.opsetImport = {{"", 21}, {"local", 1}};
  NodeProto first = makeNode("Scale", {"v"}, {"s"}), second = makeNode("Scale", {"s"}, {"t"});
  first.domain = second.domain = "local";
  second.attribute.push_back(real("factor", 3.0f));
  twice.node = {first, second, makeNode("MatMul", {"t", "m"}, {"z"})};
  main.model.functions = {makeScaleFunction(), twice};
  return main.node("Twice", {"x", "w"}, {"a"}, {}, "local")
      .node("Twice", {"a", "w"}, {"b"}, {}, "local")
      .node("Scale", {"b"}, {"y"}, {real("factor", 0.5f)}, "local")
      .output("y")
      .finish();
}

std::string makeShapeArithmetic() {
  return Builder()
      .input("x", {-1, -2, 8})
      .ints("zero", {0}, true)
      .ints("one", {1}, true)
      .ints("axis0", {0})
      .ints("rest", {2, 4})
      .ints("two", {2})
      .node("Shape", {"x"}, {"s"}, {integer("start", 0), integer("end", 2)})
      .node("Shape", {"x"}, {"full"})
      .node("Gather", {"full", "zero"}, {"n"})
      .node("Gather", {"full", "one"}, {"l"})
      .node("Unsqueeze", {"n", "axis0"}, {"n1"})
      .node("Concat", {"n1", "negative", "rest"}, {"target"}, {integer("axis", 0)})
      .ints("negative", {-1})
      .node("Reshape", {"x", "target"}, {"r"})
      .node("Mul", {"s", "two"}, {"twice"})
      .node("Div", {"twice", "two"}, {"once"})
      .node("Equal", {"once", "s"}, {"same"})
      .node("Where", {"same", "s", "twice"}, {"w"})
      .node("ConstantOfShape", {"w"}, {"filled"})
      .node("Expand", {"filled", "w"}, {"wide"})
      .node("Range", {"zero", "l", "one"}, {"positions"})
      .node("Cast", {"positions"}, {"p"}, {integer("to", ET_Float)})
      .node("Add", {"wide", "p"}, {"q"})
      .node("Slice", {"full", "axis0", "two"}, {"front"})
      .node("ReduceProd", {"front"}, {"prod"}, {integer("keepdims", 0)})
      .node("Sub", {"prod", "one"}, {"less"})
      .node("Max", {"less", "zero"}, {"m"})
      .node("Split", {"full"}, {"a", "b", "c"}, {integer("num_outputs", 3), integer("axis", 0)})
      .node("Squeeze", {"c", "axis0"}, {"c0"})
      .node("Size", {"x"}, {"size"})
      .output("r")
      .output("q")
      .output("m", {}, ET_Int64)
      .output("c0", {}, ET_Int64)
      .output("size", {}, ET_Int64)
      .finish();
}

std::string makeQuantized() {
  return Builder()
      .input("x", {3, 16})
      .codes("q4", ET_Int4, {16, 8}, 64)
      .floats("s4", {4, 8})
      .codes("q8", ET_Int8, {8, 16}, 128)
      .floats("s8", {16})
      .codes("z8", ET_Int8, {16}, 16)
      .floats("s", {})
      .codes("z", ET_UInt8, {}, 1)
      .codes("qi", ET_UInt8, {8, 8}, 64)
      .codes("nb", ET_UInt8, {8, 1, 8}, 64)
      .floats("ns", {8})
      .codes("nz", ET_UInt8, {8}, 8)
      .node("QuantizeLinear", {"x", "s", "z"}, {"xq"})
      .node("DequantizeLinear", {"xq", "s", "z"}, {"xd"})
      .node("DequantizeLinear", {"q4", "s4"}, {"w4"},
            {integer("block_size", 4), integer("axis", 0)})
      .node("MatMul", {"xd", "w4"}, {"h"})
      .node("DequantizeLinear", {"q8", "s8", "z8"}, {"w8"}, {integer("axis", 1)})
      .node("Gemm", {"h", "w8"}, {"g"})
      .node("MatMulNBits", {"g", "nb", "ns", "nz"}, {"m"},
            {integer("K", 16), integer("N", 8), integer("bits", 4), integer("block_size", 16)},
            "com.microsoft")
      .node("DynamicQuantizeLinear", {"m"}, {"dq", "ds", "dz"})
      .node("MatMulInteger", {"dq", "qi", "dz"}, {"acc"})
      .node("Cast", {"acc"}, {"af"}, {integer("to", ET_Float)})
      .node("Mul", {"af", "ds"}, {"y"})
      .node("DynamicQuantizeMatMul", {"m", "qi", "s", "z"}, {"y2"}, {}, "com.microsoft")
      .output("y")
      .output("y2")
      .finish();
}

std::string makeMovement() {
  return Builder()
      .input("x", {2, 6, 5})
      .floats("v", {})
      .floats("k", {6, 5})
      .ints("starts", {1, -4})
      .ints("ends", {5, 1000})
      .ints("axes", {1, 2})
      .ints("steps", {1, 2})
      .ints("pads", {0, 1, 0, 0, 2, 3})
      .ints("shape", {2, -1, 0})
      .ints("repeats", {1, 2, 1})
      .ints("parts", {2, 3, 1})
      .ints("expanded", {2, 7, 5})
      .ints("at", {0, 2, -1})
      .ints("count", {2})
      .ints("axis1", {1})
      .floats("scales", {4})
      .node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"a"})
      .node("Pad", {"a", "pads", "v"}, {"b"}, {string("mode", "constant")})
      .node("Reshape", {"x", "shape"}, {"r"})
      .node("Tile", {"x", "repeats"}, {"t"})
      .node("Split", {"x", "parts"}, {"s1", "s2", "s3"}, {integer("axis", 1)})
      .node("Unsqueeze", {"s2", "axis1"}, {"u"})
      .node("Squeeze", {"u", "axis1"}, {"sq"})
      .node("ReduceMean", {"sq", "axis1"}, {"m"}, {integer("keepdims", 1)})
      .node("Expand", {"m", "expanded"}, {"e"})
      .node("Gather", {"e", "at"}, {"g"}, {integer("axis", 2)})
      .node("TopK", {"g", "count"}, {"top", "where"}, {integer("axis", 1)})
      .node("ArgMax", {"g"}, {"best"}, {integer("axis", 1), integer("keepdims", 0)})
      .node("GatherElements", {"g", "where"}, {"ge"}, {integer("axis", 1)})
      .node("ScatterElements", {"g", "where", "top"}, {"se"},
            {integer("axis", 1), string("reduction", "add")})
      .node("CumSum", {"se", "one"}, {"cs"})
      .node("Unsqueeze", {"cs", "axis1"}, {"image"})
      .node("Resize", {"image", "", "scales"}, {"big"}, {string("mode", "nearest")})
      .node("Trilu", {"k"}, {"tri"})
      .output("b")
      .output("r")
      .output("big")
      .output("best", {}, ET_Int64)
      .output("ge")
      .output("tri")
      .ints("one", {1}, true)
      .finish();
}

/// Everything is known, so constant folding computes it.
std::string makeConstants() {
  return Builder()
      .input("x", {2, 2})
      .floats("image", {1, 2, 6, 6})
      .floats("w", {3, 2, 3, 3})
      .floats("m", {4, 6})
      .floats("n", {6, 4})
      .floats("four", {4})
      .ints("shape", {3, 4})
      .ints("pads", {0, 1, 0, 2})
      .ints("repeats", {2, 2})
      .ints("starts", {1, 0})
      .ints("ends", {3, 100})
      .ints("count", {2})
      .ints("zero", {0}, true)
      .ints("limit", {10}, true)
      .ints("delta", {3}, true)
      .ints("at", {0, 1, 3})
      .ints("nd", {0})
      .node("Conv", {"image", "w"}, {"c"}, {makeInts("pads", {1, 1, 1, 1})})
      .node("AveragePool", {"c"}, {"p"}, {makeInts("kernel_shape", {2, 2})})
      .node("ConvTranspose", {"p", "w"}, {"ct"}, {makeInts("strides", {2, 2})})
      .node("Flatten", {"ct"}, {"f"})
      .node("ReduceSum", {"f"}, {"fs"}, {integer("keepdims", 0)})
      .node("MatMul", {"m", "n"}, {"mm"})
      .node("LayerNormalization", {"mm", "four", "four"}, {"ln"})
      .node("Softmax", {"ln"}, {"sm"})
      .node("TopK", {"sm", "count"}, {"tv", "ti"})
      .node("GatherElements", {"sm", "ti"}, {"ge"}, {integer("axis", 1)})
      .node("Pad", {"sm", "pads"}, {"pd"})
      .node("Tile", {"pd", "repeats"}, {"tl"})
      .node("Slice", {"tl", "starts", "ends"}, {"sl"})
      .node("ReduceMax", {"sl"}, {"mx"}, {integer("keepdims", 0)})
      .node("ConstantOfShape", {"shape"}, {"cos"})
      .node("Expand", {"mx", "shape"}, {"ex"})
      .node("Add", {"cos", "ex"}, {"ad"})
      .node("Gather", {"ad", "at"}, {"ga"}, {integer("axis", 1)})
      .node("Range", {"zero", "limit", "delta"}, {"rg"})
      .node("Cast", {"rg"}, {"rf"}, {integer("to", ET_Float)})
      .node("CumSum", {"rf", "zero"}, {"cu"})
      .node("Mod", {"rg", "delta"}, {"md"})
      .node("Div", {"rg", "limit"}, {"dv"})
      .node("Clip", {"cu", "", "fs"}, {"cl"})
      .node("ReduceLogSumExp", {"cl"}, {"rl"}, {integer("keepdims", 0)})
      .node("ArgMax", {"ga"}, {"am"})
      .node("BatchNormalization", {"p", "three", "three", "three", "three"}, {"bn"},
            {real("epsilon", 4.0f)})
      .floats("three", {3})
      .node("GatherND", {"ga", "nd"}, {"gn"})
      .node("Add", {"x", "rl"}, {"y"})
      .output("y")
      .output("am", {}, ET_Int64)
      .output("dv", {}, ET_Int64)
      .output("md", {}, ET_Int64)
      .output("bn")
      .output("ge")
      .output("gn")
      .finish();
}

std::string makeOldForms() {
  return Builder(8)
      .input("x", {1, 4, 4, 4})
      .floats("w", {4, 4, 1, 1})
      .floats("s", {4})
      .floats("fc", {3, 16})
      .ints("shape", {1, -1})
      .node("Conv", {"x", "w", "s"}, {"c"}, {makeInts("kernel_shape", {1, 1})})
      .node("BatchNormalization", {"c", "s", "s", "s", "s"}, {"n"}, {real("epsilon", 2.0f)})
      .node("LpNormalization", {"n"}, {"up"})
      .node("Slice", {"up"}, {"sl"},
            {makeInts("starts", {0, 1}), makeInts("ends", {2, -1}), makeInts("axes", {2, 3})})
      .node("Pad", {"sl"}, {"pd"},
            {makeInts("pads", {0, 0, 1, 0, 0, 0, 1, 1}), string("mode", "reflect")})
      .node("Clip", {"n"}, {"cl"}, {real("min", 0.0f), real("max", 6.0f)})
      .node("MaxPool", {"cl"}, {"half"},
            {makeInts("kernel_shape", {2, 2}), makeInts("strides", {2, 2})})
      .node("Reshape", {"half", "shape"}, {"r"})
      .node("Gemm", {"r", "fc", "b"}, {"g"}, {integer("transB", 1)})
      .floats("b", {3})
      .node("Softmax", {"g"}, {"y"}, {integer("axis", 1)})
      .node("Dropout", {"y"}, {"z"})
      .node("PRelu", {"pd", "slope"}, {"pr"})
      .floats("slope", {1, 1, 1})
      .node("ReduceSum", {"pr"}, {"rs"}, {makeInts("axes", {1, 2})})
      .output("z")
      .output("rs")
      .finish();
}

} // namespace

/// The model of the wire tests, without a file beside it.
static std::string makeEverything() {
  static const char bias[12] = {};
  ModelProto model = makeModel();
  model.graph->initializer[3] = makeTensor("bias", ET_Float, {3}, StringRef(bias, 12));
  return serialize(model);
}

std::vector<NamedModel> mlir::compress::onnx::test::makeMutationModels() {
  return {{"everything", makeEverything()},   {"conv-net", makeConvNet()},
          {"transformer", makeTransformer()}, {"control-flow", makeControlFlow()},
          {"functions", makeFunctions()},     {"shape-arithmetic", makeShapeArithmetic()},
          {"quantized", makeQuantized()},     {"movement", makeMovement()},
          {"constants", makeConstants()},     {"old-forms", makeOldForms()}};
}
