// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// An embedding that is the head, too: its columns are the stream, its rows cannot go.

compress.weight private @e : tensor<7x4xf32> = dense<0.5>
compress.weight private @u : tensor<4x6xf32> = dense<0.5>
compress.weight private @d : tensor<6x4xf32> = dense<0.5>

func.func @tied(%ids: tensor<?x?xi64>) -> tensor<?x?x7xf32> {
  %e = compress.load @e : tensor<7x4xf32>
  %t = compress.load @e : tensor<7x4xf32>
  %u = compress.load @u : tensor<4x6xf32>
  %d = compress.load @d : tensor<6x4xf32>
  %x = compress.embedding %e, %ids {name = "embed"} : (tensor<7x4xf32>, tensor<?x?xi64>) -> tensor<?x?x4xf32>
  %1 = compress.linear kn %x, %u {name = "up"} : (tensor<?x?x4xf32>, tensor<4x6xf32>) -> tensor<?x?x6xf32>
  %2 = compress.linear kn %1, %d {name = "down"} : (tensor<?x?x6xf32>, tensor<6x4xf32>) -> tensor<?x?x4xf32>
  %3 = compress.add %x, %2 : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %4 = compress.transpose %t {perm = array<i64: 1, 0>} : (tensor<7x4xf32>) -> tensor<4x7xf32>
  %5 = compress.linear kn %3, %4 {name = "head"} : (tensor<?x?x4xf32>, tensor<4x7xf32>) -> tensor<?x?x7xf32>
  return %5 : tensor<?x?x7xf32>
}

// CHECK: group {{[0-9]+}}: channel, 7 units, blocked: rows are chosen by index (embedding "embed"), 2 entries
//  CHECK-NEXT:   input dim 0 of embedding "embed" (weight @e, 1 index per unit)
//  CHECK-NEXT:   output dim 0 of linear "head" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 1 of embedding "embed" (weight @e, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "up" (weight @u, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "down" (weight @d, 1 index per unit)
//  CHECK-NEXT:   add
//  CHECK-NEXT:   input dim 1 of linear "head" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 6 units, prunable, 2 entries
//  CHECK-NEXT:   output dim 1 of linear "up" (weight @u, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "down" (weight @d, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 2 of 3 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 76 of 76 (100.0 %)
