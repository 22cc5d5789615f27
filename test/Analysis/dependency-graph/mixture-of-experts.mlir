// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Experts as batched products: hidden units of all experts with the same index go together;
// experts are chosen by a router and stay.

compress.weight private @r : tensor<4x3xf32> = dense<0.5>
compress.weight private @w1 : tensor<3x4x6xf32> = dense<0.5>
compress.weight private @w2 : tensor<3x6x4xf32> = dense<0.5>
compress.weight private @i : tensor<5x4xf32> = dense<0.5>
compress.weight private @o : tensor<4x5xf32> = dense<0.5>

func.func @moe(%x: tensor<?x5xf32>) -> tensor<?x5xf32> {
  %i = compress.load @i : tensor<5x4xf32>
  %r = compress.load @r : tensor<4x3xf32>
  %w1 = compress.load @w1 : tensor<3x4x6xf32>
  %w2 = compress.load @w2 : tensor<3x6x4xf32>
  %o = compress.load @o : tensor<4x5xf32>
  %h = compress.linear kn %x, %i {name = "in"} : (tensor<?x5xf32>, tensor<5x4xf32>) -> tensor<?x4xf32>
  %g0 = compress.linear kn %h, %r {name = "router"} : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %g1 = compress.softmax %g0 {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %a = compress.matmul %h, %w1 : (tensor<?x4xf32>, tensor<3x4x6xf32>) -> tensor<3x?x6xf32>
  %b = compress.relu %a : (tensor<3x?x6xf32>) -> tensor<3x?x6xf32>
  %c = compress.matmul %b, %w2 : (tensor<3x?x6xf32>, tensor<3x6x4xf32>) -> tensor<3x?x4xf32>
  %d = compress.transpose %g1 {perm = array<i64: 1, 0>} : (tensor<?x3xf32>) -> tensor<3x?xf32>
  %e = compress.unsqueeze %d {axes = array<i64: 2>} : (tensor<3x?xf32>) -> tensor<3x?x1xf32>
  %f = compress.mul %c, %e : (tensor<3x?x4xf32>, tensor<3x?x1xf32>) -> tensor<3x?x4xf32>
  %s = compress.reduce sum %f {axes = array<i64: 0>, keepdims = false} : (tensor<3x?x4xf32>) -> tensor<?x4xf32>
  %y = compress.linear kn %s, %o {name = "out"} : (tensor<?x4xf32>, tensor<4x5xf32>) -> tensor<?x5xf32>
  return %y : tensor<?x5xf32>
}

// CHECK: group {{[0-9]+}}: channel, 5 units, blocked: an argument of the model (func.func "moe"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "in" (weight @i, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "in" (weight @i, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "router" (weight @r, 1 index per unit)
//  CHECK-NEXT:   input dim 1 of matmul "w1" (weight @w1, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a softmax runs along this dim (softmax), 9 entries
//  CHECK-NEXT:   output dim 1 of linear "router" (weight @r, 1 index per unit)
//  CHECK-NEXT:   softmax
//  CHECK-NEXT:   output dim 0 of matmul "w1" (weight @w1, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   output dim 0 of matmul "w2" (weight @w2, 1 index per unit)
//  CHECK-NEXT:   transpose
//  CHECK-NEXT:   unsqueeze
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   reduce
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 6 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 2 of matmul "w1" (weight @w1, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 1 of matmul "w2" (weight @w2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 4 entries
//  CHECK-NEXT:   output dim 2 of matmul "w2" (weight @w2, 1 index per unit)
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   reduce
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @o, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @o, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 3 of 6 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 196 of 196 (100.0 %)
