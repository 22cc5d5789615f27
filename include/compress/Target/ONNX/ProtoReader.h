//===- ProtoReader.h - zero-copy reader of ONNX files ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reads ONNX protobuf files into the structs of Proto.h. Text and tensor data
// stay where they are in the (mapped) file. Files are untrusted: reading takes
// bounded memory (a multiple of the file's size), bounded stack, and ends with a
// model or with an error that names the byte offset.
//
// Reading checks the wire format only; `validateModel` checks what the messages say.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_PROTOREADER_H
#define COMPRESS_TARGET_ONNX_PROTOREADER_H

#include "compress/Target/ONNX/Proto.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MemoryBuffer.h"

namespace mlir::compress::onnx {

/// A model together with the file that its views point into.
struct LoadedModel {
  /// Owns the bytes; null if the caller of `readModel` owns them.
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  llvm::MemoryBufferRef bytes;
  /// Folder that external data is relative to; "" if the model is no file.
  std::string folder;
  ModelProto model;

  /// Position in the file of a view that points into it; nothing for others.
  std::optional<uint64_t> getFileOffset(StringRef view) const;
};

/// Maps and reads the model file at `path`. Refuses what is no regular file and
/// files of 4 GiB or more.
llvm::Expected<std::unique_ptr<LoadedModel>> readModel(StringRef path);

/// Reads a model from memory that must outlive the result. `folder` is where
/// external data is looked up ("": nowhere).
llvm::Expected<std::unique_ptr<LoadedModel>> readModel(llvm::MemoryBufferRef bytes,
                                                       StringRef folder = "");

/// Reads a file that is one `TensorProto` (test data). Views point into `bytes`.
llvm::Expected<TensorProto> readTensor(llvm::MemoryBufferRef bytes);

/// Reads one serialized `AttributeProto`, `AttributeProto::raw`. Views point into
/// `serialized`.
llvm::Expected<AttributeProto> readAttribute(StringRef serialized);

/// Number of elements of a shape (1 for rank 0). Error if a dimension is negative
/// or the product exceeds 2^63 - 1; [2^62, 0] is legal and empty.
llvm::Expected<uint64_t> getNumElements(llvm::ArrayRef<int64_t> dims);

/// Bytes that the contents of `tensor` take in storage order (see
/// `getTensorBytes`), from its dims and data type. Error for STRING.
llvm::Expected<uint64_t> getTensorByteSize(const TensorProto &tensor);

/// Contents of a tensor: a view of the file, or an own buffer if they had to be
/// converted from typed fields.
struct TensorBytes {
  StringRef bytes;
  /// Set if `bytes` does not point into the model file.
  std::unique_ptr<llvm::MemoryBuffer> owned;
};

/// The contents of a numeric tensor in storage order: little-endian elements of
/// natural size, BOOL one byte each, sub-byte elements packed low bits first over
/// the flattened tensor. No copy for `raw_data` and for packed float_data and
/// double_data of one piece; otherwise converted from the typed field. The views
/// are unaligned. Error for STRING, for external tensors, and for contents that
/// do not have the size of the shape.
llvm::Expected<TensorBytes> getTensorBytes(const TensorProto &tensor);

/// Checks one tensor: data type, dims, one storage only, its exact size, entries
/// of external_data (syntax, not the file). Appends remarks to `warnings`.
llvm::Error validateTensor(const TensorProto &tensor, std::vector<std::string> *warnings = nullptr);

/// How `validateModel` checks.
struct ValidateOptions {
  /// Folder in which external data files must be and be long enough; "": files
  /// are not looked at.
  StringRef folder;
  /// Accept external data files that are links leading out of the folder (as in
  /// model hub caches).
  bool allowOutsideLinks = false;
  /// Most nodes that the graph may have after inlining all functions.
  uint64_t maxExpandedNodes = 1000000;
  /// Receives what is odd but legal (duplicate metadata keys, deprecated operators, ...).
  std::vector<std::string> *warnings = nullptr;
};

/// Checks the semantic rules of the ONNX specification that need no shape
/// inference: versions and opset imports, tensors and their storage, names
/// defined once and before use (graphs must be sorted), attributes, arity and
/// attributes of standard operators, branches, functions (no recursion, bounded
/// expansion). The error names the node, tensor or field, what was expected and
/// what was found.
llvm::Error validateModel(const ModelProto &model, const ValidateOptions &options = {});

} // namespace mlir::compress::onnx

#endif // COMPRESS_TARGET_ONNX_PROTOREADER_H
