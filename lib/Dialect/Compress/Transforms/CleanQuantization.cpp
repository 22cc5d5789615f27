//===- CleanQuantization.cpp - models that come quantized -----------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Reference/Tensor.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_CLEANQUANTIZATION
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

namespace {
/// What patterns share: the bytes of constants, and where new ones go.
struct Cleaner {
  explicit Cleaner(ModuleOp module) : store(module.getContext()), symbols(module) {}

  WeightStore store;
  WeightSymbols symbols;

  /// Bytes of a stored constant; nothing for other values.
  std::optional<StoredTensor> read(Value value) {
    auto source = value ? value.getDefiningOp<WeightSourceOpInterface>() : nullptr;
    if (!source || !isa<RankedTensorType>(value.getType()))
      return std::nullopt;
    FailureOr<StoredTensor> stored =
        StoredTensor::read(store, source, [&] { return source->emitError(); });
    if (failed(stored))
      return std::nullopt;
    return std::move(*stored);
  }

  /// Whether two values are the same one, or constants with the same bytes.
  bool isSame(Value a, Value b) {
    if (a == b)
      return true;
    if (!a || !b || a.getType() != b.getType())
      return false;
    std::optional<StoredTensor> first = read(a), second = first ? read(b) : std::nullopt;
    return second && first->bytes() == second->bytes();
  }

  bool isZero(Value value) {
    std::optional<StoredTensor> stored = read(value);
    return stored && llvm::all_of(stored->bytes(), [](char byte) { return byte == 0; });
  }

  /// Whether codes mean the same for both ops. No zero point is the zero point 0.
  template <typename A, typename B>
  bool haveSameParameters(A a, B b) {
    if (a.getBlock() != b.getBlock() || !isSame(a.getScale(), b.getScale()))
      return false;
    Value zeroA = a.getZeroPoint(), zeroB = b.getZeroPoint();
    if (!zeroA || !zeroB)
      return zeroA == zeroB || isZero(zeroA ? zeroA : zeroB);
    return isSame(zeroA, zeroB);
  }

  /// Whether all scales are known, positive, and far from the ends of f32.
  bool hasOrdinaryScale(Value scale) {
    std::optional<StoredTensor> stored = read(scale);
    if (!stored || stored->getDataType() != DataType::F32)
      return false;
    ArrayRef<char> bytes = stored->bytes();
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      float value;
      std::memcpy(&value, bytes.data() + i, sizeof(value));
      if (!(value >= 1e-30f && value <= 1e30f))
        return false;
    }
    return true;
  }
};
} // namespace

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-clean-quantization").category("clean");
}

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether one scale holds for the whole tensor.
template <typename OpTy>
static bool isPerTensor(OpTy op) {
  return getTensorType(op.getScale()).getRank() == 0;
}

/// Integer codes that dequantizing to f32 and quantizing again gives back: the error of the product
/// and the quotient, 2^-23 of a difference of two codes, is far below a half.
static bool hasExactCodes(Value codes) {
  auto type = dyn_cast<IntegerType>(getTensorType(codes).getElementType());
  return type && type.getWidth() > 1 && type.getWidth() <= 16;
}

/// A dequantized activation: no weight, which has its normal form.
static DequantizeOp getDequantizedActivation(Value value) {
  auto op = value.getDefiningOp<DequantizeOp>();
  return op && isPerTensor(op) && failed(getWeightChain(value)) ? op : DequantizeOp();
}

//===----------------------------------------------------------------------===//
// Ops that choose elements
//===----------------------------------------------------------------------===//

/// Whether every element of every result is an element of the operands that
/// `getMovedOperands` gives, chosen by what does not depend on the elements; of max pooling
/// the largest of some.
static bool isMovement(Operation *op) {
  if (auto pool = dyn_cast<PoolOp>(op)) {
    if (pool.getKind() != PoolKind::Max)
      return false;
    // No window lies in the padding as a whole.
    size_t rank = pool.getKernel().size();
    for (auto [i, pad] : llvm::enumerate(pool.getPads()))
      if (pad >= pool.getKernel()[i % rank] || (pad != 0 && pool.getDilations()[i % rank] != 1))
        return false;
    return !pool.getCeilMode() ||
           llvm::all_of(pool.getDilations(), [](int64_t dilation) { return dilation == 1; });
  }
  return isa<ReshapeOp, BroadcastOp, TransposeOp, SqueezeOp, UnsqueezeOp, ConcatOp, SplitOp,
             SliceOp, PadOp, GatherOp, GatherElementsOp, GatherNDOp>(op);
}

static OperandRange getMovedOperands(Operation *op) {
  return isa<ConcatOp>(op) ? op->getOperands() : op->getOperands().take_front(1);
}

/// A copy of `op` that moves elements of another type: `inputs` instead of its own. What padding
/// puts in becomes `padding`.
static Operation *cloneMovement(OpBuilder &builder, Operation *op, ValueRange inputs,
                                Value padding) {
  Operation *copy = builder.clone(*op);
  Type element = getTensorType(inputs.front()).getElementType();
  copy->setOperands(0, inputs.size(), inputs);
  if (auto pad = dyn_cast<PadOp>(copy); pad && pad.getMode() == PadMode::Constant) {
    pad.getValueMutable().clear();
    if (padding)
      pad.getValueMutable().assign(padding);
  }
  for (Value result : copy->getResults())
    result.setType(getTensorType(result).clone(element));
  return copy;
}

//===----------------------------------------------------------------------===//
// Patterns that keep every bit
//===----------------------------------------------------------------------===//

namespace {
template <typename OpTy>
struct CleanPattern : public OpRewritePattern<OpTy> {
  CleanPattern(MLIRContext *context, Cleaner &cleaner)
      : OpRewritePattern<OpTy>(context), cleaner(cleaner) {}

protected:
  Cleaner &cleaner;
};

/// quantize(dequantize(codes, s, z), s, z)  ->  codes
struct RedundantQuantize : public CleanPattern<QuantizeOp> {
  using CleanPattern::CleanPattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto dequantize = op.getInput().getDefiningOp<DequantizeOp>();
    if (!dequantize || dequantize.getCodes().getType() != op.getCodes().getType() ||
        !hasExactCodes(op.getCodes()) || !getTensorType(op.getInput()).getElementType().isF32() ||
        !cleaner.haveSameParameters(op, dequantize) || !cleaner.hasOrdinaryScale(op.getScale()))
      return failure();
    remark::passed(op.getLoc(), getRemarkOptions())
        << "quantize of dequantized codes with the same parameters is removed";
    rewriter.replaceOp(op, dequantize.getCodes());
    return success();
  }
};

/// The same op once more on the same operand, with the same parameters  ->  the first one
template <typename OpTy>
struct RepeatedOp : public CleanPattern<OpTy> {
  using CleanPattern<OpTy>::CleanPattern;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    if (op->getOperand(0).template getDefiningOp<WeightSourceOpInterface>())
      return failure();
    for (Operation *user : op->getOperand(0).getUsers()) {
      auto other = dyn_cast<OpTy>(user);
      if (!other || other == op || other->getBlock() != op->getBlock() ||
          !other->isBeforeInBlock(op) || other->getResultTypes() != op->getResultTypes() ||
          !this->cleaner.haveSameParameters(op, other))
        continue;
      remark::passed(op.getLoc(), getRemarkOptions())
          << ("repeated " + op->getName().stripDialect() + " is removed").str();
      rewriter.replaceOp(op, other->getResults());
      return success();
    }
    return failure();
  }
};

/// quantize(constant)  ->  constant codes, so that a weight is a chain on stored codes
struct ConstantQuantize : public CleanPattern<QuantizeOp> {
  using CleanPattern::CleanPattern;

  LogicalResult matchAndRewrite(QuantizeOp op, PatternRewriter &rewriter) const override {
    auto source = op.getInput().getDefiningOp<WeightSourceOpInterface>();
    SmallVector<reference::Tensor> operands;
    for (Value operand : op->getOperands()) {
      std::optional<StoredTensor> stored = cleaner.read(operand);
      if (!stored)
        return failure();
      llvm::Expected<reference::Tensor> tensor = reference::Tensor::fromPacked(
          stored->getDataType(), stored->getType().getShape(), stored->bytes());
      if (!tensor)
        return consume(tensor.takeError());
      operands.push_back(std::move(*tensor));
    }
    llvm::Expected<SmallVector<reference::Tensor>> results =
        cast<ReferenceOpInterface>(op.getOperation()).evaluate(operands);
    if (!results)
      return consume(results.takeError());
    llvm::Expected<SmallVector<char, 0>> packed = results->front().toPacked();
    if (!packed)
      return consume(packed.takeError());
    RankedTensorType type =
        getTensorType(op.getInput()).clone(getTensorType(op.getCodes()).getElementType());
    FailureOr<StoredTensor> codes =
        StoredTensor::allocate(cleaner.store, type, [&] { return op.emitError(); });
    if (failed(codes))
      return failure();
    llvm::copy(*packed, codes->mutableBytes().begin());
    std::string name = source.getWeightName();
    remark::passed(op.getLoc(), getRemarkOptions()) << "weight '" + name + "' is stored as codes";
    Value value = codes->materialize(rewriter, cleaner.symbols, cleaner.store, source,
                                     getBaseName(name).str() + ".q");
    rewriter.replaceOp(op, value);
    return success();
  }

private:
  static LogicalResult consume(llvm::Error error) {
    llvm::consumeError(std::move(error));
    return failure();
  }
};

/// movement(dequantize(codes))  ->  dequantize(movement(codes))
struct MoveDequantizeDown : public RewritePattern {
  MoveDequantizeDown(MLIRContext *context, Cleaner &cleaner)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context), cleaner(cleaner) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isMovement(op))
      return failure();
    SmallVector<Value> codes;
    DequantizeOp first;
    for (Value operand : getMovedOperands(op)) {
      DequantizeOp dequantize = getDequantizedActivation(operand);
      if (!dequantize || isa<FloatType>(getTensorType(dequantize.getCodes()).getElementType()))
        return failure();
      if (first && (dequantize.getCodes().getType().getElementType() !=
                        first.getCodes().getType().getElementType() ||
                    !cleaner.haveSameParameters(dequantize, first)))
        return failure();
      if (!first)
        first = dequantize;
      codes.push_back(dequantize.getCodes());
    }
    if (!first || (isa<PoolOp>(op) && !cleaner.hasOrdinaryScale(first.getScale())))
      return failure();
    // What padding puts in has to be the value of a code.
    if (auto pad = dyn_cast<PadOp>(op))
      if (pad.getMode() == PadMode::Constant &&
          ((pad.getValue() && !cleaner.isZero(pad.getValue())) ||
           !cleaner.hasOrdinaryScale(first.getScale())))
        return failure();
    remark::passed(op->getLoc(), getRemarkOptions())
        << ("dequantize moves below " + op->getName().stripDialect()).str();
    Operation *moved = cloneMovement(rewriter, op, codes, first.getZeroPoint());
    SmallVector<Value> results;
    for (auto [result, old] : llvm::zip_equal(moved->getResults(), op->getResults()))
      results.push_back(DequantizeOp::create(rewriter, first.getLoc(), old.getType(), result,
                                             first.getScale(), first.getZeroPoint(),
                                             DenseI64ArrayAttr()));
    rewriter.replaceOp(op, results);
    return success();
  }

private:
  Cleaner &cleaner;
};

//===----------------------------------------------------------------------===//
// Patterns that strip
//===----------------------------------------------------------------------===//

/// Whether no element of `value` is below zero, as far as the ops that compute it say.
static bool isNonNegative(Cleaner &cleaner, Value value, unsigned depth = 8) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (isa<ReluOp, SigmoidOp, SoftmaxOp>(op))
    return true;
  if (auto clip = dyn_cast<ClipOp>(op))
    return clip.getMin() && cleaner.isZero(clip.getMin());
  if (!isMovement(op) && !isa<PoolOp>(op))
    return false;
  return llvm::all_of(getMovedOperands(op),
                      [&](Value operand) { return isNonNegative(cleaner, operand, depth - 1); });
}

/// dequantize(quantize(x, s, z), s, z)  ->  x, also of dynamic_quantize
///
/// Where the smallest code stands for 0, the pair is what is left of a relu or clip, which
/// quantizers fold into the saturation:  ->  clip(x, 0, value of the largest code)
struct StripPair : public CleanPattern<DequantizeOp> {
  using CleanPattern::CleanPattern;

  LogicalResult matchAndRewrite(DequantizeOp op, PatternRewriter &rewriter) const override {
    Value input;
    if (auto quantize = op.getCodes().getDefiningOp<QuantizeOp>()) {
      if (quantize.getInput().getType() == op.getType() && cleaner.haveSameParameters(op, quantize))
        input = limit(op, quantize.getInput(), rewriter);
    } else if (auto dynamic = op.getCodes().getDefiningOp<DynamicQuantizeOp>()) {
      bool isSymmetric = dynamic.getCodes().getType().getElementType().isSignlessInteger();
      if (op.getScale() == dynamic.getScale() &&
          (op.getZeroPoint() ? op.getZeroPoint() == dynamic.getZeroPoint() : isSymmetric))
        input = dynamic.getInput();
    }
    if (!input || input.getType() != op.getType())
      return failure();
    remark::passed(op.getLoc(), getRemarkOptions()) << "quantization is taken out";
    rewriter.replaceOp(op, input);
    return success();
  }

private:
  /// `input` with what saturation does to it; null if that is not known.
  Value limit(DequantizeOp op, Value input, PatternRewriter &rewriter) const {
    auto element = dyn_cast<IntegerType>(getTensorType(op.getCodes()).getElementType());
    if (!element || element.getWidth() > 16)
      return input;
    DataType type = *getDataType(element);
    int64_t zeroPoint = 0;
    if (op.getZeroPoint()) {
      std::optional<StoredTensor> stored = cleaner.read(op.getZeroPoint());
      if (!stored || stored->getType().getNumElements() == 0)
        return {};
      zeroPoint = readPacked(type, stored->bytes(), 0);
      // Channels with and without negative values.
      for (int64_t i = 1; i < stored->getType().getNumElements(); ++i)
        if ((readPacked(type, stored->bytes(), i) == getMinInt(type)) !=
            (zeroPoint == getMinInt(type)))
          return {};
    }
    std::optional<StoredTensor> scale = cleaner.read(op.getScale());
    if (zeroPoint != getMinInt(type) || isNonNegative(cleaner, input))
      return input;
    if (!isPerTensor(op) || !scale || scale->getDataType() != DataType::F32)
      return ReluOp::create(rewriter, op.getLoc(), input.getType(), input);
    float step;
    std::memcpy(&step, scale->bytes().data(), sizeof(step));
    float most = step * static_cast<float>(getMaxInt(type) - zeroPoint);
    auto bound = [&](float value) -> Value {
      auto boundType = RankedTensorType::get({}, rewriter.getF32Type());
      return ConstantOp::create(rewriter, op.getLoc(), boundType,
                                DenseElementsAttr::get(boundType, value));
    };
    return ClipOp::create(rewriter, op.getLoc(), input.getType(), input, bound(0), bound(most));
  }
};

struct StripFakeQuantize : public CleanPattern<FakeQuantizeOp> {
  using CleanPattern::CleanPattern;

  LogicalResult matchAndRewrite(FakeQuantizeOp op, PatternRewriter &rewriter) const override {
    if (op.getInput().getType() != op.getType())
      return failure();
    remark::passed(op.getLoc(), getRemarkOptions()) << "fake quantization is taken out";
    rewriter.replaceOp(op, op.getInput());
    return success();
  }
};

/// dequantize(movement(codes))  ->  movement(dequantize(codes))
struct MoveDequantizeUp : public CleanPattern<DequantizeOp> {
  using CleanPattern::CleanPattern;

  LogicalResult matchAndRewrite(DequantizeOp op, PatternRewriter &rewriter) const override {
    Operation *movement = op.getCodes().getDefiningOp();
    if (!movement || !isPerTensor(op) || !isMovement(movement) || movement->getNumResults() != 1 ||
        succeeded(getWeightChain(op.getResult())) ||
        (isa<PoolOp>(movement) && !cleaner.hasOrdinaryScale(op.getScale())))
      return failure();
    if (auto pad = dyn_cast<PadOp>(movement)) {
      // The code of zero becomes zero.
      Value value = pad.getValue(), zero = op.getZeroPoint();
      bool isZeroCode = !value ? !zero || cleaner.isZero(zero)
                        : zero ? cleaner.isSame(value, zero)
                               : cleaner.isZero(value);
      if (pad.getMode() == PadMode::Constant && !isZeroCode)
        return failure();
    }
    SmallVector<Value> inputs;
    Type element = op.getType().getElementType();
    rewriter.setInsertionPoint(op);
    for (Value operand : getMovedOperands(movement))
      inputs.push_back(DequantizeOp::create(rewriter, op.getLoc(),
                                            getTensorType(operand).clone(element), operand,
                                            op.getScale(), op.getZeroPoint(), DenseI64ArrayAttr()));
    Operation *moved = cloneMovement(rewriter, movement, inputs, /*padding=*/{});
    rewriter.replaceOp(op, moved->getResults());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

struct CleanQuantization : public compress::impl::CleanQuantizationBase<CleanQuantization> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    Cleaner cleaner(module);
    RewritePatternSet constants(context), patterns(context);
    if (strip) {
      patterns.add<StripPair, StripFakeQuantize, MoveDequantizeUp>(context, cleaner);
    } else {
      constants.add<ConstantQuantize>(context, cleaner);
      patterns.add<RedundantQuantize, RepeatedOp<QuantizeOp>, RepeatedOp<DequantizeOp>,
                   MoveDequantizeDown>(context, cleaner);
    }
    // Constants first: whether something is a weight counts for the others.
    if (failed(apply(module, std::move(constants))) || failed(apply(module, std::move(patterns)))) {
      module.emitError("internal error: cleaning of quantization does not come to an end");
      return signalPassFailure();
    }
    if (strip) {
      OpPassManager decode(ModuleOp::getOperationName());
      decode.addPass(createFoldDecode());
      if (failed(runPipeline(decode, module)))
        return signalPassFailure();
      reportRest(module);
    }
    removeDeadWeights(module);
  }

private:
  static LogicalResult apply(ModuleOp module, RewritePatternSet patterns) {
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
        GreedySimplifyRegionLevel::Disabled);
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isa_and_nonnull<CompressDialect>(op->getDialect()) && op->getNumResults() > 0)
        ops.push_back(op);
    });
    return applyOpPatternsGreedily(ops, std::move(patterns), config);
  }

  /// Says what could not be taken out.
  static void reportRest(ModuleOp module) {
    module.walk([&](Operation *op) {
      if (!isa<QuantizeOp, DynamicQuantizeOp, DequantizeOp>(op))
        return;
      std::string reason = "its codes are used as they are, or with other parameters";
      if (isa<DequantizeOp>(op))
        reason = "its codes do not come from quantization with the same parameters";
      remark::missed(op->getLoc(), getRemarkOptions())
          << (op->getName().stripDialect() + " stays: " + reason).str();
    });
  }
};
} // namespace
