//===- InferencePropertyTest.cpp - types and relations against values -----===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For every model and encoding op: random operands and attributes, a hundred times, with
// static and with partly dynamic operand types. The inferred type must be that
// of the evaluated tensor (exactly, if everything is static and the shape does
// not depend on data), and dimension relations must hold for its sizes.
//
//===----------------------------------------------------------------------===//

#include "OpTestSupport.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;

namespace {
using Dims = SmallVector<int64_t>;

/// Random values of a case.
struct Draw {
  std::mt19937_64 random;

  int64_t range(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % (high - low + 1));
  }
  bool flip() { return random() & 1; }
  Dims shape(int64_t rank, int64_t low = 1, int64_t high = 5) {
    Dims dims;
    for (int64_t i = 0; i < rank; ++i)
      dims.push_back(range(low, high));
    return dims;
  }
  DataType floatType() {
    DataType types[] = {DataType::F32, DataType::F64, DataType::F16, DataType::BF16};
    return types[range(0, 3)];
  }
  Tensor tensor(DataType type, ArrayRef<int64_t> shape) {
    return reference::randomTensor(random, type, shape);
  }
  Tensor floats(ArrayRef<int64_t> shape) { return tensor(DataType::F32, shape); }
  Tensor indices(ArrayRef<int64_t> shape, int64_t size) {
    Tensor result = tensor(flip() ? DataType::I64 : DataType::I32, shape);
    for (int64_t i = 0; i < result.getNumElements(); ++i)
      result.storeInt(i, range(-size, size - 1));
    return result;
  }
  /// A shape that broadcasts to `full`: fewer dims, some of them 1.
  Dims broadcastable(ArrayRef<int64_t> full) {
    Dims dims(full.drop_front(range(0, full.size())));
    for (int64_t &dim : dims)
      dim = range(0, 2) == 0 ? 1 : dim;
    return dims;
  }
  /// Some of `rank` axes, in increasing order.
  Dims axes(int64_t rank) {
    Dims axes;
    for (int64_t i = 0; i < rank; ++i)
      if (flip())
        axes.push_back(i);
    return axes;
  }
  Dims permutation(int64_t rank) {
    Dims perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::shuffle(perm.begin(), perm.end(), random);
    return perm;
  }
};

using Build = Operation *(*)(OpWorld & w, Draw &d);

/// Sizes of the dim that a relation names.
int64_t getSize(Operation *op, ArrayRef<Tensor> operands, ArrayRef<Tensor> results, DimOf dim) {
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (result == dim.value)
      return results[i].getDim(dim.dim);
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (operand == dim.value)
      return operands[i].getDim(dim.dim);
  ADD_FAILURE() << "a relation names a value that the op does not have";
  return 0;
}

int64_t getProduct(Operation *op, ArrayRef<Tensor> operands, ArrayRef<Tensor> results,
                   ArrayRef<DimOf> dims) {
  int64_t product = 1;
  for (DimOf dim : dims)
    product *= getSize(op, operands, results, dim);
  return product;
}

/// A dynamic dim that is 1 may broadcast to any size.
void checkRelations(Operation *op, ArrayRef<Tensor> operands, ArrayRef<Tensor> results,
                    bool isStatic) {
  DimensionRelations relations;
  cast<DimensionRelationOpInterface>(op).getDimensionRelations(relations);
  for (const DimensionRelation &relation : relations.get()) {
    int64_t lhs = getProduct(op, operands, results, relation.lhs);
    if (relation.kind == DimensionRelation::Kind::Fixed) {
      EXPECT_FALSE(relation.reason.empty());
      continue;
    }
    int64_t rhs = getProduct(op, operands, results, relation.rhs);
    if (relation.kind == DimensionRelation::Kind::Product) {
      EXPECT_EQ(lhs, rhs);
    } else if (relation.kind == DimensionRelation::Kind::Blocks) {
      EXPECT_EQ(lhs % relation.start, 0);
      EXPECT_EQ(rhs % relation.step, 0);
      EXPECT_EQ(lhs / relation.start, rhs / relation.step);
    } else if (!relation.indices.empty()) {
      EXPECT_EQ(lhs, static_cast<int64_t>(relation.indices.size()));
      for (int64_t index : relation.indices)
        EXPECT_TRUE(0 <= index && index < rhs) << "index " << index << " of a dim of size " << rhs;
    } else if (lhs > (isStatic ? 0 : 1)) {
      int64_t first = relation.start, last = relation.start + (lhs - 1) * relation.step;
      EXPECT_TRUE(0 <= first && first < rhs && 0 <= last && last < rhs)
          << "indices " << first << " to " << last << " of a dim of size " << rhs;
    }
  }
}

void checkTypes(Operation *op, ArrayRef<Tensor> results, bool isExact) {
  ASSERT_EQ(results.size(), op->getNumResults());
  for (auto [result, tensor] : llvm::zip_equal(op->getResults(), results)) {
    RankedTensorType type = cast<RankedTensorType>(result.getType());
    EXPECT_EQ(getDataType(type.getElementType()), tensor.getType());
    ASSERT_EQ(type.getRank(), tensor.getRank());
    EXPECT_TRUE(!isExact || type.hasStaticShape());
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (!type.isDynamicDim(dim)) {
        EXPECT_EQ(type.getDimSize(dim), tensor.getDim(dim)) << "dim " << dim;
      }
  }
}

struct Property {
  const char *name;
  Build build;
  /// The shape of the result follows from types and constants.
  bool isStatic = true;
};

void PrintTo(const Property &property, std::ostream *os) { *os << property.name; }

class InferenceProperty : public ::testing::TestWithParam<Property> {};

TEST_P(InferenceProperty, inferredTypeIsThatOfTheValue) {
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (unsigned dynamicPercent : {0, 40}) {
      OpWorld w(dynamicPercent, seed);
      Draw d{std::mt19937_64(seed)};
      Operation *op = GetParam().build(w, d);
      std::string text;
      llvm::raw_string_ostream(text) << *op;
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text);
      ASSERT_TRUE(succeeded(verify(op)));
      SmallVector<Tensor> results = w.evaluate(op);
      checkTypes(op, results, dynamicPercent == 0 && GetParam().isStatic);
      if (HasFatalFailure())
        return;
      checkRelations(op, w.operands, results, dynamicPercent == 0);
      if (HasFailure())
        return;
    }
}

//===----------------------------------------------------------------------===//
// Element-wise ops
//===----------------------------------------------------------------------===//

template <typename Op>
Operation *unary(OpWorld &w, Draw &d) {
  Value x = w.operand(d.tensor(d.floatType(), d.shape(d.range(0, 3), 0)));
  return Op::create(w.builder, w.loc(), x);
}

/// Operands of which at least one has the full shape in every dim.
template <typename Op>
Operation *binary(OpWorld &w, Draw &d) {
  constexpr bool isLogical = llvm::is_one_of<Op, AndOp, OrOp, XorOp>::value;
  Dims full = d.shape(d.range(0, 3), 0);
  DataType type = isLogical ? DataType::Bool : d.floatType();
  Value a = w.operand(d.tensor(type, full)), b = w.operand(d.tensor(type, d.broadcastable(full)));
  return Op::create(w.builder, w.loc(), a, b);
}

const Property elementwise[] = {
    {"abs", unary<AbsOp>},
    {"acos", unary<AcosOp>},
    {"acosh", unary<AcoshOp>},
    {"asin", unary<AsinOp>},
    {"asinh", unary<AsinhOp>},
    {"atan", unary<AtanOp>},
    {"atanh", unary<AtanhOp>},
    {"ceil", unary<CeilOp>},
    {"cos", unary<CosOp>},
    {"cosh", unary<CoshOp>},
    {"erf", unary<ErfOp>},
    {"exp", unary<ExpOp>},
    {"floor", unary<FloorOp>},
    {"hard_swish", unary<HardSwishOp>},
    {"log", unary<LogOp>},
    {"mish", unary<MishOp>},
    {"neg", unary<NegOp>},
    {"reciprocal", unary<ReciprocalOp>},
    {"relu", unary<ReluOp>},
    {"round", unary<RoundOp>},
    {"sigmoid", unary<SigmoidOp>},
    {"sign", unary<SignOp>},
    {"sin", unary<SinOp>},
    {"sinh", unary<SinhOp>},
    {"softplus", unary<SoftplusOp>},
    {"softsign", unary<SoftsignOp>},
    {"sqrt", unary<SqrtOp>},
    {"tan", unary<TanOp>},
    {"tanh", unary<TanhOp>},
    {"gelu", unary<GeluOp>},
    {"not",
     [](OpWorld &w, Draw &d) -> Operation * {
       Value x = w.operand(d.tensor(DataType::Bool, d.shape(2)));
       return NotOp::create(w.builder, w.loc(), x);
     }},
    {"add", binary<AddOp>},
    {"sub", binary<SubOp>},
    {"mul", binary<MulOp>},
    {"div", binary<DivOp>},
    {"max", binary<MaxOp>},
    {"min", binary<MinOp>},
    {"pow", binary<PowOp>},
    {"prelu", binary<PReluOp>},
    {"equal", binary<EqualOp>},
    {"greater", binary<GreaterOp>},
    {"greater_equal", binary<GreaterEqualOp>},
    {"less", binary<LessOp>},
    {"less_equal", binary<LessEqualOp>},
    {"and", binary<AndOp>},
    {"or", binary<OrOp>},
    {"xor", binary<XorOp>},
    {"where",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims full = d.shape(3, 0);
       Value c = w.operand(d.tensor(DataType::Bool, d.broadcastable(full)));
       Value a = w.operand(d.tensor(DataType::I8, d.broadcastable(full)));
       Value b = w.operand(d.tensor(DataType::I8, d.broadcastable(full)));
       return WhereOp::create(w.builder, w.loc(), c, a, b);
     }},
    {"clip",
     [](OpWorld &w, Draw &d) -> Operation * {
       Value x = w.operand(d.floats(d.shape(2, 0)));
       Value low = d.flip() ? w.operand(d.floats({})) : Value();
       Value high = d.flip() ? w.operand(d.floats({})) : Value();
       return ClipOp::create(w.builder, w.loc(), x, low, high);
     }},
};

//===----------------------------------------------------------------------===//
// Contractions and pooling
//===----------------------------------------------------------------------===//

/// Spatial parameters of a window that fits.
struct RandomWindow {
  Dims input, kernel, strides, pads, dilations;

  RandomWindow(Draw &d, int64_t rank) {
    pads.resize(2 * rank);
    for (int64_t i = 0; i < rank; ++i) {
      kernel.push_back(d.range(1, 3));
      dilations.push_back(d.range(1, 2));
      strides.push_back(d.range(1, 3));
      int64_t extent = dilations[i] * (kernel[i] - 1) + 1;
      pads[i] = d.range(0, extent - 1);
      pads[i + rank] = d.range(0, extent - 1);
      input.push_back(std::max<int64_t>(1, extent - pads[i] - pads[i + rank]) + d.range(0, 5));
    }
  }
};

Dims join(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  Dims dims(a);
  llvm::append_range(dims, b);
  return dims;
}

const Property contractions[] = {
    {"linear",
     [](OpWorld &w, Draw &d) -> Operation * {
       bool isKN = d.flip();
       int64_t in = d.range(1, 5), out = d.range(1, 5);
       Dims shape = d.shape(d.range(0, 2), 0);
       shape.push_back(in);
       Value x = w.operand(d.floats(shape));
       Value weight = w.operand(d.floats(isKN ? Dims{in, out} : Dims{out, in}));
       Value bias = d.flip() ? w.operand(d.floats(out)) : Value();
       return LinearOp::create(w.builder, w.loc(), x, weight, bias,
                               isKN ? WeightLayout::KN : WeightLayout::NK);
     }},
    {"matmul",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims batch = d.shape(d.range(0, 2)), k = d.shape(1, 0);
       Dims a = d.flip() ? k : join(join(d.broadcastable(batch), d.shape(1)), k);
       Dims b = d.flip() ? k : join(join(d.broadcastable(batch), k), d.shape(1));
       bool isByte = d.flip();
       Value lhs = w.operand(d.tensor(isByte ? DataType::U8 : DataType::F32, a));
       Value rhs = w.operand(d.tensor(isByte ? DataType::I8 : DataType::F32, b));
       return MatMulOp::create(w.builder, w.loc(), lhs, rhs);
     }},
    {"conv",
     [](OpWorld &w, Draw &d) -> Operation * {
       RandomWindow s(d, d.range(1, 2));
       int64_t groups = d.range(1, 3), in = d.range(1, 2), out = groups * d.range(1, 2);
       Value x = w.operand(d.floats(join({d.range(1, 2), groups * in}, s.input)));
       Value weight = w.operand(d.floats(join({out, in}, s.kernel)));
       Value bias = d.flip() ? w.operand(d.floats(out)) : Value();
       return ConvOp::create(w.builder, w.loc(), x, weight, bias, s.strides, s.pads, s.dilations,
                             groups);
     }},
    {"conv_transpose",
     [](OpWorld &w, Draw &d) -> Operation * {
       RandomWindow s(d, d.range(1, 2));
       int64_t groups = d.range(1, 3), in = groups * d.range(1, 2), out = d.range(1, 2);
       Dims padding;
       for (size_t i = 0; i < s.input.size(); ++i) {
         padding.push_back(d.range(0, std::max(s.strides[i], s.dilations[i]) - 1));
         s.input[i] += 4;
       }
       Value x = w.operand(d.floats(join({d.range(1, 2), in}, s.input)));
       Value weight = w.operand(d.floats(join({in, out}, s.kernel)));
       Value bias = d.flip() ? w.operand(d.floats(groups * out)) : Value();
       return ConvTransposeOp::create(w.builder, w.loc(), x, weight, bias, s.strides, s.pads,
                                      s.dilations, padding, groups);
     }},
    {"embedding",
     [](OpWorld &w, Draw &d) -> Operation * {
       Value table = w.operand(d.floats({4, d.range(0, 5)}));
       Value indices = w.operand(d.indices(d.shape(d.range(0, 2), 0), 4));
       return EmbeddingOp::create(w.builder, w.loc(), table, indices);
     }},
    {"pool",
     [](OpWorld &w, Draw &d) -> Operation * {
       RandomWindow s(d, d.range(1, 2));
       Value x = w.operand(d.floats(join({d.range(1, 2), d.range(1, 2)}, s.input)));
       return PoolOp::create(w.builder, w.loc(), x, d.flip() ? PoolKind::Max : PoolKind::Average,
                             s.kernel, s.strides, s.pads, s.dilations, d.flip(), d.flip());
     }},
};

//===----------------------------------------------------------------------===//
// Normalisations and reductions
//===----------------------------------------------------------------------===//

template <typename Op>
Operation *alongAxis(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3));
  Value x = w.operand(d.floats(shape));
  return Op::create(w.builder, w.loc(), x, d.range(0, shape.size() - 1));
}

const Property normalizations[] = {
    {"softmax", alongAxis<SoftmaxOp>},
    {"log_softmax", alongAxis<LogSoftmaxOp>},
    {"layer_norm",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3));
       Value x = w.operand(d.floats(shape)), scale = w.operand(d.floats(d.broadcastable(shape)));
       Value bias = d.flip() ? w.operand(d.floats(d.broadcastable(shape))) : Value();
       return LayerNormOp::create(w.builder, w.loc(), x, scale, bias, d.range(0, shape.size() - 1),
                                  llvm::APFloat(1e-5f));
     }},
    {"batch_norm",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(2, 4));
       Value x = w.operand(d.floats(shape)), p[4];
       for (Value &parameter : p)
         parameter = w.operand(d.floats(shape[1]));
       return BatchNormOp::create(w.builder, w.loc(), x, p[0], p[1], p[2], p[3],
                                  llvm::APFloat(1e-5f));
     }},
    {"reduce",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(0, 3));
       Value x = w.operand(d.floats(shape));
       return ReduceOp::create(w.builder, w.loc(), x, static_cast<ReduceKind>(d.range(0, 9)),
                               d.axes(shape.size()), d.flip());
     }},
    {"argmax",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3));
       Value x = w.operand(d.floats(shape));
       return ArgMaxOp::create(w.builder, w.loc(), x, d.range(0, shape.size() - 1), d.flip(),
                               d.flip());
     }},
    {"top_k",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3));
       int64_t axis = d.range(0, shape.size() - 1);
       Value x = w.operand(d.floats(shape)), k = w.constant(d.range(0, shape[axis]));
       return TopKOp::create(w.builder, w.loc(), x, k, axis, d.flip(), d.flip());
     }},
    {"cumsum", alongAxis<CumSumOp>},
};

//===----------------------------------------------------------------------===//
// Data movement
//===----------------------------------------------------------------------===//

/// A target shape for the elements of `shape`: its dims' factors grouped anew, some entries
/// written as 0 or -1.
Dims drawTarget(Draw &d, ArrayRef<int64_t> shape) {
  Dims target(shape);
  for (int64_t step = d.range(0, 3); step > 0 && !target.empty(); --step) {
    int64_t i = d.range(0, target.size() - 1);
    int64_t factor = d.range(1, 3);
    if (d.flip() && i + 1 < static_cast<int64_t>(target.size())) {
      target[i] *= target[i + 1];
      target.erase(target.begin() + i + 1);
    } else if (target[i] % factor == 0) {
      target[i] /= factor;
      target.insert(target.begin() + i + d.range(0, 1), factor);
    }
  }
  for (size_t i = 0; i < target.size(); ++i)
    if (i < shape.size() && target[i] == shape[i] && d.flip())
      target[i] = 0;
  if (!target.empty() && d.flip())
    target[d.range(0, target.size() - 1)] = -1;
  return target;
}

Operation *buildReshape(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(0, 4), 1, 6);
  Value x = w.operand(d.floats(shape)), target = w.constant(drawTarget(d, shape));
  return ReshapeOp::create(w.builder, w.loc(), x, target);
}

Operation *buildSlice(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3), 0), starts, ends, steps;
  Dims axes = d.permutation(shape.size());
  axes.resize(d.range(0, axes.size()));
  for ([[maybe_unused]] int64_t axis : axes) {
    starts.push_back(d.range(0, 9) == 0 ? INT64_MIN : d.range(-7, 7));
    ends.push_back(d.range(0, 9) == 0 ? INT64_MAX : d.range(-7, 7));
    steps.push_back(d.range(0, 9) == 0 ? INT64_MIN : (d.flip() ? 1 : -1) * d.range(1, 3));
  }
  Value x = w.operand(d.floats(shape));
  Value start = w.constant(starts), end = w.constant(ends);
  return SliceOp::create(w.builder, w.loc(), x, start, end, axes, steps);
}

Operation *buildPad(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(0, 3)), pads;
  for (size_t i = 0; i < 2 * shape.size(); ++i)
    pads.push_back(d.flip() ? 0 : d.range(0, 2));
  Value x = w.operand(d.floats(shape)), amounts = w.constant(pads);
  Value value = d.flip() ? w.operand(d.floats({})) : Value();
  return PadOp::create(w.builder, w.loc(), x, amounts, value, static_cast<PadMode>(d.range(0, 3)));
}

Operation *buildConcat(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3), 0);
  int64_t axis = d.range(0, shape.size() - 1);
  SmallVector<Value> inputs;
  for (int64_t count = d.range(1, 3); count > 0; --count) {
    shape[axis] = d.range(0, 3);
    inputs.push_back(w.operand(d.floats(shape)));
  }
  return ConcatOp::create(w.builder, w.loc(), inputs, axis);
}

Operation *buildSplit(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3)), sizes;
  int64_t axis = d.range(0, shape.size() - 1), rest = shape[axis];
  while (rest > 0) {
    sizes.push_back(d.range(0, rest));
    rest -= sizes.back();
  }
  Value x = w.operand(d.floats(shape));
  return SplitOp::create(w.builder, w.loc(), x, axis, sizes);
}

const Property movements[] = {
    {"reshape", buildReshape},
    {"broadcast",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims full = d.shape(d.range(0, 3), 0);
       Value x = w.operand(d.floats(d.broadcastable(full)));
       Value target = w.constant(d.broadcastable(full));
       return BroadcastOp::create(w.builder, w.loc(), x, target);
     }},
    {"transpose",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(0, 4), 0);
       Value x = w.operand(d.floats(shape));
       return TransposeOp::create(w.builder, w.loc(), x, d.permutation(shape.size()));
     }},
    {"squeeze",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(0, 4), 0), axes = d.axes(shape.size());
       for (int64_t axis : axes)
         shape[axis] = 1;
       Value x = w.operand(d.floats(shape));
       return SqueezeOp::create(w.builder, w.loc(), x, axes);
     }},
    {"unsqueeze",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims axes = d.axes(4);
       Value x = w.operand(d.floats(d.shape(4 - axes.size(), 0)));
       return UnsqueezeOp::create(w.builder, w.loc(), x, axes);
     }},
    {"concat", buildConcat},
    {"split", buildSplit},
    {"slice", buildSlice},
    {"pad", buildPad},
    {"gather",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3));
       int64_t axis = d.range(0, shape.size() - 1);
       Value x = w.operand(d.floats(shape));
       Value indices = w.operand(d.indices(d.shape(d.range(0, 2), 0), shape[axis]));
       return GatherOp::create(w.builder, w.loc(), x, indices, axis);
     }},
    {"gather_elements",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3)), smaller;
       int64_t axis = d.range(0, shape.size() - 1);
       for (int64_t dim : shape)
         smaller.push_back(d.range(1, dim));
       smaller[axis] = d.range(0, 4);
       Value x = w.operand(d.floats(shape)), indices = w.operand(d.indices(smaller, shape[axis]));
       return GatherElementsOp::create(w.builder, w.loc(), x, indices, axis);
     }},
    {"gather_nd",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 4), 2, 4);
       int64_t rank = shape.size(), batch = d.range(0, rank - 1);
       int64_t depth = d.range(1, rank - batch);
       Dims indexShape(ArrayRef<int64_t>(shape).take_front(batch));
       llvm::append_range(indexShape, d.shape(d.range(0, 1), 0));
       indexShape.push_back(depth);
       Tensor indices = d.tensor(DataType::I64, indexShape);
       for (int64_t i = 0; i < indices.getNumElements(); ++i)
         indices.storeInt(i, d.range(-2, 1));
       // The depth must be known, so the indices stay static.
       Value x = w.operand(d.floats(shape)), index = w.staticOperand(indices);
       return GatherNDOp::create(w.builder, w.loc(), x, index, batch);
     }},
    {"scatter_elements",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(1, 3)), smaller;
       int64_t axis = d.range(0, shape.size() - 1);
       for (int64_t dim : shape)
         smaller.push_back(d.range(1, dim));
       Value x = w.operand(d.floats(shape)), indices = w.operand(d.indices(smaller, shape[axis]));
       Value updates = w.operand(d.floats(smaller));
       return ScatterElementsOp::create(w.builder, w.loc(), x, indices, updates, axis,
                                        static_cast<ScatterReduction>(d.range(0, 4)));
     }},
    {"shape",
     [](OpWorld &w, Draw &d) -> Operation * {
       int64_t rank = d.range(0, 4), end = d.range(0, rank);
       Value x = w.operand(d.floats(d.shape(rank, 0)));
       return ShapeOp::create(w.builder, w.loc(), x, d.range(0, end), end);
     }},
    {"range_of_constants",
     [](OpWorld &w, Draw &d) -> Operation * {
       Value start = w.scalar(d.range(-9, 9)), limit = w.scalar(d.range(-9, 9));
       Value delta = w.scalar((d.flip() ? 1 : -1) * d.range(1, 4));
       return RangeOp::create(w.builder, w.loc(), start, limit, delta);
     }},
    {"range",
     [](OpWorld &w, Draw &d) -> Operation * {
       Value start = w.operand(reference::ints({}, d.range(-9, 9)));
       Value limit = w.operand(reference::ints({}, d.range(-9, 9)));
       Value delta = w.operand(reference::ints({}, d.range(1, 4)));
       return RangeOp::create(w.builder, w.loc(), start, limit, delta);
     },
     /*isStatic=*/false},
};

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

/// Values, scale and zero point in random blocks, and the shapes of both.
struct Blocks {
  Dims shape, grid;
  DenseI64ArrayAttr block;

  Blocks(OpWorld &w, Draw &d) : shape(d.shape(d.range(0, 3), 0)) {
    if (d.flip())
      return;
    Dims sizes;
    for (int64_t dim : shape) {
      sizes.push_back(d.range(0, 3) == 0 ? -1 : d.range(1, 4));
      int64_t size = sizes.back() == -1 ? std::max<int64_t>(dim, 1) : sizes.back();
      grid.push_back((dim + size - 1) / size);
    }
    block = w.builder.getDenseI64ArrayAttr(sizes);
  }
};

Operation *buildQuantize(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  Value x = w.operand(d.floats(b.shape)), scale = w.operand(d.floats(b.grid));
  Value zero = d.flip() ? w.operand(d.tensor(DataType::U4, b.grid)) : Value();
  return QuantizeOp::create(w.builder, w.loc(), w.getType(DataType::U4, b.shape), x, scale, zero,
                            b.block);
}

Operation *buildDequantize(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  DataType type = d.floatType();
  Value x = w.operand(d.tensor(DataType::I4, b.shape)), scale = w.operand(d.tensor(type, b.grid));
  Value zero = d.flip() ? w.operand(d.tensor(DataType::I4, b.grid)) : Value();
  return DequantizeOp::create(w.builder, w.loc(), w.getType(type, b.shape), x, scale, zero,
                              b.block);
}

Operation *buildFakeQuantize(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  DataType type = d.floatType();
  Value x = w.operand(d.tensor(type, b.shape)), scale = w.operand(d.floats(b.grid));
  return FakeQuantizeOp::create(w.builder, w.loc(), w.getType(type, b.shape), x, scale, Value(),
                                TypeAttr::get(getElementType(DataType::I8, &w.context)), b.block);
}

Operation *buildFakeQuantizeTable(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  DataType type = d.floatType();
  Value x = w.operand(d.tensor(type, b.shape)), scale = w.operand(d.floats(b.grid));
  Value table = w.operand(d.floats({4}));
  return FakeQuantizeOp::create(w.builder, w.loc(), w.getType(type, b.shape), x, scale, Value(),
                                table, TypeAttr::get(getElementType(DataType::U2, &w.context)),
                                b.block);
}

Operation *buildScaledLookup(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  Value codes = w.operand(d.tensor(DataType::U2, b.shape));
  Value table = w.operand(d.floats({4})), scale = w.operand(d.floats(b.grid));
  return LookupOp::create(w.builder, w.loc(), w.getType(DataType::F32, b.shape), codes, table,
                          scale, b.block);
}

Operation *buildTablesLookup(OpWorld &w, Draw &d) {
  Blocks b(w, d);
  Dims tables = b.grid;
  tables.push_back(4);
  Value codes = w.operand(d.tensor(DataType::U2, b.shape)), table = w.operand(d.floats(tables));
  return LookupOp::create(w.builder, w.loc(), w.getType(DataType::F32, b.shape), codes, table,
                          Value(), DenseI64ArrayAttr(), b.block);
}

Operation *buildLookupVectors(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3), 0), codes = shape;
  int64_t axis = d.range(0, static_cast<int64_t>(shape.size()) - 1), dim = d.range(1, 3);
  codes[axis] = (shape[axis] + dim - 1) / dim;
  codes.push_back(d.range(1, 3));
  Value numbers = w.operand(d.tensor(DataType::U2, codes));
  Value tables = w.operand(d.floats({d.flip() ? 1 : codes[axis], codes.back(), 4, dim}));
  return LookupVectorsOp::create(w.builder, w.loc(), w.getType(DataType::F32, shape), numbers,
                                 tables, Value(), axis, DenseI64ArrayAttr());
}

Operation *buildDynamicQuantize(OpWorld &w, Draw &d) {
  Dims shape = d.shape(d.range(1, 3)), grid;
  bool isRow = d.flip();
  if (isRow) {
    grid = shape;
    grid.back() = 1;
  }
  DataType type = d.floatType(), codes = d.flip() ? DataType::I8 : DataType::U8;
  Value x = w.operand(d.tensor(type, shape));
  return DynamicQuantizeOp::create(w.builder, w.loc(), w.getType(codes, shape),
                                   w.getType(type, grid), w.getType(codes, grid), x,
                                   isRow ? DynamicGranularity::Row : DynamicGranularity::Tensor);
}

const Property encodings[] = {
    {"quantize", buildQuantize},
    {"dequantize", buildDequantize},
    {"fake_quantize", buildFakeQuantize},
    {"fake_quantize_table", buildFakeQuantizeTable},
    {"lookup_scaled", buildScaledLookup},
    {"lookup_tables", buildTablesLookup},
    {"lookup_vectors", buildLookupVectors},
    {"dynamic_quantize", buildDynamicQuantize},
    {"mask",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(0, 3), 0), maskShape = shape;
       for (int64_t &dim : maskShape)
         dim = d.flip() ? 1 : dim;
       Value x = w.operand(d.floats(shape));
       Value mask = w.staticOperand(d.tensor(DataType::Bool, maskShape));
       return MaskOp::create(w.builder, w.loc(), x.getType(), x, mask);
     }},
    {"lookup",
     [](OpWorld &w, Draw &d) -> Operation * {
       Dims shape = d.shape(d.range(0, 3), 0);
       Value codes = w.operand(d.tensor(DataType::U2, shape));
       Value table = w.operand(d.floats({4}));
       return LookupOp::create(w.builder, w.loc(), w.getType(DataType::F32, shape), codes, table);
     }},
};

std::string getName(const ::testing::TestParamInfo<Property> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Elementwise, InferenceProperty, ::testing::ValuesIn(elementwise), getName);
INSTANTIATE_TEST_SUITE_P(Contraction, InferenceProperty, ::testing::ValuesIn(contractions),
                         getName);
INSTANTIATE_TEST_SUITE_P(Normalization, InferenceProperty, ::testing::ValuesIn(normalizations),
                         getName);
INSTANTIATE_TEST_SUITE_P(Encoding, InferenceProperty, ::testing::ValuesIn(encodings), getName);
INSTANTIATE_TEST_SUITE_P(Movement, InferenceProperty, ::testing::ValuesIn(movements), getName);
} // namespace
