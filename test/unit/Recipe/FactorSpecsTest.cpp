//===- FactorSpecsTest.cpp - low ranks and sharing in recipes -------------===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Recipe/Recipe.h"
#include "gtest/gtest.h"

using namespace llvm;
using namespace mlir::compress;

namespace {

std::string print(const LowRankSpec &spec) { return mlir::compress::toString(spec); }
std::string print(const ShareSpecs &specs) { return mlir::compress::toString(specs); }

/// What the text means, spelled out, or the message of its error. Texts read back the same.
template <typename Spec>
std::string show(StringRef text, Expected<Spec> (*parse)(StringRef)) {
  Expected<Spec> spec = parse(text);
  if (!spec)
    return llvm::toString(spec.takeError());
  Expected<Spec> again = parse(print(*spec));
  if (!again)
    ADD_FAILURE() << llvm::toString(again.takeError());
  else
    EXPECT_TRUE(*again == *spec) << print(*spec);
  return print(*spec);
}
std::string lowRank(StringRef text) { return show(text, parseLowRankSpec); }
std::string share(StringRef text) { return show(text, parseShareSpecs); }

TEST(LowRankFlags, TargetsAndKeys) {
  EXPECT_EQ(lowRank("rank:64"), "rank:64,method=auto");
  EXPECT_EQ(lowRank("ratio:0.5,method=asvd,alpha=0.25"), "ratio:0.5,method=asvd,alpha=0.25");
  EXPECT_EQ(lowRank("energy:0.95,form=spatial"), "energy:0.95,method=auto,form=spatial");
  EXPECT_EQ(lowRank("budget:params=0.7"), "budget,params=0.7,method=auto");
  EXPECT_EQ(lowRank("budget,macs=0.7,sensitivity=model,round_to=8"),
            "budget,macs=0.7,method=auto,sensitivity=model,round_to=8");
  EXPECT_EQ(lowRank("rank:8,residual=lqer,method=drone,seed=3"),
            "rank:8,method=drone,residual=lqer,seed=3");
  EXPECT_EQ(lowRank("ratio:1,query_key"), "ratio:1,method=auto,query_key=true");
}

TEST(LowRankFlags, MistakesAreNamed) {
  auto expectError = [](StringRef text, StringRef part) {
    std::string message = lowRank(text);
    EXPECT_NE(message.find(part.str()), std::string::npos) << message;
  };
  expectError("rank:0", "target is 'rank:0', expected rank:K with K of at least 1");
  expectError("ratio:0", "with a share 0 < R <= 1");
  expectError("ratio:1.5", "target is 'ratio:1.5'");
  expectError("rnk:3", "unknown target 'rnk', did you mean 'rank'?");
  expectError("budget", "target is 'budget' with neither params nor macs");
  expectError("rank:3,params=0.5", "target is 'rank' with params or macs");
  expectError("budget,params=0.5,macs=0.5", "with params or macs");
  expectError("rank:3,alpha=1", "key 'alpha' is for method=asvd");
  expectError("rank:3,sensitivity=model", "key 'sensitivity' is for target=budget");
  expectError("energy:0.9,residual=lqer", "key 'residual' is for the targets rank and ratio");
  expectError("rank:3,residual=lqer,query_key", "key 'query_key' is for");
  expectError("rank:3,method=pca", "unknown method 'pca'");
  expectError("none", "expected a target, found 'none'");
  expectError("rank:3,,", "empty item");
}

TEST(LowRankFlags, AutoDependsOnStatistics) {
  LowRankSpec spec = cantFail(parseLowRankSpec("rank:4"));
  EXPECT_EQ(print(resolveAuto(spec, true)), "rank:4,method=svd_llm");
  EXPECT_EQ(print(resolveAuto(spec, false)), "rank:4,method=svd");
  EXPECT_TRUE(resolveAuto(spec, true).needsStatistics());
  EXPECT_FALSE(resolveAuto(spec, false).needsStatistics());
}

TEST(ShareFlags, KindsAndKeys) {
  EXPECT_EQ(share("codebook:16"), "codebook:16,method=auto");
  EXPECT_EQ(share("codebook:100,method=lloyd,start=random,seed=4"),
            "codebook:100,method=lloyd,start=random,seed=4");
  EXPECT_EQ(share("codebook:16,scope=group,group=64"),
            "codebook:16,method=auto,scope=group,group=64");
  EXPECT_EQ(share("codebook:65536,dim=8"), "codebook:65536,method=auto,dim=8");
  EXPECT_EQ(share("codebook:256,dim=8,codebooks=2,method=additive"),
            "codebook:256,method=additive,dim=8,codebooks=2");
  EXPECT_EQ(share("duplicates+layers:2,layers=kmeans+codebook:4"),
            "duplicates+layers:2,layers=kmeans+codebook:4,method=auto");
}

TEST(ShareFlags, MistakesAreNamed) {
  auto expectError = [](StringRef text, StringRef part) {
    std::string message = share(text);
    EXPECT_NE(message.find(part.str()), std::string::npos) << message;
  };
  expectError("codebook", "kind is 'codebook', expected codebook:K with 2 <= K <= 256");
  expectError("codebook:1", "expected codebook:K");
  expectError("codebook:300", "expected codebook:K");
  expectError("duplicates:2", "kind is 'duplicates:2'");
  expectError("layers:0", "kind is 'layers:0'");
  expectError("codebook:16,method=product", "method=product is not for codebooks of single values");
  expectError("codebook:16,dim=4,method=lloyd", "method=lloyd is not for codebooks of vectors");
  expectError("codebook:16,dim=4,scope=channel", "key 'scope' is for codebooks of single values");
  expectError("codebook:16,scope=group", "scope=group needs the key 'group'");
  expectError("codebook:16,start=density", "key 'start' is for method=lloyd");
  expectError("codebook:16+codebook:4", "share the same thing, expected one of them");
  expectError("layers:2,dim=3", "key 'dim' is for codebooks");
}

TEST(ShareFlags, FlagsAreRules) {
  Expected<std::vector<Rule>> rules =
      parseShareFlag("codebook:16+embedding:128,method=fisher+duplicates");
  ASSERT_TRUE(!!rules) << llvm::toString(rules.takeError());
  ASSERT_EQ(rules->size(), 3u);
  EXPECT_EQ((*rules)[0].select.ops, std::vector<LayerKind>({LayerKind::Embedding}));
  EXPECT_EQ(print(*(*rules)[0].lowRank.getSpec()), "rank:128,method=fisher");
  EXPECT_TRUE((*rules)[1].select == Selector());
  EXPECT_EQ(print(*(*rules)[1].share.getSpec()), "duplicates");
  EXPECT_EQ((*rules)[2].select.head, std::optional(false));
  EXPECT_EQ(print(*(*rules)[2].share.getSpec()), "codebook:16,method=auto");

  std::string message;
  EXPECT_EQ(takeRecipeError(parseShareFlag("embedding:x").takeError(), message), 2);
  EXPECT_EQ(message, "--share=embedding:x: found 'embedding:x', expected embedding:E with a rank E "
                     "of at least 1");
}

TEST(RecipeYaml, LowRankAndShareRoundTrip) {
  StringRef text = "- select: all\n"
                   "  low_rank: { target: \"ratio:0.5\", method: svd, form: channel }\n"
                   "  share: [duplicates, { kind: \"codebook:16\", scope: channel }]\n"
                   "- select: { op: conv }\n"
                   "  low_rank: none\n"
                   "  share: codebook:32\n";
  Expected<Recipe> recipe = parseRecipe(text, "r.yaml");
  ASSERT_TRUE(!!recipe) << llvm::toString(recipe.takeError());
  Expected<Recipe> again = parseRecipe(recipe->toYAML(), "r.yaml");
  ASSERT_TRUE(!!again) << llvm::toString(again.takeError()) << recipe->toYAML();
  EXPECT_TRUE(*again == *recipe) << recipe->toYAML();

  LayerInfo layer;
  layer.name = "c";
  layer.opKind = LayerKind::Conv;
  ResolvedLayer resolved = resolve(*recipe, layer);
  EXPECT_FALSE(resolved.lowRank);
  EXPECT_EQ(resolved.lowRankRule, std::optional<size_t>(1));
  ASSERT_TRUE(resolved.share);
  // The other kind stays.
  EXPECT_EQ(print(*resolved.share), "duplicates+codebook:32,method=auto");
  layer.opKind = LayerKind::Linear;
  resolved = resolve(*recipe, layer);
  ASSERT_TRUE(resolved.lowRank);
  EXPECT_EQ(print(*resolved.lowRank), "ratio:0.5,method=svd,form=channel");
}

} // namespace
