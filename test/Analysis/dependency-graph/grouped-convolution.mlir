// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Depthwise convolutions keep channels apart; of grouped ones whole groups go.

compress.weight private @p0 : tensor<8x3x1x1xf32> = dense<0.5>
compress.weight private @dw : tensor<8x1x3x3xf32> = dense<0.5>
compress.weight private @g4 : tensor<4x2x1x1xf32> = dense<0.5>
compress.weight private @m2 : tensor<8x1x1x1xf32> = dense<0.5>
compress.weight private @p1 : tensor<2x8x1x1xf32> = dense<0.5>
compress.weight private @tp0 : tensor<8x3x1x1xf32> = dense<0.5>
compress.weight private @t2 : tensor<8x3x1x1xf32> = dense<0.5>
compress.weight private @p2 : tensor<2x6x1x1xf32> = dense<0.5>

func.func @grouped(%x: tensor<1x3x8x8xf32>) -> tensor<1x2x6x6xf32> {
  %p0 = compress.load @p0 : tensor<8x3x1x1xf32>
  %dw = compress.load @dw : tensor<8x1x3x3xf32>
  %g4 = compress.load @g4 : tensor<4x2x1x1xf32>
  %m2 = compress.load @m2 : tensor<8x1x1x1xf32>
  %p1 = compress.load @p1 : tensor<2x8x1x1xf32>
  %0 = compress.conv %x, %p0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "expand"} : (tensor<1x3x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x8x8xf32>
  %1 = compress.conv %0, %dw {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 8 : i64, name = "depthwise"} : (tensor<1x8x8x8xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x6x6xf32>
  %2 = compress.conv %1, %g4 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64, name = "four_groups"} : (tensor<1x8x6x6xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x6x6xf32>
  %3 = compress.conv %2, %m2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 4 : i64, name = "multiplier"} : (tensor<1x4x6x6xf32>, tensor<8x1x1x1xf32>) -> tensor<1x8x6x6xf32>
  %4 = compress.conv %3, %p1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "project"} : (tensor<1x8x6x6xf32>, tensor<2x8x1x1xf32>) -> tensor<1x2x6x6xf32>
  return %4 : tensor<1x2x6x6xf32>
}

func.func @transposed(%x: tensor<1x3x8x8xf32>) -> tensor<1x2x8x8xf32> {
  %p0 = compress.load @tp0 : tensor<8x3x1x1xf32>
  %t2 = compress.load @t2 : tensor<8x3x1x1xf32>
  %p2 = compress.load @p2 : tensor<2x6x1x1xf32>
  %0 = compress.conv %x, %p0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "expand"} : (tensor<1x3x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x8x8xf32>
  %1 = compress.conv_transpose %0, %t2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>, groups = 2 : i64, name = "two_groups"} : (tensor<1x8x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<1x6x8x8xf32>
  %2 = compress.conv %1, %p2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "project"} : (tensor<1x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<1x2x8x8xf32>
  return %2 : tensor<1x2x8x8xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "grouped"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "expand" (weight @p0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 0 of conv "expand" (weight @p0, 2 indices per unit)
//  CHECK-NEXT:   output dim 0 of conv "depthwise" (weight @dw, 2 indices per unit)
//  CHECK-NEXT:   output dim 0 of conv "four_groups" (weight @g4, 1 index per unit)
//  CHECK-NEXT:   output dim 0 of conv "multiplier" (weight @m2, 2 indices per unit)
//  CHECK-NEXT:   input dim 1 of conv "project" (weight @p1, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 1 unit, blocked: it is a dim of size 1, 1 entry
//  CHECK-NEXT:   input dim 1 of conv "depthwise" (weight @dw, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: grouped convolution keeps its groups (conv "four_groups"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "four_groups" (weight @g4, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 1 unit, blocked: it is a dim of size 1, 1 entry
//  CHECK-NEXT:   input dim 1 of conv "multiplier" (weight @m2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "project" (weight @p1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "transposed"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "expand" (weight @tp0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 0 of conv "expand" (weight @tp0, 4 indices per unit)
//  CHECK-NEXT:   input dim 0 of conv_transpose "two_groups" (weight @t2, 4 indices per unit)
//  CHECK-NEXT:   input dim 1 of conv "project" (weight @p2, 3 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: grouped convolution keeps its groups (conv_transpose "two_groups"), 1 entry
//  CHECK-NEXT:   output dim 1 of conv_transpose "two_groups" (weight @t2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 0 of conv "project" (weight @p2, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 10 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 188 of 188 (100.0 %)
