// RUN: compress-opt %s --compress-fold-masks --compress-verify-chains --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-masks --compress-fold-masks --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-fold-masks --split-input-file --remarks-filter=fold-masks -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Masked elements are exact zeros, also those that are no numbers.
// CHECK: compress.weight private @w.dense : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 0.000000e+00], [0.000000e+00, -4.000000e+00]]>
// CHECK-NOT: compress.weight
compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, -2.0], [0x7FC00000, -4.0]]>
// CHECK-LABEL: func.func @dense
// REMARK: remark: {{.*}}mask is folded into weight 'w'
func.func @dense(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.+]] = compress.load @w.dense
  // CHECK-NEXT: compress.linear nk %{{.+}}, %[[W]]
  %w = compress.load @w : tensor<2x2xf32>
  %m = compress.constant dense<[[true, false], [false, true]]> : tensor<2x2xi1>
  %p = compress.mask %w, %m : tensor<2x2xf32>, tensor<2x2xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// A channel mask that is a weight itself; the unmasked weight is still used.
// CHECK-DAG: compress.weight private @w :
// CHECK-DAG: compress.weight private @w.dense : tensor<3x2xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00], [3.000000e+00, 4.000000e+00], [0.000000e+00, 0.000000e+00]]>
// CHECK-NOT: compress.weight private @m
compress.weight private @w : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
compress.weight private @m : tensor<3x1xi1> = dense<[[false], [true], [false]]>
// CHECK-LABEL: func.func @channel_mask
func.func @channel_mask(%x: tensor<?x2xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  // CHECK: compress.linear nk %{{.+}}, %w.dense
  // CHECK: compress.linear nk %{{.+}}, %w :
  %w = compress.load @w : tensor<3x2xf32>
  %m = compress.load @m : tensor<3x1xi1>
  %p = compress.mask %w, %m : tensor<3x2xf32>, tensor<3x1xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  %z = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  return %y, %z : tensor<?x3xf32>, tensor<?x3xf32>
}

// -----

// The code of zero is the zero point of its block.
// CHECK-DAG: @w.q{{.*}} : tensor<2x2xui4> = dense<{{\[\[}}1, 5], [9, 3]]>
compress.weight private @w.q : tensor<2x2xui4> = dense<[[1, 2], [15, 3]]>
compress.weight private @w.scale : tensor<2x1xf32> = dense<0.5>
compress.weight private @w.zp : tensor<2x1xui4> = dense<[[5], [9]]>
// CHECK-LABEL: func.func @quantized
func.func @quantized(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.mask
  // CHECK: compress.dequantize %{{.+}}, %w.scale, %w.zp {block = array<i64: 1, -1>}
  %q = compress.load @w.q : tensor<2x2xui4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %z = compress.load @w.zp : tensor<2x1xui4>
  %w = compress.dequantize %q, %s, %z {block = array<i64: 1, -1>} : (tensor<2x2xui4>, tensor<2x1xf32>, tensor<2x1xui4>) -> tensor<2x2xf32>
  %m = compress.constant dense<[[true, false], [false, true]]> : tensor<2x2xi1>
  %p = compress.mask %w, %m : tensor<2x2xf32>, tensor<2x2xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// Masks on masks: both count. Sub-byte codes may be masked before they are decoded.
// CHECK: compress.weight private @w.dense{{.*}} : tensor<1x4xui4> = dense<{{\[\[}}0, 2, 0, 0]]>
compress.weight private @w : tensor<1x4xui4> = dense<[[1, 2, 3, 4]]>
// CHECK-LABEL: func.func @two_masks
func.func @two_masks() -> tensor<1x4xui4> {
  // CHECK-NOT: compress.mask
  %w = compress.load @w : tensor<1x4xui4>
  %a = compress.constant dense<[[true, true, false, false]]> : tensor<1x4xi1>
  %b = compress.constant dense<[[false, true, true, false]]> : tensor<1x4xi1>
  %p = compress.mask %w, %a : tensor<1x4xui4>, tensor<1x4xi1>
  %r = compress.mask %p, %b : tensor<1x4xui4>, tensor<1x4xi1>
  return %r : tensor<1x4xui4>
}

// -----

// Neither a mask that is computed nor one on an activation is folded.
// CHECK: compress.weight private @w :
compress.weight private @w : tensor<1x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_activations
// REMARK: remark: {{.*}}mask is left alone: its mask is not constant
// REMARK: remark: {{.*}}mask is left alone: it is not on a weight
func.func @no_activations(%m: tensor<1x4xi1>, %x: tensor<?x4xf32>) -> (tensor<1x4xf32>, tensor<?x4xf32>) {
  // CHECK: compress.mask %w, %{{.+}}
  // CHECK: compress.mask %{{.+}}, %{{.+}} : tensor<?x4xf32>
  %w = compress.load @w : tensor<1x4xf32>
  %p = compress.mask %w, %m : tensor<1x4xf32>, tensor<1x4xi1>
  %c = compress.constant dense<true> : tensor<1x4xi1>
  %r = compress.mask %x, %c : tensor<?x4xf32>, tensor<1x4xi1>
  return %p, %r : tensor<1x4xf32>, tensor<?x4xf32>
}

// -----

// CHECK: compress.weight private @e.dense : tensor<0x4xf32> = dense<>
compress.weight private @e : tensor<0x4xf32> = dense<>
// CHECK-LABEL: func.func @empty
func.func @empty() -> tensor<0x4xf32> {
  %w = compress.load @e : tensor<0x4xf32>
  %m = compress.constant dense<false> : tensor<1x4xi1>
  %p = compress.mask %w, %m : tensor<0x4xf32>, tensor<1x4xi1>
  return %p : tensor<0x4xf32>
}

// -----

// No code of a binary weight is zero.
// REMARK: remark: {{.*}}mask is left alone: no entry of the table is zero
// REMARK: remark: {{.*}}mask is folded into weight 'table.q'
// CHECK-DAG: @table.q{{.*}} : tensor<1x3xui1> = dense<{{\[\[}}false, false, true]]>
compress.weight private @w.q : tensor<2x2xui1> = dense<[[0, 1], [1, 1]]>
compress.weight private @w.table : tensor<2xf32> = dense<[-1.0, 1.0]>
compress.weight private @table.q : tensor<1x3xui1> = dense<[[0, 1, 1]]>
compress.weight private @table.table : tensor<2xf32> = dense<[-0.0, 1.0]>
// CHECK-LABEL: func.func @tables
func.func @tables(%x: tensor<?x2xf32>, %x3: tensor<?x3xf32>) -> (tensor<?x2xf32>, tensor<?x1xf32>) {
  // CHECK: compress.mask
  // CHECK-NOT: compress.mask
  %q = compress.load @w.q : tensor<2x2xui1>
  %t = compress.load @w.table : tensor<2xf32>
  %w = compress.lookup %q, %t : (tensor<2x2xui1>, tensor<2xf32>) -> tensor<2x2xf32>
  %m = compress.constant dense<[[true, false], [false, true]]> : tensor<2x2xi1>
  %p = compress.mask %w, %m : tensor<2x2xf32>, tensor<2x2xi1>
  %y = compress.linear nk %x, %p : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %r = compress.load @table.q : tensor<1x3xui1>
  %u = compress.load @table.table : tensor<2xf32>
  %v = compress.lookup %r, %u : (tensor<1x3xui1>, tensor<2xf32>) -> tensor<1x3xf32>
  %n = compress.constant dense<[[true, false, true]]> : tensor<1x3xi1>
  %o = compress.mask %v, %n : tensor<1x3xf32>, tensor<1x3xi1>
  %z = compress.linear nk %x3, %o : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x1xf32>
}
