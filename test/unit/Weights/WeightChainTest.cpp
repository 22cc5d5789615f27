//===- WeightChainTest.cpp - from ops to stored bytes -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
class WeightChainTest : public WeightTest {};
using Dims = SmallVector<int64_t>;
} // namespace

TEST_F(WeightChainTest, DenseWeight) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<3x4xf32> = dense<1.0>
    func.func @main(%x: tensor<?x4xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
      %w = compress.load @w : tensor<3x4xf32>
      %y = compress.linear nk %x, %w bias %b {name = "fc"}
         : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })mlir");
  ASSERT_TRUE(module);
  FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*module));
  ASSERT_TRUE(succeeded(op));
  EXPECT_TRUE(op->chain.isDense());
  EXPECT_TRUE(op->chain.permutation.empty());
  EXPECT_EQ(op->chain.getSourceName(), "w");
  EXPECT_EQ(op->name, "fc");
  EXPECT_EQ(op->kind, LayerKind::Linear);
  EXPECT_EQ(op->operand->getOperandNumber(), 1u);
  ASSERT_TRUE(op->activation);
  EXPECT_EQ(op->activation->getOperandNumber(), 0u);
  EXPECT_EQ(op->outputDims, Dims{0});
  EXPECT_EQ(op->contractionDims, Dims{1});
}

TEST_F(WeightChainTest, DimsAreThoseBelowTransposes) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<5x3x4xf32> = dense<1.0>
    func.func @main(%x: tensor<4x?x3xf32>) -> tensor<4x?x5xf32> {
      %w = compress.load @w : tensor<5x3x4xf32>
      %t = compress.transpose %w {perm = array<i64: 2, 0, 1>} : (tensor<5x3x4xf32>) -> tensor<4x5x3xf32>
      %u = compress.transpose %t {perm = array<i64: 0, 2, 1>} : (tensor<4x5x3xf32>) -> tensor<4x3x5xf32>
      %y = compress.matmul %x, %u : (tensor<4x?x3xf32>, tensor<4x3x5xf32>) -> tensor<4x?x5xf32>
      return %y : tensor<4x?x5xf32>
    })mlir");
  ASSERT_TRUE(module);
  FailureOr<WeightedOp> op = getWeighted(find<MatMulOp>(*module));
  ASSERT_TRUE(succeeded(op));
  EXPECT_EQ(op->chain.permutation, (Dims{2, 1, 0}));
  EXPECT_EQ(op->chain.root.getDefiningOp(), op->chain.source.getOperation());
  EXPECT_EQ(op->chain.getType(), getType({5, 3, 4}, f32()));
  EXPECT_EQ(op->batchDims, Dims{2});
  EXPECT_EQ(op->contractionDims, Dims{1});
  EXPECT_EQ(op->outputDims, Dims{0});
  // Without a name of its own an op has that of its weight.
  EXPECT_EQ(op->name, "w");
}

TEST_F(WeightChainTest, LinksAreOutermostFirst) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @q : tensor<4x3xi8> = dense<1>
    func.func @main(%x: tensor<?x4xf32>, %m: tensor<4x3xi1>) -> tensor<?x3xf32> {
      %q = compress.load @q : tensor<4x3xi8>
      %s = compress.constant dense<1.0> : tensor<f32>
      %d = compress.dequantize %q, %s : (tensor<4x3xi8>, tensor<f32>) -> tensor<4x3xf32>
      %w = compress.mask %d, %m : tensor<4x3xf32>, tensor<4x3xi1>
      %y = compress.linear kn %x, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
      return %y : tensor<?x3xf32>
    })mlir");
  ASSERT_TRUE(module);
  FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*module));
  ASSERT_TRUE(succeeded(op));
  ASSERT_EQ(op->chain.links.size(), 2u);
  EXPECT_TRUE(isa<MaskOp>(op->chain.links[0]));
  EXPECT_TRUE(isa<DequantizeOp>(op->chain.links[1]));
  EXPECT_TRUE(op->chain.getLink<DequantizeOp>());
  EXPECT_FALSE(op->chain.getLink<ExpandNMOp>());
  EXPECT_EQ(op->contractionDims, Dims{0});
}

TEST_F(WeightChainTest, WeightOnTheLeft) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<3x4xf32> = dense<1.0>
    func.func @main(%x: tensor<4x?xf32>) -> tensor<3x?xf32> {
      %w = compress.load @w : tensor<3x4xf32>
      %y = compress.matmul %w, %x : (tensor<3x4xf32>, tensor<4x?xf32>) -> tensor<3x?xf32>
      return %y : tensor<3x?xf32>
    })mlir");
  ASSERT_TRUE(module);
  FailureOr<WeightedOp> op = getWeighted(find<MatMulOp>(*module));
  ASSERT_TRUE(succeeded(op));
  EXPECT_EQ(op->operand->getOperandNumber(), 0u);
  EXPECT_EQ(op->activation->getOperandNumber(), 1u);
  EXPECT_EQ(op->outputDims, Dims{0});
  EXPECT_EQ(op->contractionDims, Dims{1});
}

TEST_F(WeightChainTest, WhatHasNoWeight) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @ints : tensor<4x4xi8> = dense<1>
    func.func @main(%x: tensor<4x4xf32>, %q: tensor<4x4xi8>) {
      // Two activations, an activation after an op, integers, and an op that contracts nothing.
      %0 = compress.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %1 = compress.relu %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
      %2 = compress.linear kn %x, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %w = compress.load @ints : tensor<4x4xi8>
      %3 = compress.linear kn %q, %w : (tensor<4x4xi8>, tensor<4x4xi8>) -> tensor<4x4xi32>
      return
    })mlir");
  ASSERT_TRUE(module);
  EXPECT_TRUE(collectWeighted(*module).empty());
  EXPECT_TRUE(failed(getWeightChain(find<ReluOp>(*module).getResult())));
  EXPECT_TRUE(failed(getWeightChain(find<func::FuncOp>(*module).getArgument(0))));
}

TEST_F(WeightChainTest, CollectsInProgramOrderAndInRegions) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<4x4xf32> = dense<1.0>
    func.func @main(%c: tensor<i1>, %x: tensor<4x4xf32>) -> tensor<4x4xf32> {
      %w = compress.load @w : tensor<4x4xf32>
      %0 = compress.linear kn %x, %w {name = "a"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %1 = compress.onnx "If"(%c) {version = 17 : i64, body_names = [["then_branch", ""], ["else_branch", ""]], result_names = ["y"]}
         : (tensor<i1>) -> tensor<4x4xf32> {
        %2 = compress.linear kn %0, %w {name = "b"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
        compress.yield %2 : tensor<4x4xf32>
      }, {
        %3 = compress.linear kn %0, %w {name = "c"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
        compress.yield %3 : tensor<4x4xf32>
      }
      %4 = compress.linear kn %1, %w {name = "d"} : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      return %4 : tensor<4x4xf32>
    })mlir");
  ASSERT_TRUE(module);
  std::vector<std::string> names;
  for (const WeightedOp &op : collectWeighted(*module))
    names.push_back(op.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c", "d"}));
}
