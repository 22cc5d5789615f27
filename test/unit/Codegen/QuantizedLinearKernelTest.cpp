//===- QuantizedLinearKernelTest.cpp - matrix products with quantized weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/QuantizedLinearKernel.h"
#include "KernelHarness.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {
/// A random quantized matrix, [inputs, outputs] or transposed, and its float values.
struct Weight {
  int64_t inputs, outputs, inputDim;
  EncodedWeight encoded;
  /// By input and output.
  std::vector<double> values;
  std::optional<StoredTensor> table;

  WeightMatrix getMatrix() const { return {encoded, inputDim, 0, table ? &*table : nullptr}; }
};

struct Shape {
  int64_t inputs, outputs, group;
  unsigned bits;
  bool isSigned, hasZeroPoints;
  /// Kept of every; 0 for dense.
  int64_t keep = 0, of = 0;
  bool hasTable = false;
};
} // namespace

/// Sets element `index` of packed codes.
static void setBits(MutableArrayRef<char> bytes, uint64_t bit, unsigned bits, int64_t value) {
  for (unsigned i = 0; i < bits; ++i, ++bit)
    if (value >> i & 1)
      bytes[bit / 8] |= static_cast<char>(1 << (bit % 8));
}

static StoredTensor allocate(WeightStore &store, ArrayRef<int64_t> shape, Type element) {
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(element.getContext())); };
  return std::move(
      *StoredTensor::allocate(store, RankedTensorType::get(shape, element), emitError));
}

static Weight makeWeight(MLIRContext *context, const Shape &shape, int64_t inputDim) {
  WeightStore store(context);
  std::mt19937 random(static_cast<unsigned>(shape.inputs + 7 * shape.outputs + shape.bits));
  auto element = IntegerType::get(context, shape.bits,
                                  shape.isSigned ? IntegerType::Signless : IntegerType::Unsigned);
  int64_t inputs = shape.inputs, outputs = shape.outputs;
  int64_t group = shape.group < 0 ? inputs : shape.group, groups = (inputs + group - 1) / group;
  Weight weight{inputs, outputs, inputDim, {}, std::vector<double>(inputs * outputs), {}};
  auto order = [&](int64_t input, int64_t output) {
    return inputDim == 0 ? SmallVector<int64_t>{input, output}
                         : SmallVector<int64_t>{output, input};
  };
  EncodedWeight &encoded = weight.encoded;
  encoded.type = RankedTensorType::get(order(inputs, outputs), Float32Type::get(context));
  int64_t slots = inputs;
  if (shape.of)
    slots = inputs / shape.of * shape.keep + std::min(shape.keep, inputs % shape.of);
  encoded.values = allocate(store, order(slots, outputs), element);
  encoded.scales.emplace();
  encoded.scales->block = order(shape.group, 1);
  encoded.scales->scale = allocate(store, order(groups, outputs), Float32Type::get(context));
  auto *scales = reinterpret_cast<float *>(encoded.scales->scale.mutableBytes().data());
  auto scaleIndex = [&](int64_t g, int64_t output) {
    return inputDim == 0 ? g * outputs + output : output * groups + g;
  };
  std::uniform_real_distribution<float> scale(0.01f, 0.1f);
  std::generate_n(scales, groups * outputs, [&] { return scale(random); });
  std::vector<int64_t> zeros(groups * outputs, 0);
  int64_t low = shape.isSigned ? -(int64_t(1) << (shape.bits - 1)) : 0;
  std::uniform_int_distribution<int64_t> code(low, low + (int64_t(1) << shape.bits) - 1);
  if (shape.hasZeroPoints) {
    encoded.scales->zeroPoint = allocate(store, order(groups, outputs), element);
    for (size_t i = 0; i < zeros.size(); ++i)
      setBits(encoded.scales->zeroPoint->mutableBytes(), i * shape.bits, shape.bits,
              zeros[i] = code(random));
  }
  unsigned positionBits = 0;
  uint64_t rowBytes = 0;
  int64_t rowLength = inputDim == 0 ? outputs : slots;
  if (shape.of) {
    encoded.pattern.emplace();
    encoded.pattern->nm = {static_cast<unsigned>(shape.keep), static_cast<unsigned>(shape.of)};
    encoded.pattern->axis = inputDim;
    positionBits = getPositionBits(encoded.pattern->nm);
    rowBytes = getPositionRowBytes(encoded.pattern->nm, rowLength);
    int64_t rows = inputDim == 0 ? slots : outputs;
    encoded.pattern->positions =
        allocate(store, {rows, int64_t(rowBytes)}, IntegerType::get(context, 8));
  }
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t slot = 0; slot < slots; ++slot) {
      int64_t input = slot;
      if (shape.of) {
        // Slot s of a group keeps input s, or a later one that no other slot has.
        int64_t first = slot / shape.keep * shape.of, s = slot % shape.keep;
        int64_t size = std::min(shape.of, inputs - first), kept = std::min(shape.keep, size);
        int64_t position = s + (s + 1 == kept ? int64_t(random() % (size - s)) : 0);
        input = first + position;
        int64_t row = inputDim == 0 ? slot : output, column = inputDim == 0 ? output : slot;
        setBits(encoded.pattern->positions.mutableBytes(),
                row * rowBytes * 8 + column * positionBits, positionBits, position);
      }
      int64_t value = code(random);
      int64_t index = inputDim == 0 ? slot * outputs + output : output * slots + slot;
      setBits(encoded.values.mutableBytes(), index * shape.bits, shape.bits, value);
      int64_t at = scaleIndex(input / group, output);
      weight.values[input * outputs + output] = double(value - zeros[at]) * scales[at];
    }
  if (shape.hasTable) {
    int64_t entries = int64_t(1) << shape.bits;
    weight.table = allocate(store, {entries}, Float32Type::get(context));
    auto *table = reinterpret_cast<float *>(weight.table->mutableBytes().data());
    for (int64_t i = 0; i < entries; ++i)
      table[i] = float(i * i) / 16 - 3;
    // Undoes the scale: what is left is the code.
    for (int64_t i = 0; i < inputs * outputs; ++i)
      weight.values[i] = table[std::lround(weight.values[i] /
                                           scales[scaleIndex(i / outputs / group, i % outputs)])];
    encoded.scales.reset();
  }
  return weight;
}

static std::vector<char> makeBuffer(RankedTensorType type) {
  return std::vector<char>(type.getNumElements() * type.getElementTypeBitWidth() / 8);
}

template <typename T>
static MemRef<T, 3> view(std::vector<char> &buffer, RankedTensorType type) {
  return {reinterpret_cast<T *>(buffer.data()),
          {type.getDimSize(0), type.getDimSize(1), type.getDimSize(2)}};
}

/// Runs the kernel for some numbers of rows and compares with double.
static void check(KernelHarness &harness, const Shape &shape, const Weight &weight,
                  const CodeFormat &format, const std::string &name) {
  const CpuTarget &target = harness.target;
  MLIRContext *context = harness.context.get();
  int64_t width = target.getPanelWidth();
  RankedTensorType codeType = format.getCodeType(context, width),
                   scaleType = format.getScaleType(context, width);
  std::vector<char> codes = makeBuffer(codeType), scales = makeBuffer(scaleType),
                    zeros = makeBuffer(scaleType), positions;
  packCodes(weight.getMatrix(), format, width, codes);
  packScales(weight.getMatrix(), format, width, scales);
  if (format.hasZeroPoints)
    packZeroPoints(weight.getMatrix(), format, width, zeros);
  std::vector<char> table;
  if (format.hasTable) {
    table = makeBuffer(format.getTableType(context));
    packTable(weight.getMatrix(), table);
  }
  RankedTensorType positionType;
  if (format.hasPattern()) {
    positionType = format.getPositionType(context, width);
    positions = makeBuffer(positionType);
    packPositions(weight.getMatrix(), format, width, positions);
  }

  for (int64_t rows : {1, 2, 3, 4, 5, 6, 11, 100}) {
    std::vector<float> x(rows * shape.inputs), y(rows * shape.outputs, NAN);
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::generate(x.begin(), x.end(), [&] { return normal(random); });
    MemRef<float, 2> in(x.data(), {rows, shape.inputs}), out(y.data(), {rows, shape.outputs});
    MemRef<float, 1> t(reinterpret_cast<float *>(table.data()), {int64_t(table.size()) / 4});
    MemRef<float, 3> s = view<float>(scales, scaleType), z = view<float>(zeros, scaleType);
    auto call = [&](auto c) {
      if (!format.hasPattern())
        return format.hasTable        ? harness.call(name, in, c, s, t, out)
               : format.hasZeroPoints ? harness.call(name, in, c, s, z, out)
                                      : harness.call(name, in, c, s, out);
      auto withPositions = [&](auto p) {
        return format.hasZeroPoints ? harness.call(name, in, c, p, s, z, out)
                                    : harness.call(name, in, c, p, s, out);
      };
      if (positionType.getElementTypeBitWidth() == 8)
        return withPositions(view<int8_t>(positions, positionType));
      withPositions(view<int32_t>(positions, positionType));
    };
    if (format.bits == 8)
      call(view<int8_t>(codes, codeType));
    else
      call(view<int32_t>(codes, codeType));
    for (int64_t i = 0; i < rows * shape.outputs; ++i) {
      double expected = 0, magnitude = 0;
      for (int64_t k = 0; k < shape.inputs; ++k) {
        double product = double(x[i / shape.outputs * shape.inputs + k]) *
                         weight.values[k * shape.outputs + i % shape.outputs];
        expected += product;
        magnitude += std::abs(product);
      }
      ASSERT_NEAR(y[i], expected, 1e-6 * magnitude + 1e-6)
          << name << " rows " << rows << " element " << i;
    }
  }
}

/// Compiles the kernels of all shapes at once, and checks both orders of each weight.
static void checkAll(ArrayRef<Shape> shapes) {
  for (const CpuTarget &target : KernelHarness::getFloatTargets()) {
    KernelHarness harness(target);
    struct Case {
      Shape shape;
      Weight weight;
      CodeFormat format;
      std::string name;
    };
    std::vector<Case> cases;
    for (const Shape &shape : shapes)
      for (int64_t inputDim : {0, 1}) {
        Weight weight = makeWeight(harness.context.get(), shape, inputDim);
        FailureOr<CodeFormat> format = getCodeFormat(weight.getMatrix());
        ASSERT_TRUE(succeeded(format));
        std::string name =
            getQuantizedLinearKernel(*harness.library, {*format, {}}).getSymName().str();
        cases.push_back({shape, std::move(weight), *format, name});
      }
    harness.compile();
    for (Case &entry : cases)
      check(harness, entry.shape, entry.weight, entry.format, entry.name);
  }
}

TEST(QuantizedLinearKernel, Formats) {
  checkAll({{96, 70, 32, 4, true, false},
            {100, 64, 32, 4, false, true},
            {67, 33, -1, 4, true, false},
            {64, 130, 16, 8, true, false},
            {50, 20, -1, 8, false, true},
            {64, 64, 32, 2, true, true},
            {90, 65, 30, 4, true, false},
            {33, 5, 12, 3, true, true},
            {1, 1, -1, 4, true, false},
            {600, 80, 128, 4, true, false},
            {70, 70, -1, 4, false, false, 0, 0, true},
            {33, 20, -1, 2, false, false, 0, 0, true},
            {40, 65, -1, 8, false, false, 0, 0, true}});
}

TEST(QuantizedLinearKernel, Patterns) {
  checkAll({{128, 70, 32, 4, true, false, 2, 4},
            {99, 64, 32, 4, false, true, 2, 4},
            {64, 33, -1, 8, true, false, 4, 8},
            {70, 20, -1, 4, true, false, 1, 4},
            {300, 80, -1, 2, true, false, 3, 8},
            {544, 64, 32, 4, true, false, 2, 4}});
}
