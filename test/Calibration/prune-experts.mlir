// RUN: compress-opt %s --compress-prune-experts=data=%S/Inputs/samples.npz | FileCheck %s
// RUN: compress-opt %s --compress-prune-experts=data=%S/Inputs/samples.npz --compress-prune-experts | FileCheck %s
// RUN: compress-opt %s --compress-prune-experts=data=%S/Inputs/samples.npz --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz prune=expert:0 skip})' | FileCheck %s --check-prefix=SKIP
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz prune=expert:1,method=greedy,progressive})' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{prune=expert:0})' | FileCheck %s --check-prefix=NONE

// Logits of the two tokens are (1, 3, 2) and (4, 6, -5): the first one goes to experts 1 and 2, the
// second one to 1 and 0. Without expert 0 the second token loses 9 * 5 * softmax(4, 6)[0] in each of
// its three elements.
// REMARK: Remark="mixture of experts "moe0": of 2 tokens, its experts got 1, 2, 1"
// REMARK: Remark="mixture of experts "moe0": removed expert 0 of 3 (the best of 3 choices), loss 9.291"

// CHECK-DAG: compress.weight private @[[ROUTER:.+]] : tensor<2x3xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00, 1.000000e+00], [0.000000e+00, 1.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @[[W2:.+]] : tensor<2x1x3xf32> = dense<{{\[\[\[}}1.000000e+00, 1.000000e+00, 1.000000e+00]], {{\[\[}}-1.000000e+00, -1.000000e+00, -1.000000e+00]]]>
// CHECK-NOT: tensor<3x1x3xf32>
// NONE: compress.weight private @router : tensor<3x3xf32>
compress.weight private @router : tensor<3x3xf32> = dense<[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]>
compress.weight private @w1 : tensor<3x3x1xf32> = dense<1.0>
compress.weight private @w2 : tensor<3x1x3xf32> = dense<[[[10.0, 10.0, 10.0]], [[1.0, 1.0, 1.0]], [[-1.0, -1.0, -1.0]]]>

// Ratios are exp(-1) and exp(-2).
// SKIP: compress.moe
// SKIP-SAME: skip_threshold = 0.251607358 : f32
// SKIP-SAME: tensor<3x3x1xf32>
// CHECK-LABEL: func.func @main
// CHECK: compress.moe %{{.+}} router %{{.+}} experts %{{.+}}, %{{.+}} {activation = #compress<moe_activation relu>, k = 2 : i64, name = "moe0", parts = {router = {name = "r"}, w1 = {name = "up"}, w2 = {name = "down"}}} : (tensor<?x3xf32>, tensor<2x3xf32>, tensor<2x3x1xf32>, tensor<2x1x3xf32>) -> tensor<?x3xf32>
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x3xf32> {compress.name = "y"}) {
  %r = compress.load @router : tensor<3x3xf32>
  %w1 = compress.load @w1 : tensor<3x3x1xf32>
  %w2 = compress.load @w2 : tensor<3x1x3xf32>
  %y = compress.moe %x router %r experts %w1, %w2 {activation = #compress<moe_activation relu>, k = 2 : i64, name = "moe0", parts = {router = {name = "r"}, w1 = {name = "up", plan = #compress.plan<prune = "expert:1">}, w2 = {name = "down", plan = #compress.plan<prune = "expert:1">}}} : (tensor<?x3xf32>, tensor<3x3xf32>, tensor<3x3x1xf32>, tensor<3x1x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
