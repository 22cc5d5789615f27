//===- Epilogue.h - what a kernel does to its sums before it stores them -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_EPILOGUE_H
#define COMPRESS_CODEGEN_CPU_EPILOGUE_H

#include "compress/Codegen/CPU/KernelBuilder.h"
#include <string>

namespace mlir {
namespace compress {

/// Functions of one element that kernels apply.
enum class Activation { None, Relu, Clip, Gelu, GeluTanh, Silu, Sigmoid, Tanh };

/// `y = f(x + bias [op other]) [op other]`: an optional bias per output channel, an activation `f`,
/// and an optional second tensor of the output's shape that is added or multiplied before or after
/// the activation (a residual, or the other half of a gated product).
struct Epilogue {
  enum class Combine { None, Add, Mul };

  bool bias = false;
  Activation activation = Activation::None;
  /// Bounds of `Clip`.
  float low = 0, high = 0;
  Combine combine = Combine::None;
  /// The second tensor is combined before the activation.
  bool combineFirst = false;

  bool hasOther() const { return combine != Combine::None; }
  /// Whether the activation takes so many instructions that its code should not be repeated for
  /// every register of a tile.
  bool isLong() const {
    return activation != Activation::None && activation != Activation::Relu &&
           activation != Activation::Clip;
  }

  /// Part of a kernel's name: "_bias_relu_add"; empty if there is nothing to do.
  std::string getName() const;
  /// The same for people: ", bias, relu, add".
  std::string getDescription() const;
};

/// The last arguments of a kernel with an epilogue: [bias], [second tensor], output. Null where the
/// epilogue has none.
struct EpilogueOperands {
  Value bias, other, output;

  /// Adds their types; the second tensor has that of the output.
  static void addTypes(const Epilogue &epilogue, Type bias, Type output,
                       SmallVectorImpl<Type> &arguments);
  static EpilogueOperands take(const Epilogue &epilogue, ValueRange arguments);
};

/// The activation of `x`, a vector or scalar of f32.
Value emitActivation(KernelBuilder &builder, const Epilogue &epilogue, Value x);

/// The epilogue of `x`. `bias` and `other` are of the same type, null where the epilogue has none.
Value emitEpilogue(KernelBuilder &builder, const Epilogue &epilogue, Value x, Value bias,
                   Value other);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_EPILOGUE_H
