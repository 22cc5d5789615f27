//===- RuntimeCalls.h - calls of the run time from generated code -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CODEGEN_RUNTIMECALLS_H
#define COMPRESS_LIB_CODEGEN_RUNTIMECALLS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir {
namespace compress {

/// The declaration of run-time function `name` (compress/Runtime/compress_rt.h), made if needed.
func::FuncOp getRuntimeFunction(ModuleOp module, StringRef name, TypeRange arguments,
                                TypeRange results);

/// A constant i64.
Value createI64(OpBuilder &builder, Location loc, int64_t value);

/// Bytes of a buffer of `sizes` (i64) elements of `elementBytes` bytes each: negative sizes count
/// as 0, and what is too large for any machine becomes 2^50, which the run time refuses.
Value createByteSize(OpBuilder &builder, Location loc, ValueRange sizes, int64_t elementBytes);

/// A dense memref of `type` at `pointer`; `sizes` are i64, one per dim. Its strides are computed.
Value createMemRef(OpBuilder &builder, Location loc, MemRefType type, Value pointer,
                   ValueRange sizes);

/// The pointer to the first element of a memref's buffer.
Value getBasePointer(OpBuilder &builder, Location loc, Value memref);

/// Attribute of a call of `compress_rt_parallel_for`: the symbol of its body.
inline constexpr StringLiteral parallelBodyAttr = "compress.body";

/// Attribute of `scf.parallel`: with fewer iterations it is not worth threads.
inline constexpr StringLiteral minIterationsAttr = "compress.min_iterations";

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CODEGEN_RUNTIMECALLS_H
