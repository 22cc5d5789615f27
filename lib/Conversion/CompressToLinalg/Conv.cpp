//===- Conv.cpp - convolutions without kernels -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The padded input times the weight, with the last spatial dim of the result as the innermost loop.
// A transposed convolution is the same of the input with zeros between its elements, and the
// kernel reversed.
//
//===----------------------------------------------------------------------===//

#include "Accumulate.h"
#include "Patterns.h"

using namespace mlir;
using namespace mlir::compress;
using onnx::SymbolicExpr;

using Iterator = utils::IteratorType;

/// Strides, dilations and pads stay below this, so that no coordinate overflows.
static constexpr int64_t kMaxExtent = int64_t(1) << 31;

LogicalResult compress::checkWindow(Operation *op, ArrayRef<ArrayRef<int64_t>> lists) {
  for (ArrayRef<int64_t> list : lists)
    for (int64_t value : list)
      if (value >= kMaxExtent)
        return op->emitError("cannot be compiled to native code: window parameter ")
               << value << " is not below " << kMaxExtent;
  return success();
}

Value compress::padSpatial(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> sizes,
                           ArrayRef<OpFoldResult> begin, ArrayRef<OpFoldResult> end, Value value) {
  SmallVector<OpFoldResult> offsets(sizes.size(), b.index(0)), padded(sizes);
  bool isNone = true;
  for (size_t i = 0; i < begin.size(); ++i) {
    offsets[2 + i] = begin[i];
    padded[2 + i] = b.add(b.add(sizes[2 + i], begin[i]), end[i]);
    isNone &= isConstantIntValue(begin[i], 0) && isConstantIntValue(end[i], 0);
  }
  if (isNone)
    return input;
  auto type = cast<RankedTensorType>(input.getType());
  Value part = b.cast(input, tensor::ExtractSliceOp::inferResultType(type, sizes));
  return b.insert(part, b.fill(padded, value), offsets, sizes);
}

/// `tensor` with dim `dim` as `[groups, rest]`; the size is a multiple of `groups`.
static Value splitGroups(TensorBuilder &b, Value tensor, int64_t dim, int64_t groups) {
  SmallVector<SymbolicExpr> from, to;
  SmallVector<OpFoldResult> sizes;
  for (auto [i, size] : llvm::enumerate(b.getSizesOf(tensor))) {
    std::optional<int64_t> known = getConstantIntValue(size);
    if (static_cast<int64_t>(i) != dim) {
      from.push_back(known ? SymbolicExpr(*known) : SymbolicExpr::symbol(i));
      to.push_back(from.back());
      sizes.push_back(size);
      continue;
    }
    SymbolicExpr rest = known ? SymbolicExpr(*known / groups) : SymbolicExpr::symbol(i);
    from.push_back(*rest.mul(groups));
    to.append({SymbolicExpr(groups), rest});
    sizes.append({b.index(groups), b.div(size, b.index(groups))});
  }
  return b.reshape(tensor, from, to, sizes);
}

/// The opposite: dims `dim` and `dim + 1` as one.
static Value mergeGroups(TensorBuilder &b, Value tensor, int64_t dim) {
  SmallVector<SymbolicExpr> from, to;
  SmallVector<OpFoldResult> sizes, grouped = b.getSizesOf(tensor);
  for (auto [i, size] : llvm::enumerate(grouped)) {
    std::optional<int64_t> known = getConstantIntValue(size);
    from.push_back(known ? SymbolicExpr(*known) : SymbolicExpr::symbol(i));
    if (static_cast<int64_t>(i) == dim + 1) {
      to.back() = *to.back().mul(from.back());
      sizes.back() = b.mul(sizes.back(), size);
      continue;
    }
    to.push_back(from.back());
    sizes.push_back(size);
  }
  return b.reshape(tensor, from, to, sizes);
}

namespace {
/// A convolution without padding: input `[N, C, spatial...]`, weight `[O, C / groups, kernel...]`,
/// or with the first dims exchanged (`[C, O / groups, kernel...]`, `isTransposed`).
struct Correlation {
  Value input, weight, bias;
  int64_t groups;
  ArrayRef<int64_t> strides, dilations;
  bool isTransposed, isInputUnsigned, isWeightUnsigned;
  /// Of storage.
  Type elementType;
};
} // namespace

/// The result, of sizes `[N, O, spatial...]`.
static Value correlate(TensorBuilder &b, const Correlation &conv, ArrayRef<OpFoldResult> sizes) {
  MLIRContext *context = b.rewriter.getContext();
  int64_t spatial = sizes.size() - 2;
  Value input = conv.input, weight = conv.weight;
  Value init = createAccumulator(b, sizes, getAccumulatorType(conv.elementType), conv.bias, 1);
  bool isGrouped = conv.groups > 1;
  if (isGrouped) {
    input = splitGroups(b, input, 1, conv.groups);
    weight = splitGroups(b, weight, 0, conv.groups);
    init = splitGroups(b, init, 1, conv.groups);
  }
  // Loops: n, [group], output channel, rows of the result, channel, kernel, column of the result.
  int64_t next = 0;
  auto newLoop = [&] { return getAffineDimExpr(next++, context); };
  SmallVector<AffineExpr> in{newLoop()}, out, filter;
  out.push_back(in[0]);
  if (isGrouped) {
    AffineExpr group = newLoop();
    in.push_back(group);
    out.push_back(group);
    filter.push_back(group);
  }
  AffineExpr output = newLoop();
  out.push_back(output);
  SmallVector<AffineExpr> at, taps;
  for (int64_t i = 0; i + 1 < spatial; ++i)
    at.push_back(newLoop());
  int64_t firstReduction = next;
  AffineExpr channel = newLoop();
  for (int64_t i = 0; i < spatial; ++i)
    taps.push_back(newLoop());
  int64_t endReduction = next;
  at.push_back(newLoop());
  in.push_back(channel);
  filter.push_back(conv.isTransposed ? channel : output);
  filter.push_back(conv.isTransposed ? output : channel);
  for (int64_t i = 0; i < spatial; ++i) {
    in.push_back(at[i] * conv.strides[i] + taps[i] * conv.dilations[i]);
    out.push_back(at[i]);
    filter.push_back(taps[i]);
  }
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> exprs : {ArrayRef(in), ArrayRef(filter), ArrayRef(out)})
    maps.push_back(AffineMap::get(next, 0, exprs, context));
  SmallVector<Iterator> iterators(next, Iterator::parallel);
  for (int64_t i = firstReduction; i < endReduction; ++i)
    iterators[i] = Iterator::reduction;
  Value sums = b.contract(
      init, {input, weight}, maps, iterators, [&](OpBuilder &body, Location loc, ValueRange args) {
        yieldMultiplyAdd(body, loc, args, conv.isInputUnsigned, conv.isWeightUnsigned);
      });
  if (isGrouped)
    sums = mergeGroups(b, sums, 1);
  return b.convertElements(sums, conv.elementType, false);
}

/// A check that channels, groups and bias agree; `outputs` is dim `outputDim` of the weight.
static void checkChannels(TensorBuilder &b, OpFoldResult channels, OpFoldResult perGroup,
                          OpFoldResult total, Value bias, OpFoldResult outputs, int64_t groups) {
  b.check(b.equal(channels, b.mul(perGroup, b.index(groups))),
          "channels of the input and of the weight differ");
  b.check(b.equal(b.rem(total, b.index(groups)), b.index(0)), "groups do not divide the channels");
  if (bias)
    b.check(b.equal(b.lowering.getSize(b.rewriter, b.loc, bias, 0), outputs),
            "bias has another size than the output channels");
}

namespace {
struct ConvLowering : public MovementPattern<ConvOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ConvOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    if (failed(checkWindow(op, {op.getStrides(), op.getDilations(), op.getPads()})))
      return failure();
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput()),
                              weight = lowering.getSizes(b.rewriter, op.getLoc(), op.getWeight());
    int64_t spatial = input.size() - 2, groups = op.getGroups();
    checkChannels(b, input[1], weight[1], weight[0], op.getBias(), weight[0], groups);
    SmallVector<OpFoldResult> begin, end, extents;
    for (int64_t i = 0; i < spatial; ++i) {
      begin.push_back(b.index(op.getPads()[i]));
      end.push_back(b.index(op.getPads()[spatial + i]));
      extents.push_back(b.add(
          b.mul(b.sub(weight[2 + i], b.index(1)), b.index(op.getDilations()[i])), b.index(1)));
      b.check(b.both(b.lessEqual(b.index(1), weight[2 + i]),
                     b.lessEqual(extents[i], b.add(b.add(input[2 + i], begin[i]), end[i]))),
              "kernel does not fit into the padded input");
    }
    auto getSize = [&](int64_t dim) {
      if (dim < 2)
        return dim == 0 ? input[0] : weight[0];
      OpFoldResult padded = b.add(b.add(input[dim], begin[dim - 2]), end[dim - 2]);
      OpFoldResult room = b.max(b.sub(padded, extents[dim - 2]), b.index(0));
      return b.add(b.div(room, b.index(op.getStrides()[dim - 2])), b.index(1));
    };
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), getSize);
    b.checkStaticSizes(cast<RankedTensorType>(op.getType()), getSize);
    Type inputElement = cast<RankedTensorType>(adaptor.getInput().getType()).getElementType();
    Value padded =
        padSpatial(b, adaptor.getInput(), input, begin, end, b.constant(inputElement, 0));
    Type elementType = getStorageElementType(cast<RankedTensorType>(op.getType()).getElementType());
    Correlation conv{padded,
                     adaptor.getWeight(),
                     adaptor.getBias(),
                     groups,
                     op.getStrides(),
                     op.getDilations(),
                     /*isTransposed=*/false,
                     isUnsignedTensor(op.getInput()),
                     isUnsignedTensor(op.getWeight()),
                     elementType};
    results.push_back(correlate(b, conv, sizes));
    return success();
  }
};

struct ConvTransposeLowering : public MovementPattern<ConvTransposeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ConvTransposeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    if (failed(checkArithmetic(op, op.getType())))
      return failure();
    if (failed(checkWindow(
            op, {op.getStrides(), op.getDilations(), op.getPads(), op.getOutputPadding()})))
      return failure();
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput()),
                              weight = lowering.getSizes(b.rewriter, op.getLoc(), op.getWeight());
    int64_t spatial = input.size() - 2, groups = op.getGroups();
    OpFoldResult outputs = b.mul(weight[1], b.index(groups)), one = b.index(1);
    checkChannels(b, weight[0], b.div(input[1], b.index(groups)), input[1], op.getBias(), outputs,
                  groups);
    // Per spatial dim the position of element 0 in the spread input, and the result's size.
    SmallVector<OpFoldResult> first, extents;
    for (int64_t i = 0; i < spatial; ++i) {
      b.check(b.both(b.lessEqual(one, weight[2 + i]), b.lessEqual(one, input[2 + i])),
              "needs a kernel and an input that are not empty");
      OpFoldResult reach = b.mul(b.sub(weight[2 + i], one), b.index(op.getDilations()[i]));
      first.push_back(b.sub(reach, b.index(op.getPads()[i])));
      OpFoldResult spread = b.mul(b.sub(input[2 + i], one), b.index(op.getStrides()[i]));
      int64_t extra = 1 + op.getOutputPadding()[i] - op.getPads()[i] - op.getPads()[spatial + i];
      extents.push_back(b.add(b.add(spread, reach), b.index(extra)));
      b.check(b.lessEqual(one, extents[i]), "pads leave no element");
    }
    auto getSize = [&](int64_t dim) {
      return dim == 0 ? input[0] : dim == 1 ? outputs : b.max(extents[dim - 2], b.index(0));
    };
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), getSize);
    b.checkStaticSizes(cast<RankedTensorType>(op.getType()), getSize);
    SmallVector<OpFoldResult> spreadSizes(ArrayRef(input).take_front(2));
    for (int64_t i = 0; i < spatial; ++i)
      spreadSizes.push_back(
          b.add(sizes[2 + i], b.mul(b.sub(weight[2 + i], one), b.index(op.getDilations()[i]))));
    Type elementType = cast<RankedTensorType>(op.getType()).getElementType();
    SmallVector<int64_t> ones(spatial, 1);
    Correlation conv{spread(b, adaptor.getInput(), spreadSizes, input, first, op.getStrides()),
                     reverse(b, adaptor.getWeight(), weight),
                     adaptor.getBias(),
                     groups,
                     ones,
                     op.getDilations(),
                     /*isTransposed=*/true,
                     false,
                     false,
                     elementType};
    results.push_back(correlate(b, conv, sizes));
    return success();
  }

private:
  /// Element `i` of a spatial dim at `first + i * stride`, zeros elsewhere.
  static Value spread(TensorBuilder &b, Value input, ArrayRef<OpFoldResult> sizes,
                      ArrayRef<OpFoldResult> inputSizes, ArrayRef<OpFoldResult> first,
                      ArrayRef<int64_t> strides) {
    Type elementType = cast<RankedTensorType>(input.getType()).getElementType();
    Value zero = b.constant(elementType, 0);
    return b.map(sizes, elementType, {}, {}, [&](OpBuilder &body, Location loc, ValueRange) {
      IndexMath math(body, loc);
      SmallVector<Value> position;
      OpFoldResult isElement = body.getBoolAttr(true);
      for (size_t dim = 0; dim < sizes.size(); ++dim) {
        OpFoldResult at = linalg::IndexOp::create(body, loc, dim).getResult();
        if (dim >= 2) {
          OpFoldResult stride = math.index(strides[dim - 2]);
          OpFoldResult distance = math.sub(at, first[dim - 2]);
          OpFoldResult inside = math.max(distance, math.index(0));
          OpFoldResult last = math.sub(inputSizes[dim], math.index(1));
          at = math.div(inside, stride);
          isElement = math.both(isElement, math.lessEqual(math.index(0), distance));
          isElement = math.both(isElement, math.lessEqual(at, last));
          if (strides[dim - 2] != 1)
            isElement = math.both(isElement, math.equal(math.rem(inside, stride), math.index(0)));
          at = math.min(at, last);
        }
        position.push_back(math.value(at));
      }
      Value element = tensor::ExtractOp::create(body, loc, input, position);
      linalg::YieldOp::create(
          body, loc,
          arith::SelectOp::create(body, loc, cast<Value>(isElement), element, zero).getResult());
    });
  }

  /// The weight with every spatial dim reversed.
  static Value reverse(TensorBuilder &b, Value weight, ArrayRef<OpFoldResult> sizes) {
    if (llvm::all_of(sizes.drop_front(2),
                     [](OpFoldResult size) { return isConstantIntValue(size, 1); }))
      return weight;
    Type elementType = cast<RankedTensorType>(weight.getType()).getElementType();
    return b.map(sizes, elementType, {}, {}, [&](OpBuilder &body, Location loc, ValueRange) {
      IndexMath math(body, loc);
      SmallVector<Value> position;
      for (size_t dim = 0; dim < sizes.size(); ++dim) {
        OpFoldResult at = linalg::IndexOp::create(body, loc, dim).getResult();
        if (dim >= 2)
          at = math.sub(math.sub(sizes[dim], math.index(1)), at);
        position.push_back(math.value(at));
      }
      Value element = tensor::ExtractOp::create(body, loc, weight, position);
      linalg::YieldOp::create(body, loc, element);
    });
  }
};
} // namespace

void compress::populateWindowPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                      RewritePatternSet &patterns) {
  patterns.add<ConvLowering, ConvTransposeLowering>(converter, lowering);
}
