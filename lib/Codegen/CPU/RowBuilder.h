//===- RowBuilder.h - vectors along a row -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CODEGEN_CPU_ROWBUILDER_H
#define COMPRESS_LIB_CODEGEN_CPU_ROWBUILDER_H

#include "compress/Codegen/CPU/KernelBuilder.h"

namespace mlir {
namespace compress {

/// A register of consecutive columns of a row.
struct RowPiece {
  Value column;
  /// Which lanes are in the row; null: all.
  Value mask;
};

/// Walks rows of `length` columns in blocks of 64, each made of registers. The last block of a row
/// is masked.
class RowBuilder {
public:
  RowBuilder(KernelBuilder &builder, Value length);

  /// Elements, or 0 where the piece is outside of the row.
  Value load(const RowPiece &piece, Value memref, ValueRange leading);
  void store(const RowPiece &piece, Value vector, Value memref, ValueRange leading);
  /// `vector`, or `neutral` where the piece is outside of the row.
  Value keep(const RowPiece &piece, Value vector, double neutral);
  /// A constant in every lane.
  Value splat(double value) { return builder.splat(type, value); }
  Value splat(Value scalar) { return builder.broadcast(scalar, lanes); }

  void forEach(function_ref<void(const RowPiece &)> body);

  using Combine = function_ref<Value(Value, Value)>;
  /// 64 partial results, started with `neutral`, and their combination in a fixed tree. `step`
  /// gives the new partial results of a piece; it must not change them where the piece is masked.
  Value reduce(double neutral, function_ref<Value(const RowPiece &, Value)> step, Combine combine);

  Value add(Value a, Value b) { return builder.addf(a, b); }
  /// The larger one; `b` if one is NaN.
  Value larger(Value a, Value b);
  Value smaller(Value a, Value b);

private:
  static constexpr int64_t kBlock = 64;
  using Step = function_ref<void(const RowPiece &, int64_t index, SmallVectorImpl<Value> &)>;
  RowPiece getPiece(Value begin, int64_t offset);
  void emitPart(Value begin, int64_t count, Step step, SmallVectorImpl<Value> &state);
  void emitPart(Value begin, Value count, Step step, SmallVectorImpl<Value> &state);
  SmallVector<Value> walk(ValueRange init, Step step);

  KernelBuilder &builder;
  Value length;
  int64_t lanes;
  VectorType type;
};

/// Rows, spread over threads so that each has about `elements` columns to work on or more.
void forEachRow(KernelBuilder &builder, Value rows, Value length, int64_t elements,
                KernelBuilder::Body body);
/// `index` as f32.
Value toFloat(KernelBuilder &builder, Value index);
/// "768", or "d" for a dynamic size; for names of kernels.
std::string getSizeName(int64_t size);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_LIB_CODEGEN_CPU_ROWBUILDER_H
