// RUN: compress-opt %s --split-input-file --compress-equalize --remarks-filter=equalize --verify-diagnostics | FileCheck %s

// CHECK-NOT: scaled
compress.weight private @g : tensor<2xf32> = dense<[1.0, 4.0]>
compress.weight private @w : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  %g = compress.load @g : tensor<2xf32>
  %w = compress.load @w : tensor<1x2xf32>
  %n = compress.rms_norm %x, %g {axis = 1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "fc" is not scaled: no weight makes it}}
  %y = compress.linear nk %n, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A limit at 6 is one before scaling, too.
compress.weight private @w1 : tensor<2x1xf32> = dense<[[1.0], [4.0]]>
compress.weight private @w2 : tensor<1x2xf32> = dense<1.0>
// CHECK-LABEL: func.func @relu6
func.func @relu6(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %w1 = compress.load @w1 : tensor<2x1xf32>
  %w2 = compress.load @w2 : tensor<1x2xf32>
  %six = compress.constant dense<6.0> : tensor<f32>
  // expected-remark@+1 {{the activation of "fc1" is not scaled: the scale cannot be folded into an input of the graph}}
  %h = compress.linear nk %x, %w1 {name = "fc1"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %r = compress.clip %h max %six : (tensor<?x2xf32>, tensor<f32>) -> tensor<?x2xf32>
  // expected-remark@+1 {{the activation of "fc2" is not scaled: the scale cannot be folded into 'compress.clip'}}
  %y = compress.linear nk %r, %w2 {name = "fc2"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// Ranges that are equal already are left alone without a remark.
compress.weight private @w1 : tensor<2x1xf32> = dense<[[1.0], [4.0]]>
compress.weight private @w2 : tensor<1x2xf32> = dense<[[-1.0, 4.0]]>
// CHECK-LABEL: func.func @equal
func.func @equal(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %w1 = compress.load @w1 : tensor<2x1xf32>
  %w2 = compress.load @w2 : tensor<1x2xf32>
  // expected-remark@+1 {{the activation of "fc1" is not scaled: the scale cannot be folded into an input of the graph}}
  %h = compress.linear nk %x, %w1 {name = "fc1"} : (tensor<?x1xf32>, tensor<2x1xf32>) -> tensor<?x2xf32>
  %y = compress.linear nk %h, %w2 {name = "fc2"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
