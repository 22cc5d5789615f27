// RUN: compress-opt %s --compress-print-groups -o /dev/null 2>&1 | FileCheck %s

// Values that flow into and out of If, Loop and Scan.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<3x4xf32> = dense<0.5>
compress.weight private @c : tensor<4x2xf32> = dense<0.5>
compress.weight private @d : tensor<4x4xf32> = dense<0.5>
compress.weight private @e : tensor<3x5xf32> = dense<0.5>
compress.weight private @f : tensor<5x2xf32> = dense<0.5>
compress.weight private @la : tensor<3x4xf32> = dense<0.5>
compress.weight private @lc : tensor<4x2xf32> = dense<0.5>
compress.weight private @ua : tensor<3x4xf32> = dense<0.5>

// Both branches make the result.
func.func @if(%x: tensor<?x3xf32>, %p: tensor<i1>) -> tensor<?x2xf32> {
  %c = compress.load @c : tensor<4x2xf32>
  %0 = compress.onnx "If"(%p) {body_names = [["then_branch", "t"], ["else_branch", "e"]], result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<3x4xf32>
  %t = compress.linear kn %x, %a {name = "then"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
    compress.yield %t : tensor<?x4xf32>
  }, {
  %b = compress.load @b : tensor<3x4xf32>
  %e = compress.linear kn %x, %b {name = "else"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
    compress.yield %e : tensor<?x4xf32>
  }
  %1 = compress.linear kn %0, %c {name = "after"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// The carried value is one stream through all iterations; the last result is stacked.
func.func @loop(%x: tensor<?x3xf32>, %n: tensor<i64>, %p: tensor<i1>) -> (tensor<?x2xf32>, tensor<?x?x2xf32>) {
  %a = compress.load @la : tensor<3x4xf32>
  %c = compress.load @lc : tensor<4x2xf32>
  %h = compress.linear kn %x, %a {name = "before"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %0:2 = compress.onnx "Loop"(%n, %p, %h) {body_names = [["body", "b"]], result_names = ["y", "z"], version = 17 : i64} : (tensor<i64>, tensor<i1>, tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x?x4xf32>) {
  ^bb0(%i: tensor<i64>, %q: tensor<i1>, %s: tensor<?x4xf32>):
  %d = compress.load @d : tensor<4x4xf32>
  %t = compress.linear kn %s, %d {name = "inside"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
    compress.yield %q, %t, %s : tensor<i1>, tensor<?x4xf32>, tensor<?x4xf32>
  }
  %1 = compress.linear kn %0#0, %c {name = "after"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %2 = compress.linear kn %0#1, %c {name = "stacked"} : (tensor<?x?x4xf32>, tensor<4x2xf32>) -> tensor<?x?x2xf32>
  return %1, %2 : tensor<?x2xf32>, tensor<?x?x2xf32>
}

func.func @scan(%x: tensor<?x3xf32>, %s: tensor<2xf32>) -> tensor<?x2xf32> {
  %e = compress.load @e : tensor<3x5xf32>
  %f = compress.load @f : tensor<5x2xf32>
  %h = compress.linear kn %x, %e {name = "before"} : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
  %0:2 = compress.onnx "Scan"(%s, %h) {body_names = [["body", "b"]], onnx_attributes = {num_scan_inputs = 1 : i64}, result_names = ["y", "z"], version = 17 : i64} : (tensor<2xf32>, tensor<?x5xf32>) -> (tensor<2xf32>, tensor<?x5xf32>) {
  ^bb0(%q: tensor<2xf32>, %r: tensor<5xf32>):
    %t = compress.relu %r : (tensor<5xf32>) -> tensor<5xf32>
    compress.yield %q, %t : tensor<2xf32>, tensor<5xf32>
  }
  %1 = compress.linear kn %0#1, %f {name = "after"} : (tensor<?x5xf32>, tensor<5x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// Nothing is known of a result without a type.
func.func @untyped(%x: tensor<?x3xf32>, %p: tensor<i1>) -> !compress.onnx_value {
  %0 = compress.onnx "If"(%p) {body_names = [["then_branch", "t"], ["else_branch", "e"]], result_names = ["y"], version = 17 : i64} : (tensor<i1>) -> !compress.onnx_value {
  %a = compress.load @ua : tensor<3x4xf32>
  %t = compress.linear kn %x, %a {name = "unknown"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
    compress.yield %t : tensor<?x4xf32>
  }, {
    compress.yield %x : tensor<?x3xf32>
  }
  return %0 : !compress.onnx_value
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "if"), 2 entries
//  CHECK-NEXT:   input dim 0 of linear "then" (weight @a, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "else" (weight @b, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, prunable, 4 entries
//  CHECK-NEXT:   If
//  CHECK-NEXT:   output dim 1 of linear "then" (weight @a, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "else" (weight @b, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "after" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after" (weight @c, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "loop"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "before" (weight @la, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, prunable, 6 entries
//  CHECK-NEXT:   output dim 1 of linear "before" (weight @la, 1 index per unit)
//  CHECK-NEXT:   Loop
//  CHECK-NEXT:   input dim 0 of linear "inside" (weight @d, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "inside" (weight @d, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "after" (weight @lc, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "stacked" (weight @lc, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 2 entries
//  CHECK-NEXT:   output dim 1 of linear "after" (weight @lc, 1 index per unit)
//  CHECK-NEXT:   output dim 1 of linear "stacked" (weight @lc, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "scan"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "before" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 5 units, prunable, 4 entries
//  CHECK-NEXT:   output dim 1 of linear "before" (weight @e, 1 index per unit)
//  CHECK-NEXT:   Scan
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "after" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "untyped"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "unknown" (weight @ua, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: it flows into a value of unknown shape (yield), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "unknown" (weight @ua, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 3 of 11 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 93 of 105 (88.6 %)
