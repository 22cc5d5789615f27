// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// All calls of a private function share its units; parameters are told apart by the call.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<3x4xf32> = dense<0.5>
compress.weight private @c : tensor<4x2xf32> = dense<0.5>
compress.weight private @d : tensor<4x2xf32> = dense<0.5>
compress.weight private @s : tensor<4xf32> = dense<0.5>

func.func private @block(%x: tensor<?x4xf32>, %s: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = compress.mul %x, %s : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

func.func @main(%x: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %a = compress.load @a : tensor<3x4xf32>
  %b = compress.load @b : tensor<3x4xf32>
  %c = compress.load @c : tensor<4x2xf32>
  %d = compress.load @d : tensor<4x2xf32>
  %s = compress.load @s : tensor<4xf32>
  %0 = compress.linear kn %x, %a {name = "first"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %x, %b {name = "second"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %2 = func.call @block(%0, %s) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %3 = func.call @block(%1, %s) : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %4 = compress.linear kn %2, %c {name = "after_first"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %5 = compress.linear kn %3, %d {name = "after_second"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %4, %5 : tensor<?x2xf32>, tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 4 units, prunable, 8 entries
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   output dim 1 of linear "first" (weight @a, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "second" (weight @b, 1 index per unit)
//  CHECK-NEXT:   func.call (parameters @s dim 0)
//  CHECK-NEXT:   func.call (parameters @s dim 0)
//  CHECK-NEXT:   input dim 0 of linear "after_first" (weight @c, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "after_second" (weight @d, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "main"), 2 entries
//  CHECK-NEXT:   input dim 0 of linear "first" (weight @a, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "second" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after_first" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after_second" (weight @d, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 1 of 4 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 40 of 40 (100.0 %)
