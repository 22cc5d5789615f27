//===- InlineOnnxFunctions.cpp - inline model-local functions ---*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Target/ONNX/Passes.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "compress/Target/ONNX/ProtoWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::compress::onnx {
#define GEN_PASS_DEF_INLINEONNXFUNCTIONS
#include "compress/Target/ONNX/Passes.h.inc"
} // namespace mlir::compress::onnx

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

/// More nodes than this are not made, however the functions nest.
static constexpr int64_t maxInlinedNodes = 1000000;

static std::string functionKey(StringRef domain, StringRef name, StringRef overload) {
  if (domain == "ai.onnx")
    domain = "";
  return (domain + "\n" + name + "\n" + overload).str();
}

/// The value of an attribute that is serialized, as import makes it, or null.
static Attribute decodeAttribute(const AttributeProto &attribute, Builder &builder) {
  switch (attribute.type.value_or(AT_Undefined)) {
  case AT_Float:
    return builder.getF32FloatAttr(attribute.f.value_or(0.0f));
  case AT_Int:
    return builder.getI64IntegerAttr(attribute.i.value_or(0));
  case AT_String:
    return builder.getStringAttr(attribute.s);
  case AT_Floats:
    return builder.getDenseF32ArrayAttr(attribute.floats);
  case AT_Ints:
    return builder.getDenseI64ArrayAttr(attribute.ints);
  case AT_Strings:
    return builder.getStrArrayAttr(attribute.strings);
  default:
    return {};
  }
}

namespace {
struct InlineOnnxFunctions : onnx::impl::InlineOnnxFunctionsBase<InlineOnnxFunctions> {
  using InlineOnnxFunctionsBase::InlineOnnxFunctionsBase;
  void runOnOperation() override;

private:
  LogicalResult inlineCall(OnnxOp call, func::FuncOp function);
  LogicalResult resolveReferences(OnnxOp op, OnnxOp call, func::FuncOp function);
  /// Collects the calls in `op` and in its regions.
  void collectCalls(Operation *op);

  llvm::StringMap<func::FuncOp> functions;
  SmallVector<OnnxOp> worklist;
  int64_t numNodes = 0;
};
} // namespace

void InlineOnnxFunctions::collectCalls(Operation *root) {
  root->walk([&](OnnxOp op) {
    if (functions.contains(functionKey(op.getDomain(), op.getOpType(), op.getOverload())))
      worklist.push_back(op);
  });
}

/// Replaces references to attributes of the function by the call's, or the default.
LogicalResult InlineOnnxFunctions::resolveReferences(OnnxOp op, OnnxOp call,
                                                     func::FuncOp function) {
  if (!op.getOnnxAttributes())
    return success();
  Builder builder(op.getContext());
  NamedAttrList attributes;
  DictionaryAttr dictionary = *op.getOnnxAttributes();
  for (NamedAttribute attribute : dictionary) {
    auto raw = dyn_cast<OnnxRawAttr>(attribute.getValue());
    if (!raw) {
      attributes.push_back(attribute);
      continue;
    }
    llvm::Expected<AttributeProto> proto = readAttribute(raw.getBytes());
    if (!proto)
      return op.emitError() << "attribute '" << attribute.getName().getValue()
                            << "': " << llvm::toString(proto.takeError());
    if (proto->refAttrName.empty()) {
      attributes.push_back(attribute);
      continue;
    }
    Attribute value = call.getOnnxAttr(proto->refAttrName);
    auto info = function->getAttrOfType<DictionaryAttr>("compress.onnx_function");
    if (auto defaults = info.getAs<ArrayAttr>("defaults"); !value && defaults) {
      for (auto entry : defaults.getAsRange<OnnxRawAttr>()) {
        llvm::Expected<AttributeProto> fallback = readAttribute(entry.getBytes());
        if (!fallback)
          return function.emitError() << llvm::toString(fallback.takeError());
        if (fallback->name != proto->refAttrName)
          continue;
        value = decodeAttribute(*fallback, builder);
        if (!value) {
          // Other kinds stay serialized, under the name that the node has for them.
          fallback->name = attribute.getName().getValue();
          llvm::Expected<std::string> bytes = serializeAttribute(*fallback);
          if (!bytes)
            return function.emitError() << llvm::toString(bytes.takeError());
          value = OnnxRawAttr::get(op.getContext(), *bytes);
        }
      }
    }
    // Without a value the node's own default holds.
    if (value)
      attributes.set(attribute.getName(), value);
  }
  op.setOnnxAttributesAttr(attributes.empty() ? DictionaryAttr()
                                              : attributes.getDictionary(op.getContext()));
  return success();
}

LogicalResult InlineOnnxFunctions::inlineCall(OnnxOp call, func::FuncOp function) {
  Block &body = function.getBody().front();
  auto returnOp = dyn_cast<func::ReturnOp>(body.getTerminator());
  if (!returnOp || call.getInputs().size() > body.getNumArguments() ||
      call.getNumResults() > returnOp.getNumOperands())
    return call.emitError() << "the call of function '" << function.getSymName()
                            << "' does not have its numbers of inputs and outputs";
  if (!call.getBodies().empty())
    return call.emitError() << "the call of function '" << function.getSymName()
                            << "' has a graph attribute, which is not supported";
  OpBuilder builder(call);
  IRMapping mapping;
  for (BlockArgument argument : body.getArguments()) {
    Value value;
    if (argument.getArgNumber() < call.getInputs().size())
      value = call.getInputs()[argument.getArgNumber()];
    else
      value = NoneOp::create(builder, call.getLoc(), NoneType::get(&getContext()));
    mapping.map(argument, value);
  }
  for (Operation &op : body.without_terminator()) {
    Operation *copy = builder.clone(op, mapping);
    LogicalResult resolved = success();
    copy->walk([&](OnnxOp node) {
      ++numNodes;
      if (succeeded(resolved))
        resolved = resolveReferences(node, call, function);
    });
    if (failed(resolved))
      return failure();
    if (numNodes > maxInlinedNodes)
      return call.emitError() << "functions expand to more than " << maxInlinedNodes << " nodes";
    collectCalls(copy);
  }
  for (auto [result, value] : llvm::zip(call.getResults(), returnOp.getOperands()))
    result.replaceAllUsesWith(mapping.lookupOrDefault(value));
  call.erase();
  return success();
}

void InlineOnnxFunctions::runOnOperation() {
  ModuleOp module = getOperation();
  functions.clear();
  worklist.clear();
  numNodes = 0;
  for (auto function : module.getOps<func::FuncOp>())
    if (auto info = function->getAttrOfType<DictionaryAttr>("compress.onnx_function")) {
      auto text = [&](StringRef name) {
        auto value = info.getAs<StringAttr>(name);
        return value ? value.getValue() : StringRef();
      };
      functions[functionKey(text("domain"), text("name"), text("overload"))] = function;
    }
  if (functions.empty())
    return;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function->hasAttr("compress.onnx_function"))
      collectCalls(function);
  // A cycle of calls ends at the limit of nodes or of this count.
  int64_t calls = 0;
  while (!worklist.empty()) {
    OnnxOp call = worklist.pop_back_val();
    func::FuncOp function =
        functions[functionKey(call.getDomain(), call.getOpType(), call.getOverload())];
    if (++calls > maxInlinedNodes) {
      call.emitError() << "functions expand to more than " << maxInlinedNodes << " nodes";
      return signalPassFailure();
    }
    if (function.isExternal() || failed(inlineCall(call, function)))
      return signalPassFailure();
  }
  for (auto &entry : functions)
    entry.second.erase();
}
