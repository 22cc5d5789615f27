// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// CHECK-LABEL: func.func @rms_norm
func.func @rms_norm(%x: tensor<?x3x8xf32>, %s: tensor<8xf32>, %t: tensor<3x8xf32>) {
  // CHECK: compress.rms_norm %{{.*}}, %{{.*}} {axis = 2 : i64} : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
  %0 = compress.rms_norm %x, %s {axis = 2 : i64}
     : (tensor<?x3x8xf32>, tensor<8xf32>) -> tensor<?x3x8xf32>
  // CHECK: compress.rms_norm %{{.*}}, %{{.*}} {axis = 1 : i64, epsilon = 1.250000e-01 : f32}
  %1 = compress.rms_norm %x, %t {axis = 1 : i64, epsilon = 0.125 : f32}
     : (tensor<?x3x8xf32>, tensor<3x8xf32>) -> tensor<?x3x8xf32>
  return
}

// CHECK-LABEL: func.func @rotary_embedding
func.func @rotary_embedding(%x: tensor<?x4x?x32xf32>, %cos: tensor<1x1x?x32xf32>, %sin: tensor<?x32xf32>) {
  // CHECK: compress.rotary_embedding %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x4x?x32xf32>, tensor<1x1x?x32xf32>, tensor<?x32xf32>) -> tensor<?x4x?x32xf32>
  %0 = compress.rotary_embedding %x, %cos, %sin
     : (tensor<?x4x?x32xf32>, tensor<1x1x?x32xf32>, tensor<?x32xf32>) -> tensor<?x4x?x32xf32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x4x?x16xf32>, %k: tensor<?x2x?x16xf32>, %v: tensor<?x2x?x8xf32>,
                     %m: tensor<?x1x?x?xf32>) {
  // CHECK: compress.attention bhsd %{{.*}}, %{{.*}}, %{{.*}} {scale = 2.500000e-01 : f32} : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  %0 = compress.attention bhsd %q, %k, %v {scale = 0.25 : f32}
     : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>) -> tensor<?x4x?x8xf32>
  // CHECK: compress.attention bhsd %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} {scale = 1.000000e+00 : f32} : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>, tensor<?x1x?x?xf32>) -> tensor<?x4x?x8xf32>
  %1 = compress.attention bhsd %q, %k, %v mask %m {scale = 1.0 : f32}
     : (tensor<?x4x?x16xf32>, tensor<?x2x?x16xf32>, tensor<?x2x?x8xf32>, tensor<?x1x?x?xf32>) -> tensor<?x4x?x8xf32>
  return
}

// The batch is what any of the operands says.
// CHECK-LABEL: func.func @attention_bshd
func.func @attention_bshd(%q: tensor<?x5x6x16xf32>, %k: tensor<3x?x2x16xf32>, %v: tensor<?x7x2x16xf32>) {
  // CHECK: compress.attention bshd %{{.*}}, %{{.*}}, %{{.*}} {scale = 2.500000e-01 : f32} : (tensor<?x5x6x16xf32>, tensor<3x?x2x16xf32>, tensor<?x7x2x16xf32>) -> tensor<3x5x6x16xf32>
  %0 = compress.attention bshd %q, %k, %v {scale = 0.25 : f32}
     : (tensor<?x5x6x16xf32>, tensor<3x?x2x16xf32>, tensor<?x7x2x16xf32>) -> tensor<3x5x6x16xf32>
  return
}
