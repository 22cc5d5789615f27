//===- KernelHarness.h - runs generated kernels in tests -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_CODEGEN_KERNELHARNESS_H
#define COMPRESS_TEST_UNIT_CODEGEN_KERNELHARNESS_H

#include "GuardedMemRef.h"
#include "compress/Codegen/CPU/KernelLibrary.h"
#include "compress/Codegen/Lowering.h"
#include "compress/ExecutionEngine/JitModule.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"
#include <numeric>
#include <vector>

namespace mlir::compress::test {

/// A module of kernels. Write kernels through `library`, then `compile`, then `call`.
class KernelHarness {
public:
  explicit KernelHarness(CpuTarget target) : target(std::move(target)) {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerCore(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    module = ModuleOp::create(UnknownLoc::get(context.get()));
    symbols = std::make_unique<SymbolTable>(*module);
    library = std::make_unique<KernelLibrary>(*module, *symbols, this->target);
  }

  /// Targets that this host can run.
  static std::vector<CpuTarget> getTargets() {
    std::vector<CpuTarget> targets;
    for (const char *name : {"avx2", "avx512", "avx512vnni"})
      if (CpuTarget candidate = llvm::cantFail(CpuTarget::parse(name)); candidate.runsOnHost())
        targets.push_back(candidate);
    return targets;
  }

  /// Those of them whose f32 code differs.
  static std::vector<CpuTarget> getFloatTargets() {
    std::vector<CpuTarget> targets = getTargets();
    llvm::erase_if(targets, [](const CpuTarget &target) { return target.vnni; });
    return targets;
  }

  void compile() {
    for (func::FuncOp kernel : module->getOps<func::FuncOp>()) {
      kernel.setPublic();
      kernel->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(context.get()));
    }
    ASSERT_TRUE(succeeded(module->verify()));
    PassManager pm(context.get());
    buildLowerToLLVMPipeline(pm);
    ASSERT_TRUE(succeeded(pm.run(*module)));
    llvm::Expected<std::unique_ptr<JitModule>> compiled = JitModule::compile(*module, target);
    ASSERT_TRUE(static_cast<bool>(compiled)) << llvm::toString(compiled.takeError());
    jit = std::move(*compiled);
  }

  /// Calls kernel `name` with `MemRef`s and numbers. It runs twice, on copies that touch a page
  /// without access: an access before the first element or behind the last one ends the test.
  template <typename... Args>
  void call(StringRef name, Args &&...args) {
    llvm::Expected<void *> address = jit->lookup(("_mlir_ciface_" + name).str());
    ASSERT_TRUE(static_cast<bool>(address)) << llvm::toString(address.takeError());
    for (GuardPlace place : {GuardPlace::Before, GuardPlace::Behind})
      invoke(*address, place, guard(args, place)...);
  }

  CpuTarget target;
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> module;
  std::unique_ptr<SymbolTable> symbols;
  std::unique_ptr<KernelLibrary> library;
  std::unique_ptr<JitModule> jit;

private:
  template <typename T, size_t Rank>
  static GuardedMemRef<T, Rank> guard(MemRef<T, Rank> &memref, GuardPlace place) {
    return GuardedMemRef<T, Rank>(memref, place);
  }
  template <typename T>
  static std::enable_if_t<std::is_arithmetic_v<T>, T> guard(T value, GuardPlace) {
    return value;
  }

  template <typename T, size_t Rank>
  static MemRef<T, Rank> *pass(GuardedMemRef<T, Rank> &memref) {
    return memref.get();
  }
  static int64_t pass(int64_t value) { return value; }
  static float pass(float value) { return value; }

  template <typename T, size_t Rank>
  static void commit(GuardedMemRef<T, Rank> &memref) {
    memref.commit();
  }
  static void commit(int64_t) {}
  static void commit(float) {}

  /// Results are those of the second run.
  template <typename... Args>
  static void invoke(void *kernel, GuardPlace place, Args &&...args) {
    reinterpret_cast<void (*)(decltype(pass(args))...)>(kernel)(pass(args)...);
    if (place == GuardPlace::Behind)
      (commit(args), ...);
  }
};

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_UNIT_CODEGEN_KERNELHARNESS_H
