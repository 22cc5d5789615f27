// RUN: compress-opt %s --split-input-file --compress-merge-adapters --remarks-filter=adapters --verify-diagnostics | FileCheck %s

// Codes of 4 bits, signed maximum: every row has the code -8. The first row needs twice its scale.
// CHECK: compress.weight private @w.q : tensor<2x4xi4> = dense<{{\[}}[-8, 2, 1, 0], [-8, 7, 1, 0]]>
// CHECK: compress.weight private @w.scale : tensor<2x1xf32> = dense<1.000000e+00>
// CHECK-NOT: compress.weight
compress.weight private @w.q : tensor<2x4xi4> = dense<[[-8, 4, 2, 0], [-8, 7, 1, 0]]>
compress.weight private @w.scale : tensor<2x1xf32> = dense<[[0.5], [1.0]]>
compress.weight private @a : tensor<1x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0]]>
compress.weight private @b : tensor<2x1xf32> = dense<[[-4.0], [0.0]]>
// CHECK-LABEL: func.func @int4
// CHECK: %[[Q:.+]] = compress.load @w.q
// CHECK: %[[S:.+]] = compress.load @w.scale
// CHECK: %[[W:.+]] = compress.dequantize %[[Q]], %[[S]] {block = array<i64: 1, 4>}
// CHECK-NEXT: compress.linear nk %{{.+}}, %[[W]]
// CHECK-NOT: compress.linear
func.func @int4(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %q = compress.load @w.q : tensor<2x4xi4>
  %s = compress.load @w.scale : tensor<2x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 4>} : (tensor<2x4xi4>, tensor<2x1xf32>) -> tensor<2x4xf32>
  %a = compress.load @a : tensor<1x4xf32>
  %b = compress.load @b : tensor<2x1xf32>
  // expected-remark@below {{weight 'w.q' of "fc": adapter of rank 1 is merged, quantized again with the relative error 0}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %h = compress.linear nk %x, %a : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.add %y, %d : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}

// -----

// Restricted symmetric, per tensor, with a zero point that is always 128, as onnx writes ui8. The sum
// [-127, 64.25] is rounded: error 0.25 of 142.3.
// CHECK: compress.weight private @q : tensor<1x2xui8> = dense<{{\[}}[1, 192]]>
// CHECK: compress.weight private @{{.*}}scale{{.*}} : tensor<f32> = dense<1.000000e+00>
// CHECK: compress.weight private @{{.*}}zp{{.*}} : tensor<ui8> = dense<128>
compress.weight private @q : tensor<1x2xui8> = dense<[[1, 130]]>
compress.weight private @scale : tensor<f32> = dense<0.5>
compress.weight private @zp : tensor<ui8> = dense<128>
compress.weight private @a : tensor<1x2xf32> = dense<[[-63.5, 63.25]]>
compress.weight private @b : tensor<1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @ui8_symmetric
func.func @ui8_symmetric(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @q : tensor<1x2xui8>
  %s = compress.load @scale : tensor<f32>
  %z = compress.load @zp : tensor<ui8>
  %w = compress.dequantize %q, %s, %z : (tensor<1x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x1xf32>
  // expected-remark@below {{quantized again with the relative error 0.00176}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

// -----

// Asymmetric: [-100, 155] and 100 more need no zero point other than 0.
// CHECK: compress.weight private @q : tensor<1x2xui8> = dense<{{\[}}[0, 255]]>
// CHECK: tensor<1x1xui8> = dense<0>
compress.weight private @q : tensor<1x2xui8> = dense<[[0, 255]]>
compress.weight private @scale : tensor<1x1xf32> = dense<1.0>
compress.weight private @zp : tensor<1x1xui8> = dense<100>
compress.weight private @a : tensor<1x2xf32> = dense<[[1.0, 1.0]]>
compress.weight private @b : tensor<1x1xf32> = dense<100.0>
// CHECK-LABEL: func.func @ui8_asymmetric
func.func @ui8_asymmetric(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @q : tensor<1x2xui8>
  %s = compress.load @scale : tensor<1x1xf32>
  %z = compress.load @zp : tensor<1x1xui8>
  %w = compress.dequantize %q, %s, %z {block = array<i64: 1, -1>} : (tensor<1x2xui8>, tensor<1x1xf32>, tensor<1x1xui8>) -> tensor<1x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x1xf32>
  // expected-remark@below {{quantized again with the relative error 0}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

// -----

// NF4 is known by its table.
// CHECK: compress.weight private @q : tensor<1x2xui4> = dense<{{\[}}[0, 15]]>
// CHECK: tensor<1x1xf32> = dense<4.000000e+00>
compress.weight private @q : tensor<1x2xui4> = dense<[[0, 15]]>
compress.weight private @t : tensor<16xf32> = dense<[-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]>
compress.weight private @s : tensor<1x1xf32> = dense<2.0>
compress.weight private @a : tensor<1x2xf32> = dense<[[-1.0, 1.0]]>
compress.weight private @b : tensor<1x1xf32> = dense<2.0>
// CHECK-LABEL: func.func @nf4
// CHECK: compress.lookup
func.func @nf4(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @q : tensor<1x2xui4>
  %t = compress.load @t : tensor<16xf32>
  %s = compress.load @s : tensor<1x1xf32>
  %w = compress.lookup %q, %t, %s {block = array<i64: 1, 2>} : (tensor<1x2xui4>, tensor<16xf32>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x1xf32>
  // expected-remark@below {{quantized again with the relative error 0}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

// -----

// A factor of zeros leaves codes alone that rounding again would change.
// CHECK: compress.weight private @q : tensor<1x2xi4> = dense<{{\[}}[3, 2]]>
compress.weight private @q : tensor<1x2xi4> = dense<[[3, 2]]>
compress.weight private @s : tensor<1x1xf32> = dense<1.0>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<1x1xf32> = dense<0.0>
// CHECK-LABEL: func.func @identity_at_init
// CHECK-COUNT-1: compress.linear
// CHECK-NOT: compress.linear
func.func @identity_at_init(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %q = compress.load @q : tensor<1x2xi4>
  %s = compress.load @s : tensor<1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 2>} : (tensor<1x2xi4>, tensor<1x1xf32>) -> tensor<1x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x1xf32>
  // expected-remark@below {{adapter of rank 1 is merged, which changes nothing}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r : tensor<?x1xf32>
}

// -----

// A palette of its own, pruned weights, and scales that are computed in another way stay as they are.
compress.weight private @q : tensor<1x2xui2> = dense<[[0, 3]]>
compress.weight private @t : tensor<4xf32> = dense<[-1.0, 0.0, 1.0, 5.0]>
compress.weight private @f : tensor<1x2xf32> = dense<1.0>
compress.weight private @m : tensor<1x2xi1> = dense<[[true, false]]>
compress.weight private @k : tensor<1xf32> = dense<2.0>
compress.weight private @p : tensor<1xi8> = dense<1>
compress.weight private @a : tensor<1x2xf32> = dense<1.0>
compress.weight private @b : tensor<1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_format
// CHECK-COUNT-9: compress.linear
func.func @no_format(%x: tensor<?x2xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %q = compress.load @q : tensor<1x2xui2>
  %t = compress.load @t : tensor<4xf32>
  %w = compress.lookup %q, %t : (tensor<1x2xui2>, tensor<4xf32>) -> tensor<1x2xf32>
  %a = compress.load @a : tensor<1x2xf32>
  %b = compress.load @b : tensor<1x1xf32>
  %h = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d = compress.linear nk %h, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  // expected-remark@below {{weight 'q' of "fc1": its adapter is not merged: its table was made for it}}
  %y = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %r = compress.add %y, %d : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %f = compress.load @f : tensor<1x2xf32>
  %m = compress.load @m : tensor<1x2xi1>
  %w2 = compress.mask %f, %m : tensor<1x2xf32>, tensor<1x2xi1>
  %h2 = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d2 = compress.linear nk %h2, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  // expected-remark@below {{weight 'f' of "fc2": its adapter is not merged: its pruned elements would not stay zero}}
  %y2 = compress.linear nk %x, %w2 {name = "fc2"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %r2 = compress.add %y2, %d2 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %k = compress.load @k : tensor<1xf32>
  %p = compress.load @p : tensor<1xi8>
  %w3 = compress.expand_bitmap %k, %p : (tensor<1xf32>, tensor<1xi8>) -> tensor<1x2xf32>
  %h3 = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %d3 = compress.linear nk %h3, %b : (tensor<?x1xf32>, tensor<1x1xf32>) -> tensor<?x1xf32>
  // expected-remark@below {{weight 'k' of "fc3": its adapter is not merged: its pruned elements would not stay zero}}
  %y3 = compress.linear nk %x, %w3 {name = "fc3"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  %r3 = compress.add %y3, %d3 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  return %r, %r2, %r3 : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}
