// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @observe_c1_no_id(%x: tensor<4xf32>) {
  // expected-error@+1 {{'compress.observe' op expects at least one id}}
  compress.observe %x {id = []} : tensor<4xf32>
  return
}

// -----

func.func @observe_c1_empty_id(%x: tensor<4xf32>) {
  // expected-error@+1 {{'compress.observe' op expects ids that are not empty}}
  compress.observe %x {id = ["a", ""]} : tensor<4xf32>
  return
}

// -----

func.func @observe_c1_id_twice(%x: tensor<4xf32>) {
  // expected-error@+1 {{'compress.observe' op has id "a" twice}}
  compress.observe %x {id = ["a", "b", "a"]} : tensor<4xf32>
  return
}

// -----

func.func @observe_c2_unknown_statistic(%x: tensor<4xf32>) {
  // expected-error@+1 {{'compress.observe' op expects statistics out of minmax, moving_average, moments, histogram, gram, got "median"}}
  compress.observe %x {id = ["a"], statistics = ["minmax", "median"]} : tensor<4xf32>
  return
}

// -----

func.func @observe_c3_strided(%x: memref<4xf32, strided<[2]>>) {
  // expected-error@+1 {{'compress.observe' op expects a dense row-major buffer, got 'memref<4xf32, strided<[2]>>'}}
  compress.observe %x {id = ["a"]} : memref<4xf32, strided<[2]>>
  return
}

// -----

func.func @observe_c4_negative_index(%x: tensor<4xf32>) {
  // expected-error@+1 {{'compress.observe' op expects an index that is not negative, got -1}}
  compress.observe %x {id = ["a"], index = -1 : i64} : tensor<4xf32>
  return
}

// -----

func.func @observe_complex(%x: tensor<4xcomplex<f32>>) {
  // expected-error@+1 {{'compress.observe' op operand #0 must be}}
  compress.observe %x {id = ["a"]} : tensor<4xcomplex<f32>>
  return
}
