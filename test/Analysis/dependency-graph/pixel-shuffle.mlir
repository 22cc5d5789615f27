// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Pixel shuffle: r * r input channels make one output channel. Channel shuffle: the choice that
// leaves more than one unit is taken.

compress.weight private @c : tensor<8x3x1x1xf32> = dense<0.5>
compress.weight private @p : tensor<5x2x1x1xf32> = dense<0.5>
compress.weight private @a : tensor<3x3x1x1xf32> = dense<0.5>
compress.weight private @b : tensor<4x6x1x1xf32> = dense<0.5>

func.func @pixel_shuffle(%x: tensor<1x3x4x4xf32>) -> tensor<1x5x8x8xf32> {
  %c = compress.load @c : tensor<8x3x1x1xf32>
  %p = compress.load @p : tensor<5x2x1x1xf32>
  %0 = compress.conv %x, %c {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "conv"} : (tensor<1x3x4x4xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x4x4xf32>
  %s1 = compress.constant dense<[1, 2, 2, 2, 4, 4]> : tensor<6xi64>
  %1 = compress.reshape %0, %s1 : (tensor<1x8x4x4xf32>, tensor<6xi64>) -> tensor<1x2x2x2x4x4xf32>
  %2 = compress.transpose %1 {perm = array<i64: 0, 1, 4, 2, 5, 3>} : (tensor<1x2x2x2x4x4xf32>) -> tensor<1x2x4x2x4x2xf32>
  %s3 = compress.constant dense<[1, 2, 8, 8]> : tensor<4xi64>
  %3 = compress.reshape %2, %s3 : (tensor<1x2x4x2x4x2xf32>, tensor<4xi64>) -> tensor<1x2x8x8xf32>
  %4 = compress.conv %3, %p {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "project"} : (tensor<1x2x8x8xf32>, tensor<5x2x1x1xf32>) -> tensor<1x5x8x8xf32>
  return %4 : tensor<1x5x8x8xf32>
}

// [2, 3] -> [3, 2] of twice the same channels: with the dim of 2 there would be a single unit.
func.func @channel_shuffle(%x: tensor<1x3x4x4xf32>) -> tensor<1x4x4x4xf32> {
  %a = compress.load @a : tensor<3x3x1x1xf32>
  %b = compress.load @b : tensor<4x6x1x1xf32>
  %0 = compress.conv %x, %a {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "conv"} : (tensor<1x3x4x4xf32>, tensor<3x3x1x1xf32>) -> tensor<1x3x4x4xf32>
  %1 = compress.concat %0, %0 {axis = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<1x3x4x4xf32>) -> tensor<1x6x4x4xf32>
  %s2 = compress.constant dense<[1, 2, 3, 4, 4]> : tensor<5xi64>
  %2 = compress.reshape %1, %s2 : (tensor<1x6x4x4xf32>, tensor<5xi64>) -> tensor<1x2x3x4x4xf32>
  %3 = compress.transpose %2 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x4x4xf32>) -> tensor<1x3x2x4x4xf32>
  %s4 = compress.constant dense<[1, 6, 4, 4]> : tensor<4xi64>
  %4 = compress.reshape %3, %s4 : (tensor<1x3x2x4x4xf32>, tensor<4xi64>) -> tensor<1x6x4x4xf32>
  %5 = compress.conv %4, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "project"} : (tensor<1x6x4x4xf32>, tensor<4x6x1x1xf32>) -> tensor<1x4x4x4xf32>
  return %5 : tensor<1x4x4x4xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "pixel_shuffle"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "conv" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 0 of conv "conv" (weight @c, 4 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 1 of conv "project" (weight @p, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "project" (weight @p, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "channel_shuffle"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "conv" (weight @a, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, prunable, 6 entries
//  CHECK-NEXT:   output dim 0 of conv "conv" (weight @a, 1 index per unit)
//  CHECK-NEXT:   concat
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 1 of conv "project" (weight @b, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "project" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 6 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 67 of 67 (100.0 %)
