// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Indices of a gather count what is left. One that takes everything in order is gone.
compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x4x1x1xf32> = dense<1.0>
compress.weight private @c3 : tensor<2x2x1x1xf32> = dense<1.0>
func.func @channel_shuffle(%x: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<4x3x1x1xf32>
  %c2 = compress.load @c2 : tensor<2x4x1x1xf32>
  %c3 = compress.load @c3 : tensor<2x2x1x1xf32>
  %c2.m = compress.constant dense<[[[[true]], [[false]], [[true]], [[true]]]]> : tensor<1x4x1x1xi1>
  %c2.masked = compress.mask %c2, %c2.m : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
  %even_odd = compress.constant dense<[0, 2, 1, -1]> : tensor<4xi64>
  %even = compress.constant dense<[0, 1]> : tensor<2xi64>
  %0 = compress.conv %x, %c1 {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = compress.gather %0, %even_odd {axis = 1 : i64} : (tensor<?x4x8x8xf32>, tensor<4xi64>) -> tensor<?x4x8x8xf32>
  %2 = compress.conv %1, %c2.masked {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  %3 = compress.gather %0, %even {axis = 1 : i64} : (tensor<?x4x8x8xf32>, tensor<2xi64>) -> tensor<?x2x8x8xf32>
  %4 = compress.conv %3, %c3 {dilations = array<i64: 1, 1>, name = "c3", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x2x8x8xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x8x8xf32>
  %5 = compress.add %2, %4 : (tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>) -> tensor<?x2x8x8xf32>
  return %5 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @c1.mask : tensor<4x1x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]]], {{\[\[}}[true]]], {{\[\[}}[false]]], {{\[\[}}[true]]]]>
// MASKED-LABEL: func.func @channel_shuffle(
// MASKED: compress.mask %c2, %{{.+}} : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED: compress.mask %c1, %c1.mask : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<3x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c3 : tensor<2x2x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @channel_shuffle
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.constant dense<[0, 1]> : tensor<2xi64>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<?x3x8x8xf32>, tensor<2xi64>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c3 {{.*}} : (tensor<?x2x8x8xf32>, tensor<2x2x1x1xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x2x8x8xf32>, tensor<?x2x8x8xf32>) -> tensor<?x2x8x8xf32>
