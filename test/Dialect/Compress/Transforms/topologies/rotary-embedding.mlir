// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// Rotary positions pair the two halves of a head, which must stay; whole heads can go.
compress.weight private @q : tensor<8x6xf32> = dense<1.0>
compress.weight private @k : tensor<8x6xf32> = dense<1.0>
compress.weight private @v : tensor<8x6xf32> = dense<1.0>
compress.weight private @o : tensor<6x8xf32> = dense<1.0>
compress.weight private @cos : tensor<5x4xf32> = dense<1.0>
compress.weight private @sin : tensor<5x4xf32> = dense<1.0>
func.func @rotary(%x: tensor<?x5x6xf32>) -> tensor<?x5x6xf32> {
  %q = compress.load @q : tensor<8x6xf32>
  %k = compress.load @k : tensor<8x6xf32>
  %v = compress.load @v : tensor<8x6xf32>
  %o = compress.load @o : tensor<6x8xf32>
  %cos = compress.load @cos : tensor<5x4xf32>
  %sin = compress.load @sin : tensor<5x4xf32>
  %q.m = compress.constant dense<[[true], [true], [true], [true], [false], [false], [false], [false]]> : tensor<8x1xi1>
  %q.masked = compress.mask %q, %q.m : tensor<8x6xf32>, tensor<8x1xi1>
  %heads = compress.constant dense<[0, 5, 2, 4]> : tensor<4xi64>
  %flat = compress.constant dense<[0, 5, 8]> : tensor<3xi64>
  %q0 = compress.linear nk %x, %q.masked {name = "q"} : (tensor<?x5x6xf32>, tensor<8x6xf32>) -> tensor<?x5x8xf32>
  %k0 = compress.linear nk %x, %k {name = "k"} : (tensor<?x5x6xf32>, tensor<8x6xf32>) -> tensor<?x5x8xf32>
  %v0 = compress.linear nk %x, %v {name = "v"} : (tensor<?x5x6xf32>, tensor<8x6xf32>) -> tensor<?x5x8xf32>
  %q1 = compress.reshape %q0, %heads : (tensor<?x5x8xf32>, tensor<4xi64>) -> tensor<?x5x2x4xf32>
  %q2 = compress.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x2x4xf32>) -> tensor<?x2x5x4xf32>
  %k1 = compress.reshape %k0, %heads : (tensor<?x5x8xf32>, tensor<4xi64>) -> tensor<?x5x2x4xf32>
  %k2 = compress.transpose %k1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x2x4xf32>) -> tensor<?x2x5x4xf32>
  %v1 = compress.reshape %v0, %heads : (tensor<?x5x8xf32>, tensor<4xi64>) -> tensor<?x5x2x4xf32>
  %v2 = compress.transpose %v1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x2x4xf32>) -> tensor<?x2x5x4xf32>
  %q3 = compress.rotary_embedding %q2, %cos, %sin : (tensor<?x2x5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<?x2x5x4xf32>
  %k3 = compress.rotary_embedding %k2, %cos, %sin : (tensor<?x2x5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<?x2x5x4xf32>
  %a0 = compress.attention bhsd %q3, %k3, %v2 {scale = 5.0e-1 : f32} : (tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>, tensor<?x2x5x4xf32>) -> tensor<?x2x5x4xf32>
  %a1 = compress.transpose %a0 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x5x4xf32>) -> tensor<?x5x2x4xf32>
  %a2 = compress.reshape %a1, %flat : (tensor<?x5x2x4xf32>, tensor<3xi64>) -> tensor<?x5x8xf32>
  %y = compress.linear nk %a2, %o {name = "o"} : (tensor<?x5x8xf32>, tensor<6x8xf32>) -> tensor<?x5x6xf32>
  return %y : tensor<?x5x6xf32>
}

// MASKED-DAG: compress.weight private @k.mask : tensor<8x1xi1> = dense<{{\[\[}}true], [true], [true], [true], [false], [false], [false], [false]]>
// MASKED-DAG: compress.weight private @v.mask : tensor<8x1xi1> = dense<{{\[\[}}true], [true], [true], [true], [false], [false], [false], [false]]>
// MASKED-DAG: compress.weight private @o.mask : tensor<1x8xi1> = dense<{{\[\[}}true, true, true, true, false, false, false, false]]>
// MASKED-LABEL: func.func @rotary(
// MASKED: compress.mask %q, %{{.+}} : tensor<8x6xf32>, tensor<8x1xi1>
// MASKED: compress.mask %k, %k.mask : tensor<8x6xf32>, tensor<8x1xi1>
// MASKED: compress.mask %v, %v.mask : tensor<8x6xf32>, tensor<8x1xi1>
// MASKED: compress.mask %o, %o.mask : tensor<6x8xf32>, tensor<1x8xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @q : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @k : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @v : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @o : tensor<6x4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @cos : tensor<5x4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @sin : tensor<5x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @rotary
// SLICED-SAME: (%{{.+}}: tensor<?x5x6xf32>) -> tensor<?x5x6xf32>
// SLICED: compress.linear nk %{{.+}}, %q {name = "q"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %k {name = "k"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %v {name = "v"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
// SLICED: compress.constant dense<[0, 5, 1, 4]> : tensor<4xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x1x4xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x1x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x1x4xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x1x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x1x4xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x5x1x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.rotary_embedding %{{.+}}, %cos, %sin : (tensor<?x1x5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.rotary_embedding %{{.+}}, %cos, %sin : (tensor<?x1x5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.attention bhsd %{{.+}}, %{{.+}}, %{{.+}} {scale = 5.000000e-01 : f32} : (tensor<?x1x5x4xf32>, tensor<?x1x5x4xf32>, tensor<?x1x5x4xf32>) -> tensor<?x1x5x4xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x1x5x4xf32>) -> tensor<?x5x1x4xf32>
// SLICED: compress.constant dense<[0, 5, 4]> : tensor<3xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x1x4xf32>, tensor<3xi64>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %o {name = "o"} : (tensor<?x5x4xf32>, tensor<6x4xf32>) -> tensor<?x5x6xf32>
