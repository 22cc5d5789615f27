// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// One projection for queries, keys and values: units are heads in both forms that exporters write.

compress.weight private @w0 : tensor<4x18xf32> = dense<0.5>
compress.weight private @o0 : tensor<6x4xf32> = dense<0.5>
compress.weight private @w1 : tensor<4x18xf32> = dense<0.5>
compress.weight private @o1 : tensor<6x4xf32> = dense<0.5>

// [b, s, 3 * h * d] -> [b, s, 3, h, d], of which the dim of 3 is picked by index.
func.func @reshaped(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %w = compress.load @w0 : tensor<4x18xf32>
  %o = compress.load @o0 : tensor<6x4xf32>
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<1> : tensor<i64>
  %i2 = compress.constant dense<2> : tensor<i64>
  %p = compress.linear kn %x, %w {name = "qkv"} : (tensor<?x?x4xf32>, tensor<4x18xf32>) -> tensor<?x?x18xf32>
  %sr = compress.constant dense<[0, 0, 3, 3, 2]> : tensor<5xi64>
  %r = compress.reshape %p, %sr : (tensor<?x?x18xf32>, tensor<5xi64>) -> tensor<?x?x3x3x2xf32>
  %q = compress.gather %r, %i0 {axis = 2 : i64} : (tensor<?x?x3x3x2xf32>, tensor<i64>) -> tensor<?x?x3x2xf32>
  %k = compress.gather %r, %i1 {axis = 2 : i64} : (tensor<?x?x3x3x2xf32>, tensor<i64>) -> tensor<?x?x3x2xf32>
  %v = compress.gather %r, %i2 {axis = 2 : i64} : (tensor<?x?x3x3x2xf32>, tensor<i64>) -> tensor<?x?x3x2xf32>
  %a = compress.attention bshd %q, %k, %v {scale = 0.5 : f32} : (tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
  %sf = compress.constant dense<[0, 0, 6]> : tensor<3xi64>
  %f = compress.reshape %a, %sf : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %y = compress.linear kn %f, %o {name = "out"} : (tensor<?x?x6xf32>, tensor<6x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// The same with the dim of 3 split into parts of size 1: nothing of it can be removed.
func.func @split(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %w = compress.load @w1 : tensor<4x18xf32>
  %o = compress.load @o1 : tensor<6x4xf32>
  %p = compress.linear kn %x, %w {name = "qkv"} : (tensor<?x?x4xf32>, tensor<4x18xf32>) -> tensor<?x?x18xf32>
  %sr = compress.constant dense<[0, 0, 3, 3, 2]> : tensor<5xi64>
  %r = compress.reshape %p, %sr : (tensor<?x?x18xf32>, tensor<5xi64>) -> tensor<?x?x3x3x2xf32>
  %q0, %k0, %v0 = compress.split %r {axis = 2 : i64, sizes = array<i64: 1, 1, 1>} : (tensor<?x?x3x3x2xf32>) -> (tensor<?x?x1x3x2xf32>, tensor<?x?x1x3x2xf32>, tensor<?x?x1x3x2xf32>)
  %q = compress.squeeze %q0 {axes = array<i64: 2>} : (tensor<?x?x1x3x2xf32>) -> tensor<?x?x3x2xf32>
  %k = compress.squeeze %k0 {axes = array<i64: 2>} : (tensor<?x?x1x3x2xf32>) -> tensor<?x?x3x2xf32>
  %v = compress.squeeze %v0 {axes = array<i64: 2>} : (tensor<?x?x1x3x2xf32>) -> tensor<?x?x3x2xf32>
  %a = compress.attention bshd %q, %k, %v {scale = 0.5 : f32} : (tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>, tensor<?x?x3x2xf32>) -> tensor<?x?x3x2xf32>
  %sf = compress.constant dense<[0, 0, 6]> : tensor<3xi64>
  %f = compress.reshape %a, %sf : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %y = compress.linear kn %f, %o {name = "out"} : (tensor<?x?x6xf32>, tensor<6x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// CHECK: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "reshaped"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "qkv" (weight @w0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 3 units, prunable, 8 entries
//  CHECK-NEXT:   output dim 1 of linear "qkv" (weight @w0, 6 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   gather
//  CHECK-NEXT:   gather
//  CHECK-NEXT:   gather
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @o0, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @o0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "split"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "qkv" (weight @w1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 3 units, prunable, 9 entries
//  CHECK-NEXT:   output dim 1 of linear "qkv" (weight @w1, 6 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   split
//  CHECK-NEXT:   squeeze
//  CHECK-NEXT:   squeeze
//  CHECK-NEXT:   squeeze
//  CHECK-NEXT:   attention
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @o1, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @o1, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 6 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 192 of 192 (100.0 %)
