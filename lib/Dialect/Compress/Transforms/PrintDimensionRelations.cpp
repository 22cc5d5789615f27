//===- PrintDimensionRelations.cpp - relations of dims as remarks -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Values are written as in0, in1, ... (operands) and out0, ... (results):
// - `in0[1] = out0[2]`: the same index;
// - `in1[0] = out0[0] from 4 step 1`: index i of the left is index 4 + i of the right;
// - `in1[0] = in0[1] at 3, 0`: index i of the left is the i-th of these;
// - `in0[1] in blocks of 1 = in1[1] in blocks of 4`: block i is block i;
// - `in0[2] = out0[2] * out0[3]`: the flattened dims are the same index;
// - `in0[0] fixed: rows are chosen by index`.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/CompressInterfaces.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "llvm/Support/raw_ostream.h"

namespace mlir {
namespace compress {
#define GEN_PASS_DEF_PRINTDIMENSIONRELATIONS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace compress
} // namespace mlir

using namespace mlir;
using namespace mlir::compress;

/// The dim as "in0[1]" or "out0[1]"; a value that is several operands is the first of them.
static void print(llvm::raw_ostream &os, Operation *op, const DimOf &dim) {
  for (auto [i, result] : llvm::enumerate(op->getResults()))
    if (result == dim.value) {
      os << "out" << i << '[' << dim.dim << ']';
      return;
    }
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if (operand == dim.value) {
      os << "in" << i << '[' << dim.dim << ']';
      return;
    }
}

static void print(llvm::raw_ostream &os, Operation *op, const DimensionRelation &relation) {
  auto printSide = [&](ArrayRef<DimOf> dims) {
    llvm::interleave(dims, os, [&](const DimOf &dim) { print(os, op, dim); }, " * ");
  };
  printSide(relation.lhs);
  if (relation.kind == DimensionRelation::Kind::Fixed) {
    os << " fixed: " << relation.reason;
    return;
  }
  if (relation.kind == DimensionRelation::Kind::Blocks)
    os << " in blocks of " << relation.start;
  os << " = ";
  printSide(relation.rhs);
  if (relation.kind == DimensionRelation::Kind::Blocks)
    os << " in blocks of " << relation.step;
  else if (!relation.indices.empty())
    llvm::interleaveComma(relation.indices, os << " at ");
  else if (relation.start != 0 || relation.step != 1)
    os << " from " << relation.start << " step " << relation.step;
}

/// True for ops that use tensors; a constant or a weight has nothing to relate, nor have scalars in
/// the bodies of other ops.
static bool usesTensors(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>);
}

static bool makesTensors(Operation *op) {
  return llvm::any_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
}

namespace {
struct PrintDimensionRelations
    : public compress::impl::PrintDimensionRelationsBase<PrintDimensionRelations> {
  using Base::Base;

  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      DimensionRelationOpInterface interface = dyn_cast<DimensionRelationOpInterface>(op);
      if (!interface) {
        if (usesTensors(op) && !op->hasTrait<OpTrait::IsTerminator>())
          op->emitRemark("no dimension relations are known");
        return;
      }
      if (!usesTensors(op) && !makesTensors(op))
        return;
      DimensionRelations relations;
      interface.getDimensionRelations(relations);
      std::string text;
      llvm::raw_string_ostream os(text);
      llvm::interleave(
          relations.get(), os, [&](const DimensionRelation &relation) { print(os, op, relation); },
          "; ");
      op->emitRemark() << "dimension relations (" << text << ")";
    });
    markAllAnalysesPreserved();
  }
};
} // namespace
