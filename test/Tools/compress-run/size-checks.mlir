// Sizes that types do not say, or say too much of, are checked before kernels read or write anything.

// RUN: compress-run %s --function=depth --random-inputs=k=64 | FileCheck %s --check-prefix=GOOD
// RUN: not compress-run %s --function=depth --random-inputs=k=10 2>&1 | FileCheck %s --check-prefix=DEPTH
// GOOD: y: f32[1,70]
// DEPTH: compress-run: linear: expected 64 elements per row

// RUN: compress-run %s --function=bias --random-inputs=n=70 | FileCheck %s --check-prefix=GOOD
// RUN: not compress-run %s --function=bias --random-inputs=n=3 2>&1 | FileCheck %s --check-prefix=BIAS
// BIAS: compress-run: linear: expected 70 elements of the bias

// RUN: compress-run %s --function=rows --random-inputs=rows=8 | count 1
// RUN: not compress-run %s --function=rows --random-inputs=rows=3 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not compress-run %s --function=rows --random-inputs=rows=9 --kernels=false 2>&1 | FileCheck %s --check-prefix=ROWS
// ROWS: compress-run: 'compress.linear' dim 0 of the result has another size than its type says

// RUN: compress-run %s --function=image --random-inputs=h=12,w=12 | count 1
// RUN: compress-run %s --function=image --random-inputs=h=12,w=12 --kernels=false | count 1
// RUN: not compress-run %s --function=image --random-inputs=h=12,w=20 2>&1 | FileCheck %s --check-prefix=IMAGE
// RUN: not compress-run %s --function=image --random-inputs=h=12,w=8 2>&1 | FileCheck %s --check-prefix=IMAGE
// RUN: not compress-run %s --function=image --random-inputs=h=12,w=20 --kernels=false 2>&1 | FileCheck %s --check-prefix=IMAGE
// IMAGE: compress-run: {{'?}}{{(compress\.)?}}conv{{.*}} dim 3 of the result has another size than its type says

// RUN: compress-run %s --function=pool --random-inputs=w=8 | count 1
// RUN: not compress-run %s --function=pool --random-inputs=w=20 2>&1 | FileCheck %s --check-prefix=POOL
// POOL: compress-run: 'compress.pool' dim 3 of the result has another size than its type says

// RUN: compress-run %s --function=stack --random-inputs=k=64 | count 1
// RUN: not compress-run %s --function=stack --random-inputs=k=63 2>&1 | FileCheck %s --check-prefix=STACK
// STACK: compress-run: matmul: expected 64 elements per row

compress.weight private @w : tensor<64x70xf32> = dense<1.0>
compress.weight private @k : tensor<8x3x3x3xf32> = dense<1.0>
compress.weight private @q : tensor<2x64x70xi8> = dense<1>
compress.weight private @s : tensor<2x1x70xf32> = dense<0.5>

func.func private @depth(%x: tensor<1x?xf32> {compress.name = "x", compress.dims = ["", "k"]})
    -> (tensor<1x70xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<64x70xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<1x?xf32>, tensor<64x70xf32>) -> tensor<1x70xf32>
  return %y : tensor<1x70xf32>
}

func.func private @bias(%x: tensor<1x64xf32>,
                        %b: tensor<?xf32> {compress.name = "b", compress.dims = ["n"]})
    -> (tensor<1x70xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<64x70xf32>
  %y = compress.linear kn %x, %w bias %b {name = "fc"} : (tensor<1x64xf32>, tensor<64x70xf32>, tensor<?xf32>) -> tensor<1x70xf32>
  return %y : tensor<1x70xf32>
}

func.func private @rows(%x: tensor<?x64xf32> {compress.name = "x", compress.dims = ["rows", ""]})
    -> tensor<8x70xf32> {
  %w = compress.load @w : tensor<64x70xf32>
  %y = compress.linear kn %x, %w {name = "fc"} : (tensor<?x64xf32>, tensor<64x70xf32>) -> tensor<8x70xf32>
  return %y : tensor<8x70xf32>
}

func.func private @image(%x: tensor<1x3x?x?xf32> {compress.name = "x", compress.dims = ["", "", "h", "w"]})
    -> tensor<1x8x10x10xf32> {
  %w = compress.load @k : tensor<8x3x3x3xf32>
  %y = compress.conv %x, %w {name = "c", strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : (tensor<1x3x?x?xf32>, tensor<8x3x3x3xf32>) -> tensor<1x8x10x10xf32>
  return %y : tensor<1x8x10x10xf32>
}

func.func private @pool(%x: tensor<1x3x2x?xf32> {compress.name = "x", compress.dims = ["", "", "", "w"]})
    -> tensor<1x3x1x4xf32> {
  %y = compress.pool max %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x2x?xf32>) -> tensor<1x3x1x4xf32>
  return %y : tensor<1x3x1x4xf32>
}

func.func private @stack(%x: tensor<5x?xf32> {compress.name = "x", compress.dims = ["", "k"]})
    -> tensor<2x5x70xf32> {
  %q = compress.load @q : tensor<2x64x70xi8>
  %s = compress.load @s : tensor<2x1x70xf32>
  %w = compress.dequantize %q, %s {block = array<i64: 1, -1, 1>} : (tensor<2x64x70xi8>, tensor<2x1x70xf32>) -> tensor<2x64x70xf32>
  %y = compress.matmul %x, %w : (tensor<5x?xf32>, tensor<2x64x70xf32>) -> tensor<2x5x70xf32>
  return %y : tensor<2x5x70xf32>
}
