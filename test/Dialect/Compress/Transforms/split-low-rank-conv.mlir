// RUN: compress-opt %s --split-input-file --compress-split-low-rank | FileCheck %s

// The channel form: all of the window to k channels, then a 1x1 convolution with the bias. Rank 2 is
// asked for, but the weight has no more than 1.
compress.weight private @w : tensor<6x4x3x3xf32> = dense<0.5>
compress.weight private @b : tensor<6xf32> = dense<1.0>
// CHECK-LABEL: func.func @channel
func.func @channel(%x: tensor<?x4x?x?xf32>) -> tensor<?x6x?x?xf32> {
  // CHECK: %[[Z:.+]] = compress.conv %arg0, %{{.+}} {dilations = array<i64: 1, 2>, name = "conv/v", pads = array<i64: 1, 2, 3, 4>, strides = array<i64: 2, 1>} : (tensor<?x4x?x?xf32>, tensor<1x4x3x3xf32>) -> tensor<?x1x?x?xf32>
  // CHECK: compress.conv %[[Z]], %{{.+}} bias %{{.+}} {dilations = array<i64: 1, 1>, name = "conv/u", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x1x?x?xf32>, tensor<6x1x1x1xf32>, tensor<6xf32>) -> tensor<?x6x?x?xf32>
  %w = compress.load @w : tensor<6x4x3x3xf32>
  %b = compress.load @b : tensor<6xf32>
  %y = compress.conv %x, %w bias %b {name = "conv", strides = array<i64: 2, 1>, pads = array<i64: 1, 2, 3, 4>, dilations = array<i64: 1, 2>, compress.plan = #compress.plan<low_rank = "rank:2,method=svd,form=channel">} : (tensor<?x4x?x?xf32>, tensor<6x4x3x3xf32>, tensor<6xf32>) -> tensor<?x6x?x?xf32>
  return %y : tensor<?x6x?x?xf32>
}

// -----

// The spatial form: a vertical window, then a horizontal one. Each has its part of the geometry.
compress.weight private @w : tensor<6x4x3x5xf32> = dense<0.5>
// CHECK-LABEL: func.func @spatial
func.func @spatial(%x: tensor<1x4x16x16xf32>) -> tensor<1x6x9x14xf32> {
  // CHECK: %[[Z:.+]] = compress.conv %arg0, %{{.+}} {dilations = array<i64: 1, 1>, name = "conv/v", pads = array<i64: 1, 0, 3, 0>, strides = array<i64: 2, 1>} : (tensor<1x4x16x16xf32>, tensor<1x4x3x1xf32>) -> tensor<1x1x9x16xf32>
  // CHECK: compress.conv %[[Z]], %{{.+}} {dilations = array<i64: 1, 2>, name = "conv/u", pads = array<i64: 0, 2, 0, 4>, strides = array<i64: 1, 1>} : (tensor<1x1x9x16xf32>, tensor<6x1x1x5xf32>) -> tensor<1x6x9x14xf32>
  %w = compress.load @w : tensor<6x4x3x5xf32>
  %y = compress.conv %x, %w {name = "conv", strides = array<i64: 2, 1>, pads = array<i64: 1, 2, 3, 4>, dilations = array<i64: 1, 2>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd,form=spatial">} : (tensor<1x4x16x16xf32>, tensor<6x4x3x5xf32>) -> tensor<1x6x9x14xf32>
  return %y : tensor<1x6x9x14xf32>
}

// -----

// Groups: each has factors of its own.
compress.weight private @w : tensor<8x4x3x3xf32> = dense<0.5>
// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<?x8x8x8xf32>) -> tensor<?x8x6x6xf32> {
  // CHECK: %[[Z:.+]] = compress.conv %arg0, %{{.+}} {dilations = array<i64: 1, 1>, groups = 2 : i64, name = "conv/v", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x8x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<?x2x6x6xf32>
  // CHECK: compress.conv %[[Z]], %{{.+}} {dilations = array<i64: 1, 1>, groups = 2 : i64, name = "conv/u", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x2x6x6xf32>, tensor<8x1x1x1xf32>) -> tensor<?x8x6x6xf32>
  %w = compress.load @w : tensor<8x4x3x3xf32>
  %y = compress.conv %x, %w {name = "conv", groups = 2 : i64, strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x8x8x8xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x6x6xf32>
  return %y : tensor<?x8x6x6xf32>
}

// -----

// A transposed convolution has the 1x1 convolution in front, where the image is small.
compress.weight private @w : tensor<8x4x3x3xf32> = dense<0.5>
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<?x8x4x4xf32>) -> tensor<?x4x10x9xf32> {
  // CHECK: %[[Z:.+]] = compress.conv %arg0, %{{.+}} {dilations = array<i64: 1, 1>, name = "up/v", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<?x8x4x4xf32>, tensor<1x8x1x1xf32>) -> tensor<?x1x4x4xf32>
  // CHECK: compress.conv_transpose %[[Z]], %{{.+}} {dilations = array<i64: 1, 1>, name = "up/u", output_padding = array<i64: 1, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<?x1x4x4xf32>, tensor<1x4x3x3xf32>) -> tensor<?x4x10x9xf32>
  %w = compress.load @w : tensor<8x4x3x3xf32>
  %y = compress.conv_transpose %x, %w {name = "up", strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, output_padding = array<i64: 1, 0>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x8x4x4xf32>, tensor<8x4x3x3xf32>) -> tensor<?x4x10x9xf32>
  return %y : tensor<?x4x10x9xf32>
}

// -----

// Of kernels [1, 1] both forms are one; three dims have the channel form only.
compress.weight private @p : tensor<6x6x1x1xf32> = dense<0.5>
compress.weight private @c : tensor<6x6x2x2x2xf32> = dense<0.5>
// CHECK-LABEL: func.func @pointwise_and_volume
func.func @pointwise_and_volume(%x: tensor<?x6x4x4xf32>, %z: tensor<?x6x4x4x4xf32>) -> (tensor<?x6x4x4xf32>, tensor<?x6x3x3x3xf32>) {
  // CHECK: (tensor<?x6x4x4xf32>, tensor<1x6x1x1xf32>) -> tensor<?x1x4x4xf32>
  %p = compress.load @p : tensor<6x6x1x1xf32>
  %y = compress.conv %x, %p {name = "p", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x6x4x4xf32>, tensor<6x6x1x1xf32>) -> tensor<?x6x4x4xf32>
  // CHECK: (tensor<?x6x4x4x4xf32>, tensor<1x6x2x2x2xf32>) -> tensor<?x1x3x3x3xf32>
  %c = compress.load @c : tensor<6x6x2x2x2xf32>
  %v = compress.conv %z, %c {name = "c", strides = array<i64: 1, 1, 1>, pads = array<i64: 0, 0, 0, 0, 0, 0>, dilations = array<i64: 1, 1, 1>, compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x6x4x4x4xf32>, tensor<6x6x2x2x2xf32>) -> tensor<?x6x3x3x3xf32>
  return %y, %v : tensor<?x6x4x4xf32>, tensor<?x6x3x3x3xf32>
}
