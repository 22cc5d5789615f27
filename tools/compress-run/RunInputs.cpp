//===- RunInputs.cpp - inputs of a run -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RunInputs.h"
#include "compress/Support/NumericFormats.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

namespace {
/// SplitMix64: the same numbers everywhere.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// In [-1, 1), a multiple of 2^-23.
  float nextFloat() { return static_cast<float>(next() >> 40) * 0x1p-23f - 1; }

private:
  uint64_t state;
};
} // namespace

/// Size of dim `dim` of a made-up input.
static int64_t getSize(const TensorSpec &spec, size_t dim, const RunOptions &options) {
  if (!ShapedType::isDynamic(spec.shape[dim]))
    return spec.shape[dim];
  auto found = options.randomSizes.find(spec.dims[dim]);
  return found == options.randomSizes.end() ? 1 : found->second;
}

static llvm::Expected<HostTensor> makeUp(const TensorSpec &spec, const RunOptions &options,
                                         uint64_t seed) {
  SmallVector<int64_t> shape;
  for (size_t dim = 0; dim < spec.shape.size(); ++dim)
    shape.push_back(getSize(spec, dim, options));
  llvm::Expected<HostTensor> tensor = HostTensor::allocate(spec.type, shape);
  if (!tensor)
    return llvm::createStringError("input '" + spec.name +
                                   "': " + llvm::toString(tensor.takeError()));
  Random random(seed);
  int64_t bytes = llvm::cantFail(getMemoryBytes(spec.type));
  for (int64_t i = 0, count = tensor->getNumElements(); i < count; ++i) {
    uint64_t bits = 0;
    if (isFloat(spec.type))
      bits = encodeFloat(spec.type, random.nextFloat());
    else
      bits = random.next() % (spec.type == DataType::Bool ? 2 : 4);
    std::memcpy(tensor->data() + i * bytes, &bits, std::min<int64_t>(bytes, 8));
  }
  return tensor;
}

llvm::Expected<std::vector<NamedTensor>> compress::readInputs(const RunOptions &options,
                                                              ArrayRef<TensorSpec> specs) {
  std::vector<NamedTensor> inputs;
  if (!options.inputsFile.empty()) {
    llvm::Expected<std::vector<NamedTensor>> read = readNpz(options.inputsFile);
    if (!read)
      return read.takeError();
    inputs = std::move(*read);
  }
  for (const auto &[name, file] : options.inputs) {
    llvm::Expected<HostTensor> tensor = readTensorFile(file);
    if (!tensor)
      return tensor.takeError();
    inputs.emplace_back(name, std::move(*tensor));
  }
  if (!options.randomInputs)
    return inputs;
  for (const auto &size : options.randomSizes)
    if (llvm::none_of(specs, [&](const TensorSpec &spec) {
          return llvm::is_contained(spec.dims, size.first());
        }))
      return llvm::createStringError("--random-inputs: no input has a dim '" + size.first() + "'");
  for (auto [index, spec] : llvm::enumerate(specs)) {
    if (llvm::any_of(inputs, [&, &spec = spec](const NamedTensor &input) {
          return input.first == spec.name;
        }))
      continue;
    llvm::Expected<HostTensor> tensor = makeUp(spec, options, options.seed * 1000003 + index);
    if (!tensor)
      return tensor.takeError();
    inputs.emplace_back(spec.name, std::move(*tensor));
  }
  return inputs;
}
