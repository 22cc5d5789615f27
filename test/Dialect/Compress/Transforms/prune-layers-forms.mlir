// RUN: compress-opt %s --split-input-file --compress-prune-layers | FileCheck %s
// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune-layers{prune=layer:0})' | FileCheck %s --check-prefix=NONE

// NONE-COUNT-10: compress.linear

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<3.0>
compress.weight private @w3 : tensor<2x2xf32> = dense<4.0>

// Attention and feed-forward parts are one block, with the norm after the addition (relu here).
// CHECK-LABEL: func.func @two_additions
// CHECK: "a0"
// CHECK: "b0"
// CHECK: %[[N:.+]] = compress.relu
// CHECK-NOT: compress.linear
// CHECK: return %[[N]]
func.func @two_additions(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %w3 = compress.load @w3 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "a0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %s0 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %n0 = compress.relu %s0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %b0 = compress.linear nk %n0, %w1 {name = "b0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %t0 = compress.tanh %b0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %u0 = compress.add %n0, %t0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %m0 = compress.relu %u0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %m0, %w2 {name = "a1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %s1 = compress.add %m0, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %n1 = compress.relu %s1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %b1 = compress.linear nk %n1, %w3 {name = "b1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %t1 = compress.tanh %b1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  %u1 = compress.add %n1, %t1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %m1 = compress.relu %u1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %m1 : tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<3.0>

// Of three blocks only the first two are planned.
// CHECK-LABEL: func.func @planned_only
// CHECK: "f0"
// CHECK-NOT: "f1"
// CHECK: "f2"
func.func @planned_only(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %a0, %x : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %a1, %x0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a2 = compress.linear nk %x1, %w2 {name = "f2"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %a2, %x1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x2 : tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
compress.weight private @w2 : tensor<2x2xf32> = dense<3.0>

// Nothing asks for it.
// CHECK-LABEL: func.func @no_plan
// CHECK-COUNT-3: compress.linear
func.func @no_plan(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %w2 = compress.load @w2 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "2:4">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x0, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a2 = compress.linear nk %x1, %w2 {name = "f2"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %x1, %a2 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x2 : tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2x1x1xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2x1x1xf32> = dense<2.0>
compress.weight private @w2 : tensor<2x2x1x1xf32> = dense<3.0>

// Blocks of a stage of a ResNet: with the relu behind the addition. The first convolution is none.
// CHECK-LABEL: func.func @images
// CHECK: %[[STEM:.+]] = compress.conv {{.+}} name = "stem"
// CHECK: %[[X:.+]] = compress.relu %[[STEM]]
// CHECK: %[[A:.+]] = compress.conv %[[X]], {{.+}} name = "c0"
// CHECK: %[[B:.+]] = compress.add %[[A]], %[[X]]
// CHECK: %[[Y:.+]] = compress.relu %[[B]]
// CHECK-NOT: compress.conv
// CHECK: compress.reduce mean %[[Y]]
func.func @images(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32> {
  %w0 = compress.load @w0 : tensor<2x2x1x1xf32>
  %s = compress.conv %x, %w0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "stem"} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %x0 = compress.relu %s : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %w1 = compress.load @w1 : tensor<2x2x1x1xf32>
  %a0 = compress.conv %x0, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "c0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %b0 = compress.add %a0, %x0 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %x1 = compress.relu %b0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %w2 = compress.load @w2 : tensor<2x2x1x1xf32>
  %a1 = compress.conv %x1, %w2 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "c1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %b1 = compress.add %a1, %x1 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %x2 = compress.relu %b1 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %m = compress.reduce mean %x2 {axes = array<i64: 2, 3>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  return %m : tensor<1x2x1x1xf32>
}
