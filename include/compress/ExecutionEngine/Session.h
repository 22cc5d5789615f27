//===- Session.h - a model compiled in this process ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_SESSION_H
#define COMPRESS_EXECUTIONENGINE_SESSION_H

#include "compress/ExecutionEngine/Archive.h"
#include "compress/ExecutionEngine/HostTensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mlir {
namespace compress {

/// The model is fine, but this compiler cannot compile it: an operator that has no model op, a type
/// that code cannot be made for.
class UnsupportedError : public llvm::ErrorInfo<UnsupportedError> {
public:
  explicit UnsupportedError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }
  static char ID;

private:
  std::string message;
};

/// How a model is compiled and run.
struct SessionOptions {
  /// Threads of one run, the caller included; 0: one per core that this process may use.
  int threads = 0;
  /// CPU of the generated code: `host`, `avx2`, `avx512` or `avx512vnni`.
  std::string target = "host";
  /// Sizes of symbolic dims of the inputs, by name; the compiled code is for these sizes only.
  llvm::StringMap<int64_t> dims;
  /// The function to compile; empty: `main`, or the only public function.
  std::string function;
  /// Generated kernels. Without, everything is plain loops (slow; for tests).
  bool kernels = true;
  /// Modules that share weights with one that `create` uses up, and are still used.
  SmallVector<ModuleOp, 2> liveModules = {};
};

/// An input or output of a model.
struct TensorSpec {
  std::string name;
  DataType type = DataType::F32;
  /// Sizes; `ShapedType::kDynamic` where only a run knows.
  SmallVector<int64_t, 4> shape;
  /// Name of each dim ("batch"); empty for dims without a name. Equal names have equal sizes.
  SmallVector<std::string, 4> dims;

  /// As in messages: `f32[batch,3,?]`.
  std::string getTypeString() const;
};

/// The inputs that a session of `module` has. Errors: no function to compile, inputs that are no
/// tensors of numbers.
llvm::Expected<std::vector<TensorSpec>> getModelInputs(ModuleOp module,
                                                       const SessionOptions &options = {});

/// A value that the model shows while it runs: a `compress.observe` of its module.
struct Observation {
  /// What the value is ("fc1:input"), and which statistics are asked of it.
  std::vector<std::string> ids, statistics;
};

/// Gets the values that a model shows: `index` is the position in `Session::getObservations`. The
/// view is valid during the call. After an error nothing more is shown, and the run ends with it.
using Observer = std::function<llvm::Error(size_t index, const TensorView &value)>;

/// What was compiled.
struct SessionPlan {
  struct Kernel {
    /// Symbol and what it computes.
    std::string name, description;
    /// Places in the model that call it.
    int64_t calls = 0;
  };
  struct Phase {
    std::string name;
    double milliseconds = 0;
  };
  /// Kernels, by name.
  std::vector<Kernel> kernels;
  /// Wall time of compilation, phase by phase.
  std::vector<Phase> phases;
  /// Stored tensors of the compiled model: how many, and bytes in their run-time layout. Of them,
  /// `mappedWeightBytes` lie in files that are mapped, not copied.
  int64_t numWeights = 0, weightBytes = 0, mappedWeightBytes = 0;
  /// Memory plan of intermediate values, in bytes: the static part of the workspace, the most that
  /// is alive at a time, and what all would take without sharing.
  int64_t arenaBytes = 0, peakBytes = 0, totalBytes = 0;
  /// How many values have static sizes, slots for values whose sizes only a run knows, and values
  /// that are allocated one by one.
  int64_t buffers = 0, slots = 0, heapAllocations = 0;
  /// CPU of the code: `avx512vnni`, ...
  std::string target;
  int threads = 1;

  double getCompileMilliseconds() const;
  /// As text, one line per kernel.
  void print(llvm::raw_ostream &os) const;
};

/// A model compiled for this process: an entry function in machine code, its weights, and a run
/// time with its threads and workspace. It does not need the module it was made from, nor its
/// context.
///
/// A session may be used from several threads at a time; runs of one session wait for each other.
/// Runs of different sessions do not.
class Session {
public:
  /// Adds what `create` needs to the registry of a context: all dialects and interfaces.
  static void registerDialects(DialectRegistry &registry);

  /// Compiles a copy of `module`, which stays as it is, with its weights.
  ///
  /// The module may be as imported from ONNX, normalised or compressed. Errors have the diagnostics
  /// of the compiler as text. One context must not be used by two calls at a time.
  static llvm::Expected<std::unique_ptr<Session>> create(ModuleOp module,
                                                         const SessionOptions &options = {});
  /// The same without a copy: `module` is used up, and its weights are freed where neither the
  /// compiled code nor one of `options.liveModules` uses them. Needs less memory.
  static llvm::Expected<std::unique_ptr<Session>> create(OwningOpRef<ModuleOp> module,
                                                         const SessionOptions &options = {});
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  ArrayRef<TensorSpec> getInputs() const { return inputs; }
  ArrayRef<TensorSpec> getOutputs() const { return outputs; }
  const SessionPlan &getPlan() const { return plan; }
  /// Values that runs show to the observer; a run shows each as often as it is computed. Archives
  /// do not keep them.
  ArrayRef<Observation> getObservations() const { return observations; }
  /// Calls `observer` in the runs that follow, on the thread that calls `run`; null: none. Results
  /// do not depend on it. Not during a run.
  void setObserver(Observer observer);
  /// Writes the compiled model to an archive (compress/ExecutionEngine/Archive.h), which `load`
  /// maps: code, description and weights. The file is whole or not there. `sizes`, if not null,
  /// gets the sizes of what was written.
  llvm::Error save(StringRef path, ArchiveEncoding encoding = ArchiveEncoding::Raw,
                   ArchiveSizes *sizes = nullptr) const;
  /// Loads a compiled model without compiling. Raw weights are mapped and shared by all processes
  /// that load the file; encoded ones are decoded into memory, in parallel. The file's structure is
  /// checked, and with `verify` the hashes of all contents (those of what is decoded always), but
  /// its code is run as it is: load only what you trust. Errors: what `Archive` reports, code for
  /// another CPU, out of memory.
  static llvm::Expected<std::unique_ptr<Session>> load(StringRef path, int threads = 0,
                                                       bool verify = true);

  /// Bytes that the workspace takes now, after the runs so far.
  int64_t getWorkspaceBytes() const;

  /// Runs the model on inputs in the order of `getInputs`; gives outputs in the order of
  /// `getOutputs`. Inputs that are not dense, row-major and aligned are copied. Integers of less
  /// than 8 bits may be given as I8 or U8.
  ///
  /// Errors name the input: wrong number, type, rank or size; a named dim with two different sizes;
  /// what the model itself reports (an index out of range, ...); out of memory.
  llvm::Expected<std::vector<HostTensor>> run(ArrayRef<TensorView> inputs);
  /// Runs the model on named inputs, in any order. Besides: errors for missing, unknown and double
  /// names.
  llvm::Expected<std::vector<HostTensor>>
  run(ArrayRef<std::pair<StringRef, TensorView>> namedInputs);

private:
  struct Impl;
  Session();
  friend class SessionBuilder;

  std::vector<TensorSpec> inputs, outputs;
  std::vector<Observation> observations;
  SessionPlan plan;
  std::unique_ptr<Impl> impl;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_SESSION_H
