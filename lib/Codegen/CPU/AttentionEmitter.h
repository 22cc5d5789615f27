//===- AttentionEmitter.h - parts of an attention kernel -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CODEGEN_CPU_ATTENTIONEMITTER_H
#define COMPRESS_LIB_CODEGEN_CPU_ATTENTIONEMITTER_H

#include "compress/Codegen/CPU/AttentionKernel.h"

namespace mlir {
namespace compress {

/// Writes the body of one attention kernel; see `getAttentionKernel`.
class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &b, const AttentionShape &shape, ValueRange args);
  void emit();

private:
  /// Rows of queries that share their scores buffer, their last key, and the pass over the values.
  static constexpr int64_t kBlockRows = 8;
  /// Rows whose accumulators are in registers together.
  static constexpr int64_t kTileRows = 4;
  /// Blocks that one parallel iteration works on.
  static constexpr int64_t kTaskBlocks = 4;
  /// Lanes of the softmax, on every target, so that sums have one order.
  static constexpr int64_t kSoftmaxLanes = 16;
  /// Keys per step of the product with the values.
  static constexpr int64_t kKeyStep = 4;
  /// Multiply-adds that are worth a piece of work for a thread (about 5 us).
  static constexpr int64_t kMinWork = 1 << 18;
  /// From this many rows on, keys and values are packed.
  static constexpr int64_t kPackedRows = 3;

  /// A head of queries of one batch entry.
  struct Head {
    Value batch, head;
  };

  // Attention.cpp: the order of work.
  void emitPacked();
  void emitInPlace();
  void emitTask(Value task, Value chunks, Value blocks, Value keys, Value values, Value limits);
  void emitBlock(Head head, Value block, Value limit, Value keys, Value values, Value scores);

  // AttentionPack.cpp: keys and values in the order in which they are read; the keys to read.
  void packKeys(Value keys, Value keyHead, Value panel);
  void packValues(Value values, Value keyHead, Value panel);
  /// One behind the last key that rows `[row, end)` need.
  Value emitLimit(Value maskBatch, Value maskHead, Value row, Value end);

  // AttentionTiles.cpp: arithmetic.
  void emitScores(Head head, ArrayRef<Value> rows, Value keys, Value keyHead, Value panel,
                  Value scores, Value scoreRow);
  void emitScoresInPlace(Head head, Value row, Value scores);
  /// Makes weights of the scores of row `scoreRow`, zeros up to the next multiple of 16 keys, and
  /// stores the reciprocal of their sum as the last element of the row.
  void emitSoftmax(Head head, Value row, Value limit, Value scores, Value scoreRow);
  void emitProduct(Head head, ArrayRef<Value> rows, Value values, Value keyHead, Value limit,
                   Value scores, Value scoreRow);
  void emitProductInPlace(Head head, Value row, Value limit, Value scores);
  Value loadReciprocal(Value scores, Value scoreRow);

  using Operand = AttentionOperand;
  /// Indices into queries, keys, values or the result, and into the mask.
  SmallVector<Value> at(Operand operand, Value batch, Value head, Value position, Value element);
  SmallVector<Value> maskAt(Head head, Value row, Value key);
  Value keyHeadOf(Value head);
  void withScores(int64_t rows, function_ref<void(Value)> body);
  /// Iterations of a parallel loop per piece of work.
  Value getGrain(int64_t queriesPerItem);
  Value roundUp(Value value, int64_t multiple);
  /// Mask of the last vector of a dim of `size` elements that begins at `first`, or null.
  Value getTailMask(int64_t size, int64_t first);

  KernelBuilder &b;
  const AttentionShape &shape;
  int64_t lanes, width;
  Value query, key, value, mask, result;
  Value batches, queries, keyCount;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CODEGEN_CPU_ATTENTIONEMITTER_H
