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
#include <vector>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace mlir {
namespace compress {

/// Object files that belong together.
using ObjectFiles = std::vector<std::unique_ptr<llvm::MemoryBuffer>>;

/// Optimises (O2) and compiles a module of the LLVM dialect for `target`: position-independent
/// object files, several if the module has many functions, so that the cores of this machine
/// can share the work.
llvm::Expected<ObjectFiles> compileToObjects(ModuleOp module, const CpuTarget &target);

/// A module of the LLVM dialect as machine code. Calls of `compress_rt_*` go to the run time that
/// this library is linked with; calls of libm to the process.
class JitModule {
public:
  /// Optimises (O2) and compiles `module` for `target`, which the host must be able to run.
  static llvm::Expected<std::unique_ptr<JitModule>> compile(ModuleOp module,
                                                            const CpuTarget &target);
  /// Links the object files of `compileToObjects` into this process. They are trusted, and must
  /// live as long as the result.
  static llvm::Expected<std::unique_ptr<JitModule>> link(const ObjectFiles &objects);
  ~JitModule();

  /// Address of a function; an error if there is none of that name.
  llvm::Expected<void *> lookup(StringRef name);

private:
  explicit JitModule(std::unique_ptr<llvm::orc::LLJIT> jit);
  /// Of `compile`.
  ObjectFiles objects;
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_JITMODULE_H
