//===- OpTestSupport.h - ops over known tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_IR_OPTESTSUPPORT_H
#define COMPRESS_TEST_UNIT_IR_OPTESTSUPPORT_H

#include "../Reference/TestUtils.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"

namespace mlir {
namespace compress {

/// Builds ops whose operands are block arguments or constants with known values.
class OpWorld {
public:
  /// Dims of operands become dynamic with probability `dynamicPercent` / 100, drawn from `seed`.
  explicit OpWorld(unsigned dynamicPercent = 0, uint64_t seed = 0)
      : context(MLIRContext::Threading::DISABLED), builder(&context),
        dynamicPercent(dynamicPercent), random(seed) {
    context.loadDialect<CompressDialect>();
    builder.setInsertionPointToEnd(&block);
  }
  ~OpWorld() {
    // Users come after what they use.
    while (!block.empty())
      block.back().erase();
  }

  RankedTensorType getType(DataType type, ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, getElementType(type, &context));
  }

  /// An operand with this value, a block argument.
  Value operand(const reference::Tensor &tensor) {
    SmallVector<int64_t> dims(tensor.getShape());
    for (int64_t &dim : dims)
      if (random() % 100 < dynamicPercent)
        dim = ShapedType::kDynamic;
    operands.push_back(tensor);
    return block.addArgument(getType(tensor.getType(), dims), loc());
  }

  /// An operand whose type is static whatever the probability.
  Value staticOperand(const reference::Tensor &tensor) {
    operands.push_back(tensor);
    return block.addArgument(getType(tensor.getType(), tensor.getShape()), loc());
  }

  /// A `compress.constant` operand of type i64 and rank 0.
  Value scalar(int64_t integer) {
    operands.push_back(reference::ints({}, integer));
    return ConstantOp::create(builder, loc(),
                              DenseIntElementsAttr::get(getType(DataType::I64, {}), integer));
  }

  /// A `compress.constant` operand of type i64 and rank 1.
  Value constant(ArrayRef<int64_t> integers) {
    RankedTensorType type = getType(DataType::I64, {static_cast<int64_t>(integers.size())});
    operands.push_back(reference::ints(type.getShape(), integers));
    return ConstantOp::create(builder, loc(), DenseIntElementsAttr::get(type, integers));
  }

  Location loc() { return builder.getUnknownLoc(); }

  /// The op's results for the operands' values, which were made in the op's order.
  SmallVector<reference::Tensor> evaluate(Operation *op) {
    return reference::get(cast<ReferenceOpInterface>(op).evaluate(operands));
  }

  MLIRContext context;
  OpBuilder builder;
  /// Values of the operands, in order of creation.
  SmallVector<reference::Tensor> operands;

private:
  Block block;
  unsigned dynamicPercent;
  std::mt19937_64 random;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_TEST_UNIT_IR_OPTESTSUPPORT_H
