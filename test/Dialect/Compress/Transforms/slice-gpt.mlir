// RUN: %python %S/Inputs/make-statistics.py %t.st '{"up:input": {"channels": 4, "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[4, 0, 0, 0], [0, 1, 0, 0], [0, 0, 81, 0], [0, 0, 0, 2]]]}, "head:input": {"channels": 4, "groups": 1, "features": 4, "gram_vectors": 2, "gram": [[[2, 0, 0, 0], [0, 32, 0, 0], [0, 0, 0.5, 0], [0, 0, 0, 1]]]}}'
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-slice-gpt | FileCheck %s
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-slice-gpt --compress-slice-gpt | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.st},compress-slice-gpt{prune=slice:0.5})' | FileCheck %s
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.st},compress-slice-gpt,compress-slice-gpt{prune=slice:0.5})' 2>&1 | FileCheck %s --check-prefix=AGAIN
// RUN: compress-opt %s --compress-load-statistics=file=%t.st --compress-slice-gpt --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK

// Inputs are other ones now: their statistics are gone.
// AGAIN: needs the Gram matrix of the inputs of {{.+}} in the statistics, and there are none of

// Without the scales 1 1 3 1 and 1 2 1 1, the Gram matrices have the diagonals 4 1 9 2 and 2 8 1/2 1: what is left are
// the directions e2, e0 before the first norm and e1, e0 before the second one.
// REMARK-DAG: remark: [Analysis] compress-slice-gpt | Category:prune | Remark="2 of 4 directions before "up" have 81.25 % of the energy"
// REMARK-DAG: remark: [Analysis] compress-slice-gpt | Category:prune | Remark="2 of 4 directions before "head" have 86.9 % of the energy"
// REMARK-DAG: Remark="residual stream of 4 channels has weights that are not planned, but sliced with it: head, embed"
// REMARK-DAG: Remark="weight 'table' is not shared any more: its 2 uses change it in different ways"
// REMARK-DAG: Remark=""up" sliced 2x4 -> 2x2"
// REMARK-DAG: Remark=""down.shortcut" shortcut"
// REMARK-DAG: Remark="residual stream of 4 channels is sliced to 2 (writers: 2, readers: 2, norms: 2, shortcuts: 1 of 4 parameters)"
// 12 + 8 + 8 + 4 + 4 + 4 before; 6 + 6 + 4 + 4 + 2 + 2 + 4 after.
// REMARK-DAG: Remark="parameters: 40 -> 28"

// The table is both embedding, with its columns 2 and 0, and head, with the columns 1 and 0 times the scale 2 and 1.
// CHECK-DAG: compress.weight private @table.sliced : tensor<3x2xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00], [0.000000e+00, 0.000000e+00], [2.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @table.sliced_0 : tensor<3x2xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00], [8.000000e+00, 0.000000e+00], [0.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @up.sliced : tensor<2x2xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00], [6.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @down.sliced : tensor<2x2xf32> = dense<{{\[\[}}0.000000e+00, 2.000000e+00], [2.000000e+00, 0.000000e+00]]>
// CHECK-DAG: compress.weight private @bias.sliced : tensor<2xf32> = dense<[0.000000e+00, 5.000000e+00]>
// Only e0 is in both.
// CHECK-DAG: compress.weight private @down.shortcut : tensor<2x2xf32> = dense<{{\[\[}}0.000000e+00, 0.000000e+00], [0.000000e+00, 1.000000e+00]]>
// sqrt(4 / 2), and epsilon is twice what it was: the norms still divide by 4.
// CHECK-DAG: compress.weight private @sliced_norm.4 : tensor<2xf32> = dense<1.41421354>
// CHECK-NOT: compress.weight
compress.weight private @table : tensor<3x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]>
compress.weight private @up : tensor<2x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0]]>
compress.weight private @down : tensor<2x4xf32> = dense<[[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 1.0]]>
compress.weight private @bias : tensor<4xf32> = dense<[5.0, 0.0, 2.0, 0.0]>
compress.weight private @n0 : tensor<4xf32> = dense<[1.0, 1.0, 3.0, 1.0]>
compress.weight private @n1 : tensor<4xf32> = dense<[1.0, 2.0, 1.0, 1.0]>
// CHECK-LABEL: func.func @decoder
func.func @decoder(%ids: tensor<?x?xi64>) -> tensor<?x?x3xf32> {
  // CHECK: %[[X:.+]] = compress.embedding %table.sliced, %{{.+}} {name = "embed"} : (tensor<3x2xf32>, tensor<?x?xi64>) -> tensor<?x?x2xf32>
  // CHECK: %[[N:.+]] = compress.rms_norm %[[X]], %sliced_norm.4{{.*}} {axis = 2 : i64, epsilon = 2.000000e-06 : f32}
  // CHECK: compress.linear nk %[[N]], %up.sliced {name = "up"} : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  // CHECK: %[[D:.+]] = compress.linear kn %{{.+}}, %down.sliced bias %bias.sliced {name = "down"}
  // CHECK: %[[S:.+]] = compress.linear kn %[[X]], %down.shortcut {name = "down.shortcut"} : (tensor<?x?x2xf32>, tensor<2x2xf32>) -> tensor<?x?x2xf32>
  // CHECK: %[[Y:.+]] = compress.add %[[S]], %[[D]]
  // CHECK: %[[M:.+]] = compress.rms_norm %[[Y]]
  // CHECK: compress.linear nk %[[M]], %table.sliced_0 {name = "head"} : (tensor<?x?x2xf32>, tensor<3x2xf32>) -> tensor<?x?x3xf32>
  %table = compress.load @table : tensor<3x4xf32>
  %x = compress.embedding %table, %ids {name = "embed"} : (tensor<3x4xf32>, tensor<?x?xi64>) -> tensor<?x?x4xf32>
  %n0 = compress.load @n0 : tensor<4xf32>
  %n = compress.rms_norm %x, %n0 {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %up = compress.load @up : tensor<2x4xf32>
  %h = compress.linear nk %n, %up {name = "up", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x?x4xf32>, tensor<2x4xf32>) -> tensor<?x?x2xf32>
  %r = compress.relu %h : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %down = compress.load @down : tensor<2x4xf32>
  %bias = compress.load @bias : tensor<4xf32>
  %d = compress.linear kn %r, %down bias %bias {name = "down", compress.plan = #compress.plan<prune = "slice:0.5">} : (tensor<?x?x2xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %y = compress.add %x, %d : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %n1 = compress.load @n1 : tensor<4xf32>
  %m = compress.rms_norm %y, %n1 {axis = 2 : i64, epsilon = 1.0e-6 : f32} : (tensor<?x?x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %logits = compress.linear nk %m, %table {name = "head"} : (tensor<?x?x4xf32>, tensor<3x4xf32>) -> tensor<?x?x3xf32>
  return %logits : tensor<?x?x3xf32>
}
