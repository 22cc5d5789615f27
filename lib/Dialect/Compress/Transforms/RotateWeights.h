//===- RotateWeights.h - what compress-rotate does to weights --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROTATEWEIGHTS_H
#define COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROTATEWEIGHTS_H

#include "compress/Algorithms/Hadamard.h"
#include "compress/Algorithms/PrincipalComponents.h"
#include "compress/Analysis/EncodedWeight.h"
#include "compress/Analysis/RotatableSet.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace mlir {
namespace compress {

/// Scale and bias of a norm, one number per channel.
struct NormParameters {
  std::vector<double> scale, bias;
  /// The scale is 1 and the bias 0: there is nothing to fold.
  bool isPlain() const;
  /// The bias is not 0 everywhere.
  bool hasBias() const;
};

/// What happens to the vectors along one dim of a constant, in this order.
struct DimChange {
  int64_t dim = 0;
  /// Their elements are multiplied by the scale of this norm, or null.
  Operation *norm = nullptr;
  /// Their mean is subtracted, in blocks of the size of the matrix.
  bool isCentered = false;
  /// They are multiplied by this from the right, in blocks. Null: `slice` counts.
  const Rotation *rotation = nullptr;
  /// They become the coordinates in this basis, as many as it has columns.
  const PrincipalComponents *slice = nullptr;
};

/// What happens to a weighted op.
struct WeightChange {
  WeightedOp op;
  /// Along the contraction, and along the output channels, if they rotate.
  std::optional<DimChange> input, output;
};

/// What happens to a constant operand.
struct ConstantChange {
  OpOperand *operand = nullptr;
  DimChange change;
};

/// Everything that a run of `compress-rotate` or `compress-slice-gpt` changes, gathered before the
/// first change.
class RotationPlan {
public:
  explicit RotationPlan(ModuleOp module)
      : module(module), store(module.getContext()), symbols(module) {}

  /// Parameters of a norm, read once; null after a diagnostic. Channels are the last dim.
  const NormParameters *getParameters(const NormOp &norm);
  /// The change of an op, made if needed.
  WeightChange &getChange(const WeightedOp &op);
  WeightChange *findChange(Operation *op);
  /// Adds a set: `rotation` for its readers, writers and constants, and its norms.
  void add(const RotatableSet &set, const Rotation &rotation);
  /// Adds the change of an operand that is a constant.
  void addConstant(const RotatableSet::Constant &constant, DimChange change);
  /// Adds a norm, whose scale and bias its readers apply. Its input is that of a rotation, or has
  /// the coordinates in `slice`: it still divides by the old number of channels.
  void addNorm(const NormOp &norm, const PrincipalComponents *slice = nullptr);
  bool isEmpty() const { return changes.empty(); }

  /// Makes all new constants in parallel, then changes the ops, in order.
  LogicalResult apply();

  /// Matrix `rows x columns` as a constant like those of `like`, at the insertion point. The same
  /// name is the same matrix.
  FailureOr<Value> makeMatrix(OpBuilder &builder, WeightSourceOpInterface like, StringRef name,
                              RankedTensorType type, ArrayRef<double> values);

  /// Notes: "weight 'w' is not shared any more ..." with a location.
  SmallVector<std::pair<Location, std::string>> untied;

private:
  /// A constant to be made, and the product of the weight with the bias of the norm before it.
  struct Job {
    WeightSourceOpInterface source;
    SmallVector<DimChange, 2> changes;
    bool wantsProduct = false;
    std::optional<StoredTensor> result;
    std::vector<double> product;
    /// The new source op, once there is one.
    Operation *made = nullptr;
  };

  size_t getJob(WeightSourceOpInterface source, ArrayRef<DimChange> changes, bool wantsProduct);
  LogicalResult run(Job &job);
  /// The result of a job at the insertion point of `builder`.
  Value getResult(OpBuilder &builder, Job &job);
  /// Changes values and shape.
  void applyTo(std::vector<double> &values, SmallVectorImpl<int64_t> &shape,
               const DimChange &change);
  LogicalResult applyBias(WeightChange &change, const Job &job);
  LogicalResult applyNorm(const NormOp &norm, const PrincipalComponents *slice);
  void noteUntied();

  ModuleOp module;
  WeightStore store;
  WeightSymbols symbols;
  llvm::DenseMap<Operation *, NormParameters> parameters;
  llvm::MapVector<Operation *, WeightChange> changes;
  std::vector<ConstantChange> constants;
  std::vector<std::pair<NormOp, const PrincipalComponents *>> norms;
  std::vector<Job> jobs;
  std::map<std::string, size_t> jobOfKey;
  std::map<std::string, Operation *> matrices;
};

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_DIALECT_COMPRESS_TRANSFORMS_ROTATEWEIGHTS_H
