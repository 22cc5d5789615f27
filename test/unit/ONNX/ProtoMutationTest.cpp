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

#include "ProtoTestModels.h"
#include "llvm/Support/LEB128.h"
#include "gtest/gtest.h"
#include <random>

using namespace mlir::compress::onnx;
using namespace mlir::compress::onnx::test;

namespace {

/// A field on the wire; a length-delimited one whose bytes parse as a message has
/// them as children.
struct Field {
  unsigned number = 0;
  unsigned wireType = 0;
  uint64_t value = 0;
  std::string bytes;
  std::vector<Field> children;
};

bool takeVarint(StringRef &in, uint64_t &value) {
  const auto *begin = reinterpret_cast<const uint8_t *>(in.data());
  unsigned length = 0;
  const char *error = nullptr;
  value = llvm::decodeULEB128(begin, &length, begin + in.size(), &error);
  if (error)
    return false;
  in = in.drop_front(length);
  return true;
}

bool parse(StringRef in, std::vector<Field> &fields) {
  while (!in.empty()) {
    Field field;
    uint64_t tag;
    if (!takeVarint(in, tag) || tag < 8 || tag >= 40 * 8)
      return false;
    field.number = static_cast<unsigned>(tag >> 3);
    field.wireType = tag & 7;
    size_t width = field.wireType == 1 ? 8 : 4;
    if (field.wireType == 0) {
      if (!takeVarint(in, field.value))
        return false;
    } else if (field.wireType == 2) {
      uint64_t size;
      if (!takeVarint(in, size) || size > in.size())
        return false;
      field.bytes = in.take_front(size).str();
      in = in.drop_front(size);
      if (!parse(field.bytes, field.children))
        field.children.clear();
    } else if ((field.wireType == 1 || field.wireType == 5) && in.size() >= width) {
      field.bytes = in.take_front(width).str();
      in = in.drop_front(width);
    } else {
      return false;
    }
    fields.push_back(std::move(field));
  }
  return true;
}

std::string write(const std::vector<Field> &fields) {
  std::string out;
  llvm::raw_string_ostream os(out);
  for (const Field &field : fields) {
    llvm::encodeULEB128(field.number << 3 | field.wireType, os);
    if (field.wireType == 0) {
      llvm::encodeULEB128(field.value, os);
      continue;
    }
    std::string bytes = field.children.empty() ? field.bytes : write(field.children);
    if (field.wireType == 2)
      llvm::encodeULEB128(bytes.size(), os);
    os << bytes;
  }
  return out;
}

class Mutator {
public:
  explicit Mutator(std::string bytes) : original(std::move(bytes)) {
    EXPECT_TRUE(parse(original, tree));
    EXPECT_EQ(write(tree), original);
  }

  std::string mutate(unsigned index) {
    random.seed(index);
    std::string result = original;
    switch (index % 8) {
    case 0:
      result.resize(pick(result.size()));
      return result;
    case 1:
      for (unsigned i = 0, n = 1 + pick(4); i < n; ++i)
        result[pick(result.size())] ^= static_cast<char>(1 << pick(8));
      return result;
    default: {
      std::vector<Field> copy = tree;
      for (unsigned i = 0, n = 1 + pick(3); i < n; ++i)
        mutateFields(copy);
      return write(copy);
    }
    }
  }

private:
  size_t pick(size_t n) { return n == 0 ? 0 : random() % n; }

  uint64_t pickValue() {
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      16,
                                      21,
                                      22,
                                      28,
                                      29,
                                      99,
                                      127,
                                      128,
                                      1 << 20,
                                      uint64_t(1) << 31,
                                      uint64_t(1) << 40,
                                      uint64_t(1) << 62,
                                      uint64_t(1) << 63,
                                      ~uint64_t(0),
                                      ~uint64_t(0) - 7};
    return pick(4) == 0 ? random() : values[pick(std::size(values))];
  }

  /// Goes down a random path and changes one field there.
  void mutateFields(std::vector<Field> &fields) {
    if (fields.empty())
      return;
    Field &field = fields[pick(fields.size())];
    if (!field.children.empty() && pick(8) != 0)
      return mutateFields(field.children);
    size_t at = &field - fields.data(), other = pick(fields.size());
    switch (pick(8)) {
    case 0:
      fields.erase(fields.begin() + at);
      return;
    case 1: {
      Field copy = field;
      fields.insert(fields.begin() + other, std::move(copy));
      return;
    }
    case 2:
      std::swap(fields[at], fields[other]);
      return;
    case 3:
      field.number = 1 + pick(26);
      return;
    case 4:
      if (field.wireType == 2 && fields[other].wireType == 2) {
        Field copy = fields[other];
        copy.number = field.number;
        field = std::move(copy);
        return;
      }
      [[fallthrough]];
    default:
      mutateValue(field);
    }
  }

  void mutateValue(Field &field) {
    if (field.wireType == 0) {
      field.value = pickValue();
      return;
    }
    if (!field.children.empty())
      return mutateFields(field.children);
    if (field.wireType == 2 && pick(3) == 0)
      field.bytes.resize(pick(2 * field.bytes.size() + 2), static_cast<char>(random()));
    else if (!field.bytes.empty())
      field.bytes[pick(field.bytes.size())] = static_cast<char>(random());
  }

  std::string original;
  std::vector<Field> tree;
  std::mt19937_64 random;
};

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
