//===- ControlFlowLoweringTest.cpp - compiled If, Loop and Scan ===//
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
using reference::Tensor;

/// Runs `@f` and compares its results with `expected`.
static void expectResults(OpHarness &harness, ArrayRef<Tensor> inputs, ArrayRef<Tensor> expected) {
  SmallVector<Tensor> found = harness.run("f", inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (auto [a, b] : llvm::zip_equal(found, expected)) {
    ASSERT_EQ(a.getShape(), b.getShape());
    expectClose(a, b, 1e-6);
  }
}

static Tensor flag(bool value) { return ints({}, {value}, DataType::Bool); }

TEST(ControlFlowLoweringTest, IfWithDifferentSizes) {
  OpHarness harness(R"(
    func.func @f(%c: tensor<i1>, %x: tensor<?xf32>) -> tensor<?xf32> {
      %y = compress.onnx "If"(%c) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<?xf32> {
        %d = compress.concat %x, %x {axis = 0} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        compress.yield %d : tensor<?xf32>
      }, {
        %n = compress.neg %x : (tensor<?xf32>) -> tensor<?xf32>
        compress.yield %n : tensor<?xf32>
      }
      return %y : tensor<?xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  Tensor x = floats({2}, {1, -2});
  expectResults(harness, {flag(true), x}, {floats({4}, {1, -2, 1, -2})});
  expectResults(harness, {flag(false), x}, {floats({2}, {-1, 2})});
}

TEST(ControlFlowLoweringTest, NestedIfOfUnsigned) {
  OpHarness harness(R"(
    func.func @f(%c: tensor<i1>, %d: tensor<i1>, %x: tensor<2xui8>) -> tensor<2xui8> {
      %y = compress.onnx "If"(%c) {body_names = [["else_branch", "e"], ["then_branch", "t"]], node_name = "if1", result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<2xui8> {
        compress.yield %x : tensor<2xui8>
      }, {
        %z = compress.onnx "If"(%d) {body_names = [["then_branch", "t"], ["else_branch", "e"]], node_name = "if2", result_names = ["z"], version = 17 : i64} : (tensor<i1>) -> tensor<2xui8> {
          %s = compress.add %x, %x : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
          compress.yield %s : tensor<2xui8>
        }, {
          %m = compress.mul %x, %x : (tensor<2xui8>, tensor<2xui8>) -> tensor<2xui8>
          compress.yield %m : tensor<2xui8>
        }
        compress.yield %z : tensor<2xui8>
      }
      return %y : tensor<2xui8>
    })");
  ASSERT_TRUE(harness.isCompiled());
  Tensor x = ints({2}, {3, 200}, DataType::U8);
  expectResults(harness, {flag(false), flag(true), x}, {x});
  expectResults(harness, {flag(true), flag(true), x}, {ints({2}, {6, 144}, DataType::U8)});
  expectResults(harness, {flag(true), flag(false), x}, {ints({2}, {9, 64}, DataType::U8)});
}

/// A Loop that adds x to the state and emits the state before; `stop` is the condition's ops.
static std::string addingLoop(StringRef type, StringRef stacked, StringRef stop, StringRef count) {
  return ("func.func @f(%n: tensor<i64>, %c: tensor<i1>, %x: " + type +
          ", %limit: tensor<f32>) -> (" + type + ", " + stacked +
          ") {\n  %none = compress.none\n  %r:2 = compress.onnx \"Loop\"(" + count +
          R"mlir() {body_names = [["body", "b"]], node_name = "loop1", result_names = ["a", "b"], version = 17 : i64} : (tensor<i64>, tensor<i1>, )mlir" +
          type + ") -> (" + type + ", " + stacked +
          ") {\n  ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: " + type +
          "):\n    %w = compress.add %v, %x : (" + type + ", " + type + ") -> " + type + "\n" +
          stop + "    compress.yield %next, %w, %v : tensor<i1>, " + type + ", " + type +
          "\n  }\n  return %r#0, %r#1 : " + type + ", " + stacked + "\n}\n")
      .str();
}

TEST(ControlFlowLoweringTest, LoopWithTripCount) {
  StringRef pass = "    %zero = compress.constant dense<true> : tensor<i1>\n"
                   "    %next = compress.and %go, %zero : (tensor<i1>, tensor<i1>) -> tensor<i1>\n";
  StringRef constant = "    %next = compress.constant dense<true> : tensor<i1>\n";
  struct Types {
    const char *type, *stacked;
  };
  for (Types types :
       {Types{"tensor<2xf32>", "tensor<?x2xf32>"}, Types{"tensor<?xf32>", "tensor<?x?xf32>"}})
    for (StringRef stop : {pass, constant}) {
      OpHarness harness(addingLoop(types.type, types.stacked, stop, "%n, %c, %x"));
      ASSERT_TRUE(harness.isCompiled());
      Tensor x = floats({2}, {1, -2}), limit = floats({}, {0});
      expectResults(harness, {ints({}, {3}), flag(true), x, limit},
                    {floats({2}, {4, -8}), floats({3, 2}, {1, -2, 2, -4, 3, -6})});
      expectResults(harness, {ints({}, {1}), flag(true), x, limit},
                    {floats({2}, {2, -4}), floats({1, 2}, {1, -2})});
      bool isDynamic = StringRef(types.type) == "tensor<?xf32>";
      Tensor nothing = floats({0, isDynamic ? 0 : 2}, {});
      expectResults(harness, {ints({}, {0}), flag(true), x, limit}, {x, nothing});
      expectResults(harness, {ints({}, {-4}), flag(true), x, limit}, {x, nothing});
      expectResults(harness, {ints({}, {3}), flag(false), x, limit}, {x, nothing});
    }
}

TEST(ControlFlowLoweringTest, LoopWithCondition) {
  // Until the sum of the new state reaches the limit.
  StringRef stop =
      "    %sum = compress.reduce sum %w {axes = array<i64: 0>, keepdims = false} : (TYPE) -> "
      "tensor<f32>\n"
      "    %next = compress.less %sum, %limit : (tensor<f32>, tensor<f32>) -> tensor<i1>\n";
  for (StringRef type : {"tensor<2xf32>", "tensor<?xf32>"}) {
    std::string condition = stop.str();
    condition.replace(condition.find("TYPE"), 4, type.str());
    std::string stacked = type == "tensor<2xf32>" ? "tensor<?x2xf32>" : "tensor<?x?xf32>";
    OpHarness harness(addingLoop(type, stacked, condition, "%n, %c, %x"));
    ASSERT_TRUE(harness.isCompiled());
    Tensor x = floats({2}, {1, 2});
    expectResults(harness, {ints({}, {100}), flag(true), x, floats({}, {8})},
                  {floats({2}, {3, 6}), floats({2, 2}, {1, 2, 2, 4})});
    expectResults(harness, {ints({}, {1}), flag(true), x, floats({}, {8})},
                  {floats({2}, {2, 4}), floats({1, 2}, {1, 2})});
  }
}

TEST(ControlFlowLoweringTest, GrowingState) {
  OpHarness harness(R"(
    func.func @f(%n: tensor<i64>, %x: tensor<1xi64>) -> tensor<?xi64> {
      %none = compress.none
      %y = compress.onnx "Loop"(%n, %none, %x) {body_names = [["body", "b"]], node_name = "loop1", result_names = ["a"], version = 17 : i64} : (tensor<i64>, none, tensor<1xi64>) -> tensor<?xi64> {
      ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<?xi64>):
        %k = compress.unsqueeze %i {axes = array<i64: 0>} : (tensor<i64>) -> tensor<1xi64>
        %w = compress.concat %v, %k {axis = 0} : (tensor<?xi64>, tensor<1xi64>) -> tensor<?xi64>
        compress.yield %go, %w : tensor<i1>, tensor<?xi64>
      }
      return %y : tensor<?xi64>
    })");
  ASSERT_TRUE(harness.isCompiled());
  Tensor x = ints({1}, {7});
  expectResults(harness, {ints({}, {0}), x}, {x});
  expectResults(harness, {ints({}, {3}), x}, {ints({4}, {7, 0, 1, 2})});
}

TEST(ControlFlowLoweringTest, StateOfOtherSizeThanDeclared) {
  OpHarness harness(R"(
    func.func @f(%n: tensor<i64>, %x: tensor<?xf32>) -> tensor<?xf32> {
      %none = compress.none
      %y = compress.onnx "Loop"(%n, %none, %x) {body_names = [["body", "b"]], node_name = "loop1", result_names = ["a"], version = 17 : i64} : (tensor<i64>, none, tensor<?xf32>) -> tensor<?xf32> {
      ^bb0(%i: tensor<i64>, %go: tensor<i1>, %v: tensor<4xf32>):
        %w = compress.neg %v : (tensor<4xf32>) -> tensor<4xf32>
        compress.yield %go, %w : tensor<i1>, tensor<4xf32>
      }
      return %y : tensor<?xf32>
    })");
  ASSERT_TRUE(harness.isCompiled());
  expectResults(harness, {ints({}, {1}), floats({4}, {1, 2, 3, 4})},
                {floats({4}, {-1, -2, -3, -4})});
  EXPECT_NE(harness.getError("f", {ints({}, {1}), floats({2}, {1, 2})}), "");
}

TEST(ControlFlowLoweringTest, Scan) {
  // Prefix sums of the columns of x, from both ends.
  auto text = [](StringRef state, StringRef x, StringRef stacked, StringRef extra) {
    return ("func.func @f(%s: " + state + ", %x: " + x + ") -> (" + state + ", " + stacked +
            ") {\n  %r:2 = compress.onnx \"Scan\"(%s, %x) {body_names = [[\"body\", \"b\"]], "
            "node_name = \"scan1\", onnx_attributes = {num_scan_inputs = 1 : i64" +
            extra + "}, result_names = [\"a\", \"b\"], version = 17 : i64} : (" + state + ", " + x +
            ") -> (" + state + ", " + stacked + ") {\n  ^bb0(%v: " + state + ", %e: " + state +
            "):\n    %w = compress.add %v, %e : (" + state + ", " + state + ") -> " + state +
            "\n    compress.yield %w, %w : " + state + ", " + state +
            "\n  }\n  return %r#0, %r#1 : " + state + ", " + stacked + "\n}\n")
        .str();
  };
  Tensor state = floats({2}, {10, 20});
  for (bool isStatic : {true, false}) {
    StringRef type = isStatic ? "tensor<2xf32>" : "tensor<?xf32>";
    StringRef rows = isStatic ? "tensor<?x2xf32>" : "tensor<?x?xf32>";
    StringRef columns = isStatic ? "tensor<2x?xf32>" : "tensor<?x?xf32>";
    OpHarness plain(text(type, rows, rows, ""));
    ASSERT_TRUE(plain.isCompiled());
    Tensor x = floats({3, 2}, {1, 2, 3, 4, 5, 6});
    expectResults(plain, {state, x},
                  {floats({2}, {19, 32}), floats({3, 2}, {11, 22, 14, 26, 19, 32})});
    OpHarness other(
        text(type, columns, columns,
             ", scan_input_axes = array<i64: 1>, scan_input_directions = array<i64: 1>, "
             "scan_output_axes = array<i64: -1>, scan_output_directions = array<i64: 1>"));
    ASSERT_TRUE(other.isCompiled());
    Tensor y = floats({2, 3}, {1, 2, 3, 4, 5, 6});
    expectResults(other, {state, y},
                  {floats({2}, {16, 35}), floats({2, 3}, {16, 15, 13, 35, 31, 26})});
  }
}
