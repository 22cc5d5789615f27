//===- DataMovementTest.cpp - tests of shapes and data movement ===//
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

TEST(DataMovementTest, Reshape) {
  Tensor x = pattern({2, 3, 4});
  expectShape(get(reshape(x, {0, -1})), {2, 12});
  expectShape(get(reshape(x, {-1})), {24});
  expectShape(get(reshape(x, {4, 0, 2})), {4, 3, 2});
  Tensor empty = pattern({0, 3});
  expectShape(get(reshape(empty, {3, 0}, true)), {3, 0});
  expectShape(get(reshape(empty, {0, -1})), {0, 0});
  getError(reshape(x, {-1, -1}));
  getError(reshape(x, {5, -1}));
  getError(reshape(x, {2, 3, 4, 0}));
  getError(reshape(x, {-2, 12}));
  getError(reshape(empty, {0, -1}, true));
  expectShape(get(reshape(pattern({1}), {})), {});
}

TEST(DataMovementTest, SqueezeAndUnsqueeze) {
  Tensor x = pattern({1, 3, 1});
  int64_t last[] = {-1}, middle[] = {1}, ends[] = {0, -1};
  expectShape(get(squeeze(x, std::nullopt)), {3});
  expectShape(get(squeeze(x, llvm::ArrayRef(last))), {1, 3});
  EXPECT_EQ(getError(squeeze(x, llvm::ArrayRef(middle))),
            "squeeze: axis 1 of shape [1, 3, 1] is not 1");
  expectShape(get(unsqueeze(pattern({2, 3}), ends)), {1, 2, 3, 1});
  getError(unsqueeze(x, {4, 4}));
}

TEST(DataMovementTest, ConcatOfSplitIsIdentity) {
  std::mt19937_64 random(21);
  for (DataType type : {DataType::F32, DataType::I4, DataType::Bool, DataType::BF16}) {
    for (int i = 0; i < 20; ++i) {
      SmallVector<int64_t> shape = randomShape(random, 3);
      int64_t axis = static_cast<int64_t>(random() % 3), cut = random() % (shape[axis] + 1);
      Tensor x = randomTensor(random, type, shape);
      SmallVector<Tensor> parts = get(split(x, {cut, 0, shape[axis] - cut}, axis));
      ASSERT_EQ(parts.size(), 3u);
      EXPECT_EQ(parts[0].getDim(axis), cut);
      expectIdentical(get(concat(parts, axis - 3)), x);
    }
  }
  Tensor x = pattern({4, 2});
  getError(split(x, {1, 2}, 0));
  getError(split(x, {-1, 5}, 0));
  getError(concat({}, 0));
  getError(concat({x, pattern({4, 3})}, 0));
  getError(concat({x, pattern({4})}, 0));
}

TEST(DataMovementTest, SliceClampsAsOnnx) {
  Tensor x = ints({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  expectInts(get(slice(x, {2}, {5})), {3}, {2, 3, 4});
  expectInts(get(slice(x, {-3}, {INT64_MAX})), {3}, {7, 8, 9});
  expectInts(get(slice(x, {0}, {100}, {0}, {4})), {3}, {0, 4, 8});
  expectInts(get(slice(x, {-1}, {INT64_MIN}, {0}, {-3})), {4}, {9, 6, 3, 0});
  expectInts(get(slice(x, {20}, {0}, {0}, {-4})), {3}, {9, 5, 1});
  expectInts(get(slice(x, {5}, {2})), {0}, {});
  expectInts(get(slice(x, {INT64_MIN}, {INT64_MAX}, {0}, {INT64_MAX})), {1}, {0});
  expectInts(get(slice(x, {INT64_MAX}, {INT64_MIN}, {0}, {INT64_MIN})), {1}, {9});
  expectInts(get(slice(ints({2, 3}, {0, 1, 2, 3, 4, 5}), {1}, {3}, {-1})), {2, 2}, {1, 2, 4, 5});
  EXPECT_EQ(getError(slice(x, {0}, {1}, {0}, {0})), "slice: the step of axis 0 is 0");
  getError(slice(x, {0, 0}, {1, 1}, {0, -1}));
  getError(slice(x, {0}, {1, 2}));
  expectInts(get(slice(pattern({0}), {-1}, {-5}, {0}, {-1})), {0}, {});
}

TEST(DataMovementTest, SliceMatchesIndexing) {
  std::mt19937_64 random(22);
  for (int i = 0; i < 200; ++i) {
    int64_t dim = random() % 6, step = static_cast<int64_t>(random() % 7) - 3;
    int64_t start = static_cast<int64_t>(random() % 16) - 8;
    int64_t end = static_cast<int64_t>(random() % 16) - 8;
    if (step == 0)
      continue;
    Tensor x = randomTensor(random, DataType::I64, {dim});
    // Python's rules for sequences, but as in onnxruntime a start before the first element is the
    // first one.
    auto clampIndex = [&](int64_t index, int64_t low) {
      index = index < 0 ? index + dim : index;
      return std::clamp<int64_t>(index, std::min(low, step < 0 ? dim - 1 : dim),
                                 step < 0 ? dim - 1 : dim);
    };
    SmallVector<int64_t> expected;
    for (int64_t k = clampIndex(start, 0), last = clampIndex(end, step < 0 ? -1 : 0);
         step > 0 ? k < last : k > last; k += step)
      expected.push_back(x.getInt({k}));
    expectInts(get(slice(x, {start}, {end}, {0}, {step})), {static_cast<int64_t>(expected.size())},
               expected);
  }
}

TEST(DataMovementTest, Pad) {
  Tensor x = ints({3}, {1, 2, 3});
  expectInts(get(pad(x, {2}, {1})), {6}, {0, 0, 1, 2, 3, 0});
  Tensor nine = ints({}, {9});
  expectInts(get(pad(x, {1}, {0}, PadMode::Constant, &nine)), {4}, {9, 1, 2, 3});
  expectInts(get(pad(x, {2}, {2}, PadMode::Edge)), {7}, {1, 1, 1, 2, 3, 3, 3});
  expectInts(get(pad(x, {5}, {3}, PadMode::Reflect)), {11}, {2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2});
  expectInts(get(pad(x, {4}, {2}, PadMode::Wrap)), {9}, {3, 1, 2, 3, 1, 2, 3, 1, 2});
  expectInts(get(pad(x, {-1}, {2})), {4}, {2, 3, 0, 0});
  expectInts(get(pad(x, {-1}, {2}, PadMode::Edge)), {4}, {2, 3, 3, 3});
  expectInts(get(pad(ints({1}, {7}), {2}, {1}, PadMode::Reflect)), {4}, {7, 7, 7, 7});
  expectInts(get(pad(ints({2, 2}, {1, 2, 3, 4}), {0, 1}, {1, 0})), {3, 3},
             {0, 1, 2, 0, 3, 4, 0, 0, 0});
  expectInts(get(pad(pattern({0}), {1}, {1})), {2}, {0, 0});
  getError(pad(x, {-2}, {-2}));
  getError(pad(x, {INT64_MAX}, {1}));
  getError(pad(x, {1, 1}, {0, 0}));
  EXPECT_EQ(getError(pad(pattern({0}), {1}, {0}, PadMode::Edge)),
            "pad: axis 0 has no element to copy");
}

TEST(DataMovementTest, ExpandAndTile) {
  Tensor x = ints({3, 1}, {1, 2, 3});
  expectInts(get(expand(x, {2})), {3, 2}, {1, 1, 2, 2, 3, 3});
  expectShape(get(expand(x, {2, 1, 6})), {2, 3, 6});
  getError(expand(x, {2, 2}));
  getError(expand(x, {3, -1}));
  getError(expand(x, {1 << 20, 3, 1 << 20}));
  Tensor y = ints({2, 2}, {1, 2, 3, 4});
  expectInts(get(tile(y, {2, 3})), {4, 6},
             {1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4});
  expectShape(get(tile(y, {0, 1})), {0, 2});
  getError(tile(y, {-1, 1}));
  getError(tile(y, {1}));
}

TEST(DataMovementTest, DepthToSpace) {
  SmallVector<int64_t> values;
  for (int64_t i = 0; i < 16; ++i)
    values.push_back(i);
  Tensor x = ints({1, 8, 1, 2}, values);
  expectInts(get(depthToSpace(x, 2)), {1, 2, 2, 4},
             {0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  expectInts(get(depthToSpace(x, 2, true)), {1, 2, 2, 4},
             {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15});
  for (bool crd : {false, true})
    expectIdentical(get(spaceToDepth(get(depthToSpace(x, 2, crd)), 2, crd)), x);
  getError(depthToSpace(x, 3));
  getError(depthToSpace(x, 0));
  getError(spaceToDepth(x, INT64_MAX));
}

TEST(DataMovementTest, Trilu) {
  Tensor x = ints({2, 3}, {1, 2, 3, 4, 5, 6});
  expectInts(get(trilu(x, 0, true)), {2, 3}, {1, 2, 3, 0, 5, 6});
  expectInts(get(trilu(x, 1, true)), {2, 3}, {0, 2, 3, 0, 0, 6});
  expectInts(get(trilu(x, 0, false)), {2, 3}, {1, 0, 0, 4, 5, 0});
  expectInts(get(trilu(x, INT64_MAX, false)), {2, 3}, {1, 2, 3, 4, 5, 6});
  expectInts(get(trilu(x, INT64_MAX, true)), {2, 3}, {0, 0, 0, 0, 0, 0});
}

TEST(DataMovementTest, ShapesAndConstants) {
  Tensor x = pattern({2, 3, 4});
  expectInts(get(shapeOf(x)), {3}, {2, 3, 4});
  expectInts(get(shapeOf(x, 1)), {2}, {3, 4});
  expectInts(get(shapeOf(x, -2, -1)), {1}, {3});
  expectInts(get(shapeOf(x, 2, 1)), {0}, {});
  expectInts(get(shapeOf(x, -10, 10)), {3}, {2, 3, 4});
  expectInts(get(sizeOf(x)), {}, {24});
  expectInts(get(constantOfShape({2, 2}, ints({1}, {7}))), {2, 2}, {7, 7, 7, 7});
  expectInts(get(constantOfShape({}, ints({1}, {7}))), {}, {7});
  getError(constantOfShape({-1}, ints({1}, {7})));
  expectInts(get(eyeLike(DataType::I32, 2, 3, 1)), {2, 3}, {0, 1, 0, 0, 0, 1});
  expectInts(get(eyeLike(DataType::I32, 2, 2, INT64_MAX)), {2, 2}, {0, 0, 0, 0});
}

TEST(DataMovementTest, Range) {
  auto run = [](int64_t start, int64_t limit, int64_t delta) {
    return range(ints({}, {start}), ints({}, {limit}), ints({}, {delta}));
  };
  expectInts(get(run(0, 5, 2)), {3}, {0, 2, 4});
  expectInts(get(run(5, 0, -2)), {3}, {5, 3, 1});
  expectInts(get(run(5, 0, 2)), {0}, {});
  expectInts(get(run(INT64_MIN, INT64_MAX, INT64_MAX)), {3}, {INT64_MIN, -1, INT64_MAX - 1});
  EXPECT_EQ(getError(run(0, 1, 0)), "range: delta is 0");
  EXPECT_NE(getError(run(INT64_MIN, INT64_MAX, 1)).find("limit"), std::string::npos);
  auto runFloat = [](double start, double limit, double delta) {
    return range(floats({}, {start}), floats({}, {limit}), floats({}, {delta}));
  };
  expectFloats(get(runFloat(1, 2, 0.25)), {4}, {1, 1.25, 1.5, 1.75});
  expectFloats(get(runFloat(1, 2.1, 0.5)), {3}, {1, 1.5, 2});
  getError(runFloat(0, std::numeric_limits<double>::infinity(), 1));
  getError(runFloat(0, std::nan(""), 1));
}
