// RUN: compress-opt %s --compress-fold-constants --split-input-file | FileCheck %s

// Weights in half precision are stored so on purpose; other casts are folded.
// CHECK-DAG: compress.weight private @half : tensor<2x2xf16>
// CHECK-DAG: compress.weight private @brain : tensor<2xbf16>
// CHECK-DAG: tensor<2xf16> = dense<[1.000000e+00, 2.000000e+00]>
// CHECK-DAG: tensor<2xf64> = dense<3.000000e+00>
compress.weight private @half : tensor<2x2xf16> = dense<[[1.0, 2.0], [3.0, 4.0]]>
compress.weight private @brain : tensor<2xbf16> = dense<1.0>
compress.weight private @wide : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @other : tensor<2xf16> = dense<3.0>
// CHECK-LABEL: func.func @casts
func.func @casts() -> (tensor<2x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<2xf16>, tensor<2xf64>) {
  // CHECK-DAG: compress.constant dense<1.500000e+00> : tensor<1xf32>
  // CHECK-DAG: compress.cast %{{.+}} : (tensor<2x2xf16>) -> tensor<2x2xf32>
  // CHECK-DAG: compress.cast %{{.+}} : (tensor<2xbf16>) -> tensor<2xf32>
  // CHECK-NOT: compress.cast
  %h = compress.load @half : tensor<2x2xf16>
  %0 = compress.cast %h : (tensor<2x2xf16>) -> tensor<2x2xf32>
  %b = compress.load @brain : tensor<2xbf16>
  %1 = compress.cast %b : (tensor<2xbf16>) -> tensor<2xf32>
  // A scalar is no weight.
  %c = compress.constant dense<1.5> : tensor<1xf16>
  %2 = compress.cast %c : (tensor<1xf16>) -> tensor<1xf32>
  // Narrowing, and other types.
  %w = compress.load @wide : tensor<2xf32>
  %3 = compress.cast %w : (tensor<2xf32>) -> tensor<2xf16>
  %o = compress.load @other : tensor<2xf16>
  %4 = compress.cast %o : (tensor<2xf16>) -> tensor<2xf64>
  return %0, %1, %2, %3, %4 : tensor<2x2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<2xf16>, tensor<2xf64>
}
