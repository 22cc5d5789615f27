// What is chosen, by pattern, ranking, rounding and ties. Plans are those of the ops.
// RUN: compress-opt %s --compress-mask-groups --split-input-file --verify-diagnostics --remarks-filter=prune | FileCheck %s

// What remains is a multiple of round_to, rounded down: 6 of 8 would be left. Equal scores: the last
// ones go.
// CHECK: @a.mask : tensor<8x1xi1> = dense<{{\[}}[true], [true], [true], [true], [false], [false], [false], [false]]>
compress.weight private @a : tensor<8x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x8xf32> = dense<1.0>
// CHECK-LABEL: func.func @round_to
func.func @round_to(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<8x2xf32>
  %b = compress.load @b : tensor<2x8xf32>
  // expected-remark@+2 {{4 of 8 selected units}}
  // expected-remark@+1 {{removes 4 of 8 neurons of "up" (scores 2.828 to 2.828)}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.25,round_to=4">, name = "up"} : (tensor<?x2xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  %1 = compress.relu %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.25,round_to=4">, name = "down"} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Nothing is removed at ratio 0, and never everything.
// CHECK: @d.mask : tensor<2x1xi1> = dense<{{\[}}[false], [true]]>
compress.weight private @a : tensor<2x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x2xf32> = dense<1.0>
compress.weight private @d : tensor<2x2xf32> = dense<[[1.0, 1.0], [2.0, 2.0]]>
compress.weight private @e : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @extremes
func.func @extremes(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<2x2xf32>
  %b = compress.load @b : tensor<2x2xf32>
  %d = compress.load @d : tensor<2x2xf32>
  %e = compress.load @e : tensor<2x2xf32>
  // expected-remark@+2 {{1 of 4 selected units}}
  // expected-remark@+1 {{removes 0 of 2 neurons of "a"}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.0">, name = "a"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %1 = compress.relu %0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.0">, name = "b"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %3 = compress.add %2, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  // CHECK: compress.mask
  // CHECK-NOT: compress.mask
  // expected-remark@+1 {{removes 1 of 2 neurons of "d"}}
  %4 = compress.linear nk %3, %d {compress.plan = #compress.plan<prune = "neuron:0.99">, name = "d"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %5 = compress.relu %4 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %6 = compress.linear nk %5, %e {compress.plan = #compress.plan<prune = "neuron:0.99">, name = "e"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %6 : tensor<?x2xf32>
}

// -----

// One threshold: scores are divided by the mean of their group first, so "a", whose weights are
// larger, is no better off: 1/2.5 2/2.5 3/2.5 4/2.5 against 0.1 1 1 1.9 (sums of rows).
// CHECK: @a.mask : tensor<4x1xi1> = dense<{{\[}}[false], [false], [true], [true]]>
// CHECK: @d.mask : tensor<4x1xi1> = dense<{{\[}}[false], [true], [false], [true]]>
compress.weight private @a : tensor<4x1xf32> = dense<[[100.0], [200.0], [300.0], [400.0]]>
compress.weight private @b : tensor<1x4xf32> = dense<0.0>
compress.weight private @e : tensor<1x4xf32> = dense<0.0>
compress.weight private @d : tensor<4x1xf32> = dense<[[0.1], [1.0], [1.0], [1.9]]>
// CHECK-LABEL: func.func @global
func.func @global(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %a = compress.load @a : tensor<4x1xf32>
  %b = compress.load @b : tensor<1x4xf32>
  %e = compress.load @e : tensor<1x4xf32>
  %d = compress.load @d : tensor<4x1xf32>
  // expected-remark@+2 {{4 of 8 selected units}}
  // expected-remark@+1 {{removes 2 of 4 neurons of "a" (scores 100 to 400)}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.5,ranking=global">, name = "a"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.5,ranking=global">, name = "b"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %3 = compress.add %2, %x : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  // expected-remark@+1 {{removes 2 of 4 neurons of "d" (scores 0.1 to 1.9)}}
  %4 = compress.linear nk %3, %d {compress.plan = #compress.plan<prune = "neuron:0.5,ranking=global">, name = "d"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  %5 = compress.relu %4 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %6 = compress.linear nk %5, %e {compress.plan = #compress.plan<prune = "neuron:0.5,ranking=global">, name = "e"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %6 : tensor<?x1xf32>
}

// -----

// A share of the parameters: 1 of 4 hidden units have 4 of 16 parameters. For 30 % two must go.
// CHECK: @a.mask : tensor<4x1xi1> = dense<{{\[}}[false], [true], [false], [true]]>
compress.weight private @a : tensor<4x2xf32> = dense<[[1.0, 0.0], [4.0, 0.0], [2.0, 0.0], [3.0, 0.0]]>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @params
func.func @params(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark@+3 {{2 of 4 selected units are removed (50.0%); parameters 16 -> 8 (-50.0%)}}
  // expected-remark@+2 {{removes 2 of 4 neurons of "up"}}
  // expected-remark@+1 {{2 channels of "up" are left alone: an argument of the model}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "params:0.3">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark@+1 {{2 channels of "down" are left alone: a result of the model}}
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "params:0.3">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Multiply-accumulates, with one threshold. Convolutions of 2x2 images: those of the second count
// as much as those of the first; a quarter is one of four channels.
// CHECK: @a.mask : tensor<4x1x1x1xi1> = dense<{{\[\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[true]]]]>
compress.weight private @a : tensor<4x2x1x1xf32> = dense<[[[[1.0]], [[1.0]]], [[[2.0]], [[2.0]]], [[[0.5]], [[0.5]]], [[[3.0]], [[3.0]]]]>
compress.weight private @b : tensor<2x4x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @macs
func.func @macs(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %a = compress.load @a : tensor<4x2x1x1xf32>
  %b = compress.load @b : tensor<2x4x1x1xf32>
  // expected-remark@+3 {{1 of 4 selected units are removed (25.0%); parameters 16 -> 12 (-25.0%); multiply-accumulates 64 -> 48 (-25.0%)}}
  // expected-remark@+2 {{removes 1 of 4 channels of "up"}}
  // expected-remark@+1 {{2 channels of "up" are left alone: an argument of the model}}
  %0 = compress.conv %x, %a {compress.plan = #compress.plan<prune = "macs:0.25,ranking=global">, name = "up", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x2x2xf32>
  %1 = compress.relu %0 : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  // expected-remark@+1 {{2 channels of "down" are left alone: a result of the model}}
  %2 = compress.conv %1, %b {compress.plan = #compress.plan<prune = "macs:0.25,ranking=global">, name = "down", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x2x2xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x2x2xf32>
  return %2 : tensor<1x2x2x2xf32>
}

// -----

// Heads of 2 channels. The pattern does not touch the neurons; `channel` would leave the heads.
// CHECK: @q.mask : tensor<4x1xi1> = dense<{{\[}}[true], [true], [false], [false]]>
compress.weight private @q : tensor<4x4xf32> = dense<1.0>
compress.weight private @k : tensor<4x4xf32> = dense<1.0>
compress.weight private @o : tensor<4x4xf32> = dense<1.0>
compress.weight private @v : tensor<4x4xf32> = dense<[[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]>
// CHECK-LABEL: func.func @heads
func.func @heads(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // CHECK: compress.mask
  // CHECK-NOT: compress.mask
  %q = compress.load @q : tensor<4x4xf32>
  %k = compress.load @k : tensor<4x4xf32>
  %v = compress.load @v : tensor<4x4xf32>
  %split = compress.constant dense<[0, 0, 2, 2]> : tensor<4xi64>
  %join = compress.constant dense<[0, 0, 4]> : tensor<3xi64>
  // expected-remark@+2 {{1 of 2 selected units}}
  // expected-remark@+1 {{removes 1 of 2 heads of "q"}}
  %0 = compress.linear nk %x, %q {compress.plan = #compress.plan<prune = "head:0.5,method=l1">, name = "q"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  %1 = compress.linear nk %x, %k {compress.plan = #compress.plan<prune = "head:0.5,method=l1">, name = "k"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  %2 = compress.linear nk %x, %v {compress.plan = #compress.plan<prune = "head:0.5,method=l1">, name = "v"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  %3 = compress.reshape %0, %split : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %4 = compress.reshape %1, %split : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %5 = compress.reshape %2, %split : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
  %6 = compress.attention bshd %3, %4, %5 {scale = 1.0 : f32} : (tensor<?x?x2x2xf32>, tensor<?x?x2x2xf32>, tensor<?x?x2x2xf32>) -> tensor<?x?x2x2xf32>
  %7 = compress.reshape %6, %join : (tensor<?x?x2x2xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  %o = compress.load @o : tensor<4x4xf32>
  %ot = compress.transpose %o {perm = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %8 = compress.matmul %7, %ot {compress.plan = #compress.plan<prune = "head:0.5,method=l1">, name = "o"} : (tensor<?x?x4xf32>, tensor<4x4xf32>) -> tensor<?x?x4xf32>
  return %8 : tensor<?x?x4xf32>
}

// -----

// Magnitudes of the scales of batch norms.
// CHECK: @a.mask : tensor<4x1x1x1xi1> = dense<{{\[\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
compress.weight private @a : tensor<4x2x1x1xf32> = dense<1.0>
compress.weight private @g : tensor<4xf32> = dense<[1.0, -0.5, -2.0, 3.0]>
compress.weight private @t : tensor<4xf32> = dense<0.0>
compress.weight private @v : tensor<4xf32> = dense<1.0>
compress.weight private @b : tensor<2x4x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %a = compress.load @a : tensor<4x2x1x1xf32>
  %b = compress.load @b : tensor<2x4x1x1xf32>
  %g = compress.load @g : tensor<4xf32>
  %t = compress.load @t : tensor<4xf32>
  %v = compress.load @v : tensor<4xf32>
  // The scale and the bias of the batch norm are parameters, its mean and variance are not.
  // expected-remark@+3 {{1 of 4 selected units are removed (25.0%); parameters 24 -> 18 (-25.0%)}}
  // expected-remark@+2 {{2 channels of "up" are left alone: an argument of the model}}
  // expected-remark@+1 {{removes 1 of 4 channels of "up" (scores 0.5 to 3)}}
  %0 = compress.conv %x, %a {compress.plan = #compress.plan<prune = "channel:0.25,method=bn">, name = "up", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<4x2x1x1xf32>) -> tensor<1x4x2x2xf32>
  %1 = compress.batch_norm %0, %g, %t, %t, %v : (tensor<1x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32>
  // expected-remark@+1 {{2 channels of "down" are left alone: a result of the model}}
  %2 = compress.conv %1, %b {compress.plan = #compress.plan<prune = "channel:0.25,method=bn">, name = "down", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x4x2x2xf32>, tensor<2x4x1x1xf32>) -> tensor<1x2x2x2xf32>
  return %2 : tensor<1x2x2x2xf32>
}

// -----

// Two groups on the rows of one weight share a mask.
// CHECK: @w.mask : tensor<4x1xi1> = dense<{{\[}}[false], [true], [true], [false]]>
// CHECK-NOT: mask
compress.weight private @w : tensor<4x1xf32> = dense<[[1.0], [2.0], [4.0], [3.0]]>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @halves
func.func @halves(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.mask
  // CHECK-NOT: compress.mask
  %w = compress.load @w : tensor<4x1xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x2xf32>
  // expected-remark@+3 {{2 of 4 selected units}}
  // expected-remark@+2 {{removes 1 of 2 neurons of "w" (scores 2 to 3)}}
  // expected-remark@+1 {{removes 1 of 2 neurons of "w" (scores 4 to 5)}}
  %0 = compress.linear nk %x, %w {compress.plan = #compress.plan<prune = "neuron:0.5,method=l1">, name = "w"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  %1, %2 = compress.split %0 {axis = 1 : i64, sizes = array<i64: 2, 2>} : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>)
  %3 = compress.linear nk %1, %a {compress.plan = #compress.plan<prune = "neuron:0.5,method=l1">, name = "a"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %4 = compress.linear nk %2, %b {compress.plan = #compress.plan<prune = "neuron:0.5,method=l1">, name = "b"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %5 = compress.add %3, %4 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %5 : tensor<?x1xf32>
}
