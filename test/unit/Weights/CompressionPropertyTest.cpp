//===- CompressionPropertyTest.cpp - passes against lib/Reference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random weights, patterns, formats and blocks: what the passes write must decode to the same bits
// by the fast algorithms and by the executable semantics of the ops.
//
//===----------------------------------------------------------------------===//

#include "WeightTestUtils.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include <random>

using namespace mlir;
using namespace mlir::compress;
using reference::Tensor;

namespace {
class CompressionPropertyTest : public WeightTest {
protected:
  /// `linear` on a random weight of this shape in which some blocks are zero.
  void makeModule(int64_t rows, int64_t columns, StringRef layout, std::mt19937 &random) {
    module = parse("module {}");
    WeightStore store(&context);
    auto type = getType({rows, columns}, f32());
    FailureOr<WeightBuffer> buffer = store.allocate(type, errorFn());
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < rows * columns; ++i) {
      float value = random() % 5 == 0 ? 0.0f : normal(random);
      std::memcpy(buffer->bytes().data() + 4 * i, &value, 4);
    }
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    Location loc = builder.getUnknownLoc();
    WeightOp::create(builder, loc, builder.getStringAttr("w"), builder.getStringAttr("private"),
                     TypeAttr::get(type), store.commit("w", type, std::move(*buffer)));
    bool isKN = layout == "kn";
    auto inType = getType({ShapedType::kDynamic, isKN ? rows : columns}, f32());
    auto outType = getType({ShapedType::kDynamic, isKN ? columns : rows}, f32());
    auto func =
        func::FuncOp::create(builder, loc, "main", builder.getFunctionType({inType}, {outType}));
    builder.setInsertionPointToStart(func.addEntryBlock());
    Value weight = LoadOp::create(builder, loc, type, FlatSymbolRefAttr::get(&context, "w"));
    Value result =
        LinearOp::create(builder, loc, outType, func.getArgument(0), weight, Value(),
                         isKN ? WeightLayout::KN : WeightLayout::NK, builder.getStringAttr("fc"));
    func::ReturnOp::create(builder, loc, result);
  }

  LogicalResult run(std::unique_ptr<Pass> pass) {
    PassManager pm(&context);
    pm.addPass(std::move(pass));
    return pm.run(*module);
  }

  /// Value of an op that makes a weight, by executable semantics.
  Tensor evaluate(Value value) {
    Operation *def = value.getDefiningOp();
    if (auto source = dyn_cast<WeightSourceOpInterface>(def)) {
      WeightStore store(&context);
      FailureOr<StoredTensor> stored = StoredTensor::read(store, source, errorFn());
      return cantFail(
          Tensor::fromPacked(stored->getDataType(), stored->getType().getShape(), stored->bytes()));
    }
    SmallVector<Tensor> operands;
    for (Value operand : def->getOperands())
      operands.push_back(evaluate(operand));
    return cantFail(cast<ReferenceOpInterface>(def).evaluate(operands))[0];
  }

  OwningOpRef<ModuleOp> module;
};
} // namespace

TEST_F(CompressionPropertyTest, DecodesAsTheExecutableSemantics) {
  std::mt19937 random(7);
  const char *formats[] = {"int4", "int2", "w8"};
  const char *patterns[] = {"", "2:4", "1:3", "4:8", "5:6"};
  for (int trial = 0; trial < 150; ++trial) {
    int64_t rows = 1 + random() % 40, columns = 1 + random() % 40;
    bool isKN = random() % 2;
    makeModule(rows, columns, isKN ? "kn" : "nk", random);
    PruneOptions prune;
    prune.pattern = patterns[random() % 5];
    QuantizeOptions quantize;
    quantize.format = formats[random() % 3];
    quantize.group = random() % 2 ? 1 + random() % 20 : 0;
    quantize.asymmetric = random() % 3 == 0;
    bool pruneFirst = random() % 2;
    SCOPED_TRACE("trial " + std::to_string(trial));
    for (int step = 0; step < 2; ++step) {
      bool isPrune = pruneFirst == (step == 0);
      if (isPrune && prune.pattern.empty())
        continue;
      ASSERT_TRUE(succeeded(run(isPrune ? createPrune(prune) : createQuantize(quantize))))
          << lastMessage();
    }
    ASSERT_TRUE(succeeded(run(createVerifyChains()))) << lastMessage();
    ASSERT_TRUE(succeeded(verify(*module)));

    FailureOr<WeightedOp> op = getWeighted(find<LinearOp>(*module));
    ASSERT_TRUE(succeeded(op));
    ASSERT_FALSE(op->chain.isDense());
    WeightStore store(&context);
    FailureOr<StoredTensor> fast = decodeChain(store, op->chain, errorFn());
    ASSERT_TRUE(succeeded(fast)) << lastMessage();
    SmallVector<char, 0> plain = cantFail(evaluate(op->chain.root).toPacked());
    // Zero codes times a negative scale are -0 in both.
    ASSERT_EQ(fast->bytes(), ArrayRef<char>(plain));
  }
}
