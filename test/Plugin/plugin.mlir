// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-prune{pattern=2:4},compress-quantize{format=int4 group=4},compress-verify-chains)' | FileCheck %s
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-apply-recipe{quantize=int4,group=4 prune=2:4},compress-weights,canonicalize,cse)' | FileCheck %s
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-prune{pattern=2:4})' --remarks-filter=prune -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The stock tool parses the dialect and runs the passes on its own ops.
// CHECK-LABEL: func.func @linalg
// REMARK: remark: {{.*}}weight 'constant' of "constant": 2:4
func.func @linalg(%x: tensor<?x8xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK-DAG: %[[Q:.+]] = arith.constant dense<{{\[\[}}-8], [6], [-8], [6]]> : tensor<4x1xi4>
  // CHECK-DAG: %[[META:.+]] = arith.constant dense<{{\[\[}}2], [3], [0], [1]]> : tensor<4x1xi8>
  // CHECK-DAG: %[[S:.+]] = arith.constant dense<{{\[\[}}-5.000000e-01], [1.000000e+00]]> : tensor<2x1xf32>
  // CHECK-DAG: %[[CODES:.+]] = compress.expand_nm %[[Q]], %[[META]] {axis = 0 : i64, m = 4 : i64, n = 2 : i64}
  // CHECK: %[[W:.+]] = compress.dequantize %[[CODES]], %[[S]] {block = array<i64: 4, 1>}
  // CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]] :
  %w = arith.constant dense<[[1.0], [2.0], [4.0], [-3.0], [-8.0], [6.0], [5.0], [0.0]]> : tensor<8x1xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x8xf32>, tensor<8x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
