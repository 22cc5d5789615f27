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
#include <variant>

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

/// Scales that are codes themselves: `dequantize(codes, factor)`. MX formats have f8E8M0FNU codes
/// and the factor 1, NVFP4 has f8E4M3FN codes and a factor of the tensor.
struct NestedScales {
  /// Shape of the scales; any code type of `compress.dequantize`.
  StoredTensor codes;
  /// Rank 0, in the float type of the scales.
  StoredTensor factor;
};

/// Scales that are quantized with a table, blocks and an offset (QLoRA's double quantization):
/// `add(reshape(lookup(codes, table, scale) {block = [block]}), offset)`.
struct DoubleScales {
  /// `[n]` of ui8 (or narrower unsigned codes), where n is the number of scales in row-major order.
  StoredTensor codes;
  /// An entry for every code of the type; `[256]` for ui8. Float type of the scales, as are `scale`
  /// and `offset`.
  StoredTensor table;
  /// `[ceil(n / block)]`.
  StoredTensor scale;
  /// Rank 0.
  StoredTensor offset;
  int64_t block = 256;
};

/// Scales that the module computes from weights, as they were read. They are kept as long as no
/// step replaces them.
struct ScaleExpression {
  Value value;
  /// Bytes of the stored tensors it reads.
  uint64_t bytes = 0;
};

/// A weight in the normal form
/// [mask] o [dequantize | lookup | cast] o [expand_nm | expand_bitmap] o load:
///
///   what is set          chain                                     example
///   nothing              values                                    dense floats
///   nothing, `isCast()`  cast(values)                              f16 storage of an f32 weight
///   scales               dequantize(values, scales[, zero points]) int8, f8E4M3FN, MX, NVFP4
///   table                lookup(values, table)                     palettes
///   table and scales     lookup(values, table, scales)             NF4, binary
///   table, `tableBlock`  lookup(values, tables[, scales])          palettes of channels, groups
///   vectors              lookup_vectors(values, tables[, scales])  product and additive codebooks
///
/// To make one, set `values` to the codes (`makeCodes`, `makeWideCodes`), `table` or
/// `vectors->tables` (`makeFloats`) and `scales` (one of `makeScales`, `makeNestedScales`,
/// `makeDoubleScales`), all allocated from the store.
struct EncodedWeight {
  /// Type of the decoded weight.
  RankedTensorType type;
  /// What is stored: floats, or codes (`hasCodes()`); only the kept ones if there is a pattern.
  /// Codes are integers or floats of at most 8 bits; with a table they are unsigned or i1. Codes of
  /// vectors are unsigned, of at most 16 bits and of shape `[..., ceil(size of axis / dim), ...,
  /// codebooks]`.
  StoredTensor values;
  /// Which values are stored: N:M along `axis`, or any (a bitmap of the flattened tensor). Between
  /// steps the values may be dense: then `mask` has one byte per element (1: kept), and `fill` and
  /// `positions` have no meaning; see `compactPattern`.
  struct Pattern {
    enum class Kind { NM, Bitmap };
    Kind kind = Kind::NM;
    /// Only N:M patterns have these two.
    NMPattern nm;
    int64_t axis = 0;
    /// Code of the elements that are not stored.
    int64_t fill = 0;
    /// Positions of the codes in their groups (`compress.expand_nm`), or the bitmap
    /// (`compress.expand_bitmap`).
    StoredTensor positions;
    std::vector<uint8_t> mask;
    bool isDense() const { return !mask.empty(); }
    bool isNM() const { return kind == Kind::NM; }
    bool isBitmap() const { return kind == Kind::Bitmap; }
  };
  std::optional<Pattern> pattern;
  /// Values of the codes, in the weight's float type: rank 1, an entry for every code of the type;
  /// or, with `tableBlock`, a table for each block of the weight: `[blocks of each dim...,
  /// entries]`.
  std::optional<StoredTensor> table;
  SmallVector<int64_t> tableBlock;
  /// The codes stand for vectors of values along `axis` (`compress.lookup_vectors`). Such weights
  /// have no pattern, no table and no zero points, but may have scales.
  struct Vectors {
    /// `[subspaces, codebooks, entries, dim]` in the weight's float type.
    StoredTensor tables;
    int64_t axis = 0;
  };
  std::optional<Vectors> vectors;
  /// Block sizes per dim (-1: whole; empty: one block), scales and zero points.
  struct Scales {
    SmallVector<int64_t> block;
    /// The scales, in the weight's float type and of shape `getScaleShape(type, block)`: what is
    /// stored, or what `storage` stands for.
    StoredTensor scale;
    /// Codes of zero, of the type of the codes and the shape of the scales. Never with a table.
    std::optional<StoredTensor> zeroPoint;
    /// How the scales are stored; nothing: as they are.
    std::variant<std::monostate, NestedScales, DoubleScales, ScaleExpression> storage;

    bool isDirect() const { return std::holds_alternative<std::monostate>(storage); }
    /// Bytes of everything that is stored for the scales, zero points included.
    uint64_t getStoredBytes() const;
  };
  std::optional<Scales> scales;
  /// Elements that are zero although no code says so: a bool for each element of `type`. Only
  /// weights without a code of zero (see `explainNoZeroCode`) have one.
  std::optional<StoredTensor> mask;

  /// Whether the values are codes, not floats.
  bool hasCodes() const { return scales || table || vectors; }
  /// Whether the values are floats of another type than the weight.
  bool isCast() const {
    return !hasCodes() && values.getType().getElementType() != type.getElementType();
  }
  /// Bytes of all stored tensors.
  uint64_t getStoredBytes() const;
};

/// A new tensor of codes, from the low bits of one byte per code, packed as the store packs them.
FailureOr<StoredTensor> makeCodes(WeightStore &store, RankedTensorType type,
                                  ArrayRef<uint8_t> codes, EmitErrorFn emitError);
/// The same with codes of 9 to 16 bits, for `EncodedWeight::vectors`; also narrower ones.
FailureOr<StoredTensor> makeWideCodes(WeightStore &store, RankedTensorType type,
                                      ArrayRef<uint16_t> codes, EmitErrorFn emitError);
/// A new tensor of floats of any float type, each rounded to nearest, ties to even, saturating.
FailureOr<StoredTensor> makeFloats(WeightStore &store, RankedTensorType type,
                                   ArrayRef<float> values, EmitErrorFn emitError);

/// Scales of the weight type `type` that are stored as they are: `values` in row-major order of
/// `getScaleShape(type, block)`, rounded to the element type of `type`.
FailureOr<EncodedWeight::Scales> makeScales(WeightStore &store, RankedTensorType type,
                                            ArrayRef<int64_t> block, ArrayRef<float> values,
                                            EmitErrorFn emitError);
/// Scales that are stored as codes of `codeType` (f8E8M0FNU, f8E4M3FN, ...): each value divided by
/// `factor`, in f32, and rounded to it. `scale` holds what these codes stand for: exactly `values`
/// if they are representable.
FailureOr<EncodedWeight::Scales> makeNestedScales(WeightStore &store, RankedTensorType type,
                                                  ArrayRef<int64_t> block, DataType codeType,
                                                  ArrayRef<float> values, float factor,
                                                  EmitErrorFn emitError);
/// Scales in double quantization, from what the algorithm gives: `codes`, one ui8 for each scale in
/// row-major order, the `table` of 256 values, `scales` for each `secondBlock` codes, and `offset`.
FailureOr<EncodedWeight::Scales> makeDoubleScales(WeightStore &store, RankedTensorType type,
                                                  ArrayRef<int64_t> block, ArrayRef<uint8_t> codes,
                                                  ArrayRef<float> table, ArrayRef<float> scales,
                                                  float offset, int64_t secondBlock,
                                                  EmitErrorFn emitError);

/// The code that means zero in all blocks (as a number: sign- or zero-extended): the zero point, 0,
/// or the first code whose entry is zero in all tables. Nothing if there is none.
std::optional<int64_t> getZeroCode(const EncodedWeight &weight);
/// Why `getZeroCode` is nothing, for remarks; empty if it is not. Such weights have no pattern.
std::string explainNoZeroCode(const EncodedWeight &weight);
/// Why `compactPattern` will drop the pattern of a weight with dense values, for remarks; empty if
/// it will not: there is no code of zero, or codes and bitmap take as many bytes as dense values.
std::string explainDenseStorage(const EncodedWeight &weight);

/// Place of the first code of a weight with `vectors` that has no entry in the tables; nothing if
/// all have one.
std::optional<uint64_t> findCodeWithoutEntry(const EncodedWeight &weight);

/// Dense decoded values of a weight, masks included, as a new tensor of type `weight.type`.
FailureOr<StoredTensor> decodeWeight(WeightStore &store, const EncodedWeight &weight,
                                     EmitErrorFn emitError);
/// Converts the values of a weight in f16 or bf16 storage (`isCast()`) to the weight's type. Steps
/// that take floats of that type, such as quantization, do this first.
LogicalResult widenValues(WeightStore &store, EncodedWeight &weight, EmitErrorFn emitError);

/// Why `chain` cannot be read as an `EncodedWeight`; empty if it can. Touches no bytes.
std::string explainUnsupported(const WeightChain &chain);

/// The weight of a supported chain. A mask (outermost, constant) is made physical: masked values
/// are zero, masked codes are the code of zero; it is kept if there is no such code. Failure comes
/// with a diagnostic.
FailureOr<EncodedWeight> readEncodedWeight(WeightStore &store, const WeightChain &chain,
                                           EmitErrorFn emitError);

/// Makes the values of a weight with a pattern dense and keeps the pattern as a mask.
LogicalResult expandPattern(WeightStore &store, EncodedWeight &weight, EmitErrorFn emitError);

/// Reduces dense values to the kept ones and their positions. If no single code means zero in all
/// blocks, or if that takes no fewer bytes (`explainDenseStorage`), the values stay dense and the
/// pattern is dropped; the result says whether it was kept.
FailureOr<bool> compactPattern(WeightStore &store, EncodedWeight &weight, EmitErrorFn emitError);

/// Sets the elements whose `mask` byte is 0 (one per element of the dense weight) to zero: their
/// codes, or, where no code means zero, bits of `weight.mask`. The values must be dense.
LogicalResult applyDenseMask(WeightStore &store, EncodedWeight &weight, ArrayRef<uint8_t> mask,
                             EmitErrorFn emitError);

/// Zero points of a quantized weight, one sign- or zero-extended entry per block; empty if it has
/// none.
SmallVector<int64_t> getZeroPoints(const EncodedWeight &weight);

/// The quantized tensor that algorithms take; `codes` are the dense codes of `weight`. Failure if
/// it is not of integer codes with scales (`decodeWeight` works for all).
FailureOr<QuantizedTensor> getQuantizedTensor(const EncodedWeight &weight,
                                              const StoredTensor &codes);

/// Builds the chain of `weight` at the builder's insertion point, with new sources like `like`
/// whose names start with `name`.
Value writeEncodedWeight(OpBuilder &builder, WeightSymbols &symbols, WeightStore &store,
                         WeightSourceOpInterface like, StringRef name, EncodedWeight &weight);

/// Dense values or codes of a weight with a pattern, as a new tensor.
FailureOr<StoredTensor> expandValues(WeightStore &store, const EncodedWeight &weight,
                                     EmitErrorFn emitError);

/// Decoded value of any chain, masks included, as a new tensor: by the algorithms where they know
/// the form, else by the executable semantics of its links.
FailureOr<StoredTensor> decodeChain(WeightStore &store, const WeightChain &chain,
                                    EmitErrorFn emitError);

/// Value of a stored expression (`isStoredExpression`), as a new tensor.
FailureOr<StoredTensor> evaluateStored(WeightStore &store, Value value, EmitErrorFn emitError);

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
