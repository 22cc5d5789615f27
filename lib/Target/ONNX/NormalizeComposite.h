//===- NormalizeComposite.h - nodes that are composite ops ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_NORMALIZECOMPOSITE_H
#define COMPRESS_LIB_TARGET_ONNX_NORMALIZECOMPOSITE_H

#include "compress/Target/ONNX/Normalize.h"

namespace mlir::compress::onnx {

/// RMSNormalization, RotaryEmbedding and Attention of the default domain (opset 23 on).
NodeResult normalizeRMSNorm(OnnxNode &node);
NodeResult normalizeRotaryEmbedding(OnnxNode &node);
NodeResult normalizeAttention(OnnxNode &node);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZECOMPOSITE_H
