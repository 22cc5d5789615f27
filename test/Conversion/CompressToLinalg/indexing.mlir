// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

compress.weight private @q : tensor<32x16xi8> = dense<1>
compress.weight private @s : tensor<32x1xf32> = dense<0.5>

// Long rows are copied as blocks; indices are checked before.
// CHECK-LABEL: func.func @rows
// CHECK: cf.assert %{{.*}}, "'compress.gather' index out of range"
// CHECK: scf.for
// CHECK: linalg.copy
func.func @rows(%x: tensor<?x64xf32>, %i: tensor<?xi64>) -> tensor<?x64xf32> {
  %y = compress.gather %x, %i {axis = 0} : (tensor<?x64xf32>, tensor<?xi64>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// One index is a view.
// CHECK-LABEL: func.func @one
// CHECK: cf.assert %{{.*}}, "'compress.gather' index out of range"
// CHECK: tensor.extract_slice
// CHECK-NOT: linalg
// CHECK: return
func.func @one(%x: tensor<?x64xf32>, %i: tensor<i64>) -> tensor<64xf32> {
  %y = compress.gather %x, %i {axis = 0} : (tensor<?x64xf32>, tensor<i64>) -> tensor<64xf32>
  return %y : tensor<64xf32>
}

// The table is never decoded: rows of codes are, after they are gathered.
// CHECK-LABEL: func.func @embedding
// CHECK-NOT: tensor<32x16xf32>
// CHECK: return
func.func @embedding(%i: tensor<?xi64>) -> tensor<?x16xf32> {
  %q = compress.load @q : tensor<32x16xi8>
  %s = compress.load @s : tensor<32x1xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, 16>} : (tensor<32x16xi8>, tensor<32x1xf32>) -> tensor<32x16xf32>
  %y = compress.embedding %w, %i {name = "e"} : (tensor<32x16xf32>, tensor<?xi64>) -> tensor<?x16xf32>
  return %y : tensor<?x16xf32>
}
