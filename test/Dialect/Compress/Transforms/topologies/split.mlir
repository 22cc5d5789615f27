// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The two halves of a gated layer are tied by their product: a unit has a row in each.
compress.weight private @gate_up : tensor<8x3xf32> = dense<1.0>
compress.weight private @down : tensor<2x4xf32> = dense<1.0>
func.func @split(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %gate_up = compress.load @gate_up : tensor<8x3xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %down.m = compress.constant dense<[[true, false, true, true]]> : tensor<1x4xi1>
  %down.masked = compress.mask %down, %down.m : tensor<2x4xf32>, tensor<1x4xi1>
  %0 = compress.linear nk %x, %gate_up {name = "gate_up"} : (tensor<?x3xf32>, tensor<8x3xf32>) -> tensor<?x8xf32>
  %1:2 = compress.split %0 {axis = 1 : i64, sizes = array<i64: 4, 4>} : (tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  %2 = compress.sigmoid %1#0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = compress.mul %2, %1#1 : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %4 = compress.linear nk %3, %down.masked {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %4 : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @gate_up.mask : tensor<8x1xi1> = dense<{{\[\[}}true], [false], [true], [true], [true], [false], [true], [true]]>
// MASKED-LABEL: func.func @split(
// MASKED: compress.mask %down, %{{.+}} : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED: compress.mask %gate_up, %gate_up.mask : tensor<8x3xf32>, tensor<8x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @gate_up : tensor<6x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @down : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @split
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %gate_up {name = "gate_up"} : (tensor<?x3xf32>, tensor<6x3xf32>) -> tensor<?x6xf32>
// SLICED: compress.split %{{.+}} {axis = 1 : i64, sizes = array<i64: 3, 3>} : (tensor<?x6xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
// SLICED: compress.sigmoid %{{.+}}#0 : (tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}}#1 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %down {name = "down"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
