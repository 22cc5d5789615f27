// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The same, in f32, as the op itself is computed.
compress.weight private @in : tensor<4x3xf16> = dense<1.0>
compress.weight private @n : tensor<4xf16> = dense<1.0>
compress.weight private @n.b : tensor<4xf16> = dense<1.0>
compress.weight private @out : tensor<2x4xf16> = dense<1.0>
func.func @layer_norm(%x: tensor<?x3xf16>) -> tensor<?x2xf16> {
  %in = compress.load @in : tensor<4x3xf16>
  %n = compress.load @n : tensor<4xf16>
  %n.b = compress.load @n.b : tensor<4xf16>
  %out = compress.load @out : tensor<2x4xf16>
  %in.m = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %in.masked = compress.mask %in, %in.m : tensor<4x3xf16>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %in.masked {name = "in"} : (tensor<?x3xf16>, tensor<4x3xf16>) -> tensor<?x4xf16>
  %1 = compress.layer_norm %0, %n bias %n.b {axis = 1 : i64, epsilon = 6.0e-6 : f32} : (tensor<?x4xf16>, tensor<4xf16>, tensor<4xf16>) -> tensor<?x4xf16>
  %2 = compress.linear nk %1, %out {name = "out"} : (tensor<?x4xf16>, tensor<2x4xf16>) -> tensor<?x2xf16>
  return %2 : tensor<?x2xf16>
}

// MASKED-DAG: compress.weight private @out.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, true, true]]>
// MASKED-DAG: compress.weight private @n.mask : tensor<4xi1> = dense<[true, false, true, true]>
// MASKED-DAG: compress.weight private @n.b.mask : tensor<4xi1> = dense<[true, false, true, true]>
// MASKED-LABEL: func.func @layer_norm(
// MASKED: compress.mask %in, %{{.+}} : tensor<4x3xf16>, tensor<4x1xi1>
// MASKED: compress.mask %n, %n.mask : tensor<4xf16>, tensor<4xi1>
// MASKED: compress.mask %n.b, %n.b.mask : tensor<4xf16>, tensor<4xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x4xf16>, tensor<1x4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @n : tensor<3xf16> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @n.b : tensor<3xf16> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @in : tensor<3x3xf16> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x3xf16> = dense<1.000000e+00>
// SLICED-LABEL: func.func @layer_norm
// SLICED-SAME: (%{{.+}}: tensor<?x3xf16>) -> tensor<?x2xf16>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf16>, tensor<3x3xf16>) -> tensor<?x3xf16>
// SLICED: compress.cast %{{.+}} : (tensor<?x3xf16>) -> tensor<?x3xf32>
// SLICED: compress.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?x1xf32>
// SLICED: compress.constant dense<7.500000e-01> : tensor<f32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
// SLICED: compress.sub %{{.+}}, %{{.+}} : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<?x3xf32>) -> tensor<?x1xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
// SLICED: compress.constant dense<2.500000e-01> : tensor<f32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
// SLICED: compress.constant dense<6.000000e-06> : tensor<f32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
// SLICED: compress.sqrt %{{.+}} : (tensor<?x1xf32>) -> tensor<?x1xf32>
// SLICED: compress.div %{{.+}}, %{{.+}} : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
// SLICED: compress.cast %n : (tensor<3xf16>) -> tensor<3xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
// SLICED: compress.cast %n.b : (tensor<3xf16>) -> tensor<3xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
// SLICED: compress.cast %{{.+}} : (tensor<?x3xf32>) -> tensor<?x3xf16>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x3xf16>, tensor<2x3xf16>) -> tensor<?x2xf16>
