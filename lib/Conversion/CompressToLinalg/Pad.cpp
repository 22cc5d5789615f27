//===- Pad.cpp - padding and cropping -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Negative pads cut first; what is left, the core, is padded. A constant pad fills the result and
// inserts the core; the other modes read the element of the core that each element repeats.
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"
#include "mlir/Dialect/Complex/IR/Complex.h"

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Of one dim: offset and size of the core in the input, and its offset in the result.
struct DimPad {
  OpFoldResult cut, core, begin, size;
  /// Result and core are the same.
  bool isNone;
};
} // namespace

/// Element of the core that an element at `index` (from the core's begin on) repeats.
static Value getPadSource(OpBuilder &builder, Location loc, Value index, Value size, PadMode mode) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value zero = constant(0), one = constant(1);
  if (mode == PadMode::Edge) {
    Value last = arith::SubIOp::create(builder, loc, size, one);
    return arith::MaxSIOp::create(builder, loc, zero,
                                  arith::MinSIOp::create(builder, loc, index, last));
  }
  Value period = size;
  if (mode == PadMode::Reflect) {
    Value last = arith::SubIOp::create(builder, loc, size, one);
    period = arith::MaxSIOp::create(builder, loc, one,
                                    arith::MulIOp::create(builder, loc, constant(2), last));
  }
  // The remainder of negative indices too, in [0, period).
  Value phase = arith::RemSIOp::create(builder, loc, index, period);
  Value isNegative = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, phase, zero);
  phase = arith::SelectOp::create(builder, loc, isNegative,
                                  arith::AddIOp::create(builder, loc, phase, period), phase);
  if (mode == PadMode::Wrap)
    return phase;
  Value isForward = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, phase, size);
  return arith::SelectOp::create(builder, loc, isForward, phase,
                                 arith::SubIOp::create(builder, loc, period, phase));
}

namespace {
struct PadLowering : public MovementPattern<PadOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(PadOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    int64_t rank = input.size();
    SmallVector<OpFoldResult> pads = b.getElements(op.getPads(), adaptor.getPads(), 2 * rank);
    SmallVector<DimPad> dims;
    for (int64_t dim = 0; dim < rank; ++dim)
      dims.push_back(getDimPad(b, input[dim], pads[dim], pads[rank + dim], op.getMode()));
    SmallVector<OpFoldResult> sizes = lowering.getResultSizes(
        b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) { return dims[dim].size; });
    auto type = cast<RankedTensorType>(op.getType());
    for (int64_t dim = 0; dim < rank; ++dim)
      if (!type.isDynamicDim(dim))
        b.check(b.equal(dims[dim].size, sizes[dim]),
                "result has another size than the model declares");

    SmallVector<OpFoldResult> cuts, cores, begins;
    for (const DimPad &dim : dims) {
      cuts.push_back(dim.cut);
      cores.push_back(dim.core);
      begins.push_back(dim.begin);
    }
    Value core = adaptor.getInput();
    if (llvm::any_of(cuts, [](OpFoldResult cut) { return !isConstantIntValue(cut, 0); }) ||
        cores != input)
      core = b.slice(core, cuts, cores);
    if (llvm::all_of(dims, [](const DimPad &dim) { return dim.isNone; }))
      results.push_back(core);
    else if (op.getMode() == PadMode::Constant)
      results.push_back(b.insert(
          b.cast(core, tensor::ExtractSliceOp::inferResultType(
                           type.clone(getStorageElementType(type.getElementType())), cores)),
          b.fill(sizes, getFillValue(adaptor, b)), begins, cores));
    else
      results.push_back(repeat(b, core, dims, sizes, op.getMode()));
    return success();
  }

private:
  static DimPad getDimPad(TensorBuilder &b, OpFoldResult input, OpFoldResult begin,
                          OpFoldResult end, PadMode mode) {
    OpFoldResult zero = b.index(0), limit = b.index(int64_t(1) << 40);
    for (OpFoldResult pad : {begin, end})
      b.check(b.both(b.lessEqual(pad, limit), b.lessEqual(b.index(-(int64_t(1) << 40)), pad)),
              "pads are too large");
    OpFoldResult cut = b.sub(zero, b.min(begin, zero));
    OpFoldResult core = b.add(b.sub(input, cut), b.min(end, zero));
    b.check(b.lessEqual(zero, core), "cuts more than there is");
    DimPad result{cut, core, b.max(begin, zero), {}, false};
    result.size = b.add(b.add(core, result.begin), b.max(end, zero));
    result.isNone = result.size == core;
    if (mode != PadMode::Constant && !result.isNone)
      b.check(b.either(b.less(zero, core), b.equal(result.size, zero)), "has no element to repeat");
    return result;
  }

  static Value getFillValue(Adaptor adaptor, TensorBuilder &b) {
    if (adaptor.getValue())
      return b.getScalar(adaptor.getValue());
    Type elementType = cast<RankedTensorType>(adaptor.getInput().getType()).getElementType();
    if (auto complexType = dyn_cast<ComplexType>(elementType)) {
      Attribute part = b.rewriter.getZeroAttr(complexType.getElementType());
      return complex::ConstantOp::create(b.rewriter, b.loc, complexType,
                                         b.rewriter.getArrayAttr({part, part}));
    }
    return b.constant(elementType, 0);
  }

  static Value repeat(TensorBuilder &b, Value core, ArrayRef<DimPad> dims,
                      ArrayRef<OpFoldResult> sizes, PadMode mode) {
    Type elementType = cast<RankedTensorType>(core.getType()).getElementType();
    return b.map(sizes, elementType, {}, {}, [&](OpBuilder &body, Location loc, ValueRange) {
      IndexMath math(body, loc);
      SmallVector<Value> position;
      for (auto [i, dim] : llvm::enumerate(dims)) {
        Value at = linalg::IndexOp::create(body, loc, i);
        if (!dim.isNone)
          at = getPadSource(body, loc, math.value(math.sub(OpFoldResult(at), dim.begin)),
                            math.value(dim.core), mode);
        position.push_back(at);
      }
      Value element = tensor::ExtractOp::create(body, loc, core, position);
      linalg::YieldOp::create(body, loc, element);
    });
  }
};
} // namespace

void compress::populatePadPatterns(const TypeConverter &converter, LoweringContext &lowering,
                                   RewritePatternSet &patterns) {
  patterns.add<PadLowering>(converter, lowering);
}
