// RUN: compress-opt %s --convert-compress-to-linalg=target=avx512vnni --split-input-file | FileCheck %s
// Floats of few bits are computed, and scales that are expressions are evaluated: MXFP4 and NVFP4.

compress.weight private @q : tensor<64x8xf4E2M1FN> = dense<1.5>
compress.weight private @e : tensor<2x8xf8E8M0FNU> = dense<0.5>
compress.weight private @one : tensor<f32> = dense<1.0>
compress.weight private @e4 : tensor<4x8xf8E4M3FN> = dense<0.5>
compress.weight private @factor : tensor<f32> = dense<0.25>

// CHECK-DAG: compress.weight private @q{{.*}}.scale : tensor<1x2x64xf32>
// CHECK-DAG: compress.weight private @q{{.*}}.scale : tensor<1x4x64xf32>
// CHECK-LABEL: func.func @microscaling(
// CHECK: compress.kernel_call @linear_e2m1g32_64x8_avx512vnni
// CHECK: compress.kernel_call @linear_e2m1g16_64x8_avx512vnni
func.func @microscaling(%x: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %q = compress.load @q : tensor<64x8xf4E2M1FN>
  %e = compress.load @e : tensor<2x8xf8E8M0FNU>
  %one = compress.load @one : tensor<f32>
  %s = compress.dequantize %e, %one : (tensor<2x8xf8E8M0FNU>, tensor<f32>) -> tensor<2x8xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 32, 1>} : (tensor<64x8xf4E2M1FN>, tensor<2x8xf32>) -> tensor<64x8xf32>
  %y = compress.linear kn %x, %w {name = "mxfp4"} : (tensor<?x64xf32>, tensor<64x8xf32>) -> tensor<?x8xf32>
  %e4 = compress.load @e4 : tensor<4x8xf8E4M3FN>
  %f = compress.load @factor : tensor<f32>
  %t = compress.dequantize %e4, %f : (tensor<4x8xf8E4M3FN>, tensor<f32>) -> tensor<4x8xf32>
  %v = compress.dequantize %q, %t {block = array<i64: 16, 1>} : (tensor<64x8xf4E2M1FN>, tensor<4x8xf32>) -> tensor<64x8xf32>
  %z = compress.linear kn %x, %v {name = "nvfp4"} : (tensor<?x64xf32>, tensor<64x8xf32>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Floats of eight and six bits are bytes.

compress.weight private @q8 : tensor<8x64xf8E4M3FN> = dense<1.5>
compress.weight private @q6 : tensor<8x64xf6E3M2FN> = dense<1.5>
compress.weight private @s : tensor<8x1xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q8.panels64.t : tensor<1x64x64xi8>
// CHECK-DAG: compress.weight private @q6.panels64.t : tensor<1x64x64xi8>
// CHECK-LABEL: func.func @float8(
// CHECK-DAG: compress.kernel_call @linear_e4m3g64_64x8_{{.*}}
// CHECK-DAG: compress.kernel_call @linear_e3m2g64_64x8_{{.*}}
func.func @float8(%x: tensor<?x64xf32>) -> tensor<?x8xf32> {
  %q = compress.load @q8 : tensor<8x64xf8E4M3FN>
  %p = compress.load @q6 : tensor<8x64xf6E3M2FN>
  %s = compress.load @s : tensor<8x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<8x64xf8E4M3FN>, tensor<8x1xf32>) -> tensor<8x64xf32>
  %v = compress.dequantize %p, %s {block = array<i64: 1, -1>} : (tensor<8x64xf6E3M2FN>, tensor<8x1xf32>) -> tensor<8x64xf32>
  %y = compress.linear nk %x, %w {name = "fp8"} : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %z = compress.linear nk %x, %v {name = "fp6"} : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %r = compress.add %y, %z : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}

// -----

// NF4 with scales in double quantization, and binary weights: a table and scales.

compress.weight private @c : tensor<8x64xui4> = dense<1>
compress.weight private @t : tensor<16xf32> = dense<0.5>
compress.weight private @sc : tensor<8xui8> = dense<3>
compress.weight private @map : tensor<256xf32> = dense<0.25>
compress.weight private @s2 : tensor<1xf32> = dense<2.0>
compress.weight private @offset : tensor<f32> = dense<1.0>
compress.weight private @b : tensor<8x64xi1> = dense<true>
compress.weight private @signs : tensor<2xf32> = dense<[-1.0, 1.0]>
compress.weight private @alpha : tensor<8x1xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @c.panels64.t.scale : tensor<1x1x64xf32>
// CHECK-DAG: compress.weight private @b.panels64.t : tensor<1x2x64xi32>
// CHECK-LABEL: func.func @tables(
// CHECK-DAG: compress.kernel_call @linear_i4g64t_64x8_avx512vnni
// CHECK-DAG: compress.kernel_call @linear_i1g64t_64x8_avx512vnni
func.func @tables(%x: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %c = compress.load @c : tensor<8x64xui4>
  %t = compress.load @t : tensor<16xf32>
  %sc = compress.load @sc : tensor<8xui8>
  %map = compress.load @map : tensor<256xf32>
  %s2 = compress.load @s2 : tensor<1xf32>
  %offset = compress.load @offset : tensor<f32>
  %u = compress.lookup %sc, %map, %s2 {block = array<i64: 256>} : (tensor<8xui8>, tensor<256xf32>, tensor<1xf32>) -> tensor<8xf32>
  %shape = compress.constant dense<[8, 1]> : tensor<2xi64>
  %shaped = compress.reshape %u, %shape : (tensor<8xf32>, tensor<2xi64>) -> tensor<8x1xf32>
  %s = compress.add %shaped, %offset : (tensor<8x1xf32>, tensor<f32>) -> tensor<8x1xf32>
  %w = compress.lookup %c, %t, %s {block = array<i64: 1, 64>} : (tensor<8x64xui4>, tensor<16xf32>, tensor<8x1xf32>) -> tensor<8x64xf32>
  %y = compress.linear nk %x, %w {name = "nf4"} : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %b = compress.load @b : tensor<8x64xi1>
  %signs = compress.load @signs : tensor<2xf32>
  %alpha = compress.load @alpha : tensor<8x1xf32>
  %v = compress.lookup %b, %signs, %alpha {block = array<i64: 1, -1>} : (tensor<8x64xi1>, tensor<2xf32>, tensor<8x1xf32>) -> tensor<8x64xf32>
  %z = compress.linear nk %x, %v {name = "binary"} : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Integers of six and three bits are stored in eight and four.

compress.weight private @q6 : tensor<64x8xi6> = dense<-5>
compress.weight private @q3 : tensor<64x8xi3> = dense<-3>
compress.weight private @s : tensor<1x8xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q6.panels64 : tensor<1x64x64xi8>
// CHECK-DAG: compress.weight private @q3.panels64 : tensor<1x8x64xi32>
// CHECK-LABEL: func.func @short(
// CHECK-DAG: compress.kernel_call @linear_i8g64_64x8_avx512vnni
// CHECK-DAG: compress.kernel_call @linear_i4m4g64_64x8_avx512vnni
func.func @short(%x: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %q = compress.load @q6 : tensor<64x8xi6>
  %p = compress.load @q3 : tensor<64x8xi3>
  %s = compress.load @s : tensor<1x8xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<64x8xi6>, tensor<1x8xf32>) -> tensor<64x8xf32>
  %v = compress.dequantize %p, %s {block = array<i64: -1, 1>} : (tensor<64x8xi3>, tensor<1x8xf32>) -> tensor<64x8xf32>
  %y = compress.linear kn %x, %w {name = "int6"} : (tensor<?x64xf32>, tensor<64x8xf32>) -> tensor<?x8xf32>
  %z = compress.linear kn %x, %v {name = "int3"} : (tensor<?x64xf32>, tensor<64x8xf32>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Integer sums take weights of six bits as bytes, for this target with 128 added.

compress.weight private @q : tensor<4x64xi6> = dense<-5>
compress.weight private @s : tensor<1x64xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.panels64.u8 : tensor<1x1x256xi8> = dense<123>
// CHECK-LABEL: func.func @dynamic(
// CHECK: compress.kernel_call @linear_s8row_s8_4x64_avx512vnni
func.func @dynamic(%x: tensor<?x4xf32>) -> tensor<?x64xf32> {
  %q = compress.load @q : tensor<4x64xi6>
  %s = compress.load @s : tensor<1x64xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<4x64xi6>, tensor<1x64xf32>) -> tensor<4x64xf32>
  %c, %cs, %cz = compress.dynamic_quantize %x row : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
  %d = compress.dequantize %c, %cs {block = array<i64: 1, -1>} : (tensor<?x4xi8>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %y = compress.linear kn %d, %w {name = "fc"} : (tensor<?x4xf32>, tensor<4x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// Floats of few bits are no integers: no integer sums.

compress.weight private @q : tensor<4x64xf8E4M3FN> = dense<-5.0>
compress.weight private @s : tensor<1x64xf32> = dense<0.5>

// CHECK-LABEL: func.func @no_integer_sums(
// CHECK: compress.kernel_call @linear_e4m3g4_4x64_avx512vnni
func.func @no_integer_sums(%x: tensor<?x4xf32>) -> tensor<?x64xf32> {
  %q = compress.load @q : tensor<4x64xf8E4M3FN>
  %s = compress.load @s : tensor<1x64xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<4x64xf8E4M3FN>, tensor<1x64xf32>) -> tensor<4x64xf32>
  %c, %cs, %cz = compress.dynamic_quantize %x row : (tensor<?x4xf32>) -> (tensor<?x4xi8>, tensor<?x1xf32>, tensor<?x1xi8>)
  %d = compress.dequantize %c, %cs {block = array<i64: 1, -1>} : (tensor<?x4xi8>, tensor<?x1xf32>) -> tensor<?x4xf32>
  %y = compress.linear kn %d, %w {name = "fc"} : (tensor<?x4xf32>, tensor<4x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

// A NaN among the codes: values are looked up.

compress.weight private @q : tensor<4x64xf8E4M3FN> = dense<0x7F>
compress.weight private @s : tensor<1x64xf32> = dense<0.5>

// CHECK-DAG: compress.weight private @q.panels64.table : tensor<256xf32>
// CHECK-LABEL: func.func @not_a_number(
// CHECK: compress.kernel_call @linear_i8g4t_4x64_avx512vnni
func.func @not_a_number(%x: tensor<?x4xf32>) -> tensor<?x64xf32> {
  %q = compress.load @q : tensor<4x64xf8E4M3FN>
  %s = compress.load @s : tensor<1x64xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<4x64xf8E4M3FN>, tensor<1x64xf32>) -> tensor<4x64xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<4x64xf32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
