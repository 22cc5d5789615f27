// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The shortcut of option A pads channels with zeros: amounts count what is left of them.
compress.weight private @c1 : tensor<2x3x1x1xf32> = dense<1.0>
compress.weight private @c2 : tensor<6x2x1x1xf32> = dense<1.0>
compress.weight private @c3 : tensor<2x6x1x1xf32> = dense<1.0>
func.func @padded(%x: tensor<?x3x4x4xf32>) -> tensor<?x2x4x4xf32> {
  %c1 = compress.load @c1 : tensor<2x3x1x1xf32>
  %c2 = compress.load @c2 : tensor<6x2x1x1xf32>
  %c3 = compress.load @c3 : tensor<2x6x1x1xf32>
  %c2.m = compress.constant dense<[[[[false]]], [[[true]]], [[[false]]], [[[true]]], [[[true]]], [[[false]]]]> : tensor<6x1x1x1xi1>
  %c2.masked = compress.mask %c2, %c2.m : tensor<6x2x1x1xf32>, tensor<6x1x1x1xi1>
  %pads = compress.constant dense<[0, 2, 0, 0, 0, 2, 0, 0]> : tensor<8xi64>
  %0 = compress.conv %x, %c1 {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x4x4xf32>
  %1 = compress.conv %0, %c2.masked {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x2x4x4xf32>, tensor<6x2x1x1xf32>) -> tensor<?x6x4x4xf32>
  %2 = compress.pad constant %0, %pads : (tensor<?x2x4x4xf32>, tensor<8xi64>) -> tensor<?x6x4x4xf32>
  %3 = compress.add %1, %2 : (tensor<?x6x4x4xf32>, tensor<?x6x4x4xf32>) -> tensor<?x6x4x4xf32>
  %4 = compress.conv %3, %c3 {dilations = array<i64: 1, 1>, name = "c3", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x6x4x4xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x4x4xf32>
  return %4 : tensor<?x2x4x4xf32>
}

// MASKED-DAG: compress.weight private @c1.mask : tensor<2x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}false]]], {{\[\[}}[true]]]]>
// MASKED-DAG: compress.weight private @c2.mask : tensor<6x2x1x1xi1> = dense<{{\[\[}}{{\[\[}}false]], {{\[\[}}false]]], {{\[\[}}[false]], {{\[\[}}true]]], {{\[\[}}[false]], {{\[\[}}false]]], {{\[\[}}[false]], {{\[\[}}true]]], {{\[\[}}[false]], {{\[\[}}true]]], {{\[\[}}[false]], {{\[\[}}false]]]]>
// MASKED-DAG: compress.weight private @c3.mask : tensor<1x6x1x1xi1> = dense<{{\[\[}}{{\[\[}}false]], {{\[\[}}true]], {{\[\[}}false]], {{\[\[}}true]], {{\[\[}}true]], {{\[\[}}false]]]]>
// MASKED-LABEL: func.func @padded(
// MASKED: compress.mask %c2, %c2.mask : tensor<6x2x1x1xf32>, tensor<6x2x1x1xi1>
// MASKED: compress.mask %c1, %c1.mask : tensor<2x3x1x1xf32>, tensor<2x1x1x1xi1>
// MASKED: compress.mask %c3, %c3.mask : tensor<2x6x1x1xf32>, tensor<1x6x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<1x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<3x1x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c3 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @padded
// SLICED-SAME: (%{{.+}}: tensor<?x3x4x4xf32>) -> tensor<?x2x4x4xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x4x4xf32>, tensor<1x3x1x1xf32>) -> tensor<?x1x4x4xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x1x4x4xf32>, tensor<3x1x1x1xf32>) -> tensor<?x3x4x4xf32>
// SLICED: compress.constant dense<[0, 1, 0, 0, 0, 1, 0, 0]> : tensor<8xi64>
// SLICED: compress.pad constant %{{.+}}, %{{.+}} : (tensor<?x1x4x4xf32>, tensor<8xi64>) -> tensor<?x3x4x4xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x3x4x4xf32>, tensor<?x3x4x4xf32>) -> tensor<?x3x4x4xf32>
// SLICED: compress.conv %{{.+}}, %c3 {{.*}} : (tensor<?x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x4x4xf32>
