// Weights are packed once for each chain, not once for each name of a source.

// RUN: compress-run %s --function=make --outputs=%t.npz | count 0

// The same codes with different scales.
// RUN: compress-run %s --function=scales --inputs=%t.npz | FileCheck %s --check-prefix=SCALES
// SCALES: y: f32[1,70] min 32 max 32 mean 32
// SCALES-NEXT: z: f32[1,70] min 128 max 128 mean 128

// A weight as it is, and masked.
// RUN: compress-run %s --function=masked --inputs=%t.npz | FileCheck %s --check-prefix=MASKED
// MASKED: y: f32[1,70] min 64 max 64 mean 64
// MASKED-NEXT: z: f32[1,70] min 0 max 0 mean 0

// Constants have no names.
// RUN: compress-run %s --function=constants --inputs=%t.npz | FileCheck %s --check-prefix=CONSTANTS
// CONSTANTS: y: f32[1,2] min 64 max 64 mean 64
// CONSTANTS-NEXT: z: f32[1,2] min 128 max 128 mean 128

// The same chain twice is packed once.
// RUN: compress-run %s --function=twice --inputs=%t.npz --print-plan | FileCheck %s --check-prefix=TWICE
// TWICE: weights: 1,

compress.weight private @one : tensor<1x64xf32> = dense<1.0>
compress.weight private @w : tensor<64x70xf32> = dense<1.0>
compress.weight private @m : tensor<64x70xi1> = dense<false>
compress.weight private @q : tensor<64x70xi8> = dense<1>
compress.weight private @s : tensor<1x70xf32> = dense<0.5>
compress.weight private @t : tensor<1x70xf32> = dense<2.0>

func.func private @make() -> (tensor<1x64xf32> {compress.name = "x"}) {
  %0 = compress.load @one : tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

func.func private @scales(%x: tensor<1x64xf32> {compress.name = "x"})
    -> (tensor<1x70xf32> {compress.name = "y"}, tensor<1x70xf32> {compress.name = "z"}) {
  %q = compress.load @q : tensor<64x70xi8>
  %s = compress.load @s : tensor<1x70xf32>
  %t = compress.load @t : tensor<1x70xf32>
  %w = compress.dequantize %q, %s {block = array<i64: -1, 1>} : (tensor<64x70xi8>, tensor<1x70xf32>) -> tensor<64x70xf32>
  %v = compress.dequantize %q, %t {block = array<i64: -1, 1>} : (tensor<64x70xi8>, tensor<1x70xf32>) -> tensor<64x70xf32>
  %y = compress.linear kn %x, %w {name = "a"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  %z = compress.linear kn %x, %v {name = "b"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  return %y, %z : tensor<1x70xf32>, tensor<1x70xf32>
}

func.func private @masked(%x: tensor<1x64xf32> {compress.name = "x"})
    -> (tensor<1x70xf32> {compress.name = "y"}, tensor<1x70xf32> {compress.name = "z"}) {
  %w = compress.load @w : tensor<64x70xf32>
  %m = compress.load @m : tensor<64x70xi1>
  %v = compress.mask %w, %m : tensor<64x70xf32>, tensor<64x70xi1>
  %y = compress.linear kn %x, %w {name = "a"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  %z = compress.linear kn %x, %v {name = "b"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  return %y, %z : tensor<1x70xf32>, tensor<1x70xf32>
}

func.func private @constants(%x: tensor<1x64xf32> {compress.name = "x"})
    -> (tensor<1x2xf32> {compress.name = "y"}, tensor<1x2xf32> {compress.name = "z"}) {
  %a = arith.constant dense<1.0> : tensor<64x2xf32>
  %b = arith.constant dense<2.0> : tensor<64x2xf32>
  %y = compress.linear kn %x, %a {name = "a"} : (tensor<1x64xf32>, tensor<64x2xf32>) -> tensor<1x2xf32>
  %z = compress.linear kn %x, %b {name = "b"} : (tensor<1x64xf32>, tensor<64x2xf32>) -> tensor<1x2xf32>
  return %y, %z : tensor<1x2xf32>, tensor<1x2xf32>
}

func.func private @twice(%x: tensor<1x64xf32> {compress.name = "x"})
    -> (tensor<1x70xf32> {compress.name = "y"}, tensor<1x70xf32> {compress.name = "z"}) {
  %w = compress.load @w : tensor<64x70xf32>
  %v = compress.load @w : tensor<64x70xf32>
  %y0 = compress.relu %x : (tensor<1x64xf32>) -> tensor<1x64xf32>
  %y = compress.linear kn %x, %w {name = "a"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  %z = compress.linear kn %y0, %v {name = "b"} : (tensor<1x64xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  return %y, %z : tensor<1x70xf32>, tensor<1x70xf32>
}
