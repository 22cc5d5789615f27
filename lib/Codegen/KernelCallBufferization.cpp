//===- KernelCallBufferization.cpp - kernel calls on buffers -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Lowering.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::bufferization;

/// Whether every layout of `from` is one of `to`: what `to` says of offset and strides, `from` says
/// as well. Sizes may differ where one is dynamic; the verifier has compared them.
static bool hasLayoutOf(MemRefType from, MemRefType to) {
  SmallVector<int64_t> fromStrides, toStrides;
  int64_t fromOffset, toOffset;
  if (failed(from.getStridesAndOffset(fromStrides, fromOffset)) ||
      failed(to.getStridesAndOffset(toStrides, toOffset)))
    return false;
  auto agrees = [](int64_t given, int64_t wanted) {
    return ShapedType::isDynamic(wanted) || given == wanted;
  };
  if (!agrees(fromOffset, toOffset))
    return false;
  // Both identity, with different knowledge of sizes.
  if (from.getLayout().isIdentity() && to.getLayout().isIdentity())
    return true;
  return llvm::all_of(llvm::zip_equal(fromStrides, toStrides),
                      [&](auto pair) { return agrees(std::get<0>(pair), std::get<1>(pair)); });
}

/// A dense buffer of the sizes of `buffer`.
static FailureOr<Value> createDense(RewriterBase &rewriter, Location loc, Value buffer,
                                    const BufferizationOptions &options) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(memref::DimOp::create(rewriter, loc, buffer, dim));
  return options.createAlloc(rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
                             sizes);
}

namespace {
/// The call overwrites its outputs without reading them.
struct KernelCallModel
    : public DstBufferizableOpInterfaceExternalModel<KernelCallModel, KernelCallOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<KernelCallOp>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    auto call = cast<KernelCallOp>(op);
    auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
    if (!callee)
      return call.emitOpError("has no callee");
    rewriter.setInsertionPoint(call);
    SmallVector<Value> arguments, results;
    // Outputs that the kernel cannot write directly: buffer of the kernel, buffer of the result.
    SmallVector<std::pair<Value, Value>> copies;
    for (auto [operand, type] : llvm::zip_equal(call->getOpOperands(), callee.getArgumentTypes())) {
      if (!isa<TensorType>(operand.get().getType())) {
        arguments.push_back(operand.get());
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      bool isOutput = call.isDpsInit(&operand);
      if (isOutput)
        results.push_back(*buffer);
      auto wanted = cast<MemRefType>(type);
      Value argument = *buffer;
      if (!hasLayoutOf(cast<MemRefType>(buffer->getType()), wanted)) {
        FailureOr<Value> dense = createDense(rewriter, call.getLoc(), *buffer, options);
        if (failed(dense))
          return failure();
        argument = *dense;
        if (isOutput)
          copies.push_back({argument, *buffer});
        else if (failed(options.createMemCpy(rewriter, call.getLoc(), *buffer, argument)))
          return failure();
      }
      if (argument.getType() != wanted) {
        if (!memref::CastOp::areCastCompatible(argument.getType(), wanted))
          return call.emitOpError("cannot pass a buffer of type ")
                 << argument.getType() << " for the callee's " << wanted;
        argument = memref::CastOp::create(rewriter, call.getLoc(), wanted, argument);
      }
      arguments.push_back(argument);
    }
    func::CallOp::create(rewriter, call.getLoc(), callee, arguments);
    for (auto [from, to] : copies)
      if (failed(options.createMemCpy(rewriter, call.getLoc(), from, to)))
        return failure();
    replaceOpWithBufferizedValues(rewriter, call, results);
    return success();
  }
};

/// An observer reads its operand where it stands.
struct ObserveModel : public BufferizableOpInterface::ExternalModel<ObserveModel, ObserveOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &, const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &, const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &, const AnalysisState &) const {
    return {};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options, BufferizationState &state) const {
    auto observe = cast<ObserveOp>(op);
    if (!isa<TensorType>(observe.getInput().getType()))
      return success();
    rewriter.setInsertionPoint(op);
    FailureOr<Value> buffer = getBuffer(rewriter, observe.getInput(), options, state);
    if (failed(buffer))
      return failure();
    Value dense = *buffer;
    if (!cast<MemRefType>(dense.getType()).getLayout().isIdentity()) {
      FailureOr<Value> copy = createDense(rewriter, op->getLoc(), *buffer, options);
      if (failed(copy) || failed(options.createMemCpy(rewriter, op->getLoc(), *buffer, *copy)))
        return failure();
      dense = *copy;
    }
    ObserveOp::create(rewriter, op->getLoc(), dense, observe.getId(), observe.getStatistics(),
                      observe.getIndexAttr(), observe.getElementTypeAttr());
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void mlir::compress::registerCodegenInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, CompressDialect *) {
    KernelCallOp::attachInterface<KernelCallModel>(*context);
    ObserveOp::attachInterface<ObserveModel>(*context);
  });
}
