// RUN: compress-opt %s --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-propagate-masks | FileCheck %s --check-prefix=MASKED
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask
// RUN: compress-opt %s --compress-propagate-masks --compress-apply-slices --compress-apply-slices | FileCheck %s --check-prefix=SLICED --implicit-check-not=compress.mask

// One projection makes queries, keys and values: a head has rows in each third.
compress.weight private @qkv : tensor<18x6xf32> = dense<1.0>
compress.weight private @qkv.b : tensor<18xf32> = dense<1.0>
compress.weight private @o : tensor<6x6xf32> = dense<1.0>
func.func @fused_qkv(%x: tensor<?x5x6xf32>) -> tensor<?x5x6xf32> {
  %qkv = compress.load @qkv : tensor<18x6xf32>
  %qkv.b = compress.load @qkv.b : tensor<18xf32>
  %o = compress.load @o : tensor<6x6xf32>
  %o.m = compress.constant dense<[[false, false, true, true, true, true]]> : tensor<1x6xi1>
  %o.masked = compress.mask %o, %o.m : tensor<6x6xf32>, tensor<1x6xi1>
  %split = compress.constant dense<[0, 5, 3, 3, 2]> : tensor<5xi64>
  %flat = compress.constant dense<[0, 5, 6]> : tensor<3xi64>
  %i0 = compress.constant dense<0> : tensor<i64>
  %i1 = compress.constant dense<1> : tensor<i64>
  %i2 = compress.constant dense<2> : tensor<i64>
  %0 = compress.linear nk %x, %qkv bias %qkv.b {name = "qkv"} : (tensor<?x5x6xf32>, tensor<18x6xf32>, tensor<18xf32>) -> tensor<?x5x18xf32>
  %1 = compress.reshape %0, %split : (tensor<?x5x18xf32>, tensor<5xi64>) -> tensor<?x5x3x3x2xf32>
  %2 = compress.transpose %1 {perm = array<i64: 2, 0, 3, 1, 4>} : (tensor<?x5x3x3x2xf32>) -> tensor<3x?x3x5x2xf32>
  %q = compress.gather %2, %i0 {axis = 0 : i64} : (tensor<3x?x3x5x2xf32>, tensor<i64>) -> tensor<?x3x5x2xf32>
  %k = compress.gather %2, %i1 {axis = 0 : i64} : (tensor<3x?x3x5x2xf32>, tensor<i64>) -> tensor<?x3x5x2xf32>
  %v = compress.gather %2, %i2 {axis = 0 : i64} : (tensor<3x?x3x5x2xf32>, tensor<i64>) -> tensor<?x3x5x2xf32>
  %a0 = compress.attention bhsd %q, %k, %v {scale = 5.0e-1 : f32} : (tensor<?x3x5x2xf32>, tensor<?x3x5x2xf32>, tensor<?x3x5x2xf32>) -> tensor<?x3x5x2xf32>
  %a1 = compress.transpose %a0 {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x3x5x2xf32>) -> tensor<?x5x3x2xf32>
  %a2 = compress.reshape %a1, %flat : (tensor<?x5x3x2xf32>, tensor<3xi64>) -> tensor<?x5x6xf32>
  %y = compress.linear nk %a2, %o.masked {name = "o"} : (tensor<?x5x6xf32>, tensor<6x6xf32>) -> tensor<?x5x6xf32>
  return %y : tensor<?x5x6xf32>
}

// MASKED-DAG: compress.weight private @qkv.mask : tensor<18x1xi1> = dense<{{\[\[}}false], [false], [true], [true], [true], [true], [false], [false], [true], [true], [true], [true], [false], [false], [true], [true], [true], [true]]>
// MASKED-DAG: compress.weight private @qkv.b.mask : tensor<18xi1> = dense<[false, false, true, true, true, true, false, false, true, true, true, true, false, false, true, true, true, true]>
// MASKED-LABEL: func.func @fused_qkv(
// MASKED: compress.mask %o, %{{.+}} : tensor<6x6xf32>, tensor<1x6xi1>
// MASKED: compress.mask %qkv, %qkv.mask : tensor<18x6xf32>, tensor<18x1xi1>
// MASKED: compress.mask %qkv.b, %qkv.b.mask : tensor<18xf32>, tensor<18xi1>
// MASKED-NOT: compress.mask

// SLICED-DAG: compress.weight private @qkv.b : tensor<12xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @qkv : tensor<12x6xf32> = dense<1.000000e+00>
// SLICED-DAG: compress.weight private @o : tensor<6x4xf32> = dense<1.000000e+00>
// SLICED-LABEL: func.func @fused_qkv
// SLICED-SAME: (%{{.+}}: tensor<?x5x6xf32>) -> tensor<?x5x6xf32>
// SLICED: compress.constant dense<0> : tensor<i64>
// SLICED: compress.constant dense<1> : tensor<i64>
// SLICED: compress.constant dense<2> : tensor<i64>
// SLICED: compress.linear nk %{{.+}}, %qkv bias %qkv.b {name = "qkv"} : (tensor<?x5x6xf32>, tensor<12x6xf32>, tensor<12xf32>) -> tensor<?x5x12xf32>
// SLICED: compress.constant dense<[0, 5, 3, 2, 2]> : tensor<5xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x12xf32>, tensor<5xi64>) -> tensor<?x5x3x2x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 2, 0, 3, 1, 4>} : (tensor<?x5x3x2x2xf32>) -> tensor<3x?x2x5x2xf32>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<3x?x2x5x2xf32>, tensor<i64>) -> tensor<?x2x5x2xf32>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<3x?x2x5x2xf32>, tensor<i64>) -> tensor<?x2x5x2xf32>
// SLICED: compress.gather %{{.+}}, %{{.+}} {axis = 0 : i64} : (tensor<3x?x2x5x2xf32>, tensor<i64>) -> tensor<?x2x5x2xf32>
// SLICED: compress.attention bhsd %{{.+}}, %{{.+}}, %{{.+}} {scale = 5.000000e-01 : f32} : (tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>, tensor<?x2x5x2xf32>) -> tensor<?x2x5x2xf32>
// SLICED: compress.transpose %{{.+}} {perm = array<i64: 0, 2, 1, 3>} : (tensor<?x2x5x2xf32>) -> tensor<?x5x2x2xf32>
// SLICED: compress.constant dense<[0, 5, 4]> : tensor<3xi64>
// SLICED: compress.reshape %{{.+}}, %{{.+}} : (tensor<?x5x2x2xf32>, tensor<3xi64>) -> tensor<?x5x4xf32>
// SLICED: compress.linear nk %{{.+}}, %o {name = "o"} : (tensor<?x5x4xf32>, tensor<6x4xf32>) -> tensor<?x5x6xf32>
