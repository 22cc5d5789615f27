//===- ProtoMutator.h - seeded mutations of protobuf files -----*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ONNX_PROTOMUTATOR_H
#define COMPRESS_TEST_UNIT_ONNX_PROTOMUTATOR_H

#include "compress/Target/ONNX/Proto.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

namespace mlir::compress::onnx::test {

/// A field on the wire; a length-delimited one whose bytes parse as a message has
/// them as children.
struct Field {
  unsigned number = 0;
  unsigned wireType = 0;
  uint64_t value = 0;
  std::string bytes;
  std::vector<Field> children;
};

inline bool takeVarint(StringRef &in, uint64_t &value) {
  const auto *begin = reinterpret_cast<const uint8_t *>(in.data());
  unsigned length = 0;
  const char *error = nullptr;
  value = llvm::decodeULEB128(begin, &length, begin + in.size(), &error);
  if (error)
    return false;
  in = in.drop_front(length);
  return true;
}

inline bool parse(StringRef in, std::vector<Field> &fields) {
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

inline std::string write(const std::vector<Field> &fields) {
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

/// What a mutator changes.
enum class Mutations {
  /// Any byte and field.
  Wire,
  /// Mostly what keeps the file readable: names and operators exchanged with others of the model,
  /// numbers of attributes and tensors replaced by others that are likely to be wrong.
  Meaning,
};

/// Mutates the bytes of a model: truncation, bit flips, and changes of fields with all lengths
/// fixed up. The same index gives the same mutation.
class Mutator {
public:
  explicit Mutator(std::string bytes, Mutations kind = Mutations::Wire)
      : original(std::move(bytes)), kind(kind) {
    EXPECT_TRUE(parse(original, tree));
    EXPECT_EQ(write(tree), original);
    if (kind == Mutations::Meaning)
      collectWords(tree);
  }

  std::string mutate(unsigned index) {
    random.seed(index);
    std::string result = original;
    if (kind == Mutations::Meaning && index % 4 != 0) {
      std::vector<Field> copy = tree;
      for (unsigned i = 0, n = 1 + pick(3); i < n; ++i)
        mutateMeaning(copy);
      return write(copy);
    }
    switch (kind == Mutations::Meaning ? index / 4 % 8 : index % 8) {
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

  /// Short texts of the model, which stand for one another.
  void collectWords(const std::vector<Field> &fields) {
    for (const Field &field : fields) {
      if (!field.children.empty())
        collectWords(field.children);
      else if (isWord(field))
        words.push_back(field.bytes);
    }
  }

  static bool isWord(const Field &field) {
    return field.wireType == 2 && !field.bytes.empty() && field.bytes.size() <= 24 &&
           llvm::all_of(field.bytes, [](char c) { return llvm::isPrint(c); });
  }

  /// Elements of tensors, sizes and counts that break assumptions.
  int64_t pickNumber() {
    static const int64_t values[] = {
        0,     -1,        1,       2,          -2,           3,         4,         5,
        7,     8,         -7,      16,         64,           127,       128,       255,
        1000,  65536,     1 << 20, INT32_MAX,  INT32_MIN,    INT64_MAX, INT64_MIN, int64_t(1) << 40,
        -1000, 100000000, 1 << 30, -(1 << 20), INT64_MAX / 8};
    return values[pick(std::size(values))];
  }

  /// If these are the fields of a tensor with raw data: gives it another size or element type, with
  /// as many bytes as that needs.
  bool mutateTensor(std::vector<Field> &fields) {
    Field *type = nullptr, *data = nullptr;
    std::vector<Field *> dims;
    for (Field &field : fields) {
      if (field.number == 1 && field.wireType == 0)
        dims.push_back(&field);
      else if (field.number == 2 && field.wireType == 0)
        type = &field;
      else if (field.number == 9 && field.wireType == 2)
        data = &field;
    }
    if (!type || !data)
      return false;
    static const uint64_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 16, 33};
    if (!dims.empty() && pick(2) == 0)
      dims[pick(dims.size())]->value = sizes[pick(std::size(sizes))];
    else if (!dims.empty() && pick(2) == 0)
      fields.erase(fields.begin() + (dims[pick(dims.size())] - fields.data()));
    else if (pick(2) == 0)
      fields.insert(fields.begin(), Field{1, 0, sizes[pick(4)], {}, {}});
    else
      type->value = 1 + pick(28);
    uint64_t elements = 1, bits = 8;
    for (Field &field : fields) {
      if (field.number == 1 && field.wireType == 0)
        elements = std::min<uint64_t>(elements * std::min<uint64_t>(field.value, 64), 4096);
      if (field.number == 2 && field.wireType == 0)
        bits = getElementBits(static_cast<int64_t>(field.value)).value_or(8);
    }
    for (Field &field : fields)
      if (field.number == 9 && field.wireType == 2) {
        field.children.clear();
        field.bytes.resize((elements * bits + 7) / 8, static_cast<char>(pick(3)));
      }
    return true;
  }

  /// Goes down to one leaf and gives it another value of its kind.
  void mutateMeaning(std::vector<Field> &fields) {
    if (fields.empty())
      return;
    Field &field = fields[pick(fields.size())];
    if (pick(40) == 0)
      return mutateFields(fields);
    if (pick(4) == 0 && mutateTensor(fields))
      return;
    if (!field.children.empty() && !(isWord(field) && pick(2) == 0))
      return mutateMeaning(field.children);
    if (field.wireType == 0) {
      // A small change is often the more interesting one.
      field.value = pick(3) == 0 ? field.value + 1 - pick(3) : static_cast<uint64_t>(pickNumber());
      return;
    }
    if (isWord(field) && pick(4) != 0) {
      field.bytes = words[pick(words.size())];
      field.children.clear();
      return;
    }
    field.children.clear();
    size_t size = field.bytes.size();
    if (size == 0)
      return;
    // Contents of a tensor: one number, as 8, 4 or 1 bytes.
    size_t width = size % 8 == 0 && pick(2) == 0 ? 8 : size % 4 == 0 && pick(4) != 0 ? 4 : 1;
    static const float floats[] = {0.0f, -0.0f, 1e38f, -1e38f, 1e-40f, INFINITY, NAN, -1.0f};
    int64_t number = pickNumber();
    if (width == 4 && pick(2) == 0)
      std::memcpy(&number, &floats[pick(std::size(floats))], 4);
    std::memcpy(field.bytes.data() + width * pick(size / width), &number, width);
  }

  std::string original;
  Mutations kind;
  std::vector<Field> tree;
  std::vector<std::string> words;
  std::mt19937_64 random;
};

} // namespace mlir::compress::onnx::test

#endif // COMPRESS_TEST_UNIT_ONNX_PROTOMUTATOR_H
