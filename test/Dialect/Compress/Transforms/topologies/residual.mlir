// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A residual stream is one group: all that writes to it and all that reads it.
compress.weight private @in : tensor<4x3xf32> = dense<1.0>
compress.weight private @up : tensor<6x4xf32> = dense<1.0>
compress.weight private @down : tensor<4x6xf32> = dense<1.0>
compress.weight private @down.b : tensor<4xf32> = dense<1.0>
compress.weight private @out : tensor<2x4xf32> = dense<1.0>
func.func @residual(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %in = compress.load @in : tensor<4x3xf32>
  %up = compress.load @up : tensor<6x4xf32>
  %down = compress.load @down : tensor<4x6xf32>
  %down.b = compress.load @down.b : tensor<4xf32>
  %out = compress.load @out : tensor<2x4xf32>
  %down.m = compress.constant dense<[[true], [false], [true], [false]]> : tensor<4x1xi1>
  %down.masked = compress.mask %down, %down.m : tensor<4x6xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %in {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %0, %up {name = "up"} : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  %2 = compress.relu %1 : (tensor<?x6xf32>) -> tensor<?x6xf32>
  %3 = compress.linear nk %2, %down.masked bias %down.b {name = "down"} : (tensor<?x6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %4 = compress.add %3, %0 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %5 = compress.linear nk %4, %out {name = "out"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %5 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @in.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [false], [true], [false]]>
// MASKED-DAG: compress.weight private @up.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, true, false]]>
// MASKED-DAG: compress.weight private @out.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, true, false]]>
// MASKED-DAG: compress.weight private @down.b.mask : tensor<4xi1> = dense<[true, false, true, false]>
// MASKED-LABEL: func.func @residual(
// MASKED: compress.mask %down, %{{.+}} : tensor<4x6xf32>, tensor<4x1xi1>
// MASKED: compress.mask %in, %in.mask : tensor<4x3xf32>, tensor<4x1xi1>
// MASKED: compress.mask %up, %up.mask : tensor<6x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %down.b, %down.b.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @down.b : tensor<2xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @in : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @up : tensor<6x2xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @down : tensor<2x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x2xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @residual
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %up {name = "up"} : (tensor<?x2xf32>, tensor<6x2xf32>) -> tensor<?x6xf32>
// SLICED: compress.relu %{{.+}} : (tensor<?x6xf32>) -> tensor<?x6xf32>
// SLICED: compress.linear nk %{{.+}}, %down bias %down.b {name = "down"} : (tensor<?x6xf32>, tensor<2x6xf32>, tensor<2xf32>) -> tensor<?x2xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
