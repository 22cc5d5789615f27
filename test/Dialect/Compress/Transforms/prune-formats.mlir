// RUN: compress-opt %s --compress-prune=pattern=2:4 --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-prune=pattern=2:4 --compress-prune=pattern=2:4 --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Weights in any format are pruned by what they decode to; the scales stay as they are stored.

// Decoded: 4, 6, -1.5, 3 with scales 4 and 1.
// CHECK: compress.weight private @w.q{{.*}} : tensor<1x2xf4E2M1FN> = dense<{{\[\[}}1.000000e+00, 6.000000e+00]]>
// CHECK-NEXT: compress.weight private @w.meta : tensor<1x1xi8> = dense<4>
// CHECK-NEXT: compress.weight private @w.scale.q : tensor<1x2xf8E8M0FNU>
// CHECK-NEXT: compress.weight private @w.scale.factor : tensor<f32>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<1x4xf4E2M1FN> = dense<[[1.0, 6.0, -1.5, 3.0]]>
compress.weight private @w.scale.q : tensor<1x2xf8E8M0FNU> = dense<[[4.0, 1.0]]>
compress.weight private @w.scale.factor : tensor<f32> = dense<1.0>
// CHECK-LABEL: func.func @nested_scales
func.func @nested_scales(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK-DAG: %[[C:.+]] = compress.expand_nm {{.*}} -> tensor<1x4xf4E2M1FN>
  // CHECK-DAG: %[[S:.+]] = compress.dequantize %{{.+}}, %{{.+}} : (tensor<1x2xf8E8M0FNU>, tensor<f32>) -> tensor<1x2xf32>
  // CHECK: compress.dequantize %[[C]], %[[S]] {block = array<i64: 1, 2>}
  // CHECK-NOT: compress.dequantize
  %q = compress.load @w.q : tensor<1x4xf4E2M1FN>
  %c = compress.load @w.scale.q : tensor<1x2xf8E8M0FNU>
  %f = compress.load @w.scale.factor : tensor<f32>
  %s = compress.dequantize %c, %f : (tensor<1x2xf8E8M0FNU>, tensor<f32>) -> tensor<1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x4xf4E2M1FN>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Decoded: 10, 0, 4.5, 9; what is pruned gets the entry that is zero.
// CHECK: compress.weight private @w.q{{.*}} : tensor<1x2xui2> = dense<{{\[\[}}2, 3]]>
// CHECK-NEXT: compress.weight private @w.meta : tensor<1x1xi8> = dense<12>
compress.weight private @w.q : tensor<1x4xui2> = dense<[[2, 1, 2, 3]]>
compress.weight private @w.table : tensor<4xf32> = dense<[-1.0, 0.0, 1.0, 2.0]>
compress.weight private @w.scale.q : tensor<2xui2> = dense<[0, 1]>
compress.weight private @w.scale.table : tensor<4xf32> = dense<[0.0, -0.5, 0.5, 1.0]>
compress.weight private @w.scale.scale : tensor<1xf32> = dense<[11.0]>
compress.weight private @w.scale.offset : tensor<f32> = dense<10.0>
// CHECK-LABEL: func.func @double_quantization
func.func @double_quantization(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK-DAG: %[[C:.+]] = compress.expand_nm {{.*}} {axis = 1 : i64, fill = 1 : i64, m = 4 : i64, n = 2 : i64}
  // CHECK-DAG: %[[V:.+]] = compress.lookup %{{.+}}, %{{.+}}, %{{.+}} {block = array<i64: 256>}
  // CHECK-DAG: %[[R:.+]] = compress.reshape %[[V]]
  // CHECK-DAG: %[[S:.+]] = compress.add %[[R]]
  // CHECK: compress.lookup %[[C]], %{{.+}}, %[[S]] {block = array<i64: 1, 2>}
  // CHECK-NEXT: compress.linear
  %q = compress.load @w.q : tensor<1x4xui2>
  %t = compress.load @w.table : tensor<4xf32>
  %c = compress.load @w.scale.q : tensor<2xui2>
  %m = compress.load @w.scale.table : tensor<4xf32>
  %ss = compress.load @w.scale.scale : tensor<1xf32>
  %v = compress.lookup %c, %m, %ss {block = array<i64: 256>} : (tensor<2xui2>, tensor<4xf32>, tensor<1xf32>) -> tensor<2xf32>
  %shape = compress.constant dense<[1, 2]> : tensor<2xi64>
  %r = compress.reshape %v, %shape : (tensor<2xf32>, tensor<2xi64>) -> tensor<1x2xf32>
  %o = compress.load @w.scale.offset : tensor<f32>
  %s = compress.add %r, %o : (tensor<1x2xf32>, tensor<f32>) -> tensor<1x2xf32>
  %w = compress.lookup %q, %t, %s {block = array<i64: 1, 2>} : (tensor<1x4xui2>, tensor<4xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Half-precision storage stays.
// CHECK: compress.weight private @w.f16{{.*}} : tensor<1x2xf16> = dense<{{\[\[}}-2.000000e+00, 3.000000e+00]]>
// CHECK-NEXT: compress.weight private @w.meta : tensor<1x1xi8> = dense<13>
// CHECK-NOT: compress.weight
compress.weight private @w.f16 : tensor<1x4xf16> = dense<[[1.0, -2.0, 0.5, 3.0]]>
// CHECK-LABEL: func.func @half
func.func @half(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[C:.+]] = compress.expand_nm {{.*}} -> tensor<1x4xf16>
  // CHECK-NEXT: compress.cast %[[C]] : (tensor<1x4xf16>) -> tensor<1x4xf32>
  %h = compress.load @w.f16 : tensor<1x4xf16>
  %w = compress.cast %h : (tensor<1x4xf16>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// No code of a binary weight is zero: the pruned elements are in a mask, and the codes stay dense.
// REMARK: remark: {{.*}}weight 'binary.q' of "fc": codes are stored dense: no entry of the table is zero
// CHECK-DAG: @binary.mask{{.*}} : tensor<2x4xi1> = dense<{{\[\[}}true, true, false, false], [false, true, false, true]]>
compress.weight private @binary.q : tensor<2x4xi1> = dense<[[true, false, false, true], [true, true, false, false]]>
compress.weight private @binary.table : tensor<2xf32> = dense<[-1.0, 1.0]>
compress.weight private @binary.scale : tensor<2x4xf32> = dense<[[4.0, 3.0, 2.0, 1.0], [1.0, 4.0, 2.0, 3.0]]>
// CHECK-LABEL: func.func @no_zero
func.func @no_zero(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[V:.+]] = compress.lookup
  // CHECK: %[[W:.+]] = compress.mask %[[V]]
  // CHECK: compress.linear nk %{{.+}}, %[[W]]
  %q = compress.load @binary.q : tensor<2x4xi1>
  %t = compress.load @binary.table : tensor<2xf32>
  %s = compress.load @binary.scale : tensor<2x4xf32>
  %w = compress.lookup %q, %t, %s {block = array<i64: 1, 1>} : (tensor<2x4xi1>, tensor<2xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
