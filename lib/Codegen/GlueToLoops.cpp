//===- GlueToLoops.cpp - linalg on buffers to loops -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuntimeCalls.h"
#include "compress/Codegen/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::compress {
#define GEN_PASS_DEF_GLUETOLOOPS
#include "compress/Codegen/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Work that is worth another thread, in scalar ops: some microseconds.
static constexpr int64_t kParallelWork = 1 << 17;
/// What an unknown size counts as.
static constexpr int64_t kUnknownSize = 256;

namespace {
/// Lowers one op.
class LoopEmitter {
public:
  LoopEmitter(linalg::LinalgOp op, bool parallel)
      : op(op), builder(op), loc(op.getLoc()), allowParallel(parallel) {}

  void run();

private:
  void flatten();
  unsigned countCarriedDims();
  void chooseParallelDims();
  void emitOuterLoops();
  SmallVector<Value> emitCarriedLoops(unsigned dim, ValueRange carried);
  SmallVector<Value> emitPayload(ValueRange outputs);
  SmallVector<Value> getIndices(AffineMap map);
  Value loadOperand(OpOperand &operand);
  Value getBuffer(OpOperand &operand) { return buffers[operand.getOperandNumber()]; }
  bool isCarried() const { return numCarried; }

  linalg::LinalgOp op;
  OpBuilder builder;
  Location loc;
  bool allowParallel;
  SmallVector<Value> buffers;
  SmallVector<AffineMap> maps;
  SmallVector<utils::IteratorType> iterators;
  SmallVector<OpFoldResult> sizes;
  /// Loops at the end that reduce into registers, and loops at the start that threads share.
  unsigned numCarried = 0, numParallel = 0;
  /// Iterations of the parallel loops from which on they are worth threads.
  int64_t minIterations = 0;
  SmallVector<Value> ivs;
};
} // namespace

/// Dense element-wise ops get one loop over all elements.
void LoopEmitter::flatten() {
  if (op.getNumParallelLoops() != iterators.size() || iterators.size() < 2 ||
      op.hasIndexSemantics() || !maps.back().isIdentity())
    return;
  for (auto [buffer, map] : llvm::zip_equal(buffers, maps)) {
    auto type = dyn_cast<MemRefType>(buffer.getType());
    if (map.getNumResults() && (!map.isIdentity() || !type || !type.getLayout().isIdentity()))
      return;
  }
  SmallVector<ReassociationIndices> all(
      1, llvm::to_vector<2>(llvm::seq<int64_t>(0, iterators.size())));
  for (auto [buffer, map] : llvm::zip_equal(buffers, maps)) {
    if (map.getNumResults()) {
      buffer = memref::CollapseShapeOp::create(builder, loc, buffer, all);
      map = AffineMap::getMultiDimIdentityMap(1, builder.getContext());
    } else {
      map = AffineMap::get(1, 0, builder.getContext());
    }
  }
  Value shaped = buffers[op.getDpsInitOperand(0)->getOperandNumber()];
  sizes = {memref::getMixedSize(builder, loc, shaped, 0)};
  iterators.assign(1, utils::IteratorType::parallel);
}

/// Reductions over the last dims, if no output depends on those.
unsigned LoopEmitter::countCarriedDims() {
  unsigned count = 0;
  while (count < iterators.size() &&
         iterators[iterators.size() - 1 - count] == utils::IteratorType::reduction)
    ++count;
  unsigned first = iterators.size() - count;
  for (OpOperand &init : op.getDpsInitsMutable()) {
    AffineMap map = maps[init.getOperandNumber()];
    for (unsigned dim = first; dim < iterators.size(); ++dim)
      if (map.isFunctionOfDim(dim))
        return 0;
  }
  return count;
}

static std::optional<int64_t> getStatic(OpFoldResult size) { return getConstantIntValue(size); }

/// The first parallel loops, until there are enough iterations for all threads; at least one loop
/// stays inside where there are several.
void LoopEmitter::chooseParallelDims() {
  int64_t work = 0;
  for (Operation &inner : op.getBlock()->without_terminator())
    work += isa<math::MathDialect>(inner.getDialect()) ? 8 : 1;
  work = std::max<int64_t>(work, 1);
  bool isStatic = true;
  SmallVector<int64_t> counts;
  for (OpFoldResult size : sizes) {
    std::optional<int64_t> known = getStatic(size);
    isStatic &= known.has_value();
    counts.push_back(std::max<int64_t>(known.value_or(kUnknownSize), 1));
  }
  unsigned limit = 0;
  while (limit < iterators.size() && iterators[limit] == utils::IteratorType::parallel)
    ++limit;
  limit = std::min<unsigned>(limit, std::max<unsigned>(iterators.size() - 1, 1));
  // A size that only a run knows may be 1: more loops are taken then.
  int64_t iterations = 1;
  unsigned dims = 0;
  for (; dims < limit && iterations < 16; ++dims)
    iterations *= getStatic(sizes[dims]) ? counts[dims] : 1;
  for (int64_t count : ArrayRef(counts).drop_front(dims))
    work = std::min<int64_t>(work * count, kParallelWork);
  minIterations = (kParallelWork + work - 1) / work;
  if (dims && (!isStatic || (iterations > 1 && iterations >= minIterations)))
    numParallel = dims;
  if (isStatic)
    minIterations = 0;
}

SmallVector<Value> LoopEmitter::getIndices(AffineMap map) {
  SmallVector<Value> indices;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      indices.push_back(ivs[dim.getPosition()]);
    else
      indices.push_back(affine::AffineApplyOp::create(
          builder, loc, AffineMap::get(map.getNumDims(), 0, expr), ivs));
  }
  return indices;
}

Value LoopEmitter::loadOperand(OpOperand &operand) {
  Value buffer = getBuffer(operand);
  if (!isa<MemRefType>(buffer.getType()))
    return buffer;
  return memref::LoadOp::create(builder, loc, buffer, getIndices(maps[operand.getOperandNumber()]));
}

/// The body for one point; `outputs` are the values of outputs so far (null if not read).
SmallVector<Value> LoopEmitter::emitPayload(ValueRange outputs) {
  Block *body = op.getBlock();
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands())
    if (BlockArgument argument = op.getMatchingBlockArgument(input); !argument.use_empty())
      mapping.map(argument, loadOperand(*input));
  for (auto [init, value] : llvm::zip_equal(op.getDpsInitsMutable(), outputs))
    if (BlockArgument argument = op.getMatchingBlockArgument(&init); !argument.use_empty())
      mapping.map(argument, value ? value : loadOperand(init));
  for (Operation &inner : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), ivs[index.getDim()]);
    else
      builder.clone(inner, mapping);
  }
  return llvm::map_to_vector(body->getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// Loops from `dim` on that carry the outputs.
SmallVector<Value> LoopEmitter::emitCarriedLoops(unsigned dim, ValueRange carried) {
  if (dim == iterators.size())
    return emitPayload(carried);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  Value size = getValueOrCreateConstantIndexOp(builder, loc, sizes[dim]);
  auto loop = scf::ForOp::create(builder, loc, zero, size, one, carried);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  ivs.push_back(loop.getInductionVar());
  SmallVector<Value> results = emitCarriedLoops(dim + 1, loop.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, results);
  ivs.pop_back();
  return SmallVector<Value>(loop.getResults());
}

/// Opens the loops around the carried ones; the builder is inside of them then.
void LoopEmitter::emitOuterLoops() {
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  SmallVector<Value> ends = llvm::map_to_vector(sizes, [&](OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(builder, loc, size);
  });
  if (numParallel) {
    SmallVector<Value> zeros(numParallel, zero), ones(numParallel, one);
    auto loop =
        scf::ParallelOp::create(builder, loc, zeros, ArrayRef(ends).take_front(numParallel), ones);
    if (minIterations > 1)
      loop->setAttr(minIterationsAttr, builder.getI64IntegerAttr(minIterations));
    llvm::append_range(ivs, loop.getInductionVars());
    builder.setInsertionPoint(loop.getBody()->getTerminator());
  }
  for (unsigned dim = numParallel; dim < iterators.size() - numCarried; ++dim) {
    auto loop = scf::ForOp::create(builder, loc, zero, ends[dim], one);
    ivs.push_back(loop.getInductionVar());
    builder.setInsertionPoint(loop.getBody()->getTerminator());
  }
}

void LoopEmitter::run() {
  buffers = llvm::to_vector(op->getOperands());
  maps = op.getIndexingMapsArray();
  iterators = op.getIteratorTypesArray();
  sizes = llvm::map_to_vector(op.createLoopRanges(builder, loc),
                              [](const Range &range) { return range.size; });
  flatten();
  numCarried = countCarriedDims();
  if (allowParallel)
    chooseParallelDims();
  emitOuterLoops();
  SmallVector<Value> outputs(op.getNumDpsInits());
  if (isCarried())
    for (auto [output, init] : llvm::zip_equal(outputs, op.getDpsInitsMutable()))
      output = loadOperand(init);
  SmallVector<Value> results =
      isCarried() ? emitCarriedLoops(iterators.size() - numCarried, outputs) : emitPayload(outputs);
  for (auto [init, result] : llvm::zip_equal(op.getDpsInitsMutable(), results))
    memref::StoreOp::create(builder, loc, result, getBuffer(init),
                            getIndices(maps[init.getOperandNumber()]));
  op.erase();
}

namespace {
class GlueToLoopsPass : public compress::impl::GlueToLoopsBase<GlueToLoopsPass> {
public:
  using GlueToLoopsBase::GlueToLoopsBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    SmallVector<linalg::LinalgOp> ops;
    function.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      if (!op.hasPureBufferSemantics()) {
        op->emitOpError("expects buffers");
        return signalPassFailure();
      }
      LoopEmitter(op, parallel && function.isPublic()).run();
    }
  }
};
} // namespace
