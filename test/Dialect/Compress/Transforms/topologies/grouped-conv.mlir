// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The groups of a convolution are units: all input and output channels of a group go together.
compress.weight private @c1 : tensor<6x3x1x1xf32> = dense<1.0>
compress.weight private @g : tensor<9x2x3x3xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x9x1x1xf32> = dense<1.0>
func.func @grouped(%x: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<6x3x1x1xf32>
  %g = compress.load @g : tensor<9x2x3x3xf32>
  %c2 = compress.load @c2 : tensor<2x9x1x1xf32>
  %g.m = compress.constant dense<[[[[true]]], [[[true]]], [[[true]]], [[[false]]], [[[false]]], [[[false]]], [[[true]]], [[[true]]], [[[true]]]]> : tensor<9x1x1x1xi1>
  %g.masked = compress.mask %g, %g.m : tensor<9x2x3x3xf32>, tensor<9x1x1x1xi1>
  %0 = compress.conv %x, %c1 {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<6x3x1x1xf32>) -> tensor<?x6x8x8xf32>
  %1 = compress.conv %0, %g.masked {groups = 3 : i64, dilations = array<i64: 1, 1>, name = "g", pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<?x6x8x8xf32>, tensor<9x2x3x3xf32>) -> tensor<?x9x8x8xf32>
  %2 = compress.conv %1, %c2 {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x9x8x8xf32>, tensor<2x9x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %2 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @c1.mask : tensor<6x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]]], {{\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[false]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
// MASKED-DAG: compress.weight private @c2.mask : tensor<1x9x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}true]], {{\[\[}}true]], {{\[\[}}false]], {{\[\[}}false]], {{\[\[}}false]], {{\[\[}}true]], {{\[\[}}true]], {{\[\[}}true]]]]>
// MASKED-LABEL: func.func @grouped(
// MASKED: compress.mask %g, %{{.+}} : tensor<9x2x3x3xf32>, tensor<9x1x1x1xi1>
// MASKED: compress.mask %c1, %c1.mask : tensor<6x3x1x1xf32>, tensor<6x1x1x1xi1>
// MASKED: compress.mask %c2, %c2.mask : tensor<2x9x1x1xf32>, tensor<1x9x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @g : tensor<6x2x3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x6x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @grouped
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
// SLICED: compress.conv %{{.+}}, %g {{.*}}groups = 2 : i64{{.*}} : (tensor<?x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<?x6x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x6x8x8xf32>, tensor<2x6x1x1xf32>) -> tensor<?x2x8x8xf32>
