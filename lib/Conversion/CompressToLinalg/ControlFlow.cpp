//===- ControlFlow.cpp - If and bodies of nodes as structured control flow -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The bodies keep their ops, which are converted after the node. What to do with a body's outputs
// is decided when the node is converted and done when its terminator is.
//
//===----------------------------------------------------------------------===//

#include "ControlFlow.h"
#include "Patterns.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

LogicalResult compress::failNode(OnnxOp op, const Twine &reason) {
  return op.emitError("cannot be compiled to native code: node \"")
         << op.getNodeName() << "\" (" << op.getOpType() << "): " << reason;
}

Region *compress::getNodeBody(OnnxOp op, StringRef name) {
  if (!op.getBodyNames())
    return nullptr;
  ArrayAttr names = *op.getBodyNames();
  for (auto [pair, body] : llvm::zip_equal(names, op.getBodies()))
    if (cast<StringAttr>(cast<ArrayAttr>(pair)[0]).getValue() == name)
      return &body;
  return nullptr;
}

LogicalResult compress::checkNodeTypes(OnnxOp op, TypeRange types, StringRef what) {
  for (Type type : types) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return failNode(op, what + Twine(" has no tensor type of known rank"));
    if (!tensor.getElementType().isIntOrFloat() && !isa<ComplexType>(tensor.getElementType()))
      return failNode(op, what + Twine(" has elements that are not numbers"));
  }
  return success();
}

FailureOr<RankedTensorType> compress::joinTensorTypes(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  if (x.getRank() != y.getRank() || x.getElementType() != y.getElementType())
    return failure();
  SmallVector<int64_t> shape(x.getShape());
  for (auto [size, other] : llvm::zip_equal(shape, y.getShape()))
    if (size != other)
      size = ShapedType::kDynamic;
  return x.clone(shape);
}

namespace {
struct IfLowering : public NodeLowering {
  using NodeLowering::NodeLowering;
  LogicalResult matchAndRewrite(OnnxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getOpType() != "If" || !op.isDefaultDomain())
      return rewriter.notifyMatchFailure(op, "no If");
    Region *branches[] = {getNodeBody(op, "then_branch"), getNodeBody(op, "else_branch")};
    if (!branches[0] || !branches[1] || op.getInputs().size() != 1 || op.getBodies().size() != 2)
      return failNode(op, "expects a condition and two branches");
    if (failed(checkNodeTypes(op, op.getInputs().getTypes(), "condition")) ||
        failed(checkNodeTypes(op, op.getResultTypes(), "result")))
      return failure();
    if (!cast<RankedTensorType>(op.getInputs()[0].getType()).getElementType().isInteger(1))
      return failNode(op, "condition is not bool");
    for (Region *branch : branches) {
      ValueRange outputs = branch->front().getTerminator()->getOperands();
      if (branch->front().getNumArguments() != 0 || outputs.size() != op.getNumResults())
        return failNode(op, "branches and results differ in number");
      if (failed(checkNodeTypes(op, outputs.getTypes(), "output of a branch")))
        return failure();
      for (auto [output, result] : llvm::zip_equal(outputs, op.getResults()))
        if (failed(joinTensorTypes(output.getType(), result.getType())))
          return failNode(op, "output of a branch has another type than the result");
    }
    SmallVector<Type> types;
    if (failed(getTypeConverter()->convertTypes(op.getResultTypes(), types)))
      return failure();
    TensorBuilder b(rewriter, op.getLoc(), lowering, "If");
    Value condition = b.getScalar(adaptor.getInputs()[0]);
    auto branchOp = scf::IfOp::create(rewriter, op.getLoc(), types, condition,
                                      /*addThenBlock=*/false, /*addElseBlock=*/false);
    Region *regions[] = {&branchOp.getThenRegion(), &branchOp.getElseRegion()};
    for (auto [from, to] : llvm::zip_equal(branches, regions)) {
      Operation *terminator = from->front().getTerminator();
      (*continuations)[terminator] = [this, terminator, types](ConversionPatternRewriter &rewriter,
                                                               ValueRange outputs) {
        TensorBuilder b(rewriter, terminator->getLoc(), lowering, "If");
        SmallVector<Value> values;
        for (auto [output, type] : llvm::zip_equal(outputs, types))
          values.push_back(b.castChecked(output, type));
        scf::YieldOp::create(rewriter, terminator->getLoc(), values);
      };
      rewriter.inlineRegionBefore(*from, *to, to->end());
    }
    rewriter.replaceOp(op, branchOp.getResults());
    return success();
  }
};

/// Outputs of a body.
struct YieldLowering : public LoweringPattern<compress::YieldOp> {
  YieldLowering(const TypeConverter &converter, LoweringContext &lowering,
                std::shared_ptr<Continuations> continuations)
      : LoweringPattern(converter, lowering), continuations(std::move(continuations)) {}

  LogicalResult matchAndRewrite(compress::YieldOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto known = continuations->find(op);
    if (known == continuations->end())
      return rewriter.notifyMatchFailure(op, "the node was not converted");
    known->second(rewriter, adaptor.getValues());
    rewriter.eraseOp(op);
    return success();
  }

private:
  std::shared_ptr<Continuations> continuations;
};

/// Says which node has neither a model op nor a pattern.
struct UnknownNodeLowering : public LoweringPattern<OnnxOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(OnnxOp op, OpAdaptor, ConversionPatternRewriter &) const override {
    // The patterns of the others have said what is wrong.
    if (op.isDefaultDomain() && llvm::is_contained({"If", "Loop", "Scan"}, op.getOpType()))
      return failure();
    return failNode(op, "the operator has no model op");
  }
};

/// Omitted inputs have no value; their uses look at the type only.
struct NoneLowering : public LoweringPattern<NoneOp> {
  using LoweringPattern::LoweringPattern;
  LogicalResult matchAndRewrite(NoneOp op, OpAdaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<UnrealizedConversionCastOp>(op, op.getType(), ValueRange{});
    return success();
  }
};
} // namespace

void compress::populateControlFlowPatterns(const TypeConverter &converter,
                                           LoweringContext &lowering, RewritePatternSet &patterns) {
  auto continuations = std::make_shared<Continuations>();
  patterns.add<IfLowering, YieldLowering>(converter, lowering, continuations);
  populateLoopPatterns(converter, lowering, continuations, patterns);
  patterns.add<NoneLowering>(converter, lowering);
  patterns.add<UnknownNodeLowering>(converter, lowering, /*benefit=*/0);
}
