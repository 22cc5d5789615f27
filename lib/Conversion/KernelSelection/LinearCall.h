//===- LinearCall.h - calls of linear kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_KERNELSELECTION_LINEARCALL_H
#define COMPRESS_LIB_CONVERSION_KERNELSELECTION_LINEARCALL_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Conversion/EpilogueMatch.h"

namespace mlir {
namespace compress {

/// A linear op whose kernel is being selected.
struct LinearSite {
  LinearOp op;
  WeightChain chain;
  /// Size of the contraction, and of the result's last dim.
  int64_t inputs = 0, outputs = 0;
  /// Dim of `chain.root` that is contracted.
  int64_t inputDim = 0;
};

/// What the patterns have in common; failure says why the op has no kernel.
FailureOr<LinearSite> matchLinear(PatternRewriter &rewriter, LinearOp op);

/// Replaces the op and its epilogue by a call of `kernel` with the leading operands `x` and
/// `weights`; then come bias, second tensor and output. `x` are matrices or values as they are.
void replaceLinear(PatternRewriter &rewriter, KernelContext &kernels, const LinearSite &site,
                   const EpilogueMatch &match, func::FuncOp kernel, ArrayRef<Value> x,
                   ArrayRef<Value> weights);

/// Panels of a dense f32 matrix, packed now. `root` has its elements, in the order of the root's
/// type; it is read only if they have not been packed yet.
FailureOr<Value> packDensePanels(OpBuilder &builder, KernelContext &kernels, const LinearSite &site,
                                 function_ref<FailureOr<StoredTensor>()> root);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_KERNELSELECTION_LINEARCALL_H
