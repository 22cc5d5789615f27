// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=duplicates+codebook:2})' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=duplicates})' | FileCheck %s --check-prefix=EQUAL

// Constants of other dialects stay constants: equal resources become one, codebooks are constants.
// CHECK-LABEL: func.func @linalg
// CHECK: arith.constant dense<{{.*}}> : tensor<4x8xui1>
// CHECK: arith.constant dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
// CHECK: %[[W:.+]] = compress.lookup
// CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]]
// CHECK: linalg.matmul {{.*}}ins(%{{.+}}, %[[W]]
// EQUAL-LABEL: func.func @linalg
// EQUAL: %[[W:.+]] = arith.constant dense_resource<first> : tensor<4x8xf32>
// EQUAL: linalg.matmul ins(%{{.+}}, %[[W]]
// EQUAL-NEXT: linalg.matmul ins(%{{.+}}, %[[W]]
// EQUAL-NEXT: arith.constant dense_resource<other> : tensor<8x4xf32>
// EQUAL-NOT: dense_resource
func.func @linalg(%x: tensor<?x4xf32>, %o: tensor<?x8xf32>, %p: tensor<?x4xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x4xf32>) {
  %a = arith.constant dense_resource<first> : tensor<4x8xf32>
  %0 = linalg.matmul ins(%x, %a : tensor<?x4xf32>, tensor<4x8xf32>) outs(%o : tensor<?x8xf32>) -> tensor<?x8xf32>
  %b = arith.constant dense_resource<second> : tensor<4x8xf32>
  %1 = linalg.matmul ins(%x, %b : tensor<?x4xf32>, tensor<4x8xf32>) outs(%o : tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = arith.constant dense_resource<other> : tensor<8x4xf32>
  %2 = linalg.matmul ins(%o, %c : tensor<?x8xf32>, tensor<8x4xf32>) outs(%p : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0, %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x4xf32>
}

ml_program.global private @ga(dense<3.0> : tensor<2x2xf32>) : tensor<2x2xf32>
ml_program.global private @gb(dense<3.0> : tensor<2x2xf32>) : tensor<2x2xf32>
// EQUAL-NOT: @gb
// EQUAL-LABEL: func.func @globals
// EQUAL: ml_program.global_load_const @ga
// EQUAL: ml_program.global_load_const @ga
func.func @globals() -> (tensor<2x2xf32>, tensor<2x2xf32>) {
  %a = ml_program.global_load_const @ga : tensor<2x2xf32>
  %b = ml_program.global_load_const @gb : tensor<2x2xf32>
  return %a, %b : tensor<2x2xf32>, tensor<2x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      first: "0x040000000000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F00000040",
      second: "0x040000000000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F000000400000803F00000040",
      other: "0x04000000000000000000803F0000004000004040000080400000A0400000C0400000E0400000004100001041000020410000304100004041000050410000604100007041000080410000884100009041000098410000A0410000A8410000B0410000B8410000C0410000C8410000D0410000D8410000E0410000E8410000F0410000F841"
    }
  }
#-}
