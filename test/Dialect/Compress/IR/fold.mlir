// RUN: compress-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @reshape_to_same_static_shape
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
func.func @reshape_to_same_static_shape(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %s = compress.constant dense<[2, -1]> : tensor<2xi64>
  %0 = compress.reshape %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reshape_that_copies_dynamic_dims
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x?xf32>)
func.func @reshape_that_copies_dynamic_dims(%x: tensor<?x3x?xf32>) -> tensor<?x3x?xf32> {
  %s = compress.constant dense<[0, 3, -1]> : tensor<3xi64>
  %0 = compress.reshape %x, %s : (tensor<?x3x?xf32>, tensor<3xi64>) -> tensor<?x3x?xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<?x3x?xf32>
}

// A shape that is not known may exchange the dynamic dims.
// CHECK-LABEL: func.func @no_fold_of_unknown_reshape
func.func @no_fold_of_unknown_reshape(%x: tensor<?x?xf32>, %s: tensor<2xi64>) -> tensor<?x?xf32> {
  // CHECK: %[[Y:.*]] = compress.reshape
  %0 = compress.reshape %x, %s : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK-NEXT: return %[[Y]]
  return %0 : tensor<?x?xf32>
}

// One dynamic dim is what remains of the element count.
// CHECK-LABEL: func.func @reshape_of_one_dynamic_dim
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>
func.func @reshape_of_one_dynamic_dim(%x: tensor<?x4xf32>, %s: tensor<2xi64>) -> tensor<?x4xf32> {
  %0 = compress.reshape %x, %s : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @reshape_of_reshape
// CHECK-SAME: (%[[X:.*]]: tensor<2x6xf32>
func.func @reshape_of_reshape(%x: tensor<2x6xf32>, %s: tensor<3xi64>) -> tensor<4x3xf32> {
  %0 = compress.reshape %x, %s : (tensor<2x6xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  // CHECK: %[[S:.*]] = compress.constant dense<[4, 3]>
  %t = compress.constant dense<[4, 3]> : tensor<2xi64>
  // CHECK-NEXT: %[[Y:.*]] = compress.reshape %[[X]], %[[S]]
  %1 = compress.reshape %0, %t : (tensor<?x?x?xf32>, tensor<2xi64>) -> tensor<4x3xf32>
  // CHECK-NEXT: return %[[Y]]
  return %1 : tensor<4x3xf32>
}

// The second reshape copies a dim of the first one's result.
// CHECK-LABEL: func.func @no_fold_of_copying_reshape
func.func @no_fold_of_copying_reshape(%x: tensor<2x6xf32>, %s: tensor<2xi64>) -> tensor<?x?x1xf32> {
  // CHECK: %[[Y:.*]] = compress.reshape
  %0 = compress.reshape %x, %s : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %t = compress.constant dense<[0, -1, 1]> : tensor<3xi64>
  // CHECK: compress.reshape %[[Y]]
  %1 = compress.reshape %0, %t : (tensor<?x?xf32>, tensor<3xi64>) -> tensor<?x?x1xf32>
  return %1 : tensor<?x?x1xf32>
}

// CHECK-LABEL: func.func @broadcast_to_same_shape
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>
func.func @broadcast_to_same_shape(%x: tensor<2x3xf32>, %s: tensor<2xi64>) -> tensor<2x3xf32> {
  %0 = compress.broadcast %x, %s : (tensor<2x3xf32>, tensor<2xi64>) -> tensor<2x3xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @broadcast_to_ones
// CHECK-SAME: (%[[X:.*]]: tensor<?x3xf32>
func.func @broadcast_to_ones(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %s = compress.constant dense<1> : tensor<2xi64>
  %0 = compress.broadcast %x, %s : (tensor<?x3xf32>, tensor<2xi64>) -> tensor<?x3xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<?x3xf32>
}

// The dynamic dim may be 1 and become larger.
// CHECK-LABEL: func.func @no_fold_of_unknown_broadcast
func.func @no_fold_of_unknown_broadcast(%x: tensor<?xf32>, %s: tensor<1xi64>) -> tensor<?xf32> {
  // CHECK: compress.broadcast
  %0 = compress.broadcast %x, %s : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @transpose_identity
// CHECK-SAME: (%[[X:.*]]: tensor<?x?xf32>)
func.func @transpose_identity(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = compress.transpose %x {perm = array<i64: 0, 1>} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @transpose_of_transpose
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
func.func @transpose_of_transpose(%x: tensor<2x3x4xf32>) -> tensor<3x2x4xf32> {
  %0 = compress.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  // CHECK-NEXT: %[[Y:.*]] = compress.transpose %[[X]] {perm = array<i64: 1, 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
  %1 = compress.transpose %0 {perm = array<i64: 2, 1, 0>} : (tensor<4x2x3xf32>) -> tensor<3x2x4xf32>
  // CHECK-NEXT: return %[[Y]]
  return %1 : tensor<3x2x4xf32>
}

// CHECK-LABEL: func.func @transpose_and_back
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
func.func @transpose_and_back(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = compress.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %1 = compress.transpose %0 {perm = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  // CHECK-NEXT: return %[[X]]
  return %1 : tensor<2x3x4xf32>
}

// CHECK-LABEL: func.func @concat_of_one
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
func.func @concat_of_one(%x: tensor<?xf32>) -> tensor<?xf32> {
  %0 = compress.concat %x {axis = 0 : i64} : (tensor<?xf32>) -> tensor<?xf32>
  // CHECK-NEXT: return %[[X]]
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func.func @shape_of_static_dims
func.func @shape_of_static_dims(%x: tensor<?x3x4xf32>) -> tensor<2xi64> {
  // CHECK-NEXT: %[[S:.*]] = compress.constant dense<[3, 4]> : tensor<2xi64>
  %0 = compress.shape %x {start = 1 : i64, end = 3 : i64} : (tensor<?x3x4xf32>) -> tensor<2xi64>
  // CHECK-NEXT: return %[[S]]
  return %0 : tensor<2xi64>
}

// CHECK-LABEL: func.func @no_fold_of_dynamic_shape
func.func @no_fold_of_dynamic_shape(%x: tensor<?x3xf32>) -> tensor<2xi64> {
  // CHECK: compress.shape
  %0 = compress.shape %x {start = 0 : i64, end = 2 : i64} : (tensor<?x3xf32>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// Decode ops are never folded, whatever their operands are.
// CHECK-LABEL: func.func @no_fold_of_decode
func.func @no_fold_of_decode() -> tensor<2xf32> {
  %q = compress.constant dense<[1, 2]> : tensor<2xi8>
  %s = compress.constant dense<0.5> : tensor<f32>
  // CHECK: compress.dequantize
  %0 = compress.dequantize %q, %s : (tensor<2xi8>, tensor<f32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// The types contradict each other behind a dynamic dim: an error when it runs, not here.
// CHECK-LABEL: func.func @no_fold_of_contradicting_types
func.func @no_fold_of_contradicting_types(%x: tensor<2x6xf32>, %s: tensor<2xi64>) -> (tensor<5x3xf32>, tensor<7x2xf32>) {
  %t = compress.constant dense<[5, 3]> : tensor<2xi64>
  // CHECK: %[[R:.*]] = compress.reshape %arg0, %arg1
  %0 = compress.reshape %x, %s : (tensor<2x6xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK: compress.reshape %[[R]]
  %1 = compress.reshape %0, %t : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<5x3xf32>
  // CHECK: %[[T:.*]] = compress.transpose %arg0
  %2 = compress.transpose %x {perm = array<i64: 0, 1>} : (tensor<2x6xf32>) -> tensor<2x?xf32>
  // CHECK: compress.transpose %[[T]]
  %3 = compress.transpose %2 {perm = array<i64: 1, 0>} : (tensor<2x?xf32>) -> tensor<7x2xf32>
  return %1, %3 : tensor<5x3xf32>, tensor<7x2xf32>
}
