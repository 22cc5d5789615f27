// RUN: compress-opt %s --compress-fold-batch-norm --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-batch-norm --compress-fold-batch-norm --split-input-file | FileCheck %s

// The factors scale / sqrt(variance + epsilon) are 2 / sqrt(3 + 1) = 1 and 1 / sqrt(3 + 1) = 0.5; the new
// bias is (b - mean) * factor + bias.
// CHECK-DAG: compress.weight private @w.bn : tensor<2x1x1x2xf32> = dense<{{\[\[\[\[}}1.000000e+00, 2.000000e+00]]], {{\[\[\[}}1.500000e+00, 2.000000e+00]]]]>
// CHECK-DAG: compress.weight private @w.bn.bias : tensor<2xf32> = dense<[1.050000e+01, 1.900000e+01]>
compress.weight private @w : tensor<2x1x1x2xf32> = dense<[[[[1.0, 2.0]]], [[[3.0, 4.0]]]]>
compress.weight private @b : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @scale : tensor<2xf32> = dense<[2.0, 1.0]>
compress.weight private @bias : tensor<2xf32> = dense<[10.0, 20.0]>
compress.weight private @mean : tensor<2xf32> = dense<[0.5, 4.0]>
compress.weight private @variance : tensor<2xf32> = dense<3.0>
// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x1x?x?xf32>) -> tensor<?x2x?x?xf32> {
  // CHECK: %[[Y:.+]] = compress.conv %{{.+}}, %w.bn bias %w.bn.bias
  // CHECK-NOT: compress.batch_norm
  // CHECK: return %[[Y]]
  %w = compress.load @w : tensor<2x1x1x2xf32>
  %b = compress.load @b : tensor<2xf32>
  %c = compress.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x1x?x?xf32>, tensor<2x1x1x2xf32>, tensor<2xf32>) -> tensor<?x2x?x?xf32>
  %s = compress.load @scale : tensor<2xf32>
  %t = compress.load @bias : tensor<2xf32>
  %m = compress.load @mean : tensor<2xf32>
  %v = compress.load @variance : tensor<2xf32>
  %y = compress.batch_norm %c, %s, %t, %m, %v {epsilon = 1.0 : f32}
     : (tensor<?x2x?x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x?x?xf32>
  return %y : tensor<?x2x?x?xf32>
}

// -----

// Without a bias before; in layout kn the channels are columns. The factors are 2 and 4.
// CHECK-DAG: compress.weight private @kn.bn : tensor<2x2xf32> = dense<{{\[\[}}2.000000e+00, 8.000000e+00], [6.000000e+00, 1.600000e+01]]>
// CHECK-DAG: compress.weight private @kn.bn.bias : tensor<2xf32> = dense<[-1.000000e+00, -3.000000e+00]>
compress.weight private @kn : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
// CHECK-LABEL: func.func @linear_without_bias
func.func @linear_without_bias(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[Y:.+]] = compress.linear kn %{{.+}}, %kn.bn bias %kn.bn.bias {name = "fc"}
  // CHECK: return %[[Y]]
  %w = compress.load @kn : tensor<2x2xf32>
  %c = compress.linear kn %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %s = compress.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %t = compress.constant dense<1.0> : tensor<2xf32>
  %v = compress.constant dense<0.0> : tensor<2xf32>
  %y = compress.batch_norm %c, %s, %t, %t, %v {epsilon = 1.0 : f32}
     : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The output channels of a transposed convolution are dim 1 of its weight. The normalization knows more of
// the shape than the convolution.
// CHECK: compress.weight private @t.bn : tensor<1x2x1xf32> = dense<{{\[\[\[}}2.000000e+00], [8.000000e+00]]]>
compress.weight private @t : tensor<1x2x1xf32> = dense<[[[1.0], [2.0]]]>
// CHECK-LABEL: func.func @conv_transpose
func.func @conv_transpose(%x: tensor<?x1x?xf32>) -> tensor<1x2x4xf32> {
  // CHECK: compress.conv_transpose %{{.+}}, %t.bn bias %{{.+}} -> tensor<1x2x4xf32>
  // CHECK-NOT: compress.batch_norm
  %w = compress.load @t : tensor<1x2x1xf32>
  %c = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>}
     : (tensor<?x1x?xf32>, tensor<1x2x1xf32>) -> tensor<?x2x?xf32>
  %s = compress.constant dense<[2.0, 4.0]> : tensor<2xf32>
  %z = compress.constant dense<0.0> : tensor<2xf32>
  %y = compress.batch_norm %c, %s, %z, %z, %z {epsilon = 1.0 : f32}
     : (tensor<?x2x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  return %y : tensor<1x2x4xf32>
}
