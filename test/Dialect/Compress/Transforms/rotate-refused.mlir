// RUN: compress-opt %s --compress-rotate=rotate=residual+values --split-input-file --verify-diagnostics --remarks-filter=rotate | FileCheck %s

// Nothing is changed where the output would.
// CHECK-NOT: .rot
// CHECK-NOT: rotated_norm

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @is_result(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{residual stream of 4 channels is not rotated: a value is a result of the function}}
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @is_argument(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: a value comes from an argument of the function}}
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @other_reader(%ids: tensor<?xi64>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: 'compress.relu' does not commute with a rotation of the channels}}
  %r = compress.relu %y : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %o, %r : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @channels_are_scaled(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: 'compress.mul' scales channels differently}}
  %s = compress.mul %x, %one : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %n = compress.rms_norm %s, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %s, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %y, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

// A norm after the addition, as in BERT: its scale would have to be folded into the addition.
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @two : tensor<4xf32> = dense<2.0>
func.func @norm_in_the_stream(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %two = compress.load @two : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.layer_norm %x, %two {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: the scale of 'compress.layer_norm' cannot be folded into 'compress.add', which uses its result}}
  %y = compress.add %n, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.layer_norm %y, %two {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @needs_the_mean(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.layer_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: 'compress.linear' "head" reads what layer_norm sees without its mean, before a norm}}
  %o = compress.linear kn %y, %w {name = "head"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @two_kinds_of_norms(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.layer_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %d = compress.linear kn %n, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: 'compress.rms_norm' sees the mean of the channels, layer_norm does not}}
  %m = compress.rms_norm %y, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @q : tensor<4x4xi8> = dense<1>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @compressed_weight(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %q = compress.load @q : tensor<4x4xi8>
  %scale = compress.constant dense<1.0> : tensor<f32>
  %wq = compress.dequantize %q, %scale : (tensor<4x4xi8>, tensor<f32>) -> tensor<4x4xf32>
  // expected-remark @below {{is not rotated: 'compress.linear' "fc" has a compressed weight}}
  %d = compress.linear kn %n, %wq {name = "fc"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @computed_bias(%ids: tensor<?xi64>, %bias: tensor<4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{is not rotated: 'compress.linear' "fc" has a bias that is not constant}}
  %d = compress.linear kn %n, %w bias %bias {name = "fc"} : (tensor<?x4xf32>, tensor<4x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %y, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
func.func @number_is_added(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %x = compress.embedding %w, %ids : (tensor<4x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %y = compress.add %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %half = compress.constant dense<0.5> : tensor<f32>
  // expected-remark @below {{is not rotated: 'compress.add' adds one number to all channels}}
  %z = compress.add %y, %half : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %m = compress.rms_norm %z, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %o = compress.linear kn %m, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

// Cached values of earlier steps are not rotated.
compress.weight private @w : tensor<8x8xf32> = dense<1.0>
func.func @cached_values(%x: tensor<1x?x8xf32>, %past: tensor<1x?x2x4xf32>) -> tensor<1x?x8xf32> {
  %w = compress.load @w : tensor<8x8xf32>
  %heads = compress.constant dense<[0, 0, 2, 4]> : tensor<4xi64>
  %v = compress.linear kn %x, %w : (tensor<1x?x8xf32>, tensor<8x8xf32>) -> tensor<1x?x8xf32>
  %vh = compress.reshape %v, %heads : (tensor<1x?x8xf32>, tensor<4xi64>) -> tensor<1x?x2x4xf32>
  // expected-remark @below {{value stream of attention with heads of 4 is not rotated: a value comes from an argument of the function}}
  %all = compress.concat %past, %vh {axis = 1 : i64} : (tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32>
  %a = compress.attention bshd %vh, %all, %all {scale = 0.5 : f32} : (tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>) -> tensor<1x?x2x4xf32>
  %merged = compress.constant dense<[0, 0, 8]> : tensor<3xi64>
  %m = compress.reshape %a, %merged : (tensor<1x?x2x4xf32>, tensor<3xi64>) -> tensor<1x?x8xf32>
  %o = compress.linear kn %m, %w : (tensor<1x?x8xf32>, tensor<8x8xf32>) -> tensor<1x?x8xf32>
  return %o : tensor<1x?x8xf32>
}
