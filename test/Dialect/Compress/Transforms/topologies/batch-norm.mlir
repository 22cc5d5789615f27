// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Parameters of a batch norm lose the channels of the convolution. The variance is a divisor: it is sliced, but not masked.
compress.weight private @c1 : tensor<4x3x1x1xf32> = dense<1.0>
compress.weight private @g : tensor<4xf32> = dense<1.0>
compress.weight private @b : tensor<4xf32> = dense<1.0>
compress.weight private @mean : tensor<4xf32> = dense<1.0>
compress.weight private @var : tensor<4xf32> = dense<1.0>
compress.weight private @c2 : tensor<2x4x1x1xf32> = dense<1.0>
func.func @batch_norm(%x: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32> {
  %c1 = compress.load @c1 : tensor<4x3x1x1xf32>
  %g = compress.load @g : tensor<4xf32>
  %b = compress.load @b : tensor<4xf32>
  %mean = compress.load @mean : tensor<4xf32>
  %var = compress.load @var : tensor<4xf32>
  %c2 = compress.load @c2 : tensor<2x4x1x1xf32>
  %c1.m = compress.constant dense<[[[[true]]], [[[true]]], [[[false]]], [[[true]]]]> : tensor<4x1x1x1xi1>
  %c1.masked = compress.mask %c1, %c1.m : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
  %0 = compress.conv %x, %c1.masked {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<?x4x8x8xf32>
  %1 = compress.batch_norm %0, %g, %b, %mean, %var : (tensor<?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
  %2 = compress.relu %1 : (tensor<?x4x8x8xf32>) -> tensor<?x4x8x8xf32>
  %3 = compress.conv %2, %c2 {dilations = array<i64: 1, 1>, name = "c2", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x4x8x8xf32>, tensor<2x4x1x1xf32>) -> tensor<?x2x8x8xf32>
  return %3 : tensor<?x2x8x8xf32>
}

// MASKED-DAG: compress.weight private @c2.mask : tensor<1x4x1x1xi1> = dense<{{\[\[}}{{\[\[}}true]], {{\[\[}}true]], {{\[\[}}false]], {{\[\[}}true]]]]>
// MASKED-DAG: compress.weight private @g.mask : tensor<4xi1> = dense<[true, true, false, true]>
// MASKED-DAG: compress.weight private @b.mask : tensor<4xi1> = dense<[true, true, false, true]>
// MASKED-DAG: compress.weight private @mean.mask : tensor<4xi1> = dense<[true, true, false, true]>
// MASKED-LABEL: func.func @batch_norm(
// MASKED: compress.mask %c1, %{{.+}} : tensor<4x3x1x1xf32>, tensor<4x1x1x1xi1>
// MASKED: compress.mask %g, %g.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %b, %b.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %mean, %mean.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %c2, %c2.mask : tensor<2x4x1x1xf32>, tensor<1x4x1x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @g : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @b : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @mean : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @var : tensor<3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c1 : tensor<3x3x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @c2 : tensor<2x3x1x1xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @batch_norm
// SLICED-SAME: (%{{.+}}: tensor<?x3x8x8xf32>) -> tensor<?x2x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x3x8x8xf32>, tensor<3x3x1x1xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.batch_norm %{{.+}}, %g, %b, %mean, %var : (tensor<?x3x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.relu %{{.+}} : (tensor<?x3x8x8xf32>) -> tensor<?x3x8x8xf32>
// SLICED: compress.conv %{{.+}}, %c2 {{.*}} : (tensor<?x3x8x8xf32>, tensor<2x3x1x1xf32>) -> tensor<?x2x8x8xf32>
