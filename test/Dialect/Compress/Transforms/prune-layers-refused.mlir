// RUN: compress-opt %s --split-input-file --compress-prune-layers --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune-layers{prune=channel:0.5})' 2>&1 | FileCheck %s --check-prefix=PATTERN

// PATTERN: error: option 'prune': expects layer:K, got 'channel:0.5'

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
// expected-error @+1 {{'layer:2,method=last' asks for the removal of 2 blocks of function 'too_many', which has 2 blocks, of which 2 can be removed; at least one has to stay}}
func.func @too_many(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:2,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:2,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x0, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x1 : tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
// expected-error @+1 {{method=block_influence of 'layer:1,method=block_influence' needs statistics of the values between the blocks of function 'missing_statistics', and there are none; run compress-collect-streams (calibration data), or choose method=last}}
func.func @missing_statistics(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x0, %a1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x1 : tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
// expected-error @+1 {{'layer:1,method=last' asks for the removal of 1 block of function 'invalid_caches', which has 2 blocks, of which 0 can be removed (block "f0" stays: result 'present.0' of function 'invalid_caches' is computed in it); at least one has to stay}}
func.func @invalid_caches(%x: tensor<?x2xf32>, %past0: tensor<?x2xf32> {compress.name = "past.0"}, %past1: tensor<?x2xf32> {compress.name = "past.1"}) -> (tensor<?x2xf32>, tensor<?x2xf32> {compress.name = "present.0"}, tensor<?x2xf32> {compress.name = "present.1"}) {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k0 = compress.add %a0, %past0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %x, %k0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k1 = compress.add %a1, %past1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x0, %k1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x1, %k0, %k1 : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
// expected-error @+1 {{(block "f0" stays: argument #1 of function 'invalid_argument' is used by it only)}}
func.func @invalid_argument(%x: tensor<?x2xf32>, %past0: tensor<?x2xf32>, %past1: tensor<?x2xf32> {compress.name = "past.1"}) -> tensor<?x2xf32> {
  %w0 = compress.load @w0 : tensor<2x2xf32>
  %w1 = compress.load @w1 : tensor<2x2xf32>
  %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k0 = compress.add %a0, %past0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x0 = compress.add %x, %k0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %a1 = compress.linear nk %x0, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1,method=last">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %k1 = compress.add %a1, %past1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  %x1 = compress.add %x0, %k1 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
  return %x1 : tensor<?x2xf32>
}

// -----

// expected-error @below {{there are no repeated residual blocks to remove; function 'no_blocks': it has no additions to a value that goes on beside them}}
module {
  compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
  compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
  func.func @no_blocks(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %w0 = compress.load @w0 : tensor<2x2xf32>
    %w1 = compress.load @w1 : tensor<2x2xf32>
    %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %r = compress.relu %a0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
    %a1 = compress.linear nk %r, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    return %a1 : tensor<?x2xf32>
  }
}

// -----

// expected-error @below {{there are no repeated residual blocks to remove; function 'no_repetition': no two of its residual blocks in a row have the same ops and shapes}}
module {
  compress.weight private @w0 : tensor<2x2xf32> = dense<1.0>
  compress.weight private @w1 : tensor<2x2xf32> = dense<2.0>
  func.func @no_repetition(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
    %w0 = compress.load @w0 : tensor<2x2xf32>
    %w1 = compress.load @w1 : tensor<2x2xf32>
    %a0 = compress.linear nk %x, %w0 {name = "f0", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %x0 = compress.add %x, %a0 : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
    %r = compress.relu %x0 : (tensor<?x2xf32>) -> tensor<?x2xf32>
    %a1 = compress.linear nk %r, %w1 {name = "f1", compress.plan = #compress.plan<prune = "layer:1">} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %t = compress.tanh %a1 : (tensor<?x2xf32>) -> tensor<?x2xf32>
    %x1 = compress.add %r, %t : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32>
    return %x1 : tensor<?x2xf32>
  }
}
