//===- MutationModels.h - small models to be mutated -----------*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_UNIT_ONNX_MUTATIONMODELS_H
#define COMPRESS_TEST_UNIT_ONNX_MUTATIONMODELS_H

#include <string>
#include <vector>

namespace mlir::compress::onnx::test {

/// A valid model file.
struct NamedModel {
  std::string name;
  std::string bytes;
};

/// Small models that together use most operators that are normalised.
std::vector<NamedModel> makeMutationModels();

} // namespace mlir::compress::onnx::test

#endif // COMPRESS_TEST_UNIT_ONNX_MUTATIONMODELS_H
