//===- CodeWeight.cpp - compressed weights as operands of kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CodeWeight.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::compress;

FailureOr<CodeWeight> compress::readCodeWeight(KernelContext &kernels, const WeightChain &chain,
                                               EmitErrorFn emitError, std::string &reason) {
  CodeWeight weight;
  reason = explainUnsupported(chain);
  if (!reason.empty())
    return failure();
  FailureOr<EncodedWeight> encoded = readEncodedWeight(kernels.store, chain, emitError);
  if (failed(encoded)) {
    reason = "it cannot be read";
    return failure();
  }
  if (encoded->vectors)
    reason = "its codes stand for vectors";
  else if (!encoded->tableBlock.empty())
    reason = "it has a table for each block";
  else if (encoded->isCast())
    reason = "its values are floats of another type";
  else if (encoded->mask)
    reason = "it is masked, and " + explainNoZeroCode(*encoded);
  if (!reason.empty())
    return failure();
  if (encoded->table)
    weight.table = std::move(*encoded->table);
  weight.encoded = std::move(*encoded);
  return weight;
}

FailureOr<SmallVector<Value>> compress::packCodeTensors(OpBuilder &builder, KernelContext &kernels,
                                                        Location loc, const std::string &name,
                                                        ArrayRef<WeightMatrix> matrices,
                                                        const CodeFormat &format) {
  MLIRContext *context = builder.getContext();
  int64_t width = kernels.library.getTarget().getPanelWidth();
  std::string base =
      name + ".panels" + std::to_string(width) + (matrices.front().inputDim == 0 ? "" : ".t");
  SmallVector<Value> tensors;
  bool isPacked = true;
  auto add = [&](StringRef suffix, RankedTensorType type, auto pack) {
    SmallVector<int64_t> shape(type.getShape());
    shape[0] *= static_cast<int64_t>(matrices.size());
    FailureOr<Value> tensor = kernels.createPackedWeight(
        builder, loc, base + suffix.str(), type.clone(shape), [&](MutableArrayRef<char> bytes) {
          size_t size = bytes.size() / matrices.size();
          for (auto [index, matrix] : llvm::enumerate(matrices))
            pack(matrix, format, width, bytes.slice(index * size, size));
          return success();
        });
    isPacked &= succeeded(tensor);
    tensors.push_back(isPacked ? *tensor : Value());
  };
  add("", format.getCodeType(context, width), packCodes);
  if (format.hasPattern())
    add(".positions", format.getPositionType(context, width), packPositions);
  add(".scale", format.getScaleType(context, width), packScales);
  if (format.hasZeroPoints)
    add(".zero", format.getScaleType(context, width), packZeroPoints);
  if (format.hasTable) {
    FailureOr<Value> table = kernels.createPackedWeight(
        builder, loc, base + ".table", format.getTableType(context), [&](auto bytes) {
          packTable(matrices.front(), bytes);
          return success();
        });
    isPacked &= succeeded(table);
    tensors.push_back(isPacked ? *table : Value());
  }
  if (!isPacked)
    return failure();
  return tensors;
}

void compress::remarkDense(Operation *op, const WeightChain &chain, const Twine &reason) {
  std::string text =
      ("'" + chain.getSourceName() + "' is decoded at compile time: " + reason).str();
  remark::missed(op->getLoc(), remark::RemarkOpts::name("dense-weight").category("kernels"))
      << text;
}
