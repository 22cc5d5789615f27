//===- Attention.cpp - attention of all heads -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionEmitter.h"
#include "MatMulPack.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace mlir::compress;

/// "bhsd" or "bshd", or the second letters of all operands.
static std::string getLayoutName(const AttentionShape &shape) {
  std::string letters;
  for (bool sequenceFirst : shape.sequenceFirst)
    letters += sequenceFirst ? 's' : 'h';
  return letters == "ssss" ? "bshd" : letters == "hhhh" ? "bhsd" : letters;
}

func::FuncOp compress::getAttentionKernel(KernelLibrary &library, const AttentionShape &shape) {
  assert(shape.isSupported() && "sizes of heads");
  std::string name, description;
  llvm::raw_string_ostream(name) << "attention_f32_" << getLayoutName(shape) << "_h" << shape.heads
                                 << "_kv" << shape.keyHeads << "_d" << shape.keyDim << "_v"
                                 << shape.valueDim << "_s"
                                 << llvm::format_hex_no_prefix(
                                        llvm::bit_cast<uint32_t>(shape.scale), 8)
                                 << (shape.masked ? "_mask" : "") << "_"
                                 << library.getTarget().getName();
  llvm::raw_string_ostream(description)
      << "attention of " << shape.heads << " heads, " << shape.keyHeads
      << " of keys and values, dim " << shape.keyDim << ", f32";
  int64_t dynamic = ShapedType::kDynamic;
  auto withLast = [&](int64_t dim) {
    return getActivationType({dynamic, dynamic, dynamic, dim},
                             Float32Type::get(library.getContext()));
  };
  SmallVector<Type> types{withLast(shape.keyDim), withLast(shape.keyDim), withLast(shape.valueDim)};
  if (shape.masked)
    types.push_back(withLast(dynamic));
  types.push_back(withLast(shape.valueDim));
  return library.getOrCreate(name, description, types, [&](KernelBuilder &b, ValueRange args) {
    AttentionEmitter(b, shape, args).emit();
  });
}

AttentionEmitter::AttentionEmitter(KernelBuilder &b, const AttentionShape &shape, ValueRange args)
    : b(b), shape(shape), lanes(b.getTarget().getLanes()), width(b.getTarget().getPanelWidth()),
      query(args[0]), key(args[1]), value(args[2]), mask(shape.masked ? args[3] : Value()),
      result(args.back()) {
  batches = b.dim(query, 0);
  queries = b.dim(query, shape.isSequenceFirst(Operand::Query) ? 1 : 2);
  keyCount = b.dim(key, shape.isSequenceFirst(Operand::Key) ? 1 : 2);
}

SmallVector<Value> AttentionEmitter::at(Operand operand, Value batch, Value head, Value position,
                                        Value element) {
  if (shape.isSequenceFirst(operand))
    return {batch, position, head, element};
  return {batch, head, position, element};
}

SmallVector<Value> AttentionEmitter::maskAt(Head head, Value row, Value key) {
  auto broadcast = [&](Value index, int64_t dim) {
    return b.min(index, b.sub(b.dim(mask, dim), b.index(1)));
  };
  return {broadcast(head.batch, 0), broadcast(head.head, 1), broadcast(row, 2), key};
}

Value AttentionEmitter::keyHeadOf(Value head) {
  return b.floorDiv(head, shape.heads / shape.keyHeads);
}

Value AttentionEmitter::roundUp(Value value, int64_t multiple) {
  return b.mul(b.ceilDiv(value, multiple), multiple);
}

Value AttentionEmitter::getTailMask(int64_t size, int64_t first) {
  if (first + lanes <= size)
    return {};
  return b.getMask(lanes, b.index(size - first));
}

void AttentionEmitter::withScores(int64_t rows, function_ref<void(Value)> body) {
  // One vector more for the tail of the softmax and the reciprocal of the sum, which also keeps the
  // rows off the same sets of the cache.
  Value pitch = b.add(roundUp(keyCount, width), kSoftmaxLanes);
  b.withBuffer(MemRefType::get({rows, ShapedType::kDynamic}, b.getF32Type()), pitch, body);
}

Value AttentionEmitter::getGrain(int64_t queriesPerItem) {
  Value work = b.mul(keyCount, queriesPerItem * (shape.keyDim + shape.valueDim));
  return b.getGrain(work, kMinWork);
}

void AttentionEmitter::emit() {
  b.ifThen(b.less(queries, b.index(kPackedRows)), [&] { emitInPlace(); }, [&] { emitPacked(); });
}

//===----------------------------------------------------------------------===//
// One or two rows
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitInPlace() {
  Value count = b.mul(b.mul(batches, shape.heads), queries);
  b.parallelFor(count, getGrain(1), [&](Value task) {
    Value row = b.create<arith::RemUIOp>(task, queries);
    Value flat = b.create<arith::DivUIOp>(task, queries);
    Head head{b.floorDiv(flat, shape.heads), b.rem(flat, shape.heads)};
    withScores(1, [&](Value scores) {
      Value limit = keyCount;
      if (mask) {
        SmallVector<Value> first = maskAt(head, row, b.index(0));
        limit = emitLimit(first[0], first[1], row, b.add(row, 1));
      }
      emitScoresInPlace(head, row, scores);
      emitSoftmax(head, row, limit, scores, b.index(0));
      emitProductInPlace(head, row, limit, scores);
    });
  });
}

//===----------------------------------------------------------------------===//
// Blocks of rows
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitPacked() {
  int64_t dynamic = ShapedType::kDynamic;
  Value keyHeads = b.mul(batches, shape.keyHeads);
  Value panels = b.ceilDiv(keyCount, width);
  Value blocks = b.ceilDiv(queries, kBlockRows);
  Value packs = b.mul(keyHeads, panels);
  auto rounded = [&](int64_t size) { return static_cast<int64_t>(llvm::alignTo(size, lanes)); };
  auto keysType = MemRefType::get({dynamic, dynamic, rounded(shape.keyDim), width}, b.getF32Type());
  auto valuesType = MemRefType::get({dynamic, dynamic, rounded(shape.valueDim)}, b.getF32Type());

  auto attend = [&](Value keys, Value values, Value limits) {
    Value chunks = b.ceilDiv(blocks, kTaskBlocks);
    Value count = b.mul(b.mul(batches, shape.heads), chunks);
    b.parallelFor(count, getGrain(kTaskBlocks * kBlockRows),
                  [&](Value task) { emitTask(task, chunks, blocks, keys, values, limits); });
  };
  auto pack = [&](Value keys, Value values, Value task) {
    Value keyHead = b.create<arith::DivUIOp>(task, panels);
    Value panel = b.create<arith::RemUIOp>(task, panels);
    packKeys(keys, keyHead, panel);
    packValues(values, keyHead, panel);
  };
  // A panel takes as long as a few multiply-adds per element.
  Value packGrain = b.index(std::max<int64_t>(kMinWork / (8 * width * shape.keyDim), 1));
  Value paddedKeys = b.mul(panels, width);
  b.withBuffer(keysType, {keyHeads, panels}, [&](Value keys) {
    b.withBuffer(valuesType, {keyHeads, paddedKeys}, [&](Value values) {
      if (!mask) {
        b.parallelFor(packs, packGrain, [&](Value task) { pack(keys, values, task); });
        return attend(keys, values, {});
      }
      Value maskHeads = b.dim(mask, 1);
      Value masks = b.mul(b.dim(mask, 0), maskHeads);
      auto limitsType = MemRefType::get({dynamic, dynamic}, b.getI64Type());
      b.withBuffer(limitsType, {masks, blocks}, [&](Value limits) {
        b.parallelFor(b.add(packs, b.mul(masks, blocks)), packGrain, [&](Value task) {
          b.ifThen(
              b.less(task, packs), [&] { pack(keys, values, task); },
              [&] {
                Value flat = b.sub(task, packs);
                Value block = b.create<arith::RemUIOp>(flat, blocks);
                Value head = b.create<arith::DivUIOp>(flat, blocks);
                Value row = b.mul(block, kBlockRows);
                Value limit = emitLimit(b.create<arith::DivUIOp>(head, maskHeads),
                                        b.create<arith::RemUIOp>(head, maskHeads), row,
                                        b.min(b.add(row, kBlockRows), queries));
                Value number = b.create<arith::IndexCastOp>(b.getI64Type(), limit);
                b.storeScalar(number, limits, {head, block});
              });
        });
        attend(keys, values, limits);
      });
    });
  });
}

/// Chunks of rows of one head, the first and last ones first, so that equal shares of the tasks are
/// equal work also where later rows have more keys.
void AttentionEmitter::emitTask(Value task, Value chunks, Value blocks, Value keys, Value values,
                                Value limits) {
  Value position = b.create<arith::RemUIOp>(task, chunks);
  Value flat = b.create<arith::DivUIOp>(task, chunks);
  Head head{b.floorDiv(flat, shape.heads), b.rem(flat, shape.heads)};
  Value half = b.floorDiv(position, 2);
  Value odd = b.create<arith::CmpIOp>(arith::CmpIPredicate::ne, b.rem(position, 2), b.index(0));
  Value fromEnd = b.sub(b.sub(chunks, b.index(1)), half);
  Value chunk = b.create<arith::SelectOp>(odd, fromEnd, half);
  Value first = b.mul(chunk, kTaskBlocks);
  withScores(kBlockRows, [&](Value scores) {
    b.forLoop(first, b.min(b.add(first, kTaskBlocks), blocks), 1, [&](Value block) {
      Value limit = keyCount;
      if (limits) {
        SmallVector<Value> indices = maskAt(head, b.index(0), b.index(0));
        Value maskHead = b.add(b.create<arith::MulIOp>(indices[0], b.dim(mask, 1)), indices[1]);
        Value number = b.loadScalar(limits, {maskHead, block});
        limit = b.create<arith::IndexCastOp>(b.getIndexType(), number);
      }
      emitBlock(head, block, limit, keys, values, scores);
    });
  });
}

/// Rows behind the last one repeat it and write the same result.
void AttentionEmitter::emitBlock(Head head, Value block, Value limit, Value keys, Value values,
                                 Value scores) {
  Value first = b.mul(block, kBlockRows), last = b.sub(queries, b.index(1));
  Value count = roundUp(b.min(b.sub(queries, first), b.index(kBlockRows)), kTileRows);
  Value keyHead = b.add(b.mul(head.batch, shape.keyHeads), keyHeadOf(head.head));
  auto rowsOf = [&](Value tileRow) {
    SmallVector<Value> rows;
    for (int64_t row = 0; row < kTileRows; ++row)
      rows.push_back(b.min(b.add(b.add(first, tileRow), row), last));
    return rows;
  };
  b.forLoop(b.index(0), b.ceilDiv(limit, width), 1, [&](Value panel) {
    b.forLoop(b.index(0), count, kTileRows, [&](Value tileRow) {
      emitScores(head, rowsOf(tileRow), keys, keyHead, panel, scores, tileRow);
    });
  });
  b.forLoop(b.index(0), count, 1, [&](Value row) {
    emitSoftmax(head, b.min(b.add(first, row), last), limit, scores, row);
  });
  b.forLoop(b.index(0), count, kTileRows, [&](Value tileRow) {
    emitProduct(head, rowsOf(tileRow), values, keyHead, limit, scores, tileRow);
  });
}
