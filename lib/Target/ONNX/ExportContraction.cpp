//===- ExportContraction.cpp - contractions and pooling to ONNX -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportDequantize.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// MatMulNBits
//===----------------------------------------------------------------------===//

/// The block for `k` codes that share a scale: the one with the fewest bytes of codes and scales,
/// at most 256, which onnxruntime has kernels for.
static int64_t chooseBlock(int64_t k, unsigned bits, int64_t scaleBytes) {
  int64_t best = 16, bestBytes = std::numeric_limits<int64_t>::max();
  for (int64_t block = 16; block <= 256; block *= 2) {
    int64_t blockBytes = block * static_cast<int64_t>(bits) / 8 + scaleBytes;
    int64_t bytes = llvm::divideCeil(k, block) * blockBytes;
    if (bytes <= bestBytes) {
      best = block;
      bestBytes = bytes;
    }
  }
  return best;
}

/// Writes `op` as MatMulNBits. Gives the reason if that is not possible; empty on success.
static std::string exportMatMulNBits(LinearOp op, const StoredDequantize &stored,
                                     GraphExporter &graph) {
  auto elementType = cast<RankedTensorType>(op.getInput().getType()).getElementType();
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return "the activation is not a float of 16 or 32 bits";
  // [N, K], as the operator has it.
  StoredDequantize parts = op.getWeightLayout() == WeightLayout::NK ? stored : stored.transpose();
  parts.codes = widened(parts.codes);
  if (parts.zeroPoint)
    parts.zeroPoint = widened(*parts.zeroPoint);
  unsigned bits = parts.codes.getBits();
  if (!isInteger(parts.codes.type) || (bits != 2 && bits != 4 && bits != 8))
    return "the codes are not integers of 2, 4 or 8 bits";
  int64_t n = parts.codes.dims[0], k = parts.codes.dims[1];
  if (n == 0 || k == 0)
    return "the weight is empty";
  if (parts.scale.type != *getDataType(elementType))
    return "the scale has another type than the activation";
  int64_t block = parts.block[1];
  if (block < k && (block < 16 || !llvm::isPowerOf2_64(block)))
    return "the block along the contraction is no power of 2 of at least 16";
  // One scale for all of K is repeated for blocks.
  bool isWhole = block == k;
  if (isWhole)
    block = chooseBlock(k, bits, getStorageBitWidth(parts.scale.type) / 8);
  int64_t numBlocks = llvm::divideCeil(k, block);
  auto spread = [&](const LazyTensor &tensor) {
    LazyTensor grid = tensor.dims.empty() ? reshaped(tensor, {1, 1}) : tensor;
    if (isWhole)
      grid = repeated(grid, 1, numBlocks, numBlocks);
    return repeated(grid, 0, parts.block[0], n);
  };

  LazyTensor codes = packedForMatMulNBits(parts.codes, block,
                                          {n, numBlocks, block * static_cast<int64_t>(bits) / 8});
  NameList inputs{graph.getName(op.getInput()), graph.addTensor(op, codes),
                  graph.addTensor(op, spread(parts.scale))};
  std::optional<LazyTensor> zeroPoint = parts.zeroPoint;
  if (!zeroPoint && isUnsigned(parts.codes.type)) {
    // Without zero points the operator would subtract 2^(bits-1).
    LazyTensor zeros = parts.scale;
    zeros.weight = nullptr;
    zeros.name = getNodeNames(op).node.str() + "/zero_points";
    zeros.key = "zeros " + getName(parts.codes.type).str() + std::to_string(n) + "x" +
                std::to_string(numBlocks);
    zeros.type = parts.codes.type;
    zeros.dims = {n, numBlocks};
    zeros.read = [size = zeros.getBytes()]() -> FailureOr<HeldBytes> {
      return HeldBytes::own(SmallVector<char, 0>(size));
    };
    zeroPoint = zeros;
  } else if (zeroPoint) {
    zeroPoint = spread(*zeroPoint);
  }
  if (zeroPoint) {
    int64_t perByte = 8 / bits;
    inputs.push_back(graph.addTensor(
        op, packedForMatMulNBits(*zeroPoint, perByte,
                                 {n, static_cast<int64_t>(llvm::divideCeil(numBlocks, perByte))})));
  }
  if (op.getBias()) {
    inputs.resize(5);
    inputs.push_back(graph.getName(op.getBias()));
  }
  graph.requireMicrosoftDomain();
  (void)graph.addResultNode(op, "MatMulNBits", inputs,
                            {intAttribute("K", k), intAttribute("N", n), intAttribute("bits", bits),
                             intAttribute("block_size", block), intAttribute("accuracy_level", 0)},
                            microsoftDomain);
  return "";
}

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

/// True if nothing but `op` uses the decoded weight and its stored codes, so that they may be
/// stored in another layout.
static bool isOnlyUser(StoredDequantize &parts, GraphExporter &graph) {
  Operation *weight = parts.codes.weight;
  return parts.op->hasOneUse() && weight && graph.getModel().weightUses.lookup(weight) == 1 &&
         parts.op.getCodes().hasOneUse();
}

/// The weight as [K, N]. Onnxruntime fuses DequantizeLinear and MatMul only in this layout.
static StringRef getTransposedWeight(LinearOp op, GraphExporter &graph) {
  Value weight = op.getWeight();
  const WeightReader &weights = graph.getModel().weights;
  if (graph.getOptions().form != ExportForm::Dense)
    if (std::optional<StoredDequantize> parts = StoredDequantize::get(weight, weights))
      if (isOnlyUser(*parts, graph))
        return addDequantize(parts->transpose(), graph);
  return graph.addNode(op, "Transpose", "Transpose", {graph.getName(weight)},
                       {intsAttribute("perm", {1, 0})});
}

/// Whether a weight is made from codes.
static bool isDecoded(Value weight) {
  return WeightReader::isWeightChain(weight) && !weight.getDefiningOp<LoadOp>() &&
         !weight.getDefiningOp<ConstantOp>();
}

static LogicalResult exportLinear(LinearOp op, GraphExporter &graph) {
  auto inputType = cast<RankedTensorType>(op.getInput().getType());
  Type elementType = inputType.getElementType();
  if (!isa<FloatType>(elementType) &&
      !(isa<IntegerType>(elementType) && elementType.getIntOrFloatBitWidth() >= 32))
    return op.emitOpError("cannot be written: ONNX has no matrix product of ") << elementType;

  std::optional<StoredDequantize> stored =
      StoredDequantize::get(op.getWeight(), graph.getModel().weights);
  if (stored && graph.getOptions().form == ExportForm::MatMulNBits) {
    std::string reason = exportMatMulNBits(op, *stored, graph);
    if (reason.empty())
      return success();
    graph.remark(op, "written as DequantizeLinear instead of MatMulNBits: " + reason);
  } else if (graph.getOptions().form == ExportForm::MatMulNBits && isDecoded(op.getWeight())) {
    graph.remark(op, "not written as MatMulNBits: the weight is not integers with stored scales");
  }

  StringRef input = graph.getName(op.getInput());
  bool isGemm = inputType.getRank() == 2;
  bool isTransposed = op.getWeightLayout() == WeightLayout::NK;
  bool isStoredAlone =
      stored && graph.getOptions().form != ExportForm::Dense && isOnlyUser(*stored, graph);
  if (isTransposed && isGemm && !isStoredAlone) {
    NameList inputs{input, graph.getName(op.getWeight())};
    if (op.getBias())
      inputs.push_back(graph.getName(op.getBias()));
    return graph.addResultNode(op, "Gemm", inputs, {intAttribute("transB", 1)});
  }
  StringRef weight = isTransposed ? getTransposedWeight(op, graph) : graph.getName(op.getWeight());
  if (!op.getBias())
    return graph.addResultNode(op, "MatMul", {input, weight});
  StringRef bias = graph.getName(op.getBias());
  if (isGemm)
    return graph.addResultNode(op, "Gemm", {input, weight, bias});
  StringRef product = graph.addNode(op, "MatMul", "MatMul", {input, weight});
  return graph.addResultNode(op, "Add", {product, bias});
}

//===----------------------------------------------------------------------===//
// The others
//===----------------------------------------------------------------------===//

static bool isInt8(Value value) {
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  return type.isInteger(8);
}

static LogicalResult exportMatMul(MatMulOp op, GraphExporter &graph) {
  NameList inputs = graph.getNames({op.getLhs(), op.getRhs()});
  if (isInt8(op.getLhs()) && isInt8(op.getRhs()))
    return graph.addResultNode(op, "MatMulInteger", inputs);
  return graph.addResultNode(op, "MatMul", inputs);
}

template <typename OpTy>
static SmallVector<AttributeProto, 6> getConvAttributes(OpTy op) {
  auto weight = cast<RankedTensorType>(op.getWeight().getType());
  SmallVector<AttributeProto, 6> attributes;
  ArrayRef<int64_t> kernel = weight.getShape().drop_front(2);
  if (!ShapedType::isDynamicShape(kernel))
    attributes.push_back(intsAttribute("kernel_shape", kernel));
  attributes.push_back(intsAttribute("strides", op.getStrides()));
  attributes.push_back(intsAttribute("pads", op.getPads()));
  attributes.push_back(intsAttribute("dilations", op.getDilations()));
  attributes.push_back(intAttribute("group", op.getGroups()));
  return attributes;
}

static LogicalResult exportConv(ConvOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.getName(op.getWeight())};
  bool isInteger = isInt8(op.getInput()) && isInt8(op.getWeight());
  if (op.getBias() && isInteger)
    return op.emitOpError("cannot be written: ONNX has no integer convolution with a bias");
  if (op.getBias())
    inputs.push_back(graph.getName(op.getBias()));
  return graph.addResultNode(op, isInteger ? "ConvInteger" : "Conv", inputs, getConvAttributes(op));
}

static LogicalResult exportConvTranspose(ConvTransposeOp op, GraphExporter &graph) {
  NameList inputs{graph.getName(op.getInput()), graph.getName(op.getWeight())};
  if (op.getBias())
    inputs.push_back(graph.getName(op.getBias()));
  SmallVector<AttributeProto, 6> attributes = getConvAttributes(op);
  attributes.push_back(intsAttribute("output_padding", op.getOutputPadding()));
  return graph.addResultNode(op, "ConvTranspose", inputs, attributes);
}

static LogicalResult exportEmbedding(EmbeddingOp op, GraphExporter &graph) {
  return graph.addResultNode(op, "Gather",
                             {graph.getName(op.getTable()), graph.getName(op.getIndices())},
                             {intAttribute("axis", 0)});
}

static LogicalResult exportPool(PoolOp op, GraphExporter &graph) {
  bool isMax = op.getKind() == PoolKind::Max;
  SmallVector<AttributeProto, 6> attributes{intsAttribute("kernel_shape", op.getKernel()),
                                            intsAttribute("strides", op.getStrides()),
                                            intsAttribute("pads", op.getPads())};
  bool isDilated = llvm::any_of(op.getDilations(), [](int64_t d) { return d != 1; });
  if (isDilated) {
    // Average pooling got the attribute late.
    if (!isMax)
      graph.requireOpset(19, op);
    attributes.push_back(intsAttribute("dilations", op.getDilations()));
  }
  if (op.getCeilMode())
    attributes.push_back(intAttribute("ceil_mode", 1));
  if (!isMax && op.getCountIncludePad())
    attributes.push_back(intAttribute("count_include_pad", 1));
  return graph.addResultNode(op, isMax ? "MaxPool" : "AveragePool", {graph.getName(op.getInput())},
                             attributes);
}

void mlir::compress::onnx::registerContractionExports(ExportRegistry &registry) {
  registry.add<LinearOp, exportLinear>();
  registry.add<MatMulOp, exportMatMul>();
  registry.add<ConvOp, exportConv>();
  registry.add<ConvTransposeOp, exportConvTranspose>();
  registry.add<EmbeddingOp, exportEmbedding>();
  registry.add<PoolOp, exportPool>();
}
