// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Channels keep their identity through concat, split, slice, gather and pad.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<3x5xf32> = dense<0.5>
compress.weight private @c : tensor<9x2xf32> = dense<0.5>
compress.weight private @d : tensor<3x6xf32> = dense<0.5>
compress.weight private @e : tensor<2x2xf32> = dense<0.5>
compress.weight private @f : tensor<4x2xf32> = dense<0.5>
compress.weight private @g : tensor<8x2xf32> = dense<0.5>
compress.weight private @d3 : tensor<3x6xf32> = dense<0.5>
compress.weight private @g3 : tensor<3x2xf32> = dense<0.5>
compress.weight private @d2 : tensor<3x4xf32> = dense<0.5>

func.func @concat(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<3x4xf32>
  %b = compress.load @b : tensor<3x5xf32>
  %c = compress.load @c : tensor<9x2xf32>
  %0 = compress.linear kn %x, %a {name = "first"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %x, %b {name = "second"} : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
  %2 = compress.concat %0, %1 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x5xf32>) -> tensor<?x9xf32>
  %3 = compress.linear kn %2, %c {name = "both"} : (tensor<?x9xf32>, tensor<9x2xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

func.func @split(%x: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %d = compress.load @d : tensor<3x6xf32>
  %e = compress.load @e : tensor<2x2xf32>
  %f = compress.load @f : tensor<4x2xf32>
  %0 = compress.linear kn %x, %d {name = "whole"} : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %1, %2 = compress.split %0 {axis = 1 : i64, sizes = array<i64: 2, 4>} : (tensor<?x6xf32>) -> (tensor<?x2xf32>, tensor<?x4xf32>)
  %3 = compress.linear kn %1, %e {name = "part1"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %4 = compress.linear kn %2, %f {name = "part2"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %3, %4 : tensor<?x2xf32>, tensor<?x2xf32>
}

// A gated unit: halves of one projection; channel i goes with channel i + 3.
func.func @slice(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %d = compress.load @d3 : tensor<3x6xf32>
  %e = compress.load @g3 : tensor<3x2xf32>
  %z = compress.constant dense<0> : tensor<1xi64>
  %h = compress.constant dense<3> : tensor<1xi64>
  %n = compress.constant dense<6> : tensor<1xi64>
  %0 = compress.linear kn %x, %d {name = "gated"} : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %1 = compress.slice %0, %z, %h {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3xf32>
  %2 = compress.slice %0, %h, %n {axes = array<i64: 1>, steps = array<i64: 1>} : (tensor<?x6xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x3xf32>
  %3 = compress.mul %1, %2 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %4 = compress.linear kn %3, %e {name = "out"} : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  return %4 : tensor<?x2xf32>
}

// What pads is nobody's channel; channel 0 is read twice.
func.func @pad_and_gather(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %d = compress.load @d2 : tensor<3x4xf32>
  %g = compress.load @g : tensor<8x2xf32>
  %pads = compress.constant dense<[0, 1, 0, 2]> : tensor<4xi64>
  %i = compress.constant dense<[0, 1, 2, 3, 4, 5, 6, 1]> : tensor<8xi64>
  %0 = compress.linear kn %x, %d {name = "in"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.pad constant %0, %pads : (tensor<?x4xf32>, tensor<4xi64>) -> tensor<?x7xf32>
  %2 = compress.gather %1, %i {axis = 1 : i64} : (tensor<?x7xf32>, tensor<8xi64>) -> tensor<?x8xf32>
  %3 = compress.linear kn %2, %g {name = "out"} : (tensor<?x8xf32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "concat"), 2 entries
//  CHECK-NEXT:   input dim 0 of linear "first" (weight @a, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "second" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "first" (weight @a, 1 index per unit)
//  CHECK-NEXT:   concat
//  CHECK-NEXT:   input dim 0 of linear "both" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 5 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "second" (weight @b, 1 index per unit)
//  CHECK-NEXT:   concat
//  CHECK-NEXT:   input dim 0 of linear "both" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "both" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "split"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "whole" (weight @d, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 2 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "whole" (weight @d, 1 index per unit)
//  CHECK-NEXT:   split
//  CHECK-NEXT:   input dim 0 of linear "part1" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 3 entries
//  CHECK-NEXT:   output dim 1 of linear "whole" (weight @d, 1 index per unit)
//  CHECK-NEXT:   split
//  CHECK-NEXT:   input dim 0 of linear "part2" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "part1" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "part2" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "slice"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "gated" (weight @d3, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 3 units, prunable, 5 entries
//  CHECK-NEXT:   output dim 1 of linear "gated" (weight @d3, 2 indices per unit)
//  CHECK-NEXT:   slice
//  CHECK-NEXT:   slice
//  CHECK-NEXT:   mul
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @g3, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @g3, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "pad_and_gather"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "in" (weight @d2, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 4 entries
//  CHECK-NEXT:   output dim 1 of linear "in" (weight @d2, 1 index per unit)
//  CHECK-NEXT:   pad
//  CHECK-NEXT:   gather (parameters constant dim 0)
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @g, 1 to 2 indices per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, prunable, 3 entries
//  CHECK-NEXT:   pad
//  CHECK-NEXT:   gather (parameters constant dim 0)
//  CHECK-NEXT:   input dim 0 of linear "out" (weight @g, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "out" (weight @g, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 7 of 16 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 127 of 127 (100.0 %)
