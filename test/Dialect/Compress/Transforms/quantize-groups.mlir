// RUN: compress-opt %s --compress-quantize='format=int4 group=4' --compress-verify-chains --split-input-file | FileCheck %s --check-prefix=INT4
// RUN: compress-opt %s --compress-quantize='format=int4 group=4 asymmetric' --compress-verify-chains --split-input-file | FileCheck %s --check-prefix=ASYM
// RUN: compress-opt %s --compress-quantize='format=int2 group=4' --compress-verify-chains --split-input-file | FileCheck %s --check-prefix=INT2
// RUN: compress-opt %s --compress-quantize='format=int4 granularity=tensor convention=sym_restricted' --compress-verify-chains --split-input-file | FileCheck %s --check-prefix=TENSOR

// Six weights in groups of four: the second group is short. The element of largest magnitude is code -8 (-2
// in two bits), so a scale takes the opposite sign of a positive one.
// INT4: @w.q : tensor<1x6xi4> = dense<{{\[\[}}-8, 4, 2, 7, -8, 4]]>
// INT4: @w.scale : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, -5.000000e-01]]>
// The zero point of (-8, 7) is 0; that of (-2, 4) is -8 + 2 / 0.4.
// ASYM: @w.q : tensor<1x6xi4> = dense<{{\[\[}}-8, 4, 2, 7, 7, -8]]>
// ASYM: @w.scale : tensor<1x2xf32> = dense<{{\[\[}}1.000000e+00, 4.000000e-01]]>
// ASYM: @w.zp : tensor<1x2xi4> = dense<{{\[\[}}0, -3]]>
// INT2: @w.q : tensor<1x6xi2> = dense<{{\[\[}}-2, 1, 1, 1, -2, 1]]>
// INT2: @w.scale : tensor<1x2xf32> = dense<{{\[\[}}4.000000e+00, -2.000000e+00]]>
// With the range -7 to 7 the scale of the whole tensor is 8 / 7. As stored it is a little more, so that 4 is
// a little less than 3.5 of it.
// TENSOR: @w.q : tensor<1x6xi4> = dense<{{\[\[}}-7, 3, 2, 6, 3, -2]]>
// TENSOR: @w.scale : tensor<1x1xf32> = dense<1.14285719>
compress.weight private @w : tensor<1x6xf32> = dense<[[-8.0, 4.0, 2.5, 7.0, 4.0, -2.0]]>
// INT4-LABEL: func.func @short_last_group
// ASYM-LABEL: func.func @short_last_group
// INT2-LABEL: func.func @short_last_group
// TENSOR-LABEL: func.func @short_last_group
func.func @short_last_group(%x: tensor<?x6xf32>) -> tensor<?x1xf32> {
  // INT4: compress.dequantize %{{.+}}, %{{.+}} {block = array<i64: 1, 4>} : (tensor<1x6xi4>, tensor<1x2xf32>) -> tensor<1x6xf32>
  // ASYM: %[[ZP:.+]] = compress.load @w.zp
  // ASYM: compress.dequantize %{{.+}}, %{{.+}}, %[[ZP]] {block = array<i64: 1, 4>} : (tensor<1x6xi4>, tensor<1x2xf32>, tensor<1x2xi4>)
  // INT2: compress.dequantize %{{.+}}, %{{.+}} {block = array<i64: 1, 4>}
  // TENSOR: compress.dequantize %{{.+}}, %{{.+}} {block = array<i64: -1, -1>}
  %w = compress.load @w : tensor<1x6xf32>
  %y = compress.linear nk %x, %w : (tensor<?x6xf32>, tensor<1x6xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Groups of a convolution are input channels, at each kernel position on its own; a group of zeros has
// scale 1.
// INT4: @conv.q : tensor<1x5x1x2xi4> = dense<{{\[\[\[\[}}-8, 0]], {{\[\[}}4, 0]], {{\[\[}}2, 0]], {{\[\[}}1, 0]], {{\[\[}}-8, -8]]]]>
// INT4: @conv.scale : tensor<1x2x1x2xf32> = dense<{{\[\[\[\[}}1.000000e+00, 1.000000e+00]], {{\[\[}}-1.000000e+00, -2.000000e+00]]]]>
compress.weight private @conv : tensor<1x5x1x2xf32> = dense<[[[[-8.0, 0.0]], [[4.0, 0.0]], [[2.0, 0.0]], [[1.0, 0.0]], [[8.0, 16.0]]]]>
// INT4-LABEL: func.func @conv_channels
func.func @conv_channels(%x: tensor<?x5x?x?xf32>) -> tensor<?x1x?x?xf32> {
  // INT4: compress.dequantize {{.*}} {block = array<i64: 1, 4, 1, 1>}
  %w = compress.load @conv : tensor<1x5x1x2xf32>
  %y = compress.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>}
     : (tensor<?x5x?x?xf32>, tensor<1x5x1x2xf32>) -> tensor<?x1x?x?xf32>
  return %y : tensor<?x1x?x?xf32>
}
