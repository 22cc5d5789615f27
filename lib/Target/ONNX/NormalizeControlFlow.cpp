//===- NormalizeControlFlow.cpp - If, Loop and opaque nodes -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// If, Loop and Scan stay `compress.onnx` with normalised bodies; an If on a constant becomes its
// branch. Results of nodes that stay get a type where the operator determines it, so that
// what follows them can be normalised.
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

Type onnx::joinTypes(Type a, Type b) {
  if (a == b)
    return a;
  auto x = dyn_cast<RankedTensorType>(a), y = dyn_cast<RankedTensorType>(b);
  if (!x || !y || x.getElementType() != y.getElementType() || x.getRank() != y.getRank())
    return OnnxValueType::get(a.getContext());
  SmallVector<int64_t> shape(x.getShape());
  for (auto [size, other] : llvm::zip_equal(shape, y.getShape()))
    if (size != other)
      size = ShapedType::kDynamic;
  return x.clone(shape);
}

/// The body of `op` that is the value of attribute `name`, or null.
static Region *getBody(OnnxOp op, StringRef name) {
  if (!op.getBodyNames())
    return nullptr;
  ArrayAttr names = *op.getBodyNames();
  for (auto [pair, body] : llvm::zip_equal(names, op.getBodies()))
    if (cast<StringAttr>(cast<ArrayAttr>(pair)[0]).getValue() == name)
      return &body;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

Region *Normalizer::getKnownBranch(OnnxOp op) {
  if (op.getOpType() != "If" || !op.isDefaultDomain() || op.getInputs().size() != 1)
    return nullptr;
  std::optional<reference::Tensor> condition = constantOf(op.getInputs()[0]);
  if (!condition || condition->getNumElements() != 1)
    return nullptr;
  Region *branch = getBody(op, condition->toInts()[0] ? "then_branch" : "else_branch");
  if (!branch || branch->front().getNumArguments() != 0 ||
      branch->front().getTerminator()->getNumOperands() != op.getNumResults())
    return nullptr;
  return branch;
}

void Normalizer::inlineBranch(OnnxOp op, Region &branch) {
  Block &block = branch.front();
  Operation *yield = block.getTerminator();
  SmallVector<Value> results(yield->getOperands());
  retire(yield);
  op->getBlock()->getOperations().splice(Block::iterator(op), block.getOperations());
  for (auto [old, value] : llvm::zip_equal(op.getResults(), results))
    old.replaceAllUsesWith(value);
  retire(op);
}

/// Results of an If have the types that cover both branches.
static void inferIf(OnnxOp op) {
  SmallVector<ValueRange> yields;
  for (Region &body : op.getBodies())
    yields.push_back(body.front().getTerminator()->getOperands());
  if (yields.size() != 2 || yields[0].size() != op.getNumResults() ||
      yields[1].size() != op.getNumResults())
    return;
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    result.setType(joinTypes(yields[0][i].getType(), yields[1][i].getType()));
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

void Normalizer::prepareLoop(OnnxOp op) {
  Region *body = op.getOpType() == "Loop" && op.isDefaultDomain() ? getBody(op, "body") : nullptr;
  if (!body)
    return;
  // Arguments: iteration, condition, carried values; the declared types of carried values hold for
  // all iterations, so they are only made less specific.
  Block &block = body->front();
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    if (i < 2 || i >= op.getInputs().size() || isa<OnnxValueType>(argument.getType()))
      continue;
    Type initial = op.getInputs()[i].getType();
    if (isa<OnnxValueType>(initial))
      continue;
    argument.setType(joinTypes(argument.getType(), initial));
  }
}

/// Carried values have the type that covers the initial one and the body's; scan outputs are
/// stacked.
static void inferLoop(OnnxOp op) {
  Region *body = getBody(op, "body");
  if (!body || op.getInputs().size() < 2)
    return;
  ValueRange yields = body->front().getTerminator()->getOperands();
  size_t carried = op.getInputs().size() - 2;
  if (yields.size() != op.getNumResults() + 1 || carried > op.getNumResults())
    return;
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Type type = yields[i + 1].getType();
    if (i < carried) {
      result.setType(joinTypes(type, op.getInputs()[i + 2].getType()));
    } else if (auto slice = dyn_cast<RankedTensorType>(type)) {
      SmallVector<int64_t> shape{ShapedType::kDynamic};
      llvm::append_range(shape, slice.getShape());
      result.setType(slice.clone(shape));
    }
  }
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

/// Entry `i` of an INTS attribute of a Scan, or 0 without it.
static int64_t getScanEntry(OnnxOp op, StringRef name, size_t i) {
  auto entries = dyn_cast_or_null<DenseI64ArrayAttr>(op.getOnnxAttr(name));
  return entries && i < static_cast<size_t>(entries.size()) ? entries[i] : 0;
}

/// States have the type that covers the initial one and the body's; scan outputs are stacked, as
/// many as there are slices of the scan inputs. Opset 8 has a batch dim and stays untyped.
static void inferScan(OnnxOp op) {
  Region *body = getBody(op, "body");
  auto count = dyn_cast_or_null<IntegerAttr>(op.getOnnxAttr("num_scan_inputs"));
  int64_t inputs = op.getInputs().size();
  if (!body || !count || op.getVersion() < 9 || count.getInt() < 1 || count.getInt() > inputs)
    return;
  ValueRange yields = body->front().getTerminator()->getOperands();
  size_t states = inputs - count.getInt();
  if (yields.size() != op.getNumResults() || states > op.getNumResults())
    return;
  int64_t length = ShapedType::kDynamic;
  if (auto scanned = dyn_cast<RankedTensorType>(op.getInputs()[states].getType())) {
    int64_t axis = getScanEntry(op, "scan_input_axes", 0);
    axis += axis < 0 ? scanned.getRank() : 0;
    if (axis >= 0 && axis < scanned.getRank())
      length = scanned.getDimSize(axis);
  }
  for (auto [i, result] : llvm::enumerate(op.getResults())) {
    Type type = yields[i].getType();
    if (i < states) {
      result.setType(joinTypes(type, op.getInputs()[i].getType()));
      continue;
    }
    auto slice = dyn_cast<RankedTensorType>(type);
    int64_t axis = getScanEntry(op, "scan_output_axes", i - states);
    axis += slice && axis < 0 ? slice.getRank() + 1 : 0;
    if (!slice || axis < 0 || axis > slice.getRank())
      continue;
    SmallVector<int64_t> shape(slice.getShape());
    shape.insert(shape.begin() + axis, length);
    result.setType(slice.clone(shape));
  }
}

//===----------------------------------------------------------------------===//
// Other nodes that stay
//===----------------------------------------------------------------------===//

/// How the type of output 0 of an operator follows from its inputs.
enum class OpaqueRule { None, SameAsFirst, SameRank, Boolean };

static OpaqueRule getOpaqueRule(OnnxOp op) {
  if (op.getDomain() == "com.microsoft")
    return llvm::StringSwitch<OpaqueRule>(op.getOpType())
        .Cases({"SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "RotaryEmbedding",
                "GroupNorm"},
               OpaqueRule::SameAsFirst)
        .Default(OpaqueRule::None);
  if (!op.isDefaultDomain())
    return OpaqueRule::None;
  return llvm::StringSwitch<OpaqueRule>(op.getOpType())
      .Cases({"LRN", "InstanceNormalization", "GroupNormalization", "RMSNormalization",
              "SimplifiedLayerNormalization", "LayerNormalization", "BatchNormalization"},
             OpaqueRule::SameAsFirst)
      .Cases({"MeanVarianceNormalization", "LpNormalization", "Hardmax", "Dropout", "Trilu"},
             OpaqueRule::SameAsFirst)
      .Cases({"Selu", "Celu", "ThresholdedRelu", "Shrink", "BitwiseNot", "CumProd", "CumSum"},
             OpaqueRule::SameAsFirst)
      .Cases({"RotaryEmbedding", "ScatterND", "ScatterElements", "Scatter", "ReverseSequence",
              "Softmax", "LogSoftmax"},
             OpaqueRule::SameAsFirst)
      .Cases({"IsNaN", "IsInf"}, OpaqueRule::Boolean)
      .Cases({"Tile", "Pad", "Slice", "MaxPool", "AveragePool", "LpPool", "GlobalLpPool"},
             OpaqueRule::SameRank)
      .Cases({"DepthToSpace", "SpaceToDepth", "Conv", "ConvTranspose", "Upsample", "Resize"},
             OpaqueRule::SameRank)
      .Default(OpaqueRule::None);
}

void onnx::inferOpaqueTypes(OnnxOp op) {
  if (op.getOpType() == "If" && op.isDefaultDomain())
    return inferIf(op);
  if (op.getOpType() == "Loop" && op.isDefaultDomain())
    return inferLoop(op);
  if (op.getOpType() == "Scan" && op.isDefaultDomain())
    return inferScan(op);
  if (op.getInputs().empty() || op.getNumResults() == 0)
    return;
  auto first = dyn_cast<RankedTensorType>(op.getInputs()[0].getType());
  if (!first)
    return;
  SmallVector<int64_t> dynamic(first.getRank(), ShapedType::kDynamic);
  switch (getOpaqueRule(op)) {
  case OpaqueRule::SameAsFirst:
    op.getResult(0).setType(first);
    break;
  case OpaqueRule::SameRank:
    op.getResult(0).setType(first.clone(dynamic));
    break;
  case OpaqueRule::Boolean:
    op.getResult(0).setType(first.clone(IntegerType::get(op.getContext(), 1)));
    break;
  default:
    break;
  }
}
