// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Scales and shifts of norms go with their channels; two norms that share a stored scale are told
// apart.

compress.weight private @c0 : tensor<6x2x3x3xf32> = dense<0.5>
compress.weight private @c1 : tensor<4x6x1x1xf32> = dense<0.5>
compress.weight private @c2 : tensor<5x4x1x1xf32> = dense<0.5>
compress.weight private @s6 : tensor<6xf32> = dense<0.5>
compress.weight private @w0 : tensor<5x8xf32> = dense<0.5>
compress.weight private @w1 : tensor<8x7xf32> = dense<0.5>
compress.weight private @w2 : tensor<7x2xf32> = dense<0.5>
compress.weight private @s8 : tensor<8xf32> = dense<0.5>
compress.weight private @s7 : tensor<7xf32> = dense<0.5>

func.func @batch_norm(%x: tensor<1x2x8x8xf32>) -> tensor<1x5x6x6xf32> {
  %c0 = compress.load @c0 : tensor<6x2x3x3xf32>
  %c1 = compress.load @c1 : tensor<4x6x1x1xf32>
  %c2 = compress.load @c2 : tensor<5x4x1x1xf32>
  %s = compress.load @s6 : tensor<6xf32>
  %0 = compress.conv %x, %c0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "c0"} : (tensor<1x2x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<1x6x6x6xf32>
  %1 = compress.batch_norm %0, %s, %s, %s, %s : (tensor<1x6x6x6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>, tensor<6xf32>) -> tensor<1x6x6x6xf32>
  %2 = compress.relu %1 : (tensor<1x6x6x6xf32>) -> tensor<1x6x6x6xf32>
  %3 = compress.conv %2, %c1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "c1"} : (tensor<1x6x6x6xf32>, tensor<4x6x1x1xf32>) -> tensor<1x4x6x6xf32>
  %4 = compress.conv %3, %c2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "c2"} : (tensor<1x4x6x6xf32>, tensor<5x4x1x1xf32>) -> tensor<1x5x6x6xf32>
  return %4 : tensor<1x5x6x6xf32>
}

func.func @layer_and_rms_norm(%x: tensor<?x5xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<5x8xf32>
  %w1 = compress.load @w1 : tensor<8x7xf32>
  %w2 = compress.load @w2 : tensor<7x2xf32>
  %s8 = compress.load @s8 : tensor<8xf32>
  %s7 = compress.load @s7 : tensor<7xf32>
  %0 = compress.linear kn %x, %w0 {name = "l0"} : (tensor<?x5xf32>, tensor<5x8xf32>) -> tensor<?x8xf32>
  %1 = compress.layer_norm %0, %s8 bias %s8 {axis = 1 : i64} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %2 = compress.linear kn %1, %w1 {name = "l1"} : (tensor<?x8xf32>, tensor<8x7xf32>) -> tensor<?x7xf32>
  %3 = compress.rms_norm %2, %s7 {axis = 1 : i64} : (tensor<?x7xf32>, tensor<7xf32>) -> tensor<?x7xf32>
  %4 = compress.rms_norm %3, %s7 {axis = 1 : i64} : (tensor<?x7xf32>, tensor<7xf32>) -> tensor<?x7xf32>
  %5 = compress.linear kn %4, %w2 {name = "l2"} : (tensor<?x7xf32>, tensor<7x2xf32>) -> tensor<?x2xf32>
  return %5 : tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 2 units, blocked: an argument of the model (func.func "batch_norm"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "c0" (weight @c0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 6 units, prunable, 4 entries
//  CHECK-NEXT:   output dim 0 of conv "c0" (weight @c0, 1 index per unit)
//  CHECK-NEXT:   batch_norm (parameters @s6 dim 0)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 1 of conv "c1" (weight @c1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 2 entries
//  CHECK-NEXT:   output dim 0 of conv "c1" (weight @c1, 1 index per unit)
//  CHECK-NEXT:   input dim 1 of conv "c2" (weight @c2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "c2" (weight @c2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: an argument of the model (func.func "layer_and_rms_norm"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "l0" (weight @w0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 8 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "l0" (weight @w0, 1 index per unit)
//  CHECK-NEXT:   layer_norm (parameters @s8 dim 0)
//  CHECK-NEXT:   input dim 0 of linear "l1" (weight @w1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 7 units, prunable, 4 entries
//  CHECK-NEXT:   output dim 1 of linear "l1" (weight @w1, 1 index per unit)
//  CHECK-NEXT:   rms_norm (parameters @s7 dim 0)
//  CHECK-NEXT:   rms_norm (parameters @s7 dim 0)
//  CHECK-NEXT:   input dim 0 of linear "l2" (weight @w2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "l2" (weight @w2, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 4 of 8 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 262 of 262 (100.0 %)
