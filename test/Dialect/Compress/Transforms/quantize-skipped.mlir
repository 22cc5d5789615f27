// RUN: compress-opt %s --compress-quantize=format=int4 --split-input-file --verify-diagnostics --remarks-filter=quantize | FileCheck %s

// Fewer input channels than a group: one scale per output channel.
// CHECK: compress.weight private @conv.q : tensor<2x3x1x1xi4>
// CHECK: compress.weight private @conv.scale : tensor<2x1x1x1xf32>
compress.weight private @conv : tensor<2x3x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @conv_with_few_channels
func.func @conv_with_few_channels(%x: tensor<1x3x4x4xf32>) -> tensor<1x2x4x4xf32> {
  // CHECK: compress.dequantize {{.*}} {block = array<i64: 1, -1, -1, -1>}
  %w = compress.load @conv : tensor<2x3x1x1xf32>
  // expected-remark @+2 {{weight 'conv' of "stem": int4 per channel}}
  // expected-remark @+1 {{weight 'conv' of "stem": per output channel instead of group 128: only 3 input channels}}
  %y = compress.conv %x, %w {name = "stem", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// -----

// CHECK: compress.weight private @tied : tensor<2x4xf32>
compress.weight private @tied : tensor<2x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_tied_head
func.func @no_tied_head(%i: tensor<?xi64>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.dequantize
  // CHECK: compress.linear nk
  %w = compress.load @tied : tensor<2x4xf32>
  // expected-remark @+1 {{weight 'tied' of "tok" is left alone: 'compress.embedding' "tok" shares its weight with 'compress.linear' "head", which has another plan}}
  %x = compress.embedding %w, %i {name = "tok"} : (tensor<2x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %y = compress.linear nk %x, %w {name = "head"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK: compress.weight private @q : tensor<1x4xi8>
compress.weight private @q : tensor<1x4xi8> = dense<3>
// CHECK: compress.weight private @s : tensor<1x1xf32>
compress.weight private @s : tensor<1x1xf32> = dense<0.5>
// CHECK: compress.weight private @empty : tensor<0x4xf32>
compress.weight private @empty : tensor<0x4xf32> = dense<>
// CHECK-LABEL: func.func @no_quantized_or_empty_weight
func.func @no_quantized_or_empty_weight(%x: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x0xf32>) {
  %q = compress.load @q : tensor<1x4xi8>
  %s = compress.load @s : tensor<1x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1>} : (tensor<1x4xi8>, tensor<1x1xf32>) -> tensor<1x4xf32>
  // expected-remark @+1 {{weight 'q' of "fc": it is quantized already}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %e = compress.load @empty : tensor<0x4xf32>
  // expected-remark @+1 {{weight 'empty' of "none": it is empty}}
  %z = compress.linear nk %x, %e {name = "none"} : (tensor<?x4xf32>, tensor<0x4xf32>) -> tensor<?x0xf32>
  return %y, %z : tensor<?x1xf32>, tensor<?x0xf32>
}

// -----

// An integer model is no business of this pass.
// CHECK: compress.weight private @ints : tensor<4x3xi8>
compress.weight private @ints : tensor<4x3xi8> = dense<1>
// CHECK-LABEL: func.func @no_integers
func.func @no_integers(%x: tensor<2x4xui8>) -> tensor<2x3xi32> {
  // CHECK: %[[W:.+]] = compress.load @ints
  // CHECK-NEXT: compress.linear kn %{{.+}}, %[[W]] :
  %w = compress.load @ints : tensor<4x3xi8>
  %y = compress.linear kn %x, %w : (tensor<2x4xui8>, tensor<4x3xi8>) -> tensor<2x3xi32>
  return %y : tensor<2x3xi32>
}

// -----

// CHECK: compress.weight private @small : tensor<1x4xf8E4M3FN>
compress.weight private @small : tensor<1x4xf8E4M3FN> = dense<1.0>
// CHECK-LABEL: func.func @no_f8
func.func @no_f8(%x: tensor<?x4xf8E4M3FN>) -> tensor<?x1xf8E4M3FN> {
  %w = compress.load @small : tensor<1x4xf8E4M3FN>
  // expected-remark @+1 {{weight 'small' of "fc": its elements are f8E4M3FN, not f64, f32, f16 or bf16}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf8E4M3FN>, tensor<1x4xf8E4M3FN>) -> tensor<?x1xf8E4M3FN>
  return %y : tensor<?x1xf8E4M3FN>
}

// -----

// The dims of a transposed filter that an output channel spans are not next to each other.
// CHECK-DAG: compress.weight private @up.q : tensor<2x2x2xi4> = dense<{{\[\[\[}}-8, -8], [-8, -8]], {{\[\[}}4, 2], [-8, -8]]]>
// CHECK-DAG: compress.weight private @up.scale : tensor<1x2x2xf32> = dense<{{\[\[\[}}1.000000e+00, -5.000000e-01], [-1.250000e-01, -1.250000e-01]]]>
compress.weight private @up : tensor<2x2x2xf32> = dense<[[[-8.0, 4.0], [1.0, 1.0]], [[4.0, -1.0], [1.0, 1.0]]]>
// CHECK-LABEL: func.func @conv_transpose_by_position
func.func @conv_transpose_by_position(%x: tensor<?x2x?xf32>) -> tensor<?x2x?xf32> {
  // CHECK: compress.dequantize {{.*}} {block = array<i64: -1, 1, 1>}
  %w = compress.load @up : tensor<2x2x2xf32>
  // expected-remark @+2 {{weight 'up' of "up": int4 per channel}}
  // expected-remark @+1 {{weight 'up' of "up": per output channel instead of group 128: only 2 input channels; each kernel position has scales of its own}}
  %y = compress.conv_transpose %x, %w {name = "up", strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>}
     : (tensor<?x2x?xf32>, tensor<2x2x2xf32>) -> tensor<?x2x?xf32>
  return %y : tensor<?x2x?xf32>
}
