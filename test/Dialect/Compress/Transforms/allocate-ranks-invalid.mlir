// RUN: compress-opt %s --compress-allocate-ranks --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-allocate-ranks=low-rank=rank:4 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not compress-opt %s --split-input-file --compress-allocate-ranks=low-rank=budget:params=2 2>&1 | FileCheck %s --check-prefix=SHARE

// RANK: option 'low-rank': expects budget:params=R or budget:macs=R, got 'rank:4'; compress-split-low-rank takes other targets
// SHARE: params is '2', expected the share that stays, 0 < R <= 1

// Rank 1 takes 16 of 64 parameters, and there is a bias.
// expected-error@below {{low ranks cannot bring the model from 72 parameters to 14 (a share of 0.2): the smallest share that the selected weights can reach is 0.3334}}
module {
compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
compress.weight private @c : tensor<8xf32> = dense<1.0>
func.func @unreachable(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  %c = compress.load @c : tensor<8xf32>
  %y = compress.linear nk %x, %a bias %c {compress.plan = #compress.plan<low_rank = "budget:params=0.2">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
}

// -----

compress.weight private @a : tensor<8x8xf32> = dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]>
func.func @no_sensitivity(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = compress.load @a : tensor<8x8xf32>
  // expected-error@below {{"fc" has a low rank with sensitivity=model, which needs calibration data: the statistics do not say what the model's output suffers from an error of its output}}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.5,sensitivity=model">, name = "fc"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

compress.weight private @a : tensor<3x3xf32> = dense<[[1.0, 2.0, 3.0], [1.0, 0x7FC00000, 3.0], [1.0, 2.0, 3.0]]>
func.func @not_finite(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %a = compress.load @a : tensor<3x3xf32>
  // expected-error@below {{cannot split weight 'a': element 4 is not finite}}
  %y = compress.linear nk %x, %a {compress.plan = #compress.plan<low_rank = "budget:params=0.9">, name = "fc"} : (tensor<?x3xf32>, tensor<3x3xf32>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}
