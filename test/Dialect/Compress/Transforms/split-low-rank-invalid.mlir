// RUN: compress-opt %s --split-input-file --compress-split-low-rank --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-split-low-rank=low-rank=rank:0 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not compress-opt %s --split-input-file --compress-split-low-rank='low-rank=budget:params=0.5' 2>&1 | FileCheck %s --check-prefix=BUDGET
// RANK: rank:0
// BUDGET: option 'low-rank': expects the target rank, ratio or energy, got 'budget:params=0.5'; compress-allocate-ranks spends budgets

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @invalid_budget(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{weight 'w' of "fc" has a low rank with target=budget; run compress-allocate-ranks first}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "budget:params=0.5,method=svd">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @invalid_lqer(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{weight 'w' of "fc" has a low rank with residual=lqer, which is of a quantized weight; expects a plan with quantize, too}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd,residual=lqer">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<4x4xf32> = dense<1.0>
func.func @invalid_mixed(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %w = compress.load @w : tensor<4x4xf32>
  // expected-error @+1 {{weight 'w' of "fc" has the format mixed; run compress-allocate-bits first}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<quantize = "mixed,formats=int4/int8,avg=6", low_rank = "rank:1,method=svd,residual=lqer">} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

compress.weight private @w : tensor<3x3xf32> = dense<[[1.0, 0.0, 0.0], [0.0, 0x7FC00000, 0.0], [0.0, 0.0, 0.0]]>
func.func @invalid_value(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %w = compress.load @w : tensor<3x3xf32>
  // expected-error @+1 {{cannot split weight 'w': element 4 is not finite}}
  %y = compress.linear nk %x, %w {name = "fc", compress.plan = #compress.plan<low_rank = "rank:1,method=svd">} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
