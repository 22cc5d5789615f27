//===- DependencyGraph.h - what must be removed together -------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The dependency graph of structured pruning, as in DepGraph (Fang et al., 2023)
// and LLM-Pruner (Ma et al., 2023), but on indices of dims of values and not on
// layers: union-find over all indices, filled by `DimensionRelationOpInterface`.
//
//   space  dims that have the same indices: a residual stream is one space.
//   unit   what is removed as a whole: indices of spaces that are tied. A head is
//          one unit: index h of the dim of heads and all its channels in the
//          flat dims of the projections.
//   group  units that occur in the same spaces, and so compete with each other:
//          all heads of a layer, all hidden neurons of an MLP.
//
// A reshape that cuts a dim into several makes units of one of them: of the first
// one that is not blocked; the others of that reshape are blocked.
//
// A space that reaches an argument or a result of the model, whose size is not
// known, or that an op without a relation uses is blocked, and so are all units
// that occur in it.
//
// Parameters (weight sources that are no weight of a weighted op: biases, scales
// of norms) are told apart by their user: exporters store equal ones once, and two
// uses need not be pruned alike. Weights of weighted ops are tied by their bytes.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_DEPENDENCYGRAPH_H
#define COMPRESS_ANALYSIS_DEPENDENCYGRAPH_H

#include "compress/Analysis/WeightChain.h"
#include "mlir/IR/BuiltinOps.h"
#include <tuple>
#include <vector>

namespace mlir {
namespace compress {

/// A dim of a value in a space.
struct DimUse {
  Value value;
  int64_t dim = 0;
  /// For parameters: the op that uses them; the dim of another use is another dim. Else null.
  Operation *user = nullptr;
};

/// Dims with the same indices.
struct DependencySpace {
  int64_t size = 0;
  /// In program order.
  std::vector<DimUse> dims;
};

/// What a group of units is called in recipes.
enum class GroupKind : uint8_t {
  /// Units are attention heads: index of a batch dim of products of two activations.
  Head,
  /// Hidden units between linear layers: one layer contracts them, and they are in no residual
  /// stream.
  Neuron,
  /// Anything else: channels of convolutions, residual streams.
  Channel,
};
StringRef getName(GroupKind kind);

/// Units that occur in the same spaces.
struct DependencyGroup {
  /// The indices of each unit in one space: those of unit `u` are `indices[offsets[u]]` to
  /// `indices[offsets[u + 1]]`, increasing.
  struct Member {
    size_t space = 0;
    std::vector<int64_t> offsets, indices;
    ArrayRef<int64_t> getIndices(int64_t unit) const {
      return ArrayRef(indices).slice(offsets[unit], offsets[unit + 1] - offsets[unit]);
    }
  };
  /// In order of the spaces.
  SmallVector<Member, 2> members;
  /// At least 1. Units are in order of their first index in the first member.
  int64_t numUnits = 0;
  GroupKind kind = GroupKind::Channel;
  /// Why no unit can be removed, with the op that is in the way (or null, for the module); empty if
  /// they can.
  std::string blockedReason;
  Operation *blockedBy = nullptr;

  bool isPrunable() const { return blockedReason.empty(); }
};

/// How a weighted op takes part in a group.
struct GroupWeight {
  WeightedOp op;
  /// Dim of `op.chain.root`.
  int64_t dim = 0;
  /// Units are output channels of it; else they are contracted (or, for embeddings, rows).
  bool isOutput = false;
  /// Position in `DependencyGroup::members`.
  size_t member = 0;
};
/// How another parameter does: a bias, the scale of a norm, a constant that is added.
struct GroupParameter {
  Operation *user = nullptr;
  Value value;
  int64_t dim = 0;
  size_t member = 0;
};

class DependencyGraph {
public:
  /// The graph of everything below `module`. Changes nothing. It holds as long as no op is changed.
  explicit DependencyGraph(ModuleOp module);

  ArrayRef<DependencySpace> getSpaces() const { return spaces; }
  /// In program order of their first dims.
  ArrayRef<DependencyGroup> getGroups() const { return groups; }

  /// Number of the space of a dim, or nothing if its size is not known or the value is no tensor.
  /// `user` matters for parameters only.
  std::optional<size_t> findSpace(Value value, int64_t dim, Operation *user = nullptr) const;
  /// Group and unit of an index of a space.
  struct UnitRef {
    size_t group = 0;
    int64_t unit = 0;
    bool operator==(const UnitRef &other) const = default;
  };
  UnitRef findUnit(size_t space, int64_t index) const;

  /// Weighted ops whose weights lose elements with units of the group, in program order; an op may
  /// be there twice (both of its dims are in the group).
  std::vector<GroupWeight> getWeights(const DependencyGroup &group) const;
  /// Other parameters, in program order. The value is what the user takes: the result of a
  /// `compress.mask`, if it is masked.
  std::vector<GroupParameter> getParameters(const DependencyGroup &group) const;
  /// All weighted ops of the module, in program order.
  ArrayRef<WeightedOp> getWeightedOps() const { return weighted; }
  /// Position of an op of the module in program order.
  size_t getPosition(Operation *op) const { return order.lookup(op); }

private:
  friend class DependencyGraphBuilder;
  std::vector<DependencySpace> spaces;
  std::vector<DependencyGroup> groups;
  /// Per space, per index.
  std::vector<std::vector<UnitRef>> units;
  std::vector<WeightedOp> weighted;
  /// Per space: positions in `weighted` of the ops whose weights have dims in it.
  std::vector<SmallVector<size_t, 2>> weightsOf;
  /// Position of each op in the module.
  llvm::DenseMap<Operation *, size_t> order;
  /// Key: value, dim, user (null unless the value is a parameter).
  llvm::DenseMap<std::tuple<Value, int64_t, Operation *>, size_t> spaceOf;
};

/// Elements of the weights of weighted ops, shared ones once, and how many of them go with a unit
/// of some prunable group.
struct PrunableShare {
  int64_t total = 0, prunable = 0;
  double getPercent() const { return total ? 100.0 * prunable / total : 0; }
};
PrunableShare getPrunableShare(const DependencyGraph &graph);

/// Prints the groups that have weights as text, a block for each in the manner of Torch-Pruning's
/// `group.details()` with a line per entry (a dim of a weight, or another op that the units run
/// through, with its parameters), as a DOT graph with a cluster for each, or as a JSON array with
/// an object for each: `number`, `kind`, `units`, `prunable`, `reason` and `blocked_by` (empty if
/// it is prunable), `weights` (objects of `op`, `weight`, `dim`, `role`: `output` or `input`, and
/// `indices_per_unit`: of the unit that has most) and `parameters` (`op`, `parameter`, `dim`,
/// `indices_per_unit`).
void printGroups(const DependencyGraph &graph, llvm::raw_ostream &os);
void printGroupsAsDot(const DependencyGraph &graph, llvm::raw_ostream &os);
void printGroupsAsJSON(const DependencyGraph &graph, llvm::raw_ostream &os);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_DEPENDENCYGRAPH_H
