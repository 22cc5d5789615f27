//===- MatMulKernel.cpp - batched matrix products of two tensors -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/MatMulKernel.h"
#include "MatMulPack.h"
#include "compress/Codegen/CPU/LinearKernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::compress;

/// From this many rows on, the rhs is packed.
static constexpr int64_t kPackedRows = 12;
/// Rows that a thread takes at a time.
static constexpr int64_t kBlockRows = 16 * kTileRows;
/// Multiply-adds that are worth a piece of work for a thread (about 5 us).
static constexpr int64_t kMinWork = 1 << 18;

namespace {

/// Writes the body of one kernel.
class MatMulEmitter {
public:
  MatMulEmitter(KernelBuilder &b, const MatMulShape &shape, ValueRange args);
  void emit();

private:
  /// Gives vector `vector` of the panel in row `k` of the rhs.
  using ColumnLoader = function_ref<Value(Value k, int64_t vector)>;
  /// Called with the two batch indices and the panel of a piece of work.
  using PanelBody =
      function_ref<void(Value batch0, Value batch1, Value panel, Value begin, Value end)>;

  void withPackedRhs(function_ref<void(Value)> body);
  void packPanel(Value packed, Value batch, Value panel);
  void forEachPanel(PanelBody body);
  void emitFromPanels(Value packed, bool manyRows);
  void emitInPlace();
  void emitTile(Value batch0, Value batch1, Value panel, Value row, int64_t rows,
                ColumnLoader load);
  /// Indices of element (row, column) of a matrix of an operand; an operand with one matrix in a
  /// batch dim has it for all.
  SmallVector<Value> at(Value operand, const std::array<int64_t, 4> &order, Value batch0,
                        Value batch1, Value row, Value column);
  Value broadcastIndex(Value index, Value size) { return b.min(index, b.sub(size, b.index(1))); }
  /// Mask of vector `vector` of the columns from `first` on; null if it is always whole.
  Value getColumnMask(Value first, int64_t vector);
  Value divide(Value x, Value y) { return b.create<arith::DivUIOp>(x, y); }
  Value remainder(Value x, Value y) { return b.create<arith::RemUIOp>(x, y); }

  KernelBuilder &b;
  const MatMulShape &shape;
  /// Columns of a panel, and the vectors of it that have columns.
  int64_t lanes, width, vectors;
  Value lhs, rhs, result;
  /// Sizes of the result and the contraction; batch sizes of the rhs.
  Value batches0, batches1, rows, columns, depth, rhsBatches0, rhsBatches1, panels;
};

} // namespace

MatMulEmitter::MatMulEmitter(KernelBuilder &b, const MatMulShape &shape, ValueRange args)
    : b(b), shape(shape), lanes(b.getTarget().getLanes()), width(b.getTarget().getPanelWidth()),
      lhs(args[0]), rhs(args[1]), result(args[2]) {
  vectors = width / lanes;
  if (!ShapedType::isDynamic(shape.columns)) {
    vectors = std::clamp<int64_t>((shape.columns + lanes - 1) / lanes, 1, vectors);
    if (!shape.packedBatches)
      width = vectors * lanes;
  }
  batches0 = b.dim(result, 0);
  batches1 = b.dim(result, 1);
  rows = b.dim(result, 2);
  columns = b.dim(result, 3);
  depth = b.dim(lhs, shape.lhsOrder[3]);
  panels = b.ceilDiv(columns, width);
  if (shape.packedBatches) {
    rhsBatches0 = b.index((*shape.packedBatches)[0]);
    rhsBatches1 = b.index((*shape.packedBatches)[1]);
  } else {
    rhsBatches0 = b.dim(rhs, shape.rhsOrder[0]);
    rhsBatches1 = b.dim(rhs, shape.rhsOrder[1]);
  }
}

SmallVector<Value> MatMulEmitter::at(Value operand, const std::array<int64_t, 4> &order,
                                     Value batch0, Value batch1, Value row, Value column) {
  SmallVector<Value> indices(4);
  indices[order[0]] = broadcastIndex(batch0, b.dim(operand, order[0]));
  indices[order[1]] = broadcastIndex(batch1, b.dim(operand, order[1]));
  indices[order[2]] = row;
  indices[order[3]] = column;
  return indices;
}

Value MatMulEmitter::getColumnMask(Value first, int64_t vector) {
  if (!ShapedType::isDynamic(shape.columns) && shape.columns % (vectors * lanes) == 0)
    return {};
  return b.getMask(lanes, b.sub(columns, b.add(first, vector * lanes)));
}

void MatMulEmitter::emit() {
  if (shape.packedBatches)
    return emitFromPanels(rhs, /*manyRows=*/false);
  if (shape.isRhsTransposed())
    return withPackedRhs([&](Value packed) { emitFromPanels(packed, /*manyRows=*/false); });
  b.ifThen(
      b.less(rows, b.index(kPackedRows)), [&] { emitInPlace(); },
      [&] { withPackedRhs([&](Value packed) { emitFromPanels(packed, /*manyRows=*/true); }); });
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

void MatMulEmitter::withPackedRhs(function_ref<void(Value)> body) {
  Value paddedDepth = b.mul(b.ceilDiv(depth, lanes), lanes);
  Value rhsBatches = b.mul(rhsBatches0, rhsBatches1);
  int64_t dynamic = ShapedType::kDynamic;
  auto type = MemRefType::get({dynamic, dynamic, dynamic, width}, b.getF32Type());
  b.withBuffer(type, {rhsBatches, panels, paddedDepth}, [&](Value packed) {
    Value grain = b.getGrain(depth, kMinWork / (8 * width));
    b.parallelFor(b.mul(rhsBatches, panels), grain, [&](Value item) {
      packPanel(packed, divide(item, panels), remainder(item, panels));
    });
    body(packed);
  });
}

void MatMulEmitter::packPanel(Value packed, Value batch, Value panel) {
  Value batch0 = divide(batch, rhsBatches1), batch1 = remainder(batch, rhsBatches1);
  Value first = b.mul(panel, width);
  if (shape.isRhsTransposed())
    return packTransposed(b, packed, {batch, panel}, first, width, columns, depth,
                          [&](Value row, Value column, Value lanesMask) {
                            return b.loadMasked(
                                lanes, rhs, at(rhs, shape.rhsOrder, batch0, batch1, column, row),
                                lanesMask);
                          });
  SmallVector<Value> masks;
  for (int64_t vector = 0; vector < vectors; ++vector)
    masks.push_back(getColumnMask(first, vector));
  b.forLoop(b.index(0), depth, 1, [&](Value k) {
    for (auto [vector, lanesMask] : llvm::enumerate(masks)) {
      int64_t offset = static_cast<int64_t>(vector) * lanes;
      SmallVector<Value> source = at(rhs, shape.rhsOrder, batch0, batch1, k, b.add(first, offset));
      b.store(b.loadMasked(lanes, rhs, source, lanesMask), packed,
              {batch, panel, k, b.index(offset)});
    }
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Pieces of work: blocks of rows of a panel of a matrix.
void MatMulEmitter::forEachPanel(PanelBody body) {
  // The last block takes the rows that are left, so that every block has the rows of a tile.
  Value blocks = b.max(b.floorDiv(rows, kBlockRows), b.index(1));
  Value itemWork = b.mul(b.mul(b.min(rows, b.index(kBlockRows)), width), depth);
  Value grain = b.getGrain(itemWork, kMinWork);
  Value count = b.mul(b.mul(b.mul(batches0, batches1), panels), blocks);
  b.parallelFor(count, grain, [&](Value item) {
    Value block = remainder(item, blocks);
    Value flat = divide(item, blocks);
    Value panel = remainder(flat, panels);
    Value batch = divide(flat, panels);
    Value begin = b.mul(block, kBlockRows);
    Value isLast = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, b.add(block, 1), blocks);
    Value end = b.create<arith::SelectOp>(isLast, rows, b.add(begin, kBlockRows));
    body(divide(batch, batches1), remainder(batch, batches1), panel, begin, end);
  });
}

/// Calls `tile(first row, rows)` for all rows of [begin, end): 6 at a time, the last 6 overlapping
/// the ones before, or exactly all where there are fewer.
static void forEachTile(KernelBuilder &b, Value begin, Value end, bool manyRows,
                        function_ref<void(Value, int64_t)> tile) {
  auto many = [&] {
    Value last = b.sub(end, b.index(kTileRows));
    b.forLoop(begin, end, kTileRows, [&](Value row) { tile(b.min(row, last), kTileRows); });
  };
  if (manyRows)
    return many();
  Value count = b.sub(end, begin);
  auto few = [&] {
    for (int64_t rows = 1; rows < kTileRows; ++rows) {
      Value isRows = b.create<arith::CmpIOp>(arith::CmpIPredicate::eq, count, b.index(rows));
      b.ifThen(isRows, [&] { tile(begin, rows); });
    }
  };
  b.ifThen(b.less(count, b.index(kTileRows)), few, many);
}

void MatMulEmitter::emitFromPanels(Value packed, bool manyRows) {
  forEachPanel([&](Value batch0, Value batch1, Value panel, Value begin, Value end) {
    Value rhsBatch = b.add(b.mul(broadcastIndex(batch0, rhsBatches0), rhsBatches1),
                           broadcastIndex(batch1, rhsBatches1));
    forEachTile(b, begin, end, manyRows, [&](Value row, int64_t count) {
      emitTile(batch0, batch1, panel, row, count, [&](Value k, int64_t vector) {
        return b.load(lanes, packed, {rhsBatch, panel, k, b.index(vector * lanes)});
      });
    });
  });
}

void MatMulEmitter::emitInPlace() {
  forEachPanel([&](Value batch0, Value batch1, Value panel, Value begin, Value end) {
    Value first = b.mul(panel, width);
    SmallVector<Value> masks;
    for (int64_t vector = 0; vector < vectors; ++vector)
      masks.push_back(getColumnMask(first, vector));
    forEachTile(b, begin, end, /*manyRows=*/false, [&](Value row, int64_t count) {
      emitTile(batch0, batch1, panel, row, count, [&](Value k, int64_t vector) {
        SmallVector<Value> source =
            at(rhs, shape.rhsOrder, batch0, batch1, k, b.add(first, vector * lanes));
        return b.loadMasked(lanes, rhs, source, masks[static_cast<size_t>(vector)]);
      });
    });
  });
}

void MatMulEmitter::emitTile(Value batch0, Value batch1, Value panel, Value row, int64_t count,
                             ColumnLoader load) {
  SmallVector<Value> zeros(static_cast<size_t>(count * vectors),
                           b.splat(b.getVectorType(lanes), 0));
  SmallVector<Value> sums = emitTileProduct(
      b, {count, width}, b.index(0), depth, zeros,
      [&](int64_t r, Value k) {
        return b.loadSplat(lanes, lhs, at(lhs, shape.lhsOrder, batch0, batch1, b.add(row, r), k));
      },
      load);
  Value first = b.mul(panel, width);
  auto store = [&](bool masked) {
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value lanesMask = masked ? getColumnMask(first, vector) : Value();
      for (int64_t r = 0; r < count; ++r)
        b.storeMasked(sums[static_cast<size_t>(r * vectors + vector)], result,
                      {batch0, batch1, b.add(row, r), b.add(first, vector * lanes)}, lanesMask);
    }
  };
  if (!getColumnMask(first, 0))
    return store(false);
  b.ifThen(b.less(columns, b.add(first, width)), [&] { store(true); }, [&] { store(false); });
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

RankedTensorType compress::getPackedMatMulType(const CpuTarget &target, const MatMulShape &shape,
                                               Type elementType) {
  auto [batches0, batches1] = *shape.packedBatches;
  RankedTensorType panels = getPanelType(target, shape.depth, shape.columns, elementType);
  SmallVector<int64_t> dims{batches0 * batches1};
  llvm::append_range(dims, panels.getShape());
  return RankedTensorType::get(dims, elementType);
}

func::FuncOp compress::getMatMulKernel(KernelLibrary &library, const MatMulShape &shape) {
  std::string name;
  llvm::raw_string_ostream stream(name);
  auto size = [&](int64_t value) {
    return ShapedType::isDynamic(value) ? std::string("any") : std::to_string(value);
  };
  stream << "matmul_f32_" << size(shape.depth) << "x" << size(shape.columns) << "_l";
  llvm::interleave(shape.lhsOrder, stream, "");
  if (shape.packedBatches) {
    stream << "_packed" << (*shape.packedBatches)[0] << "x" << (*shape.packedBatches)[1];
  } else {
    stream << "_r";
    llvm::interleave(shape.rhsOrder, stream, "");
  }
  stream << "_" << library.getTarget().getName();
  std::string description =
      "batched matmul " + size(shape.depth) + "x" + size(shape.columns) + ", f32";

  Type f32 = Float32Type::get(library.getContext());
  auto operand = [&](const std::array<int64_t, 4> &order, int64_t rows, int64_t columns) {
    SmallVector<int64_t> dims(4, ShapedType::kDynamic);
    dims[static_cast<size_t>(order[2])] = rows;
    dims[static_cast<size_t>(order[3])] = columns;
    return getActivationType(dims, f32);
  };
  int64_t dynamic = ShapedType::kDynamic;
  Type rhs = operand(shape.rhsOrder, shape.depth, shape.columns);
  if (shape.packedBatches) {
    RankedTensorType packed = getPackedMatMulType(library.getTarget(), shape, f32);
    rhs = MemRefType::get(packed.getShape(), f32);
  }
  SmallVector<Type> arguments{operand(shape.lhsOrder, dynamic, shape.depth), rhs,
                              getActivationType({dynamic, dynamic, dynamic, shape.columns}, f32)};
  return library.getOrCreate(name, description, arguments, [&](KernelBuilder &b, ValueRange args) {
    MatMulEmitter(b, shape, args).emit();
  });
}
