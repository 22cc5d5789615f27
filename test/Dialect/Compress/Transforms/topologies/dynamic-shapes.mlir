// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Entries of shapes that are not constant are kept; those of the dims that changed are constants.
compress.weight private @in : tensor<6x3xf32> = dense<1.0>
compress.weight private @cls : tensor<1x6xf32> = dense<1.0>
compress.weight private @out : tensor<2x6xf32> = dense<1.0>
compress.weight private @c : tensor<2xi64> = dense<[1, 6]>
func.func @dynamic_shapes(%x: tensor<?x?x3xf32>) -> tensor<?x?x2xf32> {
  %in = compress.load @in : tensor<6x3xf32>
  %cls = compress.load @cls : tensor<1x6xf32>
  %out = compress.load @out : tensor<2x6xf32>
  %c = compress.load @c : tensor<2xi64>
  %in.m = compress.constant dense<[[true], [false], [true], [true], [false], [true]]> : tensor<6x1xi1>
  %in.masked = compress.mask %in, %in.m : tensor<6x3xf32>, tensor<6x1xi1>
  %0 = compress.linear nk %x, %in.masked {name = "in"} : (tensor<?x?x3xf32>, tensor<6x3xf32>) -> tensor<?x?x6xf32>
  %batch = compress.shape %x {end = 1 : i64, start = 0 : i64} : (tensor<?x?x3xf32>) -> tensor<1xi64>
  %rows = compress.shape %x {end = 2 : i64, start = 0 : i64} : (tensor<?x?x3xf32>) -> tensor<2xi64>
  %1 = compress.concat %batch, %c {axis = 0 : i64} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
  %2 = compress.broadcast %cls, %1 : (tensor<1x6xf32>, tensor<3xi64>) -> tensor<?x1x6xf32>
  %3 = compress.add %0, %2 : (tensor<?x?x6xf32>, tensor<?x1x6xf32>) -> tensor<?x?x6xf32>
  %c6 = compress.constant dense<6> : tensor<1xi64>
  %4 = compress.concat %rows, %c6 {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64>
  %5 = compress.reshape %3, %4 : (tensor<?x?x6xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %6 = compress.linear nk %5, %out {name = "out"} : (tensor<?x?x6xf32>, tensor<2x6xf32>) -> tensor<?x?x2xf32>
  return %6 : tensor<?x?x2xf32>
}

// MASKED-DAG: compress.weight private @out.mask : tensor<1x6xi1> = dense<{{\[\[}}true, false, true, true, false, true]]>
// MASKED-DAG: compress.weight private @cls.mask : tensor<1x6xi1> = dense<{{\[\[}}true, false, true, true, false, true]]>
// MASKED-LABEL: func.func @dynamic_shapes(
// MASKED: compress.mask %in, %{{.+}} : tensor<6x3xf32>, tensor<6x1xi1>
// MASKED: compress.mask %cls, %cls.mask : tensor<1x6xf32>, tensor<1x6xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x6xf32>, tensor<1x6xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @cls : tensor<1x4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @in : tensor<4x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @dynamic_shapes
// SLICED-SAME: (%{{.+}}: tensor<?x?x3xf32>) -> tensor<?x?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x?x3xf32>, tensor<4x3xf32>) -> tensor<?x?x4xf32>
// SLICED: compress.shape %{{.+}} {end = 1 : i64, start = 0 : i64} : (tensor<?x?x3xf32>) -> tensor<1xi64>
// SLICED: compress.shape %{{.+}} {end = 2 : i64, start = 0 : i64} : (tensor<?x?x3xf32>) -> tensor<2xi64>
// SLICED: compress.constant dense<[1, 4]> : tensor<2xi64>
// SLICED: compress.concat %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
// SLICED: compress.broadcast %cls, %{{.+}} : (tensor<1x4xf32>, tensor<3xi64>) -> tensor<?x1x4xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x?x4xf32>, tensor<?x1x4xf32>) -> tensor<?x?x4xf32>
// SLICED: compress.constant dense<4> : tensor<1xi64>
// SLICED: compress.concat %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x?x4xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x?x4xf32>, tensor<2x4xf32>) -> tensor<?x?x2xf32>
