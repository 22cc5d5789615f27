// RUN: compress-opt %s --compress-insert-fake-quant='format=int4 group=4' --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-insert-fake-quant='format=int4 group=4 asymmetric' --split-input-file | FileCheck %s --check-prefix=ASYM
// RUN: compress-opt %s --compress-insert-fake-quant='format=nf4 group=4' --split-input-file | FileCheck %s --check-prefix=NF4

// Weights of foreign modules; everything stays a constant of their own kind.
// CHECK-LABEL: func.func @linalg
// ASYM-LABEL: func.func @linalg
// NF4-LABEL: func.func @linalg
func.func @linalg(%x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[W:.+]] = arith.constant dense<{{.*}}> : tensor<4x2xf32>
  // CHECK-DAG: %[[S:.+]] = arith.constant dense<{{.*}}> : tensor<1x2xf32>
  // CHECK: %[[F:.+]] = compress.fake_quantize %[[W]], %[[S]] as i4 {block = array<i64: 4, 1>}
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[F]] :
  // ASYM: compress.fake_quantize %{{.+}}, %{{.+}}, %{{.+}} as i4
  // NF4: compress.fake_quantize %{{.+}}, %{{.+}} as ui4 table %{{.+}} {block = array<i64: 4, 1>}
  %w = arith.constant dense<[[1.0, 8.0], [2.0, 7.0], [3.0, 6.0], [4.0, 5.0]]> : tensor<4x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @tosa
func.func @tosa(%x: tensor<1x4x4x4xf32>) -> tensor<1x4x4x2xf32> {
  // CHECK: %[[S:.+]] = "tosa.const"() <{values = dense<{{.*}}> : tensor<2x1x1x1xf32>}>
  // CHECK: %[[F:.+]] = compress.fake_quantize %{{.+}}, %[[S]] as i4 {block = array<i64: 1, 1, 1, 4>}
  // CHECK: tosa.conv2d %{{.+}}, %[[F]],
  %w = "tosa.const"() <{values = dense<[[[[1.0, 2.0, 3.0, 4.0]]], [[[8.0, 7.0, 6.0, 5.0]]]]> : tensor<2x1x1x4xf32>}> : () -> tensor<2x1x1x4xf32>
  %b = "tosa.const"() <{values = dense<0.0> : tensor<2xf32>}> : () -> tensor<2xf32>
  %z = "tosa.const"() <{values = dense<0.0> : tensor<1xf32>}> : () -> tensor<1xf32>
  %y = tosa.conv2d %x, %w, %b, %z, %z {acc_type = f32, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>}
     : (tensor<1x4x4x4xf32>, tensor<2x1x1x4xf32>, tensor<2xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// -----

// In both branches, and for a weight that both use.
// CHECK-LABEL: func.func @branches
func.func @branches(%c: i1, %x: tensor<?x4xf32>, %init: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[F:.+]] = compress.fake_quantize
  // CHECK: scf.if
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[F]] :
  // CHECK: %[[G:.+]] = compress.fake_quantize
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[F]] :
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[G]] :
  %w = arith.constant dense<1.0> : tensor<4x2xf32>
  %y = scf.if %c -> tensor<?x2xf32> {
    %0 = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
    scf.yield %0 : tensor<?x2xf32>
  } else {
    %v = arith.constant dense<2.0> : tensor<4x2xf32>
    %0 = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x2xf32>) outs(%init : tensor<?x2xf32>) -> tensor<?x2xf32>
    %1 = linalg.matmul ins(%x, %v : tensor<?x4xf32>, tensor<4x2xf32>) outs(%0 : tensor<?x2xf32>) -> tensor<?x2xf32>
    scf.yield %1 : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}
