//===- NumpyIO.h - tensors in files ----------------------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Files of tensors: NumPy's `.npy` (format versions 1 to 3) and `.npz`, and ONNX's `TensorProto`.
// Files are untrusted: what is allocated is bounded by what they hold.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_EXECUTIONENGINE_NUMPYIO_H
#define COMPRESS_EXECUTIONENGINE_NUMPYIO_H

#include "compress/ExecutionEngine/HostTensor.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <utility>
#include <vector>

namespace mlir {
namespace compress {

/// A tensor and what it is called.
using NamedTensor = std::pair<std::string, HostTensor>;

/// What the header of a `.npy` file says.
struct NpyHeader {
  DataType type = DataType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  /// Column-major: the first index changes fastest.
  bool isFortran = false;
  /// Bytes of the header; the contents follow.
  uint64_t size = 0;
};

/// Reads the header at the start of `bytes`. Element types: bool, signed and unsigned integers,
/// f16, f32, f64 and complex, little endian. Errors name what was expected and what was found;
/// objects, strings, structures and big-endian numbers are refused.
llvm::Expected<NpyHeader> parseNpyHeader(llvm::StringRef bytes);

/// The tensor in `bytes`, the contents of a `.npy` file, copied and row-major.
llvm::Expected<HostTensor> readNpy(llvm::StringRef bytes);
/// The tensor in the `.npy` file `path`, which is mapped and not copied where its contents are
/// row-major and aligned for their type.
llvm::Expected<HostTensor> readNpyFile(llvm::StringRef path);

/// Writes `tensor` as `.npy`, version 1. Types that NumPy lacks: `bf16`, the 8-bit and smaller
/// floats are widened to f32; small integers are int8 or uint8.
llvm::Error writeNpy(llvm::raw_ostream &os, const TensorView &tensor);
/// The same, to a file, whole or not at all.
llvm::Error writeNpyFile(llvm::StringRef path, const TensorView &tensor);

/// All tensors of a `.npz` file, in its order, named without `.npy`.
llvm::Expected<std::vector<NamedTensor>> readNpz(llvm::StringRef path);
/// Writes a `.npz` file (not compressed), whole or not at all.
llvm::Error writeNpz(llvm::StringRef path,
                     llvm::ArrayRef<std::pair<std::string, TensorView>> tensors);

/// The tensor in a file that is one `TensorProto`, with its name ("" if it has none).
llvm::Expected<NamedTensor> readTensorProto(llvm::StringRef path);

/// Reads `path` by its extension: `.npy` or `.pb`.
llvm::Expected<HostTensor> readTensorFile(llvm::StringRef path);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_EXECUTIONENGINE_NUMPYIO_H
