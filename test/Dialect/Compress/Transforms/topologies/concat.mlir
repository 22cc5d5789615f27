// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Units keep their producer: the consumer of a concatenation loses the columns at their offsets.
compress.weight private @a : tensor<4x3xf32> = dense<1.0>
compress.weight private @b : tensor<4x3xf32> = dense<1.0>
compress.weight private @out : tensor<2x8xf32> = dense<1.0>
func.func @concat(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x3xf32>
  %b = compress.load @b : tensor<4x3xf32>
  %out = compress.load @out : tensor<2x8xf32>
  %b.m = compress.constant dense<[[false], [true], [true], [false]]> : tensor<4x1xi1>
  %b.masked = compress.mask %b, %b.m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = compress.linear nk %x, %b.masked {name = "b"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %2 = compress.concat %0, %1 {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  %3 = compress.linear nk %2, %out {name = "out"} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @out.mask : tensor<1x8xi1> = dense<{{\[\[}}true, true, true, true, false, true, true, false]]>
// MASKED-LABEL: func.func @concat(
// MASKED: compress.mask %b, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x8xf32>, tensor<1x8xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @b : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @a : tensor<4x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @concat
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %a {name = "a"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %b {name = "b"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.concat %{{.+}}, %{{.+}} {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<?x6xf32>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x6xf32>, tensor<2x6xf32>) -> tensor<?x2xf32>
