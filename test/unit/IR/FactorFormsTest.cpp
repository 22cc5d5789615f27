//===- FactorFormsTest.cpp - two ops compute what one did -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random factors U and V give a weight W = U V by the meaning of a form, written
// out here index by index. The op with W and the two ops with the factors are
// evaluated by the reference.
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"
#include "compress/Reference/Elementwise.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;
using namespace mlir::compress;

using reference::expectNear;
using reference::randomTensor;
using reference::Tensor;

namespace {
/// Row-major index of `index` in `shape`.
int64_t flatten(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t result = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim)
    result = result * shape[dim] + index[dim];
  return result;
}

/// The multi-index that is at `flat` in `shape`.
SmallVector<int64_t> unflatten(int64_t flat, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> index(shape.size());
  for (size_t dim = shape.size(); dim-- > 0; flat /= shape[dim])
    index[dim] = flat % shape[dim];
  return index;
}

int64_t getSize(const FactorForm &form, ArrayRef<int64_t> dims) {
  int64_t size = 1;
  for (int64_t dim : dims)
    size *= form.view[dim];
  return size;
}

/// An element of a factor: `index` has the dims of the view, `t` counts the rank.
double getElement(const Tensor &factor, const FactorForm &form, const FactorForm::Layout &layout,
                  ArrayRef<int64_t> index, int64_t t, int64_t rank) {
  SmallVector<int64_t> shape, place;
  for (int64_t axis : layout.axes) {
    bool isRank = axis == FactorForm::rankAxis;
    shape.push_back(isRank ? rank : form.view[axis]);
    place.push_back(isRank ? t : index[axis]);
  }
  return factor.loadFloat(flatten(place, shape));
}

/// The weight that two factors stand for.
Tensor multiply(const FactorForm &form, const Tensor &u, const Tensor &v, int64_t rank,
                ArrayRef<int64_t> shape) {
  Tensor weight = llvm::cantFail(Tensor::create(DataType::F32, shape));
  for (int64_t i = 0; i < weight.getNumElements(); ++i) {
    SmallVector<int64_t> index = unflatten(i, form.view);
    double sum = 0;
    for (int64_t t = 0; t < rank; ++t)
      sum += getElement(u, form, form.rowFactor, index, t, rank) *
             getElement(v, form, form.columnFactor, index, t, rank);
    weight.storeFloat(i, sum);
  }
  return weight;
}

/// Makes an op with the given weight, a constant.
using MakeOp = llvm::function_ref<Operation *(OpWorld &, Value weight)>;

class FactorForms : public ::testing::Test {
protected:
  static Value makeConstant(OpWorld &w, const Tensor &tensor) {
    SmallVector<double> values = tensor.toFloats();
    SmallVector<float> floats(values.begin(), values.end());
    return ConstantOp::create(w.builder, w.loc(),
                              DenseElementsAttr::get(w.getType(DataType::F32, tensor.getShape()),
                                                     ArrayRef<float>(floats)));
  }

  /// Values of all ops of a block.
  static llvm::DenseMap<Value, Tensor> evaluateAll(OpWorld &w, Block &block,
                                                   ArrayRef<std::pair<Value, Tensor>> given) {
    llvm::DenseMap<Value, Tensor> values;
    for (const auto &[value, tensor] : given)
      values.try_emplace(value, tensor);
    for (Operation &op : block) {
      EXPECT_TRUE(succeeded(verify(&op)));
      if (values.contains(op.getResult(0)))
        continue;
      SmallVector<Tensor> operands;
      for (Value operand : op.getOperands())
        operands.push_back(values.at(operand));
      SmallVector<Tensor> results =
          reference::get(cast<ReferenceOpInterface>(&op).evaluate(operands));
      if (results.size() == 1)
        values.try_emplace(op.getResult(0), results.front());
    }
    return values;
  }

  /// Compares all forms of the op, with its bias and with an addend instead. `names` are the forms
  /// that it must have.
  void check(ArrayRef<int64_t> shape, ArrayRef<StringRef> names, MakeOp makeOp,
             unsigned dynamicPercent = 0) {
    SmallVector<StringRef> found;
    {
      OpWorld w(dynamicPercent, 7);
      Operation *op = makeOp(w, makeConstant(w, randomTensor(random, DataType::F32, shape)));
      for (const FactorForm &form : cast<FactorableOpInterface>(op).getFactorForms(1))
        found.push_back(form.name);
    }
    EXPECT_EQ(ArrayRef(found), names);
    for (size_t form = 0; form < found.size(); ++form)
      for (bool hasAddend : {false, true})
        checkForm(form, shape, makeOp, hasAddend, dynamicPercent);
  }

  void checkForm(size_t number, ArrayRef<int64_t> shape, MakeOp makeOp, bool hasAddend,
                 unsigned dynamicPercent) {
    // Shapes of the factors do not depend on the weight's values.
    FactorForm form;
    int64_t rank = 0;
    {
      OpWorld w;
      Operation *op = makeOp(w, makeConstant(w, randomTensor(random, DataType::F32, shape)));
      auto factorable = cast<FactorableOpInterface>(op);
      form = factorable.getFactorForms(1)[number];
      rank = std::min(getSize(form, form.rowDims), getSize(form, form.columnDims));
      form = factorable.getFactorForms(rank)[number];
    }
    SCOPED_TRACE(form.name.str() + " of " + reference::shapeToString(shape));
    EXPECT_EQ(getSize(form, form.rowDims) * getSize(form, form.columnDims) *
                  getSize(form, form.batchDims),
              ShapedType::getNumElements(shape));
    Tensor u = randomTensor(random, DataType::F32, form.rowFactor.shape);
    Tensor v = randomTensor(random, DataType::F32, form.columnFactor.shape);
    Tensor weight = multiply(form, u, v, rank, shape);

    OpWorld w(dynamicPercent, 7);
    Value weightValue = makeConstant(w, weight);
    Operation *op = makeOp(w, weightValue);
    Value rowFactor = makeConstant(w, u), columnFactor = makeConstant(w, v);
    std::vector<std::pair<Value, Tensor>> given = {
        {weightValue, weight}, {rowFactor, u}, {columnFactor, v}};
    Block &block = *op->getBlock();
    for (auto [argument, tensor] : llvm::zip(block.getArguments(), w.operands))
      given.emplace_back(argument, tensor);
    llvm::DenseMap<Value, Tensor> before = evaluateAll(w, block, given);
    Tensor expected = before.at(op->getResult(0));
    Value addend;
    if (hasAddend) {
      Tensor added = randomTensor(random, DataType::F32, expected.getShape());
      addend = block.addArgument(op->getResult(0).getType(), w.loc());
      given.emplace_back(addend, added);
      // The bias is left out: it is part of the addend.
      Operation *plain = op->clone();
      if (op->getNumOperands() == 3)
        plain->eraseOperand(2);
      w.builder.insert(plain);
      Tensor product = evaluateAll(w, block, given).at(plain->getResult(0));
      expected = reference::get(reference::add(product, added));
    }
    FailureOr<Value> result = cast<FactorableOpInterface>(op).createFactors(
        w.builder, form, rowFactor, columnFactor, addend);
    ASSERT_TRUE(succeeded(result));
    EXPECT_EQ(result->getType(), op->getResult(0).getType());
    Tensor computed = evaluateAll(w, block, given).at(*result);
    expectNear(computed, expected.getShape(), expected.toFloats(), 2e-4);
  }

  std::mt19937_64 random{5};
};

TEST_F(FactorForms, linear) {
  for (unsigned dynamic : {0, 60})
    for (bool isKN : {true, false})
      for (bool hasBias : {false, true})
        for (int64_t in : {3, 7}) {
          SmallVector<int64_t> shape =
              isKN ? SmallVector<int64_t>{in, 5} : SmallVector<int64_t>{5, in};
          check(
              shape, {"matrix"},
              [&](OpWorld &w, Value weight) {
                Value x = w.operand(randomTensor(random, DataType::F32, {2, 4, in}));
                Value b =
                    hasBias ? w.staticOperand(randomTensor(random, DataType::F32, {5})) : Value();
                return LinearOp::create(w.builder, w.loc(), x, weight, b,
                                        isKN ? WeightLayout::KN : WeightLayout::NK, "fc")
                    .getOperation();
              },
              dynamic);
        }
}

TEST_F(FactorForms, linearOfAVector) {
  check({4, 6}, {"matrix"}, [&](OpWorld &w, Value weight) {
    Value x = w.operand(randomTensor(random, DataType::F32, {4}));
    return LinearOp::create(w.builder, w.loc(), x, weight, Value(), WeightLayout::KN, "fc")
        .getOperation();
  });
}

TEST_F(FactorForms, matmul) {
  struct Case {
    SmallVector<int64_t> weight, activation;
    bool isLeft;
  };
  const Case cases[] = {
      {{4, 6}, {3, 4}, false},
      {{6, 4}, {2, 3, 6}, false},
      {{4, 6}, {4}, false},
      {{3, 4, 6}, {3, 5, 4}, false},
      {{3, 4, 6}, {5, 4}, false},
      {{1, 4, 6}, {2, 5, 4}, false},
      {{2, 1, 4, 6}, {3, 5, 4}, false},
      {{4, 6}, {6, 3}, true},
      {{4, 6}, {2, 6, 3}, true},
      {{4, 6}, {6}, true},
      {{3, 6, 4}, {3, 4, 2}, true},
      {{3, 6, 4}, {4, 2}, true},
  };
  for (unsigned dynamic : {0, 60})
    for (const Case &c : cases)
      check(
          c.weight, {"matrix"},
          [&](OpWorld &w, Value weight) {
            Value x = w.operand(randomTensor(random, DataType::F32, c.activation));
            return MatMulOp::create(w.builder, w.loc(), c.isLeft ? weight : x,
                                    c.isLeft ? x : weight, "mm")
                .getOperation();
          },
          dynamic);
  // The second product of a vector would not be stacked.
  check({3, 4, 6}, {}, [&](OpWorld &w, Value weight) {
    Value x = w.operand(randomTensor(random, DataType::F32, {4}));
    return MatMulOp::create(w.builder, w.loc(), x, weight, "mm").getOperation();
  });
}

TEST_F(FactorForms, embedding) {
  for (unsigned dynamic : {0, 60})
    check(
        {7, 4}, {"matrix"},
        [&](OpWorld &w, Value table) {
          Value indices = w.operand(reference::ints({2, 3}, {0, 6, -1, 3, -7, 2}));
          return EmbeddingOp::create(w.builder, w.loc(), table, indices, "emb").getOperation();
        },
        dynamic);
}

/// Forms of a convolution with this weight, whose input has these extents.
struct ConvCase {
  SmallVector<int64_t> weight, extents, strides, pads, dilations;
  int64_t groups;
  SmallVector<StringRef> forms;
};

TEST_F(FactorForms, conv) {
  const ConvCase cases[] = {
      {{6, 5, 3, 3}, {7, 8}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, {"channel", "spatial", "depthwise"}},
      {{6, 5, 3, 2}, {9, 8}, {2, 3}, {1, 0, 2, 1}, {1, 1}, 1, {"channel", "spatial", "depthwise"}},
      {{4, 3, 2, 3}, {9, 11}, {1, 2}, {2, 1, 0, 3}, {3, 2}, 1, {"channel", "spatial", "depthwise"}},
      {{4, 3, 1, 3}, {5, 7}, {1, 2}, {0, 1, 0, 1}, {1, 1}, 1, {"channel", "spatial", "depthwise"}},
      {{4, 3, 3, 1}, {5, 7}, {2, 2}, {1, 0, 1, 0}, {1, 1}, 1, {"channel", "spatial", "depthwise"}},
      {{6, 5, 1, 1}, {4, 4}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 1, {"channel", "spatial"}},
      {{6, 2, 3, 3}, {6, 6}, {2, 1}, {1, 1, 1, 0}, {1, 2}, 3, {"channel", "depthwise"}},
      {{6, 1, 3, 3}, {6, 6}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 3, {"channel", "depthwise"}},
      {{3, 1, 3, 3}, {6, 6}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 3, {"channel", "depthwise"}},
      {{4, 3, 5}, {9}, {2}, {1, 2}, {1}, 1, {"channel", "depthwise"}},
      {{4, 3, 2, 2, 2},
       {4, 5, 4},
       {1, 2, 1},
       {0, 1, 0, 1, 0, 1},
       {1, 1, 2},
       2,
       {"channel", "depthwise"}},
  };
  for (unsigned dynamic : {0, 60})
    for (const ConvCase &c : cases)
      for (bool hasBias : {false, true})
        check(
            c.weight, c.forms,
            [&](OpWorld &w, Value weight) {
              SmallVector<int64_t> input = {2, c.weight[1] * c.groups};
              input.append(c.extents);
              Value x = w.operand(randomTensor(random, DataType::F32, input));
              Value b = hasBias
                            ? w.staticOperand(randomTensor(random, DataType::F32, {c.weight[0]}))
                            : Value();
              return ConvOp::create(w.builder, w.loc(), x, weight, b, c.strides, c.pads,
                                    c.dilations, c.groups, "conv")
                  .getOperation();
            },
            dynamic);
}

TEST_F(FactorForms, convTranspose) {
  // Weights are [C, O / G, kernel...].
  struct Case {
    ConvCase conv;
    SmallVector<int64_t> outputPadding;
  };
  const Case cases[] = {
      {{{5, 6, 3, 3}, {4, 5}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1, {"channel"}}, {0, 0}},
      {{{5, 4, 2, 3}, {3, 4}, {2, 3}, {1, 0, 0, 2}, {1, 2}, 1, {"channel"}}, {1, 2}},
      {{{6, 2, 3, 3}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 3, {"channel"}}, {1, 0}},
      {{{4, 3, 4}, {5}, {3}, {1, 0}, {1}, 2, {"channel"}}, {2}},
  };
  for (unsigned dynamic : {0, 60})
    for (const Case &c : cases)
      for (bool hasBias : {false, true})
        check(
            c.conv.weight, c.conv.forms,
            [&](OpWorld &w, Value weight) {
              SmallVector<int64_t> input = {2, c.conv.weight[0]};
              input.append(c.conv.extents);
              int64_t outputs = c.conv.weight[1] * c.conv.groups;
              Value x = w.operand(randomTensor(random, DataType::F32, input));
              Value b = hasBias ? w.staticOperand(randomTensor(random, DataType::F32, {outputs}))
                                : Value();
              return ConvTransposeOp::create(w.builder, w.loc(), x, weight, b, c.conv.strides,
                                             c.conv.pads, c.conv.dilations, c.outputPadding,
                                             c.conv.groups, "deconv")
                  .getOperation();
            },
            dynamic);
}

TEST_F(FactorForms, embeddingAndHeadHaveTheSameFactors) {
  OpWorld w;
  Value table = makeConstant(w, randomTensor(random, DataType::F32, {7, 4}));
  Value indices = w.operand(reference::ints({2}, {0, 1}));
  auto embedding = EmbeddingOp::create(w.builder, w.loc(), table, indices, "emb");
  Value x = w.operand(randomTensor(random, DataType::F32, {3, 4}));
  auto head = LinearOp::create(w.builder, w.loc(), x, table, Value(), WeightLayout::NK, "head");
  FactorForm a = embedding.getFactorForms(2).front(), b = head.getFactorForms(2).front();
  EXPECT_TRUE(a.looksUpRows);
  a.looksUpRows = false;
  EXPECT_TRUE(a == b);
  EXPECT_EQ(ArrayRef<int64_t>(a.rowFactor.shape), ArrayRef<int64_t>({7, 2}));
  EXPECT_EQ(ArrayRef<int64_t>(a.columnFactor.shape), ArrayRef<int64_t>({2, 4}));
}

TEST_F(FactorForms, namesOfTheParts) {
  OpWorld w;
  Value weight = makeConstant(w, randomTensor(random, DataType::F32, {4, 6}));
  Value x = w.operand(randomTensor(random, DataType::F32, {3, 4}));
  for (StringRef name : {"fc1", ""}) {
    auto op = LinearOp::create(w.builder, w.loc(), x, weight, Value(), WeightLayout::KN, name);
    FactorForm form = op.getFactorForms(2).front();
    Value u = makeConstant(w, randomTensor(random, DataType::F32, form.rowFactor.shape));
    Value v = makeConstant(w, randomTensor(random, DataType::F32, form.columnFactor.shape));
    FailureOr<Value> result = op.createFactors(w.builder, form, u, v, Value());
    ASSERT_TRUE(succeeded(result));
    auto second = result->getDefiningOp<LinearOp>();
    auto first = second.getInput().getDefiningOp<LinearOp>();
    EXPECT_EQ(first.getName(), name.empty() ? "" : "fc1/v");
    EXPECT_EQ(second.getName(), name.empty() ? "" : "fc1/u");
    EXPECT_EQ(first.getWeight(), v);
    EXPECT_EQ(second.getWeight(), u);
  }
}

TEST_F(FactorForms, noFormsWithoutAConstantWeightOfFloats) {
  OpWorld w;
  Value x = w.operand(randomTensor(random, DataType::F32, {3, 4}));
  Value argument = w.operand(randomTensor(random, DataType::F32, {4, 6}));
  auto op = LinearOp::create(w.builder, w.loc(), x, argument, Value(), WeightLayout::KN);
  EXPECT_TRUE(op.getFactorForms(2).empty());
  Value a = w.operand(reference::ints({3, 4}, SmallVector<int64_t>(12, 1), DataType::I32));
  Value integers = ConstantOp::create(
      w.builder, w.loc(),
      DenseElementsAttr::get(w.getType(DataType::I32, {4, 6}), ArrayRef<int32_t>(1)));
  auto product = MatMulOp::create(w.builder, w.loc(), a, integers);
  EXPECT_TRUE(product.getFactorForms(2).empty());
}

TEST_F(FactorForms, usesOfSpatialFactors) {
  OpWorld w;
  Value weight = makeConstant(w, randomTensor(random, DataType::F32, {4, 3, 3, 3}));
  Value x = w.operand(randomTensor(random, DataType::F32, {1, 3, 16, 16}));
  int64_t strides[] = {2, 2}, pads[] = {1, 1, 1, 1}, dilations[] = {1, 1};
  auto op = ConvOp::create(w.builder, w.loc(), x, weight, Value(), strides, pads, dilations);
  std::vector<FactorForm> forms = op.getFactorForms(1);
  ASSERT_EQ(forms.size(), 3u);
  // The vertical convolution makes 8 x 16 positions, the horizontal one 8 x 8.
  EXPECT_EQ(forms[1].columnUses, 2);
  EXPECT_EQ(forms[1].rowUses, 1);
  EXPECT_EQ(forms[0].columnUses, 1);
}
} // namespace
