// RUN: compress-opt %s --convert-compress-to-linalg=target=avx2 | FileCheck %s

// The packed experts, 2 matrices of one panel of 16 columns.
// CHECK: compress.weight private @experts.matmul16 : tensor<2x1x3x16xf32>

// Transposed keys are read where they are.
// CHECK-LABEL: func.func @scores
// CHECK-SAME: (%[[Q:.*]]: tensor<2x4x?x16xf32>, %[[K:.*]]: tensor<2x?x4x16xf32>)
// CHECK-NOT: compress.transpose
// CHECK-NOT: linalg.transpose
// CHECK: %[[Y:.*]] = compress.kernel_call @matmul_f32_16xany_l0123_r0231_avx2 ins(%[[Q]], %[[K]] :
// CHECK: return %[[Y]]
func.func @scores(%q: tensor<2x4x?x16xf32>, %k: tensor<2x?x4x16xf32>) -> tensor<2x4x?x?xf32> {
  %t = compress.transpose %k {perm = array<i64: 0, 2, 3, 1>}
     : (tensor<2x?x4x16xf32>) -> tensor<2x4x16x?xf32>
  %y = compress.matmul %q, %t
     : (tensor<2x4x?x16xf32>, tensor<2x4x16x?xf32>) -> tensor<2x4x?x?xf32>
  return %y : tensor<2x4x?x?xf32>
}

// CHECK-LABEL: func.func @matrices
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1, 2], [3]]
// CHECK: %[[W:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1, 2], [3]]
// CHECK: %[[Y:.*]] = compress.kernel_call @matmul_f32_16xany_l0123_r0123_avx2 ins(%[[X]], %[[W]] :
// CHECK: %[[Z:.*]] = tensor.collapse_shape %[[Y]] {{\[\[}}0, 1, 2], [3]]
// CHECK: return %[[Z]]
func.func @matrices(%a: tensor<?x16xf32>, %b: tensor<16x?xf32>) -> tensor<?x?xf32> {
  %y = compress.matmul %a, %b : (tensor<?x16xf32>, tensor<16x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// Batch dims that may be 1 are decided, and checked, at run time.
// CHECK-LABEL: func.func @unknown_batches
// CHECK: cf.assert %{{.*}}, "matmul: batch dims do not broadcast"
// CHECK: arith.select
// CHECK: compress.kernel_call @matmul_f32_
func.func @unknown_batches(%a: tensor<?x5x6xf32>, %b: tensor<?x6x7xf32>) -> tensor<?x5x7xf32> {
  %y = compress.matmul %a, %b : (tensor<?x5x6xf32>, tensor<?x6x7xf32>) -> tensor<?x5x7xf32>
  return %y : tensor<?x5x7xf32>
}

compress.weight private @experts : tensor<2x3x4xf32> = dense<1.0>

// CHECK-LABEL: func.func @experts_of_a_mixture
// CHECK: %[[W:.*]] = compress.load @experts.matmul16 : tensor<2x1x3x16xf32>
// CHECK: compress.kernel_call @matmul_f32_3x4_l0123_packed1x2_avx2 ins(%{{.*}}, %[[W]] :
func.func @experts_of_a_mixture(%a: tensor<2x?x3xf32>) -> tensor<2x?x4xf32> {
  %w = compress.load @experts : tensor<2x3x4xf32>
  %y = compress.matmul %a, %w : (tensor<2x?x3xf32>, tensor<2x3x4xf32>) -> tensor<2x?x4xf32>
  return %y : tensor<2x?x4xf32>
}

// Integers have no kernel.
// CHECK-LABEL: func.func @no_integers
// CHECK-NOT: compress.kernel_call
// CHECK: return
func.func @no_integers(%a: tensor<5x6xi32>, %b: tensor<6x7xi32>) -> tensor<5x7xi32> {
  %y = compress.matmul %a, %b : (tensor<5x6xi32>, tensor<6x7xi32>) -> tensor<5x7xi32>
  return %y : tensor<5x7xi32>
}

// A vector is one row on the left, one column on the right.
// CHECK-LABEL: func.func @vectors
// CHECK: %[[Y:.*]] = compress.kernel_call @matmul_f32_6x1_l0123_r0132_avx2
// CHECK-SAME: -> tensor<1x5x7x1xf32>
// CHECK: tensor.collapse_shape %[[Y]] {{\[\[}}0, 1], [2, 3]] : tensor<1x5x7x1xf32> into tensor<5x7xf32>
// CHECK: %[[Z:.*]] = compress.kernel_call @matmul_f32_7x7_l0123_r0123_avx2
// CHECK: tensor.collapse_shape %[[Z]] {{\[\[}}0, 1], [2, 3]] : tensor<1x5x1x7xf32> into tensor<5x7xf32>
func.func @vectors(%a: tensor<5x7x6xf32>, %x: tensor<6xf32>, %z: tensor<7xf32>,
                   %b: tensor<5x7x7xf32>) -> (tensor<5x7xf32>, tensor<5x7xf32>) {
  %y = compress.matmul %a, %x : (tensor<5x7x6xf32>, tensor<6xf32>) -> tensor<5x7xf32>
  %u = compress.matmul %z, %b : (tensor<7xf32>, tensor<5x7x7xf32>) -> tensor<5x7xf32>
  return %y, %u : tensor<5x7xf32>, tensor<5x7xf32>
}
