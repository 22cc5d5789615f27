//===- ForeignFactorsTest.cpp - linalg and tosa ops as two -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every form of an op, with factors whose product is the weight exactly (one of them
// an identity), must compute what the op does. All numbers are small integers, so
// results are equal to the last bit.
//
//===----------------------------------------------------------------------===//

#include "OpHarness.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/ExternalInterfaces/Register.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;
using reference::Tensor;

namespace {

using Names = std::vector<std::string>;

class ForeignFactors : public ::testing::Test {
protected:
  ForeignFactors() : context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registerAllDialects(registry);
    registerAllExtensions(registry);
    registerCore(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  /// Checks all forms of the op with a weight in `@f`, of which there have to be `names`, and
  /// returns the names of the ops that stand for it in the first form. `@f` takes the activation,
  /// and a value of the result's type last, which is not used: it is the addend.
  Names check(StringRef text, ArrayRef<std::string> names);
  /// The forms of the op with the kind of a weight in `@f`.
  std::vector<FactorForm> getForms(StringRef text) {
    OwningOpRef<ModuleOp> module = parse(text);
    return findOp(*module).getFactorForms(2);
  }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }
  /// The last op that can have factors.
  static FactorableOpInterface findOp(ModuleOp module) {
    FactorableOpInterface found;
    module.walk([&](FactorableOpInterface op) { found = op; });
    return found;
  }

  MLIRContext context;
};

/// Row-major index of each combination of indices of `dims`, in a tensor with the axes `axes`.
std::vector<size_t> getPlaces(ArrayRef<int64_t> dims, ArrayRef<int64_t> axes,
                              ArrayRef<int64_t> view, size_t rank, size_t *rankStride = nullptr) {
  SmallVector<size_t> strides(view.size(), 0);
  size_t stride = 1;
  for (int64_t axis : llvm::reverse(axes)) {
    if (axis == FactorForm::rankAxis && rankStride)
      *rankStride = stride;
    if (axis != FactorForm::rankAxis)
      strides[axis] = stride;
    stride *= axis == FactorForm::rankAxis ? rank : view[axis];
  }
  std::vector<size_t> places = {0};
  for (int64_t dim : dims) {
    std::vector<size_t> next;
    for (size_t place : places)
      for (int64_t i = 0; i < view[dim]; ++i)
        next.push_back(place + i * strides[dim]);
    places = std::move(next);
  }
  return places;
}

/// Values of a weight, small integers without a pattern.
float getWeightValue(size_t index) {
  return float(int64_t(index * index * 7 + index * 3) % 11) - 5;
}

/// A constant with a factor.
Value makeFactor(OpBuilder &builder, Operation *op, Type element, const FactorForm &form,
                 bool isRow, bool isIdentity, int64_t rank) {
  const FactorForm::Layout &layout = isRow ? form.rowFactor : form.columnFactor;
  const auto &lineDims = isRow ? form.rowDims : form.columnDims;
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, form.view.size()));
  size_t rankStride = 0;
  std::vector<size_t> batches =
      getPlaces(form.batchDims, layout.axes, form.view, rank, &rankStride);
  std::vector<size_t> lines = getPlaces(lineDims, layout.axes, form.view, rank);
  std::vector<size_t> weightBatches = getPlaces(form.batchDims, all, form.view, rank);
  std::vector<size_t> rows = getPlaces(form.rowDims, all, form.view, rank);
  std::vector<size_t> columns = getPlaces(form.columnDims, all, form.view, rank);
  auto type = RankedTensorType::get(layout.shape, element);
  std::vector<float> values(type.getNumElements());
  EXPECT_EQ(values.size(), batches.size() * lines.size() * rank);
  for (size_t batch = 0; batch < batches.size(); ++batch)
    for (size_t line = 0; line < lines.size(); ++line)
      for (int64_t k = 0; k < rank; ++k)
        values[batches[batch] + lines[line] + k * rankStride] =
            isIdentity ? float(int64_t(line) == k)
                       : getWeightValue(weightBatches[batch] + (isRow ? rows[line] + columns[k]
                                                                      : rows[k] + columns[line]));
  SmallVector<Attribute> attributes;
  for (float value : values)
    attributes.push_back(builder.getFloatAttr(element, value));
  auto attribute = DenseElementsAttr::get(type, attributes);
  return arith::ConstantOp::create(builder, op->getLoc(), attribute);
}

Names ForeignFactors::check(StringRef text, ArrayRef<std::string> names) {
  Names result;
  OwningOpRef<ModuleOp> module = parse(text);
  if (!module) {
    ADD_FAILURE() << "does not parse: " << text.str();
    return result;
  }
  auto function = *module->getOps<func::FuncOp>().begin();
  FailureOr<WeightedOp> weighted = getWeighted(findOp(*module));
  if (failed(weighted)) {
    ADD_FAILURE() << "no weight";
    return result;
  }
  // The values of the weight.
  auto type = cast<RankedTensorType>(weighted->operand->get().getType());
  SmallVector<Attribute> values;
  for (int64_t index = 0; index < type.getNumElements(); ++index)
    values.push_back(FloatAttr::get(type.getElementType(), getWeightValue(index)));
  Operation *source = weighted->chain.source;
  source->setAttr(isa<arith::ConstantOp>(source) ? "value" : "values",
                  DenseElementsAttr::get(type, values));

  OwningOpRef<ModuleOp> original = module->clone();
  // A copy of the function for each form, rank and addend.
  struct Copy {
    std::string name;
    bool hasAddend;
  };
  std::vector<Copy> copies;
  Names found;
  for (const FactorForm &form : findOp(*module).getFactorForms(1))
    found.push_back(form.name.str());
  EXPECT_EQ(found, Names(names.begin(), names.end()));
  for (size_t index = 0; index < found.size(); ++index)
    for (bool identityRows : {false, true})
      for (bool hasAddend : {false, true}) {
        std::string name =
            found[index] + (identityRows ? "_rows" : "_columns") + (hasAddend ? "_addend" : "");
        OwningOpRef<ModuleOp> copy = original->clone();
        auto copied = *copy->getOps<func::FuncOp>().begin();
        FactorableOpInterface op = findOp(*copy);
        FactorForm form = op.getFactorForms(1)[index];
        int64_t rank = 1;
        for (int64_t dim : identityRows ? form.rowDims : form.columnDims)
          rank *= form.view[dim];
        form = op.getFactorForms(rank)[index];
        OpBuilder builder(op);
        Type element = type.getElementType();
        Value row = makeFactor(builder, op, element, form, true, identityRows, rank);
        Value column = makeFactor(builder, op, element, form, false, !identityRows, rank);
        Value addend = hasAddend ? copied.getArguments().back() : Value();
        FailureOr<Value> value = op.createFactors(builder, form, row, column, addend);
        if (failed(value)) {
          ADD_FAILURE() << name << ": no factors";
          continue;
        }
        EXPECT_EQ(value->getType(), op->getResult(0).getType()) << name;
        if (copies.empty())
          for (Value factor : {column, row})
            for (Operation *user : factor.getUsers())
              result.push_back(user->getName().getStringRef().str());
        op->getResult(0).replaceAllUsesWith(*value);
        op->erase();
        if (failed(verify(*copy))) {
          ADD_FAILURE() << name << ": invalid";
          continue;
        }
        copied.setName(name);
        copied->moveBefore(module->getBody(), module->getBody()->end());
        copies.push_back({name, hasAddend});
      }
  PassManager pm(&context);
  tosa::addTosaToLinalgPasses(pm, TosaToLinalgOptions(), TosaToLinalgNamedOptions(), std::nullopt);
  if (failed(pm.run(*module))) {
    ADD_FAILURE() << "tosa-to-linalg failed";
    return result;
  }
  // The passes leave the constants.
  module->walk([](tosa::ConstOp op) {
    OpBuilder builder(op);
    op.replaceAllUsesWith(
        arith::ConstantOp::create(builder, op.getLoc(), op.getValues()).getResult());
    op.erase();
  });
  std::string lowered;
  llvm::raw_string_ostream os(lowered);
  module->print(os);

  OpHarness harness(lowered);
  if (!harness.isCompiled())
    return result;
  SmallVector<Tensor> inputs;
  for (auto [index, input] : llvm::enumerate(function.getArgumentTypes())) {
    SmallVector<int64_t> shape;
    for (int64_t size : cast<RankedTensorType>(input).getShape())
      shape.push_back(size < 0 ? 3 : size);
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    SmallVector<double> numbers;
    for (int64_t i = 0; i < count; ++i)
      numbers.push_back(double((i * (5 + index) + index) % 9) - 4);
    inputs.push_back(reference::floats(shape, numbers));
  }
  SmallVector<Tensor> expected = harness.run("f", inputs);
  // What the op accumulates into is its second argument, if it has three.
  SmallVector<Tensor> swapped(inputs);
  if (swapped.size() == 3)
    std::swap(swapped[1], swapped[2]);
  SmallVector<Tensor> withAddend = harness.run("f", swapped);
  for (const Copy &copy : copies) {
    SCOPED_TRACE(copy.name);
    SmallVector<Tensor> values = harness.run(copy.name, inputs);
    if (values.size() != 1 || expected.size() != 1) {
      ADD_FAILURE() << "did not run";
      continue;
    }
    Tensor wanted = copy.hasAddend ? withAddend[0] : expected[0];
    if (copy.hasAddend && inputs.size() == 2)
      for (int64_t i = 0; i < wanted.getNumElements(); ++i)
        wanted.getData<float>()[i] =
            expected[0].getData<float>()[i] + inputs[1].getData<float>()[i];
    expectClose(values[0], wanted, 0);
  }
  return result;
}

/// Two ops of one kind.
Names twice(StringRef name) { return {name.str(), name.str()}; }

} // namespace

//===----------------------------------------------------------------------===//
// linalg
//===----------------------------------------------------------------------===//

TEST_F(ForeignFactors, MatmulStaysMatmul) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x6xf32>, %i: tensor<?x5xf32>, %a: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32>
      %y = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x5xf32>)
                         outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.matmul"));
}

TEST_F(ForeignFactors, MatmulWithTransposedWeight) {
  EXPECT_EQ(check(R"mlir(
    #x = affine_map<(m, n, k) -> (m, k)>
    #w = affine_map<(m, n, k) -> (n, k)>
    #y = affine_map<(m, n, k) -> (m, n)>
    func.func @f(%x: tensor<?x6xf32>, %i: tensor<?x5xf32>, %a: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<5x6xf32>
      %y = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<?x6xf32>, tensor<5x6xf32>)
                         outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.matmul"));
}

// What is between the two has not the layout of the activation.
TEST_F(ForeignFactors, MatmulWithTransposedActivation) {
  EXPECT_EQ(check(R"mlir(
    #x = affine_map<(m, n, k) -> (k, m)>
    #w = affine_map<(m, n, k) -> (k, n)>
    #y = affine_map<(m, n, k) -> (m, n)>
    func.func @f(%x: tensor<6x?xf32>, %i: tensor<?x5xf32>, %a: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32>
      %y = linalg.matmul indexing_maps = [#x, #w, #y] ins(%x, %w : tensor<6x?xf32>, tensor<6x5xf32>)
                         outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })mlir",
                  {"matrix"}),
            (Names{"linalg.matmul", "linalg.contract"}));
}

TEST_F(ForeignFactors, MatmulWithWeightOnTheLeft) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<6x?xf32>, %i: tensor<5x?xf32>, %a: tensor<5x?xf32>) -> tensor<5x?xf32> {
      %w = arith.constant dense<1.0> : tensor<5x6xf32>
      %y = linalg.matmul ins(%w, %x : tensor<5x6xf32>, tensor<6x?xf32>)
                         outs(%i : tensor<5x?xf32>) -> tensor<5x?xf32>
      return %y : tensor<5x?xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.matmul"));
}

// Element types differ: products are added up in f32.
TEST_F(ForeignFactors, MatmulOfHalves) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<4x6xf32>, %i: tensor<4x5xf32>, %a: tensor<4x5xf32>) -> tensor<4x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf16>
      %e = tensor.empty() : tensor<4x6xf16>
      %h = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (m, k)>],
                           iterator_types = ["parallel", "parallel"]}
           ins(%x : tensor<4x6xf32>) outs(%e : tensor<4x6xf16>) {
      ^bb0(%p: f32, %q: f16):
        %t = arith.truncf %p : f32 to f16
        linalg.yield %t : f16
      } -> tensor<4x6xf16>
      %y = linalg.matmul ins(%h, %w : tensor<4x6xf16>, tensor<6x5xf16>)
                         outs(%i : tensor<4x5xf32>) -> tensor<4x5xf32>
      return %y : tensor<4x5xf32>
    })mlir",
                  {"matrix"}),
            (Names{"linalg.matmul", "linalg.contract"}));
}

TEST_F(ForeignFactors, BatchMatmul) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<2x?x6xf32>, %i: tensor<2x?x5xf32>, %a: tensor<2x?x5xf32>) -> tensor<2x?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<2x6x5xf32>
      %y = linalg.batch_matmul ins(%x, %w : tensor<2x?x6xf32>, tensor<2x6x5xf32>)
                               outs(%i : tensor<2x?x5xf32>) -> tensor<2x?x5xf32>
      return %y : tensor<2x?x5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.batch_matmul"));
}

TEST_F(ForeignFactors, VectorProducts) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<6xf32>, %i: tensor<5xf32>, %a: tensor<5xf32>) -> tensor<5xf32> {
      %w = arith.constant dense<1.0> : tensor<5x6xf32>
      %y = linalg.matvec ins(%w, %x : tensor<5x6xf32>, tensor<6xf32>)
                         outs(%i : tensor<5xf32>) -> tensor<5xf32>
      return %y : tensor<5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.matvec"));
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<6xf32>, %i: tensor<5xf32>, %a: tensor<5xf32>) -> tensor<5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32>
      %y = linalg.vecmat ins(%x, %w : tensor<6xf32>, tensor<6x5xf32>)
                         outs(%i : tensor<5xf32>) -> tensor<5xf32>
      return %y : tensor<5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.vecmat"));
}

// Two dims are contracted: heads, and the values of a head.
TEST_F(ForeignFactors, ContractOverTwoDims) {
  EXPECT_EQ(check(R"mlir(
    #x = affine_map<(b, h, d, n) -> (b, h, d)>
    #w = affine_map<(b, h, d, n) -> (h, d, n)>
    #y = affine_map<(b, h, d, n) -> (b, n)>
    func.func @f(%x: tensor<?x2x3xf32>, %i: tensor<?x5xf32>, %a: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<2x3x5xf32>
      %y = linalg.contract indexing_maps = [#x, #w, #y]
           ins(%x, %w : tensor<?x2x3xf32>, tensor<2x3x5xf32>) outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.contract"));
}

// Two dims of the weight are output channels, on both sides of the activation's, and one is a
// batch.
TEST_F(ForeignFactors, GenericWithTwoOutputDims) {
  EXPECT_EQ(check(R"mlir(
    #x = affine_map<(p, b, m, q, k) -> (k, b, m)>
    #w = affine_map<(p, b, m, q, k) -> (p, k, b, q)>
    #y = affine_map<(p, b, m, q, k) -> (q, m, p, b)>
    func.func @f(%x: tensor<6x2x?xf32>, %i: tensor<4x?x3x2xf32>, %a: tensor<4x?x3x2xf32>) -> tensor<4x?x3x2xf32> {
      %w = arith.constant dense<1.0> : tensor<3x6x2x4xf32>
      %y = linalg.generic {indexing_maps = [#x, #w, #y],
                           iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]}
           ins(%x, %w : tensor<6x2x?xf32>, tensor<3x6x2x4xf32>) outs(%i : tensor<4x?x3x2xf32>) {
      ^bb0(%p: f32, %q: f32, %s: f32):
        %t = arith.mulf %p, %q : f32
        %u = arith.addf %s, %t : f32
        linalg.yield %u : f32
      } -> tensor<4x?x3x2xf32>
      return %y : tensor<4x?x3x2xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.generic"));
}

// In a branch, as if-conversion of exporters leaves it.
TEST_F(ForeignFactors, MatmulInBranch) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x6xf32>, %i: tensor<?x5xf32>, %a: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32>
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x6xf32>
      %c = arith.cmpi ne, %n, %c0 : index
      %y = scf.if %c -> tensor<?x5xf32> {
        %m = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x5xf32>)
                           outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
        scf.yield %m : tensor<?x5xf32>
      } else {
        scf.yield %i : tensor<?x5xf32>
      }
      return %y : tensor<?x5xf32>
    })mlir",
                  {"matrix"}),
            twice("linalg.matmul"));
}

TEST_F(ForeignFactors, ConvNchw) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x3x9x11xf32>, %i: tensor<?x4x4x4xf32>, %a: tensor<?x4x4x4xf32>) -> tensor<?x4x4x4xf32> {
      %w = arith.constant dense<1.0> : tensor<4x3x2x3xf32>
      %y = linalg.conv_2d_nchw_fchw {strides = dense<[2, 2]> : tensor<2xi64>, dilations = dense<[1, 2]> : tensor<2xi64>}
           ins(%x, %w : tensor<?x3x9x11xf32>, tensor<4x3x2x3xf32>) outs(%i : tensor<?x4x4x4xf32>) -> tensor<?x4x4x4xf32>
      return %y : tensor<?x4x4x4xf32>
    })mlir",
                  {"channel", "spatial"}),
            twice("linalg.conv_2d_nchw_fchw"));
}

TEST_F(ForeignFactors, ConvNhwc) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x9x8x3xf32>, %i: tensor<?x7x3x4xf32>, %a: tensor<?x7x3x4xf32>) -> tensor<?x7x3x4xf32> {
      %w = arith.constant dense<1.0> : tensor<2x3x3x4xf32>
      %y = linalg.conv_2d_nhwc_hwcf {strides = dense<[1, 2]> : tensor<2xi64>, dilations = dense<[2, 1]> : tensor<2xi64>}
           ins(%x, %w : tensor<?x9x8x3xf32>, tensor<2x3x3x4xf32>) outs(%i : tensor<?x7x3x4xf32>) -> tensor<?x7x3x4xf32>
      return %y : tensor<?x7x3x4xf32>
    })mlir",
                  {"channel", "spatial"}),
            twice("linalg.conv_2d_nhwc_hwcf"));
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<1x?x?x3xf32>, %i: tensor<1x3x3x4xf32>, %a: tensor<1x3x3x4xf32>) -> tensor<1x3x3x4xf32> {
      %w = arith.constant dense<1.0> : tensor<4x1x1x3xf32>
      %y = linalg.conv_2d_nhwc_fhwc {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
           ins(%x, %w : tensor<1x?x?x3xf32>, tensor<4x1x1x3xf32>) outs(%i : tensor<1x3x3x4xf32>) -> tensor<1x3x3x4xf32>
      return %y : tensor<1x3x3x4xf32>
    })mlir",
                  {"channel"}),
            twice("linalg.conv_2d_nhwc_fhwc"));
}

TEST_F(ForeignFactors, ConvOfOneDim) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x3x9xf32>, %i: tensor<?x4x4xf32>, %a: tensor<?x4x4xf32>) -> tensor<?x4x4xf32> {
      %w = arith.constant dense<1.0> : tensor<4x3x3xf32>
      %y = linalg.conv_1d_ncw_fcw {strides = dense<2> : tensor<1xi64>, dilations = dense<1> : tensor<1xi64>}
           ins(%x, %w : tensor<?x3x9xf32>, tensor<4x3x3xf32>) outs(%i : tensor<?x4x4xf32>) -> tensor<?x4x4xf32>
      return %y : tensor<?x4x4xf32>
    })mlir",
                  {"channel"}),
            twice("linalg.conv_1d_ncw_fcw"));
}

// A matrix for each group.
TEST_F(ForeignFactors, ConvOfGroups) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<?x2x3x5x6xf32>, %i: tensor<?x2x4x4x4xf32>, %a: tensor<?x2x4x4x4xf32>) -> tensor<?x2x4x4x4xf32> {
      %w = arith.constant dense<1.0> : tensor<4x2x3x2x3xf32>
      %y = linalg.conv_2d_ngchw_fgchw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
           ins(%x, %w : tensor<?x2x3x5x6xf32>, tensor<4x2x3x2x3xf32>) outs(%i : tensor<?x2x4x4x4xf32>) -> tensor<?x2x4x4x4xf32>
      return %y : tensor<?x2x4x4x4xf32>
    })mlir",
                  {"channel"}),
            twice("linalg.conv_2d_ngchw_fgchw"));
}

// Windows are in the maps; the second op is a contraction.
TEST_F(ForeignFactors, GenericConv) {
  EXPECT_EQ(check(R"mlir(
    #x = affine_map<(n, f, h, w, c, p, q) -> (n, h * 2 + p, w + q * 2, c)>
    #w = affine_map<(n, f, h, w, c, p, q) -> (f, p, q, c)>
    #y = affine_map<(n, f, h, w, c, p, q) -> (n, h, w, f)>
    func.func @f(%x: tensor<?x8x7x3xf32>, %i: tensor<?x4x3x5xf32>, %a: tensor<?x4x3x5xf32>) -> tensor<?x4x3x5xf32> {
      %w = arith.constant dense<1.0> : tensor<5x2x3x3xf32>
      %y = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel",
                           "parallel", "parallel", "reduction", "reduction", "reduction"]}
           ins(%x, %w : tensor<?x8x7x3xf32>, tensor<5x2x3x3xf32>) outs(%i : tensor<?x4x3x5xf32>) {
      ^bb0(%p: f32, %q: f32, %s: f32):
        %t = arith.mulf %p, %q : f32
        %u = arith.addf %s, %t : f32
        linalg.yield %u : f32
      } -> tensor<?x4x3x5xf32>
      return %y : tensor<?x4x3x5xf32>
    })mlir",
                  {"channel"}),
            twice("linalg.generic"));
}

TEST_F(ForeignFactors, FormsOfConv) {
  std::vector<FactorForm> forms = getForms(R"mlir(
    func.func @f(%x: tensor<1x9x9x3xf32>, %i: tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32> {
      %w = arith.constant dense<1.0> : tensor<2x3x3x4xf32>
      %y = linalg.conv_2d_nhwc_hwcf {strides = dense<[1, 2]> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
           ins(%x, %w : tensor<1x9x9x3xf32>, tensor<2x3x3x4xf32>) outs(%i : tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32>
      return %y : tensor<1x8x4x4xf32>
    })mlir");
  ASSERT_EQ(forms.size(), 2u);
  using Dims = SmallVector<int64_t>;
  const FactorForm &channel = forms[0], &spatial = forms[1];
  // Columns are windows: channels first, then positions of the kernel.
  EXPECT_EQ(channel.view, (Dims{2, 3, 3, 4}));
  EXPECT_EQ(channel.rowDims, (Dims{3}));
  EXPECT_EQ(channel.columnDims, (Dims{2, 0, 1}));
  EXPECT_EQ(channel.rowFactor, (FactorForm::Layout{{-1, 3}, {1, 1, 2, 4}}));
  EXPECT_EQ(channel.columnFactor, (FactorForm::Layout{{0, 1, 2, -1}, {2, 3, 3, 2}}));
  EXPECT_EQ(spatial.rowDims, (Dims{3, 1}));
  EXPECT_EQ(spatial.columnDims, (Dims{2, 0}));
  EXPECT_EQ(spatial.rowFactor, (FactorForm::Layout{{1, -1, 3}, {1, 3, 2, 4}}));
  EXPECT_EQ(spatial.columnFactor, (FactorForm::Layout{{0, 2, -1}, {2, 1, 3, 2}}));
  EXPECT_EQ(spatial.columnUses, 9.0 / 4.0);
}

// No sums of products of floats with a weight.
TEST_F(ForeignFactors, NoFormsOfOtherLinalgOps) {
  // Integers.
  EXPECT_TRUE(getForms(R"mlir(
    func.func @f(%x: tensor<4x6xi32>, %i: tensor<4x5xi32>) -> tensor<4x5xi32> {
      %w = arith.constant dense<1> : tensor<6x5xi32>
      %y = linalg.matmul ins(%x, %w : tensor<4x6xi32>, tensor<6x5xi32>) outs(%i : tensor<4x5xi32>) -> tensor<4x5xi32>
      return %y : tensor<4x5xi32>
    })mlir")
                  .empty());
  // No weight.
  EXPECT_TRUE(getForms(R"mlir(
    func.func @f(%x: tensor<4x6xf32>, %w: tensor<6x5xf32>, %i: tensor<4x5xf32>) -> tensor<4x5xf32> {
      %y = linalg.matmul ins(%x, %w : tensor<4x6xf32>, tensor<6x5xf32>) outs(%i : tensor<4x5xf32>) -> tensor<4x5xf32>
      return %y : tensor<4x5xf32>
    })mlir")
                  .empty());
  // Depthwise.
  EXPECT_TRUE(getForms(R"mlir(
    func.func @f(%x: tensor<1x3x5x5xf32>, %i: tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32> {
      %w = arith.constant dense<1.0> : tensor<3x3x3xf32>
      %y = linalg.depthwise_conv_2d_nchw_chw {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
           ins(%x, %w : tensor<1x3x5x5xf32>, tensor<3x3x3xf32>) outs(%i : tensor<1x3x3x3xf32>) -> tensor<1x3x3x3xf32>
      return %y : tensor<1x3x3x3xf32>
    })mlir")
                  .empty());
}

TEST_F(ForeignFactors, OtherFormsAreErrors) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    func.func @f(%x: tensor<?x6xf32>, %i: tensor<?x5xf32>) -> tensor<?x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32>
      %y = linalg.matmul ins(%x, %w : tensor<?x6xf32>, tensor<6x5xf32>)
                         outs(%i : tensor<?x5xf32>) -> tensor<?x5xf32>
      return %y : tensor<?x5xf32>
    })mlir");
  FactorableOpInterface op = findOp(*module);
  FactorForm form = op.getFactorForms(2).front();
  form.name = "spatial";
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  OpBuilder builder(op);
  Value weight = op->getOperand(1);
  EXPECT_TRUE(failed(op.createFactors(builder, form, weight, weight, Value())));
  EXPECT_EQ(message, "'linalg.matmul' op cannot be split in the form 'spatial'");
}

//===----------------------------------------------------------------------===//
// tosa
//===----------------------------------------------------------------------===//

TEST_F(ForeignFactors, TosaMatmul) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<2x3x6xf32>, %a: tensor<2x3x5xf32>) -> tensor<2x3x5xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<2x6x5xf32>}> : () -> tensor<2x6x5xf32>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
      %y = tosa.matmul %x, %w, %z, %z : (tensor<2x3x6xf32>, tensor<2x6x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x3x5xf32>
      return %y : tensor<2x3x5xf32>
    })mlir",
                  {"matrix"}),
            twice("tosa.matmul"));
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<1x6x4xf32>, %a: tensor<1x5x4xf32>) -> tensor<1x5x4xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<1x5x6xf32>}> : () -> tensor<1x5x6xf32>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
      %y = tosa.matmul %w, %x, %z, %z : (tensor<1x5x6xf32>, tensor<1x6x4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x5x4xf32>
      return %y : tensor<1x5x4xf32>
    })mlir",
                  {"matrix"}),
            twice("tosa.matmul"));
}

// Pads, strides and dilations are divided; the bias stays with the second op.
TEST_F(ForeignFactors, TosaConv) {
  const char *text = R"mlir(
    func.func @f(%x: tensor<2x9x8x3xf32>, %a: tensor<2x5x10x4xf32>) -> tensor<2x5x10x4xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<4x2x3x3xf32>}> : () -> tensor<4x2x3x3xf32>
      %b = "tosa.const"() <{values = dense<BIAS> : tensor<4xf32>}> : () -> tensor<4xf32>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
      %y = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 1, 0, 2, 4>, stride = array<i64: 2, 1>, dilation = array<i64: 1, 2>}
         : (tensor<2x9x8x3xf32>, tensor<4x2x3x3xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<2x5x10x4xf32>
      return %y : tensor<2x5x10x4xf32>
    })mlir";
  std::string zero(text), bias(text);
  zero.replace(zero.find("BIAS"), 4, "0.0");
  bias.replace(bias.find("BIAS"), 4, "[1.0, -2.0, 3.0, 7.0]");
  EXPECT_EQ(check(zero, {"channel", "spatial"}), twice("tosa.conv2d"));
  // Instead of the addend, the bias.
  OwningOpRef<ModuleOp> module = parse(bias);
  FactorableOpInterface op = findOp(*module);
  for (const FactorForm &form : op.getFactorForms(2)) {
    OpBuilder builder(op);
    Value row = makeFactor(builder, op, builder.getF32Type(), form, true, true, 2);
    Value column = makeFactor(builder, op, builder.getF32Type(), form, false, true, 2);
    FailureOr<Value> value = op.createFactors(builder, form, row, column, Value());
    ASSERT_TRUE(succeeded(value));
    EXPECT_EQ(value->getDefiningOp<tosa::Conv2DOp>().getBias(), op->getOperand(2));
    EXPECT_TRUE(succeeded(verify(*module)));
  }
}

TEST_F(ForeignFactors, TosaConv3d) {
  EXPECT_EQ(check(R"mlir(
    func.func @f(%x: tensor<1x4x5x4x3xf32>, %a: tensor<1x3x5x4x4xf32>) -> tensor<1x3x5x4x4xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<4x2x1x2x3xf32>}> : () -> tensor<4x2x1x2x3xf32>
      %b = "tosa.const"() <{values = dense<0.0> : tensor<4xf32>}> : () -> tensor<4xf32>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
      %y = tosa.conv3d %x, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 0, 0, 0, 0, 1, 0>, stride = array<i64: 1, 1, 1>, dilation = array<i64: 1, 1, 1>}
         : (tensor<1x4x5x4x3xf32>, tensor<4x2x1x2x3xf32>, tensor<4xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x5x4x4xf32>
      return %y : tensor<1x3x5x4x4xf32>
    })mlir",
                  {"channel"}),
            twice("tosa.conv3d"));
}

// Accumulating in another type: what is between is cast back.
TEST_F(ForeignFactors, TosaMatmulOfHalves) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    func.func @f(%x: tensor<1x4x6xf16>) -> tensor<1x4x5xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<1x6x5xf16>}> : () -> tensor<1x6x5xf16>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf16>}> : () -> tensor<1xf16>
      %y = tosa.matmul %x, %w, %z, %z : (tensor<1x4x6xf16>, tensor<1x6x5xf16>, tensor<1xf16>, tensor<1xf16>) -> tensor<1x4x5xf32>
      return %y : tensor<1x4x5xf32>
    })mlir");
  ASSERT_TRUE(module);
  FactorableOpInterface op = findOp(*module);
  FactorForm form = op.getFactorForms(2).front();
  OpBuilder builder(op);
  Value row = makeFactor(builder, op, builder.getF16Type(), form, true, true, 2);
  Value column = makeFactor(builder, op, builder.getF16Type(), form, false, true, 2);
  FailureOr<Value> value = op.createFactors(builder, form, row, column, Value());
  ASSERT_TRUE(succeeded(value));
  EXPECT_TRUE(succeeded(verify(*module)));
  EXPECT_TRUE(value->getDefiningOp<tosa::MatMulOp>().getA().getDefiningOp<tosa::CastOp>());
}

// Recipes and reports find the two by name; the plan is carried out.
TEST_F(ForeignFactors, Names) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    func.func @f(%x: tensor<1x4x6xf32>) -> tensor<1x4x5xf32> {
      %w = "tosa.const"() <{values = dense<1.0> : tensor<1x6x5xf32>}> : () -> tensor<1x6x5xf32>
      %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
      %y = tosa.matmul %x, %w, %z, %z {compress.plan = #compress.plan<low_rank = "rank:2">, mine = 3 : i64, node_name = "fc"}
         : (tensor<1x4x6xf32>, tensor<1x6x5xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x5xf32>
      return %y : tensor<1x4x5xf32>
    })mlir");
  ASSERT_TRUE(module);
  FactorableOpInterface op = findOp(*module);
  FactorForm form = op.getFactorForms(2).front();
  OpBuilder builder(op);
  Value row = makeFactor(builder, op, builder.getF32Type(), form, true, true, 2);
  Value column = makeFactor(builder, op, builder.getF32Type(), form, false, true, 2);
  ASSERT_TRUE(succeeded(op.createFactors(builder, form, row, column, Value())));
  auto check = [&](Value factor, StringRef name) {
    Operation *user = *factor.getUsers().begin();
    EXPECT_EQ(user->getAttrOfType<StringAttr>("node_name").getValue(), name);
    EXPECT_TRUE(user->hasAttr("mine"));
    EXPECT_FALSE(user->hasAttr("compress.plan"));
  };
  check(column, "fc/v");
  check(row, "fc/u");

  // Ops without a name are known by that of their weight.
  module = parse(R"mlir(
    func.func @f(%x: tensor<4x6xf32>, %i: tensor<4x5xf32>) -> tensor<4x5xf32> {
      %w = arith.constant dense<1.0> : tensor<6x5xf32> loc("layer1.weight")
      %y = linalg.matmul {mine = 1 : i64} ins(%x, %w : tensor<4x6xf32>, tensor<6x5xf32>)
                                          outs(%i : tensor<4x5xf32>) -> tensor<4x5xf32>
      return %y : tensor<4x5xf32>
    })mlir");
  ASSERT_TRUE(module);
  op = findOp(*module);
  form = op.getFactorForms(2).front();
  OpBuilder matmulBuilder(op);
  row = makeFactor(matmulBuilder, op, builder.getF32Type(), form, true, true, 2);
  column = makeFactor(matmulBuilder, op, builder.getF32Type(), form, false, true, 2);
  ASSERT_TRUE(succeeded(op.createFactors(matmulBuilder, form, row, column, Value())));
  check(column, "layer1.weight/v");
  check(row, "layer1.weight/u");
}
