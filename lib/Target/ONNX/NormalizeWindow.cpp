//===- NormalizeWindow.cpp - windows of convolutions and pools --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeWindow.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

FailureOr<Window> onnx::getWindow(OnnxNode &node, ArrayRef<int64_t> spatial,
                                  ArrayRef<int64_t> kernel, int64_t strideDefault,
                                  bool ignoreSame) {
  size_t rank = spatial.size();
  Window window;
  window.strides = node.getInts("strides").value_or(SmallVector<int64_t>(rank, strideDefault));
  window.dilations = node.getInts("dilations").value_or(SmallVector<int64_t>(rank, 1));
  window.pads = node.getInts("pads").value_or(SmallVector<int64_t>(2 * rank, 0));
  if (kernel.size() != rank || window.strides.size() != rank || window.dilations.size() != rank ||
      window.pads.size() != 2 * rank)
    return node.error("expects one kernel, stride and dilation entry and two pads entries per "
                      "spatial dim");
  auto isPositive = [](int64_t value) { return value > 0; };
  if (!llvm::all_of(window.strides, isPositive) || !llvm::all_of(window.dilations, isPositive))
    return node.error("expects positive strides and dilations");

  StringRef autoPad = node.getString("auto_pad", "NOTSET");
  if (autoPad == "NOTSET" || autoPad.empty())
    return window;
  if (autoPad != "VALID" && autoPad != "SAME_UPPER" && autoPad != "SAME_LOWER")
    return node.error("unknown auto_pad '" + autoPad + "'");
  window.pads.assign(2 * rank, 0);
  if (autoPad == "VALID" || ignoreSame)
    return window;
  for (size_t i = 0; i < rank; ++i) {
    if (ShapedType::isDynamic(kernel[i]))
      return node.keep("the padding depends on dynamic dims");
    // Larger ones do not fit into any input.
    if (kernel[i] < 1 || kernel[i] > INT32_MAX || window.dilations[i] > INT32_MAX ||
        spatial[i] > INT64_MAX / 4)
      return node.error("expects kernel sizes and dilations in [1, 2^31)");
    int64_t extent = (kernel[i] - 1) * window.dilations[i] + 1, total = extent - 1;
    // Without stride the padding does not depend on the size.
    if (window.strides[i] != 1) {
      if (ShapedType::isDynamic(spatial[i]))
        return node.keep("the padding depends on dynamic dims");
      int64_t windows = llvm::divideCeil(spatial[i], window.strides[i]);
      total = std::max<int64_t>((windows - 1) * window.strides[i] + extent - spatial[i], 0);
    }
    int64_t less = total / 2;
    window.pads[i] = autoPad == "SAME_UPPER" ? less : total - less;
    window.pads[rank + i] = total - window.pads[i];
  }
  return window;
}

FailureOr<Window> onnx::getConvWindow(OnnxNode &node, RankedTensorType input,
                                      RankedTensorType weight) {
  if (weight.getRank() < 3 || input.getRank() != weight.getRank())
    return node.error("expects input and weight of the same rank, at least 3");
  return getWindow(node, input.getShape().drop_front(2), weight.getShape().drop_front(2),
                   /*strideDefault=*/1);
}

FailureOr<Value> onnx::makeConv(OnnxNode &node, const Window &window, ArrayRef<Value> operands) {
  return node.make<ConvOp>(operands,
                           {node.attr("strides", ArrayRef<int64_t>(window.strides)),
                            node.attr("pads", ArrayRef<int64_t>(window.pads)),
                            node.attr("dilations", ArrayRef<int64_t>(window.dilations)),
                            node.attr("groups", node.getInt("group", 1)), node.nameAttr()});
}

FailureOr<PoolWindow> onnx::getPoolWindow(OnnxNode &node) {
  RankedTensorType input = node.getType(0);
  std::optional<SmallVector<int64_t>> kernel = node.getInts("kernel_shape");
  if (input.getRank() < 3 || !kernel)
    return node.error("expects an input of rank 3 or more and kernel_shape");
  FailureOr<Window> window =
      getWindow(node, input.getShape().drop_front(2), *kernel, /*strideDefault=*/1);
  if (failed(window))
    return failure();
  return PoolWindow{*kernel, *window};
}

FailureOr<Value> onnx::makePool(OnnxNode &node, PoolKind kind, const PoolWindow &pool,
                                Value input) {
  return node.make<PoolOp>(
      input, {node.attr("kind", Attribute(PoolKindAttr::get(node.getContext(), kind))),
              node.attr("kernel", ArrayRef<int64_t>(pool.kernel)),
              node.attr("strides", ArrayRef<int64_t>(pool.window.strides)),
              node.attr("pads", ArrayRef<int64_t>(pool.window.pads)),
              node.attr("dilations", ArrayRef<int64_t>(pool.window.dilations)),
              node.attr("ceil_mode", node.getInt("ceil_mode", 0) != 0),
              node.attr("count_include_pad", node.getInt("count_include_pad", 0) != 0)});
}
