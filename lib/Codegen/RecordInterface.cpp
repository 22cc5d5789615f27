//===- RecordInterface.cpp - inputs and outputs as attributes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/Passes.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::compress {
#define GEN_PASS_DEF_RECORDINTERFACE
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// `{name, dims, type}` of an argument or result with `attributes`.
static DictionaryAttr describe(DictionaryAttr attributes, Type type, const Twine &defaultName) {
  Builder builder(type.getContext());
  auto get = [&](StringRef name) { return attributes ? attributes.get(name) : Attribute(); };
  auto name = dyn_cast_or_null<StringAttr>(get("compress.name"));
  auto names = dyn_cast_or_null<ArrayAttr>(get("compress.dims"));
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t rank = tensor ? tensor.getRank() : 0;
  SmallVector<Attribute> dims(rank, builder.getStringAttr(""));
  for (int64_t dim = 0; names && dim < std::min<int64_t>(rank, names.size()); ++dim)
    if (isa<StringAttr>(names[dim]) && tensor.isDynamicDim(dim))
      dims[dim] = names[dim];
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("name", name ? name : builder.getStringAttr(defaultName)),
       builder.getNamedAttr("dims", builder.getArrayAttr(dims)),
       builder.getNamedAttr("type", TypeAttr::get(type))});
}

namespace {
class RecordInterfacePass : public compress::impl::RecordInterfaceBase<RecordInterfacePass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (module->hasAttr("compress.inputs") && module->hasAttr("compress.outputs"))
      return;
    func::FuncOp main;
    for (func::FuncOp function : module.getOps<func::FuncOp>()) {
      if (!function.isPublic() || function.isDeclaration())
        continue;
      if (main) {
        function.emitOpError("is a second public function; expects one, the model; the first is @")
            << main.getName();
        return signalPassFailure();
      }
      main = function;
    }
    if (!main) {
      module.emitOpError("has no public function, the model");
      return signalPassFailure();
    }
    SmallVector<Attribute> inputs, outputs;
    for (auto [index, type] : llvm::enumerate(main.getArgumentTypes()))
      if (!main.getArgAttr(index, "compress.weight"))
        inputs.push_back(describe(main.getArgAttrDict(index), type, "input" + Twine(index)));
    for (auto [index, type] : llvm::enumerate(main.getResultTypes()))
      outputs.push_back(describe(main.getResultAttrDict(index), type, "output" + Twine(index)));
    Builder builder(&getContext());
    module->setAttr("compress.inputs", builder.getArrayAttr(inputs));
    module->setAttr("compress.outputs", builder.getArrayAttr(outputs));
  }
};
} // namespace
