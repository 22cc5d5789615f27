//===- NumpyIO.cpp - tensors in files -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/ExecutionEngine/NumpyIO.h"
#include "compress/Support/MappedFile.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Support/OutputFile.h"
#include "compress/Target/ONNX/ProtoReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace mlir::compress;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static Error inFile(StringRef path, Error error) {
  return llvm::createStringError("'" + path + "': " + llvm::toString(std::move(error)));
}

//===----------------------------------------------------------------------===//
// .npy, in
//===----------------------------------------------------------------------===//

/// The tensor in `bytes`, which `owner` keeps.
static Expected<HostTensor> makeTensor(StringRef bytes, std::shared_ptr<void> owner) {
  Expected<NpyHeader> header = parseNpyHeader(bytes);
  if (!header)
    return header.takeError();
  Expected<int64_t> size = getMemoryBytes(header->type, header->shape);
  if (!size)
    return size.takeError();
  StringRef contents = bytes.drop_front(header->size);
  if (static_cast<uint64_t>(*size) != contents.size())
    return llvm::createStringError("expected " + Twine(*size) + " bytes of contents, found " +
                                   Twine(contents.size()));
  int64_t elementBytes = llvm::cantFail(getMemoryBytes(header->type));
  bool isAligned = reinterpret_cast<uintptr_t>(contents.data()) % elementBytes == 0;
  bool isFortran = header->isFortran && header->shape.size() > 1;
  if (owner && isAligned && !isFortran)
    return HostTensor::wrap(
        header->type, header->shape,
        std::shared_ptr<char>(std::move(owner), const_cast<char *>(contents.data())));
  TensorView view{header->type, contents.data(), header->shape, {}};
  llvm::SmallVector<int64_t> strides(header->shape.size());
  if (isFortran) {
    int64_t stride = elementBytes;
    for (auto [index, dim] : llvm::enumerate(header->shape)) {
      strides[index] = stride;
      if (__builtin_mul_overflow(stride, dim, &stride))
        break;
    }
    view.strides = strides;
  }
  return HostTensor::copy(view);
}

Expected<HostTensor> compress::readNpy(StringRef bytes) { return makeTensor(bytes, nullptr); }

Expected<HostTensor> compress::readNpyFile(StringRef path) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Expected<HostTensor> tensor = makeTensor((*file)->bytes(), *file);
  if (!tensor)
    return inFile(path, tensor.takeError());
  return tensor;
}

//===----------------------------------------------------------------------===//
// .npy, out
//===----------------------------------------------------------------------===//

/// NumPy's name of a type, or null.
static const char *getDescr(DataType type) {
  switch (type) {
  case DataType::Bool:
    return "|b1";
  case DataType::I8:
  case DataType::I6:
  case DataType::I4:
  case DataType::I3:
  case DataType::I2:
    return "|i1";
  case DataType::U8:
  case DataType::U7:
  case DataType::U6:
  case DataType::U5:
  case DataType::U4:
  case DataType::U3:
  case DataType::U2:
  case DataType::U1:
    return "|u1";
  case DataType::I16:
    return "<i2";
  case DataType::I32:
    return "<i4";
  case DataType::I64:
    return "<i8";
  case DataType::U16:
    return "<u2";
  case DataType::U32:
    return "<u4";
  case DataType::U64:
    return "<u8";
  case DataType::F16:
    return "<f2";
  case DataType::F32:
    return "<f4";
  case DataType::F64:
    return "<f8";
  case DataType::Complex64:
    return "<c8";
  case DataType::Complex128:
    return "<c16";
  default:
    return nullptr;
  }
}

/// `tensor`, a type of at most 16 bits that NumPy lacks, as f32.
static Expected<HostTensor> widen(const TensorView &tensor) {
  Expected<HostTensor> dense = HostTensor::copy(tensor);
  if (!dense)
    return dense;
  Expected<HostTensor> wide = HostTensor::allocate(DataType::F32, tensor.shape);
  if (!wide)
    return wide;
  bool isByte = llvm::cantFail(getMemoryBytes(tensor.type)) == 1;
  const char *from = dense->data();
  for (auto [index, value] : llvm::enumerate(wide->as<float>()))
    value = static_cast<float>(
        decodeFloat(tensor.type, isByte ? static_cast<uint8_t>(from[index])
                                        : llvm::support::endian::read16le(from + 2 * index)));
  return wide;
}

Error compress::writeNpy(llvm::raw_ostream &os, const TensorView &tensor) {
  const char *descr = getDescr(tensor.type);
  if (!descr && isFloat(tensor.type)) {
    Expected<HostTensor> wide = widen(tensor);
    return wide ? writeNpy(os, wide->view()) : wide.takeError();
  }
  if (!descr)
    return llvm::createStringError("NumPy has no type for " + getName(tensor.type));
  HostTensor dense;
  const void *data = tensor.data;
  Expected<int64_t> size = getMemoryBytes(tensor.type, tensor.shape);
  if (!size)
    return size.takeError();
  if (!tensor.isContiguous()) {
    Expected<HostTensor> copied = HostTensor::copy(tensor);
    if (!copied)
      return copied.takeError();
    dense = std::move(*copied);
    data = dense.data();
  }
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : tensor.shape)
    header += std::to_string(dim) + ",";
  header += "), }";
  // With the ten bytes before and the line's end, a multiple of 64.
  header.resize(llvm::alignTo(header.size() + 11, 64) - 11, ' ');
  header += '\n';
  char length[2];
  llvm::support::endian::write16le(length, static_cast<uint16_t>(header.size()));
  os << StringRef("\x93NUMPY\x01\x00", 8) << StringRef(length, 2) << header;
  os.write(static_cast<const char *>(data), *size);
  return Error::success();
}

Error compress::writeNpyFile(StringRef path, const TensorView &tensor) {
  Expected<std::unique_ptr<OutputFile>> output = OutputFile::create(path);
  if (!output)
    return output.takeError();
  if (Error error = writeNpy((*output)->os(), tensor))
    return inFile(path, std::move(error));
  return (*output)->keep();
}

//===----------------------------------------------------------------------===//
// TensorProto
//===----------------------------------------------------------------------===//

/// Elements in storage order to memory, where each has whole bytes.
static void unpack(DataType type, ArrayRef<char> from, HostTensor &to) {
  if (getStorageBitWidth(type) >= 8) {
    if (!from.empty())
      std::memcpy(to.data(), from.data(), from.size());
    return;
  }
  for (int64_t i = 0, count = to.getNumElements(); i < count; ++i)
    to.data()[i] = static_cast<char>(readPacked(type, from, i));
}

static Expected<NamedTensor> readProto(llvm::MemoryBufferRef bytes) {
  Expected<onnx::TensorProto> proto = onnx::readTensor(bytes);
  if (!proto)
    return proto.takeError();
  if (Error error = onnx::validateTensor(*proto))
    return error;
  std::optional<DataType> type = getDataTypeOfOnnxId(proto->dataType.value_or(0));
  if (!type)
    return llvm::createStringError("the element type is not supported");
  Expected<onnx::TensorBytes> contents = onnx::getTensorBytes(*proto);
  if (!contents)
    return contents.takeError();
  Expected<HostTensor> tensor = HostTensor::allocate(*type, proto->dims);
  if (!tensor)
    return tensor.takeError();
  unpack(*type, ArrayRef<char>(contents->bytes.data(), contents->bytes.size()), *tensor);
  return NamedTensor(proto->name.str(), std::move(*tensor));
}

Expected<NamedTensor> compress::readTensorProto(StringRef path) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  Expected<NamedTensor> tensor = readProto(llvm::MemoryBufferRef((*file)->bytes(), path));
  if (!tensor)
    return inFile(path, tensor.takeError());
  return tensor;
}

Expected<HostTensor> compress::readTensorFile(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  if (extension == ".npy")
    return readNpyFile(path);
  if (extension != ".pb")
    return llvm::createStringError("'" + path + "': expected a file .npy or .pb");
  Expected<NamedTensor> tensor = readTensorProto(path);
  if (!tensor)
    return tensor.takeError();
  return std::move(tensor->second);
}
