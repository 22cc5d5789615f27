//===- EncodedWeight.h - a decode chain in memory -*- C++ -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a compression step works on: the stored tensors of a decode chain in normal form, apart from
// the IR, so that weights can be processed in parallel and step after step.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ANALYSIS_ENCODEDWEIGHT_H
#define COMPRESS_ANALYSIS_ENCODEDWEIGHT_H

#include "compress/Algorithms/BlockView.h"
#include "compress/Algorithms/NMPacking.h"
#include "compress/Algorithms/UniformQuantization.h"
#include "compress/Analysis/WeightChain.h"
#include "compress/Dialect/Compress/IR/WeightStore.h"

namespace mlir {
namespace compress {

/// A stored tensor: bytes that the module has, or new ones.
class StoredTensor {
public:
  StoredTensor() = default;
  /// Bytes of the module; see `WeightStore::read`.
  static FailureOr<StoredTensor> read(WeightStore &store, WeightSourceOpInterface source,
                                      EmitErrorFn emitError);
  /// New zeroed bytes.
  static FailureOr<StoredTensor> allocate(WeightStore &store, RankedTensorType type,
                                          EmitErrorFn emitError);

  RankedTensorType getType() const { return type; }
  DataType getDataType() const { return *compress::getDataType(type.getElementType()); }
  ArrayRef<char> bytes() const { return isNew ? buffer->bytes() : view.bytes(); }
  /// Bytes of a tensor made by `allocate`.
  MutableArrayRef<char> mutableBytes() { return buffer->bytes(); }
  bool isNewTensor() const { return isNew; }
  /// A source op with these bytes: a new one like `like` named `name`, or the one they came from.
  Value materialize(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
                    WeightSourceOpInterface like, StringRef name);

  /// Value attribute of a tensor made by `allocate`, which gives its bytes away.
  Attribute commit(WeightStore &store, StringRef name);

private:
  RankedTensorType type;
  bool isNew = false;
  WeightBytes view;
  std::optional<WeightBuffer> buffer;
  WeightSourceOpInterface source;
};

/// A weight in the normal form [dequantize] o [expand_nm] o load.
struct EncodedWeight {
  /// Type of the decoded weight.
  RankedTensorType type;
  /// What is stored: floats, or codes if there are scales; only the kept ones if there is a
  /// pattern.
  StoredTensor values;
  /// N:M pattern along `axis`. Between steps the values may be dense: then `mask` has one byte per
  /// element (1: kept), and `fill` and `positions` have no meaning; see `compactPattern`.
  struct Pattern {
    NMPattern nm;
    int64_t axis = 0;
    int64_t fill = 0;
    StoredTensor positions;
    std::vector<uint8_t> mask;
    bool isDense() const { return !mask.empty(); }
  };
  std::optional<Pattern> pattern;
  /// Block sizes per dim (-1: whole), scales and zero points.
  struct Scales {
    SmallVector<int64_t> block;
    StoredTensor scale;
    std::optional<StoredTensor> zeroPoint;
  };
  std::optional<Scales> scales;

  /// Bytes of all stored tensors.
  uint64_t getStoredBytes() const;
};

/// Why `chain` cannot be read as an `EncodedWeight`; empty if it can. Touches no bytes.
std::string explainUnsupported(const WeightChain &chain);

/// The weight of a supported chain. A mask (outermost, constant) is made physical: masked values
/// are zero, masked codes are the code of zero. Failure comes with a diagnostic.
FailureOr<EncodedWeight> readEncodedWeight(WeightStore &store, const WeightChain &chain,
                                           EmitErrorFn emitError);

/// Makes the values of a weight with a pattern dense and keeps the pattern as a mask.
LogicalResult expandPattern(WeightStore &store, EncodedWeight &weight, EmitErrorFn emitError);

/// Reduces dense values to the kept ones and their positions. If no single code means zero in all
/// blocks, the values stay dense and the pattern is dropped; the result says whether it was kept.
FailureOr<bool> compactPattern(WeightStore &store, EncodedWeight &weight, EmitErrorFn emitError);

/// Sets the elements whose `mask` byte is 0 (one per element of the dense weight) to zero. The
/// values must be dense.
LogicalResult applyDenseMask(WeightStore &store, EncodedWeight &weight, ArrayRef<uint8_t> mask,
                             EmitErrorFn emitError);

/// Zero points of a quantized weight, one sign- or zero-extended entry per block; empty if it has
/// none.
SmallVector<int64_t> getZeroPoints(const EncodedWeight &weight);

/// The quantized tensor that algorithms take; `weight` has scales, and `codes` are its dense codes.
FailureOr<QuantizedTensor> getQuantizedTensor(const EncodedWeight &weight,
                                              const StoredTensor &codes);

/// Builds the chain of `weight` at the builder's insertion point, with new sources like `like`
/// whose names start with `name`.
Value writeEncodedWeight(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
                         WeightSourceOpInterface like, StringRef name, EncodedWeight &weight);

/// Dense values or codes of a weight with an N:M pattern, as a new tensor.
FailureOr<StoredTensor> expandValues(WeightStore &store, const EncodedWeight &weight,
                                     EmitErrorFn emitError);

/// Decoded value of any chain, masks included, as a new tensor: by the algorithms where they know
/// the form, else by the executable semantics of its links.
FailureOr<StoredTensor> decodeChain(WeightStore &store, const WeightChain &chain,
                                    EmitErrorFn emitError);

/// All elements of a stored float tensor, exactly.
std::vector<double> toDoubles(const StoredTensor &tensor);

/// Row-major tensor of `shape` seen with dim `axis` in the middle.
BlockView getAxisView(ArrayRef<int64_t> shape, int64_t axis);
/// View and group size of a `block` attribute: one dim with any block size, or a run of whole dims,
/// all others with blocks of 1. Failure for other blocks.
FailureOr<std::pair<BlockView, uint64_t>> getBlockView(ArrayRef<int64_t> shape,
                                                       ArrayRef<int64_t> block);
/// Shape of the scales of `shape` with `block`.
SmallVector<int64_t> getScaleShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> block);

/// Name of a weight without the suffixes that `writeEncodedWeight` adds.
StringRef getBaseName(StringRef name);

} // namespace compress
} // namespace mlir

#endif // COMPRESS_ANALYSIS_ENCODEDWEIGHT_H
