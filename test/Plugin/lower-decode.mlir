// In the stock tool: 2:4 pruned, quantized, a dynamic activation through int8; then nothing of the dialect is left, and
// upstream alone brings it to LLVM. test/Integration/test_hosts.py runs such modules.
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-prune{pattern=2:4},compress-quantize{format=int4 group=4},compress-lower-decode)' -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: %mlir-opt %t.mlir --pass-pipeline='builtin.module(one-shot-bufferize{bufferize-function-boundaries},convert-linalg-to-loops,convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-llvm,convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,convert-cf-to-llvm,reconcile-unrealized-casts)' | FileCheck %s --check-prefix=LLVM
// Canonicalization does not make it dense again.
// RUN: %mlir-opt %t.mlir --canonicalize --cse --sccp --linalg-fuse-elementwise-ops | FileCheck %s --check-prefix=CODES

// CHECK-NOT: compress.
// CHECK-LABEL: func.func @linalg
// LLVM: llvm.func @linalg
// LLVM: llvm.intr.roundeven
// LLVM-NOT: unrealized_conversion_cast
// CODES: arith.constant dense<{{.*}}> : tensor<4x1xi8>
// CODES-NOT: tensor<8x1xf32> =
// CODES: linalg.matmul
func.func @linalg(%x: tensor<?x8xf32>, %init: tensor<?x1xf32>) -> tensor<?x1xf32> {
  // CHECK: math.roundeven
  // Two codes of four bits in each byte.
  // CHECK: arith.constant dense<104> : tensor<2xi8>
  // CHECK: arith.constant dense<{{\[\[}}2], [3], [0], [1]]> : tensor<4x1xi8>
  // CHECK: linalg.generic
  // CHECK: linalg.matmul
  %s = arith.constant dense<0.25> : tensor<f32>
  %f = compress.fake_quantize %x, %s as i8 : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %w = arith.constant dense<[[1.0], [2.0], [4.0], [-3.0], [-8.0], [6.0], [5.0], [0.0]]> : tensor<8x1xf32>
  %y = linalg.matmul ins(%f, %w : tensor<?x8xf32>, tensor<8x1xf32>) outs(%init : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
