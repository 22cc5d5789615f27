// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Reshapes and transposes around attention: units are heads, each with all its channels.

compress.weight private @q : tensor<6x6xf32> = dense<0.5>
compress.weight private @k : tensor<6x6xf32> = dense<0.5>
compress.weight private @v : tensor<6x6xf32> = dense<0.5>
compress.weight private @o : tensor<6x6xf32> = dense<0.5>
compress.weight private @h : tensor<6x3xf32> = dense<0.5>
compress.weight private @e : tensor<5x6xf32> = dense<0.5>

func.func @attention(%ids: tensor<?x?xi64>) -> tensor<?x?x3xf32> {
  %e = compress.load @e : tensor<5x6xf32>
  %q = compress.load @q : tensor<6x6xf32>
  %k = compress.load @k : tensor<6x6xf32>
  %v = compress.load @v : tensor<6x6xf32>
  %o = compress.load @o : tensor<6x6xf32>
  %h = compress.load @h : tensor<6x3xf32>
  %x = compress.embedding %e, %ids {name = "embed"} : (tensor<5x6xf32>, tensor<?x?xi64>) -> tensor<?x?x6xf32>
  %q0 = compress.linear kn %x, %q {name = "q"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  %sq1 = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %q1 = compress.reshape %q0, %sq1 : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %q2 = compress.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x?x2xf32>
  %k0 = compress.linear kn %x, %k {name = "k"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  %sk1 = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %k1 = compress.reshape %k0, %sk1 : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %k2 = compress.transpose %k1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x2x?xf32>
  %v0 = compress.linear kn %x, %v {name = "v"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  %sv1 = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %v1 = compress.reshape %v0, %sv1 : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %v2 = compress.transpose %v1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x?x2xf32>
  %a0 = compress.matmul %q2, %k2 : (tensor<?x3x?x2xf32>, tensor<?x3x2x?xf32>) -> tensor<?x3x?x?xf32>
  %a1 = compress.softmax %a0 {axis = 3 : i64} : (tensor<?x3x?x?xf32>) -> tensor<?x3x?x?xf32>
  %a2 = compress.matmul %a1, %v2 : (tensor<?x3x?x?xf32>, tensor<?x3x?x2xf32>) -> tensor<?x3x?x2xf32>
  %a3 = compress.transpose %a2 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x?x2xf32>) -> tensor<?x?x3x2xf32>
  %sa4 = compress.constant dense<[0, 0, 6]> : tensor<3xi64>
  %a4 = compress.reshape %a3, %sa4 : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %a5 = compress.linear kn %a4, %o {name = "o"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  %y = compress.add %x, %a5 : (tensor<?x?x6xf32>, tensor<?x?x6xf32>) -> tensor<?x?x6xf32>
  %z = compress.linear kn %y, %h {name = "head"} : (tensor<?x?x6xf32>, tensor<6x3xf32>) -> tensor<?x?x3xf32>
  return %z : tensor<?x?x3xf32>
}

// CHECK: group {{[0-9]+}}: channel, 5 units, blocked: rows are chosen by index (embedding "embed"), 1 entry
//  CHECK-NEXT:   input dim 0 of embedding "embed" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 6 units, prunable, 7 entries
//  CHECK-NEXT:   output dim 1 of embedding "embed" (weight @e, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "q" (weight @q, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "k" (weight @k, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "v" (weight @v, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "o" (weight @o, 1 index per unit)
//  CHECK-NEXT:   add
//  CHECK-NEXT:   input dim 0 of linear "head" (weight @h, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: head, 3 units, prunable, 15 entries
//  CHECK-NEXT:   output dim 1 of linear "q" (weight @q, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   output dim 1 of linear "k" (weight @k, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   output dim 1 of linear "v" (weight @v, 2 indices per unit)
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   softmax
//  CHECK-NEXT:   matmul
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   reshape
//  CHECK-NEXT:   input dim 0 of linear "o" (weight @o, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "head" (weight @h, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 4 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 192 of 192 (100.0 %)
