//===- LinearKernel.h - matrix products with a packed f32 weight -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_LINEARKERNEL_H
#define COMPRESS_CODEGEN_CPU_LINEARKERNEL_H

#include "compress/Codegen/CPU/Epilogue.h"
#include "compress/Codegen/CPU/KernelLibrary.h"

namespace mlir {
namespace compress {

/// `y = epilogue(x * W)` with `x` `[m, inputs]`, `W` `[inputs, outputs]` and any number of rows.
///
/// W is packed in panels of `getPanelWidth()` columns: `[ceil(outputs / width), inputs, width]`,
/// the last one padded with zeros. Every output is one chain of fused multiply-adds in the order of
/// the inputs, so its bits depend neither on the rows, nor on the threads, nor on the instruction
/// set.
struct LinearRequest {
  int64_t inputs = 0, outputs = 0;
  Epilogue epilogue;
};

/// Rows of a register tile.
constexpr int64_t kTileRows = 6;

/// Kernel with the arguments x, packed W, [bias], [other], y.
func::FuncOp getLinearKernel(KernelLibrary &library, const LinearRequest &request);

/// Type of the packed weight, as a tensor.
RankedTensorType getPanelType(const CpuTarget &target, int64_t inputs, int64_t outputs,
                              Type elementType);

/// Packs a matrix of 32-bit elements whose element (k, n) is `source[k * strideK + n * strideN]`
/// into panels of `width` columns.
void packPanels(const uint32_t *source, int64_t strideK, int64_t strideN, int64_t inputs,
                int64_t outputs, int64_t width, uint32_t *panels);

/// One register tile of a product: `rows` rows and `columns` columns, at most a panel.
struct TileShape {
  int64_t rows, columns;
};

/// Sums of a tile in vectors of `getLanes()`, row by row: `init` plus the products for k in
/// [begin, end). `loadRow(row, k)` gives an element of x in every lane, `loadColumns(k, vector)` a
/// vector of W.
SmallVector<Value> emitTileProduct(KernelBuilder &builder, TileShape shape, Value begin, Value end,
                                   ValueRange init,
                                   function_ref<Value(int64_t row, Value k)> loadRow,
                                   function_ref<Value(Value k, int64_t vector)> loadColumns);

/// Calls `tile(first row, rows, number)` so that the rows [begin, end) are covered: tiles of
/// `kTileRows` rows, the last one overlapping the one before it, or one smaller tile where there
/// are fewer rows. Tiles are numbered from 0.
void forEachRowTile(KernelBuilder &builder, Value begin, Value end,
                    function_ref<void(Value row, int64_t rows, Value number)> tile);

/// Applies the epilogue to the sums of a tile and stores them at (`row`, `column`) of the output;
/// `columns` of the tile's vectors count. The bias is `[outputs]`, the second tensor like the
/// output.
void storeTile(KernelBuilder &builder, const Epilogue &epilogue, TileShape shape, ValueRange sums,
               Value row, Value column, const EpilogueOperands &operands);

/// Runs `work(panel, begin row, end row, columns of the panel)` for all panels of `outputs` columns
/// and blocks of the rows of `x`, on several threads where that pays. `work` is called twice at
/// most: for full panels and for a last, narrower one.
void forEachPanel(KernelBuilder &builder, Value rows, int64_t inputs, int64_t outputs,
                  function_ref<void(Value panel, Value begin, Value end, int64_t columns)> work);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_LINEARKERNEL_H
