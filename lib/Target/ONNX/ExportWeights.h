//===- ExportWeights.h - stored tensors and their other forms --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tensors whose contents are computed when the file is written, one at a time:
// stored weights, and what becomes of them in another layout.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_EXPORTWEIGHTS_H
#define COMPRESS_LIB_TARGET_ONNX_EXPORTWEIGHTS_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Support/DataType.h"
#include "compress/Target/ONNX/Proto.h"
#include "mlir/IR/SymbolTable.h"
#include <functional>

namespace mlir::compress::onnx {

/// Bytes in storage order and what keeps them alive.
struct HeldBytes {
  ArrayRef<char> data;
  std::shared_ptr<void> owner;

  static HeldBytes own(SmallVector<char, 0> bytes);
};

/// A tensor whose contents are made on demand.
struct LazyTensor {
  /// Tensors with equal keys have equal contents.
  std::string key;
  /// The weight that the contents come from (its codes for a chain), or null.
  Operation *weight = nullptr;
  /// Wanted name if there is no weight.
  std::string name;
  DataType type = DataType::F32;
  SmallVector<int64_t> dims;
  /// Computes the contents; a failure has been reported.
  std::function<FailureOr<HeldBytes>()> read;
  /// Strings, for type String, instead of `read`.
  std::vector<StringRef> strings;
  /// N:M pattern as "2:4" and the dim it runs along, or "bitmap"; empty if there is none.
  std::string pattern;
  int64_t patternAxis = 0;

  int64_t getNumElements() const;
  unsigned getBits() const { return getStorageBitWidth(type); }
  uint64_t getBytes() const;
  /// Writes the contents as they were when `read` is called.
  llvm::Error write(llvm::raw_ostream &os) const;
};

/// The same elements under other dims.
LazyTensor reshaped(const LazyTensor &tensor, ArrayRef<int64_t> dims);
/// A rank-2 tensor with its dims exchanged.
LazyTensor transposed(const LazyTensor &tensor);
/// Dim `axis` gets the extent `extent`; element i is the old element i / `block`.
LazyTensor repeated(const LazyTensor &tensor, int64_t axis, int64_t block, int64_t extent);
/// Integers of a type that ONNX lacks, or that has less than `leastBits` bits (at most 4), in the
/// next larger one that does; others unchanged.
LazyTensor widened(const LazyTensor &tensor, unsigned leastBits = 2);
/// Zero-point or weight codes [rows, columns] of 2, 4 or 8 bits as MatMulNBits has them: unsigned
/// (signed codes plus 2^(bits-1)), columns padded to a multiple of `multiple`, as bytes of shape
/// `dims`.
LazyTensor packedForMatMulNBits(const LazyTensor &tensor, int64_t multiple, ArrayRef<int64_t> dims);

/// Finds stored tensors behind SSA values.
class WeightReader {
public:
  explicit WeightReader(ModuleOp module);

  WeightOp lookup(LoadOp load) const;
  WeightOp lookup(StringAttr symbol) const;

  /// A weight's value, a `compress.constant`, or an `expand_nm` / `expand_bitmap` of such ones with
  /// the dense codes as contents. Nothing for other values.
  std::optional<LazyTensor> getStored(Value value) const;
  /// The value of an attribute: `dense`, `dense_resource`, `#compress.file`.
  std::optional<LazyTensor> getAttribute(Attribute value, RankedTensorType type,
                                         Location location) const;
  /// The dense value of a chain of decode ops on weights.
  std::optional<LazyTensor> getDecoded(Value value) const;

  /// True if the value depends on weights and constants only, through decode ops.
  static bool isWeightChain(Value value);

private:
  /// The dense value, or dense codes, of a chain.
  FailureOr<HeldBytes> decode(Value value) const;

  ModuleOp module;
  DenseMap<StringAttr, Operation *> symbols;
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_EXPORTWEIGHTS_H
