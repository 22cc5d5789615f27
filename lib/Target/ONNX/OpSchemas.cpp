//===- OpSchemas.cpp - versions of the standard ONNX operators -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/OpSchemas.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

using namespace mlir::compress::onnx;
using llvm::StringRef;
using llvm::Twine;

static constexpr OpSchema table[] = {
#define OP(name, since, deprecated, minIn, maxIn, minOut, maxOut, attributes)                      \
  {name, since, deprecated, minIn, maxIn, minOut, maxOut, attributes},
#include "OpSchemas.inc"
#undef OP
};

llvm::ArrayRef<OpSchema> mlir::compress::onnx::getAllOpSchemas() { return table; }

llvm::ArrayRef<OpSchema> mlir::compress::onnx::getOpVersions(StringRef op) {
  const OpSchema *first = llvm::lower_bound(
      table, op, [](const OpSchema &schema, StringRef name) { return schema.name < name; });
  const OpSchema *last = first;
  while (last != std::end(table) && last->name == op)
    ++last;
  return {first, last};
}

const OpSchema *mlir::compress::onnx::lookupOp(StringRef op, int64_t opset) {
  const OpSchema *result = nullptr;
  for (const OpSchema &schema : getOpVersions(op))
    if (schema.sinceVersion <= opset)
      result = &schema;
  return result;
}

std::optional<int> mlir::compress::onnx::sinceVersion(StringRef op, int64_t opset) {
  if (const OpSchema *schema = lookupOp(op, opset))
    return schema->sinceVersion;
  return std::nullopt;
}

bool mlir::compress::onnx::sameSchema(StringRef op, int64_t opsetA, int64_t opsetB) {
  const OpSchema *schema = lookupOp(op, opsetA);
  return schema && schema == lookupOp(op, opsetB);
}

/// Splits the first "name=T" or "name=T!" off `list`; false at its end.
static bool takeAttribute(StringRef &list, StringRef &name, AttributeSchema &attribute) {
  if (list.empty())
    return false;
  auto [first, rest] = list.split(' ');
  list = rest;
  attribute.required = first.consume_back("!");
  auto [key, type] = first.split('=');
  name = key;
  return !type.getAsInteger(10, attribute.type);
}

std::optional<AttributeSchema> mlir::compress::onnx::lookupAttribute(const OpSchema &schema,
                                                                     StringRef name) {
  StringRef list = schema.attributes, key;
  AttributeSchema attribute;
  while (takeAttribute(list, key, attribute))
    if (key == name)
      return attribute;
  return std::nullopt;
}

llvm::SmallVector<StringRef, 4>
mlir::compress::onnx::getRequiredAttributes(const OpSchema &schema) {
  llvm::SmallVector<StringRef, 4> result;
  StringRef list = schema.attributes, key;
  AttributeSchema attribute;
  while (takeAttribute(list, key, attribute))
    if (attribute.required)
      result.push_back(key);
  return result;
}

static llvm::Error checkCount(const OpSchema &schema, const char *what, uint64_t count,
                              uint16_t least, uint16_t most) {
  if (count >= least && (most == OpSchema::unbounded || count <= most))
    return llvm::Error::success();
  std::string expected = std::to_string(least);
  if (most == OpSchema::unbounded)
    expected += " or more";
  else if (most != least)
    expected += " to " + std::to_string(most);
  return llvm::make_error<llvm::StringError>(
      Twine(schema.name) + " (version " + Twine(unsigned(schema.sinceVersion)) + ") has " +
          Twine(count) + " " + what + ", expected " + expected,
      llvm::inconvertibleErrorCode());
}

llvm::Error mlir::compress::onnx::checkArity(const OpSchema &schema, uint64_t numInputs,
                                             uint64_t numOutputs) {
  if (llvm::Error error =
          checkCount(schema, "inputs", numInputs, schema.minInputs, schema.maxInputs))
    return error;
  return checkCount(schema, "outputs", numOutputs, schema.minOutputs, schema.maxOutputs);
}
