//===- Rotate.cpp - rotation of residual streams and values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include "RotateWeights.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <bit>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_ROTATE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Online products with fewer channels do not spread outliers far enough to pay.
static constexpr int64_t minOnlineSize = 8;

static remark::RemarkOpts getRemarkOptions() {
  return remark::RemarkOpts::name("compress-rotate").category("rotate");
}

namespace {
struct Rotate : public compress::impl::RotateBase<Rotate> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) override;
  void runOnOperation() override;

private:
  /// Whether the options, or the plan of an op of the set, ask for its rotation.
  bool isWanted(const RotatableSet &set);
  /// The specification of an op whose plan asks for rotation.
  std::optional<QuantizeSpec> getRotatingSpec(Operation *op);
  /// Whether the activation of `op` is worth a Hadamard product at run time.
  bool wantsOnline(Operation *op);
  /// The rotation of this size, made once; null if there is none.
  const Rotation *getRotation(int64_t size);
  /// H / sqrt(size) for online products.
  const Rotation *getOnline(int64_t size);
  LogicalResult raise();
  void planResidual(RotationPlan &plan);
  void planValues(RotationPlan &plan);
  /// Adds `set` to the plan, or says why not. `what` names it in remarks.
  bool addSet(RotationPlan &plan, const RotatableSet &set, const Twine &what, Location loc);
  /// Hadamard products before the ops that write rotated streams.
  LogicalResult insertOnline(RotationPlan &plan);
  LogicalResult insertOnline(RotationPlan &plan, const WeightedOp &op, int64_t size);
  /// Says which ops asked for a rotation in vain.
  void explainUnchanged(RotationPlan &plan);
  void dropStatistics();

  std::map<int64_t, std::optional<Rotation>> rotations, onlineRotations;
  /// Values that rotate already.
  llvm::DenseSet<Value> rotated;
  /// Ops that write a residual stream, and every op whose activation or result changes.
  std::vector<WeightedOp> residualWriters;
  llvm::SetVector<StringAttr> changedInputs, changedOutputs;
  bool rotatesValues = false, isOnline = false;
};
} // namespace

LogicalResult Rotate::initialize(MLIRContext *context) {
  auto check = [&](StringRef option, StringRef value,
                   ArrayRef<StringRef> choices) -> LogicalResult {
    if (llvm::is_contained(choices, value))
      return success();
    return emitError(UnknownLoc::get(context))
           << "expects " << option << " to be one of " << llvm::join(choices, ", ") << ", got '"
           << value << "'";
  };
  if (failed(check("hadamard", hadamard, {"randomized", "random_orthogonal"})) ||
      (!rotate.empty() && failed(check("rotate", rotate, {"residual", "residual+values", "all"}))))
    return failure();
  rotatesValues = rotate != "residual";
  isOnline = rotate == "all";
  return success();
}

std::optional<QuantizeSpec> Rotate::getRotatingSpec(Operation *op) {
  auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  PlanAttr plan = helper.getAttr(op);
  std::optional<QuantizeSpec> spec = plan ? plan.getQuantizeSpec() : std::nullopt;
  return spec && spec->transform == QuantizeTransform::Rotate ? spec : std::nullopt;
}

bool Rotate::isWanted(const RotatableSet &set) {
  auto asks = [&](const RotatableSet::WeightUse &use) {
    return getRotatingSpec(use.op.op).has_value();
  };
  return !rotate.empty() || llvm::any_of(set.readers, asks) || llvm::any_of(set.writers, asks);
}

bool Rotate::wantsOnline(Operation *op) {
  if (!rotate.empty())
    return isOnline;
  std::optional<QuantizeSpec> spec = getRotatingSpec(op);
  return spec && spec->activations != ActivationMode::None && spec->activationBits <= 4;
}

const Rotation *Rotate::getRotation(int64_t size) {
  auto [it, isNew] = rotations.try_emplace(size);
  if (isNew) {
    if (hadamard == "randomized")
      it->second = Rotation::getRandomizedHadamard(size, seed);
    if (!it->second)
      it->second = Rotation::getRandomOrthogonal(size, seed);
  }
  return it->second ? &*it->second : nullptr;
}

const Rotation *Rotate::getOnline(int64_t size) {
  auto [it, isNew] = onlineRotations.try_emplace(size);
  if (isNew)
    it->second = Rotation::getHadamard(size);
  return &*it->second;
}

LogicalResult Rotate::raise() {
  RaiseContext context(getOperation());
  RewritePatternSet parts(&getContext()), whole(&getContext());
  populateRaiseNormPatterns(parts, context);
  if (rotatesValues) {
    populateRaiseRotaryPatterns(parts, context);
    populateRaiseAttentionPatterns(whole, context);
  }
  GreedyRewriteConfig config;
  config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
      GreedySimplifyRegionLevel::Disabled);
  return failure(failed(applyPatternsGreedily(getOperation(), std::move(parts), config)) ||
                 failed(applyPatternsGreedily(getOperation(), std::move(whole), config)) ||
                 context.hadError);
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

bool Rotate::addSet(RotationPlan &plan, const RotatableSet &set, const Twine &what, Location loc) {
  auto refuse = [&](Location where, const Twine &reason) {
    remark::missed(where, getRemarkOptions()) << (what + " is not rotated: " + reason).str();
    return false;
  };
  if (!set.refusal.empty())
    return refuse(set.culprit ? set.culprit->getLoc() : loc, set.refusal);
  if (set.readers.empty() || set.writers.empty())
    return refuse(loc, "no weight reads or writes it");
  for (const auto *uses : {&set.readers, &set.writers})
    for (const RotatableSet::WeightUse &use : *uses)
      if (std::string reason = explainUnfit(use.op.chain.getType()); !reason.empty())
        return refuse(use.op.op->getLoc(),
                      "weight '" + use.op.chain.getSourceName() + "' cannot be changed: " + reason);
  for (const RotatableSet::Constant &constant : set.constants)
    if (std::string reason =
            explainUnfit(cast<RankedTensorType>(constant.operand->get().getType()));
        !reason.empty())
      return refuse(constant.operand->getOwner()->getLoc(),
                    "a constant cannot be changed: " + reason);
  if (llvm::any_of(set.dims, [&](const auto &entry) { return rotated.contains(entry.first); }))
    return refuse(loc, "another rotation has changed it");
  const Rotation *rotation = getRotation(set.size);
  if (!rotation)
    return refuse(loc, "there is no Hadamard matrix of size " + Twine(set.size) +
                           ", and it is too large for a random orthogonal matrix");
  plan.add(set, *rotation);
  for (const auto &entry : set.dims)
    rotated.insert(entry.first);
  auto name = [&](const WeightedOp &op) { return StringAttr::get(&getContext(), op.name); };
  for (const RotatableSet::WeightUse &reader : set.readers)
    changedInputs.insert(name(reader.op));
  for (const RotatableSet::WeightUse &writer : set.writers)
    changedOutputs.insert(name(writer.op));
  std::string kind = rotation->isHadamard() ? "a randomized Hadamard matrix" : "a random matrix";
  remark::passed(loc, getRemarkOptions())
      << (what + " is rotated by " + kind + " (writers: " + Twine(set.writers.size()) +
          ", readers: " + Twine(set.readers.size()) + ", norms: " + Twine(set.norms.size()) + ")")
             .str()
      << remark::metric("channels", set.size);
  return true;
}

void Rotate::planResidual(RotationPlan &plan) {
  llvm::DenseSet<Operation *> seen;
  SmallVector<Operation *> ops;
  getOperation().walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : ops) {
    std::optional<NormOp> norm = getNorm(op);
    if (!norm || seen.contains(op))
      continue;
    seen.insert(op);
    auto type = cast<RankedTensorType>(norm->input.getType());
    if (norm->axis != type.getRank() - 1 || type.isDynamicDim(type.getRank() - 1) ||
        type.getShape().back() < 2)
      continue;
    RotatableSet set =
        findRotatableSet(norm->input, norm->axis, type.getShape().back(), [&](const NormOp &norm) {
          const auto *parameters = plan.getParameters(norm);
          return parameters && parameters->isPlain();
        });
    for (const NormOp &other : set.norms)
      seen.insert(other.op);
    // Norms within a layer, such as those of queries, are no streams.
    if (!set.hasResidual || !isWanted(set))
      continue;
    std::string what = "residual stream of " + std::to_string(set.size) + " channels";
    if (addSet(plan, set, what, norm->op->getLoc()))
      for (const RotatableSet::WeightUse &writer : set.writers)
        residualWriters.push_back(writer.op);
  }
}

void Rotate::planValues(RotationPlan &plan) {
  SmallVector<AttentionOp> attentions;
  getOperation().walk([&](AttentionOp op) { attentions.push_back(op); });
  llvm::DenseSet<Value> seen;
  for (AttentionOp op : attentions) {
    int64_t size = op.getValue().getType().getDimSize(3);
    if (seen.contains(op.getValue()) || ShapedType::isDynamic(size) || size < 2)
      continue;
    RotatableSet set =
        findRotatableSet(op.getValue(), 3, size, [](const NormOp &) { return false; });
    for (const auto &entry : set.dims)
      seen.insert(entry.first);
    if (isWanted(set))
      addSet(plan, set, "value stream of attention with heads of " + Twine(size), op.getLoc());
  }
}

//===----------------------------------------------------------------------===//
// Online products
//===----------------------------------------------------------------------===//

/// Whether `value` is what `insertOnline` makes.
static bool isOnlineProduct(Value value) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  Operation *product = reshape ? reshape.getInput().getDefiningOp() : nullptr;
  auto name = product ? product->getAttrOfType<StringAttr>("name") : StringAttr();
  return name &&
         (name.getValue().ends_with(".hadamard") || name.getValue().ends_with(".hadamard.outer"));
}

LogicalResult Rotate::insertOnline(RotationPlan &plan) {
  for (const WeightedOp &op : residualWriters) {
    bool isProduct =
        isa<LinearOp>(op.op) || (isa<MatMulOp>(op.op) && op.operand->getOperandNumber() == 1);
    if (!isProduct || !wantsOnline(op.op) || plan.getChange(op).input ||
        isOnlineProduct(op.activation->get()))
      continue;
    auto type = cast<RankedTensorType>(op.activation->get().getType());
    int64_t channels = op.chain.getType().getDimSize(op.contractionDims.front());
    int64_t size = getLargestHadamardDivisor(channels);
    std::string name = "\"" + op.name + "\"";
    if (size < minOnlineSize || type.getShape().back() != channels) {
      remark::missed(op.op->getLoc(), getRemarkOptions())
          << "no online Hadamard product before " + name + ": the largest Hadamard matrix for " +
                 std::to_string(channels) + " channels has size " + std::to_string(size);
      continue;
    }
    if (failed(insertOnline(plan, op, size)))
      return failure();
    plan.getChange(op).input =
        DimChange{op.contractionDims.front(), nullptr, false, getOnline(size)};
    changedInputs.insert(StringAttr::get(&getContext(), op.name));
    remark::passed(op.op->getLoc(), getRemarkOptions())
        << "online Hadamard product of " + std::to_string(size) + " channels before " + name;
  }
  return success();
}

/// `shape` as a constant in which dynamic dims, all in front, are copied.
static Value makeShape(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> entries(shape);
  for (int64_t &entry : entries)
    if (ShapedType::isDynamic(entry))
      entry = 0;
  auto type = RankedTensorType::get({static_cast<int64_t>(entries.size())}, builder.getI64Type());
  return ConstantOp::create(builder, loc, DenseIntElementsAttr::get(type, ArrayRef(entries)));
}

LogicalResult Rotate::insertOnline(RotationPlan &plan, const WeightedOp &op, int64_t size) {
  // x (A (x) B) = A^T X B, where row i of X is block i of x and A is Sylvester's. A has an even
  // power of two, so that 1 / sqrt of it is exact.
  HadamardMatrix matrix = *getHadamard(size);
  int64_t outer = 1;
  while (outer * outer * 16 <= size && matrix.powerOfTwo % (outer * 4) == 0)
    outer *= 4;
  int64_t inner = size / outer;
  Value x = op.activation->get();
  auto type = cast<RankedTensorType>(x.getType());
  Type element = type.getElementType();
  OpBuilder builder(op.op);
  Location loc = NameLoc::get(builder.getStringAttr(op.name + "/hadamard"));

  auto makeFactor = [&](const HadamardMatrix &factor) {
    int64_t n = factor.getSize();
    std::vector<double> values(n * n);
    for (int64_t i = 0; i < n * n; ++i)
      values[i] = factor.getEntry(i / n, i % n) / std::sqrt(static_cast<double>(n));
    return plan.makeMatrix(builder, op.chain.source, "hadamard." + std::to_string(n),
                           RankedTensorType::get({n, n}, element), values);
  };
  SmallVector<int64_t> split(type.getShape().drop_back());
  split.push_back(type.getShape().back() / size);
  if (outer > 1)
    split.push_back(outer);
  split.push_back(inner);
  auto splitType = RankedTensorType::get(split, element);
  HadamardMatrix innerMatrix = matrix, outerMatrix;
  innerMatrix.powerOfTwo = matrix.powerOfTwo / outer;
  outerMatrix.powerOfTwo = outer;
  FailureOr<Value> b = makeFactor(innerMatrix);
  if (failed(b))
    return failure();
  Value parts = ReshapeOp::create(builder, loc, splitType, x, makeShape(builder, loc, split));
  Value product = LinearOp::create(builder, loc, splitType, parts, *b, Value(), WeightLayout::KN,
                                   op.name + ".hadamard");
  if (outer > 1) {
    FailureOr<Value> a = makeFactor(outerMatrix);
    if (failed(a))
      return failure();
    product = MatMulOp::create(builder, loc, splitType, *a, product, op.name + ".hadamard.outer");
  }
  SmallVector<int64_t> shape(type.getShape());
  Value whole = ReshapeOp::create(builder, loc, type, product, makeShape(builder, loc, shape));
  op.activation->set(whole);
  return success();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void Rotate::explainUnchanged(RotationPlan &plan) {
  if (!rotate.empty())
    return;
  for (const WeightedOp &op : collectWeighted(getOperation()))
    if (getRotatingSpec(op.op) && !plan.findChange(op.op))
      remark::missed(op.op->getLoc(), getRemarkOptions())
          << "\"" + op.name + "\" is not rotated: it neither reads nor writes a rotated stream";
}

void Rotate::dropStatistics() {
  Statistics *statistics = getContext().getLoadedDialect<CompressDialect>()->getStatistics();
  if (!statistics)
    return;
  for (StringAttr name : changedInputs) {
    statistics->drop(Statistics::getInputKey(name.getValue()));
    statistics->eraseWeight(name.getValue());
  }
  for (StringAttr name : changedOutputs) {
    statistics->drop(Statistics::getOutputKey(name.getValue()));
    statistics->eraseWeight(name.getValue());
  }
}

void Rotate::runOnOperation() {
  rotations.clear();
  onlineRotations.clear();
  rotated.clear();
  residualWriters.clear();
  changedInputs.clear();
  changedOutputs.clear();
  if (failed(raise()))
    return signalPassFailure();
  RotationPlan plan(getOperation());
  planResidual(plan);
  if (rotatesValues)
    planValues(plan);
  explainUnchanged(plan);
  if (plan.isEmpty())
    return;
  if (failed(insertOnline(plan)) || failed(plan.apply()))
    return signalPassFailure();
  for (auto &[loc, text] : plan.untied)
    remark::passed(loc, getRemarkOptions()) << text;
  dropStatistics();
  removeDeadWeights(getOperation());
}
