// RUN: compress-run %s --save=%t.raw --archive-encoding=raw | FileCheck %s --check-prefix=RAW
// RUN: compress-run %s --save=%t.small --archive-encoding=huffman | FileCheck %s --check-prefix=SMALL
// RUN: compress-run %t.raw --random-inputs | FileCheck %s
// RUN: compress-run %t.small --random-inputs | FileCheck %s
// RUN: compress-run %t.small --random-inputs --print-plan | FileCheck %s --check-prefix=PLAN

// An archive can be written again in the other encoding.
// RUN: compress-run %t.small --save=%t.again
// RUN: cmp %t.raw %t.again

// RAW: {{^}}archive: [[SIZE:[0-9]+]] bytes stored in [[SIZE]] (ratio 1.00), of them weights 4096 in 4096 (ratio 1.00); file {{[0-9]+}} bytes{{$}}
// One value: header, value, size of the chunk, code.
// SMALL: {{^}}archive: {{[0-9]+}} bytes stored in {{[0-9]+}} (ratio {{[0-9.]+}}), of them weights 4096 in 43 (ratio 95.26); file {{[0-9]+}} bytes{{$}}
// PLAN: weights: 1, 4096 bytes (0 mapped)
// CHECK: y: f32[1,64] min

// RUN: not compress-run %s --save=%t.bad --archive-encoding=zip 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: compress-run: --archive-encoding: expects raw or huffman, got 'zip'
// RUN: not compress-run %s --archive-encoding=huffman 2>&1 | FileCheck %s --check-prefix=NOSAVE
// NOSAVE: compress-run: --archive-encoding: expects --save too

compress.weight private @w : tensor<16x64xf32> = dense<0.5>

func.func @main(%x: tensor<1x16xf32> {compress.name = "x"})
    -> (tensor<1x64xf32> {compress.name = "y"}) {
  %w = compress.load @w : tensor<16x64xf32>
  %0 = compress.matmul %x, %w : (tensor<1x16xf32>, tensor<16x64xf32>) -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}
