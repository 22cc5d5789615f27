// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @reshape_c1_two_inferred(%x: tensor<2x3xf32>) {
  %s = compress.constant dense<[-1, -1]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a shape with at most one -1 and no smaller entries, got [-1, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c1_negative(%x: tensor<2x3xf32>) {
  %s = compress.constant dense<[-2, 3]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a shape with at most one -1 and no smaller entries, got [-2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c1_zero_beyond_rank(%x: tensor<6xf32>) {
  %s = compress.constant dense<[6, 0]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a 0 in the shape only where the input of rank 1 has a dim, got [6, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c2_count(%x: tensor<2x3xf32>) {
  %s = compress.constant dense<[2, 4]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a shape of 6 elements, got [2, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c2_inferred(%x: tensor<2x3xf32>) {
  %s = compress.constant dense<[4, -1]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a shape that divides the 6 elements of the input, got [4, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c1_inferred_beside_zero(%x: tensor<0x3xf32>) {
  %s = compress.constant dense<[0, -1]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects no -1 beside a 0 with allowzero, got [0, -1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s {allowzero = true} : (tensor<0x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_c2_overflow(%x: tensor<?xf32>) {
  %s = compress.constant dense<[9223372036854775807, 3]> : tensor<2xi64>
  // expected-error@+2 {{'compress.reshape' op expects a shape of less than 2^63 elements, got [9223372036854775807, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @reshape_unknown_rank(%x: tensor<6xf32>, %s: tensor<?xi64>) {
  // expected-error@+2 {{'compress.reshape' op expects a shape of rank 1 and known length, got [?]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.reshape %x, %s : (tensor<6xf32>, tensor<?xi64>) -> tensor<6xf32>
  return
}

// -----

func.func @broadcast_c1_negative(%x: tensor<1x3xf32>) {
  %s = compress.constant dense<[-1, 3]> : tensor<2xi64>
  // expected-error@+2 {{'compress.broadcast' op expects a shape without negative entries, got [-1, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.broadcast %x, %s : (tensor<1x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @broadcast_c1_shape(%x: tensor<2x3xf32>) {
  %s = compress.constant dense<[4, 3]> : tensor<2xi64>
  // expected-error@+2 {{'compress.broadcast' op expects a shape that broadcasts with the input of shape [2, 3], got [4, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.broadcast %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @transpose_c1_repeated(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.transpose' op expects a permutation of the 2 dims, got [0, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.transpose %x {perm = array<i64: 0, 0>} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @transpose_c1_short(%x: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.transpose' op expects a permutation of the 2 dims, got [0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.transpose %x {perm = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @squeeze_c1_axes(%x: tensor<1x3xf32>) {
  // expected-error@+2 {{'compress.squeeze' op expects distinct increasing axes in [0, 2), got [0, 0]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.squeeze %x {axes = array<i64: 0, 0>} : (tensor<1x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @squeeze_c1_size(%x: tensor<1x3xf32>) {
  // expected-error@+2 {{'compress.squeeze' op expects dims of size 1 to remove, got 3 in dim 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.squeeze %x {axes = array<i64: 1>} : (tensor<1x3xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @unsqueeze_c1_axes(%x: tensor<3xf32>) {
  // expected-error@+2 {{'compress.unsqueeze' op expects distinct increasing axes in [0, 2), got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.unsqueeze %x {axes = array<i64: 2>} : (tensor<3xf32>) -> tensor<3x1xf32>
  return
}

// -----

func.func @shape_c1_order(%x: tensor<4x5xf32>) {
  // expected-error@+2 {{'compress.shape' op expects 0 <= start <= end <= 2, got start 1 and end 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.shape %x {start = 1 : i64, end = 0 : i64} : (tensor<4x5xf32>) -> tensor<?xi64>
  return
}

// -----

func.func @shape_c1_end(%x: tensor<4x5xf32>) {
  // expected-error@+2 {{'compress.shape' op expects 0 <= start <= end <= 2, got start 0 and end 3}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.shape %x {start = 0 : i64, end = 3 : i64} : (tensor<4x5xf32>) -> tensor<?xi64>
  return
}
