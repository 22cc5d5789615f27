// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// Sums of floats may be computed in any order, so that they can be vectors.
// CHECK-LABEL: func.func @softmax
// CHECK: arith.maximumf
// CHECK: math.exp
// CHECK: arith.addf {{.*}} fastmath<reassoc>
// CHECK: arith.divf
func.func @softmax(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %y = compress.softmax %x {axis = 1 : i64} : (tensor<?x16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @rms_norm
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: math.sqrt
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]
// CHECK-NOT: cf.assert
// CHECK: return
func.func @rms_norm(%x: tensor<?x16xf32>, %s: tensor<16xf32>) -> tensor<?x16xf32> {
  %y = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @mean
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0, 1]] output_shape [%{{.*}}, 1]
func.func @mean(%x: tensor<?x?xf32>) -> tensor<?x1xf32> {
  %y = compress.reduce mean %x {axes = array<i64: 1>} : (tensor<?x?xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// The sum of integers is exact, that of few bits needs more of them for the mean.
// CHECK-LABEL: func.func @integers
// CHECK: cf.assert %{{.*}}, "mean of no integers"
// CHECK: arith.addi %{{.*}} : i64
// CHECK: arith.divsi %{{.*}} : i64
func.func @integers(%x: tensor<?x?xi8>) -> tensor<?x1xi8> {
  %y = compress.reduce mean %x {axes = array<i64: 1>} : (tensor<?x?xi8>) -> tensor<?x1xi8>
  return %y : tensor<?x1xi8>
}

// Results are written in place: loops carry them.
// CHECK-LABEL: func.func @top_k
// CHECK: cf.assert %{{.*}}, "k of top_k is negative or above the size of its dim"
// CHECK: scf.for {{.*}} iter_args
// CHECK: scf.while
func.func @top_k(%x: tensor<?x?xf32>, %k: tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>) {
  %v, %i = compress.top_k %x, %k {axis = 1 : i64} : (tensor<?x?xf32>, tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return %v, %i : tensor<?x?xf32>, tensor<?x?xi64>
}

// Heads of queries are split into those of keys and groups.
// CHECK-LABEL: func.func @attention
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2], [3], [4]] output_shape [%{{.*}}, 2, 2, %{{.*}}, 16]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]
// CHECK: math.exp
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "parallel"]
func.func @attention(%q: tensor<?x4x?x16xf32> {compress.dims = ["b", "", "s", ""]},
                     %k: tensor<?x2x?x16xf32> {compress.dims = ["b", "", "s", ""]},
                     %v: tensor<?x2x?x16xf32> {compress.dims = ["b", "", "s", ""]}) -> tensor<?x4x?x16xf32> {
  %y = compress.attention bhsd %q, %k, %v {scale = 0.25 : f32}
    : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x16xf32>) -> tensor<?x4x?x16xf32>
  return %y : tensor<?x4x?x16xf32>
}
