// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// The gate of a channel goes with the channel; its hidden units are a group of their own.

compress.weight private @c : tensor<4x3x1x1xf32> = dense<0.5>
compress.weight private @s : tensor<4x2xf32> = dense<0.5>
compress.weight private @e : tensor<2x4xf32> = dense<0.5>
compress.weight private @p : tensor<5x4x1x1xf32> = dense<0.5>

func.func @squeeze_excite(%x: tensor<1x3x6x6xf32>) -> tensor<1x5x6x6xf32> {
  %c = compress.load @c : tensor<4x3x1x1xf32>
  %s = compress.load @s : tensor<4x2xf32>
  %e = compress.load @e : tensor<2x4xf32>
  %p = compress.load @p : tensor<5x4x1x1xf32>
  %0 = compress.conv %x, %c {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "conv"} : (tensor<1x3x6x6xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x6x6xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 2, 3>, keepdims = false} : (tensor<1x4x6x6xf32>) -> tensor<1x4xf32>
  %2 = compress.linear kn %1, %s {name = "squeeze"} : (tensor<1x4xf32>, tensor<4x2xf32>) -> tensor<1x2xf32>
  %3 = compress.relu %2 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %4 = compress.linear kn %3, %e {name = "excite"} : (tensor<1x2xf32>, tensor<2x4xf32>) -> tensor<1x4xf32>
  %5 = compress.sigmoid %4 : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %6 = compress.unsqueeze %5 {axes = array<i64: 2, 3>} : (tensor<1x4xf32>) -> tensor<1x4x1x1xf32>
  %7 = compress.mul %0, %6 : (tensor<1x4x6x6xf32>, tensor<1x4x1x1xf32>) -> tensor<1x4x6x6xf32>
  %8 = compress.conv %7, %p {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "project"} : (tensor<1x4x6x6xf32>, tensor<5x4x1x1xf32>) -> tensor<1x5x6x6xf32>
  return %8 : tensor<1x5x6x6xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "squeeze_excite"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "conv" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 8 entries
//  CHECK-NEXT:   output dim 0 of conv "conv" (weight @c, 1 index per unit)
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   input dim 0 of linear "squeeze" (weight @s, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "excite" (weight @e, 1 index per unit)
//  CHECK-NEXT:   sigmoid
//  CHECK-NEXT:   unsqueeze
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   input dim 1 of conv "project" (weight @p, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 2 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "squeeze" (weight @s, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "excite" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "project" (weight @p, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 4 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 48 of 48 (100.0 %)
