// RUN: compress-opt %s --split-input-file --convert-compress-to-linalg="target=avx2" --remarks-filter=kernels --verify-diagnostics | FileCheck %s

// Activations with constant scales use the integer kernels.
// CHECK-LABEL: func.func @conv_ui8(
// CHECK: compress.kernel_call @conv_int8_k1x1_avx2
compress.weight private @z : tensor<ui8> = dense<3>
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<6x3x1x1xi8> = dense<6>
compress.weight private @s : tensor<6x1x1x1xf32> = dense<0.25>
func.func @conv_ui8(%x: tensor<1x3x5x5xf32>) -> tensor<1x6x5x5xf32> {
  %q = compress.load @q : tensor<6x3x1x1xi8>
  %s = compress.load @s : tensor<6x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<6x3x1x1xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x1x1xf32>
  %xs = compress.load @xs : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %codes = compress.quantize %x, %xs, %z : (tensor<1x3x5x5xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x5xui8>
  %xq = compress.dequantize %codes, %xs, %z : (tensor<1x3x5x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x5xf32>
  %0 = compress.conv %xq, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  return %0 : tensor<1x6x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @conv_i8(
// CHECK: compress.kernel_call @conv_int8_k1x1_avx2
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<6x3x1x1xi8> = dense<6>
compress.weight private @s : tensor<6x1x1x1xf32> = dense<0.25>
func.func @conv_i8(%x: tensor<1x3x5x5xf32>) -> tensor<1x6x5x5xf32> {
  %q = compress.load @q : tensor<6x3x1x1xi8>
  %s = compress.load @s : tensor<6x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<6x3x1x1xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x1x1xf32>
  %xs = compress.load @xs : tensor<f32>
  %codes = compress.quantize %x, %xs : (tensor<1x3x5x5xf32>, tensor<f32>) -> tensor<1x3x5x5xi8>
  %xq = compress.dequantize %codes, %xs : (tensor<1x3x5x5xi8>, tensor<f32>) -> tensor<1x3x5x5xf32>
  %0 = compress.conv %xq, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  return %0 : tensor<1x6x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @conv_ui4(
// CHECK: compress.kernel_call @conv_int8_k1x1_avx2
compress.weight private @z : tensor<ui4> = dense<3>
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<6x3x1x1xi8> = dense<6>
compress.weight private @s : tensor<6x1x1x1xf32> = dense<0.25>
func.func @conv_ui4(%x: tensor<1x3x5x5xf32>) -> tensor<1x6x5x5xf32> {
  %q = compress.load @q : tensor<6x3x1x1xi8>
  %s = compress.load @s : tensor<6x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<6x3x1x1xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x1x1xf32>
  %xs = compress.load @xs : tensor<f32>
  %z = compress.load @z : tensor<ui4>
  %codes = compress.quantize %x, %xs, %z : (tensor<1x3x5x5xf32>, tensor<f32>, tensor<ui4>) -> tensor<1x3x5x5xui4>
  %xq = compress.dequantize %codes, %xs, %z : (tensor<1x3x5x5xui4>, tensor<f32>, tensor<ui4>) -> tensor<1x3x5x5xf32>
  %0 = compress.conv %xq, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  return %0 : tensor<1x6x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @conv_i4(
// CHECK: compress.kernel_call @conv_int8_k1x1_avx2
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<6x3x1x1xi8> = dense<6>
compress.weight private @s : tensor<6x1x1x1xf32> = dense<0.25>
func.func @conv_i4(%x: tensor<1x3x5x5xf32>) -> tensor<1x6x5x5xf32> {
  %q = compress.load @q : tensor<6x3x1x1xi8>
  %s = compress.load @s : tensor<6x1x1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, -1, -1>} : (tensor<6x3x1x1xi8>, tensor<6x1x1x1xf32>) -> tensor<6x3x1x1xf32>
  %xs = compress.load @xs : tensor<f32>
  %codes = compress.quantize %x, %xs : (tensor<1x3x5x5xf32>, tensor<f32>) -> tensor<1x3x5x5xi4>
  %xq = compress.dequantize %codes, %xs : (tensor<1x3x5x5xi4>, tensor<f32>) -> tensor<1x3x5x5xf32>
  %0 = compress.conv %xq, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  return %0 : tensor<1x6x5x5xf32>
}

// -----

// CHECK-LABEL: func.func @linear_ui8(
// CHECK: compress.kernel_call @linear_u8ztensor_s8_64x70_avx2
compress.weight private @z : tensor<ui8> = dense<3>
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<70x64xi8> = dense<6>
compress.weight private @s : tensor<70x1xf32> = dense<0.25>
func.func @linear_ui8(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<70x64xi8>
  %s = compress.load @s : tensor<70x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<70x64xi8>, tensor<70x1xf32>) -> tensor<70x64xf32>
  %xs = compress.load @xs : tensor<f32>
  %z = compress.load @z : tensor<ui8>
  %codes = compress.quantize %x, %xs, %z : (tensor<?x64xf32>, tensor<f32>, tensor<ui8>) -> tensor<?x64xui8>
  %xq = compress.dequantize %codes, %xs, %z : (tensor<?x64xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x64xf32>
  %0 = compress.linear nk %xq, %w : (tensor<?x64xf32>, tensor<70x64xf32>) -> tensor<?x70xf32>
  return %0 : tensor<?x70xf32>
}

// -----

// CHECK-LABEL: func.func @linear_i8(
// CHECK: compress.kernel_call @linear_s8tensor_s8_64x70_avx2
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<70x64xi8> = dense<6>
compress.weight private @s : tensor<70x1xf32> = dense<0.25>
func.func @linear_i8(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<70x64xi8>
  %s = compress.load @s : tensor<70x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<70x64xi8>, tensor<70x1xf32>) -> tensor<70x64xf32>
  %xs = compress.load @xs : tensor<f32>
  %codes = compress.quantize %x, %xs : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xi8>
  %xq = compress.dequantize %codes, %xs : (tensor<?x64xi8>, tensor<f32>) -> tensor<?x64xf32>
  %0 = compress.linear nk %xq, %w : (tensor<?x64xf32>, tensor<70x64xf32>) -> tensor<?x70xf32>
  return %0 : tensor<?x70xf32>
}

// -----

// CHECK-LABEL: func.func @linear_ui4(
// CHECK: compress.kernel_call @linear_u8ztensor_s8_64x70_avx2
compress.weight private @z : tensor<ui4> = dense<3>
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<70x64xi8> = dense<6>
compress.weight private @s : tensor<70x1xf32> = dense<0.25>
func.func @linear_ui4(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<70x64xi8>
  %s = compress.load @s : tensor<70x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<70x64xi8>, tensor<70x1xf32>) -> tensor<70x64xf32>
  %xs = compress.load @xs : tensor<f32>
  %z = compress.load @z : tensor<ui4>
  %codes = compress.quantize %x, %xs, %z : (tensor<?x64xf32>, tensor<f32>, tensor<ui4>) -> tensor<?x64xui4>
  %xq = compress.dequantize %codes, %xs, %z : (tensor<?x64xui4>, tensor<f32>, tensor<ui4>) -> tensor<?x64xf32>
  %0 = compress.linear nk %xq, %w : (tensor<?x64xf32>, tensor<70x64xf32>) -> tensor<?x70xf32>
  return %0 : tensor<?x70xf32>
}

// -----

// CHECK-LABEL: func.func @linear_i4(
// CHECK: compress.kernel_call @linear_u8ztensor_s8_64x70_avx2
compress.weight private @xs : tensor<f32> = dense<0.5>
compress.weight private @q : tensor<70x64xi8> = dense<6>
compress.weight private @s : tensor<70x1xf32> = dense<0.25>
func.func @linear_i4(%x: tensor<?x64xf32>) -> tensor<?x70xf32> {
  %q = compress.load @q : tensor<70x64xi8>
  %s = compress.load @s : tensor<70x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<70x64xi8>, tensor<70x1xf32>) -> tensor<70x64xf32>
  %xs = compress.load @xs : tensor<f32>
  %codes = compress.quantize %x, %xs : (tensor<?x64xf32>, tensor<f32>) -> tensor<?x64xi4>
  %xq = compress.dequantize %codes, %xs : (tensor<?x64xi4>, tensor<f32>) -> tensor<?x64xf32>
  %0 = compress.linear nk %xq, %w : (tensor<?x64xf32>, tensor<70x64xf32>) -> tensor<?x70xf32>
  return %0 : tensor<?x70xf32>
}
