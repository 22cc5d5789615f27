//===- JitModule.cpp - machine code of a module, in this process -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/JitModule.h"
#include "PerfMap.h"
#include "compress/Runtime/compress_rt.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#if LLVM_ADDRESS_SANITIZER_BUILD
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"
#endif
#include "llvm/Transforms/Utils/SplitModule.h"
#include <mutex>

using namespace mlir;
using namespace mlir::compress;
namespace orc = llvm::orc;

/// A module is compiled in at most `kMaxParts` parts of at least `kMinFunctions` functions.
static constexpr unsigned kMaxParts = 8;
static constexpr size_t kMinFunctions = 4;

JitModule::JitModule(std::unique_ptr<orc::LLJIT> jit) : jit(std::move(jit)) {}
JitModule::~JitModule() = default;

static void initializeTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
}

static llvm::Expected<orc::JITTargetMachineBuilder> getMachineBuilder(const CpuTarget &target) {
  llvm::Expected<orc::JITTargetMachineBuilder> builder = orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder;
  builder->setCPU(target.cpu);
  builder->getFeatures() = llvm::SubtargetFeatures(target.features);
  builder->setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  builder->setRelocationModel(llvm::Reloc::PIC_);
  return builder;
}

/// The passes of O2 for `machine`.
static void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
#if LLVM_ADDRESS_SANITIZER_BUILD
  // Then generated code is checked like the rest of the program.
  builder.registerOptimizerLastEPCallback([](llvm::ModulePassManager &passes,
                                             llvm::OptimizationLevel, llvm::ThinOrFullLTOPhase) {
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions(),
                                              /*UseGlobalGC=*/false, /*UseOdrIndicator=*/false,
                                              llvm::AsanDtorKind::None, llvm::AsanCtorKind::None));
  });
#endif
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
}

/// Tells LLVM about the target.
static void prepare(llvm::Module &module, llvm::TargetMachine &machine, const CpuTarget &target) {
  module.setDataLayout(machine.createDataLayout());
  module.setTargetTriple(machine.getTargetTriple());
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    if (target.avx512)
      function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr(llvm::Attribute::NoUnwind);
#if LLVM_ADDRESS_SANITIZER_BUILD
    function.addFnAttr(llvm::Attribute::SanitizeAddress);
#endif
  }
}

/// Optimises and compiles one LLVM module, which `bitcode` holds.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compilePart(ArrayRef<char> bitcode, orc::JITTargetMachineBuilder machineBuilder) {
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      machineBuilder.createTargetMachine();
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Expected<std::unique_ptr<llvm::Module>> part = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(StringRef(bitcode.data(), bitcode.size()), "part"), context);
  if (!part)
    return part.takeError();
  optimize(**part, **machine);
  return orc::SimpleCompiler(**machine)(**part);
}

/// Cuts a module into parts of about equal size, as bitcode: every part can have a context, and so
/// a thread, of its own. Kernels and the bodies of parallel loops are never inlined, so nothing is
/// lost.
static std::vector<SmallVector<char, 0>> split(llvm::Module &module) {
  size_t functions = llvm::count_if(
      module, [](const llvm::Function &function) { return !function.isDeclaration(); });
  unsigned cores = llvm::hardware_concurrency().compute_thread_count();
  unsigned count = std::clamp<size_t>(functions / kMinFunctions, 1, std::min(cores, kMaxParts));
  std::vector<SmallVector<char, 0>> parts;
  auto add = [&](const llvm::Module &part) {
    llvm::raw_svector_ostream os(parts.emplace_back());
    llvm::WriteBitcodeToFile(part, os);
  };
  if (count == 1)
    add(module);
  else
    llvm::SplitModule(
        module, count, [&](std::unique_ptr<llvm::Module> part) { add(*part); },
        /*PreserveLocals=*/false, /*RoundRobin=*/true);
  return parts;
}

llvm::Expected<ObjectFiles> compress::compileToObjects(ModuleOp module, const CpuTarget &target) {
  initializeTarget();
  llvm::Expected<orc::JITTargetMachineBuilder> machineBuilder = getMachineBuilder(target);
  if (!machineBuilder)
    return machineBuilder.takeError();
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      machineBuilder->createTargetMachine();
  if (!machine)
    return machine.takeError();

  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError("the module cannot be translated to LLVM IR");
  prepare(*llvmModule, **machine, target);
  std::vector<SmallVector<char, 0>> parts = split(*llvmModule);
  llvmModule.reset();

  ObjectFiles objects(parts.size());
  std::vector<std::string> errors(parts.size());
  llvm::DefaultThreadPool pool(llvm::hardware_concurrency(parts.size()));
  for (size_t index = 0; index < parts.size(); ++index)
    pool.async([&, index] {
      auto object = compilePart(parts[index], *machineBuilder);
      if (object)
        objects[index] = std::move(*object);
      else
        errors[index] = llvm::toString(object.takeError());
    });
  pool.wait();
  for (const std::string &error : errors)
    if (!error.empty())
      return llvm::createStringError(error);
  return std::move(objects);
}

llvm::Expected<std::unique_ptr<JitModule>> JitModule::compile(ModuleOp module,
                                                              const CpuTarget &target) {
  if (!target.runsOnHost())
    return llvm::createStringError("this CPU cannot run code for " + target.getName());
  llvm::Expected<ObjectFiles> objects = compileToObjects(module, target);
  if (!objects)
    return objects.takeError();
  llvm::Expected<std::unique_ptr<JitModule>> linked = link(*objects);
  if (linked)
    (*linked)->objects = std::move(*objects);
  return linked;
}

llvm::Expected<std::unique_ptr<JitModule>> JitModule::link(const ObjectFiles &objects) {
  initializeTarget();
  llvm::Expected<std::unique_ptr<orc::LLJIT>> jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  orc::JITDylib &library = (*jit)->getMainJITDylib();
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  orc::SymbolMap runtime;
  for (const compress_rt_symbol *symbol = compress_rt_symbols(); symbol->name; ++symbol)
    runtime[(*jit)->mangleAndIntern(symbol->name)] = {orc::ExecutorAddr::fromPtr(symbol->address),
                                                      llvm::JITSymbolFlags::Exported};
  if (llvm::Error error = library.define(orc::absoluteSymbols(std::move(runtime))))
    return error;
  for (const std::unique_ptr<llvm::MemoryBuffer> &object : objects)
    if (llvm::Error error = (*jit)->addObjectFile(
            llvm::MemoryBuffer::getMemBuffer(object->getMemBufferRef(), false)))
      return error;
  for (const std::unique_ptr<llvm::MemoryBuffer> &object : objects) {
    PerfMap map = PerfMap::create(object->getMemBufferRef());
    if (map.getAnchor().empty())
      continue;
    llvm::Expected<orc::ExecutorAddr> address = (*jit)->lookup(map.getAnchor());
    if (!address)
      return address.takeError();
    map.write(address->getValue());
  }
  return std::unique_ptr<JitModule>(new JitModule(std::move(*jit)));
}

llvm::Expected<void *> JitModule::lookup(StringRef name) {
  llvm::Expected<orc::ExecutorAddr> address = jit->lookup(name);
  if (!address)
    return address.takeError();
  return address->toPtr<void *>();
}
