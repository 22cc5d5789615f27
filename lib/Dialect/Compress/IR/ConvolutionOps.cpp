//===- ConvolutionOps.cpp - convolutions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ContractionTypes.h"
#include "InferenceSite.h"
#include "WindowShape.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/Contraction.h"
#include "compress/Reference/DataMovement.h"
#include "compress/Reference/Elementwise.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

static constexpr StringLiteral kGroupedReason = "grouped convolution keeps its groups";
static constexpr StringLiteral kWindowReason = "a window slides over this dim";
static constexpr StringLiteral kKernelReason = "positions of a convolution kernel";

/// Input and weight have the same rank >= 3.
static LogicalResult checkRanks(const InferenceSite &site, RankedTensorType input,
                                RankedTensorType weight) {
  if (input.getRank() >= 3 && input.getRank() == weight.getRank())
    return success();
  return site.error("expects input and weight of one rank of at least 3, got " +
                    dimsToString(input.getShape()) + " and " + dimsToString(weight.getShape()));
}

static LogicalResult checkGroups(const InferenceSite &site, int64_t groups) {
  if (groups >= 1)
    return success();
  return site.error("expects a positive number of groups, got " + Twine(groups));
}

/// `size` times `groups` if it is static.
static FailureOr<int64_t> multiplyGroups(const InferenceSite &site, int64_t size, int64_t groups) {
  if (ShapedType::isDynamic(size))
    return size;
  std::optional<int64_t> product = llvm::checkedMul(size, groups);
  if (!product)
    return site.error("expects a number of channels of less than 2^63, got " + Twine(groups) +
                      " groups of " + Twine(size));
  return *product;
}

/// `size` is a multiple of `groups`, where it is static.
static LogicalResult checkMultiple(const InferenceSite &site, StringRef what, int64_t size,
                                   int64_t groups) {
  if (ShapedType::isDynamic(size) || size % groups == 0)
    return success();
  return site.error("expects " + what + " to be a multiple of the " + Twine(groups) +
                    " groups, got " + Twine(size));
}

/// Dims of a weight from 2 on: kernel positions.
static SmallVector<int64_t> getContraction(int64_t channelDim, int64_t rank) {
  SmallVector<int64_t> dims = {channelDim};
  for (int64_t dim = 2; dim < rank; ++dim)
    dims.push_back(dim);
  return dims;
}

/// Dims of the channels of a convolution: those of the input, of the result and of the weight.
/// With groups, the weight has the channels of all groups in dim 0 (of `conv` the output channels,
/// of `conv_transpose` the input channels) and those of one group in dim 1.
static void relateGroups(DimensionRelations &relations, Value input, Value weight, Value result,
                         int64_t groups, bool isTransposed) {
  auto getChannels = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getDimSize(1);
  };
  int64_t inputs = getChannels(input), outputs = getChannels(result);
  relations.same(weight, 0, isTransposed ? input : result, 1);
  if (cast<RankedTensorType>(weight.getType()).getDimSize(1) != 1)
    relations.fixed(weight, 1, kGroupedReason);
  if (ShapedType::isDynamic(inputs) || ShapedType::isDynamic(outputs)) {
    relations.fixed(input, 1, kGroupedReason);
    relations.fixed(result, 1, kGroupedReason);
    return;
  }
  relations.blocks(input, 1, inputs / groups, result, 1, outputs / groups);
}

/// Relations of both kinds of convolution; `inDim` and `outDim` are dims of the weight.
static void relateConvolution(DimensionRelations &relations, Value input, Value weight, Value bias,
                              Value result, int64_t groups, int64_t inDim, int64_t outDim) {
  relations.same(input, 0, result, 0);
  fixSpatialDims(relations, input, kWindowReason);
  fixSpatialDims(relations, weight, kKernelReason);
  fixSpatialDims(relations, result, kWindowReason);
  if (bias)
    relations.same(bias, 0, result, 1);
  if (groups == 1) {
    relations.same(input, 1, weight, inDim);
    relations.same(weight, outDim, result, 1);
    return;
  }
  relateGroups(relations, input, weight, result, groups, /*isTransposed=*/inDim == 0);
}

//===----------------------------------------------------------------------===//
// conv
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                       Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> weight = site.getTensor(adaptor.getWeight(), "weight");
  if (failed(input) || failed(weight))
    return failure();
  // C1
  if (failed(checkRanks(site, *input, *weight)))
    return failure();
  // C2
  WindowShape window{adaptor.getStrides(), adaptor.getPads(), adaptor.getDilations()};
  if (failed(window.check(site, input->getRank() - 2)))
    return failure();
  // C3
  int64_t groups = static_cast<int64_t>(adaptor.getGroups());
  if (failed(checkGroups(site, groups)))
    return failure();
  FailureOr<int64_t> channels = multiplyGroups(site, weight->getDimSize(1), groups);
  if (failed(channels))
    return failure();
  if (!isSameDim(input->getDimSize(1), *channels))
    return site.error("expects an input with " + Twine(groups) + " * " +
                      Twine(weight->getDimSize(1)) + " channels, got " +
                      Twine(input->getDimSize(1)));
  int64_t outputs = weight->getDimSize(0);
  if (failed(checkMultiple(site, "output channels", outputs, groups)) ||
      failed(checkMultiple(site, "input channels", input->getDimSize(1), groups)))
    return failure();
  // C6
  FailureOr<Type> elementType =
      getContractionType(site, input->getElementType(), weight->getElementType());
  // C5
  if (failed(elementType) || failed(checkBias(site, adaptor.getBias(), outputs, *elementType)))
    return failure();
  // C4
  SmallVector<int64_t> dims = {input->getDimSize(0), outputs};
  for (int64_t dim = 2; dim < input->getRank(); ++dim) {
    FailureOr<int64_t> size = window.getResultSize(site, dim - 2, input->getDimSize(dim),
                                                   weight->getDimSize(dim), /*ceilMode=*/false);
    if (failed(size))
      return failure();
    dims.push_back(*size);
  }
  return site.push(dims, *elementType, types);
}

Results ConvOp::evaluate(ArrayRef<Tensor> operands) {
  WindowShape window{getStrides(), getPads(), getDilations()};
  int64_t groups = static_cast<int64_t>(getGroups());
  const Tensor *bias = operands.size() > 2 ? &operands[2] : nullptr;
  if (!isInteger(operands[0].getType()) || getBitWidth(operands[0].getType()) != 8)
    return single(reference::conv(operands[0], operands[1], bias, window.getOptions(), groups));
  llvm::Expected<Tensor> product = reference::convInteger(operands[0], operands[1], nullptr,
                                                          nullptr, window.getOptions(), groups);
  if (!product || !bias)
    return single(std::move(product));
  SmallVector<int64_t> biasShape(product->getRank() - 1, 1);
  biasShape[0] = bias->getNumElements();
  llvm::Expected<Tensor> shaped = bias->reshape(biasShape);
  if (!shaped)
    return shaped.takeError();
  return single(reference::add(*product, *shaped));
}

void ConvOp::getDimensionRelations(DimensionRelations &relations) {
  relateConvolution(relations, getInput(), getWeight(), getBias(), getResult(), getGroups(),
                    /*inDim=*/1, /*outDim=*/0);
}

SmallVector<WeightOperand> ConvOp::getWeightOperands() {
  return {{&getWeightMutable(), {0}, getContraction(1, getWeight().getType().getRank()), {}}};
}

StringRef ConvOp::getWeightedKind() { return "conv"; }

//===----------------------------------------------------------------------===//
// conv_transpose
//===----------------------------------------------------------------------===//

LogicalResult ConvTransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                                Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> weight = site.getTensor(adaptor.getWeight(), "weight");
  if (failed(input) || failed(weight))
    return failure();
  // C1
  if (failed(checkRanks(site, *input, *weight)))
    return failure();
  // C2
  WindowShape window{adaptor.getStrides(), adaptor.getPads(), adaptor.getDilations()};
  int64_t spatialRank = input->getRank() - 2;
  ArrayRef<int64_t> outputPadding = adaptor.getOutputPadding();
  if (failed(window.check(site, spatialRank)))
    return failure();
  // C4
  if (static_cast<int64_t>(outputPadding.size()) != spatialRank ||
      llvm::any_of(outputPadding, [](int64_t p) { return p < 0; }))
    return site.error("expects " + Twine(spatialRank) + " non-negative output paddings, got " +
                      dimsToString(outputPadding));
  // C3
  int64_t groups = static_cast<int64_t>(adaptor.getGroups());
  if (failed(checkGroups(site, groups)))
    return failure();
  int64_t channels = refineDim(input->getDimSize(1), weight->getDimSize(0));
  if (!isSameDim(input->getDimSize(1), weight->getDimSize(0)))
    return site.error("expects an input with " + Twine(weight->getDimSize(0)) + " channels, got " +
                      Twine(input->getDimSize(1)));
  if (failed(checkMultiple(site, "input channels", channels, groups)))
    return failure();
  FailureOr<int64_t> outputs = multiplyGroups(site, weight->getDimSize(1), groups);
  // C6
  FailureOr<Type> elementType =
      getContractionType(site, input->getElementType(), weight->getElementType());
  // C5
  if (failed(outputs) || failed(elementType) ||
      failed(checkBias(site, adaptor.getBias(), *outputs, *elementType)))
    return failure();
  // C7
  SmallVector<int64_t> dims = {input->getDimSize(0), *outputs};
  for (int64_t dim = 2; dim < input->getRank(); ++dim) {
    FailureOr<int64_t> size = window.getTransposedSize(
        site, dim - 2, input->getDimSize(dim), weight->getDimSize(dim), outputPadding[dim - 2]);
    if (failed(size))
      return failure();
    dims.push_back(*size);
  }
  return site.push(dims, *elementType, types);
}

Results ConvTransposeOp::evaluate(ArrayRef<Tensor> operands) {
  WindowShape window{getStrides(), getPads(), getDilations()};
  return single(reference::convTranspose(
      operands[0], operands[1], operands.size() > 2 ? &operands[2] : nullptr, window.getOptions(),
      static_cast<int64_t>(getGroups()), getOutputPadding()));
}

void ConvTransposeOp::getDimensionRelations(DimensionRelations &relations) {
  relateConvolution(relations, getInput(), getWeight(), getBias(), getResult(), getGroups(),
                    /*inDim=*/0, /*outDim=*/1);
}

SmallVector<WeightOperand> ConvTransposeOp::getWeightOperands() {
  return {{&getWeightMutable(), {1}, getContraction(0, getWeight().getType().getRank()), {}}};
}

StringRef ConvTransposeOp::getWeightedKind() { return "conv_transpose"; }
