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
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace mlir;
using namespace mlir::compress;
namespace orc = llvm::orc;

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
  }
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
compress::compileToObject(ModuleOp module, const CpuTarget &target) {
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
  optimize(*llvmModule, **machine);
  return orc::SimpleCompiler(**machine)(*llvmModule);
}

llvm::Expected<std::unique_ptr<JitModule>> JitModule::compile(ModuleOp module,
                                                              const CpuTarget &target) {
  if (!target.runsOnHost())
    return llvm::createStringError("this CPU cannot run code for " + target.getName());
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> object = compileToObject(module, target);
  if (!object)
    return object.takeError();
  return link(std::move(*object));
}

llvm::Expected<std::unique_ptr<JitModule>>
JitModule::link(std::unique_ptr<llvm::MemoryBuffer> object) {
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
  PerfMap map = PerfMap::create(object->getMemBufferRef());
  if (llvm::Error error = (*jit)->addObjectFile(std::move(object)))
    return error;
  if (!map.getAnchor().empty()) {
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
