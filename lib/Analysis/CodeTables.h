//===- CodeTables.h - codes that stand for entries of several tables -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of `EncodedWeight` that have a table for each block (`tableBlock`), or tables of
// vectors
// (`vectors`).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_ANALYSIS_CODETABLES_H
#define COMPRESS_LIB_ANALYSIS_CODETABLES_H

#include "compress/Analysis/EncodedWeight.h"

namespace mlir {
namespace compress {

/// Why the table of `op` cannot be read; empty if it can.
std::string explainTable(LookupOp op);
/// Why the codes and tables of `op` cannot be read; empty if they can.
std::string explainVectors(LookupVectorsOp op);

/// Reads the tables of `op` into `weight`, whose type is set.
LogicalResult readTable(WeightStore &store, LookupOp op, EncodedWeight &weight,
                        EmitErrorFn emitError);
LogicalResult readVectors(WeightStore &store, LookupVectorsOp op, EncodedWeight &weight,
                          EmitErrorFn emitError);

/// The first code whose entry is zero in every table of `weight`, which has a table.
std::optional<int64_t> getZeroCodeOfTables(const EncodedWeight &weight);

/// Values of the dense `codes` of a weight with a table for each block.
void decodeBlockTables(const EncodedWeight &weight, const StoredTensor &codes,
                       StoredTensor &result);
/// Values of a weight with `vectors`. Codes without an entry are errors.
LogicalResult decodeVectors(const EncodedWeight &weight, StoredTensor &result,
                            EmitErrorFn emitError);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_ANALYSIS_CODETABLES_H
