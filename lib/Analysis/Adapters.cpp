//===- Adapters.cpp - LoRA branches beside weighted ops -------------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/Adapters.h"
#include "compress/Analysis/EncodedWeight.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

/// Longest way from an addition down to an op of the adapter that is looked at.
static constexpr unsigned kMaxSteps = 16;

/// The value of a constant float tensor of one element.
static std::optional<double> getScalar(Value value) {
  auto source = value.getDefiningOp<WeightSourceOpInterface>();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!source || !type || !type.hasStaticShape() || type.getNumElements() != 1 ||
      !isa<FloatType>(type.getElementType()))
    return std::nullopt;
  WeightStore store(value.getContext());
  // What cannot be read is no constant here; the passes that need it complain.
  ScopedDiagnosticHandler quiet(value.getContext(), [](Diagnostic &) { return success(); });
  FailureOr<StoredTensor> tensor =
      StoredTensor::read(store, source, [&] { return emitError(value.getLoc()); });
  if (failed(tensor))
    return std::nullopt;
  double scalar = toDoubles(*tensor).front();
  return std::isfinite(scalar) ? std::optional<double>(scalar) : std::nullopt;
}

static bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

namespace {
/// A value, and what it has to be multiplied by to get the one above.
struct Scaled {
  Value value;
  double scale = 1;
};
} // namespace

/// The value below one multiplication by a constant or one cast of floats.
static std::optional<Scaled> skipStep(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    if (!isFloatTensor(cast.getInput().getType()) || !isFloatTensor(cast.getType()))
      return std::nullopt;
    return Scaled{cast.getInput()};
  }
  if (!isa_and_nonnull<MulOp, DivOp>(op))
    return std::nullopt;
  bool isDivision = isa<DivOp>(op);
  std::optional<double> factor = getScalar(op->getOperand(1));
  unsigned scaled = 0;
  if (!factor && !isDivision) {
    factor = getScalar(op->getOperand(0));
    scaled = 1;
  }
  if (!factor || (isDivision && *factor == 0) ||
      op->getOperand(scaled).getType() != op->getResult(0).getType())
    return std::nullopt;
  return Scaled{op->getOperand(scaled), isDivision ? 1 / *factor : *factor};
}

/// `value` and all values below constants and casts.
static SmallVector<Scaled, 4> getScaled(Value value) {
  SmallVector<Scaled, 4> all{{value}};
  while (all.size() <= kMaxSteps) {
    std::optional<Scaled> next = skipStep(all.back().value);
    if (!next)
      break;
    next->scale *= all.back().scale;
    all.push_back(*next);
  }
  return all;
}

FailureOr<WeightedOp> mlir::compress::getAdapted(Operation *op) {
  FailureOr<WeightedOp> weighted = getWeighted(op);
  if (succeeded(weighted) && isa<EmbeddingOp>(op))
    std::swap(weighted->outputDims, weighted->contractionDims);
  return weighted;
}

int64_t mlir::compress::getAdapterGroups(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return conv ? conv.getGroups() : 1;
}

/// The input that is contracted with the weight, or the indices; null for ops that adapters are not
/// beside of.
static Value getInput(Operation *op) {
  if (auto linear = dyn_cast_or_null<LinearOp>(op))
    return linear.getInput();
  if (auto conv = dyn_cast_or_null<ConvOp>(op))
    return conv.getInput();
  if (auto embedding = dyn_cast_or_null<EmbeddingOp>(op))
    return embedding.getIndices();
  return {};
}

static bool hasBias(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return bool(linear.getBias());
  if (auto conv = dyn_cast<ConvOp>(op))
    return bool(conv.getBias());
  return false;
}

/// Whether `b` can be the second factor behind `a`.
static bool isSecondFactor(Operation *b, Operation *a) {
  if (isa<LinearOp, EmbeddingOp>(a))
    return isa<LinearOp>(b);
  auto conv = dyn_cast<ConvOp>(b);
  auto isAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [&](int64_t other) { return other == value; });
  };
  return conv && isAll(conv.getWeight().getType().getShape().drop_front(2), 1) &&
         isAll(conv.getStrides(), 1) && isAll(conv.getPads(), 0);
}

/// Whether `a` sees of its input what `base` sees of it.
static bool isSameWindow(Operation *base, Operation *a, Operation *b) {
  auto conv = dyn_cast<ConvOp>(base), first = dyn_cast<ConvOp>(a), second = dyn_cast<ConvOp>(b);
  if (!conv)
    return true;
  return conv.getStrides() == first.getStrides() && conv.getPads() == first.getPads() &&
         conv.getDilations() == first.getDilations() && conv.getGroups() == first.getGroups() &&
         conv.getGroups() == second.getGroups() &&
         conv.getWeight().getType().getShape().drop_front(1) ==
             first.getWeight().getType().getShape().drop_front(1);
}

/// What is quantized and decoded again to get `value`; null if that is not how it is made.
static Value skipQuantization(Value value) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  Operation *codes = dequantize ? dequantize.getCodes().getDefiningOp() : nullptr;
  return isa_and_nonnull<QuantizeOp, DynamicQuantizeOp>(codes) ? codes->getOperand(0) : Value();
}

namespace {
/// Looks for the base of the branch that is one operand of an addition.
class Matcher {
public:
  Matcher(AddOp add, unsigned branchOperand) : add(add), branchOperand(branchOperand) {}

  /// Whether the operand is a branch with a base at the other operand. Then either `adapter` is it,
  /// or `rejected` says why not.
  bool match(Adapter &adapter, std::optional<RejectedAdapter> &rejected);

private:
  /// The base at or below `value`; `isShared` if what is between is used by others, too.
  Operation *findBase(Value value, unsigned depth, bool &isShared);
  bool isBase(Operation *op) const;
  std::string check(Adapter &adapter, Operation *base, bool isShared) const;

  AddOp add;
  unsigned branchOperand;
  Operation *a = nullptr, *b = nullptr;
  /// What may be the input of the base, and what the branch multiplies it by.
  SmallVector<Scaled, 4> inputs;
  double inputScale = 1;
  /// Whether the two see the input with different rounding.
  bool isRounded = false;
};
} // namespace

bool Matcher::isBase(Operation *op) const {
  return op && op != a && op != b && op->getName() == a->getName() && getInput(op) &&
         isSameWindow(op, a, b);
}

Operation *Matcher::findBase(Value value, unsigned depth, bool &isShared) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == kMaxSteps)
    return nullptr;
  if (isBase(op)) {
    // Both may see the input through constants and casts.
    std::optional<double> found;
    for (bool rounds : {false, true})
      for (const Scaled &own : getScaled(getInput(op)))
        for (const Scaled &input : inputs) {
          Value ownSource = skipQuantization(own.value), source = skipQuantization(input.value);
          bool isSame = rounds ? ownSource == input.value || source == own.value ||
                                     (source && source == ownSource)
                               : own.value == input.value;
          if (found || !isSame)
            continue;
          found = input.scale / own.scale;
          isRounded = rounds;
        }
    if (!found)
      return nullptr;
    inputScale = *found;
    isShared |= !value.hasOneUse();
    return op;
  }
  if (!isa<AddOp, CastOp>(op) || !isFloatTensor(op->getOperand(0).getType()))
    return nullptr;
  for (Value operand : op->getOperands())
    if (Operation *base = findBase(operand, depth + 1, isShared)) {
      isShared |= !value.hasOneUse();
      return base;
    }
  return nullptr;
}

/// Why this is not an adapter after all; empty if it is one.
std::string Matcher::check(Adapter &adapter, Operation *base, bool isShared) const {
  FailureOr<WeightedOp> first = getAdapted(a), second = getAdapted(b), whole = getAdapted(base);
  if (failed(first) || failed(second) || failed(whole))
    return "a weight is not constant";
  StringRef nameA = first->name, nameB = second->name;
  if (nameA.consume_back("/v") && nameB.consume_back("/u") && nameA == nameB)
    return "it is the low-rank part of a split weight";
  if (hasBias(a) || hasBias(b))
    return "its branch has a bias";
  if (isRounded)
    return "the op sees quantized activations, and its branch sees others";
  if (isShared)
    return "what the adapter is added to is also used without it";
  int64_t groups = getAdapterGroups(base);
  auto getRows = [](const WeightedOp &op) {
    return op.chain.getType().getDimSize(op.outputDims.front());
  };
  // An input that is broadcast, or an output of one channel that is.
  if (getRows(*whole) != getRows(*second) || getRows(*first) % groups != 0)
    return "its result has another width";
  adapter.rank = getRows(*first);
  adapter.base = std::move(*whole);
  adapter.a = std::move(*first);
  adapter.b = std::move(*second);
  return "";
}

bool Matcher::match(Adapter &adapter, std::optional<RejectedAdapter> &rejected) {
  Scaled behind = getScaled(add->getOperand(branchOperand)).back();
  b = behind.value.getDefiningOp();
  if (!isa_and_nonnull<LinearOp, ConvOp>(b))
    return false;
  Scaled between = getScaled(getInput(b)).back();
  a = between.value.getDefiningOp();
  Value input = getInput(a);
  if (!input || !isSecondFactor(b, a))
    return false;
  inputs = getScaled(input);
  bool isShared = false;
  Value other = add->getOperand(1 - branchOperand);
  Operation *base = findBase(other, 0, isShared);
  if (!base || other.getType() != add.getType())
    return false;
  double scale = behind.scale * between.scale * inputScale;
  std::string reason = check(adapter, base, isShared);
  if (reason.empty() && !std::isfinite(scale))
    reason = "its scale is not finite";
  if (!reason.empty()) {
    auto nameOf = [](Operation *op) {
      FailureOr<WeightedOp> weighted = getWeighted(op);
      auto name = op->getAttrOfType<StringAttr>("name");
      return succeeded(weighted) ? weighted->name : name ? name.str() : std::string();
    };
    rejected = RejectedAdapter{add, nameOf(a), nameOf(base), std::move(reason)};
    return true;
  }
  adapter.scale = scale;
  adapter.add = add;
  adapter.branchOperand = branchOperand;
  return true;
}

AdapterSearch mlir::compress::findAdapters(Operation *root) {
  AdapterSearch search;
  root->walk<WalkOrder::PreOrder>([&](AddOp add) {
    if (!isFloatTensor(add.getType()))
      return;
    for (unsigned operand : {1u, 0u}) {
      Adapter adapter;
      std::optional<RejectedAdapter> rejected;
      if (!Matcher(add, operand).match(adapter, rejected))
        continue;
      if (rejected)
        search.rejected.push_back(std::move(*rejected));
      else
        search.adapters.push_back(std::move(adapter));
      return;
    }
  });
  return search;
}
