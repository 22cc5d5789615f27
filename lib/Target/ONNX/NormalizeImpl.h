//===- NormalizeImpl.h - the walk of compress-normalize-onnx ----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_ONNX_NORMALIZEIMPL_H
#define COMPRESS_LIB_TARGET_ONNX_NORMALIZEIMPL_H

#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"
#include "compress/Target/ONNX/Normalize.h"
#include "compress/Target/ONNX/SymbolicShapes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress::onnx {

/// True for model ops whose result is the broadcast of their operands.
bool isElementwise(Operation *op);

/// True if a value is known at compile time as a parameter: a load or constant, or a decode chain
/// or cast of one.
bool isParameter(Value value);

/// Sets the types of the results of a kept node where the operator determines them.
void inferOpaqueTypes(OnnxOp op);

/// The least type that covers both: dims that differ become dynamic; `!compress.onnx_value` if
/// element type or rank differ.
Type joinTypes(Type a, Type b);

class Normalizer {
public:
  Normalizer(ModuleOp module, ArrayRef<std::string> dimOptions);
  LogicalResult run();

  // Services for `OnnxNode` and the functions of operators.
  MLIRContext *getContext() const { return context; }
  SymbolicShapes &getShapes() { return *shapes; }
  WeightStore &getStore() { return store; }
  /// Value of a load or constant of at most `maxConstantBytes`.
  std::optional<reference::Tensor> constantOf(Value value);
  /// Infers dims, refines types, simplifies and folds an op that is in place. Returns what its
  /// results became; the op is gone if that is something else.
  SmallVector<Value> finish(Operation *op);
  /// A constant that is used at `builder`; equal ones of a block are one.
  Value getConstant(ElementsAttr value, Location loc, OpBuilder &builder);
  /// A constant at `builder` (a weight if it is a larger tensor of floats).
  Value materialize(const reference::Tensor &tensor, Location loc, OpBuilder &builder);
  /// A load of a new weight.
  Value createWeight(StringRef name, RankedTensorType type, Attribute value, Location loc,
                     OpBuilder &builder);
  WeightOp lookupWeight(LoadOp load);
  /// A new weight stands for this one, which may go if it has no users left.
  void noteReplaced(WeightOp weight) { replacedWeights.insert(weight); }
  std::string uniqueName(StringRef base);
  /// Takes an op out of its block. It lives on until the walk of its function ends, since maps have
  /// its results as keys.
  void retire(Operation *op);

  /// State of the node at hand.
  std::string reason;
  bool hadError = false;
  SmallVector<Operation *> created;

  /// Largest constant that is read or folded.
  static constexpr int64_t maxConstantBytes = 64 * 1024;
  /// Folding an op on at most this many elements is shape arithmetic and always done.
  static constexpr int64_t freeElements = 1024;

private:
  // Normalize.cpp
  LogicalResult bindDims();
  LogicalResult walkFunction(func::FuncOp func);
  LogicalResult walkBlock(Block &block);
  LogicalResult normalizeNode(OnnxOp op);
  LogicalResult updateSignature(func::FuncOp func);
  // NormalizeControlFlow.cpp
  /// The branch that an If on a constant takes, or null.
  Region *getKnownBranch(OnnxOp op);
  void inlineBranch(OnnxOp op, Region &branch);
  /// Types of the arguments of a Loop body.
  void prepareLoop(OnnxOp op);

  /// Refines the types of the results. A failure if they cannot be inferred.
  LogicalResult refreshTypes(Operation *op);
  /// Gives `op` a constant for an operand, unless that makes it an op of wrong types: a model may
  /// be wrong in what it computes at run time. Returns whether it did.
  bool setConstant(Operation *op, OpOperand &operand, ArrayRef<int64_t> values);
  void removeDeadWeights();

  // NormalizeSimplify.cpp
  Value simplify(Operation *op);
  Value simplifyReshape(ReshapeOp op);
  Value simplifyBroadcast(BroadcastOp op);
  Value simplifySlice(SliceOp op);
  Value simplifyWhere(WhereOp op);
  std::optional<SmallVector<Value>> fold(Operation *op);
  /// Whether an op on constants may be folded: the elements that are read and made for that are
  /// limited, since a small file may hold very many ops on constants.
  bool spend(Operation *op);
  int64_t foldBudget = int64_t(1) << 22;
  Value constantInts(ArrayRef<int64_t> values, Operation *before);
  bool isSameValue(Value result, Value input);

  ModuleOp module;
  MLIRContext *context;
  WeightStore store;
  SymbolTable symbols;
  NormalizerRegistry registry;
  llvm::StringMap<int64_t> fixedDims;
  LogicalResult optionsStatus = success();
  std::unique_ptr<SymbolicShapes> shapes;
  llvm::StringSet<> names;
  /// Last suffix for a name that exists already.
  llvm::StringMap<unsigned> nameSuffixes;
  /// Keys of the model-local functions.
  llvm::StringSet<> functions;
  llvm::DenseMap<Value, std::optional<reference::Tensor>> constants;
  llvm::DenseMap<std::pair<Block *, Attribute>, Operation *> constantOps;
  SmallVector<Operation *> graveyard;
  /// Weights that were made here, and those that they may have replaced.
  SmallVector<WeightOp> newWeights;
  llvm::SetVector<Operation *> replacedWeights;
};

} // namespace mlir::compress::onnx

#endif // COMPRESS_LIB_TARGET_ONNX_NORMALIZEIMPL_H
