// RUN: compress-opt %s --compress-normalize-onnx | FileCheck %s

compress.weight private @w : tensor<4x5xf32> = dense<1.0>
compress.weight private @b : tensor<5xf32> = dense<2.0>
compress.weight private @brow : tensor<1x5xf32> = dense<3.0>
compress.weight private @t : tensor<5x4xf32> = dense<4.0>
compress.weight private @k : tensor<8x3x3x3xf32> = dense<0.5>

// CHECK-LABEL: func.func @matmul_weight(
// CHECK: compress.linear kn %arg0, %{{.*}} {name = "fc"} : (tensor<?x7x4xf32>, tensor<4x5xf32>) -> tensor<?x7x5xf32>
func.func @matmul_weight(%x: tensor<?x7x4xf32>) -> !compress.onnx_value {
  %w = compress.load @w : tensor<4x5xf32>
  %y = compress.onnx "MatMul"(%x, %w) {node_name = "fc", result_names = ["y"], version = 17 : i64} : (tensor<?x7x4xf32>, tensor<4x5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @matmul_activations(
// CHECK: compress.matmul %arg0, %arg1 {name = "qk"}
func.func @matmul_activations(%x: tensor<2x3x4xf32>, %z: tensor<2x4x5xf32>) -> !compress.onnx_value {
  %y = compress.onnx "MatMul"(%x, %z) {node_name = "qk", result_names = ["y"], version = 17 : i64} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// A tied head stays tied: one weight, used as it lies.
// CHECK-LABEL: func.func @tied_head(
// CHECK: %[[T:.*]] = compress.load @t
// CHECK: compress.embedding %[[T]], %arg0 {name = "embed"}
// CHECK-NOT: compress.transpose
// CHECK: compress.linear nk %arg1, %[[T]] {name = "head"} : (tensor<?x4xf32>, tensor<5x4xf32>) -> tensor<?x5xf32>
func.func @tied_head(%i: tensor<?xi64>, %x: tensor<?x4xf32>) -> (!compress.onnx_value, !compress.onnx_value) {
  %t = compress.load @t : tensor<5x4xf32>
  %e = compress.onnx "Gather"(%t, %i) {node_name = "embed", result_names = ["e"], version = 17 : i64} : (tensor<5x4xf32>, tensor<?xi64>) -> !compress.onnx_value
  %tt = compress.onnx "Transpose"(%t) {node_name = "n", onnx_attributes = {perm = array<i64: 1, 0>}, result_names = ["tt"], version = 17 : i64} : (tensor<5x4xf32>) -> !compress.onnx_value
  %y = compress.onnx "MatMul"(%x, %tt) {node_name = "head", result_names = ["y"], version = 17 : i64} : (tensor<?x4xf32>, !compress.onnx_value) -> !compress.onnx_value
  return %e, %y : !compress.onnx_value, !compress.onnx_value
}

// CHECK-LABEL: func.func @gemm_bias(
// CHECK: compress.linear nk %arg0, %{{.*}} bias %{{.*}} {name = "g"}
func.func @gemm_bias(%x: tensor<?x4xf32>) -> !compress.onnx_value {
  %t = compress.load @t : tensor<5x4xf32>
  %b = compress.load @b : tensor<5xf32>
  %y = compress.onnx "Gemm"(%x, %t, %b) {node_name = "g", onnx_attributes = {transB = 1 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<?x4xf32>, tensor<5x4xf32>, tensor<5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @gemm_bias_row(
// CHECK: %[[B:.*]] = compress.load @{{.*}} : tensor<5xf32>
// CHECK: compress.linear kn %arg0, %{{.*}} bias %[[B]] {name = "g2"}
func.func @gemm_bias_row(%x: tensor<?x4xf32>) -> !compress.onnx_value {
  %w = compress.load @w : tensor<4x5xf32>
  %b = compress.load @brow : tensor<1x5xf32>
  %y = compress.onnx "Gemm"(%x, %w, %b) {node_name = "g2", result_names = ["y"], version = 17 : i64} : (tensor<?x4xf32>, tensor<4x5xf32>, tensor<1x5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @gemm_general(
// CHECK-DAG: %[[A:.*]] = compress.transpose %arg0 {perm = array<i64: 1, 0>}
// CHECK-DAG: %[[HALF:.*]] = compress.constant dense<5.000000e-01> : tensor<f32>
// CHECK: %[[C:.*]] = compress.mul %arg1, %[[HALF]]
// CHECK: %[[P:.*]] = compress.linear kn %[[A]], %{{.*}} {name = "g3"}
// CHECK: %[[TWO:.*]] = compress.constant dense<2.000000e+00> : tensor<f32>
// CHECK: %[[S:.*]] = compress.mul %[[P]], %[[TWO]]
// CHECK: compress.add %[[S]], %[[C]]
func.func @gemm_general(%x: tensor<4x2xf32>, %c: tensor<2x5xf32>) -> !compress.onnx_value {
  %w = compress.load @w : tensor<4x5xf32>
  %y = compress.onnx "Gemm"(%x, %w, %c) {node_name = "g3", onnx_attributes = {alpha = 2.0 : f32, beta = 0.5 : f32, transA = 1 : i64}, result_names = ["y"], version = 17 : i64} : (tensor<4x2xf32>, tensor<4x5xf32>, tensor<2x5xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @conv_same_upper(
// CHECK: compress.conv %arg0, %{{.*}} {dilations = array<i64: 1, 1>, name = "c", pads = array<i64: 0, 0, 1, 1>, strides = array<i64: 2, 2>}
// CHECK-SAME: -> tensor<1x8x4x4xf32>
func.func @conv_same_upper(%x: tensor<1x3x8x8xf32>) -> !compress.onnx_value {
  %k = compress.load @k : tensor<8x3x3x3xf32>
  %y = compress.onnx "Conv"(%x, %k) {node_name = "c", onnx_attributes = {auto_pad = "SAME_UPPER", strides = array<i64: 2, 2>}, result_names = ["y"], version = 17 : i64} : (tensor<1x3x8x8xf32>, tensor<8x3x3x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// The padding depends on the size.
// CHECK-LABEL: func.func @conv_same_dynamic(
// CHECK: compress.onnx "Conv"
// CHECK-SAME: -> tensor<?x?x?x?xf32>
func.func @conv_same_dynamic(%x: tensor<1x3x?x?xf32>) -> !compress.onnx_value {
  %k = compress.load @k : tensor<8x3x3x3xf32>
  %y = compress.onnx "Conv"(%x, %k) {node_name = "c", onnx_attributes = {auto_pad = "SAME_UPPER", strides = array<i64: 2, 2>}, result_names = ["y"], version = 17 : i64} : (tensor<1x3x?x?xf32>, tensor<8x3x3x3xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @max_pool(
// CHECK: compress.pool max %arg0
// CHECK-SAME: kernel = array<i64: 2, 2>
// CHECK-SAME: -> tensor<1x3x4x4xf32>
func.func @max_pool(%x: tensor<1x3x8x8xf32>) -> !compress.onnx_value {
  %y = compress.onnx "MaxPool"(%x) {node_name = "n", onnx_attributes = {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>}, result_names = ["y"], version = 17 : i64} : (tensor<1x3x8x8xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// CHECK-LABEL: func.func @global_average_pool(
// CHECK: compress.reduce mean %arg0 {axes = array<i64: 2, 3>{{.*}}} : (tensor<?x3x8x8xf32>) -> tensor<?x3x1x1xf32>
func.func @global_average_pool(%x: tensor<?x3x8x8xf32>) -> !compress.onnx_value {
  %y = compress.onnx "GlobalAveragePool"(%x) {node_name = "n", result_names = ["y"], version = 17 : i64} : (tensor<?x3x8x8xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}
