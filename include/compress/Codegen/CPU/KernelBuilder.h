//===- KernelBuilder.h - writes the body of a kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_KERNELBUILDER_H
#define COMPRESS_CODEGEN_CPU_KERNELBUILDER_H

#include "compress/Codegen/CPU/CpuTarget.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir {
namespace compress {

/// A builder with what every kernel needs: constants, index arithmetic that folds, loops as
/// lambdas, and vectors of f32. Kernels are written with `scf`, `memref`, `arith`, `math` and
/// one-dimensional `vector` ops; vector sizes are powers of two.
class KernelBuilder : public ImplicitLocOpBuilder {
public:
  KernelBuilder(Location loc, OpBuilder &builder, const CpuTarget &target)
      : ImplicitLocOpBuilder(loc, builder), target(target) {}

  const CpuTarget &getTarget() const { return target; }
  /// `vector<lanes x f32>`, or of another element type.
  VectorType getVectorType(int64_t lanes, Type elementType = {});

  //===--------------------------------------------------------------------===//
  // Constants and index arithmetic
  //===--------------------------------------------------------------------===//

  Value index(int64_t value);
  Value f32(float value);
  Value i32(int32_t value);
  /// A vector (or scalar) constant of `type` with the same value everywhere.
  Value splat(Type type, double value);
  Value splatInt(Type type, int64_t value);

  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  /// Of non-negative numbers.
  Value floorDiv(Value a, int64_t b);
  Value ceilDiv(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);
  Value less(Value a, Value b);
  Value dim(Value memref, int64_t dim);

  //===--------------------------------------------------------------------===//
  // Control flow
  //===--------------------------------------------------------------------===//

  using Body = function_ref<void(Value iv)>;
  using CarriedBody = function_ref<SmallVector<Value>(Value iv, ValueRange carried)>;

  /// for (iv = begin; iv < end; iv += step).
  void forLoop(Value begin, Value end, int64_t step, Body body);
  /// The same with loop-carried values; returns their last values.
  SmallVector<Value> forLoop(Value begin, Value end, int64_t step, ValueRange init,
                             CarriedBody body);
  /// Iterations [0, count) in any order, maybe on several threads. Different iterations must not
  /// write the same element.
  void parallelFor(Value count, Body body);
  /// The same, with at least `grain` iterations (an index, at least 1) per piece of work, so that
  /// small ones are not spread over threads.
  void parallelFor(Value count, Value grain, Body body);
  /// The pieces themselves: `body` gets the iterations [begin, end).
  void parallelForPieces(Value count, Value grain, function_ref<void(Value begin, Value end)> body);
  /// Iterations of `work` each that make up about `minWork`, at least 1.
  Value getGrain(Value work, int64_t minWork);
  void ifThen(Value condition, function_ref<void()> then, function_ref<void()> otherwise = nullptr);

  //===--------------------------------------------------------------------===//
  // Memory and vectors
  //===--------------------------------------------------------------------===//

  /// Consecutive elements at `indices`; not aligned.
  Value load(int64_t lanes, Value memref, ValueRange indices);
  void store(Value vector, Value memref, ValueRange indices);
  /// A mask of `lanes` whose first `count` lanes (a number or an index, maybe negative or too
  /// large) are set.
  Value getMask(int64_t lanes, OpFoldResult count);
  /// The same for the lanes in `mask` only; other lanes are `other`, and their memory is not
  /// touched. A null mask has all lanes.
  Value loadMasked(int64_t lanes, Value memref, ValueRange indices, Value mask, double other = 0);
  void storeMasked(Value vector, Value memref, ValueRange indices, Value mask);
  /// The same for the first `count` lanes.
  Value load(int64_t lanes, Value memref, ValueRange indices, OpFoldResult count);
  void store(Value vector, Value memref, ValueRange indices, OpFoldResult count);
  /// The element at `indices` in every lane.
  Value loadSplat(int64_t lanes, Value memref, ValueRange indices);
  Value broadcast(Value scalar, int64_t lanes);
  Value loadScalar(Value memref, ValueRange indices);
  void storeScalar(Value scalar, Value memref, ValueRange indices);
  /// Room of this thread, on the stack: at most 64 KiB, 64-byte aligned. Only directly in a kernel
  /// or in the body of `parallelFor`.
  Value scratch(ArrayRef<int64_t> shape, Type elementType);
  /// A larger room, from the run time; freed at the end of `body`. Null sizes are static ones.
  void withBuffer(MemRefType type, ValueRange dynamicSizes, function_ref<void(Value)> body);

  /// a * b + c with one rounding.
  Value fma(Value a, Value b, Value c);
  Value addf(Value a, Value b);
  Value subf(Value a, Value b);
  Value mulf(Value a, Value b);
  Value divf(Value a, Value b);
  Value maxf(Value a, Value b);
  /// Call of an LLVM intrinsic, for example "llvm.x86.avx512.vpdpbusd.512".
  Value intrinsic(StringRef name, Type result, ValueRange operands);

private:
  const CpuTarget &target;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_KERNELBUILDER_H
