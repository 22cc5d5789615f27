// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-collect-streams{data=%t.npz},compress-prune-layers{prune=layer:1})' --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s

// Vectors of images lie along the channels: the first block turns every pixel by 90 degrees, the
// second one makes it longer.
// CHECK: Remark="block "turn": influence 1"
// CHECK: Remark="block "scale": influence 0"
// CHECK: Remark="block "scale" is removed"

compress.weight private @turn : tensor<2x2x1x1xf32> = dense<[[[[-1.0]], [[-1.0]]], [[[1.0]], [[-1.0]]]]>
compress.weight private @scale : tensor<2x2x1x1xf32> = dense<[[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]]>
compress.weight private @x : tensor<1x1x2x1x3xf32> = dense<[[[[[3.0, 0.0, 1.0]], [[4.0, 2.0, 0.0]]]]]>
func.func private @make() -> (tensor<1x1x2x1x3xf32> {compress.name = "x"}) {
  %x = compress.load @x : tensor<1x1x2x1x3xf32>
  return %x : tensor<1x1x2x1x3xf32>
}
func.func @main(%x: tensor<1x2x1x3xf32> {compress.name = "x"}) -> (tensor<1x2x1x3xf32> {compress.name = "y"}) {
  %w0 = compress.load @turn : tensor<2x2x1x1xf32>
  %a0 = compress.conv %x, %w0 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "turn"} : (tensor<1x2x1x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x3xf32>
  %x1 = compress.add %x, %a0 : (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  %w1 = compress.load @scale : tensor<2x2x1x1xf32>
  %a1 = compress.conv %x1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, name = "scale"} : (tensor<1x2x1x3xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x1x3xf32>
  %x2 = compress.add %x1, %a1 : (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  return %x2 : tensor<1x2x1x3xf32>
}
