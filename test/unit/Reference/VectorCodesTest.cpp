//===- VectorCodesTest.cpp - codes of vectors ===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestUtils.h"
#include "compress/Reference/Quantization.h"

using namespace mlir::compress;
using namespace mlir::compress::reference;
using llvm::ArrayRef;
using llvm::SmallVector;

TEST(VectorCodesTest, ProductCodes) {
  // Two entries of two elements; the last vector is cut.
  Tensor tables = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  Tensor codes = ints({2, 2, 1}, {0, 1, 1, 0}, DataType::U1);
  expectFloats(get(lookupVectors(codes, tables, 1, 3)), {2, 3}, {1, 2, 3, 3, 4, 1});
  // Along the first dim the same codes are the vectors of columns.
  expectFloats(get(lookupVectors(codes, tables, 0, 4)), {4, 2}, {1, 3, 2, 4, 3, 1, 4, 2});
}

TEST(VectorCodesTest, SubspacesCodebooksAndScales) {
  // Two subspaces of two codebooks of two entries of one element.
  Tensor tables = floats({2, 2, 2, 1}, {1, 2, 10, 20, 100, 200, 1000, 2000});
  Tensor codes = ints({1, 2, 2}, {1, 0, 0, 1}, DataType::U1);
  expectFloats(get(lookupVectors(codes, tables, 1, 2)), {1, 2}, {12, 2100});
  Tensor scale = floats({1, 2}, {0.5, 2});
  expectFloats(get(lookupVectors(codes, tables, 1, 2, &scale, {1, 1})), {1, 2}, {6, 4200});
  Tensor one = floats({}, {-1});
  expectFloats(get(lookupVectors(codes, tables, 1, 2, &one)), {1, 2}, {-12, -2100});
  expectFloats(get(lookupVectors(ints({1, 0, 2}, {}, DataType::U1),
                                 floats({1, 2, 2, 1}, {1, 2, 3, 4}), 1, 0)),
               {1, 0}, {});
}

/// Sums and products are in f32, and rounded once to the type of the tables.
TEST(VectorCodesTest, RoundsOnce) {
  // 2048 + 1 is no f16, and 2048 + 1 + 1 is one.
  Tensor tables = floats({1, 3, 1, 1}, {2048, 1, 1}, DataType::F16);
  Tensor codes = ints({1, 3}, {0, 0, 0}, DataType::U8);
  expectFloats(get(lookupVectors(codes, tables, 0, 1)), {1}, {2050});
  // In order: (2^24 + 1) + 1 = 2^24 in f32.
  tables = floats({1, 3, 1, 1}, {16777216, 1, 1});
  expectFloats(get(lookupVectors(codes, tables, 0, 1)), {1}, {16777216});
  tables = floats({1, 3, 1, 1}, {16777216, 1, 1}, DataType::F64);
  expectFloats(get(lookupVectors(codes, tables, 0, 1)), {1}, {16777218});
}

TEST(VectorCodesTest, Errors) {
  Tensor tables = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  Tensor codes = ints({2, 2, 1}, {0, 1, 1, 2}, DataType::U8);
  EXPECT_EQ(getError(lookupVectors(codes, tables, 1, 4)),
            "lookup_vectors: code 2 is outside tables of 2 entries");
  EXPECT_EQ(getError(lookupVectors(codes, tables, 1, 5)),
            "lookup_vectors: codes has shape [2, 2, 1], expected [2, 3, 1]");
  EXPECT_EQ(getError(lookupVectors(codes, tables, 2, 4)),
            "lookup_vectors: axis 2 is outside of a result of rank 2");
  EXPECT_EQ(getError(lookupVectors(codes, tables, 1, -1)), "lookup_vectors: length -1 is negative");
  EXPECT_EQ(
      getError(lookupVectors(codes, floats({2, 2}, {1, 2, 3, 4}), 1, 4)),
      "lookup_vectors: tables have shape [2, 2], expected [subspaces, codebooks, entries, dim]");
  EXPECT_EQ(getError(lookupVectors(codes, floats({3, 1, 1, 2}, {1, 2, 3, 4, 5, 6}), 1, 4)),
            "lookup_vectors: tables have 3 subspaces, expected 1 or 2");
  Tensor scale = floats({3}, {1, 2, 3});
  EXPECT_EQ(getError(lookupVectors(codes, tables, 1, 4, &scale)),
            "lookup_vectors: scale has shape [3], expected one element");
  Tensor half = floats({}, {1}, DataType::F16);
  EXPECT_EQ(getError(lookupVectors(codes, tables, 1, 4, &half)),
            "lookup_vectors: scale has type f16, expected f32");
  EXPECT_EQ(getError(lookupVectors(floats({1}, {1}), tables, 0, 1)),
            "lookup_vectors: codes has type f32, expected an integer type");
}

TEST(VectorCodesTest, TablesOfBlocks) {
  Tensor codes = ints({2, 3}, {0, 1, 1, 1, 0, 0}, DataType::U1);
  Tensor rows = floats({2, 1, 2}, {1, 2, 3, 4});
  expectFloats(get(lookup(codes, rows, {1, -1})), {2, 3}, {1, 2, 2, 4, 3, 3});
  Tensor groups = floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expectFloats(get(lookup(codes, groups, {1, 2})), {2, 3}, {1, 2, 4, 6, 5, 7});
  Tensor columns = floats({1, 3}, {1, 10, 100});
  expectFloats(get(lookup(codes, groups, columns, {-1, 1}, {1, 2})), {2, 3},
               {1, 20, 400, 6, 50, 700});
}

/// A plain computation, element by element.
TEST(VectorCodesTest, EqualsAPlainComputation) {
  std::mt19937_64 random(11);
  for (int64_t axis : {0, 1, 2})
    for (int64_t subspaces : {1, 2})
      for (int64_t books : {1, 3}) {
        SmallVector<int64_t> shape = {5, 7, 6}, grid = {1, 7, 3};
        int64_t dim = 4, vectors = (shape[axis] + dim - 1) / dim, entries = 9;
        SmallVector<int64_t> codeShape = shape;
        codeShape[axis] = vectors;
        codeShape.push_back(books);
        Tensor codes = get(Tensor::create(DataType::U16, codeShape));
        for (int64_t i = 0; i < codes.getNumElements(); ++i)
          codes.storeInt(i, static_cast<int64_t>(random() % entries));
        SmallVector<int64_t> tableShape = {subspaces == 1 ? 1 : vectors, books, entries, dim};
        Tensor tables = randomTensor(random, DataType::F32, tableShape);
        Tensor scale = randomTensor(random, DataType::F32, grid);
        Tensor found = get(lookupVectors(codes, tables, axis, shape[axis], &scale, {-1, 1, 2}));
        for (int64_t i = 0; i < found.getNumElements(); ++i) {
          int64_t index[] = {i / 42, i / 6 % 7, i % 6};
          int64_t place[] = {index[0], index[1], index[2]};
          int64_t vector = index[axis] / dim;
          place[axis] = vector;
          float sum = 0;
          for (int64_t book = 0; book < books; ++book)
            sum += static_cast<float>(tables.getFloat(
                {subspaces == 1 ? 0 : vector, book,
                 codes.getInt({place[0], place[1], place[2], book}), index[axis] % dim}));
          sum *= static_cast<float>(scale.getFloat({0, index[1], index[2] / 2}));
          EXPECT_EQ(found.loadFloat(i), sum);
        }
      }
}
