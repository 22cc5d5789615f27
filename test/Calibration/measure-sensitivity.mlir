// RUN: compress-opt %s --compress-measure-sensitivity='data=%S/Inputs/samples.npz low-rank=budget:params=0.9,method=svd output=%t.stats' | FileCheck %s
// RUN: compress-opt %s --compress-measure-sensitivity='data=%S/Inputs/samples.npz low-rank=budget:params=0.9,method=svd' --remarks-filter=low-rank --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.stats},compress-allocate-ranks{low-rank=budget:params=0.9,method=svd})' --remarks-filter=low-rank --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=RANKS
// RUN: compress-opt %s --pass-pipeline='builtin.module(compress-load-statistics{file=%t.stats},compress-allocate-ranks{low-rank=budget:params=0.9,method=svd,sensitivity=model})' --remarks-filter=low-rank --remark-format=emitRemark 2>&1 | FileCheck %s --check-prefix=RANKS
// RUN: not compress-opt %s --compress-measure-sensitivity='low-rank=budget:params=0.9' 2>&1 | FileCheck %s --check-prefix=NODATA
// RUN: not compress-opt %s --compress-measure-sensitivity='data=%S/Inputs/samples.npz low-rank=rank:1' 2>&1 | FileCheck %s --check-prefix=NOBUDGET
// RUN: not compress-opt %s --compress-measure-sensitivity='data=%S/Inputs/samples.npz low-rank=budget:params=0.9 progress=loud' 2>&1 | FileCheck %s --check-prefix=PROGRESS

// NODATA: compress-measure-sensitivity: expects the option 'data'
// NOBUDGET: option 'low-rank': expects a budget without sensitivity=output, got 'rank:1'
// PROGRESS: expected off, plain or json as the option 'progress', found 'loud'

// The samples are (1, 2, 3) and (4, -5, 6). Rank 1 of diag(2, 1, 0) leaves out the second channel, whose squares have the sum 29:
// 2900 and 29 of the 121 * 97 of the output.
// REMARK: a relative squared error of 2.00e-01 of "large" is one of 2.47e-01 of the model's output
// REMARK: a relative squared error of 2.00e-01 of "small" is one of 2.47e-03 of the model's output
// REMARK: "narrow" cannot be split into factors of half its parameters, its sensitivity is not known

// The one that matters less is split.
// RANKS-DAG: 'narrow'{{.*}}what the model's output suffers from its errors is not known
// RANKS-DAG: weight 'large' of "large" stays whole
// RANKS-DAG: weight 'small' of "small" gets rank 1

compress.weight private @large : tensor<3x3xf32> = dense<[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]>
compress.weight private @small : tensor<3x3xf32> = dense<[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]>
compress.weight private @narrow : tensor<1x3xf32> = dense<0.0>

// The module stays as it is, but for its plans.
// CHECK-LABEL: func.func @main
// CHECK: compress.linear nk %{{.*}} {compress.plan = #compress.plan<low_rank = "budget,params=0.9,method=svd">, name = "large"}
// CHECK: name = "small"
// CHECK-NOT: compress.linear{{.*}}/u
func.func @main(%x: tensor<?x3xf32> {compress.name = "x"}) -> (tensor<?x3xf32> {compress.name = "y"}) {
  %w0 = compress.load @large : tensor<3x3xf32>
  %a0 = compress.linear nk %x, %w0 {name = "large"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %ten = compress.constant dense<10.0> : tensor<f32>
  %x1 = compress.mul %a0, %ten : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
  %w1 = compress.load @small : tensor<3x3xf32>
  %a1 = compress.linear nk %x, %w1 {name = "small"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  %x2 = compress.add %x1, %a1 : (tensor<?x3xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %w2 = compress.load @narrow : tensor<1x3xf32>
  %a2 = compress.linear nk %x, %w2 {name = "narrow"} : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %x3 = compress.add %x2, %a2 : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
  return %x3 : tensor<?x3xf32>
}
