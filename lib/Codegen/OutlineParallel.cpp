//===- OutlineParallel.cpp - parallel loops to functions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"
#include "compress/Codegen/Passes.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::compress {
#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Moves the body of `loop` to where `builder` is, with `ivs` for its induction variables.
static void moveBody(scf::ParallelOp loop, OpBuilder &builder, ValueRange ivs) {
  for (auto [argument, iv] : llvm::zip_equal(loop.getInductionVars(), ivs))
    argument.replaceAllUsesWith(iv);
  Block *target = builder.getInsertionBlock();
  loop.getBody()->getTerminator()->erase();
  target->getOperations().splice(builder.getInsertionPoint(), loop.getBody()->getOperations());
}

/// A parallel loop inside another one runs on the thread that it is on.
static void makeSerial(scf::ParallelOp loop) {
  OpBuilder builder(loop);
  SmallVector<Value> ivs;
  for (auto [lower, upper, step] :
       llvm::zip_equal(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    auto serial = scf::ForOp::create(builder, loop.getLoc(), lower, upper, step);
    builder.setInsertionPoint(serial.getBody()->getTerminator());
    ivs.push_back(serial.getInductionVar());
  }
  moveBody(loop, builder, ivs);
  loop.erase();
}

namespace {
/// Outlines one loop.
class Outliner {
public:
  Outliner(ModuleOp module, SymbolTable &symbols)
      : module(module), symbols(symbols), converter(module.getContext()),
        pointerType(LLVM::LLVMPointerType::get(module.getContext())) {}

  LogicalResult outline(scf::ParallelOp loop);

private:
  LogicalResult findCaptures(scf::ParallelOp loop);
  SmallVector<Value> computeCounts(scf::ParallelOp loop);
  Value createContext(OpBuilder &builder, scf::ParallelOp loop);
  func::FuncOp createBody(scf::ParallelOp loop, ArrayRef<Value> counts);
  void callParallelFor(OpBuilder &builder, func::FuncOp body, Value context, Value total);
  void mapCaptures(OpBuilder &builder, Location loc, Value context, IRMapping &mapping);

  ModuleOp module;
  SymbolTable &symbols;
  LLVMTypeConverter converter;
  Type pointerType;
  /// Values passed to the body of the current loop, and ops that are cloned into it.
  SmallVector<Value> captures;
  SmallVector<Operation *> cloned;
  LLVM::LLVMStructType contextType;
};
} // namespace

/// Number of iterations of each dim of the loop.
SmallVector<Value> Outliner::computeCounts(scf::ParallelOp loop) {
  OpBuilder builder(loop);
  SmallVector<Value> counts;
  for (auto [lower, upper, step] :
       llvm::zip_equal(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    Value count = upper;
    if (!matchPattern(lower, m_Zero()))
      count = arith::SubIOp::create(builder, loop.getLoc(), upper, lower);
    if (!matchPattern(step, m_One()))
      count = arith::CeilDivSIOp::create(builder, loop.getLoc(), count, step);
    if (loop.getNumLoops() > 1) {
      // Two negative counts must not give a positive product.
      Value zero = arith::ConstantIndexOp::create(builder, loop.getLoc(), 0);
      count = arith::MaxSIOp::create(builder, loop.getLoc(), count, zero);
    }
    counts.push_back(count);
  }
  return counts;
}

/// What the body uses from outside; constants and globals are cloned instead of passed.
LogicalResult Outliner::findCaptures(scf::ParallelOp loop) {
  captures.clear();
  cloned.clear();
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(loop.getRegion(), used);
  used.insert(loop.getLowerBound().begin(), loop.getLowerBound().end());
  used.insert(loop.getStep().begin(), loop.getStep().end());
  SmallVector<Type> types;
  for (Value value : used) {
    Operation *op = value.getDefiningOp();
    if (op && (op->hasTrait<OpTrait::ConstantLike>() || isa<memref::GetGlobalOp>(op))) {
      cloned.push_back(op);
      continue;
    }
    Type type = converter.convertType(value.getType());
    if (!type)
      return loop.emitOpError("uses a value of type ")
             << value.getType() << ", which cannot be passed to another thread";
    captures.push_back(value);
    types.push_back(type);
  }
  contextType = LLVM::LLVMStructType::getLiteral(module.getContext(), types);
  return success();
}

/// The captured values in a structure on the stack of the caller.
Value Outliner::createContext(OpBuilder &builder, scf::ParallelOp loop) {
  Location loc = loop.getLoc();
  if (captures.empty())
    return LLVM::ZeroOp::create(builder, loc, pointerType);
  auto function = loop->getParentOfType<func::FuncOp>();
  auto top = OpBuilder::atBlockBegin(&function.getBody().front());
  Value one = createI64(top, loc, 1);
  Value context = LLVM::AllocaOp::create(top, loc, pointerType, contextType, one);
  Value structure = LLVM::PoisonOp::create(builder, loc, contextType);
  for (auto [index, value, type] : llvm::enumerate(captures, contextType.getBody())) {
    Value field = value;
    if (field.getType() != type)
      field = UnrealizedConversionCastOp::create(builder, loc, type, value).getResult(0);
    structure = LLVM::InsertValueOp::create(builder, loc, structure, field,
                                            ArrayRef<int64_t>{static_cast<int64_t>(index)});
  }
  LLVM::StoreOp::create(builder, loc, structure, context);
  return context;
}

void Outliner::mapCaptures(OpBuilder &builder, Location loc, Value context, IRMapping &mapping) {
  for (Operation *op : cloned)
    if (!mapping.contains(op->getResult(0)))
      builder.clone(*op, mapping);
  if (captures.empty())
    return;
  Value structure = LLVM::LoadOp::create(builder, loc, contextType, context);
  for (auto [index, value] : llvm::enumerate(captures)) {
    Value field = LLVM::ExtractValueOp::create(builder, loc, structure,
                                               ArrayRef<int64_t>{static_cast<int64_t>(index)});
    if (field.getType() != value.getType())
      field = UnrealizedConversionCastOp::create(builder, loc, value.getType(), field).getResult(0);
    mapping.map(value, field);
  }
}

/// `func @<parent>_body(%context: !llvm.ptr, %begin: i64, %end: i64)`, a loop over the body.
func::FuncOp Outliner::createBody(scf::ParallelOp loop, ArrayRef<Value> counts) {
  Location loc = loop.getLoc();
  auto parent = loop->getParentOfType<func::FuncOp>();
  OpBuilder builder(parent);
  Type i64 = builder.getI64Type();
  auto body = func::FuncOp::create(builder, loc, (parent.getName() + "_body").str(),
                                   builder.getFunctionType({pointerType, i64, i64}, {}));
  body.setPrivate();
  symbols.insert(body, parent->getIterator());
  builder.setInsertionPointToStart(body.addEntryBlock());
  IRMapping mapping;
  mapCaptures(builder, loc, body.getArgument(0), mapping);
  Type index = builder.getIndexType();
  Value begin = arith::IndexCastOp::create(builder, loc, index, body.getArgument(1));
  Value end = arith::IndexCastOp::create(builder, loc, index, body.getArgument(2));
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto serial = scf::ForOp::create(builder, loc, begin, end, one);
  func::ReturnOp::create(builder, loc);

  builder.setInsertionPoint(serial.getBody()->getTerminator());
  Value position = serial.getInductionVar();
  for (int64_t dim = counts.size(); dim-- > 0;) {
    Value iv = position;
    if (dim) {
      Value count = mapping.lookup(counts[dim]);
      iv = arith::RemUIOp::create(builder, loc, position, count);
      position = arith::DivUIOp::create(builder, loc, position, count);
    }
    Value lower = mapping.lookup(loop.getLowerBound()[dim]);
    Value step = mapping.lookup(loop.getStep()[dim]);
    if (!matchPattern(step, m_One()))
      iv = arith::MulIOp::create(builder, loc, iv, step);
    if (!matchPattern(lower, m_Zero()))
      iv = arith::AddIOp::create(builder, loc, iv, lower);
    mapping.map(loop.getInductionVars()[dim], iv);
  }
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, mapping);
  return body;
}

void Outliner::callParallelFor(OpBuilder &builder, func::FuncOp body, Value context, Value total) {
  Location loc = body.getLoc();
  Value address =
      func::ConstantOp::create(builder, loc, body.getFunctionType(), SymbolRefAttr::get(body));
  address = UnrealizedConversionCastOp::create(builder, loc, pointerType, address).getResult(0);
  func::FuncOp callee = getRuntimeFunction(module, "compress_rt_parallel_for",
                                           {pointerType, pointerType, builder.getI64Type()}, {});
  auto call = func::CallOp::create(builder, loc, callee, ValueRange{address, context, total});
  call->setAttr(parallelBodyAttr, FlatSymbolRefAttr::get(body));
}

LogicalResult Outliner::outline(scf::ParallelOp loop) {
  SmallVector<Value> counts = computeCounts(loop);
  if (failed(findCaptures(loop)))
    return failure();
  // The first dim needs no count to be found again.
  for (Value count : ArrayRef(counts).drop_front()) {
    if (llvm::is_contained(captures, count))
      continue;
    if (Operation *op = count.getDefiningOp(); op && op->hasTrait<OpTrait::ConstantLike>()) {
      if (!llvm::is_contained(cloned, op))
        cloned.push_back(op);
      continue;
    }
    captures.push_back(count);
    SmallVector<Type> types(contextType.getBody());
    types.push_back(converter.convertType(count.getType()));
    contextType = LLVM::LLVMStructType::getLiteral(module.getContext(), types);
  }
  Location loc = loop.getLoc();
  OpBuilder builder(loop);
  Value context = createContext(builder, loop);
  func::FuncOp body = createBody(loop, counts);
  Value total = counts.front();
  for (Value count : ArrayRef(counts).drop_front())
    total = arith::MulIOp::create(builder, loc, total, count);
  total = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), total);
  if (auto least = loop->getAttrOfType<IntegerAttr>(minIterationsAttr)) {
    Value limit = createI64(builder, loc, least.getInt());
    Value isWorthIt = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, total, limit);
    auto branch = scf::IfOp::create(builder, loc, isWorthIt, /*withElseRegion=*/true);
    builder.setInsertionPointToStart(branch.elseBlock());
    Value begin = createI64(builder, loc, 0);
    func::CallOp::create(builder, loc, body, ValueRange{context, begin, total});
    builder.setInsertionPointToStart(branch.thenBlock());
  }
  callParallelFor(builder, body, context, total);
  loop.erase();
  return success();
}

/// Room on the stack of static size belongs to the function: in a loop it would grow.
static void hoistStaticAllocas(func::FuncOp function) {
  Block &entry = function.getBody().front();
  function.walk([&](memref::AllocaOp alloca) {
    if (alloca->getBlock() != &entry && alloca->getNumOperands() == 0)
      alloca->moveBefore(&entry, entry.begin());
  });
}

namespace {
class OutlineParallelPass : public compress::impl::OutlineParallelBase<OutlineParallelPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    Outliner outliner(module, symbols);
    for (func::FuncOp function : llvm::to_vector(module.getOps<func::FuncOp>()))
      if (!function.isDeclaration() && failed(outlineLoops(function, outliner)))
        return signalPassFailure();
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration())
        hoistStaticAllocas(function);
  }

private:
  /// Loops that reduce stay; they are not split between threads.
  static LogicalResult outlineLoops(func::FuncOp function, Outliner &outliner) {
    IRRewriter rewriter(function.getContext());
    SmallVector<scf::ForallOp> foralls;
    function.walk([&](scf::ForallOp loop) { foralls.push_back(loop); });
    for (scf::ForallOp loop : foralls) {
      rewriter.setInsertionPoint(loop);
      if (loop.getNumResults() || failed(scf::forallToParallelLoop(rewriter, loop)))
        return loop.emitOpError("expects a loop on memrefs, without results");
    }
    SmallVector<scf::ParallelOp> outer, inner;
    function.walk<WalkOrder::PreOrder>([&](scf::ParallelOp loop) {
      if (loop.getNumResults())
        return;
      (loop->getParentOfType<scf::ParallelOp>() ? inner : outer).push_back(loop);
    });
    for (scf::ParallelOp loop : inner)
      makeSerial(loop);
    for (scf::ParallelOp loop : outer)
      if (failed(outliner.outline(loop)))
        return failure();
    return success();
  }
};
} // namespace
