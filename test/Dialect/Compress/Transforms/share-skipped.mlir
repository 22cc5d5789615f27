// RUN: compress-opt %s --compress-share-weights --split-input-file --remarks-filter=share --remark-format=emitRemark 2>&1 | FileCheck %s
// RUN: compress-opt %s --compress-share-weights --split-input-file > %t.mlir
// RUN: compress-opt %s --split-input-file | FileCheck %s --check-prefix=SAME
// RUN: FileCheck %s --check-prefix=SAME < %t.mlir

// What has no plan, is encoded, or is tied to another plan keeps its bytes.
// CHECK-DAG: [Missed] {{.*}}weight 'q' of "encoded": it is quantized already
// CHECK-DAG: [Missed] {{.*}}weight 't' of "t0" is left alone: 'compress.linear' "t0" shares its weight with 'compress.linear' "t1", which has another plan
// SAME: @plain : tensor<2x2xf32>
// SAME: @q : tensor<2x2xi8>
// SAME: @t : tensor<2x2xf32>
compress.weight private @plain : tensor<2x2xf32> = dense<1.0>
compress.weight private @q : tensor<2x2xi8> = dense<1>
compress.weight private @s : tensor<f32> = dense<1.0>
compress.weight private @t : tensor<2x2xf32> = dense<2.0>
func.func @kept(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %p = compress.load @plain : tensor<2x2xf32>
  %0 = compress.linear nk %x, %p {name = "plain"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %q = compress.load @q : tensor<2x2xi8>
  %s = compress.load @s : tensor<f32>
  %w = compress.dequantize %q, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %1 = compress.linear nk %0, %w {name = "encoded", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %t0 = compress.load @t : tensor<2x2xf32>
  %2 = compress.linear nk %1, %t0 {name = "t0", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %t1 = compress.load @t : tensor<2x2xf32>
  %3 = compress.linear nk %2, %t1 {name = "t1", compress.plan = #compress.plan<share = "codebook:4">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %3 : tensor<?x2xf32>
}

// -----

// Layers: no blocks, blocks that are not all planned, blocks whose weights are encoded.
// CHECK-DAG: [Missed] {{.*}}function 'no_blocks' has no repeated blocks
// CHECK-DAG: [Missed] {{.*}}1 block from "p0" on: no other one has the same structure
// CHECK-DAG: [Missed] {{.*}}2 blocks from "e0" on: their weights are encoded already
// SAME: @w0
// SAME: @w1
compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
compress.weight private @q0 : tensor<2x2xi8> = dense<1>
compress.weight private @q1 : tensor<2x2xi8> = dense<2>
compress.weight private @s : tensor<f32> = dense<1.0>
func.func @no_blocks(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w0 : tensor<2x2xf32>
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "layers:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
func.func @partly(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "p0", compress.plan = #compress.plan<share = "layers:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a1 = compress.linear nk %x1, %w1 {name = "p1"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %x1, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x2 : tensor<?x2xf32>
}
func.func @encoded(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %s = compress.load @s : tensor<f32>
  %q0 = compress.load @q0 : tensor<2x2xi8>
  %w0 = compress.dequantize %q0, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "e0", compress.plan = #compress.plan<share = "layers:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %q1 = compress.load @q1 : tensor<2x2xi8>
  %w1 = compress.dequantize %q1, %s : (tensor<2x2xi8>, tensor<f32>) -> tensor<2x2xf32>
  %a1 = compress.linear nk %x1, %w1 {name = "e1", compress.plan = #compress.plan<share = "layers:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x2 = compress.add %x1, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x2 : tensor<?x2xf32>
}
