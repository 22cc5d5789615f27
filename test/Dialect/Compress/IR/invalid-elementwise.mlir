// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @add_shapes(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error@+2 {{'compress.add' op expects operands that broadcast, got [2, 3] and [2, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.add %a, %b : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @add_element_types(%a: tensor<2xf32>, %b: tensor<2xf64>) {
  // expected-error@+2 {{'compress.add' op expects operands of one element type, got f32 and f64}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.add %a, %b : (tensor<2xf32>, tensor<2xf64>) -> tensor<2xf32>
  return
}

// -----

func.func @add_too_large(%a: tensor<4294967296x1xf32>, %b: tensor<1x4294967296xf32>) {
  // expected-error@+2 {{'compress.add' op expects a result of less than 2^63 elements, got [4294967296, 4294967296]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.add %a, %b : (tensor<4294967296x1xf32>, tensor<1x4294967296xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @add_result_shape(%a: tensor<2x3xf32>) {
  // expected-error@+2 {{'compress.add' op inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<2x4xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.add %a, %a : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @relu_result_rank(%a: tensor<?xf32>) {
  // expected-error@+2 {{'compress.relu' op inferred type(s) 'tensor<?xf32>' are incompatible with return type(s) of operation 'tensor<?x?xf32>'}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.relu %a : (tensor<?xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @equal_result_type(%a: tensor<2xf32>) {
  // expected-error@+1 {{'compress.equal' op result #0 must be ranked tensor of 1-bit signless integer values, but got 'tensor<2xf32>'}}
  %0 = compress.equal %a, %a : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @where_c1_condition_shape(%c: tensor<3xi1>, %a: tensor<2xf32>) {
  // expected-error@+2 {{'compress.where' op expects a condition that broadcasts with the values of shape [2], got [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.where %c, %a, %a : (tensor<3xi1>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @where_c1_value_shapes(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<3xf32>) {
  // expected-error@+2 {{'compress.where' op expects operands that broadcast, got [2] and [3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.where %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @where_c2_element_types(%c: tensor<2xi1>, %a: tensor<2xf32>, %b: tensor<2xf16>) {
  // expected-error@+2 {{'compress.where' op expects operands of one element type, got f32 and f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.where %c, %a, %b : (tensor<2xi1>, tensor<2xf32>, tensor<2xf16>) -> tensor<2xf32>
  return
}

// -----

func.func @clip_c1_rank(%a: tensor<2xf32>, %b: tensor<1xf32>) {
  // expected-error@+2 {{'compress.clip' op expects bounds of rank 0, got [1]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.clip %a max %b : (tensor<2xf32>, tensor<1xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @clip_c1_element_type(%a: tensor<2xf32>, %b: tensor<f64>) {
  // expected-error@+2 {{'compress.clip' op expects bounds with element type f32, got f64}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.clip %a min %b : (tensor<2xf32>, tensor<f64>) -> tensor<2xf32>
  return
}

// -----

func.func @cast_c1_dim(%a: tensor<2xf32>) {
  // expected-error@+1 {{'compress.cast' op expects a result of shape [2], got [3]}}
  %0 = compress.cast %a : (tensor<2xf32>) -> tensor<3xi32>
  return
}

// -----

func.func @cast_c1_rank(%a: tensor<?xf32>) {
  // expected-error@+1 {{'compress.cast' op expects a result of shape [?], got [?, 1]}}
  %0 = compress.cast %a : (tensor<?xf32>) -> tensor<?x1xi32>
  return
}
