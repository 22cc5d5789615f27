//===- ShareDuplicates.cpp - equal weights are stored once ------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ShareDuplicates.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Threading.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include <cstring>
#include <set>
#include <tuple>

using namespace mlir;
using namespace mlir::compress;

namespace {
/// A stored tensor with the ops that load or hold it.
struct Stored {
  explicit Stored(Location loc) : loc(loc) {}

  Location loc;
  /// Empty when something else is used in its place.
  SmallVector<Operation *, 1> sources;
  RankedTensorType type;
  Attribute value;
  /// The op of the symbol, or null.
  Operation *symbol = nullptr;
  /// Whether it stays even if none of `sources` is left: it is public, or others refer to it.
  bool isKept = false;
  std::string name;
  uint64_t numBytes = 0, hash = 0;
  /// What is used in its place, and whether that is its transpose.
  Stored *twin = nullptr;
  bool isTransposed = false, isTold = false;

  Value getValue(size_t index) const { return sources[index]->getResult(0); }
};

/// A layer with the stored tensors of its weight, for the report.
struct Layer {
  LayerReport line;
  SmallVector<const Stored *> parts;
};

class DuplicateSharer {
public:
  explicit DuplicateSharer(ModuleOp module) : module(module), store(module.getContext()) {}
  LogicalResult run();

private:
  void gather();
  LogicalResult hashAll();
  FailureOr<bool> shareEqual();
  LogicalResult shareTransposed();
  void replace(Stored &stored, Stored &twin, bool isTransposed);
  void collectLayers();
  void tell();

  FailureOr<WeightBytes> read(const Stored &stored) {
    return store.read(
        stored.value, stored.type, [&] { return emitError(stored.loc); }, /*anyAlignment=*/true);
  }
  FailureOr<bool> isEqual(const Stored &a, const Stored &b);
  FailureOr<bool> isTranspose(const Stored &a, const Stored &b);

  ModuleOp module;
  WeightStore store;
  std::vector<std::unique_ptr<Stored>> all;
  llvm::DenseMap<Operation *, Stored *> storedOf;
  std::vector<Layer> layers;
};
} // namespace

//===----------------------------------------------------------------------===//
// What is stored
//===----------------------------------------------------------------------===//

/// The op of the symbol that a source op refers to, or null.
static Operation *findSymbol(Operation *op, SymbolTableCollection &tables) {
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (auto ref = dyn_cast<SymbolRefAttr>(attribute.getValue()))
      if (Operation *symbol = tables.lookupNearestSymbolFrom(op, ref))
        return symbol;
  return nullptr;
}

/// Bytes of what a source op holds or loads, if that can be shared. Literals without a symbol are
/// unique anyway.
static std::optional<uint64_t> getShareableBytes(WeightSourceOpInterface source, Attribute value,
                                                 Operation *symbol) {
  auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType());
  if (!value || !type || !type.hasStaticShape() || isa<ConstantOp>(source.getOperation()) ||
      (!symbol && isa<DenseElementsAttr>(value)))
    return std::nullopt;
  FailureOr<uint64_t> numBytes = WeightStore::getStorageBytes(type);
  return succeeded(numBytes) && *numBytes ? std::optional(*numBytes) : std::nullopt;
}

void DuplicateSharer::gather() {
  SymbolTableCollection tables;
  llvm::DenseMap<std::pair<OperationName, const void *>, Stored *> known;
  llvm::DenseSet<StringAttr> otherReferences;
  auto addReferences = [&](Operation *op) {
    op->getAttrDictionary().walk(
        [&](SymbolRefAttr ref) { otherReferences.insert(ref.getRootReference()); });
  };
  module->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != module && op->hasTrait<OpTrait::SymbolTable>()) {
      op->walk(addReferences);
      return WalkResult::skip();
    }
    auto source = dyn_cast<WeightSourceOpInterface>(op);
    Attribute value = source ? source.getWeightValue() : Attribute();
    Operation *symbol = value ? findSymbol(op, tables) : nullptr;
    std::optional<uint64_t> numBytes;
    if (source)
      numBytes = getShareableBytes(source, value, symbol);
    if (!numBytes) {
      addReferences(op);
      return WalkResult::advance();
    }
    const void *identity = symbol ? static_cast<const void *>(symbol) : value.getAsOpaquePointer();
    Stored *&stored = known[{op->getName(), identity}];
    if (!stored) {
      stored = all.emplace_back(std::make_unique<Stored>(op->getLoc())).get();
      stored->type = cast<RankedTensorType>(op->getResult(0).getType());
      stored->value = value;
      stored->symbol = symbol;
      stored->name = source.getWeightName();
      stored->numBytes = *numBytes;
    }
    stored->sources.push_back(op);
    storedOf[op] = stored;
    return WalkResult::advance();
  });
  for (const auto &stored : all)
    if (auto symbol = dyn_cast_or_null<SymbolOpInterface>(stored->symbol))
      stored->isKept = !symbol.isPrivate() || otherReferences.contains(symbol.getNameAttr());
}

LogicalResult DuplicateSharer::hashAll() {
  // Only what has the type of another one can be equal to it.
  llvm::MapVector<std::pair<OperationName, Type>, SmallVector<Stored *>> byType;
  for (const auto &stored : all)
    byType[{stored->sources.front()->getName(), stored->type}].push_back(stored.get());
  std::vector<Stored *> several;
  for (auto &[key, group] : byType)
    if (group.size() > 1)
      several.insert(several.end(), group.begin(), group.end());
  return failableParallelForEach(module.getContext(), several, [&](Stored *stored) {
    FailureOr<WeightBytes> bytes = read(*stored);
    if (failed(bytes))
      return failure();
    stored->hash = llvm::xxh3_64bits(
        ArrayRef(reinterpret_cast<const uint8_t *>(bytes->bytes().data()), bytes->bytes().size()));
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Decoding
//===----------------------------------------------------------------------===//

/// Writes how `value` is computed from what is stored; `self` by that name.
static void describe(Value value, Value self, llvm::raw_ostream &os) {
  Operation *op = value.getDefiningOp();
  if (value == self) {
    os << "self";
    return;
  }
  if (!isa_and_nonnull<WeightSourceOpInterface, DecodeOpInterface, FakeQuantizeOp, AddOp,
                       ReshapeOp>(op)) {
    os << value.getAsOpaquePointer();
    return;
  }
  os << op->getName() << op->getAttrDictionary().getAsOpaquePointer() << ':'
     << value.getType().getAsOpaquePointer() << '(';
  for (Value operand : op->getOperands()) {
    describe(operand, self, os);
    os << ',';
  }
  os << ')';
}

/// The links that decode `value`, and those that decode their results.
static void describeUsers(Value value, Value self, std::set<std::string> &texts) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    auto decode = dyn_cast<DecodeOpInterface>(user);
    if ((!decode || &decode.getEncodedOperand() != &use) &&
        (!isa<FakeQuantizeOp>(user) || use.getOperandNumber() != 0))
      continue;
    std::string text;
    llvm::raw_string_ostream os(text);
    describe(user->getResult(0), self, os);
    texts.insert(std::move(text));
    describeUsers(user->getResult(0), self, texts);
  }
}

/// How a stored tensor is decoded; empty for what is not.
static std::string describeDecoding(const Stored &stored) {
  std::set<std::string> texts;
  for (size_t index = 0; index < stored.sources.size(); ++index)
    describeUsers(stored.getValue(index), stored.getValue(index), texts);
  return llvm::join(texts, ";");
}

//===----------------------------------------------------------------------===//
// Equal tensors
//===----------------------------------------------------------------------===//

FailureOr<bool> DuplicateSharer::isEqual(const Stored &a, const Stored &b) {
  if (a.value == b.value)
    return true;
  FailureOr<WeightBytes> bytesA = read(a), bytesB = read(b);
  if (failed(bytesA) || failed(bytesB))
    return failure();
  return bytesA->bytes() == bytesB->bytes();
}

/// Puts `twin` into the place of `stored`.
void DuplicateSharer::replace(Stored &stored, Stored &twin, bool isTransposed) {
  remark::passed(stored.loc, getShareRemarks())
      << "weight '" + stored.name + "' is stored once with '" + twin.name +
             (isTransposed ? "', transposed" : "'")
      << remark::metric("bytes_saved", stored.numBytes);
  Operation *first = twin.sources.front();
  for (Operation *source : stored.sources) {
    if (isTransposed)
      for (Operation *user : source->getUsers()) {
        auto linear = cast<LinearOp>(user);
        linear.setWeightLayout(linear.getWeightLayout() == WeightLayout::KN ? WeightLayout::NK
                                                                            : WeightLayout::KN);
      }
    // Ops without a symbol hold the bytes themselves: one of them is enough where it comes first.
    Operation *used = first;
    if (twin.symbol || first->getBlock() != source->getBlock() || !first->isBeforeInBlock(source)) {
      used = OpBuilder(source).clone(*first);
      used->setLoc(source->getLoc());
      twin.sources.push_back(used);
    }
    source->getResult(0).replaceAllUsesWith(used->getResult(0));
    source->erase();
  }
  stored.sources.clear();
  stored.twin = &twin;
  stored.isTransposed = isTransposed;
}

/// Whether something was shared: codes are the same when all that decodes them is.
FailureOr<bool> DuplicateSharer::shareEqual() {
  llvm::MapVector<std::tuple<OperationName, Type, uint64_t>, SmallVector<Stored *>> byHash;
  // What stays anyway comes first.
  for (bool isKept : {true, false})
    for (const auto &stored : all)
      if (!stored->twin && stored->isKept == isKept)
        byHash[{stored->sources.front()->getName(), stored->type, stored->hash}].push_back(
            stored.get());
  bool isChanged = false;
  for (auto &[key, group] : byHash) {
    if (group.size() < 2)
      continue;
    llvm::MapVector<StringRef, SmallVector<Stored *>> firsts;
    std::vector<std::string> decodings;
    decodings.reserve(group.size());
    for (Stored *stored : group) {
      decodings.push_back(describeDecoding(*stored));
      SmallVector<Stored *> &candidates = firsts[decodings.back()];
      Stored *twin = nullptr;
      for (Stored *candidate : candidates) {
        FailureOr<bool> equal = isEqual(*candidate, *stored);
        if (failed(equal))
          return failure();
        if (*equal) {
          twin = candidate;
          break;
        }
      }
      if (!twin) {
        candidates.push_back(stored);
      } else if (!stored->isKept) {
        replace(*stored, *twin, /*isTransposed=*/false);
        isChanged = true;
      } else if (!std::exchange(stored->isTold, true)) {
        remark::missed(stored->loc, getShareRemarks())
            << "weight '" + stored->name + "' equals '" + twin->name +
                   "' and is stored beside it: its symbol is not private";
      }
    }
  }
  return isChanged;
}

//===----------------------------------------------------------------------===//
// Transposed matrices
//===----------------------------------------------------------------------===//

/// Whether all that uses a stored matrix can read its transpose as well.
static bool isLayoutFree(const Stored &stored) {
  if (stored.isKept)
    return false;
  for (Operation *source : stored.sources)
    for (OpOperand &use : source->getUses()) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      if (!linear || &linear.getWeightMutable() != &use)
        return false;
    }
  return true;
}

FailureOr<bool> DuplicateSharer::isTranspose(const Stored &a, const Stored &b) {
  FailureOr<WeightBytes> bytesA = read(a), bytesB = read(b);
  if (failed(bytesA) || failed(bytesB))
    return failure();
  size_t size = getStorageBitWidth(bytesA->getType()) / 8;
  size_t rows = a.type.getDimSize(0), columns = a.type.getDimSize(1);
  constexpr size_t kTile = 64;
  const char *dataA = bytesA->bytes().data(), *dataB = bytesB->bytes().data();
  for (size_t top = 0; top < rows; top += kTile)
    for (size_t left = 0; left < columns; left += kTile)
      for (size_t i = top; i < std::min(rows, top + kTile); ++i)
        for (size_t j = left; j < std::min(columns, left + kTile); ++j)
          if (std::memcmp(dataA + (i * columns + j) * size, dataB + (j * rows + i) * size, size))
            return false;
  return true;
}

LogicalResult DuplicateSharer::shareTransposed() {
  std::vector<Stored *> matrices;
  llvm::MapVector<std::tuple<OperationName, Type, int64_t, int64_t>, SmallVector<Stored *>> byShape;
  for (const auto &stored : all) {
    std::optional<DataType> type = getDataType(stored->type.getElementType());
    if (stored->twin || stored->type.getRank() != 2 || !type || getStorageBitWidth(*type) < 8 ||
        !describeDecoding(*stored).empty())
      continue;
    ArrayRef<int64_t> shape = stored->type.getShape();
    OperationName kind = stored->sources.front()->getName();
    Type element = stored->type.getElementType();
    bool isFree = isLayoutFree(*stored);
    for (Stored *other : byShape[{kind, element, shape[1], shape[0]}]) {
      bool isOtherFree = !isFree && isLayoutFree(*other);
      if (other->twin || (!isFree && !isOtherFree))
        continue;
      FailureOr<bool> equal = isTranspose(*other, *stored);
      if (failed(equal))
        return failure();
      if (!*equal)
        continue;
      if (isFree) {
        replace(*stored, *other, /*isTransposed=*/true);
        break;
      }
      replace(*other, *stored, /*isTransposed=*/true);
    }
    if (!stored->twin)
      byShape[{kind, element, shape[0], shape[1]}].push_back(stored.get());
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Reporting
//===----------------------------------------------------------------------===//

void DuplicateSharer::collectLayers() {
  llvm::DenseSet<const Stored *> counted;
  for (const WeightedOp &op : collectWeighted(module)) {
    Layer layer;
    layer.line.name = op.name;
    layer.line.op = op.kindName.str();
    layer.line.weight = op.chain.getSourceName();
    llvm::append_range(layer.line.shape, op.chain.getType().getShape());
    for (WeightSourceOpInterface source : op.chain.getSources()) {
      if (const Stored *stored = storedOf.lookup(source))
        layer.parts.push_back(stored);
      if (auto type = dyn_cast<RankedTensorType>(source->getResult(0).getType()))
        if (FailureOr<uint64_t> bytes = WeightStore::getStorageBytes(type); succeeded(bytes))
          layer.line.bytesBefore += *bytes;
    }
    layer.line.bytesAfter = layer.line.bytesBefore;
    if (const Stored *stored = storedOf.lookup(op.chain.source))
      layer.line.shared = !counted.insert(stored).second;
    layers.push_back(std::move(layer));
  }
}

void DuplicateSharer::tell() {
  auto *collector = module.getContext()->getLoadedDialect<CompressDialect>()->getReportCollector();
  if (!collector)
    return;
  for (Layer &layer : layers) {
    SmallVector<std::string> done;
    for (const Stored *part : layer.parts) {
      if (!part->twin)
        continue;
      layer.line.bytesAfter -= part->numBytes;
      done.push_back("'" + part->name + "' stored once with '" + part->twin->name +
                     (part->isTransposed ? "', transposed" : "'"));
    }
    if (done.empty())
      continue;
    layer.line.action = llvm::join(done, ", ");
    collector->addLayer(layer.line);
  }
}

LogicalResult DuplicateSharer::run() {
  gather();
  collectLayers();
  if (failed(hashAll()))
    return failure();
  for (bool isChanged = true; isChanged;) {
    FailureOr<bool> shared = shareEqual();
    if (failed(shared))
      return failure();
    isChanged = *shared;
  }
  if (failed(shareTransposed()))
    return failure();
  tell();
  bool isAny = false;
  for (const auto &stored : all) {
    isAny |= stored->twin != nullptr;
    if (stored->twin && stored->symbol)
      stored->symbol->erase();
  }
  if (!isAny)
    remark::missed(module.getLoc(), getShareRemarks()) << "no two stored tensors are equal";
  return success();
}

LogicalResult mlir::compress::shareDuplicates(ModuleOp module) {
  return DuplicateSharer(module).run();
}
