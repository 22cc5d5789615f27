// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A channel behind a pixel shuffle is four channels before it.
compress.weight private @c1 : tensor<12x2x1x1xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.0>
func.func @pixel_shuffle(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<12x2x1x1xf32>
  %c2 = compress.load @c2 : tensor<2x3x1x1xf32>
  %c2.m = compress.constant dense<[[[[true]], [[false]], [[true]]]]> : tensor<1x3x1x1xi1>
  %c2.masked = compress.mask %c2, %c2.m : tensor<2x3x1x1xf32>, tensor<1x3x1x1xi1>
  %cut = compress.constant dense<[0, 3, 2, 2, 4, 4]> : tensor<6xi64>
  %join = compress.constant dense<[0, 3, 8, 8]> : tensor<4xi64>
  %0 = compress.conv %x, %c1 {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x2x4x4xf32>, tensor<12x2x1x1xf32>) -> tensor<?x12x4x4xf32>
  %1 = compress.reshape %0, %cut : (tensor<?x12x4x4xf32>, tensor<6xi64>) -> tensor<?x3x2x2x4x4xf32>
  %2 = compress.transpose %1 {perm = array<i64: 0, 1, 4, 2, 5, 3>} : (tensor<?x3x2x2x4x4xf32>) -> tensor<?x3x4x2x4x2xf32>
  %3 = compress.reshape %2, %join : (tensor<?x3x4x2x4x2xf32>, tensor<4xi64>) -> tensor<?x3x8x8xf32>
  %4 = compress.conv %3, %c2.masked {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %4 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @c1.mask : tensor<12x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[false]]], {{\[\[}}[false]]], {{\[\[}}[false]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[true]]], {{\[\[}}[true]]]]>
// MASKED-LABEL: func.func @pixel_shuffle(
// MASKED: compress.mask %c2, %{{.+}} : tensor<2x3x1x1xf32>, tensor<1x3x1x1xi1>
// MASKED: compress.mask %c1, %c1.mask : tensor<12x2x1x1xf32>, tensor<12x1x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<8x2x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x2x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @pixel_shuffle
// SLICED-SAME: (%{{.+}}: tensor<?x2x4x4xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x2x4x4xf32>, tensor<8x2x1x1xf32>) -> tensor<?x8x4x4xf32>
// SLICED: compress.constant dense<[0, 2, 2, 2, 4, 4]> : tensor<6xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x8x4x4xf32>, tensor<6xi64>) -> tensor<?x2x2x2x4x4xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 1, 4, 2, 5, 3>} : (tensor<?x2x2x2x4x4xf32>) -> tensor<?x2x4x2x4x2xf32>
// SLICED: compress.constant dense<[0, 2, 8, 8]> : tensor<4xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x2x4x2x4x2xf32>, tensor<4xi64>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x2x8x8xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x8x8xf32>
