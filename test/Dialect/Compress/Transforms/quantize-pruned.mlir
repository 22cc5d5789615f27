// RUN: compress-opt %s --compress-quantize='format=int4 group=4' --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-quantize='format=int4 group=4 asymmetric' --compress-verify-chains --split-input-file | FileCheck %s --check-prefix=ASYM
// RUN: compress-opt %s --compress-quantize='format=int4 group=4 asymmetric' --split-input-file --remarks-filter=quantize -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The kept values -4 and 3 of an N:M weight become kept codes; scales are those of the dense weight, and what
// was pruned stays code 0.
// CHECK: @w.q : tensor<1x4xi4> = dense<{{\[\[}}-8, 6, -8, 2]]>
// CHECK: @w.scale : tensor<1x2xf32> = dense<{{\[\[}}5.000000e-01, 1.000000e+00]]>
// The zero points of (-4, 3) and (-8, 2) are 1 and 4 in [-8, 7]: no code means zero everywhere, so all codes are stored.
// REMARK: remark: {{.*}}weight 'w.kept' of "fc": codes are stored dense: zero points differ between blocks
// ASYM: @w.q : tensor<1x8xi4> = dense<{{\[\[}}1, -8, 7, 1, -8, 4, 7, 4]]>
// ASYM: @w.zp : tensor<1x2xi4> = dense<{{\[\[}}1, 4]]>
compress.weight private @w.kept : tensor<1x4xf32> = dense<[[-4.0, 3.0, -8.0, 2.0]]>
compress.weight private @w.meta : tensor<1x1xi8> = dense<137>
// CHECK-LABEL: func.func @symmetric
// ASYM-LABEL: func.func @symmetric
func.func @symmetric(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  // CHECK: %[[Q:.+]] = compress.load @w.q
  // CHECK: %[[META:.+]] = compress.load @w.meta
  // CHECK: %[[CODES:.+]] = compress.expand_nm %[[Q]], %[[META]] {axis = 1 : i64, m = 4 : i64, n = 2 : i64} : (tensor<1x4xi4>, tensor<1x1xi8>) -> tensor<1x8xi4>
  // CHECK: compress.dequantize %[[CODES]], %{{.+}} {block = array<i64: 1, 4>}
  // ASYM-NOT: compress.expand_nm
  %k = compress.load @w.kept : tensor<1x4xf32>
  %m = compress.load @w.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x4xf32>, tensor<1x1xi8>) -> tensor<1x8xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// One zero point for all: the pattern stays, and is filled with it. The range (-2, 13) has scale 1.
// ASYM: @one.q : tensor<1x2xi4> = dense<{{\[\[}}-8, 7]]>
// ASYM: @one.zp : tensor<1x1xi4> = dense<-6>
compress.weight private @one.kept : tensor<1x2xf32> = dense<[[-2.0, 13.0]]>
compress.weight private @one.meta : tensor<1x1xi8> = dense<9>
// ASYM-LABEL: func.func @one_zero_point
func.func @one_zero_point(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // ASYM: compress.expand_nm {{.*}} {axis = 1 : i64, fill = -6 : i64, m = 4 : i64, n = 2 : i64}
  %k = compress.load @one.kept : tensor<1x2xf32>
  %m = compress.load @one.meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %y = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A mask given by hand is made physical on the way: element 0 no longer counts for the scale of row 0.
// CHECK: @masked.q : tensor<2x2xi4> = dense<{{\[\[}}0, -8], [-8, 4]]>
// CHECK: @masked.scale : tensor<2x1xf32> = dense<{{\[\[}}-5.000000e-01], [1.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @masked : tensor<2x2xf32> = dense<[[100.0, 4.0], [-8.0, 4.0]]>
compress.weight private @mask : tensor<2x2xi1> = dense<[[false, true], [true, true]]>
// CHECK-LABEL: func.func @mask_by_hand
func.func @mask_by_hand(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.mask
  %w = compress.load @masked : tensor<2x2xf32>
  %k = compress.load @mask : tensor<2x2xi1>
  %p = compress.mask %w, %k : tensor<2x2xf32>, tensor<2x2xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A channel mask. The pruned channel has scale 1.
// CHECK: @channels.q : tensor<2x2xi4> = dense<{{\[\[}}0, 0], [-8, 4]]>
// CHECK: @channels.scale : tensor<2x1xf32> = dense<{{\[\[}}1.000000e+00], [5.000000e-01]]>
compress.weight private @channels : tensor<2x2xf32> = dense<[[100.0, 4.0], [-4.0, 2.0]]>
// CHECK-LABEL: func.func @channel_mask
func.func @channel_mask(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.mask
  %w = compress.load @channels : tensor<2x2xf32>
  %k = compress.constant dense<[[false], [true]]> : tensor<2x1xi1>
  %p = compress.mask %w, %k : tensor<2x2xf32>, tensor<2x1xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
