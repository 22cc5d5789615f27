// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A private function that is called twice has one type: both calls lose the same indices.
compress.weight private @in : tensor<4x3xf32> = dense<1.0>
compress.weight private @f : tensor<4x4xf32> = dense<1.0>
compress.weight private @out : tensor<2x4xf32> = dense<1.0>
func.func private @layer(%h: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %f = compress.load @f : tensor<4x4xf32>
  %0 = compress.linear nk %h, %f {name = "f"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
func.func @calls(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %in = compress.load @in : tensor<4x3xf32>
  %out = compress.load @out : tensor<2x4xf32>
  %in.m = compress.constant dense<[[true], [true], [true], [false]]> : tensor<4x1xi1>
  %in.masked = compress.mask %in, %in.m : tensor<4x3xf32>, tensor<4x1xi1>
  %0 = compress.linear nk %x, %in.masked {name = "in"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %1 = func.call @layer(%0) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = func.call @layer(%1) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = compress.linear nk %2, %out {name = "out"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @f.mask : tensor<4x4xi1> = dense<{{\[\[}}true, true, true, false], [true, true, true, false], [true, true, true, false], [false, false, false, false]]>
// MASKED-DAG: compress.weight private @out.mask : tensor<1x4xi1> = dense<{{\[\[}}true, true, true, false]]>
// MASKED-LABEL: func.func private @layer(
// MASKED: compress.mask %f, %f.mask : tensor<4x4xf32>, tensor<4x4xi1>
// MASKED-LABEL: func.func @calls(
// MASKED: compress.mask %in, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// MASKED: compress.mask %out, %out.mask : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @f : tensor<3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @in : tensor<3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @out : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func private @layer
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %f {name = "f"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
// SLICED-LABEL: func.func @calls
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %in {name = "in"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
// SLICED: call @layer(%{{.+}}) : (tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: call @layer(%{{.+}}) : (tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %out {name = "out"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
