// RUN: %mlir-opt %plugin %s --verify-roundtrip | FileCheck %s
// RUN: %mlir-opt %plugin %s --emit-bytecode | %mlir-opt %plugin | FileCheck %s
// RUN: not %mlir-opt %s 2>&1 | FileCheck %s --check-prefix=STOCK
// RUN: %mlir-opt %plugin %s --pass-pipeline='builtin.module(compress-fold-decode)' | FileCheck %s --check-prefix=DENSE

// STOCK: Dialect `compress' not found
// CHECK: compress.weight private @w.q : tensor<1x2xi4> = dense<{{\[\[}}-8, 7]]>
// DENSE: compress.weight private @w.dense : tensor<1x2xf32> = dense<{{\[\[}}-4.000000e+00, 3.500000e+00]]>
compress.weight private @w.q : tensor<1x2xi4> = dense<[[-8, 7]]>
compress.weight private @w.scale : tensor<f32> = dense<0.5>
// CHECK-LABEL: func.func @dialect
func.func @dialect(%x: tensor<?x2xf32>) -> tensor<?x1xf32> {
  // CHECK: compress.linear nk
  %q = compress.load @w.q : tensor<1x2xi4>
  %s = compress.load @w.scale : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<1x2xi4>, tensor<f32>) -> tensor<1x2xf32>
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
