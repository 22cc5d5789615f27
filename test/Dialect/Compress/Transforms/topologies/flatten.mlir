// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A channel of images is as many columns of the linear layer as it has pixels.
compress.weight private @c1 : tensor<3x1x1x1xf32> = dense<1.0>
compress.weight private @fc : tensor<2x12xf32> = dense<1.0>
func.func @flatten(%x: tensor<?x1x2x2xf32>) -> tensor<?x2xf32> {
  %c1 = compress.load @c1 : tensor<3x1x1x1xf32>
  %fc = compress.load @fc : tensor<2x12xf32>
  %c1.m = compress.constant dense<[[[[true]]], [[[false]]], [[[true]]]]> : tensor<3x1x1x1xi1>
  %c1.masked = compress.mask %c1, %c1.m : tensor<3x1x1x1xf32>, tensor<3x1x1x1xi1>
  %flat = compress.constant dense<[0, 12]> : tensor<2xi64>
  %0 = compress.conv %x, %c1.masked {dilations = array<i64: 1, 1>, name = "c1", pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<?x1x2x2xf32>, tensor<3x1x1x1xf32>) -> tensor<?x3x2x2xf32>
  %1 = compress.reshape %0, %flat : (tensor<?x3x2x2xf32>, tensor<2xi64>) -> tensor<?x12xf32>
  %2 = compress.linear nk %1, %fc {name = "fc"} : (tensor<?x12xf32>, tensor<2x12xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @fc.mask : tensor<1x12xi1> = dense<{{\[\[}}true, true, true, true, false, false, false, false, true, true, true, true]]>
// MASKED-LABEL: func.func @flatten(
// MASKED: compress.mask %c1, %{{.+}} : tensor<3x1x1x1xf32>, tensor<3x1x1x1xi1>
// MASKED: compress.mask %fc, %fc.mask : tensor<2x12xf32>, tensor<1x12xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @c1 : tensor<2x1x1x1xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @fc : tensor<2x8xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @flatten
// SLICED-SAME: (%{{.+}}: tensor<?x1x2x2xf32>) -> tensor<?x2xf32>
// SLICED: compress.conv %{{.+}}, %c1 {{.*}} : (tensor<?x1x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<?x2x2x2xf32>
// SLICED: compress.constant dense<[0, 8]> : tensor<2xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x2x2x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
// SLICED: compress.linear nk %{{.+}}, %fc {name = "fc"} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
