//===- ConvKernelTest.cpp - convolutions -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Codegen/CPU/ConvKernel.h"
#include "KernelHarness.h"
#include "mlir/IR/Builders.h"
#include <cmath>
#include <random>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

namespace {
/// A convolution with random contents.
struct Problem {
  ConvRequest request;
  int64_t images, channels, height, width, outputs, rows, columns;
  std::vector<float> x, w, bias, other;

  Problem(const ConvRequest &request, int64_t images, int64_t groupChannels, int64_t height,
          int64_t width)
      : request(request), images(images), channels(groupChannels * request.groups), height(height),
        width(width), outputs(request.groupOutputs * request.groups) {
    rows = getOutputSize(height, 0);
    columns = getOutputSize(width, 1);
    std::mt19937 random(static_cast<unsigned>(channels * 31 + height * 7 + width));
    std::normal_distribution<float> normal;
    for (auto [values, size] :
         {std::pair(&x, images * channels * height * width), std::pair(&w, outputs * getK()),
          std::pair(&bias, outputs), std::pair(&other, images * outputs * rows * columns)}) {
      values->resize(size);
      for (float &value : *values)
        value = normal(random);
    }
  }

  int64_t getK() const { return channels / request.groups * request.window.getTaps(); }

  int64_t getOutputSize(int64_t size, int dim) const {
    const ConvWindow &window = request.window;
    int64_t reach = (window.kernel[dim] - 1) * window.dilations[dim] + 1;
    return (size + window.padBegin[dim] + window.padEnd[dim] - reach) / window.strides[dim] + 1;
  }

  /// Calls `body(index in x or -1, index in w)` for the products of an output.
  template <typename Body>
  void forEachProduct(int64_t image, int64_t output, int64_t row, int64_t column, Body body) const {
    const ConvWindow &window = request.window;
    int64_t groupChannels = channels / request.groups, group = output / request.groupOutputs;
    int64_t k = 0;
    for (int64_t c = 0; c < groupChannels; ++c)
      for (int64_t kh = 0; kh < window.kernel[0]; ++kh)
        for (int64_t kw = 0; kw < window.kernel[1]; ++kw, ++k) {
          int64_t iy = row * window.strides[0] + kh * window.dilations[0] - window.padBegin[0];
          int64_t ix = column * window.strides[1] + kw * window.dilations[1] - window.padBegin[1];
          bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
          int64_t channel = group * groupChannels + c;
          int64_t at = ((image * channels + channel) * height + iy) * width + ix;
          body(inside ? at : -1, output * getK() + k);
        }
  }

  /// Calls `body(index, image, output, row, column)` for all outputs.
  template <typename Body>
  void forEachOutput(Body body) const {
    int64_t index = 0;
    for (int64_t image = 0; image < images; ++image)
      for (int64_t output = 0; output < outputs; ++output)
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t column = 0; column < columns; ++column)
            body(index++, image, output, row, column);
  }

  /// Fails if an element of y is not the convolution with `weight`.
  void check(ArrayRef<float> y, ArrayRef<float> weight, const std::string &label) const {
    const Epilogue &epilogue = request.epilogue;
    int64_t wrong = 0;
    forEachOutput([&](int64_t index, int64_t image, int64_t output, int64_t row, int64_t column) {
      double sum = 0, magnitude = 0;
      forEachProduct(image, output, row, column, [&](int64_t xAt, int64_t wAt) {
        double product = xAt < 0 ? 0 : double(x[xAt]) * weight[wAt];
        sum += product;
        magnitude += std::fabs(product);
      });
      if (epilogue.bias)
        sum += bias[output];
      if (epilogue.combine == Epilogue::Combine::Add && epilogue.combineFirst)
        sum += other[index];
      if (epilogue.activation == Activation::Relu)
        sum = std::max(sum, 0.0);
      if (epilogue.activation == Activation::Silu)
        sum = sum / (1 + std::exp(-sum));
      if (epilogue.combine == Epilogue::Combine::Add && !epilogue.combineFirst)
        sum += other[index];
      if (!(std::fabs(y[index] - sum) <= 1e-6 * (magnitude + 4)) && ++wrong <= 3)
        ADD_FAILURE() << label << ": element " << index << " (image " << image << ", channel "
                      << output << ", row " << row << ", column " << column << ") is " << y[index]
                      << ", expected " << sum;
    });
    EXPECT_EQ(wrong, 0) << label;
  }
};

struct Sizes {
  int64_t images, groupChannels, height, width;
};
struct Case {
  ConvRequest request;
  std::vector<Sizes> sizes;
};
} // namespace

static ConvRequest getRequest(int64_t outputs, std::array<int64_t, 2> kernel,
                              std::array<int64_t, 2> strides = {1, 1},
                              std::array<int64_t, 4> pads = {0, 0, 0, 0},
                              std::array<int64_t, 2> dilations = {1, 1}, int64_t groups = 1) {
  ConvRequest request;
  request.groups = groups;
  request.groupOutputs = outputs;
  request.window = {kernel, strides, dilations, {pads[0], pads[1]}, {pads[2], pads[3]}};
  return request;
}

/// Calls the kernel of a problem. `weight` are the arguments that stand for the weight.
template <typename... Weight>
static std::vector<float> run(KernelHarness &harness, StringRef kernel, Problem &p,
                              Weight &...weight) {
  std::vector<float> y(p.other.size(), NAN);
  MemRef<float, 4> x(p.x.data(), {p.images, p.channels, p.height, p.width});
  MemRef<float, 4> out(y.data(), {p.images, p.outputs, p.rows, p.columns});
  MemRef<float, 4> other(p.other.data(), {p.images, p.outputs, p.rows, p.columns});
  MemRef<float, 1> bias(p.bias.data(), {p.outputs});
  bool hasOther = p.request.epilogue.combine != Epilogue::Combine::None;
  if (p.request.epilogue.bias && hasOther)
    harness.call(kernel, x, weight..., bias, other, out);
  else if (p.request.epilogue.bias)
    harness.call(kernel, x, weight..., bias, out);
  else if (hasOther)
    harness.call(kernel, x, weight..., other, out);
  else
    harness.call(kernel, x, weight..., out);
  return y;
}

static std::vector<float> runDense(KernelHarness &harness, StringRef kernel, Problem &p) {
  OpBuilder builder(harness.context.get());
  RankedTensorType type = getConvPanelType(p.request, p.getK(), builder.getF32Type());
  std::vector<float> panels(type.getNumElements());
  packConvPanels(p.request, p.getK(), p.w.data(), panels.data());
  MemRef<float, 3> w(panels.data(), {type.getDimSize(0), type.getDimSize(1), type.getDimSize(2)});
  return run(harness, kernel, p, w);
}

static std::string getLabel(const KernelHarness &harness, const Problem &p) {
  return harness.target.getName().str() + " " + p.request.window.getName() + " " +
         std::to_string(p.images) + "x" + std::to_string(p.channels) + "x" +
         std::to_string(p.height) + "x" + std::to_string(p.width) + " -> " +
         std::to_string(p.outputs) + ", " + std::to_string(p.request.groups) + " groups" +
         p.request.epilogue.getDescription();
}

static std::vector<Case> getDenseCases() {
  std::vector<Case> cases;
  auto add = [&](ConvRequest request, std::vector<Sizes> sizes, Epilogue epilogue = {}) {
    request.epilogue = epilogue;
    request.groupInputs = sizes[0].groupChannels;
    cases.push_back({request, std::move(sizes)});
  };
  Epilogue relu{true, Activation::Relu};
  Epilogue residual{true, Activation::Relu, 0, 0, Epilogue::Combine::Add, true};
  Epilogue silu{true, Activation::Silu, 0, 0, Epilogue::Combine::Add, false};
  Epilogue bias{true};
  // 1x1, from one pixel to several runs of pixels.
  add(getRequest(16, {1, 1}),
      {{1, 5, 1, 1}, {3, 7, 3, 5}, {2, 3, 4, 4}, {1, 9, 7, 7}, {2, 33, 13, 13}, {9, 3, 5, 16}},
      relu);
  add(getRequest(6, {1, 1}), {{1, 2100, 9, 17}}, residual);
  add(getRequest(13, {1, 1}), {{2, 4, 6, 11}, {1, 3, 2, 3}}, silu);
  add(getRequest(8, {1, 1}, {1, 1}, {1, 1, 1, 1}), {{1, 6, 13, 13}}, bias);
  add(getRequest(8, {1, 1}, {2, 2}), {{2, 6, 15, 14}});
  // 3x3 with padding.
  add(getRequest(16, {3, 3}, {1, 1}, {1, 1, 1, 1}),
      {{1, 3, 32, 32},
       {2, 5, 8, 8},
       {1, 2, 7, 7},
       {3, 3, 3, 3},
       {1, 1, 1, 1},
       {9, 2, 5, 6},
       {1, 4, 2, 40},
       {1, 2, 55, 55}},
      relu);
  add(getRequest(16, {3, 3}, {1, 1}, {1, 1, 1, 1}), {{2, 5, 8, 9}}, residual);
  add(getRequest(7, {3, 3}, {1, 1}, {1, 1, 1, 1}), {{2, 5, 8, 9}, {1, 1, 3, 2}}, silu);
  // Several regions: rows, and parts of a row.
  add(getRequest(5, {3, 3}, {1, 1}, {1, 1, 1, 1}), {{1, 300, 9, 23}, {1, 40, 3, 700}});
  // Strides, dilations, asymmetric padding, odd kernels.
  add(getRequest(12, {3, 3}, {2, 2}, {1, 1, 1, 1}), {{1, 3, 32, 32}, {2, 4, 9, 70}, {1, 3, 4, 3}});
  add(getRequest(9, {7, 7}, {2, 2}, {0, 0, 0, 0}), {{1, 3, 67, 67}}, relu);
  add(getRequest(4, {3, 3}, {3, 3}, {0, 2, 1, 0}), {{2, 3, 17, 58}});
  add(getRequest(4, {3, 2}, {3, 1}, {2, 0, 0, 3}, {2, 3}), {{2, 3, 17, 18}});
  add(getRequest(11, {3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}), {{1, 3, 9, 21}}, bias);
  add(getRequest(10, {5, 5}, {1, 1}, {2, 2, 2, 2}), {{1, 8, 14, 14}});
  add(getRequest(10, {2, 2}, {2, 2}, {0, 0, 1, 1}), {{1, 3, 9, 9}});
  // Columns of taps without planes, and in one dimension.
  add(getRequest(7, {5, 1}), {{2, 6, 12, 9}, {1, 3, 5, 2}});
  add(getRequest(7, {1, 5}, {1, 3}, {0, 2, 0, 1}), {{2, 6, 1, 300}});
  add(getRequest(8, {1, 64}, {1, 32}), {{1, 1, 1, 640}});
  add(getRequest(3, {1, 3}, {1, 1}, {0, 1, 0, 1}), {{1, 64, 1, 1500}});
  // Groups and depthwise.
  add(getRequest(3, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 2), {{2, 4, 9, 9}}, relu);
  add(getRequest(8, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 3), {{2, 4, 5, 9}}, bias);
  add(getRequest(1, {3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 16),
      {{1, 1, 28, 28}, {2, 1, 7, 7}, {1, 1, 2, 2}}, relu);
  add(getRequest(1, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 5), {{1, 1, 28, 28}, {2, 1, 7, 7}},
      residual);
  add(getRequest(1, {5, 3}, {3, 1}, {0, 2, 3, 0}, {2, 1}, 4), {{2, 1, 30, 37}, {1, 1, 8, 3}});
  add(getRequest(1, {1, 9}, {1, 3}, {0, 4, 0, 4}, {1, 1}, 3), {{2, 1, 1, 100}}, silu);
  add(getRequest(1, {7, 7}, {1, 1}, {3, 3, 3, 3}, {1, 1}, 3), {{2, 1, 9, 9}});
  add(getRequest(2, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 5), {{1, 1, 28, 28}, {2, 1, 7, 7}});
  return cases;
}

TEST(ConvKernel, MatchesDouble) {
  std::vector<Case> cases = getDenseCases();
  std::vector<std::vector<float>> before;
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<std::string> kernels;
    for (const Case &test : cases)
      kernels.push_back(getConvKernel(*harness.library, test.request).getSymName().str());
    harness.compile();
    std::vector<std::vector<float>> results;
    for (auto [test, kernel] : llvm::zip_equal(cases, kernels))
      for (const Sizes &sizes : test.sizes) {
        Problem p(test.request, sizes.images, sizes.groupChannels, sizes.height, sizes.width);
        std::vector<float> y = runDense(harness, kernel, p);
        p.check(y, p.w, getLabel(harness, p));
        if (test.request.epilogue.activation != Activation::Silu)
          results.push_back(std::move(y));
      }
    // The same bits for every instruction set.
    if (!before.empty())
      EXPECT_EQ(results, before) << target.getName().str();
    before = std::move(results);
  }
}

/// Images that are parts of larger ones: rows at a distance, channels at a distance.
TEST(ConvKernel, TakesStridedImages) {
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<ConvRequest> requests{getRequest(8, {1, 1}),
                                      getRequest(8, {3, 3}, {1, 1}, {1, 1, 1, 1})};
    std::vector<std::string> kernels;
    for (ConvRequest &request : requests) {
      request.epilogue.combine = Epilogue::Combine::Add;
      kernels.push_back(getConvKernel(*harness.library, request).getSymName().str());
    }
    harness.compile();
    for (auto [request, kernel] : llvm::zip_equal(requests, kernels))
      for (bool stridedInput : {false, true})
        for (bool stridedOutput : {false, true}) {
          Problem p(request, 2, 5, 6, 20);
          RankedTensorType type =
              getConvPanelType(request, p.getK(), Float32Type::get(harness.context.get()));
          std::vector<float> panels(type.getNumElements());
          packConvPanels(request, p.getK(), p.w.data(), panels.data());
          MemRef<float, 3> w(panels.data(), {1, 2, p.getK() * kConvRows});
          std::array<int64_t, 4> inSizes{2, 5, 6, 20}, outSizes{2, 8, 6, 20};
          std::vector<float> wideX(2 * 7 * 8 * 24, NAN), wideY(2 * 9 * 7 * 21, 7.0f);
          std::array<int64_t, 4> inStrides{7 * 8 * 24, 8 * 24, 24, 1},
              outStrides{9 * 7 * 21, 7 * 21, 21, 1};
          std::array<int64_t, 4> tightStrides{9 * 120, 120, 20, 1};
          for (int64_t i = 0; i < 2 * 5 * 6 * 20; ++i)
            wideX[i / 600 * inStrides[0] + i / 120 % 5 * inStrides[1] + i / 20 % 6 * 24 + i % 20] =
                p.x[i];
          MemRef<float, 4> x = stridedInput ? MemRef<float, 4>(wideX.data(), inSizes, inStrides)
                                            : MemRef<float, 4>(p.x.data(), inSizes);
          MemRef<float, 4> other(p.other.data(), outSizes);
          const auto &strides = stridedOutput ? outStrides : tightStrides;
          MemRef<float, 4> y(wideY.data(), outSizes, strides);
          harness.call(kernel, x, w, other, y);
          std::vector<float> result(2 * 8 * 120);
          for (int64_t i = 0; i < 2 * 8 * 120; ++i) {
            float &value = wideY[i / 960 * strides[0] + i / 120 % 8 * strides[1] +
                                 i / 20 % 6 * strides[2] + i % 20];
            result[i] = value;
            value = 7.0f;
          }
          p.check(result, p.w, getLabel(harness, p));
          // Nothing else was written.
          EXPECT_TRUE(llvm::all_of(wideY, [](float value) { return value == 7.0f; }));
        }
  }
}

/// Weights as codes of 8, 4 and 2 bits, decoded by the kernel.
TEST(ConvKernel, DecodesCodes) {
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<std::pair<ConvRequest, std::string>> kernels;
    auto add = [&](ConvRequest request, int64_t bits, int64_t group, bool hasZeroPoints) {
      request.weight = {ConvWeight::Format::Codes, bits, group, hasZeroPoints};
      request.epilogue.bias = true;
      kernels.emplace_back(request, getConvKernel(*harness.library, request).getSymName().str());
    };
    ConvRequest square = getRequest(16, {3, 3}, {1, 1}, {1, 1, 1, 1});
    for (int64_t bits : {8, 4, 2})
      add(square, bits, /*group=*/0, /*hasZeroPoints=*/false);
    add(square, 4, 16, true);
    add(square, 2, 24, false);
    add(getRequest(7, {1, 1}), 4, 8, true);
    add(getRequest(4, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 2), 8, 0, true);
    harness.compile();
    for (auto &[request, kernel] : kernels) {
      Problem p(request, 2, 11, 9, 10);
      const ConvWeight &weight = request.weight;
      int64_t k = p.getK(), groups = weight.group ? (k + weight.group - 1) / weight.group : 1;
      std::mt19937 random(7);
      std::vector<uint8_t> codes(p.outputs * k);
      std::vector<float> scales(p.outputs * groups), zeros(scales.size()), decoded(codes.size());
      for (uint8_t &code : codes)
        code = random() & ((1u << weight.bits) - 1);
      for (float &scale : scales)
        scale = 0.01f * float(random() % 100 + 1);
      for (float &zero : zeros)
        zero = weight.hasZeroPoints ? float(random() & ((1u << weight.bits) - 1))
                                    : float(1 << (weight.bits - 1));
      for (int64_t i = 0; i < p.outputs * k; ++i) {
        int64_t at = i / k * groups + (weight.group ? i % k / weight.group : 0);
        decoded[i] = (float(codes[i]) - zeros[at]) * scales[at];
      }
      OpBuilder builder(harness.context.get());
      RankedTensorType codesType = getConvCodesType(request, k, builder.getI8Type());
      RankedTensorType scalesType = getConvScalesType(request, k, builder.getF32Type());
      std::vector<uint8_t> packedCodes(codesType.getNumElements());
      std::vector<float> packedScales(scalesType.getNumElements()), packedZeros(packedScales);
      packConvCodes(request, k, codes.data(), packedCodes.data());
      packConvScales(request, k, scales.data(), packedScales.data());
      packConvScales(request, k, zeros.data(), packedZeros.data());
      auto sizes = [](RankedTensorType type) {
        return std::array<int64_t, 3>{type.getDimSize(0), type.getDimSize(1), type.getDimSize(2)};
      };
      MemRef<uint8_t, 3> codesRef(packedCodes.data(), sizes(codesType));
      MemRef<float, 3> scalesRef(packedScales.data(), sizes(scalesType));
      MemRef<float, 3> zerosRef(packedZeros.data(), sizes(scalesType));
      std::vector<float> y = weight.hasZeroPoints
                                 ? run(harness, kernel, p, codesRef, scalesRef, zerosRef)
                                 : run(harness, kernel, p, codesRef, scalesRef);
      p.check(y, decoded, kernel);
    }
  }
}

/// Products of integers are exact: the result is that of one rounding of the sum.
TEST(ConvKernel, MultipliesIntegers) {
  for (const CpuTarget &target : KernelHarness::getTargets()) {
    KernelHarness harness(target);
    std::vector<std::pair<ConvRequest, std::string>> kernels;
    for (ConvRequest request :
         {getRequest(16, {3, 3}, {1, 1}, {1, 1, 1, 1}), getRequest(7, {1, 1}),
          getRequest(9, {7, 7}, {2, 2}), getRequest(5, {3, 3}, {3, 3}, {1, 0, 1, 2}, {2, 1}),
          getRequest(1, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 4),
          getRequest(3, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 2)}) {
      request.weight.format = ConvWeight::Format::Integer;
      request.epilogue = {true, Activation::Relu};
      kernels.emplace_back(request, getConvKernel(*harness.library, request).getSymName().str());
    }
    harness.compile();
    for (auto &[request, kernel] : kernels)
      for (int64_t channels : {1, 3, 8, 130}) {
        if (request.groups > 1 && channels > 1)
          continue;
        Problem p(request, 2, channels, 15, 18);
        std::mt19937 random(3);
        std::vector<uint8_t> x(p.x.size());
        std::vector<int8_t> w(p.w.size());
        for (uint8_t &code : x)
          code = random() & 255;
        for (int8_t &code : w)
          code = static_cast<int8_t>(random() & 255);
        std::fill_n(x.begin(), x.size() / 8, 255);
        std::fill_n(w.begin(), w.size() / 8, -128);
        float scale = 0.013f;
        uint8_t zero = 119;
        std::vector<float> scales(p.outputs);
        std::vector<int32_t> sums(p.outputs);
        for (int64_t o = 0; o < p.outputs; ++o) {
          scales[o] = 0.001f * float(o + 1);
          sums[o] = std::accumulate(w.begin() + o * p.getK(), w.begin() + (o + 1) * p.getK(), 0);
        }
        // Kernels for one channel per group have other weights.
        OpBuilder builder(harness.context.get());
        RankedTensorType type =
            request.isDepthwise()
                ? getConvPanelType(request, p.getK(), builder.getF32Type())
                : getConvIntegerType(target, request, channels, builder.getI32Type());
        std::vector<uint32_t> packed(type.getNumElements());
        std::vector<float> floats(w.begin(), w.end());
        if (request.isDepthwise())
          packConvPanels(request, p.getK(), floats.data(),
                         reinterpret_cast<float *>(packed.data()));
        else
          packConvInteger(target, request, channels, w.data(), packed.data());
        MemRef<uint8_t, 4> xRef(x.data(), {p.images, p.channels, p.height, p.width});
        MemRef<float, 0> scaleRef(&scale, {});
        MemRef<uint8_t, 0> zeroRef(&zero, {});
        MemRef<uint32_t, 3> wRef(packed.data(),
                                 {type.getDimSize(0), type.getDimSize(1), type.getDimSize(2)});
        MemRef<float, 1> scalesRef(scales.data(), {p.outputs}), bias(p.bias.data(), {p.outputs});
        MemRef<int32_t, 1> sumsRef(sums.data(), {p.outputs});
        std::vector<float> y(p.other.size(), NAN);
        MemRef<float, 4> out(y.data(), {p.images, p.outputs, p.rows, p.columns});
        harness.call(kernel, xRef, scaleRef, zeroRef, wRef, scalesRef, sumsRef, bias, out);
        int64_t wrong = 0;
        p.forEachOutput([&](int64_t index, int64_t image, int64_t o, int64_t row, int64_t column) {
          int32_t sum = 0;
          p.forEachProduct(image, o, row, column, [&](int64_t xAt, int64_t wAt) {
            if (xAt >= 0)
              sum += (int32_t(x[xAt]) - zero) * w[wAt];
          });
          float expected = std::max(float(sum) * (scale * scales[o]) + p.bias[o], 0.0f);
          wrong += y[index] != expected;
        });
        EXPECT_EQ(wrong, 0) << getLabel(harness, p);
      }
  }
}
