//===- Tensor.h - strided tensors of the reference semantics ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `Tensor` is a shape, a type, strides and a shared buffer. Copies and views
// share the buffer. Each element has a slot of natural size: one byte for
// `Bool` and for sub-byte types (sign- or zero-extended), so that there is no
// bit arithmetic in the operations.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_REFERENCE_TENSOR_H
#define COMPRESS_REFERENCE_TENSOR_H

#include "compress/Support/DataType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

namespace mlir {
namespace compress {
namespace reference {

/// Bytes (of slots) that one tensor may take; larger ones are an error, so that
/// a hostile shape cannot exhaust memory.
inline constexpr uint64_t kMaxTensorBytes = uint64_t(1) << 30;

/// Elementary steps (multiply-adds, elements read) that one operation may take;
/// more are an error, so that a hostile model cannot hang the folder.
inline constexpr uint64_t kMaxWork = uint64_t(1) << 36;

/// Error with the given text and no error code.
llvm::Error makeError(const llvm::Twine &message);

/// "[2, 3]", for messages.
std::string shapeToString(llvm::ArrayRef<int64_t> shape);

/// Product of `shape`, or an error when a dimension is negative or the product
/// exceeds 63 bits. A zero dimension gives 0 whatever the others are.
llvm::Expected<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// `axis` in [-rank, rank) made non-negative, or an error that names `what`.
llvm::Expected<int64_t> normalizeAxis(int64_t axis, int64_t rank, llvm::StringRef what = "axis");

/// NumPy broadcasting of two shapes, or an error.
llvm::Expected<llvm::SmallVector<int64_t>> broadcastShapes(llvm::ArrayRef<int64_t> a,
                                                           llvm::ArrayRef<int64_t> b);

/// Bytes of one slot of `type`: the natural size, 1 below 8 bits, and
/// `sizeof(uint32_t)` for `String` (an index into a table of strings).
unsigned getSlotBytes(DataType type);

class Tensor {
public:
  /// An f32 tensor of shape [0].
  Tensor();

  /// Contiguous tensor of zeros (empty strings). Fails when a dimension is
  /// negative or the slots take more than `maxBytes`.
  static llvm::Expected<Tensor> create(DataType type, llvm::ArrayRef<int64_t> shape,
                                       uint64_t maxBytes = kMaxTensorBytes);

  /// Copies elements that are stored as `WeightStore` stores them: row-major,
  /// little-endian, sub-byte types packed low bits first, `Bool` one byte (any
  /// non-zero byte is true). Fails when `bytes` has not exactly the size that
  /// `getStorageBytes` says, and for `String`.
  static llvm::Expected<Tensor> fromPacked(DataType type, llvm::ArrayRef<int64_t> shape,
                                           llvm::ArrayRef<char> bytes);

  /// Row-major values, each rounded (`setFloat`) or wrapped (`setInt`) to
  /// `type`. Fail when the number of values is not the number of elements.
  static llvm::Expected<Tensor> fromFloats(DataType type, llvm::ArrayRef<int64_t> shape,
                                           llvm::ArrayRef<double> values);
  static llvm::Expected<Tensor> fromInts(DataType type, llvm::ArrayRef<int64_t> shape,
                                         llvm::ArrayRef<int64_t> values);
  static llvm::Expected<Tensor> fromStrings(llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<std::string> values);

  /// Rank-0 tensors of a numeric type.
  static Tensor scalar(DataType type, double value);
  static Tensor scalarInt(DataType type, int64_t value);

  DataType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  /// In elements; may be zero (broadcast) or negative (reversed).
  llvm::ArrayRef<int64_t> getStrides() const { return strides; }
  int64_t getRank() const { return static_cast<int64_t>(shape.size()); }
  int64_t getDim(int64_t axis) const { return shape[axis]; }
  int64_t getNumElements() const { return numElements; }
  /// Slot of the element at index 0 of every axis.
  int64_t getOffset() const { return offset; }
  /// True when the elements lie row-major without gaps.
  bool isContiguous() const;

  /// Slot of the element at `index` (one non-negative in-range entry per axis).
  int64_t getSlot(llvm::ArrayRef<int64_t> index) const;

  /// Element at `index`. Floats read as integers are converted by
  /// `convertFloatToInt` to I64; integers read as floats are rounded to double.
  /// `setFloat` rounds to the nearest value of a float type and converts as
  /// `cast` does for other types; `setInt` wraps to the width. Complex types
  /// are seen through their real part; `String` has no number (0, ignored).
  double getFloat(llvm::ArrayRef<int64_t> index) const { return loadFloat(getSlot(index)); }
  int64_t getInt(llvm::ArrayRef<int64_t> index) const { return loadInt(getSlot(index)); }
  void setFloat(llvm::ArrayRef<int64_t> index, double value) { storeFloat(getSlot(index), value); }
  void setInt(llvm::ArrayRef<int64_t> index, int64_t value) { storeInt(getSlot(index), value); }
  llvm::StringRef getString(llvm::ArrayRef<int64_t> index) const;
  void setString(llvm::ArrayRef<int64_t> index, llvm::StringRef value);

  /// The same by slot, for loops.
  double loadFloat(int64_t slot) const {
    if (type == DataType::F32)
      return readAs<float>(slot);
    return loadFloatSlow(slot);
  }
  int64_t loadInt(int64_t slot) const {
    if (type == DataType::I64)
      return readAs<int64_t>(slot);
    return loadIntSlow(slot);
  }
  void storeFloat(int64_t slot, double value) {
    if (type == DataType::F32)
      return writeAs<float>(slot, static_cast<float>(value));
    storeFloatSlow(slot, value);
  }
  void storeInt(int64_t slot, int64_t value) {
    if (type == DataType::I64)
      return writeAs<int64_t>(slot, value);
    storeIntSlow(slot, value);
  }
  llvm::StringRef loadString(int64_t slot) const;
  void storeString(int64_t slot, llvm::StringRef value);

  /// Zero-extended bits of a slot (types of at most 64 bits, not `String`), and
  /// the inverse, which keeps the low bits of the slot.
  uint64_t loadBits(int64_t slot) const;
  void storeBits(int64_t slot, uint64_t bits);

  /// Copies one element of a tensor of the same type, whatever the type.
  void copySlot(int64_t slot, const Tensor &from, int64_t fromSlot);

  /// First slot of the buffer (not of the view) as elements of `T`, whose size
  /// must be that of a slot.
  template <typename T>
  T *getData() const {
    return reinterpret_cast<T *>(storage->bytes);
  }

  /// Bytes as `WeightStore` stores them (see `fromPacked`), in row-major order
  /// of the view. Fails for `String`.
  llvm::Expected<llvm::SmallVector<char, 0>> toPacked() const;

  /// Row-major values; for tests and small operands such as shapes and axes.
  llvm::SmallVector<double> toFloats() const;
  llvm::SmallVector<int64_t> toInts() const;
  llvm::SmallVector<std::string> toStrings() const;

  /// The same elements, contiguous: this tensor if it already is (sharing the
  /// buffer), else a copy.
  llvm::Expected<Tensor> contiguous() const;
  /// A contiguous copy with a buffer of its own.
  llvm::Expected<Tensor> clone() const;
  /// A contiguous copy as `F64` (floats) or `I64` (integers and `Bool`; `U64`
  /// keeps its bits), for inner loops. Fails for complex types and `String`.
  llvm::Expected<Tensor> widen() const;

  /// Views; they share the buffer. `perm` is a permutation of the axes.
  llvm::Expected<Tensor> transpose(llvm::ArrayRef<int64_t> perm) const;
  /// NumPy `broadcast_to`: `newShape` has at least this rank; equal or size-1
  /// dims, aligned right. Refused above `kMaxTensorBytes`, as if it were copied.
  llvm::Expected<Tensor> broadcastTo(llvm::ArrayRef<int64_t> newShape) const;
  /// One start, size and non-zero step per axis; every element must be inside.
  llvm::Expected<Tensor> slice(llvm::ArrayRef<int64_t> starts, llvm::ArrayRef<int64_t> sizes,
                               llvm::ArrayRef<int64_t> steps) const;
  /// Another shape with the same number of elements; copies when the view is
  /// not contiguous.
  llvm::Expected<Tensor> reshape(llvm::ArrayRef<int64_t> newShape) const;

  /// Same type and shape, and every element has the same bits (so a NaN equals
  /// itself and -0 differs from 0).
  bool isIdentical(const Tensor &other) const;

private:
  struct Storage {
    Storage() = default;
    Storage(const Storage &) = delete;
    Storage &operator=(const Storage &) = delete;
    ~Storage();
    char *bytes = nullptr;
    /// Only for `String`: one entry per slot.
    llvm::SmallVector<std::string, 0> strings;
  };

  template <typename T>
  T readAs(int64_t slot) const {
    T value;
    std::memcpy(&value, storage->bytes + slot * int64_t(sizeof(T)), sizeof(T));
    return value;
  }
  template <typename T>
  void writeAs(int64_t slot, T value) {
    std::memcpy(storage->bytes + slot * int64_t(sizeof(T)), &value, sizeof(T));
  }
  double loadFloatSlow(int64_t slot) const;
  int64_t loadIntSlow(int64_t slot) const;
  void storeFloatSlow(int64_t slot, double value);
  void storeIntSlow(int64_t slot, int64_t value);

  DataType type = DataType::F32;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<int64_t> strides;
  int64_t offset = 0;
  int64_t numElements = 0;
  std::shared_ptr<Storage> storage;
};

/// Calls `fn(slots)` for every index of `shape` in row-major order, where
/// `slots[i]` is the slot of tensor i at that index (a `std::array<int64_t, N>`).
/// Every tensor must have exactly this shape.
template <size_t N, typename Fn>
void forEachSlot(llvm::ArrayRef<int64_t> shape, std::array<const Tensor *, N> tensors, Fn &&fn) {
  std::array<int64_t, N> slots;
  for (size_t i = 0; i < N; ++i)
    slots[i] = tensors[i]->getOffset();
  for (int64_t dim : shape)
    if (dim == 0)
      return;
  int64_t rank = static_cast<int64_t>(shape.size());
  llvm::SmallVector<int64_t> index(rank, 0);
  while (true) {
    fn(static_cast<const std::array<int64_t, N> &>(slots));
    int64_t axis = rank - 1;
    for (; axis >= 0; --axis) {
      if (++index[axis] < shape[axis]) {
        for (size_t i = 0; i < N; ++i)
          slots[i] += tensors[i]->getStrides()[axis];
        break;
      }
      index[axis] = 0;
      for (size_t i = 0; i < N; ++i)
        slots[i] -= tensors[i]->getStrides()[axis] * (shape[axis] - 1);
    }
    if (axis < 0)
      return;
  }
}

/// Calls `fn(index)` (an `ArrayRef<int64_t>`) for every index of `shape` in
/// row-major order.
template <typename Fn>
void forEachIndex(llvm::ArrayRef<int64_t> shape, Fn &&fn) {
  for (int64_t dim : shape)
    if (dim == 0)
      return;
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    fn(llvm::ArrayRef<int64_t>(index));
    int64_t axis = static_cast<int64_t>(shape.size()) - 1;
    for (; axis >= 0; --axis) {
      if (++index[axis] < shape[axis])
        break;
      index[axis] = 0;
    }
    if (axis < 0)
      return;
  }
}

} // namespace reference
} // namespace compress
} // namespace mlir

#endif // COMPRESS_REFERENCE_TENSOR_H
