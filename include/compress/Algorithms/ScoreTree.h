//===- ScoreTree.h - scores of weights as expressions ----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Dong et al., "Pruner-Zero: Evolving Symbolic Pruning Metric from Scratch for
// Large Language Models", ICML 2024: the score of weights is an expression of
// the matrices
//
//   W  magnitudes |W_ij|
//   G  norms of gradients, sqrt(sum over samples of (100 g_ij)^2)
//   X  norms of the inputs ||x_j||, a row that repeats
//
// with the operators (elementwise unless said otherwise, with their names in
// files)
//
//   add  sub  mul   x + y, x - y, x * y
//   div             x / ||y||, the norm of the whole of y; x if that is 0
//   sqr  pow        x^2
//   neg  abs  skp   -x, |x|, x
//   log             log(|x| + 0.001)
//   exp             exp(min(x, 100))
//   sqrt            sqrt(|x|)
//   tanh            tanh(x)
//   mms             (x - min) / (max - min) over all of x; 1 if x is constant
//   zsn             (x - mean) / standard deviation (of a sample); 0 if x is constant
//
// The file has a tree of {"data": name, "left": node, "right": node}, as that of
// the authors; unary operators have only "left". Children that an operator does
// not use are skipped, as there.
//
// Values are f32 between the operators; what is too large becomes the largest
// finite one, so scores of finite inputs are finite. Sums run in double precision
// and in a fixed order.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ALGORITHMS_SCORETREE_H
#define COMPRESS_ALGORITHMS_SCORETREE_H

#include "compress/Algorithms/BlockView.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// What a score is computed from. Everything is finite.
struct ScoreInputs {
  /// `[rows][columns]`, row-major; signs do not matter.
  const float *weight = nullptr;
  size_t rows = 0, columns = 0;
  /// `[rows][columns]`; needed if the tree uses G.
  const float *gradient = nullptr;
  /// One per column; needed if the tree uses X.
  llvm::ArrayRef<double> norms;
};

/// An expression. Nodes are in order of evaluation: children before their parent, the root last.
class ScoreTree {
public:
  enum class Op : uint8_t {
    W,
    G,
    X,
    Add,
    Sub,
    Mul,
    Div,
    Sqr,
    Neg,
    Abs,
    Log,
    Exp,
    Sqrt,
    Tanh,
    Pow,
    Skip,
    MinMax,
    ZScore,
  };
  struct Node {
    Op op = Op::W;
    /// Children; -1 where there is none.
    int32_t left = -1, right = -1;
    bool operator==(const Node &other) const = default;
  };

  /// Largest depth (a lone W has 1) and number of nodes, and largest size of a file in bytes.
  static constexpr size_t maxDepth = 32, maxNodes = 1024, maxBytes = 1 << 18;

  /// The published tree, mul(abs(mul(W, W)), mms(G)).
  static ScoreTree getDefault();
  /// Reads the JSON form; the error names the node, as `left.right`.
  static llvm::Expected<ScoreTree> parse(llvm::StringRef json);
  /// Reads a file.
  static llvm::Expected<ScoreTree> load(llvm::StringRef path);

  /// The JSON form, indented, and the short one: `mul(abs(mul(W, W)), mms(G))`.
  std::string toJson() const;
  std::string toString() const;

  llvm::ArrayRef<Node> getNodes() const { return nodes; }
  bool uses(Op op) const;
  bool needsGradients() const { return uses(Op::G); }
  bool needsActivations() const { return uses(Op::X); }

  /// The tree without opposing operators, as the authors' search simplifies its candidates:
  /// neg(neg(x)), log(exp(x)), exp(log(x)), sqrt(sqr(x)), sqr(sqrt(x)) and operators that change
  /// nothing there (skp, abs of what has no sign, neg below abs or sqr). Weights keep their order
  /// by a simplified root; log and exp lose their 0.001.
  ScoreTree simplify() const;

  /// Scores `[rows][columns]`.
  std::vector<float> evaluate(const ScoreInputs &inputs, ParallelFor parallelFor = serialFor) const;

  bool operator==(const ScoreTree &other) const = default;

private:
  std::vector<Node> nodes;
};

/// Name in files: `mul`, `W`, ...
llvm::StringRef getName(ScoreTree::Op op);

} // namespace mlir::compress

#endif // COMPRESS_ALGORITHMS_SCORETREE_H
