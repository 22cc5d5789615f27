//===- MovementOps.cpp - ops that move slices: concat, split, slice, pad -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InferenceSite.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/TypeInference.h"
#include "compress/Reference/DataMovement.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

using reference::Tensor;
using Results = llvm::Expected<SmallVector<Tensor>>;

/// Relates every dim but `axis`.
static void relateOthers(DimensionRelations &relations, Value a, Value b, int64_t axis) {
  int64_t rank = cast<RankedTensorType>(a.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != axis)
      relations.same(a, dim, b, dim);
}

//===----------------------------------------------------------------------===//
// concat
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                         Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  // C1
  if (adaptor.getInputs().empty())
    return site.error("expects at least one input, got none");
  FailureOr<RankedTensorType> first = site.getTensor(adaptor.getInputs().front(), "input");
  // C3
  int64_t axis = static_cast<int64_t>(adaptor.getAxis());
  if (failed(first) || failed(site.checkAxis(axis, first->getRank())))
    return failure();
  SmallVector<int64_t> dims(first->getShape());
  for (Value input : adaptor.getInputs().drop_front()) {
    FailureOr<RankedTensorType> type = site.getTensor(input, "input");
    if (failed(type))
      return failure();
    // C2
    if (type->getRank() != first->getRank() || type->getElementType() != first->getElementType())
      return site.error("expects inputs of one rank and element type, got " + typeToString(*first) +
                        " and " + typeToString(*type));
    for (int64_t dim = 0; dim < type->getRank(); ++dim) {
      int64_t size = type->getDimSize(dim);
      if (dim == axis && (ShapedType::isDynamic(dims[dim]) || ShapedType::isDynamic(size))) {
        dims[dim] = ShapedType::kDynamic;
      } else if (dim == axis) {
        FailureOr<int64_t> sum = site.add(dims[dim], size);
        if (failed(sum))
          return failure();
        dims[dim] = *sum;
      } else if (isSameDim(dims[dim], size)) {
        dims[dim] = refineDim(dims[dim], size);
      } else {
        // C4
        return site.error("expects inputs that agree in all dims but " + Twine(axis) + ", got " +
                          Twine(dims[dim]) + " and " + Twine(size) + " in dim " + Twine(dim));
      }
    }
  }
  return site.push(dims, first->getElementType(), types);
}

Results ConcatOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::concat(operands, static_cast<int64_t>(getAxis())));
}

void ConcatOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis());
  std::optional<int64_t> offset = 0;
  for (Value input : getInputs()) {
    relateOthers(relations, input, getResult(), axis);
    if (offset)
      relations.affine(input, axis, getResult(), axis, *offset, 1);
    else
      relations.fixed(input, axis, "its offset in the concatenation is not known");
    int64_t size = cast<RankedTensorType>(input.getType()).getDimSize(axis);
    if (ShapedType::isDynamic(size))
      offset = std::nullopt;
    else if (offset)
      *offset += size;
  }
  if (!offset && getInputs().size() > 1)
    relations.fixed(getResult(), axis, "offsets in the concatenation are not known");
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1 && getInputs().front().getType() == getResult().getType())
    return getInputs().front();
  return {};
}

//===----------------------------------------------------------------------===//
// split
//===----------------------------------------------------------------------===//

LogicalResult SplitOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  // C1
  int64_t axis = static_cast<int64_t>(adaptor.getAxis());
  if (failed(input) || failed(site.checkAxis(axis, input->getRank())))
    return failure();
  // C2
  FailureOr<int64_t> total = 0;
  for (int64_t size : adaptor.getSizes()) {
    if (size < 0)
      return site.error("expects sizes that are not negative, got " +
                        dimsToString(adaptor.getSizes()));
    total = site.add(*total, size);
    if (failed(total))
      return failure();
  }
  if (!isSameDim(input->getDimSize(axis), *total))
    return site.error("expects sizes that add up to " + Twine(input->getDimSize(axis)) + ", got " +
                      dimsToString(adaptor.getSizes()));
  SmallVector<int64_t> dims(input->getShape());
  for (int64_t size : adaptor.getSizes()) {
    dims[axis] = size;
    if (failed(site.push(dims, input->getElementType(), types)))
      return failure();
  }
  return success();
}

Results SplitOp::evaluate(ArrayRef<Tensor> operands) {
  return reference::split(operands[0], getSizes(), static_cast<int64_t>(getAxis()));
}

void SplitOp::getDimensionRelations(DimensionRelations &relations) {
  int64_t axis = static_cast<int64_t>(getAxis()), offset = 0;
  for (auto [part, size] : llvm::zip_equal(getParts(), getSizes())) {
    relateOthers(relations, part, getInput(), axis);
    relations.affine(part, axis, getInput(), axis, offset, 1);
    offset += size;
  }
}

//===----------------------------------------------------------------------===//
// slice
//===----------------------------------------------------------------------===//

namespace {
/// What a slice takes of one dim.
struct SliceRange {
  int64_t start = 0, size = 0;
};
} // namespace

/// The range of a dim of static size, clamped as ONNX Slice does.
static SliceRange clampSlice(int64_t size, int64_t start, int64_t end, int64_t step) {
  start += start < 0 ? size : 0;
  end += end < 0 ? size : 0;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    return {start, start >= end ? 0 : (end - start - 1) / step + 1};
  }
  start = std::clamp<int64_t>(start, std::min<int64_t>(size - 1, 0), size - 1);
  end = std::clamp<int64_t>(end, -1, std::max<int64_t>(size - 1, -1));
  if (start <= end)
    return {start, 0};
  uint64_t magnitude = uint64_t(0) - static_cast<uint64_t>(step);
  return {start, static_cast<int64_t>(static_cast<uint64_t>(start - end - 1) / magnitude) + 1};
}

/// True for a slice that takes the whole of a dim of any size.
static bool isWholeDim(int64_t start, int64_t end, int64_t step) {
  return start == 0 && step == 1 && end >= std::numeric_limits<int32_t>::max();
}

LogicalResult SliceOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                        Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> startsType = site.getTensor(adaptor.getStarts(), "starts");
  FailureOr<RankedTensorType> endsType = site.getTensor(adaptor.getEnds(), "ends");
  if (failed(input) || failed(startsType) || failed(endsType))
    return failure();
  // C1
  ArrayRef<int64_t> axes = adaptor.getAxes(), steps = adaptor.getSteps();
  SmallVector<int64_t> sorted(axes);
  llvm::sort(sorted);
  if (failed(site.checkIncreasingAxes(sorted, input->getRank())))
    return failure();
  // C3
  int64_t length = static_cast<int64_t>(axes.size());
  if (steps.size() != axes.size())
    return site.error("expects " + Twine(length) + " steps, got " + Twine(steps.size()));
  if (failed(site.checkVector("starts", *startsType, length)) ||
      failed(site.checkVector("ends", *endsType, length)))
    return failure();
  // C2
  if (llvm::is_contained(steps, 0))
    return site.error("expects steps that are not zero, got " + dimsToString(steps));
  std::optional<SmallVector<int64_t>> starts = getConstantIntegers(adaptor.getStarts());
  std::optional<SmallVector<int64_t>> ends = getConstantIntegers(adaptor.getEnds());
  bool isConstant = starts && ends && starts->size() == axes.size() && ends->size() == axes.size();
  SmallVector<int64_t> dims(input->getShape());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (!isConstant || ShapedType::isDynamic(dims[axis]))
      dims[axis] = ShapedType::kDynamic;
    else
      dims[axis] = clampSlice(dims[axis], (*starts)[i], (*ends)[i], steps[i]).size;
  }
  return site.push(dims, input->getElementType(), types);
}

Results SliceOp::evaluate(ArrayRef<Tensor> operands) {
  return single(reference::slice(operands[0], operands[1].toInts(), operands[2].toInts(), getAxes(),
                                 getSteps()));
}

void SliceOp::getDimensionRelations(DimensionRelations &relations) {
  relations.fixed(getStarts(), 0, "bounds of a slice");
  relations.fixed(getEnds(), 0, "bounds of a slice");
  std::optional<SmallVector<int64_t>> starts = getConstantIntegers(getStarts());
  std::optional<SmallVector<int64_t>> ends = getConstantIntegers(getEnds());
  RankedTensorType input = getInput().getType();
  for (int64_t dim = 0; dim < input.getRank(); ++dim) {
    const int64_t *axis = llvm::find(getAxes(), dim);
    size_t i = axis - getAxes().begin();
    if (axis == getAxes().end()) {
      relations.same(getInput(), dim, getResult(), dim);
    } else if (starts && ends && isWholeDim((*starts)[i], (*ends)[i], getSteps()[i])) {
      relations.same(getInput(), dim, getResult(), dim);
    } else if (starts && ends && !input.isDynamicDim(dim)) {
      SliceRange range = clampSlice(input.getDimSize(dim), (*starts)[i], (*ends)[i], getSteps()[i]);
      relations.affine(getResult(), dim, getInput(), dim, range.start, getSteps()[i]);
    } else {
      relations.fixed(getInput(), dim, "the bounds of its slice are not known");
      relations.fixed(getResult(), dim, "the bounds of its slice are not known");
    }
  }
}

//===----------------------------------------------------------------------===//
// pad
//===----------------------------------------------------------------------===//

LogicalResult PadOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                                      Adaptor adaptor, SmallVectorImpl<Type> &types) {
  InferenceSite site(location, getOperationName());
  FailureOr<RankedTensorType> input = site.getTensor(adaptor.getInput(), "input");
  FailureOr<RankedTensorType> padsType = site.getTensor(adaptor.getPads(), "pads");
  if (failed(input) || failed(padsType))
    return failure();
  // C1
  int64_t rank = input->getRank();
  if (failed(site.checkVector("pads", *padsType, 2 * rank)))
    return failure();
  // C2
  if (Value value = adaptor.getValue()) {
    FailureOr<RankedTensorType> type = site.getTensor(value, "value");
    if (failed(type))
      return failure();
    if (type->getRank() != 0)
      return site.error("expects a value of rank 0, got " + dimsToString(type->getShape()));
    if (failed(site.checkElementType("a value", type->getElementType(), input->getElementType())))
      return failure();
  }
  SmallVector<int64_t> dims(rank, ShapedType::kDynamic);
  std::optional<SmallVector<int64_t>> pads = getConstantIntegers(adaptor.getPads());
  if (!pads || static_cast<int64_t>(pads->size()) != 2 * rank)
    return site.push(dims, input->getElementType(), types);
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t begin = (*pads)[dim], end = (*pads)[dim + rank];
    if (begin == 0 && end == 0)
      dims[dim] = input->getDimSize(dim);
    if (input->isDynamicDim(dim) || (begin == 0 && end == 0))
      continue;
    // C3
    std::optional<int64_t> size = llvm::checkedAdd(input->getDimSize(dim), begin);
    if (size)
      size = llvm::checkedAdd(*size, end);
    if (!size || *size < 0)
      return site.error("expects result sizes in [0, 2^63), got " + Twine(input->getDimSize(dim)) +
                        " padded by " + Twine(begin) + " and " + Twine(end));
    dims[dim] = *size;
  }
  return site.push(dims, input->getElementType(), types);
}

/// The mode of the reference function.
static reference::PadMode getReferenceMode(PadMode mode) {
  switch (mode) {
  case PadMode::Constant:
    return reference::PadMode::Constant;
  case PadMode::Reflect:
    return reference::PadMode::Reflect;
  case PadMode::Edge:
    return reference::PadMode::Edge;
  case PadMode::Wrap:
    return reference::PadMode::Wrap;
  }
  llvm_unreachable("all modes are handled");
}

Results PadOp::evaluate(ArrayRef<Tensor> operands) {
  SmallVector<int64_t> pads = operands[1].toInts();
  size_t rank = operands[0].getRank();
  if (pads.size() != 2 * rank)
    return reference::makeError("'compress.pad' op expects " + Twine(2 * rank) + " pads, got " +
                                Twine(pads.size()));
  return single(reference::pad(operands[0], ArrayRef(pads).take_front(rank),
                               ArrayRef(pads).drop_front(rank), getReferenceMode(getMode()),
                               operands.size() > 2 ? &operands[2] : nullptr));
}

/// True if what is added is zero.
static bool padsWithZeros(PadOp op) {
  if (op.getMode() != PadMode::Constant)
    return false;
  Value value = op.getValue();
  if (!value || matchPattern(value, m_AnyZeroFloat()) || matchPattern(value, m_Zero()))
    return true;
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto literal = source ? dyn_cast_or_null<DenseElementsAttr>(source.getWeightValue()) : nullptr;
  if (!literal || !literal.isSplat())
    return false;
  if (isa<FloatType>(literal.getElementType()))
    return literal.getSplatValue<APFloat>().isZero();
  return isa<IntegerType>(literal.getElementType()) && literal.getSplatValue<APInt>().isZero();
}

void PadOp::getDimensionRelations(DimensionRelations &relations) {
  relations.fixed(getPads(), 0, "sizes of a padding");
  std::optional<SmallVector<int64_t>> pads = getConstantIntegers(getPads());
  RankedTensorType input = getInput().getType();
  bool isZero = padsWithZeros(*this);
  int64_t rank = input.getRank();
  for (int64_t dim = 0; dim < rank; ++dim) {
    bool isKnown = pads && !input.isDynamicDim(dim);
    int64_t begin = pads ? (*pads)[dim] : 0, end = pads ? (*pads)[dim + rank] : 0;
    if (pads && begin == 0 && end == 0) {
      relations.same(getInput(), dim, getResult(), dim);
    } else if (isKnown && isZero && begin >= 0 && end >= 0) {
      // What is added is independent: it is zero.
      relations.affine(getInput(), dim, getResult(), dim, begin, 1);
    } else if (isKnown && begin <= 0 && end <= 0) {
      relations.affine(getResult(), dim, getInput(), dim, -begin, 1);
    } else {
      relations.fixed(getInput(), dim, "this dim is padded");
      relations.fixed(getResult(), dim, "this dim is padded");
    }
  }
}
