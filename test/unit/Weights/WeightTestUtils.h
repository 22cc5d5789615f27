//===- WeightTestUtils.h - modules and stores for tests of weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_WEIGHTS_WEIGHTTESTUTILS_H
#define COMPRESS_TEST_UNIT_WEIGHTS_WEIGHTTESTUTILS_H

#include "compress/Analysis/EncodedWeight.h"
#include "compress/Dialect/Compress/IR/CompressDialect.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace mlir::compress {

/// A context with the dialect, and the diagnostics that were emitted in it.
class WeightTest : public ::testing::Test {
protected:
  WeightTest() : context(MLIRContext::Threading::DISABLED) {
    context.loadDialect<CompressDialect, func::FuncDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
      messages.push_back(diagnostic.str());
      return success();
    });
  }

  /// Errors at an unknown location.
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(&context)); }
  /// What `error` is to functions that report errors.
  auto errorFn() {
    return [this] { return error(); };
  }
  /// The last message, or nothing.
  std::string lastMessage() const { return messages.empty() ? "" : messages.back(); }

  RankedTensorType getType(ArrayRef<int64_t> shape, Type element) {
    return RankedTensorType::get(shape, element);
  }
  Type f32() { return Float32Type::get(&context); }
  Type integer(unsigned bits) { return IntegerType::get(&context, bits); }

  OwningOpRef<ModuleOp> parse(StringRef text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }
  /// The only op of this kind below `module`.
  template <typename OpTy>
  static OpTy find(ModuleOp module) {
    OpTy found;
    module.walk([&](OpTy op) { found = op; });
    return found;
  }

  MLIRContext context;
  std::vector<std::string> messages;
};

/// The bytes as numbers.
inline std::vector<int> toInts(ArrayRef<char> bytes) {
  std::vector<int> result;
  for (char byte : bytes)
    result.push_back(static_cast<uint8_t>(byte));
  return result;
}

} // namespace mlir::compress

#endif // COMPRESS_TEST_UNIT_WEIGHTS_WEIGHTTESTUTILS_H
