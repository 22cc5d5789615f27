// RUN: compress-opt %s --compress-collect-streams='data=%S/Inputs/samples.npz output=%t.stats' | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-collect-streams{data=%S/Inputs/samples.npz},compress-prune-layers{prune=layer:1})' --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=INFLUENCE
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.stats},compress-prune-layers{prune=layer:2})' | FileCheck %s --check-prefix=TWO
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.stats},compress-prune-layers{prune=layer:2,method=angular})' --remarks-filter=prune --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=ANGULAR
// RUN: not compress-opt %s --compress-collect-streams 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.stats},compress-prune-layers{prune=layer:1},compress-prune-layers{prune=layer:1})' 2>&1 | FileCheck %s --check-prefix=STALE

// NODATA: compress-collect-streams: expects the option 'data'
// The statistics do not speak of what is left.
// STALE: error: method=block_influence of 'layer:1,method=block_influence' needs statistics

// A quarter turn of the axes, a reflection, and nothing at all: 1 - mean(11/14, -26/77), 2 and 0.
// INFLUENCE: Remark="block "turn": influence 0.776"
// INFLUENCE: Remark="block "reflect": influence 2"
// INFLUENCE: Remark="block "nothing": influence 0"
// INFLUENCE: Remark="block "nothing" is removed"
// INFLUENCE: name = "turn"
// INFLUENCE: name = "reflect"
// INFLUENCE-NOT: name = "nothing"

// TWO: compress.linear
// TWO-SAME: name = "reflect"
// TWO-NOT: compress.linear

// mean(arccos(-11/14), arccos(26/77)) / pi; everything is reflected after the first block.
// ANGULAR: Remark="block "turn": angle over 2 blocks 0.589"
// ANGULAR: Remark="block "reflect": angle over 2 blocks 1"
// ANGULAR: Remark="block "turn" is removed"
// ANGULAR: Remark="block "reflect" is removed"
// ANGULAR: name = "nothing"

compress.weight private @turn : tensor<3x3xf32> = dense<[[-1.0, 1.0, 0.0], [0.0, -1.0, 1.0], [1.0, 0.0, -1.0]]>
compress.weight private @reflect : tensor<3x3xf32> = dense<[[-2.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, -2.0]]>
compress.weight private @nothing : tensor<3x3xf32> = dense<0.0>

// The module stays as it is.
// CHECK-LABEL: func.func @main
// CHECK: "turn"
// CHECK: "reflect"
// CHECK: "nothing"
// CHECK-NOT: compress.observe
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x3xf32> {compress.name = "y"}) {
  %w0 = compress.load @turn : tensor<3x3xf32>
  %a0 = compress.linear nk %x, %w0 {name = "turn"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %x1 = compress.add %x, %a0 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %w1 = compress.load @reflect : tensor<3x3xf32>
  %a1 = compress.linear nk %x1, %w1 {name = "reflect"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %x2 = compress.add %x1, %a1 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %w2 = compress.load @nothing : tensor<3x3xf32>
  %a2 = compress.linear nk %x2, %w2 {name = "nothing"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %x3 = compress.add %x2, %a2 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  return %x3 : tensor<?x3xf32>
}
