// RUN: foo-opt %s --pass-pipeline='builtin.module(compress-print-groups)' -o /dev/null 2>&1 | FileCheck %s

// A dim that is cut into heads has whole heads as units; the result of the function cannot shrink.
// CHECK: blocked: {{.*}}result
func.func @heads(%x: tensor<?x8xf32>) -> tensor<?x2x4xf32> {
  %w = foo.parameter "proj" dense<1.0> : tensor<8x8xf32>
  %b = foo.parameter "proj.bias" dense<0.0> : tensor<8xf32>
  %y = foo.dense %x, %w, %b : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %h = foo.heads %y into 2 : (tensor<?x8xf32>) -> tensor<?x2x4xf32>
  return %h : tensor<?x2x4xf32>
}
