//===- ProtoMutationTest.cpp - broken ONNX files ---------------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// 20,000 seeded mutations of a small model: each must end with a model or an
// error. What is read must be writable again, and reading that must give the same.
//
//===----------------------------------------------------------------------===//

#include "ProtoMutator.h"
#include "ProtoTestModels.h"
#include "gtest/gtest.h"

using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

/// Touches the contents of all tensors of a graph.
void readTensors(const GraphProto &graph) {
  for (const TensorProto &tensor : graph.initializer) {
    llvm::Expected<TensorBytes> bytes = getTensorBytes(tensor);
    if (!bytes) {
      llvm::consumeError(bytes.takeError());
      continue;
    }
    uint64_t sum = 0;
    for (char c : bytes->bytes)
      sum += static_cast<uint8_t>(c);
    EXPECT_LE(sum, 255 * bytes->bytes.size());
    EXPECT_EQ(bytes->bytes.size(), llvm::cantFail(getTensorByteSize(tensor)));
  }
  for (const NodeProto &node : graph.node)
    for (const AttributeProto &attribute : node.attribute)
      forEachSubgraph(attribute, readTensors);
}

} // namespace

TEST(ProtoMutationTest, EachGivesAModelOrAnError) {
  std::string original = serialize(makeModel());
  ASSERT_FALSE(original.empty());
  Mutator mutator(original);
  constexpr unsigned count = 20000;
  unsigned read = 0, valid = 0, invalid = 0;
  for (unsigned i = 0; i < count; ++i) {
    // Exactly as large as the contents, so that a sanitizer sees reads past the end.
    std::string mutated = mutator.mutate(i);
    std::unique_ptr<char[]> bytes(new char[mutated.size()]);
    std::copy(mutated.begin(), mutated.end(), bytes.get());
    auto loaded = readModel(llvm::MemoryBufferRef(StringRef(bytes.get(), mutated.size()), "m"));
    if (!loaded) {
      EXPECT_FALSE(text(loaded.takeError()).empty());
      continue;
    }
    ++read;
    const ModelProto &model = (*loaded)->model;
    std::vector<std::string> warnings;
    ValidateOptions options;
    options.warnings = &warnings;
    if (llvm::Error error = validateModel(model, options)) {
      EXPECT_FALSE(text(std::move(error)).empty());
      ++invalid;
    } else {
      ++valid;
    }
    if (model.graph)
      readTensors(*model.graph);

    std::string written = serialize(model);
    if (written.empty())
      continue;
    auto again = readModel(llvm::MemoryBufferRef(written, "again"));
    ASSERT_TRUE(bool(again)) << "mutation " << i << ": " << text(again.takeError());
    ASSERT_EQ(serialize((*again)->model), written) << "mutation " << i;
  }
  EXPECT_GE(read, count / 3);
  EXPECT_GE(valid, count / 50);
  EXPECT_GE(invalid, count / 10);
  RecordProperty("read", static_cast<int>(read));
  RecordProperty("valid", static_cast<int>(valid));
}

TEST(ProtoMutationTest, EveryPrefixIsHandled) {
  std::string original = serialize(makeModel());
  unsigned valid = 0;
  for (size_t size = 1; size < original.size(); ++size) {
    auto loaded = readModel(llvm::MemoryBufferRef(StringRef(original).take_front(size), "m"));
    if (!loaded) {
      llvm::consumeError(loaded.takeError());
      continue;
    }
    valid += text(validateModel((*loaded)->model)).empty();
  }
  // Only without the metadata, and without the function (an unknown operator then).
  EXPECT_EQ(valid, 2u);
}
