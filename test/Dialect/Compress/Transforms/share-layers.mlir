// RUN: compress-opt %s --compress-share-weights | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --compress-share-weights | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights,compress-share-weights{share=layers:1})' | FileCheck %s --check-prefix=ONE
// RUN: compress-opt %s --compress-share-weights --remarks-filter=share --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=layers:2,layers=kmeans})' | FileCheck %s --check-prefix=KMEANS
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=layers:3})' --remarks-filter=share --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ENOUGH

// Three blocks become two sets of weights (blocks 0 and 1, then 2): the means of their weights and
// biases. What is used elsewhere, too, stays. Plans are gone afterwards.
// CHECK-DAG: compress.weight private @w0.shared : tensor<2x2xf32> = dense<2.000000e+00>
// CHECK-DAG: compress.weight private @b0.shared : tensor<2xf32> = dense<[2.000000e+00, 3.000000e+00]>
// CHECK-DAG: compress.weight private @w2 : tensor<2x2xf32> = dense<1.200000e+00>
// CHECK-DAG: compress.weight private @g0
// CHECK-DAG: compress.weight private @g1
// CHECK-LABEL: func.func @main
// CHECK: %[[W0:.+]] = compress.load @[[W:.+]] : tensor<2x2xf32>
// CHECK: %[[B0:.+]] = compress.load @[[B:.+]] : tensor<2xf32>
// CHECK: compress.linear nk %{{.+}}, %[[W0]] bias %[[B0]] {name = "up0"}
// CHECK: compress.load @g0
// CHECK: %[[W1:.+]] = compress.load @[[W]] :
// CHECK: %[[B1:.+]] = compress.load @[[B]] :
// CHECK: compress.linear nk %{{.+}}, %[[W1]] bias %[[B1]] {name = "up1"}
// CHECK: compress.load @g1
// CHECK: compress.load @w2
// CHECK: compress.load @b2
// REMARK: remark: [Missed] {{.*}}weight 'g0' of blocks "up0", "up1" is not shared: it is also used elsewhere
// REMARK: remark: [Passed] {{.*}}blocks "up0", "up1" have one set of weights, the mean of theirs
// REMARK: remark: [Analysis] {{.*}}layers shared 3 to 2; needs recovery training

// Of the three, the first and the last are close to each other.
// KMEANS-DAG: : tensor<2x2xf32> = dense<1.100000e+00>
// KMEANS-DAG: @w1 : tensor<2x2xf32> = dense<3.000000e+00>
// KMEANS-LABEL: func.func @main
// KMEANS: compress.load @[[W:.+]] : tensor<2x2xf32>
// KMEANS: "up0"
// KMEANS: compress.load @w1 : tensor<2x2xf32>
// KMEANS: "up1"
// KMEANS: compress.load @[[W]] : tensor<2x2xf32>
// KMEANS: "up2"

// What is shared already can be shared further: the mean of the means counts each block once.
// ONE-DAG: : tensor<2x2xf32> = dense<1.73333335>
// ONE-LABEL: func.func @main
// ONE: compress.load @[[W:.+]] : tensor<2x2xf32>
// ONE: "up0"
// ONE: compress.load @[[W]] :
// ONE: "up1"
// ONE: compress.load @[[W]] :
// ONE: "up2"

// ENOUGH: remark: [Missed] {{.*}}3 blocks from "up0" on: each keeps its weights, 3 sets are allowed
// ENOUGH: compress.load @w0
// ENOUGH: compress.load @w1
// ENOUGH: compress.load @w2
compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<3.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<1.2>
compress.weight private @b0 : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @b1 : tensor<2xf32> = dense<[3.0, 4.0]>
compress.weight private @b2 : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @g0 : tensor<2xf32> = dense<[1.0, 2.0]>
compress.weight private @g1 : tensor<2xf32> = dense<[1.0, 3.0]>
compress.weight private @g2 : tensor<2xf32> = dense<[1.0, 4.0]>
func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %b0 = compress.load @b0 : tensor<2xf32>
  %a0 = compress.linear nk %x, %w0 bias %b0 {name = "up0", compress.plan = #compress.plan<share = "layers:2">} : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %g0 = compress.load @g0 : tensor<2xf32>
  %s0 = compress.mul %a0, %g0 : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x, %s0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %b1 = compress.load @b1 : tensor<2xf32>
  %a1 = compress.linear nk %x1, %w1 bias %b1 {name = "up1", compress.plan = #compress.plan<share = "layers:2">} : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %g1 = compress.load @g1 : tensor<2xf32>
  %s1 = compress.mul %a1, %g1 : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %x1, %s1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %b2 = compress.load @b2 : tensor<2xf32>
  %a2 = compress.linear nk %x2, %w2 bias %b2 {name = "up2", compress.plan = #compress.plan<share = "layers:2">} : (tensor<?x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %g2 = compress.load @g2 : tensor<2xf32>
  %s2 = compress.mul %a2, %g2 : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %x3 = compress.add %x2, %s2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %g = compress.load @g0 : tensor<2xf32>
  %y = compress.mul %x3, %g : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

