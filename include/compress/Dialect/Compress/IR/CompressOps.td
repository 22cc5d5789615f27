//===- CompressOps.td - all ops of the dialect -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPS_TD

include "compress/Dialect/Compress/IR/StructureOps.td"
include "compress/Dialect/Compress/IR/EncodingOps.td"
include "compress/Dialect/Compress/IR/ElementwiseOps.td"
include "compress/Dialect/Compress/IR/ContractionOps.td"
include "compress/Dialect/Compress/IR/NormalizationOps.td"
include "compress/Dialect/Compress/IR/CompositeOps.td"
include "compress/Dialect/Compress/IR/KernelOps.td"
include "compress/Dialect/Compress/IR/MovementOps.td"
include "compress/Dialect/Compress/IR/InstrumentationOps.td"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSOPS_TD
