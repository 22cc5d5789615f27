// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// A residual stream is one group: everything that is added to it, and everything that reads it.

compress.weight private @w0 : tensor<4x8xf32> = dense<0.5>
compress.weight private @b0 : tensor<8xf32> = dense<0.5>
compress.weight private @w1 : tensor<8x6xf32> = dense<0.5>
compress.weight private @w2 : tensor<6x8xf32> = dense<0.5>
compress.weight private @w3 : tensor<8x3xf32> = dense<0.5>

func.func @residual_stream(%x: tensor<?x4xf32>) -> tensor<?x3xf32> {
  %w0 = compress.load @w0 : tensor<4x8xf32>
  %b0 = compress.load @b0 : tensor<8xf32>
  %w1 = compress.load @w1 : tensor<8x6xf32>
  %w2 = compress.load @w2 : tensor<6x8xf32>
  %w3 = compress.load @w3 : tensor<8x3xf32>
  %0 = compress.linear kn %x, %w0 bias %b0 {name = "in"} : (tensor<?x4xf32>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %1 = compress.linear kn %0, %w1 {name = "up"} : (tensor<?x8xf32>, tensor<8x6xf32>) -> tensor<?x6xf32>
  %2 = compress.relu %1 : (tensor<?x6xf32>) -> tensor<?x6xf32>
  %3 = compress.linear kn %2, %w2 {name = "down"} : (tensor<?x6xf32>, tensor<6x8xf32>) -> tensor<?x8xf32>
  %4 = compress.add %0, %3 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %5 = compress.linear kn %4, %w3 {name = "out"} : (tensor<?x8xf32>, tensor<8x3xf32>) -> tensor<?x3xf32>
  return %5 : tensor<?x3xf32>
}

// CHECK: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "residual_stream"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "in" (weight @w0, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 8 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 1 of linear "in" (weight @w0, 1 index per unit), parameters @b0 dim 0
//  CHECK-NEXT:   input dim 0 of linear "up" (weight @w1, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "down" (weight @w2, 1 index per unit)
//  CHECK-NEXT:   add
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @w3, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 6 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "up" (weight @w1, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "down" (weight @w2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @w3, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 4 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 152 of 152 (100.0 %)
