// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Bounds of slices count what is left. Where no bounds take that, indices do.
compress.weight private @in : tensor<8x3xf32> = dense<1.0>
compress.weight private @even : tensor<2x4xf32> = dense<1.0>
compress.weight private @odd : tensor<2x4xf32> = dense<1.0>
func.func @slice(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %in = compress.load @in : tensor<8x3xf32>
  %even = compress.load @even : tensor<2x4xf32>
  %odd = compress.load @odd : tensor<2x4xf32>
  %even.m = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %even.masked = compress.mask %even, %even.m : tensor<2x4xf32>, tensor<1x4xi1>
  %c0 = compress.constant dense<0> : tensor<1xi64>
  %c1 = compress.constant dense<1> : tensor<1xi64>
  %end = compress.constant dense<8> : tensor<1xi64>
  %0 = compress.linear nk %x, %in {name = "in"} : (tensor<?x3xf32>, tensor<8x3xf32>) -> tensor<?x8xf32>
  %1 = compress.slice %0, %c0, %end {axes = array<i64: 1>, steps = array<i64: 2>} : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
  %2 = compress.slice %0, %c1, %end {axes = array<i64: 1>, steps = array<i64: 2>} : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>
  %3 = compress.linear nk %1, %even.masked {name = "even"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %4 = compress.linear nk %2, %odd {name = "odd"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %5 = compress.add %3, %4 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %5 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @in.mask : tensor<8x1xi1> = dense<{{\[\[}}true], [true], [false], [true], [true], [true], [true], [true]]>
// MASKED-LABEL: func.func @slice(
// MASKED: compress.mask %even, %{{.+}} : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %in, %in.mask : tensor<8x3xf32>, tensor<8x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @in : tensor<7x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @even : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @odd : tensor<2x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @slice
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf32>, tensor<7x3xf32>) -> tensor<?x7xf32>
// SLICED: compress.constant dense<[0, 3, 5]> : tensor<3xi64>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<?x7xf32>, tensor<3xi64>) -> tensor<?x3xf32>
// SLICED: compress.constant dense<[1, 2, 4, 6]> : tensor<4xi64>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<?x7xf32>, tensor<4xi64>) -> tensor<?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %even {name = "even"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %odd {name = "odd"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
