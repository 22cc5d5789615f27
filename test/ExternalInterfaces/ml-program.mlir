// RUN: compress-opt %s --compress-quantize=format=w8 --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-quantize=format=w8 --compress-prune=pattern=2:4 --split-input-file | FileCheck %s --check-prefix=BOTH

// New globals beside the old one, which somebody else may know.
// CHECK-DAG: ml_program.global private @w.q(dense<{{\[\[}}127], [64], [1], [-127]]> : tensor<4x1xi8>) : tensor<4x1xi8>
// CHECK-DAG: ml_program.global private @w.scale(dense<1.000000e+00> : tensor<1x1xf32>) : tensor<1x1xf32>
// BOTH-DAG: ml_program.global private @w.meta
ml_program.global private @w(dense<[[127.0], [63.5], [1.0], [-127.0]]> : tensor<4x1xf32>) : tensor<4x1xf32>
// CHECK-LABEL: func.func @global
// BOTH-LABEL: func.func @global
func.func @global(%x: tensor<?x4xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK-DAG: %[[Q:.+]] = ml_program.global_load_const @w.q
  // CHECK-DAG: %[[S:.+]] = ml_program.global_load_const @w.scale
  // CHECK: %[[W:.+]] = compress.dequantize %[[Q]], %[[S]] {block = array<i64: -1, 1>}
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]] :
  // BOTH: compress.expand_nm
  // BOTH: compress.dequantize
  %w = ml_program.global_load_const @w : tensor<4x1xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

// A load of a variable is no constant.
ml_program.global private mutable @v(dense<1.0> : tensor<4x1xf32>) : tensor<4x1xf32>
// CHECK-LABEL: func.func @no_variable
func.func @no_variable(%x: tensor<?x4xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK-NEXT: ml_program.global_load @v
  // CHECK-NEXT: linalg.matmul
  %w = ml_program.global_load @v : tensor<4x1xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
