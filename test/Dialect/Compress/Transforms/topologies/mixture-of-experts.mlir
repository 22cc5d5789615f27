// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// The experts of a dense mixture are tied in their hidden units by nothing: each is a group of its own.
compress.weight private @gate : tensor<2x3xf32> = dense<1.0>
compress.weight private @e0.up : tensor<4x3xf32> = dense<1.0>
compress.weight private @e0.down : tensor<2x4xf32> = dense<1.0>
compress.weight private @e1.up : tensor<4x3xf32> = dense<1.0>
compress.weight private @e1.down : tensor<2x4xf32> = dense<1.0>
func.func @experts(%x: tensor<?x3xf32>) -> tensor<?x2xf32> {
  %gate = compress.load @gate : tensor<2x3xf32>
  %e0.up = compress.load @e0.up : tensor<4x3xf32>
  %e0.down = compress.load @e0.down : tensor<2x4xf32>
  %e1.up = compress.load @e1.up : tensor<4x3xf32>
  %e1.down = compress.load @e1.down : tensor<2x4xf32>
  %e1.up.m = compress.constant dense<[[true], [false], [true], [true]]> : tensor<4x1xi1>
  %e1.up.masked = compress.mask %e1.up, %e1.up.m : tensor<4x3xf32>, tensor<4x1xi1>
  %g0 = compress.linear nk %x, %gate {name = "gate"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
  %g1 = compress.softmax %g0 {axis = 1 : i64} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %g2:2 = compress.split %g1 {axis = 1 : i64, sizes = array<i64: 1, 1>} : (tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
  %u0 = compress.linear nk %x, %e0.up {name = "e0.up"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %r0 = compress.relu %u0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %d0 = compress.linear nk %r0, %e0.down {name = "e0.down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %y0 = compress.mul %d0, %g2#0 : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
  %u1 = compress.linear nk %x, %e1.up.masked {name = "e1.up"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  %r1 = compress.relu %u1 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %d1 = compress.linear nk %r1, %e1.down {name = "e1.down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %y1 = compress.mul %d1, %g2#1 : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
  %y = compress.add %y0, %y1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// MASKED-DAG: compress.weight private @e1.down.mask : tensor<1x4xi1> = dense<{{\[\[}}true, false, true, true]]>
// MASKED-LABEL: func.func @experts(
// MASKED: compress.mask %e1.up, %{{.+}} : tensor<4x3xf32>, tensor<4x1xi1>
// MASKED: compress.mask %e1.down, %e1.down.mask : tensor<2x4xf32>, tensor<1x4xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @e1.up : tensor<3x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @e1.down : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @gate : tensor<2x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @e0.up : tensor<4x3xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @e0.down : tensor<2x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @experts
// SLICED-SAME: (%{{.+}}: tensor<?x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %gate {name = "gate"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.softmax %{{.+}} {axis = 1 : i64} : (tensor<?x2xf32>) -> tensor<?x2xf32>
// SLICED: compress.split %{{.+}} {axis = 1 : i64, sizes = array<i64: 1, 1>} : (tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
// SLICED: compress.linear nk %{{.+}}, %e0.up {name = "e0.up"} : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
// SLICED: compress.relu %{{.+}} : (tensor<?x4xf32>) -> tensor<?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %e0.down {name = "e0.down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}}#0 : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
// SLICED: compress.linear nk %{{.+}}, %e1.up {name = "e1.up"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.relu %{{.+}} : (tensor<?x3xf32>) -> tensor<?x3xf32>
// SLICED: compress.linear nk %{{.+}}, %e1.down {name = "e1.down"} : (tensor<?x3xf32>, tensor<2x3xf32>) -> tensor<?x2xf32>
// SLICED: compress.mul %{{.+}}, %{{.+}}#1 : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
// SLICED: compress.add %{{.+}}, %{{.+}} : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
