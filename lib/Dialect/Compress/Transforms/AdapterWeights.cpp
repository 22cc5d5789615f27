//===- AdapterWeights.cpp - adding low-rank updates to weights ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AdapterWeights.h"
#include "MatrixView.h"
#include "Requantize.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// A weight as `[rows, columns]` in the order of its view.
static FailureOr<std::vector<double>> readMatrix(WeightStore &store, const WeightedOp &op,
                                                 EmitErrorFn emitError) {
  FailureOr<StoredTensor> dense = decodeChain(store, op.chain, emitError);
  if (failed(dense))
    return failure();
  std::vector<double> values = toDoubles(*dense);
  MatrixView view(op);
  std::vector<double> matrix;
  matrix.reserve(values.size());
  for (size_t row = 0; row < view.getRows(); ++row)
    for (size_t column = 0; column < view.getColumns(); ++column) {
      double value = values[view.getIndex(0, row, column)];
      if (!std::isfinite(value))
        return emitError() << "adapter weight '" << op.chain.getSourceName()
                           << "' has an element that is not finite";
      matrix.push_back(value);
    }
  return matrix;
}

FailureOr<LowRankUpdate> mlir::compress::readUpdate(WeightStore &store, const Adapter &adapter,
                                                    EmitErrorFn emitError) {
  FailureOr<std::vector<double>> a = readMatrix(store, adapter.a, emitError);
  FailureOr<std::vector<double>> b = readMatrix(store, adapter.b, emitError);
  if (failed(a) || failed(b))
    return failure();
  LowRankUpdate update;
  update.groups = getAdapterGroups(adapter.base.op);
  update.rank = adapter.rank / update.groups;
  update.a = std::move(*a);
  update.b = std::move(*b);
  update.scale = adapter.scale;
  return update;
}

//===----------------------------------------------------------------------===//
// Adding
//===----------------------------------------------------------------------===//

/// Adds row `row` of the update to `sum`.
static void addRow(const LowRankUpdate &update, size_t row, size_t numRows,
                   MutableArrayRef<double> sum, MutableArrayRef<double> scratch) {
  size_t group = row / (numRows / update.groups), columns = sum.size();
  llvm::fill(scratch, 0.0);
  for (size_t k = 0; k < update.rank; ++k) {
    double factor = update.b[row * update.rank + k];
    const double *a = update.a.data() + (group * update.rank + k) * columns;
    for (size_t column = 0; column < columns; ++column)
      scratch[column] += factor * a[column];
  }
  for (size_t column = 0; column < columns; ++column)
    sum[column] += update.scale * scratch[column];
}

namespace {
/// The sum of a weight and its updates.
struct Sum {
  /// Rounded to the elements of the weight.
  StoredTensor rounded;
  /// Not rounded; only where it was asked for.
  std::vector<double> exact;
  bool isChanged = false;
  /// An element that is too large for its type.
  std::optional<uint64_t> overflow;
};
} // namespace

static FailureOr<Sum> computeSum(WeightStore &store, const WeightedOp &base,
                                 const StoredTensor &dense, ArrayRef<LowRankUpdate> updates,
                                 bool wantsExact, EmitErrorFn emitError) {
  Sum sum;
  FailureOr<StoredTensor> rounded = StoredTensor::allocate(store, dense.getType(), emitError);
  if (failed(rounded))
    return failure();
  sum.rounded = std::move(*rounded);
  MutableArrayRef<char> bytes = sum.rounded.mutableBytes();
  llvm::copy(dense.bytes(), bytes.begin());
  std::vector<double> values = toDoubles(dense);
  MatrixView view(base);
  DataType type = dense.getDataType();
  size_t size = getStorageBitWidth(type) / 8, numRows = view.getRows();
  std::vector<uint8_t> changed(numRows);
  std::vector<uint64_t> overflow(numRows, ~uint64_t(0));
  parallelFor(base.op->getContext(), 0, numRows, [&](size_t row) {
    std::vector<double> delta(view.getColumns()), scratch(view.getColumns());
    for (const LowRankUpdate &update : updates)
      addRow(update, row, numRows, delta, scratch);
    for (auto [column, change] : llvm::enumerate(delta)) {
      // Zero would turn -0 into 0.
      if (change == 0)
        continue;
      uint64_t index = view.getIndex(0, row, column);
      double old = values[index];
      values[index] += change;
      uint64_t bits = encodeFloat(type, values[index]);
      if (std::isfinite(old) && !std::isfinite(decodeFloat(type, bits)))
        overflow[row] = std::min(overflow[row], index);
      changed[row] = 1;
      std::memcpy(bytes.data() + index * size, &bits, size);
    }
  });
  sum.isChanged = llvm::is_contained(changed, 1);
  uint64_t first = numRows == 0 ? ~uint64_t(0) : *llvm::min_element(overflow);
  if (first != ~uint64_t(0))
    sum.overflow = first;
  if (wantsExact)
    sum.exact = std::move(values);
  return sum;
}

FailureOr<UpdatedWeight> mlir::compress::updateWeight(WeightStore &store, const WeightedOp &base,
                                                      ArrayRef<LowRankUpdate> updates,
                                                      EmitErrorFn emitError) {
  UpdatedWeight result;
  result.skipped = base.chain.getLink<MaskOp>() ? "its pruned elements would not stay zero"
                                                : explainUnsupported(base.chain);
  if (result.skipped.empty())
    result.skipped = explainUnfit(base.chain.getType());
  if (!result.skipped.empty())
    return result;
  FailureOr<EncodedWeight> old = readEncodedWeight(store, base.chain, emitError);
  if (failed(old))
    return failure();
  result.bytesBefore = result.bytesAfter = old->getStoredBytes();
  result.skipped = old->hasCodes()             ? explainNoRequantization(*old)
                   : old->pattern || old->mask ? "its pruned elements would not stay zero"
                                               : "";
  if (!result.skipped.empty())
    return result;
  StoredTensor decoded;
  if (old->hasCodes()) {
    FailureOr<StoredTensor> dense = decodeWeight(store, *old, emitError);
    if (failed(dense))
      return failure();
    decoded = std::move(*dense);
  }
  const StoredTensor &dense = old->hasCodes() ? decoded : old->values;
  FailureOr<Sum> sum = computeSum(store, base, dense, updates, old->hasCodes(), emitError);
  if (failed(sum))
    return failure();
  if (sum->overflow) {
    result.skipped = "element " + std::to_string(*sum->overflow) +
                     " of the sum does not fit into " + getName(dense.getDataType()).str();
    return result;
  }
  result.isNew = sum->isChanged;
  if (!sum->isChanged)
    return result;
  if (!old->hasCodes()) {
    old->values = std::move(sum->rounded);
    result.bytesAfter = old->getStoredBytes();
    result.weight = std::move(*old);
    return result;
  }
  FailureOr<EncodedWeight> weight =
      requantize(store, *old, sum->rounded, base.chain.getSourceName(), emitError);
  if (failed(weight))
    return failure();
  FailureOr<StoredTensor> again = decodeWeight(store, *weight, emitError);
  if (failed(again))
    return failure();
  double error = 0, squares = 0;
  for (auto [stored, exact] : llvm::zip_equal(toDoubles(*again), sum->exact)) {
    error += (stored - exact) * (stored - exact);
    squares += exact * exact;
  }
  result.relativeError = squares > 0 ? std::sqrt(error / squares) : 0;
  result.bytesAfter = weight->getStoredBytes();
  result.weight = std::move(*weight);
  return result;
}

//===----------------------------------------------------------------------===//
// Replacing
//===----------------------------------------------------------------------===//

WeightReplacer::WeightReplacer(ModuleOp module) : module(module), symbols(module) {
  for (WeightOp weight : module.getOps<WeightOp>())
    before.insert(weight.getSymNameAttr());
}

/// Transposes between the weight and the op stay.
void WeightReplacer::use(const WeightedOp &op, Value root) {
  SmallVector<TransposeOp> transposes;
  for (Value value = op.chain.value; value != op.chain.root;) {
    auto transpose = value.getDefiningOp<TransposeOp>();
    transposes.push_back(transpose);
    value = transpose.getInput();
  }
  OpBuilder builder(op.op);
  Value value = root;
  for (TransposeOp transpose : llvm::reverse(transposes)) {
    IRMapping mapping;
    mapping.map(transpose.getInput(), value);
    value = builder.clone(*transpose, mapping)->getResult(0);
  }
  op.operand->set(value);
}

void WeightReplacer::replace(WeightStore &store, const WeightedOp &op, EncodedWeight &weight) {
  OpBuilder builder(op.op);
  Operation *previous = op.op->getPrevNode();
  WeightSourceOpInterface source = op.chain.source;
  Value root = writeEncodedWeight(builder, symbols, store, source, source.getWeightName(), weight);
  auto &[made, value] = written[op.op];
  Operation *next = previous ? previous->getNextNode() : &op.op->getBlock()->front();
  for (; next != op.op; next = next->getNextNode())
    made.push_back(next);
  value = root;
  use(op, root);
}

void WeightReplacer::reuse(const WeightedOp &from, const WeightedOp &op) {
  const auto &[made, value] = written.find(from.op)->second;
  OpBuilder builder(op.op);
  IRMapping mapping;
  for (Operation *link : made)
    builder.clone(*link, mapping);
  use(op, mapping.lookup(value));
}

void WeightReplacer::finish() {
  removeDeadWeights(module);
  // "w.dense" stands for "w" and "w.q_0" for "w.q".
  llvm::DenseSet<Attribute> taken;
  for (Operation &op : module.getOps())
    if (auto name = op.getAttrOfType<StringAttr>(SymbolTable::getSymbolAttrName()))
      taken.insert(name);
  llvm::DenseMap<StringAttr, StringAttr> renamed;
  for (WeightOp weight : module.getOps<WeightOp>()) {
    StringAttr name = weight.getSymNameAttr();
    if (before.contains(name))
      continue;
    SmallVector<StringRef, 3> candidates;
    StringRef stem = name.getValue();
    if (size_t at = stem.rfind('_');
        at != StringRef::npos && !stem.drop_front(at + 1).empty() &&
        llvm::all_of(stem.drop_front(at + 1), [](char c) { return llvm::isDigit(c); }))
      candidates.push_back(stem.take_front(at));
    if (StringRef base = getBaseName(stem); base != stem)
      candidates.push_back(base);
    if (!candidates.empty())
      if (StringRef base = getBaseName(candidates.front()); base != candidates.front())
        candidates.push_back(base);
    for (StringRef candidate : candidates) {
      auto wanted = StringAttr::get(module.getContext(), candidate);
      if (!before.contains(wanted) || !taken.insert(wanted).second)
        continue;
      weight.setSymNameAttr(wanted);
      renamed[name] = wanted;
      break;
    }
  }
  module.walk([&](LoadOp load) {
    if (auto found = renamed.find(load.getWeightAttr().getAttr()); found != renamed.end())
      load.setWeightAttr(FlatSymbolRefAttr::get(found->second));
  });
}

//===----------------------------------------------------------------------===//
// Telling
//===----------------------------------------------------------------------===//

/// Whether ops other than `users` still decode the stored weight of the first one.
static bool isKeptByOthers(ModuleOp module, ArrayRef<const WeightedOp *> users) {
  WeightSourceOpInterface source = users.front()->chain.source;
  auto load = dyn_cast<LoadOp>(source.getOperation());
  if (!load)
    return false;
  StringAttr symbol = load.getWeightAttr().getAttr();
  bool found = false;
  module.walk([&](LoadOp other) {
    // The loads of `users` themselves are dead now, unless somebody else has them, too.
    SmallVector<Operation *> worklist;
    if (other.getWeightAttr().getAttr() == symbol)
      worklist.push_back(other);
    while (!found && !worklist.empty())
      for (Operation *user : worklist.pop_back_val()->getUsers()) {
        if (isa<DecodeOpInterface, TransposeOp, FakeQuantizeOp>(user))
          worklist.push_back(user);
        else
          found = true;
      }
  });
  return found;
}

void mlir::compress::tellUpdate(ModuleOp module, StringRef passName,
                                ArrayRef<const WeightedOp *> users, const UpdatedWeight &result,
                                const Twine &done, const Twine &notDone, uint64_t moreBytes) {
  auto options = remark::RemarkOpts::name(passName).category("adapters");
  const WeightedOp &first = *users.front();
  std::string layer = "weight '" + first.chain.getSourceName() + "' of \"" + first.name + "\"";
  std::string action = done.str();
  if (!result.skipped.empty()) {
    action.clear();
    remark::missed(first.op->getLoc(), options)
        << layer + ": " + notDone.str() + ": " + result.skipped;
  } else {
    if (!result.isNew)
      action += ", which changes nothing";
    if (result.relativeError) {
      llvm::raw_string_ostream os(action);
      os << ", quantized again with the relative error "
         << llvm::format("%.3g", *result.relativeError);
    }
    if (result.isNew && isKeptByOthers(module, users))
      action += ", in a copy of the weight, which other ops use as it was";
    remark::passed(first.op->getLoc(), options)
        << layer + ": " + action << remark::metric("bytes", result.bytesAfter);
  }
  auto *collector = module.getContext()->getLoadedDialect<CompressDialect>()->getReportCollector();
  if (!collector)
    return;
  for (const WeightedOp *user : users) {
    LayerReport line;
    line.name = user->name;
    line.op = user->kindName.str();
    line.weight = first.chain.getSourceName();
    line.shape.assign(first.chain.getType().getShape().begin(),
                      first.chain.getType().getShape().end());
    line.bytesBefore = result.bytesBefore + moreBytes;
    line.bytesAfter = result.bytesAfter + (result.skipped.empty() ? 0 : moreBytes);
    line.relativeError = result.relativeError;
    line.action = action;
    if (!result.skipped.empty())
      line.reason = notDone.str() + ": " + result.skipped;
    line.shared = user != users.front();
    collector->addLayer(line);
  }
}
