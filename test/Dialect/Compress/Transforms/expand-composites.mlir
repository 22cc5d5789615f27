// RUN: compress-opt %s --compress-expand-composites | FileCheck %s
// RUN: compress-opt %s --pass-pipeline="builtin.module(func.func(compress-expand-composites))" | FileCheck %s

// The values are compared by test/unit/IR/CompositeOpsTest.cpp.

// CHECK-LABEL: func.func @rms_norm(
func.func @rms_norm(%x: tensor<?x3x8xf32>, %s: tensor<3x8xf32>) -> tensor<?x3x8xf32> {
  // CHECK: %[[EPS:.+]] = compress.constant dense<1.250000e-01> : tensor<f32>
  // CHECK: %[[SUM:.+]] = compress.add %{{.+}}, %[[EPS]] : (tensor<?x1x1xf32>, tensor<f32>) -> tensor<?x1x1xf32>
  // CHECK-NEXT: %[[ROOT:.+]] = compress.sqrt %[[SUM]]
  // CHECK-NEXT: %[[INVERSE:.+]] = compress.reciprocal %[[ROOT]]
  // CHECK-NEXT: %[[N:.+]] = compress.mul %arg0, %[[INVERSE]]
  // CHECK-NEXT: %[[Y:.+]] = compress.mul %[[N]], %arg1
  // CHECK-NEXT: return %[[Y]]
  %0 = compress.rms_norm %x, %s {axis = 1 : i64, epsilon = 0.125 : f32} : (tensor<?x3x8xf32>, tensor<3x8xf32>) -> tensor<?x3x8xf32>
  return %0 : tensor<?x3x8xf32>
}

// Squares of half precision numbers overflow, so that the norm is computed in f32.
// CHECK-LABEL: func.func @rms_norm_half
func.func @rms_norm_half(%x: tensor<?x8xf16>, %s: tensor<8xf16>) -> tensor<?x8xf16> {
  // CHECK: %[[X:.+]] = compress.cast %arg0 : (tensor<?x8xf16>) -> tensor<?x8xf32>
  // CHECK: compress.reduce mean %{{.+}} {axes = array<i64: 1>} : (tensor<?x8xf32>) -> tensor<?x1xf32>
  // CHECK: compress.cast %{{.+}} : (tensor<?x8xf32>) -> tensor<?x8xf16>
  %0 = compress.rms_norm %x, %s {axis = 1 : i64} : (tensor<?x8xf16>, tensor<8xf16>) -> tensor<?x8xf16>
  return %0 : tensor<?x8xf16>
}

// CHECK-LABEL: func.func @rotary_embedding
func.func @rotary_embedding(%x: tensor<?x4x?x8xf32>, %cos: tensor<?x8xf32>, %sin: tensor<?x8xf32>) -> tensor<?x4x?x8xf32> {
  // CHECK: %[[FIRST:.+]] = compress.slice %arg0, %{{.+}}, %{{.+}} {axes = array<i64: 3>, steps = array<i64: 1>}
  // CHECK: %[[SECOND:.+]] = compress.slice %arg0, %{{.+}}, %{{.+}} {axes = array<i64: 3>, steps = array<i64: 1>}
  // CHECK-NEXT: %[[NEG:.+]] = compress.neg %[[SECOND]]
  // CHECK-NEXT: %[[ROTATED:.+]] = compress.concat %[[NEG]], %[[FIRST]] {axis = 3 : i64}
  // CHECK-NEXT: %[[A:.+]] = compress.mul %arg0, %arg1
  // CHECK-NEXT: %[[B:.+]] = compress.mul %[[ROTATED]], %arg2
  // CHECK-NEXT: %[[Y:.+]] = compress.add %[[A]], %[[B]]
  // CHECK-NEXT: return %[[Y]]
  %0 = compress.rotary_embedding %x, %cos, %sin : (tensor<?x4x?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x4x?x8xf32>
  return %0 : tensor<?x4x?x8xf32>
}

// CHECK-LABEL: func.func @attention(
func.func @attention(%q: tensor<?x4x?x8xf32>, %k: tensor<?x4x?x8xf32>, %v: tensor<?x4x?x6xf32>) -> tensor<?x4x?x6xf32> {
  // CHECK: %[[K:.+]] = compress.transpose %arg1 {perm = array<i64: 0, 1, 3, 2>}
  // CHECK-NEXT: %[[P:.+]] = compress.matmul %arg0, %[[K]]
  // CHECK-NEXT: %[[SCALE:.+]] = compress.constant dense<2.500000e-01> : tensor<f32>
  // CHECK-NEXT: %[[S:.+]] = compress.mul %[[P]], %[[SCALE]] : (tensor<?x4x?x?xf32>, tensor<f32>) -> tensor<?x4x?x?xf32>
  // CHECK-NEXT: %[[W:.+]] = compress.softmax %[[S]] {axis = 3 : i64}
  // CHECK-NEXT: %[[Y:.+]] = compress.matmul %[[W]], %arg2
  // CHECK-NEXT: return %[[Y]]
  %0 = compress.attention bhsd %q, %k, %v {scale = 0.25 : f32} : (tensor<?x4x?x8xf32>, tensor<?x4x?x8xf32>, tensor<?x4x?x6xf32>) -> tensor<?x4x?x6xf32>
  return %0 : tensor<?x4x?x6xf32>
}

// CHECK-LABEL: func.func @attention_shared(
func.func @attention_shared(%q: tensor<?x?x4x8xf32>, %k: tensor<?x?x2x8xf32>, %v: tensor<?x?x2x8xf32>, %m: tensor<?x1x?x?xf32>) -> tensor<?x?x4x8xf32> {
  // CHECK: %[[I:.+]] = compress.constant dense<[0, 0, 1, 1]> : tensor<4xi64>
  // CHECK-NEXT: %[[K1:.+]] = compress.gather %arg1, %[[I]] {axis = 2 : i64} : (tensor<?x?x2x8xf32>, tensor<4xi64>) -> tensor<?x?x4x8xf32>
  // CHECK-NEXT: %[[V1:.+]] = compress.gather %arg2, %[[I]] {axis = 2 : i64}
  // CHECK-NEXT: %[[Q:.+]] = compress.transpose %arg0 {perm = array<i64: 0, 2, 1, 3>}
  // CHECK-NEXT: %[[V:.+]] = compress.transpose %[[V1]] {perm = array<i64: 0, 2, 1, 3>}
  // CHECK-NEXT: %[[K:.+]] = compress.transpose %[[K1]] {perm = array<i64: 0, 2, 3, 1>}
  // CHECK-NEXT: %[[P:.+]] = compress.matmul %[[Q]], %[[K]]
  // CHECK: %[[M:.+]] = compress.add %{{.+}}, %arg3
  // CHECK-NEXT: %[[W:.+]] = compress.softmax %[[M]] {axis = 3 : i64}
  // CHECK-NEXT: %[[R:.+]] = compress.matmul %[[W]], %[[V]]
  // CHECK-NEXT: compress.transpose %[[R]] {perm = array<i64: 0, 2, 1, 3>}
  %0 = compress.attention bshd %q, %k, %v mask %m {scale = 0.25 : f32} : (tensor<?x?x4x8xf32>, tensor<?x?x2x8xf32>, tensor<?x?x2x8xf32>, tensor<?x1x?x?xf32>) -> tensor<?x?x4x8xf32>
  return %0 : tensor<?x?x4x8xf32>
}
