//===- LinearCall.cpp - calls of linear kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinearCall.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

FailureOr<LinearSite> compress::matchLinear(PatternRewriter &rewriter, LinearOp op) {
  auto weightType = cast<RankedTensorType>(op.getWeight().getType());
  auto resultType = cast<RankedTensorType>(op.getType());
  if (!resultType.getElementType().isF32() || !weightType.getElementType().isF32() ||
      !weightType.hasStaticShape() || !weightType.getNumElements())
    return rewriter.notifyMatchFailure(op, "not f32, or a weight of unknown or no size");
  FailureOr<WeightChain> chain = getWeightChain(op.getWeight());
  if (failed(chain))
    return rewriter.notifyMatchFailure(op, "the weight is not a constant");
  LinearSite site;
  site.op = op;
  int64_t inputDim = op.getWeightLayout() == WeightLayout::KN ? 0 : 1;
  site.inputs = weightType.getDimSize(inputDim);
  site.outputs = weightType.getDimSize(1 - inputDim);
  site.inputDim = chain->permutation.empty() ? inputDim : chain->permutation[inputDim];
  site.chain = std::move(*chain);
  return site;
}

void compress::replaceLinear(PatternRewriter &rewriter, KernelContext &kernels,
                             const LinearSite &site, const EpilogueMatch &match,
                             func::FuncOp kernel, ArrayRef<Value> x, ArrayRef<Value> weights) {
  LinearOp op = site.op;
  Location loc = op.getLoc();
  rewriter.setInsertionPoint(match.last);
  int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
  kernels.checkSize(rewriter, loc, op.getInput(), rank - 1, site.inputs,
                    "linear: expected " + Twine(site.inputs) + " elements per row");
  if (op.getBias())
    kernels.checkSize(rewriter, loc, op.getBias(), 0, site.outputs,
                      "linear: expected " + Twine(site.outputs) + " elements of the bias");
  SmallVector<Value> operands;
  for (Value value : x) {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    Value stored = castToStorage(rewriter, value);
    if (stored != value)
      kernels.lowering.transfer(value, stored);
    operands.push_back(rank ? collapseToMatrix(rewriter, kernels, stored) : stored);
  }
  Value rows = operands.front();
  llvm::append_range(operands, weights);
  if (match.bias)
    operands.push_back(collapseToVector(rewriter, match.bias));
  if (match.other)
    operands.push_back(collapseToMatrix(rewriter, kernels, match.other));
  // The size of a cast would be asked of what is cast, which is of no type of memory.
  bool isCast = rows.getDefiningOp<UnrealizedConversionCastOp>() != nullptr;
  SmallVector<OpFoldResult> sizes{isCast ? kernels.getSize(rewriter, loc, op.getInput(), 0)
                                         : tensor::getMixedSize(rewriter, loc, rows, 0),
                                  rewriter.getIndexAttr(site.outputs)};
  Value empty = createEmpty(rewriter, loc, sizes, rewriter.getF32Type());
  auto call = KernelCallOp::create(rewriter, loc, kernel, operands, empty);
  auto type = cast<RankedTensorType>(match.last->getResult(0).getType());
  Value result = expandFromMatrix(rewriter, kernels, call.getResult(0), op.getInput(), type);
  replaceMatch(rewriter, kernels, op, match, result);
}

FailureOr<Value> compress::packDensePanels(OpBuilder &builder, KernelContext &kernels,
                                           const LinearSite &site,
                                           function_ref<FailureOr<StoredTensor>()> root) {
  const CpuTarget &target = kernels.library.getTarget();
  int64_t width = target.getPanelWidth();
  bool isKN = site.inputDim == 0;
  std::string name =
      kernels.getPackName(site.chain) + ".panels" + std::to_string(width) + (isKN ? "" : ".t");
  RankedTensorType type = getPanelType(target, site.inputs, site.outputs, builder.getF32Type());
  LinearOp op = site.op;
  return kernels.createPackedWeight(builder, op.getLoc(), name, type, [&](auto bytes) {
    FailureOr<StoredTensor> tensor = root();
    if (failed(tensor))
      return failure();
    packPanels(reinterpret_cast<const uint32_t *>(tensor->bytes().data()), isKN ? site.outputs : 1,
               isKN ? 1 : site.inputs, site.inputs, site.outputs, width,
               reinterpret_cast<uint32_t *>(bytes.data()));
    return success();
  });
}
