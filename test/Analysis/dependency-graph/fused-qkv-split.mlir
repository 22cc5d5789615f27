// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// A flat split of the fused projection, then a reshape of each part.

compress.weight private @w0 : tensor<4x18xf32> = dense<0.5>
compress.weight private @o0 : tensor<6x4xf32> = dense<0.5>

func.func @flat_split(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %w = compress.load @w0 : tensor<4x18xf32>
  %o = compress.load @o0 : tensor<6x4xf32>
  %p = compress.linear kn %x, %w {name = "qkv"} : (tensor<?x?x4xf32>, tensor<4x18xf32>) -> tensor<?x?x18xf32>
  %q0, %k0, %v0 = compress.split %p {axis = 2 : i64, sizes = array<i64: 6, 6, 6>} : (tensor<?x?x18xf32>) -> (tensor<?x?x6xf32>, tensor<?x?x6xf32>, tensor<?x?x6xf32>)
  %sq = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %q = compress.reshape %q0, %sq : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %sk = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %k = compress.reshape %k0, %sk : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %sv = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %v = compress.reshape %v0, %sv : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %a = compress.attention bshd %q, %k, %v {scale = 0.5 : f32} : (tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
  %sf = compress.constant dense<[0, 0, 6]> : tensor<3xi64>
  %f = compress.reshape %a, %sf : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %y = compress.linear kn %f, %o {name = "out"} : (tensor<?x?x6xf32>, tensor<6x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "flat_split"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "qkv" (weight @w0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 3 units, prunable, 8 entries
//  CHECK-NEXT:   output dim 1 of linear "qkv" (weight @w0, 6 indices per unit)
//  CHECK-NEXT:   split
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @o0, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @o0, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 1 of 3 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 96 of 96 (100.0 %)
