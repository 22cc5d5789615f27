//===- NormalizeIndexing.cpp - ONNX gathers and scatters --------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeAxes.h"
#include "NormalizeImpl.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// Rows of a parameter of rank 2 are an embedding.
static NodeResult normalizeGather(OnnxNode &node) {
  RankedTensorType type = node.getType(0);
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), type.getRank());
  if (failed(axis))
    return failure();
  Value input = node.getInput(0), indices = node.structural(node.getInput(1));
  if (*axis == 0 && type.getRank() == 2 && isa<FloatType>(type.getElementType()) &&
      isParameter(input))
    return single(node.make<EmbeddingOp>({input, indices}, node.nameAttr()));
  return single(node.make<GatherOp>({input, indices}, node.attr("axis", *axis)));
}

static NodeResult normalizeGatherElements(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), node.getRank(0));
  if (failed(axis))
    return failure();
  return single(node.make<GatherElementsOp>({node.getInput(0), node.structural(node.getInput(1))},
                                            node.attr("axis", *axis)));
}

static NodeResult normalizeGatherND(OnnxNode &node) {
  RankedTensorType indices = node.getType(1);
  if (indices.getRank() > 0 && indices.isDynamicDim(indices.getRank() - 1))
    return node.keep("the number of dims that an index has is not known");
  return single(node.make<GatherNDOp>({node.getInput(0), node.structural(node.getInput(1))},
                                      node.attr("batch_dims", node.getInt("batch_dims", 0))));
}

static NodeResult normalizeScatterElements(OnnxNode &node) {
  FailureOr<int64_t> axis = normalizeAxis(node, node.getInt("axis", 0), node.getRank(0));
  if (failed(axis))
    return failure();
  StringRef name = node.getString("reduction", "none");
  std::optional<ScatterReduction> reduction = symbolizeScatterReduction(name);
  if (!reduction)
    return node.error("unknown reduction '" + name + "'");
  return single(node.make<ScatterElementsOp>(
      {node.getInput(0), node.structural(node.getInput(1)), node.getInput(2)},
      {node.attr("axis", *axis), node.attr("reduction", Attribute(ScatterReductionAttr::get(
                                                            node.getContext(), *reduction)))}));
}

void onnx::registerIndexingNormalizers(NormalizerRegistry &registry) {
  registry.add("Gather", normalizeGather);
  registry.add("GatherElements", normalizeGatherElements);
  registry.add("GatherND", normalizeGatherND);
  registry.add("ScatterElements", normalizeScatterElements);
  registry.add("Scatter", normalizeScatterElements);
}
