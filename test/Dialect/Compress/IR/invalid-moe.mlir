// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of compress.moe.

func.func @moe_c1_rank(%x: tensor<1x2x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+1 {{'compress.moe' op operand #0 must be 2D tensor of floating-point values, but got 'tensor<1x2x4xf32>'}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<1x2x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_dynamic(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x?xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects w1 [experts, d, h] of known size, got [3, 4, ?]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x?xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_input(%x: tensor<?x5xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects an input whose last dim is 4 as in w1, got [?, 5]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<?x5xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_router(%x: tensor<?x4xf32>, %r: tensor<2x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects router of shape [3, 4], got [2, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_bias(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>, %b: tensor<4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects bias of shape [3], got [4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r bias %b experts %w1, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_w2(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x4x8xf32>) {
  // expected-error@+2 {{'compress.moe' op expects w2 of shape [3, 8, 4], got [3, 4, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x4x8xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c2_w3(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>, %w3: tensor<3x4x9xf32>) {
  // expected-error@+2 {{'compress.moe' op expects w3 of shape [3, 4, 8], got [3, 4, 9]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1 times %w3, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x4x9xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c3_zero(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects k from 1 to the number of experts 3, got 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 0 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c3_many(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects k from 1 to the number of experts 3, got 4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 4 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c4_k(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects k = 2 with a skip threshold, got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 1 : i64, skip_threshold = 0.5 : f32} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c4_negative(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects a skip threshold that is not negative}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, skip_threshold = -0.5 : f32} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c5_element_type(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf16>) {
  // expected-error@+2 {{'compress.moe' op expects w2 with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf16>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c6_part(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects the parts router, w1, w3 and w2, got w4}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, parts = {w4 = {name = "x"}}} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c6_dictionary(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects a dictionary for the part w1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, parts = {w1 = "x"}} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @moe_c6_entry(%x: tensor<?x4xf32>, %r: tensor<3x4xf32>, %w1: tensor<3x4x8xf32>, %w2: tensor<3x8x4xf32>) {
  // expected-error@+2 {{'compress.moe' op expects the string 'name' and the plan 'plan' in the part w1, got 'plan'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.moe %x router %r experts %w1, %w2 {k = 2 : i64, parts = {w1 = {plan = "x"}}} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3x4x8xf32>, tensor<3x8x4xf32>) -> tensor<?x4xf32>
  return
}
