// RUN: compress-opt %s --compress-mask-groups --split-input-file --verify-diagnostics --remarks-filter=prune | FileCheck %s

// A recipe that selects only some of the weights of a group leaves it alone.
// CHECK-NOT: compress.mask
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @not_selected(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark@+3 {{0 of 0 selected units}}
  // expected-remark@+2 {{2 channels of "up" are left alone: an argument of the model}}
  // expected-remark@+1 {{4 neurons of "up" are left alone: "down" is not selected}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "channel:0.5">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Different plans in one group.
// CHECK-NOT: compress.mask
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @plans_differ(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark@+2 {{0 of 0 selected units}}
  // expected-remark@+1 {{4 neurons of "up" are left alone: its weights have different plans: 'neuron:0.5,method=l2', and 'neuron:0.25,method=l2' of "down"}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.5">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.25">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// No larger than what must remain.
// CHECK-NOT: compress.mask
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @too_small(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-remark@+2 {{0 of 0 selected units}}
  // expected-remark@+1 {{4 neurons of "up" are left alone: it has only 4 neurons, and round_to=8 must remain}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.5,round_to=8">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.5,round_to=8">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// Plans of single weights are those of other passes.
// CHECK-NOT: compress.mask
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
func.func @other_patterns(%x: tensor<?x2xf32>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "2:4">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
