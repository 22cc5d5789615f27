//===- SessionImpl.h - what a session consists of --------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_EXECUTIONENGINE_SESSIONIMPL_H
#define COMPRESS_LIB_EXECUTIONENGINE_SESSIONIMPL_H

#include "compress/ExecutionEngine/JitModule.h"
#include "compress/ExecutionEngine/Session.h"
#include "compress/Runtime/compress_rt.h"
#include "llvm/ADT/StringSet.h"
#include <mutex>

namespace mlir {
namespace compress {

/// A stored tensor of a compiled model, 64-byte aligned.
struct StoredWeight {
  std::string name;
  ArrayRef<char> bytes;
  /// Keeps `bytes`.
  std::shared_ptr<void> owner;
  bool isMapped = false;
};

struct ContextDeleter {
  void operator()(compress_rt_context *context) const { compress_rt_destroy(context); }
};

struct Session::Impl {
  /// Machine code.
  ObjectFiles objects;
  /// Of the CPU that the code is for, as `CpuTarget`.
  std::string features;
  std::unique_ptr<JitModule> jit;
  compress_rt_entry entry = nullptr;
  std::vector<StoredWeight> weights;
  /// Addresses of `weights`.
  std::vector<const void *> weightTable;
  std::unique_ptr<compress_rt_context, ContextDeleter> context;
  /// Held by a run.
  std::mutex mutex;
  Observer observer;
  /// Of the observer, in the run that goes on.
  llvm::Error observerError = llvm::Error::success();

  ~Impl() { llvm::consumeError(std::move(observerError)); }

  /// Links the code, makes the context and fills the table.
  llvm::Error start(int threads);
};

/// The compiler's side of the memory of weights. Blobs of a context may be shared by modules and
/// sessions.
class WeightCollector {
public:
  /// Remembers which blobs belong to others than `module`.
  explicit WeightCollector(ModuleOp module);

  /// The weights named by the module's attribute `compress.weights`, in this order, without copying
  /// what is aligned. Failures are diagnostics.
  FailureOr<std::vector<StoredWeight>> take();

  /// Frees the blobs that `module` brought or got, except those of `live`. What `take` returned
  /// stays.
  void free(ArrayRef<ModuleOp> live);

private:
  FailureOr<StoredWeight> takeWeight(Operation *weight);

  ModuleOp module;
  MLIRContext *context;
  llvm::StringSet<> foreignBlobs;
};

/// Checks inputs against what a model expects; errors name the input. `copies` keeps what had to be
/// copied.
llvm::Error bindInputs(ArrayRef<TensorSpec> specs, ArrayRef<TensorView> views,
                       SmallVectorImpl<compress_rt_tensor> &bound,
                       SmallVectorImpl<HostTensor> &copies);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_EXECUTIONENGINE_SESSIONIMPL_H
