// RUN: compress-run %s --function=make --outputs=%t.npz | count 0
// RUN: compress-calibrate %s --data %t.npz --collect=gram --progress=off -o %t.stats | FileCheck %s

// Ops of other dialects: channels are along the dim that is contracted.
// CHECK: constant:input          5          2            2            3

func.func @main(%x: tensor<2x5xf32> {compress.name = "x"}) -> (tensor<4x5xf32> {compress.name = "y"}) {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<4x5xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<4x5xf32>) -> tensor<4x5xf32>
  %y = linalg.matmul ins(%w, %x : tensor<4x2xf32>, tensor<2x5xf32>) outs(%f : tensor<4x5xf32>) -> tensor<4x5xf32>
  return %y : tensor<4x5xf32>
}
compress.weight private @x : tensor<2x5xf32> = dense<[[2.0, 2.0, 2.0, 2.0, 2.0], [3.0, 3.0, 3.0, 3.0, 3.0]]>
func.func private @make() -> (tensor<2x5xf32> {compress.name = "x"}) {
  %x = compress.load @x : tensor<2x5xf32>
  return %x : tensor<2x5xf32>
}
