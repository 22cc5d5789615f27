// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-pipeline{quantize=int4,group=8 prune=2:4})' --dump-pass-pipeline 2>&1 | FileCheck %s
// RUN: compress-opt %s --quantize=int4,group=8 --prune=2:4 --dump-pass-pipeline 2>&1 | FileCheck %s

// Clean up, plan, compress, check.
// CHECK: compress-inline-onnx-functions
// CHECK-NEXT: compress-normalize-onnx
// CHECK-NEXT: compress-fold-batch-norm
// CHECK-NEXT: compress-fold-constants
// CHECK-NEXT: compress-remove-dead-weights
// CHECK-NEXT: compress-clean-quantization
// CHECK-NEXT: compress-fold-masks
// CHECK-NEXT: compress-apply-recipe
// CHECK-NEXT: compress-weights
// CHECK-NEXT: compress-quantize-activations
// CHECK-NEXT: compress-verify-chains
// CHECK-NEXT: compress-remove-dead-weights

// No node, mask or dense weight is left.
// CHECK-NOT: compress.onnx "
// CHECK-NOT: compress.mask
// CHECK: compress.weight private @w.q : tensor<4x2xi4>
// CHECK-NOT: @w :
// CHECK: compress.expand_nm
// CHECK: compress.dequantize
// CHECK: compress.linear kn
compress.weight private @w : tensor<8x2xf32> = dense<1.0>
func.func @main(%x: tensor<?x8xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<8x2xf32>
  %y = compress.onnx "MatMul"(%x, %w) {node_name = "fc", result_names = ["y"], version = 17 : i64}
     : (tensor<?x8xf32>, tensor<8x2xf32>) -> !compress.onnx_value
  %z = compress.onnx "Identity"(%y) {node_name = "id", result_names = ["z"], version = 17 : i64}
     : (!compress.onnx_value) -> tensor<?x2xf32>
  return %z : tensor<?x2xf32>
}
