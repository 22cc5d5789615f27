// RUN: compress-opt %s --compress-normalize-onnx --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-normalize-onnx --split-input-file --remarks-filter=normalize --remark-format=emitRemark --verify-diagnostics -o %t

// CHECK-LABEL: func.func @rms_norm
// CHECK: compress.rms_norm %arg0, %arg1 {axis = 1 : i64, epsilon = 1.250000e-01 : f32} : (tensor<?x3x8xf32>, tensor<3x8xf32>) -> tensor<?x3x8xf32>
func.func @rms_norm(%x: tensor<?x3x8xf32>, %s: tensor<3x8xf32>) -> !compress.onnx_value {
  %y = compress.onnx "RMSNormalization"(%x, %s) {node_name = "n", onnx_attributes = {axis = -2 : i64, epsilon = 0.125 : f32}, result_names = ["y"], version = 23 : i64} : (tensor<?x3x8xf32>, tensor<3x8xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

// Caches by position, heads in the last dim.
// CHECK-LABEL: func.func @rotary_by_position
// CHECK: %[[X:.+]] = compress.reshape %arg0, %{{.+}} -> tensor<?x?x2x8xf32>
// CHECK: %[[C:.+]] = compress.gather %arg1, %arg3 {axis = 0 : i64}
// CHECK: %[[CC:.+]] = compress.concat %[[C]], %[[C]] {axis = 2 : i64}
// CHECK: %[[CU:.+]] = compress.unsqueeze %[[CC]] {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1x8xf32>
// CHECK: %[[SU:.+]] = compress.unsqueeze %{{.+}} {axes = array<i64: 2>} : (tensor<?x?x8xf32>) -> tensor<?x?x1x8xf32>
// CHECK: %[[Y:.+]] = compress.rotary_embedding %[[X]], %[[CU]], %[[SU]]
// CHECK: compress.reshape %[[Y]], %{{.+}} -> tensor<?x?x16xf32>
func.func @rotary_by_position(%x: tensor<?x?x16xf32>, %cos: tensor<50x4xf32>, %sin: tensor<50x4xf32>, %p: tensor<?x?xi64>) -> !compress.onnx_value {
  %y = compress.onnx "RotaryEmbedding"(%x, %cos, %sin, %p) {node_name = "n", onnx_attributes = {num_heads = 2 : i64}, result_names = ["y"], version = 23 : i64} : (tensor<?x?x16xf32>, tensor<50x4xf32>, tensor<50x4xf32>, tensor<?x?xi64>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

// CHECK-LABEL: func.func @rotary
// CHECK: %[[CU:.+]] = compress.unsqueeze %{{.+}} {axes = array<i64: 1>} : (tensor<?x5x8xf32>) -> tensor<?x1x5x8xf32>
// CHECK: compress.rotary_embedding %arg0, %[[CU]], %{{.+}} -> tensor<?x2x5x8xf32>
func.func @rotary(%x: tensor<?x2x5x8xf32>, %cos: tensor<?x5x4xf32>, %sin: tensor<?x5x4xf32>) -> !compress.onnx_value {
  %y = compress.onnx "RotaryEmbedding"(%x, %cos, %sin) {node_name = "n", result_names = ["y"], version = 23 : i64} : (tensor<?x2x5x8xf32>, tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

// CHECK-LABEL: func.func @rotary_kept
// CHECK-COUNT-2: compress.onnx "RotaryEmbedding"
func.func @rotary_kept(%x: tensor<?x2x5x8xf32>, %cos: tensor<?x5x4xf32>, %half: tensor<?x5x2xf32>) -> (!compress.onnx_value, !compress.onnx_value) {
  // expected-remark @+1 {{RotaryEmbedding: interleaved pairs are not supported}}
  %y = compress.onnx "RotaryEmbedding"(%x, %cos, %cos) {node_name = "n", onnx_attributes = {interleaved = 1 : i64}, result_names = ["y"], version = 23 : i64} : (tensor<?x2x5x8xf32>, tensor<?x5x4xf32>, tensor<?x5x4xf32>) -> !compress.onnx_value
  // expected-remark @+1 {{RotaryEmbedding: only a part of each head is rotated}}
  %z = compress.onnx "RotaryEmbedding"(%x, %half, %half) {node_name = "m", onnx_attributes = {rotary_embedding_dim = 4 : i64}, result_names = ["z"], version = 23 : i64} : (tensor<?x2x5x8xf32>, tensor<?x5x2xf32>, tensor<?x5x2xf32>) -> !compress.onnx_value
  return %y, %z : !compress.onnx_value, !compress.onnx_value
}

// -----

// CHECK-LABEL: func.func @attention
// CHECK: compress.attention bhsd %arg0, %arg1, %arg2 mask %arg3 {scale = 2.500000e-01 : f32} : (tensor<?x4x?x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x6xf32>, tensor<?x7xf32>) -> tensor<?x4x?x6xf32>
func.func @attention(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x7x16xf32>, %v: tensor<?x2x7x6xf32>, %m: tensor<?x7xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Attention"(%q, %k, %v, %m) {node_name = "n", result_names = ["y"], version = 23 : i64} : (tensor<?x4x?x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x6xf32>, tensor<?x7xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

// CHECK-LABEL: func.func @attention_joined
// CHECK: compress.attention bshd %{{.+}}, %{{.+}}, %{{.+}} {scale = 5.000000e-01 : f32} : (tensor<?x?x4x16xf32>, tensor<?x?x2x16xf32>, tensor<?x?x2x6xf32>) -> tensor<?x?x4x6xf32>
// CHECK: compress.reshape %{{.+}} -> tensor<?x?x24xf32>
func.func @attention_joined(%q: tensor<?x?x64xf32>, %k: tensor<?x?x32xf32>, %v: tensor<?x?x12xf32>) -> !compress.onnx_value {
  %y = compress.onnx "Attention"(%q, %k, %v) {node_name = "n", onnx_attributes = {kv_num_heads = 2 : i64, q_num_heads = 4 : i64, scale = 0.5 : f32}, result_names = ["y"], version = 24 : i64} : (tensor<?x?x64xf32>, tensor<?x?x32xf32>, tensor<?x?x12xf32>) -> !compress.onnx_value
  return %y : !compress.onnx_value
}

// -----

// CHECK-LABEL: func.func @attention_kept
// CHECK-COUNT-4: compress.onnx "Attention"
func.func @attention_kept(%q: tensor<?x4x3x16xf32>, %k: tensor<?x2x7x16xf32>, %b: tensor<3x7xi1>, %m: tensor<3x5xf32>) -> (!compress.onnx_value, !compress.onnx_value, !compress.onnx_value, !compress.onnx_value) {
  // expected-remark @+1 {{Attention: is_causal is not supported}}
  %0 = compress.onnx "Attention"(%q, %k, %k) {node_name = "a", onnx_attributes = {is_causal = 1 : i64}, result_names = ["a"], version = 23 : i64} : (tensor<?x4x3x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x16xf32>) -> !compress.onnx_value
  // expected-remark @+1 {{Attention: softcap is not supported}}
  %1 = compress.onnx "Attention"(%q, %k, %k) {node_name = "b", onnx_attributes = {softcap = 2.0 : f32}, result_names = ["b"], version = 23 : i64} : (tensor<?x4x3x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x16xf32>) -> !compress.onnx_value
  // expected-remark @+1 {{Attention: mixed element types and masks of bools are not supported}}
  %2 = compress.onnx "Attention"(%q, %k, %k, %b) {node_name = "c", result_names = ["c"], version = 23 : i64} : (tensor<?x4x3x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x16xf32>, tensor<3x7xi1>) -> !compress.onnx_value
  // expected-remark @+1 {{Attention: the mask may be shorter than the keys}}
  %3 = compress.onnx "Attention"(%q, %k, %k, %m) {node_name = "d", result_names = ["d"], version = 23 : i64} : (tensor<?x4x3x16xf32>, tensor<?x2x7x16xf32>, tensor<?x2x7x16xf32>, tensor<3x5xf32>) -> !compress.onnx_value
  return %0, %1, %2, %3 : !compress.onnx_value, !compress.onnx_value, !compress.onnx_value, !compress.onnx_value
}
