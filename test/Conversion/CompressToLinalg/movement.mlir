// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// Views where the sizes prove it, without a check.
// CHECK-LABEL: func.func @split_heads
// CHECK-NOT: cf.assert
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] output_shape [%{{.*}}, %{{.*}}, 4, 32]
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2]]
// CHECK-NOT: cf.assert
// CHECK: return
func.func @split_heads(%x: tensor<?x?x128xf32> {compress.dims = ["b", "s", ""]})
    -> (tensor<?x?x4x32xf32>, tensor<?x128xf32>) {
  %s = compress.constant dense<[0, 0, 4, 32]> : tensor<4xi64>
  %heads = compress.reshape %x, %s : (tensor<?x?x128xf32>, tensor<4xi64>) -> tensor<?x?x4x32xf32>
  %t = compress.constant dense<[-1, 128]> : tensor<2xi64>
  %flat = compress.reshape %heads, %t : (tensor<?x?x4x32xf32>, tensor<2xi64>) -> tensor<?x128xf32>
  return %heads, %flat : tensor<?x?x4x32xf32>, tensor<?x128xf32>
}

// A shape that the graph computes from sizes is seen through.
// CHECK-LABEL: func.func @computed_shape
// CHECK-NOT: cf.assert
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1], [2]]
// CHECK-NOT: cf.assert
// CHECK: return
func.func @computed_shape(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %m = compress.constant dense<[-1, 8]> : tensor<2xi64>
  %flat = compress.reshape %x, %m : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %n = compress.neg %flat : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %s = compress.shape %x {start = 0, end = 3} : (tensor<?x?x8xf32>) -> tensor<3xi64>
  %y = compress.reshape %n, %s : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// What cannot be proven is checked.
// CHECK-LABEL: func.func @unknown_shape
// CHECK: cf.assert %{{.*}}, "'compress.reshape' changes the number of elements"
// CHECK: tensor.collapse_shape
// CHECK: tensor.expand_shape
func.func @unknown_shape(%x: tensor<?x?xf32>, %s: tensor<3xi64>) -> tensor<?x?x?xf32> {
  %y = compress.reshape %x, %s : (tensor<?x?xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return %y : tensor<?x?x?xf32>
}

// Moving a dim of size 1 is a reshape.
// CHECK-LABEL: func.func @transpose_ones
// CHECK-NOT: linalg.transpose
// CHECK: return
func.func @transpose_ones(%x: tensor<?x1x4xf32>) -> tensor<1x?x4xf32> {
  %y = compress.transpose %x {perm = array<i64: 1, 0, 2>} : (tensor<?x1x4xf32>) -> tensor<1x?x4xf32>
  return %y : tensor<1x?x4xf32>
}

// CHECK-LABEL: func.func @slice
// CHECK-NOT: linalg
// CHECK: tensor.extract_slice %{{.*}}[0, %{{.*}}] [%{{.*}}, %{{.*}}] [1, 1]
// CHECK-NOT: linalg
// CHECK: return
func.func @slice(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %s = compress.constant dense<-1> : tensor<1xi64>
  %e = compress.constant dense<9223372036854775807> : tensor<1xi64>
  %y = compress.slice %x, %s, %e {axes = array<i64: 1>, steps = array<i64: 1>}
    : (tensor<?x?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// A negative step is a copy.
// CHECK-LABEL: func.func @reverse
// CHECK: linalg.generic
func.func @reverse(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = compress.constant dense<-1> : tensor<1xi64>
  %e = compress.constant dense<-9> : tensor<1xi64>
  %y = compress.slice %x, %s, %e {axes = array<i64: 0>, steps = array<i64: -1>}
    : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @concat
// CHECK: cf.assert %{{.*}}, "'compress.concat' inputs differ in a dim that is not joined"
// CHECK: %[[A:.*]] = tensor.insert_slice %{{.*}} into %{{.*}}[0, 0]
// CHECK: tensor.insert_slice %{{.*}} into %[[A]]
func.func @concat(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %z = compress.concat %x, %y {axis = 1} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %z : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @pad
// CHECK: %[[F:.*]] = linalg.fill
// CHECK: tensor.insert_slice %{{.*}} into %[[F]][1, 0]
func.func @pad(%x: tensor<3x4xf32>) -> tensor<5x4xf32> {
  %p = compress.constant dense<[1, 0, 1, 0]> : tensor<4xi64>
  %y = compress.pad constant %x, %p : (tensor<3x4xf32>, tensor<4xi64>) -> tensor<5x4xf32>
  return %y : tensor<5x4xf32>
}
