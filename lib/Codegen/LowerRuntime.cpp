//===- LowerRuntime.cpp - allocations and checks to calls of the run time -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"
#include "compress/Codegen/MemoryPlan.h"
#include "compress/Codegen/Passes.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Support/DataType.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOWERRUNTIME
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// The function that `call` runs: its callee, or the body of a parallel loop.
static StringAttr getTarget(func::CallOp call) {
  if (auto body = call->getAttrOfType<FlatSymbolRefAttr>(parallelBodyAttr))
    return body.getAttr();
  return call.getCalleeAttr().getAttr();
}

/// Functions in which an allocation or a check can fail.
static DenseSet<StringAttr> findFallible(ModuleOp module) {
  DenseMap<StringAttr, SmallVector<StringAttr>> callers;
  DenseSet<StringAttr> fallible;
  SmallVector<StringAttr> worklist;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    StringAttr name = function.getSymNameAttr();
    bool canFail = false;
    function.walk([&](Operation *op) {
      if (auto call = dyn_cast<func::CallOp>(op))
        callers[getTarget(call)].push_back(name);
      canFail |= isa<memref::AllocOp, cf::AssertOp>(op);
    });
    if (canFail && fallible.insert(name).second)
      worklist.push_back(name);
  }
  while (!worklist.empty())
    for (StringAttr caller : callers.lookup(worklist.pop_back_val()))
      if (fallible.insert(caller).second)
        worklist.push_back(caller);
  return fallible;
}

namespace {
/// Lowers one function after the other.
class RuntimeLowering {
public:
  explicit RuntimeLowering(ModuleOp module)
      : module(module), builder(module.getContext()),
        pointerType(LLVM::LLVMPointerType::get(module.getContext())), symbols(module),
        fallible(findFallible(module)) {}

  LogicalResult lower(func::FuncOp function);

private:
  LogicalResult check(func::FuncOp function);
  void stopUnless(Value condition, Operation *op, Block *failed);
  Block *getFailBlock();
  void lower(cf::AssertOp op);
  void lower(memref::AllocOp op);
  void lower(memref::DeallocOp op);
  void lower(ObserveOp op);
  void checkAfter(func::CallOp call);
  Value getMessage(Location loc, StringRef text);
  SmallVector<Value> getSizes(memref::AllocOp op);
  Value storeSizes(Location loc, ArrayRef<Value> sizes);
  Value callOutput(memref::AllocOp op, ArrayRef<Value> sizes);
  Value callAlloc(memref::AllocOp op, ArrayRef<Value> sizes);
  func::CallOp call(Location loc, StringRef name, ValueRange arguments, TypeRange results);

  ModuleOp module;
  OpBuilder builder;
  Type pointerType;
  SymbolTable symbols;
  DenseSet<StringAttr> fallible;
  llvm::StringMap<LLVM::GlobalOp> messages;
  func::FuncOp function;
  Block *failBlock = nullptr;
};
} // namespace

LogicalResult RuntimeLowering::check(func::FuncOp function) {
  FunctionType type = function.getFunctionType();
  bool returnsStatus = type.getNumResults() == 1 && type.getResult(0).isInteger(32);
  if (type.getNumResults() && !returnsStatus)
    return function.emitOpError("can fail; expects no results or a status, got ") << type;
  WalkResult result = function.walk([&](Operation *op) -> WalkResult {
    if (isa<memref::AllocOp, cf::AssertOp, func::CallOp>(op) && op->getParentOp() != function)
      return op->emitOpError("expects to be lowered after structured control flow");
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      if (!alloc.getType().getLayout().isIdentity() || !alloc.getSymbolOperands().empty() ||
          !(alloc.getType().getElementType().isIntOrIndexOrFloat()))
        return op->emitOpError("expects a dense buffer of numbers");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

func::CallOp RuntimeLowering::call(Location loc, StringRef name, ValueRange arguments,
                                   TypeRange results) {
  func::FuncOp callee =
      getRuntimeFunction(module, name, llvm::to_vector(arguments.getTypes()), results);
  return func::CallOp::create(builder, loc, callee, arguments);
}

/// Where a function ends after an error.
Block *RuntimeLowering::getFailBlock() {
  if (failBlock)
    return failBlock;
  OpBuilder::InsertionGuard guard(builder);
  failBlock = builder.createBlock(&function.getBody(), function.getBody().end());
  SmallVector<Value> results;
  if (function.getNumResults())
    results.push_back(
        arith::ConstantOp::create(builder, function.getLoc(), builder.getI32IntegerAttr(-1)));
  func::ReturnOp::create(builder, function.getLoc(), results);
  return failBlock;
}

/// Continues with `op` if `condition` holds, else with block `failed`.
void RuntimeLowering::stopUnless(Value condition, Operation *op, Block *failed) {
  Block *block = op->getBlock();
  Block *next = block->splitBlock(op);
  builder.setInsertionPointToEnd(block);
  cf::CondBranchOp::create(builder, op->getLoc(), condition, next, failed);
}

/// The address of a text that ends with a zero; one global per text.
Value RuntimeLowering::getMessage(Location loc, StringRef text) {
  LLVM::GlobalOp &global = messages[text];
  if (!global) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    std::string bytes = text.str();
    bytes.push_back(0);
    auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
    global =
        LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal,
                               "compress_message", builder.getStringAttr(bytes));
    symbols.insert(global);
  }
  return LLVM::AddressOfOp::create(builder, loc, pointerType, global.getSymName());
}

void RuntimeLowering::lower(cf::AssertOp op) {
  Block *fail = getFailBlock();
  Block *report = builder.createBlock(fail);
  call(op.getLoc(), "compress_rt_error", getMessage(op.getLoc(), op.getMsg()), {});
  cf::BranchOp::create(builder, op.getLoc(), fail);
  stopUnless(op.getArg(), op, report);
  op.erase();
}

/// Sizes as i64, one per dim.
SmallVector<Value> RuntimeLowering::getSizes(memref::AllocOp op) {
  SmallVector<Value> sizes;
  unsigned next = 0;
  for (int64_t size : op.getType().getShape())
    sizes.push_back(ShapedType::isDynamic(size)
                        ? arith::IndexCastOp::create(builder, op.getLoc(), builder.getI64Type(),
                                                     op.getDynamicSizes()[next++])
                        : createI64(builder, op.getLoc(), size));
  return sizes;
}

static int64_t getElementBytes(memref::AllocOp op) {
  Type type = op.getType().getElementType();
  return type.isIndex() ? 8 : (type.getIntOrFloatBitWidth() + 7) / 8;
}

/// A table of sizes in the frame of the function.
Value RuntimeLowering::storeSizes(Location loc, ArrayRef<Value> sizes) {
  Value table;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&function.getBody().front());
    Value count = createI64(builder, loc, std::max<int64_t>(sizes.size(), 1));
    table = LLVM::AllocaOp::create(builder, loc, pointerType, builder.getI64Type(), count);
  }
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    Value address = LLVM::GEPOp::create(builder, loc, pointerType, builder.getI64Type(), table,
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(dim)});
    LLVM::StoreOp::create(builder, loc, size, address);
  }
  return table;
}

Value RuntimeLowering::callOutput(memref::AllocOp op, ArrayRef<Value> sizes) {
  Location loc = op.getLoc();
  Value table = storeSizes(loc, sizes);
  int64_t index = op->getAttrOfType<IntegerAttr>("compress.output").getInt();
  Value arguments[] = {createI64(builder, loc, index), createI64(builder, loc, sizes.size()), table,
                       createI64(builder, loc, getElementBytes(op))};
  return call(loc, "compress_rt_output", arguments, pointerType).getResult(0);
}

Value RuntimeLowering::callAlloc(memref::AllocOp op, ArrayRef<Value> sizes) {
  Location loc = op.getLoc();
  Value bytes = op.getType().hasStaticShape()
                    ? createI64(builder, loc, op.getType().getNumElements() * getElementBytes(op))
                    : createByteSize(builder, loc, sizes, getElementBytes(op));
  StringRef name =
      op->hasAttr("compress.workspace") ? "compress_rt_workspace" : "compress_rt_alloc";
  return call(loc, name, bytes, pointerType).getResult(0);
}

void RuntimeLowering::lower(memref::AllocOp op) {
  builder.setInsertionPoint(op);
  SmallVector<Value> sizes = getSizes(op);
  Value pointer = op->hasAttr("compress.output") ? callOutput(op, sizes) : callAlloc(op, sizes);
  Value null = LLVM::ZeroOp::create(builder, op.getLoc(), pointerType);
  Value isValid =
      LLVM::ICmpOp::create(builder, op.getLoc(), LLVM::ICmpPredicate::ne, pointer, null);
  stopUnless(isValid, op, getFailBlock());
  builder.setInsertionPoint(op);
  op.replaceAllUsesWith(createMemRef(builder, op.getLoc(), op.getType(), pointer, sizes));
  op.erase();
}

void RuntimeLowering::lower(memref::DeallocOp op) {
  builder.setInsertionPoint(op);
  Value pointer = getBasePointer(builder, op.getLoc(), op.getMemref());
  call(op.getLoc(), "compress_rt_free", pointer, {});
  op.erase();
}

void RuntimeLowering::lower(ObserveOp op) {
  Location loc = op.getLoc();
  builder.setInsertionPoint(op);
  auto type = cast<MemRefType>(op.getInput().getType());
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    Value size = memref::DimOp::create(builder, loc, op.getInput(), dim);
    sizes.push_back(arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size));
  }
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, op.getInput());
  address = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), address);
  Type element = op.getElementType().value_or(type.getElementType());
  Value arguments[] = {createI64(builder, loc, op.getIndex().value_or(0)),
                       LLVM::IntToPtrOp::create(builder, loc, pointerType, address),
                       createI64(builder, loc, type.getRank()), storeSizes(loc, sizes),
                       arith::ConstantOp::create(builder, loc,
                                                 builder.getI32IntegerAttr(static_cast<int32_t>(
                                                     getDataType(element).value())))};
  call(loc, "compress_rt_observe", arguments, {});
  op.erase();
}

/// The callee returned nothing, so the run time is asked.
void RuntimeLowering::checkAfter(func::CallOp callOp) {
  Location loc = callOp.getLoc();
  builder.setInsertionPointAfter(callOp);
  Value status = call(loc, "compress_rt_failed", {}, builder.getI32Type()).getResult(0);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
  Value isGood = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, status, zero);
  stopUnless(isGood, isGood.getDefiningOp()->getNextNode(), getFailBlock());
}

LogicalResult RuntimeLowering::lower(func::FuncOp given) {
  function = given;
  failBlock = nullptr;
  bool canFail = fallible.contains(function.getSymNameAttr());
  if (canFail && failed(check(function)))
    return failure();
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<memref::AllocOp, memref::DeallocOp, cf::AssertOp, func::CallOp, ObserveOp>(op))
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      lower(alloc);
    else if (auto dealloc = dyn_cast<memref::DeallocOp>(op))
      lower(dealloc);
    else if (auto check = dyn_cast<cf::AssertOp>(op))
      lower(check);
    else if (auto observe = dyn_cast<ObserveOp>(op))
      lower(observe);
    else if (fallible.contains(getTarget(cast<func::CallOp>(op))))
      checkAfter(cast<func::CallOp>(op));
  }
  return success();
}

/// Private functions are internal to the compiled module. Kernels stay functions of their own:
/// inside the entry they would only make one large function.
static void setLinkage(func::FuncOp function) {
  MLIRContext *context = function.getContext();
  if (!function.isPrivate())
    return;
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
  function->setAttr("passthrough", ArrayAttr::get(context, StringAttr::get(context, "noinline")));
}

namespace {
class LowerRuntimePass : public compress::impl::LowerRuntimeBase<LowerRuntimePass> {
public:
  void runOnOperation() override {
    RuntimeLowering lowering(getOperation());
    for (func::FuncOp function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (function.isDeclaration())
        continue;
      if (failed(lowering.lower(function)))
        return signalPassFailure();
      setLinkage(function);
    }
  }
};
} // namespace
