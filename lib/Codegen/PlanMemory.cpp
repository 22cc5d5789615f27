//===- PlanMemory.cpp - one buffer for all intermediate values -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Hoisting.h"
#include "RuntimeCalls.h"
#include "compress/Codegen/MemoryPlan.h"
#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include <map>

namespace mlir::compress {
#define GEN_PASS_DEF_PLANMEMORY
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Bytes of one element in memory; 0 for types that cannot be in the workspace.
static int64_t getElementBytes(Type type) {
  if (type.isIndex())
    return 8;
  return type.isIntOrFloat() ? (type.getIntOrFloatBitWidth() + 7) / 8 : 0;
}

/// Bytes of a static type; for others of the product of the static sizes.
static int64_t getStaticBytes(MemRefType type) {
  int64_t bytes = getElementBytes(type.getElementType());
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      bytes *= size;
  return bytes;
}

namespace {
/// The plan of one function.
class MemoryPlanner {
public:
  explicit MemoryPlanner(func::FuncOp function)
      : function(function), block(function.getBody().front()), flow(function) {}

  void run();

private:
  bool isCandidate(memref::AllocOp alloc);
  void hoistOutOfRegions(memref::AllocOp alloc);
  bool escapes(memref::AllocOp alloc, Block &from);
  LiveBuffer getLiveRange(memref::AllocOp alloc);
  void freeAfterLastUse(memref::AllocOp alloc);
  void splitBySize(ArrayRef<memref::AllocOp> allocs);
  void placeStatic();
  void placeDynamic();
  Value getBytes(OpBuilder &builder, memref::AllocOp alloc);
  void recordPlan();

  func::FuncOp function;
  Block &block;
  BufferViewFlowAnalysis flow;
  DenseMap<Operation *, int64_t> positions;
  /// In the order of the function.
  SmallVector<memref::AllocOp> statics, dynamics, heap;
  /// Offsets in the workspace.
  SmallVector<std::pair<memref::AllocOp, Value>> offsets;
  Operation *start = nullptr;
  int64_t arenaBytes = 0, peakBytes = 0, totalBytes = 0, numSlots = 0;
  Value dynamicBytes;
};
} // namespace

/// Outputs have memory of the caller; what is freed already is managed by whoever wrote it.
bool MemoryPlanner::isCandidate(memref::AllocOp alloc) {
  return !alloc->hasAttr("compress.output") && !alloc->hasAttr("compress.workspace") &&
         alloc.getType().getLayout().isIdentity() &&
         getElementBytes(alloc.getType().getElementType()) &&
         llvm::none_of(alloc->getUsers(), [](Operation *user) {
           return isa<memref::DeallocOp, memref::ReallocOp>(user);
         });
}

/// Whether the buffer is passed on by the terminator of `from`, a block of structured control flow.
bool MemoryPlanner::escapes(memref::AllocOp alloc, Block &from) {
  return llvm::any_of(flow.resolve(alloc), [&](Value alias) {
    return llvm::is_contained(alias.getUsers(), from.getTerminator());
  });
}

/// A branch runs once, and an iteration of a loop that does not pass the buffer on can use the one
/// of the iteration before it.
void MemoryPlanner::hoistOutOfRegions(memref::AllocOp alloc) {
  while (alloc->getBlock() != &block) {
    Operation *parent = alloc->getParentOp();
    if (!isa<scf::IfOp, scf::IndexSwitchOp, scf::ForOp, scf::WhileOp>(parent))
      return;
    if (isa<LoopLikeOpInterface>(parent) && escapes(alloc, *alloc->getBlock()))
      return;
    if (!llvm::all_of(alloc.getDynamicSizes(),
                      [&](Value size) { return canHoistBefore(size, parent); }))
      return;
    for (Value size : alloc.getDynamicSizes())
      hoistBefore(size, parent);
    alloc->moveBefore(parent);
  }
}

/// From the first to the last op that can read or write the buffer.
LiveBuffer MemoryPlanner::getLiveRange(memref::AllocOp alloc) {
  LiveBuffer live = {std::numeric_limits<int64_t>::max(), -1, getStaticBytes(alloc.getType())};
  for (Value alias : flow.resolve(alloc))
    for (Operation *user : alias.getUsers()) {
      if (isa<ViewLikeOpInterface, memref::DimOp>(user))
        continue;
      int64_t position = positions.lookup(block.findAncestorOpInBlock(*user));
      live.begin = std::min(live.begin, position);
      live.end = std::max(live.end, position);
    }
  if (live.end < 0)
    live.begin = live.end = positions.lookup(alloc);
  return live;
}

/// Buffers that leave their block are freed when the run ends.
void MemoryPlanner::freeAfterLastUse(memref::AllocOp alloc) {
  Block *home = alloc->getBlock();
  Operation *last = alloc;
  for (Value alias : flow.resolve(alloc))
    for (Operation *user : alias.getUsers()) {
      Operation *ancestor = home->findAncestorOpInBlock(*user);
      if (!ancestor || ancestor == home->getTerminator())
        return;
      if (last->isBeforeInBlock(ancestor))
        last = ancestor;
    }
  OpBuilder builder(last->getContext());
  builder.setInsertionPointAfter(last);
  memref::DeallocOp::create(builder, alloc.getLoc(), alloc);
}

/// Static ones, dynamic ones whose size can be computed before the first of them, and the rest.
void MemoryPlanner::splitBySize(ArrayRef<memref::AllocOp> allocs) {
  for (memref::AllocOp alloc : allocs)
    if (alloc->getBlock() == &block && (!start || alloc->isBeforeInBlock(start)))
      start = alloc;
  for (memref::AllocOp alloc : allocs) {
    bool isKnown = alloc->getBlock() == &block &&
                   llvm::all_of(alloc.getDynamicSizes(),
                                [&](Value size) { return canHoistBefore(size, start); });
    if (!isKnown)
      heap.push_back(alloc);
    else
      (alloc.getType().hasStaticShape() ? statics : dynamics).push_back(alloc);
  }
  for (memref::AllocOp alloc : dynamics)
    for (Value size : alloc.getDynamicSizes())
      hoistBefore(size, start);
}

void MemoryPlanner::placeStatic() {
  SmallVector<LiveBuffer> live =
      llvm::map_to_vector(statics, [&](memref::AllocOp alloc) { return getLiveRange(alloc); });
  MemoryPlan plan = planMemory(live);
  arenaBytes = plan.bytes;
  peakBytes = getPeakBytes(live);
  OpBuilder builder(start);
  for (auto [alloc, buffer, offset] : llvm::zip_equal(statics, live, plan.offsets)) {
    totalBytes += alignBytes(buffer.bytes);
    offsets.push_back({alloc, arith::ConstantIndexOp::create(builder, alloc.getLoc(), offset)});
  }
}

/// The size of a dynamic buffer, rounded up to the alignment.
Value MemoryPlanner::getBytes(OpBuilder &builder, memref::AllocOp alloc) {
  Location loc = alloc.getLoc();
  SmallVector<Value> sizes;
  for (Value size : alloc.getDynamicSizes())
    sizes.push_back(arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size));
  Value bytes = createByteSize(builder, loc, sizes, getStaticBytes(alloc.getType()));
  Value roundUp = createI64(builder, loc, bufferAlignment - 1);
  Value mask = createI64(builder, loc, -bufferAlignment);
  bytes = arith::AddIOp::create(builder, loc, bytes, roundUp);
  bytes = arith::AndIOp::create(builder, loc, bytes, mask);
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), bytes);
}

void MemoryPlanner::placeDynamic() {
  if (dynamics.empty())
    return;
  // Sizes that have the same dynamic factors, in any order, are of one class.
  std::map<std::vector<void *>, int64_t> classes;
  SmallVector<LiveBuffer> live;
  for (memref::AllocOp alloc : dynamics) {
    std::vector<void *> factors;
    for (Value size : alloc.getDynamicSizes())
      factors.push_back(size.getAsOpaquePointer());
    llvm::sort(factors);
    live.push_back(getLiveRange(alloc));
    live.back().sizeClass = classes.try_emplace(factors, classes.size()).first->second;
  }
  SmallVector<int64_t> slots = assignSlots(live);
  numSlots = *llvm::max_element(slots) + 1;

  OpBuilder builder(start);
  Location loc = function.getLoc();
  SmallVector<Value> slotBytes(numSlots), slotOffsets(numSlots);
  // Of the sizes of one class, the one with the largest static factor is the largest.
  std::map<std::pair<int64_t, int64_t>, unsigned> largest;
  for (auto [index, buffer, slot] : llvm::enumerate(live, slots)) {
    unsigned &known = largest.try_emplace({slot, buffer.sizeClass}, index).first->second;
    if (live[known].bytes < buffer.bytes)
      known = index;
  }
  for (auto [key, index] : largest) {
    Value bytes = getBytes(builder, dynamics[index]);
    Value &all = slotBytes[key.first];
    all = all ? arith::MaxSIOp::create(builder, loc, all, bytes) : bytes;
  }
  dynamicBytes = arith::ConstantIndexOp::create(builder, loc, arenaBytes);
  for (int64_t slot = 0; slot < numSlots; ++slot) {
    slotOffsets[slot] = dynamicBytes;
    dynamicBytes = arith::AddIOp::create(builder, loc, dynamicBytes, slotBytes[slot]);
  }
  for (auto [alloc, slot] : llvm::zip_equal(dynamics, slots))
    offsets.push_back({alloc, slotOffsets[slot]});
}

void MemoryPlanner::recordPlan() {
  Builder builder(function.getContext());
  SmallVector<NamedAttribute> entries;
  auto add = [&](StringRef name, int64_t value) {
    entries.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  };
  add("arena", arenaBytes);
  add("buffers", statics.size() + dynamics.size());
  add("heap", heap.size());
  add("peak", peakBytes);
  add("slots", numSlots);
  add("total", totalBytes);
  function->setAttr("compress.plan", builder.getDictionaryAttr(entries));
}

void MemoryPlanner::run() {
  SmallVector<memref::AllocOp> allocs;
  function.walk([&](memref::AllocOp alloc) {
    if (isCandidate(alloc))
      allocs.push_back(alloc);
  });
  for (memref::AllocOp alloc : allocs)
    hoistOutOfRegions(alloc);
  splitBySize(allocs);
  for (auto [position, op] : llvm::enumerate(block))
    positions[&op] = position;
  if (!statics.empty() || !dynamics.empty()) {
    placeStatic();
    placeDynamic();
  }
  for (memref::AllocOp alloc : heap)
    freeAfterLastUse(alloc);
  recordPlan();
  if (offsets.empty())
    return;

  OpBuilder builder(start);
  auto alignment = builder.getI64IntegerAttr(bufferAlignment);
  int64_t bytes = dynamicBytes ? ShapedType::kDynamic : arenaBytes;
  auto type = MemRefType::get(bytes, builder.getI8Type());
  auto workspace =
      memref::AllocOp::create(builder, function.getLoc(), type,
                              dynamicBytes ? ValueRange(dynamicBytes) : ValueRange(), alignment);
  workspace->setAttr("compress.workspace", builder.getUnitAttr());
  for (auto [alloc, offset] : offsets) {
    OpBuilder at(alloc);
    Value view = memref::ViewOp::create(at, alloc.getLoc(), alloc.getType(), workspace, offset,
                                        alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
  }
}

namespace {
class PlanMemoryPass : public compress::impl::PlanMemoryBase<PlanMemoryPass> {
public:
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isPublic() || function.isDeclaration())
      return;
    if (!function.getBody().hasOneBlock()) {
      function.emitOpError("expects structured control flow");
      return signalPassFailure();
    }
    if (function.getNumResults()) {
      function.emitOpError("expects no results; run compress-place-outputs before");
      return signalPassFailure();
    }
    MemoryPlanner(function).run();
  }
};
} // namespace
