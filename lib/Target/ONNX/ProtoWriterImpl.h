//===- ProtoWriterImpl.h - models with external data -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_PROTOWRITERIMPL_H
#define COMPRESS_LIB_TARGET_ONNX_PROTOWRITERIMPL_H

#include "compress/Target/ONNX/ProtoWriter.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::compress::onnx {

/// Where the contents of a tensor are put outside of the model.
struct ExternalPlacement {
  StringRef location;
  uint64_t offset = 0;
  uint64_t length = 0;
};
using ExternalPlacements = llvm::DenseMap<const TensorProto *, ExternalPlacement>;

/// Size of the serialized model if the tensors of `placements` (may be null) are
/// external; no limit.
llvm::Expected<uint64_t> measureModel(const ModelProto &model,
                                      const ExternalPlacements *placements);

/// Writes the model without the contents of the tensors of `placements`.
llvm::Error writeModel(const ModelProto &model, llvm::raw_ostream &os,
                       const ExternalPlacements *placements);

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_PROTOWRITERIMPL_H
