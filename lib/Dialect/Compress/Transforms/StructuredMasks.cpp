//===- StructuredMasks.cpp - masks of whole indices of dims ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StructuredMasks.h"
#include "compress/Analysis/EncodedWeight.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Sets, along each dim of a mask, the bits of the indices that keep an element; returns how many
/// elements are kept.
static int64_t findKept(ArrayRef<char> mask, ArrayRef<int64_t> shape,
                        MutableArrayRef<llvm::BitVector> kept) {
  int64_t last = shape.empty() ? 1 : shape.back(), count = 0;
  SmallVector<int64_t> position(shape.size(), 0);
  for (size_t row = 0; row < mask.size(); row += last) {
    int64_t inRow = 0;
    for (int64_t i = 0; i < last; ++i)
      if (mask[row + i]) {
        ++inRow;
        if (!shape.empty())
          kept.back().set(static_cast<unsigned>(i));
      }
    if (inRow > 0)
      for (size_t dim = 0; dim + 1 < shape.size(); ++dim)
        kept[dim].set(static_cast<unsigned>(position[dim]));
    count += inRow;
    for (size_t dim = shape.size() - 1; dim-- > 0 && ++position[dim] == shape[dim];)
      position[dim] = 0;
  }
  return count;
}

static MaskedIndices analyse(ArrayRef<char> mask, ArrayRef<int64_t> shape,
                             ArrayRef<int64_t> masked) {
  SmallVector<llvm::BitVector, 4> kept;
  for (int64_t size : shape)
    kept.emplace_back(static_cast<unsigned>(size));
  int64_t count = mask.empty() ? 0 : findKept(mask, shape, kept);
  int64_t product = 1;
  for (const llvm::BitVector &indices : kept)
    product *= indices.count();
  MaskedIndices result;
  result.isProduct = count == product;
  for (size_t dim = 0; dim < masked.size(); ++dim) {
    // A dim of size 1 goes only with all others.
    bool isBroadcast = shape[dim] == 1 && count > 0;
    result.gone.push_back(isBroadcast ? llvm::BitVector() : kept[dim].flip());
    if (!isBroadcast && shape[dim] != masked[dim])
      result.gone.back() = llvm::BitVector(static_cast<unsigned>(masked[dim]), true);
  }
  return result;
}

FailureOr<std::optional<MaskedIndices>> MaskReader::read(MaskOp op) {
  auto source = op.getMask().getDefiningOp<WeightSourceOpInterface>();
  auto masked = cast<RankedTensorType>(op.getInput().getType());
  if (!source || !masked.hasStaticShape())
    return std::optional<MaskedIndices>();
  auto [it, isNew] = known.try_emplace({op.getMask(), masked});
  if (isNew) {
    FailureOr<WeightBytes> bytes =
        store.read(source.getWeightValue(), cast<RankedTensorType>(op.getMask().getType()),
                   [&] { return op.emitError(); });
    if (failed(bytes)) {
      known.erase(it);
      return failure();
    }
    it->second = analyse(bytes->bytes(), bytes->getShape(), masked.getShape());
  }
  return std::optional<MaskedIndices>(it->second);
}

FailureOr<MaskedIndices> MaskReader::read(const WeightChain &chain, bool onlyProducts) {
  MaskedIndices result;
  result.gone.resize(chain.getType().getRank());
  for (Operation *link : chain.links) {
    auto op = dyn_cast<MaskOp>(link);
    if (!op)
      continue;
    FailureOr<std::optional<MaskedIndices>> mask = read(op);
    if (failed(mask))
      return failure();
    if (!*mask || (onlyProducts && !(*mask)->isProduct))
      continue;
    for (auto [all, one] : llvm::zip_equal(result.gone, (*mask)->gone)) {
      if (all.empty())
        all = one;
      else if (!one.empty())
        all |= one;
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Parameters and units
//===----------------------------------------------------------------------===//

/// Whether an op of this name, of whatever dialect, may divide by an operand or has a pole at 0.
static bool mayDivide(Operation *op) {
  return llvm::StringSwitch<bool>(op->getName().stripDialect())
      .Cases({"div", "divf", "divsi", "divui", "intdiv", "mod", "pow", "powf", "fpowi", "log"},
             true)
      .Cases({"reciprocal", "rsqrt", "batch_norm_inference"}, true)
      .Default(false);
}

bool mlir::compress::isMaskable(Operation *user, Value value) {
  if (!isa<FloatType>(getElementTypeOrSelf(value)))
    return false;
  if (isa<DecodeOpInterface, FakeQuantizeOp, QuantizeOp, DynamicQuantizeOp>(user))
    return false;
  if (auto norm = dyn_cast<BatchNormOp>(user))
    return norm.getVariance() != value;
  if (auto div = dyn_cast<DivOp>(user))
    return div.getRhs() != value;
  if (mayDivide(user))
    return false;
  return !user->walk([&](Operation *op) {
                return mayDivide(op) ? WalkResult::interrupt() : WalkResult::advance();
              })
              .wasInterrupted();
}

UnitSelection mlir::compress::selectUnits(const DependencyGroup &group,
                                          const DependencyGroup::Member &member,
                                          const llvm::BitVector &gone) {
  auto count = static_cast<unsigned>(group.numUnits);
  UnitSelection result{llvm::BitVector(count), llvm::BitVector(count)};
  if (gone.none())
    return result;
  for (unsigned unit = 0; unit < count; ++unit) {
    ArrayRef<int64_t> indices = member.getIndices(unit);
    int64_t masked = llvm::count_if(
        indices, [&](int64_t index) { return gone.test(static_cast<unsigned>(index)); });
    if (masked == static_cast<int64_t>(indices.size()))
      result.whole.set(unit);
    else if (masked > 0)
      result.partial.set(unit);
  }
  return result;
}

std::string mlir::compress::countOf(int64_t count, const Twine &singular) {
  return (Twine(count) + " " + singular + (count == 1 ? "" : "s")).str();
}

std::string mlir::compress::countUnits(int64_t count, GroupKind kind) {
  return countOf(count, getName(kind));
}

Value mlir::compress::makeMask(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
                               WeightSourceOpInterface source, RankedTensorType type,
                               WeightBuffer buffer) {
  std::string name = source.getWeightName() + ".mask";
  Attribute value = store.commit(name, type, std::move(buffer));
  return source.createLike(builder, symbols, name, type, value);
}
