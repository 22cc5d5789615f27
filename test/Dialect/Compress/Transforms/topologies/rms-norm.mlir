// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The norm still divides by four: what it does not count any more goes into its scale and epsilon.
compress.weight private @in : tensor<4x3xf32> = dense<1.0>
compress.weight private @n : tensor<4xf32> = dense<1.0>
compress.weight private @out : tensor<2x4xf32> = dense<1.0>
func.func @rms_norm(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %in = compress.load @in : tensor<4x3xf32>
  %n = compress.load @n : tensor<4xf32>
  %out = compress.load @out : tensor<2x4xf32>
  %in.m = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %in.masked = compress.mask %in, %in.m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %in.masked {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.rms_norm %0, %n {axis = 1 : i64, epsilon = 6.0e-6 : f32} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %out {name = "out"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @out.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, true, true]]>
// MASKED-DAG: compress.weight private @n.mask : tensor<4xi1> = dense<[true, false, true, true]>
// MASKED-LABEL: func.func @rms_norm(
// MASKED: compress.mask %in, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// MASKED: compress.mask %n, %n.mask : tensor<4xf32>, tensor<4xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @n.scaled : tensor<3xf32> = dense<1.15470052>
// SLICED-DAG: compress.weight private @in : tensor<3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @rms_norm
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.rms_norm %{{.+}}, %n.scaled {axis = 1 : i64, epsilon = 8.000000e-06 : f32} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
