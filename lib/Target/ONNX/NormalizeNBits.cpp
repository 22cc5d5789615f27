//===- NormalizeNBits.cpp - MatMulNBits as a decode chain -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// MatMulNBits stores codes as bytes [N, blocks, block_size * bits / 8], low bits first, and packed
// zero points as bytes with every row padded to a byte. Our codes are `tensor<NxKxui4>`, packed
// without padding: the same bytes wherever no padding is needed, and then they are not
// touched.
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "NormalizeQuantization.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Copies `rows` rows of `rowBits` bits that start at multiples of `stride` bytes to rows without
/// padding. `out` is zero.
static void removePadding(ArrayRef<char> in, MutableArrayRef<char> out, int64_t rows,
                          int64_t rowBits, int64_t stride) {
  int64_t to = 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t from = row * stride * 8;
    for (int64_t bit = 0; bit < rowBits;) {
      // Up to what one byte of the input and one of the output hold.
      int64_t count = std::min({rowBits - bit, 8 - from % 8, 8 - to % 8});
      unsigned bits = (static_cast<uint8_t>(in[from / 8]) >> (from % 8)) & ((1u << count) - 1);
      out[to / 8] |= static_cast<char>(bits << (to % 8));
      bit += count;
      from += count;
      to += count;
    }
  }
}

/// A parameter of bytes, as codes of type `type`, whose rows are `stride` bytes apart.
static FailureOr<Value> unpackCodes(OnnxNode &node, Value bytes, RankedTensorType type,
                                    int64_t stride) {
  Normalizer &normalizer = node.getNormalizer();
  Location loc = node.getOp().getLoc();
  Attribute value;
  std::string name = "codes";
  if (auto load = bytes.getDefiningOp<LoadOp>()) {
    WeightOp weight = normalizer.lookupWeight(load);
    if (!weight)
      return node.keep("the weight is not known");
    value = weight.getValue();
    name = load.getWeight().str();
    normalizer.noteReplaced(weight);
  } else if (auto constant = bytes.getDefiningOp<ConstantOp>()) {
    value = constant.getValue();
  } else {
    return node.keep("the weight is no constant");
  }
  int64_t rowBits = type.getDimSize(1) * type.getElementTypeBitWidth();
  if (rowBits == stride * 8) {
    if (auto file = dyn_cast<FileAttr>(value))
      return normalizer.createWeight(name, type,
                                     FileAttr::get(type.getContext(), type, file.getPath(),
                                                   file.getOffset(), file.getLength(),
                                                   file.getHash()),
                                     loc, node.getBuilder());
  }
  WeightStore &store = normalizer.getStore();
  auto emitError = [&] { return mlir::emitError(loc); };
  FailureOr<WeightBytes> source =
      store.read(value, cast<RankedTensorType>(bytes.getType()), emitError);
  FailureOr<WeightBuffer> buffer = store.allocate(type, emitError);
  if (failed(source) || failed(buffer)) {
    normalizer.hadError = true;
    return failure();
  }
  removePadding(source->bytes(), buffer->bytes(), type.getDimSize(0), rowBits, stride);
  return normalizer.createWeight(name, type, store.commit(name, type, std::move(*buffer)), loc,
                                 node.getBuilder());
}

NodeResult onnx::normalizeMatMulNBits(OnnxNode &node) {
  int64_t k = node.getInt("K", 0), n = node.getInt("N", 0), bits = node.getInt("bits", 4),
          blockSize = node.getInt("block_size", 0);
  if (k < 1 || n < 1 || blockSize < 1 || k > INT32_MAX || n > INT32_MAX || blockSize > INT32_MAX)
    return node.error("expects positive K, N and block_size");
  if (bits != 2 && bits != 4 && bits != 8)
    return node.keep(Twine(bits) + " bits are not supported");
  if (blockSize * bits % 8 != 0)
    return node.error("expects blocks of whole bytes");
  if (node.getInt("accuracy_level", 0) == 4)
    return node.keep("accuracy_level 4 quantizes the activation by blocks");
  if (node.getInt("weight_prepacked", 0) != 0)
    return node.keep("the weight is packed for one machine");
  if (node.hasInput(4))
    return node.keep("g_idx is not supported");
  if (!node.hasInput(1) || !node.hasInput(2))
    return node.error("expects codes and scales");

  int64_t blocks = llvm::divideCeil(k, blockSize), stride = blocks * blockSize * bits / 8;
  MLIRContext *context = node.getContext();
  Type byte = IntegerType::get(context, 8, IntegerType::Unsigned);
  Type code = IntegerType::get(context, bits, IntegerType::Unsigned);
  RankedTensorType packed = node.getType(1), scaleType = node.getType(2);
  if (packed.getElementType() != byte || !packed.hasStaticShape() ||
      packed.getNumElements() != n * stride)
    return node.error("expects " + Twine(n * stride) + " bytes of codes");
  if (!scaleType.hasStaticShape() || scaleType.getNumElements() != n * blocks)
    return node.error("expects " + Twine(n * blocks) + " scales");
  if (scaleType.getElementType() != node.getType(0).getElementType())
    return node.keep("the scales have another type than the input");

  auto zeroType = RankedTensorType::get({n, blocks}, code);
  FailureOr<Value> zeroPoint;
  if (!node.hasInput(3)) {
    auto splat = DenseElementsAttr::get(
        zeroType, Attribute(IntegerAttr::get(code, APInt(bits, uint64_t(1) << (bits - 1)))));
    zeroPoint = node.getConstant(splat);
  } else {
    int64_t zeroStride = llvm::divideCeil(blocks * bits, 8);
    RankedTensorType type = node.getType(3);
    if (type.getElementType() != byte)
      return node.keep("zero points that are no codes are not supported");
    if (!type.hasStaticShape() || type.getNumElements() != n * zeroStride)
      return node.error("expects " + Twine(n * zeroStride) + " bytes of zero points");
    zeroPoint = unpackCodes(node, node.getInput(3), zeroType, zeroStride);
  }
  FailureOr<Value> codes =
      failed(zeroPoint)
          ? FailureOr<Value>(failure())
          : unpackCodes(node, node.getInput(1), RankedTensorType::get({n, k}, code), stride);
  if (failed(codes))
    return failure();
  FailureOr<Value> scale = node.getInput(2);
  if (scaleType.getShape() != ArrayRef<int64_t>{n, blocks})
    scale = node.reshapeConstant(*scale, {n, blocks});
  if (failed(scale))
    return failure();
  FailureOr<Value> weight =
      makeDequantize(node, *codes, QuantizationGrid{*scale, *zeroPoint, {1, blockSize}});
  if (failed(weight))
    return failure();
  SmallVector<Value> operands{node.getInput(0), *weight};
  if (node.hasInput(5))
    operands.push_back(node.getInput(5));
  auto layout = WeightLayoutAttr::get(context, WeightLayout::NK);
  return single(node.make<LinearOp>(
      operands, {node.attr("weight_layout", Attribute(layout)), node.nameAttr()}));
}
