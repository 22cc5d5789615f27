// RUN: compress-opt %s --verify-roundtrip | FileCheck %s
// RUN: compress-opt %s --mlir-print-op-generic | compress-opt | FileCheck %s

// Every op in pretty syntax; the result types are those that type inference gives.

// CHECK-LABEL: func.func @unary
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[B:.*]]: tensor<3xi1>, %[[I:.*]]: tensor<2xi32>)
func.func @unary(%x: tensor<?x4xf32>, %b: tensor<3xi1>, %i: tensor<2xi32>) {
  // CHECK: compress.abs %[[X]] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %0 = compress.abs %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.acos %[[X]]
  %1 = compress.acos %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.acosh %[[X]]
  %2 = compress.acosh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.asin %[[X]]
  %3 = compress.asin %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.asinh %[[X]]
  %4 = compress.asinh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.atan %[[X]]
  %5 = compress.atan %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.atanh %[[X]]
  %6 = compress.atanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.ceil %[[X]]
  %7 = compress.ceil %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.cos %[[X]]
  %8 = compress.cos %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.cosh %[[X]]
  %9 = compress.cosh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.erf %[[X]]
  %10 = compress.erf %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.exp %[[X]]
  %11 = compress.exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.floor %[[X]]
  %12 = compress.floor %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.hard_swish %[[X]]
  %13 = compress.hard_swish %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.log %[[X]]
  %14 = compress.log %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.mish %[[X]]
  %15 = compress.mish %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.neg %[[I]] : (tensor<2xi32>) -> tensor<2xi32>
  %16 = compress.neg %i : (tensor<2xi32>) -> tensor<2xi32>
  // CHECK: compress.not %[[B]] : (tensor<3xi1>) -> tensor<3xi1>
  %17 = compress.not %b : (tensor<3xi1>) -> tensor<3xi1>
  // CHECK: compress.reciprocal %[[X]]
  %18 = compress.reciprocal %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.relu %[[X]]
  %19 = compress.relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.round %[[X]]
  %20 = compress.round %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.sigmoid %[[X]]
  %21 = compress.sigmoid %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.sign %[[X]]
  %22 = compress.sign %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.sin %[[X]]
  %23 = compress.sin %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.sinh %[[X]]
  %24 = compress.sinh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.softplus %[[X]]
  %25 = compress.softplus %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.softsign %[[X]]
  %26 = compress.softsign %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.sqrt %[[X]]
  %27 = compress.sqrt %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.tan %[[X]]
  %28 = compress.tan %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.tanh %[[X]]
  %29 = compress.tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @binary
// CHECK-SAME: (%[[A:.*]]: tensor<?x1x4xf32>, %[[B:.*]]: tensor<3x?xf32>, %[[P:.*]]: tensor<2xi1>)
func.func @binary(%a: tensor<?x1x4xf32>, %b: tensor<3x?xf32>, %p: tensor<2xi1>) {
  // CHECK: compress.add %[[A]], %[[B]] : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  %0 = compress.add %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.sub %[[A]], %[[B]]
  %1 = compress.sub %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.mul %[[A]], %[[B]]
  %2 = compress.mul %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.div %[[A]], %[[B]]
  %3 = compress.div %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.max %[[A]], %[[B]]
  %4 = compress.max %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.min %[[A]], %[[B]]
  %5 = compress.min %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.pow %[[A]], %[[B]]
  %6 = compress.pow %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.prelu %[[A]], %[[B]]
  %7 = compress.prelu %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xf32>
  // CHECK: compress.equal %[[A]], %[[B]] : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  %8 = compress.equal %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  // CHECK: compress.greater %[[A]], %[[B]]
  %9 = compress.greater %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  // CHECK: compress.greater_equal %[[A]], %[[B]]
  %10 = compress.greater_equal %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  // CHECK: compress.less %[[A]], %[[B]]
  %11 = compress.less %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  // CHECK: compress.less_equal %[[A]], %[[B]]
  %12 = compress.less_equal %a, %b : (tensor<?x1x4xf32>, tensor<3x?xf32>) -> tensor<?x3x4xi1>
  // CHECK: compress.and %[[P]], %[[P]] : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  %13 = compress.and %p, %p : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  // CHECK: compress.or %[[P]], %[[P]]
  %14 = compress.or %p, %p : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  // CHECK: compress.xor %[[P]], %[[P]]
  %15 = compress.xor %p, %p : (tensor<2xi1>, tensor<2xi1>) -> tensor<2xi1>
  return
}

// A result type may be less or more static than the inferred one.
// CHECK-LABEL: func.func @compatible_results
func.func @compatible_results(%a: tensor<?x4xf32>, %b: tensor<2x4xf32>) {
  // CHECK: compress.add {{.*}} -> tensor<2x?xf32>
  %0 = compress.add %a, %b : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<2x?xf32>
  // CHECK: compress.relu {{.*}} -> tensor<7x4xf32>
  %1 = compress.relu %a : (tensor<?x4xf32>) -> tensor<7x4xf32>
  return
}

// CHECK-LABEL: func.func @with_attributes
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[C:.*]]: tensor<4xi1>, %[[S:.*]]: tensor<f32>)
func.func @with_attributes(%x: tensor<?x4xf32>, %c: tensor<4xi1>, %s: tensor<f32>) {
  // CHECK: compress.where %[[C]], %[[X]], %[[S]] : (tensor<4xi1>, tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %0 = compress.where %c, %x, %s : (tensor<4xi1>, tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  // CHECK: compress.clip %[[X]] : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = compress.clip %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.clip %[[X]] min %[[S]] : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %2 = compress.clip %x min %s : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  // CHECK: compress.clip %[[X]] max %[[S]] : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %3 = compress.clip %x max %s : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  // CHECK: compress.clip %[[X]] min %[[S]] max %[[S]] : (tensor<?x4xf32>, tensor<f32>, tensor<f32>) -> tensor<?x4xf32>
  %4 = compress.clip %x min %s max %s : (tensor<?x4xf32>, tensor<f32>, tensor<f32>) -> tensor<?x4xf32>
  // CHECK: compress.gelu none %[[X]]
  %5 = compress.gelu none %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.gelu tanh %[[X]]
  %6 = compress.gelu tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.leaky_relu %[[X]] : (
  %7 = compress.leaky_relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.leaky_relu %[[X]] {alpha = 2.500000e-01 : f32}
  %8 = compress.leaky_relu %x {alpha = 0.25 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.elu %[[X]] {alpha = 5.000000e-01 : f32}
  %9 = compress.elu %x {alpha = 0.5 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.hard_sigmoid %[[X]] {alpha = 2.500000e-01 : f32, beta = 1.250000e-01 : f32}
  %10 = compress.hard_sigmoid %x {alpha = 0.25 : f32, beta = 0.125 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: compress.cast %[[X]] : (tensor<?x4xf32>) -> tensor<?x4xi64>
  %11 = compress.cast %x : (tensor<?x4xf32>) -> tensor<?x4xi64>
  // CHECK: compress.cast %[[X]] {saturate = false} : (tensor<?x4xf32>) -> tensor<3x4xf8E4M3FN>
  %12 = compress.cast %x {saturate = false} : (tensor<?x4xf32>) -> tensor<3x4xf8E4M3FN>
  return
}
