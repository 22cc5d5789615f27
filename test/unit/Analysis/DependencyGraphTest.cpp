//===- DependencyGraphTest.cpp - what must be removed together -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/DependencyGraph.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
using Dims = SmallVector<int64_t>;

class DependencyGraphTest : public ::testing::Test {
protected:
  DependencyGraphTest() { context.loadDialect<CompressDialect, func::FuncDialect>(); }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }
  /// The op named `name`.
  static Operation *find(ModuleOp module, StringRef name) {
    Operation *found = nullptr;
    module.walk([&](Operation *op) {
      auto attribute = op->getAttrOfType<StringAttr>("name");
      if (attribute && attribute == name)
        found = op;
    });
    return found;
  }
  /// Every index of every space is in the unit that says so, once.
  static void checkConsistent(const DependencyGraph &graph) {
    for (auto [space, info] : llvm::enumerate(graph.getSpaces()))
      for (int64_t index = 0; index < info.size; ++index) {
        DependencyGraph::UnitRef ref = graph.findUnit(space, index);
        const DependencyGroup &group = graph.getGroups()[ref.group];
        const auto *member = llvm::find_if(
            group.members, [&, space = space](const auto &m) { return m.space == space; });
        ASSERT_NE(member, group.members.end());
        ASSERT_LT(ref.unit, group.numUnits);
        ASSERT_EQ(llvm::count(member->getIndices(ref.unit), index), 1);
      }
    for (const DependencyGroup &group : graph.getGroups()) {
      ASSERT_GE(group.numUnits, 1);
      for (const DependencyGroup::Member &member : group.members) {
        ASSERT_EQ(member.offsets.size(), static_cast<size_t>(group.numUnits) + 1);
        for (int64_t unit = 0; unit < group.numUnits; ++unit) {
          ASSERT_FALSE(member.getIndices(unit).empty());
          ASSERT_TRUE(llvm::is_sorted(member.getIndices(unit)));
        }
      }
    }
  }

  MLIRContext context;
};
} // namespace

static constexpr StringLiteral kHeads = R"mlir(
  compress.weight private @q : tensor<4x6xf32> = dense<1.0>
  compress.weight private @k : tensor<4x6xf32> = dense<1.0>
  compress.weight private @o : tensor<6x4xf32> = dense<1.0>
  compress.weight private @b : tensor<6xf32> = dense<1.0>
  func.func @main(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
    %qw = compress.load @q : tensor<4x6xf32>
    %kw = compress.load @k : tensor<4x6xf32>
    %ow = compress.load @o : tensor<6x4xf32>
    %b = compress.load @b : tensor<6xf32>
    %s = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
    %f = compress.constant dense<[0, 0, 6]> : tensor<3xi64>
    %q = compress.linear kn %x, %qw bias %b {name = "q"} : (tensor<?x?x4xf32>, tensor<4x6xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
    %k = compress.linear kn %x, %kw bias %b {name = "k"} : (tensor<?x?x4xf32>, tensor<4x6xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
    %qh = compress.reshape %q, %s : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
    %kh = compress.reshape %k, %s : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
    %a = compress.attention bshd %qh, %kh, %kh {scale = 1.0 : f32} : (tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
    %af = compress.reshape %a, %f : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
    %y = compress.linear kn %af, %ow {name = "o"} : (tensor<?x?x6xf32>, tensor<6x4xf32>) -> tensor<?x?x4xf32>
    return %y : tensor<?x?x4xf32>
  })mlir";

TEST_F(DependencyGraphTest, UnitsOfHeads) {
  OwningOpRef<ModuleOp> module = parse(kHeads);
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  checkConsistent(graph);
  auto q = cast<LinearOp>(find(*module, "q")), o = cast<LinearOp>(find(*module, "o"));
  std::optional<size_t> flat = graph.findSpace(q.getResult(), 2);
  ASSERT_TRUE(flat);
  EXPECT_EQ(graph.getSpaces()[*flat].size, 6);
  EXPECT_EQ(graph.findSpace(q.getWeight(), 1), flat);
  // Sizes that are not known are in no space.
  EXPECT_EQ(graph.findSpace(q.getResult(), 0), std::nullopt);
  // Channels 2 and 3 are head 1, in the projections and in what reads the heads.
  DependencyGraph::UnitRef head = graph.findUnit(*flat, 2);
  EXPECT_EQ(head.unit, 1);
  EXPECT_EQ(graph.findUnit(*flat, 3), head);
  std::optional<size_t> read = graph.findSpace(o.getWeight(), 0);
  ASSERT_TRUE(read);
  EXPECT_NE(read, flat);
  EXPECT_EQ(graph.findUnit(*read, 2), head);
  const DependencyGroup &group = graph.getGroups()[head.group];
  EXPECT_EQ(group.kind, GroupKind::Head);
  EXPECT_EQ(group.numUnits, 3);
  EXPECT_TRUE(group.isPrunable());
  // The channels of a head are the other side of the reshapes.
  std::optional<size_t> channels = graph.findSpace(
      cast<AttentionOp>(o.getInput().getDefiningOp<ReshapeOp>().getInput().getDefiningOp())
          .getResult(),
      3);
  ASSERT_TRUE(channels);
  const DependencyGroup &frozen = graph.getGroups()[graph.findUnit(*channels, 0).group];
  EXPECT_FALSE(frozen.isPrunable());
  EXPECT_TRUE(isa<ReshapeOp>(frozen.blockedBy));
}

TEST_F(DependencyGraphTest, WeightsAndParametersInProgramOrder) {
  OwningOpRef<ModuleOp> module = parse(kHeads);
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  Operation *q = find(*module, "q"), *k = find(*module, "k"), *o = find(*module, "o");
  size_t space = *graph.findSpace(q->getResult(0), 2);
  const DependencyGroup &group = graph.getGroups()[graph.findUnit(space, 0).group];
  std::vector<GroupWeight> weights = graph.getWeights(group);
  ASSERT_EQ(weights.size(), 3u);
  EXPECT_EQ(weights[0].op.op, q);
  EXPECT_EQ(weights[1].op.op, k);
  EXPECT_EQ(weights[2].op.op, o);
  EXPECT_EQ(weights[0].dim, 1);
  EXPECT_TRUE(weights[0].isOutput);
  EXPECT_EQ(weights[2].dim, 0);
  EXPECT_FALSE(weights[2].isOutput);
  EXPECT_EQ(Dims(group.members[weights[2].member].getIndices(2)), (Dims{4, 5}));
  // One stored bias, told apart by its users.
  std::vector<GroupParameter> parameters = graph.getParameters(group);
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].user, q);
  EXPECT_EQ(parameters[1].user, k);
  EXPECT_EQ(parameters[0].value, parameters[1].value);
  EXPECT_EQ(parameters[0].dim, 0);
  EXPECT_EQ(Dims(group.members[parameters[1].member].getIndices(0)), (Dims{0, 1}));
  Value bias = parameters[0].value;
  EXPECT_EQ(graph.findSpace(bias, 0), std::nullopt);
  EXPECT_EQ(graph.findSpace(bias, 0, q), graph.findSpace(q->getResult(0), 2));
  EXPECT_EQ(graph.findSpace(bias, 0, k), graph.findSpace(k->getResult(0), 2));
  EXPECT_NE(graph.findSpace(bias, 0, q), graph.findSpace(bias, 0, k));
  EXPECT_EQ(graph.findSpace(bias, 0, o), std::nullopt);
}

TEST_F(DependencyGraphTest, MaskedParameterIsWhatItsUserTakes) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<4x6xf32> = dense<1.0>
    compress.weight private @v : tensor<6x2xf32> = dense<1.0>
    compress.weight private @s : tensor<6xf32> = dense<1.0>
    compress.weight private @m : tensor<6xi1> = dense<true>
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %w = compress.load @w : tensor<4x6xf32>
      %v = compress.load @v : tensor<6x2xf32>
      %s = compress.load @s : tensor<6xf32>
      %m = compress.load @m : tensor<6xi1>
      %t = compress.mask %s, %m : tensor<6xf32>, tensor<6xi1>
      %0 = compress.linear kn %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
      %1 = compress.rms_norm %0, %t {axis = 1 : i64} : (tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32>
      %2 = compress.linear kn %1, %v {name = "b"} : (tensor<?x6xf32>, tensor<6x2xf32>) -> tensor<?x2xf32>
      return %2 : tensor<?x2xf32>
    })mlir");
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  checkConsistent(graph);
  Operation *a = find(*module, "a");
  size_t space = *graph.findSpace(a->getResult(0), 1);
  const DependencyGroup &group = graph.getGroups()[graph.findUnit(space, 0).group];
  EXPECT_EQ(group.kind, GroupKind::Neuron);
  std::vector<GroupParameter> parameters = graph.getParameters(group);
  ASSERT_EQ(parameters.size(), 1u);
  EXPECT_TRUE(isa<RMSNormOp>(parameters[0].user));
  EXPECT_TRUE(parameters[0].value.getDefiningOp<MaskOp>());
}

TEST_F(DependencyGraphTest, PartsOfSpacesAreGroupsOfTheirOwn) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<4x6xf32> = dense<1.0>
    compress.weight private @v : tensor<2x2xf32> = dense<1.0>
    func.func @main(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
      %w = compress.load @w : tensor<4x6xf32>
      %v = compress.load @v : tensor<2x2xf32>
      %b = compress.constant dense<[1]> : tensor<1xi64>
      %e = compress.constant dense<[5]> : tensor<1xi64>
      %0 = compress.linear kn %x, %w {name = "a"} : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
      %1 = compress.slice %0, %b, %e {axes = array<i64: 1>, steps = array<i64: 2>} : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2xf32>
      %2 = compress.linear kn %1, %v {name = "b"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      return %2 : tensor<?x2xf32>
    })mlir");
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  checkConsistent(graph);
  auto a = cast<LinearOp>(find(*module, "a")), b = cast<LinearOp>(find(*module, "b"));
  size_t whole = *graph.findSpace(a.getResult(), 1), part = *graph.findSpace(b.getInput(), 1);
  EXPECT_EQ(graph.findUnit(whole, 1), graph.findUnit(part, 0));
  EXPECT_EQ(graph.findUnit(whole, 3), graph.findUnit(part, 1));
  EXPECT_NE(graph.findUnit(whole, 0).group, graph.findUnit(whole, 1).group);
  EXPECT_EQ(graph.findUnit(whole, 0).group, graph.findUnit(whole, 5).group);
  EXPECT_EQ(graph.getGroups()[graph.findUnit(whole, 0).group].numUnits, 4);
}

TEST_F(DependencyGraphTest, HugeDimsAreInNoSpace) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<4x6xf32> = dense<1.0>
    func.func @main(%x: tensor<288230376151711744x4xf32>, %z: tensor<8589934592x8589934592xi1>) -> tensor<288230376151711744x6xf32> {
      %w = compress.load @w : tensor<4x6xf32>
      %0 = compress.linear kn %x, %w {name = "a"} : (tensor<288230376151711744x4xf32>, tensor<4x6xf32>) -> tensor<288230376151711744x6xf32>
      %1 = compress.relu %0 : (tensor<288230376151711744x6xf32>) -> tensor<288230376151711744x6xf32>
      return %1 : tensor<288230376151711744x6xf32>
    })mlir");
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  checkConsistent(graph);
  Operation *a = find(*module, "a");
  EXPECT_EQ(graph.findSpace(a->getResult(0), 0), std::nullopt);
  EXPECT_TRUE(graph.findSpace(a->getResult(0), 1));
}

TEST_F(DependencyGraphTest, PrunableShareCountsSharedWeightsOnce) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    compress.weight private @w : tensor<3x5xf32> = dense<1.0>
    compress.weight private @v : tensor<5x3xf32> = dense<1.0>
    func.func @main(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
      %w = compress.load @w : tensor<3x5xf32>
      %w2 = compress.load @w : tensor<3x5xf32>
      %v = compress.load @v : tensor<5x3xf32>
      %0 = compress.linear kn %x, %w {name = "a"} : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
      %1 = compress.linear kn %0, %v {name = "b"} : (tensor<?x5xf32>, tensor<5x3xf32>) -> tensor<?x3xf32>
      %2 = compress.linear kn %1, %w2 {name = "c"} : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
      %3 = compress.linear kn %2, %v {name = "d"} : (tensor<?x5xf32>, tensor<5x3xf32>) -> tensor<?x3xf32>
      return %3 : tensor<?x3xf32>
    })mlir");
  ASSERT_TRUE(module);
  DependencyGraph graph(*module);
  PrunableShare share = getPrunableShare(graph);
  EXPECT_EQ(share.total, 30);
  EXPECT_EQ(share.prunable, 30);
  // The loads are tied: what is between the two layers and what is behind them is one group.
  EXPECT_EQ(graph.findSpace(find(*module, "a")->getResult(0), 1),
            graph.findSpace(find(*module, "c")->getResult(0), 1));
}
