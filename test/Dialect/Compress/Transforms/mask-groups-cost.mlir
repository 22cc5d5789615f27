// What counts as a parameter and as a multiply-accumulate: sizes that the pass tells of the model.
// Nothing is removed.
// RUN: compress-opt %s --compress-mask-groups=prune=channel:0.0 --split-input-file --remarks-filter=prune 2>&1 >/dev/null | FileCheck %s

// A matrix of 8 x 8 for each of 3 tokens, and 3 queries times 3 keys of 8 numbers, twice.
// CHECK: [Analysis]{{.*}} parameters 64 -> 64 (-0.0%); multiply-accumulates 336 -> 336 (-0.0%)"
compress.weight private @w : tensor<8x8xf32> = dense<1.0>
func.func @attention(%x: tensor<1x3x8xf32>, %k: tensor<1x3x2x4xf32>) -> tensor<1x3x2x4xf32> {
  %w = compress.load @w : tensor<8x8xf32>
  %split = compress.constant dense<[1, 3, 2, 4]> : tensor<4xi64>
  %0 = compress.linear nk %x, %w {name = "q"} : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %1 = compress.reshape %0, %split : (tensor<1x3x8xf32>, tensor<4xi64>) -> tensor<1x3x2x4xf32>
  %2 = compress.attention bshd %1, %k, %k {scale = 1.0 : f32} : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>) -> tensor<1x3x2x4xf32>
  return %2 : tensor<1x3x2x4xf32>
}

// -----

// Every one of 2 * 4 * 4 inputs meets 3 * 2 * 2 weights; every one of 3 * 8 * 8 outputs of the
// depthwise convolution has 3 * 3.
// CHECK: [Analysis]{{.*}} parameters 51 -> 51 (-0.0%); multiply-accumulates 2112 -> 2112 (-0.0%)"
compress.weight private @t : tensor<2x3x2x2xf32> = dense<1.0>
compress.weight private @d : tensor<3x1x3x3xf32> = dense<1.0>
func.func @convolutions(%x: tensor<1x2x4x4xf32>) -> tensor<1x3x8x8xf32> {
  %t = compress.load @t : tensor<2x3x2x2xf32>
  %d = compress.load @d : tensor<3x1x3x3xf32>
  %0 = compress.conv_transpose %x, %t {name = "t", strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 0, 0>} : (tensor<1x2x4x4xf32>, tensor<2x3x2x2xf32>) -> tensor<1x3x8x8xf32>
  %1 = compress.conv %0, %d {name = "d", groups = 3 : i64, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<3x1x3x3xf32>) -> tensor<1x3x8x8xf32>
  return %1 : tensor<1x3x8x8xf32>
}

// -----

// Rows of a table are picked, not multiplied. Products of activations count. Scalars and integers
// are no parameters; a table that is added is one.
// CHECK: [Analysis]{{.*}} parameters 60 -> 60 (-0.0%); multiply-accumulates 33 -> 33 (-0.0%) with unknown dims counted as 1"
compress.weight private @table : tensor<10x5xf32> = dense<1.0>
compress.weight private @position : tensor<1x5xf32> = dense<1.0>
compress.weight private @scale : tensor<f32> = dense<0.5>
compress.weight private @last : tensor<1x5xf32> = dense<1.0>
compress.weight private @shift : tensor<3xi64> = dense<1>
func.func @products(%i: tensor<?x3xi64>) -> tensor<?x3x1xf32> {
  %table = compress.load @table : tensor<10x5xf32>
  %position = compress.load @position : tensor<1x5xf32>
  %scale = compress.load @scale : tensor<f32>
  %last = compress.load @last : tensor<1x5xf32>
  %shift = compress.load @shift : tensor<3xi64>
  %0 = compress.add %i, %shift : (tensor<?x3xi64>, tensor<3xi64>) -> tensor<?x3xi64>
  %1 = compress.embedding %table, %0 : (tensor<10x5xf32>, tensor<?x3xi64>) -> tensor<?x3x5xf32>
  %2 = compress.add %1, %position : (tensor<?x3x5xf32>, tensor<1x5xf32>) -> tensor<?x3x5xf32>
  %3 = compress.mul %2, %scale : (tensor<?x3x5xf32>, tensor<f32>) -> tensor<?x3x5xf32>
  %4 = compress.linear nk %3, %last {name = "last"} : (tensor<?x3x5xf32>, tensor<1x5xf32>) -> tensor<?x3x1xf32>
  %5 = compress.transpose %4 {perm = array<i64: 0, 2, 1>} : (tensor<?x3x1xf32>) -> tensor<?x1x3xf32>
  %6 = compress.matmul %4, %5 : (tensor<?x3x1xf32>, tensor<?x1x3xf32>) -> tensor<?x3x3xf32>
  %7 = compress.matmul %6, %4 : (tensor<?x3x3xf32>, tensor<?x3x1xf32>) -> tensor<?x3x1xf32>
  return %7 : tensor<?x3x1xf32>
}

// -----

// A weight that two ops use is there once, but is multiplied twice; a bias whose users are pruned
// apart from each other counts for each (2 groups of 2 neurons), and the one of the results once.
// CHECK: [Analysis]{{.*}} parameters 14 -> 14 (-0.0%); multiply-accumulates 10 -> 10 (-0.0%)"
compress.weight private @u : tensor<2x1xf32> = dense<1.0>
compress.weight private @v : tensor<2x1xf32> = dense<2.0>
compress.weight private @p : tensor<1x2xf32> = dense<1.0>
compress.weight private @q : tensor<1x2xf32> = dense<1.0>
compress.weight private @s : tensor<1x1xf32> = dense<1.0>
compress.weight private @bias : tensor<2xf32> = dense<1.0>
compress.weight private @out : tensor<1xf32> = dense<1.0>
func.func @shared(%x: tensor<1x1xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %u = compress.load @u : tensor<2x1xf32>
  %v = compress.load @v : tensor<2x1xf32>
  %p = compress.load @p : tensor<1x2xf32>
  %q = compress.load @q : tensor<1x2xf32>
  %s = compress.load @s : tensor<1x1xf32>
  %bias = compress.load @bias : tensor<2xf32>
  %out = compress.load @out : tensor<1xf32>
  %0 = compress.linear nk %x, %u bias %bias {name = "u"} : (tensor<1x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %1 = compress.relu %0 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %2 = compress.linear nk %1, %p bias %out {name = "p"} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %3 = compress.linear nk %x, %v bias %bias {name = "v"} : (tensor<1x1xf32>, tensor<2x1xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  %4 = compress.relu %3 : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %5 = compress.linear nk %4, %q bias %out {name = "q"} : (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32>) -> tensor<1x1xf32>
  %6 = compress.linear nk %2, %s {name = "s1"} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  %7 = compress.linear nk %5, %s {name = "s2"} : (tensor<1x1xf32>, tensor<1x1xf32>) -> tensor<1x1xf32>
  return %6, %7 : tensor<1x1xf32>, tensor<1x1xf32>
}
