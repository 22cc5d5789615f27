// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// A head is one unit: its rows of the projections of queries, keys and values, and its columns of the projection of the result.
compress.weight private @q : tensor<6x6xf32> = dense<1.0>
compress.weight private @k : tensor<6x6xf32> = dense<1.0>
compress.weight private @v : tensor<6x6xf32> = dense<1.0>
compress.weight private @o : tensor<6x6xf32> = dense<1.0>
compress.weight private @q.b : tensor<6xf32> = dense<1.0>
compress.weight private @v.b : tensor<6xf32> = dense<1.0>
func.func @attention(%x: tensor<?x?x6xf32>) -> tensor<?x?x6xf32> {
  %q = compress.load @q : tensor<6x6xf32>
  %k = compress.load @k : tensor<6x6xf32>
  %v = compress.load @v : tensor<6x6xf32>
  %o = compress.load @o : tensor<6x6xf32>
  %q.b = compress.load @q.b : tensor<6xf32>
  %v.b = compress.load @v.b : tensor<6xf32>
  %o.m = compress.constant dense<[[true, true, false, false, true, true]]> : tensor<1x6xi1>
  %o.masked = compress.mask %o, %o.m : tensor<6x6xf32>, tensor<1x6xi1>
  %heads = compress.constant dense<[0, 0, 3, 2]> : tensor<4xi64>
  %flat = compress.constant dense<[0, 0, -1]> : tensor<3xi64>
  %q0 = compress.linear nk %x, %q bias %q.b {name = "q"} : (tensor<?x?x6xf32>, tensor<6x6xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
  %k0 = compress.linear nk %x, %k {name = "k"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  %v0 = compress.linear nk %x, %v bias %v.b {name = "v"} : (tensor<?x?x6xf32>, tensor<6x6xf32>, tensor<6xf32>) -> tensor<?x?x6xf32>
  %q1 = compress.reshape %q0, %heads : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %q2 = compress.transpose %q1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x?x2xf32>
  %k1 = compress.reshape %k0, %heads : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %k2 = compress.transpose %k1 {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x2x?xf32>
  %v1 = compress.reshape %v0, %heads : (tensor<?x?x6xf32>, tensor<4xi64>) -> tensor<?x?x3x2xf32>
  %v2 = compress.transpose %v1 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x3x2xf32>) -> tensor<?x3x?x2xf32>
  %s0 = compress.matmul %q2, %k2 : (tensor<?x3x?x2xf32>, tensor<?x3x2x?xf32>) -> tensor<?x3x?x?xf32>
  %s1 = compress.softmax %s0 {axis = 3 : i64} : (tensor<?x3x?x?xf32>) -> tensor<?x3x?x?xf32>
  %a0 = compress.matmul %s1, %v2 : (tensor<?x3x?x?xf32>, tensor<?x3x?x2xf32>) -> tensor<?x3x?x2xf32>
  %a1 = compress.transpose %a0 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x?x2xf32>) -> tensor<?x?x3x2xf32>
  %a2 = compress.reshape %a1, %flat : (tensor<?x?x3x2xf32>, tensor<3xi64>) -> tensor<?x?x6xf32>
  %y = compress.linear nk %a2, %o.masked {name = "o"} : (tensor<?x?x6xf32>, tensor<6x6xf32>) -> tensor<?x?x6xf32>
  return %y : tensor<?x?x6xf32>
}

// MASKED-DAG: compress.weight private @q.mask : tensor<6x1xi1> = dense<{{\[\[}}true], [true], [false], [false], [true], [true]]>
// MASKED-DAG: compress.weight private @k.mask : tensor<6x1xi1> = dense<{{\[\[}}true], [true], [false], [false], [true], [true]]>
// MASKED-DAG: compress.weight private @v.mask : tensor<6x1xi1> = dense<{{\[\[}}true], [true], [false], [false], [true], [true]]>
// MASKED-DAG: compress.weight private @q.b.mask : tensor<6xi1> = dense<[true, true, false, false, true, true]>
// MASKED-DAG: compress.weight private @v.b.mask : tensor<6xi1> = dense<[true, true, false, false, true, true]>
// MASKED-LABEL: func.func @attention(
// MASKED: compress.mask %o, %{{.+}} : tensor<6x6xf32>, tensor<1x6xi1>
// MASKED: compress.mask %q, %q.mask : tensor<6x6xf32>, tensor<6x1xi1>
// MASKED: compress.mask %q.b, %q.b.mask : tensor<6xf32>, tensor<6xi1>
// MASKED: compress.mask %k, %k.mask : tensor<6x6xf32>, tensor<6x1xi1>
// MASKED: compress.mask %v, %v.mask : tensor<6x6xf32>, tensor<6x1xi1>
// MASKED: compress.mask %v.b, %v.b.mask : tensor<6xf32>, tensor<6xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @q.b : tensor<4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @v.b : tensor<4xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @q : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @k : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @v : tensor<4x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @o : tensor<6x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @attention
// SLICED-SAME: (%{{.+}}: tensor<?x?x6xf32>) -> tensor<?x?x6xf32>
// SLICED: compress.constant dense<[0, 0, -1]> : tensor<3xi64>
// SLICED: compress.linear nk %{{.+}}, %q bias %q.b {name = "q"} : (tensor<?x?x6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %k {name = "k"} : (tensor<?x?x6xf32>, tensor<4x6xf32>) -> tensor<?x?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %v bias %v.b {name = "v"} : (tensor<?x?x6xf32>, tensor<4x6xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
// SLICED: compress.constant dense<[0, 0, 2, 2]> : tensor<4xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x2xf32>) -> tensor<?x2x?x2xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 3, 1>} : (tensor<?x?x2x2xf32>) -> tensor<?x2x2x?xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x?x4xf32>, tensor<4xi64>) -> tensor<?x?x2x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x?x2x2xf32>) -> tensor<?x2x?x2xf32>
// SLICED: compress.matmul %{{.+}}, %{{.+}} : (tensor<?x2x?x2xf32>, tensor<?x2x2x?xf32>) -> tensor<?x2x?x?xf32>
// SLICED: compress.softmax %{{.+}} {axis = 3 : i64} : (tensor<?x2x?x?xf32>) -> tensor<?x2x?x?xf32>
// SLICED: compress.matmul %{{.+}}, %{{.+}} : (tensor<?x2x?x?xf32>, tensor<?x2x?x2xf32>) -> tensor<?x2x?x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x?x2xf32>) -> tensor<?x?x2x2xf32>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x?x2x2xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
// SLICED: compress.linear nk %{{.+}}, %o {name = "o"} : (tensor<?x?x4xf32>, tensor<6x4xf32>) -> tensor<?x?x6xf32>
