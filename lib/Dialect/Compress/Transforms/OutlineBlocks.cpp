//===- OutlineBlocks.cpp - a function as calls of its blocks -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/ResidualBlocks.h"
#include "compress/Analysis/StageGraph.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_OUTLINEBLOCKS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// Marks outlined functions, so that a second run leaves their calls alone.
static constexpr StringLiteral kBlock = "compress.block";

namespace {
/// Ops of the main block that become a function.
struct Part {
  /// What depends on the inputs of the model, in program order.
  SmallVector<Operation *> ops;
  /// The ops of the function: `ops`, each after the fixed ops that it needs, without stored tensors
  /// that become arguments.
  SmallVector<Operation *> body;
  /// Values from outside: of other parts or arguments, by first use; and stored tensors.
  llvm::SetVector<Value> inputs, leaves;
  /// Everything that equal parts have in common, as text.
  std::string signature;
  /// Positions in `body`, and number of the result, of what others use.
  llvm::SetVector<std::pair<size_t, unsigned>> outputs;
};

class Outliner {
public:
  Outliner(func::FuncOp function, const StageGraph &graph, bool share)
      : function(function), block(function.getBody().front()), graph(graph), share(share) {}

  /// With `share`, stored tensors are arguments.
  Part makePart(ArrayRef<Operation *> ops, bool share) const;
  std::vector<Part> findRepeated() const;
  /// Replaces the body of the function; gives the number of functions made.
  size_t outline(MutableArrayRef<Part> parts);

private:
  void addFixed(Value value, Part &part, llvm::DenseSet<Operation *> &seen, bool share) const;
  void sign(Part &part) const;
  void findOutputs(Part &part) const;
  void splitRepeated(ArrayRef<Operation *> ops, ArrayRef<size_t> kinds,
                     std::vector<Part> &parts) const;
  func::FuncOp makeFunction(SymbolTable &table, const Part &part, size_t index) const;

  func::FuncOp function;
  Block &block;
  const StageGraph &graph;
  bool share;
};
} // namespace

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// The fixed ops behind `value`, operands first.
void Outliner::addFixed(Value value, Part &part, llvm::DenseSet<Operation *> &seen,
                        bool share) const {
  Operation *def = value.getDefiningOp();
  if (!def) {
    part.leaves.insert(value);
    return;
  }
  if (!seen.insert(def).second)
    return;
  if (share && isa<LoadOp>(def)) {
    part.leaves.insert(value);
    return;
  }
  for (Value operand : getUsedValues(def))
    addFixed(operand, part, seen, share);
  part.body.push_back(def);
}

Part Outliner::makePart(ArrayRef<Operation *> ops, bool share) const {
  Part part;
  part.ops.assign(ops.begin(), ops.end());
  llvm::DenseSet<Operation *> own(ops.begin(), ops.end()), seen;
  for (Operation *op : ops) {
    for (Value value : getUsedValues(op)) {
      Operation *def = value.getDefiningOp();
      if (graph.isFixed(value))
        addFixed(value, part, seen, share);
      else if (!def || !own.contains(def))
        part.inputs.insert(value);
    }
    part.body.push_back(op);
  }
  sign(part);
  findOutputs(part);
  return part;
}

/// Writes ops, attributes and types, with values by number; names and plans do not count.
static void sign(Operation *op, llvm::DenseMap<Value, size_t> &numbers, raw_ostream &os) {
  os << op->getName() << '{';
  for (NamedAttribute attribute : op->getAttrDictionary())
    if (attribute.getName() != "name" && attribute.getName() != "compress.plan")
      os << attribute.getName().strref() << '=' << attribute.getValue().getAsOpaquePointer() << ',';
  os << '}';
  auto add = [&](Value value) {
    os << numbers.try_emplace(value, numbers.size()).first->second << ':'
       << value.getType().getAsOpaquePointer() << ' ';
  };
  for (Value operand : op->getOperands())
    add(operand);
  os << "->";
  for (Value result : op->getResults())
    add(result);
  for (Region &region : op->getRegions()) {
    os << '(';
    for (Block &block : region) {
      os << '^';
      for (Value argument : block.getArguments())
        add(argument);
      for (Operation &nested : block)
        sign(&nested, numbers, os);
    }
    os << ')';
  }
}

void Outliner::sign(Part &part) const {
  llvm::DenseMap<Value, size_t> numbers;
  llvm::raw_string_ostream os(part.signature);
  for (Value value : llvm::concat<const Value>(part.inputs, part.leaves)) {
    numbers.try_emplace(value, numbers.size());
    os << value.getType().getAsOpaquePointer() << (part.leaves.contains(value) ? 'w' : 'x');
  }
  for (Operation *op : part.body)
    ::sign(op, numbers, os);
}

void Outliner::findOutputs(Part &part) const {
  llvm::DenseSet<Operation *> own(part.ops.begin(), part.ops.end());
  for (auto [position, op] : llvm::enumerate(part.body))
    for (OpResult result : op->getResults())
      if (own.contains(op) && llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !own.contains(block.findAncestorOpInBlock(*user));
          }))
        part.outputs.insert({position, result.getResultNumber()});
}

//===----------------------------------------------------------------------===//
// Repeated parts
//===----------------------------------------------------------------------===//

/// Appends the parts of a range of ops: what is before a repetition, its blocks, what is after.
void Outliner::splitRepeated(ArrayRef<Operation *> ops, ArrayRef<size_t> kinds,
                             std::vector<Part> &parts) const {
  if (ops.empty())
    return;
  Repetition found = findRepetition(kinds);
  auto holdsWeighted = [&](ArrayRef<Operation *> range) {
    return llvm::any_of(range, [](Operation *op) { return !collectWeighted(op).empty(); });
  };
  size_t period = found.period;
  if (found.count < 2 || !holdsWeighted(ops.slice(found.begin, period))) {
    parts.push_back(makePart(ops, /*share=*/true));
    return;
  }
  // The same repetition may be cut at any op: the cut with the fewest values across, and then the
  // most blocks that are really equal. The first of equal ones.
  std::vector<Part> best;
  size_t bestBegin = 0;
  size_t end = found.begin;
  while (end + period < kinds.size() && kinds[end] == kinds[end + period])
    ++end;
  end += period;
  for (size_t shift = 0; shift < period && found.begin + shift + 2 * period <= end; ++shift) {
    size_t begin = found.begin + shift;
    std::vector<Part> blocks;
    for (size_t at = begin; at + period <= end; at += period) {
      Part part = makePart(ops.slice(at, period), /*share=*/true);
      if (!blocks.empty() && part.signature != blocks.front().signature) {
        // The first block often differs from the others in what comes in.
        if (blocks.size() > 1)
          break;
        blocks.clear();
        begin = at;
      }
      blocks.push_back(std::move(part));
    }
    auto getCost = [](const Part &part) { return part.inputs.size() + part.outputs.size(); };
    if (blocks.size() < 2)
      continue;
    bool isBetter = best.empty() || blocks.size() > best.size() ||
                    (blocks.size() == best.size() && getCost(blocks[1]) < getCost(best[1]));
    if (isBetter) {
      best = std::move(blocks);
      bestBegin = begin;
    }
  }
  if (best.empty()) {
    parts.push_back(makePart(ops, /*share=*/true));
    return;
  }
  size_t bestEnd = bestBegin + best.size() * period;
  splitRepeated(ops.take_front(bestBegin), kinds.take_front(bestBegin), parts);
  for (Part &part : best)
    parts.push_back(std::move(part));
  splitRepeated(ops.drop_front(bestEnd), kinds.drop_front(bestEnd), parts);
}

std::vector<Part> Outliner::findRepeated() const {
  // Ops by what they are, without their operands.
  SmallVector<Operation *> ops;
  SmallVector<size_t> kinds;
  llvm::StringMap<size_t> known;
  for (Operation &op : block.without_terminator()) {
    if (op.getNumResults() && graph.isFixed(op.getResult(0)))
      continue;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << op.getName();
    for (NamedAttribute attribute : op.getAttrDictionary())
      if (attribute.getName() != "name" && attribute.getName() != "compress.plan")
        os << attribute.getName().strref() << attribute.getValue().getAsOpaquePointer() << ',';
    for (Type type : llvm::concat<Type>(SmallVector<Type>(op.getOperandTypes()),
                                        SmallVector<Type>(op.getResultTypes())))
      os << type.getAsOpaquePointer() << ',';
    ops.push_back(&op);
    kinds.push_back(known.try_emplace(text, known.size()).first->second);
  }
  std::vector<Part> parts;
  splitRepeated(ops, kinds, parts);
  return parts;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

func::FuncOp Outliner::makeFunction(SymbolTable &table, const Part &part, size_t index) const {
  SmallVector<Value> inputs(part.inputs.begin(), part.inputs.end());
  inputs.append(part.leaves.begin(), part.leaves.end());
  SmallVector<Type> results;
  for (auto [position, number] : part.outputs)
    results.push_back(part.body[position]->getResult(number).getType());
  MLIRContext *context = function->getContext();
  func::FuncOp host = function;
  std::string name = (host.getSymName() + "_block_" + Twine(index)).str();
  OpBuilder builder(context);
  auto outlined =
      func::FuncOp::create(builder, host.getLoc(), name,
                           FunctionType::get(context, ValueRange(inputs).getTypes(), results));
  outlined.setPrivate();
  outlined->setAttr(kBlock, builder.getUnitAttr());
  table.insert(outlined);
  Block *body = outlined.addEntryBlock();
  builder.setInsertionPointToStart(body);
  IRMapping mapping;
  mapping.map(inputs, body->getArguments());
  for (Operation *op : part.body)
    builder.clone(*op, mapping);
  SmallVector<Value> values;
  for (auto [position, number] : part.outputs)
    values.push_back(mapping.lookup(part.body[position]->getResult(number)));
  func::ReturnOp::create(builder, host.getLoc(), values);
  return outlined;
}

size_t Outliner::outline(MutableArrayRef<Part> parts) {
  // Equal parts are one function, which gives what any of them is asked for.
  llvm::MapVector<size_t, SmallVector<Part *>> classes;
  llvm::StringMap<size_t> classOf;
  for (auto [index, part] : llvm::enumerate(parts)) {
    size_t number = share ? classOf.try_emplace(part.signature, index).first->second : index;
    classes[number].push_back(&part);
  }
  for (auto &[number, members] : classes) {
    // What is there once keeps its stored tensors to itself.
    if (members.size() == 1)
      *members.front() = makePart(SmallVector<Operation *>(members.front()->ops), /*share=*/false);
    llvm::SetVector<std::pair<size_t, unsigned>> all;
    for (Part *part : members)
      all.insert(part->outputs.begin(), part->outputs.end());
    SmallVector<std::pair<size_t, unsigned>> sorted = all.takeVector();
    llvm::sort(sorted);
    for (Part *part : members) {
      part->outputs.clear();
      part->outputs.insert(sorted.begin(), sorted.end());
    }
  }
  SymbolTable table(function->getParentOfType<ModuleOp>());
  llvm::DenseMap<const Part *, func::FuncOp> functionOf;
  size_t count = 0;
  for (auto &[number, members] : classes) {
    func::FuncOp made = makeFunction(table, *members.front(), count++);
    for (Part *part : members)
      functionOf[part] = made;
  }

  OpBuilder builder(block.getTerminator());
  IRMapping mapping;
  for (Part &part : parts) {
    SmallVector<Value> operands;
    for (Value value : llvm::concat<const Value>(part.inputs, part.leaves))
      operands.push_back(mapping.lookupOrDefault(value));
    auto call =
        func::CallOp::create(builder, part.ops.front()->getLoc(), functionOf[&part], operands);
    for (auto [output, result] : llvm::zip_equal(part.outputs, call.getResults()))
      mapping.map(part.body[output.first]->getResult(output.second), result);
  }
  for (OpOperand &operand : block.getTerminator()->getOpOperands())
    operand.set(mapping.lookupOrDefault(operand.get()));
  for (Part &part : llvm::reverse(parts))
    for (Operation *op : llvm::reverse(part.ops)) {
      op->dropAllUses();
      op->erase();
    }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  return classes.size();
}

namespace {
struct OutlineBlocks : public compress::impl::OutlineBlocksBase<OutlineBlocks> {
  using Base::Base;

  func::FuncOp findFunction() {
    func::FuncOp found;
    unsigned numPublic = 0;
    for (auto candidate : getOperation().getOps<func::FuncOp>()) {
      if (candidate.isExternal())
        continue;
      if (candidate.getSymName() == (function.empty() ? "main" : StringRef(function)))
        return candidate;
      if (candidate.isPublic()) {
        found = candidate;
        ++numPublic;
      }
    }
    if (function.empty() && numPublic == 1)
      return found;
    if (function.empty())
      getOperation().emitError()
          << "compress-outline-blocks: expected a function 'main' or exactly one public function, "
             "found "
          << numPublic << " public functions";
    else
      getOperation().emitError() << "compress-outline-blocks: the module has no function '"
                                 << function << "'";
    return {};
  }

  void runOnOperation() override {
    if (granularity != "layer" && granularity != "block") {
      getOperation().emitError()
          << "compress-outline-blocks: expected layer or block as the option "
             "'granularity', found '"
          << granularity << "'";
      return signalPassFailure();
    }
    func::FuncOp host = findFunction();
    if (!host)
      return signalPassFailure();
    auto remarkOptions = remark::RemarkOpts::name("compress-outline-blocks").category("outline");
    auto skip = [&](StringRef reason) {
      remark::missed(host.getLoc(), remarkOptions)
          << ("function '" + host.getSymName() + "' stays whole: " + reason).str();
    };
    if (!llvm::hasSingleElement(host.getBody()))
      return skip("it has several blocks");
    bool isDone = false;
    for (auto call : host.getOps<func::CallOp>())
      if (Operation *callee = SymbolTable::lookupNearestSymbolFrom(call, call.getCalleeAttr()))
        isDone |= callee->hasAttr(kBlock);
    if (isDone)
      return skip("it has been outlined before");

    // Ops with a plan, or all weighted ops if none has one.
    auto helper = getContext().getLoadedDialect<CompressDialect>()->getPlanAttrHelper();
    llvm::DenseSet<Operation *> all, planned;
    for (const WeightedOp &op : collectWeighted(getOperation())) {
      all.insert(op.op);
      if (helper.getAttr(op.op))
        planned.insert(op.op);
    }
    StageGraph graph(host, planned.empty() ? all : planned);
    Outliner outliner(host, graph, granularity == "block" && share);
    std::vector<Part> parts;
    if (granularity == "block") {
      parts = outliner.findRepeated();
      if (parts.size() < 2)
        return skip("no part of it is repeated");
    } else {
      for (ArrayRef<Operation *> ops : graph.cut())
        if (!ops.empty())
          parts.push_back(outliner.makePart(ops, /*share=*/false));
      if (parts.size() < 2)
        return skip("there is nothing to cut");
    }
    size_t functions = outliner.outline(parts);
    remark::passed(host.getLoc(), remarkOptions)
        << ("function '" + host.getSymName() + "' is " + Twine(parts.size()) + " calls of " +
            Twine(functions) + " functions")
               .str();
  }
};
} // namespace
