// RUN: compress-opt %s --split-input-file --compress-merge-adapters | FileCheck %s

// A convolution [2, 2, 1, 2] with a factor of the same window and a 1x1 convolution.
// CHECK: compress.weight private @w : tensor<2x2x1x2xf32> = dense<{{\[\[\[}}[1.000000e+00, 2.000000e+00]], {{\[}}[3.000000e+00, 4.000000e+00]]], {{\[\[}}[-2.000000e+00, -4.000000e+00]], {{\[}}[-6.000000e+00, -8.000000e+00]]]]>
compress.weight private @w : tensor<2x2x1x2xf32> = dense<0.0>
compress.weight private @a : tensor<1x2x1x2xf32> = dense<[[[[1.0, 2.0]], [[3.0, 4.0]]]]>
compress.weight private @b : tensor<2x1x1x1xf32> = dense<[[[[1.0]]], [[[-2.0]]]]>
// CHECK-LABEL: func.func @conv
// CHECK-COUNT-1: compress.conv
// CHECK-NOT: compress.conv
func.func @conv(%x: tensor<?x2x?x8xf32>) -> tensor<?x2x?x4xf32> {
  %w = compress.load @w : tensor<2x2x1x2xf32>
  %a = compress.load @a : tensor<1x2x1x2xf32>
  %b = compress.load @b : tensor<2x1x1x1xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x?x8xf32>, tensor<2x2x1x2xf32>) -> tensor<?x2x?x4xf32>
  %h = compress.conv %x, %a {strides = array<i64: 1, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x2x?x8xf32>, tensor<1x2x1x2xf32>) -> tensor<?x1x?x4xf32>
  %d = compress.conv %h, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<?x1x?x4xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x?x4xf32>
  %r = compress.add %y, %d : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  return %r : tensor<?x2x?x4xf32>
}

// -----

// Two groups, one rank for each.
// CHECK: compress.weight private @w : tensor<4x1x1xf32> = dense<{{\[\[}}[1.000000e+01]], {{\[}}[2.000000e+01]], {{\[}}[6.000000e+01]], {{\[}}[8.000000e+01]]]>
compress.weight private @w : tensor<4x1x1xf32> = dense<0.0>
compress.weight private @a : tensor<2x1x1xf32> = dense<[[[10.0]], [[20.0]]]>
compress.weight private @b : tensor<4x1x1xf32> = dense<[[[1.0]], [[2.0]], [[3.0]], [[4.0]]]>
// CHECK-LABEL: func.func @grouped
// CHECK-COUNT-1: compress.conv
// CHECK-NOT: compress.conv
func.func @grouped(%x: tensor<1x2x8xf32>) -> tensor<1x4x8xf32> {
  %w = compress.load @w : tensor<4x1x1xf32>
  %a = compress.load @a : tensor<2x1x1xf32>
  %b = compress.load @b : tensor<4x1x1xf32>
  %y = compress.conv %x, %w {groups = 2, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8xf32>
  %h = compress.conv %x, %a {groups = 2, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x8xf32>, tensor<2x1x1xf32>) -> tensor<1x2x8xf32>
  %d = compress.conv %h, %b {groups = 2, strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>} : (tensor<1x2x8xf32>, tensor<4x1x1xf32>) -> tensor<1x4x8xf32>
  %r = compress.add %y, %d : (tensor<1x4x8xf32>, tensor<1x4x8xf32>) -> tensor<1x4x8xf32>
  return %r : tensor<1x4x8xf32>
}

// -----

// A table of rank 1 is looked up.
// CHECK: compress.weight private @w : tensor<3x2xf32> = dense<{{\[}}[2.000000e+00, 3.000000e+00], [1.000000e+00, 1.000000e+00], [0.000000e+00, -1.000000e+00]]>
compress.weight private @w : tensor<3x2xf32> = dense<1.0>
compress.weight private @a : tensor<3x1xf32> = dense<[[1.0], [0.0], [-1.0]]>
compress.weight private @b : tensor<2x1xf32> = dense<[[1.0], [2.0]]>
// CHECK-LABEL: func.func @embedding
// CHECK: %[[Y:.+]] = compress.embedding
// CHECK-NEXT: return %[[Y]]
func.func @embedding(%ids: tensor<?xi64>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<3x2xf32>
  %a = compress.load @a : tensor<3x1xf32>
  %b = compress.load @b : tensor<2x1xf32>
  %y = compress.embedding %w, %ids : (tensor<3x2xf32>, tensor<?xi64>) -> tensor<?x2xf32>
  %h = compress.embedding %a, %ids : (tensor<3x1xf32>, tensor<?xi64>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

// A constant that both the op and its branch see is no scale of the branch.
// CHECK: compress.weight private @w : tensor<1x1xf32> = dense<7.000000e+00>
compress.weight private @w : tensor<1x1xf32> = dense<1.0>
compress.weight private @a : tensor<1x1xf32> = dense<2.0>
compress.weight private @b : tensor<1x1xf32> = dense<3.0>
// CHECK-LABEL: func.func @common_scale
func.func @common_scale(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %ten = compress.constant dense<10.0> : tensor<f32>
  %in = compress.mul %x, %ten : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %w = compress.load @w : tensor<1x1xf32>
  %a = compress.load @a : tensor<1x1xf32>
  %b = compress.load @b : tensor<1x1xf32>
  %y = compress.linear nk %in, %w : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %in, %a : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

// -----

// Transposes of a weight stay.
// CHECK: compress.weight private @w : tensor<2x3xf32> = dense<{{\[}}[2.000000e+00, 3.000000e+00, 4.000000e+00], [3.000000e+00, 5.000000e+00, 7.000000e+00]]>
compress.weight private @w : tensor<2x3xf32> = dense<1.0>
compress.weight private @a : tensor<1x3xf32> = dense<[[1.0, 2.0, 3.0]]>
compress.weight private @b : tensor<1x2xf32> = dense<[[1.0, 2.0]]>
// CHECK-LABEL: func.func @transposes
// CHECK: %[[W:.+]] = compress.load @w
// CHECK-NEXT: %[[T:.+]] = compress.transpose %[[W]] {perm = array<i64: 1, 0>}
// CHECK-NEXT: compress.linear kn %{{.+}}, %[[T]]
func.func @transposes(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x3xf32>
  %t = compress.transpose %w {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %a = compress.load @a : tensor<1x3xf32>
  %at = compress.transpose %a {perm = array<i64: 1, 0>} : (tensor<1x3xf32>) -> tensor<3x1xf32>
  %b = compress.load @b : tensor<1x2xf32>
  %y = compress.linear kn %x, %t : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<?x2xf32>
  %h = compress.linear kn %x, %at : (tensor<?x3xf32>, tensor<3x1xf32>) -> tensor<?x1xf32>
  %d = compress.linear kn %h, %b : (tensor<?x1xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
