//===- OpSchemasTest.cpp - versions of the standard operators --*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/OpSchemas.h"
#include "compress/Target/ONNX/Proto.h"
#include "gtest/gtest.h"

using namespace mlir::compress::onnx;

TEST(OpSchemasTest, TableIsSortedAndSane) {
  llvm::ArrayRef<OpSchema> table = getAllOpSchemas();
  ASSERT_GT(table.size(), 500u);
  for (size_t i = 1; i < table.size(); ++i) {
    int order = llvm::StringRef(table[i - 1].name).compare(table[i].name);
    EXPECT_TRUE(order < 0 || (order == 0 && table[i - 1].sinceVersion < table[i].sinceVersion))
        << table[i].name;
  }
  for (const OpSchema &schema : table) {
    EXPECT_LE(schema.minInputs, schema.maxInputs) << schema.name;
    EXPECT_LE(schema.minOutputs, schema.maxOutputs) << schema.name;
    EXPECT_GE(schema.sinceVersion, 1) << schema.name;
    EXPECT_LE(schema.sinceVersion, maxOpset) << schema.name;
  }
}

TEST(OpSchemasTest, SinceVersion) {
  EXPECT_EQ(sinceVersion("Softmax", 12), 11);
  EXPECT_EQ(sinceVersion("Softmax", 13), 13);
  EXPECT_EQ(sinceVersion("Softmax", 28), 13);
  EXPECT_EQ(sinceVersion("Gelu", 19), std::nullopt);
  EXPECT_EQ(sinceVersion("Gelu", 20), 20);
  EXPECT_EQ(sinceVersion("NoSuchOp", 20), std::nullopt);
  EXPECT_EQ(sinceVersion("", 20), std::nullopt);
}

TEST(OpSchemasTest, SameSchema) {
  EXPECT_TRUE(sameSchema("MatMul", 13, 28));
  EXPECT_FALSE(sameSchema("MatMul", 12, 13));
  EXPECT_FALSE(sameSchema("Gelu", 18, 19));
  EXPECT_FALSE(sameSchema("NoSuchOp", 13, 13));
}

TEST(OpSchemasTest, Attributes) {
  const OpSchema *gemm = lookupOp("Gemm", 21);
  ASSERT_NE(gemm, nullptr);
  EXPECT_EQ(lookupAttribute(*gemm, "transB")->type, AT_Int);
  EXPECT_FALSE(lookupAttribute(*gemm, "transB")->required);
  EXPECT_FALSE(lookupAttribute(*gemm, "trans").has_value());
  EXPECT_FALSE(lookupAttribute(*gemm, "").has_value());
  EXPECT_TRUE(getRequiredAttributes(*gemm).empty());
  llvm::SmallVector<llvm::StringRef, 4> required = getRequiredAttributes(*lookupOp("If", 21));
  ASSERT_EQ(required.size(), 2u);
  EXPECT_EQ(required[0], "else_branch");
  EXPECT_EQ(required[1], "then_branch");
}

TEST(OpSchemasTest, Arity) {
  const OpSchema *conv = lookupOp("Conv", 22);
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(llvm::toString(checkArity(*conv, 2, 1)), "");
  EXPECT_EQ(llvm::toString(checkArity(*conv, 3, 1)), "");
  EXPECT_EQ(llvm::toString(checkArity(*conv, 1, 1)),
            "Conv (version 22) has 1 inputs, expected 2 to 3");
  EXPECT_EQ(llvm::toString(checkArity(*conv, 2, 0)), "Conv (version 22) has 0 outputs, expected 1");
  const OpSchema *concat = lookupOp("Concat", 13);
  EXPECT_EQ(llvm::toString(checkArity(*concat, 100000, 1)), "");
  EXPECT_EQ(llvm::toString(checkArity(*concat, 0, 1)),
            "Concat (version 13) has 0 inputs, expected 1 or more");
}

TEST(OpSchemasTest, Deprecated) {
  EXPECT_TRUE(lookupOp("Upsample", 10)->deprecated);
  EXPECT_FALSE(lookupOp("Upsample", 9)->deprecated);
}
