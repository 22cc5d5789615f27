// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A depthwise convolution ties its input channels to its output channels.
compress.weight private @pw1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @dw : tensor<4x1x3x3xf32> = dense<1.0>
compress.weight private @dw.b : tensor<4xf32> = dense<1.0>
compress.weight private @pw2 : tensor<2x4x1x1xf32> = dense<1.0>
func.func @depthwise(%x: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32> {
  %pw1 = compress.load @pw1 : tensor<4x3x1x1xf32>
  %dw = compress.load @dw : tensor<4x1x3x3xf32>
  %dw.b = compress.load @dw.b : tensor<4xf32>
  %pw2 = compress.load @pw2 : tensor<2x4x1x1xf32>
  %pw2.m = compress.constant dense<[[[[false]], [[true]], [[true]], [[true]]]]> : tensor<1x4x1x1xi1>
  %pw2.masked = compress.mask %pw2, %pw2.m : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
  %0 = compress.conv %x, %pw1 {dilations = array<i64: 1, 1>, name = "pw1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = compress.conv %0, %dw bias %dw.b {groups = 4 : i64, dilations = array<i64: 1, 1>, name = "dw", pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<4x1x3x3xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
  %2 = compress.conv %1, %pw2.masked {dilations = array<i64: 1, 1>, name = "pw2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %2 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @pw1.mask : tensor<4x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}false]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
// MASKED-DAG: compress.weight private @dw.mask : tensor<4x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}false]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
// MASKED-DAG: compress.weight private @dw.b.mask : tensor<4xi1> = dense<[false, true, true, true]>
// MASKED-LABEL: func.func @depthwise(
// MASKED: compress.mask %pw2, %{{.+}} : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED: compress.mask %pw1, %pw1.mask : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %dw, %dw.mask : tensor<4x1x3x3xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %dw.b, %dw.b.mask : tensor<4xf32>, tensor<4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @dw.b : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @pw1 : tensor<3x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @dw : tensor<3x1x3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @pw2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @depthwise
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %pw1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %dw bias %dw.b {{.*}}groups = 3 : i64{{.*}} : (tensor<?x3x8x8xf32>, tensor<3x1x3x3xf32>, tensor<3xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %pw2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
