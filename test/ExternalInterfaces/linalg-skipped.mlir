// RUN: compress-opt %s --compress-quantize=format=w8 --compress-prune=pattern=2:4 --split-input-file | FileCheck %s

// A depthwise filter contracts no channels.
// CHECK-LABEL: func.func @no_depthwise
func.func @no_depthwise(%x: tensor<1x?x?x4xf32>, %init: tensor<1x?x?x4xf32>) -> tensor<1x?x?x4xf32> {
  // CHECK-NEXT: %[[W:.+]] = arith.constant dense<1.000000e+00> : tensor<3x3x4xf32>
  // CHECK-NEXT: linalg.depthwise_conv_2d_nhwc_hwc {{.*}}ins(%{{.+}}, %[[W]] :
  %w = arith.constant dense<1.0> : tensor<3x3x4xf32>
  %y = linalg.depthwise_conv_2d_nhwc_hwc {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x?x?x4xf32>, tensor<3x3x4xf32>) outs(%init : tensor<1x?x?x4xf32>) -> tensor<1x?x?x4xf32>
  return %y : tensor<1x?x?x4xf32>
}

// -----

// The window of a pooling op is no weight.
// CHECK-LABEL: func.func @no_pooling
func.func @no_pooling(%x: tensor<1x?x?x4xf32>, %init: tensor<1x?x?x4xf32>) -> tensor<1x?x?x4xf32> {
  // CHECK-NEXT: arith.constant
  // CHECK-NEXT: linalg.pooling_nhwc_sum
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %y = linalg.pooling_nhwc_sum {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x?x?x4xf32>, tensor<4x4xf32>) outs(%init : tensor<1x?x?x4xf32>) -> tensor<1x?x?x4xf32>
  return %y : tensor<1x?x?x4xf32>
}

// -----

// CHECK-LABEL: func.func @no_two_activations
func.func @no_two_activations(%x: tensor<?x4xf32>, %w: tensor<4x2xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-NEXT: linalg.matmul
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A sum with a constant is no contraction.
#map = affine_map<(m, n) -> (m, n)>
// CHECK-LABEL: func.func @no_elementwise
func.func @no_elementwise(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  // CHECK-NEXT: arith.constant
  // CHECK-NEXT: linalg.generic
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %y = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]}
      ins(%x, %w : tensor<4x4xf32>, tensor<4x4xf32>) outs(%x : tensor<4x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<4x4xf32>
  return %y : tensor<4x4xf32>
}

// -----

// CHECK-LABEL: func.func @no_integers
func.func @no_integers(%x: tensor<?x4xi8>, %init: tensor<?x2xi32>) -> tensor<?x2xi32> {
  // CHECK-NEXT: %[[W:.+]] = arith.constant dense<1> : tensor<4x2xi8>
  // CHECK-NEXT: linalg.matmul
  %w = arith.constant dense<1> : tensor<4x2xi8>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xi8>, tensor<4x2xi8>) outs(%init : tensor<?x2xi32>) -> tensor<?x2xi32>
  return %y : tensor<?x2xi32>
}

// -----

// Buffers have no weights.
// CHECK-LABEL: func.func @no_buffers
func.func @no_buffers(%x: memref<4x4xf32>, %y: memref<4x4xf32>) {
  // CHECK-NEXT: linalg.matmul
  linalg.matmul ins(%x, %x : memref<4x4xf32>, memref<4x4xf32>) outs(%y : memref<4x4xf32>)
  return
}
