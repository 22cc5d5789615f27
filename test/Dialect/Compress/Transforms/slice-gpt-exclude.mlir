// A layer of the stream that is excluded by name leaves all of it alone, also an embedding table, which no rule would select.
// RUN: compress-opt %s --compress-apply-recipe='prune=slice:0.5 exclude=down' --compress-slice-gpt --remarks-filter=prune 2>&1 | FileCheck %s -DNAME=down
// RUN: compress-opt %s --compress-apply-recipe='prune=slice:0.5 exclude=embed' --compress-slice-gpt --remarks-filter=prune 2>&1 | FileCheck %s -DNAME=embed

// CHECK: residual stream of 4 channels is not sliced: "[[NAME]]" is excluded
// CHECK-LABEL: func.func @main
// CHECK: compress.embedding %{{.+}}, %{{.+}} {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
compress.weight private @table : tensor<3x4xf32> = dense<1.0>
compress.weight private @one : tensor<4xf32> = dense<1.0>
compress.weight private @scale : tensor<4xf32> = dense<2.0>
compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @main(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %one = compress.load @one : tensor<4xf32>
  %n = compress.rms_norm %x, %one {axis = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %w = compress.load @w : tensor<4x4xf32>
  %a = compress.linear nk %n, %w {name = "up"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %d = compress.linear nk %a, %w {name = "down"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = compress.add %x, %d : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = compress.linear nk %y, %w {name = "head"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %h : tensor<?x4xf32>
}
