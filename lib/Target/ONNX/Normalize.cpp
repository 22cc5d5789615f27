//===- Normalize.cpp - the walk of compress-normalize-onnx ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NormalizeImpl.h"
#include "compress/Target/ONNX/OpSchemas.h"
#include "compress/Target/ONNX/Passes.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringSwitch.h"

namespace mlir::compress::onnx {
#define GEN_PASS_DEF_NORMALIZEONNX
#include "compress/Target/ONNX/Passes.h.inc"
} // namespace mlir::compress::onnx

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

//===----------------------------------------------------------------------===//
// Registry
//===----------------------------------------------------------------------===//

static std::string registryKey(StringRef domain, StringRef op) {
  return domain.empty() || domain == "ai.onnx" ? op.str() : (domain + "." + op).str();
}

void NormalizerRegistry::add(StringRef op, Function function, int64_t since, int64_t until,
                             StringRef domain, bool untyped) {
  entries[registryKey(domain, op)].push_back({function, since, until, untyped});
}

const NormalizerRegistry::Entry *NormalizerRegistry::lookup(StringRef domain, StringRef op,
                                                            int64_t version) const {
  auto found = entries.find(registryKey(domain, op));
  if (found == entries.end())
    return nullptr;
  for (const Entry &entry : llvm::reverse(found->second))
    if (version >= entry.since && version < entry.until)
      return &entry;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Set-up
//===----------------------------------------------------------------------===//

/// Identifies a model-local function.
static std::string functionKey(StringRef domain, StringRef name, StringRef overload) {
  if (domain == "ai.onnx")
    domain = "";
  return (domain + "\n" + name + "\n" + overload).str();
}

Normalizer::Normalizer(ModuleOp module, ArrayRef<std::string> dimOptions)
    : module(module), context(module.getContext()), store(context), symbols(module) {
  registerElementwiseNormalizers(registry);
  registerContractionNormalizers(registry);
  registerNormalizationNormalizers(registry);
  registerMovementNormalizers(registry);
  registerIndexingNormalizers(registry);
  registerShapeNormalizers(registry);
  registerQuantizationNormalizers(registry);
  for (StringRef option : dimOptions) {
    auto [name, size] = option.rsplit('=');
    int64_t value;
    if (name.empty() || size.getAsInteger(10, value) || value < 0) {
      optionsStatus = mlir::emitError(module.getLoc())
                      << "expects dims as name=size, got '" << option << "'";
      return;
    }
    fixedDims[name] = value;
  }
  for (auto func : module.getOps<func::FuncOp>())
    if (auto info = func->getAttrOfType<DictionaryAttr>("compress.onnx_function")) {
      auto text = [&](StringRef name) {
        auto value = info.getAs<StringAttr>(name);
        return value ? value.getValue() : StringRef();
      };
      functions.insert(functionKey(text("domain"), text("name"), text("overload")));
    }
  module.walk([&](WeightedOpInterface op) {
    if (auto name = op->getAttrOfType<StringAttr>("name"))
      names.insert(name.getValue());
  });
}

std::string Normalizer::uniqueName(StringRef base) {
  std::string name = base.str();
  // Counting on where the last equal name ended keeps many equal names cheap.
  while (!names.insert(name).second)
    name = (base + "_" + Twine(++nameSuffixes[base])).str();
  return name;
}

/// `type` with the dims that `fixed` has a size for, whose names become "".
static Type fixDims(Type type, SmallVectorImpl<StringRef> &dimNames,
                    const llvm::StringMap<int64_t> &fixed) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getRank() != static_cast<int64_t>(dimNames.size()))
    return type;
  SmallVector<int64_t> shape(tensor.getShape());
  for (auto [size, name] : llvm::zip_equal(shape, dimNames)) {
    auto found = fixed.find(name);
    if (name.empty() || found == fixed.end())
      continue;
    size = found->second;
    name = "";
  }
  return tensor.clone(shape);
}

static SmallVector<StringRef> getDimNames(DictionaryAttr attrs) {
  SmallVector<StringRef> names;
  if (attrs)
    if (auto dims = attrs.getAs<ArrayAttr>("compress.dims"))
      for (Attribute dim : dims)
        names.push_back(isa<StringAttr>(dim) ? cast<StringAttr>(dim).getValue() : StringRef());
  return names;
}

LogicalResult Normalizer::bindDims() {
  if (fixedDims.empty())
    return success();
  llvm::StringSet<> known;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (func.isExternal() || func->hasAttr("compress.onnx_function"))
      continue;
    Builder builder(context);
    SmallVector<Type> types(func.getArgumentTypes());
    for (unsigned i = 0; i < func.getNumArguments(); ++i) {
      SmallVector<StringRef> dimNames = getDimNames(func.getArgAttrDict(i));
      for (StringRef name : dimNames)
        known.insert(name);
      types[i] = fixDims(types[i], dimNames, fixedDims);
      func.getArgument(i).setType(types[i]);
      if (!dimNames.empty())
        func.setArgAttr(i, "compress.dims", builder.getStrArrayAttr(dimNames));
    }
    for (unsigned i = 0; i < func.getNumResults(); ++i) {
      SmallVector<StringRef> dimNames = getDimNames(func.getResultAttrDict(i));
      auto declared = func.getResultAttrOfType<TypeAttr>(i, "compress.type");
      if (dimNames.empty() || !declared)
        continue;
      Type type = fixDims(declared.getValue(), dimNames, fixedDims);
      func.setResultAttr(i, "compress.type", TypeAttr::get(type));
      func.setResultAttr(i, "compress.dims", builder.getStrArrayAttr(dimNames));
    }
    func.setFunctionType(builder.getFunctionType(types, func.getResultTypes()));
  }
  for (const auto &dim : fixedDims)
    if (!known.contains(dim.first()))
      return mlir::emitError(module.getLoc()) << "no input has a dim named '" << dim.first() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

void Normalizer::retire(Operation *op) {
  op->dropAllReferences();
  op->remove();
  graveyard.push_back(op);
}

/// Number of leading inputs that must not be omitted.
static unsigned getNumRequiredInputs(OnnxOp op) {
  if (op.isDefaultDomain()) {
    const OpSchema *schema = lookupOp(op.getOpType(), op.getVersion());
    return schema ? schema->minInputs : 0;
  }
  return llvm::StringSwitch<unsigned>(op.getOpType())
      .Cases({"MatMulNBits", "DynamicQuantizeMatMul"}, 3)
      .Cases({"FusedMatMul", "BiasGelu", "QuantizeLinear", "DequantizeLinear"}, 2)
      .Default(1);
}

LogicalResult Normalizer::normalizeNode(OnnxOp op) {
  auto keepNode = [&](const Twine &why) {
    inferOpaqueTypes(op);
    remark::missed(op.getLoc(), remark::RemarkOpts::name("opaque").category("normalize"))
        << (op.getOpType() + ": " + why).str();
    return success();
  };
  if (functions.contains(functionKey(op.getDomain(), op.getOpType(), op.getOverload())))
    return keepNode("it calls a function of the model; run compress-inline-onnx-functions first");
  const NormalizerRegistry::Entry *entry =
      registry.lookup(op.getDomain(), op.getOpType(), op.getVersion());
  if (!entry)
    return keepNode("there is no model op for it");
  // Functions may be called with fewer arguments than their bodies need.
  for (unsigned i = 0, required = getNumRequiredInputs(op); i < required; ++i)
    if (i >= op.getInputs().size() || isa<NoneType>(op.getInputs()[i].getType()))
      return mlir::emitError(op.getLoc()) << op.getOpType() << ": input " << i << " is missing";
  if (!entry->untyped)
    for (Value input : op.getInputs())
      if (!isa<RankedTensorType, NoneType>(input.getType()))
        return keepNode("the type of an input is not known");

  reason.clear();
  hadError = false;
  created.clear();
  OnnxNode node(op, *this);
  NodeResult results = entry->function(node);
  if (succeeded(results)) {
    for (auto [i, value] : llvm::enumerate(*results))
      if (!value && !op.getResult(i).use_empty())
        results = node.keep("output " + Twine(i) + " is used");
  }
  if (failed(results)) {
    for (Operation *made : llvm::reverse(created))
      if (made->getBlock() && made->use_empty())
        retire(made);
    if (hadError)
      return failure();
    return keepNode(reason.empty() ? "this form is not supported" : reason);
  }
  for (auto [result, value] : llvm::zip_equal(op.getResults(), *results))
    if (value)
      result.replaceAllUsesWith(value);
  retire(op);
  return success();
}

LogicalResult Normalizer::refreshTypes(Operation *op) {
  auto infer = dyn_cast<InferTypeOpInterface>(op);
  if (!infer || !llvm::all_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>))
    return success();
  SmallVector<Type> types;
  if (failed(infer.inferReturnTypes(context, std::nullopt, op->getOperands(),
                                    op->getAttrDictionary(), op->getPropertiesStorage(),
                                    op->getRegions(), types)))
    return failure();
  for (auto [result, type] : llvm::zip(op->getResults(), types)) {
    auto ranked = dyn_cast<RankedTensorType>(type),
         old = dyn_cast<RankedTensorType>(result.getType());
    if (!ranked || !old || ranked.getElementType() != old.getElementType() ||
        ranked.getRank() != old.getRank())
      continue;
    SmallVector<int64_t> shape(old.getShape());
    for (auto [size, inferred] : llvm::zip_equal(shape, ranked.getShape()))
      if (ShapedType::isDynamic(size))
        size = inferred;
    result.setType(old.clone(shape));
  }
  return success();
}

LogicalResult Normalizer::walkBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto node = dyn_cast<OnnxOp>(op)) {
      if (Region *branch = getKnownBranch(node)) {
        if (failed(walkBlock(branch->front())))
          return failure();
        inlineBranch(node, *branch);
        continue;
      }
      prepareLoop(node);
      for (Region &body : node.getBodies())
        if (failed(walkBlock(body.front())))
          return failure();
      if (failed(normalizeNode(node)))
        return failure();
    } else if (isa<ReferenceOpInterface>(op)) {
      (void)refreshTypes(&op);
      finish(&op);
    }
  }
  return success();
}

LogicalResult Normalizer::updateSignature(func::FuncOp func) {
  auto returnOp = dyn_cast<func::ReturnOp>(func.getBody().front().getTerminator());
  if (!returnOp)
    return success();
  SmallVector<Type> types(returnOp.getOperandTypes());
  for (auto [i, type] : llvm::enumerate(types)) {
    auto declared = func.getResultAttrOfType<TypeAttr>(i, "compress.type");
    auto want = declared ? dyn_cast<TensorType>(declared.getValue()) : TensorType();
    auto have = dyn_cast<RankedTensorType>(type);
    if (!want || !have)
      continue;
    auto ranked = dyn_cast<RankedTensorType>(want);
    bool fits = want.getElementType() == have.getElementType() &&
                (!ranked || succeeded(verifyCompatibleShape(ranked, have)));
    if (fits)
      continue;
    auto name = func.getResultAttrOfType<StringAttr>(i, "compress.name");
    return func.emitError() << "output '" << (name ? name.getValue() : StringRef("?"))
                            << "': the model declares " << want << ", but its type is " << have;
  }
  func.setFunctionType(FunctionType::get(context, func.getArgumentTypes(), types));
  return success();
}

/// Erases pure ops without users, users first.
static void removeDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        removeDeadOps(inner);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

LogicalResult Normalizer::walkFunction(func::FuncOp func) {
  shapes =
      std::make_unique<SymbolicShapes>([this](Value value) -> std::optional<SmallVector<int64_t>> {
        std::optional<reference::Tensor> tensor = constantOf(value);
        if (!tensor || tensor->getNumElements() > SymbolicShapes::maxContents)
          return std::nullopt;
        return tensor->toInts();
      });
  for (unsigned i = 0; i < func.getNumArguments(); ++i)
    shapes->setDimNames(func.getArgument(i), getDimNames(func.getArgAttrDict(i)));
  LogicalResult walked = walkBlock(func.getBody().front());
  shapes.reset();
  constants.clear();
  constantOps.clear();
  for (Operation *op : llvm::reverse(graveyard))
    op->destroy();
  graveyard.clear();
  if (failed(walked))
    return failure();
  removeDeadOps(func.getBody().front());
  return updateSignature(func);
}

void Normalizer::removeDeadWeights() {
  if (newWeights.empty())
    return;
  llvm::StringSet<> used;
  module.walk([&](LoadOp load) { used.insert(load.getWeight()); });
  for (auto func : module.getOps<func::FuncOp>())
    for (unsigned i = 0; i < func.getNumArguments(); ++i)
      if (auto symbol = func.getArgAttrOfType<FlatSymbolRefAttr>(i, "compress.default"))
        used.insert(symbol.getValue());
  for (WeightOp weight : newWeights)
    if (!used.contains(weight.getSymName()))
      symbols.erase(weight);
  for (Operation *weight : replacedWeights)
    if (!used.contains(cast<WeightOp>(weight).getSymName()))
      symbols.erase(weight);
}

LogicalResult Normalizer::run() {
  if (failed(optionsStatus) || failed(bindDims()))
    return failure();
  for (auto func : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    if (func.isExternal() || !llvm::hasSingleElement(func.getBody()))
      continue;
    if (func->hasAttr("compress.onnx_function")) {
      remark::missed(func.getLoc(), remark::RemarkOpts::name("function").category("normalize"))
          << ("function '" + func.getSymName() +
              "' is generic: run compress-inline-onnx-functions first")
                 .str();
      continue;
    }
    if (failed(walkFunction(func)))
      return failure();
  }
  removeDeadWeights();
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct NormalizeOnnx : onnx::impl::NormalizeOnnxBase<NormalizeOnnx> {
  using NormalizeOnnxBase::NormalizeOnnxBase;

  void runOnOperation() override {
    SmallVector<std::string> options(dims.begin(), dims.end());
    if (failed(Normalizer(getOperation(), options).run()))
      signalPassFailure();
  }
};
} // namespace
