//===- Patterns.h - patterns of convert-compress-to-linalg -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H

#include "compress/Conversion/LoweringContext.h"

namespace mlir {
namespace compress {

/// Whether a load becomes a constant of the code: one element, or a few integers.
bool isLiteral(LoadOp op);

void populateElementwisePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                 RewritePatternSet &patterns);
void populateQuantizationPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                  RewritePatternSet &patterns);
void populateReductionPatterns(const TypeConverter &converter, LoweringContext &lowering,
                               RewritePatternSet &patterns);
void populateNormalizationPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                   RewritePatternSet &patterns);
void populateSearchPatterns(const TypeConverter &converter, LoweringContext &lowering,
                            RewritePatternSet &patterns);
void populateMovementPatterns(const TypeConverter &converter, LoweringContext &lowering,
                              RewritePatternSet &patterns);
void populateIndexingPatterns(const TypeConverter &converter, LoweringContext &lowering,
                              RewritePatternSet &patterns);
void populateContractionPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                 RewritePatternSet &patterns);
void populateStructurePatterns(const TypeConverter &converter, LoweringContext &lowering,
                               RewritePatternSet &patterns);
void populateControlFlowPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                 RewritePatternSet &patterns);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H
