//===- PropagateMasks.cpp - masks on everything that depends on a channel -===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StructuredMasks.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "compress/Dialect/Compress/Transforms/WeightRewrite.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PROPAGATEMASKS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

namespace {
/// Units of a group that are to be masked.
struct Request {
  llvm::BitVector units;
  /// An op whose weight asks for it.
  const WeightedOp *op = nullptr;
};

/// A tensor that gets masked: the root of a chain, or a parameter as one op uses it.
struct Edit {
  /// Operands that are to have the masked tensor.
  SmallVector<OpOperand *, 2> uses;
  /// Indices of each dim that are to be masked.
  SmallVector<llvm::BitVector, 4> gone;
  /// What it comes from.
  WeightSourceOpInterface source;
};

class Propagation {
public:
  explicit Propagation(ModuleOp module)
      : module(module), graph(module), masks(module.getContext()), store(module.getContext()),
        symbols(module),
        options(remark::RemarkOpts::name("compress-propagate-masks").category("prune")) {}

  LogicalResult run() {
    requests.resize(graph.getGroups().size());
    for (const WeightedOp &op : graph.getWeightedOps())
      if (op.chain.getLink<MaskOp>() && failed(readRequests(op)))
        return failure();
    for (auto [group, request] : llvm::zip_equal(graph.getGroups(), requests))
      if (request.op && failed(plan(group, request)))
        return failure();
    // Nothing fails from here on but for want of memory.
    for (auto &[key, edit] : edits)
      if (failed(apply(key.first, edit)))
        return failure();
    // Masks that others took the place of.
    if (!edits.empty())
      removeDeadWeights(module);
    return success();
  }

private:
  LogicalResult readRequests(const WeightedOp &op);
  LogicalResult plan(const DependencyGroup &group, const Request &request);
  bool addWeight(const GroupWeight &weight, const llvm::BitVector &indices);
  bool addParameter(const GroupParameter &parameter, const llvm::BitVector &indices);
  LogicalResult apply(Value value, Edit &edit);

  ModuleOp module;
  DependencyGraph graph;
  MaskReader masks;
  WeightStore store;
  WeightSymbols symbols;
  remark::RemarkOpts options;
  /// By group.
  std::vector<Request> requests;
  /// By tensor and, for parameters, user.
  llvm::MapVector<std::pair<Value, Operation *>, Edit> edits;
};
} // namespace

LogicalResult Propagation::readRequests(const WeightedOp &op) {
  FailureOr<MaskedIndices> masked = masks.read(op.chain, /*onlyProducts=*/true);
  if (failed(masked))
    return failure();
  for (auto [dim, gone] : llvm::enumerate(masked->gone)) {
    if (gone.none())
      continue;
    auto missed = [&](const Twine &text) {
      remark::missed(op.op->getLoc(), options)
          << ("mask of \"" + op.name + "\" is not extended " + text).str();
    };
    std::optional<size_t> space = graph.findSpace(op.chain.root, dim);
    if (!space) {
      missed("along dim " + Twine(dim) + ", which is in no group");
      continue;
    }
    // Groups in order, each once.
    llvm::MapVector<size_t, int64_t> groups;
    for (unsigned index : gone.set_bits())
      ++groups[graph.findUnit(*space, index).group];
    for (auto [number, count] : groups) {
      const DependencyGroup &group = graph.getGroups()[number];
      if (!group.isPrunable()) {
        std::string reason = group.blockedReason;
        if (group.blockedBy)
          reason += " ('" + group.blockedBy->getName().getStringRef().str() + "')";
        missed("along dim " + Twine(dim) + ": " + reason);
        continue;
      }
      const auto *member =
          llvm::find_if(group.members, [&](const auto &member) { return member.space == *space; });
      UnitSelection selection = selectUnits(group, *member, gone);
      if (int64_t partial = selection.partial.count())
        missed("to " + countUnits(partial, group.kind) + " of which it has only a part along dim " +
               Twine(dim));
      if (selection.whole.none())
        continue;
      Request &request = requests[number];
      if (!request.op)
        request = {selection.whole, &op};
      else
        request.units |= selection.whole;
    }
  }
  return success();
}

/// The indices of units in the space of a member.
static llvm::BitVector getIndices(const DependencyGroup::Member &member, int64_t size,
                                  const llvm::BitVector &units) {
  llvm::BitVector indices(static_cast<unsigned>(size));
  for (unsigned unit : units.set_bits())
    for (int64_t index : member.getIndices(unit))
      indices.set(static_cast<unsigned>(index));
  return indices;
}

LogicalResult Propagation::plan(const DependencyGroup &group, const Request &request) {
  if (request.units.all())
    return request.op->op->emitOpError("\"")
           << request.op->name << "\": its masks would remove all "
           << countUnits(group.numUnits, group.kind) << " of the group";
  std::vector<llvm::BitVector> indices;
  for (const DependencyGroup::Member &member : group.members)
    indices.push_back(getIndices(member, graph.getSpaces()[member.space].size, request.units));
  int64_t numWeights = 0, numParameters = 0;
  for (const GroupWeight &weight : graph.getWeights(group))
    numWeights += addWeight(weight, indices[weight.member]);
  for (const GroupParameter &parameter : graph.getParameters(group))
    numParameters += addParameter(parameter, indices[parameter.member]);
  if (numWeights + numParameters > 0)
    remark::passed(request.op->op->getLoc(), options)
        << ("mask of \"" + request.op->name + "\" extended to " + countOf(numWeights, "weight") +
            " and " + countOf(numParameters, "parameter") + ": " + Twine(request.units.count()) +
            " of " + countUnits(group.numUnits, group.kind))
               .str();
  return success();
}

/// The operand on the way from `operand` down the transposes that has `root`.
static OpOperand *findRootUse(OpOperand *operand, Value root) {
  while (operand->get() != root)
    operand = &operand->get().getDefiningOp()->getOpOperand(0);
  return operand;
}

/// Adds indices of a dim.
static bool addIndices(Edit &edit, int64_t rank, int64_t dim, const llvm::BitVector &indices) {
  edit.gone.resize(rank);
  if (edit.gone[dim].empty())
    edit.gone[dim] = indices;
  else
    edit.gone[dim] |= indices;
  return true;
}

/// Whether all of `indices` are masked already.
static bool isMasked(const llvm::BitVector &gone, const llvm::BitVector &indices) {
  return !gone.empty() && !indices.test(gone);
}

bool Propagation::addWeight(const GroupWeight &weight, const llvm::BitVector &indices) {
  const WeightChain &chain = weight.op.chain;
  FailureOr<MaskedIndices> masked = masks.read(chain, /*onlyProducts=*/false);
  if (succeeded(masked) && isMasked(masked->gone[weight.dim], indices))
    return false;
  Edit &edit = edits[{chain.root, nullptr}];
  edit.source = chain.source;
  OpOperand *use = findRootUse(weight.op.operand, chain.root);
  if (!llvm::is_contained(edit.uses, use))
    edit.uses.push_back(use);
  return addIndices(edit, chain.getType().getRank(), weight.dim, indices);
}

bool Propagation::addParameter(const GroupParameter &parameter, const llvm::BitVector &indices) {
  if (!isMaskable(parameter.user, parameter.value))
    return false;
  // A tensor that is masked already is masked further, for all of its users.
  if (auto mask = parameter.value.getDefiningOp<MaskOp>()) {
    FailureOr<std::optional<MaskedIndices>> masked = masks.read(mask);
    if (succeeded(masked) && *masked && isMasked((*masked)->gone[parameter.dim], indices))
      return false;
    Edit &edit = edits[{parameter.value, nullptr}];
    while (auto inner = mask.getInput().getDefiningOp<MaskOp>())
      mask = inner;
    edit.source = mask.getInput().getDefiningOp<WeightSourceOpInterface>();
    for (OpOperand &use : parameter.value.getUses())
      if (!llvm::is_contained(edit.uses, &use))
        edit.uses.push_back(&use);
    return addIndices(edit, mask.getInput().getType().getRank(), parameter.dim, indices);
  }
  Edit &edit = edits[{parameter.value, parameter.user}];
  edit.source = parameter.value.getDefiningOp<WeightSourceOpInterface>();
  for (OpOperand &operand : parameter.user->getOpOperands())
    if (operand.get() == parameter.value && !llvm::is_contained(edit.uses, &operand))
      edit.uses.push_back(&operand);
  auto type = cast<RankedTensorType>(parameter.value.getType());
  return addIndices(edit, type.getRank(), parameter.dim, indices);
}

/// Clears the elements of `mask`, of shape `shape`, whose index in some dim is gone.
static void clearMasked(MutableArrayRef<char> mask, ArrayRef<int64_t> shape,
                        ArrayRef<llvm::BitVector> gone) {
  int64_t inner = 1;
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 1; dim >= 0; --dim) {
    if (!gone[dim].empty())
      for (size_t outer = 0; outer < mask.size(); outer += inner * shape[dim])
        for (unsigned index : gone[dim].set_bits())
          std::memset(mask.data() + outer + index * inner, 0, inner);
    inner *= shape[dim];
  }
}

/// Copies the mask `from` of shape `oldShape`, broadcast to `shape`.
static void broadcastMask(ArrayRef<char> from, ArrayRef<int64_t> oldShape, MutableArrayRef<char> to,
                          ArrayRef<int64_t> shape) {
  SmallVector<int64_t> position(shape.size(), 0);
  for (char &element : to) {
    int64_t index = 0;
    for (size_t dim = 0; dim < shape.size(); ++dim)
      index = index * oldShape[dim] + (oldShape[dim] == 1 ? 0 : position[dim]);
    element = from[index] ? 1 : 0;
    for (size_t dim = shape.size(); dim-- > 0 && ++position[dim] == shape[dim];)
      position[dim] = 0;
  }
}

LogicalResult Propagation::apply(Value value, Edit &edit) {
  auto type = cast<RankedTensorType>(value.getType());
  auto emitError = [&] { return edit.source->emitError(); };
  // A constant mask that is there is combined with; a new one has the dims of both.
  auto mask = value.getDefiningOp<MaskOp>();
  auto old =
      mask ? mask.getMask().getDefiningOp<WeightSourceOpInterface>() : WeightSourceOpInterface();
  SmallVector<int64_t> oldShape(type.getRank(), 1);
  if (old)
    oldShape = llvm::to_vector(mask.getMask().getType().getShape());
  SmallVector<int64_t> shape(oldShape);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (edit.gone[dim].any())
      shape[dim] = type.getDimSize(dim);
  auto maskType = RankedTensorType::get(shape, IntegerType::get(type.getContext(), 1));
  FailureOr<WeightBuffer> buffer = store.allocate(maskType, emitError);
  if (failed(buffer))
    return failure();
  MutableArrayRef<char> bytes = buffer->bytes();
  std::memset(bytes.data(), 1, bytes.size());
  if (old) {
    FailureOr<WeightBytes> from =
        store.read(old.getWeightValue(), mask.getMask().getType(), emitError);
    if (failed(from))
      return failure();
    broadcastMask(from->bytes(), oldShape, bytes, shape);
  }
  clearMasked(bytes, shape, edit.gone);
  OpBuilder builder(old ? mask.getOperation() : edit.uses.front()->getOwner());
  // Several uses have the mask where the tensor is.
  if (!old && edit.uses.size() > 1)
    builder.setInsertionPointAfterValue(value);
  Value made = makeMask(builder, symbols, store, edit.source, maskType, std::move(*buffer));
  if (old) {
    mask.getMaskMutable().assign(made);
    return success();
  }
  Value masked = MaskOp::create(builder, value.getLoc(), value, made);
  for (OpOperand *use : edit.uses)
    use->set(masked);
  return success();
}

namespace {
struct PropagateMasks : public compress::impl::PropagateMasksBase<PropagateMasks> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(Propagation(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace
