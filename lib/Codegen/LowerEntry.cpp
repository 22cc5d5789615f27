//===- LowerEntry.cpp - the entry of compiled models -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"
#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOWERENTRY
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Replaces the arguments of the main function by memrefs read from the tables of the entry.
class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, func::FuncOp function)
      : module(module), function(function), builder(function.getContext()), loc(function.getLoc()),
        pointerType(LLVM::LLVMPointerType::get(function.getContext())) {}

  LogicalResult run();

private:
  LogicalResult check();
  Value loadInput(MemRefType type, unsigned index);
  Value loadWeight(MemRefType type, unsigned index);
  void checkSize(Value size, unsigned input, int64_t dim, int64_t expected);
  DictionaryAttr getInput(unsigned index);
  void replaceReturns();

  ModuleOp module;
  func::FuncOp function;
  OpBuilder builder;
  Location loc;
  Type pointerType;
  Value weights, inputs;
  /// The first input dim of each name: its size, and where it is.
  llvm::StringMap<std::pair<Value, std::string>> namedSizes;
};
} // namespace

LogicalResult EntryBuilder::check() {
  if (function.getNumResults())
    return function.emitOpError("expects no results; run compress-place-outputs before");
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref || !memref.getLayout().isIdentity())
      return function.emitOpError("expects arguments that are dense memrefs, got ")
             << type << " for argument " << index;
    if (function.getArgAttr(index, "compress.weight") && !memref.hasStaticShape())
      return function.emitOpError("expects weights of static shape, got ")
             << type << " for argument " << index;
  }
  WalkResult result = function.walk([&](Operation *op) -> WalkResult {
    if (op->getNumRegions() && op != function)
      return op->emitOpError("in the main function; expects branches instead of regions");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

DictionaryAttr EntryBuilder::getInput(unsigned index) {
  auto described = module->getAttrOfType<ArrayAttr>("compress.inputs");
  if (!described || index >= described.size())
    return {};
  return dyn_cast<DictionaryAttr>(described[index]);
}

/// Stops with an error if an input does not have the size it was compiled for, or two dims of one
/// name differ.
void EntryBuilder::checkSize(Value size, unsigned input, int64_t dim, int64_t expected) {
  DictionaryAttr described = getInput(input);
  auto name = described ? described.getAs<StringAttr>("name") : StringAttr();
  auto dims = described ? described.getAs<ArrayAttr>("dims") : ArrayAttr();
  std::string place =
      ("dim " + Twine(dim) + " of input '" + (name ? name.getValue() : StringRef("")) + "'").str();
  auto assertEqual = [&](Value other, const Twine &message) {
    Value equal = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, size, other);
    cf::AssertOp::create(builder, loc, equal, builder.getStringAttr(message));
  };
  if (!ShapedType::isDynamic(expected)) {
    assertEqual(createI64(builder, loc, expected), place + " must be " + Twine(expected));
    return;
  }
  auto dimName = dims && dim < static_cast<int64_t>(dims.size()) ? dyn_cast<StringAttr>(dims[dim])
                                                                 : StringAttr();
  if (!dimName || dimName.empty())
    return;
  auto [known, isNew] = namedSizes.try_emplace(dimName.getValue(), size, place);
  if (!isNew)
    assertEqual(known->second.first, place + " must equal " + known->second.second +
                                         "; both are '" + dimName.getValue() + "'");
}

Value EntryBuilder::loadInput(MemRefType type, unsigned index) {
  auto tensorType =
      LLVM::LLVMStructType::getLiteral(builder.getContext(), {pointerType, pointerType});
  auto loadField = [&](int32_t field) -> Value {
    Value address = LLVM::GEPOp::create(builder, loc, pointerType, tensorType, inputs,
                                        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index), field});
    return LLVM::LoadOp::create(builder, loc, pointerType, address);
  };
  Value data = loadField(0);
  SmallVector<Value> sizes;
  if (type.getRank()) {
    Value table = loadField(1);
    for (auto [dim, expected] : llvm::enumerate(type.getShape())) {
      Value address = LLVM::GEPOp::create(builder, loc, pointerType, builder.getI64Type(), table,
                                          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(dim)});
      Value size = LLVM::LoadOp::create(builder, loc, builder.getI64Type(), address);
      checkSize(size, index, dim, expected);
      sizes.push_back(ShapedType::isDynamic(expected) ? size : createI64(builder, loc, expected));
    }
  }
  return createMemRef(builder, loc, type, data, sizes);
}

Value EntryBuilder::loadWeight(MemRefType type, unsigned index) {
  Value address = LLVM::GEPOp::create(builder, loc, pointerType, pointerType, weights,
                                      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  Value data = LLVM::LoadOp::create(builder, loc, pointerType, address);
  SmallVector<Value> sizes = llvm::map_to_vector(
      type.getShape(), [&](int64_t size) { return createI64(builder, loc, size); });
  return createMemRef(builder, loc, type, data, sizes);
}

void EntryBuilder::replaceReturns() {
  function.walk([&](func::ReturnOp end) {
    builder.setInsertionPoint(end);
    Value zero = arith::ConstantOp::create(builder, loc, builder.getI32IntegerAttr(0));
    func::ReturnOp::create(builder, end.getLoc(), zero);
    end.erase();
  });
}

LogicalResult EntryBuilder::run() {
  if (failed(check()))
    return failure();
  Block &entry = function.getBody().front();
  unsigned numOld = entry.getNumArguments();
  weights = entry.insertArgument(0u, pointerType, loc);
  inputs = entry.insertArgument(1u, pointerType, loc);
  builder.setInsertionPointToStart(&entry);
  SmallVector<Attribute> weightSymbols;
  unsigned numInputs = 0;
  for (unsigned index = 0; index < numOld; ++index) {
    BlockArgument argument = entry.getArgument(index + 2);
    auto type = cast<MemRefType>(argument.getType());
    Value value;
    if (auto symbol = function.getArgAttrOfType<FlatSymbolRefAttr>(index, "compress.weight")) {
      value = loadWeight(type, weightSymbols.size());
      weightSymbols.push_back(symbol);
    } else {
      value = loadInput(type, numInputs++);
    }
    argument.replaceAllUsesWith(value);
  }
  entry.eraseArguments(2, numOld);
  function.removeArgAttrsAttr();
  function.setFunctionType(
      builder.getFunctionType({pointerType, pointerType}, {builder.getI32Type()}));
  replaceReturns();
  module->setAttr("compress.weights", builder.getArrayAttr(weightSymbols));
  if (Attribute plan = function->removeAttr("compress.plan"))
    module->setAttr("compress.plan", plan);
  return success();
}

namespace {
class LowerEntryPass : public compress::impl::LowerEntryBase<LowerEntryPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> mains;
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (function.isPublic() && !function.isDeclaration())
        mains.push_back(function);
    if (mains.size() != 1) {
      module.emitOpError("expects one public function, the model, got ") << mains.size();
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    if (failed(EntryBuilder(module, mains.front()).run()) ||
        failed(symbols.rename(mains.front(), "compress_entry")))
      signalPassFailure();
  }
};
} // namespace
