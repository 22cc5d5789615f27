// RUN: compress-opt %s --compress-propagate-masks --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks --split-input-file | FileCheck %s

// The mask of two rows becomes one of the bias and of the columns that read them.
compress.weight private @up : tensor<4x3xf32> = dense<1.0>
compress.weight private @up.b : tensor<4xf32> = dense<1.0>
compress.weight private @down : tensor<2x4xf32> = dense<1.0>
func.func @hidden_units(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %up = compress.load @up : tensor<4x3xf32>
  %b = compress.load @up.b : tensor<4xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %m = compress.constant dense<[[true], [false], [false], [true]]> : tensor<4x1xi1>
  %masked = compress.mask %up, %m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %masked bias %b {name = "up"} : (tensor<?x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %down {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @down.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, false, true]]>
// CHECK-DAG: compress.weight private @up.b.mask : tensor<4xi1> = dense<[true, false, false, true]>
// CHECK-LABEL: func.func @hidden_units(
// CHECK: compress.mask %up, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// CHECK: compress.mask %up.b, %up.b.mask : tensor<4xf32>, tensor<4xi1>
// CHECK: compress.mask %down, %down.mask : tensor<2x4xf32>, tensor<1x4xi1>
// CHECK-NOT: compress.mask

// -----

// The same from the reader's side, with a mask of all elements, stored as a weight, below a transpose.
compress.weight private @up : tensor<4x3xf32> = dense<1.0>
compress.weight private @down : tensor<2x4xf32> = dense<1.0>
compress.weight private @down.m : tensor<2x4xi1> = dense<[[true, false, true, true], [true, false, true, true]]>
func.func @columns(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %up = compress.load @up : tensor<4x3xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %m = compress.load @down.m : tensor<2x4xi1>
  %masked = compress.mask %down, %m : tensor<2x4xf32>, tensor<2x4xi1>
  %t = compress.transpose %masked {perm = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>
  %0 = compress.linear nk %x, %up {name = "up"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear kn %0, %t {name = "down"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @up.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [false], [true], [true]]>
// CHECK-LABEL: func.func @columns(
// CHECK: compress.mask %down, %down.m : tensor<2x4xf32>, tensor<2x4xi1>
// CHECK: compress.mask %up, %up.mask : tensor<4x3xf32>, tensor<4x1xi1>
// CHECK-NOT: compress.mask

// -----

// Masks that are there are combined with: that of a pattern, and those of both dims of a weight.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<3x4xf32> = dense<1.0>
compress.weight private @c : tensor<2x3xf32> = dense<1.0>
func.func @combined(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<3x4xf32>
  %c = compress.load @c : tensor<2x3xf32>
  %ma = compress.constant dense<[[true, false, true], [false, true, true], [true, true, false], [true, true, false]]> : tensor<4x3xi1>
  %mb = compress.constant dense<[[true, true, true, false]]> : tensor<1x4xi1>
  %mc = compress.constant dense<[[false, true, true]]> : tensor<1x3xi1>
  %am = compress.mask %a, %ma : tensor<4x3xf32>, tensor<4x3xi1>
  %bm = compress.mask %b, %mb : tensor<3x4xf32>, tensor<1x4xi1>
  %cm = compress.mask %c, %mc : tensor<2x3xf32>, tensor<1x3xi1>
  %0 = compress.linear nk %x, %am {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %bm {name = "b"} : (tensor<?x4xf32>, tensor<3x4xf32>) -> tensor<?x3xf32>
  %2 = compress.linear nk %1, %cm {name = "c"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// CHECK-DAG: compress.weight private @a.mask : tensor<4x3xi1> = dense<{{\[\[}}true, false, true], [false, true, true], [true, true, false], [false, false, false]]>
// CHECK-DAG: compress.weight private @b.mask : tensor<3x4xi1> = dense<{{\[\[}}false, false, false, false], [true, true, true, false], [true, true, true, false]]>
// CHECK-LABEL: func.func @combined(
// CHECK: compress.mask %a, %a.mask : tensor<4x3xf32>, tensor<4x3xi1>
// CHECK: compress.mask %b, %b.mask : tensor<3x4xf32>, tensor<3x4xi1>
// CHECK: compress.mask %c, %{{.+}} : tensor<2x3xf32>, tensor<1x3xi1>
// CHECK-NOT: compress.mask

// -----

// An exporter stored equal biases once: only the user in the group is masked.
compress.weight private @a : tensor<3x3xf32> = dense<1.0>
compress.weight private @b : tensor<3x3xf32> = dense<1.0>
compress.weight private @bias : tensor<3xf32> = dense<0.0>
func.func @shared_bias(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %a = compress.load @a : tensor<3x3xf32>
  %b = compress.load @b : tensor<3x3xf32>
  %bias = compress.load @bias : tensor<3xf32>
  %m = compress.constant dense<[[false], [true], [true]]> : tensor<3x1xi1>
  %am = compress.mask %a, %m : tensor<3x3xf32>, tensor<3x1xi1>
  %0 = compress.linear nk %x, %am bias %bias {name = "a"} : (tensor<?x3xf32>, tensor<3x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %1 = compress.linear nk %0, %b bias %bias {name = "b"} : (tensor<?x3xf32>, tensor<3x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

// CHECK-DAG: compress.weight private @b.mask : tensor<1x3xi1> = dense<{{\[\[}}false, true, true]]>
// CHECK-DAG: compress.weight private @bias.mask : tensor<3xi1> = dense<[false, true, true]>
// CHECK-LABEL: func.func @shared_bias(
// CHECK: compress.mask %a, %{{.+}} : tensor<3x3xf32>, tensor<3x1xi1>
// CHECK: compress.mask %bias, %bias.mask : tensor<3xf32>, tensor<3xi1>
// CHECK: compress.mask %b, %b.mask : tensor<3x3xf32>, tensor<1x3xi1>
// CHECK-NOT: compress.mask
