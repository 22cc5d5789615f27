// RUN: compress-opt %s --convert-compress-to-linalg=kernels=false --canonicalize | FileCheck %s

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[$COLUMN:.*]] = affine_map<(d0, d1) -> (d0, 0)>

// CHECK-LABEL: func.func @add
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$ROW]], #[[$ID]]], iterator_types = ["parallel", "parallel"]}
// CHECK: arith.addf
func.func @add(%a: tensor<4x8xf32>, %b: tensor<8xf32>) -> tensor<4x8xf32> {
  %y = compress.add %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Dims of one name are equal: no check, and no index that may be 0.
// CHECK-LABEL: func.func @equal_sizes
// CHECK-NOT: cf.assert
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$COLUMN]], #[[$ID]]]
// CHECK-NOT: tensor.extract
// CHECK: return
func.func @equal_sizes(%a: tensor<?x?xf32> {compress.dims = ["n", "c"]},
                       %b: tensor<?x1xf32> {compress.dims = ["n", ""]}) -> tensor<?x?xf32> {
  %y = compress.mul %a, %b : (tensor<?x?xf32>, tensor<?x1xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// Otherwise the sizes decide when the function runs.
// CHECK-LABEL: func.func @unknown_sizes
// CHECK: cf.assert %{{.*}}, "sizes of operands do not broadcast"
// CHECK: linalg.generic
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: %[[AT:.*]] = arith.muli %[[I]]
// CHECK: tensor.extract %{{.*}}[%[[AT]]]
func.func @unknown_sizes(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %y = compress.sub %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// Unsigned integers lose their sign but not its meaning; f16 is computed in f32.
// CHECK-LABEL: func.func @types
// CHECK-SAME: tensor<4xi8>, %{{.*}}: tensor<4xf16>) -> (tensor<4xi8>, tensor<4xf16>)
// CHECK: arith.maxui
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: math.exp %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to f16
func.func @types(%a: tensor<4xui8>, %x: tensor<4xf16>) -> (tensor<4xui8>, tensor<4xf16>) {
  %m = compress.max %a, %a : (tensor<4xui8>, tensor<4xui8>) -> tensor<4xui8>
  %e = compress.exp %x : (tensor<4xf16>) -> tensor<4xf16>
  return %m, %e : tensor<4xui8>, tensor<4xf16>
}

// CHECK-LABEL: func.func @square
// CHECK: arith.mulf %[[X:.*]], %[[X]]
// CHECK-NOT: math.powf
func.func @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %two = compress.constant dense<2.0> : tensor<f32>
  %y = compress.pow %x, %two : (tensor<?xf32>, tensor<f32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// CHECK-LABEL: func.func @division
// CHECK: cf.assert %{{.*}}, "integer division by zero"
// CHECK: arith.divsi
func.func @division(%a: tensor<4xi32>, %b: tensor<4xi32>) -> tensor<4xi32> {
  %y = compress.div %a, %b : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %y : tensor<4xi32>
}

// Integers that follow from sizes need no loop.
// CHECK-LABEL: func.func @sizes
// CHECK: %[[N:.*]] = tensor.dim
// CHECK: %[[DOUBLE:.*]] = arith.muli %[[N]], %{{.*}} : index
// CHECK: %[[ELEMENT:.*]] = arith.index_cast %[[DOUBLE]] : index to i64
// CHECK: tensor.from_elements %[[ELEMENT]] : tensor<1xi64>
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @sizes(%x: tensor<?x4xf32>) -> tensor<1xi64> {
  %n = compress.shape %x {start = 0 : i64, end = 1 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
  %two = compress.constant dense<2> : tensor<1xi64>
  %y = compress.mul %n, %two : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  return %y : tensor<1xi64>
}
