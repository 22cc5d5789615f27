// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A head of keys and values goes with all heads of queries that use it.
compress.weight private @q : tensor<8x6xf32> = dense<1.0>
compress.weight private @k : tensor<4x6xf32> = dense<1.0>
compress.weight private @v : tensor<4x6xf32> = dense<1.0>
compress.weight private @o : tensor<6x8xf32> = dense<1.0>
func.func @attention(%x: tensor<?x5x6xf32>) -> tensor<?x5x6xf32> {
  %q = compress.load @q : tensor<8x6xf32>
  %k = compress.load @k : tensor<4x6xf32>
  %v = compress.load @v : tensor<4x6xf32>
  %o = compress.load @o : tensor<6x8xf32>
  %o.m = compress.constant dense<[[true, true, true, true, false, false, false, false]]> : tensor<1x8xi1>
  %o.masked = compress.mask %o, %o.m : tensor<6x8xf32>, tensor<1x8xi1>
  %heads = compress.constant dense<[0, 5, 4, 2]> : tensor<4xi64>
  %kvheads = compress.constant dense<[0, 5, 2, 2]> : tensor<4xi64>
  %flat = compress.constant dense<[0, 5, 8]> : tensor<3xi64>
  %q0 = compress.linear nk %x, %q {name = "q"} : (tensor<?x5x6xf32>, tensor<8x6xf32>) -> tensor<?x5x8xf32>
  %k0 = compress.linear nk %x, %k {name = "k"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
  %v0 = compress.linear nk %x, %v {name = "v"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
  %q1 = compress.reshape %q0, %heads : (tensor<?x5x8xf32>, tensor<4xi64>) -> tensor<?x5x4x2xf32>
  %k1 = compress.reshape %k0, %kvheads : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x2x2xf32>
  %v1 = compress.reshape %v0, %kvheads : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x2x2xf32>
  %a0 = compress.attention bshd %q1, %k1, %v1 {scale = 5.0e-1 : f32} : (tensor<?x5x4x2xf32>, tensor<?x5x2x2xf32>, tensor<?x5x2x2xf32>) -> tensor<?x5x4x2xf32>
  %a1 = compress.reshape %a0, %flat : (tensor<?x5x4x2xf32>, tensor<3xi64>) -> tensor<?x5x8xf32>
  %y = compress.linear nk %a1, %o.masked {name = "o"} : (tensor<?x5x8xf32>, tensor<6x8xf32>) -> tensor<?x5x6xf32>
  return %y : tensor<?x5x6xf32>
}

// MASKED-DAG: compress.weight private @q.mask : tensor<8x1xi1> = dense<{{\[\[}}true], [true], [true], [true], [false], [false], [false], [false]]>
// MASKED-DAG: compress.weight private @k.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [true], [false], [false]]>
// MASKED-DAG: compress.weight private @v.mask : tensor<4x1xi1> = dense<{{\[\[}}true], [true], [false], [false]]>
// MASKED-LABEL: func.func @attention(
// MASKED: compress.mask %o, %{{.+}} : tensor<6x8xf32>, tensor<1x8xi1>
// MASKED: compress.mask %q, %q.mask : tensor<8x6xf32>, tensor<8x1xi1>
// MASKED: compress.mask %k, %k.mask : tensor<4x6xf32>, tensor<4x1xi1>
// MASKED: compress.mask %v, %v.mask : tensor<4x6xf32>, tensor<4x1xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @q : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @k : tensor<2x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @v : tensor<2x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @o : tensor<6x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @attention
// SLICED-SAME: (%{{.+}}: tensor<?x5x6xf32>) -> tensor<?x5x6xf32>
// SLICED: compress.constant dense<[0, 5, 2, 2]> : tensor<4xi64>
// SLICED: compress.linear nk %{{.+}}, %q {name = "q"} : (tensor<?x5x6xf32>, tensor<4x6xf32>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %k {name = "k"} : (tensor<?x5x6xf32>, tensor<2x6xf32>) -> tensor<?x5x2xf32>
// SLICED: compress.linear nk %{{.+}}, %v {name = "v"} : (tensor<?x5x6xf32>, tensor<2x6xf32>) -> tensor<?x5x2xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x4xf32>, tensor<4xi64>) -> tensor<?x5x2x2xf32>
// SLICED: compress.constant dense<[0, 5, 1, 2]> : tensor<4xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x2xf32>, tensor<4xi64>) -> tensor<?x5x1x2xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x2xf32>, tensor<4xi64>) -> tensor<?x5x1x2xf32>
// SLICED: compress.attention bshd %{{.+}}, %{{.+}}, %{{.+}} {scale = 5.000000e-01 : f32} : (tensor<?x5x2x2xf32>, tensor<?x5x1x2xf32>, tensor<?x5x1x2xf32>) -> tensor<?x5x2x2xf32>
// SLICED: compress.constant dense<[0, 5, 4]> : tensor<3xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x2x2xf32>, tensor<3xi64>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %o {name = "o"} : (tensor<?x5x4xf32>, tensor<6x4xf32>) -> tensor<?x5x6xf32>
