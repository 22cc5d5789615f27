// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @concat_c1_no_inputs() {
  // expected-error@+2 {{'compress.concat' op expects at least one input, got none}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = "compress.concat"() {axis = 0 : i64} : () -> tensor<0xf32>
  return
}

// -----

func.func @concat_c2_rank(%x: tensor<2xf32>, %y: tensor<2x1xf32>) {
  // expected-error@+2 {{'compress.concat' op expects inputs of one rank and element type, got tensor<2xf32> and tensor<2x1xf32>}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<2x1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_c2_element_type(%x: tensor<2xf32>, %y: tensor<2xf16>) {
  // expected-error@+2 {{'compress.concat' op expects inputs of one rank and element type, got tensor<2xf32> and tensor<2xf16>}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.concat %x, %y {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf16>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_c3_axis(%x: tensor<2xf32>) {
  // expected-error@+2 {{'compress.concat' op expects an axis in [0, 1), got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.concat %x, %x {axis = 1 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_c4_dims(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error@+2 {{'compress.concat' op expects inputs that agree in all dims but 0, got 3 and 4 in dim 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @concat_huge(%x: tensor<9223372036854775807xf32>) {
  // expected-error@+2 {{'compress.concat' op expects sizes of less than 2^63, got 9223372036854775807 and 9223372036854775807}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.concat %x, %x {axis = 0 : i64} : (tensor<9223372036854775807xf32>, tensor<9223372036854775807xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @split_c1_axis(%x: tensor<4xf32>) {
  // expected-error@+2 {{'compress.split' op expects an axis in [0, 1), got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.split %x {axis = 1 : i64, sizes = array<i64: 4>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @split_c2_negative(%x: tensor<?xf32>) {
  // expected-error@+2 {{'compress.split' op expects sizes that are not negative, got [-1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.split %x {axis = 0 : i64, sizes = array<i64: -1>} : (tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @split_c2_sum(%x: tensor<4xf32>) {
  // expected-error@+2 {{'compress.split' op expects sizes that add up to 4, got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.split %x {axis = 0 : i64, sizes = array<i64: 3>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @slice_c1_axes(%x: tensor<4x5xf32>, %i: tensor<2xi64>) {
  // expected-error@+2 {{'compress.slice' op expects distinct increasing axes in [0, 2), got [1, 1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.slice %x, %i, %i {axes = array<i64: 1, 1>, steps = array<i64: 1, 1>} : (tensor<4x5xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @slice_c2_step(%x: tensor<4xf32>, %i: tensor<1xi64>) {
  // expected-error@+2 {{'compress.slice' op expects steps that are not zero, got [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.slice %x, %i, %i {axes = array<i64: 0>, steps = array<i64: 0>} : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @slice_c3_steps(%x: tensor<4xf32>, %i: tensor<1xi64>) {
  // expected-error@+2 {{'compress.slice' op expects 1 steps, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.slice %x, %i, %i {axes = array<i64: 0>, steps = array<i64>} : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @slice_c3_starts(%x: tensor<4xf32>, %i: tensor<2xi64>) {
  // expected-error@+2 {{'compress.slice' op expects starts of shape [1], got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.slice %x, %i, %i {axes = array<i64: 0>, steps = array<i64: 1>} : (tensor<4xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @pad_c1_length(%x: tensor<4xf32>, %p: tensor<3xi64>) {
  // expected-error@+2 {{'compress.pad' op expects pads of shape [2], got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pad constant %x, %p : (tensor<4xf32>, tensor<3xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @pad_c2_rank(%x: tensor<4xf32>, %p: tensor<2xi64>, %v: tensor<1xf32>) {
  // expected-error@+2 {{'compress.pad' op expects a value of rank 0, got [1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pad constant %x, %p value %v : (tensor<4xf32>, tensor<2xi64>, tensor<1xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @pad_c2_element_type(%x: tensor<4xf32>, %p: tensor<2xi64>, %v: tensor<f16>) {
  // expected-error@+2 {{'compress.pad' op expects a value with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pad constant %x, %p value %v : (tensor<4xf32>, tensor<2xi64>, tensor<f16>) -> tensor<?xf32>
  return
}

// -----

func.func @pad_c3_negative(%x: tensor<4xf32>) {
  %p = compress.constant dense<[-3, -2]> : tensor<2xi64>
  // expected-error@+2 {{'compress.pad' op expects result sizes in [0, 2^63), got 4 padded by -3 and -2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.pad constant %x, %p : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  return
}
