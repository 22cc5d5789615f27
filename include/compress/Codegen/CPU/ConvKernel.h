//===- ConvKernel.h - convolutions with packed weights -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_CONVKERNEL_H
#define COMPRESS_CODEGEN_CPU_CONVKERNEL_H

#include "compress/Codegen/CPU/Epilogue.h"
#include "compress/Codegen/CPU/KernelLibrary.h"
#include <array>

namespace mlir {
namespace compress {

/// Where the taps of a 2-D convolution are; rows first. Padding at the end follows from the sizes
/// of input and output.
struct ConvWindow {
  std::array<int64_t, 2> kernel{1, 1}, strides{1, 1}, dilations{1, 1}, padBegin{0, 0}, padEnd{0, 0};

  int64_t getTaps() const { return kernel[0] * kernel[1]; }
  /// Remainders of the tap rows modulo the row stride, ascending: the rows of an output position
  /// are read from one copy of the image per remainder.
  SmallVector<int64_t> getPhases() const;
  /// Rows of such a copy below those of the output.
  int64_t getExtraRows() const { return (kernel[0] - 1) * dilations[0] / strides[0]; }
  /// Whether taps are at the same distance in the input for all output positions of a whole image,
  /// so that no copy is needed.
  bool isDirect() const;
  /// Part of a kernel's name: "k3x3_s1x1_p1.1.1.1_d1x1".
  std::string getName() const;
};

/// How the weight is stored.
struct ConvWeight {
  enum class Format {
    /// Panels of f32.
    F32,
    /// Panels of codes of `bits` bits that the kernel decodes: scale * (code - zero point).
    Codes,
    /// Panels of 8-bit codes for 8-bit inputs, multiplied as integers.
    Integer
  };
  Format format = Format::F32;
  /// `Codes`: 8, 4 or 2.
  int64_t bits = 8;
  /// `Codes`: how many consecutive elements of the contraction (a multiple of 8) share a scale; 0:
  /// all.
  int64_t group = 0;
  /// `Codes`: there are zero points.
  bool hasZeroPoints = false;

  std::string getName() const;
};

/// `y = epilogue(conv(x, w))` with `x` `[n, c, h, w]`, `y` `[n, o, oh, ow]` of f32 in any memory
/// order whose last dim is contiguous.
///
/// The weight is packed in panels of 6 output channels, `[groups, ceil(o / groups / 6), k * 6]`
/// with `k` over (input channel, tap row, tap column); missing channels of the last panel of a
/// group are zero. Every output is one chain of fused multiply-adds in the order of k (taps in the
/// padding included, as products with 0), so its bits depend neither on sizes, threads nor
/// instruction set.
struct ConvRequest {
  int64_t groups = 1;
  /// Input and output channels of a group. Kernels for several channels take any number.
  int64_t groupInputs = 1, groupOutputs = 1;
  ConvWindow window;
  ConvWeight weight;
  Epilogue epilogue;

  /// One input channel for every output channel, and few taps: has a kernel of its own, whose
  /// weights are panels of f32 (of codes, in an integer kernel: then sums are exact in f32).
  bool isDepthwise() const {
    return groups > 1 && groupInputs == 1 && groupOutputs == 1 &&
           weight.format != ConvWeight::Format::Codes && window.getTaps() <= kMaxDepthwiseTaps;
  }
  static constexpr int64_t kMaxDepthwiseTaps = 25;
};

/// Output channels of a panel.
constexpr int64_t kConvRows = 6;

/// Kernel with the arguments x, packed weight, [bias], [other], y. `Codes`: the packed codes and
/// scales (and zero points) take the place of the weight. `Integer`: x, x's scale, x's zero point,
/// packed codes, scales `[o]` and sums of codes `[o]`.
func::FuncOp getConvKernel(KernelLibrary &library, const ConvRequest &request);

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Type of packed f32 weights. `k`: input channels of a group times taps.
RankedTensorType getConvPanelType(const ConvRequest &request, int64_t k, Type f32);
/// Packs a row-major f32 weight `[outputs, k]`.
void packConvPanels(const ConvRequest &request, int64_t k, const float *weight, float *panels);

/// Type of packed codes (i8): `k` is rounded up to a multiple of 8.
RankedTensorType getConvCodesType(const ConvRequest &request, int64_t k, Type i8);
/// Packs row-major codes `[outputs, k]`, one byte each; only the low bits count.
void packConvCodes(const ConvRequest &request, int64_t k, const uint8_t *codes, uint8_t *panels);

/// Type of packed scales or zero points (f32), `[groups, panels, scale groups * 8]`.
RankedTensorType getConvScalesType(const ConvRequest &request, int64_t k, Type f32);
/// Packs values for each output and scale group, `[outputs, scale groups]`.
void packConvScales(const ConvRequest &request, int64_t k, const float *values, float *packed);

/// Bytes of a panel row that an integer kernel multiplies at a time: 4 codes, of 8 or 16 bits.
RankedTensorType getConvIntegerType(const CpuTarget &target, const ConvRequest &request,
                                    int64_t channels, Type i32);
/// Packs signed codes `[outputs, channels, taps]` for integer kernels; `channels` of a group.
void packConvInteger(const CpuTarget &target, const ConvRequest &request, int64_t channels,
                     const int8_t *codes, uint32_t *packed);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_CONVKERNEL_H
