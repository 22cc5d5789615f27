//===- ExportVersions.cpp - opsets and IR versions of exports --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportImpl.h"
#include "compress/Target/ONNX/OpSchemas.h"

using namespace mlir::compress;
using namespace mlir::compress::onnx;
using llvm::StringRef;

int64_t onnx::getIrVersionOfOpset(int64_t opset) {
  // First opset of each IR version, newest first.
  static constexpr std::pair<int64_t, int64_t> table[] = {
      {28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9},
      {15, 8},  {12, 7},  {11, 6},  {10, 5},  {9, 4},
  };
  for (auto [first, irVersion] : table)
    if (opset >= first)
      return irVersion;
  return 3;
}

int64_t onnx::getIrVersionOfType(int32_t elementType) {
  switch (elementType) {
  case ET_Float8E4M3FN:
  case ET_Float8E4M3FNUZ:
  case ET_Float8E5M2:
  case ET_Float8E5M2FNUZ:
    return 9;
  case ET_UInt4:
  case ET_Int4:
    return 10;
  case ET_Float4E2M1:
    return 11;
  case ET_Float8E8M0:
    return 12;
  case ET_UInt2:
  case ET_Int2:
    return 13;
  case ET_Float6E2M3:
  case ET_Float6E3M2:
    return 14;
  default:
    return 3;
  }
}

/// Operators whose versions from `from` up to opset 26 only accept more types or more optional
/// inputs and attributes, so that an older node keeps its meaning.
struct StableOperator {
  const char *name;
  int64_t from;
};

static constexpr StableOperator stableOperators[] = {
    {"Abs", 6},
    {"Acos", 7},
    {"Acosh", 9},
    {"Add", 7},
    {"And", 7},
    {"ArgMax", 11},
    {"ArgMin", 11},
    {"Asin", 7},
    {"Asinh", 9},
    {"Atan", 7},
    {"Atanh", 9},
    {"Attention", 23},
    {"AveragePool", 11},
    {"BatchNormalization", 15},
    {"Bernoulli", 15},
    {"BitShift", 11},
    {"Cast", 9},
    {"CastLike", 15},
    {"Ceil", 6},
    {"Celu", 12},
    {"Clip", 11},
    {"Compress", 9},
    {"Concat", 4},
    {"Constant", 1},
    {"ConstantOfShape", 9},
    {"Conv", 11},
    {"ConvTranspose", 11},
    {"Cos", 7},
    {"Cosh", 9},
    {"CumSum", 11},
    {"DepthToSpace", 11},
    {"DequantizeLinear", 10},
    {"Det", 11},
    {"Div", 7},
    {"Dropout", 12},
    {"Einsum", 12},
    {"Elu", 6},
    {"Equal", 7},
    {"Erf", 9},
    {"Exp", 6},
    {"Expand", 8},
    {"EyeLike", 9},
    {"Flatten", 1},
    {"Floor", 6},
    {"GRU", 14},
    {"Gather", 1},
    {"GatherElements", 11},
    {"GatherND", 11},
    {"Gemm", 7},
    {"GlobalAveragePool", 1},
    {"GlobalMaxPool", 1},
    {"Greater", 7},
    {"GreaterOrEqual", 12},
    {"GridSample", 20},
    {"HardSigmoid", 6},
    {"HardSwish", 14},
    {"Hardmax", 13},
    {"Identity", 1},
    {"If", 11},
    {"InstanceNormalization", 6},
    {"IsInf", 10},
    {"IsNaN", 9},
    {"LRN", 1},
    {"LSTM", 14},
    {"LeakyRelu", 6},
    {"Less", 7},
    {"LessOrEqual", 12},
    {"Log", 6},
    {"LogSoftmax", 13},
    {"Loop", 11},
    {"LpNormalization", 1},
    {"LpPool", 18},
    {"MatMul", 1},
    {"Max", 8},
    {"MaxPool", 11},
    {"MaxUnpool", 11},
    {"Mean", 8},
    {"Min", 8},
    {"Mish", 18},
    {"Mod", 10},
    {"Mul", 7},
    {"Multinomial", 7},
    {"Neg", 6},
    {"NonMaxSuppression", 10},
    {"NonZero", 9},
    {"Not", 1},
    {"OneHot", 9},
    {"Optional", 15},
    {"Or", 7},
    {"PRelu", 7},
    {"Pad", 11},
    {"Pow", 7},
    {"QLinearMatMul", 10},
    {"QuantizeLinear", 10},
    {"RNN", 14},
    {"RandomNormal", 1},
    {"RandomNormalLike", 1},
    {"RandomUniform", 1},
    {"RandomUniformLike", 1},
    {"Reciprocal", 6},
    {"ReduceSum", 13},
    {"Relu", 6},
    {"Reshape", 5},
    {"Resize", 13},
    {"ReverseSequence", 10},
    {"RoiAlign", 16},
    {"Round", 11},
    {"Scan", 9},
    {"ScatterElements", 11},
    {"ScatterND", 11},
    {"Selu", 6},
    {"SequenceInsert", 11},
    {"Shape", 1},
    {"Sigmoid", 6},
    {"Sign", 9},
    {"Sin", 7},
    {"Sinh", 9},
    {"Size", 1},
    {"Slice", 10},
    {"Softmax", 13},
    {"Softplus", 1},
    {"Softsign", 1},
    {"SpaceToDepth", 1},
    {"SplitToSequence", 11},
    {"Sqrt", 6},
    {"Squeeze", 13},
    {"Sub", 7},
    {"Sum", 8},
    {"Tan", 7},
    {"Tanh", 6},
    {"ThresholdedRelu", 10},
    {"Tile", 6},
    {"TopK", 11},
    {"Transpose", 1},
    {"Trilu", 14},
    {"Unsqueeze", 13},
    {"Where", 9},
    {"Xor", 7},
};

StringRef onnx::getMovedAttribute(StringRef opType, int64_t from, int64_t to) {
  bool isAxes13 = opType == "ReduceSum" || opType == "Squeeze" || opType == "Unsqueeze";
  if (from < 13 && to >= 13)
    return isAxes13 ? "axes" : opType == "Split" ? "split" : getMovedAttribute(opType, 13, to);
  bool isAxes18 = opType.starts_with("Reduce") && opType != "ReduceSum";
  return isAxes18 && from < 18 && to >= 18 ? "axes" : "";
}

bool onnx::meansTheSame(StringRef opType, int64_t from, int64_t to) {
  // Operators that the table of standard ones does not have have no versions that we know.
  if (from == to || getOpVersions(opType).empty() || sameSchema(opType, from, to))
    return true;
  if (to < from || to > 26)
    return false;
  // `GraphExporter` moves what became an input, and gives Split the number of outputs.
  if (!getMovedAttribute(opType, from, to).empty() || (opType == "Split" && from >= 2))
    return true;
  for (const StableOperator &stable : stableOperators)
    if (opType == stable.name)
      return from >= stable.from;
  return false;
}
