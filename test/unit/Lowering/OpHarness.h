//===- OpHarness.h - compares compiled ops with the reference -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// OpHarness harness(R"(func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> { ... })");
// harness.check("f", {reference::floats({4}, {1, 2, 3, 4})});
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_LOWERING_OPHARNESS_H
#define COMPRESS_TEST_UNIT_LOWERING_OPHARNESS_H

#include "../Reference/TestUtils.h"
#include "compress/Codegen/CPU/CpuTarget.h"
#include "compress/Dialect/Compress/IR/CompressOps.h"
#include "compress/ExecutionEngine/JitModule.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>
#include <vector>

namespace mlir::compress::test {

/// Which sizes the compiled functions know.
enum class Sizes {
  /// Those of the text.
  AsWritten,
  /// None: every dim of arguments, results and values in between is made dynamic.
  Dynamic,
};

/// Functions of model ops, compiled without kernels (`convert-compress-to-linalg{kernels=false}`).
class OpHarness {
public:
  /// Parses and compiles `text`; a failure is a test failure.
  explicit OpHarness(StringRef text, Sizes sizes = Sizes::AsWritten);
  ~OpHarness();

  bool isCompiled() const { return jit != nullptr; }
  /// Results of the compiled function. Inputs have the types and sizes of its arguments.
  SmallVector<reference::Tensor> run(StringRef function, ArrayRef<reference::Tensor> inputs);
  /// The message of a run that must stop with an error.
  std::string getError(StringRef function, ArrayRef<reference::Tensor> inputs);
  /// Results as the ops' `evaluate` computes them.
  SmallVector<reference::Tensor> evaluate(StringRef function, ArrayRef<reference::Tensor> inputs);
  /// Runs both and compares: integers exactly, floats within `tolerance` * max(1, |expected|).
  void check(StringRef function, ArrayRef<reference::Tensor> inputs, double tolerance = 2e-6);

private:
  std::string run(StringRef function, ArrayRef<reference::Tensor> inputs,
                  SmallVectorImpl<reference::Tensor> &results);

  struct Impl;
  std::unique_ptr<Impl> impl;
  std::unique_ptr<JitModule> jit;
};

/// One element within `tolerance` * max(1, |expected|), or equal for integers; NaN equals NaN.
void expectClose(const reference::Tensor &found, const reference::Tensor &expected,
                 double tolerance);

/// Values that cover what element-wise code can get wrong: zeros of both signs, halves, large and
/// small numbers, and for floats infinities, NaN and denormals; smallest and largest integers.
reference::Tensor edgeValues(DataType type, ArrayRef<int64_t> shape, unsigned start = 0);

} // namespace mlir::compress::test

#endif // COMPRESS_TEST_UNIT_LOWERING_OPHARNESS_H
