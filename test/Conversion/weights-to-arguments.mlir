// RUN: compress-opt %s --compress-weights-to-arguments | FileCheck %s

compress.weight private @a : tensor<2xf32> = dense<1.0>
compress.weight private @b : tensor<3xf32> = dense<2.0>
compress.weight private @unused : tensor<4xf32> = dense<3.0>

// Two loads of a weight are one argument; what nothing loads goes.

// CHECK-DAG: compress.weight private @a
// CHECK-DAG: compress.weight private @b
// CHECK-NOT: @unused
// CHECK-LABEL: func.func @two_loads(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2xf32>,
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<3xf32> {compress.weight = @b},
// CHECK-SAME: %[[A:[a-z0-9]+]]: tensor<2xf32> {compress.weight = @a})
// CHECK-NOT: compress.load
// CHECK: arith.addf %[[X]], %[[A]]
// CHECK: arith.addf %{{.*}}, %[[A]]
// CHECK: return %{{.*}}, %[[B]]
func.func @two_loads(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<3xf32>) {
  %b = compress.load @b : tensor<3xf32>
  %a = compress.load @a : tensor<2xf32>
  %y = arith.addf %x, %a : tensor<2xf32>
  %again = compress.load @a : tensor<2xf32>
  %z = arith.addf %y, %again : tensor<2xf32>
  return %z, %b : tensor<2xf32>, tensor<3xf32>
}

// A function that loads nothing stays as it is.

// CHECK-LABEL: func.func @no_loads(%{{.*}}: tensor<2xf32>) -> tensor<2xf32>
func.func @no_loads(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
