//===- ExportWeights.cpp - stored tensors and their other forms -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ExportWeights.h"
#include "compress/Algorithms/BitPacking.h"
#include "compress/Reference/Tensor.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx;

HeldBytes HeldBytes::own(SmallVector<char, 0> bytes) {
  auto owner = std::make_shared<SmallVector<char, 0>>(std::move(bytes));
  return {ArrayRef<char>(owner->data(), owner->size()), owner};
}

int64_t LazyTensor::getNumElements() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

uint64_t LazyTensor::getBytes() const {
  return getStorageBytes(type, getNumElements()).value_or(0);
}

llvm::Error LazyTensor::write(llvm::raw_ostream &os) const {
  FailureOr<HeldBytes> bytes = read();
  if (failed(bytes))
    return llvm::createStringError("the contents could not be read");
  os.write(bytes->data.data(), bytes->data.size());
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Unpacked elements
//===----------------------------------------------------------------------===//

static const uint8_t *asBytes(ArrayRef<char> bytes) {
  return reinterpret_cast<const uint8_t *>(bytes.data());
}

/// One byte per code for types below 8 bits, the bytes themselves for others.
static HeldBytes unpacked(HeldBytes bytes, unsigned bits, uint64_t count, bool isSigned = false) {
  if (bits >= 8)
    return bytes;
  SmallVector<char, 0> result;
  result.resize_for_overwrite(count);
  unpackCodes(asBytes(bytes.data), 0, count, bits, isSigned,
              reinterpret_cast<uint8_t *>(result.data()));
  return HeldBytes::own(std::move(result));
}

static HeldBytes packed(SmallVector<char, 0> elements, unsigned bits, uint64_t count) {
  if (bits >= 8)
    return HeldBytes::own(std::move(elements));
  SmallVector<char, 0> result(getPackedBytes(count, bits));
  packCodes(reinterpret_cast<const uint8_t *>(elements.data()), count, bits,
            reinterpret_cast<uint8_t *>(result.data()));
  return HeldBytes::own(std::move(result));
}

//===----------------------------------------------------------------------===//
// Other forms
//===----------------------------------------------------------------------===//

static std::string dimsText(ArrayRef<int64_t> dims) { return reference::shapeToString(dims); }

LazyTensor onnx::reshaped(const LazyTensor &tensor, ArrayRef<int64_t> dims) {
  LazyTensor result = tensor;
  if (dims == ArrayRef<int64_t>(tensor.dims))
    return result;
  result.key += "|reshape" + dimsText(dims);
  result.dims.assign(dims.begin(), dims.end());
  result.pattern.clear();
  return result;
}

/// Bytes in files may lie at any address, so elements are copied and not loaded as `T`.
template <typename T>
static void transposeElements(const char *from, char *to, int64_t rows, int64_t columns) {
  constexpr int64_t tile = 32;
  for (int64_t row = 0; row < rows; row += tile)
    for (int64_t column = 0; column < columns; column += tile)
      for (int64_t c = column, ce = std::min(column + tile, columns); c < ce; ++c)
        for (int64_t r = row, re = std::min(row + tile, rows); r < re; ++r)
          std::memcpy(to + (c * rows + r) * sizeof(T), from + (r * columns + c) * sizeof(T),
                      sizeof(T));
}

LazyTensor onnx::transposed(const LazyTensor &tensor) {
  LazyTensor result = tensor;
  result.key += "|transpose";
  int64_t rows = tensor.dims[0], columns = tensor.dims[1];
  result.dims = {columns, rows};
  result.patternAxis = 1 - tensor.patternAxis;
  unsigned bits = tensor.getBits();
  result.read = [inner = tensor.read, rows, columns, bits]() -> FailureOr<HeldBytes> {
    FailureOr<HeldBytes> bytes = inner();
    if (failed(bytes))
      return failure();
    SmallVector<char, 0> out;
    out.resize_for_overwrite(bytes->data.size());
    switch (bits) {
    case 16:
      transposeElements<uint16_t>(bytes->data.data(), out.data(), rows, columns);
      break;
    case 32:
      transposeElements<uint32_t>(bytes->data.data(), out.data(), rows, columns);
      break;
    case 64:
      transposeElements<uint64_t>(bytes->data.data(), out.data(), rows, columns);
      break;
    default:
      transposePackedCodes(asBytes(bytes->data), rows, columns, bits, rows, 0,
                           reinterpret_cast<uint8_t *>(out.data()));
    }
    return HeldBytes::own(std::move(out));
  };
  return result;
}

LazyTensor onnx::repeated(const LazyTensor &tensor, int64_t axis, int64_t block, int64_t extent) {
  LazyTensor result = tensor;
  if (tensor.dims[axis] == extent)
    return result;
  result.key += "|repeat" + dimsText({axis, block, extent});
  result.dims[axis] = extent;
  int64_t outer = 1, inner = 1, from = tensor.dims[axis];
  for (auto [index, dim] : llvm::enumerate(tensor.dims)) {
    outer *= static_cast<int64_t>(index) < axis ? dim : 1;
    inner *= static_cast<int64_t>(index) > axis ? dim : 1;
  }
  unsigned bits = tensor.getBits();
  int64_t count = tensor.getNumElements();
  result.read = [read = tensor.read, outer, inner, from, block, extent, bits,
                 count]() -> FailureOr<HeldBytes> {
    FailureOr<HeldBytes> bytes = read();
    if (failed(bytes))
      return failure();
    HeldBytes elements = unpacked(*bytes, bits, count);
    uint64_t rowBytes = inner * std::max(1u, bits / 8);
    SmallVector<char, 0> out;
    out.resize_for_overwrite(outer * extent * rowBytes);
    char *to = out.data();
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < extent; ++i, to += rowBytes)
        std::memcpy(to, elements.data.data() + (o * from + i / block) * rowBytes, rowBytes);
    return packed(std::move(out), bits, outer * extent * inner);
  };
  return result;
}

LazyTensor onnx::widened(const LazyTensor &tensor, unsigned leastBits) {
  DataType type;
  switch (tensor.type) {
  case DataType::I2:
    if (leastBits <= 2)
      return tensor;
    type = DataType::I4;
    break;
  case DataType::U2:
    if (leastBits <= 2)
      return tensor;
    type = DataType::U4;
    break;
  case DataType::I3:
    type = DataType::I4;
    break;
  case DataType::I6:
    type = DataType::I8;
    break;
  case DataType::U3:
    type = DataType::U4;
    break;
  case DataType::U1:
    type = leastBits <= 2 ? DataType::U2 : DataType::U4;
    break;
  case DataType::U5:
  case DataType::U6:
  case DataType::U7:
    type = DataType::U8;
    break;
  default:
    return tensor;
  }
  LazyTensor result = tensor;
  result.key += "|widen " + getName(type).str();
  result.type = type;
  unsigned bits = tensor.getBits(), newBits = getStorageBitWidth(type);
  bool isSignedType = isSigned(tensor.type);
  int64_t count = tensor.getNumElements();
  result.read = [read = tensor.read, bits, newBits, isSignedType, count]() -> FailureOr<HeldBytes> {
    FailureOr<HeldBytes> bytes = read();
    if (failed(bytes))
      return failure();
    HeldBytes elements = unpacked(*bytes, bits, count, isSignedType);
    return packed(SmallVector<char, 0>(elements.data), newBits, count);
  };
  return result;
}

LazyTensor onnx::packedForMatMulNBits(const LazyTensor &tensor, int64_t multiple,
                                      ArrayRef<int64_t> dims) {
  LazyTensor result = tensor;
  unsigned bits = tensor.getBits();
  bool isSignedType = isSigned(tensor.type);
  int64_t rows = tensor.dims[0], columns = tensor.dims[1];
  int64_t paddedColumns = llvm::alignTo(columns, multiple);
  result.key += "|nbits" + std::to_string(multiple);
  result.type = DataType::U8;
  result.dims.assign(dims.begin(), dims.end());
  result.read = [read = tensor.read, bits, isSignedType, rows, columns,
                 paddedColumns]() -> FailureOr<HeldBytes> {
    FailureOr<HeldBytes> bytes = read();
    if (failed(bytes))
      return failure();
    SmallVector<char, 0> out(getPackedBytes(rows * paddedColumns, bits));
    auto *target = reinterpret_cast<uint8_t *>(out.data());
    if (paddedColumns == columns) {
      std::memcpy(target, bytes->data.data(), out.size());
    } else {
      SmallVector<uint8_t, 0> row(paddedColumns);
      CodePacker packer(target, bits);
      for (int64_t r = 0; r < rows; ++r) {
        unpackCodes(asBytes(bytes->data), r * columns, columns, bits, false, row.data());
        packer.append(row.data(), paddedColumns);
      }
    }
    // Adding 2^(bits-1) modulo 2^bits flips the highest bit.
    if (isSignedType) {
      uint8_t flip = bits == 2 ? 0xAA : bits == 4 ? 0x88 : 0x80;
      for (char &byte : out)
        byte = static_cast<char>(byte ^ flip);
    }
    return HeldBytes::own(std::move(out));
  };
  return result;
}
