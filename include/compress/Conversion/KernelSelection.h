//===- KernelSelection.h - model ops to kernel calls -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CONVERSION_KERNELSELECTION_H
#define COMPRESS_CONVERSION_KERNELSELECTION_H

#include "compress/Analysis/WeightChain.h"
#include "compress/Codegen/CPU/KernelLibrary.h"
#include "compress/Conversion/LoweringContext.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <map>

namespace mlir {
namespace compress {

/// What patterns need to turn model ops into kernel calls; one per function.
class KernelContext {
public:
  KernelContext(ModuleOp module, WeightSymbols &weights, const CpuTarget &target,
                LoweringContext &lowering)
      : library(module, weights.getTable(), target), store(module.getContext()), weights(weights),
        lowering(lowering) {}

  KernelLibrary library;
  WeightStore store;
  WeightSymbols &weights;
  LoweringContext &lowering;

  /// Writes the bytes of a packed weight, which are zero before.
  using PackFn = function_ref<LogicalResult(MutableArrayRef<char>)>;
  /// Load of a new weight of `type` that `pack` fills. `name` says what is packed and how
  /// ("fc1.weight.panels64"): a second request with the same name and type gives the same
  /// weight.
  FailureOr<Value> createPackedWeight(OpBuilder &builder, Location loc, StringRef name,
                                      RankedTensorType type, PackFn pack);

  /// What `name` begins with for a weight: the name of its source, made different for each chain.
  /// Chains of the same ops, attributes and stored tensors have the same name.
  std::string getPackName(const WeightChain &chain);

  /// Size of a dim of a value of the function, read from function arguments where possible.
  OpFoldResult getSize(OpBuilder &builder, Location loc, Value value, int64_t dim) {
    return lowering.getSize(builder, loc, value, dim);
  }

  /// Stops the run with `message` unless dim `dim` of `value` is `size`; nothing where it always
  /// is.
  void checkSize(OpBuilder &builder, Location loc, Value value, int64_t dim, int64_t size,
                 const Twine &message);

  /// Replaces `op`'s result by `value`, which has the same sizes.
  void replace(RewriterBase &rewriter, Operation *op, Value value);

private:
  llvm::DenseMap<Type, llvm::StringMap<FlatSymbolRefAttr>> packed;
  /// Names of chains, by what `getPackName` compares.
  std::map<std::vector<const void *>, std::string> packNames;
  llvm::StringSet<> usedPackNames;
};

/// Base of the patterns that select kernels.
template <typename OpTy>
class KernelPattern : public OpRewritePattern<OpTy> {
public:
  KernelPattern(KernelContext &kernels, PatternBenefit benefit = 1)
      : OpRewritePattern<OpTy>(kernels.lowering.getContext(), benefit), kernels(kernels) {}

protected:
  KernelContext &kernels;
};

/// `value` with the element type that it has in memory; see `getStorageElementType`.
Value castToStorage(OpBuilder &builder, Value value);

/// `value` `[d0, ..., dk, n]` as `[d0 * ... * dk, n]`; a tensor of rank 2 is itself.
Value collapseToMatrix(OpBuilder &builder, KernelContext &kernels, Value value);
/// All elements of `value`, of rank 1 or more, as one dim.
Value collapseToVector(OpBuilder &builder, Value value);
/// A matrix `[rows, n]` with the leading dims of `like` and the last dim `n`, of type `type`.
Value expandFromMatrix(OpBuilder &builder, KernelContext &kernels, Value matrix, Value like,
                       RankedTensorType type);

// One function per file of lib/Conversion/KernelSelection.
void populateLinearKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateQuantizedLinearKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateConvKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateAttentionKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateRowKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateMatMulKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);
void populateQuantizedMatMulKernelPatterns(RewritePatternSet &patterns, KernelContext &kernels);

/// Replaces ops of `function` for which there are kernels.
LogicalResult selectKernels(func::FuncOp function, KernelContext &kernels);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CONVERSION_KERNELSELECTION_H
