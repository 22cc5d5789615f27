//===- MovementLoweringTest.cpp - compiled data movement ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpHarness.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;
using reference::floats;
using reference::ints;
using reference::pattern;
using reference::Tensor;

static constexpr Sizes kBothSizes[] = {Sizes::AsWritten, Sizes::Dynamic};

/// Functions of one op on `%x`: name, type of x, ops that make `%y`, type of y.
static std::string function(StringRef name, StringRef from, StringRef ops, StringRef to) {
  return ("func.func @" + name + "(%x: " + from + ") -> " + to + " {\n" + ops +
          "\n  return %y : " + to + "\n}\n")
      .str();
}

/// The constant `%name` of integers.
static std::string integers(StringRef name, ArrayRef<int64_t> values) {
  std::string text = "  %" + name.str() + " = compress.constant dense<[";
  for (auto [i, value] : llvm::enumerate(values))
    text += (i ? ", " : "") + std::to_string(value);
  return text + "]> : tensor<" + std::to_string(values.size()) + "xi64>\n";
}

static std::string reshape(StringRef name, StringRef from, ArrayRef<int64_t> shape, StringRef to,
                           StringRef attributes = "") {
  return function(name, from,
                  integers("s", shape) + "  %y = compress.reshape %x, %s " + attributes.str() +
                      " : (" + from.str() + ", tensor<" + std::to_string(shape.size()) +
                      "xi64>) -> " + to.str(),
                  to);
}

TEST(MovementLoweringTest, Reshape) {
  std::string text =
      reshape("split", "tensor<2x3x8xf32>", {0, 0, 2, 4}, "tensor<2x3x2x4xf32>") +
      reshape("merge", "tensor<2x3x2x4xf32>", {0, 0, -1}, "tensor<2x3x8xf32>") +
      reshape("mixed", "tensor<4x6xf32>", {3, -1, 2}, "tensor<3x4x2xf32>") +
      reshape("ones", "tensor<1x4x1xf32>", {4, 1, 1, 1}, "tensor<4x1x1x1xf32>") +
      reshape("flat", "tensor<2x3xf32>", {-1}, "tensor<6xf32>") +
      reshape("toScalar", "tensor<1x1xf32>", {}, "tensor<f32>") +
      reshape("fromScalar", "tensor<f32>", {1, -1}, "tensor<1x1xf32>") +
      reshape("empty", "tensor<0x3xf32>", {0, 6}, "tensor<0x6xf32>") +
      reshape("allowZero", "tensor<0x3xf32>", {6, 0}, "tensor<6x0xf32>", "{allowzero = true}") +
      reshape("bytes", "tensor<2x6xui8>", {4, 3}, "tensor<4x3xui8>");
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    harness.check("split", {pattern({2, 3, 8})});
    harness.check("merge", {pattern({2, 3, 2, 4})});
    harness.check("mixed", {pattern({4, 6})});
    harness.check("ones", {pattern({1, 4, 1})});
    harness.check("flat", {pattern({2, 3})});
    harness.check("toScalar", {pattern({1, 1})});
    harness.check("fromScalar", {pattern({})});
    harness.check("empty", {pattern({0, 3})});
    harness.check("allowZero", {pattern({0, 3})});
    harness.check("bytes", {pattern({2, 6}, 0, DataType::U8)});
  }
}

TEST(MovementLoweringTest, ReshapeToRunTimeShape) {
  OpHarness harness(R"(
    func.func @f(%x: tensor<?x?xf32>, %s: tensor<3xi64>) -> tensor<?x?x?xf32> {
      %y = compress.reshape %x, %s : (tensor<?x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
      return %y : tensor<?x?x?xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  harness.check("f", {pattern({4, 6}), ints({3}, {2, 3, 4})});
  harness.check("f", {pattern({4, 6}), ints({3}, {0, -1, 2})});
  harness.check("f", {pattern({1, 1}), ints({3}, {1, 1, -1})});
  harness.check("f", {pattern({0, 6}), ints({3}, {0, 5, 1})});
  EXPECT_NE(
      harness.getError("f", {pattern({4, 6}), ints({3}, {2, 3, 5})}).find("'compress.reshape'"),
      std::string::npos);
  EXPECT_NE(harness.getError("f", {pattern({4, 6}), ints({3}, {-2, -3, 4})}), "");
  EXPECT_NE(harness.getError("f", {pattern({4, 6}), ints({3}, {5, -1, 1})}), "");
}

TEST(MovementLoweringTest, SymbolicReshape) {
  OpHarness harness(R"(
    func.func @f(%x: tensor<?x?x128xf32> {compress.dims = ["b", "s", ""]}) -> tensor<?x?x4x32xf32> {
      %s = compress.constant dense<[0, 0, 4, 32]> : tensor<4xi64>
      %y = compress.reshape %x, %s : (tensor<?x?x128xf32>, tensor<4xi64>) -> tensor<?x?x4x32xf32>
      return %y : tensor<?x?x4x32xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  harness.check("f", {pattern({2, 3, 128})});
  harness.check("f", {pattern({0, 3, 128})});
}

TEST(MovementLoweringTest, SqueezeUnsqueezeTranspose) {
  auto unary = [](StringRef name, StringRef op, StringRef from, StringRef to) {
    return function(name, from,
                    "  %y = compress." + op.str() + " : (" + from.str() + ") -> " + to.str(), to);
  };
  std::string text =
      unary("squeeze", "squeeze %x {axes = array<i64: 0, 2>}", "tensor<1x3x1x2xf32>",
            "tensor<3x2xf32>") +
      unary("squeezeAll", "squeeze %x {axes = array<i64: 0, 1>}", "tensor<1x1xi32>",
            "tensor<i32>") +
      unary("unsqueeze", "unsqueeze %x {axes = array<i64: 0, 2, 4>}", "tensor<3x2xf32>",
            "tensor<1x3x1x2x1xf32>") +
      unary("unsqueezeScalar", "unsqueeze %x {axes = array<i64: 0>}", "tensor<i1>",
            "tensor<1xi1>") +
      unary("transpose", "transpose %x {perm = array<i64: 2, 0, 1>}", "tensor<2x3x4xf16>",
            "tensor<4x2x3xf16>") +
      unary("moveOnes", "transpose %x {perm = array<i64: 1, 0, 3, 2>}", "tensor<1x3x4x1xf32>",
            "tensor<3x1x1x4xf32>") +
      unary("transposeEmpty", "transpose %x {perm = array<i64: 1, 0>}", "tensor<0x4xf32>",
            "tensor<4x0xf32>") +
      unary("transposeScalar", "transpose %x {perm = array<i64>}", "tensor<f32>", "tensor<f32>");
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    harness.check("squeeze", {pattern({1, 3, 1, 2})});
    harness.check("squeezeAll", {ints({1, 1}, {7}, DataType::I32)});
    harness.check("unsqueeze", {pattern({3, 2})});
    harness.check("unsqueezeScalar", {ints({}, {1}, DataType::Bool)});
    harness.check("transpose", {pattern({2, 3, 4}, 0, DataType::F16)});
    harness.check("moveOnes", {pattern({1, 3, 4, 1})});
    harness.check("transposeEmpty", {pattern({0, 4})});
    harness.check("transposeScalar", {pattern({})});
  }
}

TEST(MovementLoweringTest, Broadcast) {
  auto broadcast = [](StringRef name, StringRef from, ArrayRef<int64_t> shape, StringRef to) {
    return function(name, from,
                    integers("s", shape) + "  %y = compress.broadcast %x, %s : (" + from.str() +
                        ", tensor<" + std::to_string(shape.size()) + "xi64>) -> " + to.str(),
                    to);
  };
  std::string text = broadcast("rows", "tensor<1x3xf32>", {4, 1}, "tensor<4x3xf32>") +
                     broadcast("more", "tensor<3x1xi64>", {2, 1, 4}, "tensor<2x3x4xi64>") +
                     broadcast("fewer", "tensor<2x1x3xf32>", {5, 1}, "tensor<2x5x3xf32>") +
                     broadcast("scalar", "tensor<f32>", {2, 2}, "tensor<2x2xf32>") +
                     broadcast("same", "tensor<2x3xf32>", {2, 3}, "tensor<2x3xf32>") +
                     broadcast("none", "tensor<1x3xf32>", {0, 3}, "tensor<0x3xf32>");
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    harness.check("rows", {pattern({1, 3})});
    harness.check("more", {ints({3, 1}, {1, -2, 3})});
    harness.check("fewer", {pattern({2, 1, 3})});
    harness.check("scalar", {pattern({})});
    harness.check("same", {pattern({2, 3})});
    harness.check("none", {pattern({1, 3})});
  }
  OpHarness dynamic(R"(
    func.func @f(%x: tensor<?x?xf32>, %s: tensor<2xi64>) -> tensor<?x?xf32> {
      %y = compress.broadcast %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })");
  ASSERT_TRUE(dynamic.isCompiled());
  dynamic.check("f", {pattern({1, 3}), ints({2}, {4, 3})});
  dynamic.check("f", {pattern({4, 1}), ints({2}, {1, 1})});
  EXPECT_NE(dynamic.getError("f", {pattern({2, 3}), ints({2}, {4, 3})}), "");
  EXPECT_NE(dynamic.getError("f", {pattern({2, 3}), ints({2}, {-1, 3})}), "");
}

TEST(MovementLoweringTest, ConcatAndSplit) {
  const char *text = R"(
    func.func @rows(%a: tensor<2x3xf32>, %b: tensor<0x3xf32>, %c: tensor<1x3xf32>) -> tensor<3x3xf32> {
      %y = compress.concat %a, %b, %c {axis = 0} : (tensor<2x3xf32>, tensor<0x3xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
      return %y : tensor<3x3xf32>
    }
    func.func @columns(%a: tensor<2x3xi8>, %b: tensor<2x1xi8>) -> tensor<2x4xi8> {
      %y = compress.concat %a, %b {axis = 1} : (tensor<2x3xi8>, tensor<2x1xi8>) -> tensor<2x4xi8>
      return %y : tensor<2x4xi8>
    }
    func.func @twice(%a: tensor<2xf32>) -> tensor<4xf32> {
      %y = compress.concat %a, %a {axis = 0} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    func.func @one(%a: tensor<2xf32>) -> tensor<2xf32> {
      %y = compress.concat %a {axis = 0} : (tensor<2xf32>) -> tensor<2xf32>
      return %y : tensor<2xf32>
    }
    func.func @split(%x: tensor<2x6xf32>) -> (tensor<2x1xf32>, tensor<2x0xf32>, tensor<2x5xf32>) {
      %a, %b, %c = compress.split %x {axis = 1, sizes = array<i64: 1, 0, 5>} : (tensor<2x6xf32>) -> (tensor<2x1xf32>, tensor<2x0xf32>, tensor<2x5xf32>)
      return %a, %b, %c : tensor<2x1xf32>, tensor<2x0xf32>, tensor<2x5xf32>
    })";
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    harness.check("rows", {pattern({2, 3}), pattern({0, 3}), pattern({1, 3}, 4)});
    harness.check("columns", {pattern({2, 3}, 0, DataType::I8), pattern({2, 1}, 1, DataType::I8)});
    harness.check("twice", {pattern({2})});
    harness.check("one", {pattern({2})});
    harness.check("split", {pattern({2, 6})});
    if (sizes == Sizes::Dynamic) {
      EXPECT_NE(harness.getError("rows", {pattern({2, 3}), pattern({1, 2}), pattern({1, 3})}), "");
      EXPECT_NE(harness.getError("split", {pattern({2, 5})}), "");
    }
  }
}

TEST(MovementLoweringTest, ShapeAndRange) {
  const char *text = R"(
    func.func @shape(%x: tensor<2x3x4xf32>) -> tensor<2xi64> {
      %y = compress.shape %x {start = 1, end = 3} : (tensor<2x3x4xf32>) -> tensor<2xi64>
      return %y : tensor<2xi64>
    }
    func.func @empty(%x: tensor<2xf32>) -> tensor<0xi64> {
      %y = compress.shape %x {start = 1, end = 1} : (tensor<2xf32>) -> tensor<0xi64>
      return %y : tensor<0xi64>
    }
    func.func @ints(%a: tensor<i32>, %b: tensor<i32>, %c: tensor<i32>) -> tensor<?xi32> {
      %y = compress.range %a, %b, %c : (tensor<i32>, tensor<i32>, tensor<i32>) -> tensor<?xi32>
      return %y : tensor<?xi32>
    }
    func.func @longs(%a: tensor<i64>, %b: tensor<i64>, %c: tensor<i64>) -> tensor<?xi64> {
      %y = compress.range %a, %b, %c : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
      return %y : tensor<?xi64>
    }
    func.func @halves(%a: tensor<f16>, %b: tensor<f16>, %c: tensor<f16>) -> tensor<?xf16> {
      %y = compress.range %a, %b, %c : (tensor<f16>, tensor<f16>, tensor<f16>) -> tensor<?xf16>
      return %y : tensor<?xf16>
    }
    func.func @floats(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>) -> tensor<?xf32> {
      %y = compress.range %a, %b, %c : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    })";
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    harness.check("shape", {pattern({2, 3, 4})});
    harness.check("empty", {pattern({2})});
    auto range = [&](int64_t a, int64_t b, int64_t c) {
      harness.check("ints", {ints({}, {a}, DataType::I32), ints({}, {b}, DataType::I32),
                             ints({}, {c}, DataType::I32)});
    };
    range(0, 5, 1);
    range(3, 10, 4);
    range(10, 3, -2);
    range(5, 5, 1);
    range(6, 5, 1);
    harness.check("longs", {ints({}, {INT64_MIN}), ints({}, {INT64_MAX}), ints({}, {INT64_MAX})});
    EXPECT_NE(harness.getError("longs", {ints({}, {0}), ints({}, {5}), ints({}, {0})}), "");
    EXPECT_NE(
        harness.getError("longs", {ints({}, {INT64_MIN}), ints({}, {INT64_MAX}), ints({}, {1})}),
        "");
    harness.check("halves", {floats({}, {0.5}, DataType::F16), floats({}, {3}, DataType::F16),
                             floats({}, {0.75}, DataType::F16)});
    harness.check("floats", {floats({}, {0.5}), floats({}, {3}), floats({}, {0.75})});
    harness.check("floats", {floats({}, {1}), floats({}, {-1}), floats({}, {-0.25})});
    EXPECT_NE(harness.getError("floats", {floats({}, {1}), floats({}, {NAN}), floats({}, {1})}),
              "");
  }
}

TEST(MovementLoweringTest, Slice) {
  struct Case {
    int64_t start, end, step;
  };
  const Case cases[] = {{0, 5, 1},
                        {1, 4, 1},
                        {-3, -1, 1},
                        {-100, 100, 1},
                        {4, 2, 1},
                        {5, 9, 1},
                        {0, 7, 2},
                        {1, 7, 3},
                        {6, 0, -1},
                        {-1, -100, -1},
                        {5, 1, -2},
                        {2, 2, -1},
                        {0, 3, -1},
                        {-100, 3, 1},
                        {-100, -200, -1},
                        {6, 3, -5},
                        {0, INT64_MAX, 1},
                        {INT64_MIN, INT64_MAX, 2},
                        {INT64_MAX, INT64_MIN, -1},
                        {0, 7, INT64_MAX},
                        {6, INT64_MIN, INT64_MIN}};
  std::string text, runTime;
  for (auto [i, c] : llvm::enumerate(cases))
    for (int64_t axis : {0, 1}) {
      std::string name = "f" + std::to_string(i) + "_" + std::to_string(axis);
      std::string from = axis == 0 ? "tensor<7x2xf32>" : "tensor<2x7xf32>";
      Tensor x = axis == 0 ? pattern({7, 2}) : pattern({2, 7});
      Tensor y = reference::get(reference::slice(x, {c.start}, {c.end}, {axis}, {c.step}));
      std::string to =
          "tensor<" + std::to_string(y.getDim(0)) + "x" + std::to_string(y.getDim(1)) + "xf32>";
      text += function(
          name, from,
          integers("s", {c.start}) + integers("e", {c.end}) +
              "  %y = compress.slice %x, %s, %e {axes = array<i64: " + std::to_string(axis) +
              ">, steps = array<i64: " + std::to_string(c.step) + ">} : (" + from +
              ", tensor<1xi64>, tensor<1xi64>) -> " + to,
          to);
      runTime +=
          "func.func @r" + name +
          "(%x: tensor<?x?xf32>, %s: tensor<1xi64>, %e: tensor<1xi64>) -> tensor<?x?xf32> {\n"
          "  %y = compress.slice %x, %s, %e {axes = array<i64: " +
          std::to_string(axis) + ">, steps = array<i64: " + std::to_string(c.step) +
          ">} : (tensor<?x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xf32>\n"
          "  return %y : tensor<?x?xf32>\n}\n";
    }
  for (Sizes sizes : kBothSizes) {
    // Those with run-time starts are dynamic as they are.
    bool hasRunTime = sizes == Sizes::AsWritten;
    OpHarness harness(hasRunTime ? text + runTime : text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (auto [i, c] : llvm::enumerate(cases))
      for (int64_t axis : {0, 1}) {
        SCOPED_TRACE(std::to_string(i) + " axis " + std::to_string(axis));
        std::string name = "f" + std::to_string(i) + "_" + std::to_string(axis);
        Tensor x = axis == 0 ? pattern({7, 2}) : pattern({2, 7});
        harness.check(name, {x});
        if (!hasRunTime)
          continue;
        harness.check("r" + name, {x, ints({1}, {c.start}), ints({1}, {c.end})});
        Tensor none = axis == 0 ? pattern({0, 2}) : pattern({2, 0});
        harness.check("r" + name, {none, ints({1}, {c.start}), ints({1}, {c.end})});
      }
  }
}

TEST(MovementLoweringTest, Pad) {
  auto pad = [](StringRef name, StringRef mode, StringRef from, ArrayRef<int64_t> pads,
                StringRef to) {
    return function(name, from,
                    integers("p", pads) + "  %y = compress.pad" + mode.str() + " %x, %p : (" +
                        from.str() + ", tensor<" + std::to_string(pads.size()) + "xi64>) -> " +
                        to.str(),
                    to);
  };
  std::string text;
  for (StringRef mode : {" constant", " reflect", " edge", " wrap"}) {
    std::string tag = mode.drop_front().str();
    text += pad(tag + "0", mode, "tensor<3x4xf32>", {1, 2, 0, 1}, "tensor<4x7xf32>");
    text += pad(tag + "1", mode, "tensor<3x4xf32>", {-1, 2, 2, -1}, "tensor<4x5xf32>");
    text += pad(tag + "2", mode, "tensor<3x4xf32>", {0, 0, 0, 0}, "tensor<3x4xf32>");
    text += pad(tag + "3", mode, "tensor<3x4xf32>", {-1, -2, -1, 0}, "tensor<1x2xf32>");
    text += pad(tag + "4", mode, "tensor<1x3xi64>", {2, 7, 1, 8}, "tensor<4x18xi64>");
  }
  text += R"(
    func.func @value(%x: tensor<2x2xui8>, %v: tensor<ui8>) -> tensor<3x4xui8> {
      %p = compress.constant dense<[1, 0, 0, 2]> : tensor<4xi64>
      %y = compress.pad constant %x, %p value %v : (tensor<2x2xui8>, tensor<4xi64>, tensor<ui8>) -> tensor<3x4xui8>
      return %y : tensor<3x4xui8>
    }
    func.func @run(%x: tensor<?x?xf32>, %p: tensor<4xi64>) -> tensor<?x?xf32> {
      %y = compress.pad constant %x, %p : (tensor<?x?xf32>, tensor<4xi64>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    }
    func.func @runEdge(%x: tensor<?x?xf32>, %p: tensor<4xi64>) -> tensor<?x?xf32> {
      %y = compress.pad edge %x, %p : (tensor<?x?xf32>, tensor<4xi64>) -> tensor<?x?xf32>
      return %y : tensor<?x?xf32>
    })";
  for (Sizes sizes : kBothSizes) {
    OpHarness harness(text, sizes);
    ASSERT_TRUE(harness.isCompiled());
    for (std::string mode : {"constant", "reflect", "edge", "wrap"}) {
      SCOPED_TRACE(mode);
      for (const char *index : {"0", "1", "2", "3"})
        harness.check(mode + index, {pattern({3, 4})});
      harness.check(mode + "4", {ints({1, 3}, {5, -6, 7})});
    }
    harness.check("value",
                  {ints({2, 2}, {1, 2, 3, 200}, DataType::U8), ints({}, {255}, DataType::U8)});
    for (StringRef name : {"run", "runEdge"}) {
      harness.check(name, {pattern({3, 4}), ints({4}, {1, -1, 2, 3})});
      EXPECT_NE(harness.getError(name, {pattern({3, 4}), ints({4}, {-2, 0, -2, 0})}), "");
      EXPECT_NE(harness.getError(name, {pattern({3, 4}), ints({4}, {INT64_MAX, 0, INT64_MAX, 0})}),
                "");
    }
    harness.check("run", {pattern({0, 4}), ints({4}, {1, 0, 2, 0})});
    EXPECT_NE(harness.getError("runEdge", {pattern({0, 4}), ints({4}, {1, 0, 2, 0})}), "");
  }
}
