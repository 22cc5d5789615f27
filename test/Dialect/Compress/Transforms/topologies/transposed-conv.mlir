// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Groups of a transposed convolution are units, too.
compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @up : tensor<4x3x2x2xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x6x1x1xf32> = dense<1.0>
func.func @transposed(%x: tensor<?x3x4x4xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<4x3x1x1xf32>
  %up = compress.load @up : tensor<4x3x2x2xf32>
  %c2 = compress.load @c2 : tensor<2x6x1x1xf32>
  %up.m = compress.constant dense<[[[[true]]], [[[true]]], [[[false]]], [[[false]]]]> : tensor<4x1x1x1xi1>
  %up.masked = compress.mask %up, %up.m : tensor<4x3x2x2xf32>, tensor<4x1x1x1xi1>
  %0 = compress.conv %x, %c1 {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x4x4xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x4x4xf32>
  %1 = compress.conv_transpose %0, %up.masked {dilations = array<i64: 1, 1>, groups = 2 : i64, name = "up", output_padding = array<i64: 0, 0>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
    : (tensor<?x4x4x4xf32>, tensor<4x3x2x2xf32>) -> tensor<?x6x8x8xf32>
  %2 = compress.conv %1, %c2 {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %2 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @c1.mask : tensor<4x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]]], {{\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[false]]]]>
// MASKED-DAG: compress.weight private @c2.mask : tensor<1x6x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}true]], {{\[\[}}true]], {{\[\[}}false]], {{\[\[}}false]], {{\[\[}}false]]]]>
// MASKED-LABEL: func.func @transposed(
// MASKED: compress.mask %up, %{{.+}} : tensor<4x3x2x2xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %c1, %c1.mask : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %c2, %c2.mask : tensor<2x6x1x1xf32>, tensor<1x6x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @up : tensor<2x3x2x2xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @transposed
// SLICED-SAME: (%{{.+}}: tensor<?x3x4x4xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x4x4xf32>
// SLICED: compress.conv_transpose %{{.+}}, %up {{.*}} : (tensor<?x2x4x4xf32>, tensor<2x3x2x2xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
