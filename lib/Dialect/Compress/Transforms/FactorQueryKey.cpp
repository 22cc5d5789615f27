//===- FactorQueryKey.cpp - smaller heads of queries and keys -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MatrixView.h"
#include "compress/Algorithms/LowRank.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include <cmath>

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_FACTORQUERYKEY
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Queries or keys: `transpose(reshape(linear(x) + bias))`, where the bias may be part of the
/// linear op, or missing, and the transpose too.
struct Projection {
  LinearOp linear;
  WeightedOp weighted;
  /// A bias that is added apart, or null.
  AddOp add;
  ReshapeOp reshape;
  TransposeOp transpose;
  int64_t heads = 0, headSize = 0, inputs = 0;
  Value bias;
  /// `[heads * headSize, inputs + 1]`: the weight, and the bias as its last column.
  std::vector<float> rows;
  /// `[inputs + 1, inputs + 1]`: of the input and a 1 behind it; empty if it is not known.
  std::vector<float> gram;

  /// What is stored instead, with heads of the new size.
  StoredTensor newWeight;
  std::optional<StoredTensor> newBias;
};

/// The two products of one attention.
struct Pair {
  AttentionOp attention;
  Projection query, key;
  int64_t rank = 0;
  /// Sums over heads: squared error of the products, weighted, and their squares.
  double error = 0, total = 0;
};

struct FactorQueryKey : public compress::impl::FactorQueryKeyBase<FactorQueryKey> {
  using Base::Base;

  LogicalResult planGiven();
  std::optional<Pair> match(AttentionOp attention);
  LogicalResult gather(Projection &side);
  LogicalResult factor(Pair &pair);
  LogicalResult store(Projection &side, ArrayRef<float> rows, int64_t rank, bool hasBias);
  void rewrite(Pair &pair, WeightSymbols &symbols);
  Value rewrite(Projection &side, int64_t rank, WeightSymbols &symbols);
  void runOnOperation() override;

  CompressDialect &dialect() { return *getContext().getLoadedDialect<CompressDialect>(); }
  static remark::RemarkOpts remarkOptions() {
    return remark::RemarkOpts::name("compress-factor-query-key").category("low-rank");
  }
};
} // namespace

/// The specification of an op whose plan speaks of queries and keys.
static std::optional<LowRankSpec> getSpec(PlanAttr plan) {
  std::optional<LowRankSpec> spec = plan ? plan.getLowRankSpec() : std::nullopt;
  return spec && spec->queryKey ? spec : std::nullopt;
}

LogicalResult FactorQueryKey::planGiven() {
  if (lowRank.empty())
    return success();
  llvm::Expected<LowRankSpec> spec = parseLowRankSpec(lowRank);
  if (!spec)
    return getOperation().emitError() << llvm::toString(spec.takeError());
  if (spec->target != LowRankTarget::Rank && spec->target != LowRankTarget::Ratio)
    return getOperation().emitError()
           << "option 'low-rank': expects rank:K or ratio:R, got '" << lowRank << "'";
  spec->queryKey = true;
  planAll(getOperation(),
          PlanAttr::getSplitting(StringAttr::get(
              &getContext(), toString(resolveAuto(*spec, dialect().getStatistics() != nullptr)))));
  return success();
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// The entries of a constant shape.
static std::optional<SmallVector<int64_t>> getConstantShape(Value value) {
  DenseIntElementsAttr attribute;
  if (!matchPattern(value, m_Constant(&attribute)))
    return std::nullopt;
  return SmallVector<int64_t>(attribute.getValues<int64_t>());
}

/// Whether a value is a stored vector of `size` floats that is broadcast along the last dim.
static bool isBias(Value value, int64_t size) {
  FailureOr<WeightChain> chain = getWeightChain(value);
  auto type = cast<RankedTensorType>(value.getType());
  return succeeded(chain) && chain->isDense() && type.getRank() > 0 &&
         type.getShape().back() == size && type.getNumElements() == size &&
         type.getElementType().isF32();
}

/// Why `value` is no projection that can be factored; empty, with `side` filled, if it is.
static std::string matchProjection(Value value, AttentionLayout layout, Projection &side) {
  auto single = [&](Value inner) { return inner.hasOneUse(); };
  if (layout == AttentionLayout::BHSD) {
    side.transpose = value.getDefiningOp<TransposeOp>();
    if (!side.transpose || !single(value) ||
        side.transpose.getPerm() != ArrayRef<int64_t>{0, 2, 1, 3})
      return "their heads do not come from a transpose [0, 2, 1, 3] of their own";
    value = side.transpose.getInput();
  }
  side.reshape = value.getDefiningOp<ReshapeOp>();
  if (!side.reshape || !single(value))
    return "they are not a reshaped linear op: rotary positions, norms or several users are in "
           "between";
  auto type = cast<RankedTensorType>(side.reshape.getResult().getType());
  value = side.reshape.getInput();
  auto flat = cast<RankedTensorType>(value.getType());
  if (type.getRank() != 4 || flat.getRank() != 3 || type.isDynamicDim(2) || type.isDynamicDim(3) ||
      flat.getDimSize(2) != type.getDimSize(2) * type.getDimSize(3))
    return "their reshape does not split the last dim into heads";
  std::optional<SmallVector<int64_t>> shape = getConstantShape(side.reshape.getShape());
  if (!shape)
    return "the shape of their reshape is not constant";
  for (int64_t dim = 0; dim < 2; ++dim) {
    bool copies = (*shape)[dim] == 0 && !side.reshape.getAllowzero();
    bool isSame = !flat.isDynamicDim(dim) && flat.getDimSize(dim) == type.getDimSize(dim);
    bool other = (*shape)[1 - dim] == 0 || !flat.isDynamicDim(1 - dim);
    if (!copies && !isSame && !((*shape)[dim] == -1 && other))
      return "their reshape changes other dims, too";
  }
  side.heads = type.getDimSize(2);
  side.headSize = type.getDimSize(3);
  int64_t outputs = flat.getDimSize(2);
  if (!single(value))
    return "they have other users";
  if (auto add = value.getDefiningOp<AddOp>()) {
    for (unsigned operand : {0u, 1u})
      if (isBias(add->getOperand(operand), outputs)) {
        side.add = add;
        side.bias = add->getOperand(operand);
        value = add->getOperand(1 - operand);
        break;
      }
    if (!side.add || !single(value))
      return "what is added to them is no bias";
  }
  side.linear = value.getDefiningOp<LinearOp>();
  if (!side.linear || cast<RankedTensorType>(value.getType()).getRank() != 3)
    return "they do not come from a linear op of their own";
  if (side.linear.getBias()) {
    if (side.bias || !isBias(side.linear.getBias(), outputs))
      return "their bias is not stored as floats";
    side.bias = side.linear.getBias();
  }
  FailureOr<WeightedOp> weighted = getWeighted(side.linear);
  if (failed(weighted))
    return "their weight is not constant";
  side.weighted = *weighted;
  if (!weighted->chain.isDense() || !weighted->chain.permutation.empty() ||
      !weighted->chain.getType().getElementType().isF32())
    return "their weight is not stored as f32";
  side.inputs = weighted->chain.getType().getDimSize(weighted->contractionDims[0]);
  return "";
}

std::optional<Pair> FactorQueryKey::match(AttentionOp attention) {
  auto helper = dialect().getPlanAttrHelper();
  Pair pair;
  pair.attention = attention;
  auto skip = [&](const Twine &reason) {
    remark::missed(attention.getLoc(), remarkOptions())
        << "queries and keys stay as they are: " + reason.str();
    return std::nullopt;
  };
  AttentionLayout layout = attention.getLayout();
  std::string reason = matchProjection(attention.getQuery(), layout, pair.query);
  if (reason.empty())
    reason = matchProjection(attention.getKey(), layout, pair.key);
  auto isOther = [&](const Projection &side) {
    return side.linear && !getSpec(helper.getAttr(side.linear));
  };
  if (isOther(pair.query) && isOther(pair.key))
    return std::nullopt;
  if (!reason.empty())
    return skip(reason);
  std::optional<LowRankSpec> spec = getSpec(helper.getAttr(pair.query.linear));
  if (!spec || spec != getSpec(helper.getAttr(pair.key.linear)))
    return skip("the plans of \"" + pair.query.weighted.name + "\" and \"" +
                pair.key.weighted.name + "\" do not ask for the same");
  if (pair.query.heads != pair.key.heads)
    return skip("several heads of queries share one of keys");
  if (pair.query.inputs != pair.key.inputs)
    return skip("inputs of queries have " + Twine(pair.query.inputs) + " channels, those of keys " +
                Twine(pair.key.inputs));
  int64_t size = pair.query.headSize;
  int64_t rank = spec->target == LowRankTarget::Rank
                     ? spec->rank
                     : std::max<int64_t>(1, static_cast<int64_t>(std::floor(spec->share * size)));
  if (rank > spec->roundTo)
    rank -= rank % spec->roundTo;
  if (rank >= size)
    return skip("rank " + Twine(rank) + " is not below the size of the heads, " + Twine(size));
  pair.rank = rank;
  return pair;
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

LogicalResult FactorQueryKey::gather(Projection &side) {
  WeightStore store(&getContext());
  auto emitError = [&] { return side.linear.emitError(); };
  FailureOr<StoredTensor> dense = decodeChain(store, side.weighted.chain, emitError);
  if (failed(dense))
    return failure();
  std::vector<float> weight = MatrixView(side.weighted).gather(*dense, 0);
  std::vector<double> bias;
  if (side.bias) {
    FailureOr<StoredTensor> stored = decodeChain(store, *getWeightChain(side.bias), emitError);
    if (failed(stored))
      return failure();
    bias = toDoubles(*stored);
  }
  size_t n = side.inputs, outputs = side.heads * side.headSize;
  side.rows.assign(outputs * (n + 1), 0);
  for (size_t row = 0; row < outputs; ++row) {
    std::copy_n(weight.begin() + row * n, n, side.rows.begin() + row * (n + 1));
    if (!bias.empty())
      side.rows[row * (n + 1) + n] = static_cast<float>(bias[row]);
  }
  for (auto [index, value] : llvm::enumerate(side.rows))
    if (!std::isfinite(value))
      return emitError() << "element " << index << " of its weight or bias is not finite";

  const Statistics *statistics = dialect().getStatistics();
  const TensorStatistics *input = statistics ? statistics->findInput(side.weighted.name) : nullptr;
  if (!input || input->gram.size() != n * n || input->sum.size() != n)
    return success();
  side.gram.resize((n + 1) * (n + 1));
  for (size_t row = 0; row < n; ++row) {
    std::copy_n(input->gram.begin() + row * n, n, side.gram.begin() + row * (n + 1));
    side.gram[row * (n + 1) + n] = side.gram[n * (n + 1) + row] =
        static_cast<float>(input->sum[row]);
  }
  side.gram.back() = static_cast<float>(input->gramVectors);
  return success();
}

/// Allocates what is stored for the heads of `rank` rows each: `rows` is [heads * rank, inputs +
/// 1].
LogicalResult FactorQueryKey::store(Projection &side, ArrayRef<float> rows, int64_t rank,
                                    bool hasBias) {
  WeightStore store(&getContext());
  auto emitError = [&] { return side.linear.emitError(); };
  size_t n = side.inputs, outputs = side.heads * rank;
  bool isNK = side.linear.getWeightLayout() == WeightLayout::NK;
  std::vector<float> weight(outputs * n), bias(outputs);
  for (size_t row = 0; row < outputs; ++row) {
    for (size_t column = 0; column < n; ++column)
      weight[isNK ? row * n + column : column * outputs + row] = rows[row * (n + 1) + column];
    bias[row] = rows[row * (n + 1) + n];
  }
  Type f32 = Float32Type::get(&getContext());
  int64_t size = static_cast<int64_t>(outputs);
  auto type = isNK ? RankedTensorType::get({size, side.inputs}, f32)
                   : RankedTensorType::get({side.inputs, size}, f32);
  FailureOr<StoredTensor> made = makeFloats(store, type, weight, emitError);
  if (failed(made))
    return failure();
  side.newWeight = std::move(*made);
  if (!hasBias)
    return success();
  made = makeFloats(store, RankedTensorType::get({size}, f32), bias, emitError);
  if (failed(made))
    return failure();
  side.newBias = std::move(*made);
  return success();
}

LogicalResult FactorQueryKey::factor(Pair &pair) {
  Projection &query = pair.query, &key = pair.key;
  if (failed(gather(query)) || failed(gather(key)))
    return failure();
  // Without statistics of both the weights themselves count.
  if (query.gram.empty() || key.gram.empty())
    query.gram = key.gram = {};
  size_t n = query.inputs + 1, size = query.headSize, rank = pair.rank;
  std::vector<float> queryRows(query.heads * rank * n), keyRows(queryRows.size());
  for (int64_t head = 0; head < query.heads; ++head) {
    auto rowsOf = [&](const Projection &side) {
      return ArrayRef(side.rows).slice(head * size * n, size * n);
    };
    llvm::Expected<LowRankDecomposition> product =
        decomposeQueryKey(rowsOf(query), rowsOf(key), size, n, query.gram, key.gram);
    if (!product)
      return query.linear.emitError() << "the product with the keys cannot be decomposed: "
                                      << llvm::toString(product.takeError());
    LowRankFactors factors = product->getFactors(rank);
    for (size_t k = 0; k < factors.rank; ++k)
      for (size_t column = 0; column < n; ++column) {
        size_t target = (head * rank + k) * n + column;
        queryRows[target] = factors.u[column * factors.rank + k];
        keyRows[target] = factors.v[k * n + column];
      }
    pair.error += product->getError(rank);
    pair.total += product->getTotal();
  }
  bool hasBias = query.bias || key.bias;
  return failure(failed(store(query, queryRows, rank, hasBias)) ||
                 failed(store(key, keyRows, rank, hasBias)));
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

Value FactorQueryKey::rewrite(Projection &side, int64_t rank, WeightSymbols &symbols) {
  WeightStore store(&getContext());
  OpBuilder builder(side.linear);
  WeightSourceOpInterface source = side.weighted.chain.source;
  std::string name = source.getWeightName();
  int64_t outputs = side.heads * rank;
  Value weight = side.newWeight.materialize(builder, symbols, store, source, name + ".qk");
  Value bias;
  if (side.newBias)
    bias = side.newBias->materialize(builder, symbols, store, source, name + ".qk.bias");
  auto resize = [](Value value, int64_t last) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = last;
    return type.clone(shape);
  };
  auto linear = LinearOp::create(
      builder, side.linear.getLoc(), resize(side.linear.getResult(), outputs),
      side.linear.getInput(), weight, bias, side.linear.getWeightLayout(), side.linear.getName());
  auto helper = dialect().getPlanAttrHelper();
  if (PlanAttr plan = helper.getAttr(side.linear).withLowRank({}); !plan.isEmpty())
    helper.setAttr(linear, plan);

  builder.setInsertionPoint(side.reshape);
  SmallVector<int64_t> shape = *getConstantShape(side.reshape.getShape());
  if (shape[3] != -1)
    shape[3] = rank;
  Value target = ConstantOp::create(builder, side.reshape.getLoc(),
                                    cast<RankedTensorType>(side.reshape.getShape().getType()),
                                    builder.getI64TensorAttr(shape));
  Value result =
      ReshapeOp::create(builder, side.reshape.getLoc(), resize(side.reshape.getResult(), rank),
                        linear.getResult(), target, side.reshape.getAllowzero());
  if (side.transpose) {
    builder.setInsertionPoint(side.transpose);
    result = TransposeOp::create(builder, side.transpose.getLoc(),
                                 resize(side.transpose.getResult(), rank), result,
                                 side.transpose.getPerm());
  }
  return result;
}

void FactorQueryKey::rewrite(Pair &pair, WeightSymbols &symbols) {
  ReportCollector *collector = dialect().getReportCollector();
  double relative = pair.total > 0 ? std::sqrt(pair.error / pair.total) : 0;
  std::string how = pair.query.gram.empty() ? "svd" : "drone";
  for (Projection *side : {&pair.query, &pair.key}) {
    LayerReport line;
    line.name = side->weighted.name;
    line.op = side->weighted.kindName;
    line.weight = side->weighted.chain.getSourceName();
    line.shape.assign(side->weighted.chain.getType().getShape());
    line.bytesBefore = side->weighted.chain.getType().getNumElements() * sizeof(float);
    line.bytesAfter = side->newWeight.bytes().size();
    line.action =
        "heads " + std::to_string(side->headSize) + " to " + std::to_string(pair.rank) + ", " + how;
    if (collector)
      collector->addLayer(line);
  }
  remark::passed(pair.attention.getLoc(), remarkOptions())
      << "\"" + pair.query.weighted.name + "\" and \"" + pair.key.weighted.name + "\": heads of " +
             std::to_string(pair.query.headSize) + " get " + std::to_string(pair.rank) +
             " channels (" + how + "), relative error of the products " +
             llvm::formatv("{0:f4}", relative).str();
  Value query = rewrite(pair.query, pair.rank, symbols);
  Value key = rewrite(pair.key, pair.rank, symbols);
  pair.attention.getQueryMutable().assign(query);
  pair.attention.getKeyMutable().assign(key);
  for (Projection *side : {&pair.query, &pair.key}) {
    for (Operation *op : {side->transpose.getOperation(), side->reshape.getOperation(),
                          side->add.getOperation(), side->linear.getOperation()})
      if (op)
        op->erase();
  }
}

void FactorQueryKey::runOnOperation() {
  if (failed(planGiven()))
    return signalPassFailure();
  std::vector<Pair> pairs;
  getOperation().walk([&](AttentionOp attention) {
    if (std::optional<Pair> pair = match(attention))
      pairs.push_back(std::move(*pair));
  });
  if (failed(
          failableParallelForEach(&getContext(), pairs, [&](Pair &pair) { return factor(pair); })))
    return signalPassFailure();

  auto statistics = dialect().getStatistics()
                        ? std::make_shared<Statistics>(*dialect().getStatistics())
                        : nullptr;
  WeightSymbols symbols(getOperation());
  for (Pair &pair : pairs) {
    for (const Projection *side : {&pair.query, &pair.key})
      if (statistics) {
        statistics->drop(Statistics::getOutputKey(side->weighted.name));
        statistics->eraseWeight(side->weighted.name);
      }
    rewrite(pair, symbols);
  }
  if (statistics)
    dialect().setStatistics(std::move(statistics));
  // What was planned for this pass alone.
  if (!lowRank.empty()) {
    auto helper = dialect().getPlanAttrHelper();
    for (const WeightedOp &op : collectWeighted(getOperation()))
      if (PlanAttr plan = helper.getAttr(op.op); getSpec(plan)) {
        plan = plan.withLowRank({});
        if (plan.isEmpty())
          helper.removeAttr(op.op);
        else
          helper.setAttr(op.op, plan);
      }
  }
  removeDeadWeights(getOperation());
}
