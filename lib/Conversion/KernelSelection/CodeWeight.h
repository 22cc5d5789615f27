//===- CodeWeight.h - compressed weights as operands of kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_KERNELSELECTION_CODEWEIGHT_H
#define COMPRESS_LIB_CONVERSION_KERNELSELECTION_CODEWEIGHT_H

#include "compress/Codegen/CPU/CodeFormat.h"
#include "compress/Conversion/KernelSelection.h"

namespace mlir {
namespace compress {

/// The stored tensors of a compressed weight.
struct CodeWeight {
  EncodedWeight encoded;
  /// Table of a palette.
  std::optional<StoredTensor> table;

  /// One of its matrices; see `WeightMatrix`.
  WeightMatrix getMatrix(int64_t inputDim, int64_t batch = 0) const {
    return {encoded, inputDim, batch, table ? &*table : nullptr};
  }
};

/// The weight of `chain`. Failure without a diagnostic: no kernel reads such chains, and `reason`
/// says why.
FailureOr<CodeWeight> readCodeWeight(KernelContext &kernels, const WeightChain &chain,
                                     EmitErrorFn emitError, std::string &reason);

/// The packed tensors of the matrices of a weight, one after the other, in the order of
/// `getQuantizedLinearKernel`: codes, [positions], scales, [zero points], [table]. `name` is that
/// of the weight.
FailureOr<SmallVector<Value>> packCodeTensors(OpBuilder &builder, KernelContext &kernels,
                                              Location loc, const std::string &name,
                                              ArrayRef<WeightMatrix> matrices,
                                              const CodeFormat &format);

/// Remark: the weight of `op` becomes dense at compile time.
void remarkDense(Operation *op, const WeightChain &chain, const Twine &reason);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_KERNELSELECTION_CODEWEIGHT_H
