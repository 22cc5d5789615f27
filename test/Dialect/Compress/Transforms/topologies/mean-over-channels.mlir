// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A mean over channels still divides by all of them.
compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x4x1x1xf32> = dense<1.0>
func.func @mean_over_channels(%x: tensor<?x3x8x8xf32>) -> (tensor<?x2x8x8xf32>, tensor<?x1x8x8xf32>) {
  %c1 = compress.load @c1 : tensor<4x3x1x1xf32>
  %c2 = compress.load @c2 : tensor<2x4x1x1xf32>
  %c1.m = compress.constant dense<[[[[true]]], [[[false]]], [[[true]]], [[[true]]]]> : tensor<4x1x1x1xi1>
  %c1.masked = compress.mask %c1, %c1.m : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
  %0 = compress.conv %x, %c1.masked {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 1>} : (tensor<?x4x8x8xf32>) -> tensor<?x1x8x8xf32>
  %2 = compress.reduce sum_square %0 {axes = array<i64: 1>} : (tensor<?x4x8x8xf32>) -> tensor<?x1x8x8xf32>
  %3 = compress.add %1, %2 : (tensor<?x1x8x8xf32>, tensor<?x1x8x8xf32>) -> tensor<?x1x8x8xf32>
  %4 = compress.conv %0, %c2 {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %4, %3 : tensor<?x2x8x8xf32>, tensor<?x1x8x8xf32>
}

// MASKED-DAG: compress.weight private @c2.mask : tensor<1x4x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}false]], {{\[\[}}true]], {{\[\[}}true]]]]>
// MASKED-LABEL: func.func @mean_over_channels(
// MASKED: compress.mask %c1, %{{.+}} : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %c2, %c2.mask : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<3x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @mean_over_channels
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> (tensor<?x2x8x8xf32>, tensor<?x1x8x8xf32>)
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<?x3x8x8xf32>) -> tensor<?x1x8x8xf32>
// SLICED: compress.constant dense<7.500000e-01> : tensor<f32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x1x8x8xf32>, tensor<f32>) -> tensor<?x1x8x8xf32>
// SLICED: compress.reduce sum_square %{{.+}} {axes = array<i64: 1>} : (tensor<?x3x8x8xf32>) -> tensor<?x1x8x8xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x1x8x8xf32>, tensor<?x1x8x8xf32>) -> tensor<?x1x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
