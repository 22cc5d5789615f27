// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @layer_norm_c1_axis(%x: tensor<2x3xf32>, %s: tensor<3xf32>) {
  // expected-error@+2 {{'compress.layer_norm' op expects an axis in [0, 2), got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.layer_norm %x, %s {axis = 2 : i64} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_c2_scale(%x: tensor<2x3xf32>, %s: tensor<2xf32>) {
  // expected-error@+2 {{'compress.layer_norm' op expects scale and bias that broadcast to [2, 3], got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.layer_norm %x, %s {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @layer_norm_c3_element_type(%x: tensor<2x3xf32>, %s: tensor<3xf32>, %b: tensor<3xf16>) {
  // expected-error@+2 {{'compress.layer_norm' op expects scale and bias with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.layer_norm %x, %s bias %b {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @batch_norm_c1_rank(%x: tensor<3xf32>, %p: tensor<3xf32>) {
  // expected-error@+2 {{'compress.batch_norm' op expects an input of rank 2 or more, got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.batch_norm %x, %p, %p, %p, %p : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @batch_norm_c2_size(%x: tensor<2x4xf32>, %p: tensor<3xf32>) {
  // expected-error@+2 {{'compress.batch_norm' op expects parameters of shape [4], got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.batch_norm %x, %p, %p, %p, %p : (tensor<2x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @batch_norm_c3_element_type(%x: tensor<2x3xf16>, %p: tensor<3xf32>) {
  // expected-error@+2 {{'compress.batch_norm' op expects parameters with element type f16, got f32}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.batch_norm %x, %p, %p, %p, %p : (tensor<2x3xf16>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf16>
  return
}

// -----

func.func @softmax_c1_axis(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.softmax' op expects an axis in [0, 2), got -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.softmax %x {axis = -1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @log_softmax_c1_axis(%x: tensor<f32>) {
  // expected-error@+2 {{'compress.log_softmax' op expects an axis in [0, 0), got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.log_softmax %x {axis = 0 : i64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_c1_order(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.reduce' op expects distinct increasing axes in [0, 2), got [1, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reduce sum %x {axes = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<1x1xf32>
  return
}

// -----

func.func @reduce_c1_range(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.reduce' op expects distinct increasing axes in [0, 2), got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reduce sum %x {axes = array<i64: 2>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @argmax_c1_axis(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.argmax' op expects an axis in [0, 2), got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.argmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xi64>
  return
}

// -----

func.func @top_k_c1_axis(%x: tensor<2x3xf32>, %k: tensor<1xi64>) {
  // expected-error@+2 {{'compress.top_k' op expects an axis in [0, 2), got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = compress.top_k %x, %k {axis = 2 : i64} : (tensor<2x3xf32>, tensor<1xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_c2_elements(%x: tensor<2x3xf32>, %k: tensor<2xi64>) {
  // expected-error@+2 {{'compress.top_k' op expects k of one element, got shape [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = compress.top_k %x, %k {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_c3_value(%x: tensor<2x3xf32>) {
  %k = compress.constant dense<4> : tensor<1xi64>
  // expected-error@+2 {{'compress.top_k' op expects k in [0, 3], got 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = compress.top_k %x, %k {axis = 1 : i64} : (tensor<2x3xf32>, tensor<1xi64>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

func.func @top_k_c3_negative(%x: tensor<2x?xf32>) {
  %k = compress.constant dense<-1> : tensor<1xi64>
  // expected-error@+2 {{'compress.top_k' op expects k in [0, ?], got -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0, %1 = compress.top_k %x, %k {axis = 1 : i64} : (tensor<2x?xf32>, tensor<1xi64>) -> (tensor<2x?xf32>, tensor<2x?xi64>)
  return
}

// -----

func.func @cumsum_c1_axis(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.cumsum' op expects an axis in [0, 2), got 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.cumsum %x {axis = 5 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}
