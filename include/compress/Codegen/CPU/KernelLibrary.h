//===- KernelLibrary.h - generated kernels of a module -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_KERNELLIBRARY_H
#define COMPRESS_CODEGEN_CPU_KERNELLIBRARY_H

#include "compress/Codegen/CPU/KernelBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

namespace mlir {
namespace compress {

/// The kernels of a module, each generated once. A kernel is a private `func.func` on memrefs,
/// named after everything that its code depends on, so that equal requests share it. It carries the
/// attributes `compress.kernel` (one line for people) and `no_inline`.
class KernelLibrary {
public:
  /// `symbols` is the table of `module`; table and target must live as long as the library.
  KernelLibrary(ModuleOp module, SymbolTable &symbols, const CpuTarget &target)
      : module(module), symbols(symbols), target(target) {}

  const CpuTarget &getTarget() const { return target; }
  MLIRContext *getContext() { return module.getContext(); }

  /// The kernel `name`; `emit` writes its body if it does not exist yet, and gets the arguments.
  func::FuncOp getOrCreate(StringRef name, StringRef description, ArrayRef<Type> arguments,
                           function_ref<void(KernelBuilder &, ValueRange)> emit);

  /// Attribute with the description of a kernel.
  static constexpr StringLiteral kDescription = "compress.kernel";

private:
  ModuleOp module;
  SymbolTable &symbols;
  const CpuTarget &target;
};

/// Memref of an activation: `shape` (dynamic dims allowed) with any strides but 1 in the last dim.
MemRefType getActivationType(ArrayRef<int64_t> shape, Type elementType);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_KERNELLIBRARY_H
