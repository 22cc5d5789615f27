// RUN: compress-opt %s --compress-lower-decode --split-input-file --verify-diagnostics

func.func @computed_bitmap(%b: tensor<1xi8>) -> tensor<2x4xf32> {
  %k = arith.constant dense<1.0> : tensor<1xf32>
  // expected-error @+1 {{'compress.expand_bitmap' op cannot be lowered: its bitmap is not constant}}
  %w = compress.expand_bitmap %k, %b : (tensor<1xf32>, tensor<1xi8>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

func.func @wrong_bitmap() -> tensor<2x4xf32> {
  %k = arith.constant dense<1.0> : tensor<1xf32>
  %b = arith.constant dense<3> : tensor<1xi8>
  // expected-error @+1 {{'compress.expand_bitmap' op its bitmap keeps 2 elements, but there are 1 codes}}
  %w = compress.expand_bitmap %k, %b : (tensor<1xf32>, tensor<1xi8>) -> tensor<2x4xf32>
  return %w : tensor<2x4xf32>
}

// -----

func.func @wide_codes(%q: tensor<?xi64>, %s: tensor<f32>) -> tensor<?xf32> {
  // expected-error @+1 {{'compress.dequantize' op cannot be lowered: codes of type 'i64'}}
  %w = compress.dequantize %q, %s : (tensor<?xi64>, tensor<f32>) -> tensor<?xf32>
  return %w : tensor<?xf32>
}

// -----

// Somebody else may still want it.
// expected-error @+1 {{'compress.weight' op cannot be lowered for other compilers}}
compress.weight @public : tensor<2xf32> = dense<[1.0, 2.0]>
func.func @public_weight() -> tensor<2xf32> {
  %w = compress.load @public : tensor<2xf32>
  return %w : tensor<2xf32>
}
