//===- ProtoWriter.h - streaming writer of ONNX files ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes the structs of Proto.h as canonical protobuf: fields in the order of
// their numbers, repeated scalars packed only where onnx.proto says so. Contents
// precede nothing in protobuf: a message starts with its length. So a first pass
// computes all lengths and a second writes; tensors are never collected in memory.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_PROTOWRITER_H
#define COMPRESS_TARGET_ONNX_PROTOWRITER_H

#include "compress/Target/ONNX/Proto.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir::compress::onnx {

/// Largest file that protobuf readers accept, in bytes.
constexpr uint64_t maxProtobufBytes = (uint64_t(1) << 31) - 1;

/// Where the contents of initializers go.
struct WriteOptions {
  enum class ExternalData : uint8_t {
    /// Into the model; error if it exceeds 2 GB.
    Never,
    /// Into a second file if the model would exceed `inlineLimit` bytes.
    Auto,
    /// Always into a second file.
    Always,
  };
  ExternalData externalData = ExternalData::Auto;
  uint64_t inlineLimit = 1500000000;
  /// Initializers smaller than this many bytes stay in the model.
  uint64_t externalThreshold = 1024;
  /// Every external tensor starts at a multiple of this many bytes (power of 2).
  uint64_t externalAlignment = 4096;
  /// Called with the path of the complete model before it is put in its place; an error leaves the
  /// old state. External data are not in their place yet.
  std::function<llvm::Error(llvm::StringRef)> check;
};

/// Number of bytes that `writeModel` writes, or an error beyond 2 GB or for messages
/// nested too deep.
llvm::Expected<uint64_t> getModelSize(const ModelProto &model);

/// Writes the whole model, contents inline, to `os`.
llvm::Error writeModel(const ModelProto &model, llvm::raw_ostream &os);

/// Writes the model to the file `path`, and external data, if the options ask for
/// it, to `<path>.data` beside it. Both are written as temporary files and renamed
/// when they are complete; on failure the old files stay and no temporary is left.
/// A link is followed, an existing file keeps its permissions; what is no regular
/// file (/dev/stdout) is written directly, without external data.
///
/// Only initializers (of the graph and of subgraphs) with `rawData` or a
/// `producer` become external; those that are external already are written as
/// they are.
llvm::Error writeModelFile(const ModelProto &model, StringRef path,
                           const WriteOptions &options = {});

/// The attribute as serialized bytes, as `AttributeProto::raw` has them.
llvm::Expected<std::string> serializeAttribute(const AttributeProto &attribute);

/// The tensor as the contents of a TensorProto file.
llvm::Error writeTensor(const TensorProto &tensor, llvm::raw_ostream &os);

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_PROTOWRITER_H
