//===- CompressDialect.h - the compress dialect -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESSDIALECT_H
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESSDIALECT_H

#include "compress/Dialect/Compress/IR/CompressAttributes.h"
#include "compress/Dialect/Compress/IR/CompressTypes.h"
#include "mlir/IR/Dialect.h"
#include <memory>

namespace mlir {
namespace compress {
class ReportCollector;
class Statistics;
class WeightFileCache;
} // namespace compress
} // namespace mlir

#include "compress/Dialect/Compress/IR/CompressDialect.h.inc"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESSDIALECT_H
