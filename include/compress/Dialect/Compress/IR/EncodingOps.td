//===- EncodingOps.td - quantization, masks and sparse expansion -*- tablegen -*-===//
//
// Part of the compress project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for license information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_ENCODINGOPS_TD
#define COMPRESS_DIALECT_COMPRESS_IR_ENCODINGOPS_TD

include "compress/Dialect/Compress/IR/CompressOpBase.td"

def Compress_QuantizeOp : Compress_EncodingOp<"quantize"> {
  let summary = "float to codes";
  let description = [{
    `codes = clamp(round_half_even(input / scale) + zero_point, min, max)`, saturating, bit for bit
    as ONNX Runtime's QuantizeLinear; NaN becomes the zero point.

    `block[d]` elements along dim `d` share a scale, `-1` stands for the whole dim; the last block
    may be short. Dim `d` of the scale is `ceil(dim / block[d])`. Without `block` the scale has rank
    0 and holds for the whole tensor.

    Constraints: (C1) `block` has one positive (or -1) entry per dim; (C2) the scale's shape is the
    number of blocks; (C3) the zero point has the scale's shape and the code's element type;
    (C4) codes are integers or 8-bit or smaller floats; (C5) input and codes have the same shape.

    ```mlir
    %q = compress.quantize %x, %s, %z : (tensor<?x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x8xui8>
    ```
  }];
  let arguments = (ins
    Compress_FloatTensor:$input,
    Compress_FloatTensor:$scale,
    Optional<Compress_NumericTensor>:$zero_point,
    OptionalAttr<DenseI64ArrayAttr>:$block
  );
  let results = (outs Compress_NumericTensor:$codes);
  let assemblyFormat = [{
    $input `,` $scale (`,` $zero_point^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_DequantizeOp : Compress_EncodingOp<"dequantize", [
    DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "codes to float";
  let description = [{
    `result = (codes - zero_point) * scale`, computed in the scale's element type. `block` and the
    scale's shape are as for `compress.quantize`.

    Constraints: (C1) to (C5) as `compress.quantize`; (C6) the result has the scale's element type.

    ```mlir
    %w = compress.dequantize %q, %s {block = array<i64: 1, 128>}
       : (tensor<64x256xi4>, tensor<64x2xf32>) -> tensor<64x256xf32>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$codes,
    Compress_FloatTensor:$scale,
    Optional<Compress_NumericTensor>:$zero_point,
    OptionalAttr<DenseI64ArrayAttr>:$block
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = [{
    $codes `,` $scale (`,` $zero_point^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_DynamicQuantizeOp : Compress_EncodingOp<"dynamic_quantize"> {
  let summary = "float to 8- or 4-bit codes with parameters computed from the values";
  let description = [{
    For `ui8` codes: ONNX DynamicQuantizeLinear, that is `lo = min(0, min x)`, `hi = max(0, max x)`,
    `scale = (hi - lo) / 255`, `zero_point = clamp(round_half_even(-lo / scale), 0, 255)`. For `i8`
    codes: symmetric, `scale = max |x| / 127` (1 where all values are 0), `zero_point = 0`. For
    `ui4` and `i4` the same with 15 in place of 255 and 7 in place of 127.
    With granularity `row` each row along the last dim has its own parameters, which keep a last
    dim of size 1; with `tensor` they have rank 0.

    Constraints: (C1) codes have the input's shape and are `ui8`, `i8`, `ui4` or `i4`; (C2) scale and
    zero point have the shape that the granularity says; (C3) the zero point has the codes' element
    type, the scale the input's.
  }];
  let arguments = (ins
    Compress_FloatTensor:$input,
    Compress_DynamicGranularityAttr:$granularity
  );
  let results = (outs
    RankedTensorOf<[UI8, I8, UI<4>, I<4>]>:$codes, Compress_FloatTensor:$scale,
    RankedTensorOf<[UI8, I8, UI<4>, I<4>]>:$zero_point);
  let assemblyFormat = [{
    $input `` $granularity attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_FakeQuantizeOp : Compress_EncodingOp<"fake_quantize", [AttrSizedOperandSegments]> {
  let summary = "dequantize(quantize(x)) in one op";
  let description = [{
    The rounding and saturation of a code type as a float to float function; what quantization-aware
    training differentiates. With a `table` the result is `scale` times the entry of the table next
    to `input / scale`: of two entries `a < b` the upper one where the quotient is above
    `(a + b) / 2`, computed in f32 (f64 if one of the operands is). NaN becomes the first entry.

    Constraints: (C1) to (C5) as `compress.quantize`, with the code type in `codes`; (C6) the result
    has the input's element type; (C7) a table has rank 1, float entries, one for every code of the
    type, which is unsigned or bool, and excludes a zero point. Entries beyond are not used.

    ```mlir
    %y = compress.fake_quantize %x, %s as i4 {block = array<i64: 1, 32>}
       : (tensor<64x256xf32>, tensor<64x8xf32>) -> tensor<64x256xf32>
    %z = compress.fake_quantize %x, %s as ui4 table %t {block = array<i64: 1, 32>}
       : (tensor<64x256xf32>, tensor<64x8xf32>, tensor<16xf32>) -> tensor<64x256xf32>
    ```
  }];
  let arguments = (ins
    Compress_FloatTensor:$input,
    Compress_FloatTensor:$scale,
    Optional<Compress_NumericTensor>:$zero_point,
    Optional<Compress_FloatTensor>:$table,
    TypeAttr:$codes,
    OptionalAttr<DenseI64ArrayAttr>:$block
  );
  let results = (outs Compress_FloatTensor:$result);
  let builders = [
    // Without a table.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$scale,
                   "::mlir::Value":$zeroPoint, "::mlir::TypeAttr":$codes,
                   "::mlir::DenseI64ArrayAttr":$block), [{
      build($_builder, $_state, result, input, scale, zeroPoint, ::mlir::Value(), codes, block);
    }]>
  ];
  let assemblyFormat = [{
    $input `,` $scale (`,` $zero_point^)? `as` $codes (`table` $table^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_MaskOp : Compress_EncodingOp<"mask", [
    AllTypesMatch<["input", "result"]>, DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "zero where the mask is false";
  let description = [{
    A pruning decision before it is made physical. The mask is broadcast: `tensor<64x1x1x1xi1>` is a
    channel mask. Constraints: (C1) the mask has the input's rank, each dim equal or 1.

    ```mlir
    %p = compress.mask %w, %m : tensor<64x256xf32>, tensor<64x256xi1>
    ```
  }];
  let arguments = (ins Compress_NumericTensor:$input, Compress_BoolTensor:$mask);
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "$input `,` $mask attr-dict `:` type($input) `,` type($mask)";
  let hasVerifier = 1;
}

def Compress_LookupOp : Compress_EncodingOp<"lookup", [
    DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "codes to values of a table";
  let description = [{
    `result[i] = table[codes[i]]`, times the scale of the element's block if there is a scale: NF4,
    k-means palettes, powers of two, binary. The product is computed in f32 (f64 for f64) and rounded
    once. `block` and the scale's shape are as for `compress.quantize`.

    Constraints: (C1) codes are unsigned or bool; (C2) the table has rank 1 and an entry for every
    code of the type (unused ones are filled up), or, with `table_block`, one such table for each
    block of the result, `[blocks of each dim..., entries]`; (C3) the result has the codes' shape and the
    table's element type; (C4) a scale has the table's element type, a float, and the shape that
    `block` says, which only a scale has.

    ```mlir
    %p = compress.lookup %c, %t : (tensor<64x64xui4>, tensor<16xf32>) -> tensor<64x64xf32>
    %w = compress.lookup %c, %t, %s {block = array<i64: 1, 32>}
       : (tensor<64x64xui4>, tensor<16xf32>, tensor<64x2xf32>) -> tensor<64x64xf32>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$codes,
    Compress_NumericTensor:$table,
    Optional<Compress_FloatTensor>:$scale,
    OptionalAttr<DenseI64ArrayAttr>:$block,
    OptionalAttr<DenseI64ArrayAttr>:$table_block
  );
  let results = (outs Compress_NumericTensor:$result);
  let builders = [
    // Without a scale.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$codes, "::mlir::Value":$table), [{
      build($_builder, $_state, result, codes, table, ::mlir::Value(), ::mlir::DenseI64ArrayAttr(),
            ::mlir::DenseI64ArrayAttr());
    }]>,
    // One table.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$codes, "::mlir::Value":$table,
                   "::mlir::Value":$scale, "::mlir::DenseI64ArrayAttr":$block), [{
      build($_builder, $_state, result, codes, table, scale, block, ::mlir::DenseI64ArrayAttr());
    }]>
  ];
  let assemblyFormat = [{
    $codes `,` $table (`,` $scale^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_LookupVectorsOp : Compress_EncodingOp<"lookup_vectors", [
    DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "codes to vectors of values";
  let description = [{
    Along `axis` the result is cut into vectors of `dim` elements (the last one may be longer than
    what is left of it). A vector is the sum of one entry of each of `codebooks` codebooks (product
    quantization has one, the additive quantization of AQLM several), times the scale of the
    element's block if there is a scale. Sums and product are computed in f32 (f64 for f64), in the
    order of the codebooks, and rounded once.

    Constraints: (C1) codes are unsigned, of the result's shape with `ceil(size / dim)` along `axis`
    and one more dim, of size `codebooks`; (C2) tables are `[subspaces, codebooks, entries, dim]` of the
    result's element type, with 1 subspace or one for each vector along `axis`, and an entry for every
    code of the type up to 8 bits, for wider codes for every code that occurs; (C3) a scale is as for
    `compress.lookup`.

    ```mlir
    %w = compress.lookup_vectors %c, %t {axis = 1}
       : (tensor<64x8x2xui8>, tensor<1x2x256x8xf32>) -> tensor<64x64xf32>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$codes,
    Compress_FloatTensor:$tables,
    Optional<Compress_FloatTensor>:$scale,
    I64Attr:$axis,
    OptionalAttr<DenseI64ArrayAttr>:$block
  );
  let results = (outs Compress_FloatTensor:$result);
  let assemblyFormat = [{
    $codes `,` $tables (`,` $scale^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Compress_ExpandNMOp : Compress_EncodingOp<"expand_nm", [
    DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "kept codes of an N:M pattern to dense codes";
  let description = [{
    Along `axis`, of dense length `K`, the elements are cut into groups of `m` (the last may be
    short). A group keeps `min(n, size)` codes, in order of position; `codes` holds them, so its
    length along `axis` is `K / m * n + min(n, K % m)`. Everything else is `fill`, the code of zero.

    `positions` holds the position of each kept code inside its group in `max(1, ceil(log2 m))` bits:
    for each row along the last dim of `codes` they are packed low bits first, and each row is padded
    to a byte.

    Constraints: (C1) `1 <= n <= m <= 256`; (C2) `axis` is a dim; (C3) shapes of codes and positions
    follow from the result's; (C4) `fill` is in the range of the code type (0 for floats); (C5) codes
    have the result's element type.

    ```mlir
    %d = compress.expand_nm %q, %p {n = 2, m = 4, axis = 1}
       : (tensor<64x128xi4>, tensor<64x32xi8>) -> tensor<64x256xi4>
    ```
  }];
  let arguments = (ins
    Compress_NumericTensor:$codes,
    Compress_ByteTensor:$positions,
    I64Attr:$n, I64Attr:$m, I64Attr:$axis,
    DefaultValuedAttr<I64Attr, "0">:$fill
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "$codes `,` $positions attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Compress_ExpandBitmapOp : Compress_EncodingOp<"expand_bitmap", [
    DeclareOpInterfaceMethods<DecodeOpInterface>]> {
  let summary = "kept codes of an unstructured pattern to dense codes";
  let description = [{
    Bit `i` of `bitmap` (low bits first) says whether element `i` of the flattened result is kept; the
    kept codes are taken from the rank-1 `codes` in order, everything else is `fill`.

    Constraints: (C1) codes and bitmap have rank 1; (C2) the bitmap has `ceil(numElements / 8)`
    bytes; (C3) codes have the result's element type and not more elements; (C4) `fill` is in range.
  }];
  let arguments = (ins
    Compress_NumericTensor:$codes,
    Compress_ByteTensor:$bitmap,
    DefaultValuedAttr<I64Attr, "0">:$fill
  );
  let results = (outs Compress_NumericTensor:$result);
  let assemblyFormat = "$codes `,` $bitmap attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // COMPRESS_DIALECT_COMPRESS_IR_ENCODINGOPS_TD
