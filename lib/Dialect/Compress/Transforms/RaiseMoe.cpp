//===- RaiseMoe.cpp - mixtures of experts written out -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The match goes forward from a top_k of router scores:
//
//   top_k -> weights -> scatter into zeros -> [E, T, 1] -> mul with what the
//   experts compute -> sum over experts
//
// and from there backward through the experts to the tokens, which must be those
// of the router.
//
//===----------------------------------------------------------------------===//

#include "RaiseComposites.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_RAISEMOE
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
/// One layer that is being matched.
class MoeMatch {
public:
  MoeMatch(TopKOp topK, RaiseContext &context) : topK(topK), context(context) {}

  /// False, with `reason`, if the layer has another form.
  bool match();
  MoeOp replace();

  std::string reason;

private:
  bool fail(const Twine &why) {
    reason = why.str();
    return false;
  }
  /// Notes an op that the new one replaces.
  template <typename OpTy>
  OpTy take(OpTy op) {
    if (op)
      interior.insert(op);
    return op;
  }
  template <typename OpTy>
  OpTy takeDefining(Value value) {
    return take(value.getDefiningOp<OpTy>());
  }

  bool matchRouter();
  bool matchWeights(Value weights);
  bool matchScatter();
  bool matchSum(Value scattered);
  bool matchExperts(Value outputs);
  bool matchHidden(Value hidden);
  bool matchActivation(SmallVectorImpl<Value> &factors);
  MatMulOp matchFirst(Value value);
  bool isZero(Value value);
  bool isTokens(Value value);
  DictionaryAttr getParts();

  TopKOp topK;
  RaiseContext &context;
  int64_t k = 0, experts = 0;
  /// What comes in, `[tokens, d]`.
  Value input;
  LinearOp router;
  MatMulOp first, second, last;
  ReduceOp root;
  /// Scores are a softmax of all logits.
  bool hasSoftmax = false;
  MoeActivation activation = MoeActivation::Silu;
  MoeNormalization normalization = MoeNormalization::None;
  llvm::SmallSetVector<Operation *, 24> interior;
};
} // namespace

static RankedTensorType getType(Value value) { return cast<RankedTensorType>(value.getType()); }

bool MoeMatch::matchRouter() {
  RankedTensorType scores = getType(topK.getInput());
  if (scores.getRank() != 2 || topK.getAxis() != 1 || scores.isDynamicDim(1))
    return fail("its scores are no matrix of tokens and experts");
  experts = scores.getDimSize(1);
  std::optional<SmallVector<int64_t>> count = context.getIntegers(topK.getK());
  if (!count || count->size() != 1 || count->front() < 1 || !topK.getLargest())
    return fail("the number of experts per token is no constant");
  k = count->front();
  Value logits = topK.getInput();
  if (auto softmax = logits.getDefiningOp<SoftmaxOp>(); softmax && softmax.getAxis() == 1) {
    take(softmax);
    hasSoftmax = true;
    logits = softmax.getInput();
  }
  router = takeDefining<LinearOp>(logits);
  if (!router || failed(getWeightChain(router.getWeight())))
    return fail("its scores come from no linear op with a weight");
  input = router.getInput();
  return getType(input).getRank() == 2 || fail("the router's input is no matrix");
}

/// What is scattered: the best scores, normalised or not.
bool MoeMatch::matchWeights(Value weights) {
  if (auto softmax = weights.getDefiningOp<SoftmaxOp>()) {
    if (hasSoftmax || softmax.getAxis() != 1 || softmax.getInput() != topK.getValues())
      return fail("the weights of the experts have another form");
    take(softmax);
    normalization = MoeNormalization::Softmax;
    return true;
  }
  if (!hasSoftmax)
    return fail("the weights of the experts are no softmax");
  if (weights == topK.getValues())
    return true;
  auto div = takeDefining<DivOp>(weights);
  auto sum = div ? takeDefining<ReduceOp>(div.getRhs()) : ReduceOp();
  if (!sum || div.getLhs() != topK.getValues() || sum.getInput() != topK.getValues() ||
      sum.getKind() != ReduceKind::Sum || sum.getAxes() != ArrayRef<int64_t>{1} ||
      !sum.getKeepdims())
    return fail("the weights of the experts have another form");
  normalization = MoeNormalization::Sum;
  return true;
}

/// Zeros of any shape, from a scalar or stored.
bool MoeMatch::isZero(Value value) {
  if (auto broadcast = value.getDefiningOp<BroadcastOp>()) {
    // Layers may share them.
    auto shape = broadcast.getShape().getDefiningOp<ShapeOp>();
    if (broadcast->hasOneUse() && shape && shape->hasOneUse()) {
      take(broadcast);
      take(shape);
    }
    return context.getScalar(broadcast.getInput()) == 0.0;
  }
  if (context.getScalar(value) == 0.0)
    return true;
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  return elements && elements.isSplat() && isa<FloatType>(elements.getElementType()) &&
         elements.getSplatValue<APFloat>().isZero();
}

bool MoeMatch::matchScatter() {
  auto scatter = take(getOnlyUser<ScatterElementsOp>(topK.getIndices()));
  if (!scatter || scatter.getIndices() != topK.getIndices())
    return fail("tokens are given to its experts one by one");
  if (scatter.getAxis() != 1 || scatter.getReduction() != ScatterReduction::None ||
      !isZero(scatter.getInput()))
    return fail("the weights of the experts are not scattered into zeros");
  return matchWeights(scatter.getUpdates()) && matchSum(scatter.getResult());
}

/// From weights `[T, E]` to the sum over experts.
bool MoeMatch::matchSum(Value scattered) {
  // Which dim is which: tokens, experts, and new ones.
  SmallVector<char> dims{'t', 'e'};
  Value value = scattered;
  while (true) {
    if (auto transpose = getOnlyUser<TransposeOp>(value)) {
      SmallVector<char> moved;
      for (int64_t dim : transpose.getPerm())
        moved.push_back(dims[dim]);
      dims = moved;
      value = take(transpose).getResult();
    } else if (auto unsqueeze = getOnlyUser<UnsqueezeOp>(value)) {
      for (int64_t axis : unsqueeze.getAxes())
        dims.insert(dims.begin() + axis, '1');
      value = take(unsqueeze).getResult();
    } else {
      break;
    }
  }
  auto mul = take(getOnlyUser<MulOp>(value));
  if (!mul || dims != SmallVector<char>{'e', 't', '1'} || mul.getLhs() == mul.getRhs())
    return fail("the experts' outputs are not multiplied by their weights");
  root = take(getOnlyUser<ReduceOp>(mul.getResult()));
  if (!root || root.getKind() != ReduceKind::Sum || root.getAxes() != ArrayRef<int64_t>{0} ||
      root.getKeepdims())
    return fail("the experts' outputs are not summed");
  return matchExperts(getOther(mul, value));
}

/// Whether `value` is the router's input as `[1, T, d]`, `[T, d]` or `[E, T, d]`.
bool MoeMatch::isTokens(Value value) {
  RankedTensorType type = getType(value), tokens = getType(input);
  if (type.getShape().take_back(2) != tokens.getShape() || type.getRank() > 3)
    return false;
  if (value == input)
    return true;
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    if (isTokens(broadcast.getInput()))
      return type.getDimSize(0) == experts;
  if (type.getRank() != 3 || type.getDimSize(0) != 1)
    return false;
  if (auto unsqueeze = value.getDefiningOp<UnsqueezeOp>())
    if (unsqueeze.getInput() == input)
      return true;
  // The router's input may come from that of the experts, or both from one value.
  if (auto gather = input.getDefiningOp<GatherOp>()) {
    auto index = getType(gather.getIndices());
    std::optional<SmallVector<int64_t>> indices = context.getIntegers(gather.getIndices());
    if (gather.getInput() == value && gather.getAxis() == 0 && index.getRank() == 0 && indices &&
        (indices->front() == 0 || indices->front() == -1))
      return true;
  }
  if (auto squeeze = input.getDefiningOp<SqueezeOp>())
    if (squeeze.getInput() == value)
      return true;
  auto from = value.getDefiningOp<ReshapeOp>(), to = input.getDefiningOp<ReshapeOp>();
  return (to && to.getInput() == value) || (from && from.getInput() == input) ||
         (from && to && from.getInput() == to.getInput());
}

/// A product of the tokens with a weight `[E, d, h]`.
MatMulOp MoeMatch::matchFirst(Value value) {
  auto matmul = value.getDefiningOp<MatMulOp>();
  if (!matmul || getType(matmul.getRhs()).getRank() != 3 ||
      getType(matmul.getRhs()).getDimSize(0) != experts ||
      failed(getWeightChain(matmul.getRhs())) || !isTokens(matmul.getLhs()))
    return {};
  return take(matmul);
}

/// Finds the activation of one factor among `factors`, which are left with that factor removed;
/// sets `first`.
bool MoeMatch::matchActivation(SmallVectorImpl<Value> &factors) {
  for (Value &factor : factors) {
    Value inside;
    Operation *op = factor.getDefiningOp();
    if (auto gelu = dyn_cast_or_null<GeluOp>(op)) {
      activation = gelu.getApproximate() == GeluApproximation::None ? MoeActivation::Gelu
                                                                    : MoeActivation::GeluTanh;
      inside = gelu.getInput();
    } else if (auto relu = dyn_cast_or_null<ReluOp>(op)) {
      activation = MoeActivation::Relu;
      inside = relu.getInput();
    } else if (auto sigmoid = dyn_cast_or_null<SigmoidOp>(op)) {
      inside = sigmoid.getInput();
      auto *other = llvm::find(factors, inside);
      if (other == factors.end())
        continue;
      activation = MoeActivation::Silu;
      take(op);
      factors.erase(other);
      // The position of the factor may have changed.
      factors.erase(llvm::find(factors, sigmoid.getResult()));
      return static_cast<bool>(first = matchFirst(inside));
    }
    if (!inside)
      continue;
    take(op);
    factors.erase(&factor);
    return static_cast<bool>(first = matchFirst(inside));
  }
  return false;
}

/// act(x * w1), times x * w3 or not.
bool MoeMatch::matchHidden(Value hidden) {
  SmallVector<Value> factors, open{hidden};
  while (!open.empty()) {
    Value value = open.pop_back_val();
    auto mul = value.getDefiningOp<MulOp>();
    if (mul && factors.size() + open.size() < 4) {
      take(mul);
      open.append({mul.getRhs(), mul.getLhs()});
    } else {
      factors.push_back(value);
    }
  }
  if (!matchActivation(factors))
    return fail("its experts have no known activation of a product with a stacked weight");
  if (factors.empty())
    return true;
  second = factors.size() == 1 ? matchFirst(factors.front()) : MatMulOp();
  return second || fail("its experts have another form");
}

bool MoeMatch::matchExperts(Value outputs) {
  last = takeDefining<MatMulOp>(outputs);
  if (!last || getType(last.getRhs()).getRank() != 3 ||
      getType(last.getRhs()).getDimSize(0) != experts || failed(getWeightChain(last.getRhs())))
    return fail("the experts' outputs are no product with a stacked weight");
  return matchHidden(last.getLhs());
}

bool MoeMatch::match() {
  take(topK);
  if (!matchRouter() || !matchScatter())
    return false;
  if (first.getRhs().getType() != (second ? second : first).getRhs().getType() ||
      getType(last.getRhs()).getShape() != ArrayRef<int64_t>{experts,
                                                             getType(first.getRhs()).getDimSize(2),
                                                             getType(first.getRhs()).getDimSize(1)})
    return fail("the weights of its experts have other shapes");
  for (Operation *op : interior)
    if (op->getBlock() != root->getBlock())
      return fail("it is spread over several blocks");
  for (Operation *op : interior)
    for (Operation *user : op->getUsers())
      if (op != root && !interior.contains(user))
        return fail("what '" + op->getName().getStringRef() +
                    "' computes in it is also used elsewhere");
  return true;
}

/// Names and plans of what is replaced.
DictionaryAttr MoeMatch::getParts() {
  Builder builder(topK.getContext());
  auto helper = topK.getContext()->getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
  SmallVector<NamedAttribute> parts;
  auto add = [&](StringRef part, Operation *op, StringRef name) {
    SmallVector<NamedAttribute> entries{builder.getNamedAttr("name", builder.getStringAttr(name))};
    if (PlanAttr plan = helper.getAttr(op))
      entries.push_back(builder.getNamedAttr("plan", plan));
    parts.push_back(builder.getNamedAttr(part, builder.getDictionaryAttr(entries)));
  };
  add("router", router, router.getName());
  add("w1", first, first.getName());
  if (second)
    add("w3", second, second.getName());
  add("w2", last, last.getName());
  return builder.getDictionaryAttr(parts);
}

MoeOp MoeMatch::replace() {
  OpBuilder builder(root);
  MLIRContext *context = root.getContext();
  Value weight = router.getWeight();
  if (router.getWeightLayout() == WeightLayout::KN)
    weight =
        TransposeOp::create(builder, router.getLoc(), weight, builder.getDenseI64ArrayAttr({1, 0}));
  auto moe = MoeOp::create(builder, root.getLoc(), root.getResult().getType(), input, weight,
                           router.getBias(), first.getRhs(), second ? second.getRhs() : Value(),
                           last.getRhs(), builder.getI64IntegerAttr(k),
                           MoeActivationAttr::get(context, activation),
                           MoeNormalizationAttr::get(context, normalization), FloatAttr(),
                           getParts(), router.getNameAttr());
  root.getResult().replaceAllUsesWith(moe.getResult());
  // Users first: every op is in front of the root.
  SmallVector<Operation *> ops(interior.begin(), interior.end());
  llvm::sort(ops, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
  for (Operation *op : ops)
    op->erase();
  return moe;
}

namespace {
struct RaiseMoe : public compress::impl::RaiseMoeBase<RaiseMoe> {
  using Base::Base;

  void runOnOperation() override {
    RaiseContext context(getOperation());
    auto options = remark::RemarkOpts::name("compress-raise-moe").category("raise");
    SmallVector<TopKOp> candidates;
    getOperation().walk([&](TopKOp op) { candidates.push_back(op); });
    for (TopKOp topK : candidates) {
      MoeMatch match(topK, context);
      if (match.match()) {
        MoeOp moe = match.replace();
        remark::passed(moe.getLoc(), options) << ("mixture of " + Twine(moe.getNumExperts()) +
                                                  " experts, " + Twine(moe.getK()) + " per token")
                                                     .str();
      } else {
        remark::missed(topK.getLoc(), options)
            << ("no mixture of experts was recognised: " + match.reason);
      }
    }
    if (context.hadError)
      return signalPassFailure();
    removeDeadWeights(getOperation());
  }
};
} // namespace
