//===- CodeTableKernelTest.cpp - matrix products with codes of a table ----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Codegen/CPU/QuantizedLinearKernel.h"
#include "compress/Support/NumericFormats.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {
/// A random weight. `group` is -1 for a scale per output, 0 for no scales.
struct Shape {
  DataType type;
  int64_t inputs, outputs, group;
  bool hasTable = false;
  /// Kept of every; 0 for dense.
  int64_t keep = 0, of = 0;
};

struct Weight {
  EncodedWeight encoded;
  int64_t inputDim;
  /// Decoded by the library, by input and output.
  std::vector<double> values;

  WeightMatrix getMatrix() const {
    return {encoded, inputDim, 0, encoded.table ? &*encoded.table : nullptr};
  }
};

struct Case {
  Shape shape;
  Weight weight;
  CodeFormat format;
  std::string name;
};
} // namespace

static StoredTensor allocate(WeightStore &store, ArrayRef<int64_t> shape, Type element) {
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(element.getContext())); };
  return std::move(
      *StoredTensor::allocate(store, RankedTensorType::get(shape, element), emitError));
}

static Weight makeWeight(MLIRContext *context, const Shape &shape, int64_t inputDim) {
  WeightStore store(context);
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(context)); };
  std::mt19937 random(static_cast<unsigned>(shape.inputs + 7 * shape.outputs + inputDim));
  Type f32 = Float32Type::get(context), element = getElementType(shape.type, context);
  int64_t inputs = shape.inputs, outputs = shape.outputs;
  int64_t group = shape.group < 1 ? inputs : shape.group, groups = (inputs + group - 1) / group;
  auto order = [&](int64_t input, int64_t output) {
    return inputDim == 0 ? SmallVector<int64_t>{input, output}
                         : SmallVector<int64_t>{output, input};
  };
  Weight weight{{}, inputDim, std::vector<double>(inputs * outputs)};
  EncodedWeight &encoded = weight.encoded;
  encoded.type = RankedTensorType::get(order(inputs, outputs), f32);
  int64_t slots = inputs;
  if (shape.of)
    slots = inputs / shape.of * shape.keep + std::min(shape.keep, inputs % shape.of);
  encoded.values = allocate(store, order(slots, outputs), element);
  int64_t entries = int64_t(1) << getBitWidth(shape.type);
  for (int64_t i = 0; i < slots * outputs; ++i) {
    int64_t code = random() % entries;
    if (isFloat(shape.type) && !std::isfinite(decodeFloat(shape.type, code)))
      code = 1;
    if (shape.type == DataType::Bool)
      encoded.values.mutableBytes()[i] = static_cast<char>(code);
    else
      writePacked(shape.type, encoded.values.mutableBytes(), i, code);
  }
  std::vector<float> numbers(std::max(entries, groups * outputs));
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::generate(numbers.begin(), numbers.end(), [&] { return uniform(random); });
  if (shape.hasTable) {
    numbers[3 % entries] = shape.of ? 0 : numbers[3 % entries];
    encoded.table = *makeFloats(store, RankedTensorType::get({entries}, f32),
                                ArrayRef(numbers).take_front(entries), emitError);
  }
  if (shape.group)
    encoded.scales = *makeScales(store, encoded.type, order(shape.group, 1),
                                 ArrayRef(numbers).take_front(groups * outputs), emitError);
  if (shape.of) {
    encoded.pattern.emplace();
    encoded.pattern->nm = {static_cast<unsigned>(shape.keep), static_cast<unsigned>(shape.of)};
    encoded.pattern->axis = inputDim;
    encoded.pattern->fill = shape.hasTable ? 3 % entries : 0;
    unsigned bits = getPositionBits(encoded.pattern->nm);
    int64_t rows = inputDim == 0 ? slots : outputs, length = inputDim == 0 ? outputs : slots;
    int64_t rowBytes = getPositionRowBytes(encoded.pattern->nm, length);
    encoded.pattern->positions = allocate(store, {rows, rowBytes}, IntegerType::get(context, 8));
    for (int64_t output = 0; output < outputs; ++output)
      for (int64_t slot = 0; slot < slots; ++slot) {
        // The last slots of a group, or its first ones, but none behind the inputs.
        int64_t size = std::min(shape.of, inputs - slot / shape.keep * shape.of);
        int64_t shift = output % 2 ? std::max<int64_t>(0, size - shape.keep) : 0;
        int64_t row = inputDim == 0 ? slot : output, column = inputDim == 0 ? output : slot;
        writeBits(encoded.pattern->positions.mutableBytes(), row * rowBytes * 8 + column * bits,
                  bits, slot % shape.keep + shift);
      }
  }
  FailureOr<StoredTensor> decoded = decodeWeight(store, encoded, emitError);
  EXPECT_TRUE(succeeded(decoded));
  std::vector<double> dense = toDoubles(*decoded);
  for (int64_t input = 0; input < inputs; ++input)
    for (int64_t output = 0; output < outputs; ++output)
      weight.values[input * outputs + output] =
          dense[inputDim == 0 ? input * outputs + output : output * inputs + input];
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

/// Runs the kernel for some numbers of rows and compares with the decoded weight.
static void check(KernelHarness &harness, const Case &entry) {
  MLIRContext *context = harness.context.get();
  int64_t width = harness.target.getPanelWidth();
  const CodeFormat &format = entry.format;
  WeightMatrix matrix = entry.weight.getMatrix();
  RankedTensorType codeType = format.getCodeType(context, width),
                   scaleType = format.getScaleType(context, width), positionType;
  std::vector<char> codes = makeBuffer(codeType), scales = makeBuffer(scaleType), positions, table;
  packCodes(matrix, format, width, codes);
  packScales(matrix, format, width, scales);
  if (format.hasTable) {
    table = makeBuffer(format.getTableType(context));
    packTable(matrix, table);
  }
  if (format.hasPattern()) {
    positionType = format.getPositionType(context, width);
    positions = makeBuffer(positionType);
    packPositions(matrix, format, width, positions);
  }
  auto [type, inputs, outputs, group, hasTable, keep, of] = entry.shape;
  for (int64_t rows : {1, 2, 4, 9}) {
    std::vector<float> x(rows * inputs), y(rows * outputs, NAN);
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::generate(x.begin(), x.end(), [&] { return normal(random); });
    MemRef<float, 2> in(x.data(), {rows, inputs}), out(y.data(), {rows, outputs});
    MemRef<float, 1> t(reinterpret_cast<float *>(table.data()), {int64_t(table.size()) / 4});
    MemRef<float, 3> s = view<float>(scales, scaleType);
    auto call = [&](auto c) {
      if (format.hasPattern()) {
        MemRef<int32_t, 3> p = view<int32_t>(positions, positionType);
        return format.hasTable ? harness.call(entry.name, in, c, p, s, t, out)
                               : harness.call(entry.name, in, c, p, s, out);
      }
      return format.hasTable ? harness.call(entry.name, in, c, s, t, out)
                             : harness.call(entry.name, in, c, s, out);
    };
    if (format.bits == 8)
      call(view<int8_t>(codes, codeType));
    else
      call(view<int32_t>(codes, codeType));
    for (int64_t i = 0; i < rows * outputs; ++i) {
      double expected = 0, magnitude = 0;
      for (int64_t k = 0; k < inputs; ++k) {
        double product =
            double(x[i / outputs * inputs + k]) * entry.weight.values[k * outputs + i % outputs];
        expected += product;
        magnitude += std::abs(product);
      }
      ASSERT_NEAR(y[i], expected, 1e-6 * magnitude + 1e-7)
          << entry.name << " " << getName(type).str() << " rows " << rows << " element " << i;
    }
  }
}

static void checkAll(ArrayRef<Shape> shapes) {
  for (const CpuTarget &target : KernelHarness::getFloatTargets()) {
    KernelHarness harness(target);
    std::vector<Case> cases;
    for (const Shape &shape : shapes)
      for (int64_t inputDim : {0, 1}) {
        Weight weight = makeWeight(harness.context.get(), shape, inputDim);
        FailureOr<CodeFormat> format = getCodeFormat(weight.getMatrix());
        ASSERT_TRUE(succeeded(format)) << getName(shape.type).str();
        std::string name =
            getQuantizedLinearKernel(*harness.library, {*format, {}}).getSymName().str();
        cases.push_back({shape, std::move(weight), *format, name});
      }
    harness.compile();
    for (Case &entry : cases)
      check(harness, entry);
  }
}

TEST(CodeTableKernel, Floats) {
  checkAll({{DataType::F8E4M3FN, 70, 33, -1},
            {DataType::F8E4M3FN, 96, 65, 32},
            {DataType::F8E5M2, 50, 20, -1},
            {DataType::F8E4M3FNUZ, 50, 20, 16},
            {DataType::F6E3M2FN, 64, 70, 32},
            {DataType::F6E2M3FN, 41, 9, 32},
            {DataType::F4E2M1FN, 96, 66, 32},
            {DataType::F4E2M1FN, 70, 40, 16}});
}

TEST(CodeTableKernel, TablesWithScales) {
  checkAll({{DataType::U4, 128, 70, 64, true},
            {DataType::U4, 67, 33, -1, true},
            {DataType::U4, 67, 33, 0, true},
            {DataType::U2, 64, 20, 32, true},
            {DataType::U3, 50, 20, 16, true},
            {DataType::U5, 50, 20, 16, true},
            {DataType::U8, 33, 5, 32, true},
            {DataType::Bool, 96, 70, -1, true},
            {DataType::Bool, 100, 33, 64, true},
            {DataType::Bool, 40, 10, 16, true},
            {DataType::U1, 70, 33, 32, true}});
}

TEST(CodeTableKernel, Integers) {
  checkAll({{DataType::I6, 70, 33, 32},
            {DataType::I3, 70, 33, 32},
            {DataType::U6, 40, 65, -1},
            {DataType::I2, 70, 33, -1}});
}

TEST(CodeTableKernel, Patterns) {
  checkAll({{DataType::U4, 128, 70, 64, true, 2, 4},
            {DataType::U4, 99, 20, -1, true, 2, 4},
            {DataType::F8E4M3FN, 64, 33, -1, false, 2, 4},
            {DataType::F4E2M1FN, 64, 33, 16, false, 2, 4},
            {DataType::U4, 64, 33, 0, true, 4, 8}});
}

TEST(CodeTableKernel, WhatHasNoKernel) {
  DialectRegistry registry;
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  WeightStore store(&context);
  Weight weight = makeWeight(&context, {DataType::U4, 32, 8, 16, true}, 0);
  EXPECT_TRUE(succeeded(getCodeFormat(weight.getMatrix())));
  // Neither a table nor scales.
  weight.encoded.table.reset();
  weight.encoded.scales.reset();
  EXPECT_TRUE(failed(getCodeFormat(weight.getMatrix())));
  // A table for signed codes.
  weight = makeWeight(&context, {DataType::I4, 32, 8, 16}, 0);
  Weight other = makeWeight(&context, {DataType::U4, 32, 8, 16, true}, 0);
  weight.encoded.table = std::move(other.encoded.table);
  EXPECT_TRUE(failed(getCodeFormat(weight.getMatrix())));
  // Zero points beside a table.
  other = makeWeight(&context, {DataType::F8E4M3FN, 32, 8, 16}, 0);
  other.encoded.scales->zeroPoint =
      allocate(store, {2, 8}, getElementType(DataType::F8E4M3FN, &context));
  EXPECT_TRUE(failed(getCodeFormat(other.getMatrix())));
}
