//===- JitModule.h - machine code of a module, in this process -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_JITMODULE_H
#define COMPRESS_EXECUTIONENGINE_JITMODULE_H

#include "compress/Codegen/CPU/CpuTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace mlir {
namespace compress {

/// Optimises (O2) and compiles a module of the LLVM dialect for `target`: the bytes of an object
/// file, position-independent.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> compileToObject(ModuleOp module,
                                                                    const CpuTarget &target);

/// A module of the LLVM dialect as machine code. Calls of `compress_rt_*` go to the run time that
/// this library is linked with; calls of libm to the process.
class JitModule {
public:
  /// Optimises (O2) and compiles `module` for `target`, which the host must be able to run.
  static llvm::Expected<std::unique_ptr<JitModule>> compile(ModuleOp module,
                                                            const CpuTarget &target);
  /// Links an object file of `compileToObject` into this process. The file is trusted.
  static llvm::Expected<std::unique_ptr<JitModule>>
  link(std::unique_ptr<llvm::MemoryBuffer> object);
  ~JitModule();

  /// Address of a function; an error if there is none of that name.
  llvm::Expected<void *> lookup(StringRef name);

private:
  explicit JitModule(std::unique_ptr<llvm::orc::LLJIT> jit);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_JITMODULE_H
