//===- ApplySlices.cpp - masked channels become smaller shapes ------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SliceSelection.h"
#include "SliceWeights.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_APPLYSLICES
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
/// A weight source that becomes smaller, for all of its users or for one.
struct SourceEdit {
  WeightSourceOpInterface source;
  Operation *user = nullptr;
  SmallVector<DimSelection, 2> selections;
  size_t slice = 0;
};

/// A weighted op as it was.
struct Layer {
  Location loc;
  LayerReport report;
  /// What its weight keeps.
  SmallVector<DimSelection, 2> selections;
};

/// An entry of the statistics whose activation loses channels.
struct StatisticsEdit {
  std::string key;
  /// Channels before; 0 if the activation changes in another way.
  int64_t channels = 0;
  ArrayRef<int64_t> kept;
};

class Slicing {
public:
  Slicing(ModuleOp module, bool renormalize)
      : module(module), renormalize(renormalize), graph(module),
        options(remark::RemarkOpts::name("compress-apply-slices").category("prune")),
        selection(module.getContext(), graph, options), slicer(module.getContext()) {}

  LogicalResult run();

private:
  bool gather();
  void describeLayers();
  void describeChanges(const WeightedOp &op, LayerReport &layer);
  void planStatistics();
  LogicalResult commit();
  void sliceSources();
  void setTypes();
  void updateFunctions();
  LogicalResult removeIndices();
  void removeFullMasks();
  void selectStatistics();
  void report();

  ModuleOp module;
  bool renormalize;
  DependencyGraph graph;
  remark::RemarkOpts options;
  SliceSelection selection;
  WeightSlicer slicer;
  /// By source and user.
  llvm::MapVector<std::pair<Value, Operation *>, SourceEdit> edits;
  /// All other values, by value and dim: the space.
  std::vector<std::tuple<Value, int64_t, size_t>> others;
  DimensionRemoval removal;
  /// Sliced masks that mask nothing.
  SmallVector<Value> fullMasks;
  std::vector<Layer> layers;
  std::vector<StatisticsEdit> statisticsEdits;
};
} // namespace

//===----------------------------------------------------------------------===//
// Gathering
//===----------------------------------------------------------------------===//

/// Finds all that changes; false if nothing does.
bool Slicing::gather() {
  bool isChanged = false;
  for (size_t space = 0; space < graph.getSpaces().size(); ++space) {
    if (!selection.isChanged(space))
      continue;
    isChanged = true;
    for (const DimUse &use : graph.getSpaces()[space].dims) {
      auto source = use.value.getDefiningOp<WeightSourceOpInterface>();
      if (!source) {
        others.push_back({use.value, use.dim, space});
        continue;
      }
      SourceEdit &edit = edits[{use.value, use.user}];
      edit.source = source;
      edit.user = use.user;
      edit.selections.push_back({use.dim, selection.getKept(space)});
    }
  }
  for (auto &[key, edit] : edits)
    edit.slice = slicer.plan(edit.source, edit.selections);
  return isChanged;
}

/// Stored bytes of a chain without its masks.
static uint64_t getChainBytes(const WeightChain &chain) {
  llvm::SmallSetVector<Operation *, 4> sources;
  sources.insert(WeightSourceOpInterface(chain.source).getOperation());
  for (Operation *link : chain.links)
    if (!isa<MaskOp>(link))
      for (Value operand : link->getOperands())
        for (WeightSourceOpInterface source : getStoredSources(operand))
          sources.insert(source.getOperation());
  uint64_t bytes = 0;
  for (Operation *source : sources)
    if (auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType()))
      if (FailureOr<uint64_t> size = WeightStore::getStorageBytes(type); succeeded(size))
        bytes += *size;
  return bytes;
}

static std::string describeShape(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t size) { return std::to_string(size); }), "x");
}

/// Says in `layer.action` how the shape changes: "64x32 -> 48x24: channels 64 -> 48, ...".
void Slicing::describeChanges(const WeightedOp &op, LayerReport &layer) {
  SmallVector<int64_t> shape(layer.shape.begin(), layer.shape.end());
  std::string action;
  auto describe = [&](StringRef what, ArrayRef<int64_t> dims) {
    for (int64_t dim : dims) {
      std::optional<size_t> space = graph.findSpace(op.chain.root, dim);
      if (!space || !selection.isChanged(*space))
        continue;
      auto now = static_cast<int64_t>(selection.getKept(*space).size());
      action +=
          ((action.empty() ? "" : ", ") + what + " " + Twine(shape[dim]) + " -> " + Twine(now))
              .str();
      shape[dim] = now;
    }
  };
  describe("channels", op.outputDims);
  describe("inputs", op.contractionDims);
  describe("batches", op.batchDims);
  if (!action.empty())
    layer.action = describeShape(layer.shape) + " -> " + describeShape(shape) + ": " + action;
}

/// Notes how the weights are before.
void Slicing::describeLayers() {
  llvm::StringSet<> weights;
  for (const WeightedOp &op : graph.getWeightedOps()) {
    LayerReport layer;
    layer.name = op.name;
    layer.op = op.kindName.str();
    layer.weight = op.chain.getSourceName();
    layer.shape = llvm::to_vector<4>(op.chain.getType().getShape());
    layer.bytesBefore = layer.bytesAfter = getChainBytes(op.chain);
    layer.shared = isa<LoadOp>(WeightSourceOpInterface(op.chain.source).getOperation()) &&
                   !weights.insert(layer.weight).second;
    describeChanges(op, layer);
    SmallVector<DimSelection, 2> selections;
    for (int64_t dim = 0, rank = op.chain.getType().getRank(); dim < rank; ++dim)
      if (std::optional<size_t> space = graph.findSpace(op.chain.root, dim);
          space && selection.isChanged(*space))
        selections.push_back({dim, selection.getKept(*space)});
    layers.push_back({op.op->getLoc(), std::move(layer), std::move(selections)});
  }
}

//===----------------------------------------------------------------------===//
// Committing
//===----------------------------------------------------------------------===//

/// Puts smaller sources in place of the old ones and says so in `removal`.
void Slicing::sliceSources() {
  WeightSymbols symbols(module);
  auto note = [&](Value value, const SourceEdit &edit) {
    auto old = cast<RankedTensorType>(edit.source->getResult(0).getType());
    for (const DimSelection &selected : edit.selections)
      removal.set(value, selected.dim, old.getDimSize(selected.dim), selected.kept);
  };
  // Uses of their own first, so that the others are what is left.
  for (bool ofUser : {true, false}) {
    for (auto &[key, edit] : edits) {
      if ((edit.user != nullptr) != ofUser)
        continue;
      OpBuilder builder(edit.source.getOperation());
      Value value = slicer.materialize(edit.slice, builder, symbols);
      note(value, edit);
      if (slicer.isAllOnes(edit.slice))
        fullMasks.push_back(value);
      edit.source->getResult(0).replaceUsesWithIf(
          value, [&](OpOperand &use) { return !edit.user || use.getOwner() == edit.user; });
    }
  }
  // What was replaced goes at once, so that its names are free.
  llvm::SetVector<Operation *> sources;
  llvm::SetVector<StringAttr> names;
  for (auto &[key, edit] : edits)
    sources.insert(edit.source.getOperation());
  for (Operation *source : sources) {
    if (!source->use_empty())
      continue;
    if (auto load = dyn_cast<LoadOp>(source))
      names.insert(load.getWeightAttr().getAttr());
    source->erase();
  }
  llvm::DenseSet<StringAttr> used = collectReferencedSymbols(module);
  for (StringAttr name : names)
    if (auto weight = symbols.getTable().lookup<WeightOp>(name))
      if (weight.isPrivate() && !used.contains(name))
        symbols.getTable().erase(weight);
  slicer.restoreNames(module);
}

void Slicing::setTypes() {
  for (auto [value, dim, space] : others)
    removal.set(value, dim, graph.getSpaces()[space].size, selection.getKept(space));
  llvm::DenseSet<Value> done;
  for (auto [value, dim, space] : others)
    if (done.insert(value).second)
      value.setType(removal.getNewType(value, cast<RankedTensorType>(value.getType())));
}

/// Types of functions follow those of their arguments and of what they return.
void Slicing::updateFunctions() {
  module.walk([](FunctionOpInterface function) {
    if (function.isExternal())
      return;
    Operation *terminator = function.getFunctionBody().back().getTerminator();
    SmallVector<Type> results(function.getResultTypes());
    if (terminator->getNumOperands() == results.size())
      results.assign(terminator->operand_type_begin(), terminator->operand_type_end());
    Type type = function.cloneTypeWith(function.getFunctionBody().getArgumentTypes(), results);
    if (type != function.getFunctionType())
      function.setFunctionTypeAttr(TypeAttr::get(type));
  });
}

/// Masks that mask nothing any more vanish.
void Slicing::removeFullMasks() {
  for (Value full : fullMasks)
    for (Operation *user : llvm::make_early_inc_range(full.getUsers())) {
      auto mask = dyn_cast<MaskOp>(user);
      if (!mask || mask.getMask() != full)
        continue;
      mask.replaceAllUsesWith(mask.getInput());
      mask.erase();
    }
}

/// Whether `op` divides by how many indices it runs over.
static bool countsIndices(Operation *op) {
  auto reduce = dyn_cast<ReduceOp>(op);
  return isa<LayerNormOp, RMSNormOp>(op) || (reduce && reduce.getKind() == ReduceKind::Mean);
}

LogicalResult Slicing::removeIndices() {
  SmallVector<DimensionRelationOpInterface> ops;
  auto isChanged = [&](Value value) { return removal.isChanged(value); };
  module.walk<WalkOrder::PreOrder>([&](DimensionRelationOpInterface op) {
    if ((llvm::any_of(op->getOperands(), isChanged) || llvm::any_of(op->getResults(), isChanged)) &&
        !(renormalize && countsIndices(op)))
      ops.push_back(op);
  });
  // Users before what they use: an op that is replaced has been seen by all of its users.
  for (DimensionRelationOpInterface op : llvm::reverse(ops)) {
    OpBuilder builder(op);
    if (failed(op.removeIndices(builder, removal)))
      return failure();
  }
  return success();
}

LogicalResult Slicing::commit() {
  sliceSources();
  setTypes();
  updateFunctions();
  removeFullMasks();
  if (failed(removeIndices()))
    return failure();
  // Ops may have been replaced, but there are as many as before.
  std::vector<WeightedOp> ops = collectWeighted(module);
  if (ops.size() == layers.size())
    for (auto [op, layer] : llvm::zip_equal(ops, layers))
      layer.report.bytesAfter = getChainBytes(op.chain);
  return verify(module);
}

//===----------------------------------------------------------------------===//
// Statistics and reports
//===----------------------------------------------------------------------===//

/// The dim of `value` in the space of a dim of a weight, else `otherwise`.
static int64_t findDim(const DependencyGraph &graph, Value value, const WeightedOp &op,
                       ArrayRef<int64_t> weightDims, int64_t otherwise) {
  if (weightDims.empty())
    return otherwise;
  std::optional<size_t> space = graph.findSpace(op.chain.root, weightDims.front());
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (int64_t dim = 0; space && type && dim < type.getRank(); ++dim)
    if (graph.findSpace(value, dim) == space)
      return dim;
  return otherwise;
}

/// Notes what of the statistics follows.
void Slicing::planStatistics() {
  auto plan = [&](std::string key, Value value, const WeightedOp &op, ArrayRef<int64_t> dims) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type)
      return;
    auto isChanged = [&](int64_t dim) {
      std::optional<size_t> space = graph.findSpace(value, dim);
      return space && selection.isChanged(*space);
    };
    if (llvm::none_of(llvm::seq<int64_t>(0, type.getRank()), isChanged))
      return;
    StatisticsEdit edit;
    edit.key = std::move(key);
    bool isConv = op.kind == LayerKind::Conv || op.kindName == "conv_transpose";
    int64_t dim = findDim(graph, value, op, dims, isConv ? 1 : type.getRank() - 1);
    if (isChanged(dim)) {
      edit.channels = type.getDimSize(dim);
      edit.kept = selection.getKept(*graph.findSpace(value, dim));
    }
    statisticsEdits.push_back(std::move(edit));
  };
  for (const WeightedOp &op : graph.getWeightedOps()) {
    if (op.activation)
      plan(Statistics::getInputKey(op.name), op.activation->get(), op, op.contractionDims);
    if (op.op->getNumResults() == 1)
      plan(Statistics::getOutputKey(op.name), op.op->getResult(0), op, op.outputDims);
  }
}

/// Gradients of a weight lose what it lost; what is known of the weight as a whole is dropped.
static void selectGradients(Statistics &statistics, const Layer &layer) {
  const WeightStatistics *old = statistics.findWeight(layer.report.name);
  if (!old)
    return;
  ArrayRef<int64_t> shape(old->shape);
  if (shape != ArrayRef<int64_t>(layer.report.shape))
    return statistics.eraseWeight(layer.report.name);
  WeightStatistics entry;
  SmallVector<int64_t> selected = getSelectedShape(shape, layer.selections);
  entry.shape.assign(selected.begin(), selected.end());
  auto select = [&](const std::vector<float> &from, std::vector<float> &to) {
    if (from.empty())
      return;
    to.resize(ShapedType::getNumElements(selected));
    selectElements(shape, 32, layer.selections,
                   {reinterpret_cast<const char *>(from.data()), 4 * from.size()},
                   {reinterpret_cast<char *>(to.data()), 4 * to.size()});
  };
  select(old->gradient, entry.gradient);
  select(old->gradientSquares, entry.gradientSquares);
  statistics.setWeight(layer.report.name, std::move(entry));
}

void Slicing::selectStatistics() {
  Statistics *statistics =
      module.getContext()->getLoadedDialect<CompressDialect>()->getStatistics();
  if (!statistics)
    return;
  // Entries that were one stay one.
  using Entry = std::shared_ptr<const TensorStatistics>;
  std::map<std::pair<Entry, std::vector<int64_t>>, Entry> done;
  for (const StatisticsEdit &edit : statisticsEdits) {
    auto it = statistics->getEntries().find(edit.key);
    if (it == statistics->getEntries().end())
      continue;
    Entry old = it->second;
    if (old->channels != edit.channels) {
      statistics->drop(edit.key);
      continue;
    }
    auto [known, isNew] = done.try_emplace({old, edit.kept.vec()});
    if (!isNew) {
      statistics->set(edit.key, known->second);
      continue;
    }
    statistics->selectChannels(edit.key, edit.kept);
    if (it = statistics->getEntries().find(edit.key); it != statistics->getEntries().end())
      known->second = it->second;
    else
      done.erase(known);
  }
  for (const Layer &layer : layers)
    if (!layer.selections.empty())
      selectGradients(*statistics, layer);
}

void Slicing::report() {
  ReportCollector *collector =
      module.getContext()->getLoadedDialect<CompressDialect>()->getReportCollector();
  uint64_t before = 0, after = 0;
  int64_t count = 0;
  for (auto &[loc, layer, selections] : layers) {
    if (layer.action.empty())
      continue;
    // "64x32 -> 48x24: channels 64 -> 48, inputs 32 -> 24": shapes, and what the report has.
    auto [shapes, action] = StringRef(layer.action).split(": ");
    remark::passed(loc, options)
        << ("weight '" + layer.weight + "' of \"" + layer.name + "\": " + shapes).str()
        << remark::metric("bytes", layer.bytesAfter);
    layer.action = action.str();
    if (!layer.shared) {
      before += layer.bytesBefore;
      after += layer.bytesAfter;
      ++count;
    }
    if (collector)
      collector->addLayer(layer);
  }
  remark::passed(module.getLoc(), options)
      << (Twine(count) + (count == 1 ? " weight is" : " weights are") +
          " smaller: " + Twine(before) + " -> " + Twine(after) + " bytes")
             .str()
      << remark::metric("bytes_before", before) << remark::metric("bytes_after", after);
}

/// Several ops may have got equal shapes; one constant is enough for a block.
static void mergeConstants(ModuleOp module) {
  llvm::DenseMap<std::pair<Block *, Attribute>, ConstantOp> known;
  module.walk<WalkOrder::PreOrder>([&](ConstantOp op) {
    auto [it, isNew] = known.try_emplace({op->getBlock(), op.getValue()}, op);
    if (!isNew)
      op.replaceAllUsesWith(it->second.getResult());
  });
}

LogicalResult Slicing::run() {
  if (failed(selection.run()))
    return failure();
  if (!gather())
    return success();
  if (failed(slicer.compute()))
    return failure();
  describeLayers();
  planStatistics();
  OwningOpRef<ModuleOp> backup = module.clone();
  if (failed(commit())) {
    module.getBodyRegion().takeBody(backup->getBodyRegion());
    return failure();
  }
  selectStatistics();
  report();
  mergeConstants(module);
  removeDeadWeights(module);
  return success();
}

namespace {
struct ApplySlices : public compress::impl::ApplySlicesBase<ApplySlices> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(Slicing(getOperation(), renormalize).run()))
      signalPassFailure();
  }
};
} // namespace
