// RUN: compress-opt %s --compress-verify-chains --compress-fold-decode --split-input-file | FileCheck %s
// Codes and scales in any form decode to the dense weight, and nothing of the chain is left.

// CHECK: compress.weight private @e4m3.dense : tensor<2x2xf32> = dense<{{\[\[}}5.000000e-01, -1.000000e+00], [8.960000e+02, 0.000000e+00]]>
// CHECK-NEXT: compress.weight private @e5m2.dense : tensor<1x2xf32> = dense<{{\[\[}}1.146880e+05, -1.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @e4m3.q : tensor<2x2xf8E4M3FN> = dense<[[1.0, -2.0], [448.0, 0.0]]>
compress.weight private @e4m3.scale : tensor<2x1xf32> = dense<[[0.5], [2.0]]>
compress.weight private @e5m2.q : tensor<1x2xf8E5M2> = dense<[[57344.0, -0.5]]>
compress.weight private @e5m2.scale : tensor<f32> = dense<2.0>
// CHECK-LABEL: func.func @fp8
func.func @fp8() -> (tensor<2x2xf32>, tensor<1x2xf32>) {
  %q = compress.load @e4m3.q : tensor<2x2xf8E4M3FN>
  %s = compress.load @e4m3.scale : tensor<2x1xf32>
  %0 = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<2x2xf8E4M3FN>, tensor<2x1xf32>) -> tensor<2x2xf32>
  %p = compress.load @e5m2.q : tensor<1x2xf8E5M2>
  %t = compress.load @e5m2.scale : tensor<f32>
  %1 = compress.dequantize %p, %t : (tensor<1x2xf8E5M2>, tensor<f32>) -> tensor<1x2xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<1x2xf32>
}

// -----

// Scales that are powers of two, in groups of two.
// CHECK: compress.weight private @w.dense : tensor<2x4xf32> = dense<{{\[\[}}5.000000e-01, 6.000000e+00, -3.000000e+00, 6.000000e+00], [2.500000e-01, 5.000000e-01, -1.600000e+01, 0.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<2x4xf4E2M1FN> = dense<[[0.5, 6.0, -1.5, 3.0], [1.0, 2.0, -4.0, 0.0]]>
compress.weight private @w.scale.q : tensor<2x2xf8E8M0FNU> = dense<[[1.0, 2.0], [0.25, 4.0]]>
compress.weight private @w.scale.factor : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @mxfp4
func.func @mxfp4() -> tensor<2x4xf32> {
  // CHECK-NOT: compress.dequantize
  %q = compress.load @w.q : tensor<2x4xf4E2M1FN>
  %c = compress.load @w.scale.q : tensor<2x2xf8E8M0FNU>
  %f = compress.load @w.scale.factor : tensor<f32>
  %s = compress.dequantize %c, %f : (tensor<2x2xf8E8M0FNU>, tensor<f32>) -> tensor<2x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<2x4xf4E2M1FN>, tensor<2x2xf32>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

// Six bits: e3m2 up to 28, e2m3 up to 7.5. Codes of the first weight lie along the columns.
// CHECK: compress.weight private @e3m2.dense : tensor<4x2xf32> = dense<{{\[\[}}2.800000e+01, -1.250000e-01], [3.000000e+00, 1.000000e+00], [8.000000e+00, 1.000000e+00], [-1.600000e+01, 2.000000e+00]]>
// CHECK-NEXT: compress.weight private @e2m3.dense : tensor<1x3xf32> = dense<{{\[\[}}1.500000e+01, -2.500000e-01, 2.250000e+00]]>
compress.weight private @e3m2.q : tensor<4x2xf6E3M2FN> = dense<[[28.0, -0.0625], [3.0, 0.5], [2.0, 0.25], [-4.0, 0.5]]>
compress.weight private @e3m2.scale.q : tensor<2x2xf8E8M0FNU> = dense<[[1.0, 2.0], [4.0, 4.0]]>
compress.weight private @one : tensor<f32> = dense<1.0>
compress.weight private @e2m3.q : tensor<1x3xf6E2M3FN> = dense<[[7.5, -0.125, 1.125]]>
compress.weight private @e2m3.scale : tensor<f32> = dense<2.0>
// CHECK-LABEL: func.func @fp6
func.func @fp6() -> (tensor<4x2xf32>, tensor<1x3xf32>) {
  %q = compress.load @e3m2.q : tensor<4x2xf6E3M2FN>
  %c = compress.load @e3m2.scale.q : tensor<2x2xf8E8M0FNU>
  %f = compress.load @one : tensor<f32>
  %s = compress.dequantize %c, %f : (tensor<2x2xf8E8M0FNU>, tensor<f32>) -> tensor<2x2xf32>
  %0 = compress.dequantize %q, %s {block = array<i64: 2, 1>} : (tensor<4x2xf6E3M2FN>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %p = compress.load @e2m3.q : tensor<1x3xf6E2M3FN>
  %t = compress.load @e2m3.scale : tensor<f32>
  %1 = compress.dequantize %p, %t : (tensor<1x3xf6E2M3FN>, tensor<f32>) -> tensor<1x3xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<1x3xf32>
}

// -----

// Scales of eight bits with a factor of the tensor: 448 / 8 and 0.5 / 8.
// CHECK: compress.weight private @w.dense : tensor<1x4xf32> = dense<{{\[\[}}3.360000e+02, -2.800000e+01, 2.500000e-01, 9.375000e-02]]>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<1x4xf4E2M1FN> = dense<[[6.0, -0.5, 4.0, 1.5]]>
compress.weight private @w.scale.q : tensor<1x2xf8E4M3FN> = dense<[[448.0, 0.5]]>
compress.weight private @w.scale.factor : tensor<f32> = dense<0.125>
// CHECK-LABEL: func.func @nvfp4
func.func @nvfp4() -> tensor<1x4xf32> {
  %q = compress.load @w.q : tensor<1x4xf4E2M1FN>
  %c = compress.load @w.scale.q : tensor<1x2xf8E4M3FN>
  %f = compress.load @w.scale.factor : tensor<f32>
  %s = compress.dequantize %c, %f : (tensor<1x2xf8E4M3FN>, tensor<f32>) -> tensor<1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x4xf4E2M1FN>, tensor<1x2xf32>) -> tensor<1x4xf32>
  return %w : tensor<1x4xf32>
}

// -----

// A table with scales, and one of two values.
// CHECK: compress.weight private @table.dense : tensor<1x4xf16> = dense<{{\[\[}}-2.000000e+00, 0.000000e+00, 2.000000e+00, 4.000000e+00]]>
// CHECK-NEXT: compress.weight private @binary.dense : tensor<2x2xf32> = dense<{{\[\[}}2.500000e-01, -2.500000e-01], [-3.000000e+00, 3.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @table.q : tensor<1x4xui2> = dense<[[0, 1, 2, 3]]>
compress.weight private @table.table : tensor<4xf16> = dense<[-1.0, 0.0, 0.5, 1.0]>
compress.weight private @table.scale : tensor<1x2xf16> = dense<[[2.0, 4.0]]>
compress.weight private @binary.q : tensor<2x2xi1> = dense<[[true, false], [false, true]]>
compress.weight private @binary.table : tensor<2xf32> = dense<[-1.0, 1.0]>
compress.weight private @binary.scale : tensor<2x1xf32> = dense<[[0.25], [3.0]]>
// CHECK-LABEL: func.func @tables
func.func @tables() -> (tensor<1x4xf16>, tensor<2x2xf32>) {
  // CHECK-NOT: compress.lookup
  %q = compress.load @table.q : tensor<1x4xui2>
  %t = compress.load @table.table : tensor<4xf16>
  %s = compress.load @table.scale : tensor<1x2xf16>
  %0 = compress.lookup %q, %t, %s {block = array<i64: 1, 2>} : (tensor<1x4xui2>, tensor<4xf16>, tensor<1x2xf16>) -> tensor<1x4xf16>
  %p = compress.load @binary.q : tensor<2x2xi1>
  %u = compress.load @binary.table : tensor<2xf32>
  %v = compress.load @binary.scale : tensor<2x1xf32>
  %1 = compress.lookup %p, %u, %v {block = array<i64: 1, -1>} : (tensor<2x2xi1>, tensor<2xf32>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %0, %1 : tensor<1x4xf16>, tensor<2x2xf32>
}

// -----

// Double quantization: the scales are 8, 9 and 12, 14.
// CHECK: compress.weight private @w.dense : tensor<2x4xf32> = dense<{{\[\[}}-8.000000e+00, 8.000000e+00, 4.500000e+00, 9.000000e+00], [1.200000e+01, -1.200000e+01, 0.000000e+00, 7.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<2x4xui2> = dense<[[0, 3, 2, 3], [3, 0, 1, 2]]>
compress.weight private @w.table : tensor<4xf32> = dense<[-1.0, 0.0, 0.5, 1.0]>
compress.weight private @w.scale.q : tensor<4xui2> = dense<[0, 1, 2, 3]>
compress.weight private @w.scale.table : tensor<4xf32> = dense<[-1.0, -0.5, 0.5, 1.0]>
compress.weight private @w.scale.scale : tensor<2xf32> = dense<[2.0, 4.0]>
compress.weight private @w.scale.offset : tensor<f32> = dense<10.0>
// CHECK-LABEL: func.func @double_quantization
func.func @double_quantization() -> tensor<2x4xf32> {
  // CHECK-NOT: compress.{{lookup|reshape|add}}
  %q = compress.load @w.q : tensor<2x4xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %c = compress.load @w.scale.q : tensor<4xui2>
  %m = compress.load @w.scale.table : tensor<4xf32>
  %ss = compress.load @w.scale.scale : tensor<2xf32>
  %v = compress.lookup %c, %m, %ss {block = array<i64: 2>} : (tensor<4xui2>, tensor<4xf32>, tensor<2xf32>) -> tensor<4xf32>
  %shape = compress.constant dense<2> : tensor<2xi64>
  %r = compress.reshape %v, %shape : (tensor<4xf32>, tensor<2xi64>) -> tensor<2x2xf32>
  %o = compress.load @w.scale.offset : tensor<f32>
  %s = compress.add %r, %o : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %w = compress.lookup %q, %t, %s {block = array<i64: 1, 2>} : (tensor<2x4xui2>, tensor<4xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

// CHECK: compress.weight private @half.dense : tensor<1x3xf32> = dense<{{\[\[}}1.500000e+00, 6.550400e+04, 5.96046448E-8]]>
// CHECK-NEXT: compress.weight private @brain.dense : tensor<1x2xf32> = dense<{{\[\[}}-3.000000e+00, 9.765625E-4]]>
// CHECK-NOT: compress.weight
compress.weight private @half.f16 : tensor<1x3xf16> = dense<[[1.5, 65504.0, 5.9604645e-8]]>
compress.weight private @brain.bf16 : tensor<1x2xbf16> = dense<[[-3.0, 0.0009765625]]>
// CHECK-LABEL: func.func @halves
func.func @halves() -> (tensor<1x3xf32>, tensor<1x2xf32>) {
  // CHECK-NOT: compress.cast
  %h = compress.load @half.f16 : tensor<1x3xf16>
  %0 = compress.cast %h : (tensor<1x3xf16>) -> tensor<1x3xf32>
  %b = compress.load @brain.bf16 : tensor<1x2xbf16>
  %1 = compress.cast %b : (tensor<1x2xbf16>) -> tensor<1x2xf32>
  return %0, %1 : tensor<1x3xf32>, tensor<1x2xf32>
}

// -----

// Patterns compose with all of them: fill is 0 for floats, the entry that is zero for tables.
// CHECK: compress.weight private @small.dense : tensor<1x4xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00, 0.000000e+00, 1.200000e+01]]>
// CHECK-NEXT: compress.weight private @table.dense : tensor<1x4xf32> = dense<{{\[\[}}-1.000000e+00, 0.000000e+00, 1.000000e+00, 0.000000e+00]]>
// CHECK-NEXT: compress.weight private @half.dense : tensor<1x4xf32> = dense<{{\[\[}}0.000000e+00, 5.000000e-01, 0.000000e+00, 7.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @small.q : tensor<1x2xf4E2M1FN> = dense<[[1.0, 6.0]]>
compress.weight private @small.meta : tensor<1x1xi8> = dense<13>
compress.weight private @small.scale : tensor<f32> = dense<2.0>
compress.weight private @table.q : tensor<1x2xui2> = dense<[[0, 3]]>
compress.weight private @table.meta : tensor<1x1xi8> = dense<8>
compress.weight private @table.table : tensor<4xf32> = dense<[-1.0, 0.0, 0.5, 1.0]>
compress.weight private @half.f16 : tensor<1x2xf16> = dense<[[0.5, 7.0]]>
// CHECK-LABEL: func.func @patterns
func.func @patterns() -> (tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>) {
  %q = compress.load @small.q : tensor<1x2xf4E2M1FN>
  %p = compress.load @small.meta : tensor<1x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf4E2M1FN>, tensor<1x1xi8>) -> tensor<1x4xf4E2M1FN>
  %s = compress.load @small.scale : tensor<f32>
  %0 = compress.dequantize %c, %s : (tensor<1x4xf4E2M1FN>, tensor<f32>) -> tensor<1x4xf32>
  %tq = compress.load @table.q : tensor<1x2xui2>
  %tp = compress.load @table.meta : tensor<1x1xi8>
  %tc = compress.expand_nm %tq, %tp {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 1 : i64} : (tensor<1x2xui2>, tensor<1x1xi8>) -> tensor<1x4xui2>
  %t = compress.load @table.table : tensor<4xf32>
  %1 = compress.lookup %tc, %t : (tensor<1x4xui2>, tensor<4xf32>) -> tensor<1x4xf32>
  %h = compress.load @half.f16 : tensor<1x2xf16>
  %hc = compress.expand_nm %h, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf16>, tensor<1x1xi8>) -> tensor<1x4xf16>
  %2 = compress.cast %hc : (tensor<1x4xf16>) -> tensor<1x4xf32>
  return %0, %1, %2 : tensor<1x4xf32>, tensor<1x4xf32>, tensor<1x4xf32>
}
