// RUN: compress-opt %s --split-input-file --verify-diagnostics

// One case per labelled constraint of the ODS.

func.func @rms_norm_c1_axis(%x: tensor<2x3xf32>, %s: tensor<3xf32>) {
  // expected-error@+2 {{'compress.rms_norm' op expects an axis in [0, 2), got 2}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rms_norm %x, %s {axis = 2 : i64} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rms_norm_c2_scale(%x: tensor<2x3xf32>, %s: tensor<2xf32>) {
  // expected-error@+2 {{'compress.rms_norm' op expects scale that broadcasts to [2, 3], got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rms_norm_c2_rank(%x: tensor<3xf32>, %s: tensor<1x3xf32>) {
  // expected-error@+2 {{'compress.rms_norm' op expects scale that broadcasts to [3], got [1, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rms_norm %x, %s {axis = 0 : i64} : (tensor<3xf32>, tensor<1x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @rms_norm_c3_element_type(%x: tensor<2x3xf32>, %s: tensor<3xf16>) {
  // expected-error@+2 {{'compress.rms_norm' op expects scale with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<2x3xf32>, tensor<3xf16>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rotary_embedding_c1_odd(%x: tensor<2x3xf32>, %cos: tensor<3xf32>, %sin: tensor<3xf32>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects an input with a known, even last dim, got [2, 3]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @rotary_embedding_c1_dynamic(%x: tensor<2x?xf32>, %cos: tensor<4xf32>, %sin: tensor<4xf32>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects an input with a known, even last dim, got [2, ?]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<2x?xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x?xf32>
  return
}

// -----

func.func @rotary_embedding_c1_rank(%x: tensor<f32>, %cos: tensor<f32>, %sin: tensor<f32>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects an input with a known, even last dim, got []}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @rotary_embedding_c2_cos(%x: tensor<2x4xf32>, %cos: tensor<3x4xf32>, %sin: tensor<2x4xf32>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects cos that broadcasts to [2, 4], got [3, 4]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<2x4xf32>, tensor<3x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rotary_embedding_c2_sin(%x: tensor<2x4xf32>, %cos: tensor<2x4xf32>, %sin: tensor<2xf32>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects sin that broadcasts to [2, 4], got [2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rotary_embedding_c3_element_type(%x: tensor<2x4xf32>, %cos: tensor<4xf32>, %sin: tensor<4xf64>) {
  // expected-error@+2 {{'compress.rotary_embedding' op expects sin with element type f32, got f64}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @attention_c1_rank(%q: tensor<2x3x4xf32>, %k: tensor<2x3x4xf32>, %v: tensor<2x3x4xf32>) {
  // expected-error@+1 {{'compress.attention' op operand #0 must be 4D tensor of floating-point values, but got 'tensor<2x3x4xf32>'}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @attention_c2_multiple(%q: tensor<1x4x2x8xf32>, %k: tensor<1x3x2x8xf32>, %v: tensor<1x3x2x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects known heads, those of the query a multiple of those of key and value, got [1, 4, 2, 8], [1, 3, 2, 8] and [1, 3, 2, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x3x2x8xf32>, tensor<1x3x2x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c2_values(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x4x2x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects known heads, those of the query a multiple of those of key and value, got [1, 4, 2, 8], [1, 2, 2, 8] and [1, 4, 2, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c2_dynamic(%q: tensor<1x?x2x8xf32>, %k: tensor<1x2x2x8xf32>, %v: tensor<1x2x2x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects known heads, those of the query a multiple of those of key and value, got [1, ?, 2, 8], [1, 2, 2, 8] and [1, 2, 2, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x?x2x8xf32>, tensor<1x2x2x8xf32>, tensor<1x2x2x8xf32>) -> tensor<1x?x2x8xf32>
  return
}

// -----

func.func @attention_c2_layout(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x8xf32>, %v: tensor<1x4x3x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects known heads, those of the query a multiple of those of key and value, got [1, 4, 2, 8], [1, 4, 3, 8] and [1, 4, 3, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bshd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c3_batch(%q: tensor<1x4x2x8xf32>, %k: tensor<2x4x2x8xf32>, %v: tensor<2x4x2x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects shapes that agree, got [1, 4, 2, 8], [2, 4, 2, 8] and [2, 4, 2, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<2x4x2x8xf32>, tensor<2x4x2x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c3_keys(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x8xf32>, %v: tensor<1x4x5x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects shapes that agree, got [1, 4, 2, 8], [1, 4, 3, 8] and [1, 4, 5, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c3_dims(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x6xf32>, %v: tensor<1x4x3x8xf32>) {
  // expected-error@+2 {{'compress.attention' op expects shapes that agree, got [1, 4, 2, 8], [1, 4, 3, 6] and [1, 4, 3, 8]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x6xf32>, tensor<1x4x3x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c4_mask(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x8xf32>, %v: tensor<1x4x3x8xf32>, %m: tensor<2x2xf32>) {
  // expected-error@+2 {{'compress.attention' op expects mask that broadcasts to [1, 4, 2, 3], got [2, 2]}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v mask %m {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>, tensor<2x2xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c5_element_type(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x8xf32>, %v: tensor<1x4x3x8xf16>) {
  // expected-error@+2 {{'compress.attention' op expects value with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf16>) -> tensor<1x4x2x8xf32>
  return
}

// -----

func.func @attention_c5_mask(%q: tensor<1x4x2x8xf32>, %k: tensor<1x4x3x8xf32>, %v: tensor<1x4x3x8xf32>, %m: tensor<2x3xf16>) {
  // expected-error@+2 {{'compress.attention' op expects mask with element type f32, got f16}}
  // expected-error@+1 {{failed to infer returned types}}
  %0 = compress.attention bhsd %q, %k, %v mask %m {scale = 1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>, tensor<2x3xf16>) -> tensor<1x4x2x8xf32>
  return
}
