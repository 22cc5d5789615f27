// RUN: compress-opt %s --compress-share-weights --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=codebook:1})' 2>&1 | FileCheck %s --check-prefix=ENTRIES
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=tying})' 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-share-weights{share=layers:0})' 2>&1 | FileCheck %s --check-prefix=LAYERS

// ENTRIES: error: option 'share': {{.*}}kind is 'codebook:1', expected codebook:K with 2 <= K <= 256
// KIND: error: option 'share': {{.*}}'tying'
// LAYERS: error: option 'share': {{.*}}'layers:0'

compress.weight private @w : tensor<2x2xf32> = dense<[[1.0, 2.0], [0x7FC00000, 4.0]]>
func.func @nan(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = compress.load @w : tensor<2x2xf32>
  // expected-error @+1 {{cannot make a codebook of weight 'w': element 2 is not finite}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<share = "codebook:2">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
