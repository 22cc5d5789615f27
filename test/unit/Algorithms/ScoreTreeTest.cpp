//===- ScoreTreeTest.cpp - scores of weights as expressions ---------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Algorithms/ScoreTree.h"
#include "SyntheticLayer.h"
#include "compress/Algorithms/Sparsity.h"
#include "gtest/gtest.h"
#include <limits>

using namespace mlir::compress;

/// The JSON form of `name(arguments)`.
static std::string node(const std::string &name, const std::string &left = "",
                        const std::string &right = "") {
  std::string text = R"({"data": ")" + name + '"';
  if (!left.empty())
    text += R"(, "left": )" + left;
  if (!right.empty())
    text += R"(, "right": )" + right;
  return text + "}";
}
static const std::string W = node("W"), G = node("G"), X = node("X");

static ScoreTree parse(const std::string &json) {
  llvm::Expected<ScoreTree> tree = ScoreTree::parse(json);
  if (tree)
    return *tree;
  ADD_FAILURE() << llvm::toString(tree.takeError());
  return ScoreTree::getDefault();
}
static std::string getError(const std::string &json) {
  llvm::Expected<ScoreTree> tree = ScoreTree::parse(json);
  return tree ? "no error" : llvm::toString(tree.takeError());
}

static const float kWeight[] = {1, -2, 3, -4, 0, 6};
static const float kGradient[] = {3, 5, 7, 9, 11, 13};
static std::vector<float> evaluate(const std::string &json) {
  return parse(json).evaluate({kWeight, 2, 3, kGradient, {1, 2, 4}});
}

static void expectNear(const std::vector<float> &values, const std::vector<double> &expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], 1e-6 * std::max(1.0, std::fabs(expected[i]))) << i;
}

TEST(ScoreTree, ReadsThePublishedFile) {
  ScoreTree tree = parse(R"({
    "data": "mul",
    "left": {"data": "abs", "left": {"data": "mul", "left": {"data": "W"}, "right": {"data": "W"}}},
    "right": {"data": "mms", "left": {"data": "G"}}
})");
  EXPECT_EQ(tree, ScoreTree::getDefault());
  EXPECT_EQ(tree.toString(), "mul(abs(mul(W, W)), mms(G))");
  EXPECT_TRUE(tree.needsGradients());
  EXPECT_FALSE(tree.needsActivations());
}

TEST(ScoreTree, JsonRoundTrip) {
  for (const std::string &json :
       {W, node("div", node("zsn", X), node("tanh", node("neg", G))),
        node("sub", node("pow", node("skp", W)), node("add", node("exp", G), node("log", X)))}) {
    ScoreTree tree = parse(json);
    EXPECT_EQ(parse(tree.toJson()), tree);
  }
  EXPECT_EQ(ScoreTree::getDefault().toJson().substr(0, 60),
            "{\n    \"data\": \"mul\",\n    \"left\": {\n        \"data\": \"abs\",\n  ");
}

TEST(ScoreTree, DefaultIsSquaredWeightTimesScaledGradient) {
  expectNear(ScoreTree::getDefault().evaluate({kWeight, 2, 3, kGradient, {}}),
             {0, 4 * 0.2, 9 * 0.4, 16 * 0.6, 0, 36});
}

TEST(ScoreTree, UniformGradientsGiveMagnitude) {
  OutlierLayer layer(7);
  std::vector<float> gradient(layer.weight.size(), 0.25f);
  std::vector<float> scores = ScoreTree::getDefault().evaluate(
      {layer.weight.data(), layer.rows, layer.columns, gradient.data(), {}});
  std::vector<float> magnitude;
  for (float value : layer.weight)
    magnitude.push_back(std::fabs(value));
  SparsityTarget half{std::nullopt, 0.5, true};
  EXPECT_EQ(chooseMask(scores.data(), layer.rows, layer.columns, half),
            chooseMask(magnitude.data(), layer.rows, layer.columns, half));
}

TEST(ScoreTree, Operators) {
  expectNear(evaluate(W), {1, 2, 3, 4, 0, 6});
  expectNear(evaluate(X), {1, 2, 4, 1, 2, 4});
  expectNear(evaluate(node("add", W, G)), {4, 7, 10, 13, 11, 19});
  expectNear(evaluate(node("sub", W, X)), {0, 0, -1, 3, -2, 2});
  expectNear(evaluate(node("sub", X, W)), {0, 0, 1, -3, 2, -2});
  expectNear(evaluate(node("mul", X, X)), {1, 4, 16, 1, 4, 16});
  double norm = std::sqrt(1.0 + 4 + 9 + 16 + 36);
  expectNear(evaluate(node("div", G, W)),
             {3 / norm, 5 / norm, 7 / norm, 9 / norm, 11 / norm, 13 / norm});
  // The norm of a row that repeats is that of the matrix.
  norm = std::sqrt(42.0);
  expectNear(evaluate(node("div", W, X)), {1 / norm, 2 / norm, 3 / norm, 4 / norm, 0, 6 / norm});
  expectNear(evaluate(node("sqr", W)), {1, 4, 9, 16, 0, 36});
  expectNear(evaluate(node("pow", W)), {1, 4, 9, 16, 0, 36});
  expectNear(evaluate(node("neg", W)), {-1, -2, -3, -4, 0, -6});
  expectNear(evaluate(node("abs", node("neg", W))), {1, 2, 3, 4, 0, 6});
  expectNear(evaluate(node("skp", W)), {1, 2, 3, 4, 0, 6});
  expectNear(evaluate(node("log", node("neg", W))),
             {std::log(1.001), std::log(2.001), std::log(3.001), std::log(4.001), std::log(0.001),
              std::log(6.001)});
  expectNear(evaluate(node("exp", W)),
             {std::exp(1), std::exp(2), std::exp(3), std::exp(4), 1, std::exp(6)});
  expectNear(evaluate(node("sqrt", node("neg", W))),
             {1, std::sqrt(2), std::sqrt(3), 2, 0, std::sqrt(6)});
  expectNear(evaluate(node("tanh", W)),
             {std::tanh(1), std::tanh(2), std::tanh(3), std::tanh(4), 0, std::tanh(6)});
  expectNear(evaluate(node("mms", G)), {0, 0.2, 0.4, 0.6, 0.8, 1});
  double deviation = std::sqrt(2 * (25 + 9 + 1) / 5.0);
  expectNear(evaluate(node("zsn", G)), {-5 / deviation, -3 / deviation, -1 / deviation,
                                        1 / deviation, 3 / deviation, 5 / deviation});
}

TEST(ScoreTree, Guards) {
  std::string zero = node("sub", W, W);
  expectNear(evaluate(node("mms", zero)), {1, 1, 1, 1, 1, 1});
  expectNear(evaluate(node("zsn", zero)), {0, 0, 0, 0, 0, 0});
  expectNear(evaluate(node("div", G, zero)), {3, 5, 7, 9, 11, 13});
  // exp(min(e^6, 100)), beyond f32.
  std::vector<float> large = evaluate(node("exp", node("exp", W)));
  EXPECT_EQ(large[5], std::numeric_limits<float>::max());
  EXPECT_FLOAT_EQ(large[4], std::exp(1.0));
  // Nothing becomes NaN or infinite.
  for (float value : evaluate(node("zsn", node("sub", node("sqr", node("exp", node("exp", W))),
                                               node("exp", node("exp", G))))))
    EXPECT_TRUE(std::isfinite(value));
  const float one[] = {3};
  EXPECT_EQ(parse(node("zsn", W)).evaluate({one, 1, 1, nullptr, {}}), (std::vector<float>{0}));
  EXPECT_TRUE(parse(node("mms", W)).evaluate({one, 0, 1, nullptr, {}}).empty());
}

TEST(ScoreTree, UnusedChildrenAreSkipped) {
  EXPECT_EQ(parse(node("abs", G, X)).toString(), "abs(G)");
  EXPECT_EQ(parse(node("W", G, X)).toString(), "W");
}

TEST(ScoreTree, Simplify) {
  auto simplify = [](const std::string &json) { return parse(json).simplify().toString(); };
  EXPECT_EQ(simplify(node("neg", node("neg", node("tanh", G)))), "tanh(G)");
  EXPECT_EQ(simplify(node("exp", node("log", node("tanh", G)))), "abs(tanh(G))");
  EXPECT_EQ(simplify(node("log", node("exp", G))), "G");
  EXPECT_EQ(simplify(node("sqrt", node("sqr", G))), "abs(G)");
  EXPECT_EQ(simplify(node("sqrt", node("pow", W))), "W");
  EXPECT_EQ(simplify(node("sqr", node("sqrt", X))), "X");
  EXPECT_EQ(simplify(node("sqr", node("neg", node("abs", G)))), "sqr(G)");
  EXPECT_EQ(simplify(node("abs", node("sqr", node("skp", G)))), "sqr(G)");
  EXPECT_EQ(simplify(node("neg", node("skp", node("neg", node("sqrt", node("sqr", W)))))), "W");
  EXPECT_EQ(simplify(node("add", node("skp", W), node("neg", node("neg", G)))), "add(W, G)");
  EXPECT_EQ(ScoreTree::getDefault().simplify(), ScoreTree::getDefault());
  EXPECT_EQ(parse(simplify("{\"data\": \"W\"}") == "W" ? W : G).toString(), "W");
}

TEST(ScoreTree, SimplifyKeepsExactValues) {
  // Without log and exp, nothing but rounding changes.
  for (const std::string &json :
       {node("neg", node("neg", node("mul", W, G))), node("abs", node("neg", node("zsn", G))),
        node("sqrt", node("sqr", node("zsn", G))), node("pow", node("sqrt", node("zsn", X)))}) {
    const double norms[] = {1, 2, 4};
    ScoreInputs inputs{kWeight, 2, 3, kGradient, norms};
    std::vector<float> full = parse(json).evaluate(inputs);
    std::vector<float> simple = parse(json).simplify().evaluate(inputs);
    EXPECT_LT(parse(json).simplify().getNodes().size(), parse(json).getNodes().size());
    for (size_t i = 0; i < full.size(); ++i)
      EXPECT_NEAR(simple[i], full[i], 1e-5 * std::fabs(full[i]));
  }
}

TEST(ScoreTree, ErrorsNameTheNode) {
  EXPECT_EQ(getError("[]"), "score tree: the root must be an object with \"data\"");
  EXPECT_EQ(getError("{}"), "score tree: the root has no string \"data\"");
  EXPECT_EQ(getError(node("mul", node("abs", "{\"data\": 3}"), W)),
            "score tree: node 'left.left' has no string \"data\"");
  EXPECT_EQ(getError(node("mul", W, node("sin", W))),
            "score tree: node 'right' has the unknown \"data\" \"sin\"; known are W, G, X, add, "
            "sub, mul, div, sqr, neg, abs, log, exp, sqrt, tanh, pow, skp, mms, zsn");
  EXPECT_EQ(getError(node("mul", node("div", W), W)),
            "score tree: node 'left' is 'div', which needs \"right\"");
  EXPECT_EQ(getError("{"), "score tree: not JSON: [1:1, byte=1]: Expected object key");
}

TEST(ScoreTree, Bounds) {
  std::string deep = W;
  for (size_t i = 1; i < ScoreTree::maxDepth; ++i)
    deep = node("abs", deep);
  EXPECT_EQ(parse(deep).getNodes().size(), ScoreTree::maxDepth);
  EXPECT_EQ(getError(node("abs", deep)), "score tree: nested 33 deep, at most 32 is read");
  EXPECT_EQ(getError(std::string(100000, '[')),
            "score tree: nested 100000 deep, at most 32 is read");
  EXPECT_EQ(getError(std::string(1 << 19, ' ')),
            "score tree: 524288 bytes, at most 262144 are read");
  std::string wide = W;
  for (unsigned i = 0; i < 10; ++i)
    wide = node("add", wide, wide);
  EXPECT_EQ(getError(wide), "score tree: more than 1024 nodes");
  // Brackets in strings do not count.
  EXPECT_EQ(getError("{\"data\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"}").substr(0, 30),
            "score tree: the root has the u");
}

TEST(ScoreTree, FilesThatCannotBeRead) {
  auto tree = ScoreTree::load("/nonexistent/tree.json");
  EXPECT_EQ(llvm::toString(tree.takeError()),
            "cannot read the score tree '/nonexistent/tree.json': No such file or directory");
  tree = ScoreTree::load("/");
  EXPECT_EQ(llvm::toString(tree.takeError()), "cannot read the score tree '/': not a file");
}
