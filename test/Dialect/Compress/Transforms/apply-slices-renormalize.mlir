// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-apply-slices{renormalize=true})' | FileCheck %s

// Norms and means count what is left, and nothing is scaled.
compress.weight private @in : tensor<4x3xf32> = dense<1.0>
compress.weight private @n : tensor<4xf32> = dense<1.0>
compress.weight private @out : tensor<2x4xf32> = dense<1.0>
// CHECK-DAG: compress.weight private @n : tensor<3xf32> = dense<1.000000e+00>
// CHECK-LABEL: func.func @norms
func.func @norms(%x: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
  %in = compress.load @in : tensor<4x3xf32>
  %n = compress.load @n : tensor<4xf32>
  %out = compress.load @out : tensor<2x4xf32>
  %rows = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %entries = compress.constant dense<[true, false, true, true]> : tensor<4xi1>
  %columns = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %in.m = compress.mask %in, %rows : tensor<4x3xf32>, tensor<4x1xi1>
  %n.m = compress.mask %n, %entries : tensor<4xf32>, tensor<4xi1>
  %out.m = compress.mask %out, %columns : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %in.m {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  // CHECK: %[[NORM:.+]] = compress.layer_norm %{{.+}}, %n {axis = 1 : i64} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  // CHECK-NEXT: %[[MEAN:.+]] = compress.reduce mean %[[NORM]] {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?x1xf32>
  // CHECK-NEXT: %[[Y:.+]] = compress.linear nk %[[NORM]], %out
  // CHECK-NEXT: return %[[Y]], %[[MEAN]]
  %1 = compress.layer_norm %0, %n.m {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = compress.reduce mean %1 {axes = array<i64: 1>} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %3 = compress.linear nk %1, %out.m {name = "out"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %3, %2 : tensor<?x2xf32>, tensor<?x1xf32>
}
