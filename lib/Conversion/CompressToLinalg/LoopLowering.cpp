//===- LoopLowering.cpp - Loop and Scan as structured loops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A Scan, and a Loop whose number of iterations is known before it starts, is `scf.for` if the
// sizes of all carried values are static, otherwise `scf.while`: canonicalization of `scf.for`
// takes the sizes of an initial value for those of all iterations. Values that are carried are
// tensors. Scan outputs are written into a tensor of their final size where sizes are known before
// the loop, else appended.
//
//===----------------------------------------------------------------------===//

#include "ControlFlow.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::compress;

static int64_t getInteger(OnnxOp op, StringRef name, int64_t fallback) {
  auto attribute = dyn_cast_or_null<IntegerAttr>(op.getOnnxAttr(name));
  return attribute ? attribute.getInt() : fallback;
}

/// Entry `i` of an INTS attribute, or `fallback` without it.
static int64_t getEntry(OnnxOp op, StringRef name, size_t i, int64_t fallback) {
  auto attribute = dyn_cast_or_null<DenseI64ArrayAttr>(op.getOnnxAttr(name));
  return attribute && i < static_cast<size_t>(attribute.size()) ? attribute[i] : fallback;
}

/// A tensor that holds one scalar, of type `type` (rank 0, or one element).
static Value createScalarTensor(TensorBuilder &b, Value scalar, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> ones(tensor.getRank(), 1);
  return b.cast(
      tensor::FromElementsOp::create(b.rewriter, b.loc, tensor.clone(ones), scalar).getResult(),
      type);
}

//===----------------------------------------------------------------------===//
// Scan outputs
//===----------------------------------------------------------------------===//

namespace {
/// The tensor in which the slices of all iterations are stacked.
struct StackedOutput {
  /// Dim of the iterations, and whether they are stored from the back.
  int64_t axis = 0;
  bool isReversed = false;
  /// Type of the tensor while it is carried; its sizes are known before the loop if `isSized`.
  RankedTensorType type;
  bool isSized = false;

  /// The tensor before the first iteration.
  Value create(TensorBuilder &b, OpFoldResult count) const {
    SmallVector<OpFoldResult> sizes;
    for (auto [dim, size] : llvm::enumerate(type.getShape())) {
      if (static_cast<int64_t>(dim) == axis)
        sizes.push_back(isSized ? count : b.index(0));
      else
        sizes.push_back(b.index(ShapedType::isDynamic(size) ? 0 : size));
    }
    return b.cast(b.empty(sizes, type.getElementType()), type);
  }

  /// The tensor after an iteration with `slice`.
  Value store(TensorBuilder &b, Value stacked, Value slice, Value iteration,
              OpFoldResult count) const {
    Value part = b.insertDims(slice, axis);
    SmallVector<OpFoldResult> partSizes = b.getSizesOf(part), sizes = b.getSizesOf(stacked);
    SmallVector<OpFoldResult> offsets(sizes.size(), b.index(0));
    if (isSized) {
      OpFoldResult last = b.sub(count, b.index(1));
      offsets[axis] = isReversed ? b.sub(last, iteration) : OpFoldResult(iteration);
      for (int64_t dim = 0, rank = sizes.size(); dim < rank; ++dim) {
        if (dim != axis)
          b.check(b.equal(partSizes[dim], sizes[dim]), "outputs of iterations differ in size");
        partSizes[dim] = dim == axis ? b.index(1) : sizes[dim];
      }
      Value exact = b.castChecked(part, tensor::ExtractSliceOp::inferResultType(
                                            cast<RankedTensorType>(stacked.getType()), partSizes));
      return b.insert(exact, stacked, offsets, partSizes);
    }
    // One more than before, in a new tensor.
    OpFoldResult isFirst = b.equal(sizes[axis], b.index(0));
    SmallVector<OpFoldResult> grown(partSizes);
    for (int64_t dim = 0, rank = sizes.size(); dim < rank; ++dim)
      if (dim != axis)
        b.check(b.either(isFirst, b.equal(partSizes[dim], sizes[dim])),
                "outputs of iterations differ in size");
    grown[axis] = b.add(sizes[axis], b.index(1));
    SmallVector<OpFoldResult> oldSizes(partSizes);
    oldSizes[axis] = sizes[axis];
    partSizes[axis] = b.index(1);
    // Without iterations before, the other sizes are 0 and nothing is copied.
    for (int64_t dim = 0, rank = sizes.size(); dim < rank; ++dim)
      if (dim != axis)
        oldSizes[dim] = sizes[dim];
    SmallVector<OpFoldResult> oldOffsets(offsets);
    (isReversed ? oldOffsets : offsets)[axis] = isReversed ? b.index(1) : sizes[axis];
    Value target = b.empty(grown, type.getElementType());
    auto insert = [&](Value source, ArrayRef<OpFoldResult> at, ArrayRef<OpFoldResult> extent) {
      auto exact =
          tensor::ExtractSliceOp::inferResultType(cast<RankedTensorType>(target.getType()), extent);
      target = b.insert(b.cast(source, exact), target, at, extent);
    };
    insert(stacked, oldOffsets, oldSizes);
    insert(part, offsets, partSizes);
    return b.cast(target, type);
  }
};
} // namespace

/// How the slices `slice` of scan output `result` are stacked.
static FailureOr<StackedOutput> getStackedOutput(OnnxOp op, Type slice, Type result, int64_t axis,
                                                 bool isReversed, bool isCountKnown,
                                                 const TypeConverter &converter) {
  auto part = cast<RankedTensorType>(converter.convertType(slice));
  auto whole = cast<RankedTensorType>(converter.convertType(result));
  if (axis < 0)
    axis += whole.getRank();
  if (part.getRank() + 1 != whole.getRank() || part.getElementType() != whole.getElementType() ||
      axis < 0 || axis >= whole.getRank())
    return failNode(op, "type of a scan output does not fit the body's");
  StackedOutput output;
  output.axis = axis;
  output.isReversed = isReversed;
  SmallVector<int64_t> shape(part.getShape());
  shape.insert(shape.begin() + axis, ShapedType::kDynamic);
  output.type = part.clone(shape);
  output.isSized = isCountKnown && part.hasStaticShape();
  return output;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

namespace {
/// The loop of a Loop or Scan.
struct Iterations {
  Operation *loop = nullptr;
  /// Where the body goes, and its values: number of the iteration, condition, carried values.
  Block *body = nullptr;
  Value iteration, condition;
  SmallVector<Value> carried;
  /// Carried values after the last iteration.
  ValueRange results;

  /// `count` iterations, or fewer if `condition` (may be null) becomes false. The first `free` of
  /// the values may change their sizes unless they are static.
  static Iterations create(TensorBuilder &b, OpFoldResult count, Value condition,
                           ArrayRef<Value> values, size_t free, ArrayRef<StackedOutput> stacks) {
    bool isFixed = llvm::all_of(values.take_front(free), [](Value value) {
      return mlir::cast<RankedTensorType>(value.getType()).hasStaticShape();
    });
    isFixed &= llvm::all_of(stacks, [](const StackedOutput &stack) { return stack.isSized; });
    return !condition && isFixed ? createFor(b, count, values)
                                 : createWhile(b, count, condition, values);
  }

  /// Ends the body; `condition` (may be null) is that of the next iteration.
  void yield(TensorBuilder &b, Value condition, ArrayRef<Value> next) const {
    SmallVector<Value> values(next);
    if (isa<scf::WhileOp>(loop)) {
      values.insert(values.begin(), b.value(b.add(OpFoldResult(iteration), b.index(1))));
      if (this->condition)
        values.insert(values.begin() + 1, condition);
    }
    scf::YieldOp::create(b.rewriter, b.loc, values);
  }

private:
  static Iterations createFor(TensorBuilder &b, OpFoldResult count, ArrayRef<Value> values) {
    auto loop = scf::ForOp::create(b.rewriter, b.loc, b.value(b.index(0)), b.value(count),
                                   b.value(b.index(1)), values);
    // Without carried values the loop comes with a terminator.
    if (!loop.getBody()->empty())
      b.rewriter.eraseOp(loop.getBody()->getTerminator());
    return {loop,
            loop.getBody(),
            loop.getInductionVar(),
            {},
            SmallVector<Value>(loop.getRegionIterArgs()),
            loop.getResults()};
  }

  static Iterations createWhile(TensorBuilder &b, OpFoldResult count, Value condition,
                                ArrayRef<Value> values) {
    SmallVector<Value> operands{b.value(b.index(0))};
    if (condition)
      operands.push_back(condition);
    size_t first = operands.size();
    llvm::append_range(operands, values);
    SmallVector<Type> types(ValueRange(operands).getTypes());
    SmallVector<Location> locations(types.size(), b.loc);
    Value limit = b.value(count);
    auto loop = scf::WhileOp::create(b.rewriter, b.loc, types, operands);
    OpBuilder::InsertionGuard guard(b.rewriter);
    Block *before = b.rewriter.createBlock(&loop.getBefore(), {}, types, locations);
    Value goesOn = arith::CmpIOp::create(b.rewriter, b.loc, arith::CmpIPredicate::slt,
                                         before->getArgument(0), limit);
    if (condition)
      goesOn = arith::AndIOp::create(b.rewriter, b.loc, goesOn, before->getArgument(1));
    scf::ConditionOp::create(b.rewriter, b.loc, goesOn, before->getArguments());
    Block *after = b.rewriter.createBlock(&loop.getAfter(), {}, types, locations);
    return {loop,
            after,
            after->getArgument(0),
            condition ? Value(after->getArgument(1)) : Value(),
            SmallVector<Value>(after->getArguments().drop_front(first)),
            loop.getResults().drop_front(first)};
  }
};

/// Loop and Scan have in common how carried values are typed and bodies are moved.
struct IterationLowering : public NodeLowering {
  using NodeLowering::NodeLowering;

protected:
  /// Types of carried values: what initial values, body arguments, outputs and results share.
  FailureOr<SmallVector<Type>> getCarriedTypes(OnnxOp op, ValueRange initial, ValueRange arguments,
                                               ValueRange outputs, ValueRange results) const {
    SmallVector<Type> types;
    for (size_t i = 0; i < initial.size(); ++i) {
      FailureOr<RankedTensorType> type =
          joinTensorTypes(initial[i].getType(), arguments[i].getType());
      for (Type other : {outputs[i].getType(), results[i].getType()})
        if (succeeded(type))
          type = joinTensorTypes(*type, other);
      if (failed(type))
        return failNode(op, "types of a carried value do not agree");
      types.push_back(getTypeConverter()->convertType(*type));
    }
    return types;
  }

  /// Moves the body to the end of `target` with values for its arguments.
  void inlineBody(ConversionPatternRewriter &rewriter, TensorBuilder &b, Block &body, Block *target,
                  ArrayRef<Value> arguments) const {
    SmallVector<Value> values;
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToEnd(target);
    for (auto [value, argument] : llvm::zip_equal(arguments, body.getArguments()))
      values.push_back(b.castChecked(value, getTypeConverter()->convertType(argument.getType())));
    rewriter.inlineBlockBefore(&body, target, target->end(), values);
  }
};

struct LoopLowering : public IterationLowering {
  using IterationLowering::IterationLowering;
  LogicalResult matchAndRewrite(OnnxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getOpType() != "Loop" || !op.isDefaultDomain())
      return rewriter.notifyMatchFailure(op, "no Loop");
    Region *region = getNodeBody(op, "body");
    if (!region || op.getInputs().size() < 2 || op.getBodies().size() != 1)
      return failNode(op, "expects a trip count, a condition and a body");
    Block &body = region->front();
    Operation *terminator = body.getTerminator();
    ValueRange outputs = terminator->getOperands(), initial = op.getInputs().drop_front(2);
    size_t carried = initial.size();
    if (body.getNumArguments() != carried + 2 || outputs.size() != op.getNumResults() + 1 ||
        op.getNumResults() < carried)
      return failNode(op, "body and node differ in the number of values");
    if (failed(checkNodeTypes(op, initial.getTypes(), "carried value")) ||
        failed(checkNodeTypes(op, body.getArgumentTypes(), "input of the body")) ||
        failed(checkNodeTypes(op, outputs.getTypes(), "output of the body")) ||
        failed(checkNodeTypes(op, op.getResultTypes(), "result")))
      return failure();
    for (Value limit : op.getInputs().take_front(2))
      if (!isa<NoneType>(limit.getType()) &&
          failed(checkNodeTypes(op, limit.getType(), "trip count or condition")))
        return failure();
    FailureOr<SmallVector<Type>> types = getCarriedTypes(
        op, initial, body.getArguments().drop_front(2), outputs.slice(1, carried), op.getResults());
    if (failed(types))
      return failure();

    TensorBuilder b(rewriter, op.getLoc(), lowering, "Loop");
    bool hasCount = !isa<NoneType>(op.getInputs()[0].getType());
    bool isCounted = hasCount && keepsCondition(body, outputs[0]);
    SmallVector<StackedOutput> stacks;
    for (size_t i = carried; i < op.getNumResults(); ++i) {
      FailureOr<StackedOutput> stack =
          getStackedOutput(op, outputs[i + 1].getType(), op.getResult(i).getType(), /*axis=*/0,
                           /*isReversed=*/false, isCounted, *getTypeConverter());
      if (failed(stack))
        return failure();
      stacks.push_back(*stack);
      types->push_back(stack->type);
    }

    Value zero = b.value(b.index(0));
    OpFoldResult count = b.index(INT64_MAX);
    if (hasCount)
      count = b.max(b.toIndex(b.getScalar(adaptor.getInputs()[0])), zero);
    Value condition = b.constant(rewriter.getI1Type(), 1);
    if (!isa<NoneType>(op.getInputs()[1].getType()))
      condition = b.getScalar(adaptor.getInputs()[1]);
    if (isCounted)
      count = arith::SelectOp::create(rewriter, op.getLoc(), condition, b.value(count), zero)
                  .getResult();
    SmallVector<Value> values;
    for (auto [value, type] : llvm::zip(adaptor.getInputs().drop_front(2), *types))
      values.push_back(b.cast(value, type));
    for (const StackedOutput &stack : stacks)
      values.push_back(stack.create(b, count));

    Iterations loop =
        Iterations::create(b, count, isCounted ? Value() : condition, values, carried, stacks);
    enter(op, b, body, loop);
    (*continuations)[terminator] = [this, loop, carried, stacks, types = *types, count](
                                       ConversionPatternRewriter &rewriter, ValueRange outputs) {
      TensorBuilder b(rewriter, loop.loop->getLoc(), lowering, "Loop");
      SmallVector<Value> next;
      for (size_t i = 0; i < types.size(); ++i)
        next.push_back(i < carried ? b.castChecked(outputs[i + 1], types[i])
                                   : stacks[i - carried].store(b, loop.carried[i], outputs[i + 1],
                                                               loop.iteration, count));
      loop.yield(b, loop.condition ? b.getScalar(outputs[0]) : Value(), next);
    };
    SmallVector<Value> finals;
    for (auto [value, result] : llvm::zip_equal(loop.results, op.getResults()))
      finals.push_back(b.castChecked(value, getTypeConverter()->convertType(result.getType())));
    rewriter.replaceOp(op, finals);
    return success();
  }

private:
  /// Whether the condition that the body gives is the one that it got, or always true.
  static bool keepsCondition(Block &body, Value condition) {
    if (condition == body.getArgument(1))
      return true;
    std::optional<SmallVector<int64_t>> known = getConstantIntegers(condition);
    return known && known->size() == 1 && known->front() != 0;
  }

  /// Moves the body into the loop.
  void enter(OnnxOp op, TensorBuilder &b, Block &body, const Iterations &loop) const {
    OpBuilder::InsertionGuard guard(b.rewriter);
    b.rewriter.setInsertionPointToEnd(loop.body);
    Type counter = getTypeConverter()->convertType(body.getArgument(0).getType());
    Type flag = getTypeConverter()->convertType(body.getArgument(1).getType());
    Value number = arith::IndexCastOp::create(
        b.rewriter, op.getLoc(), cast<RankedTensorType>(counter).getElementType(), loop.iteration);
    Value condition = loop.condition;
    if (!condition)
      condition = b.constant(b.rewriter.getI1Type(), 1);
    SmallVector<Value> arguments{createScalarTensor(b, number, counter),
                                 createScalarTensor(b, condition, flag)};
    arguments.append(loop.carried.begin(), loop.carried.begin() + (body.getNumArguments() - 2));
    inlineBody(b.rewriter, b, body, loop.body, arguments);
  }
};

struct ScanLowering : public IterationLowering {
  using IterationLowering::IterationLowering;
  LogicalResult matchAndRewrite(OnnxOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (op.getOpType() != "Scan" || !op.isDefaultDomain())
      return rewriter.notifyMatchFailure(op, "no Scan");
    if (op.getVersion() < 9)
      return failNode(op, "batched form of opset 8");
    Region *region = getNodeBody(op, "body");
    int64_t scans = getInteger(op, "num_scan_inputs", 0), inputs = op.getInputs().size();
    if (!region || scans < 1 || scans > inputs || op.getBodies().size() != 1)
      return failNode(op, "expects a body and the number of its scan inputs");
    int64_t states = inputs - scans;
    Block &body = region->front();
    Operation *terminator = body.getTerminator();
    ValueRange outputs = terminator->getOperands(), initial = op.getInputs().take_front(states);
    if (static_cast<int64_t>(body.getNumArguments()) != inputs ||
        outputs.size() != op.getNumResults() || static_cast<int64_t>(outputs.size()) < states)
      return failNode(op, "body and node differ in the number of values");
    if (failed(checkNodeTypes(op, op.getInputs().getTypes(), "input")) ||
        failed(checkNodeTypes(op, body.getArgumentTypes(), "input of the body")) ||
        failed(checkNodeTypes(op, outputs.getTypes(), "output of the body")) ||
        failed(checkNodeTypes(op, op.getResultTypes(), "result")))
      return failure();
    FailureOr<SmallVector<Type>> types =
        getCarriedTypes(op, initial, body.getArguments().take_front(states),
                        outputs.take_front(states), op.getResults());
    if (failed(types))
      return failure();
    SmallVector<StackedOutput> stacks;
    for (size_t i = states; i < outputs.size(); ++i) {
      FailureOr<StackedOutput> stack =
          getStackedOutput(op, outputs[i].getType(), op.getResult(i).getType(),
                           getEntry(op, "scan_output_axes", i - states, 0),
                           getEntry(op, "scan_output_directions", i - states, 0) == 1,
                           /*isCountKnown=*/true, *getTypeConverter());
      if (failed(stack))
        return failure();
      stacks.push_back(*stack);
      types->push_back(stack->type);
    }
    SmallVector<int64_t> axes;
    for (int64_t i = 0; i < scans; ++i) {
      auto type = cast<RankedTensorType>(op.getInputs()[states + i].getType());
      auto part = cast<RankedTensorType>(body.getArgument(states + i).getType());
      int64_t axis = getEntry(op, "scan_input_axes", i, 0);
      axis += axis < 0 ? type.getRank() : 0;
      if (axis < 0 || axis >= type.getRank() || part.getRank() + 1 != type.getRank() ||
          part.getElementType() != type.getElementType())
        return failNode(op, "scan input does not fit the body's");
      axes.push_back(axis);
    }

    TensorBuilder b(rewriter, op.getLoc(), lowering, "Scan");
    OpFoldResult count = lowering.getSize(rewriter, op.getLoc(), op.getInputs()[states], axes[0]);
    for (int64_t i = 1; i < scans; ++i)
      b.check(b.equal(lowering.getSize(rewriter, op.getLoc(), op.getInputs()[states + i], axes[i]),
                      count),
              "scan inputs differ in length");
    SmallVector<Value> values;
    for (int64_t i = 0; i < states; ++i)
      values.push_back(b.cast(adaptor.getInputs()[i], (*types)[i]));
    for (const StackedOutput &stack : stacks)
      values.push_back(stack.create(b, count));
    Iterations loop = Iterations::create(b, count, {}, values, states, stacks);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToEnd(loop.body);
      SmallVector<Value> arguments(ArrayRef(loop.carried).take_front(states));
      for (int64_t i = 0; i < scans; ++i) {
        OpFoldResult position = loop.iteration;
        if (getEntry(op, "scan_input_directions", i, 0) == 1)
          position = b.sub(b.sub(count, b.index(1)), position);
        arguments.push_back(takeSlice(b, adaptor.getInputs()[states + i], position, axes[i]));
      }
      inlineBody(rewriter, b, body, loop.body, arguments);
    }
    (*continuations)[terminator] = [this, loop, states, stacks, types = *types, count](
                                       ConversionPatternRewriter &rewriter, ValueRange outputs) {
      TensorBuilder b(rewriter, loop.loop->getLoc(), lowering, "Scan");
      SmallVector<Value> next;
      for (auto [i, output] : llvm::enumerate(outputs))
        next.push_back(
            static_cast<int64_t>(i) < states
                ? b.castChecked(output, types[i])
                : stacks[i - states].store(b, loop.carried[i], output, loop.iteration, count));
      loop.yield(b, {}, next);
    };
    SmallVector<Value> finals;
    for (auto [value, result] : llvm::zip_equal(loop.results, op.getResults()))
      finals.push_back(b.castChecked(value, getTypeConverter()->convertType(result.getType())));
    rewriter.replaceOp(op, finals);
    return success();
  }

private:
  /// `tensor` at `position` of `axis`, without that dim.
  static Value takeSlice(TensorBuilder &b, Value tensor, OpFoldResult position, int64_t axis) {
    SmallVector<OpFoldResult> sizes = b.getSizesOf(tensor), offsets(sizes.size(), b.index(0));
    offsets[axis] = position;
    sizes[axis] = b.index(1);
    return b.dropDims(b.slice(tensor, offsets, sizes), axis);
  }
};
} // namespace

void compress::populateLoopPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                    std::shared_ptr<Continuations> continuations,
                                    RewritePatternSet &patterns) {
  patterns.add<LoopLowering, ScanLowering>(converter, lowering, continuations);
}
