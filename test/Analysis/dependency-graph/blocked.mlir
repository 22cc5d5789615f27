// RUN: compress-opt %s --compress-print-groups --allow-unregistered-dialect -o /dev/null 2>&1 | FileCheck %s

// What cannot be removed, and why.

compress.weight private @a : tensor<3x4xf32> = dense<0.5>
compress.weight private @b : tensor<3x5xf32> = dense<0.5>
compress.weight private @c : tensor<3x6xf32> = dense<0.5>
compress.weight private @d : tensor<3x7xf32> = dense<0.5>
compress.weight private @e : tensor<3x8xf32> = dense<0.5>
compress.weight private @f : tensor<8x2xf32> = dense<0.5>
compress.weight private @g : tensor<3x4xf32> = dense<0.5>
compress.weight private @h : tensor<3x4xf32> = dense<0.5>
compress.weight private @i : tensor<4x3xf32> = dense<0.5>
compress.weight private @one : tensor<3x1xf32> = dense<0.5>
compress.weight private @two : tensor<1x3xf32> = dense<0.5>
compress.weight private @q : tensor<4x6xi8> = dense<1>
compress.weight private @scale : tensor<1x6xf32> = dense<1.0>
compress.weight private @o : tensor<6x2xf32> = dense<0.5>

func.func private @outside(tensor<?x4xf32>) -> tensor<?x4xf32>

// Arguments and results of the model.
func.func @result(%x: tensor<?x3xf32>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<3x4xf32>
  %0 = compress.linear kn %x, %a {name = "result"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// An op without a relation, one of ONNX, and a function without a body.
func.func @unknown(%x: tensor<?x3xf32>) {
  %b = compress.load @b : tensor<3x5xf32>
  %c = compress.load @c : tensor<3x6xf32>
  %g = compress.load @g : tensor<3x4xf32>
  %0 = compress.linear kn %x, %b {name = "foreign"} : (tensor<?x3xf32>, tensor<3x5xf32>) -> tensor<?x5xf32>
  "test.use"(%0) : (tensor<?x5xf32>) -> ()
  %1 = compress.linear kn %x, %c {name = "onnx"} : (tensor<?x3xf32>, tensor<3x6xf32>) -> tensor<?x6xf32>
  %2 = compress.onnx "Resize"(%1) {node_name = "resize", result_names = ["y"], version = 17 : i64} : (tensor<?x6xf32>) -> !compress.onnx_value
  %3 = compress.linear kn %x, %g {name = "called"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %4 = func.call @outside(%3) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// A softmax, and a size that is not known everywhere.
func.func @softmax(%x: tensor<?x3xf32>) -> (tensor<?xi64>, tensor<?x2xf32>) {
  %d = compress.load @d : tensor<3x7xf32>
  %e = compress.load @e : tensor<3x8xf32>
  %f = compress.load @f : tensor<8x2xf32>
  %0 = compress.linear kn %x, %d {name = "classes"} : (tensor<?x3xf32>, tensor<3x7xf32>) -> tensor<?x7xf32>
  %1 = compress.softmax %0 {axis = 1 : i64} : (tensor<?x7xf32>) -> tensor<?x7xf32>
  %2 = compress.argmax %1 {axis = 1 : i64, keepdims = false} : (tensor<?x7xf32>) -> tensor<?xi64>
  %3 = compress.linear kn %x, %e {name = "dynamic"} : (tensor<?x3xf32>, tensor<3x8xf32>) -> tensor<?x8xf32>
  %4 = compress.relu %3 : (tensor<?x8xf32>) -> tensor<?x?xf32>
  %5 = compress.linear kn %4, %f {name = "after"} : (tensor<?x?xf32>, tensor<8x2xf32>) -> tensor<?x2xf32>
  return %2, %5 : tensor<?xi64>, tensor<?x2xf32>
}

// A weight with another use, a single unit, and a weight that is compressed already.
func.func @weights(%x: tensor<?x3xf32>, %n: tensor<?x4xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>, tensor<3x4xf32>, tensor<?x2xf32>) {
  %h = compress.load @h : tensor<3x4xf32>
  %i = compress.load @i : tensor<4x3xf32>
  %one = compress.load @one : tensor<3x1xf32>
  %two = compress.load @two : tensor<1x3xf32>
  %o = compress.load @o : tensor<6x2xf32>
  %0 = compress.linear kn %x, %h {name = "used_twice"} : (tensor<?x3xf32>, tensor<3x4xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %h : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = compress.linear kn %0, %i {name = "reader"} : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  %3 = compress.linear kn %x, %one {name = "single"} : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
  %4 = compress.linear kn %3, %two {name = "single_reader"} : (tensor<?x1xf32>, tensor<1x3xf32>) -> tensor<?x3xf32>
  %q = compress.load @q : tensor<4x6xi8>
  %s = compress.load @scale : tensor<1x6xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<4x6xi8>, tensor<1x6xf32>) -> tensor<4x6xf32>
  %5 = compress.linear kn %n, %w {name = "quantized"} : (tensor<?x4xf32>, tensor<4x6xf32>) -> tensor<?x6xf32>
  %6 = compress.linear kn %5, %o {name = "after_quantized"} : (tensor<?x6xf32>, tensor<6x2xf32>) -> tensor<?x2xf32>
  return %2, %4, %1, %6 : tensor<?x3xf32>, tensor<?x3xf32>, tensor<3x4xf32>, tensor<?x2xf32>
}

// CHECK: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "result"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "result" (weight @a, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "result" (weight @a, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "unknown"), 3 entries
//  CHECK-NEXT:   input dim 0 of linear "foreign" (weight @b, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "onnx" (weight @c, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "called" (weight @g, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 5 units, blocked: nothing is known of how its dims relate (test.use), 2 entries
//  CHECK-NEXT:   output dim 1 of linear "foreign" (weight @b, 1 index per unit)
//  CHECK-NEXT:   test.use
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 6 units, blocked: nothing is known of how the dims of an ONNX Resize relate (Resize "resize"), 2 entries
//  CHECK-NEXT:   output dim 1 of linear "onnx" (weight @c, 1 index per unit)
//  CHECK-NEXT:   Resize "resize"
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: the function that is called is not known (func.call), 2 entries
//  CHECK-NEXT:   output dim 1 of linear "called" (weight @g, 1 index per unit)
//  CHECK-NEXT:   func.call
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "softmax"), 2 entries
//  CHECK-NEXT:   input dim 0 of linear "classes" (weight @d, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "dynamic" (weight @e, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 7 units, blocked: a softmax runs along this dim (softmax), 3 entries
//  CHECK-NEXT:   output dim 1 of linear "classes" (weight @d, 1 index per unit)
//  CHECK-NEXT:   softmax
//  CHECK-NEXT:   argmax
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 8 units, blocked: the size of a dim is not known (relu), 3 entries
//  CHECK-NEXT:   output dim 1 of linear "dynamic" (weight @e, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "after" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after" (weight @f, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: an argument of the model (func.func "weights"), 3 entries
//  CHECK-NEXT:   input dim 0 of linear "used_twice" (weight @h, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "single" (weight @one, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 4 units, blocked: an argument of the model (func.func "weights"), 1 entry
//  CHECK-NEXT:   input dim 0 of linear "quantized" (weight @q, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 4 units, blocked: its weight has another use, too (relu), 3 entries
//  CHECK-NEXT:   output dim 1 of linear "used_twice" (weight @h, 1 index per unit)
//  CHECK-NEXT:   relu
//  CHECK-NEXT:   input dim 0 of linear "reader" (weight @i, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "reader" (weight @i, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 1 unit, blocked: it is a dim of size 1, 2 entries
//  CHECK-NEXT:   output dim 1 of linear "single" (weight @one, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "single_reader" (weight @two, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 3 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "single_reader" (weight @two, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: neuron, 6 units, blocked: its values are compressed already (dequantize), 2 entries
//  CHECK-NEXT:   output dim 1 of linear "quantized" (weight @q, 1 index per unit)
//  CHECK-NEXT:   input dim 0 of linear "after_quantized" (weight @o, 1 index per unit)
//  CHECK-EMPTY:
// CHECK-NEXT: group {{[0-9]+}}: channel, 2 units, blocked: a result of the model (func.return), 1 entry
//  CHECK-NEXT:   output dim 1 of linear "after_quantized" (weight @o, 1 index per unit)
//  CHECK-EMPTY:
//  CHECK-NEXT: 0 of 18 groups with weights are prunable
//  CHECK-NEXT: prunable parameters: 0 of 184 (0.0 %)
