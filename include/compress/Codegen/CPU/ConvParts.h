//===- ConvParts.h - functions that convolution kernels call -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A convolution kernel is a short driver around these functions, which do not depend on its sizes,
// so that the convolutions of a model share them.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODEGEN_CPU_CONVPARTS_H
#define COMPRESS_CODEGEN_CPU_CONVPARTS_H

#include "compress/Codegen/CPU/ConvKernel.h"

namespace mlir {
namespace compress {

/// A memref of unknown size from a place in memory on.
MemRefType getFlatType(Type elementType);

/// Where the elements of a ranked memref are.
struct StridedPlace {
  Value base, offset;
  SmallVector<Value> strides;

  static StridedPlace get(KernelBuilder &builder, Value memref);
  /// The memory from the element at `indices` on.
  Value getFlat(KernelBuilder &builder, ValueRange indices) const;
};
/// The memory of `flat` from element `offset` on.
Value advance(KernelBuilder &builder, Value flat, Value offset);

/// What `getConvTileFunction` takes.
struct ConvTileArguments {
  /// Planes of the input, the first tap of the first pixel; distance of channels; number of
  /// channels; distance of each tap from the first (null: one tap).
  Value x, channelStride, channels, taps;
  /// A panel.
  Value weight;
  /// `Integer`: scale and zero point (i32) of x, scales and sums of the panel's channels.
  Value scale, zeroPoint, weightScales, weightSums;
  /// Of the panel's first channel; `other` and its channel distance; null where there are none.
  Value bias, other, otherStride;
  /// First pixel of the first channel, distance of channels, number of pixels.
  Value y, outputStride, pixels;

  SmallVector<Value> get() const;
};

/// Function that computes `rows` output channels of a panel for a run of pixels.
func::FuncOp getConvTileFunction(KernelLibrary &library, const ConvRequest &request, int64_t rows);

/// Function that writes planes of the input, in which the pixels of an output region are
/// contiguous for every tap:
///   planes[c][kw][phase][row][column] = x[c][(row0 + row) * stride + phase - pad]
///                                           [(column0 + column) * stride + kw * dilation - pad]
/// and a fill value where that is outside. Integer kernels have 4 channels per element.
/// Arguments: x (flat, first channel), its channel and row stride, height, width, channels, planes
/// (flat), row0, rows (of the planes), column0, columns, fill value (an element of the planes).
func::FuncOp getConvPlanesFunction(KernelLibrary &library, const ConvWindow &window,
                                   bool isInteger);

/// A vector of the elements at, at + step, ... of the flat memref `source`, which are in the
/// columns firstColumn, ... of an image; those of `outside` where a column is negative or not below
/// `width`.
Value loadPixels(KernelBuilder &builder, Value source, Value at, Value firstColumn, Value width,
                 int64_t step, Value outside);

/// Distance of every tap from the first one in planes of `planeSize` elements with rows of
/// `columns`, in memory of this thread. Null if there is one tap.
Value makeConvTaps(KernelBuilder &builder, const ConvWindow &window, Value planeSize,
                   Value columns);

/// How an output image is cut into regions, so that the planes of one are not larger than a limit:
/// whole rows, or parts of one row.
struct ConvRegions {
  /// Size of a region, numbers of regions in both directions.
  Value rows, columns, strips, parts;

  /// A row of the planes has `perColumn` elements for every column, and there are `extra` rows more
  /// than in the output. Rows are only put together if the output is flat.
  static ConvRegions get(KernelBuilder &builder, Value perColumn, int64_t extra, Value limit,
                         Value outputRows, Value outputColumns, Value isFlat);

  /// First row, first column and number of pixels of region `number` of an image.
  struct Place {
    Value row, column, pixels;
  };
  Place locate(KernelBuilder &builder, Value number, Value outputRows, Value outputColumns) const;
};

/// ceil(a / b) of non-negative numbers, and a conditional value.
Value divideUp(KernelBuilder &builder, Value a, Value b);
Value selectValue(KernelBuilder &builder, Value condition, Value a, Value b);

/// Function that decodes a panel of codes. Arguments: codes, scales, [zero points], k, panel (flat,
/// with room for k rounded up to a multiple of 8).
func::FuncOp getConvDecodeFunction(KernelLibrary &library, const ConvWeight &weight);

/// Emits the body of a kernel for one input channel per output channel.
void emitDepthwiseConv(KernelBuilder &builder, const ConvRequest &request, ValueRange args);

/// Element of the planes: f32, or i32 for 4 channels of 8 bits.
Type getPlaneElementType(MLIRContext *context, const ConvWeight &weight);

/// Emits a call of a function without results.
void emitCall(KernelBuilder &builder, func::FuncOp callee, ValueRange operands);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_CODEGEN_CPU_CONVPARTS_H
