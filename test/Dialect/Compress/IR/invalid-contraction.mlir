// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @linear_c1_input_rank(%x: tensor<f32>, %w: tensor<4x3xf32>) {
  // expected-error@+2 {{'compress.linear' op expects an input of rank 1 or more, got rank 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear kn %x, %w : (tensor<f32>, tensor<4x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @linear_c1_weight_rank(%x: tensor<2x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{'compress.linear' op operand #1 must be 2D tensor of floating-point or integer values, but got 'tensor<4xf32>'}}
  %0 = compress.linear kn %x, %w : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @linear_c2_kn(%x: tensor<?x3xf32>, %w: tensor<4x3xf32>) {
  // expected-error@+2 {{'compress.linear' op expects an input whose last dim is the weight's contraction size 4, got [?, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear kn %x, %w : (tensor<?x3xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @linear_c2_nk(%x: tensor<?x4xf32>, %w: tensor<4x3xf32>) {
  // expected-error@+2 {{'compress.linear' op expects an input whose last dim is the weight's contraction size 3, got [?, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear nk %x, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @linear_c3_bias_size(%x: tensor<2x4xf32>, %w: tensor<4x3xf32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{'compress.linear' op expects a bias of shape [3], got [4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear kn %x, %w bias %b : (tensor<2x4xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_c3_bias_type(%x: tensor<2x4xf32>, %w: tensor<4x3xf32>, %b: tensor<3xf16>) {
  // expected-error@+2 {{'compress.linear' op expects a bias with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear kn %x, %w bias %b : (tensor<2x4xf32>, tensor<4x3xf32>, tensor<3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_c4_element_types(%x: tensor<2x4xf32>, %w: tensor<4x3xf16>) {
  // expected-error@+2 {{'compress.linear' op expects operands of one element type, a float or an integer of at least 32 bits, or of 8-bit integers, got f32 and f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.linear kn %x, %w : (tensor<2x4xf32>, tensor<4x3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_c1_rank(%a: tensor<f32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{'compress.matmul' op expects operands of rank 1 or more, got [] and [4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.matmul %a, %b : (tensor<f32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @matmul_c2_contraction(%a: tensor<2x4xf32>, %b: tensor<5x3xf32>) {
  // expected-error@+2 {{'compress.matmul' op expects contracted dims of one size, got 4 and 5}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.matmul %a, %b : (tensor<2x4xf32>, tensor<5x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @matmul_c3_batch(%a: tensor<6x2x4xf32>, %b: tensor<5x4x3xf32>) {
  // expected-error@+2 {{'compress.matmul' op expects batch dims that broadcast, got [6, 2, 4] and [5, 4, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.matmul %a, %b : (tensor<6x2x4xf32>, tensor<5x4x3xf32>) -> tensor<6x2x3xf32>
  return
}

// -----

func.func @matmul_c4_element_types(%a: tensor<2x4xi8>, %b: tensor<4x3xi32>) {
  // expected-error@+2 {{'compress.matmul' op expects operands of one element type, a float or an integer of at least 32 bits, or of 8-bit integers, got i8 and i32}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.matmul %a, %b : (tensor<2x4xi8>, tensor<4x3xi32>) -> tensor<2x3xi32>
  return
}

// -----

func.func @matmul_c4_narrow(%a: tensor<2x4xi4>, %b: tensor<4x3xi4>) {
  // expected-error@+2 {{'compress.matmul' op expects operands of one element type, a float or an integer of at least 32 bits, or of 8-bit integers, got i4 and i4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.matmul %a, %b : (tensor<2x4xi4>, tensor<4x3xi4>) -> tensor<2x3xi4>
  return
}

// -----

func.func @embedding_c1_rank(%t: tensor<4xf32>, %i: tensor<2xi64>) {
  // expected-error@+1 {{'compress.embedding' op operand #0 must be 2D tensor of floating-point values, but got 'tensor<4xf32>'}}
  %0 = compress.embedding %t, %i : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}
