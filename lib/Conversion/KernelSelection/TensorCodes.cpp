//===- TensorCodes.cpp - activations with one scale for all elements ------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorCodes.h"

using namespace mlir;
using namespace mlir::compress;

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isZeroOfRank0(Value zeroPoint) { return getTensorType(zeroPoint).getRank() == 0; }

/// The op that makes the codes of `op` from floats, with the same parameters; or null.
static QuantizeOp getQuantize(DequantizeOp op) {
  auto quantize = op.getCodes().getDefiningOp<QuantizeOp>();
  return quantize && quantize.getScale() == op.getScale() &&
                 quantize.getZeroPoint() == op.getZeroPoint()
             ? quantize
             : QuantizeOp();
}

bool compress::hasTensorCodes(Value input) {
  auto op = input.getDefiningOp<DequantizeOp>();
  if (!op || getTensorType(op.getScale()).getRank() != 0 ||
      !getTensorType(op.getScale()).getElementType().isF32())
    return false;
  auto element = dyn_cast<IntegerType>(getTensorType(op.getCodes()).getElementType());
  if (!element || element.getWidth() < 2 || element.getWidth() > 8)
    return false;
  if (op.getZeroPoint())
    return element.isUnsigned() && isZeroOfRank0(op.getZeroPoint());
  return !element.isUnsigned() && getQuantize(op);
}

/// A constant of rank 0.
static FailureOr<Value> createScalar(OpBuilder &builder, KernelContext &kernels, Location loc,
                                     Type element, uint8_t value) {
  std::string name = "code." + std::to_string(value);
  return kernels.createPackedWeight(builder, loc, name, RankedTensorType::get({}, element),
                                    [&](MutableArrayRef<char> bytes) {
                                      bytes[0] = static_cast<char>(value);
                                      return success();
                                    });
}

/// Codes above zero: `quantize` with the zero point in the middle, next to `op`. One for all users.
static FailureOr<QuantizeOp> makeUnsigned(RewriterBase &rewriter, KernelContext &kernels,
                                          QuantizeOp op) {
  unsigned width = getTensorType(op.getCodes()).getElementType().getIntOrFloatBitWidth();
  Type element = rewriter.getIntegerType(width, /*isSigned=*/false);
  RankedTensorType type = getTensorType(op.getCodes()).clone(element);
  if (auto next = dyn_cast_or_null<LoadOp>(op->getNextNode()))
    if (auto made = dyn_cast_or_null<QuantizeOp>(next->getNextNode());
        made && made.getInput() == op.getInput() && made.getScale() == op.getScale() &&
        made.getZeroPoint() == next.getResult() && made.getType() == type)
      return made;
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointAfter(op);
  FailureOr<Value> zero = createScalar(rewriter, kernels, op.getLoc(), element,
                                       static_cast<uint8_t>(1u << (width - 1)));
  if (failed(zero))
    return failure();
  auto made = QuantizeOp::create(rewriter, op.getLoc(), type, op.getInput(), op.getScale(), *zero,
                                 DenseI64ArrayAttr());
  kernels.lowering.transfer(op.getCodes(), made.getCodes());
  return made;
}

FailureOr<TensorCodes> compress::makeTensorCodes(RewriterBase &rewriter, KernelContext &kernels,
                                                 DequantizeOp input) {
  TensorCodes result{input.getCodes(), input.getScale(), input.getZeroPoint()};
  if (!input.getZeroPoint()) {
    FailureOr<QuantizeOp> made = makeUnsigned(rewriter, kernels, getQuantize(input));
    if (failed(made))
      return failure();
    result.codes = made->getCodes();
    result.zeroPoint = made->getZeroPoint();
  }
  Type ui8 = rewriter.getIntegerType(8, /*isSigned=*/false);
  // In memory short codes are bytes already; the cast only says so.
  for (Value *value : {&result.codes, &result.zeroPoint}) {
    RankedTensorType type = getTensorType(*value);
    if (type.getElementType() == ui8)
      continue;
    auto cast = CastOp::create(rewriter, input.getLoc(), type.clone(ui8), *value);
    kernels.lowering.transfer(*value, cast.getResult());
    *value = cast.getResult();
  }
  return result;
}
