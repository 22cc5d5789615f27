//===- Reshape.cpp - reshape, squeeze and unsqueeze as views -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reshape collapses groups of dims and expands each into new ones. The groups are the smallest
// whose numbers of elements are equal as polynomials of the input sizes. Where that cannot be
// proven for all dims, they are one group, and the numbers are compared at run time.
//
//===----------------------------------------------------------------------===//

#include "TensorBuilder.h"

using namespace mlir;
using namespace mlir::compress;
using onnx::SymbolicExpr;

namespace {
/// `from` dims that become `to` dims, both counted from the first that is not in a group before.
struct DimGroup {
  int64_t from, to;
  bool isProven;
};
} // namespace

static std::optional<SymbolicExpr> getProduct(ArrayRef<SymbolicExpr> factors) {
  std::optional<SymbolicExpr> result = SymbolicExpr(1);
  for (const SymbolicExpr &factor : factors)
    if (result)
      result = result->mul(factor);
  return result;
}

/// The smallest numbers of leading dims with equally many elements.
static std::optional<DimGroup> findGroup(ArrayRef<SymbolicExpr> from, ArrayRef<SymbolicExpr> to) {
  for (size_t total = 2; total <= from.size() + to.size(); ++total) {
    for (size_t count = 1; count < total; ++count) {
      if (count > from.size() || total - count > to.size())
        continue;
      std::optional<SymbolicExpr> left = getProduct(from.take_front(count)),
                                  right = getProduct(to.take_front(total - count));
      if (left && right && *left == *right)
        return DimGroup{static_cast<int64_t>(count), static_cast<int64_t>(total - count), true};
    }
  }
  return std::nullopt;
}

static bool areOnes(ArrayRef<SymbolicExpr> dims) {
  return llvm::all_of(dims, [](const SymbolicExpr &dim) { return dim.isConstant(1); });
}

/// Groups that cover all dims; a side is only empty if its rank is 0.
static SmallVector<DimGroup> findGroups(ArrayRef<SymbolicExpr> from, ArrayRef<SymbolicExpr> to) {
  SmallVector<DimGroup> groups;
  while (!from.empty() && !to.empty()) {
    std::optional<DimGroup> group = findGroup(from, to);
    if (!group)
      break;
    groups.push_back(*group);
    from = from.drop_front(group->from);
    to = to.drop_front(group->to);
  }
  if (!from.empty() || !to.empty()) {
    DimGroup rest{static_cast<int64_t>(from.size()), static_cast<int64_t>(to.size()),
                  areOnes(from) && areOnes(to)};
    if ((rest.from == 0 || rest.to == 0) && !groups.empty()) {
      rest.from += groups.back().from;
      rest.to += groups.back().to;
      groups.pop_back();
    }
    groups.push_back(rest);
  }
  return groups;
}

static SmallVector<int64_t> getStaticShape(ArrayRef<OpFoldResult> sizes) {
  SmallVector<int64_t> shape;
  for (OpFoldResult size : sizes) {
    std::optional<int64_t> known = getConstantIntValue(size);
    shape.push_back(known && *known >= 0 ? *known : ShapedType::kDynamic);
  }
  return shape;
}

static int64_t getStaticProduct(ArrayRef<int64_t> shape) {
  int64_t result = 1;
  for (int64_t size : shape)
    if (ShapedType::isDynamic(size) || llvm::MulOverflow(result, size, result))
      return ShapedType::kDynamic;
  return result;
}

/// Whether one is castable to the other.
static bool agree(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return llvm::all_of(llvm::zip_equal(a, b), [](auto pair) {
    auto [x, y] = pair;
    return x == y || ShapedType::isDynamic(x) || ShapedType::isDynamic(y);
  });
}

Value TensorBuilder::reshape(Value source, ArrayRef<SymbolicExpr> from, ArrayRef<SymbolicExpr> to,
                             ArrayRef<OpFoldResult> sizes) {
  auto type = mlir::cast<RankedTensorType>(source.getType());
  if (from == to && getStaticShape(sizes) == type.getShape())
    return source;
  SmallVector<OpFoldResult> sourceSizes = getSizesOf(source);
  for (auto [size, expr] : llvm::zip_equal(sourceSizes, from))
    if (std::optional<int64_t> known = expr.getConstant(); known && *known >= 0)
      size = index(*known);
  SmallVector<int64_t> sourceShape = getStaticShape(sourceSizes), shape = getStaticShape(sizes);
  Type elementType = type.getElementType();

  // Without elements there is nothing to group.
  if (llvm::is_contained(sourceShape, 0) || llvm::is_contained(shape, 0)) {
    check(equal(product(sourceSizes), product(sizes)), "changes the number of elements");
    return empty(sizes, elementType);
  }

  // Part of a proof does not help: without elements, the sizes of what is left are free.
  SmallVector<DimGroup> groups = findGroups(from, to);
  if (llvm::any_of(groups, [](const DimGroup &group) { return !group.isProven; }))
    groups = {{static_cast<int64_t>(from.size()), static_cast<int64_t>(to.size()), false}};
  SmallVector<ReassociationIndices> collapsed, expanded;
  SmallVector<int64_t> middle;
  int64_t first = 0, next = 0;
  for (const DimGroup &group : groups) {
    ArrayRef<OpFoldResult> left = ArrayRef(sourceSizes).slice(first, group.from),
                           right = ArrayRef(sizes).slice(next, group.to);
    if (!group.isProven)
      check(equal(product(left), product(right)), "changes the number of elements");
    collapsed.push_back(llvm::to_vector<2>(llvm::seq(first, first + group.from)));
    expanded.push_back(llvm::to_vector<2>(llvm::seq(next, next + group.to)));
    middle.push_back(getStaticProduct(ArrayRef(shape).slice(next, group.to)));
    first += group.from;
    next += group.to;
  }

  // Ranks of 0 have one element, so that all other dims are 1.
  if (sourceShape.empty())
    return cast(tensor::ExpandShapeOp::create(
                    builder, loc,
                    RankedTensorType::get(SmallVector<int64_t>(to.size(), 1), elementType), source,
                    ArrayRef<ReassociationIndices>{},
                    SmallVector<OpFoldResult>(to.size(), index(1))),
                RankedTensorType::get(shape, elementType));
  if (shape.empty()) {
    if (!agree(sourceShape, SmallVector<int64_t>(sourceShape.size(), 1)))
      return empty(sizes, elementType);
    Value ones = cast(source, type.clone(SmallVector<int64_t>(sourceShape.size(), 1)));
    return tensor::CollapseShapeOp::create(builder, loc, RankedTensorType::get({}, elementType),
                                           ones, ArrayRef<ReassociationIndices>{});
  }

  if (!agree(type.getShape(), sourceShape))
    return empty(sizes, elementType);
  Value result = cast(source, type.clone(sourceShape));
  SmallVector<int64_t> collapsedShape;
  for (const ReassociationIndices &group : collapsed)
    collapsedShape.push_back(
        getStaticProduct(ArrayRef(sourceShape).slice(group.front(), group.size())));
  // A contradiction was reported by a check that always fails.
  if (!agree(collapsedShape, middle))
    return empty(sizes, elementType);
  if (collapsed.size() != sourceShape.size())
    result = tensor::CollapseShapeOp::create(
        builder, loc, RankedTensorType::get(collapsedShape, elementType), result, collapsed);
  result = cast(result, RankedTensorType::get(middle, elementType));
  if (expanded.size() != shape.size())
    result = tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get(shape, elementType),
                                           result, expanded, sizes);
  return result;
}

Value TensorBuilder::dropDims(Value source, ArrayRef<int64_t> axes) {
  SmallVector<SymbolicExpr> from, to;
  SmallVector<OpFoldResult> sizes;
  uint32_t symbol = 0;
  for (auto [dim, size] : llvm::enumerate(getSizesOf(source))) {
    bool isDropped = llvm::is_contained(axes, static_cast<int64_t>(dim));
    from.push_back(isDropped ? SymbolicExpr(1) : SymbolicExpr::symbol(symbol++));
    if (isDropped)
      continue;
    to.push_back(from.back());
    sizes.push_back(size);
  }
  return reshape(source, from, to, sizes);
}

Value TensorBuilder::insertDims(Value source, ArrayRef<int64_t> axes) {
  SmallVector<SymbolicExpr> from, to;
  SmallVector<OpFoldResult> sizes, known = getSizesOf(source);
  int64_t rank = known.size() + axes.size(), next = 0;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (llvm::is_contained(axes, dim)) {
      to.push_back(SymbolicExpr(1));
      sizes.push_back(index(1));
      continue;
    }
    from.push_back(SymbolicExpr::symbol(next));
    to.push_back(from.back());
    sizes.push_back(known[next++]);
  }
  return reshape(source, from, to, sizes);
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct ReshapeLowering : public MovementPattern<ReshapeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(ReshapeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    int64_t rank = cast<RankedTensorType>(op.getType()).getRank();
    SmallVector<OpFoldResult> target;
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          if (target.empty())
            target = getTarget(op, adaptor, b, rank);
          return target[dim];
        });
    results.push_back(b.reshape(adaptor.getInput(), lowering.getSymbolicSizes(op.getInput()),
                                lowering.getSymbolicSizes(op.getResult()), sizes));
    return success();
  }

private:
  /// The sizes that `shape` says, from its values at run time.
  SmallVector<OpFoldResult> getTarget(ReshapeOp op, Adaptor adaptor, TensorBuilder &b,
                                      int64_t rank) const {
    SmallVector<OpFoldResult> input = lowering.getSizes(b.rewriter, op.getLoc(), op.getInput());
    SmallVector<OpFoldResult> target = b.getElements(op.getShape(), adaptor.getShape(), rank);
    for (auto [dim, size] : llvm::enumerate(target))
      if (!op.getAllowzero() && dim < input.size())
        size = b.select(b.equal(size, b.index(0)), input[dim], size);
    // The product of the others, with 1 in place of -1.
    OpFoldResult others = b.index(1), limit = b.index(int64_t(1) << 40);
    for (OpFoldResult size : target) {
      OpFoldResult isInferred = b.equal(size, b.index(-1));
      OpFoldResult factor = b.select(isInferred, b.index(1), size);
      b.check(b.both(b.lessEqual(b.index(0), factor), b.lessEqual(factor, limit)),
              "shape has a negative size");
      b.check(b.lessEqual(others, b.div(limit, b.max(factor, b.index(1)))),
              "shape has too many elements");
      others = b.mul(others, factor);
    }
    OpFoldResult inferred = b.select(b.equal(others, b.index(0)), b.index(0),
                                     b.div(b.product(input), b.max(others, b.index(1))));
    for (OpFoldResult &size : target)
      size = b.select(b.equal(size, b.index(-1)), inferred, size);
    return target;
  }
};

struct SqueezeLowering : public MovementPattern<SqueezeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(SqueezeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    for (int64_t axis : op.getAxes())
      b.check(b.equal(lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), axis), b.index(1)),
              "removes a dim whose size is not 1");
    SmallVector<SymbolicExpr> from = lowering.getSymbolicSizes(op.getInput());
    SmallVector<int64_t> kept;
    for (int64_t dim = 0, rank = from.size(); dim < rank; ++dim) {
      if (llvm::is_contained(op.getAxes(), dim))
        from[dim] = SymbolicExpr(1);
      else
        kept.push_back(dim);
    }
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          return lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), kept[dim]);
        });
    results.push_back(
        b.reshape(adaptor.getInput(), from, lowering.getSymbolicSizes(op.getResult()), sizes));
    return success();
  }
};

struct UnsqueezeLowering : public MovementPattern<UnsqueezeOp> {
  using MovementPattern::MovementPattern;
  LogicalResult lower(UnsqueezeOp op, Adaptor adaptor, TensorBuilder &b,
                      SmallVectorImpl<Value> &results) const override {
    SmallVector<SymbolicExpr> to = lowering.getSymbolicSizes(op.getResult());
    SmallVector<int64_t> origin;
    for (int64_t dim = 0, next = 0, rank = to.size(); dim < rank; ++dim) {
      bool isNew = llvm::is_contained(op.getAxes(), dim);
      origin.push_back(isNew ? -1 : next++);
      if (isNew)
        to[dim] = SymbolicExpr(1);
    }
    SmallVector<OpFoldResult> sizes =
        lowering.getResultSizes(b.rewriter, op.getLoc(), op.getResult(), [&](int64_t dim) {
          if (origin[dim] < 0)
            return b.index(1);
          return lowering.getSize(b.rewriter, op.getLoc(), op.getInput(), origin[dim]);
        });
    results.push_back(
        b.reshape(adaptor.getInput(), lowering.getSymbolicSizes(op.getInput()), to, sizes));
    return success();
  }
};
} // namespace

void compress::populateReshapePatterns(const TypeConverter &converter, LoweringContext &lowering,
                                       RewritePatternSet &patterns) {
  patterns.add<ReshapeLowering, SqueezeLowering, UnsqueezeLowering>(converter, lowering);
}
