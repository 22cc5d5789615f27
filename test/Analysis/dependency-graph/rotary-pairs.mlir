// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Rotary positions in parts: index i of the first half goes with index i of the second.

compress.weight private @w : tensor<3x4xf32> = dense<0.5>
compress.weight private @v : tensor<4x3xf32> = dense<0.5>

func.func @halves(%x: tensor<?x?x3xf32>, %c: tensor<?x1xf32>, %s: tensor<?x1xf32>) -> tensor<?x?x3xf32> {
  %w = compress.load @w : tensor<3x4xf32>
  %v = compress.load @v : tensor<4x3xf32>
  %p = compress.linear kn %x, %w {name = "in"} : (tensor<?x?x3xf32>, tensor<3x4xf32>) -> tensor<?x?x4xf32>
  %l, %r = compress.split %p {axis = 2 : i64, sizes = array<i64: 2, 2>} : (tensor<?x?x4xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  %n = compress.neg %r : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %t = compress.concat %n, %l {axis = 2 : i64} : (tensor<?x?x2xf32>, tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %a = compress.mul %p, %c : (tensor<?x?x4xf32>, tensor<?x1xf32>) -> tensor<?x?x4xf32>
  %b = compress.mul %t, %s : (tensor<?x?x4xf32>, tensor<?x1xf32>) -> tensor<?x?x4xf32>
  %y = compress.add %a, %b : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %z = compress.linear kn %y, %v {name = "out"} : (tensor<?x?x4xf32>, tensor<4x3xf32>) -> tensor<?x?x3xf32>
  return %z : tensor<?x?x3xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "halves"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "in" (weight @w, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 2 units, prunable, 8 entries
//  CHECK-NEXT:   output dim 1 of linear "in" (weight @w, 2 indices per unit)
//  CHECK-NEXT:   split
//  CHECK-NEXT:   neg
//  CHECK-NEXT:   concat
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   add
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @v, 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @v, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 1 of 3 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 24 of 24 (100.0 %)
