//===- OpHarness.cpp - compares compiled ops with the reference ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHarness.h"
#include "compress/Codegen/Lowering.h"
#include "compress/Conversion/Passes.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/ExternalInterfaces/Register.h"
#include "compress/Runtime/compress_rt.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;
using reference::Tensor;

struct OpHarness::Impl {
  Impl() {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerCore(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  /// Per function, weights that it takes as arguments after the others.
  llvm::StringMap<std::vector<Tensor>> weights;
};

/// Value of a constant attribute or weight.
static Tensor readValue(Attribute value, RankedTensorType type, Location loc) {
  WeightStore store(type.getContext());
  FailureOr<WeightBytes> bytes = store.read(value, type, [&] { return emitError(loc); });
  if (failed(bytes)) {
    ADD_FAILURE() << "unreadable weight";
    return Tensor();
  }
  return reference::get(
      Tensor::fromPacked(*getDataType(type.getElementType()), type.getShape(), bytes->bytes()));
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// Makes every dim of the values of `function` dynamic, except of constants and weights.
static void makeDynamic(func::FuncOp function) {
  auto widen = [](Value value) {
    if (auto type = dyn_cast<RankedTensorType>(value.getType()))
      value.setType(RankedTensorType::get(
          SmallVector<int64_t>(type.getRank(), ShapedType::kDynamic), type.getElementType()));
  };
  for (BlockArgument argument : function.getArguments())
    widen(argument);
  function.walk([&](Operation *op) {
    if (!isa<ConstantOp, LoadOp>(op))
      for (Value result : op->getResults())
        widen(result);
  });
  Operation *terminator = function.getBody().front().getTerminator();
  function.setType(FunctionType::get(function.getContext(), function.getBody().getArgumentTypes(),
                                     terminator->getOperandTypes()));
}

/// Functions that can fail return nothing: addresses and sizes of the results go to one more
/// argument.
static void passResultsThroughTable(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  Location loc = function.getLoc();
  auto type = MemRefType::get({ShapedType::kDynamic}, builder.getI64Type());
  Block &block = function.getBody().front();
  Value table = block.addArgument(type, loc);
  Operation *terminator = function.getBody().back().getTerminator();
  builder.setInsertionPoint(terminator);
  int64_t next = 0;
  auto store = [&](Value index) {
    Value word = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index);
    Value slot = arith::ConstantIndexOp::create(builder, loc, next++);
    memref::StoreOp::create(builder, loc, word, table, slot);
  };
  for (Value result : terminator->getOperands()) {
    auto resultType = cast<MemRefType>(result.getType());
    store(memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, result));
    for (int64_t dim = 0; dim < resultType.getRank(); ++dim)
      store(memref::DimOp::create(builder, loc, result, dim));
  }
  terminator->setOperands({});
  function.setType(builder.getFunctionType(block.getArgumentTypes(), {}));
  if (function.getArgAttrsAttr()) // One per argument.
    function.setAllArgAttrs(
        SmallVector<DictionaryAttr>(block.getNumArguments(), builder.getDictionaryAttr({})));
  function.removeResAttrsAttr();
}

OpHarness::OpHarness(StringRef text, Sizes sizes) : impl(std::make_unique<Impl>()) {
  MLIRContext *context = impl->context.get();
  impl->module = parseSourceString<ModuleOp>(text, context);
  if (!impl->module) {
    ADD_FAILURE() << "the module does not parse";
    return;
  }
  if (sizes == Sizes::Dynamic) {
    impl->module->walk(makeDynamic);
    if (failed(impl->module->verify())) {
      ADD_FAILURE() << "the module with dynamic sizes is wrong";
      return;
    }
  }
  OwningOpRef<ModuleOp> module = impl->module->clone();

  PassManager conversion(context);
  ConvertCompressToLinalgOptions options;
  options.kernels = false;
  conversion.addPass(createConvertCompressToLinalg(options));
  conversion.addPass(createWeightsToArguments());
  if (failed(conversion.run(*module))) {
    ADD_FAILURE() << "convert-compress-to-linalg failed";
    return;
  }
  SymbolTable symbols(*module);
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (auto name = function.getArgAttrOfType<FlatSymbolRefAttr>(index, "compress.weight")) {
        auto weight = symbols.lookup<WeightOp>(name.getAttr());
        impl->weights[function.getName()].push_back(
            readValue(weight.getValue(), weight.getTensorType(), weight.getLoc()));
      }
  for (WeightOp weight : llvm::make_early_inc_range(module->getOps<WeightOp>()))
    weight.erase();
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(context));

  PassManager lowering(context);
  lowering.addPass(createCanonicalizerPass());
  OpPassManager &functions = lowering.nest<func::FuncOp>();
  functions.addPass(createLinalgGeneralizeNamedOpsPass());
  functions.addPass(createLinalgFoldUnitExtentDimsPass());
  functions.addPass(createLinalgElementwiseOpFusionPass());
  functions.addPass(createCanonicalizerPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.allowReturnAllocsFromLoops = true;
  lowering.addPass(bufferization::createOneShotBufferizePass(bufferize));
  lowering.addPass(createCanonicalizerPass());
  lowering.addPass(createCSEPass());
  PassManager finish(context);
  buildLowerToLLVMPipeline(finish);
  if (failed(lowering.run(*module))) {
    ADD_FAILURE() << "bufferization failed";
    return;
  }
  for (func::FuncOp function : module->getOps<func::FuncOp>())
    passResultsThroughTable(function);
  if (failed(finish.run(*module))) {
    ADD_FAILURE() << "lowering to LLVM failed";
    return;
  }
  llvm::Expected<std::unique_ptr<JitModule>> compiled =
      JitModule::compile(*module, llvm::cantFail(CpuTarget::parse("host")));
  if (!compiled) {
    ADD_FAILURE() << llvm::toString(compiled.takeError());
    return;
  }
  jit = std::move(*compiled);
}

OpHarness::~OpHarness() = default;

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

/// Calls a C wrapper: all its arguments are pointers.
static void callPointers(void *function, ArrayRef<void *> p) {
  switch (p.size()) {
#define COMPRESS_CALL(count, types, ...)                                                           \
  case count:                                                                                      \
    return reinterpret_cast<void(*) types>(function)(__VA_ARGS__);
    using P = void *;
    COMPRESS_CALL(1, (P), p[0])
    COMPRESS_CALL(2, (P, P), p[0], p[1])
    COMPRESS_CALL(3, (P, P, P), p[0], p[1], p[2])
    COMPRESS_CALL(4, (P, P, P, P), p[0], p[1], p[2], p[3])
    COMPRESS_CALL(5, (P, P, P, P, P), p[0], p[1], p[2], p[3], p[4])
    COMPRESS_CALL(6, (P, P, P, P, P, P), p[0], p[1], p[2], p[3], p[4], p[5])
    COMPRESS_CALL(7, (P, P, P, P, P, P, P), p[0], p[1], p[2], p[3], p[4], p[5], p[6])
    COMPRESS_CALL(8, (P, P, P, P, P, P, P, P), p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7])
#undef COMPRESS_CALL
  default:
    ADD_FAILURE() << "too many arguments";
  }
}

/// The descriptor of a contiguous tensor, in words.
static std::vector<int64_t> makeDescriptor(const Tensor &tensor) {
  std::vector<int64_t> words;
  auto address = reinterpret_cast<int64_t>(tensor.getData<char>());
  words.insert(words.end(), {address, address, tensor.getOffset()});
  words.insert(words.end(), tensor.getShape().begin(), tensor.getShape().end());
  words.insert(words.end(), tensor.getStrides().begin(), tensor.getStrides().end());
  return words;
}

namespace {
/// What the run time calls; buffers live until it returns.
struct Call {
  void *function;
  ArrayRef<void *> pointers;
  const std::vector<int64_t> &table;
  func::FuncOp source;
  SmallVectorImpl<Tensor> &results;
};
} // namespace
static Call *currentCall;

/// Copies results that `table` has addresses and sizes of.
static void readResults(Call &call) {
  const int64_t *words = call.table.data();
  for (Type type : call.source.getResultTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    ArrayRef<int64_t> sizes(words + 1, tensor.getRank());
    Tensor result = reference::get(Tensor::create(*getDataType(tensor.getElementType()), sizes));
    if (size_t bytes = result.getNumElements() * reference::getSlotBytes(result.getType()))
      std::memcpy(result.getData<char>(), reinterpret_cast<const char *>(*words), bytes);
    call.results.push_back(result);
    words += 1 + tensor.getRank();
  }
}

static int32_t enter(const void *const *, const compress_rt_tensor *) {
  callPointers(currentCall->function, currentCall->pointers);
  if (!compress_rt_failed())
    readResults(*currentCall);
  return 0;
}

SmallVector<Tensor> OpHarness::run(StringRef function, ArrayRef<Tensor> inputs) {
  SmallVector<Tensor> results;
  std::string error = run(function, inputs, results);
  if (!error.empty())
    ADD_FAILURE() << error;
  return results;
}

std::string OpHarness::getError(StringRef function, ArrayRef<Tensor> inputs) {
  SmallVector<Tensor> results;
  return run(function, inputs, results);
}

std::string OpHarness::run(StringRef function, ArrayRef<Tensor> inputs,
                           SmallVectorImpl<Tensor> &found) {
  auto source = jit ? impl->module->lookupSymbol<func::FuncOp>(function) : func::FuncOp();
  if (!source)
    return "no function";
  std::vector<Tensor> values;
  for (const Tensor &input : inputs)
    values.push_back(reference::get(input.clone()));
  for (const Tensor &weight : impl->weights.lookup(function))
    values.push_back(weight);
  std::vector<std::vector<int64_t>> descriptors;
  for (const Tensor &value : values)
    descriptors.push_back(makeDescriptor(value));
  std::vector<int64_t> table;
  for (Type type : source.getResultTypes())
    table.resize(table.size() + 1 + cast<RankedTensorType>(type).getRank());
  auto address = reinterpret_cast<int64_t>(table.data());
  descriptors.push_back({address, address, 0, static_cast<int64_t>(table.size()), 1});

  std::vector<void *> pointers;
  for (std::vector<int64_t> &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  llvm::Expected<void *> code = jit->lookup(("_mlir_ciface_" + function).str());
  if (!code)
    return llvm::toString(code.takeError());
  Call call{*code, pointers, table, source, found};
  currentCall = &call;
  std::unique_ptr<compress_rt_context, decltype(&compress_rt_destroy)> runtime(
      compress_rt_create(2), compress_rt_destroy);
  if (compress_rt_run(runtime.get(), enter, nullptr, nullptr)) {
    const char *message = compress_rt_get_error(runtime.get());
    return message ? message : "unknown error";
  }

  return "";
}

SmallVector<Tensor> OpHarness::evaluate(StringRef function, ArrayRef<Tensor> inputs) {
  auto source = impl->module ? impl->module->lookupSymbol<func::FuncOp>(function) : func::FuncOp();
  if (!source)
    return {};
  DenseMap<Value, Tensor> values;
  for (auto [argument, input] : llvm::zip_equal(source.getArguments(), inputs))
    values[argument] = input;
  for (Operation &op : source.getBody().front().without_terminator()) {
    if (auto weight = dyn_cast<WeightSourceOpInterface>(op)) {
      values[op.getResult(0)] = readValue(
          weight.getWeightValue(), cast<RankedTensorType>(op.getResult(0).getType()), op.getLoc());
      continue;
    }
    SmallVector<Tensor> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.lookup(operand));
    SmallVector<Tensor> results = reference::get(cast<ReferenceOpInterface>(op).evaluate(operands));
    if (results.size() != op.getNumResults())
      return {};
    for (auto [result, value] : llvm::zip(op.getResults(), results))
      values[result] = value;
  }
  SmallVector<Tensor> expected;
  for (Value operand : source.getBody().front().getTerminator()->getOperands())
    expected.push_back(values.lookup(operand));
  return expected;
}

void test::expectClose(const Tensor &found, const Tensor &expected, double tolerance) {
  ASSERT_EQ(found.getType(), expected.getType());
  ASSERT_EQ(reference::shapeToString(found.getShape()),
            reference::shapeToString(expected.getShape()));
  Tensor left = reference::get(found.contiguous()), right = reference::get(expected.contiguous());
  unsigned wrong = 0;
  for (int64_t i = 0; i < left.getNumElements(); ++i) {
    int64_t slot = left.getOffset() + i, expectedSlot = right.getOffset() + i;
    bool isSame;
    if (!isFloat(left.getType())) {
      isSame = left.loadInt(slot) == right.loadInt(expectedSlot);
    } else {
      double a = left.loadFloat(slot), b = right.loadFloat(expectedSlot);
      isSame = a == b || (std::isnan(a) && std::isnan(b)) ||
               std::fabs(a - b) <= tolerance * std::max(1.0, std::fabs(b));
    }
    if (!isSame && ++wrong < 6)
      ADD_FAILURE() << "element " << i << ": found " << left.loadFloat(slot) << ", expected "
                    << right.loadFloat(expectedSlot);
  }
  EXPECT_EQ(wrong, 0u);
}

void OpHarness::check(StringRef function, ArrayRef<Tensor> inputs, double tolerance) {
  SCOPED_TRACE(function.str());
  for (const Tensor &input : inputs)
    SCOPED_TRACE(reference::shapeToString(input.getShape()));
  SmallVector<Tensor> expected = evaluate(function, inputs), found = run(function, inputs);
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(found.size(), expected.size());
  for (auto [left, right] : llvm::zip(found, expected))
    expectClose(left, right, tolerance);
}

Tensor test::edgeValues(DataType type, ArrayRef<int64_t> shape, unsigned start) {
  Tensor result = reference::get(Tensor::create(type, shape));
  double infinity = std::numeric_limits<double>::infinity(),
         nan = std::numeric_limits<double>::quiet_NaN();
  const double floats[] = {0.0,  -0.0, 0.5,   -0.5,  1.5,   -1.5,     2.5,       -2.5,  1,
                           -1,   0.75, 3,     -3,    7.25,  -7.25,    1e-3,      -1e-3, 1e-40,
                           30,   -30,  87.5,  -87.5, 126.5, -127.5,   254.5,     -300,  65000,
                           -1e5, 1e10, -1e10, 3e38,  -3e38, infinity, -infinity, nan};
  bool isFloatType = isFloat(type);
  int64_t low = isFloatType ? 0 : getMinInt(type);
  auto high = static_cast<int64_t>(isFloatType ? 0 : getMaxInt(type));
  const int64_t integers[] = {0,   1,    -1,  2,    -2,      3,        7,        -7, 5,
                              100, -100, low, high, low + 1, high - 1, high / 2, 13};
  for (int64_t i = 0; i < result.getNumElements(); ++i) {
    if (isFloatType)
      result.storeFloat(i, floats[(static_cast<uint64_t>(i) + start) % std::size(floats)]);
    else if (type == DataType::Bool)
      result.storeInt(i, ((i + start) / 2 + i) % 2);
    else
      result.storeInt(i, integers[(static_cast<uint64_t>(i) + start) % std::size(integers)]);
  }
  return result;
}
