// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// A channel goes with all its positions in the flattened features.

compress.weight private @c : tensor<4x3x3x3xf32> = dense<0.5>
compress.weight private @f : tensor<16x5xf32> = dense<0.5>

func.func @flatten(%x: tensor<?x3x4x4xf32>) -> tensor<?x5xf32> {
  %c = compress.load @c : tensor<4x3x3x3xf32>
  %f = compress.load @f : tensor<16x5xf32>
  %0 = compress.conv %x, %c {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64, name = "conv"} : (tensor<?x3x4x4xf32>, tensor<4x3x3x3xf32>) -> tensor<?x4x2x2xf32>
  %s1 = compress.constant dense<[0, -1]> : tensor<2xi64>
  %1 = compress.reshape %0, %s1 : (tensor<?x4x2x2xf32>, tensor<2xi64>) -> tensor<?x16xf32>
  %2 = compress.linear kn %1, %f {name = "fc"} : (tensor<?x16xf32>, tensor<16x5xf32>) -> tensor<?x5xf32>
  return %2 : tensor<?x5xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "flatten"), 1 entry
//  CHECK-NEXT:   input dim 1 of conv "conv" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 0 of conv "conv" (weight @c, 1 index per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "fc" (weight @f, 4 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "fc" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 1 of 3 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 188 of 188 (100.0 %)
