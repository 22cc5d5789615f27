// RUN: compress-opt %s --compress-mask-groups --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --compress-mask-groups=prune=2:4 --split-input-file 2>&1 | FileCheck %s --check-prefix=PATTERN
// PATTERN: error: option 'prune': expects channel, neuron, head, params or macs, got '2:4'
// RUN: not compress-opt %s --compress-mask-groups=prune=channel:1.0 --split-input-file 2>&1 | FileCheck %s --check-prefix=RATIO
// RATIO: error: {{.*}}channel:1.0

// More than everything but one neuron.
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @too_much(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-error@+1 {{cannot remove 80.00% of the parameters as 'params:0.8,method=l2' asks for: at most 75.00% is in units of the 1 selected groups that can be removed}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "params:0.8">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "params:0.8">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// No group at all.
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
func.func @nothing_to_remove(%x: tensor<?x2xf32>) -> tensor<?x4xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  // expected-error@+1 {{cannot remove 10.00% of the multiply-accumulates as 'macs:0.1,method=l2' asks for: none of the selected groups can be pruned}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "macs:0.1">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// A batch norm that is gone cannot tell how much its channels matter.
compress.weight private @a : tensor<4x2xf32> = dense<1.0>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @no_batch_norm(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-error@+1 {{cannot score the group of "up" with method=bn: it has no batch_norm with a constant scale; those that were folded into convolutions are gone (method=l2 scores the folded weights)}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.5,method=bn">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.5,method=bn">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

compress.weight private @a : tensor<4x2xf32> = dense<[[1.0, 1.0], [1.0, 0x7FC00000], [1.0, 1.0], [1.0, 1.0]]>
compress.weight private @b : tensor<2x4xf32> = dense<1.0>
func.func @not_finite(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %a = compress.load @a : tensor<4x2xf32>
  %b = compress.load @b : tensor<2x4xf32>
  // expected-error@+1 {{cannot score weight 'a': element 3 is not finite}}
  %0 = compress.linear nk %x, %a {compress.plan = #compress.plan<prune = "neuron:0.5">, name = "up"} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  %1 = compress.relu %0 : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = compress.linear nk %1, %b {compress.plan = #compress.plan<prune = "neuron:0.5">, name = "down"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}
