//===- SafeTensors.h - safetensors files, in and out ------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The format: eight bytes N (little endian), N bytes of JSON, then the data.
// The JSON maps each tensor's name to {"dtype", "shape", "data_offsets"}, the
// latter relative to the data; "__metadata__" maps strings to strings. Tensors
// cover the data without overlap and without holes.
//
// Element types the format has no name for (i4, i2, f4E2M1FN ...) are stored
// as a one-dimensional "U8" tensor of the packed bytes. The real type is the
// metadata entry "compress.type.<tensor>", for example "i4:[4096,1024]".
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SUPPORT_SAFETENSORS_H
#define COMPRESS_SUPPORT_SAFETENSORS_H

#include "compress/Support/DataType.h"
#include "compress/Support/MappedFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mlir::compress {

/// Largest JSON header, in bytes, that is read or written (the limit of the format).
constexpr uint64_t maxSafeTensorsHeader = 100'000'000;

/// One tensor of a safetensors file.
struct SafeTensorInfo {
  std::string name;
  /// "F32", "BF16", "I8", ...
  std::string dtype;
  /// Dimensions, outermost first; empty for a scalar.
  llvm::SmallVector<int64_t, 4> shape;
  /// Position of the first byte, from the start of the file.
  uint64_t offset = 0;
  /// Size in bytes.
  uint64_t length = 0;
};

/// Element type and shape of a tensor as the project sees it (unpacked view of sub-byte tensors).
struct SafeTensorType {
  DataType dataType;
  llvm::SmallVector<int64_t, 4> shape;
};

/// What the header of a safetensors file says; all of it checked.
struct SafeTensorsHeader {
  /// Tensors in file order of their data.
  std::vector<SafeTensorInfo> tensors;
  /// Name to position in `tensors`.
  llvm::StringMap<size_t> index;
  std::map<std::string, std::string> metadata;

  /// The tensor of that name, or null.
  const SafeTensorInfo *find(llvm::StringRef name) const;
  /// Type and shape of `tensor`, with the metadata of packed sub-byte tensors applied. An error if
  /// the dtype has no `DataType` or the metadata does not agree with the stored size.
  llvm::Expected<SafeTensorType> getType(const SafeTensorInfo &tensor) const;
};

/// Reads the header of a file whose first bytes are `contents` (at least the header) and whose
/// total size is `fileSize` bytes. Checks lengths, names, dtypes, shapes (products without
/// overflow), and that the tensors tile the data exactly. Memory is bounded by a small multiple of
/// the header.
llvm::Expected<SafeTensorsHeader> parseSafeTensorsHeader(llvm::StringRef contents,
                                                         uint64_t fileSize);

/// A mapped safetensors file.
class SafeTensorsFile {
public:
  /// Reads the header of `file`; errors name the file.
  static llvm::Expected<SafeTensorsFile> open(std::shared_ptr<MappedFile> file);
  /// Maps the file at `path` and reads its header.
  static llvm::Expected<SafeTensorsFile> open(llvm::StringRef path);

  const SafeTensorsHeader &getHeader() const { return header; }
  const std::shared_ptr<MappedFile> &getFile() const { return file; }
  /// Bytes of a tensor of this file, in the mapping. Not necessarily aligned to the element size.
  llvm::StringRef getBytes(const SafeTensorInfo &tensor) const;

private:
  SafeTensorsHeader header;
  std::shared_ptr<MappedFile> file;
};

/// Writes a safetensors file front to back: declare every tensor, `writeHeader`, then the bytes of
/// each tensor in `getWriteOrder`, in as many pieces as convenient, then `finish`.
///
/// The data starts at a multiple of 64 bytes. Tensors whose size is a multiple of 64 come first and
/// are 64-aligned; the others follow by decreasing element size, so that each is aligned to its
/// elements.
class SafeTensorsWriter {
public:
  explicit SafeTensorsWriter(llvm::raw_ostream &os) : os(os) {}

  /// Adds a metadata entry; replaces one of the same key.
  void setMetadata(llvm::StringRef key, llvm::StringRef value);

  /// Declares a tensor by its safetensors dtype ("F32", ...). Errors: an empty, repeated or
  /// reserved name, an unknown dtype, a negative dimension, a size that overflows, too late.
  llvm::Error declare(llvm::StringRef name, llvm::StringRef dtype, llvm::ArrayRef<int64_t> shape);
  /// Declares a tensor of any element type but `String`; sub-byte types are stored packed.
  llvm::Error declare(llvm::StringRef name, DataType type, llvm::ArrayRef<int64_t> shape);

  /// Fixes the layout and writes the header.
  llvm::Error writeHeader();

  /// Declaration numbers in the order their bytes must come. Valid after `writeHeader`.
  llvm::ArrayRef<size_t> getWriteOrder() const { return order; }
  /// The tensor of a declaration number, with `offset` filled in after `writeHeader`.
  const SafeTensorInfo &getTensor(size_t declaration) const { return tensors[declaration]; }

  /// Appends bytes to the tensor that is next in the order. Errors: another tensor is due, or more
  /// bytes than declared.
  llvm::Error append(size_t declaration, llvm::StringRef bytes);

  /// Checks that every declared byte was written, and flushes. Write errors are those of the
  /// stream.
  llvm::Error finish();

private:
  /// Skips tensors that are complete.
  void advance();

  llvm::raw_ostream &os;
  std::vector<SafeTensorInfo> tensors;
  llvm::StringMap<size_t> index;
  std::map<std::string, std::string> metadata;
  std::vector<size_t> order;
  bool headerWritten = false;
  /// Position in `order` of the tensor that is being written, and its bytes so far.
  size_t current = 0;
  uint64_t written = 0;
};

} // namespace mlir::compress

#endif // COMPRESS_SUPPORT_SAFETENSORS_H
