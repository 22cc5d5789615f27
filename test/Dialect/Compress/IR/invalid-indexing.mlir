// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @gather_c1_axis(%x: tensor<4xf32>, %i: tensor<2xi64>) {
  // expected-error@+2 {{'compress.gather' op expects an axis in [0, 1), got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather %x, %i {axis = 1 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_elements_c1_axis(%x: tensor<4xf32>, %i: tensor<2xi64>) {
  // expected-error@+2 {{'compress.gather_elements' op expects an axis in [0, 1), got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_elements %x, %i {axis = 1 : i64} : (tensor<4xf32>, tensor<2xi64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_elements_c2_rank(%x: tensor<4xf32>, %i: tensor<2x1xi64>) {
  // expected-error@+2 {{'compress.gather_elements' op expects input and indices of one rank, got [4] and [2, 1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_elements %x, %i {axis = 0 : i64} : (tensor<4xf32>, tensor<2x1xi64>) -> tensor<2x1xf32>
  return
}

// -----

func.func @gather_nd_c1_batch(%x: tensor<4x5xf32>, %i: tensor<2xi64>) {
  // expected-error@+2 {{'compress.gather_nd' op expects batch_dims in [0, 1), got 1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_nd %x, %i {batch_dims = 1 : i64} : (tensor<4x5xf32>, tensor<2xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @gather_nd_c2_depth(%x: tensor<4x5xf32>, %i: tensor<2x3xi64>) {
  // expected-error@+2 {{'compress.gather_nd' op expects indices whose last dim is in [1, 2], got [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_nd %x, %i : (tensor<4x5xf32>, tensor<2x3xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @gather_nd_c2_unknown(%x: tensor<4x5xf32>, %i: tensor<2x?xi64>) {
  // expected-error@+2 {{'compress.gather_nd' op expects indices whose last dim is in [1, 2], got [2, ?]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_nd %x, %i : (tensor<4x5xf32>, tensor<2x?xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @gather_nd_c3_batch(%x: tensor<4x5xf32>, %i: tensor<2x1xi64>) {
  // expected-error@+2 {{'compress.gather_nd' op expects batch dims that agree, got 4 and 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.gather_nd %x, %i {batch_dims = 1 : i64} : (tensor<4x5xf32>, tensor<2x1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @scatter_elements_c1_axis(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) {
  // expected-error@+2 {{'compress.scatter_elements' op expects an axis in [0, 1), got -1}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.scatter_elements none %x, %i, %u {axis = -1 : i64} : (tensor<4xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scatter_elements_c2_rank(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<2x1xf32>) {
  // expected-error@+2 {{'compress.scatter_elements' op expects input, indices and updates of one rank, got [4], [2] and [2, 1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.scatter_elements none %x, %i, %u {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>, tensor<2x1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scatter_elements_c3_shape(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<3xf32>) {
  // expected-error@+2 {{'compress.scatter_elements' op expects indices and updates of one shape, got [2] and [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.scatter_elements none %x, %i, %u {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scatter_elements_c4_element_type(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<2xf16>) {
  // expected-error@+2 {{'compress.scatter_elements' op expects updates with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.scatter_elements none %x, %i, %u {axis = 0 : i64} : (tensor<4xf32>, tensor<2xi64>, tensor<2xf16>) -> tensor<4xf32>
  return
}

// -----

func.func @range_c1_rank(%x: tensor<i64>, %i: tensor<1xi64>) {
  // expected-error@+2 {{'compress.range' op expects operands of rank 0, got [1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.range %x, %x, %i : (tensor<i64>, tensor<i64>, tensor<1xi64>) -> tensor<?xi64>
  return
}

// -----

func.func @range_c1_element_type(%x: tensor<i64>, %i: tensor<i32>) {
  // expected-error@+2 {{'compress.range' op expects operands with element type i64, got i32}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.range %x, %x, %i : (tensor<i64>, tensor<i64>, tensor<i32>) -> tensor<?xi64>
  return
}

// -----

func.func @range_c2_delta() {
  %z = compress.constant dense<0> : tensor<i64>
  %x = compress.constant dense<3> : tensor<i64>
  // expected-error@+2 {{'compress.range' op expects a delta that is not zero and less than 2^63 elements, got start 3, limit 3, delta 0}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.range %x, %x, %z : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
  return
}
