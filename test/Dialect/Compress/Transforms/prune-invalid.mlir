// RUN: compress-opt %s --compress-prune=pattern=2:4 --split-input-file --verify-diagnostics
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=4:2 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=unstructured:1 2>&1 | FileCheck %s --check-prefix=RATIO
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=channel:0.5 2>&1 | FileCheck %s --check-prefix=GROUPS
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=unstructured:0.5,scope=global 2>&1 | FileCheck %s --check-prefix=GLOBAL
// RUN: not compress-opt %s --split-input-file --compress-prune=pattern=unstructured:0.5,allocation=sensitivity,method=magnitude 2>&1 | FileCheck %s --check-prefix=SHARE
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=2:4 method=wanda})' 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(compress-prune{pattern=2:4 method=random})' 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// PATTERN: error: prune=4:2: pattern is '4:2', expected N:M with 1 <= N < M
// RATIO: error: prune=unstructured:1: pattern is 'unstructured:1', expected the share to remove, at least 0 and below 1
// GROUPS: error: compress-prune prunes single weights (N:M, unstructured), not channels
// GLOBAL: error: weight 'nan' shares its sparsity with others (scope=global); run compress-allocate-sparsity first
// SHARE: error: weight 'nan' shares its sparsity with others (allocation=sensitivity); run compress-allocate-sparsity first
// METHOD: error: cannot prune weight 'nan': method=wanda needs statistics of the input of "fc", and there are no statistics
// UNKNOWN: error: prune=2:4,method=random: method=random is not for N:M, expected one of: auto, magnitude, obd

compress.weight private @nan : tensor<1x4xf32> = dense<[[1.0, 2.0, 0x7FC00000, 4.0]]>
func.func @invalid_nan(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %w = compress.load @nan : tensor<1x4xf32>
  // expected-error @+1 {{cannot prune weight 'nan': element 2 is NaN}}
  %y = compress.linear nk %x, %w {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// -----

compress.weight private @kept : tensor<1x2xf32> = dense<[[3.0, 4.0]]>
compress.weight private @meta : tensor<1x1xi8> = dense<5>
func.func @invalid_positions(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %k = compress.load @kept : tensor<1x2xf32>
  %m = compress.load @meta : tensor<1x1xi8>
  %w = compress.expand_nm %k, %m {n = 2 : i64, m = 4 : i64, axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x1xi8>) -> tensor<1x4xf32>
  %mask = compress.constant dense<true> : tensor<1x4xi1>
  %s = compress.mask %w, %mask : tensor<1x4xf32>, tensor<1x4xi1>
  // expected-error @+1 {{position 1 of the 2:4 pattern is outside of its group or not larger than the one before}}
  %y = compress.linear nk %x, %s {name = "fc"} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
