//===- ReshapeDims.cpp - dims of reshape as products of dims of its input -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReshapeDims.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// `product *= dim`; false if that is unknown or overflows.
static bool multiply(ReshapeDim &product, const ReshapeDim &dim) {
  std::optional<int64_t> factor = llvm::checkedMul(product.factor, dim.factor);
  if (!factor || dim.isUnknown || product.isUnknown)
    return false;
  product.factor = *factor;
  product.symbols.append(dim.symbols);
  llvm::sort(product.symbols);
  return true;
}

/// Product of all dims, or an unknown one.
static ReshapeDim multiplyAll(ArrayRef<ReshapeDim> dims) {
  ReshapeDim product;
  for (const ReshapeDim &dim : dims) {
    if (multiply(product, dim))
      continue;
    product.isUnknown = true;
    return product;
  }
  return product;
}

/// True if every symbol of `part` is one of `whole`.
static bool includesSymbols(const ReshapeDim &whole, const ReshapeDim &part) {
  return std::includes(whole.symbols.begin(), whole.symbols.end(), part.symbols.begin(),
                       part.symbols.end());
}

/// `whole / part` if it is exact, else unknown.
static ReshapeDim divide(const ReshapeDim &whole, const ReshapeDim &part) {
  ReshapeDim quotient;
  if (whole.isUnknown || part.isUnknown || part.factor == 0 || whole.factor % part.factor != 0 ||
      !includesSymbols(whole, part)) {
    quotient.isUnknown = true;
    return quotient;
  }
  quotient.factor = whole.factor / part.factor;
  std::set_difference(whole.symbols.begin(), whole.symbols.end(), part.symbols.begin(),
                      part.symbols.end(), std::back_inserter(quotient.symbols));
  return quotient;
}

//===----------------------------------------------------------------------===//
// Dims of the result
//===----------------------------------------------------------------------===//

SmallVector<ReshapeDim> mlir::compress::getInputDims(ArrayRef<int64_t> input) {
  SmallVector<ReshapeDim> dims(input.size());
  for (size_t i = 0; i < input.size(); ++i) {
    if (ShapedType::isDynamic(input[i]))
      dims[i].symbols.push_back(static_cast<int64_t>(i));
    else
      dims[i].factor = input[i];
  }
  return dims;
}

FailureOr<SmallVector<ReshapeDim>> mlir::compress::getReshapedDims(const InferenceSite &site,
                                                                   ArrayRef<int64_t> input,
                                                                   ArrayRef<int64_t> shape,
                                                                   bool allowZero) {
  SmallVector<ReshapeDim> inputDims = getInputDims(input), dims;
  std::optional<size_t> inferred;
  ReshapeDim known;
  for (size_t i = 0; i < shape.size(); ++i) {
    ReshapeDim dim;
    dim.factor = shape[i];
    if (shape[i] < -1 || (shape[i] == -1 && inferred))
      return site.error("expects a shape with at most one -1 and no smaller entries, got " +
                        dimsToString(shape));
    if (shape[i] == 0 && !allowZero) {
      if (i >= input.size())
        return site.error("expects a 0 in the shape only where the input of rank " +
                          Twine(input.size()) + " has a dim, got " + dimsToString(shape));
      dim = inputDims[i];
    }
    dims.push_back(dim);
    if (shape[i] == -1)
      inferred = i;
    else if (!multiply(known, dim))
      return site.error("expects a shape of less than 2^63 elements, got " + dimsToString(shape));
  }
  ReshapeDim total = multiplyAll(inputDims);
  bool isStatic = !total.isUnknown && total.symbols.empty() && known.symbols.empty();
  if (inferred) {
    if (allowZero && llvm::is_contained(shape, 0))
      return site.error("expects no -1 beside a 0 with allowzero, got " + dimsToString(shape));
    if (isStatic && known.factor != 0 && total.factor % known.factor != 0)
      return site.error("expects a shape that divides the " + Twine(total.factor) +
                        " elements of the input, got " + dimsToString(shape));
    // Any size would do beside a copied dim of size 0; ONNX takes 0.
    if (isStatic && known.factor == 0)
      dims[*inferred].factor = 0;
    else
      dims[*inferred] = divide(total, known);
  } else if (isStatic && known.factor != total.factor) {
    return site.error("expects a shape of " + Twine(total.factor) + " elements, got " +
                      dimsToString(shape));
  }
  return dims;
}

SmallVector<ReshapeDim> mlir::compress::getReshapedDims(ArrayRef<int64_t> input,
                                                        ArrayRef<int64_t> result) {
  SmallVector<ReshapeDim> dims(result.size());
  ReshapeDim known;
  bool fits = true;
  for (size_t i = 0; i < result.size(); ++i) {
    if (ShapedType::isDynamic(result[i])) {
      dims[i].isUnknown = true;
      continue;
    }
    dims[i].factor = result[i];
    fits &= multiply(known, dims[i]);
  }
  // A single unknown size is what remains of the element count.
  if (fits && llvm::count_if(result, ShapedType::isDynamic) == 1)
    *llvm::find_if(dims, [](const ReshapeDim &dim) { return dim.isUnknown; }) =
        divide(multiplyAll(getInputDims(input)), known);
  return dims;
}

//===----------------------------------------------------------------------===//
// Relations
//===----------------------------------------------------------------------===//

namespace {
/// Walks the dims of both sides from one end and finds the groups with equal products.
class GroupWalk {
public:
  GroupWalk(DimensionRelations &relations, Value input, ArrayRef<ReshapeDim> inputDims,
            Value result, ArrayRef<ReshapeDim> resultDims)
      : relations(relations), sides{{input, inputDims}, {result, resultDims}} {}

  /// Relates groups until one cannot be closed. A group may use the dims that no walk has used.
  void run(bool fromEnd) {
    while (relateGroup(fromEnd))
      ;
  }

  /// Fixes what is left.
  void fixRest(StringRef reason) {
    for (Side &side : sides)
      for (int64_t dim = side.begin; dim < side.end; ++dim)
        if (side.dims[dim].getSize() != 1)
          relations.fixed(side.value, dim, reason);
  }

private:
  struct Side {
    Side(Value value, ArrayRef<ReshapeDim> dims)
        : value(value), dims(dims), end(static_cast<int64_t>(dims.size())) {}
    Value value;
    ArrayRef<ReshapeDim> dims;
    /// Dims that are left.
    int64_t begin = 0, end;
  };
  struct Group {
    SmallVector<DimOf> dims;
    ReshapeDim product;
  };

  /// Moves the next dim into the group; false if there is none or its size is unknown.
  static bool take(Side &side, Group &group, bool fromEnd) {
    if (side.begin == side.end)
      return false;
    int64_t dim = fromEnd ? side.end - 1 : side.begin;
    if (!multiply(group.product, side.dims[dim]))
      return false;
    if (side.dims[dim].getSize() != 1)
      group.dims.insert(fromEnd ? group.dims.begin() : group.dims.end(), {side.value, dim});
    (fromEnd ? side.end : side.begin) += fromEnd ? -1 : 1;
    return true;
  }

  /// Relates the next group; leaves the sides as they were if it cannot be closed.
  bool relateGroup(bool fromEnd) {
    Side saved[2] = {sides[0], sides[1]};
    Group groups[2];
    bool isOpen = take(sides[0], groups[0], fromEnd) || take(sides[1], groups[1], fromEnd);
    while (isOpen) {
      const ReshapeDim &a = groups[0].product, &b = groups[1].product;
      if (a == b && a.factor != 0) {
        if (!groups[0].dims.empty() && !groups[1].dims.empty())
          relations.product(groups[0].dims, groups[1].dims);
        return true;
      }
      bool growInput = a.symbols == b.symbols ? a.factor < b.factor : !includesSymbols(a, b);
      isOpen = take(sides[growInput ? 0 : 1], groups[growInput ? 0 : 1], fromEnd);
    }
    sides[0] = saved[0];
    sides[1] = saved[1];
    return false;
  }

  DimensionRelations &relations;
  Side sides[2];
};
} // namespace

void mlir::compress::relateReshape(DimensionRelations &relations, Value input, Value result,
                                   ArrayRef<ReshapeDim> resultDims) {
  SmallVector<ReshapeDim> inputDims =
      getInputDims(cast<RankedTensorType>(input.getType()).getShape());
  GroupWalk walk(relations, input, inputDims, result, resultDims);
  walk.run(/*fromEnd=*/false);
  walk.run(/*fromEnd=*/true);
  walk.fixRest("reshape mixes this dim with others");
}
