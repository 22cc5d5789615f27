// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<?x3x8xf32>, %s: tensor<8xf32>, %b: tensor<3x1xf32>) {
  // CHECK: compress.layer_norm %{{.*}}, %{{.*}} {axis = 2 : i64} : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
  %0 = compress.layer_norm %x, %s {axis = 2 : i64}
     : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
  // CHECK: compress.layer_norm %{{.*}}, %{{.*}} bias %{{.*}} {axis = 1 : i64, epsilon = {{.*}} : f32}
  %1 = compress.layer_norm %x, %s bias %b {axis = 1 : i64, epsilon = 1.0e-3 : f32}
     : (tensor<?x3x8xf32>, tensor<8xf32>, tensor<3x1xf32>) -> tensor<?x3x8xf32>
  return
}

// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%x: tensor<?x?x8xf32>, %p: tensor<4xf32>) {
  // CHECK: compress.batch_norm %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x?x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  %0 = compress.batch_norm %x, %p, %p, %p, %p
     : (tensor<?x?x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8xf32>
  return
}

// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<?x8xf16>) {
  // CHECK: compress.softmax %{{.*}} {axis = 1 : i64} : (tensor<?x8xf16>) -> tensor<?x8xf16>
  %0 = compress.softmax %x {axis = 1 : i64} : (tensor<?x8xf16>) -> tensor<?x8xf16>
  // CHECK: compress.log_softmax %{{.*}} {axis = 0 : i64}
  %1 = compress.log_softmax %x {axis = 0 : i64} : (tensor<?x8xf16>) -> tensor<?x8xf16>
  return
}

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: tensor<?x3x8xf32>) {
  // CHECK: compress.reduce mean %{{.*}} {axes = array<i64: 2>} : (tensor<?x3x8xf32>) -> tensor<?x3x1xf32>
  %0 = compress.reduce mean %x {axes = array<i64: 2>} : (tensor<?x3x8xf32>) -> tensor<?x3x1xf32>
  // CHECK: compress.reduce sum %{{.*}} {axes = array<i64: 0, 2>, keepdims = false} : (tensor<?x3x8xf32>) -> tensor<3xf32>
  %1 = compress.reduce sum %x {axes = array<i64: 0, 2>, keepdims = false}
     : (tensor<?x3x8xf32>) -> tensor<3xf32>
  // CHECK: compress.reduce log_sum_exp %{{.*}} {axes = array<i64>} : (tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
  %2 = compress.reduce log_sum_exp %x {axes = array<i64>} : (tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
  return
}

// CHECK-LABEL: func.func @search
func.func @search(%x: tensor<?x3x8xf32>, %k: tensor<1xi64>) {
  // CHECK: compress.argmax %{{.*}} {axis = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x3x1xi64>
  %0 = compress.argmax %x {axis = 2 : i64} : (tensor<?x3x8xf32>) -> tensor<?x3x1xi64>
  // CHECK: compress.argmax %{{.*}} {axis = 0 : i64, keepdims = false, select_last_index = true} : (tensor<?x3x8xf32>) -> tensor<3x8xi64>
  %1 = compress.argmax %x {axis = 0 : i64, keepdims = false, select_last_index = true}
     : (tensor<?x3x8xf32>) -> tensor<3x8xi64>
  // CHECK: %[[TWO:.*]] = compress.constant dense<2>
  %two = compress.constant dense<2> : tensor<1xi64>
  // CHECK: %{{.*}}, %{{.*}} = compress.top_k %{{.*}}, %[[TWO]] {axis = 2 : i64} : (tensor<?x3x8xf32>, tensor<1xi64>) -> (tensor<?x3x2xf32>, tensor<?x3x2xi64>)
  %v, %i = compress.top_k %x, %two {axis = 2 : i64}
     : (tensor<?x3x8xf32>, tensor<1xi64>) -> (tensor<?x3x2xf32>, tensor<?x3x2xi64>)
  // CHECK: compress.top_k {{.*}} {axis = 1 : i64, largest = false, sorted = false} {{.*}} -> (tensor<?x?x8xf32>, tensor<?x?x8xi64>)
  %w, %j = compress.top_k %x, %k {axis = 1 : i64, largest = false, sorted = false}
     : (tensor<?x3x8xf32>, tensor<1xi64>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi64>)
  // CHECK: compress.cumsum %{{.*}} {axis = 1 : i64, exclusive = true, reverse = true}
  %2 = compress.cumsum %x {axis = 1 : i64, exclusive = true, reverse = true}
     : (tensor<?x3x8xf32>) -> tensor<?x3x8xf32>
  return
}
