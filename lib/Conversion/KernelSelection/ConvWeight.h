//===- ConvWeight.h - packs weights for convolution kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_KERNELSELECTION_CONVWEIGHT_H
#define COMPRESS_LIB_CONVERSION_KERNELSELECTION_CONVWEIGHT_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Codegen/CPU/ConvKernel.h"
#include "compress/Conversion/KernelSelection.h"

namespace mlir {
namespace compress {

/// Packs the weight of a convolution `op` of `request`, whose chain has no transposes, and sets
/// `request.weight`: codes stay codes; chains that no kernel reads are decoded now, with a remark.
/// The operands that stand for the weight, or failure with a diagnostic.
FailureOr<SmallVector<Value>> packConvWeight(OpBuilder &builder, KernelContext &kernels,
                                             Operation *op, const WeightChain &chain,
                                             ConvRequest &request);

/// The same for an integer kernel: codes, scales per output, sums of codes per output. An empty
/// list if the weight does not have 8-bit codes with one scale per output.
FailureOr<SmallVector<Value>> packIntegerConvWeight(OpBuilder &builder, KernelContext &kernels,
                                                    Operation *op, const WeightChain &chain,
                                                    ConvRequest &request);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_KERNELSELECTION_CONVWEIGHT_H
