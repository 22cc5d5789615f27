//===- EvaluateMovementTest.cpp - values of data movement and decoding ----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"

using namespace mlir;
using namespace mlir::compress;

using reference::expectFloats;
using reference::expectInts;
using reference::floats;
using reference::ints;
using reference::Tensor;

namespace {
/// All results of a verified op.
SmallVector<Tensor> evaluate(OpWorld &w, Operation *op) {
  EXPECT_TRUE(succeeded(verify(op)));
  SmallVector<Tensor> results = w.evaluate(op);
  EXPECT_EQ(results.size(), op->getNumResults());
  results.resize(std::max<size_t>(results.size(), 1));
  return results;
}

TEST(EvaluateMovement, shapes) {
  OpWorld w;
  Value x = w.operand(ints({2, 3}, {1, 2, 3, 4, 5, 6})), s = w.constant({0, 1, -1});
  expectInts(evaluate(w, ReshapeOp::create(w.builder, w.loc(), x, s))[0], {2, 1, 3},
             {1, 2, 3, 4, 5, 6});

  OpWorld b;
  x = b.operand(ints({2, 1}, {1, 2}));
  s = b.constant({1, 2});
  expectInts(evaluate(b, BroadcastOp::create(b.builder, b.loc(), x, s))[0], {2, 2}, {1, 1, 2, 2});

  OpWorld t;
  x = t.operand(ints({2, 3}, {1, 2, 3, 4, 5, 6}));
  expectInts(evaluate(t, TransposeOp::create(t.builder, t.loc(), x, {1, 0}))[0], {3, 2},
             {1, 4, 2, 5, 3, 6});
  expectInts(evaluate(t, UnsqueezeOp::create(t.builder, t.loc(), x, {0, 2}))[0], {1, 2, 1, 3},
             {1, 2, 3, 4, 5, 6});
  expectInts(evaluate(t, ShapeOp::create(t.builder, t.loc(), x, 1, 2))[0], {1}, {3});

  OpWorld q;
  x = q.operand(ints({1, 2, 1}, {7, 8}));
  expectInts(evaluate(q, SqueezeOp::create(q.builder, q.loc(), x, {2}))[0], {1, 2}, {7, 8});
  // No axes: nothing is removed.
  expectInts(evaluate(q, SqueezeOp::create(q.builder, q.loc(), x, ArrayRef<int64_t>()))[0],
             {1, 2, 1}, {7, 8});

  OpWorld r;
  x = r.operand(ints({}, {5}));
  expectInts(evaluate(r, TransposeOp::create(r.builder, r.loc(), x, ArrayRef<int64_t>()))[0], {},
             {5});
}

TEST(EvaluateMovement, slices) {
  OpWorld c;
  Value a = c.operand(ints({1, 2}, {1, 2})), b = c.operand(ints({1, 1}, {3}));
  expectInts(evaluate(c, ConcatOp::create(c.builder, c.loc(), {a, b}, 1))[0], {1, 3}, {1, 2, 3});

  OpWorld s;
  Value x = s.operand(ints({1, 3}, {1, 2, 3}));
  SmallVector<Tensor> parts =
      evaluate(s, SplitOp::create(s.builder, s.loc(), x, 1, ArrayRef<int64_t>({2, 1})));
  ASSERT_EQ(parts.size(), 2u);
  expectInts(parts[0], {1, 2}, {1, 2});
  expectInts(parts[1], {1, 1}, {3});

  OpWorld l;
  x = l.operand(ints({5}, {0, 1, 2, 3, 4}));
  Value start = l.constant(-1), end = l.constant(INT64_MIN);
  expectInts(evaluate(l, SliceOp::create(l.builder, l.loc(), x, start, end, ArrayRef<int64_t>{0},
                                         ArrayRef<int64_t>{-2}))[0],
             {3}, {4, 2, 0});
}

TEST(EvaluateMovement, padModes) {
  std::pair<PadMode, SmallVector<int64_t>> cases[] = {{PadMode::Constant, {9, 9, 1, 2, 3}},
                                                      {PadMode::Reflect, {3, 2, 1, 2, 3}},
                                                      {PadMode::Edge, {1, 1, 1, 2, 3}},
                                                      {PadMode::Wrap, {2, 3, 1, 2, 3}}};
  for (auto &[mode, expected] : cases) {
    OpWorld w;
    Value x = w.operand(ints({3}, {1, 2, 3})), pads = w.constant({2, 0});
    Value value = mode == PadMode::Constant ? w.operand(ints({}, {9})) : Value();
    expectInts(evaluate(w, PadOp::create(w.builder, w.loc(), x, pads, value, mode))[0], {5},
               expected);
  }
}

TEST(EvaluateMovement, indexing) {
  OpWorld g;
  Value x = g.operand(ints({2, 3}, {1, 2, 3, 4, 5, 6})), i = g.operand(ints({2}, {2, -3}));
  expectInts(evaluate(g, GatherOp::create(g.builder, g.loc(), x, i, 1))[0], {2, 2}, {3, 1, 6, 4});

  OpWorld e;
  x = e.operand(ints({2, 2}, {1, 2, 3, 4}));
  i = e.operand(ints({1, 2}, {1, 0}));
  expectInts(evaluate(e, GatherElementsOp::create(e.builder, e.loc(), x, i, 0))[0], {1, 2}, {3, 2});

  OpWorld n;
  x = n.operand(ints({2, 2}, {1, 2, 3, 4}));
  i = n.operand(ints({2, 1}, {1, 0}));
  expectInts(evaluate(n, GatherNDOp::create(n.builder, n.loc(), x, i, 1))[0], {2}, {2, 3});

  std::pair<ScatterReduction, int64_t> cases[] = {{ScatterReduction::None, 5},
                                                  {ScatterReduction::Add, 8},
                                                  {ScatterReduction::Mul, 15},
                                                  {ScatterReduction::Max, 5},
                                                  {ScatterReduction::Min, 3}};
  for (auto [reduction, expected] : cases) {
    OpWorld s;
    x = s.operand(ints({2}, {1, 3}));
    i = s.operand(ints({1}, {1}));
    Value u = s.operand(ints({1}, {5}));
    expectInts(evaluate(s, ScatterElementsOp::create(s.builder, s.loc(), x, i, u, 0, reduction))[0],
               {2}, {1, expected});
  }
}

TEST(EvaluateMovement, range) {
  OpWorld w;
  Value start = w.operand(ints({}, {5})), limit = w.operand(ints({}, {0}));
  Value delta = w.operand(ints({}, {-2}));
  expectInts(evaluate(w, RangeOp::create(w.builder, w.loc(), start, limit, delta))[0], {3},
             {5, 3, 1});
}

TEST(EvaluateEncoding, quantizeAndBack) {
  // Blocks of two along the last dim, which has three elements.
  OpWorld q;
  Value x = q.operand(floats({1, 3}, {1, -2.5, 30})), s = q.operand(floats({1, 2}, {1, 2}));
  Value z = q.operand(ints({1, 2}, {8, 0}, DataType::U4));
  Type codes = q.getType(DataType::U4, {1, 3});
  DenseI64ArrayAttr blockAttr = q.builder.getDenseI64ArrayAttr({1, 2});
  expectInts(evaluate(q, QuantizeOp::create(q.builder, q.loc(), codes, x, s, z, blockAttr))[0],
             {1, 3}, {9, 6, 15});
  Type type = q.getType(DataType::F32, {1, 3});
  expectFloats(
      evaluate(q, FakeQuantizeOp::create(q.builder, q.loc(), type, x, s, z,
                                         TypeAttr::get(getElementType(DataType::U4, &q.context)),
                                         blockAttr))[0],
      {1, 3}, {1, -2, 30});

  OpWorld d;
  Value c = d.operand(ints({2}, {-8, 7}, DataType::I4)), t = d.operand(floats({}, {0.5}));
  type = d.getType(DataType::F32, {2});
  expectFloats(evaluate(d, DequantizeOp::create(d.builder, d.loc(), type, c, t, Value(),
                                                DenseI64ArrayAttr()))[0],
               {2}, {-4, 3.5});
}

TEST(EvaluateEncoding, dynamicQuantize) {
  OpWorld u;
  Value x = u.operand(floats({2, 2}, {0, 255, 51, 102}));
  SmallVector<Tensor> results = evaluate(
      u, DynamicQuantizeOp::create(u.builder, u.loc(), u.getType(DataType::U8, {2, 2}),
                                   u.getType(DataType::F32, {}), u.getType(DataType::U8, {}), x,
                                   DynamicGranularity::Tensor));
  ASSERT_EQ(results.size(), 3u);
  expectInts(results[0], {2, 2}, {0, 255, 51, 102});
  expectFloats(results[1], {}, {1});
  expectInts(results[2], {}, {0});

  OpWorld i;
  x = i.operand(floats({2, 2}, {-127, 1, 0, 0}));
  results = evaluate(
      i, DynamicQuantizeOp::create(i.builder, i.loc(), i.getType(DataType::I8, {2, 2}),
                                   i.getType(DataType::F32, {2, 1}),
                                   i.getType(DataType::I8, {2, 1}), x, DynamicGranularity::Row));
  ASSERT_EQ(results.size(), 3u);
  expectInts(results[0], {2, 2}, {-127, 1, 0, 0});
  expectFloats(results[1], {2, 1}, {1, 1});
  expectInts(results[2], {2, 1}, {0, 0});
}

TEST(EvaluateEncoding, maskAndLookup) {
  OpWorld m;
  Value x = m.operand(floats({2, 2}, {1, 2, 3, 4}));
  Value mask = m.operand(ints({2, 1}, {1, 0}, DataType::Bool));
  expectFloats(evaluate(m, MaskOp::create(m.builder, m.loc(), x, mask))[0], {2, 2}, {1, 2, 0, 0});

  OpWorld l;
  Value c = l.operand(ints({3}, {3, 0, 1}, DataType::U2));
  Value table = l.operand(floats({4}, {10, 20, 30, 40}));
  Type type = l.getType(DataType::F32, {3});
  expectFloats(evaluate(l, LookupOp::create(l.builder, l.loc(), type, c, table))[0], {3},
               {40, 10, 20});
}

TEST(EvaluateEncoding, expansions) {
  // Two groups of four and a short one of one; positions 1, 3 | 0, 2 | 0 in two bits each.
  OpWorld n;
  Value c = n.operand(ints({1, 5}, {1, 2, 3, 4, 5}, DataType::I4));
  Value p = n.operand(ints({1, 2}, {int8_t(0b10001101), 0}, DataType::I8));
  Type type = n.getType(DataType::I4, {1, 9});
  expectInts(evaluate(n, ExpandNMOp::create(n.builder, n.loc(), type, c, p, 2, 4, 1,
                                            static_cast<uint64_t>(-7)))[0],
             {1, 9}, {-7, 1, -7, 2, 3, -7, 4, -7, 5});

  OpWorld b;
  c = b.operand(ints({2}, {250, 251}, DataType::U8));
  Value bitmap = b.operand(ints({1}, {0b01010}, DataType::I8));
  type = b.getType(DataType::U8, {1, 5});
  expectInts(evaluate(b, ExpandBitmapOp::create(b.builder, b.loc(), type, c, bitmap, 200))[0],
             {1, 5}, {200, 250, 200, 251, 200});
}

TEST(EvaluateEncoding, unknownLengthIsAnError) {
  OpWorld n;
  Value c = n.operand(ints({2}, {1, 2}, DataType::I4));
  Value p = n.operand(ints({1}, {4}, DataType::I8));
  Type type = n.getType(DataType::I4, {ShapedType::kDynamic});
  ExpandNMOp op = ExpandNMOp::create(n.builder, n.loc(), type, c, p, 2, 4, 0);
  EXPECT_EQ(reference::getError(op.evaluate(n.operands)),
            "'compress.expand_nm' op expects a result of static size in dim 0, got tensor<?xi4>");
}
} // namespace
