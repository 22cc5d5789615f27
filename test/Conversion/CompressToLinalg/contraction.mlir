// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// Rows, k, columns: the innermost loop runs along rows of the weight.
// CHECK-DAG: #[[$X:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-DAG: #[[$W:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[$Y:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func @linear
// CHECK-NOT: cf.assert
// CHECK: linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #[[$Y]]], iterator_types = ["parallel", "reduction", "parallel"]}
func.func @linear(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %y = compress.linear kn %x, %w {name = "l"} : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Small floats are summed as f32 and rounded once; ui8 is extended with zeros.
// CHECK-LABEL: func.func @half
// CHECK: linalg.generic
// CHECK: arith.extf
// CHECK: arith.addf %{{.*}} : f32
// CHECK: linalg.generic
// CHECK: arith.truncf
func.func @half(%x: tensor<2x8xf16>, %w: tensor<4x8xf16>) -> tensor<2x4xf16> {
  %y = compress.linear nk %x, %w {name = "l"} : (tensor<2x8xf16>, tensor<4x8xf16>) -> tensor<2x4xf16>
  return %y : tensor<2x4xf16>
}

// CHECK-LABEL: func.func @bytes
// CHECK: arith.extui %{{.*}} : i8 to i32
// CHECK: arith.extsi %{{.*}} : i8 to i32
func.func @bytes(%x: tensor<2x8xui8>, %w: tensor<8x4xi8>) -> tensor<2x4xi32> {
  %y = compress.matmul %x, %w {name = "m"} : (tensor<2x8xui8>, tensor<8x4xi8>) -> tensor<2x4xi32>
  return %y : tensor<2x4xi32>
}

// CHECK-LABEL: func.func @unproven
// CHECK: cf.assert %{{.*}}, "'compress.matmul' contracted dims differ"
func.func @unproven(%x: tensor<?x?xf32>, %w: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = compress.matmul %x, %w {name = "m"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}
