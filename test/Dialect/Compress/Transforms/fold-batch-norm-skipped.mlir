// RUN: compress-opt %s --compress-fold-batch-norm --split-input-file --verify-diagnostics --remarks-filter=fold-batch-norm | FileCheck %s

// CHECK-LABEL: func.func @no_activation
func.func @no_activation(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  // expected-remark @+1 {{batch_norm is left alone: its input does not come from a convolution or linear op}}
  %y = compress.batch_norm %x, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_other_user
func.func @no_other_user(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  %w = compress.load @w : tensor<2x2xf32>
  %c = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is left alone: the op before it has other users}}
  %y = compress.batch_norm %c, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y, %c : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @w : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_argument_as_weight_bias_or_parameter
func.func @no_argument_as_weight_bias_or_parameter(%x: tensor<?x2xf32>, %a: tensor<2x2xf32>, %b: tensor<2xf32>)
    -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK-COUNT-3: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  %c = compress.linear nk %x, %a : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is left alone: the op before it has no constant weight}}
  %0 = compress.batch_norm %c, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %w = compress.load @w : tensor<2x2xf32>
  %d = compress.linear nk %x, %w bias %b : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is left alone: the bias before it is not constant}}
  %1 = compress.batch_norm %d, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %e = compress.linear nk %x, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is left alone: its parameters are not constant}}
  %2 = compress.batch_norm %e, %p, %p, %b, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %0, %1, %2 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @q : tensor<2x2xi8> = dense<1>
compress.weight private @s : tensor<f32> = dense<1.0>
compress.weight private @w : tensor<3x3xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_quantized_weight_or_other_channels
func.func @no_quantized_weight_or_other_channels(%x: tensor<?x2xf32>, %z: tensor<?x2x3xf32>) -> (tensor<?x2xf32>, tensor<?x2x3xf32>) {
  // CHECK-COUNT-2: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  %q = compress.load @q : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  %d = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %c = compress.linear nk %x, %d : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is left alone: the weight before it is not dense}}
  %0 = compress.batch_norm %c, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %w = compress.load @w : tensor<3x3xf32>
  %e = compress.linear nk %z, %w : (tensor<?x2x3xf32>, tensor<3x3xf32>) -> tensor<?x2x3xf32>
  // expected-remark @+1 {{batch_norm is left alone: its channels are not those of the linear op}}
  %1 = compress.batch_norm %e, %p, %p, %p, %p : (tensor<?x2x3xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x3xf32>
  return %0, %1 : tensor<?x2xf32>, tensor<?x2x3xf32>
}

// -----

compress.weight private @t : tensor<2x1x1xf32> = dense<1.0>
// CHECK-LABEL: func.func @no_grouped_conv_transpose
func.func @no_grouped_conv_transpose(%x: tensor<?x2x?xf32>) -> tensor<?x2x?xf32> {
  // CHECK: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  %w = compress.load @t : tensor<2x1x1xf32>
  %c = compress.conv_transpose %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, output_padding = array<i64: 0>, groups = 2 : i64}
     : (tensor<?x2x?xf32>, tensor<2x1x1xf32>) -> tensor<?x2x?xf32>
  // expected-remark @+1 {{batch_norm is left alone: the convolution before it is grouped and transposed}}
  %y = compress.batch_norm %c, %p, %p, %p, %p : (tensor<?x2x?xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2x?xf32>
  return %y : tensor<?x2x?xf32>
}

// -----

compress.weight private @w : tensor<2x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @says_what_it_did
func.func @says_what_it_did(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: compress.batch_norm
  %p = compress.constant dense<1.0> : tensor<2xf32>
  %w = compress.load @w : tensor<2x2xf32>
  %c = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // expected-remark @+1 {{batch_norm is folded into "fc"}}
  %y = compress.batch_norm %c, %p, %p, %p, %p : (tensor<?x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
