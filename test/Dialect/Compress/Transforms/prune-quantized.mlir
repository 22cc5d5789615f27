// RUN: compress-opt %s --compress-prune=pattern=2:4 --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Codes are pruned by what they decode to, two to a scale: 1, 2, -32, 28 and 0, 2, 4, -12. Scales stay.
// CHECK: @w.q{{.*}} : tensor<1x4xi4> = dense<{{\[\[}}-8, 7, 1, -3]]>
// CHECK: @w.meta : tensor<1x1xi8> = dense<-18>
// CHECK: @w.scale : tensor<1x4xf32>
compress.weight private @w.q : tensor<1x8xi4> = dense<[[1, 2, -8, 7, 0, 2, 1, -3]]>
compress.weight private @w.scale : tensor<1x4xf32> = dense<[[1.0, 4.0, 1.0, 4.0]]>
// CHECK-LABEL: func.func @symmetric
func.func @symmetric(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[CODES:.+]] = compress.expand_nm {{.*}} {axis = 1 : i64, m = 4 : i64, n = 2 : i64} : (tensor<1x4xi4>, tensor<1x1xi8>) -> tensor<1x8xi4>
  // CHECK: compress.dequantize %[[CODES]], %{{.+}} {block = array<i64: 1, 2>}
  %q = compress.load @w.q : tensor<1x8xi4>
  %s = compress.load @w.scale : tensor<1x4xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x8xi4>, tensor<1x4xf32>) -> tensor<1x8xf32>
  %y = compress.linear nk %x, %w : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// The blocks have scales 1 and 100, so the small codes of the second one win.
// CHECK: @scales.q{{.*}} : tensor<1x2xi8> = dense<{{\[\[}}1, -1]]>
// CHECK: @scales.meta : tensor<1x1xi8> = dense<14>
compress.weight private @scales.q : tensor<1x4xi8> = dense<[[90, -99, 1, -1]]>
compress.weight private @scales.scale : tensor<1x2xf32> = dense<[[1.0, 100.0]]>
// CHECK-LABEL: func.func @by_decoded_value
func.func @by_decoded_value(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %q = compress.load @scales.q : tensor<1x4xi8>
  %s = compress.load @scales.scale : tensor<1x2xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x4xi8>, tensor<1x2xf32>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// One zero point: what is pruned gets it as its code. Distances from -3 are 0, 2, 3, 10.
// CHECK: @zp.q{{.*}} : tensor<1x2xi4> = dense<{{\[\[}}-6, 7]]>
// CHECK: @zp.meta : tensor<1x1xi8> = dense<14>
compress.weight private @zp.q : tensor<1x4xi4> = dense<[[-3, -1, -6, 7]]>
compress.weight private @zp.scale : tensor<1x1xf32> = dense<1.0>
compress.weight private @zp.zp : tensor<1x1xi4> = dense<-3>
// CHECK-LABEL: func.func @one_zero_point
func.func @one_zero_point(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.expand_nm {{.*}} {axis = 1 : i64, fill = -3 : i64, m = 4 : i64, n = 2 : i64}
  %q = compress.load @zp.q : tensor<1x4xi4>
  %s = compress.load @zp.scale : tensor<1x1xf32>
  %z = compress.load @zp.zp : tensor<1x1xi4>
  %w = compress.dequantize %q, %s, %z {block = array<i64: 1, -1>} : (tensor<1x4xi4>, tensor<1x1xf32>, tensor<1x1xi4>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Two rows with different zero points, 0 and 5: the codes stay dense, and each row is filled with its own.
// REMARK: remark: {{.*}}weight 'two.q' of "fc": codes are stored dense: zero points differ between blocks
// CHECK: @two.q{{.*}} : tensor<2x4xui4> = dense<{{\[\[}}0, 0, 2, 3], [0, 5, 5, 15]]>
// CHECK: @two.zp : tensor<2x1xui4>
compress.weight private @two.q : tensor<2x4xui4> = dense<[[0, 1, 2, 3], [0, 4, 6, 15]]>
compress.weight private @two.scale : tensor<2x1xf32> = dense<1.0>
compress.weight private @two.zp : tensor<2x1xui4> = dense<[[0], [5]]>
// CHECK-LABEL: func.func @no_common_zero_point
func.func @no_common_zero_point(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.expand_nm
  // CHECK: compress.dequantize %{{.+}}, %{{.+}}, %{{.+}} {block = array<i64: 1, -1>}
  %q = compress.load @two.q : tensor<2x4xui4>
  %s = compress.load @two.scale : tensor<2x1xf32>
  %z = compress.load @two.zp : tensor<2x1xui4>
  %w = compress.dequantize %q, %s, %z {block = array<i64: 1, -1>} : (tensor<2x4xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x4xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A mask by hand comes first: only the ones it keeps compete, and the rest of a group is zeros.
// CHECK: @masked.kept : tensor<1x2xf32> = dense<{{\[\[}}0.000000e+00, 1.000000e+00]]>
// CHECK: @masked.meta : tensor<1x1xi8> = dense<12>
compress.weight private @masked : tensor<1x4xf32> = dense<[[4.0, 3.0, 2.0, 1.0]]>
// CHECK-LABEL: func.func @mask_by_hand
func.func @mask_by_hand(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK-NOT: compress.mask
  %w = compress.load @masked : tensor<1x4xf32>
  %k = compress.constant dense<[[false, false, false, true]]> : tensor<1x4xi1>
  %p = compress.mask %w, %k : tensor<1x4xf32>, tensor<1x4xi1>
  %y = compress.linear nk %x, %p : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
