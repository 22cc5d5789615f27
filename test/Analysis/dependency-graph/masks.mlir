// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// A mask is part of the weight or the parameter that it masks.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<4x2xf32> = dense<0.5>
compress.weight private @s : tensor<4xf32> = dense<0.5>
compress.weight private @m : tensor<1x4xi1> = dense<true>
compress.weight private @n : tensor<4xi1> = dense<true>

func.func @masks(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<3x4xf32>
  %b = compress.load @b : tensor<4x2xf32>
  %s = compress.load @s : tensor<4xf32>
  %m = compress.load @m : tensor<1x4xi1>
  %n = compress.load @n : tensor<4xi1>
  %am = compress.mask %a, %m : tensor<3x4xf32>, tensor<1x4xi1>
  %sn = compress.mask %s, %n : tensor<4xf32>, tensor<4xi1>
  %0 = compress.linear kn %x, %am {name = "in"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.mul %0, %sn : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear kn %1, %b {name = "out"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "masks"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "in" (weight @a, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "in" (weight @a, 1 index per unit)
//  CHECK-NEXT:   mul (parameters @s dim 0)
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 1 of 3 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 20 of 20 (100.0 %)
