//===- CompressInterfaces.h - op interfaces that passes are written against -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_H
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_H

#include "compress/Dialect/Compress/IR/DimensionRelation.h"
#include "compress/Reference/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/Error.h"

namespace mlir {
namespace compress {

/// How an op uses a constant operand in a contraction. Dims are those of the operand.
struct WeightOperand {
  /// The operand that may be a weight.
  OpOperand *operand = nullptr;
  /// Dims that become dims of the result: output channels (or rows of a left operand).
  SmallVector<int64_t> outputDims;
  /// Dims that are summed over. The first one is cut into quantization groups and N:M groups
  /// (input channels); others, such as the positions of a convolution kernel, come after it.
  SmallVector<int64_t> contractionDims;
  /// Dims that index independent contractions: batch dims, groups of experts.
  SmallVector<int64_t> batchDims;
};

/// One way to split a weight W into factors. The weight is read as a tensor of shape `view` (a
/// reshape of it), whose dims are rows, columns or batch dims: for every index of the batch dims a
/// matrix `[rows, columns]`, which becomes a product `U [rows, k] * V [k, columns]`. Rows, columns
/// and batches count in row-major order of their dims.
struct FactorForm {
  /// Axis of a factor that counts the rank.
  static constexpr int64_t rankAxis = -1;
  /// A factor as it is stored: a tensor with these axes, in row-major order (dims of the view, or
  /// `rankAxis`), reshaped to `shape`.
  struct Layout {
    SmallVector<int64_t> axes, shape;
    bool operator==(const Layout &other) const = default;
  };

  /// "matrix", or that of a `LowRankForm`: "channel", "spatial", "depthwise".
  StringRef name;
  SmallVector<int64_t> view;
  SmallVector<int64_t> rowDims, columnDims, batchDims;
  /// U and V.
  Layout rowFactor, columnFactor;
  /// Times that each weight is used for one position of the result, relative to one another: MACs
  /// of U and of V per element of them. 1 for linear.
  double rowUses = 1, columnUses = 1;
  /// Whether what the op contracts are the rows' indices (embeddings: U is looked up first).
  bool looksUpRows = false;

  bool operator==(const FactorForm &other) const = default;
};

/// Module-level symbols of new weights: one symbol table, cached over many insertions.
class WeightSymbols {
public:
  explicit WeightSymbols(Operation *symbolTableOp) : table(symbolTableOp) {}
  /// Inserts `symbol` at the start of the module, after the other weights that were inserted, and
  /// renames it if its name is taken.
  StringAttr insert(Operation *symbol);
  SymbolTable &getTable() { return table; }

private:
  SymbolTable table;
  Operation *last = nullptr;
};

} // namespace compress
} // namespace mlir

#include "compress/Dialect/Compress/IR/CompressInterfaces.h.inc"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSINTERFACES_H
