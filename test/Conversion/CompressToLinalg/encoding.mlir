// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// Elements of less than 8 bits are bytes; the new weight is shared by all loads.
// CHECK: compress.weight private @codes.bytes : tensor<20xi8> = dense<[-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5]>
compress.weight private @codes : tensor<20xi4>
  = dense<[-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5]>

// CHECK-LABEL: func.func @group_of_four
// CHECK: %[[CODES:.*]] = compress.load @codes.bytes : tensor<20xi8>
// CHECK: linalg.generic {{.*}} ins(%[[CODES]] : tensor<20xi8>)
// CHECK: %[[GROUP:.*]] = arith.divui
// CHECK: tensor.extract %{{.*}}[%[[GROUP]]] : tensor<5xf32>
// CHECK: arith.sitofp %{{.*}} : i8 to f32
// CHECK: arith.mulf
func.func @group_of_four(%s: tensor<5xf32>) -> tensor<20xf32> {
  %c = compress.load @codes : tensor<20xi4>
  %y = compress.dequantize %c, %s {block = array<i64: 4>} : (tensor<20xi4>, tensor<5xf32>) -> tensor<20xf32>
  return %y : tensor<20xf32>
}

// A scale per row is an operand of the loops.
// CHECK-LABEL: func.func @per_row
// CHECK: math.roundeven
// CHECK-NOT: tensor.extract
// CHECK: return
func.func @per_row(%x: tensor<4x8xf32>, %s: tensor<4x1xf32>) -> tensor<4x8xi8> {
  %q = compress.quantize %x, %s {block = array<i64: 1, -1>} : (tensor<4x8xf32>, tensor<4x1xf32>) -> tensor<4x8xi8>
  return %q : tensor<4x8xi8>
}

// CHECK-LABEL: func.func @dynamic_scales
// CHECK: cf.assert %{{.*}}, "wrong number of scales"
func.func @dynamic_scales(%x: tensor<?xf32>, %s: tensor<?xf32>) -> tensor<?xi8> {
  %q = compress.quantize %x, %s {block = array<i64: 16>} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xi8>
  return %q : tensor<?xi8>
}

// CHECK-LABEL: func.func @expand_nm
// CHECK: linalg.fill
// CHECK: scf.for
// CHECK: cf.assert %{{.*}}, "a position of an N:M pattern is outside of its group"
// CHECK: tensor.insert
func.func @expand_nm(%c: tensor<3x4xi8>, %p: tensor<3x1xi8>) -> tensor<3x8xi8> {
  %y = compress.expand_nm %c, %p {n = 2, m = 4, axis = 1} : (tensor<3x4xi8>, tensor<3x1xi8>) -> tensor<3x8xi8>
  return %y : tensor<3x8xi8>
}

// CHECK-LABEL: func.func @expand_bitmap
// CHECK: scf.for
// CHECK: cf.assert %{{.*}}, "the bitmap keeps another number of elements than there are codes"
func.func @expand_bitmap(%c: tensor<5xf32>, %b: tensor<1xi8>) -> tensor<2x4xf32> {
  %y = compress.expand_bitmap %c, %b : (tensor<5xf32>, tensor<1xi8>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}
