//===- SessionInputs.cpp - checks of a run's inputs -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SessionImpl.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::compress;

std::string TensorSpec::getTypeString() const {
  std::string text = getName(type).str() + "[";
  llvm::raw_string_ostream os(text);
  llvm::interleave(
      llvm::seq<size_t>(0, shape.size()), os,
      [&](size_t dim) {
        if (!ShapedType::isDynamic(shape[dim]))
          os << shape[dim];
        else
          os << (dims[dim].empty() ? "?" : dims[dim]);
      },
      ",");
  os << "]";
  return text;
}

static std::string getShapeString(ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }),
                    ",") +
         "]";
}

/// Whether elements of type `given` are elements of type `expected` in memory: files and libraries
/// know no integers of less than 8 bits.
static bool isType(DataType given, DataType expected) {
  if (given == expected)
    return true;
  return getBitWidth(expected) < 8 && ((isSigned(expected) && given == DataType::I8) ||
                                       (isUnsigned(expected) && given == DataType::U8));
}

/// Type, rank and static sizes.
static llvm::Error checkInput(const TensorSpec &spec, const TensorView &view) {
  auto fail = [&](const Twine &reason) {
    return llvm::createStringError("input '" + spec.name + "': " + reason + " (expected " +
                                   spec.getTypeString() + ", got " + getName(view.type) +
                                   getShapeString(view.shape) + ")");
  };
  if (!isType(view.type, spec.type))
    return fail("expected type " + getName(spec.type) + ", got " + getName(view.type));
  if (view.shape.size() != spec.shape.size())
    return fail("expected rank " + Twine(spec.shape.size()) + ", got " + Twine(view.shape.size()));
  if (!view.strides.empty() && view.strides.size() != view.shape.size())
    return fail("expected " + Twine(view.shape.size()) + " strides, got " +
                Twine(view.strides.size()));
  for (auto [dim, size, expected] : llvm::enumerate(view.shape, spec.shape)) {
    if (!ShapedType::isDynamic(expected) && size != expected)
      return fail("expected size " + Twine(expected) + " of dim " + Twine(dim) + ", got " +
                  Twine(size));
  }
  llvm::Expected<int64_t> bytes = getMemoryBytes(view.type, view.shape);
  if (!bytes)
    return fail(llvm::toString(bytes.takeError()));
  if (*bytes && !view.data)
    return fail("there are no contents");
  return llvm::Error::success();
}

/// Whether generated code can read the elements where they are: dense, aligned, and bools that are
/// 0 or 1.
static bool isUsable(const TensorView &view) {
  uint64_t elementBytes = llvm::cantFail(getMemoryBytes(view.type));
  if (!view.isContiguous() ||
      reinterpret_cast<uintptr_t>(view.data) % std::min<uint64_t>(elementBytes, 8) != 0)
    return false;
  if (view.type != DataType::Bool)
    return true;
  ArrayRef<uint8_t> bools(static_cast<const uint8_t *>(view.data),
                          llvm::cantFail(getMemoryBytes(view.type, view.shape)));
  return llvm::all_of(bools, [](uint8_t value) { return value <= 1; });
}

static llvm::Expected<HostTensor> makeUsable(const TensorView &view) {
  llvm::Expected<HostTensor> copy = HostTensor::copy(view);
  if (copy && view.type == DataType::Bool)
    for (uint8_t &value : copy->as<uint8_t>())
      value = value != 0;
  return copy;
}

llvm::Error compress::bindInputs(ArrayRef<TensorSpec> specs, ArrayRef<TensorView> views,
                                 SmallVectorImpl<compress_rt_tensor> &bound,
                                 SmallVectorImpl<HostTensor> &copies) {
  if (views.size() != specs.size())
    return llvm::createStringError("expected " + Twine(specs.size()) + " inputs, got " +
                                   Twine(views.size()));
  /// Where a named dim was first seen.
  llvm::StringMap<std::pair<int64_t, StringRef>> sizes;
  for (auto [spec, view] : llvm::zip_equal(specs, views)) {
    if (llvm::Error error = checkInput(spec, view))
      return error;
    for (auto [name, size] : llvm::zip_equal(spec.dims, view.shape)) {
      if (name.empty())
        continue;
      auto [entry, isNew] = sizes.try_emplace(name, size, spec.name);
      auto [otherSize, otherInput] = entry->second;
      if (otherSize == size)
        continue;
      std::string place = otherInput == spec.name ? "also" : "'" + spec.name + "' has " + name;
      return llvm::createStringError("input '" + otherInput + "' has " + name + " " +
                                     Twine(otherSize) + ", but " + place + " " + Twine(size));
    }
    const void *data = view.data;
    if (!isUsable(view)) {
      llvm::Expected<HostTensor> copy = makeUsable(view);
      if (!copy)
        return llvm::createStringError("input '" + spec.name +
                                       "': " + llvm::toString(copy.takeError()));
      copies.push_back(std::move(*copy));
      data = copies.back().data();
    }
    bound.push_back({const_cast<void *>(data), view.shape.data()});
  }
  return llvm::Error::success();
}
