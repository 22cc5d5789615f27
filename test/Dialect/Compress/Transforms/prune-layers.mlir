// RUN: compress-opt %s --compress-prune-layers | FileCheck %s
// RUN: compress-opt %s --compress-prune-layers --compress-prune-layers | FileCheck %s
// RUN: compress-opt %s --compress-prune-layers --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-prune-layers{prune=layer:2,method=last})' | FileCheck %s --check-prefix=OPTION

// REMARK: remark: [Passed] compress-prune-layers | Category:prune | Remark="block "up2" is removed"

// CHECK-DAG: compress.weight private @w0
// CHECK-DAG: compress.weight private @w1
// CHECK-NOT: @w2
// OPTION: compress.weight private @w0
// OPTION-NOT: @w1
// OPTION-NOT: @w2
compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<3.0>

// The last of three blocks goes. What was asked for is done once: plans are gone afterwards.
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.+]]: tensor<?x2xf32>, %[[MASK:.+]]: tensor<?x2xf32>)
// CHECK: %[[A:.+]] = compress.linear nk %[[X]], %{{.+}} {name = "up0"}
// CHECK: %[[B:.+]] = compress.mul %[[A]], %[[MASK]]
// CHECK: %[[X1:.+]] = compress.add %[[X]], %[[B]]
// CHECK: compress.linear nk %[[X1]], %{{.+}} {name = "up1"}
// CHECK: %[[X2:.+]] = compress.add
// CHECK-NOT: compress.linear
// CHECK: %[[Y:.+]] = compress.relu %[[X2]]
// CHECK: return %[[Y]]
// OPTION-LABEL: func.func @main
// OPTION: compress.linear {{.+}} "up0"
// OPTION: %[[X1:.+]] = compress.add
// OPTION: compress.relu %[[X1]]
func.func @main(%x: tensor<?x2xf32>, %mask: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "up0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b0 = compress.mul %a0, %mask : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x, %b0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a1 = compress.linear nk %x1, %w1 {name = "up1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b1 = compress.mul %a1, %mask : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %x1, %b1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %a2 = compress.linear nk %x2, %w2 {name = "up2", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b2 = compress.mul %a2, %mask : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x3 = compress.add %x2, %b2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %y = compress.relu %x3 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
