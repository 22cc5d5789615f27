// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file | FileCheck %s --check-prefix=PRUNE
// RUN: compress-opt %s --compress-quantize=format=w8 --split-input-file | FileCheck %s --check-prefix=W8

// The filter is [out, h, w, in].
// PRUNE-LABEL: func.func @conv2d
// W8-LABEL: func.func @conv2d
func.func @conv2d(%x: tensor<1x4x4x4xf32>) -> tensor<1x4x4x2xf32> {
  // PRUNE: %[[KEPT:.+]] = "tosa.const"() <{values = dense<{{\[\[\[\[}}3.000000e+00, 4.000000e+00]]], {{\[\[\[}}8.000000e+00, 7.000000e+00]]]]> : tensor<2x1x1x2xf32>}>
  // PRUNE: %[[W:.+]] = compress.expand_nm %[[KEPT]], %{{.+}} {axis = 3 : i64, m = 4 : i64, n = 2 : i64}
  // PRUNE: tosa.conv2d %{{.+}}, %[[W]],
  // W8: "tosa.const"() <{values = dense<{{.*}}> : tensor<2x1x1x4xi8>}>
  // W8: %[[W:.+]] = compress.dequantize {{.*}} {block = array<i64: 1, -1, -1, -1>}
  // W8: tosa.conv2d %{{.+}}, %[[W]],
  %w = "tosa.const"() <{values = dense<[[[[1.0, 2.0, 3.0, 4.0]]], [[[8.0, 7.0, 6.0, 5.0]]]]> : tensor<2x1x1x4xf32>}> : () -> tensor<2x1x1x4xf32>
  %b = "tosa.const"() <{values = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>}
     : (tensor<1x4x4x4xf32>, tensor<2x1x1x4xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// -----

// PRUNE-LABEL: func.func @matmul
// W8-LABEL: func.func @matmul
func.func @matmul(%x: tensor<1x3x4xf32>) -> tensor<1x3x2xf32> {
  // PRUNE: %[[W:.+]] = compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // PRUNE: tosa.matmul %{{.+}}, %[[W]],
  // W8: compress.dequantize {{.*}} {block = array<i64: 1, -1, 1>}
  %w = "tosa.const"() <{values = dense<1.0> : tensor<1x4x2xf32>}> : () -> tensor<1x4x2xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x3x4xf32>, tensor<1x4x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}

// -----

// PRUNE-LABEL: func.func @no_activations
func.func @no_activations(%x: tensor<1x3x4xf32>, %w: tensor<1x4x2xf32>, %z: tensor<1xf32>) -> tensor<1x3x2xf32> {
  // PRUNE-NEXT: tosa.matmul
  %y = tosa.matmul %x, %w, %z, %z : (tensor<1x3x4xf32>, tensor<1x4x2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}
