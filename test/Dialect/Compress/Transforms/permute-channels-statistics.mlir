// RUN: %python %S/Inputs/make-statistics.py %t.st '{"down:input": {"min": [-1, -2, -3, -4], "max": [1, 2, 3, 4]}, "up:output": {"min": [-5, -6, -7, -8], "max": [5, 6, 7, 8]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-permute-channels --compress-smooth=alpha=1.0 | FileCheck %s

// The order is 2 0 3 1, of the statistics too: the largest inputs are then 3, 1, 4 and 2, which smoothing
// divides them by.
// CHECK: compress.weight private @{{.+}} : tensor<1x4xf32> = dense<{{\[\[}}3.000000e+00, 9.000000e+00, 8.000000e+00, 1.600000e+01]]>
compress.weight private @up : tensor<4x1xf32> = dense<[[1.0], [2.0], [3.0], [4.0]]>
compress.weight private @down : tensor<1x4xf32> = dense<[[9.0, 8.0, 1.0, 2.0]]>
func.func @mlp(%x: tensor<?x1xf32>) -> tensor<?x1xf32> {
  %up = compress.load @up : tensor<4x1xf32>
  %down = compress.load @down : tensor<1x4xf32>
  %h = compress.linear nk %x, %up {name = "up"} : (tensor<?x1xf32>, tensor<4x1xf32>) -> tensor<?x4xf32>
  %r = compress.relu %h : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = compress.linear nk %r, %down {name = "down", compress.plan = #compress.plan<quantize = "int8,transform=smoothquant", prune = "1:2,method=magnitude,permute=true">} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
