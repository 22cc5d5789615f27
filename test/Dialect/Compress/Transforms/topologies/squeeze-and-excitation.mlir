// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The gate of a channel is sigmoid(0), not zero; the channel that it multiplies is.
compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @se1 : tensor<2x4x1x1xf32> = dense<1.0>
compress.weight private @se2 : tensor<4x2x1x1xf32> = dense<1.0>
compress.weight private @se2.b : tensor<4xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x4x1x1xf32> = dense<1.0>
func.func @squeeze_and_excitation(%x: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<4x3x1x1xf32>
  %se1 = compress.load @se1 : tensor<2x4x1x1xf32>
  %se2 = compress.load @se2 : tensor<4x2x1x1xf32>
  %se2.b = compress.load @se2.b : tensor<4xf32>
  %c2 = compress.load @c2 : tensor<2x4x1x1xf32>
  %c1.m = compress.constant dense<[[[[true]]], [[[false]]], [[[true]]], [[[true]]]]> : tensor<4x1x1x1xi1>
  %c1.masked = compress.mask %c1, %c1.m : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
  %0 = compress.conv %x, %c1.masked {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = compress.reduce mean %0 {axes = array<i64: 2, 3>} : (tensor<?x4x8x8xf32>) -> tensor<?x4x1x1xf32>
  %2 = compress.conv %1, %se1 {dilations = array<i64: 1, 1>, name = "se1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x1x1xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x1x1xf32>
  %3 = compress.relu %2 : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
  %4 = compress.conv %3, %se2 bias %se2.b {dilations = array<i64: 1, 1>, name = "se2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x2x1x1xf32>, tensor<4x2x1x1xf32>, tensor<4xf32>) -> tensor<?x4x1x1xf32>
  %5 = compress.sigmoid %4 : (tensor<?x4x1x1xf32>) -> tensor<?x4x1x1xf32>
  %6 = compress.mul %0, %5 : (tensor<?x4x8x8xf32>, tensor<?x4x1x1xf32>) -> tensor<?x4x8x8xf32>
  %7 = compress.conv %6, %c2 {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %7 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @se1.mask : tensor<1x4x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}false]], {{\[\[}}true]], {{\[\[}}true]]]]>
// MASKED-DAG: compress.weight private @se2.mask : tensor<4x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]]], {{\[\[}}[false]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
// MASKED-DAG: compress.weight private @c2.mask : tensor<1x4x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}false]], {{\[\[}}true]], {{\[\[}}true]]]]>
// MASKED-DAG: compress.weight private @se2.b.mask : tensor<4xi1> = dense<[true, false, true, true]>
// MASKED-LABEL: func.func @squeeze_and_excitation(
// MASKED: compress.mask %c1, %{{.+}} : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %se1, %se1.mask : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED: compress.mask %se2, %se2.mask : tensor<4x2x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %se2.b, %se2.b.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %c2, %c2.mask : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @se2.b : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c1 : tensor<3x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @se1 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @se2 : tensor<3x2x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @squeeze_and_excitation
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.reduce mean %{{.+}} {axes = array<i64: 2, 3>} : (tensor<?x3x8x8xf32>) -> tensor<?x3x1x1xf32>
// SLICED: compress.conv %{{.+}}, %se1 {{.*}} : (tensor<?x3x1x1xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x1x1xf32>
// SLICED: compress.relu %{{.+}} : (tensor<?x2x1x1xf32>) -> tensor<?x2x1x1xf32>
// SLICED: compress.conv %{{.+}}, %se2 bias %se2.b {{.*}} : (tensor<?x2x1x1xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<?x3x1x1xf32>
// SLICED: compress.sigmoid %{{.+}} : (tensor<?x3x1x1xf32>) -> tensor<?x3x1x1xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x3x8x8xf32>, tensor<?x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
