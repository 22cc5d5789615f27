//===- ShareLayers.cpp - blocks with one set of weights ---------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ShareLayers.h"
#include "Plans.h"
#include "ShareDuplicates.h"
#include "compress/Algorithms/KMeans.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "compress/Support/NumericFormats.h"
#include "compress/Support/Statistics.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>
#include <cstring>
#include <map>

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Structure of a block
//===----------------------------------------------------------------------===//

namespace {
/// A stored tensor that a block uses: the ops that load or hold it.
struct Slot {
  SmallVector<WeightSourceOpInterface, 1> sources;

  RankedTensorType getType() const {
    return cast<RankedTensorType>(WeightSourceOpInterface(sources.front())->getResult(0).getType());
  }
  std::string getName() const { return WeightSourceOpInterface(sources.front()).getWeightName(); }
};

/// A block with its stored tensors, in the order in which its ops use them.
struct Member {
  const ResidualBlock *block = nullptr;
  std::vector<Slot> slots;
  /// Equal for blocks that do the same with their stored tensors.
  std::string signature;
  /// Whether it decodes stored tensors.
  bool isEncoded = false;
};

/// Finds the stored tensors of a block, through what is computed from them alone.
class BlockReader {
public:
  BlockReader(const ResidualBlock &block, const llvm::DenseSet<Value> &fixed)
      : fixed(fixed), os(member.signature) {
    member.block = &block;
    number(block.input);
    for (Operation *op : block.ops)
      readOp(op);
  }
  Member take() { return std::move(member); }

private:
  void number(Value value) { numbers.try_emplace(value, numbers.size()); }
  void readOp(Operation *op);
  void readValue(Value value);

  const llvm::DenseSet<Value> &fixed;
  Member member;
  llvm::raw_string_ostream os;
  llvm::DenseMap<Value, size_t> numbers;
  llvm::DenseMap<const void *, size_t> slotOf;
};
} // namespace

/// What identifies stored bytes: the symbol of a load, else the op that holds them.
static const void *getIdentity(Operation *source) {
  if (auto load = dyn_cast<LoadOp>(source))
    return load.getWeightAttr().getAsOpaquePointer();
  return source;
}

/// Whether an op loads or holds a tensor that belongs to one block; small constants are like
/// attributes.
static bool isStored(Operation *op) {
  return isa<WeightSourceOpInterface>(op) && !isa<ConstantOp>(op) &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

void BlockReader::readOp(Operation *op) {
  if (isStored(op)) {
    auto [it, isNew] = slotOf.try_emplace(getIdentity(op), member.slots.size());
    if (isNew)
      member.slots.emplace_back();
    member.slots[it->second].sources.push_back(cast<WeightSourceOpInterface>(op));
    os << 's' << it->second << ':' << op->getResult(0).getType().getAsOpaquePointer();
    number(op->getResult(0));
    return;
  }
  member.isEncoded |= isa<DecodeOpInterface>(op);
  os << op->getName() << '{';
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (attribute.getName() != "name" && attribute.getName() != "parts" &&
        attribute.getName() != "compress.plan")
      os << attribute.getName().strref() << '=' << attribute.getValue().getAsOpaquePointer() << ',';
  os << '}';
  for (Value operand : op->getOperands())
    readValue(operand);
  for (Region &region : op->getRegions())
    for (Block &block : region) {
      os << '^';
      for (BlockArgument argument : block.getArguments())
        number(argument);
      for (Operation &inner : block)
        readOp(&inner);
    }
  os << "->";
  for (Value result : op->getResults()) {
    number(result);
    os << result.getType().getAsOpaquePointer() << ' ';
  }
}

void BlockReader::readValue(Value value) {
  if (auto it = numbers.find(value); it != numbers.end()) {
    os << it->second << ' ';
    return;
  }
  if (fixed.contains(value)) {
    readOp(value.getDefiningOp());
    return;
  }
  // Masks and positions, which are the same for all blocks or come in from outside.
  os << 'x' << value.getType().getAsOpaquePointer() << ' ';
}

/// Values of the entry block of a function that are computed from stored tensors alone.
static llvm::DenseSet<Value> findFixed(func::FuncOp function) {
  llvm::DenseSet<Value> fixed;
  for (Operation &op : function.getBody().front())
    if (op.getNumRegions() == 0 && op.getNumResults() == 1 && isMemoryEffectFree(&op) &&
        llvm::all_of(op.getOperands(), [&](Value value) { return fixed.contains(value); }))
      fixed.insert(op.getResult(0));
  return fixed;
}

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

static bool isFloatSlot(const Slot &slot) {
  Type element = slot.getType().getElementType();
  return element.isF64() || element.isF32() || element.isF16() || element.isBF16();
}

namespace {
/// The same stored tensor of several blocks, read a piece at a time.
class SlotReader {
public:
  static FailureOr<SlotReader> open(WeightStore &store, ArrayRef<const Slot *> slots) {
    SlotReader reader;
    for (const Slot *slot : slots) {
      WeightSourceOpInterface source = slot->sources.front();
      Attribute value = source.getWeightValue();
      if (!value)
        return source->emitError() << "cannot find the value of '" << source.getWeightName() << "'";
      FailureOr<WeightBytes> bytes =
          store.read(value, slot->getType(), [&] { return source->emitError(); });
      if (failed(bytes))
        return failure();
      reader.all.push_back(std::move(*bytes));
    }
    return reader;
  }

  /// Calls `visit` with the index of the first element of a piece and a vector of elements of each
  /// block.
  void forEachPiece(llvm::function_ref<void(uint64_t, ArrayRef<std::vector<double>>)> visit) const {
    constexpr uint64_t kPiece = 1 << 16;
    DataType type = all.front().getType();
    size_t size = getStorageBitWidth(type) / 8;
    uint64_t count = all.front().getNumElements();
    std::vector<std::vector<double>> pieces(all.size());
    for (uint64_t begin = 0; begin < count; begin += kPiece) {
      uint64_t end = std::min(count, begin + kPiece);
      for (auto [bytes, piece] : llvm::zip_equal(all, pieces)) {
        piece.resize(end - begin);
        for (uint64_t index = begin; index < end; ++index) {
          uint64_t bits = 0;
          std::memcpy(&bits, bytes.bytes().data() + index * size, size);
          piece[index - begin] = decodeFloat(type, bits);
        }
      }
      visit(begin, pieces);
    }
  }

private:
  std::vector<WeightBytes> all;
};
} // namespace

/// ALBERT's `num_hidden_groups`: N runs of neighbours, as equal in length as possible.
static std::vector<size_t> groupNeighbours(size_t numBlocks, size_t numSets) {
  std::vector<size_t> sets;
  for (size_t block = 0; block < numBlocks; ++block)
    sets.push_back(block * numSets / numBlocks);
  return sets;
}

/// Points as far from each other as the concatenated weights of the blocks are: `[blocks, blocks]`.
/// They are the rows of the factor L of the Gram matrix L L^T of the differences to the first block
/// (Cholesky; pivots that rounding made useless are left out).
static FailureOr<std::vector<float>> embedBlocks(WeightStore &store, ArrayRef<Member> members) {
  size_t count = members.size();
  std::vector<double> gram(count * count);
  for (size_t index = 0; index < members.front().slots.size(); ++index) {
    SmallVector<const Slot *> slots;
    for (const Member &member : members)
      slots.push_back(&member.slots[index]);
    if (!isFloatSlot(*slots.front()))
      continue;
    FailureOr<SlotReader> reader = SlotReader::open(store, slots);
    if (failed(reader))
      return failure();
    reader->forEachPiece([&](uint64_t, ArrayRef<std::vector<double>> pieces) {
      for (size_t a = 1; a < count; ++a)
        for (size_t b = 1; b <= a; ++b) {
          double sum = 0;
          for (auto [x, y, origin] : llvm::zip_equal(pieces[a], pieces[b], pieces[0]))
            sum += (x - origin) * (y - origin);
          gram[a * count + b] += sum;
        }
    });
  }
  double largest = 0;
  for (size_t a = 0; a < count; ++a)
    largest = std::max(largest, gram[a * count + a]);
  std::vector<double> factor(count * count);
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b <= a; ++b) {
      double sum = gram[a * count + b];
      for (size_t i = 0; i < b; ++i)
        sum -= factor[a * count + i] * factor[b * count + i];
      double pivot = factor[b * count + b];
      if (a == b)
        factor[a * count + a] = sum > 1e-12 * largest ? std::sqrt(sum) : 0;
      else if (pivot > 0)
        factor[a * count + b] = sum / pivot;
    }
  return std::vector<float>(factor.begin(), factor.end());
}

/// The set of each block, numbered by the first block.
static FailureOr<std::vector<size_t>> chooseSets(WeightStore &store, ArrayRef<Member> members,
                                                 const ShareSpec &spec) {
  size_t numSets = spec.groups;
  if (spec.layers == LayerSharing::Groups)
    return groupNeighbours(members.size(), numSets);
  FailureOr<std::vector<float>> points = embedBlocks(store, members);
  if (failed(points))
    return failure();
  KMeansOptions options;
  options.k = numSets;
  options.seed = spec.seed;
  KMeans clusters = fitKMeans(*points, members.size(), {}, options);
  std::vector<size_t> sets;
  llvm::DenseMap<size_t, size_t> numbers;
  for (uint32_t cluster : clusters.codes)
    sets.push_back(numbers.try_emplace(cluster, numbers.size()).first->second);
  return sets;
}

//===----------------------------------------------------------------------===//
// Sharing
//===----------------------------------------------------------------------===//

namespace {
/// What happened to a stored tensor: its squared change and squares, and whether another block of
/// the set stores it now.
struct SlotOutcome {
  double squaredError = 0, sumSquares = 0;
  bool isElsewhere = false;
};

class LayerSharer {
public:
  LayerSharer(ModuleOp module, const std::optional<ShareSpec> &given)
      : module(module), given(given), store(module.getContext()), symbols(module) {}
  LogicalResult run();

private:
  std::optional<ShareSpec> getSpec(PlanAttr plan) const;
  std::optional<ShareSpec> getSpec(const ResidualBlock &block, std::string &reason) const;
  LogicalResult shareFunction(func::FuncOp function);
  LogicalResult shareMembers(func::FuncOp function, const ShareSpec &spec,
                             std::vector<Member> &members);
  FailureOr<bool> shareSet(ArrayRef<Member *> members, StringRef action);
  LogicalResult shareSlot(ArrayRef<const Slot *> slots,
                          llvm::DenseMap<const void *, SlotOutcome> &outcomes);
  std::string explainTied(ArrayRef<const Slot *> slots,
                          const llvm::DenseSet<Operation *> &blockOps) const;
  void dropStatistics(func::FuncOp function, Value changed);
  void findSources();

  ModuleOp module;
  const std::optional<ShareSpec> &given;
  WeightStore store;
  WeightSymbols symbols;
  /// All ops with the same stored bytes.
  llvm::DenseMap<const void *, SmallVector<Operation *, 1>> sourcesOf;
  std::vector<LayerReport> report;
};
} // namespace

std::optional<ShareSpec> LayerSharer::getSpec(PlanAttr plan) const {
  if (given)
    return given;
  return plan ? plan.getShareSpec(ShareKind::Layers) : std::nullopt;
}

/// The specification that all weighted ops of a block have.
std::optional<ShareSpec> LayerSharer::getSpec(const ResidualBlock &block,
                                              std::string &reason) const {
  if (given)
    return given;
  return getCommonSpec<ShareSpec>(block, [&](PlanAttr plan) { return getSpec(plan); }, reason);
}

void LayerSharer::findSources() {
  sourcesOf.clear();
  module.walk([&](Operation *op) {
    if (isa<WeightSourceOpInterface>(op))
      sourcesOf[getIdentity(op)].push_back(op);
  });
}

/// Whether all that is computed from `value` alone goes into `ops`, or ops inside of them.
static bool isUsedWithin(Value value, const llvm::DenseSet<Operation *> &ops) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    for (Operation *op = user; op; op = op->getParentOp())
      if (ops.contains(op))
        return true;
    return user->getNumRegions() == 0 && user->getNumResults() == 1 &&
           !user->hasTrait<OpTrait::IsTerminator>() && isMemoryEffectFree(user) &&
           isUsedWithin(user->getResult(0), ops);
  });
}

/// Why a stored tensor cannot be replaced in the blocks of a set; empty if it can.
std::string LayerSharer::explainTied(ArrayRef<const Slot *> slots,
                                     const llvm::DenseSet<Operation *> &blockOps) const {
  llvm::DenseSet<Operation *> own;
  for (const Slot *slot : slots)
    for (WeightSourceOpInterface source : slot->sources)
      own.insert(source);
  for (const Slot *slot : slots) {
    Operation *first = slot->sources.front();
    for (Operation *source : sourcesOf.lookup(getIdentity(first)))
      if (!own.contains(source) || !isUsedWithin(source->getResult(0), blockOps))
        return "it is also used elsewhere";
    if (auto load = dyn_cast<LoadOp>(first))
      if (auto weight = SymbolTable::lookupNearestSymbolFrom<WeightOp>(load, load.getWeightAttr());
          weight && !weight.isPrivate())
        return "its symbol is not private";
  }
  return "";
}

/// Lets the blocks of a set use one stored tensor: the mean of theirs.
LogicalResult LayerSharer::shareSlot(ArrayRef<const Slot *> slots,
                                     llvm::DenseMap<const void *, SlotOutcome> &outcomes) {
  WeightSourceOpInterface first = slots.front()->sources.front();
  RankedTensorType type = slots.front()->getType();
  FailureOr<SlotReader> reader = SlotReader::open(store, slots);
  FailureOr<StoredTensor> mean =
      StoredTensor::allocate(store, type, [&] { return first->emitError(); });
  if (failed(reader) || failed(mean))
    return failure();
  DataType dataType = mean->getDataType();
  size_t size = getStorageBitWidth(dataType) / 8;
  char *to = mean->mutableBytes().data();
  std::vector<SlotOutcome> results(slots.size());
  reader->forEachPiece([&](uint64_t begin, ArrayRef<std::vector<double>> pieces) {
    for (size_t index = 0; index < pieces.front().size(); ++index) {
      double sum = 0;
      for (const std::vector<double> &piece : pieces)
        sum += piece[index];
      uint64_t bits = encodeFloat(dataType, sum / static_cast<double>(pieces.size()));
      std::memcpy(to + (begin + index) * size, &bits, size);
      double value = decodeFloat(dataType, bits);
      for (auto [piece, result] : llvm::zip_equal(pieces, results)) {
        result.squaredError += (value - piece[index]) * (value - piece[index]);
        result.sumSquares += piece[index] * piece[index];
      }
    }
  });
  const void *firstIdentity = getIdentity(first);
  for (auto [slot, result] : llvm::zip_equal(slots, results)) {
    const void *identity = getIdentity(slot->sources.front());
    result.isElsewhere = identity != firstIdentity;
    outcomes[identity] = result;
  }

  llvm::SmallSetVector<Operation *, 8> replaced;
  for (const Slot *slot : slots)
    replaced.insert(slot->sources.begin(), slot->sources.end());
  std::string name = first.getWeightName();
  if (!StringRef(name).ends_with(".shared"))
    name += ".shared";
  Operation *made = nullptr;
  for (Operation *source : replaced) {
    OpBuilder builder(source);
    made = made ? builder.clone(*made)
                : mean->materialize(builder, symbols, store, first, name).getDefiningOp();
    made->setLoc(source->getLoc());
    source->getResult(0).replaceAllUsesWith(made->getResult(0));
  }
  for (Operation *source : replaced)
    source->erase();
  return success();
}

/// Whether something of the blocks of a set is shared now.
FailureOr<bool> LayerSharer::shareSet(ArrayRef<Member *> members, StringRef action) {
  llvm::DenseSet<Operation *> blockOps;
  std::vector<std::pair<LayerReport, const void *>> lines;
  llvm::DenseSet<const void *> counted;
  std::string names;
  for (const Member *member : members) {
    names += (names.empty() ? "\"" : ", \"") + member->block->name + "\"";
    blockOps.insert(member->block->ops.begin(), member->block->ops.end());
    for (Operation *op : member->block->ops)
      for (const WeightedOp &weighted : collectWeighted(op)) {
        const void *identity = getIdentity(weighted.chain.source);
        LayerReport line;
        line.name = weighted.name;
        line.op = weighted.kindName.str();
        line.weight = weighted.chain.getSourceName();
        llvm::append_range(line.shape, weighted.chain.getType().getShape());
        if (FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(weighted.chain.getType());
            succeeded(bytes))
          line.bytesBefore = line.bytesAfter = *bytes;
        line.shared = !counted.insert(identity).second;
        line.action = action;
        lines.emplace_back(std::move(line), identity);
      }
  }

  llvm::DenseMap<const void *, SlotOutcome> outcomes;
  for (size_t index = 0; index < members.front()->slots.size(); ++index) {
    SmallVector<const Slot *> slots;
    for (const Member *member : members)
      slots.push_back(&member->slots[index]);
    if (llvm::all_equal(llvm::map_range(
            slots, [](const Slot *slot) { return getIdentity(slot->sources.front()); })))
      continue;
    std::string reason =
        isFloatSlot(*slots.front()) ? explainTied(slots, blockOps) : "its elements are no floats";
    if (!reason.empty()) {
      remark::missed(members.front()->block->output.getLoc(), getShareRemarks())
          << "weight '" + slots.front()->getName() + "' of blocks " + names +
                 " is not shared: " + reason;
      continue;
    }
    if (failed(shareSlot(slots, outcomes)))
      return failure();
  }
  if (outcomes.empty())
    return false;
  remark::passed(members.front()->block->output.getLoc(), getShareRemarks())
      << "blocks " + names + " have one set of weights, the mean of theirs";
  for (auto &[line, identity] : lines) {
    auto outcome = outcomes.find(identity);
    if (outcome == outcomes.end())
      continue;
    if (outcome->second.isElsewhere)
      line.bytesAfter = 0;
    if (outcome->second.sumSquares > 0)
      line.relativeError = std::sqrt(outcome->second.squaredError / outcome->second.sumSquares);
    report.push_back(std::move(line));
  }
  return true;
}

/// Forgets statistics of activations that depend on `changed`, and the streams of the function.
void LayerSharer::dropStatistics(func::FuncOp function, Value changed) {
  Statistics *statistics =
      module.getContext()->getLoadedDialect<CompressDialect>()->getStatistics();
  if (!statistics)
    return;
  statistics->eraseStream(function.getSymName());
  Block &body = function.getBody().front();
  llvm::DenseSet<Operation *> reached;
  SmallVector<Value> open{changed};
  while (!open.empty())
    for (Operation *user : open.pop_back_val().getUsers()) {
      Operation *op = body.findAncestorOpInBlock(*user);
      if (op && reached.insert(op).second)
        open.append(op->result_begin(), op->result_end());
    }
  for (Operation *op : reached)
    for (const WeightedOp &weighted : collectWeighted(op)) {
      statistics->drop(Statistics::getInputKey(weighted.name));
      statistics->drop(Statistics::getOutputKey(weighted.name));
    }
}

/// Shares the weights of blocks of one structure.
LogicalResult LayerSharer::shareMembers(func::FuncOp function, const ShareSpec &spec,
                                        std::vector<Member> &members) {
  Location loc = members.front().block->output.getLoc();
  std::string count = std::to_string(members.size()) + (members.size() == 1 ? " block" : " blocks");
  auto skip = [&](const Twine &reason) {
    remark::missed(loc, getShareRemarks())
        << (count + " from \"" + members.front().block->name + "\" on: " + reason).str();
    return success();
  };
  if (members.size() == 1)
    return skip("no other one has the same structure");
  if (static_cast<size_t>(spec.groups) >= members.size())
    return skip("each keeps its weights, " + Twine(spec.groups) + " sets are allowed");
  if (members.front().isEncoded)
    return skip("their weights are encoded already");
  FailureOr<std::vector<size_t>> sets = chooseSets(store, members, spec);
  if (failed(sets))
    return failure();
  size_t numSets = *llvm::max_element(*sets) + 1;
  std::string action = "layers shared " + std::to_string(members.size()) + " to " +
                       std::to_string(numSets) + "; needs recovery training";
  Value changed;
  for (size_t set = 0; set < numSets; ++set) {
    SmallVector<Member *> chosen;
    for (auto [member, own] : llvm::zip_equal(members, *sets))
      if (own == set)
        chosen.push_back(&member);
    if (chosen.size() == 1)
      continue;
    FailureOr<bool> shared = shareSet(chosen, action);
    if (failed(shared))
      return failure();
    if (*shared && !changed)
      changed = chosen.front()->block->input;
  }
  if (!changed)
    return skip("they have " + Twine(numSets) + (numSets == 1 ? " set" : " sets") +
                " of weights already");
  remark::analysis(loc, getShareRemarks()) << action;
  dropStatistics(function, changed);
  return success();
}

LogicalResult LayerSharer::shareFunction(func::FuncOp function) {
  ResidualBlocks blocks = findResidualBlocks(function);
  if (blocks.runs.empty()) {
    remark::missed(function.getLoc(), getShareRemarks())
        << ("function '" + function.getSymName() + "' has no repeated blocks: " + blocks.reason)
               .str();
    return success();
  }
  llvm::DenseSet<Value> fixed = findFixed(function);
  // Blocks by specification and structure.
  llvm::MapVector<std::pair<std::string, std::string>, std::pair<ShareSpec, std::vector<Member>>,
                  std::map<std::pair<std::string, std::string>, unsigned>>
      classes;
  for (const ResidualRun &run : blocks.runs)
    for (const ResidualBlock &block : run) {
      std::string reason;
      std::optional<ShareSpec> spec = getSpec(block, reason);
      if (!reason.empty())
        remark::missed(block.output.getLoc(), getShareRemarks())
            << "block \"" + block.name + "\" keeps its weights: " + reason;
      if (!reason.empty() || !spec)
        continue;
      Member member = BlockReader(block, fixed).take();
      auto &[common, members] = classes[{toString(*spec), member.signature}];
      common = *spec;
      members.push_back(std::move(member));
    }
  for (auto &[key, scope] : classes)
    if (failed(shareMembers(function, scope.first, scope.second)))
      return failure();
  return success();
}

LogicalResult LayerSharer::run() {
  auto *dialect = module.getContext()->getLoadedDialect<CompressDialect>();
  auto helper = dialect->getPlanAttrHelper();
  findSources();
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    auto isPlanned = [&](Operation *op) {
      if (auto moe = dyn_cast<MoeOp>(op))
        if (getSpec(moe.getPartPlan("w1")))
          return WalkResult::interrupt();
      FailureOr<WeightedOp> weighted = getWeighted(op);
      return succeeded(weighted) && getSpec(helper.getAttr(op)) ? WalkResult::interrupt()
                                                                : WalkResult::advance();
    };
    if (function.walk(isPlanned).wasInterrupted() && failed(shareFunction(function)))
      return failure();
  }
  removeDeadWeights(module);
  if (ReportCollector *collector = dialect->getReportCollector())
    for (const LayerReport &line : report)
      collector->addLayer(line);
  return success();
}

LogicalResult mlir::compress::shareLayers(ModuleOp module, const std::optional<ShareSpec> &given) {
  return LayerSharer(module, given).run();
}
