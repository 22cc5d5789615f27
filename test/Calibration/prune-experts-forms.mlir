// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-raise-moe,compress-prune-experts{data=%t.npz prune=expert:1},compress-expand-composites{ops=moe})' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-raise-moe,compress-prune-experts{data=%t.npz prune=expert:1 tokens=1 allow-unseen})' --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-quantize{format=int4},compress-raise-moe,compress-prune-experts{data=%t.npz prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=QUANTIZED

// ONE: of 1 tokens, its experts got 1, 0, 1
// QUANTIZED: error: 'compress.moe' op expects the router as stored floats, got the compressed weight 'router{{.*}}'; prune experts before that

// A router in the other layout, with a bias: its column goes, and it is used as before.
// CHECK-DAG: compress.weight private @[[$ROUTER:router[_0-9]*]] : tensor<2x2xf32> = dense<{{\[\[}}1.000000e+00, 5.000000e-01], [0.000000e+00, 2.000000e+00]]>
// CHECK-DAG: compress.weight private @[[$BIAS:bias[_0-9]*]] : tensor<2xf32> = dense<[1.000000e+00, 3.000000e+00]>
// CHECK-DAG: compress.weight private @[[$W1:w1[_0-9]*]] : tensor<2x2x1xf32>
// CHECK-DAG: compress.weight private @[[$W2:w2[_0-9]*]] : tensor<2x1x2xf32>
// CHECK-LABEL: func.func @main
// CHECK-NOT: compress.transpose %router
// CHECK: %[[R:.+]] = compress.load @[[$ROUTER]]
// CHECK: compress.linear kn %{{.+}}, %[[R]] bias %{{.+}} {name = "gate"}
// CHECK: compress.matmul {{.+}} {name = "up"} : (tensor<1x3x2xf32>, tensor<2x2x1xf32>) -> tensor<2x3x1xf32>
// CHECK: compress.matmul {{.+}} {name = "down"}
compress.weight private @router : tensor<2x3xf32> = dense<[[1.0, 0.0, 0.5], [0.0, 1.0, 2.0]]>
compress.weight private @bias : tensor<3xf32> = dense<[1.0, -5.0, 3.0]>
compress.weight private @w1 : tensor<3x2x1xf32> = dense<1.0>
compress.weight private @w2 : tensor<3x1x2xf32> = dense<[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]>
compress.weight private @x : tensor<2x3x2xf32> = dense<[[[1.0, 2.0], [1.0, 8.0], [0.5, 2.5]], [[0.0, 1.0], [2.0, 9.0], [-1.0, 1.0]]]>
func.func private @make() -> (tensor<2x3x2xf32> {compress.name = "x"}) {
  %x = compress.load @x : tensor<2x3x2xf32>
  return %x : tensor<2x3x2xf32>
}
func.func @main(%x: tensor<3x2xf32> {compress.name = "x"}) -> (tensor<3x2xf32> {compress.name = "y"}) {
  %r = compress.load @router : tensor<2x3xf32>
  %b = compress.load @bias : tensor<3xf32>
  %logits = compress.linear kn %x, %r bias %b {name = "gate"} : (tensor<3x2xf32>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  %k = compress.constant dense<2> : tensor<1xi64>
  %v, %i = compress.top_k %logits, %k {axis = 1 : i64} : (tensor<3x3xf32>, tensor<1xi64>) -> (tensor<3x2xf32>, tensor<3x2xi64>)
  %n = compress.softmax %v {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %zeros = compress.constant dense<0.0> : tensor<3x3xf32>
  %sc = compress.scatter_elements none %zeros, %i, %n {axis = 1 : i64} : (tensor<3x3xf32>, tensor<3x2xi64>, tensor<3x2xf32>) -> tensor<3x3xf32>
  %t = compress.unsqueeze %x {axes = array<i64: 0>} : (tensor<3x2xf32>) -> tensor<1x3x2xf32>
  %w1 = compress.load @w1 : tensor<3x2x1xf32>
  %h = compress.matmul %t, %w1 {name = "up"} : (tensor<1x3x2xf32>, tensor<3x2x1xf32>) -> tensor<3x3x1xf32>
  %a = compress.relu %h : (tensor<3x3x1xf32>) -> tensor<3x3x1xf32>
  %w2 = compress.load @w2 : tensor<3x1x2xf32>
  %o = compress.matmul %a, %w2 {name = "down"} : (tensor<3x3x1xf32>, tensor<3x1x2xf32>) -> tensor<3x3x2xf32>
  %tr = compress.transpose %sc {perm = array<i64: 1, 0>} : (tensor<3x3xf32>) -> tensor<3x3xf32>
  %u = compress.unsqueeze %tr {axes = array<i64: 2>} : (tensor<3x3xf32>) -> tensor<3x3x1xf32>
  %wo = compress.mul %o, %u : (tensor<3x3x2xf32>, tensor<3x3x1xf32>) -> tensor<3x3x2xf32>
  %y = compress.reduce sum %wo {axes = array<i64: 0>, keepdims = false} : (tensor<3x3x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}
