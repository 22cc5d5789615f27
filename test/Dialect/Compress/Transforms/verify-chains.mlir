// RUN: compress-opt %s --compress-verify-chains --split-input-file | FileCheck %s
// The pass changes nothing.

// CHECK: compress.weight private @w.q : tensor<1x2xui4>
compress.weight private @w.q : tensor<1x2xui4> = dense<[[7, 1]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<9>
compress.weight private @w.scale : tensor<1x1xf32> = dense<0.5>
compress.weight private @w.zp : tensor<1x1xui4> = dense<5>
// CHECK-LABEL: func.func @valid
func.func @valid(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.expand_nm
  // CHECK: compress.dequantize
  // CHECK: compress.mask
  %q = compress.load @w.q : tensor<1x2xui4>
  %p = compress.load @w.meta : tensor<1x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 5 : i64} : (tensor<1x2xui4>, tensor<1x1xi8>) -> tensor<1x4xui4>
  %s = compress.load @w.scale : tensor<1x1xf32>
  %z = compress.load @w.zp : tensor<1x1xui4>
  %d = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>} : (tensor<1x4xui4>, tensor<1x1xf32>, tensor<1x1xui4>) -> tensor<1x4xf32>
  %m = compress.constant dense<[[true, true, false, true]]> : tensor<1x4xi1>
  %w = compress.mask %d, %m : tensor<1x4xf32>, tensor<1x4xi1>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// What is no weight of an op is no business of the pass: an activation, and a chain that is not finished.
// CHECK-LABEL: func.func @no_weight
func.func @no_weight(%x: tensor<?x4xf32>, %w: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<?x4xf32>) -> (tensor<?x4xui8>, tensor<f32>, tensor<ui8>)
  %d = compress.dequantize %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  %y = compress.linear nk %d, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Empty weights have nothing wrong.
compress.weight private @q : tensor<0x4xi8> = dense<>
compress.weight private @s : tensor<0x1xf32> = dense<>
// CHECK-LABEL: func.func @empty
func.func @empty(%x: tensor<?x4xf32>) -> tensor<?x0xf32> {
  %q = compress.load @q : tensor<0x4xi8>
  %s = compress.load @s : tensor<0x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<0x4xi8>, tensor<0x1xf32>) -> tensor<0x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<0x4xf32>) -> tensor<?x0xf32>
  return %y : tensor<?x0xf32>
}
