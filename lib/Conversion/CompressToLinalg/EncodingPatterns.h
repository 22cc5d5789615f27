//===- EncodingPatterns.h - patterns of decode ops and stored codes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ENCODINGPATTERNS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ENCODINGPATTERNS_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Conversion/LoweringContext.h"

namespace mlir {
namespace compress {

/// `mask`, `lookup`, `lookup_vectors`, `expand_nm` and `expand_bitmap`.
void populateDecodePatterns(const TypeConverter &converter, LoweringContext &lowering,
                            RewritePatternSet &patterns);
/// Loads of weights whose elements lie in memory in another way than they are stored.
void populatePackedWeightPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                  RewritePatternSet &patterns);
/// Gives `expand_bitmap` of stored tensors their dense codes as new weights: no kernel reads
/// bitmaps, and the codes would else be expanded in every run. Failure comes with a diagnostic.
LogicalResult expandStoredBitmaps(ModuleOp module, WeightSymbols &weights);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_ENCODINGPATTERNS_H
