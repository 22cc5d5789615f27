//===- AdapterTargets.cpp - the ops that an adapter file speaks of --------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AdapterTargets.h"
#include "MatrixView.h"
#include "compress/Analysis/WeightUnits.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace mlir::compress;

FailureOr<AdapterFile> mlir::compress::openAdapter(ModuleOp module, StringRef passName,
                                                   StringRef path, double alpha) {
  if (path.empty())
    return emitError(module.getLoc()) << passName << ": expects the option 'file'";
  llvm::Expected<AdapterFile> file = AdapterFile::open(path, alpha);
  if (!file)
    return emitError(module.getLoc()) << llvm::toString(file.takeError());
  return std::move(*file);
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// Whether adapters of this kind can be beside `op`.
static bool canAdapt(const WeightedOp &op, bool isEmbedding) {
  return isEmbedding ? isa<EmbeddingOp>(op.op) : isa<LinearOp, ConvOp>(op.op);
}

static ModuleMatch match(const WeightedOp &op, StringRef module) {
  ModuleMatch best = matchModule(module, op.chain.getSourceName());
  for (StringRef key : {"node_name", "name"})
    if (auto name = op.op->getAttrOfType<StringAttr>(key))
      best = std::max(best, matchModule(module, name.getValue()));
  return best;
}

static std::string listNames(ArrayRef<const WeightedOp *> ops) {
  constexpr size_t most = 5;
  std::string text;
  for (const WeightedOp *op : ops.take_front(most))
    text += (text.empty() ? "\"" : ", \"") + op->name + "\" (weight '" + op->chain.getSourceName() +
            "')";
  return ops.size() > most ? text + ", ..." : text;
}

static std::string toString(ArrayRef<int64_t> shape) {
  return "[" +
         llvm::join(llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }), ", ") +
         "]";
}

/// Shapes that the factors of `entry` must have for `op`; the rank is that of the entry.
static std::pair<SmallVector<int64_t>, SmallVector<int64_t>> getShapes(const WeightedOp &op,
                                                                       const AdapterEntry &entry) {
  auto getSize = [&](int64_t dim) { return op.chain.getType().getDimSize(dim); };
  SmallVector<int64_t> a{entry.rank}, b{getSize(op.outputDims.front())};
  for (int64_t dim : op.contractionDims)
    a.push_back(getSize(dim));
  b.push_back(entry.rank / getAdapterGroups(op.op));
  b.resize(a.size(), 1);
  return {a, b};
}

/// Fails with a diagnostic if the factors do not fit the op.
static LogicalResult check(const AdapterTarget &target) {
  const AdapterEntry &entry = *target.entry;
  Operation *op = target.op.op;
  int64_t groups = getAdapterGroups(op);
  if (entry.rank % groups != 0)
    return op->emitError() << "adapter of '" << entry.module << "' has the rank " << entry.rank
                           << ", which is no multiple of the " << groups << " groups";
  if (std::string reason = explainUnfit(target.op.chain.getType()); !reason.empty())
    return op->emitError() << "adapter of '" << entry.module
                           << "' is for a weight that cannot have "
                           << "one: " << reason;
  auto [a, b] = getShapes(target.op, entry);
  for (auto [expected, tensor] : {std::make_pair(a, &entry.a), std::make_pair(b, &entry.b)})
    if (ArrayRef<int64_t>(expected) != ArrayRef<int64_t>(tensor->shape))
      return op->emitError() << "adapter weight '" << tensor->key << "' expects the shape "
                             << toString(expected) << ", got " << toString(tensor->shape);
  return success();
}

FailureOr<std::vector<AdapterTarget>> mlir::compress::findTargets(ModuleOp module,
                                                                  const AdapterFile &file) {
  std::vector<WeightedOp> ops;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (FailureOr<WeightedOp> adapted = getAdapted(op); succeeded(adapted))
      ops.push_back(std::move(*adapted));
  });
  llvm::DenseMap<Operation *, const AdapterEntry *> known;
  std::vector<AdapterTarget> targets;
  for (const AdapterEntry &entry : file.getEntries()) {
    ModuleMatch best = ModuleMatch::None;
    SmallVector<const WeightedOp *> found, candidates;
    for (const WeightedOp &op : ops) {
      if (!canAdapt(op, entry.isEmbedding))
        continue;
      candidates.push_back(&op);
      ModuleMatch quality = match(op, entry.module);
      if (quality == ModuleMatch::None || quality < best)
        continue;
      if (quality > best)
        found.clear();
      best = quality;
      found.push_back(&op);
    }
    if (found.empty())
      return emitError(module.getLoc())
             << "adapter of '" << entry.module << "' matches no "
             << (entry.isEmbedding ? "embedding" : "linear op or convolution")
             << (candidates.empty() ? "; the module has none"
                                    : "; there are " + listNames(candidates));
    for (const WeightedOp *op : found)
      if (!isSameDecoding(op->chain, found.front()->chain) ||
          op->contractionDims != found.front()->contractionDims)
        return emitError(module.getLoc())
               << "adapter of '" << entry.module
               << "' matches ops with several weights: " << listNames(found);
    for (const WeightedOp *op : found) {
      auto [position, isNew] = known.try_emplace(op->op, &entry);
      if (!isNew)
        return op->op->emitError() << "adapters of '" << position->second->module << "' and of '"
                                   << entry.module << "' both match \"" << op->name << "\"";
      targets.push_back({*op, &entry});
      if (failed(check(targets.back())))
        return failure();
    }
  }
  return targets;
}

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

/// A tensor of `values`, each multiplied by `scale` and rounded once.
static FailureOr<StoredTensor> store(WeightStore &store, RankedTensorType type,
                                     ArrayRef<double> values, double scale, StringRef key,
                                     EmitErrorFn emitError) {
  FailureOr<StoredTensor> tensor = StoredTensor::allocate(store, type, emitError);
  if (failed(tensor))
    return failure();
  DataType dataType = tensor->getDataType();
  size_t size = getStorageBitWidth(dataType) / 8;
  char *to = tensor->mutableBytes().data();
  for (auto [i, value] : llvm::enumerate(values)) {
    uint64_t bits = encodeFloat(dataType, value * scale);
    if (!std::isfinite(decodeFloat(dataType, bits)))
      return emitError() << "adapter weight '" << key << "': element " << i << ", " << value * scale
                         << " with its scale, does not fit into " << type.getElementType();
    std::memcpy(to + i * size, &bits, size);
  }
  return tensor;
}

FailureOr<AdapterFactors> mlir::compress::makeFactors(WeightStore &weights, const AdapterFile &file,
                                                      const AdapterTarget &target,
                                                      EmitErrorFn emitError) {
  const AdapterEntry &entry = *target.entry;
  llvm::Expected<std::vector<double>> a = file.read(entry.a);
  if (!a)
    return emitError() << llvm::toString(a.takeError());
  llvm::Expected<std::vector<double>> b = file.read(entry.b);
  if (!b)
    return emitError() << llvm::toString(b.takeError());
  SmallVector<int64_t> shape(entry.a.shape.begin(), entry.a.shape.end());
  if (entry.isEmbedding) {
    // The table has a row for each token.
    std::vector<double> table(a->size());
    size_t rows = shape[0], columns = shape[1];
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        table[column * rows + row] = (*a)[row * columns + column];
    *a = std::move(table);
    std::swap(shape[0], shape[1]);
  }
  Type element = target.op.chain.getType().getElementType();
  FailureOr<StoredTensor> storedA =
      store(weights, RankedTensorType::get(shape, element), *a, 1, entry.a.key, emitError);
  FailureOr<StoredTensor> storedB = store(weights, RankedTensorType::get(entry.b.shape, element),
                                          *b, entry.scale, entry.b.key, emitError);
  if (failed(storedA) || failed(storedB))
    return failure();
  return AdapterFactors{std::move(*storedA), std::move(*storedB)};
}

LowRankUpdate mlir::compress::makeUpdate(const AdapterTarget &target,
                                         const AdapterFactors &factors) {
  LowRankUpdate update;
  update.groups = getAdapterGroups(target.op.op);
  update.rank = target.entry->rank / update.groups;
  update.b = toDoubles(factors.b);
  std::vector<double> a = toDoubles(factors.a);
  // Columns of a view count positions of the kernel before channels.
  MatrixView view(target.op);
  size_t ranks = target.entry->rank, columns = view.getColumns(), positions = view.getPositions();
  update.a.resize(a.size());
  for (size_t row = 0; row < ranks; ++row)
    for (size_t column = 0; column < columns; ++column) {
      size_t channel = column % view.getChannels(), position = column / view.getChannels();
      update.a[row * columns + column] = target.entry->isEmbedding
                                             ? a[column * ranks + row]
                                             : a[row * columns + channel * positions + position];
    }
  return update;
}

//===----------------------------------------------------------------------===//
// Attaching
//===----------------------------------------------------------------------===//

/// `name`, or with a number behind it if an op is called so already.
static StringAttr makeUnique(Operation *op, const std::string &name) {
  llvm::StringSet<> taken;
  op->getParentOfType<ModuleOp>().walk([&](Operation *other) {
    if (auto known = other->getAttrOfType<StringAttr>("name"))
      taken.insert(known.getValue());
  });
  std::string unique = name;
  for (unsigned number = 1; taken.contains(unique); ++number)
    unique = name + "_" + std::to_string(number);
  return StringAttr::get(op->getContext(), unique);
}

static RankedTensorType withDim(RankedTensorType type, int64_t dim, int64_t size) {
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = size;
  return type.clone(shape);
}

void mlir::compress::attachAdapter(WeightStore &store, WeightSymbols &symbols,
                                   const AdapterTarget &target, AdapterFactors &factors,
                                   std::pair<StringAttr, StringAttr> &shared) {
  Operation *op = target.op.op;
  OpBuilder builder(op->getContext());
  builder.setInsertionPointAfter(op);
  Location loc = op->getLoc();
  RankedTensorType typeA = factors.a.getType(), typeB = factors.b.getType();
  auto load = [&](StringAttr &symbol, StoredTensor &tensor, RankedTensorType type,
                  StringRef suffix) -> Value {
    if (!symbol) {
      std::string name = target.entry->module + suffix.str();
      OpBuilder detached(op->getContext());
      auto weight = WeightOp::create(detached, loc, builder.getStringAttr(name),
                                     builder.getStringAttr("private"), TypeAttr::get(type),
                                     tensor.commit(store, name));
      symbol = symbols.insert(weight);
    }
    return LoadOp::create(builder, loc, type, FlatSymbolRefAttr::get(symbol));
  };
  Value a = load(shared.first, factors.a, typeA, ".lora_A.weight");
  Value b = load(shared.second, factors.b, typeB, ".lora_B.weight");
  StringAttr nameA = makeUnique(op, target.op.name + "/lora_A");
  StringAttr nameB = makeUnique(op, target.op.name + "/lora_B");
  auto nk = WeightLayoutAttr::get(op->getContext(), WeightLayout::NK);
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t rank = target.entry->rank;
  Value branch;
  if (auto conv = dyn_cast<ConvOp>(op)) {
    size_t spatial = conv.getStrides().size();
    auto fill = [&](size_t count, int64_t value) {
      return builder.getDenseI64ArrayAttr(SmallVector<int64_t>(count, value));
    };
    Value hidden = ConvOp::create(builder, loc, withDim(resultType, 1, rank), conv.getInput(), a,
                                  Value(), conv.getStridesAttr(), conv.getPadsAttr(),
                                  conv.getDilationsAttr(), conv.getGroupsAttr(), nameA);
    branch = ConvOp::create(builder, loc, resultType, hidden, b, Value(), fill(spatial, 1),
                            fill(2 * spatial, 0), fill(spatial, 1), conv.getGroupsAttr(), nameB);
  } else {
    Type hiddenType = withDim(resultType, resultType.getRank() - 1, rank);
    Value hidden;
    if (auto embedding = dyn_cast<EmbeddingOp>(op))
      hidden = EmbeddingOp::create(builder, loc, hiddenType, a, embedding.getIndices(), nameA);
    else
      hidden = LinearOp::create(builder, loc, hiddenType, cast<LinearOp>(op).getInput(), a, Value(),
                                nk, nameA);
    branch = LinearOp::create(builder, loc, resultType, hidden, b, Value(), nk, nameB);
  }
  auto add = AddOp::create(builder, loc, resultType, op->getResult(0), branch);
  op->getResult(0).replaceAllUsesExcept(add, add);
}
