// Excluded ops are left alone by a last rule, whose names are literal.
// RUN: compress-opt %s --compress-apply-recipe='quantize=w8 prune=2:4 exclude=fc.*,fc1' | FileCheck %s

// CHECK: module attributes {compress.recipe = "{{.*}}quantize: none{{.*}}prune: none{{.*}}"}
compress.weight private @w : tensor<2x4xf32> = dense<1.0>
// CHECK-LABEL: func.func @names
func.func @names(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = compress.load @w : tensor<2x4xf32>
  // CHECK: compress.linear nk {{.*}} {name = "fc1"}
  %a = compress.linear nk %x, %w {name = "fc1"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  // CHECK: compress.linear nk {{.*}} {compress.plan = {{.*}}, name = "fc.2"}
  %b = compress.linear nk %x, %w {name = "fc.2"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  // CHECK: compress.linear nk {{.*}} {name = "fc.*"}
  %c = compress.linear nk %x, %w {name = "fc.*"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %a, %b, %c : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}
