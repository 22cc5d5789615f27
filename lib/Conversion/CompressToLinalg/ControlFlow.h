//===- ControlFlow.h - what If, Loop and Scan have in common -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_CONTROLFLOW_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_CONTROLFLOW_H

#include "TensorBuilder.h"

namespace mlir {
namespace compress {

/// What becomes of the (converted) outputs of a body, by terminator.
using Continuation = std::function<void(ConversionPatternRewriter &, ValueRange)>;
using Continuations = DenseMap<Operation *, Continuation>;

/// Base of the patterns of nodes with bodies.
struct NodeLowering : public LoweringPattern<OnnxOp> {
  NodeLowering(const TypeConverter &converter, LoweringContext &lowering,
               std::shared_ptr<Continuations> continuations)
      : LoweringPattern(converter, lowering), continuations(std::move(continuations)) {}

protected:
  std::shared_ptr<Continuations> continuations;
};

/// Fails with an error that names the node.
LogicalResult failNode(OnnxOp op, const Twine &reason);
/// The body that is the value of attribute `name`, or null.
Region *getNodeBody(OnnxOp op, StringRef name);
/// Fails with an error unless all types are tensors that memory can hold.
LogicalResult checkNodeTypes(OnnxOp op, TypeRange types, StringRef what);
/// A type with the sizes that both have; fails for different ranks or element types.
FailureOr<RankedTensorType> joinTensorTypes(Type a, Type b);

/// Loop and Scan.
void populateLoopPatterns(const TypeConverter &converter, LoweringContext &lowering,
                          std::shared_ptr<Continuations> continuations,
                          RewritePatternSet &patterns);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_CONTROLFLOW_H
