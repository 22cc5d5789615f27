// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file | FileCheck %s --check-prefix=PRUNE
// RUN: compress-opt %s --compress-quantize=format=w8 --split-input-file | FileCheck %s --check-prefix=W8

// Weights of a foreign module stay constants of its own kind.
// PRUNE-LABEL: func.func @matmul
// W8-LABEL: func.func @matmul
func.func @matmul(%x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // Groups run down the columns.
  // PRUNE-DAG: %[[KEPT:.+]] = arith.constant dense<{{\[\[}}3.000000e+00, 8.000000e+00], [4.000000e+00, 7.000000e+00]]> : tensor<2x2xf32>
  // PRUNE-DAG: %[[META:.+]] = arith.constant dense<{{\[\[}}2], [7]]> : tensor<2x1xi8>
  // PRUNE: %[[W:.+]] = compress.expand_nm %[[KEPT]], %[[META]] {axis = 0 : i64, m = 4 : i64, n = 2 : i64}
  // PRUNE: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]] :
  // W8-DAG: %[[Q:.+]] = arith.constant dense<{{\[\[}}32, 127], [64, 111], [95, 95], [127, 79]]> : tensor<4x2xi8>
  // W8-DAG: %[[S:.+]] = arith.constant dense<{{.*}}> : tensor<1x2xf32>
  // W8: %[[W:.+]] = compress.dequantize %[[Q]], %[[S]] {block = array<i64: -1, 1>}
  // W8: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]] :
  %w = arith.constant dense<[[1.0, 8.0], [2.0, 7.0], [3.0, 6.0], [4.0, 5.0]]> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A contraction written out: x[m, k] * w[n, k], the weight on the left.
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
// PRUNE-LABEL: func.func @generic
// W8-LABEL: func.func @generic
func.func @generic(%x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // PRUNE: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // W8: compress.dequantize {{.*}} {block = array<i64: 1, -1>}
  %w = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [8.0, 7.0, 6.0, 5.0]]> : tensor<2x4xf32>
  %y = linalg.generic {indexing_maps = [#w, #x, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%w, %x : tensor<2x4xf32>, tensor<?x4xf32>) outs(%init : tensor<?x2xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %c, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Each matrix of a batch has its own scales.
// PRUNE-LABEL: func.func @batch_matmul
// W8-LABEL: func.func @batch_matmul
func.func @batch_matmul(%x: tensor<2x?x4xf32>, %init: tensor<2x?x1xf32>) -> tensor<2x?x1xf32> {
  // PRUNE: compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64}
  // W8: compress.dequantize {{.*}} {block = array<i64: 1, -1, 1>}
  %w = arith.constant dense<1.0> : tensor<2x4x1xf32>
  %y = linalg.batch_matmul ins(%x, %w : tensor<2x?x4xf32>, tensor<2x4x1xf32>) outs(%init : tensor<2x?x1xf32>) -> tensor<2x?x1xf32>
  return %y : tensor<2x?x1xf32>
}

// -----

// The filter of an NHWC convolution is [h, w, in, out]: groups along dim 2, a scale for each of dim 3.
// PRUNE-LABEL: func.func @conv_2d_nhwc_hwcf
// W8-LABEL: func.func @conv_2d_nhwc_hwcf
func.func @conv_2d_nhwc_hwcf(%x: tensor<1x?x?x4xf32>, %init: tensor<1x?x?x2xf32>) -> tensor<1x?x?x2xf32> {
  // PRUNE: compress.expand_nm {{.*}} {axis = 2 : i64, m = 4 : i64, n = 2 : i64}
  // W8: compress.dequantize {{.*}} {block = array<i64: -1, -1, -1, 1>}
  %w = arith.constant dense<1.0> : tensor<3x3x4x2xf32>
  %y = linalg.conv_2d_nhwc_hwcf {strides = dense<1> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}
      ins(%x, %w : tensor<1x?x?x4xf32>, tensor<3x3x4x2xf32>) outs(%init : tensor<1x?x?x2xf32>) -> tensor<1x?x?x2xf32>
  return %y : tensor<1x?x?x2xf32>
}

// -----

// The bytes may be in a blob.
// W8-LABEL: func.func @dense_resource
func.func @dense_resource(%x: tensor<?x2xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // W8: arith.constant dense<{{\[\[}}64], [127]]> : tensor<2x1xi8>
  %w = arith.constant dense_resource<w> : tensor<2x1xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x2xf32>, tensor<2x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x040000000000803F00000040"
    }
  }
#-}
