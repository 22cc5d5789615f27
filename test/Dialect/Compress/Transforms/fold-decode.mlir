// RUN: compress-opt %s --compress-fold-decode --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-decode --compress-fold-decode --split-input-file | FileCheck %s
// Nothing else makes a weight dense again.
// RUN: compress-opt %s --canonicalize --cse --sccp --compress-fold-constants --split-input-file | FileCheck %s --check-prefix=KEPT
// RUN: compress-opt %s --compress-fold-decode --split-input-file --remarks-filter=fold-decode -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// CHECK: compress.weight private @w.dense : tensor<1x4xf32> = dense<{{\[\[}}-5.000000e-01, 1.000000e+00, 6.000000e+00, -8.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<1x4xi4> = dense<[[-1, 2, 3, -4]]>
compress.weight private @w.scale : tensor<1x2xf32> = dense<[[0.5, 2.0]]>
// CHECK-LABEL: func.func @quantized
// KEPT-LABEL: func.func @quantized
// REMARK: remark: {{.*}}weight 'w.q' is dense again
func.func @quantized(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[W:.+]] = compress.load @w.dense
  // CHECK-NEXT: compress.linear nk %{{.+}}, %[[W]]
  // KEPT: %[[W:.+]] = compress.dequantize
  // KEPT: compress.linear nk %{{.+}}, %[[W]]
  %q = compress.load @w.q : tensor<1x4xi4>
  %s = compress.load @w.scale : tensor<1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x4xi4>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The whole normal form: a pattern filled with the zero point, scales, and a mask.
// CHECK: compress.weight private @w.dense : tensor<1x4xf32> = dense<{{\[\[}}0.000000e+00, 1.000000e+00, 0.000000e+00, 0.000000e+00]]>
compress.weight private @w.q : tensor<1x2xui4> = dense<[[7, 1]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<9>
compress.weight private @w.scale : tensor<1x1xf32> = dense<0.5>
compress.weight private @w.zp : tensor<1x1xui4> = dense<5>
// CHECK-LABEL: func.func @whole_chain
// KEPT-LABEL: func.func @whole_chain
func.func @whole_chain(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // KEPT: compress.expand_nm
  // KEPT: compress.dequantize
  // KEPT: compress.mask
  %q = compress.load @w.q : tensor<1x2xui4>
  %p = compress.load @w.meta : tensor<1x1xi8>
  %c = compress.expand_nm %q, %p {n = 2 : i64, m = 4 : i64, axis = 1 : i64, fill = 5 : i64} : (tensor<1x2xui4>, tensor<1x1xi8>) -> tensor<1x4xui4>
  %s = compress.load @w.scale : tensor<1x1xf32>
  %z = compress.load @w.zp : tensor<1x1xui4>
  %d = compress.dequantize %c, %s, %z {block = array<i64: 1, -1>} : (tensor<1x4xui4>, tensor<1x1xf32>, tensor<1x1xui4>) -> tensor<1x4xf32>
  %m = compress.constant dense<[[true, true, false, true]]> : tensor<1x4xi1>
  %w = compress.mask %d, %m : tensor<1x4xf32>, tensor<1x4xi1>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Forms that no pass of ours writes yet: a palette, a bitmap, and scales that are quantized themselves.
// CHECK-DAG: @palette.dense : tensor<1x4xf32> = dense<{{\[\[}}5.000000e-01, -1.000000e+00, 5.000000e-01, 2.000000e+00]]>
// CHECK-DAG: @bits.dense : tensor<2x2xf32> = dense<{{\[\[}}0.000000e+00, 3.000000e+00], [4.000000e+00, 0.000000e+00]]>
// CHECK-DAG: @codes.dense : tensor<1x2xf32> = dense<{{\[\[}}3.000000e+00, -6.000000e+00]]>
compress.weight private @palette : tensor<1x4xui2> = dense<[[0, 1, 0, 2]]>
compress.weight private @table : tensor<4xf32> = dense<[0.5, -1.0, 2.0, 9.0]>
compress.weight private @bits : tensor<2xf32> = dense<[3.0, 4.0]>
compress.weight private @bitmap : tensor<1xi8> = dense<6>
compress.weight private @codes : tensor<1x2xi8> = dense<[[1, -2]]>
compress.weight private @scale : tensor<1x1xui8> = dense<6>
compress.weight private @scale.scale : tensor<f32> = dense<0.5>
// CHECK-LABEL: func.func @other_forms
func.func @other_forms() -> (tensor<1x4xf32>, tensor<2x2xf32>, tensor<1x2xf32>) {
  // CHECK-NOT: compress.{{lookup|expand|dequantize}}
  %c = compress.load @palette : tensor<1x4xui2>
  %t = compress.load @table : tensor<4xf32>
  %0 = compress.lookup %c, %t : (tensor<1x4xui2>, tensor<4xf32>) -> tensor<1x4xf32>
  %b = compress.load @bits : tensor<2xf32>
  %m = compress.load @bitmap : tensor<1xi8>
  %1 = compress.expand_bitmap %b, %m : (tensor<2xf32>, tensor<1xi8>) -> tensor<2x2xf32>
  %q = compress.load @codes : tensor<1x2xi8>
  %s = compress.load @scale : tensor<1x1xui8>
  %ss = compress.load @scale.scale : tensor<f32>
  %ds = compress.dequantize %s, %ss : (tensor<1x1xui8>, tensor<f32>) -> tensor<1x1xf32>
  %2 = compress.dequantize %q, %ds {block = array<i64: 1, -1>} : (tensor<1x2xi8>, tensor<1x1xf32>) -> tensor<1x2xf32>
  return %0, %1, %2 : tensor<1x4xf32>, tensor<2x2xf32>, tensor<1x2xf32>
}

// -----

// A link with a user of its own, between the weight and another link: both are made dense.
// CHECK-DAG: dense<{{\[\[}}1.000000e+00, 2.000000e+00]]>
// CHECK-DAG: dense<{{\[\[}}1.000000e+00, 0.000000e+00]]>
compress.weight private @q : tensor<1x2xi8> = dense<[[1, 2]]>
compress.weight private @s : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @used_in_the_middle
func.func @used_in_the_middle() -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  // CHECK-NOT: compress.{{dequantize|mask}}
  %q = compress.load @q : tensor<1x2xi8>
  %s = compress.load @s : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<1x2xi8>, tensor<f32>) -> tensor<1x2xf32>
  %m = compress.constant dense<[[true, false]]> : tensor<1x2xi1>
  %p = compress.mask %w, %m : tensor<1x2xf32>, tensor<1x2xi1>
  return %w, %p : tensor<1x2xf32>, tensor<1x2xf32>
}

// -----

// The quantization of an activation is no decode chain on a weight.
// CHECK-LABEL: func.func @no_activations
// REMARK: remark: {{.*}}'compress.dequantize' is left alone: it is not on a weight
func.func @no_activations(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK: compress.dynamic_quantize
  // CHECK: compress.dequantize
  %q, %s, %z = compress.dynamic_quantize %x tensor : (tensor<?x4xf32>) -> (tensor<?x4xui8>, tensor<f32>, tensor<ui8>)
  %y = compress.dequantize %q, %s, %z : (tensor<?x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-DAG: @e.dense : tensor<0x4xf32> = dense<>
// CHECK-DAG: @splat.dense : tensor<2x2xf16> = dense<-3.500000e+00>
compress.weight private @e.q : tensor<0x4xi8> = dense<>
compress.weight private @e.scale : tensor<0x1xf32> = dense<>
compress.weight private @splat.q : tensor<2x2xi2> = dense<1>
compress.weight private @splat.scale : tensor<f16> = dense<-3.5>
// CHECK-LABEL: func.func @empty_and_splat
func.func @empty_and_splat() -> (tensor<0x4xf32>, tensor<2x2xf16>) {
  %q = compress.load @e.q : tensor<0x4xi8>
  %s = compress.load @e.scale : tensor<0x1xf32>
  %0 = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<0x4xi8>, tensor<0x1xf32>) -> tensor<0x4xf32>
  %p = compress.load @splat.q : tensor<2x2xi2>
  %t = compress.load @splat.scale : tensor<f16>
  %1 = compress.dequantize %p, %t : (tensor<2x2xi2>, tensor<f16>) -> tensor<2x2xf16>
  return %0, %1 : tensor<0x4xf32>, tensor<2x2xf16>
}
