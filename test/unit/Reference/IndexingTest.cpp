//===- IndexingTest.cpp - tests of gather, scatter and resize ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::SmallVector;

TEST(IndexingTest, Gather) {
  Tensor x = ints({3, 2}, {1, 2, 3, 4, 5, 6});
  expectInts(get(gather(x, ints({2}, {-1, 0}))), {2, 2}, {5, 6, 1, 2});
  expectInts(get(gather(x, ints({1, 2}, {1, 1}, DataType::I32), 1)), {3, 1, 2}, {2, 2, 4, 4, 6, 6});
  expectInts(get(gather(x, ints({}, {1}), -1)), {3}, {2, 4, 6});
  EXPECT_EQ(getError(gather(x, ints({1}, {3}))), "gather: index 3 is out of range for size 3");
  getError(gather(x, ints({1}, {-4})));
  getError(gather(x, floats({1}, {0})));
  expectInts(get(gather(x, ints({0}, {}))), {0, 2}, {});
  expectInts(get(embedding(x, ints({2}, {2, 1}))), {2, 2}, {5, 6, 3, 4});
  EXPECT_EQ(getError(embedding(x, ints({1}, {-1}))), "embedding: index -1 is negative");
}

TEST(IndexingTest, GatherElementsAndScatterElements) {
  Tensor x = ints({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor indices = ints({2, 2}, {2, -3, 0, 1});
  expectInts(get(gatherElements(x, indices, 1)), {2, 2}, {3, 1, 4, 5});
  Tensor updates = ints({2, 2}, {10, 20, 30, 40});
  expectInts(get(scatterElements(x, indices, updates, 1)), {2, 3}, {20, 2, 10, 30, 40, 6});
  expectInts(x, {2, 3}, {1, 2, 3, 4, 5, 6}); // The operand is left alone.
  Tensor repeated = ints({1, 3}, {1, 1, 1});
  Tensor ones = ints({1, 3}, {7, 8, -9});
  expectInts(get(scatterElements(x, repeated, ones, 1, ScatterReduction::Add)), {2, 3},
             {1, 8, 3, 4, 5, 6});
  expectInts(get(scatterElements(x, repeated, ones, 1, ScatterReduction::Mul)), {2, 3},
             {1, -1008, 3, 4, 5, 6});
  expectInts(get(scatterElements(x, repeated, ones, 1, ScatterReduction::Max)), {2, 3},
             {1, 8, 3, 4, 5, 6});
  expectInts(get(scatterElements(x, repeated, ones, 1, ScatterReduction::Min)), {2, 3},
             {1, -9, 3, 4, 5, 6});
  getError(gatherElements(x, ints({3, 1}, {0, 0, 0}), 1));
  getError(gatherElements(x, ints({1}, {0}), 1));
  getError(scatterElements(x, indices, ones, 1));
}

TEST(IndexingTest, GatherNdAndScatterNd) {
  Tensor x = ints({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  expectInts(get(gatherNd(x, ints({2, 3}, {0, 0, 1, -1, 1, 0}))), {2}, {1, 6});
  expectInts(get(gatherNd(x, ints({2, 1}, {1, 0}))), {2, 2, 2}, {4, 5, 6, 7, 0, 1, 2, 3});
  expectInts(get(gatherNd(x, ints({2, 1}, {1, 0}), 1)), {2, 2}, {2, 3, 4, 5});
  getError(gatherNd(x, ints({1, 1}, {2})));
  getError(gatherNd(x, ints({1, 4}, {0, 0, 0, 0})));
  getError(gatherNd(x, ints({1, 1}, {0}), 1));
  getError(gatherNd(x, Tensor::scalarInt(DataType::I64, 0)));
  Tensor y = ints({4}, {1, 2, 3, 4});
  expectInts(get(scatterNd(y, ints({2, 1}, {-1, 0}), ints({2}, {9, 8}))), {4}, {8, 2, 3, 9});
  expectInts(get(scatterNd(y, ints({2, 1}, {1, 1}), ints({2}, {9, 8}), ScatterReduction::Add)), {4},
             {1, 19, 3, 4});
  getError(scatterNd(y, ints({2, 1}, {1, 1}), ints({3}, {9, 8, 7})));
}

TEST(IndexingTest, ScatterInvertsGather) {
  std::mt19937_64 random(31);
  Tensor x = randomTensor(random, DataType::F32, {4, 3});
  Tensor order = ints({4, 1}, {2, 0, 3, 1});
  Tensor moved = get(gatherNd(x, order));
  Tensor zero = get(Tensor::create(DataType::F32, {4, 3}));
  expectIdentical(get(scatterNd(zero, order, moved)), x);
}

TEST(IndexingTest, OneHotAndNonZero) {
  Tensor values = ints({2}, {-1, 5});
  expectInts(get(oneHot(ints({2}, {-1, 7}), 3, values)), {2, 3}, {-1, -1, 5, -1, -1, -1});
  expectInts(get(oneHot(ints({2}, {0, 1}), 2, values, 0)), {2, 2}, {5, -1, -1, 5});
  expectInts(get(oneHot(ints({1}, {-1}, DataType::U64), 2, values)), {1, 2}, {-1, -1});
  expectInts(get(nonZero(floats({2, 2}, {0, 1, std::nan(""), -0.0}))), {2, 2}, {0, 1, 1, 0});
  expectInts(get(nonZero(ints({2}, {0, 0}))), {1, 0}, {});
  expectInts(get(nonZero(Tensor::scalarInt(DataType::I64, 3))), {0, 1}, {});
  getError(oneHot(ints({1}, {0}), -1, values));
}

static Tensor resizeWidth(ResizeMode mode, CoordinateMode coordinates) {
  ResizeOptions options;
  options.mode = mode;
  options.coordinates = coordinates;
  double scales[] = {1, 1, 1, 1.75};
  return get(resize(pattern({1, 1, 1, 4}), {1, 1, 1, 7}, scales, {}, options));
}

// Values from onnxruntime 1.31.
TEST(IndexingTest, ResizeModes) {
  using M = ResizeMode;
  using C = CoordinateMode;
  SmallVector<int64_t> shape = {1, 1, 1, 7};
  expectFloats(resizeWidth(M::Nearest, C::HalfPixel), shape,
               {-1.0, -1.0, -0.125, -0.125, 0.75, -1.25, -1.25});
  expectFloats(resizeWidth(M::Nearest, C::Asymmetric), shape,
               {-1.0, -0.125, -0.125, 0.75, 0.75, -1.25, -1.25});
  expectFloats(resizeWidth(M::Nearest, C::AlignCorners), shape,
               {-1.0, -1.0, -0.125, -0.125, 0.75, 0.75, -1.25});
  SmallVector<double> half = {-1.0, -0.6875, -0.1875, 0.3125, 0.6071429, -0.53571415, -1.25};
  expectNear(resizeWidth(M::Linear, C::HalfPixel), shape, half);
  expectNear(resizeWidth(M::Linear, C::PytorchHalfPixel), shape, half);
  expectNear(resizeWidth(M::Linear, C::HalfPixelSymmetric), shape, half);
  expectNear(resizeWidth(M::Linear, C::Asymmetric), shape,
             {-1.0, -0.5, 0, 0.5, 0.17857122, -0.96428585, -1.25});
  expectNear(resizeWidth(M::Linear, C::AlignCorners), shape,
             {-1.0, -0.5625, -0.125, 0.3125, 0.75, -0.25, -1.25});
}

TEST(IndexingTest, ResizeCubicAndCrop) {
  ResizeOptions options;
  options.mode = ResizeMode::Cubic;
  double wider[] = {1, 1, 1, 1.75};
  Tensor y = get(resize(pattern({1, 1, 4, 4}), {1, 1, 4, 7}, wider, {}, options));
  SmallVector<double> first = {-1.0868142, -0.75566036, -0.21548182, 0.58203125,
                               0.67598605, -0.5147026,  -1.4484322};
  expectNear(get(slice(y, {0}, {1}, {2})), {1, 1, 1, 7}, first);
  options.excludeOutside = true;
  double halved[] = {1, 1, 0.5, 0.5};
  expectNear(get(resize(pattern({1, 1, 6, 6}), {1, 1, 3, 3}, halved, {}, options)), {1, 1, 3, 3},
             {-0.14724489, 0.34464285, -0.12336736, 0.41607144, -0.0625, -0.68738836, -0.0016326308,
              -0.46964288, 0.8694898});
  ResizeOptions crop;
  crop.mode = ResizeMode::Linear;
  crop.coordinates = CoordinateMode::TfCropAndResize;
  crop.extrapolationValue = 9;
  double roi[] = {0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2};
  expectNear(get(resize(pattern({1, 1, 4, 4}), {1, 1, 3, 3}, {}, roi, crop)), {1, 1, 3, 3},
             {-0.3625, 1.08125, 9.0, 0.29375, -0.0378125, 9.0, 0.34625, -0.438125, 9.0});
}

TEST(IndexingTest, ResizeKeepsIdentityAndRefusesNonsense) {
  Tensor x = pattern({2, 3});
  for (ResizeMode mode : {ResizeMode::Nearest, ResizeMode::Linear, ResizeMode::Cubic}) {
    ResizeOptions options;
    options.mode = mode;
    options.antialias = mode != ResizeMode::Nearest;
    expectNear(get(resize(x, {2, 3}, {}, {}, options)), {2, 3}, x.toFloats());
  }
  ResizeOptions linear;
  linear.mode = ResizeMode::Linear;
  linear.antialias = true;
  // The triangle of width 4 around 0.5: weights 1/8, 3/8, 3/8, 1/8 (edges repeat).
  expectNear(get(resize(floats({4}, {0, 1, 2, 3}), {2}, {}, {}, linear)), {2}, {0.625, 2.375});
  expectInts(get(resize(ints({2}, {0, 255}, DataType::U8), {4}, {}, {}, linear)), {4},
             {0, 64, 191, 255});
  double bad[] = {-1, 1}, tiny[] = {1e-300, 1};
  getError(resize(x, {2, 3}, bad, {}, linear));
  getError(resize(x, {2}, {}, {}, linear));
  getError(resize(pattern({0}), {2}, {}, {}, linear));
  expectShape(get(resize(x, {1, 3}, tiny, {}, linear)), {1, 3});
}
