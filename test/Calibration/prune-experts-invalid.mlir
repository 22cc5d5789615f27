// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz samples=1 prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=UNSEEN
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz samples=1 prune=expert:1 allow-unseen})' | FileCheck %s --check-prefix=ALLOWED
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz prune=expert:2})' 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz prune=expert:3})' 2>&1 | FileCheck %s --check-prefix=ALL
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=DATA
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%t.none.npz prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=FILE
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{prune=layer:1})' 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz tokens=0 prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: sed 's/k = 2/k = 1/' %s > %t.k1.mlir
// RUN: not compress-opt %t.k1.mlir --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz skip})' 2>&1 | FileCheck %s --check-prefix=SKIP
// RUN: sed 's/dense<1.0>/dense<0x7FC00000>/' %s > %t.nan.mlir
// RUN: not compress-opt %t.nan.mlir --pass-pipeline='builtin.module(compress-prune-experts{data=%S/Inputs/samples.npz prune=expert:1})' 2>&1 | FileCheck %s --check-prefix=NAN

// UNSEEN: error: 'compress.moe' op would remove expert 0 of the mixture of experts "moe0", which none of 1 calibration tokens went to: what it is good for is not known; calibrate with more data, or allow it with allow-unseen
// ALLOWED: compress.weight private @{{.+}} : tensor<2x3xf32>
// MANY: error: 'compress.moe' op cannot remove 2 of 3 experts: each token goes to 2, so at most 1 can go
// ALL: error: 'compress.moe' op cannot remove 3 of 3 experts
// DATA: error: compress-prune-experts: expects the option 'data'
// FILE: error: calibration data '{{.*}}.none.npz': {{[Nn]}}o such file
// PATTERN: error: option 'prune': expects expert:K, got 'layer:1'
// TOKENS: error: option 'tokens': expects a number of tokens of at least 1, got 0
// SKIP: error: 'compress.moe' op cannot skip experts: only the second of two can be skipped, and each token goes to 1
// NAN: error: 'compress.moe' op w1 ('w1') is not finite at element 0

compress.weight private @router : tensor<3x3xf32> = dense<[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]>
compress.weight private @w1 : tensor<3x3x1xf32> = dense<1.0>
compress.weight private @w2 : tensor<3x1x3xf32> = dense<[[[10.0, 10.0, 10.0]], [[1.0, 1.0, 1.0]], [[-1.0, -1.0, -1.0]]]>
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x3xf32> {compress.name = "y"}) {
  %r = compress.load @router : tensor<3x3xf32>
  %w1 = compress.load @w1 : tensor<3x3x1xf32>
  %w2 = compress.load @w2 : tensor<3x1x3xf32>
  %y = compress.moe %x router %r experts %w1, %w2 {activation = #compress<moe_activation relu>, k = 2 : i64, name = "moe0"} : (tensor<?x3xf32>, tensor<3x3xf32>, tensor<3x3x1xf32>, tensor<3x1x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
